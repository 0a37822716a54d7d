"""What groups become, and the work and the list around them."""

from __future__ import annotations

import numpy as np
from filelock import FileLock

from engine.collections.labelling import last_writing, undo_labels, write_labels
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE
from tests.ui.pages.groups.conftest import FLAT, drawn, job, made, texts, visit
from ui.pages.groups import state as groups_state

# ── exports and labels ───────────────────────────────────────────────────────────────────────────────────────────────


def test_groups_become_labels_by_their_titles(here: Workbench) -> None:
    from ui.pages.groups.export import labels_of

    grouping = made(here)
    view = groups_state.seen("shapes", grouping.name)
    assert view is not None
    labels = labels_of(view, view.groups.groups)
    assert sorted(labels) == grouping.ids.tolist()
    assert labels[int(grouping.ids[0])] == grouping.groups().of(int(grouping.ids[0])).title


def test_the_table_of_a_part_tells_of_these_pictures_only(here: Workbench) -> None:
    from ui.pages.groups.export import groups_csv_file, part_csv

    grouping = made(here)
    view = groups_state.seen("shapes", grouping.name)
    assert view is not None
    assert len(groups_csv_file(view, view.groups.groups).decode("utf-8-sig").splitlines()) == 13
    ids = grouping.ids[:2].tolist()
    lines = part_csv(view, ids).decode("utf-8-sig").splitlines()
    assert sorted(int(line.split(",")[1]) for line in lines[1:]) == ids


def test_written_labels_can_be_taken_back_later(here: Workbench) -> None:
    grouping = made(here)
    collection = here.collection("shapes")
    before = collection.images().labels
    write_labels(collection, dict.fromkeys(grouping.ids.tolist(), "all"), "First look")
    assert last_writing(collection) is not None
    test = visit()
    assert not test.error
    undo_labels(collection)
    assert collection.images().labels == before


# ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_running_work_is_shown_and_can_be_stopped(here: Workbench) -> None:
    folder = job(here, "group", None, recipe={"collection": "shapes"})
    with FileLock(folder / "lock"):
        test = visit()
        assert "Some group" in texts(test)
        drawn(test.button(key=f"stop-groups-{folder.name}-{folder.name}").click().run())
    assert (folder / "stop").exists()


def test_work_that_failed_is_told_until_it_is_put_away(here: Workbench) -> None:
    folder = job(here, "group", {"state": "failed", "error": HOSTILE}, recipe={"collection": "shapes"})
    test = visit()
    assert f"Some group: {HOSTILE}" in texts(test)
    drawn(test.button(key=f"groups-news-close-{folder.name}").click().run())
    assert "Some group" not in texts(test)


def test_the_grouping_that_was_asked_for_opens_when_it_is_there(here: Workbench) -> None:
    asked = made(here, FLAT, title="Asked for")
    made(here, title="Another")
    value = {"collection": "shapes", "grouping": asked.name, "groups": 2}
    folder = job(here, "group", {"state": "done", "value": value}, recipe={"collection": "shapes"})
    test = visit(groups_job=folder.name)
    assert "Asked for" in [header.value for header in test.header]


def test_what_was_copied_is_told(here: Workbench) -> None:
    value = {"path": "/home/*me*/groups", "count": 11, "left_out": [["a/b.png", "It is gone."]]}
    job(here, "copy", {"state": "done", "value": value}, collection="shapes")
    test = visit()
    assert "11 pictures copied to /home/*me*/groups." in texts(test)
    assert "a/b.png: It is gone." in texts(test)


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_earlier_groupings_are_opened_and_removed_after_a_question(here: Workbench) -> None:
    old = made(here, FLAT, title="Old")
    made(here, title="New")
    test = visit()
    assert "Other groupings" in [header.value for header in test.header]
    drawn(test.button(key=f"grouping-open-shapes-{old.name}").click().run())
    assert "Old" in [header.value for header in test.header]


def test_the_list_counts_the_groups_as_they_are_now(here: Workbench) -> None:
    old = made(here, title="Old")
    made(here, FLAT, title="New")
    assert "12 pictures in 3 groups" in texts(visit())
    old.edit({"kind": "cut", "groups": 5})
    told = texts(visit())
    assert "12 pictures in 5 groups" in told
    assert "12 pictures in 3 groups" not in told


def test_the_most_central_pictures_are_the_nearest_to_the_mean(here: Workbench) -> None:
    from ui.pages.groups.selection import central, known_ids

    grouping = made(here)
    view = groups_state.seen("shapes", grouping.name)
    assert view is not None
    ids = known_ids(view, [99_999, *grouping.ids[[4, 1, 7]].tolist()])
    assert ids == grouping.ids[[4, 1, 7]].tolist()
    space = grouping.space[[4, 1, 7]]
    mean = space.mean(axis=0)
    nearness = [float(row @ mean / np.linalg.norm(row) / np.linalg.norm(mean)) for row in space]
    assert central(view, ids, 3) == [ids[place] for place in np.argsort(nearness)[::-1]]
    assert central(view, ids, 1) == [ids[int(np.argmax(nearness))]]
