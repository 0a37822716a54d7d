"""Whatever is typed: an answer or one typed sentence, soon, and never a traceback."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.cli.parser import main
from engine.core.errors import BadParameter, BenzerError
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.search.answer import Answer
from engine.training import TrainingConfig
from engine.workbench.workbench import Query, Workbench

ODD_NUMBERS = st.sampled_from([0, -1, 1, 8, 999, 1000, 1001, 10**9, 2**63, 0.5, float("nan"), float("inf"), True])
ODD_WORDS = st.sampled_from(["", " ", "..", "exact", "lsh", "kmeans", "hnsw", "magic", "x" * 500, "\x00", "é", "a/b"])
CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "collection": st.just("pile") | ODD_WORDS,
    "encoder": st.sampled_from(["colour-histogram", "raw-pixels", "model-1", "model-9"]) | ODD_WORDS,
    "weights": st.just("") | ODD_WORDS,
    "embedding": st.sampled_from(["flatten", "max", "avg", "gem"]) | ODD_WORDS,
    "metric": st.sampled_from(["cosine", "euclidean"]) | ODD_WORDS,
    "method": st.sampled_from(["exact", "lsh", "kmeans", "hnsw"]) | ODD_WORDS,
    "k": st.just(8) | ODD_NUMBERS,
    "options": st.dictionaries(st.sampled_from(["bits", "tables", "probes", "clusters", "x"]), ODD_NUMBERS, max_size=2),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    root = tmp_path_factory.mktemp("limits")
    rng = np.random.default_rng(0)
    for number in range(5):
        folder = root / "pile" / ("odd" if number % 2 else "even")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    made = Workbench(Home(root / "home"))
    made.run("import", source="folder", title="Pile", path=str(root / "pile"))
    sound = Recipe("pile", "colour-histogram", embedding="flatten")
    made.run("embed", recipe=sound.as_dict())
    for method in ("exact", "lsh", "kmeans", "hnsw"):  # compile and load now, so that times below are those of the work
        made.search(sound.but(method=method), Query.image(1))
    return made


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """A sound recipe with any method and settings in which none, one or two choices are odd."""
    values: dict[str, Any] = {"collection": "pile", "encoder": "colour-histogram", "embedding": "flatten"}
    values["method"] = draw(st.sampled_from(["exact", "lsh", "kmeans", "hnsw"]))
    values["metric"] = draw(st.sampled_from(["cosine", "euclidean"]))
    values["k"] = draw(st.integers(1, 1000))
    for name in draw(st.lists(st.sampled_from(sorted(CHOICES)), max_size=2)):
        values[name] = draw(CHOICES[name])
    return values


IMAGES = st.integers(1, 5) | ODD_NUMBERS
LABELS = st.sampled_from([None, "even", "odd"]) | ODD_WORDS


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=spoiled(), image=IMAGES, label=LABELS)
def test_any_recipe_is_answered_or_refused_in_one_sentence(
    bench: Workbench, values: dict[str, Any], image: Any, label: str | None
) -> None:
    try:
        answer = bench.search(Recipe.from_dict(values), Query(image_id=image), label=label)
    except BenzerError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
    else:
        assert isinstance(answer, Answer)
        assert 1 <= len(answer.hits) <= 5
        assert len(answer.hits) == min(answer.recipe.k, answer.receipt.total)


@pytest.mark.parametrize("method", ["exact", "lsh", "kmeans", "hnsw"])
def test_a_collection_of_five_shows_all_and_says_so(bench: Workbench, method: str) -> None:
    answer = bench.search(Recipe("pile", "colour-histogram", embedding="flatten", method=method), Query.image(1))
    assert len(answer.hits) == 4
    assert answer.sentence().startswith("All 4 pictures")


def test_a_refusal_comes_soon(bench: Workbench) -> None:
    began = time.monotonic()
    for k in range(-50, 1):
        with pytest.raises(BenzerError):
            Recipe("pile", "colour-histogram", k=k)
    with pytest.raises(BenzerError):
        bench.search(Recipe("nothing", "colour-histogram"), Query.image(1))
    assert time.monotonic() - began < 10  # a hang, not a speed, is what this catches


WORDS = ("--k", "--metric", "--method", "--embedding", "--encoder", "--weights", "--crop", "--label", "--image")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=st.sampled_from(WORDS), value=ODD_WORDS | ODD_NUMBERS.map(str))
def test_any_word_on_the_command_line(
    bench: Workbench, capsys: pytest.CaptureFixture[str], word: str, value: str
) -> None:
    words = ["search", "--collection", "pile", "--encoder", "colour-histogram", "--embedding", "flatten", "--no-build"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENZER_HOME", str(bench.home.root))
        try:
            code = main([*words, *([] if word == "--image" else ["--image", "1"]), f"{word}={value}"])
        except SystemExit as ended:  # argparse refuses a word by itself, with its own sentence
            code = int(ended.code or 0)
    out, err = capsys.readouterr()
    assert code in (0, 1, 2)
    assert "Traceback" not in err
    assert bool(out) == (code == 0)
    if code == 1:
        assert len(err.strip().splitlines()) == 1


ABSURD = [math.nan, math.inf, -1, 2**63, 1j, "\x00", "x" * 500, b"cosine", [], [1], {"x": 1}, {1: 2}, object()]
SETTINGS = sorted(set(TrainingConfig.__dataclass_fields__))


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_absurd_value_of_a_training_is_named(setting: str) -> None:
    TrainingConfig()  # the first one imports what it looks sizes up in
    began = time.monotonic()
    for value in ABSURD:
        with pytest.raises(BadParameter) as caught:
            TrainingConfig.from_dict({setting: value})
        assert "\n" not in str(caught.value)
        assert len(str(caught.value).rpartition("; got ")[2]) <= 81, "80 characters of the value, and a full stop"
        assert len(str(caught.value)) < 500, "beside the names of all networks"
    assert time.monotonic() - began < 10  # a hang, not a speed, is what this catches


@settings(max_examples=200, deadline=None)
@given(
    values=st.dictionaries(
        st.sampled_from(SETTINGS) | ODD_WORDS,
        ODD_NUMBERS | ODD_WORDS | st.sampled_from([None, 0.1, 32, 64, "mix", "cosine", "one-cycle", {"t_0": 0}]),
        max_size=4,
    )
)
def test_any_training_is_accepted_whole_or_refused(values: dict[str, Any]) -> None:
    try:
        config = TrainingConfig.from_dict(values)
    except BadParameter as error:
        assert "\n" not in str(error)
    else:
        assert TrainingConfig.from_dict(config.as_dict()) == config


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    word=st.sampled_from(["model", *SETTINGS, "resume", "option", "collection", "nonsense"]),
    value=ODD_WORDS | ODD_NUMBERS.map(str),
)
def test_any_word_of_train_on_the_command_line(
    bench: Workbench, capsys: pytest.CaptureFixture[str], word: str, value: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENZER_HOME", str(bench.home.root))
        try:
            code = main(["train", "--collection=pile", "--model=1", f"--{word}={value}"])
        except SystemExit as ended:
            code = int(ended.code or 0)
    err = capsys.readouterr().err
    assert code in (1, 2)  # the pile is too small for any training
    assert "Traceback" not in err
    if code == 1:
        said = [line for line in err.strip().splitlines() if line and not line.startswith("Takes up to")]
        assert len(said) == 1, "one sentence, after what the training would take of the disk"


def test_a_home_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "file"))
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    assert main(["import", str(tmp_path)]) == 1
    assert "Traceback" not in capsys.readouterr().err
