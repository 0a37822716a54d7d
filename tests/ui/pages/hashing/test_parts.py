"""The table, the charts and the advice of a search benchmark."""

from __future__ import annotations

from dataclasses import replace

from engine.comparisons.hashing.plan import title_of
from engine.comparisons.hashing.study import create
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import texts
from tests.ui.pages.hashing.conftest import LSH, SOURCE, measured, plan, visit
from ui.comparisons.state import seen
from ui.pages.hashing import charts
from ui.pages.hashing.results import advised, speed_table, where_measured
from ui.pages.hashing.source import Source
from ui.pages.hashing.state import STUDIES, findings, names_of, shortened_titles
from ui.pages.hashing.table import columns_of, lines_of
from ui.widgets.results_table import table_data


def test_the_table_marks_the_best_and_shows_shares(here: Workbench) -> None:
    study = create(here.home, plan())
    measured(study, (1.0, 2.0), (0.96, 0.5), "No memory.", (0.9, 0.7))
    folded = study.folded()
    rows = [one.row for one in folded]
    data = table_data(lines_of(rows), columns_of(folded), "method", "Results")
    assert [column["title"] for column in data["columns"]] == [
        "method", "recall@8", "ms per query", "MAP@8", "candidates scanned",
        "ms in batches", "build s", "MB",
    ]  # fmt: skip
    exact, lsh, itq = data["rows"]
    assert [lsh["cells"][n]["best"] for n in (0, 1)] == [False, True]  # whether the recall is the highest is not known
    assert (lsh["cells"][0]["low"], lsh["cells"][0]["high"]) == (0.955, 0.965)
    assert (lsh["cells"][3]["text"], lsh["cells"][3]["sub"]) == ("4", "40.0\xa0%")
    assert (itq["cells"][3]["text"], itq["cells"][1]["sub"]) == ("–", "p99 1.4")
    assert not any(cell["best"] for cell in exact["cells"])  # the reference does not compete
    more, less = tuple([8, 7] * 20), tuple([6, 7] * 20)
    single = [
        replace(one, row=replace(one.row, found=found, empty=0.25))
        for one, found in zip(folded, ((8,) * 40, more, less), strict=False)
    ]
    told = table_data(lines_of([one.row for one in single]), columns_of(single), "method", "Results")["rows"]
    assert [line["cells"][0]["best"] for line in told] == [False, True, False]
    assert told[1]["cells"][1]["text"] == "25.0 %"
    other = [replace(one, row=replace(one.row, strict_map=one.row.recall / 2)) for one in folded]
    assert "strict MAP" in [column.title for column in columns_of(other)]  # it is left out where it equals the recall
    assert (itq["name"], itq["sub"]) == ("ITQ", "automatic · " + " · ".join(title_of(
        "itq(bits=12,lookup=hamming,rerank=50,tables=3)").split(" · ")[1:]))  # fmt: skip


def test_folds_become_means_with_deviations(here: Workbench) -> None:
    study = create(here.home, plan(methods=(LSH,), folds=2))
    measured(study, (1.0, 2.0), (0.9, 0.5), (1.0, 2.2), (0.8, 0.7))
    assert findings(seen(STUDIES, study)).folded() == study.folded()
    data = table_data(lines_of([one.row for one in study.folded()]), columns_of(study.folded()), "method", "Results")
    recall = data["rows"][1]["cells"][0]
    assert (recall["text"], recall["sub"]) == ("0.850", "± 0.071")
    assert "Means over 2 folds" in texts(visit(study=study.name))


def test_sizes_are_named_and_shown(here: Workbench) -> None:
    study = create(here.home, plan(methods=(LSH,), sizes=(5, 10)))
    measured(study, (1.0, 1.0), (0.9, 0.5), (1.0, 2.0), (0.9, 0.75))
    assert [name.sub for name in names_of(study.rows())] == [
        "5 vectors", "8 bits · 4 tables · 5 vectors", "10 vectors", "8 bits · 4 tables · 10 vectors",
    ]  # fmt: skip
    test = visit(study=study.name)
    assert "Size-up: more vectors" in texts(test)
    sizes = test.table[0].value
    assert list(sizes["slower"]) == ["1.00×", "2.00×", "1.00×", "1.50×"]


