"""What the page of duplicates decides: choices, marks, what is taken away, undo, and what is said."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
import streamlit as st
from PIL import ExifTags, Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from engine.duplicates.decisions import decisions_of
from engine.duplicates.groups import FoundDuplicates
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import scene
from tests.ui.app_pages import labels, texts, visited
from ui import web
from ui.pages.duplicates import state, work
from ui.session.opened import workbench
from ui.widgets.culling import Marks, culling_data


@pytest.fixture
def here(empty_bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """The collection `scenes`: one.png twice, a smaller copy of it in b/, two.png, and a smaller copy of that."""
    monkeypatch.setattr(work, "QUICK", -1)  # nothing is compared that a test did not ask for
    folder = tmp_path / "pictures"
    (folder / "b").mkdir(parents=True)
    scene(1).save(folder / "one.png")
    shutil.copy(folder / "one.png", folder / "b" / "one.png")
    scene(1).resize((160, 120)).save(folder / "b" / "one-small.png")
    scene(2).save(folder / "two.png")
    scene(2).resize((160, 120)).save(folder / "two-small.png")
    empty_bench.run("import", source="folder", title="Scenes", path=str(folder))
    empty_bench.run("perceptual", collection="scenes")
    return empty_bench


def files(bench: Workbench) -> set[str]:
    return {row.name for row in bench.collection("scenes").rows()}


def found(bench: Workbench) -> FoundDuplicates:
    return bench.duplicate_groups("scenes")


def ids(bench: Workbench) -> dict[str, int]:
    return {row.name: row.id for row in bench.collection("scenes").rows()}


def test_the_page_says_what_was_found_and_names_strength_and_collection_in_the_address(here: Workbench) -> None:
    test = visited("duplicates")
    assert "2 groups with 3 duplicates" in texts(test)
    assert test.query_params == {"collection": "scenes", "strength": "normal"}
    test.segmented_control(key="duplicates-strength").set_value("own").run()
    test.number_input(key="likeness-scenes").set_value(1.0).run()
    assert "1 group with 1 duplicate" in texts(test)
    assert test.query_params["strength"] == "1"


def test_without_a_comparison_only_equal_files_are_listed(here: Workbench) -> None:
    shutil.rmtree(here.collection("scenes").folder / "indexes")
    test = visited("duplicates")
    assert "1 group with 1 duplicate" in texts(test)
    assert "Compare 4 pictures" in labels(test)


def test_all_is_not_offered_while_the_list_is_about_to_change() -> None:
    assert work.Compared(complete=True).offered == "all"
    assert work.Compared(complete=False).offered == "identical"
    assert work.Compared(complete=False, running=True).offered == work.Compared(True, True).offered == ""


def test_protected_folders_are_remembered_with_the_collection(here: Workbench) -> None:
    test = visited("duplicates")
    test.multiselect(key="protected-scenes").set_value(["b"]).run()
    assert decisions_of(here.collection("scenes")).protected == ("b",)
    assert here.duplicate_groups("scenes").groups[0].keeper.name == "b/one.png"


def test_an_empty_home_leads_to_collections(empty_bench: Workbench) -> None:
    assert "Add pictures" in labels(visited("duplicates"))


def test_marks_decide_what_goes_and_each_goes_with_one_that_stays(here: Workbench) -> None:
    every, by = found(here), ids(here)
    suggested = {drop.id for drop in state.drops_of(every, Marks())}
    assert suggested == {by["b/one.png"], by["b/one-small.png"], by["two-small.png"]}
    marks = Marks({by["one.png"]: False, by["b/one.png"]: True, by["two-small.png"]: True})
    kept = {drop.id: drop.keeper for drop in state.drops_of(every, marks)}
    assert kept == {by["one.png"]: by["b/one.png"], by["b/one-small.png"]: by["b/one.png"]}
    equal = state.drops_of(every, marks, equal=True)
    assert [drop.id for drop in equal] == [by["one.png"]]
    none = Marks(dict.fromkeys(by.values(), False))
    assert state.drops_of(every, none) == []  # nothing of a group would stay
    reviewed = Marks(done=frozenset({every.groups[1].name}))
    assert [drop.id for drop in state.drops_of(every, reviewed, reviewed=True)] == [by["two-small.png"]]


def entry(what: str) -> None:
    """Act as a click on the bar does; AppTest runs the text of this function."""
    import streamlit as st

    from ui.pages.duplicates import state
    from ui.pages.duplicates.trash import news, trash_list
    from ui.widgets.culling import Marks

    if what and "acted" not in st.session_state:
        st.session_state.acted = True
        state.act(state.found_duplicates("scenes"), what, Marks())
    news("scenes")
    trash_list("scenes")


def test_an_action_is_announced_undone_and_listed(here: Workbench) -> None:
    before = files(here)
    test = AppTest.from_function(entry, args=("all",), default_timeout=60).run()
    assert not test.exception
    assert "3 pictures (" in texts(test)
    assert files(here) == {"one.png", "two.png"}
    assert "Undo" in labels(test)
    assert "Restore all 3" in labels(test)
    test.button(key="duplicates-undo").click().run()
    assert "3 pictures (" in texts(test)
    assert files(here) == before
    assert not [label for label in labels(test) if label.startswith("Restore")]


def test_a_list_is_offered_where_there_is_one(here: Workbench) -> None:
    every = [[drop.id, drop.hash, drop.keeper] for drop in state.drops_of(found(here), Marks())]
    assert [button.label for button in visited("duplicates").get("download_button")] == ["CSV"]
    assert here.start("tidy", collection="scenes", act="trash", drops=every).wait(120) == "done"
    assert not visited("duplicates").get("download_button")


def test_single_pictures_are_restored_from_the_trash(here: Workbench) -> None:
    before = files(here)
    state.tell("trash", lambda: here.drop_duplicates("scenes", state.drops_of(found(here), Marks())))
    [batch] = here.dropped("scenes")
    test = AppTest.from_function(entry, args=("",), default_timeout=60)
    test.session_state[f"trash-chosen-{batch.name}"] = {0, 2, 99}
    test.run()
    test.button(key=f"restore-some-{batch.name}").click().run()
    back = {batch.entries[number].path for number in (0, 2)}
    assert files(here) == {"one.png", "two.png"} | back
    assert "2 pictures (" in texts(test)
    assert f"restore-some-{batch.name}" not in {button.key for button in test.button}
    test.button(key=f"restore-{batch.name}").click().run()
    assert files(here) == before


def test_the_server_shows_what_is_in_the_trash(here: Workbench) -> None:
    state.tell("trash", lambda: here.drop_duplicates("scenes", state.drops_of(found(here), Marks())))
    [batch] = here.dropped("scenes")
    client = TestClient(Starlette(routes=web.ROUTES))
    shown = client.get(f"/dropped/scenes/{batch.name}/0.jpg")
    assert shown.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(shown.content)).size) <= 320
    for address in (f"{batch.name}/3.jpg", "nothing/0.jpg", "../0.jpg"):
        assert client.get(f"/dropped/scenes/{address}").status_code == 404


def test_a_folder_that_has_gone_is_said_before_the_work_begins(here: Workbench, tmp_path: Path) -> None:
    assert "duplicates-gone" not in {button.key for button in visited("duplicates").button}
    (tmp_path / "pictures").rename(tmp_path / "elsewhere")
    test = visited("duplicates")
    assert "has gone, so nothing can be moved" in texts(test)
    test.button(key="duplicates-gone").click().run()
    assert "Its folder has gone" in texts(test)
    here.relink("scenes", tmp_path / "elsewhere")
    here.watch("scenes")
    assert "Folder · watched" in texts(test.run())


def test_marks_are_there_again_in_a_new_window(here: Workbench) -> None:
    by = ids(here)
    marks = Marks({by["one.png"]: False, by["b/one.png"]: True}, frozenset({"a group"}))
    assert state.marks_of("scenes") == Marks()
    state.keep_marks("scenes", marks)
    st.session_state.clear()
    assert state.marks_of("scenes") == marks
    path = here.home.datasets / "scenes" / "review.json"
    path.write_bytes(path.read_bytes().replace(b"false", b"true "))
    st.session_state.clear()
    assert state.marks_of("scenes") == Marks()  # damaged: nothing is marked, and nothing fails


def test_what_was_left_in_place_is_named(here: Workbench, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "two-small.png").unlink()
    test = AppTest.from_function(entry, args=("all",), default_timeout=60).run()
    assert "1 picture left in place: The file is no longer there." in texts(test)
    assert "two-small.png: The file is no longer there." in texts(test)


def test_many_files_are_moved_by_a_job(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(state, "AT_ONCE", 2)
    monkeypatch.setattr(type(workbench()), "start", lambda self, kind, **given: started.append((kind, given)))
    test = AppTest.from_function(entry, args=("all",), default_timeout=60).run()
    assert not test.exception
    [(kind, given)] = started
    assert (kind, given["act"], len(given["drops"])) == ("tidy", "trash", 3)
    assert files(here) == set(ids(here))


def test_the_version_changes_with_the_groups_and_old_marks_are_not_taken(here: Workbench) -> None:
    every = found(here)
    version = state.version_of(every)
    assert state.version_of(here.duplicate_groups("scenes", 1.0)) != version
    told = {"version": version, "keep": {"3": True}, "done": ["x"]}
    assert Marks.received(told, version) == Marks({3: True}, frozenset({"x"}))
    assert Marks.received(told, "another") is None
    assert Marks.received("nonsense", version) is None


def test_what_the_browser_gets(here: Workbench) -> None:
    every = found(here)
    first, second = every.groups
    taken = {first.members[0].row.hash: "2022-03-04"}
    data = culling_data("scenes", [(1, first)], Marks(done=frozenset({second.name})), "v", [second], taken)
    [group] = data["groups"]
    assert [item["keep"] for item in group["items"]] == [True, False, False]
    facts = [item["facts"] for item in group["items"]]
    assert [" · taken 2022-03-04 · changed 20" in fact for fact in facts] == [True, True, False]  # two equal files
    assert group["items"][0]["large"].startswith("/pictures/scenes/")
    assert data["elsewhere"]["files"] == data["elsewhere"]["reviewed"]["files"] == 1
    assert data["equal"] is True


def test_when_pictures_were_taken_is_known_of_equal_files_too(here: Workbench, tmp_path: Path) -> None:
    assert state.when_taken("scenes", found(here).groups) == {}
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2022:03:04 10:00:00"
    folder = tmp_path / "pictures"
    scene(1).save(folder / "one.png", exif=exif)
    shutil.copy(folder / "one.png", folder / "b" / "one.png")
    here.run("rescan", collection="scenes")
    here.run("perceptual", collection="scenes")
    groups = found(here).groups
    content = next(member.row.hash for member in groups[0].members if member.row.name == "one.png")
    assert state.when_taken("scenes", groups) == {content: "2022-03-04"}


def test_pictures_that_are_no_duplicates_are_not_listed_again(here: Workbench) -> None:
    every = found(here)
    state.part(every, every.groups[1].name)
    state.part(every, "no such group")
    assert len(found(here).groups) == 1
    test = visited("duplicates")
    test.button(key="duplicates-forget").click().run()
    assert "2 groups with 3 duplicates" in texts(test)


def test_a_job_that_moved_many_says_what_it_did_and_is_undone(here: Workbench) -> None:
    before, drops = files(here), state.drops_of(found(here), Marks())
    job = here.start("tidy", collection="scenes", act="trash", drops=[[d.id, d.hash, d.keeper] for d in drops])
    assert job.wait(120) == "done", job.error
    test = AppTest.from_function(entry, args=("",), default_timeout=60)
    test.session_state["duplicates-job"] = job.id
    test.run()
    assert "3 pictures (" in texts(test)
    test.button(key="duplicates-undo").click().run()
    assert files(here) == before
