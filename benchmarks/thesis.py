"""The tables of the thesis on randomized distributed hashing, repeated. Writes docs/experiments-hashing.md.

    python -m benchmarks.thesis [--home FOLDER] [--only tables,functions,…] [--limit N] [--write-only] [--out FILE]

On the SIFT descriptors of $BENZER_TEST_DATA, and on a million made from them; without them it says so and ends. Each
part is a study in the home folder: what is measured stays, and the same command again does the rest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _machine, _thesis_figures
from benchmarks._page import markdown, said
from benchmarks._thesis_figures import BITS, TABLES, Line
from benchmarks.search import SIFT, vectors_and_queries
from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import StudyPlan, file_source
from engine.comparisons.hashing.study import HashingStudy
from engine.core.home import PROJECT, Home
from engine.core.recipe import parse_method
from engine.workbench.workbench import Workbench

MILLION = "million"
PARTS = 10
NEIGHBOURS = 100
LEARNED = ("pcah", "spectral", "itq")
NAMES = {"pcah": "PCAH", "spectral": "SH", "itq": "ITQ", "lsh": "LSH", "rdh": f"RDH, {PARTS} parts"}
Cells = Mapping[str, StudyRow]
Figure = Callable[[StudyRow], float]


def learned(name: str, bits: int) -> str:
    return f"{name}(bits={bits},further=no,lookup=buckets,probes=0,tables=1)"


def lsh(bits: int, tables: int) -> str:
    """As in the thesis: planes in all 128 dimensions, only the query's own bucket of each table."""
    return f"lsh(bits={bits},directions=128,further=no,probes=0,tables={tables})"


def rdh(bits: int, tables: int, parts: int = PARTS, functions: str = "same") -> str:
    numbers = f"bits={bits},directions=128,functions={functions},further=no,parts={parts}"
    return f"rdh({numbers},probes=0,tables={tables})"


def method(name: str, bits: int, tables: int) -> str:
    return {"lsh": lsh, "rdh": rdh}[name](bits, tables) if name in ("lsh", "rdh") else learned(name, bits)


def plans(home: Home, limit: int | None) -> dict[str, StudyPlan]:
    """The studies, by the part of the page that they fill."""
    own: dict[str, Any] = {"source": file_source(SIFT / "base.npy"), "asked": str((SIFT / "queries.npy").absolute())}
    made = own | {"source": file_source(home.root / "million.npy")}
    some, few = limit or 1000, limit or 200
    hashed = [learned(name, bits) for name in LEARNED for bits in BITS]
    both = [make(bits, tables) for make in (lsh, rdh) for tables, bits in product(TABLES, BITS)]
    chosen = [rdh(32, tables, functions=name) for name in _thesis_figures.FUNCTIONS for tables in TABLES]
    spread = [rdh(bits, 100, parts) for bits in (16, 32) for parts in range(1, PARTS + 1)]
    grown = [make(bits, 100) for bits in (16, 32) for make in (lsh, rdh)]
    nodes = [rdh(bits, 100, parts) for bits in (16, 32, 64) for parts in (1, PARTS)]
    large = [*hashed, *(make(bits, 100) for make in (lsh, rdh) for bits in BITS)]
    return {
        "tables": StudyPlan("Thesis: methods, bits, tables", methods=(*hashed, *both), queries=some, **own),
        "functions": StudyPlan("Thesis: same, different, selected", methods=tuple(chosen), queries=some, **own),
        "speed-up": StudyPlan("Thesis: speed-up", methods=tuple(spread), queries=some, **own),
        "size-up": StudyPlan("Thesis: size-up", methods=tuple(grown), queries=some, sizes=(20_000, 200_000), **own),
        "folds": StudyPlan("Thesis: 10-fold", source=own["source"], methods=tuple(nodes), queries=few, folds=10),
        MILLION: StudyPlan("Thesis: a million", methods=tuple(large), queries=few, **made),
    }


def main() -> int:
    arguments = words().parse_args()
    if not (SIFT / "base.npy").exists():
        print("There are no SIFT descriptors below $BENZER_TEST_DATA: nothing was measured.", file=sys.stderr)
        return 1
    home = Home(arguments.home.resolve())
    bench, found = Workbench(home), {}
    for name, plan in plans(home, arguments.limit).items():
        found[name] = planned(bench, plan, arguments) if name in arguments.only.split(",") else there(bench, plan)
    arguments.out.write_text(document(found), encoding="utf-8")
    print(f"Wrote {arguments.out}.")
    return 0


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "thesis")
    parser.add_argument("--only", default="tables,functions,speed-up,size-up,folds,million", help="parts, with commas")
    parser.add_argument("--limit", type=int, help="ask at most so many queries")
    parser.add_argument("--write-only", action="store_true", help="measure nothing, write what is there")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "experiments-hashing.md")
    return parser


