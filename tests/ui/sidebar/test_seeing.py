"""The chip that holds the encoder, the pooling, the distance and the search method."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.comparisons.figures import Figure
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import labels, seeing, texts, visited
from ui.sidebar import encoder_picker
from ui.sidebar.seeing import css_text

RAW = {"collection": "shapes", "encoder": "raw-pixels", "embedding": "max", "metric": "cosine", "method": "exact"}


@pytest.fixture
def shelves(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was last put on the shelves, and what a click does."""
    drawn: list[Any] = []
    monkeypatch.setattr(
        encoder_picker, "encoder_shelves", lambda found, chosen, **named: drawn.append((found, chosen, named))
    )
    return drawn


def lines(drawn: list[Any]) -> dict[str, dict[str, Any]]:
    return {shelf.title: {line.key: line for line in shelf.lines} for shelf in drawn[-1][0]}


@pytest.mark.parametrize("page", ["search", "groups", "hashing"])
def test_it_is_shown_where_it_is_used(bench: Workbench, page: str) -> None:
    test = visited(page, **RAW)
    assert "seeing-open-0" in test.session_state
    assert "metric" not in [box.key for box in test.selectbox], "closed"
    assert seeing(test).selectbox(key="metric").value == "cosine"


@pytest.mark.parametrize("page", ["collections", "train", "compare", "classify"])
def test_it_is_not_shown_where_it_is_not_used_and_nothing_is_forgotten(bench: Workbench, page: str) -> None:
    test = visited(page, **RAW | {"finish": "", "metric": "euclidean", "method": "lsh", "lsh.bits": 5})
    assert "seeing-open-0" not in test.session_state
    assert str(test.session_state.recipe) == "shapes/raw-pixels/max/euclidean/lsh(bits=5)/8"
    test.session_state.go_to = "search"
    test.run()
    assert str(test.session_state.recipe) == "shapes/raw-pixels/max/euclidean/lsh(bits=5)/8"


def test_choices_stay_when_it_is_closed(bench: Workbench) -> None:
    test = visited("search", **RAW)
    seeing(test).selectbox(key="method").select("lsh").run()
    seeing(test).number_input(key="lsh.bits").set_value(4).run()
    test.session_state["seeing-open-0"] = False
    test.run()
    assert str(test.session_state.recipe).endswith("lsh(bits=4)/8")
    seeing(test).number_input(key="k").set_value(3).run()
    assert str(test.session_state.recipe).endswith("lsh(bits=4)/3")


def test_three_shelves_with_what_is_missing_and_what_was_measured(
    bench: Workbench, shelves: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {"hog": Figure(0.75, "precision@8", "max"), "raw-pixels": Figure(0.5, "altered pictures found", "max")}
    monkeypatch.setattr(Workbench, "encoder_figures", lambda self, collection: figures)
    monkeypatch.setattr(encoder_picker, "measured_images_per_second", lambda home, name: 1234.0)
    seeing(visited("search", **RAW))
    found, chosen, _ = shelves[-1]
    assert [shelf.title for shelf in found] == ["For photographs", "Needs no download", "Your own"]
    assert chosen == "raw-pixels"
    network = lines(shelves)["For photographs"]["resnet-50"]
    assert (network.title, network.state) == ("ResNet-50", "not downloaded")
    assert network.facts == "103 MB · 1,234 pictures/s on this computer"
    assert lines(shelves)["Needs no download"]["hog"].figure == "precision@8 0.750"
    assert lines(shelves)["Needs no download"]["raw-pixels"].figure == "altered pictures found 50\xa0%"
    assert lines(shelves)["Your own"]["model-1"].state == "not trained yet"


def test_choosing_takes_the_pooling_that_suits(bench: Workbench, shelves: list[Any]) -> None:
    test = visited("search", **RAW)
    seeing(test)
    chosen = AppTest.from_function(_choose, args=()).run()
    assert not chosen.exception
    assert (chosen.session_state.encoder, chosen.session_state.embedding) == ("resnet-50", "avg")
    assert chosen.session_state.finish == "-sqrt"


def _choose() -> None:
    from ui.sidebar.encoder_picker import _choose

    _choose({"resnet-50": "avg-sqrt"}, "resnet-50")
    _choose({"resnet-50": "avg-sqrt"}, "a key that a browser made up")


def test_what_the_chosen_encoder_needs_is_offered_in_place(bench: Workbench) -> None:
    test = visited("search", **RAW | {"encoder": "resnet-50"})
    seeing(test)
    assert r"Download ResNet\-50 (103 MB)" in labels(test)
    test = visited("search", **RAW | {"encoder": "model-1"})
    seeing(test)
    test.button(key="seeing-train").click().run()
    assert test.title[0].value == "Train"


def test_measuring_here_starts_the_quick_comparison(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append((kind, arguments)))
    seeing(visited("search", **RAW)).button(key="seeing-measure").click().run()
    assert started == [("quick", {"collection": "shapes"})]


def test_a_weights_file_can_be_added(bench: Workbench) -> None:
    test = visited("search", **RAW)
    seeing(test)
    test.file_uploader(key="weights-file-0").set_value(("net.pth", b"no weights", "application/octet-stream")).run()
    test.button(key="weights-file-add").click().run()
    assert "net.pth holds no plain tensors" in texts(test)


def test_no_name_of_an_encoder_ends_its_string_in_the_style_sheet() -> None:
    assert css_text('a"}</style>\\') == "a\\22 \\7d \\3c \\2f style\\3e \\5c "
