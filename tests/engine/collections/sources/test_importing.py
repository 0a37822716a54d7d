"""Imports: everything offered is counted once, bad input is one sentence, and nothing is lost."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.listing import collections
from engine.collections.pixels import Decoded, decoded_pixels
from engine.collections.report import ImportReport
from engine.collections.sources import ingest
from engine.collections.sources.importing import (
    import_archive,
    import_csv,
    import_drawn,
    import_files,
    import_folder,
    import_sample,
    rescan,
)
from engine.core.cache import catalogue_stamp
from engine.core.errors import BadParameter, BenzerError, NameTaken, NotFound, Stopped, Unreadable, UnreadableArchive
from engine.core.progress import Progress, Reporter
from engine.core.store import Store


def test_a_folder(home, pile, encoded, reporter):
    (pile / "copy.png").write_bytes(encoded(3))
    (pile / "broken.png").write_bytes(encoded(4)[:50])
    (pile / "notes.txt").write_text("hello")
    (pile / ".DS_Store").write_bytes(b"junk")
    report = import_folder(home, "My Pile", pile, reporter)
    assert (report.added, report.copies, len(report.rejects), report.inputs) == (12, 1, 2, 15)
    collection = Collection.open(home, "my-pile")
    assert (len(collection), collection.title, collection.complete) == (12, "My Pile", True)
    assert collection.labels() == {"blue": 6, "red": 5}  # the copy came first and is the image of that content
    assert {reject.path for reject in collection.rejects()} == {"broken.png", "notes.txt"}
    assert not list((collection.folder / "images").rglob("*.png"))  # referenced where they lie
    assert ImportReport.from_dict(report.to_dict()) == report


def test_what_a_collection_knows(home, pile, encoded, reporter):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    images = collection.images()
    assert images.ids.dtype == np.int64
    assert (np.diff(images.ids) > 0).all()
    assert len(images) == len(images.hashes) == len(images.labels) == len(images.names) == len(images.texts) == 12
    record = collection.image(int(images.ids[0]))
    assert (record.name, record.width, record.height, record.label) == ("blue/00.png", 48, 36, "blue")
    assert collection.picture(record.id) == encoded(0)
    thumbnail = collection.thumbnail(record.id)
    assert thumbnail[:4] == b"RIFF"
    assert thumbnail[8:12] == b"WEBP"
    for id in (0, 999, 2**70):
        with pytest.raises(NotFound):
            collection.image(id)
    with pytest.raises(BadParameter):
        collection.image("1")


def test_odd_files_are_named_and_never_hang(home, pile, encoded, reporter, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(encoded(50))
    odd = pile / "odd"
    odd.mkdir()
    (odd / "folder.jpg").mkdir()
    (odd / "empty.jpg").touch()
    os.mkfifo(odd / "pipe.jpg")
    (odd / "out.png").symlink_to(outside / "secret.png")
    (odd / "outdir").symlink_to(outside)
    (odd / "loop").symlink_to(odd)
    (odd / "dangling.png").symlink_to(odd / "nothing.png")
    names = ["new\nline.png", "\u202egnp.evil.png", "é" * 120 + ".png", "=cmd.png", "<b>.png"]
    for number, name in enumerate(names):
        (odd / name).write_bytes(encoded(60 + number))
    bytes_name = os.fsencode(str(odd)) + b"/\xff\xfe.png"
    with open(bytes_name, "wb") as file:
        file.write(encoded(70))
    (odd / ("n" * 251 + ".png")).write_bytes(encoded(71))
    report = import_folder(home, "Odd", pile, reporter)
    assert {reject.path: reject.code for reject in report.rejects} == {
        "odd/folder.jpg": "folder",
        "odd/empty.jpg": "empty",
        "odd/pipe.jpg": "not-a-file",
        "odd/out.png": "link-outside",
        "odd/outdir": "link",
        "odd/loop": "link",
        "odd/dangling.png": "missing",
    }
    assert (report.added, report.inputs) == (12 + 7, 12 + 7 + 7)
    collection = Collection.open(home, "odd")
    assert set(names) <= {name.removeprefix("odd/") for name in collection.images().names}
    assert sum(len(ids) for ids, _ in Decoded(collection, collection.images().ids, 8)) == 19


def test_no_folder_of_use(home, tmp_path, reporter):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("hello")
    (tmp_path / "file").touch()
    for folder, error, words in [
        ("empty", Unreadable, "is empty"),
        ("text", Unreadable, "no picture"),
        ("absent", NotFound, "no folder"),
        ("file", BadParameter, "must be a folder"),
        ("nul\0", NotFound, "no folder"),
    ]:
        with pytest.raises(error, match=words):
            import_folder(home, "X", tmp_path / folder, reporter)
    assert collections(home) == []
    assert not any(home.datasets.iterdir()) if home.datasets.exists() else True


def test_names(home, pile, reporter):
    import_folder(home, "Pile", pile, reporter)
    before = Collection.open(home, "pile").fingerprint()
    with pytest.raises(NameTaken, match="already"):
        import_folder(home, "PILE!", pile, reporter)
    with pytest.raises(BadParameter):
        import_folder(home, "???", pile, reporter)
    assert Collection.open(home, "pile").fingerprint() == before
    for name in ("nothing", "../pile", "", ".", "a/b", "nul\0"):
        with pytest.raises(NotFound):
            Collection.open(home, name)


def test_uploads(home, encoded, reporter, tmp_path):
    (tmp_path / "c.png").write_bytes(encoded(3))
    files = [("a.png", encoded(1)), ("a.png", encoded(2)), ("b.txt", b"no"), ("e.png", b""), tmp_path / "c.png"]
    report = import_files(home, "Up", [*files, ("again.png", encoded(1))], reporter)
    assert (report.added, report.copies, len(report.rejects)) == (3, 1, 2)
    collection = Collection.open(home, "up")
    assert collection.images().names == ["a.png", "a.png", "c.png"]
    assert [collection.picture(int(id)) for id in collection.images().ids] == [encoded(1), encoded(2), encoded(3)]
    assert (tmp_path / "c.png").exists()
    assert not (collection.folder / "images" / ".incoming").exists()
    with pytest.raises(BadParameter):
        import_files(home, "None", [], reporter)


def test_titles_and_removal(home, pile, reporter):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    collection.rename("Better  name")
    assert [c.title for c in collections(home)] == ["Better name"]
    assert Collection.open(home, "pile").title == "Better name"
    with pytest.raises(BadParameter):
        collection.rename("!!!")
    collection.remove()
    assert collections(home) == []
    assert len(list(pile.rglob("*.png"))) == 12


def test_two_at_once(home, pile, reporter):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    with collection.alone(), pytest.raises(BenzerError, match="other work"):
        rescan(Collection.open(home, "pile"), reporter)


def test_stopping_keeps_what_is_finished(home, pile, reporter, monkeypatch):
    monkeypatch.setattr(ingest, "BATCH", 4)

    class Impatient(Reporter):
        @property
        def stop_asked(self) -> bool:
            return self.last.done >= 4

    with pytest.raises(Stopped):
        import_folder(home, "Pile", pile, Impatient())
    half = Collection.open(home, "pile")
    assert (len(half), half.complete) == (4, False)
    report = import_folder(home, "Pile", pile, reporter)
    assert (report.added, report.unchanged, len(half)) == (8, 4, 12)
    assert Collection.open(home, "pile").complete


def test_an_unfinished_import_is_not_continued_from_another_source(home, pile, tmp_path, encoded, monkeypatch):
    monkeypatch.setattr(ingest, "BATCH", 4)

    class Impatient(Reporter):
        @property
        def stop_asked(self) -> bool:
            return self.last.done >= 4

    with pytest.raises(Stopped):
        import_folder(home, "Pile", pile, Impatient())
    with pytest.raises(NameTaken):
        import_files(home, "Pile", [("a.png", encoded(1))], Reporter())


def test_progress(home, pile):
    seen: list[Progress] = []
    import_folder(home, "Pile", pile, Reporter(listen=seen.append))
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (12, 12, "pictures")


def test_drawn(home, reporter, picture):
    drawn = [(f"{seed}.png", "kind", f"text {seed}", picture(seed)) for seed in range(5)]
    import_drawn(home, "Drawn", {"kind": "sample"}, iter(drawn), reporter, name="mine")
    collection = Collection.open(home, "mine")
    assert collection.images().texts == [f"text {seed}" for seed in range(5)]
    [(_, pixels)] = list(Decoded(collection, collection.images().ids[:1], 48))
    expected = np.asarray(picture(0).resize((48, 48), Image.Resampling.BILINEAR))
    assert np.abs(pixels[0].astype(int) - expected).max() <= 2


def test_an_unknown_sample(home, reporter):
    with pytest.raises(BadParameter, match="one of"):
        import_sample(home, "nothing", reporter)


def test_csv(home, pile, encoded, reporter, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(90))
    lines = [
        "Image;Label;Text;price",
        "blue/00.png;Größe;a, b;1",
        "red/01.png;=1+1;<b>;2",
        "blue/00.png;again;twice;3",
        "absent.png;x;y;4",
        "../secret.png;x;y;5",
        f"{secret};x;y;6",
        ";x;y;7",
        "short.png",
        '"blue/02.png";"multi',
        'line";z;8',
    ]
    for number, encoding in enumerate(["utf-8", "utf-8-sig", "utf-16", "cp1252"]):
        table = pile / f"table-{encoding}.csv"
        table.write_bytes("\r\n".join(lines).encode(encoding))
        report = import_csv(home, f"T{number}", table, reporter)
        assert (report.added, report.copies, report.inputs) == (3, 1, 9)
        assert [reject.code for reject in report.rejects] == ["missing", "outside", "outside", "no-image", "missing"]
        collection = Collection.open(home, f"t{number}")
        assert collection.labels() == {"=1+1": 1, "Größe": 1, "multi line": 1}
        assert rescan(collection, reporter).unchanged == 9


def test_corrected_labels_and_texts_of_a_csv_are_imported(home, pile, encoded, reporter):
    (pile / "bad.png").write_bytes(b"no picture")
    table = pile / "table.csv"
    table.write_text("image,label,text\nblue/00.png,cat,a\nblue/02.png,cat,b\nred/01.png,cat,c\nbad.png,cat,d\n")
    import_csv(home, "Zoo", table, reporter)
    collection = Collection.open(home, "zoo")
    before = (collection.fingerprint(), collection.images().ids.tolist(), catalogue_stamp(collection.folder))
    table.write_text("image,label,text\nblue/00.png,lion,a\nblue/02.png,cat,new\nred/01.png,cat,c\nbad.png,cat,d\n")
    report = rescan(collection, reporter)
    assert (report.changed, report.unchanged, report.inputs) == (2, 2, 4)
    images = collection.images()
    assert (images.labels, images.texts) == (["lion", "cat", "cat"], ["a", "new", "c"])
    assert (collection.fingerprint(), images.ids.tolist()) == before[:2]  # no vector has to be made anew
    assert catalogue_stamp(collection.folder) != before[2]
    assert rescan(collection, reporter).unchanged == 4
    (pile / "red" / "01.png").write_bytes(encoded(101))
    table.write_text(table.read_text().replace("red/01.png,cat,c", "red/01.png,tiger,t"))
    assert rescan(collection, reporter).changed == 1
    assert (collection.images().labels[2], collection.images().texts[2]) == ("tiger", "t")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x89PNG\r\n\x1a\n\0\0\0", b"image\0,label\n"])
def test_tables_that_are_none(home, tmp_path, reporter, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(Unreadable):
        import_csv(home, "T", tmp_path / "t.csv", reporter)
    assert collections(home) == []


def test_an_archive_that_is_none(home, tmp_path, encoded, reporter):
    (tmp_path / "a.zip").write_bytes(encoded(1))
    with pytest.raises(UnreadableArchive, match="not a ZIP or tar"):
        import_archive(home, "A", tmp_path / "a.zip", reporter)
    with pytest.raises(NotFound):
        import_archive(home, "A", tmp_path / "b.zip", reporter)
    assert collections(home) == []


def test_rejects_as_csv_hold_no_formulas():
    from engine.collections.report import Reject

    report = ImportReport(
        "x", rejects=[Reject("=1+1.png", "header", "empty", '+a "b"'), Reject("a\nb", "s", "c", "-d")]
    )
    assert report.to_csv() == ('path,stage,code,message\r\n\'=1+1.png,header,empty,"\'+a ""b"""\r\n"a\nb",s,c,\'-d\r\n')