def there(bench: Workbench, plan: StudyPlan) -> HashingStudy | None:
    """The study of that plan, if it was made before."""
    return next((study for study in bench.studies() if study.title == plan.title and study.plan == plan), None)


def planned(bench: Workbench, plan: StudyPlan, arguments: argparse.Namespace) -> HashingStudy | None:
    """The study with everything measured that was not before."""
    if arguments.write_only:
        return there(bench, plan)
    if plan.file is not None and plan.file.stem == MILLION and not plan.file.exists():
        plan.file.parent.mkdir(parents=True, exist_ok=True)
        np.save(plan.file, vectors_and_queries(large=True)[0].astype(np.uint8))
    study = there(bench, plan) or bench.plan_study(plan)
    print(study.name, bench.run("study", said, name=study.name), flush=True)
    return study


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def document(studies: Mapping[str, HashingStudy | None]) -> str:
    """The whole page; parts that were not measured say so."""
    sections = {
        "tables": on_sift, MILLION: on_a_million, "functions": functions, "speed-up": speed_up, "size-up": size_up,
        "folds": folds,
    }  # fmt: skip
    parts = []
    for name, section in sections.items():
        study = studies.get(name)
        parts += section(study) if study is not None else [f"## {name.capitalize()}", "Not measured here."]
    end = f"Measured until {time.strftime('%Y-%m-%d')} on {_machine.facts()}."
    return "\n\n".join([HEAD, *parts, FOUND, end]) + "\n"


def cells(study: HashingStudy) -> dict[str, StudyRow]:
    """The rows with figures, by method."""
    return {row.method: row for row in study.averaged()}


def on_sift(study: HashingStudy) -> list[str]:
    rows = cells(study)
    exact = rows["exact"]
    shown = [(name, 1) for name in LEARNED] + [(name, tables) for name in ("lsh", "rdh") for tables in TABLES]
    return [
        f"## {exact.size:,} real descriptors",
        f"{exact.queries:,} queries from pictures of their own. Exact search takes {exact.p50:.2f} ms a query.",
        "### MAP@100", AS_THESIS, grid(rows, shown, lambda row: row.map, _thesis_figures.MAP, "{:.2f}"),
        "### Recall@100", RECALL, grid(rows, shown, lambda row: row.recall, {}, "{:.2f}"),
        *without_results(rows, shown),
        "### Milliseconds per query", TIME,
        grid(rows, shown, lambda row: row.p50, _thesis_figures.MILLISECONDS, "{:.2f}"),
        "### The slowest part of RDH, milliseconds", SLOWEST,
        grid(rows, shown[-len(TABLES):], lambda row: row.slowest_ms or 0.0, _thesis_figures.MILLISECONDS, "{:.2f}"),
        "### Candidates scanned, as a share of the vectors", CANDIDATES,
        grid(rows, shown, lambda row: 100 * (row.share or 0.0), {}, "{:.2f} %"),
    ]  # fmt: skip


def without_results(rows: Mapping[str, StudyRow], shown: Sequence[tuple[str, int]]) -> list[str]:
    """The table of queries that get nothing, if the study counted them."""
    if any(row.empty is None for row in rows.values()):
        return []
    told = grid(rows, shown, lambda row: 100 * (row.empty or 0.0), {}, "{:.1f} %")
    return ["### Queries without any result", "No vector shares a bucket with them.", told]


def on_a_million(study: HashingStudy) -> list[str]:
    rows = cells(study)
    exact = rows["exact"]
    shown = [(name, 1) for name in LEARNED] + [("lsh", 100), ("rdh", 100)]
    figures: list[tuple[str, Figure, Mapping[tuple[str, int], Line]]] = [
        ("MAP@100 (the thesis's)", lambda row: row.map, _thesis_figures.MAP),
        ("Recall@100", lambda row: row.recall, {}),
        ("Milliseconds per query (the thesis's)", lambda row: row.p50, _thesis_figures.MILLISECONDS),
        ("The slowest part of RDH, milliseconds", lambda row: row.slowest_ms or 0.0, _thesis_figures.MILLISECONDS),
        ("Seconds to build", lambda row: row.build_seconds, {}),
    ]
    parts = [
        f"## {exact.size:,} descriptors",
        f"The real ones five times, each with noise of ±8 in every value; {exact.queries:,} real queries. Exact search "
        f"takes {exact.p50:.1f} ms a query (the thesis: {_thesis_figures.EXACT_MILLISECONDS:.0f}).",
    ]
    for title, figure, thesis in figures:
        lines = shown[-1:] if "slowest" in title else shown
        parts += [f"### {title}", grid(rows, lines, figure, thesis, "{:.2f}")]
    return parts


