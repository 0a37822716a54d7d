"""What leaves the house: CSV without formulas, and a page of HTML without scripts, links or markup of others."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.comparisons.recipes.experiment import Experiment, ExperimentRow
from engine.comparisons.recipes.findings import REPORT_HITS, REPORT_LOSSES
from engine.comparisons.recipes.leads import Leads
from engine.comparisons.recipes.plan import ExperimentPlan, report_tables
from engine.comparisons.recipes.report import bold_best, correlations, report_hits, report_losses, to_csv, to_html
from engine.evaluation.statistics.decision import Decision

EVIL = "=<script>alert(1)</script>**x**&\"'"


def row(**changes: object) -> ExperimentRow:
    base = ExperimentRow("k1", "Model 1", "c/model-1@r/max/cosine/exact/8", "model-1", "r", "max", "cosine", "exact")
    worst = ({"query": 3, "precision": 0.125, "answers": [4, 5]},)
    figures = {"precision": 0.5, "interval": (0.4, 0.6), "chance": 0.2, "map": 0.3, "images": 20, "queries": 20}
    figures |= {"milliseconds": 1.5, "megabytes": 2.0, "per_class": {"cat": 0.25, "dog": 0.75}, "worst": worst}
    return replace(base, **figures | {"single": {"query": 1, "hits": 4}} | changes)


def measured(plan: ExperimentPlan, rows: list[ExperimentRow]) -> Experiment:
    """An experiment with these rows, without a folder."""

    class Made(Experiment):
        @property
        def plan(self) -> ExperimentPlan:
            return made

        def rows(self) -> list[ExperimentRow]:
            return rows

    made = plan
    return Made(Path("nowhere"))


def report_rows() -> tuple[ExperimentPlan, list[ExperimentRow]]:
    """The report's own figures as if they had been measured."""
    plan = report_tables("faces", size=224)
    rows = []
    for place, cell in enumerate(plan.cells()):
        hits, loss = REPORT_HITS[place // 4][place % 4], REPORT_LOSSES[place // 4]
        r = cell.recipe
        found = row(losses={"train": loss, "mse": loss, "ssim": 0.5})
        rows.append(
            replace(found, key=cell.key, title=cell.title, recipe=str(r), embedding=r.embedding, metric=r.metric,
                    precision=hits / 8, single={"query": 1, "hits": hits})
        )  # fmt: skip
    return plan, rows


class Page(HTMLParser):
    """Collects the tags and attributes of a page, and what stands in bold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.bold: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.tags and self.tags[-1] == "strong":
            self.bold.append(data)


def test_the_page_shows_what_people_wrote_literally_and_asks_for_nothing() -> None:
    plan = ExperimentPlan(EVIL, "c", ("model-1@r",))
    rows = [row(title=EVIL, note=EVIL, per_class={EVIL: 0.5, "b": 0.25}), row(key="k2", error=EVIL)]
    text = to_html(measured(plan, rows))
    page = Page(text)
    assert not set(page.tags) & {"script", "a", "img", "link", "iframe", "form", "object"}
    assert not page.attributes & {"src", "href", "onclick", "onload", "srcset"}
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert page.text.count("<script>alert(1)</script>") >= 5  # heading, row, label, note, error …
    assert "prefers-color-scheme: dark" in text


def decided(p: float) -> Leads:
    """The second row leads the first, with that p."""
    return Leads("k2", (), {"k1": Decision(0.25, (0.2, 0.3), p, 20)})


def test_the_cheapest_stand_in_bold_and_the_best_if_that_is_decided() -> None:
    rows = [row(), row(key="k2", title="Model 2")]
    rows[1] = replace(rows[1], precision=0.75, map=0.1, milliseconds=9.0, megabytes=2.0, ndcg=0.625)
    plan = ExperimentPlan("T", "c", ("model-1@r", "model-2@s"))
    page = Page(to_html(measured(plan, rows), decided(0.001)))
    assert page.bold[:2] == ["0.750", "2.0"]  # the best row first, with the lowest MB shared
    assert "1.50" in page.bold
    assert "0.300" not in page.bold  # the highest mAP is not tested
    assert "Model 2 · max · cosine · exact: precision@8 0.750, better than the other configuration" in page.text
    assert "−0.250, p = .001" in page.text
    assert "0.625" in page.text
    undecided = Page(to_html(measured(plan, rows), decided(0.4)))
    assert "0.750" not in undecided.bold
    assert "−0.250, not decided, p = .40" in undecided.text
    assert "Which configuration is best is not decided" in undecided.text
    assert "0.750" not in Page(to_html(measured(plan, rows))).bold


def test_bold_best() -> None:
    assert bold_best([1, None, 1, 0]) == [True, False, True, False]
    assert bold_best([2, 1], low=True) == [False, True]
    assert bold_best([None]) == [False]


def test_csv_compares_each_row_with_the_highest() -> None:
    plan, rows = ExperimentPlan("T", "c", ("model-1@r", "model-2@s")), [row(hit_5=0.5), row(key="k2", precision=0.75)]
    [first, best] = list(csv.DictReader(io.StringIO(to_csv(measured(plan, rows), decided(0.001)))))
    names = ("against the highest", "against it from", "against it to", "p", "verdict", "recall@5")
    assert [first[name] for name in names] == ["-0.25", "-0.3", "-0.2", "0.001", "worse", "0.5"]
    assert [best[name] for name in names] == [""] * 6


def test_an_empty_experiment_has_a_page() -> None:
    assert "No results yet" in to_html(measured(ExperimentPlan("T", "c", ("model-1",)), []))


def test_what_failed_does_not_count_as_measured() -> None:
    plan = ExperimentPlan("T", "c", ("model-1@r", "model-2@s"))
    text = to_html(measured(plan, [row(), row(key="k2", error="It failed.")]))
    assert "1 of 2 configurations measured." in text
    assert "It failed." in text


def test_csv_is_whole_and_harmless() -> None:
    plan = ExperimentPlan("T", "c", ("model-1@r",))
    rows = [row(title=EVIL, computed_in="bfloat16"), row(key="k2", error="=It failed.", per_class={})]
    [good, bad] = list(csv.DictReader(io.StringIO(to_csv(measured(plan, rows)))))
    assert good["title"] == "'" + EVIL
    assert (good["precision"], good["low"], good["high"], good["recall"]) == ("0.5", "0.4", "0.6", "")
    assert good["computed in"] == "bfloat16"
    assert "Computed in bfloat16." in to_html(measured(plan, rows))
    assert (good["precision of cat"], good["results of the single query"]) == ("0.25", "4")
    assert (bad["precision"], bad["error"], bad["precision of dog"]) == ("", "'=It failed.", "")


def test_the_reports_tables() -> None:
    plan, rows = report_rows()
    losses, hits = report_losses(rows), report_hits(rows)
    assert losses[1] == ["Model 1 · none", "0.00662", "0.00662 (0.00662)", "0.50000"]
    assert hits[9] == ["Model 4 · reduce on plateau", "7 (7) · **0.875**", "7 (7) · **0.875**", "6 (6) · 0.750",
                       "8 (8) · **1.000**"]  # fmt: skip
    page = Page(to_html(measured(plan, rows)))
    assert "Not decided: over 9 different trainings" in page.text
    assert "(0.00662)" in page.text


def test_correlations_are_spearmans() -> None:
    from scipy.stats import spearmanr

    _, rows = report_rows()
    [told, best] = correlations(rows)
    flat = [hits[0] / 8 for hits in REPORT_HITS]
    assert f"flatten, cosine {spearmanr(REPORT_LOSSES, flat).statistic:+.2f} [".replace("-", "−") in told
    assert best == "Highest mean precision@8: flatten, cosine (0.625)."
    assert correlations(rows[:8]) == []


@pytest.mark.parametrize("missing", [0, 35])
def test_a_table_with_a_missing_row_is_still_written(missing: int) -> None:
    _, rows = report_rows()
    lines = report_hits(rows[:missing] + rows[missing + 1 :])
    assert [len(line) for line in lines] == [5] * 10
    assert sum("– (" in cell for line in lines for cell in line) == 1
