"""Tables of invariances: their figures, what decides between encoders, and measuring, stopping and going on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cli.parser import main
from engine.comparisons.invariances.invariance import InvarianceRow
from engine.comparisons.invariances.leads import invariance_leads
from engine.comparisons.invariances.plan import InvariancePlan
from engine.comparisons.invariances.report import as_facts, to_csv, to_text
from engine.comparisons.invariances.run import plan_for
from engine.core.errors import BadParameter, NotFound, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders.imported_vectors import add
from engine.evaluation.statistics.proportion import clopper_pearson
from engine.workbench.job_kinds import job_kind
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import scene

COUNT = 12
STRENGTHS = (0.0, 0.5, 1.0)


def row(key: str, ranks: Sequence[Sequence[int]], ids: Sequence[int] | None = None, way: str = "blur") -> InvarianceRow:
    queries = tuple(ids or range(len(ranks[0])))
    return InvarianceRow(key, key, way, STRENGTHS, queries, tuple(map(tuple, ranks)))


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_shares_count_ranks_and_0_is_not_found() -> None:
    one = row("a", [[1, 1, 1, 1], [1, 2, 0, 8], [0, 0, 0, 3]])
    assert [share.share for share in one.shares(1)] == [1, 0.25, 0]
    assert [share.share for share in one.shares(8)] == [1, 0.75, 0.25]
    assert one.shares(1)[1].interval == clopper_pearson(1, 4)
    assert one.of_queries(8).tolist() == [0.5, 0.5, 0, 1]
    assert one.invariance(8)[0] == 0.5
    assert one.half(1) == pytest.approx(0.5 * 0.5 / 0.75)  # between 1 at 0 and .25 at .5
    assert row("b", [[1], [1], [1]]).half() is None
    assert row("c", [[0], [0], [0]]).half() == 0  # nothing was found unaltered either


def test_a_row_survives_json_and_a_broken_one_is_refused() -> None:
    one = row("a", [[1, 1], [1, 0], [0, 0]])
    assert InvarianceRow.from_dict(json.loads(json.dumps(one.as_dict()))) == one
    with pytest.raises(BadParameter, match="ranks"):
        InvarianceRow.from_dict(one.as_dict() | {"ranks": [[1], [1, 0], [0, 0]]})
    with pytest.raises(BadParameter, match="keys"):
        InvarianceRow.from_dict({"colour": "red"})


def test_a_lead_is_told_only_where_it_is_decided() -> None:
    strong, weak = [[1] * 40, [1] * 40, [1] * 40], [[1] * 40, [1] * 40, [0] * 40]
    [lead] = invariance_leads([row("a", strong), row("b", weak)]).values()
    assert (lead.best, lead.decided, lead.marked("a"), lead.marked("b")) == ("a", True, True, False)
    [lead] = invariance_leads([row("a", [line[:4] for line in strong]), row("b", [line[:4] for line in weak])]).values()
    assert not lead.decided
    assert lead.sentence({"a": "A", "b": "B"}) == "not decided: A is highest, with no decided lead over B"
    [lead] = invariance_leads([row("a", strong)]).values()
    assert lead.sentence({"a": "A"}) == ""


def test_p_is_corrected_for_all_pairs_under_all_alterations() -> None:
    strong, weak = [[1] * 8, [1] * 8, [1] * 8], [[1] * 8, [1] * 8, [0] * 8]
    alone = invariance_leads([row("a", strong), row("b", weak)])["blur"].against["b"].p
    same = [[1] * 8] * 3
    more = [row("c", same, way="jpeg"), row("d", same, way="jpeg")]
    both = invariance_leads([row("a", strong), row("b", weak), *more])["blur"].against["b"].p
    assert both == pytest.approx(2 * alone)


def test_only_queries_that_all_encoders_share_are_compared() -> None:
    ranks = [[1] * 10] * 3
    found = invariance_leads([row("a", ranks, range(10)), row("b", ranks, range(5, 15))])
    assert found["blur"].against["b"].cases == 5
    assert invariance_leads([row("a", ranks, range(10)), row("b", ranks, range(20, 30))])["blur"].against == {}


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    (tmp_path / "pictures").mkdir()
    for number in range(COUNT):
        scene(number).save(tmp_path / "pictures" / f"{number:02d}.png")
    bench = Workbench(Home(tmp_path))
    bench.run("import", source="folder", title="Scenes", path=str(tmp_path / "pictures"))
    return bench


def plan(bench: Workbench, *encoders: str, **changes: object) -> InvariancePlan:
    asked = {"alterations": ("grey", "jpeg"), "queries": 6, "levels": 2, **changes}
    return plan_for(bench.home, "Try", "scenes", encoders or ("raw-pixels", "colour-histogram"), **asked)


def test_each_picture_is_found_unaltered_and_what_ignores_colour_is_invariant_to_grey(bench: Workbench) -> None:
    table = bench.plan_invariances(plan(bench, "hog", "colour-histogram"))
    assert bench.run("invariance", name=table.name) == {"invariance": "try", "measured": 4, "failed": 0}
    rows = {(row.encoder.partition("/")[0], row.alteration): row for row in table.rows()}
    assert all(set(row.ranks[0]) == {1} for row in rows.values())
    assert rows["hog", "grey"].invariance()[0] == 1
    assert rows["colour-histogram", "grey"].invariance()[0] < 1
    assert len({row.ids for row in rows.values()}) == 1
    assert rows["hog", "grey"].strengths == STRENGTHS


def test_stopped_work_keeps_what_is_measured_and_goes_on(bench: Workbench) -> None:
    table = bench.plan_invariances(plan(bench))

    class Impatient(Reporter):
        def event(self, **facts: object) -> None:
            if facts.get("kind") == "cells" and facts["done"] == 2:
                raise Stopped

    with pytest.raises(Stopped):
        job_kind("invariance").run({"home": str(bench.home.root), "name": table.name}, Impatient())
    before = table.rows()
    assert len(before) == 2
    assert bench.run("invariance", name=table.name)["measured"] == 2
    assert table.rows()[:2] == before
    assert bench.run("invariance", name=table.name)["measured"] == 0


def test_changed_pictures_are_measured_again(bench: Workbench) -> None:
    table = bench.plan_invariances(plan(bench, "raw-pixels"))
    bench.run("invariance", name=table.name)
    scene(99).save(bench.home.root / "pictures" / "99.png")
    bench.run("rescan", collection="scenes")
    assert bench.run("invariance", name=table.name)["measured"] == 2


def test_imported_vectors_and_vanished_files_fail_in_their_rows_alone(bench: Workbench) -> None:
    own = add(bench.collection("scenes"), "Mine", "mine.npy", None, np.eye(COUNT, dtype=np.float32))
    table = bench.plan_invariances(plan(bench, own.name, "raw-pixels"))
    assert bench.run("invariance", name=table.name)["failed"] == 2
    assert "made elsewhere" in table.rows()[0].error
    assert "made elsewhere" in to_text(table)
    assert "made elsewhere" in to_csv(table)
    recipe = Recipe("scenes", "hog", "", embedding="flatten")
    bench.run("embed", recipe=recipe.as_dict())
    for path in (bench.home.root / "pictures").iterdir():
        path.unlink()
    gone = bench.plan_invariances(plan(bench, "hog/flatten"))
    bench.run("invariance", name=gone.name)
    errors = [row.error for row in gone.rows()]
    assert len(errors) == len(gone.plan.cells()) > 0
    assert all("can be read any more" in error for error in errors)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"queries": 0}, "number of queries"),
        ({"levels": 21}, "number of strengths"),
        ({"alterations": ("melt",)}, "alteration"),
        ({"alterations": ()}, "alterations"),
        ({"metric": "manhattan"}, "metric"),
        ({"seed": -1}, "seed"),
    ],
)
def test_invalid_plans_are_refused(bench: Workbench, changes: dict[str, object], named: str) -> None:
    with pytest.raises(BadParameter, match=named):
        plan(bench, **changes)


def test_unknown_encoders_poolings_and_collections_are_refused(bench: Workbench) -> None:
    with pytest.raises(BadParameter, match="encoder"):
        plan(bench, "crystal-ball")
    with pytest.raises(BadParameter, match="embedding"):
        plan(bench, "hog/deep")
    with pytest.raises(NotFound):
        bench.plan_invariances(replace(plan(bench), collection="nothing"))
    with pytest.raises(BadParameter, match="key"):
        InvariancePlan.from_dict({"colour": 1})
    assert InvariancePlan.from_dict(plan(bench).as_dict()) == plan(bench)


# ── exports and the command line ─────────────────────────────────────────────────────────────────────────────────────


def test_the_command_measures_shows_and_exports(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["invariance", "--collection", "scenes", "--encoders", "hog,raw-pixels", "--alterations", "grey"]
    assert main([*words, "--queries", "5", "--levels", "2", "--title", "=Grey"]) == 0
    out = capsys.readouterr().out
    assert "hog" in out
    assert "1.00 [0.48, 1.00]" in out, "five queries"
    assert "Less colour: not decided" in out
    [table] = bench.invariance_tables()
    assert main(["invariance", "--show", table.name, "--csv", str(tmp_path / "a.csv")]) == 0
    lines = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8-sig"))))
    assert len(lines) == 6
    assert lines[1]["amount"] == "50 % of the colour gone"
    assert float(lines[0]["found first"]) == 1
    capsys.readouterr()
    assert main(["invariance", "--show", table.name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["table"] == json.loads(json.dumps(as_facts(table)["table"]))
    assert told["table"][0]["found_first"]["mean"] == 1
    assert main(["invariance", "--list"]) == 0
    assert table.name in capsys.readouterr().out
    assert main(["invariance", "--show", table.name, "--queries", "5"]) == 1
    assert main(["invariance"]) == 1
    assert main(["invariance", "--delete", table.name, "--yes"]) == 0
    assert bench.invariance_tables() == []
