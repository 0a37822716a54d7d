"""Writes the reference of the Python API as a site, from the docstrings, by pdoc.

    python distribution/reference.py site

The package is written as the wheel holds it, so that names are those that a program imports.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from layout import PACKAGE, write_package

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    PACKAGE,
    f"{PACKAGE}.engine.workbench.notebook",
    f"{PACKAGE}.engine.indexes.index",
    f"{PACKAGE}.engine.interchange.format",
    f"{PACKAGE}.engine.interchange.dataset",
    f"{PACKAGE}.engine.core.errors",
)


def write_reference(folder: Path, root: Path = ROOT) -> list[Path]:
    """Write the pages to a folder; their paths."""
    import pdoc

    with tempfile.TemporaryDirectory(prefix="benzer-reference-") as place:
        write_package(root, Path(place) / PACKAGE)
        sys.path.insert(0, place)
        try:
            package = import_module(PACKAGE)
            for name in package.__all__:  # which are imported when they are asked for; pdoc looks only at what is there
                setattr(package, name, getattr(package, name))
            pdoc.render.configure(docformat="google", show_source=False, footer_text="Benzer")
            pdoc.pdoc(*MODULES, output_directory=folder)
        finally:
            sys.path.remove(place)
    return sorted(folder.rglob("*.html"))


if __name__ == "__main__":
    for page in write_reference(Path(sys.argv[1])):
        sys.stdout.write(f"{page}\n")
