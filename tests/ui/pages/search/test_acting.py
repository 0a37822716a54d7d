"""What is done with pictures of the search page, and what is kept of searches, without a browser."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from engine.collections.labelling import last_writing, undo_labels, write_labels
from engine.core.errors import NotFound
from engine.search.saved import SavedSearch
from engine.workbench.workbench import Workbench
from tests.ui.pages.search.conftest import RAW, headings, params, visit
from ui import web
from ui.pages.search import files
from ui.pages.search.saved import described
from ui.session.facts import date_shown, facts_shown, stars_of, suggestions_shown, taken_away
from ui.widgets.picture_grid import Picture

_ACT = """
import streamlit as st
from ui.pages.search.acting import act_on, bar_of_selection

for what, ids, value in st.session_state.steps:
    act_on(st.session_state.collection, what, ids, value)
bar_of_selection(st.session_state.collection)
"""


def acted(*steps: tuple[str, list[int], Any], collection: str = "shapes") -> AppTest:
    """The session after these acts on pictures."""
    test = AppTest.from_string(_ACT, default_timeout=60)
    test.session_state.steps, test.session_state.collection = list(steps), collection
    test.run()
    assert not test.exception
    return test


def act(*steps: tuple[str, list[int], Any], collection: str = "shapes") -> Any:
    """What the page says after them."""
    return acted(*steps, collection=collection).session_state.act_notice


def test_tags_and_stars_are_given_and_taken_back(bench: Workbench) -> None:
    notice = act(("tag", [1, 2, 3], "lake"))
    assert (notice.text, notice.undo) == ("Tagged 3 pictures “lake”.", True)
    assert bench.picture_facts("shapes", 2).tags == ("lake",)
    assert len(bench.meeting("shapes", "tag=lake")) == 3
    assert act(("untag", [2], "lake")).text == "Removed the tag “lake” from 1 picture."
    assert act(("stars", [1], 4), ("undo", [], None)).text == "The former tags and stars of 1 picture are back."
    assert bench.picture_facts("shapes", 1).stars == 0
    act(("tag", [1], "a"), ("undo", [], None))
    bench.mark("shapes", [1, 3], remove=["lake"])
    assert not len(bench.meeting("shapes", "tag=lake"))


def test_stars_are_known_where_pictures_are_shown(bench: Workbench) -> None:
    bench.mark("shapes", [2], stars=3)
    assert stars_of("shapes") == {2: 3}
    bench.undo_mark("shapes")
    assert stars_of("shapes") == {}
    assert "stars" not in Picture(1, "", "a").as_data()
    assert Picture(1, "", "a", stars=2).as_data()["stars"] == 2


def test_what_changed_nothing_cannot_be_taken_back(bench: Workbench) -> None:
    """Undo would revert whatever was done before."""
    bench.mark("shapes", [1], add=["kept"])
    assert not act(("tag", [1], "kept")).undo
    notice = act(("tag", [1], "kept"), ("undo", [], None))
    assert (notice.text, notice.wrong) == ("There is nothing to take back.", True)
    assert bench.picture_facts("shapes", 1).tags == ("kept",)
    label = bench.picture_facts("shapes", 1).label
    assert not act(("label", [1], label)).undo
    bench.undo_mark("shapes")


def test_undo_reverts_what_its_notice_says_even_after_changes_in_another_tab(bench: Workbench) -> None:
    test = acted(("tag", [1], "mine"))
    bench.mark("shapes", [2], add=["theirs"])
    test.session_state.steps = [("undo", [], None)]
    test.run()
    assert [bench.picture_facts("shapes", id).tags for id in (1, 2)] == [(), ("theirs",)]
    bench.undo_mark("shapes")
    before = bench.picture_facts("shapes", 1).label
    test = acted(("label", [1], "mine"))
    write_labels(bench.collection("shapes"), {2: "theirs"}, "another tab")
    test.session_state.steps = [("undo", [], None)]
    test.run()
    assert [bench.picture_facts("shapes", id).label for id in (1, 2)] == [before, "theirs"]
    undo_labels(bench.collection("shapes"))


def test_undo_is_of_the_own_act_though_that_of_another_visitor_follows_at_once(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = Workbench.mark

    def marked(self: Workbench, *given: Any, **options: Any) -> int:
        done = mark(self, *given, **options)
        mark(self, "shapes", [2], add=["theirs"])
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Workbench, "mark", marked)
        test = acted(("tag", [1], "mine"))
    test.session_state.steps = [("undo", [], None)]
    test.run()
    assert [bench.picture_facts("shapes", id).tags for id in (1, 2)] == [(), ("theirs",)]
    bench.undo_mark("shapes")


def test_what_was_changed_again_since_is_said_to_stay(bench: Workbench) -> None:
    test = acted(("tag", [1], "mine"))
    bench.mark("shapes", [1], add=["theirs"])
    test.session_state.steps = [("undo", [], None)]
    test.run()
    assert test.session_state.act_notice.text == "These tags and stars have been changed again since, so they stay."
    assert bench.picture_facts("shapes", 1).tags == ("mine", "theirs")
    bench.mark("shapes", [1], remove=["mine", "theirs"])


def test_labels_are_given_and_taken_back(bench: Workbench) -> None:
    before = bench.picture_facts("shapes", 1).label
    notice = act(("label", [1], "red kite"))
    assert notice.undo
    assert bench.picture_facts("shapes", 1).label == "red kite"
    assert act(("label", [2], "x"), ("undo", [], None)).text == "The former labels of 1 picture are back."
    bench.collection("shapes")
    act(("label", [1], before))


def test_a_suggested_label_is_accepted_and_taken_back(bench: Workbench) -> None:
    before = bench.picture_facts("shapes", 1).label
    notice = act(("suggested", [1], "red kite"))
    assert (notice.text, notice.undo) == ("Labelled 1 picture “red kite”, as suggested.", True)
    assert last_writing(bench.collection("shapes"))["what"] == "suggested labels"
    assert act(("suggested", [4711], "red kite")).wrong
    assert act(("suggested", [1], "kite"), ("undo", [], None)).text == "The former labels of 1 picture are back."
    assert bench.picture_facts("shapes", 1).label == "red kite"
    undo_labels(bench.collection("shapes"))
    assert bench.picture_facts("shapes", 1).label == before


def test_labels_are_suggested_with_their_probability_and_not_twice(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = bench.picture_facts("shapes", 1)
    assert suggestions_shown("shapes", facts) == []  # there are no vectors of the network
    found = [(facts.label.upper(), 0.81), ("lemon", 0.124)]
    monkeypatch.setattr(Workbench, "suggested_labels", lambda self, collection, id: found)
    assert suggestions_shown("shapes", facts) == [["lemon", "12\xa0%"]]


def test_what_cannot_be_done_is_a_sentence(bench: Workbench) -> None:
    assert act(("tag", [1], "  ")).wrong
    assert act(("tag", [4711], "lake")).wrong
    assert act(("nonsense", [1], None)).wrong
    assert "outside the folders" in act(("files", [1], "/etc/benzer")).text


def test_files_are_copied_to_a_folder_that_is_made(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(tmp_path))
    notice = act(("files", [1, 2], f"{tmp_path}/best"))
    assert notice.text == f"Copied 2 files to {tmp_path}/best."
    assert len(list((tmp_path / "best").iterdir())) == 2
    act(("files", [1], f"{tmp_path}/best"))
    assert len(list((tmp_path / "best").iterdir())) == 3, "nothing is overwritten"


def test_a_folder_that_cannot_be_made_is_named(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(tmp_path))
    (tmp_path / "file").touch()
    assert act(("files", [1], f"{tmp_path}/file")).text == (
        f"The folder '{tmp_path}/file' cannot be made: file exists. Choose another folder."
    )
    assert act(("files", [1], f"{tmp_path}/a\0b")).wrong


def test_copies_are_taken_back(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(tmp_path))
    notice = act(("files", [1, 2], f"{tmp_path}/best"), ("undo", [], None))
    assert notice.text == f"2 copied files removed from {tmp_path}/best."
    assert not list((tmp_path / "best").iterdir())


@pytest.fixture
def folder(bench: Workbench, tmp_path: Path) -> Iterator[Path]:
    """Three pictures in a folder, as the collection "own"."""
    for number in range(3):
        Image.new("RGB", (16, 16), (80 * number, 20, 90)).save(tmp_path / f"{number}.png")
    bench.run("import", source="folder", title="Own", path=str(tmp_path))
    yield tmp_path
    bench.remove("own")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.png"))


def test_pictures_are_moved_to_the_trash_and_back(folder: Path) -> None:
    notice = act(("trash", [1, 2], None), collection="own")
    assert re.fullmatch(r"2 pictures \(.*\) moved to the trash\. The trash is listed under Duplicates\.", notice.text)
    assert (notice.undo, notice.gone) == (True, (1, 2))
    assert names(folder) == ["2.png"]
    again = act(("trash", [3, 1], None), ("undo", [], None), collection="own")
    assert "restored." in again.text
    assert names(folder) == ["2.png"]


def test_results_are_there_at_once_after_pictures_went_and_came_back(
    folder: Path, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = bench.default_recipe("own").but(encoder="raw-pixels", weights="", embedding="max")
    bench.run("embed", recipe=recipe.as_dict())
    monkeypatch.setattr("engine.workbench.readiness._QUICK", 180.0)
    address = RAW | {"collection": "own", "q": "3"}
    test = visit(**address)
    assert headings(test)[0] == "2 most similar to 2.png"
    outcome = bench.drop_duplicates("own", bench.to_trash("own", [1]))
    assert headings(test.run())[0] == "1 most similar to 2.png"
    bench.restore_dropped("own", outcome.batch)
    assert headings(test.run())[0] == "2 most similar to 2.png"
    assert all(job.config["arguments"]["recipe"]["collection"] != "own" for job in bench.jobs() if job.kind == "embed")


def test_a_picture_of_the_query_that_is_gone_is_no_longer_searched_with(folder: Path) -> None:
    test = acted(("examples", [1, 3], None), ("trash", [1], None), collection="own")
    assert test.session_state.query.image_id == 3
    assert acted(("similar", [3], None), ("trash", [3], None), collection="own").session_state.query is None


def test_many_pictures_are_moved_by_a_job(folder: Path, monkeypatch: pytest.MonkeyPatch, bench: Workbench) -> None:
    monkeypatch.setattr(files, "AT_ONCE", 1)
    test = acted(("trash", [1, 2], None), collection="own")
    assert test.session_state.act_notice.text == "Moving 2 pictures to the trash in the background."
    assert bench.job(test.session_state.act_job).wait(120) == "done"
    test.session_state.steps = []
    test.run()
    assert "moved to the trash" in test.session_state.act_notice.text
    assert names(folder) == ["2.png"]
    test.session_state.steps = [("undo", [], None)]
    test.run()
    assert len(names(folder)) == 3


@pytest.fixture
def packed(folder: Path, bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """The pictures of the collection "packed", which came in an archive."""
    path = shutil.make_archive(str(tmp_path_factory.mktemp("archive") / "packed"), "zip", folder)
    bench.run("import", source="archive", title="Packed", path=path)
    yield bench.collection("packed").images().ids.tolist()
    bench.remove("packed")


def test_what_cannot_be_moved_says_why(folder: Path, packed: list[int]) -> None:
    notice = act(("trash", packed, None), collection="packed")
    assert notice.text.startswith("Nothing was changed: It was copied into Benzer")
    (folder / "0.png").unlink()
    (folder / "1.png").write_bytes(b"another")
    notice = act(("trash", [1], None), collection="own")
    assert (notice.wrong, notice.text) == (True, "Nothing was changed: The file is no longer there.")
    assert (
        act(("trash", [2], None), collection="own").text == "Nothing was changed: It has changed since it was listed."
    )


def test_sidecar_files_are_written(folder: Path, packed: list[int], bench: Workbench) -> None:
    bench.mark("own", [1], add=["lake"], stars=5)
    assert act(("sidecars", [1, 2], None), collection="own").text == "1 sidecar file written, 1 unchanged."
    assert "lake" in (folder / "0.png.xmp").read_text("utf-8")
    bench.mark("own", [2], stars=1)
    written = act(("sidecars", [1, 2], None), ("undo", [], None), collection="own")
    assert written.text == "1 sidecar file as before."
    assert not (folder / "1.png.xmp").exists()
    assert (folder / "0.png.xmp").exists()
    notice = act(("sidecars", packed, None), collection="packed")
    assert notice.wrong
    assert notice.text.startswith("No sidecar file was written: ")


def test_a_selection_is_searched_with(bench: Workbench) -> None:
    test = acted(("examples", [1, 3, 5], None), ("minus", [2], None), ("plus", [2], None))
    assert [one.image_id for one in test.session_state.query.examples] == [1, 3, 5, 2]
    assert all(one.weight == 1 for one in test.session_state.query.examples)


def test_a_search_is_saved_and_made_again(bench: Workbench) -> None:
    test = visit(**RAW, examples="#1 - #2", where="folder=navy", self="1")
    test.session_state["searches-0"] = True
    test.run()
    next(field for field in test.text_input if field.key == "search-name").set_value("Blue ones")
    test.button(key="search-save").click().run()
    kept = bench.saved_search("blue ones")
    assert (kept.query, kept.where, kept.include_query) == ("#1 - #2", "folder=navy", True)
    assert described(kept) == "00.png - 02.png · folder=navy"
    assert test.session_state["search-name"] == ""
    assert [search.name for search in bench.saved_searches()] == ["Blue ones"]
    test.button(key="search-save").click().run()
    assert bench.forget_search("00.png - 02.png · folder=navy").query == "#1 - #2", (
        "a search without a name says itself"
    )
    other = visit(**RAW, q="3")
    other.session_state["searches-0"] = True
    other.run()
    other.button(key="Saved-0").click().run()
    assert params(other)["examples"] == "#1 - #2"
    assert params(other)["where"] == "folder=navy"
    other.session_state["searches-1"] = True
    other.run()
    other.button(key="forget-0").click().run()
    assert not bench.saved_searches()


def test_searches_that_were_asked_for_are_in_the_history(bench: Workbench) -> None:
    bench.clear_history()
    visit(**{name: value for name, value in RAW.items() if name != "method"})
    assert not bench.search_history(), "nobody asked for the proposed picture"
    test = visit(**RAW, q="5")
    assert [one.query for one in bench.search_history("shapes")] == ["#5"]
    test.run()
    assert len(bench.search_history()) == 1
    assert headings(test)


def test_a_search_whose_picture_is_gone_is_described() -> None:
    gone = SavedSearch("nowhere/raw-pixels/max/cosine/exact/8", '#9 + upload:1f3a09c2 + "striped"', "cat", "size>=1MP")
    assert described(gone) == 'picture 9 + an uploaded picture + "striped" · cat · size>=1MP'


def test_facts_for_people(bench: Workbench) -> None:
    shown = facts_shown(bench.picture_facts("shapes", 1))
    assert (shown["name"], shown["folder"], shown["date"]) == ("00.png", "gold", "")
    assert shown["size"].startswith("40 × 40 · ")
    assert date_shown("2023-07-02T09:05:00") == "2 July 2023, 09:05"


def test_a_file_whose_name_is_no_text(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(os.fsdecode(b"/pictures/\xff.png"))
    shown = facts_shown(replace(bench.picture_facts("shapes", 1), path=path))
    assert json.dumps(shown, ensure_ascii=False).encode()
    assert shown["path"] == "/pictures/\ufffd.png"
    monkeypatch.setattr("ui.session.facts.workbench", lambda: SimpleNamespace(paths=lambda *_: [path, path]))
    assert taken_away("shapes", [1, 2], "txt")[0] == b"/pictures/\xff.png\n/pictures/\xff.png"


def test_pictures_are_taken_away_as_paths_table_and_page(bench: Workbench) -> None:
    paths, media = taken_away("shapes", [1, 2], "txt")
    assert isinstance(paths, bytes)
    assert [Path(os.fsdecode(line)).name for line in paths.splitlines()] == ["00.png", "02.png"]
    assert media == "text/plain"
    rows = list(csv.DictReader(io.StringIO(str(taken_away("shapes", [2], "csv")[0]).removeprefix("\ufeff"))))
    assert [(row["name"], row["width"]) for row in rows] == [("gold/02.png", "40")]
    page, _ = taken_away("shapes", [1], "html")
    assert "data:image/webp;base64," in str(page)
    packed, media = taken_away("shapes", [1, 2], "zip")
    assert media == "application/zip"
    assert not isinstance(packed, str | bytes)
    with packed, zipfile.ZipFile(packed) as opened:
        assert opened.namelist() == ["00.png", "02.png"]
        assert opened.read("02.png") == bench.paths("shapes", [2])[0].read_bytes()
    for ids, kind in (([4711], "csv"), ([4711], "txt"), ([1], "exe"), ([4711], "zip")):
        with pytest.raises(NotFound):
            taken_away("shapes", ids, kind)


def test_a_zip_is_sent_in_parts(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_BLOCK", 100)
    client = TestClient(Starlette(routes=[Route("/selected/{collection}.{kind}", web.selected)]))
    sent = client.get("/selected/shapes.zip?ids=1,2")
    assert sent.headers["content-length"] == str(len(sent.content))
    assert len(sent.content) > 100
    assert zipfile.ZipFile(io.BytesIO(sent.content)).namelist() == ["00.png", "02.png"]
    assert client.get("/selected/shapes.txt?ids=1").headers["content-type"].startswith("text/plain")
    assert client.get("/selected/shapes.zip?ids=4711").status_code == 404
