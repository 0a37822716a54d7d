"""The parts of the pages that need no page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from engine.core.errors import BadParameter, NotFound
from engine.core.progress import Progress
from ui.session.paths import folder_under_roots, pictures_under_roots, roots
from ui.session.query import SessionQuery
from ui.shared.job_progress import duration, progress_sentence
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import Tile, thumbnail_url
from ui.widgets.query_line import checked_crop


def plain(markdown: str) -> str:
    """What a reader sees of escaped Markdown."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace("\u2060", "")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])))
def test_literal_text_reads_as_it_is(text: str) -> None:
    assert plain(plain_text(text)) == text.replace("\u2060", "")


@pytest.mark.parametrize(
    "text", ["**a**", "<b>", "$x$", "`c`", "[a](b)", "# a", "- a", "1. a", "a\\*b", "&amp;", "~~a~~"]
)
def test_no_mark_keeps_its_meaning(text: str) -> None:
    assert not re.search(r"(?<!\\)(?:\\\\)*[*<$`\[#&~]", plain_text(text))


@pytest.mark.parametrize("text", [":smile:", "www.example.com", "https://example.com", "me@example.com", ":red[x]"])
def test_names_that_are_looked_for_later_are_broken_up(text: str) -> None:
    seen = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain_text(text))
    assert not re.search(r":[\w+-]+:|www\.|[a-z]://|\w@", seen)


def test_line_ends_and_control_characters_cannot_start_a_block() -> None:
    assert plain_text("a\n# b\x1b") == "a\ufffd\\# b\ufffd"


def test_spaces_of_any_width_are_part_of_a_name() -> None:
    assert plain(plain_text("Screenshot 3.04\u202fPM\u3000二.png")) == "Screenshot 3.04\u202fPM\u3000二.png"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1\xa0s"),
        (7.6, "8\xa0s"),
        (99, "99\xa0s"),
        (100, "2\xa0min"),
        (1800, "30\xa0min"),
        (7500, "2\xa0h 5\xa0min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_sentence_of_progress() -> None:
    running = Progress("Embedding", 310, 600, "pictures", 155.2, 1.87)
    assert progress_sentence(running) == "Embedding · 310 of 600 pictures · 155 pictures/s · 2\xa0s left"
    assert progress_sentence(Progress()) == "Starting"


@pytest.mark.parametrize(
    "sides", [None, [], [0, 0, 1, 1], [0.5, 0, 0.5, 1], ["a", 0, 1, 1], [0, 0, 1], 7, [0.9, 0, 0.1, 1]]
)
def test_senseless_crops_mean_the_whole_picture(sides: object) -> None:
    assert checked_crop(sides) is None


def test_a_crop_is_kept_inside_the_picture() -> None:
    assert checked_crop([-1, 0.25, 0.5, 7]) == (0, 0.25, 0.5, 1)


def test_a_tile_carries_only_what_is_known() -> None:
    assert set(Tile(3, "/a", "a.png").as_data()) == {"id", "src", "name", "missed", "selected"}
    assert Tile(3, "/a", "a", distance=0.12345).as_data()["distance"] == "0.123"
    assert Tile(3, "/a", "a", distance=1234.5).as_data()["distance"] == "1.23e+03"


def test_the_address_of_a_thumbnail_changes_with_the_picture() -> None:
    assert thumbnail_url("c", 3, "a" * 64) != thumbnail_url("c", 3, "b" * 64)


def test_a_picture_from_outside_goes_to_the_engine_as_bytes() -> None:
    assert SessionQuery(data=b"x", name="n").as_query().data == b"x"
    assert SessionQuery(image_id=4, crop=(0, 0, 0.5, 1)).as_query().crop == (0, 0, 0.5, 1)


class TestFolders:
    @pytest.fixture(autouse=True)
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "allowed" / "cats").mkdir(parents=True)
        (tmp_path / "outside").mkdir()
        monkeypatch.setenv("HOME", str(tmp_path / "allowed"))
        monkeypatch.delenv("BENZER_ROOTS", raising=False)
        return tmp_path

    def test_below_a_root(self, root: Path) -> None:
        assert folder_under_roots(str(root / "allowed" / "cats")) == root / "allowed" / "cats"
        assert folder_under_roots("cats") == folder_under_roots("~/cats")
        assert folder_under_roots(" cats/../cats ") == root / "allowed" / "cats"

    def test_further_roots(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BENZER_ROOTS", str(root / "outside"))
        assert roots() == [root / "allowed", root / "outside"]
        assert folder_under_roots(str(root / "outside")) == root / "outside"

    @pytest.mark.parametrize("text", ["", " ", "a\0b"])
    def test_what_is_no_path_is_refused(self, text: str) -> None:
        with pytest.raises(BadParameter, match="must be the path of a folder"):
            folder_under_roots(text)

    @pytest.mark.parametrize("text", ["..", "../outside", "/", "/etc", "/etc/nowhere", "cats/../../outside"])
    def test_a_folder_outside_is_refused_whether_it_exists_or_not(self, text: str) -> None:
        with pytest.raises(NotFound, match=r"is outside the folders that Benzer may read.*BENZER_ROOTS"):
            folder_under_roots(text)

    def test_pictures_outside_have_two_ways_in(self) -> None:
        with pytest.raises(NotFound) as refused:
            pictures_under_roots("/media/disk/My photos")
        assert "benzer import '/media/disk/My photos'. Or start Benzer with" in refused.value.way_out

    def test_a_folder_that_does_not_exist_is_named(self) -> None:
        with pytest.raises(NotFound, match="There is no folder 'nowhere'"):
            folder_under_roots("nowhere")

    def test_a_link_that_leads_out_is_refused(self, root: Path) -> None:
        (root / "allowed" / "link").symlink_to(root / "outside")
        with pytest.raises(NotFound, match="is outside"):
            folder_under_roots("link")

    def test_a_file_is_no_folder(self, root: Path) -> None:
        (root / "allowed" / "file").touch()
        with pytest.raises(NotFound, match="There is no folder 'file'"):
            folder_under_roots("file")


# ── a field with its button ──────────────────────────────────────────────────────────────────────────────────────────


def named(former: str = "", same: bool = False) -> None:
    import streamlit as st

    from ui.shared.text_field import text_field

    told = st.session_state.setdefault("told", [])
    st.write(
        text_field("Name", former, key="name", button="Save", button_key="save", same=same, on_sent=told.append) or "–"
    )


def test_one_click_sends_what_is_typed() -> None:
    test = AppTest.from_function(named).run()
    assert test.markdown[0].value == "–"
    assert not test.button(key="save").disabled  # a disabled one would swallow the click that leaves the field
    test.text_input(key="name").set_value("  Pandas ")
    test.button(key="save").click().run()
    assert test.markdown[0].value == "Pandas"
    assert test.session_state["told"] == ["Pandas"]
    assert test.run().markdown[0].value == "–"


def test_an_empty_name_is_not_sent_and_says_so() -> None:
    test = AppTest.from_function(named).run()
    test.text_input(key="name").set_value("   ")
    test.button(key="save").click().run()
    assert test.session_state["told"] == []
    assert test.caption[0].value == "Name is empty."


@pytest.mark.parametrize(("same", "told"), [(False, []), (True, ["Old"])])
def test_the_former_name_is_sent_only_where_it_will_do(same: bool, told: list[str]) -> None:
    test = AppTest.from_function(named, kwargs={"former": "Old", "same": same}).run()
    test.button(key="save").click().run()
    assert test.session_state["told"] == told
