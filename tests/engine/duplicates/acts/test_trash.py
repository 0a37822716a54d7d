"""Moving duplicates to the trash and back: nothing is lost, nothing outside is touched, and every refusal is named."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.collections.facts.stored import columns_by_id
from engine.core.errors import BenzerError, NotFound, Stopped, UnreadableImage
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import read_json, write_json
from engine.duplicates.acts import journal, trash
from engine.duplicates.acts.catalogue_rows import settle_all
from engine.duplicates.acts.checking import COPIED_IN, Drop
from engine.duplicates.acts.journal import FOLDER, Batch, Entry, batches
from engine.duplicates.decisions import protect
from engine.duplicates.rules import Rule
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import imported, scene

COPIES = 4


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """keep.png and equal files copy-0.png … in a sub-folder; other.png is another picture."""
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    scene(0).save(folder / "keep.png")
    scene(1).save(folder / "other.png")
    for number in range(COPIES):
        shutil.copy(folder / "keep.png", folder / "sub" / f"copy-{number}.png")
    return folder


@pytest.fixture
def bench(pictures: Path, tmp_path: Path) -> Workbench:
    return imported(tmp_path / "home", pictures)


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, outside the trash, with the sha256 of its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file() and FOLDER not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def drops(bench: Workbench, *names: str) -> list[Drop]:
    """The suggested drops, those of these names where any are given."""
    found = bench.duplicate_groups("scenes")
    chosen = [(group.keeper, row) for group in found.groups for row in group.dropped]
    return [Drop(row.id, row.hash, kept.id) for kept, row in chosen if not names or row.name in names]


def rows(bench: Workbench) -> list[tuple[int, str, str]]:
    return [(row.id, row.name, row.status) for row in bench.collection("scenes").rows()]


def refusal(bench: Workbench, *given: Drop) -> str:
    outcome = bench.drop_duplicates("scenes", list(given))
    assert outcome.files == 0
    return outcome.refused[0].sentence


def test_there_and_back(bench: Workbench, pictures: Path) -> None:
    before, known = contents(pictures), rows(bench)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    assert outcome.files == COPIES
    assert outcome.bytes == COPIES * (pictures / "keep.png").stat().st_size
    assert set(contents(pictures)) == {"keep.png", "other.png"}
    assert [name for _, name, _ in rows(bench)] == ["keep.png", "other.png"]
    [batch] = bench.dropped("scenes")
    assert len(batch.waiting) == COPIES
    assert outcome.sentence("moved to the trash").startswith("4 pictures (")
    back = bench.restore_dropped("scenes", outcome.batch)
    assert (back.files, back.refused) == (COPIES, ())
    assert contents(pictures) == before
    assert rows(bench) == known
    assert bench.dropped("scenes") == []


def test_single_files_come_back_and_the_others_wait(bench: Workbench, pictures: Path) -> None:
    outcome = bench.drop_duplicates("scenes", drops(bench))
    back = bench.restore_dropped("scenes", outcome.batch, ["sub/copy-2.png"])
    assert (back.files, set(contents(pictures))) == (1, {"keep.png", "other.png", "sub/copy-2.png"})
    [batch] = bench.dropped("scenes")
    assert [entry.path for entry in batch.waiting] == ["sub/copy-0.png", "sub/copy-1.png", "sub/copy-3.png"]
    assert not batch.cut_off
    assert bench.restore_dropped("scenes", outcome.batch).files == COPIES - 1


def test_a_file_in_the_trash_can_be_looked_at(bench: Workbench, pictures: Path, tmp_path: Path) -> None:
    outcome = bench.drop_duplicates("scenes", plain(bench, "other.png"))
    assert max(Image.open(io.BytesIO(bench.look_dropped("scenes", outcome.batch, 0, 64))).size) == 64
    for act, number in (("nothing", 0), (outcome.batch, 1), (outcome.batch, -1)):
        with pytest.raises(NotFound):
            bench.look_dropped("scenes", act, number)
    [batch] = bench.dropped("scenes")
    inside = batch.inside(batch.entries[0])
    inside.rename(tmp_path / "elsewhere.png")
    inside.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(UnreadableImage):  # nothing outside is shown
        bench.look_dropped("scenes", outcome.batch, 0)


def plain(bench: Workbench, *names: str) -> list[Drop]:
    ids = {row.name: row.id for row in bench.collection("scenes").rows("image")}
    return bench.to_trash("scenes", [ids[name] for name in names])


def test_a_picture_goes_for_its_own_sake_and_comes_back(bench: Workbench, pictures: Path) -> None:
    before, known = contents(pictures), rows(bench)
    outcome = bench.drop_duplicates("scenes", plain(bench, "other.png"))
    assert (outcome.files, outcome.refused) == (1, ())
    assert "other.png" not in contents(pictures)
    assert bench.restore_dropped("scenes", outcome.batch).files == 1
    assert (contents(pictures), rows(bench)) == (before, known)


def test_a_picture_is_trashed_once_and_only_while_unchanged(bench: Workbench, pictures: Path) -> None:
    [drop] = plain(bench, "other.png")
    shutil.copy(pictures / "keep.png", pictures / "other.png")
    assert refusal(bench, drop) == "It has changed since it was listed."
    scene(1).save(pictures / "other.png")
    assert len(bench.to_trash("scenes", [drop.id, drop.id])) == 1
    assert bench.drop_duplicates("scenes", [drop, drop]).files == 1
    assert refusal(bench, drop) == "It is no longer in the collection."
    assert refusal(bench, *bench.to_trash("scenes", [drop.id])) == "It is no longer in the collection."


def test_protected_and_copied_pictures_are_not_moved_for_their_own_sake(
    bench: Workbench, pictures: Path, tmp_path: Path
) -> None:
    [drop] = plain(bench, "other.png")
    protect(bench.collection("scenes"), [""])
    assert refusal(bench, drop) == "It is in a protected folder."
    shutil.make_archive(str(tmp_path / "packed"), "zip", pictures)
    own = Workbench(bench.home)
    own.run("import", source="archive", title="Packed", path=str(tmp_path / "packed.zip"))
    ids = [row.id for row in own.collection("packed").rows("image")]
    outcome = own.drop_duplicates("packed", own.to_trash("packed", ids))
    assert {one.sentence for one in outcome.refused} == {COPIED_IN}
    assert outcome.sentence("moved") == f"Nothing was changed: {COPIED_IN}"
    assert own.trash_refused("packed").startswith("These pictures were copied into Benzer")
    assert bench.trash_refused("scenes") == ""


def test_a_folder_that_cannot_be_written_to_is_named_before_anything_is_asked(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "cannot be written to" in bench.trash_refused("scenes")


def test_no_link_without_another_file(bench: Workbench) -> None:
    outcome = bench.drop_duplicates("scenes", plain(bench, "other.png"), link=True)
    assert outcome.refused[0].sentence == "There is no other file to share with."


def test_a_rescan_neither_finds_the_trash_nor_misses_what_is_in_it(bench: Workbench) -> None:
    bench.drop_duplicates("scenes", drops(bench))
    report = bench.run("rescan", collection="scenes")
    assert (report["added"], report["removed"], report["rejects"]) == (0, 0, [])


@pytest.mark.parametrize("moved", [1, COPIES])
def test_a_rescan_after_a_restore_that_was_cut_off_costs_no_id(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """Files that are back before the catalogue knows are the former pictures, no new ones."""
    known = rows(bench)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    move, back = trash.move_without_replacing, iter(range(moved))

    def moving(source: Path, target: Path) -> None:
        if next(back, None) is None:
            raise KeyboardInterrupt
        move(source, target)

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(trash, "move_without_replacing", moving)
        patched.setattr(trash, "settle", cut_off)
        with pytest.raises(KeyboardInterrupt):
            bench.restore_dropped("scenes", outcome.batch)
    report = bench.run("rescan", collection="scenes")
    assert (report["added"], report["moved"]) == (0, 0)
    assert set(rows(bench)) <= set(known)
    assert len(rows(bench)) == 2 + moved
    if moved < COPIES:
        bench.restore_dropped("scenes", outcome.batch)
    assert rows(bench) == known
    assert bench.dropped("scenes") == []


def test_a_rescan_of_a_read_only_folder_settles_what_was_cut_off(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = bench.drop_duplicates("scenes", drops(bench))
    [batch] = bench.dropped("scenes")
    batch.note("restoring")  # as if it had been killed
    monkeypatch.setattr(Batch, "note", failing(errno.EROFS))
    bench.run("rescan", collection="scenes")
    assert [row[1] for row in rows(bench)] == ["keep.png", "other.png"]
    monkeypatch.undo()
    bench.restore_dropped("scenes", outcome.batch)


def test_a_picture_goes_when_its_copy_is_kept_and_comes_back_as_it_was(bench: Workbench, pictures: Path) -> None:
    """The row that stood for all equal files goes; one of the others takes its place until it is back."""
    known = rows(bench)
    ids = {name: id for id, name, _ in known}
    hash = bench.collection("scenes").image(ids["keep.png"]).hash
    outcome = bench.drop_duplicates("scenes", [Drop(ids["keep.png"], hash, ids["sub/copy-0.png"])])
    assert outcome.files == 1
    assert {name: status for _, name, status in rows(bench)}["sub/copy-0.png"] == "image"
    bench.restore_dropped("scenes", outcome.batch)
    assert rows(bench) == known
    assert (pictures / "keep.png").is_file()


def test_the_thumbnail_of_the_last_copy_is_made_again(bench: Workbench, pictures: Path) -> None:
    """A near duplicate has a content of its own, whose thumbnail a rescan forgets."""
    scene(1).resize((160, 120)).save(pictures / "small.png")
    bench.run("rescan", collection="scenes")
    bench.run("perceptual", collection="scenes")
    [drop] = drops(bench, "small.png")
    outcome = bench.drop_duplicates("scenes", [drop])
    (pictures / "sub" / "copy-3.png").unlink()
    bench.run("rescan", collection="scenes")
    bench.restore_dropped("scenes", outcome.batch)
    assert bench.collection("scenes").thumbnail(drop.id)[:4] == b"RIFF"


@pytest.mark.parametrize("scanned", [False, True])
def test_what_a_table_says_comes_back(tmp_path: Path, pictures: Path, scanned: bool) -> None:
    lines = ["image,label,season", "keep.png,a,summer", *(f"sub/copy-{n}.png,b{n},autumn {n}" for n in range(COPIES))]
    (pictures / "table.csv").write_text("\n".join(lines))
    bench = Workbench(Home(tmp_path / "home"))
    bench.run("import", source="csv", title="Scenes", path=str(pictures / "table.csv"))

    def told() -> list[Any]:
        collection = bench.collection("scenes")
        with collection.catalogue.reading() as reading:
            cells = columns_by_id(reading)
        return [(row.id, row.name, row.label, row.status, cells.get(row.id)) for row in collection.rows()]

    before = told()
    assert len(before) == COPIES + 1
    outcome = bench.drop_duplicates("scenes", drops(bench))
    assert outcome.files == COPIES
    if scanned:
        bench.run("rescan", collection="scenes")
    bench.restore_dropped("scenes", outcome.batch)
    assert told() == before
    bench.run("rescan", collection="scenes")
    assert told() == before


def test_a_plan_without_cells_is_read(bench: Workbench, pictures: Path) -> None:
    outcome, before = bench.drop_duplicates("scenes", drops(bench)), 5
    plan = pictures / FOLDER / outcome.batch / "plan.json"
    body = read_json(plan)
    for entry in body["entries"]:
        del entry["cells"]
    write_json(plan, body)
    assert bench.restore_dropped("scenes", outcome.batch).files == COPIES
    assert len(rows(bench)) == before + 1


def test_two_who_cull_one_group_leave_a_picture(bench: Workbench, pictures: Path) -> None:
    """The second one's list is of before: what it would keep is gone, so nothing more goes."""
    [group] = bench.duplicate_groups("scenes").groups
    rows = [group.keeper, *group.dropped]
    first = [Drop(row.id, row.hash, rows[0].id) for row in rows[1:]]
    second = [Drop(row.id, row.hash, rows[-1].id) for row in rows[:-1]]
    other = Workbench(bench.home)
    assert bench.drop_duplicates("scenes", first).files == COPIES
    outcome = other.drop_duplicates("scenes", second)
    assert outcome.files == 0
    assert "stays" in outcome.refused[0].sentence
    assert {name for name in contents(pictures) if name != "other.png"} == {rows[0].name}


