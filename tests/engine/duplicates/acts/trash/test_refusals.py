"""What is not moved to the trash or back, and why: changed files, links out of the folder, whole groups."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.core.errors import BenzerError
from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.journal import FOLDER
from engine.duplicates.decisions import protect
from engine.duplicates.rules import Rule
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.acts.trash.conftest import COPIES, contents, drops, refusal, rows


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
