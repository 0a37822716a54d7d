"""Known data sets: their layouts, and downloads that are checked, resumed, refused and never needed to start."""

import gzip
import hashlib
import http.server
import io
import socket
import tarfile
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.listing import collections
from engine.collections.pixels import Decoded
from engine.collections.sources import known, layouts
from engine.collections.sources.known import import_known
from engine.core.download import Remote, fetch
from engine.core.errors import BadParameter, Corrupt, NameTaken, NotFound, Offline, Stopped
from engine.core.progress import Reporter


def tar_gz(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def planes(seed: int, side: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, side, side), dtype=np.uint8)


def cifar10() -> list[bytes]:
    names = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"
    members = {"cifar-10-batches-bin/batches.meta.txt": names, "cifar-10-batches-bin/readme.html": b"x"}
    batches = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for number, batch in enumerate(batches):
        records = [bytes([label]) + planes(10 * number + label, 32).tobytes() for label in (3, 9)]
        members[f"cifar-10-batches-bin/{batch}.bin"] = b"".join(records)
    return [tar_gz(members)]


def stl10() -> list[bytes]:
    members = {"stl10_binary/class_names.txt": b"airplane\nbird\ncar\n", "stl10_binary/unlabeled_X.bin": bytes(27648)}
    for number, split in enumerate(("test", "train")):
        pictures = [planes(10 * number + n, 96).transpose(0, 2, 1).tobytes() for n in range(3)]
        members[f"stl10_binary/{split}_X.bin"] = b"".join(pictures)
        members[f"stl10_binary/{split}_y.bin"] = bytes([1, 2, 3])
    return [tar_gz(members)]


def jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((40, 30)).save(out, "JPEG")
    return out.getvalue()


def pets() -> list[bytes]:
    names = ["Abyssinian_1", "Abyssinian_2", "american_pit_bull_terrier_10", "Maine_Coon_3"]
    members = {f"images/{name}.jpg": jpeg(number) for number, name in enumerate(names)}
    return [tar_gz(members | {"images/Abyssinian_100.mat": b"not a picture"})]


def flowers() -> list[bytes]:
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, {"labels": np.array([[77, 1, 102]], dtype=np.uint8)})
    return [tar_gz({f"jpg/image_{n:05d}.jpg": jpeg(n) for n in (1, 2, 3)}), out.getvalue()]


def caltech() -> list[bytes]:
    folder = "101_ObjectCategories"
    names = [f"{folder}/Faces_easy/image_0001.jpg", f"{folder}/ant/image_0001.jpg"]
    names.append(f"{folder}/BACKGROUND_Google/image_0001.jpg")
    inner = tar_gz({name: jpeg(number) for number, name in enumerate(names)})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("caltech-101/101_ObjectCategories.tar.gz", inner)
        archive.writestr("caltech-101/Annotations.tar", b"x")
    return [out.getvalue()]


