"""What is stored: kills, full disks and flipped bits."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from engine.collections.catalogue import Catalogue, ImageRow, seal_of
from engine.collections.collection import Collection
from engine.collections.integrity import check
from engine.collections.listing import collections, damaged
from engine.collections.pixels import Decoded, decoded_pixels
from engine.collections.sources.importing import import_archive, import_folder, rescan
from engine.core.errors import BenzerError, Corrupt, StorageFull
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter


def everything(home: Home, name: str) -> object:
    """Every answer a collection can give, as plain values."""
    collection = Collection.open(home, name)
    ids = collection.images().ids.tolist()
    return (
        collection.title,
        collection.source,
        collection.complete,
        collection.rows(),
        [collection.image(id) for id in ids],
        [collection.thumbnail(id) for id in ids],
        [collection.picture(id) for id in ids],
        len(collection),
    )


def test_rows_survive_as_they_were(tmp_path):
    catalogue = Catalogue.create(tmp_path / "c.sqlite", {"title": "x"})
    with catalogue.writing() as writing:
        row = writing.add(ImageRow(0, b"\xff\n.png", "n\u202e", "l", "t", "s", 1, 2**62, 3, 4, "h", "image"))
    with catalogue.reading() as reading:
        assert reading.rows() == [row] == [reading.row(1)]
        assert reading.facts() == {"title": "x"}


def test_an_error_undoes_the_whole_transaction(tmp_path):
    catalogue = Catalogue.create(tmp_path / "c.sqlite", {})

    def half() -> None:
        with catalogue.writing() as writing:
            writing.add(ImageRow(0, b"a", "a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with catalogue.reading() as reading:
        assert reading.rows() == []


def test_ids_are_never_used_again(tmp_path):
    catalogue = Catalogue.create(tmp_path / "c.sqlite", {})
    with catalogue.writing() as writing:
        writing.add(ImageRow(0, b"a", "a"))
        writing.remove([1])
        assert writing.add(ImageRow(0, b"b", "b")).id == 2


def test_seals_differ():
    assert len({seal_of(1, "a"), seal_of(1, "b"), seal_of("1", "a"), seal_of(1, b"a")}) == 4


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE files SET label='other' WHERE id=3",
        "DELETE FROM files WHERE id=3",
        "UPDATE files SET status='rejected' WHERE id=3",
        "INSERT INTO files SELECT 99,x'00',name,label,text,stored,size,mtime_ns,width,height,hash,status,stage,code,"
        "message,seal FROM files WHERE id=3",
    ],
)
def test_changes_by_others_are_noticed(kept, change):
    path = kept.folder / "catalogue.sqlite"
    with sqlite3.connect(path) as db:
        for trigger in ("files_added", "files_changed", "files_removed"):
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute(change)
    db.close()
    with pytest.raises(Corrupt, match=r"catalogue\.sqlite"):
        kept.images()


def test_flipped_bits_of_the_catalogue(home, kept, times):
    """The check names every flip; in use, each is either named or without effect on any answer (free space)."""
    original = everything(home, "kept")
    path = kept.folder / "catalogue.sqlite"
    data = path.read_bytes()
    random = np.random.default_rng(7)
    noticed = 0
    for place in random.integers(0, len(data) * 8, 100 * times):
        copy = bytearray(data)
        copy[place // 8] ^= 1 << (place % 8)
        path.write_bytes(copy)
        [sentence] = check(kept)
        assert "catalogue.sqlite" in sentence
        try:
            assert everything(home, "kept") == original, f"bit {place} went unnoticed"
        except Corrupt as error:
            assert "catalogue.sqlite" in str(error)
            noticed += 1
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert noticed > 15 * times


def test_flipped_bits_of_kept_pictures(home, kept):
    random = np.random.default_rng(8)
    for id in kept.images().ids.tolist():
        path = kept.image(id).path
        data = path.read_bytes()
        for place in random.integers(0, len(data) * 8, 5):
            copy = bytearray(data)
            copy[place // 8] ^= 1 << (place % 8)
            path.write_bytes(copy)
            with pytest.raises(Corrupt, match=path.name):
                kept.picture(id)
            [sentence] = check(kept)
            assert str(path) in sentence
            decoded = Decoded(kept, [id], 8)
            assert list(decoded) == []
            assert decoded.failures[0].code == "changed"
            path.write_bytes(data)
            if place % 5:
                break


def test_decoded_pixels_with_flipped_bits_are_made_anew(kept, reporter):
    whole = np.array(decoded_pixels(kept, 8, reporter)[1])
    store = kept.folder / "pixels" / "8"
    spare = shutil.copytree(store, kept.folder / "spare")
    files = [path for path in (kept.folder / "pixels").rglob("*") if path.is_file() and path.suffix != ".lock"]
    files = [path for path in files if path.name != ".lock"]
    random = np.random.default_rng(9)
    assert len(files) >= 4
    for path in files:
        data = path.read_bytes()
        for place in random.integers(0, len(data) * 8, 6):
            copy = bytearray(data)
            copy[place // 8] ^= 1 << (place % 8)
            path.write_bytes(copy)
            assert len(check(kept)) == 1
            ids, pixels = decoded_pixels(kept, 8, reporter)
            assert ids.tolist() == kept.images().ids.tolist()
            assert (pixels == whole).all()
            assert check(kept) == []
            shutil.rmtree(store)
            shutil.copytree(spare, store)


def test_flipped_bits_of_the_seal(kept):
    path = kept.folder / "catalogue.seal.json"
    data = path.read_bytes()
    for place in range(0, len(data) * 8, 41):
        copy = bytearray(data)
        copy[place // 8] ^= 1 << (place % 8)
        path.write_bytes(copy)
        [sentence] = check(kept)
        assert path.name in sentence
    path.write_bytes(data)
    assert check(kept) == []


def test_a_catalogue_that_is_newer_than_its_seal_is_whole(kept):
    with kept.catalogue.writing() as writing:
        writing.set_facts(title="newer")
    assert check(kept) == []
    kept.set_facts(title="sealed again")
    assert check(kept) == []


def test_a_catalogue_of_a_newer_version(kept):
    with sqlite3.connect(kept.folder / "catalogue.sqlite") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(BenzerError, match="newer version"):
        kept.images()


KILLED = """
    import sys, time
    from pathlib import Path
    from engine.collections.sources import ingest
    from engine.collections.sources import importing
    from engine.core.home import Home
    from engine.jobs.job import Reporter
    ingest.BATCH = 8
    def listen(progress):
        print(progress.done, flush=True)
        time.sleep(0.005)  # so slow that the end is never reached before the kill, however fast the machine
    kind, home, source = sys.argv[1:]
    getattr(importing, "import_" + kind)(Home(Path(home)), "Killed", source, Reporter(listen=listen))
    print("END", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_kill_9_during_an_import(tmp_path, encoded, kind, times):
    """At any moment: absent or whole, nothing acknowledged lost, and the same import finishes the work."""
    source = tmp_path / "many"
    source.mkdir()
    for seed in range(120):
        (source / f"{seed:03d}.png").write_bytes(encoded(seed))
    if kind == "archive":
        source = Path(shutil.make_archive(str(tmp_path / "many"), "zip", source))
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(KILLED))
    random = np.random.default_rng(3)
    partial = 0
    for round in range(4 * times):
        home = Home(tmp_path / f"home{round}")
        acknowledged = kill_after(script, [kind, str(home.root), str(source)], float(random.uniform(0, 0.25)), round)
        found = collections(home)
        assert damaged(home) == []
        if found:
            rows = found[0].rows()
            assert len(rows) >= acknowledged
            partial += 0 < len(rows) < 120
            assert len(everything(home, "killed")[4]) == len(rows)
        began = time.monotonic()
        finish(home, kind, source, found)
        assert time.monotonic() - began < 10
        collection = Collection.open(home, "killed")
        assert (len(collection), collection.complete) == (120, True)
        kept = [path for path in (collection.folder / "images").rglob("*") if path.is_file()]
        assert len(kept) == (120 if kind == "archive" else 0)
    assert partial >= 1