def test_pixels(home, pile, encoded, reporter, monkeypatch: pytest.MonkeyPatch):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    ids, pixels = decoded_pixels(collection, 16, reporter)
    assert pixels.shape == (12, 16, 16, 3)
    assert isinstance(pixels, np.memmap)
    fresh = np.concatenate([block for _, block in Decoded(collection, ids, 16)])
    assert (pixels == fresh).all()
    (pile / "blue" / "00.png").unlink()
    (pile / "red" / "01.png").write_bytes(encoded(101))
    (pile / "blue" / "new.png").write_bytes(encoded(102))
    rescan(collection, reporter)
    asked: list[int] = []
    monkeypatch.setattr(
        "engine.collections.pixels.Decoded",
        lambda collection, ids, size: asked.extend(ids) or Decoded(collection, ids, size),
    )
    ids, pixels = decoded_pixels(collection, 16, reporter)
    assert len(asked) == 2  # only what is new
    assert sorted(ids.tolist()) == collection.images().ids.tolist()
    fresh = np.concatenate([block for _, block in Decoded(collection, ids, 16)])
    assert (pixels == fresh).all()
    for size in (0, 5000, 1.5, True):
        with pytest.raises(BadParameter):
            decoded_pixels(collection, size, reporter)


def test_reading_while_importing(home, encoded, reporter, monkeypatch):
    monkeypatch.setattr(ingest, "BATCH", 4)
    done = threading.Event()
    errors: list[Exception] = []
    sizes: list[int] = []

    def read() -> None:
        while not done.is_set():
            try:
                collection = Collection.open(home, "up")
                images = collection.images()
                assert len({collection.thumbnail(int(id)) for id in images.ids}) == len(images)
                sizes.append(len(images))
            except NotFound:
                pass  # not begun yet
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    import_files(home, "Up", [(f"{seed}.png", encoded(seed)) for seed in range(80)], reporter)
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(sizes) > 3
    assert all(0 <= size <= 80 for size in sizes)
    assert len(Collection.open(home, "up")) == 80


