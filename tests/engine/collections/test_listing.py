"""A damaged collection is named, and the others are listed."""

from engine.collections.listing import collections, damaged
from engine.collections.sources.importing import import_folder


def test_a_damaged_collection_does_not_hide_the_others(home, kept, pile, reporter):
    import_folder(home, "Pile", pile, reporter)
    path = kept.folder / "catalogue.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    assert [collection.name for collection in collections(home)] == ["pile"]
    [(name, sentence)] = damaged(home)
    assert name == "kept"
    assert "catalogue.sqlite" in sentence
