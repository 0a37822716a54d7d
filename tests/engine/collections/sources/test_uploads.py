"""Uploads: told apart by what is in them, any mixture of files, and kept until they are imported."""

from __future__ import annotations

import io
import os
import tarfile
import time
import zipfile

import pytest

from engine.collections.collection import Collection
from engine.collections.sources import importing, ingest
from engine.collections.sources.importing import import_archive, import_files
from engine.collections.sources.job import import_pictures
from engine.collections.sources.table_upload import import_table_upload
from engine.core.errors import NameTaken, Stopped, StorageFull, UnreadableArchive
from engine.core.progress import Reporter
from engine.workbench.workbench import Workbench


class Impatient(Reporter):
    """Asks to stop as soon as something is finished."""

    @property
    def stop_asked(self) -> bool:
        return self.last.done >= 4


@pytest.fixture
def packed(encoded):
    """packed({name: seed}) -> the bytes of a ZIP of such pictures."""

    def make(members: dict[str, int]) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, seed in members.items():
                archive.writestr(name, encoded(seed))
        return out.getvalue()

    return make


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH", 4)


@pytest.mark.usefixtures("small_batches")
def test_another_upload_of_the_same_title_is_not_taken_for_a_stopped_one(home, encoded, reporter):
    files = [(f"IMG_{seed}.png", encoded(seed)) for seed in range(8)]
    others = [(f"IMG_{seed}.png", encoded(100 + seed)) for seed in range(3)]
    with pytest.raises(Stopped):
        import_files(home, "Holiday", files, Impatient())
    with pytest.raises(NameTaken):
        import_files(home, "Holiday", others, reporter)
    report = import_files(home, "Holiday", files, reporter)
    assert (report.added, report.unchanged) == (4, 4)


@pytest.mark.usefixtures("small_batches")
def test_another_archive_of_the_same_name_is_not_taken_for_a_stopped_one(home, packed, tmp_path, reporter):
    path = tmp_path / "photos.zip"
    path.write_bytes(packed({f"{seed}.png": seed for seed in range(8)}))
    first = path.read_bytes()
    with pytest.raises(Stopped):
        import_archive(home, "Photos", path, Impatient())
    path.write_bytes(packed({f"{seed}.png": 100 + seed for seed in range(8)}))
    with pytest.raises(NameTaken):
        import_archive(home, "Photos", path, reporter)
    path.write_bytes(first)
    assert import_archive(home, "Photos", path, reporter).inputs == 8


@pytest.mark.usefixtures("small_batches")
def test_another_table_with_the_same_pictures_is_not_taken_for_a_stopped_one(home, packed, tmp_path, reporter):
    pictures, table = tmp_path / "000001", tmp_path / "list.csv"
    pictures.write_bytes(packed({f"{seed}.png": seed for seed in range(8)}))
    table.write_text("image,label\n" + "".join(f"{seed}.png,cat\n" for seed in range(8)))
    with pytest.raises(Stopped):
        import_table_upload(home, "Pets", table, [("p.zip", pictures)], Impatient())
    table.write_text(table.read_text().replace("cat", "dog"))
    with pytest.raises(NameTaken):
        import_table_upload(home, "Pets", table, [("p.zip", pictures)], reporter)


def test_two_archives_and_a_picture(home, packed, encoded, reporter):
    twins = [("a.zip", packed({"x/1.png": 1, "x/2.png": 2})), ("b.ZIP", packed({"x/1.png": 3, "x/2.png": 4}))]
    report = import_files(home, "Mixed", [*twins, ("5.png", encoded(5))], reporter)
    assert (report.added, report.rejects) == (5, [])
    collection = Collection.open(home, "mixed")
    assert collection.labels() == {"x": 4}
    found = {collection.picture(int(id)) for id in collection.images().ids}
    assert found == {encoded(seed) for seed in range(1, 6)}
    assert not (collection.folder / "images" / ".incoming").exists()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"])
