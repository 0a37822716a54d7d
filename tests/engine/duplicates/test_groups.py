"""Groups, rules and decisions: which file of a group is kept, and what is left alone."""

from __future__ import annotations

import csv
import io
import os
import shutil
from pathlib import Path

import pytest

from engine.core.errors import BadParameter, Corrupt
from engine.duplicates.decisions import decisions_of, folder_key, forget_apart, protect, say_apart
from engine.duplicates.groups import HEADER, DuplicateGroup, FoundDuplicates
from engine.duplicates.rules import STRENGTHS, Rule, least_likeness
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import imported, scene


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a/one.png and b/one.png are equal; old/two.png is the older, smaller copy of two.png; three stands alone."""
    root = tmp_path_factory.mktemp("groups")
    for folder in ("a", "b", "old"):
        (root / "pictures" / folder).mkdir(parents=True)
    scene(1).save(root / "pictures" / "a" / "one.png")
    shutil.copy(root / "pictures" / "a" / "one.png", root / "pictures" / "b" / "one.png")
    scene(2).save(root / "pictures" / "two.png")
    scene(2).resize((160, 120)).save(root / "pictures" / "old" / "two.png")
    os.utime(root / "pictures" / "old" / "two.png", (1e9, 1e9))
    scene(3).save(root / "pictures" / "three.png")
    imported(root / "home", root / "pictures").run("perceptual", collection="scenes")
    return root


@pytest.fixture
def bench(made: Path, tmp_path: Path) -> Workbench:
    """A copy of the home that a test may change."""
    shutil.copytree(made / "home", tmp_path / "home")
    return Workbench(type(Workbench(None).home)(tmp_path / "home"))


def kept(found: FoundDuplicates) -> list[str]:
    return [group.keeper.name for group in found.groups]


def exact(found: FoundDuplicates) -> DuplicateGroup:
    [group] = [group for group in found.groups if group.exact]
    return group


def test_equal_files_come_first_and_the_largest_is_kept(bench: Workbench) -> None:
    found = bench.duplicate_groups("scenes")
    assert kept(found) == ["a/one.png", "two.png"]
    assert [group.exact for group in found.groups] == [True, False]
    assert exact(found).members[1].difference.words == "identical file"
    assert found.sentence().startswith("2 groups with 2 duplicates (")
    assert found.pictures == 5


def test_equal_files_are_found_before_anything_was_compared(bench: Workbench) -> None:
    shutil.rmtree(bench.collection("scenes").folder / "indexes")
    assert kept(bench.duplicate_groups("scenes")) == ["a/one.png"]


def test_the_rule_chooses_what_is_kept(bench: Workbench) -> None:
    assert kept(bench.duplicate_groups("scenes", rule=Rule("oldest")))[1] == "old/two.png"
    assert kept(bench.duplicate_groups("scenes", rule=Rule("folder", "b")))[0] == "b/one.png"
    assert kept(bench.duplicate_groups("scenes", rule=Rule("folder", "old/")))[1] == "old/two.png"
    with pytest.raises(BadParameter, match="The keep of the duplicates must be one of"):
        Rule("smallest")


def test_nothing_in_a_protected_folder_is_marked_for_removal(bench: Workbench) -> None:
    found = bench.duplicate_groups("scenes", rule=Rule(protected=("b", "a")))
    assert exact(found).dropped == []
    protect(bench.collection("scenes"), ["old"])
    found = bench.duplicate_groups("scenes")
    assert kept(found)[1] == "old/two.png"
    assert [row.name for row in found.dropped] == ["b/one.png", "two.png"]


def test_a_folder_whose_name_begins_like_a_protected_one_is_not(bench: Workbench) -> None:
    found = bench.duplicate_groups("scenes", rule=Rule(protected=("ol",)))
    assert [row.name for row in found.dropped] == ["b/one.png", "old/two.png"]


def test_what_is_no_duplicate_stays_none(bench: Workbench) -> None:
    collection = bench.collection("scenes")
    near = bench.duplicate_groups("scenes").groups[1]
    say_apart(collection, near.contents)
    assert kept(bench.duplicate_groups("scenes")) == ["a/one.png"]
    say_apart(collection, exact(bench.duplicate_groups("scenes")).contents)
    assert kept(bench.duplicate_groups("scenes")) == []
    forget_apart(collection, near.contents)
    assert kept(bench.duplicate_groups("scenes")) == ["two.png"]
    forget_apart(collection)
    assert len(bench.duplicate_groups("scenes").groups) == 2


def test_a_damaged_decision_is_named(bench: Workbench) -> None:
    collection = bench.collection("scenes")
    protect(collection, ["b"])
    path = collection.folder / "duplicates.json"
    path.write_bytes(path.read_bytes().replace(b'"b"', b'"a"'))
    with pytest.raises(Corrupt, match=r"duplicates\.json"):
        decisions_of(collection)


@pytest.mark.parametrize(("given", "key"), [("./holiday/2019/", "holiday/2019"), ("", ""), (".", ""), (" a ", "a")])
def test_a_folder_has_one_form(given: str, key: str) -> None:
    assert folder_key(given) == key


@pytest.mark.parametrize("wrong", ["tight", 0.4, 1.1, "-1", float("nan")])
def test_a_wrong_strength_is_named(wrong: str | float) -> None:
    with pytest.raises(BadParameter, match="The strength of the duplicates must be strict, normal, loose"):
        least_likeness(wrong)


def test_a_stricter_strength_finds_no_more(bench: Workbench) -> None:
    counts = [len(bench.duplicate_groups("scenes", name).groups) for name in ("strict", "normal", "loose")]
    assert counts == sorted(counts)
    assert least_likeness("0.9") == 0.9
    assert list(STRENGTHS.values()) == sorted(STRENGTHS.values(), reverse=True)


def test_the_csv_holds_every_file_of_every_group(bench: Workbench) -> None:
    found = bench.duplicate_groups("scenes")
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [row["file"] for row in rows] == ["a/one.png", "b/one.png", "two.png", "old/two.png"]
    assert [row["keep"] for row in rows] == ["yes", "no", "yes", "no"]
    assert tuple(rows[0]) == HEADER
    assert found.as_dict()["duplicates"] == 2


def test_no_chain_runs_from_one_picture_to_another(bench: Workbench) -> None:
    """A star: of three contents of which only neighbours are alike, the ends are in no group together."""
    from dataclasses import replace

    import numpy as np

    from engine.duplicates.decisions import Decisions
    from engine.duplicates.groups import group_duplicates

    collection = bench.collection("scenes")
    same = bench.same_pictures("scenes")
    assert same is not None
    place = {row.name: same.contents.index(row.hash) for row in collection.rows("image")}
    chain = [(place["three.png"], place["two.png"]), (place["two.png"], place["old/two.png"])]
    chained = replace(
        same,
        rows=np.array(chain),
        likeness=np.array([0.9, 0.95], np.float32),
        orientations=np.zeros(2, np.int64),
        shares=np.ones(2, np.float32),
    )
    found = group_duplicates(collection, chained, 0.85, Rule("folder", "old"), Decisions())
    assert {tuple(sorted(m.row.name for m in group.members)) for group in found.groups if not group.exact} == {
        ("old/two.png", "two.png")
    }