def grid(
    rows: Cells, shown: Sequence[tuple[str, int]], figure: Figure, thesis: Mapping[tuple[str, int], Line], form: str
) -> str:
    """A line for each method and number of tables, a column for each number of bits; the thesis's in brackets."""
    lines = [["method", "tables", *(f"{bits} bits" for bits in BITS)]]
    for name, tables in shown:
        theirs = thesis.get((name, tables), (None,) * len(BITS))
        found = [rows.get(method(name, bits, tables)) for bits in BITS]
        told = [
            (form.format(figure(row)) if row else "–") + (f" ({value:.2f})" if value is not None else "")
            for row, value in zip(found, theirs, strict=True)
        ]
        lines.append([NAMES[name], str(tables), *told])
    return markdown(lines)


def functions(study: HashingStudy) -> list[str]:
    rows = cells(study)
    lines = [["functions", *(f"{tables} tables" for tables in TABLES)]]
    for name, theirs in _thesis_figures.FUNCTIONS.items():
        told = []
        for tables in TABLES:
            row, (quality, taken) = rows.get(rdh(32, tables, functions=name)), theirs[tables]
            ours = f"{row.map:.2f} · {row.recall:.2f} · {row.slowest_ms or 0:.2f} ms" if row else "–"
            told.append(f"{ours} ({quality:.2f} · {taken:.2f} ms)")
        lines.append([name, *told])
    return ["## Same, different and selected functions", FUNCTIONS, markdown(lines)]


def speed_up(study: HashingStudy) -> list[str]:
    lines = [
        ["parts", "bits", "build, times faster", "query, times faster", "slowest part ms", "one after the other ms"]
    ]
    for one in study.speed_up():
        bits = int(dict(parse_method(one.method)[1])["bits"])
        built, asked = f"{one.build_speed_up:.2f}", f"{one.machines or 0:.2f}"
        if one.parts == PARTS:
            built += f" ({_thesis_figures.BUILD_SPEED_UP[bits]:.2f})"
            asked += f" ({_thesis_figures.QUERY_SPEED_UP[bits]:.2f})"
        lines.append([str(one.parts), str(bits), built, asked, f"{one.slowest_ms or 0:.3f}", f"{one.p50:.3f}"])
    return ["## Speed-up", SPEED_UP, markdown(lines)]


def size_up(study: HashingStudy) -> list[str]:
    slowest = {(row.method, row.size): row.slowest_ms for row in study.rows() if not row.error}
    lines = [["method", "bits", "vectors", "ms a query", "times slower", "slowest part, times slower"]]
    first: dict[str, int] = {}
    for one in study.size_up():
        name, options = parse_method(one.method)
        small = first.setdefault(one.method, one.size)
        bits = int(dict(options).get("bits", 0))
        thesis = _thesis_figures.SIZE_UP.get((name, bits)) if one.size > small else None
        part, least = slowest[one.method, one.size], slowest[one.method, small]
        shown = f" ({thesis:.2f})" if thesis else ""
        by_part = f"{part / least:.2f}{shown}" if part and least else "–"
        whole = f"{one.times_slower:.2f}{shown if name == 'lsh' else ''}"
        lines.append([NAMES.get(name, name), str(bits or "–"), f"{one.size:,}", f"{one.p50:.3f}", whole, by_part])
    return ["## Size-up", SIZE_UP, markdown(lines)]


def folds(study: HashingStudy) -> list[str]:
    lines = [["method", "bits", "MAP@100", "recall@100", "ms, one after the other", "slowest part ms"]]
    for one in study.folded():
        options = dict(parse_method(one.row.method)[1])
        bits, parts = int(options.get("bits", 0)), int(options.get("parts", 0))
        spreads = {key: one.deviations.get(key, 0.0) for key in ("map", "recall", "p50")}
        told = [f"{getattr(one.row, key):.3f} ± {spread:.3f}" for key, spread in spreads.items()]
        part = f"{one.row.slowest_ms:.2f}" if one.row.slowest_ms else "–"
        if bits in _thesis_figures.FOLDS:
            quality, spread, single, ten = _thesis_figures.FOLDS[bits]
            told[0] += f" ({quality:.2f} ± {spread:.3f})"
            part += f" ({ten if parts == PARTS else single:.2f})"
        name = f"RDH, {parts} part{'s' * (parts > 1)}" if parts else "exact"
        lines.append([name, str(bits or "–"), *told, part])
    done = min((one.folds for one in study.folded()), default=0)
    less = [f"Only {done} of the ten folds were measured."] if done < study.plan.folds else []
    return ["## 10-fold cross validation", FOLDS, *less, markdown(lines)]