def test_every_kind_of_tar(home, encoded, reporter, suffix):
    out = io.BytesIO()
    kind = {"": "", ".gz": "gz", ".tgz": "gz", ".bz2": "bz2", ".xz": "xz"}[suffix.removeprefix(".tar")]
    with tarfile.open(fileobj=out, mode=f"w:{kind}") as archive:
        member = tarfile.TarInfo("x/1.png")
        member.size = len(encoded(1))
        archive.addfile(member, io.BytesIO(encoded(1)))
    report = import_files(home, "Tar", [("a" + suffix, out.getvalue()), ("2.png", encoded(2))], reporter)
    assert (report.added, report.rejects) == (2, [])


def test_a_false_archive_among_pictures_is_one_reject(home, encoded, reporter):
    report = import_files(home, "Mixed", [("up/false.zip", b"no archive"), ("1.png", encoded(1))], reporter)
    assert report.added == 1
    [reject] = report.rejects
    assert (reject.path, reject.stage) == ("up/false.zip", "archive")
    assert "false.zip is not a ZIP" in reject.message
    with pytest.raises(UnreadableArchive, match=r"false\.zip"):
        import_files(home, "Alone", [("false.zip", b"no archive")], reporter)


def test_the_spool_of_a_stopped_upload_is_kept_until_it_is_finished(home, packed, encoded, small_batches):
    bench = Workbench(home)
    pictures = [(f"{seed}.png", encoded(seed)) for seed in range(8)]
    archive = [("many.zip", packed({f"{seed}.png": seed for seed in range(8)}))]
    table = [("list.csv", b"image\n" + b"".join(b"%d.png\n" % seed for seed in range(8))), *archive]
    for title, files in {"Pictures": pictures, "Archive": archive, "Table": table}.items():
        spool = bench.spool(files)
        arguments = {"home": str(home.root), "source": "upload", "title": title, "spool": str(spool)}
        with pytest.raises(Stopped):
            import_pictures(arguments, Impatient())
        report = import_pictures(arguments, Reporter())
        assert (report["inputs"], report["added"]) == (8, 4)
        assert len(bench.collection(title.lower())) == 8
        assert not spool.exists()


@pytest.mark.parametrize(("error", "kept"), [(StorageFull("full"), True), (NameTaken("taken"), False)])
def test_a_failed_upload_keeps_its_files_only_where_trying_again_helps(home, encoded, monkeypatch, error, kept):
    def fail(*_: object, **__: object) -> None:
        raise error

    bench = Workbench(home)
    spool = bench.spool([("1.png", encoded(1))])
    monkeypatch.setattr(importing, "import_files", fail)
    with pytest.raises(type(error)):
        bench.run("import", source="upload", title="One", spool=str(spool))
    assert spool.exists() == kept


def test_a_spool_that_cannot_be_filled_leaves_nothing(home, encoded):
    def files():
        yield "1.png", encoded(1)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        Workbench(home).spool(files())
    assert list((home.root / "jobs" / "uploads").iterdir()) == []


def test_forgotten_spools_are_swept(home, encoded):
    bench = Workbench(home)
    old, recent = bench.spool([("1.png", encoded(1))]), bench.spool([("2.png", encoded(2))])
    os.utime(old, (time.time() - 8 * 24 * 3600,) * 2)
    new = bench.spool([("3.png", encoded(3))])
    assert (old.exists(), recent.exists(), new.exists()) == (False, True, True)


def test_the_job_takes_any_mixture(home, packed, encoded):
    bench = Workbench(home)
    for title, files, count in [
        ("Two", [("a.zip", packed({"x/1.png": 1})), ("b.zip", packed({"x/1.png": 2}))], 2),
        ("Both", [("a.zip", packed({"x/1.png": 1})), ("2.png", encoded(2)), ("3.png", encoded(3))], 3),
    ]:
        report = bench.run("import", source="upload", title=title, spool=str(bench.spool(files)))
        assert (report["added"], report["rejects"]) == (count, [])
