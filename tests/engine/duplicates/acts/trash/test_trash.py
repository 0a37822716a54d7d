"""Moving duplicates to the trash and back: nothing is lost, and everything comes back as it was."""

from __future__ import annotations

import errno
import io
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.collections.facts.stored import columns_by_id
from engine.core.errors import BenzerError, NotFound, UnreadableImage
from engine.core.home import Home
from engine.core.storage import read_json, write_json
from engine.duplicates.acts import journal, trash
from engine.duplicates.acts.catalogue_rows import settle_all
from engine.duplicates.acts.checking import COPIED_IN, Drop
from engine.duplicates.acts.journal import FOLDER, Batch, Entry, batches
from engine.duplicates.decisions import protect
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.acts.trash.conftest import COPIES, contents, drops, failing, refusal, rows
from tests.engine.duplicates.scenes import imported, scene


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