def test_removing_while_vectors_are_made_frees_the_name(home, pile, reporter):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    store = Store(collection.folder / "vectors" / "one", format="numbers", version=1)

    def fill(folder: Path) -> None:
        (folder / "a").write_bytes(b"a")
        Collection.open(home, "pile").remove()

    with pytest.raises(NotFound):
        store.publish(fill, {})
    assert not collection.folder.exists()
    assert import_folder(home, "Pile", pile, reporter).added == 12


def test_what_was_made_for_a_removed_collection_does_not_block_its_name(home, pile, reporter):
    (home.datasets / "pile" / "vectors" / "one").mkdir(parents=True)
    (home.datasets / "pile" / ".lock").touch()
    assert import_folder(home, "Pile", pile, reporter).added == 12
    assert not list(home.datasets.glob(".removed-*"))
    (home.datasets / "other" / "images").mkdir(parents=True)
    (home.datasets / "other" / "images" / "mine.png").touch()
    with pytest.raises(NameTaken):  # these may be the only copies of somebody's pictures
        import_folder(home, "Other", pile, reporter)
    assert (home.datasets / "other" / "images" / "mine.png").exists()


def test_a_removed_collection_is_not_brought_back_by_a_rescan(home, pile, reporter):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    Collection.open(home, "pile").remove()
    with pytest.raises(NotFound, match="any more"):
        rescan(collection, reporter)
    assert not collection.folder.exists()
