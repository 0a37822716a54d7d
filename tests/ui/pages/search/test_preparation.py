"""What is missing before a search can answer, and how it is made or fetched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.core.errors import Offline
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import seeing, visited
from tests.ui.pages.search.conftest import RAW, headings, params, sentences, visit


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