def test_the_speed_up_of_more_parts_is_shown_with_where_it_was_measured(here: Workbench) -> None:
    methods = tuple(f"rdh(bits=4,parts={parts},tables=2)" for parts in (1, 2))
    study = create(here.home, plan(methods=methods))
    rows = measured(study, (1.0, 2.0), (0.9, 1.0), (0.9, 1.1))
    for row, parts, slowest in ((rows[1], 1, 1.0), (rows[2], 2, 0.5)):
        study.keep(replace(row, chosen={"parts": parts, "bits": 4}, slowest_ms=slowest))
    found = study.speed_up()
    table = speed_table(found, shortened_titles([one.title for one in found])[0])
    assert table["faster"] == ["1.00×", "0.91×"]
    assert table["recall"] == ["0.900", "0.900"]
    assert table["faster by it"] == ["1.00×", "2.00×"]
    test = visit(study=study.name)
    assert "Speed-up: more parts" in texts(test)
    assert "Measured in this process" in texts(test)
    assert where_measured("Ray on 3 nodes").startswith("Measured on Ray on 3 nodes")


def test_titles_are_shortened_to_what_differs() -> None:
    titles = ["RDH · 16 bits · 100 tables", "RDH · 24 bits · 100 tables"]
    assert shortened_titles(titles) == (dict(zip(titles, ["16 bits", "24 bits"], strict=True)), "100 tables")
    assert shortened_titles(["LSH · 8 bits", "ITQ · 8 bits"]) == (
        {"LSH · 8 bits": "LSH", "ITQ · 8 bits": "ITQ"},
        "8 bits",
    )
    assert shortened_titles(titles[:1])[0] == {titles[0]: "RDH"}
    assert shortened_titles([]) == ({}, "")


def test_charts_are_told_in_words(here: Workbench) -> None:
    study = create(here.home, plan())
    rows = measured(study, (1.0, 2.0), (0.96, 0.5), (0.8, 0.25))
    names = [name.whole for name in names_of(rows)]
    assert charts.spoken_quality(rows, names, "recall") == (
        "recall against milliseconds per query. The lowest time is of LSH · 16 bits · 4 tables: 0.25 ms, recall 0.800. "
        "The highest figure is of Exact: 2 ms, recall 1.000."
    )
    assert charts.spoken_bits(rows, "recall").endswith("LSH · 4 tables: 0.960 with 8 bits, 0.800 with 16.")
    assert charts.has_bits(rows)
    assert not charts.has_bits(rows[:2])


def test_advice_without_anything_measured_is_honest(here: Workbench) -> None:
    study = create(here.home, plan())
    assert advised(study.advice(0.95)) == "No results yet."
    measured(study, (1.0, 2.0))
    assert advised(study.advice(0.95)) == "Exact search takes 2 ms; other methods are not measured yet."


def test_advice_gives_its_range_of_factors_and_warns_of_a_long_tail(here: Workbench) -> None:
    study = create(here.home, plan())
    exact, row = measured(study, (1.0, 2.0), (0.99, 0.5))
    study.keep(replace(exact, p50_low=1.9, p50_high=2.2))
    study.keep(replace(row, p50_low=0.4, p50_high=0.6, p99=4.0))
    said = advised(study.advice(0.95))
    assert said.startswith("**4.0 times as fast as exact search** (3.2 to 5.5): ")
    assert said.endswith("At least one of the 2 queries took 4 ms or more.")
    study.keep(replace(row, p50_low=0.4, p50_high=0.6, p99=4.0, queries=1000, share=1.0))
    said = advised(study.advice(0.95))
    assert "It compares all 10 vectors, as exact search does: with so few, times say little" in said
    assert said.endswith("One query in a hundred takes 4 ms or more.")
    study.keep(replace(row, p99=1.0))
    assert "in a hundred" not in advised(study.advice(0.95))


def test_advice_says_what_is_not_decided(here: Workbench) -> None:
    study = create(here.home, plan())
    exact, row = measured(study, (1.0, 2.0), (0.953, 0.5))
    said = advised(study.advice(0.95))
    assert "may find 95\xa0% of the nearest: 0.5 ms per query, recall 0.953 [0.948, 0.958]." in said
    assert "That it reaches the target is not decided." in said
    study.keep(replace(exact, p50_low=0.4, p50_high=2.2))
    study.keep(replace(row, p50_low=0.4, p50_high=0.6))
    assert advised(study.advice(0.9)).startswith("**Whether anything is faster than exact search is not decided.**")


def test_the_size_of_vectors_is_shown() -> None:
    assert Source("file:/a.npy", "a", "a", "cosine", 200_000, 128).size == "200,000 vectors × 128"
    assert Source(SOURCE, "a", "a", "cosine", 600, None).size == "600 vectors"