HEAD = """# The thesis on randomized distributed hashing, reproduced

The doctoral thesis splits vectors at random over nodes, hashes them alike on all of them, and asks all nodes at once
(RDH). Its tables are repeated here with the methods of this project, in the thesis's settings: random planes in all 128
dimensions, vectors centred, only the query's own bucket of each table, candidates re-ranked by the true distance,
R = 100. In brackets stand the thesis's own figures: SIFT-1M, 100 queries, Java, ten nodes as processes of one computer.

Made by `python -m benchmarks.thesis`, which measures studies (`python -m engine hashing --list` shows them when
`BENZER_HOME` is the same folder) and writes this page. The figures are of one computer without Ray: parts are asked one
after the other, so the time of RDH is the sum over its parts. What parts on machines of their own would take is told by
the slowest part; the way to them comes on top, see [scale.md](scale.md)."""
AS_THESIS = """As the thesis measures it: a query's average precision is divided by the number of right answers among
those that were *returned*. A method that returns little is not punished: see the recall below."""
RECALL = "The share of the hundred true neighbours that was found; the thesis does not tell it."
TIME = "The median, one query at a time."
SLOWEST = (
    "The median time of the slowest of the ten parts: what a query takes on machines of their own, without the way."
)
CANDIDATES = "How much of the collection a query looks at: what the bits save."
FUNCTIONS = """RDH in ten parts, 32 bits: MAP · recall@100 · the slowest part's time; in brackets the thesis's MAP and
time. *Selected* keeps, of many random planes, those that split the vectors nearly in half."""
SPEED_UP = """RDH with 100 tables over the same vectors in 1 to 10 parts. *Query* compares the slowest part with one
part that holds all; in brackets the thesis's ten nodes. The build runs in one process here: its parts cannot be faster
together than one, and the column shows what splitting costs."""
SIZE_UP = """100 tables over 20,000 and 200,000 vectors; in brackets the thesis's, for ten times as many."""
FOLDS = """Nine tenths are indexed, 200 of the other tenth asked, ten times; 100 tables; mean ± standard deviation over
the folds. In brackets the thesis's, and its milliseconds on one node and on ten."""
FOUND = """## What agrees, and what is not reproduced

- **MAP as the thesis defines it tells how many queries get any right answer at all.** Candidates are ranked by the true
  distance, so the right ones among them stand first, and an average precision that is divided by what was *returned* is
  1 as soon as one true neighbour is among them and 0 where none is. PCAH's figures fall in the thesis as they do here;
  a MAP near 1 stands beside a recall of a few hundredths. Methods are compared by recall (which equals the strict MAP,
  divided by all R, for the same reason), or by what a given recall costs.
- **LSH at .77 to .84 at every length** cannot come from that procedure: with 100 tables of 64 bits hardly a query
  shares a bucket with any of its true neighbours, so that this MAP is near 0, and with 8 and 16 bits nearly every query
  finds one, so that it is near 1. What the thesis measured instead cannot be told from its text.
- **With the same functions RDH compares what LSH compares**: recall and shares agree line by line, which a test pins
  as well. That RDH has a higher MAP than LSH in the thesis cannot come from the method.
- **SH and ITQ above .9 at every length** are not what one table and the query's own bucket give: a code of 64 bits is
  shared with next to nobody. The thesis must have looked further than the own bucket; it does not say how. Looking
  further (extra buckets, or all codes by Hamming distance) is what makes short codes useful here too:
  [results](../benchmarks/results/hashing.md).
- **Planes in all dimensions, no extra buckets** is the dearest way to a high recall: what extra buckets and planes in
  the leading principal directions bring stands in the same results.
- **What parts save is the comparing, not the hashing.** Every part hashes the query for all its tables; with long
  codes, where little is compared, that is nearly all of the time, and ten machines are hardly faster than one.
- *Same, different, selected*: the recalls differ by .01 at most, of one draw each, which decides nothing; *selected*
  costs drawing more planes.
- **Ten parts in one process** are asked one after the other: a whole query takes about nine times as long as its
  slowest part. Where other work shared the cores (the load below), times are longer than on an idle computer; what is
  compared and found does not depend on it.
- The thesis's milliseconds come from another language and computer, and from five times as many vectors as the first
  tables; the lines of a table may be compared with each other, not with the figures in brackets."""

if __name__ == "__main__":
    sys.exit(main())