def kill_after(script: Path, arguments: list[str], seconds: float, round: int) -> int:
    """Run, kill at a random moment, early ones before anything was acknowledged; the last number acknowledged."""
    process = subprocess.Popen(
        [sys.executable, script, *arguments],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if round % 4:
        process.stdout.readline()
    time.sleep(seconds * (1 if round % 4 else 2))
    process.send_signal(signal.SIGKILL)
    numbers = [line for line in process.stdout.read().splitlines() if line.isdigit()]
    process.wait()
    return int(numbers[-1]) if numbers else 0


def finish(home: Home, kind: str, source: Path, found: list[Collection]) -> None:
    if found and found[0].complete:
        return
    if kind == "folder" and found:
        rescan(found[0], Reporter())
    else:
        {"folder": import_folder, "archive": import_archive}[kind](home, "Killed", source, Reporter())


FULL = """
    import json, resource, signal, sys
    from pathlib import Path
    from engine.collections.sources import importing
    from engine.core.errors import BenzerError
    from engine.core.home import Home
    from engine.jobs.job import Reporter
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    home, source, limit = Home(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        importing.import_archive(home, "New", source, Reporter())
        print(json.dumps(["done", ""]))
    except BenzerError as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_full_disk(home, kept, tmp_path, encoded, reporter):
    """No file may grow beyond a limit, for limits from nothing to enough: one sentence, and the old still stands."""
    before = everything(home, "kept")
    source = tmp_path / "many"
    source.mkdir()
    for seed in range(40):
        (source / f"{seed:03d}.bmp").write_bytes(encoded(seed, "BMP"))
    archive = shutil.make_archive(str(tmp_path / "many"), "zip", source)
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(FULL))
    ends = []
    for limit in (0, 12_000, 40_000, 80_000, 10_000_000):
        done = subprocess.run(
            [sys.executable, script, home.root, archive, str(limit)],
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        kind, sentence = json.loads(done.stdout)
        ends.append(kind)
        assert kind in ("StorageFull", "done"), sentence
        assert everything(home, "kept") == before
        assert damaged(home) == []
        if kind == "StorageFull":
            assert "Free some space" in sentence
        import_archive(home, "New", archive, reporter) if "new" not in names(home) or kind != "done" else None
        assert len(Collection.open(home, "new")) == 40
        Collection.open(home, "new").remove()
    assert ends[0] == "StorageFull"
    assert ends[-1] == "done"
    assert len(set(ends)) == 2


def names(home: Home) -> list[str]:
    return [collection.name for collection in collections(home)]


def test_the_shapes_of_images_are_those_of_their_rows(kept: Collection) -> None:
    images, rows = kept.images(), kept.rows("image")
    assert images.shapes.tolist() == [[row.width, row.height] for row in rows]
    assert images.shapes.min() > 0


def test_the_three_sizes_made_last_are_kept(kept, reporter):
    first = decoded_pixels(kept, 8, reporter)[1]
    before = np.array(first)
    for size in (9, 10, 11):
        decoded_pixels(kept, size, reporter)
    assert sorted(path.name for path in (kept.folder / "pixels").iterdir()) == ["10", "11", "9"]
    assert np.array_equal(first, before)  # a training that reads them is not disturbed
    assert np.array_equal(decoded_pixels(kept, 8, reporter)[1], before)


def test_no_space_for_pixels(kept, reporter, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(StorageFull, match="need 123\xa0KB"):
        decoded_pixels(kept, 64, reporter)


@pytest.mark.parametrize("error", [UnicodeDecodeError("utf-8", b"x", 0, 1, "no"), OverflowError("too large")])
def test_an_error_of_the_work_beside_is_no_damage(tmp_path: Path, error: Exception) -> None:
    catalogue = Catalogue.create(tmp_path / "catalogue.sqlite", {})
    with pytest.raises(type(error)), catalogue.writing():
        raise error
    with catalogue.reading() as reading:
        assert reading.generation() == 0


def test_a_schema_that_is_no_text_is_damage(tmp_path: Path) -> None:
    catalogue = Catalogue.create(tmp_path / "catalogue.sqlite", {})
    with catalogue.connection() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = catalogue.path
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE files", b"\xff\xfe\xff\xfe\xff\xfe TABLE files"))
    with pytest.raises(Corrupt), catalogue.reading() as reading:
        reading.db.execute("SELECT id FROM files")