class Server(http.server.ThreadingHTTPServer):
    """Serves bytes by path; `breaks` cuts the next answers off after so many bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.breaks: list[int] = []
        self.asked: list[tuple[str, str]] = []
        self.ranges = True

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, *_: object) -> None:
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.asked.append((self.path, asked))
        data = self.server.files.get(self.path.lstrip("/"))
        if data is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-") or 0) if self.server.ranges else 0
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut = self.server.breaks.pop(0) if self.server.breaks else len(data)
        self.wfile.write(data[start : start + cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    served = Server()
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield served
    served.shutdown()
    served.server_close()


def pin(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def local(server, monkeypatch):
    """local(name, parts) -> the data set of that name, its files replaced by `parts` on the local server."""

    def make(name: str, parts: list[bytes]) -> known.Known:
        original = known.KNOWN[name]
        files = []
        for remote, data in zip(original.files, parts, strict=True):
            server.files[remote.name] = data
            files.append(Remote(server.url(remote.name), pin(data), 1))
        changed = replace(original, files=tuple(files))
        monkeypatch.setitem(known.KNOWN, name, changed)
        return changed

    return make


@pytest.mark.parametrize(
    ("name", "parts", "labels"),
    [
        ("cifar-10", cifar10, {"cat": 6, "truck": 6}),
        ("stl-10", stl10, {"airplane": 2, "bird": 2, "car": 2}),
        ("oxford-iiit-pet", pets, {"abyssinian": 2, "american pit bull terrier": 1, "maine coon": 1}),
        ("flowers-102", flowers, {"blackberry lily": 1, "passion flower": 1, "pink primrose": 1}),
        ("caltech-101", caltech, {"ant": 1, "faces easy": 1}),
    ],
)
def test_layouts(home, local, reporter, name, parts, labels):
    local(name, parts())
    report = import_known(home, name, reporter)
    assert report.added == sum(labels.values()) == report.inputs
    collection = collections(home)[0]
    assert collection.labels() == labels
    assert collection.title == known.KNOWN[name].title
    assert not list((home.datasets / ".downloads").iterdir())
    with pytest.raises(NameTaken):
        import_known(home, name, reporter)


def test_pixels_of_cifar_and_stl(home, local, reporter):
    local("cifar-10", cifar10())
    local("stl-10", stl10())
    import_known(home, "cifar-10", reporter)
    import_known(home, "stl-10", reporter)
    for name, key, expected in [
        ("cifar-10", "data_batch_2/00001.png", planes(19, 32)),
        ("stl-10", "train/00002.png", planes(12, 96)),
    ]:
        collection = Collection.open(home, name)
        images = collection.images()
        id = int(images.ids[images.names.index(key)])
        [(_, pixels)] = list(Decoded(collection, [id], expected.shape[1]))
        assert (pixels[0] == expected.transpose(1, 2, 0)).all()


def test_species_of_pets(home, local, reporter):
    local("oxford-iiit-pet", pets())
    import_known(home, "oxford-iiit-pet", reporter)
    images = collections(home)[0].images()
    assert dict(zip(images.labels, images.texts, strict=True)) == {
        "abyssinian": "cat",
        "american pit bull terrier": "dog",
        "maine coon": "cat",
    }


def test_the_names_of_the_flowers():
    assert len(layouts.FLOWERS) == len(set(layouts.FLOWERS)) == 102
    assert layouts.FLOWERS[0] == "pink primrose"
    assert layouts.FLOWERS[101] == "blackberry lily"


def test_labels_beyond_the_names_are_refused(home, local, reporter):
    [data] = cifar10()
    raw = gzip.decompress(data)
    place = raw.index(planes(3, 32).tobytes()) - 1
    local("cifar-10", [gzip.compress(raw[:place] + b"\xff" + raw[place + 1 :])])
    with pytest.raises(Corrupt, match="beyond the list"):
        import_known(home, "cifar-10", reporter)
    assert collections(home) == []


def test_a_download_is_taken_up_where_it_broke_off(tmp_path, server, reporter):
    data = np.random.default_rng(0).bytes(900_000)
    server.files["a.bin"] = data
    remote = Remote(server.url("a.bin"), pin(data), 1)
    server.breaks = [300_000, 200_000]
    for _ in range(2):
        with pytest.raises(Offline, match="broke off"):
            fetch(remote, tmp_path, reporter)
    assert fetch(remote, tmp_path, reporter).read_bytes() == data
    assert [asked for _, asked in server.asked] == ["", "bytes=300000-", "bytes=500000-"]
    fetch(remote, tmp_path, reporter)
    assert len(server.asked) == 3  # it is there, and whole


def test_a_server_without_ranges(tmp_path, server, reporter):
    data = np.random.default_rng(0).bytes(500_000)
    server.files["a.bin"], server.breaks, server.ranges = data, [300_000], False
    remote = Remote(server.url("a.bin"), pin(data), 1)
    with pytest.raises(Offline):
        fetch(remote, tmp_path, reporter)
    assert fetch(remote, tmp_path, reporter).read_bytes() == data


@pytest.mark.parametrize("change", ["flip", "truncate", "zero", "swap"])
def test_a_download_that_is_another_file(tmp_path, server, reporter, change):
    data = np.random.default_rng(0).bytes(100_000)
    served = {"flip": b"\0" + data[1:], "truncate": data[:-1], "zero": bytes(len(data)), "swap": data[::-1]}[change]
    server.files["a.bin"] = served
    with pytest.raises(Corrupt, match="checksum differs"):
        fetch(Remote(server.url("a.bin"), pin(data), 1), tmp_path, reporter)
    assert list(tmp_path.iterdir()) == []


def test_a_finished_download_that_rots_is_fetched_again(tmp_path, server, reporter):
    data = np.random.default_rng(0).bytes(100_000)
    server.files["a.bin"] = data
    remote = Remote(server.url("a.bin"), pin(data), 1)
    fetch(remote, tmp_path, reporter).write_bytes(b"rot")
    assert fetch(remote, tmp_path, reporter).read_bytes() == data


def test_a_left_over_that_is_too_long(tmp_path, server, reporter):
    data = np.random.default_rng(0).bytes(1000)
    server.files["a.bin"] = data
    remote = Remote(server.url("a.bin"), pin(data), 1)
    (tmp_path / "a.bin.part").write_bytes(data + b"more")
    with pytest.raises(Corrupt):
        fetch(remote, tmp_path, reporter)
    assert fetch(remote, tmp_path, reporter).read_bytes() == data


def test_a_download_without_end_is_stopped(tmp_path, server, reporter):
    server.files["a.bin"] = bytes(4 << 20)
    with pytest.raises(Corrupt, match="far larger"):
        fetch(Remote(server.url("a.bin"), pin(b""), 1), tmp_path, reporter)


def test_a_download_can_be_stopped(tmp_path, server):
    class Stopping(Reporter):
        stop_asked = True

    server.files["a.bin"] = bytes(1 << 20)
    with pytest.raises(Stopped):
        fetch(Remote(server.url("a.bin"), pin(bytes(1 << 20)), 1), tmp_path, Stopping())


def test_progress_of_a_download(tmp_path, server):
    seen = []
    server.files["a.bin"] = bytes(3 << 20)
    fetch(Remote(server.url("a.bin"), pin(bytes(3 << 20)), 3), tmp_path, Reporter(listen=seen.append))
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (3, 3, "MB")


def silent() -> tuple[socket.socket, str]:
    """A server that accepts a connection and never answers."""
    listening = socket.create_server(("127.0.0.1", 0))
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}/a.bin"


def test_offline_is_one_sentence_within_five_seconds(tmp_path, reporter):
    listening, url = silent()
    closed = socket.create_server(("127.0.0.1", 0))
    refused = f"http://127.0.0.1:{closed.getsockname()[1]}/a.bin"
    closed.close()
    for address in (url, refused, "http://nowhere.invalid/a.bin"):
        began = time.monotonic()
        with pytest.raises(Offline, match="could not be downloaded") as caught:
            fetch(Remote(address, pin(b""), 1), tmp_path, reporter)
        assert time.monotonic() - began < 5
        assert "Connect to the internet" in caught.value.way_out
    listening.close()


def test_a_name_look_up_that_hangs(tmp_path, reporter, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(60))
    began = time.monotonic()
    with pytest.raises(Offline):
        fetch(Remote("http://nowhere.invalid/a.bin", pin(b""), 1), tmp_path, reporter)
    assert time.monotonic() - began < 5


def test_a_missing_file_on_the_server(tmp_path, server, reporter):
    with pytest.raises(Offline, match="answered 404"):
        fetch(Remote(server.url("a.bin"), pin(b""), 1), tmp_path, reporter)


def test_what_must_be_fetched_by_hand(home, reporter):
    by_hand = [name for name, entry in known.KNOWN.items() if not entry.files]
    assert len(by_hand) == 3
    for name in by_hand:
        with pytest.raises(NotFound) as caught:
            import_known(home, name, reporter)
        assert "https://" in caught.value.way_out
    with pytest.raises(BadParameter):
        import_known(home, "nothing", reporter)


def test_every_file_is_pinned():
    for entry in known.KNOWN.values():
        for remote in entry.files:
            kind, _, value = remote.pin.partition(":")
            assert len(value) == {"md5": 32, "sha256": 64}[kind]
            assert remote.url.startswith("http")


def test_the_pins_are_those_of_torchvision():
    datasets = pytest.importorskip("torchvision.datasets")
    pins = {remote.name: remote.pin for entry in known.KNOWN.values() for remote in entry.files}
    assert pins["stl10_binary.tar.gz"] == f"md5:{datasets.STL10.tgz_md5}"
    assert pins["images.tar.gz"] == f"md5:{datasets.OxfordIIITPet._RESOURCES[0][1]}"
    for name, md5 in (datasets.Flowers102._file_dict[part] for part in ("image", "label")):
        assert pins[name] == f"md5:{md5}"
    assert list(layouts.FLOWERS) == list(datasets.Flowers102.classes)


def test_nothing_is_fetched_for_a_name_that_is_taken(home, server, local, reporter, encoded):
    from engine.collections.sources.importing import import_files

    local("cifar-10", cifar10())
    import_files(home, "CIFAR-10", [("a.png", encoded(1))], reporter)
    with pytest.raises(NameTaken):
        import_known(home, "cifar-10", reporter)
    assert server.asked == []
    assert Path(home.datasets / "cifar-10").is_dir()
