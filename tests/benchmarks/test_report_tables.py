"""The records of the report's trainings, and the page that is written from those that stand."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import _report_records as kept
from benchmarks import report_tables as tables
from benchmarks._report_page import HEAD, Part, document, section
from benchmarks._report_records import Record
from engine.collections.collection import Collection
from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.plan import REPORT_COLUMNS, ExperimentPlan, Training, report_tables
from engine.comparisons.recipes.seeds import repeated
from engine.core.errors import Corrupt
from engine.core.home import Home
from engine.training import TrainingConfig
from engine.workbench.workbench import Workbench
from tests.engine.narrow import narrow_model  # noqa: F401

PLAN = report_tables("faces", size=160, epochs=40)
LABELS = {"cat": 30, "dog": 30}
FALLING = [1 / (epoch + 1) for epoch in range(41)]  # never stands still
ASKED = tuple(range(1, 61))


def record(training: Training, losses: Sequence[float] = FALLING, pictures: str = "these") -> Record:
    """A record with made-up figures, others for every training."""
    chance = np.random.default_rng(PLAN.trainings.index(training) if training in PLAN.trainings else 99)
    hits = ["".join(map(str, chance.integers(0, 9, len(ASKED)))) for _ in REPORT_COLUMNS]
    rows = [row(training, column, one, min(losses[1:])) for column, one in zip(REPORT_COLUMNS, hits, strict=True)]
    epochs = [{"epoch": 0, "validation": losses[0], "retrieval": 0.5}]
    epochs += [
        {"epoch": n, "validation": loss, "rate": 0.001, "seconds": 30.0, "retrieval": 0.5 + chance.random() / 10}
        for n, loss in enumerate(losses[1:], 1)
    ]
    config = TrainingConfig.from_dict(training.config).as_dict() | {"name": "anything"}
    where = ("processor", "a machine, processor", "2026-11-30")
    return Record("faces", pictures, config, tuple(rows), ASKED, tuple(hits), tuple(epochs), *where)


def row(training: Training, column: tuple[str, str], hits: str, loss: float) -> ExperimentRow:
    precision = sum(map(int, hits)) / 8 / len(hits)
    known = {"single": {"query": 1, "hits": int(hits[0])}, "losses": {"train": loss, "mse": loss, "ssim": None}}
    around = {"interval": (precision - 0.02, precision + 0.02), "queries": len(hits), "chance": 0.49}
    name = f"{training.title} {column}"
    return ExperimentRow(
        name, training.title, name, training.encoder, "w", *column, "exact", precision=precision, **known, **around
    )


def training(title: str) -> Training:
    return next(one for one in PLAN.trainings if one.title == title)


def part(records: Sequence[Record], plan: ExperimentPlan = PLAN) -> Part:
    return Part("faces", LABELS, plan, kept.standing(records, plan.trainings, "these"))


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    one = record(PLAN.trainings[0])
    path = kept.write(tmp_path, one)
    assert path.name.startswith("faces-model-1-none-160-pixels-40-epochs-seed-0-")
    assert kept.records(tmp_path) == [one]
    assert [float(shares.mean()) for shares in one.precisions()] == pytest.approx([row.precision for row in one.rows])
    kept.write(tmp_path, one)
    kept.write(tmp_path, replace(one, pictures="others"))
    assert len(kept.records(tmp_path)) == 2


@pytest.mark.parametrize("damage", [lambda text: text[:-9], lambda text: text.replace('"hits": "', '"hits": "9', 1)])
def test_a_damaged_record_is_refused(tmp_path: Path, damage: object) -> None:
    path = kept.write(tmp_path, record(PLAN.trainings[0]))
    assert callable(damage)
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(Corrupt, match="damaged"):
        kept.records(tmp_path)


def test_a_record_stands_for_equal_settings_and_pictures_only() -> None:
    one = record(training("Model 1 · none"))
    assert list(part([one]).standing) == ["Model 1 · none"]
    assert not part([replace(one, pictures="others")]).standing
    for other in ({"epochs": 41}, {"size": 224}, {"seed": 1}, {"limit": 20}, {"batch": 16}):
        assert not part([replace(one, config={**one.config, **other})]).standing
    assert not part([replace(one, config={**one.config, "a setting of another version": 1})]).standing


def test_a_plateau_that_was_never_reached_is_the_training_without_a_schedule() -> None:
    there = part([record(training("Model 2 · none"))]).standing
    assert list(there) == ["Model 2 · none", "Model 2 · reduce on plateau"]
    same = there["Model 2 · reduce on plateau"]
    assert same.same
    assert {row.title for row in same.rows} == {"Model 2 · reduce on plateau"}
    assert [row.precision for row in same.rows] == [row.precision for row in there["Model 2 · none"].rows]


def test_a_plateau_that_was_reached_is_to_be_trained() -> None:
    """With a patience of 2 the third epoch without a gain lowers the rate: after the last one it changes nothing."""
    stands = FALLING[:20] + 3 * [FALLING[19]] + FALLING[20:38]
    assert list(part([record(training("Model 2 · none"), stands)]).standing) == ["Model 2 · none"]
    at_the_end = FALLING[:38] + 3 * [FALLING[37]]
    assert len(part([record(training("Model 2 · none"), at_the_end)]).standing) == 2
    cut_off = FALLING[:20]
    assert list(part([record(training("Model 2 · none"), cut_off)]).standing) == ["Model 2 · none"]


def test_one_seed_of_several_is_taken_from_the_record_of_one() -> None:
    plan = repeated(PLAN, 2)
    there = part([record(training("Model 1 · none"))], plan).standing
    assert [row.title for row in there["Model 1 · none · seed 0"].rows] == 4 * ["Model 1 · none · seed 0"]
    assert list(there) == ["Model 1 · none · seed 0"]


def test_what_is_there_is_shown_without_findings_and_the_rest_is_named(tmp_path: Path) -> None:
    one = part([record(training("Model 4 · none"), FALLING[::-1])])
    text = section(one, tmp_path)
    assert text.startswith("## On faces, 40 epochs (unfinished)\n")
    assert "**1 of 9 trainings stand.** Still to be trained: Model 1 · none; Model 2 · none; " in text
    assert "Agrees here" not in text
    assert "Not decided" not in text
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| M")] == 2 * ["| Model 4 · none"]
    assert "bold" not in text
    assert "| **" not in text
    assert "· **" not in text
    assert "2026-11-30 on a machine, processor: Model 4 · none (40 epochs, 20 minutes)." in text
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "faces-unfinished-epochs.svg",
        "faces-unfinished-loss.svg",
    ]


def test_all_trainings_replace_what_was_there_before(tmp_path: Path) -> None:
    page = f"{HEAD}\n\n## Before\n\nb\n\n## On faces\n\n14 epochs.\n\n### Deep\n\n## After\n\na\n"
    few, every = [record(one) for one in PLAN.trainings[:1]], [record(one) for one in PLAN.trainings]
    begun = document(page, [(part(few), section(part(few), tmp_path))])
    assert headings(begun) == ["Before", "On faces", "On faces, 40 epochs (unfinished)", "After"]
    assert "## On faces\n\n14 epochs.\n\n### Deep\n\n## On faces, 40" in begun
    again = document(begun, [(part(few), section(part(few), tmp_path))])
    assert again == begun
    whole = document(begun, [(part(every), section(part(every), tmp_path))])
    assert headings(whole) == ["Before", "On faces", "After"]
    assert "14 epochs." not in whole
    assert "Max pool with cosine is the best pair." in whole
    assert "; the highest of each column bold." in whole
    assert whole.count("· **0.") >= 4  # one a column, more where two are as high
    assert "paired tests, corrected for the number of all pairs" in whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces-epochs.svg", "faces-loss.svg"]


def test_trainings_with_another_loss_have_tables_of_their_own(tmp_path: Path) -> None:
    plan = report_tables("faces", size=160, epochs=40, loss="ssim")
    other = [record(plan.trainings[0])]
    page = "## On faces, trained with SSIM\n\nbefore\n"
    for one in (part([record(PLAN.trainings[0])]), part(other, plan)):
        page = document(page, [(one, section(one, tmp_path))])
    unfinished = ["On faces, trained with SSIM, 40 epochs (unfinished)", "On faces, 40 epochs (unfinished)"]
    assert headings(page) == ["On faces, trained with SSIM", *unfinished]
    assert not part(other).standing
    assert len(list(tmp_path.glob("*.svg"))) == 4
    assert "-ssim-" in kept.write(tmp_path, other[0]).name


def headings(page: str) -> list[str]:
    return [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]


def test_a_new_page_is_written_whole(tmp_path: Path) -> None:
    few = part([record(PLAN.trainings[0])])
    page = document("", [(few, section(few, tmp_path))])
    assert page.startswith(HEAD)
    assert headings(page) == ["On faces, 40 epochs (unfinished)"]


def test_trainings_come_in_the_order_asked_for_seed_by_seed() -> None:
    only = tables.kinds("model-3-none,model-1-none")
    found = tables.ordered(repeated(PLAN, 2).trainings, only)
    assert [(one.config["model"], one.config["seed"]) for one in found] == [(3, 0), (1, 0), (3, 1), (1, 1)]
    assert len(tables.ordered(PLAN.trainings, tables.ORDER)) == len(PLAN.trainings)
    with pytest.raises(argparse.ArgumentTypeError, match="there is no model-5-none"):
        tables.kinds("model-5-none")


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with 20 noisy pictures of two colours, which is all that the benchmark finds to train on."""
    rng = np.random.default_rng(0)
    for number in range(20):
        folder = tmp_path / "pictures" / ("red", "blue")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.normal(((200, 60, 60), (60, 70, 210))[number % 2], 45, (24, 24, 3))
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    Workbench(Home(tmp_path / "home")).run("import", source="folder", title="Colours", path=str(tmp_path / "pictures"))
    monkeypatch.setattr(tables, "collections", lambda home: [Collection.open(home, "colours")])
    return tmp_path


@pytest.mark.usefixtures("narrow_model")
def test_what_one_machine_recorded_is_not_trained_on_another(colours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(colours / "home", colours / "other")
    small = ["--collections", "colours", "--epochs", "1", "--size", "32", "--only", "model-1-none"]
    places = ["--records", str(colours / "records"), "--out", str(colours / "page.md")]
    for home, runs in (("home", 1), ("other", 0)):
        monkeypatch.setattr("sys.argv", ["report_tables", "--home", str(colours / home), *small, *places])
        assert tables.main() == 0
        assert len(list((colours / home / "weights").glob("*/run.json"))) == runs
        page = (colours / "page.md").read_text(encoding="utf-8")
        assert "**1 of 9 trainings stand.**" in page
    (one,) = kept.records(colours / "records")
    assert [len(hits) for hits in one.hits] == 4 * [20]
    assert [event["epoch"] for event in one.epochs] == [0, 1]
    assert [float(shares.mean()) for shares in one.precisions()] == pytest.approx([row.precision for row in one.rows])
