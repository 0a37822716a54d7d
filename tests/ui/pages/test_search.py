"""The logic of the search page, without a browser."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.collections.facts.where import parse_where
from engine.core.errors import MissingPackage, Offline, StorageFull
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.workbench.workbench import Answer, Query, Workbench
from tests.ui.app_pages import seeing, visited
from tests.ui.conftest import SCRIPT
from ui.pages.search.filters import row_of_filters
from ui.pages.search.tiles import result_pictures
from ui.sidebar.cluster_help import proposals

RAW = {"collection": "shapes", "encoder": "raw-pixels", "embedding": "max", "metric": "cosine", "method": "exact"}


_FILTERED = """
import streamlit as st
from ui.pages.search.filters import _filtered

for field, conditions in st.session_state.steps:
    _filtered("shapes", field, conditions)
"""


def visit(**address: str) -> AppTest:
    """A fresh visitor at that address."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def headings(test: AppTest) -> list[str]:
    return [element.value.replace("\\", "") for element in test.header]


def captions(test: AppTest) -> str:
    return "\n".join(element.value.replace("\\", "") for element in test.caption)


def sentences(test: AppTest) -> list[str]:
    return [element.value.replace("\\", "") for element in [*test.info, *test.error]]


def params(test: AppTest) -> dict[str, str]:
    """The address as the page left it."""
    return {name: value[0] if isinstance(value, list) else value for name, value in test.query_params.items()}


def test_a_bare_visit_answers_and_fills_the_address(bench: Workbench) -> None:
    test = visit(collection="shapes", encoder="raw-pixels", embedding="max")
    assert headings(test)[0] == "8 most similar to 00.png"
    assert "Exact search over 11 pictures" in captions(test)
    assert params(test) == {**RAW, "q": "1"}


def test_the_address_makes_the_recipe(bench: Workbench) -> None:
    test = visit(**RAW | {"metric": "euclidean", "method": "lsh(bits=3,tables=2)", "k": "4", "q": "5", "self": "1"})
    recipe = test.session_state.recipe
    assert str(recipe) == "shapes/raw-pixels/max/euclidean/lsh(bits=3,tables=2)/4"
    assert params(test)["method"] == "lsh(bits=3,tables=2)"
    assert params(test)["k"] == "4"
    assert test.session_state.query.image_id == 5


def test_a_result_tells_its_label_and_its_text(bench: Workbench) -> None:
    recipe = bench.recipe_of("shapes").but(encoder="raw-pixels", weights="", embedding="max")
    hit = bench.search(recipe, 1).hits[0]
    both, text, label = (
        replace(hit, label=label, text=text) for label, text in (("red", "kite"), ("", "kite"), ("red", ""))
    )
    shown = result_pictures(recipe, [both, text, label], "red")
    assert [picture.second for picture in shown] == ["red · kite", "kite", "red"]
    assert [picture.same for picture in shown] == [True, None, True]
    assert result_pictures(recipe, [both], "blue")[0].same is False


def test_a_changed_choice_changes_the_address(bench: Workbench) -> None:
    test = visit(**RAW, q="5")
    seeing(test).selectbox(key="metric").select("euclidean").run()
    assert params(test)["metric"] == "euclidean"
    assert params(test)["q"] == "5"


def test_what_is_done_to_the_vectors_is_a_choice_and_a_part_of_the_address(bench: Workbench) -> None:
    test = visit(**RAW | {"embedding": "avg-white"}, q="5")
    assert seeing(test).selectbox(key="embedding").value == "avg"
    assert seeing(test).selectbox(key="finish").value == "-white"
    assert headings(test)[0] == "Not searched yet"
    seeing(test).selectbox(key="finish").select("").run()
    assert params(test)["embedding"] == "avg"
    assert headings(test)[0].startswith("8 most similar")
    seeing(test).selectbox(key="finish").select("-white").run()
    assert str(test.session_state.recipe) == "shapes/raw-pixels/avg-white/cosine/exact/8"
    bench.run("embed", recipe=test.session_state.recipe.as_dict())
    test.run()
    assert headings(test)[0].startswith("8 most similar")
    test.query_params["embedding"] = "max"
    test.run()
    assert seeing(test).selectbox(key="finish").value == ""


