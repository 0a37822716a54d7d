"""Makes the sample that ships ready to search: `python -m benchmarks.shipped_sample FILE`.

It draws a part of each built-in sample, keeps the pictures as WebP, and embeds them with the encoder that a collection
begins with, in both precisions, so that nothing has to be computed when the sample is opened.
"""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks._children import child
from engine.collections.samples import SAMPLES
from engine.collections.samples.ready import NAME, TITLE
from engine.core.home import Home
from engine.workbench.workbench import Workbench

PARTS = {"animal-faces": 25, "products": 12}  # at most so many pictures of each label
QUALITY = 90
VECTORS = "-avg-sqrt-"  # those of the default recipe; other poolings are computed when they are chosen


def main(target: Path) -> None:
    """Write the archive."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        bench = Workbench(home)
        bench.run("import", source="archive", title=TITLE, path=str(drawn(Path(folder) / f"{NAME}.zip")))
        recipe = bench.default_recipe(NAME)
        for precision in ("float32", "bfloat16"):
            command = [sys.executable, "-m", "engine", "embed", "--collection", NAME, "--encoder", recipe.encoder]
            command += ["--pooling", recipe.embedding, "--precision", precision]
            with child(command, env=os.environ | {"BENZER_HOME": str(home.root)}) as process:
                if process.wait():
                    raise RuntimeError("The pictures cannot be embedded.")
        packed(home.datasets / NAME, target)


def drawn(path: Path) -> Path:
    """An archive of the chosen pictures, in a folder for each label."""
    with zipfile.ZipFile(path, "w") as archive, tempfile.TemporaryDirectory() as folder:
        for name, most in PARTS.items():
            seen: dict[str, int] = {}
            for image in SAMPLES[name].draw():
                seen[image.label] = seen.get(image.label, 0) + 1
                if seen[image.label] <= most:
                    file = Path(folder) / "picture.webp"
                    image.picture.save(file, "WEBP", quality=QUALITY, method=6)
                    archive.write(file, f"{image.label}/{Path(image.name).stem}.webp")
    return path


def packed(collection: Path, target: Path) -> None:
    """The collection's folder as an archive, without locks and without vectors that the default does not need."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(collection.rglob("*")):
            place = path.relative_to(collection)
            needed = place.parts[0] != "vectors" or VECTORS in str(place)
            if path.is_file() and needed and path.suffix != ".lock" and path.name != ".lock":
                archive.write(path, str(place))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
