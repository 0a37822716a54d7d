"""Several examples, filters and further results on the workbench and on the command line, from file to replay."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.distances import cosine, normalised
from engine.core.errors import BadParameter, NothingKnown
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.search.examples import Example
from engine.workbench import examples
from engine.workbench.workbench import Query, Workbench

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 210)}
EACH = 8
RECIPE = Recipe("colours", "colour-histogram", embedding="flatten")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    root = tmp_path_factory.mktemp("examples")
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (root / "pictures" / label).mkdir(parents=True)
        for number in range(EACH):
            pixels = np.clip(rng.normal(colour, 25, (40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / "pictures" / label / f"{label}_{number:02d}.png")
    made = Workbench(Home(root / "home"))
    made.run("import", source="folder", title="Colours", path=str(root / "pictures"))
    made.run("embed", recipe=RECIPE.as_dict())
    return made


def ids(bench: Workbench, label: str) -> list[int]:
    images = bench.collection("colours").images()
    return [int(id) for id, own in zip(images.ids, images.labels, strict=True) if own == label]


def test_plus_and_minus_are_the_arithmetic_over_stored_vectors(bench: Workbench) -> None:
    [red, *_], [green, *_] = ids(bench, "red"), ids(bench, "green")
    query = Query.of(Example(image_id=red), Example(image_id=green, weight=-1))
    answer = bench.search(RECIPE, query)
    vectors = bench._open(RECIPE).searcher.vectors
    rows = {int(id): row for row, id in enumerate(vectors.ids)}
    unit = normalised(np.asarray(vectors.matrix))
    wanted = 2 * unit[rows[red]] - unit[rows[green]]
    order = [int(vectors.ids[row]) for row in np.argsort(cosine(wanted[None], unit)[0], kind="stable")]
    assert [hit.id for hit in answer.hits] == [id for id in order if id not in (red, green)][:8]
    assert "2 × mean of 1 plus − mean of 1 minus" in answer.sentence()
    assert answer.receipt.total == 3 * EACH - 2
    assert red in [hit.id for hit in bench.search(RECIPE, query, include_query=True).hits]


def test_three_of_each_are_learned_from(bench: Workbench) -> None:
    like, unlike = ids(bench, "blue")[:3], ids(bench, "red")[:3]
    query = Query.of(*(Example(image_id=id) for id in like), *(Example(image_id=id, weight=-1) for id in unlike))
    answer = bench.search(RECIPE.but(method="lsh", k=5), query)
    assert {hit.label for hit in answer.hits} == {"blue"}
    assert (answer.recipe.method, answer.recipe.k) == ("exact", 5)
    assert "logistic regression over 3 plus and 3 minus examples" in answer.sentence()
    assert len(bench.further(answer, 100)) == 3 * EACH - 6 - 5


def test_the_time_of_learned_distances_is_that_of_the_search(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    learned = examples.learned_distances
    monkeypatch.setattr(examples, "learned_distances", lambda *given: time.sleep(0.1) or learned(*given))
    shown = [Example(image_id=id, weight=sign) for sign, name in ((1, "red"), (-1, "green")) for id in ids(bench, name)]
    receipt = bench.search(RECIPE, Query.of(*shown[:4], *shown[-4:])).receipt
    assert receipt.milliseconds > 99
    assert receipt.encode_milliseconds < receipt.milliseconds


def test_words_stand_for_the_pictures_that_they_name(bench: Workbench) -> None:
    [red, *_] = ids(bench, "red")
    query = Query.of(Example(image_id=red, weight=0.1), Example(text="blue_0"), Example(text="green_0", weight=-1))
    assert {hit.label for hit in bench.search(RECIPE.but(k=4), query).hits} == {"blue"}
    with pytest.raises(NothingKnown):
        bench.search(RECIPE, Query.of(Example(image_id=red), Example(text="xyzzy")))


def test_results_come_in_pages_to_the_last(bench: Workbench) -> None:
    answer = bench.search(RECIPE, Query.image(1), where="label!=red")
    further = bench.further(answer, 5)
    assert [hit.rank for hit in further] == [9, 10, 11, 12, 13]
    everything = bench.search(RECIPE.but(k=100), Query.image(1), where="label!=red")
    assert list(everything.hits[8:13]) == list(further)
    with pytest.raises(BadParameter, match="count of further results"):
        bench.further(answer, 0)


def test_a_filter_by_what_a_person_gave_follows_it(bench: Workbench) -> None:
    blue, asked = ids(bench, "blue"), Query.image(ids(bench, "red")[0])
    bench.mark("colours", blue[:3], add=["sea"], stars=4)
    answer = bench.search(RECIPE, asked, where="tag=sea;stars>=4")
    assert {hit.id for hit in answer.hits} == set(blue[:3])
    assert bench.filter_values("colours")["tag"] == [("sea", 3)]
    bench.mark("colours", blue[:1], remove=["sea"])
    assert len(bench.search(RECIPE, asked, where="tag=sea").hits) == 2
    assert bench.search(RECIPE, Query(name="png", text="png"), where="label=blue").written
    bench.undo_mark("colours")
    bench.undo_mark("colours")


def test_a_query_goes_into_an_address_and_back(bench: Workbench, tmp_path: Path) -> None:
    data = tmp_path / "a.png"
    Image.new("RGB", (9, 9), (200, 0, 0)).save(data)
    query = Query.of(Example(data=data.read_bytes(), name="a.png"), Example(text="sea", weight=-0.5))
    text = bench.print_query(query)
    assert text.startswith("upload:")
    assert text.endswith(' - "sea"@0.5')
    assert bench.parse_query(text) == query
    assert bench.parse_query(bench.print_query(Query.image(7, (0, 0, 0.5, 1)))) == Query.image(7, (0, 0, 0.5, 1))


def test_a_saved_search_is_made_again(bench: Workbench) -> None:
    query = Query.of(Example(image_id=1), Example(image_id=20, weight=-1))
    answer = bench.search(RECIPE, query, label="red", where="size>=10px")
    bench.save_search("Reds", answer)
    bench.remember_search(answer)
    found = bench.saved_search("reds")
    recipe, again = bench.recipe_and_query(found)
    repeated = bench.search(recipe, again, label=found.label, where=found.where)
    assert [hit.id for hit in repeated.hits] == [hit.id for hit in answer.hits]
    assert bench.saved_searches("other") == []
    assert len(bench.search_history("colours")) == 1
    bench.forget_search("Reds")


@pytest.fixture
def command(bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """A command in the home of the bench: its status and what it prints."""
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))

    def run(*words: str) -> tuple[int, str, str]:
        status = main(list(words))
        return status, *capsys.readouterr()

    return run


FLAGS = ("--collection", "colours", "--encoder", "colour-histogram", "--pooling", "flatten")


def test_the_command_line_asks_with_several_examples_and_replays_them(
    command, bench: Workbench, tmp_path: Path
) -> None:
    blue = tmp_path / "sea.png"
    Image.new("RGB", (40, 50), COLOURS["blue"]).save(blue)
    [red, *_] = ids(bench, "red")
    status, out, _ = command("search", *FLAGS, "--where", "label!=green", "--json", str(blue), "-", f"#{red}")
    assert status == 0
    body = json.loads(out)
    assert {hit["label"] for hit in body["hits"][:5]} == {"blue"}
    assert [one["weight"] for one in body["query"]["examples"]] == [1, -1]
    assert body["query"]["examples"][1]["name"] == "red/red_00.png"
    assert body["where"] == "label!=green"
    export = tmp_path / "answer.json"
    export.write_text(out, "utf-8")
    assert command("search", "--replay", str(export))[:2] == (0, "The same results.\n")
    blue.unlink()  # its bytes are kept for a while
    assert command("search", "--replay", str(export))[:2] == (0, "The same results.\n")
    body["query"]["examples"][0]["weight"] = -1.0
    body["query"]["examples"][1]["weight"] = 1.0
    export.write_text(json.dumps(body), "utf-8")
    assert command("search", "--replay", str(export))[0] == 1


def test_an_upload_is_asked_with_by_its_digits(command, bench: Workbench, tmp_path: Path) -> None:
    Image.new("RGB", (40, 50), COLOURS["green"]).save(tmp_path / "g.png")
    digest = bench.keep_upload((tmp_path / "g.png").read_bytes(), "g.png")
    status, out, _ = command("search", *FLAGS, "--json", f"upload:{digest[:16]}")
    assert (status, json.loads(out)["hits"][0]["label"]) == (0, "green")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--where", "size>=big", "--image", "1"), "The size of a filter must be"),
        (("--where", "colour=red", "--image", "1"), "The field of a filter must be one of label"),
        (("a.png", "b.png"), "The examples of the query must be"),
        (
            ("#1", "-", "#2", "--crop", "0,0,1,1"),
            "--crop does not go with a search with several examples: it",
        ),
        (("#1", "-", "missing.jpg"), "missing.jpg cannot be used as a query"),
        (("upload:00000000",), "no longer kept"),
    ],
)
def test_bad_examples_and_filters_get_one_sentence(command, words: tuple[str, ...], sentence: str) -> None:
    status, out, error = command("search", *FLAGS, *words)
    assert (status, out) == (1, "")
    assert sentence in error
    assert error.count("\n") == 1