@pytest.mark.parametrize("before", ["lsh(tables=20)", "kmeans(clusters=3)"])
def test_a_link_without_settings_takes_the_former_ones_back(bench: Workbench, before: str) -> None:
    test = visit(**RAW | {"method": before}, q="5")
    assert params(test)["method"] == before
    test.query_params["method"] = "lsh"
    test.run()
    assert str(test.session_state.recipe) == "shapes/raw-pixels/max/cosine/lsh/8"
    assert params(test)["method"] == "lsh"
    test.query_params["method"] = before.partition("(")[0]
    test.run()
    assert not test.session_state.recipe.options


def test_changing_the_collection_drops_the_query_picture(bench: Workbench) -> None:
    test = visit(**RAW, q="9")
    test.sidebar.selectbox(key="collection").select("few").run()
    assert test.session_state.query.image_id == 1
    assert not test.error


def test_fewer_pictures_than_asked_for_are_all_shown_and_it_says_so(bench: Workbench) -> None:
    test = visit(**RAW | {"collection": "few"})
    assert headings(test)[0] == "4 most similar to 00.png"
    assert "All 4 pictures" in captions(test)


@pytest.mark.parametrize(
    "broken",
    [
        {"k": "many"},
        {"k": "0"},
        {"k": "99999999999999999999"},
        {"q": "one"},
        {"q": "-1"},
        {"q": "1", "crop": "0,0,0,0"},
        {"q": "1", "crop": "nan,0,1,1"},
        {"q": "1", "crop": "0,0"},
        {"method": "lsh(bits=many)"},
        {"method": "lsh(bits=1e300)"},
        {"method": "lsh(nonsense=3)"},
        {"method": "lsh(bits=-5,tables=100000)"},
        {"method": "nothing"},
        {"method": ""},
        {"metric": "hamming"},
        {"encoder": "model-9@none"},
        {"encoder": "@"},
        {"embedding": "<b>"},
        {"collection": "../../etc"},
        {"label": "no such label"},
        {"self": "maybe"},
    ],
)
def test_a_broken_link_still_gives_an_answer_or_a_sentence(bench: Workbench, broken: dict[str, str]) -> None:
    test = visit(**RAW | broken)
    assert len(headings(test)) >= 1
    assert "unforeseen" not in "".join(element.value for element in test.error)


def test_a_picture_that_is_gone_has_a_way_out(bench: Workbench) -> None:
    test = visit(**RAW, q="4711")
    assert headings(test)[0] == "Picture not found"
    next(button for button in test.button if button.label == "Choose another picture").click().run()
    assert headings(test)[0].startswith("8 most similar to")


def test_a_label_narrows_the_answer(bench: Workbench) -> None:
    test = visit(**RAW, label="navy", q="1")
    assert headings(test)[0] == "6 most similar to 00.png"
    assert params(test)["label"] == "navy"


