"""Labels that read the same are pointed out: at import, at a rescan, and where they are classified."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from engine.collections.collection import Collection
from engine.collections.label_spelling import same_spelling, spelling_notes
from engine.collections.sources.importing import import_folder, rescan
from engine.core.home import Home
from engine.core.progress import Reporter


def test_groups_of_labels_that_read_the_same() -> None:
    counts = {"Cat": 2, "cat": 5, "ca t": 1, "Café": 1, "Cafe\u0301": 3, "dog": 4, "dogs": 1, "cafe": 1}
    assert same_spelling(counts) == [["cat", "Cat", "ca t"], ["Cafe\u0301", "Café"]]
    first, second = spelling_notes(counts)
    assert first.endswith(": 'cat' (5), 'Cat' (2), 'ca t' (1).")
    assert second.endswith(r": 'Cafe\u0301' (3), 'Caf\xe9' (1).")
    assert spelling_notes({"cat": 1, "dog": 2}) == []


def test_many_groups_are_counted() -> None:
    counts = {f"{letter} {number}": 1 for number in range(25) for letter in "aA"}
    assert spelling_notes(counts)[-1] == "… and 5 more groups of such labels."


def _pictures(folder: Path, labels: list[str]) -> None:
    for number, label in enumerate(labels):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 20, len(str(folder)), 9)).save(folder / label / f"{number}.png")


def test_an_import_and_a_rescan_say_so(home: Home, tmp_path: Path) -> None:
    _pictures(tmp_path / "p", ["cat", "dog"])
    report = import_folder(home, "p", tmp_path / "p", Reporter())
    assert not [note for note in report.notes if "capitals" in note]
    _pictures(tmp_path / "p" / "x", ["Dog", "DOG", "cat"])
    report = rescan(Collection.open(home, report.collection), Reporter())
    assert [note for note in report.notes if note.endswith("'DOG' (1), 'Dog' (1), 'dog' (1).")]


def test_exact_duplicates_with_another_label_are_pointed_out(home: Home, tmp_path: Path) -> None:
    _pictures(tmp_path / "p", ["cat", "dog"])
    (tmp_path / "p" / "cat" / "same.png").write_bytes((tmp_path / "p" / "cat" / "0.png").read_bytes())
    report = import_folder(home, "p", tmp_path / "p", Reporter())
    assert not [note for note in report.notes if "another label" in note]
    (tmp_path / "p" / "dog" / "same.png").write_bytes((tmp_path / "p" / "cat" / "0.png").read_bytes())
    said = "1 exact duplicate has another label than the picture that counts, as "
    assert f"{said}dog/same.png ('dog') of cat/0.png ('cat')." in rescan(Collection.open(home, "p"), Reporter()).notes
