"""What a user sees of a folder before it is imported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.collections.sources.browsing import look_into
from engine.core.errors import BadParameter, NotFound


def filled(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def test_a_link_that_leads_to_itself_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "self").symlink_to("self")
    assert look_into(tmp_path).folders == ("cats",)


def test_a_folder_shows_what_can_be_chosen(tmp_path) -> None:
    pictures = ("a.jpg", "cats/1.PNG", "cats/deep/2.webp", "notes/readme.md")
    filled(tmp_path, *pictures, "styles.csv", "old.tar.gz", ".hidden/9.jpg", "__MACOSX/8.jpg")
    view = look_into(tmp_path)
    assert (view.folders, view.tables, view.archives) == (("cats", "notes"), ("styles.csv",), ("old.tar.gz",))
    assert (view.pictures, view.complete) == (3, True)


def test_names_stand_in_the_order_of_people(tmp_path) -> None:
    for name in ("day 10", "day 2", "Day 1", "ödp", "½", "²"):
        (tmp_path / name).mkdir()
    assert look_into(tmp_path).folders[:3] == ("Day 1", "day 2", "day 10")


def test_counting_ends_when_its_time_is_over(tmp_path) -> None:
    view = look_into(filled(tmp_path, *(f"{number}.jpg" for number in range(50))), seconds=-1)
    assert (view.pictures, view.complete) == (1, False)


def test_what_is_no_folder_is_refused(tmp_path) -> None:
    with pytest.raises(NotFound, match="There is no folder"):
        look_into(tmp_path / "nothing")
    with pytest.raises(BadParameter, match="must be a folder"):
        look_into(filled(tmp_path, "a.jpg") / "a.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_refused(tmp_path) -> None:
    tmp_path.chmod(0)
    with pytest.raises(BadParameter, match="may be read"):
        look_into(tmp_path)
    tmp_path.chmod(0o700)
