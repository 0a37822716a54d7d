"""Run the benchmarks, one after the other, each in a process of its own: `python -m benchmarks [name …]`.

Without names all run but `autoencoders`, `deepcluster`, `learning`, `million`, `quality`, `report_tables`,
`spread_workers` and `without_labels`, which train networks or take long: ask for them by name.

Each prints a table with the machine it ran on and writes it to benchmarks/results/. Real pictures and vectors are read
from $BENZER_TEST_DATA; where they are absent a benchmark says what it skipped and measures on drawn ones.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from benchmarks._children import child

HERE = Path(__file__).resolve().parent
ASKED_FOR_ONLY = {
    "autoencoders",
    "deepcluster",
    "learning",
    "million",
    "quality",
    "report_tables",
    "spread_workers",
    "without_labels",
}


def names() -> list[str]:
    """The benchmarks of this folder, by file name."""
    return sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def main(asked: list[str]) -> int:
    unknown = set(asked) - set(names())
    if unknown:
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names())}.", file=sys.stderr)
        return 2
    failed = 0
    for name in asked or sorted(set(names()) - ASKED_FOR_ONLY):
        print(f"\n── {name} " + "─" * 60, flush=True)
        with child([sys.executable, "-m", f"benchmarks.{name}"], orphaned=signal.SIGTERM) as process:
            failed |= process.wait()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
