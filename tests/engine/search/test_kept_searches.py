"""What a home keeps of searches: uploads with a ceiling, saved searches by name, the last hundred."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.errors import BadParameter, Corrupt, NameTaken, NotFound
from engine.core.home import Home
from engine.core.storage import write_json
from engine.search import saved, uploads
from engine.search.saved import SavedSearch
from engine.search.uploads import keep_upload, kept_upload, upload_path

SEARCH = SavedSearch("c/e/max/cosine/exact/8", "#1")


def test_an_upload_is_found_by_its_digits(home: Home) -> None:
    digest = keep_upload(home, b"picture", "My cat.jpg")
    assert kept_upload(home, digest[:8]) == (b"picture", "My cat.jpg")
    assert keep_upload(home, b"picture", "again.jpg") == digest
    assert kept_upload(home, digest) == (b"picture", "My cat.jpg")
    assert upload_path(home, digest) == home.searches / "uploads" / digest


@pytest.mark.parametrize("digits", ["", "abc", "../../etc/passwd", "ABCDEF01", "*" * 8])
def test_what_are_no_digits_is_refused(home: Home, digits: str) -> None:
    with pytest.raises(BadParameter, match="at least 8 digits"):
        kept_upload(home, digits)


def test_an_upload_that_is_gone_or_damaged_is_named(home: Home) -> None:
    with pytest.raises(NotFound, match="no longer kept"):
        kept_upload(home, "0" * 16)
    digest = keep_upload(home, b"picture", "a.jpg")
    (home.searches / "uploads" / digest).write_bytes(b"other")
    with pytest.raises(Corrupt):
        kept_upload(home, digest)


def test_a_damaged_upload_is_whole_again_after_it_was_uploaded_again(home: Home) -> None:
    digest = keep_upload(home, b"picture", "a.jpg")
    (home.searches / "uploads" / digest).write_bytes(b"other")
    assert keep_upload(home, b"picture", "a.jpg") == digest
    assert kept_upload(home, digest) == (b"picture", "a.jpg")


def test_an_upload_that_another_tab_deletes_meanwhile_is_no_error(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = uploads._kept
    monkeypatch.setattr(uploads, "_kept", lambda folder: [*kept(folder), folder / ("0" * 64)])
    digest = keep_upload(home, b"picture", "a.jpg")
    assert kept_upload(home, digest)[0] == b"picture"


def test_the_least_recently_used_goes_first(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    digests = []
    for number in range(2):
        digests.append(keep_upload(home, bytes([number]) * 9, "x"))
        os.utime(home.searches / "uploads" / digests[-1], (number, number))
    kept_upload(home, digests[0])  # now the second is the older one
    digests.append(keep_upload(home, b"third", "x"))
    assert [upload_path(home, digest) is not None for digest in digests] == [True, False, True]
    monkeypatch.setattr(uploads, "MOST_BYTES", 3)
    last = keep_upload(home, b"larger than all", "x")
    assert sorted(path.name for path in (home.searches / "uploads").iterdir()) == [last, last + ".json"]


def test_searches_are_saved_found_forgotten_and_restored(home: Home) -> None:
    kept = saved.save_search(home, "  Blue   lakes ", SEARCH)
    assert (kept.name, kept.collection) == ("Blue lakes", "c")
    assert saved.saved_search(home, "blue LAKES") == kept
    with pytest.raises(NameTaken, match="'BLUE lakes'"):
        saved.save_search(home, "BLUE lakes", SEARCH)
    assert saved.forget_search(home, "blue lakes") == kept
    assert saved.saved_searches(home) == []
    with pytest.raises(NotFound):
        saved.forget_search(home, "blue lakes")
    with pytest.raises(BadParameter, match="1 to 100 characters"):
        saved.save_search(home, " ", SEARCH)


def test_the_history_holds_the_last_hundred_once_each(home: Home) -> None:
    for number in [*range(110), 50]:
        saved.remember(home, SavedSearch("c/e/max/cosine/exact/8", f"#{number}"))
    queries = [one.query for one in saved.history(home)]
    assert queries[:2] == ["#50", "#109"]
    assert len(queries) == len(set(queries)) == 100
    saved.clear_history(home)
    assert saved.history(home) == []


def test_a_damaged_history_starts_again_and_damaged_saved_searches_are_named(home: Home) -> None:
    saved.remember(home, SEARCH)
    saved.save_search(home, "a", SEARCH)
    for name in ("history.json", "saved.json"):
        path: Path = home.searches / name
        path.write_bytes(path.read_bytes().replace(b"exact", b"exbct"))
    assert saved.history(home) == []
    with pytest.raises(Corrupt, match=r"saved\.json"):
        saved.saved_searches(home)


def test_a_damaged_history_that_another_tab_has_put_aside_starts_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.remember(home, SEARCH)
    (home.searches / "history.json").write_bytes(b"{")
    monkeypatch.setattr(saved, "set_aside", lambda path: os.rename(path.with_name("gone"), path))
    assert saved.history(home) == []


def test_local_scaling_is_kept_and_a_search_of_before_is_without_it(home: Home) -> None:
    saved.save_search(home, "hubs", replace(SEARCH, local_scaling=True))
    assert saved.saved_search(home, "hubs").local_scaling
    of_before = {"recipe": SEARCH.recipe, "query": SEARCH.query, "label": "", "where": "", "include_query": False}
    write_json(home.searches / "saved.json", [{**of_before, "name": "old", "made": 1.0}])
    assert saved.saved_searches(home) == [replace(SEARCH, name="old", made=1.0)]