def test_quick_preparation_begins_by_itself_and_only_once(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr("engine.workbench.readiness._QUICK", 60.0)
    monkeypatch.setattr(
        Workbench,
        "start",
        lambda self, kind, recipe: started.append(f"{kind} {recipe['encoder']} {recipe['embedding']}"),
    )
    test = visit(**RAW | {"encoder": "colour-histogram"})
    assert started == ["embed colour-histogram max"]
    test.run()
    seeing(test).selectbox(key="metric").select("euclidean").run()
    assert len(started) == 1, "the same vectors"
    assert any(button.label.startswith("Prepare") for button in test.button), "and a way to ask for them"
    seeing(test).selectbox(key="finish").select("-dba").run()
    assert started[1:] == ["embed colour-histogram max-dba"]


def test_long_preparation_waits_for_the_button(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr("engine.workbench.readiness._QUICK", 60.0)
    monkeypatch.setattr("engine.workbench.cost._OTHER", 0.1)  # images per second, of 12: two minutes
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append(kind))
    visit(**RAW | {"encoder": "colour-histogram"})
    assert started == []


def test_missing_vectors_are_offered(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(**RAW | {"encoder": "colour-histogram"})
    assert headings(test)[0] == "Not searched yet"
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append({"kind": kind, **arguments}))
    next(button for button in test.button if button.label.startswith("Prepare")).click().run()
    assert started[0]["kind"] == "embed"
    assert started[0]["recipe"]["encoder"] == "colour-histogram"


def test_two_encoders_are_combined_and_taken_off_the_list(bench: Workbench) -> None:
    test = visit(**RAW)
    seeing(test).selectbox(key="combine-second").select("glcm").run()
    seeing(test).slider(key="combine-share").set_value(30).run()
    seeing(test).button(key="combine").click().run()
    assert params(test)["encoder"] == "raw-pixels+glcm+30"
    assert "raw-pixels+glcm+30" in [choice.name for choice in bench.choices()]
    bench.run("embed", recipe=test.session_state.recipe.as_dict())
    test.run()
    assert headings(test)[0].startswith("8 most similar")
    seeing(test).button(key="combine-forget").click().run()
    assert params(test)["encoder"] == "raw-pixels"
    assert "raw-pixels+glcm+30" not in [choice.name for choice in bench.choices()]
    linked = visit(**RAW | {"encoder": "raw-pixels+glcm+30"})
    assert headings(linked)[0].startswith("8 most similar"), "a link works without the list"


def test_missing_weights_are_fetched_with_one_click(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENZER_WEIGHTS", raising=False)
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append({"kind": kind, **arguments}))
    for encoder in ("resnet-50", "raw-pixels+resnet-50"):
        test = visit(**RAW | {"encoder": encoder})
        assert headings(test)[0] == "Not searched yet"
        assert "The weights of ResNet-50 (103 MB) are not on this computer yet." in sentences(test)
        next(button for button in test.button if button.label == "Download (103 MB)").click().run()
        assert (started[-1]["kind"], started[-1]["recipe"]["encoder"]) == ("fetch", encoder)


def test_weights_that_cannot_be_fetched_are_a_sentence(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.encoders.networks import weights as pretrained
    from engine.encoders.networks.job import fetch

    monkeypatch.delenv("BENZER_WEIGHTS", raising=False)
    asked: list[str] = []

    def offline(home: Any, network: Any, reporter: Any) -> None:
        asked.append(network.name)
        raise Offline("The weights of ResNet-50 need a download, and there is no way to the network.")

    monkeypatch.setattr(pretrained, "fetch", offline)
    recipe = Recipe("shapes", "raw-pixels+resnet-50")
    with pytest.raises(Offline):
        fetch({"home": str(bench.home.root), "recipe": recipe.as_dict()}, Reporter())
    assert asked == ["resnet-50"], "of two encoders the one whose weights are missing"


def test_damaged_vectors_are_made_again_with_a_click(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append(kind))
    stores = (small_home / "datasets" / "few" / "vectors").glob("raw-pixels-vector-*/*/hashes.npy")
    file = next(file for file in stores if "-sqrt-" not in str(file))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        test = visit(**RAW | {"collection": "few", "q": "1"})
        assert headings(test)[0] == "Search failed"
        test.button(key="prepare-again").click().run()
        assert started == ["embed"]
    finally:
        file.write_bytes(whole)


def test_damaged_weights_are_a_sentence(
    bench: Workbench, small_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small_home / "weights" / "pretrained_networks"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "resnet-18.json").write_text("{}")
    try:
        test = visit(**RAW | {"encoder": "resnet-18"})
        assert headings(test)[0] == "Search failed"
        assert "has been damaged" in test.error[0].value.replace("\\", "")
        assert "weights download resnet-18" in test.error[0].value.replace("\\", "")
    finally:
        (folder / "resnet-18.json").unlink()


def test_an_error_of_the_engine_is_two_sentences(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageFull("The disk refused to store `x`.", way_out="Free some space.")

    monkeypatch.setattr(Workbench, "search", full)
    test = visit(**RAW)
    assert "Free some space" in test.error[0].value.replace("\\", "")


def test_an_upload_is_searched_and_a_broken_one_is_named(bench: Workbench, small_home: Path) -> None:
    test = visit(**RAW)
    data = (small_home / "pictures" / "Shapes" / "navy" / "01.png").read_bytes()
    test.file_uploader[0].set_value(("mine.png", data, "image/png")).run()
    assert headings(test)[0] == "8 most similar to mine.png"
    assert "q" not in params(test)
    test.file_uploader[0].set_value(("tiny.png", _tiny(), "image/png")).run()
    assert headings(test)[0] == "8 most similar to tiny.png"
    test.file_uploader[0].set_value(("torn.png", data[:60], "image/png")).run()
    assert headings(test)[0] == "torn.png cannot be used"


def _tiny() -> bytes:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (3, 3), "red").save(out, "PNG")
    return out.getvalue()


def test_the_first_visit_says_what_it_is_and_starts_nothing(
    empty_bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workbench, "start", None)
    test = visit()
    assert "no picture leaves it" in test.markdown[0].value
    assert [button.label for button in test.button] == ["My folder …", "Drop pictures", "Try the sample"]


@pytest.mark.parametrize("page", ["search", "collections", "groups", "duplicates", "train", "compare"])
def test_a_link_to_a_missing_collection_says_so_in_an_empty_home(empty_bench: Workbench, page: str) -> None:
    test = visited(page)
    assert not test.warning
    test.query_params["collection"] = "holiday"
    said = [one.value.replace("\\", "") for one in test.run().warning]
    assert said == ["The collection “holiday” is not available: there are no collections yet."]
    assert not test.run().warning


def test_what_a_link_lacks_is_said_after_the_page_was_drawn_anew(bench: Workbench) -> None:
    test = AppTest.from_string(_ANEW, default_timeout=60).run()
    assert [one.value for one in test.warning] == ["Not available"]
    assert not test.run().warning


_ANEW = """
import streamlit as st
from ui.shared.messages import forget_complaint, show_complaint

if "begun" not in st.session_state:
    st.session_state.complaint = "Not available"
show_complaint()
if "begun" not in st.session_state:
    st.session_state.begun = True
    st.rerun()
forget_complaint()
"""


@pytest.mark.parametrize(("key", "tab"), [("first-folder_open", "My folders"), ("first-upload", "Upload")])
def test_the_first_visit_leads_to_adding_pictures(empty_bench: Workbench, key: str, tab: str) -> None:
    test = visit()
    test.button(key=key).click().run()
    assert test.title[0].value == "Collections"
    assert test.session_state["adding"]
    assert test.session_state.add_way == tab


def test_the_sample_is_searched_at_once(empty_bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workbench, "start", None)
    monkeypatch.setenv("BENZER_PRECISION", "float32")
    test = visit()
    test.button(key="first-sample").click().run()
    assert headings(test)[0].startswith("8 most similar to")
    assert test.session_state.collection == "sample-pictures"


def test_a_folder_that_has_vanished_is_a_sentence(bench: Workbench, small_home: Path, tmp_path: Path) -> None:
    folder = small_home / "pictures" / "Few"
    shutil.move(folder, tmp_path / "Few")
    try:
        test = visit(**RAW | {"collection": "few", "q": "1", "crop": "0.1,0.1,0.9,0.9"})
        assert "vanished" in "".join(element.value for element in test.error)
    finally:
        shutil.move(tmp_path / "Few", folder)


def _in_the_window(test: AppTest, key: str) -> AppTest:
    """Click a button in the window of the number of clusters, which a run of the whole page would close."""
    if key not in [button.key for button in test.button]:
        seeing(test).button(key="cluster-help").click().run()
    test.session_state.cluster_help_asked = True
    return test.button(key=key).click().run()


def test_clusters_can_be_chosen_by_measuring(bench: Workbench) -> None:
    test = _in_the_window(visit(**RAW | {"method": "kmeans"}), "cluster-measure")
    assert not test.exception
    assert len(test.get("plotly_chart")) == 1
    elbow = next(row for row in bench.cluster_help(test.session_state.recipe) if row["elbow"])["clusters"]
    _in_the_window(test, f"use-{elbow}")
    assert params(test)["method"] == f"kmeans(clusters={elbow})"
    seeing(test).selectbox(key="metric").select("euclidean").run()
    assert not test.get("plotly_chart")  # it was drawn from other distances


def test_measuring_clusters_without_vectors_is_a_sentence(bench: Workbench) -> None:
    test = _in_the_window(visit(**RAW | {"encoder": "colour-histogram", "method": "kmeans"}), "cluster-measure")
    assert "Shapes is not ready for Colour histogram yet" in test.error[0].value


def test_clusters_worth_taking() -> None:
    rows = [{"clusters": c, "inertia": 1 / c, "silhouette": s, "elbow": float(c == 3)} for c, s in ((2, 0.1), (3, 0.4))]
    assert list(proposals(rows)) == [3]
    rows[0]["silhouette"] = 0.5
    assert list(proposals(rows)) == [3, 2]


def test_pictures_that_were_left_out_are_named(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [panel for panel in visit(**RAW).expander if "not searched" in panel.label]
    monkeypatch.setattr(Workbench, "left_out", lambda *_: (("a *b*.png", "The file is cut off."), ("c.png", "Gone.")))
    test = visit(**RAW)
    panel = next(panel for panel in test.expander if panel.label == "2 pictures skipped: could not be read")
    assert panel.markdown[0].value.replace("\\", "") == "- a *b*.png: The file is cut off.\n- c.png: Gone."
    started: list[Any] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append(kind))
    test.button(key="left-out-again").click().run()
    assert started == ["embed"]


@pytest.mark.parametrize("missing", [False, True])
def test_a_method_that_cannot_answer_says_so_in_its_column(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    real = Workbench.search

    def search(self: Workbench, recipe: Recipe, query: Query, **options: Any) -> Answer:
        if missing and recipe.method == "hnsw":
            raise MissingPackage("HNSW", "faiss-cpu")
        return real(self, recipe, query, **options)

    monkeypatch.setattr(Workbench, "search", search)
    test = AppTest.from_string(_COMPARE, default_timeout=180).run()
    assert not test.exception
    assert [column.markdown[0].value for column in test.columns] == [
        "**Exact**",
        "**LSH**",
        "**k\\-means**",
        "**HNSW**",
    ]
    assert len([element for element in test.caption if "11 pictures · " in element.value]) == 4 - missing
    assert len(test.columns[3].error) == missing


_COMPARE = """
import streamlit as st
from ui.pages.search.method_comparison import comparison
from ui.session.query import set_query_image
from engine.core.recipe import Recipe

set_query_image(1)
st.session_state.include_query = False
st.session_state.compare = True
comparison(Recipe("shapes", "raw-pixels", embedding="max"))
"""


def test_further_results_are_in_the_address_and_a_new_search_begins_with_eight(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.pages.search.query_bar.random.choice", lambda ids: ids[4])
    test = visit(**RAW, q="1", shown="11")
    assert headings(test)[0] == "11 most similar to 00.png"
    assert params(test)["shown"] == "11"
    next(button for button in test.button if button.label == "Random picture").click().run()
    assert headings(test)[0].startswith("8 most similar")
    assert "shown" not in params(test)
    broken = visit(**RAW, q="1", shown="many")
    assert headings(broken)[0].startswith("8 most similar")


def test_several_examples_are_asked_with_and_stand_in_the_address(bench: Workbench) -> None:
    test = visit(**RAW, examples="#1 + #3@2 - #2")
    assert headings(test)[0] == "8 most similar to 2 pictures, unlike 1 picture"
    assert params(test)["examples"] == "#1 + #3@2 - #2"
    assert "2 × mean of 2 plus − mean of 1 minus" in captions(test)
    assert "q" not in params(test)
    assert bench.search(test.session_state.recipe, bench.parse_query("#1 + #3@2 - #2")).hits[0].id not in (1, 2, 3)
    test.sidebar.selectbox(key="collection").select("few").run()
    assert "examples" not in params(test), "its pictures are not in the other collection"


def test_words_among_the_examples_are_changed_in_the_field(bench: Workbench) -> None:
    test = visit(**RAW, examples='#1 + "navy" - #2')
    field = next(one for one in test.text_input if one.key == "words-typed")
    assert field.value == "navy"
    field.set_value("gold")
    next(button for button in test.button if button.label == "Search").click().run()
    assert params(test)["examples"] == '#1 - #2 + "gold"'


@pytest.mark.parametrize("broken", ["#1 -", "- #1", "#1 + upload:00000000", '#1 + "', "#4711", "#1[2,0,0,0]"])
def test_broken_examples_are_a_sentence(bench: Workbench, broken: str) -> None:
    test = visit(**RAW, examples=broken)
    assert headings(test)
    assert "unexpected" not in "".join(element.value for element in test.error)


def test_an_upload_has_an_address_of_its_own(bench: Workbench, small_home: Path) -> None:
    test = visit(**RAW)
    data = (small_home / "pictures" / "Shapes" / "navy" / "01.png").read_bytes()
    test.file_uploader[0].set_value(("mine.png", data, "image/png")).run()
    link = params(test)
    assert link["upload"] == hashlib.sha256(data).hexdigest()[:16]
    other = visit(**link)
    assert headings(other)[0] == "8 most similar to mine.png"
    test.file_uploader[1].set_value(("other.png", _tiny(), "image/png")).run()
    assert headings(test)[0] == "8 most similar to 2 pictures"
    linked = visit(**params(test))
    assert headings(linked)[0] == "8 most similar to 2 pictures"
    gone = visit(**RAW, upload="0" * 16)
    assert any("Part of this link" in element.value for element in gone.warning)


def test_filters_narrow_the_results_and_stand_in_the_address(bench: Workbench) -> None:
    test = visit(**RAW, q="1", where="folder=navy;size<1MP")
    assert headings(test)[0] == "6 most similar to 00.png"
    assert headings(test)[1] == "6 pictures that meet the filters"
    assert params(test)["where"] == "folder=navy;size<1MP"
    none = visit(**RAW, q="1", where="size>=12MP")
    assert headings(none)[0] == "Nothing found"
    assert "No picture of this collection meets the filter 'size>=12MP'." in sentences(none)
    broken = visit(**RAW, q="1", where="date>=never")
    assert any("Part of this link" in element.value for element in broken.warning)


def test_filters_of_the_row_are_those_the_collection_has_values_for(bench: Workbench) -> None:
    values = {"label": [("b", 2), ("a", 1)], "folder": [("x", 3)], "date": [("2023", 3)], "season": [("Summer", 3)]}
    where = parse_where("date>=2023-02-01;colour=red")
    row = {one.field: one for one in row_of_filters(values, "a", where, texts=False)}
    assert list(row) == ["label", "date", "size", "name", "season", "colour"]
    assert row["label"].values == [("a", "a (1)"), ("b", "b (2)")]
    assert row["label"].chosen == [("=", "a")]
    assert (row["date"].kind, row["date"].chosen) == ("dates", [(">=", "2023-02-01")])
    assert row["colour"].chosen == [("=", "red")]
    columns = {"column.baseColour": "Base colour", "column.base_colour": "Base colour", "column.ISBN": "ISBN"}
    named = row_of_filters({field: [("a", 1)] for field in columns}, "", [], texts=False)
    assert [one.title for one in named if one.field in columns] == list(columns.values())
    values["tag"] = [("lake", 1)]
    row = {one.field: one for one in row_of_filters(values, "", parse_where("label="), texts=False, unlabelled=True)}
    assert row["label"].values[-1] == ("", "without a label")
    assert row["label"].chosen == [("=", "")]
    assert row["tag"].values == [("lake", "lake (1)"), ("", "without a tag")]


def test_pictures_without_a_label_are_a_choice_of_the_filter(bench: Workbench) -> None:
    test = AppTest.from_string(_FILTERED, default_timeout=60)
    test.session_state.steps = [("label", [("=", "navy")]), ("label", [("=", "")])]
    test.run()
    assert not test.exception
    assert (test.session_state.label, test.session_state.where) == ("", {"shapes": "label="})
    test.session_state.steps = [("label", [("=", "navy")])]
    test.run()
    assert (test.session_state.label, test.session_state.where) == ("navy", {"shapes": ""})


def test_results_beyond_the_most_of_a_search_are_shown_too(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.pages.search.results.MAX_K", 4)
    monkeypatch.setattr("ui.pages.search.page.MAX_K", 4)
    assert headings(visit(**RAW, q="1", k="4", shown="9"))[0] == "9 most similar to 00.png"
    assert headings(visit(**RAW, q="1", k="4", shown="3000"))[0] == "11 most similar to 00.png"
    assert headings(visit(**RAW, q="1", k="4"))[0] == "4 most similar to 00.png"
