"""A million pictures on one computer: imported, embedded, searched, grouped, mapped, freed of duplicates.

    python -m benchmarks.million --folder /data/million [--count 1000000] [--steps import,embed,…] [--again]

Draws thumbnails below the folder and takes them through everything, each step a process of its own whose seconds and
megabytes, with those of its children, are measured. What a step says of its parts, in seconds of its own processor
time, goes into the table. A step that is done is not done again, so that the work can be cut off and continued. Writes
benchmarks/results/million.md and the table of docs/scale.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import _machine, _million_steps
from benchmarks._memory import measured
from benchmarks._page import markdown
from benchmarks._thumbnails import draw
from benchmarks.scale import filled
from engine.core.home import PROJECT
from engine.core.storage import append_line, lines

RESULT = PROJECT / "benchmarks" / "results" / "million.md"
PAGE = PROJECT / "docs" / "scale.md"
TITLE = "a million pictures"
STEPS: dict[str, tuple[str, Callable[[_million_steps.Place], None]]] = {
    "import": ("Importing a folder", _million_steps.import_folder),
    "rescan": ("Looking again, nothing has changed", _million_steps.import_folder),
    "open": ("Opening the collection", _million_steps.open_collection),
    "embed": ("Colour histograms of all", _million_steps.embed),
    "vectors": ("Taking over vectors made elsewhere", _million_steps.own_vectors),
    "search": ("Exact search", _million_steps.search),
    "lsh": ("LSH, built and searched", _million_steps.lsh),
    "filters": ("Filters", _million_steps.filters),
    "kmeans": ("Grouping by k-means, map by PCA", _million_steps.kmeans),
    "umap": ("Grouping by UMAP and HDBSCAN, map by UMAP", _million_steps.umap),
    "tree": ("Grouping by a tree", _million_steps.tree),
    "duplicates": ("Duplicates by looks", _million_steps.duplicates),
    "pages": ("Pages and clicks", _million_steps.pages),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the pictures and the home: some GB")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--steps", default=",".join(STEPS), help="with commas (default: all)")
    parser.add_argument("--again", action="store_true", help="measure steps that were measured before")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # the step that this process is
    wanted = parser.parse_args()
    place = _million_steps.Place(wanted.folder / str(wanted.count), wanted.count)
    if wanted.only:
        STEPS[wanted.only][1](place)
        return
    draw(place.pictures, wanted.count)
    for step in wanted.steps.split(","):
        if wanted.again or step not in {one["step"] for one in done(place)}:
            one_step(place, step, wanted)
    report(place)


def one_step(place: _million_steps.Place, step: str, wanted: argparse.Namespace) -> None:
    """Run a step in a process of its own, and keep what it took."""
    print(f"{STEPS[step][0]} …", flush=True)
    place.said.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.million", "--folder", str(wanted.folder), "--count", str(place.count)]
    spent = measured([*command, "--only", step], BENZER_HOME=str(place.home))
    facts = {"step": step, "seconds": spent.seconds, "own": spent.own, "resident": spent.resident}
    append_line(place.measured, facts | {"said": list(lines(place.said)), "machine": _machine.facts()})
    print(f"  {spent.seconds:,.0f} s, {spent.own:,.0f} MB of its own, {spent.resident:,.0f} MB resident", flush=True)


def done(place: _million_steps.Place) -> list[dict[str, Any]]:
    """What was measured, each step once, as it came out last."""
    return list({one["step"]: one for one in lines(place.measured)}.values())


def report(place: _million_steps.Place) -> None:
    """The table, printed, and for a million written into the documents."""
    measured_steps = {one["step"]: one for one in done(place)}
    rows = [["step", "seconds", "MB of its own", "MB resident", "parts, by the processor unless said"]]
    for step, (title, _) in STEPS.items():
        if (one := measured_steps.get(step)) is not None:
            said = "; ".join(f"{what} {value}" for line in one["said"] for what, value in line.items())
            rows.append([title, f"{one['seconds']:,.0f}", f"{one['own']:,.0f}", f"{one['resident']:,.0f}", said])
    machine = machine_of([one["machine"] for one in measured_steps.values()])
    text = f"# {place.count:,} pictures\n\n## Measured: {TITLE}\n\n{markdown(rows)}\n\n{machine}\n"
    print(text)
    if place.count == 1_000_000:
        RESULT.write_text(text, encoding="utf-8")
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")


def machine_of(facts: list[str]) -> str:
    """The machine that the last step ran on, with the least and the highest load of all steps."""
    loads = sorted(float(load) for one in facts for load in re.findall(r"load ([\d.]+)", one))
    return re.sub(r"load [\d.]+", f"load {loads[0]} to {loads[-1]}", facts[-1]) if loads else "".join(facts[-1:])


if __name__ == "__main__":
    main()
