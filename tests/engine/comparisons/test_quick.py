"""The quick comparison: with labels, without them, with vectors that are there, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.collections.labelling import write_labels
from engine.comparisons import quick
from engine.comparisons.quick import QuickComparison, compare_quickly
from engine.core.errors import BadParameter, BenzerError
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.best import measured_best
from engine.encoders.encoder import EncoderChoice
from engine.encoders.vectors.pipeline import embed_collection
from engine.workbench.workbench import Workbench

ENCODERS = ("raw-pixels", "colour-histogram")


@pytest.fixture(autouse=True)
def two_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [EncoderChoice(name, "", name, "", ready=True) for name in ENCODERS]
    monkeypatch.setattr(quick, "choices", lambda home, collection: lines)


def collection(home: Home, tmp_path: Path, count: int, folders: tuple[str, ...]) -> Workbench:
    """Pictures of noise around one colour for each folder; without folders there are no labels."""
    random = np.random.default_rng(0)
    for number in range(count):
        folder = tmp_path / "pictures" / folders[number % len(folders)]
        folder.mkdir(parents=True, exist_ok=True)
        middle = (200, 40, 40) if number % len(folders) else (40, 40, 200)
        pixels = np.clip(random.normal(middle, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    bench = Workbench(home)
    bench.run("import", source="folder", title="pile", path=str(tmp_path / "pictures"))
    return bench


def asked(bench: Workbench) -> QuickComparison:
    return compare_quickly(bench.home, bench.collection("pile"), Reporter())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_by_labels(home: Home, tmp_path: Path) -> None:
    bench = collection(home, tmp_path, 24, ("blue", "red"))
    found = asked(bench)
    assert (found.labelled, found.pictures, found.judged_by) == (True, 24, "precision@8")
    figures = {(row.encoder, row.embedding): row.figure for row in found.rows}
    assert figures["colour-histogram", "max"] == 1.0, "the colours tell the folders apart"
    assert list(figures.values()) == sorted(figures.values(), reverse=True)
    assert (found.rows[0].behind, found.rows[0].decided) == ((0.0, 0.0), False)
    embed_collection(bench.collection("pile"), open_encoder("raw-pixels", "", home), ["max"], Reporter())
    again = {(row.encoder, row.embedding): row.figure for row in asked(bench).rows}
    assert again == figures, "stored vectors give the same"


def test_what_is_decidedly_better_becomes_the_default(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = EncoderChoice("raw-pixels", "", "raw-pixels", "", ready=True, embedding="flatten")
    monkeypatch.setattr(quick, "default_choice", lambda home, collection, measured: usual)
    bench = collection(home, tmp_path, 24, ("blue", "red"))
    random = np.random.default_rng(0)
    chance = lambda collection, encoder, choice, sample, until: (  # noqa: E731
        ("flatten", random.choice([0.25, 0.75], 24) if choice.name == "raw-pixels" else np.ones(24)) for _ in [0]
    )
    monkeypatch.setattr(quick, "figures_of", chance)
    found = asked(bench)
    assert found.better is not None
    assert [row.decided for row in found.rows] == [False, True]
    assert found.better.lead[0] > 0.25
    assert "From now on" in found.conclusion()
    assert measured_best(home, "pile") == found.better
    assert bench.default_recipe("pile").encoder == "colour-histogram"
    assert bench.default_recipe("pile").embedding == "flatten"
    same = lambda collection, encoder, choice, sample, until: [("flatten", np.ones(24))]  # noqa: E731
    monkeypatch.setattr(quick, "figures_of", same)
    assert asked(bench).better is None
    assert measured_best(home, "pile") is None
    assert bench.default_recipe("pile").encoder != "colour-histogram"


def test_a_lead_that_the_best_of_so_many_has_by_chance_changes_no_default(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = EncoderChoice("raw-pixels", "", "raw-pixels", "", ready=True, embedding="flatten")
    monkeypatch.setattr(quick, "default_choice", lambda home, collection, measured: usual)
    bench = collection(home, tmp_path, 24, ("blue", "red"))
    ahead = np.array([0.25] * 7 + [0.0] * 16 + [-0.125])  # p = .016 by itself, more than .05 as the best of many

    def figures(collection: object, encoder: object, choice: EncoderChoice, *_: object, until: float) -> list[object]:
        if choice.name == "raw-pixels":
            return [("flatten", np.full(24, 0.5))]
        return [("max", 0.5 + ahead), *((f"flatten-{n}", 0.5 - ahead * n / 8) for n in range(1, 8))]

    monkeypatch.setattr(quick, "figures_of", figures)
    found = asked(bench)
    assert found.rows[0].encoder == "colour-histogram"
    assert (found.better, [row.decided for row in found.rows]) == (None, [False] * len(found.rows))
    assert "nothing is decidedly better" in found.conclusion()


def test_a_default_that_was_not_measured_is_named_as_such(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = EncoderChoice("raw-pixels", "", "raw-pixels", "", ready=True, embedding="gem-root")
    monkeypatch.setattr(quick, "default_choice", lambda home, collection, measured: usual)
    found = asked(collection(home, tmp_path, 24, ("blue", "red")))
    assert (found.better, found.comparable) == (None, False)
    assert "could not be measured" in found.conclusion()


def test_without_labels_the_default_stays(home: Home, tmp_path: Path) -> None:
    bench = collection(home, tmp_path, 20, ("",))
    before = bench.default_recipe("pile")
    found = asked(bench)
    assert found.better is None
    assert "rank correlation" in found.conclusion()
    assert bench.default_recipe("pile") == before


def test_an_encoder_that_is_not_done_in_time_is_left_out(home: Home, tmp_path: Path) -> None:
    bench = collection(home, tmp_path, 40, ("blue", "red"))
    sample, encoder = quick.sample_of(bench.collection("pile").images()), open_encoder("raw-pixels", "", home)
    line = EncoderChoice("raw-pixels", "", "raw-pixels", "", ready=True)
    with pytest.raises(BenzerError, match="no time left"):
        list(quick.figures_of(bench.collection("pile"), encoder, line, sample, until=-1.0))


def test_without_labels_altered_copies_are_looked_for(home: Home, tmp_path: Path) -> None:
    bench = collection(home, tmp_path, 20, ("",))
    found = asked(bench)
    assert (found.labelled, found.judged_by) == (False, "altered pictures found")
    assert {row.encoder for row in found.rows} == set(ENCODERS)
    assert all(0 <= row.figure <= 1 for row in found.rows)
    assert [row.figure for row in asked(bench).rows] == [row.figure for row in found.rows], "the same copies again"


def test_no_encoder_begins_after_the_time(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = collection(home, tmp_path, 12, ("blue", "red"))
    monkeypatch.setattr(quick, "_SECONDS", -1.0)
    found = asked(bench)
    assert found.rows == ()
    assert [title for title, _ in found.left_out] == list(ENCODERS)


def test_a_run_that_learned_the_labels_is_not_judged_by_them(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = collection(home, tmp_path, 12, ("blue", "red"))
    taught = EncoderChoice("raw-pixels", "", "Taught", "", ready=True, trained_on="pile", learned_labels=True)
    elsewhere = EncoderChoice("colour-histogram", "", "Other", "", ready=True, trained_on="heap", learned_labels=True)
    monkeypatch.setattr(quick, "choices", lambda home, collection: [taught, elsewhere])
    found = asked(bench)
    assert found.left_out == (("Taught", "It learned the labels by which it would be judged."),)
    assert {row.encoder for row in found.rows} == {"colour-histogram"}


def test_too_few_pictures(home: Home, tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="number of pictures of a quick comparison must be more than 8; got 3"):
        asked(collection(home, tmp_path, 3, ("blue", "red")))


def test_the_command(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    collection(home, tmp_path, 24, ("blue", "red"))
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    assert main(["compare", "--quick", "--collection", "pile"]) == 0
    assert "colour-histogram" in capsys.readouterr().out
    assert main(["compare", "--quick", "--collection", "pile", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labelled"] is True
    assert main(["compare", "--quick", "--collection", "pile", "--csv"]) == 0
    assert capsys.readouterr().out.startswith("encoder,pooling,precision@8,low,high")


@pytest.mark.parametrize("words", ["--k 3", "--k 0", "--report-tables", "--html r.html", "--per-query q.csv"])
def test_the_command_refuses_what_it_does_not_have(
    words: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    collection(home, tmp_path, 12, ("blue", "red"))
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--quick", "--collection", "pile", *words.split()]) == 1
    assert f"{words.split()[0]} does not go with compare --quick" in capsys.readouterr().err


def test_labels_of_a_classifier_do_not_count(home: Home, tmp_path: Path) -> None:
    bench = collection(home, tmp_path, 12, ("blue", "red"))
    ids = bench.collection("pile").images().ids.tolist()
    write_labels(bench.collection("pile"), dict.fromkeys(ids, "violet"), "the classifier Late fusion", "classifier")
    found = asked(bench)
    assert (found.labelled, found.judged_by) == (False, "altered pictures found")