def test_a_sidecar_goes_along(bench: Workbench, pictures: Path) -> None:
    sidecar = pictures / "sub" / "copy-0.png.xmp"
    sidecar.write_text("<x/>")
    outcome = bench.drop_duplicates("scenes", drops(bench, "sub/copy-0.png"))
    assert not sidecar.exists()
    bench.restore_dropped("scenes", outcome.batch)
    assert sidecar.read_text() == "<x/>"


def test_a_sidecar_that_cannot_be_moved_stays_and_the_picture_counts(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar = pictures / "sub" / "copy-0.png.xmp"
    sidecar.write_text("<x/>")
    monkeypatch.setattr(trash.os, "link", failing(errno.EACCES))
    outcome = bench.drop_duplicates("scenes", drops(bench, "sub/copy-0.png"))
    assert (outcome.files, outcome.refused) == (1, ())
    assert sidecar.read_text() == "<x/>"


def test_folders_are_durable_before_anything_is_moved_into_them(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power failure could take the new folders, and the pictures in them."""
    synced: list[Path] = []
    rename = os.rename

    def renamed(source: Any, target: Any) -> None:
        parents = [parent for parent in Path(target).parents if parent.is_relative_to(pictures)]
        assert set(parents[1:]) <= set(synced)  # the last one follows, with the name of the file itself
        rename(source, target)

    for module in (journal, trash):
        monkeypatch.setattr(module, "sync_folder", synced.append)
    monkeypatch.setattr(journal, "write_json", lambda path, body: (write_json(path, body), synced.append(path.parent)))
    monkeypatch.setattr(trash.os, "rename", renamed)
    assert bench.drop_duplicates("scenes", drops(bench)).files == COPIES


def test_a_link_to_the_file_in_the_trash_is_no_second_name_of_it(bench: Workbench, pictures: Path) -> None:
    """Neither a link in the place of the picture nor one in the place of its folder costs the only copy."""
    outcome = bench.drop_duplicates("scenes", drops(bench))
    inside = pictures / FOLDER / outcome.batch / "files" / "sub"
    (pictures / "sub" / "copy-0.png").symlink_to(inside / "copy-0.png")
    assert bench.restore_dropped("scenes", outcome.batch).files == COPIES - 1
    assert (inside / "copy-0.png").is_file()
    shutil.rmtree(pictures / "sub")
    (pictures / "sub").symlink_to(inside)
    assert bench.restore_dropped("scenes", outcome.batch).files == 0
    assert (inside / "copy-0.png").is_file()


def test_two_collections_of_one_folder_keep_their_own_rows(bench: Workbench, pictures: Path) -> None:
    """The acts of the other one are none of its own, even where they were cut off."""
    bench.run("import", source="folder", title="Other", path=str(pictures))
    outcome = bench.drop_duplicates("scenes", drops(bench))
    [batch] = batches(bench.collection("scenes"))
    batch.note("begun")  # as if it had been killed
    other, known = bench.collection("other"), bench.collection("other").rows()
    with other.alone():
        settle_all(other)
    assert other.rows() == known
    assert batches(other) == []
    with pytest.raises(NotFound):
        bench.restore_dropped("other", outcome.batch)
    bench.remove("scenes")
    assert bench.restore_dropped("other", outcome.batch).files == COPIES
    assert other.rows() == known


@pytest.mark.parametrize(
    "paths",
    [
        {"path": "../out.png", "keeper": "keep.png", "beside": ""},
        {"path": "a.png", "keeper": "/etc/hostname", "beside": ""},
        {"path": "a.png", "keeper": "keep.png", "beside": "../.benzer-link-0"},
        {"path": "a.png", "keeper": "keep.png", "beside": "other.png"},
    ],
    ids=str,
)
def test_a_plan_that_came_with_a_folder_reaches_nothing_outside_it(
    bench: Workbench, pictures: Path, tmp_path: Path, paths: dict[str, str]
) -> None:
    entry = Entry(hash="0", size=1, mtime_ns=0, **paths)
    folder = pictures / FOLDER / "20200101-000000-forged"
    write_json(folder / "plan.json", {"kind": "link", "time": 0, "collection": "scenes", "entries": [entry.as_dict()]})
    assert Batch(pictures, folder).cut_off
    outside = tmp_path / ".benzer-link-0"
    outside.write_text("mine")
    bench.drop_duplicates("scenes", drops(bench))
    assert outside.read_text() == "mine"
    assert (pictures / "other.png").is_file()
    assert folder.name not in [batch.name for batch in batches(bench.collection("scenes"))]


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_gone_or_changed_stays_and_is_named(bench: Workbench, pictures: Path) -> None:
    (gone,) = drops(bench, "sub/copy-0.png")
    (pictures / "sub" / "copy-0.png").unlink()
    assert refusal(bench, gone) == "The file is no longer there."
    (changed,) = drops(bench, "sub/copy-1.png")
    shutil.copy(pictures / "other.png", pictures / "sub" / "copy-1.png")
    assert refusal(bench, changed) == "It has changed since it was listed."
    assert refusal(bench, Drop(changed.id, "0" * 64, changed.keeper)) == refusal(bench, changed)


def test_nothing_goes_when_what_is_kept_is_gone_or_changed(bench: Workbench, pictures: Path) -> None:
    (one,) = drops(bench, "sub/copy-0.png")
    shutil.copy(pictures / "other.png", pictures / "keep.png")
    assert "gone or has changed, so this one stays" in refusal(bench, one)
    (pictures / "keep.png").unlink()
    assert "gone or has changed, so this one stays" in refusal(bench, one)


def test_two_tabs_never_drop_a_whole_group(bench: Workbench) -> None:
    """Each tab keeps the picture that the other one drops."""
    ids = {name: id for id, name, _ in rows(bench)}
    hash = bench.collection("scenes").image(ids["keep.png"]).hash
    first, second = ids["sub/copy-0.png"], ids["sub/copy-1.png"]
    assert bench.drop_duplicates("scenes", [Drop(first, hash, second)]).files == 1
    assert "no longer in the collection, so this one stays" in refusal(bench, Drop(second, hash, first))
    assert refusal(bench, Drop(first, hash, second)) == "It is no longer in the collection."


def test_a_group_is_never_dropped_as_a_whole_at_once(bench: Workbench) -> None:
    ids = {name: id for id, name, _ in rows(bench)}
    hash = bench.collection("scenes").image(ids["keep.png"]).hash
    one, other = ids["sub/copy-0.png"], ids["sub/copy-1.png"]
    outcome = bench.drop_duplicates("scenes", [Drop(one, hash, other), Drop(other, hash, one)])
    assert outcome.files == 0
    assert {refused.sentence for refused in outcome.refused} == {"No picture of its group would be kept."}
    assert "itself" not in refusal(bench, Drop(one, hash, one))


def test_protected_folders_are_left_alone_whoever_asks(bench: Workbench) -> None:
    chosen = drops(bench)
    outcome = bench.drop_duplicates("scenes", chosen, Rule(protected=("sub",)))
    assert (outcome.files, outcome.refused[0].sentence) == (0, "It is in a protected folder.")
    protect(bench.collection("scenes"), ["sub"])
    assert bench.drop_duplicates("scenes", chosen).files == 0


def test_a_folder_that_became_a_link_out_of_the_root_is_not_touched(bench: Workbench, pictures: Path) -> None:
    chosen = drops(bench)
    outside = pictures.parent / "outside"
    shutil.move(pictures / "sub", outside)
    (pictures / "sub").symlink_to(outside)
    before = contents(outside)
    outcome = bench.drop_duplicates("scenes", chosen)
    assert outcome.files == 0
    assert {refused.sentence for refused in outcome.refused} == {"It is outside the folder of the collection."}
    assert contents(outside) == before


def test_a_file_that_became_a_link_is_not_touched(bench: Workbench, pictures: Path) -> None:
    (one,) = drops(bench, "sub/copy-0.png")
    (pictures / "sub" / "copy-0.png").unlink()
    (pictures / "sub" / "copy-0.png").symlink_to(pictures / "keep.png")
    assert refusal(bench, one) == "It is a link or no regular file."


def test_a_kept_link_to_what_would_go_is_no_keeper(bench: Workbench, pictures: Path) -> None:
    (one,) = drops(bench, "sub/copy-0.png")
    (pictures / "keep.png").unlink()
    (pictures / "keep.png").symlink_to(pictures / "sub" / "copy-0.png")
    assert "link to one that would be taken away" in refusal(bench, one)


def test_a_restore_never_leaves_the_root_nor_overwrites(bench: Workbench, pictures: Path, tmp_path: Path) -> None:
    outcome = bench.drop_duplicates("scenes", drops(bench))
    (pictures / "sub" / "copy-0.png").write_bytes(b"another file")
    back = bench.restore_dropped("scenes", outcome.batch)
    assert back.files == COPIES - 1
    assert back.refused[0].sentence == "Another file has its name now."
    assert (pictures / "sub" / "copy-0.png").read_bytes() == b"another file"
    [batch] = bench.dropped("scenes")
    shutil.rmtree(pictures / "sub")
    (tmp_path / "elsewhere").mkdir()
    (pictures / "sub").symlink_to(tmp_path / "elsewhere")
    assert (
        "is now outside the folder of the collection" in bench.restore_dropped("scenes", batch.name).refused[0].sentence
    )
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (pictures / "sub").unlink()
    assert bench.restore_dropped("scenes", batch.name).files == 1


def test_a_trash_folder_that_is_a_link_is_refused(bench: Workbench, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (pictures / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BenzerError, match="is a link to another place, so nothing was changed"):
        bench.drop_duplicates("scenes", drops(bench))


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_read_only_folder_and_a_full_disk_are_refused(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    before, known = contents(pictures), rows(bench)
    chosen = drops(bench)
    with monkeypatch.context() as broken:
        make, refuse = Path.mkdir, failing(code)
        broken.setattr(Path, "mkdir", lambda path, **how: refuse() if FOLDER in path.parts else make(path, **how))
        with pytest.raises(BenzerError, match=r"cannot be written to .*so nothing was changed"):
            bench.drop_duplicates("scenes", chosen)
    with monkeypatch.context() as broken:
        broken.setattr("engine.core.storage.os.fsync", failing(code))
        with pytest.raises(BenzerError, match=r"cannot be written to .*so nothing was changed"):
            bench.drop_duplicates("scenes", chosen)
    assert (contents(pictures), rows(bench)) == (before, known)


def test_a_disk_that_refuses_in_the_middle_leaves_the_rest_in_place(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename, moves = contents(pictures), os.rename, []

    def twice(source: Any, target: Any) -> None:
        if "copy-" in str(source):
            moves.append(source)
            if len(moves) > 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    monkeypatch.setattr(trash.os, "rename", twice)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    monkeypatch.undo()
    assert (outcome.files, len(outcome.refused)) == (2, 2)
    assert outcome.refused[0].sentence == "The disk refused: no space left on device."
    bench.restore_dropped("scenes", outcome.batch)
    assert contents(pictures) == before


def test_a_stop_in_the_middle_leaves_the_catalogue_true(bench: Workbench, pictures: Path) -> None:
    before, known = contents(pictures), rows(bench)

    class Stopping(Reporter):
        def update(self, stage: str, done: int, total: int, unit: str = "", note: str = "") -> None:
            if done == 2:
                raise Stopped

    with pytest.raises(Stopped):
        trash.move_to_trash(bench.collection("scenes"), drops(bench), reporter=Stopping())
    assert len(rows(bench)) == len(known) - 2 == len(contents(pictures))
    [batch] = bench.dropped("scenes")
    assert (batch.state, len(batch.waiting)) == ("done", 2)
    bench.drop_duplicates("scenes", drops(bench))
    with pytest.raises(Stopped):
        trash.restore(bench.collection("scenes"), batch.name, reporter=Stopping())
    for left in bench.dropped("scenes"):
        bench.restore_dropped("scenes", left.name)
    assert (contents(pictures), rows(bench)) == (before, known)


def test_a_disk_without_hard_links_restores_all_the_same(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(pictures)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    (pictures / "sub").mkdir(exist_ok=True)
    (pictures / "sub" / "copy-1.png").write_bytes(b"another file")
    monkeypatch.setattr(trash.os, "link", failing(errno.EPERM))
    assert bench.restore_dropped("scenes", outcome.batch).files == COPIES - 1
    (pictures / "sub" / "copy-1.png").unlink()
    assert bench.restore_dropped("scenes", outcome.batch).files == 1
    assert contents(pictures) == before


def test_another_disk_is_named(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename
    across = failing(errno.EXDEV)
    monkeypatch.setattr(trash.os, "rename", lambda a, b: across() if "copy-" in str(a) else rename(a, b))
    outcome = bench.drop_duplicates("scenes", drops(bench))
    assert outcome.refused[0].sentence == "It is not on the same disk as the trash folder."


def test_what_is_not_in_the_trash_is_named(bench: Workbench) -> None:
    with pytest.raises(NotFound, match="There is nothing named"):
        bench.restore_dropped("scenes", "../../etc")


def test_a_damaged_plan_is_left_out(bench: Workbench, pictures: Path) -> None:
    outcome = bench.drop_duplicates("scenes", drops(bench))
    plan = pictures / FOLDER / outcome.batch / "plan.json"
    plan.write_bytes(plan.read_bytes()[:-20])
    assert batches(bench.collection("scenes")) == []


def test_names_of_any_bytes_are_restored(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    names = [b"caf\xe9 %41.png", "ünï #1?.png".encode(), b"line\nbreak.png"]
    scene(0).save(folder / "keep.png")
    for name in names:
        shutil.copy(folder / "keep.png", os.path.join(os.fsencode(folder), name))
    bench = imported(tmp_path / "home", folder)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    assert outcome.files == 3
    bench.restore_dropped("scenes", outcome.batch)
    assert set(os.listdir(os.fsencode(folder))) >= {*names, b"keep.png"}


def test_uploaded_pictures_have_their_trash_beside_them(tmp_path: Path) -> None:
    """Of equal uploads one file is stored; near duplicates have a file each."""
    files = []
    for name, picture in (("one", scene(0)), ("small", scene(0).resize((160, 120))), ("other", scene(1))):
        picture.save(tmp_path / f"{name}.png")
        files.append((f"{name}.png", (tmp_path / f"{name}.png").read_bytes()))
    files.append(("again.png", files[1][1]))
    bench = Workbench(type(Workbench(None).home)(tmp_path / "home"))
    bench.run("import", source="upload", title="Scenes", spool=str(bench.spool(files)))
    bench.run("perceptual", collection="scenes")
    known = rows(bench)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    assert outcome.files == 1
    assert [name for _, name, _ in rows(bench)] == ["one.png", "other.png"]
    assert journal.trash_of(bench.collection("scenes")) == bench.collection("scenes").folder / "trash"
    bench.restore_dropped("scenes", outcome.batch)
    assert rows(bench) == known
    assert len(bench.collection("scenes").picture(known[1][0])) == len(files[1][1])


def test_five_thousand_at_once_are_a_job(bench: Workbench, pictures: Path) -> None:
    """The job does the same as the call, for any number."""
    arguments = {"act": "trash", "drops": [[drop.id, drop.hash, drop.keeper] for drop in drops(bench)]}
    done = bench.run("tidy", collection="scenes", **arguments)
    assert (done["files"], done["refused"]) == (COPIES, [])
    assert done["sentence"].startswith("4 pictures (")
    back = bench.run("tidy", collection="scenes", act="restore", batch=done["batch"])
    assert back["files"] == COPIES
    with pytest.raises(BenzerError, match="The act of duplicates must be one of trash, link, restore"):
        bench.run("tidy", collection="scenes", act="delete")
