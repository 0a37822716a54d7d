"""Ready-made networks: the contract over each of them, their weights on disk, and all that can be wrong with those."""

from __future__ import annotations

import http.server
import io
import os
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.cli import parser
from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound, NoWeights, Offline, Unreadable
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import choices, open_encoder
from engine.encoders.backbone import filled, fold_batch_norm
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, Backbone, backbone
from engine.encoders.vectors.batches import embed_pictures
from engine.workbench.workbench import Workbench

SMALL = backbone("squeezenet-1-1")
FEATURES = {
    "vgg-16": 512, "vgg-19": 512, "resnet-18": 512, "resnet-34": 512, "resnet-50": 2048, "resnet-101": 2048,
    "resnet-152": 2048, "inception-v3": 2048, "mobilenet-v2": 1280, "mobilenet-v3-small": 576,
    "mobilenet-v3-large": 960, "squeezenet-1-0": 512, "squeezenet-1-1": 512, "efficientnet-b0": 1280,
    "convnext-tiny": 768, "vit-b-16": 768, "swin-t": 768, "efficientnet-lite0": 1280, "efficientnet-lite1": 1280,
    "efficientnet-lite2": 1280,
}  # fmt: skip
REAL = Path(os.environ.get("BENZER_TEST_DATA") or Path(__file__).parents[5] / "shared" / "data") / "weights"


@pytest.fixture(autouse=True)
def no_folder_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pretrained.FOLDER, raising=False)


def random_weights(network: Backbone, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights that keep the size of what flows through; of a batch normalisation neither mean nor scale are plain."""
    made, random = {}, torch.Generator().manual_seed(seed)
    for name, shape in network.shapes().items():
        if name.endswith("relative_position_index"):
            made[name] = torch.zeros(shape, dtype=torch.int64)
        elif name.endswith("running_mean"):
            made[name] = torch.rand(shape, generator=random) * 0.2 - 0.1  # larger ones would silence what comes after
        elif len(shape) < 2:
            made[name] = torch.rand(shape, generator=random) * 0.5 + (0.1 if name.endswith("bias") else 0.75)
        else:
            fan_in = max(1, int(np.prod(shape[1:])))
            made[name] = torch.randn(shape, generator=random) * (2 / fan_in) ** 0.5
    return made


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    save_file(random_weights(SMALL), tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


# ── the networks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_is_the_known_one() -> None:
    assert {name: network.features for name, network in BACKBONES.items()} == FEATURES
    assert all(len(network.digits) == 8 and int(network.digits, 16) for network in BACKBONES.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_features_have_their_shape_and_folding_changes_nothing(name: str) -> None:
    network = backbone(name)
    weights = random_weights(network)
    side = {"vit-b-16": 224, "inception-v3": 139}.get(name, 64)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    body = filled(network, weights)
    with torch.inference_mode():
        plain = network.tap(body, images)
        folded = network.tap(fold_batch_norm(body), images)
    assert plain.shape[:2] == (2, network.features)
    assert (plain.shape[-1] > 1) == network.spatial
    assert torch.allclose(plain, folded, rtol=1e-3, atol=1e-3 * float(plain.abs().max()))
    assert (plain[0] - plain[1]).abs().max() > 1e-3 * plain.abs().max()
    assert not [module for module in body.modules() if isinstance(module, torch.nn.BatchNorm2d)]


@pytest.mark.parametrize("name", ["resnet-18", "mobilenet-v2", "squeezenet-1-1", "swin-t"])
def test_the_input_of_the_stock_classification(name: str) -> None:
    from torchvision.models import get_model

    network = backbone(name)
    stock = get_model(network.builder, weights=None).eval()
    last = [module for module in stock.modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)][-1]
    seen: list[torch.Tensor] = []
    last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        stock(images)
        own = {key: value for key, value in stock.state_dict().items() if key in network.shapes()}
        found = network.tap(filled(network, own), images)
    expected = seen[0] if seen[0].ndim == 4 else seen[0][:, :, None, None]
    found = found if seen[0].ndim == 4 else found.mean((2, 3), keepdim=True)
    assert torch.allclose(found, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))  # layers of float32


def test_contract(home: Home, weights_file: Path) -> None:
    pretrained.add(home, SMALL, weights_file)
    encoder = open_encoder(SMALL.name, "", home)
    assert (encoder.info.name, encoder.info.spatial, encoder.info.input_size) == (SMALL.name, True, 224)
    images = torch.rand(3, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    latents = encoder.encode(images)
    assert (latents.shape, latents.dtype) == ((3, 512, 13, 13), torch.float32)
    alone = torch.cat([encoder.encode(image[None]) for image in images])
    assert torch.allclose(latents, alone, rtol=0.02, atol=0.02 * float(latents.abs().max()))
    for embedding, width in (("max", 512), ("gem", 512), ("flatten", 512 * 169)):
        vectors = embed_pictures(encoder, [np.zeros((7, 90, 3), np.uint8)], embedding)
        assert vectors.shape == (1, width)
        assert np.isfinite(vectors).all()


# ── the weights ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_weights_there_is_a_way_out(home: Home) -> None:
    line = next(choice for choice in choices(home) if choice.name == "resnet-50")
    assert not line.ready
    with pytest.raises(NoWeights, match=r"ResNet-50 \(103 MB\) are not .* weights download resnet-50") as caught:
        open_encoder("resnet-50", "", home)
    assert caught.value.megabytes == 103
    with pytest.raises(BadParameter, match="those of one of its own runs"):
        open_encoder("resnet-50", "default", home)
    with pytest.raises(NotFound):
        backbone("resnet-51")


def test_ready_ones_come_first_and_rare_ones_wait(home: Home, weights_file: Path) -> None:
    assert next(choice for choice in choices(home) if choice.name == SMALL.name).rare
    pretrained.add(home, SMALL, weights_file)
    found = choices(home)
    assert not next(choice for choice in found if choice.name == SMALL.name).rare
    assert sorted(found, key=lambda choice: not choice.ready) == found


def test_no_run_can_take_the_folder(home: Home, weights_file: Path) -> None:
    from engine.runs import listing as runs

    pretrained.add(home, SMALL, weights_file)
    assert [run for run in runs.runs(home) if not run.shipped] == []
    with pytest.raises(BadParameter):
        runs.create(home, home.pretrained.name, {"model": 1, "size": 96}, {})


def test_other_weights_other_fingerprint_and_one_file(home: Home, tmp_path: Path, weights_file: Path) -> None:
    pretrained.add(home, SMALL, weights_file)
    first = open_encoder(SMALL.name, "", home).info.fingerprint
    save_file(random_weights(SMALL, seed=1), tmp_path / "other.safetensors")
    pretrained.add(home, SMALL, tmp_path / "other.safetensors")
    assert open_encoder(SMALL.name, "", home).info.fingerprint != first
    assert len(list(home.pretrained.glob("*.safetensors"))) == 1
    assert pretrained.remove(home, SMALL)
    assert not list(home.pretrained.glob("squeezenet-1-1*"))
    assert not pretrained.remove(home, SMALL)


@pytest.mark.parametrize("harm", ["flip", "truncate", "zero", "swap", "missing", "card"])
def test_damage_is_noticed_before_every_load(harm: str, home: Home, tmp_path: Path, weights_file: Path) -> None:
    card = pretrained.add(home, SMALL, weights_file)
    path = home.pretrained / (f"{SMALL.name}.json" if harm == "card" else card.file)
    whole = path.read_bytes()
    save_file(random_weights(SMALL, seed=9), tmp_path / "poisoned.safetensors")
    harmed = {
        "flip": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
        "card": whole.replace(b'"bytes"', b'"bytez"'),
        "truncate": whole[:-1],
        "zero": bytes(len(whole)),
        "swap": (tmp_path / "poisoned.safetensors").read_bytes(),
    }
    path.unlink() if harm == "missing" else path.write_bytes(harmed[harm])
    with pytest.raises(Corrupt, match="weights download squeezenet-1-1"):
        open_encoder(SMALL.name, "", home)


class Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize("kind", ["code", "truncated", "zeroed", "empty", "text", "numbers"])
def test_files_that_are_no_weights(kind: str, ending: str, home: Home, tmp_path: Path) -> None:
    path, out = tmp_path / f"bad.{ending}", io.BytesIO()
    torch.save({"a": Payload(tmp_path / "it-ran")}, out)
    good = io.BytesIO()
    torch.save(random_weights(SMALL), good)
    data = {
        "code": out.getvalue(), "truncated": good.getvalue()[:-1000], "zeroed": bytes(9000), "empty": b"",
        "text": b"hello", "numbers": b"\x80\x02K\x01.",
    }  # fmt: skip
    path.write_bytes(data[kind])
    with pytest.raises(Unreadable, match="no plain tensors"):
        pretrained.add(home, SMALL, path)
    assert not (tmp_path / "it-ran").exists()
    assert not pretrained.ready(home, SMALL)


def test_a_file_that_would_grow_when_it_is_read(home: Home, tmp_path: Path) -> None:
    plain = io.BytesIO()
    torch.save(random_weights(SMALL) | {"more": torch.zeros(1_000_000)}, plain)
    with zipfile.ZipFile(plain) as whole, zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    assert len(torch.load(tmp_path / "bomb.pth", weights_only=True)["more"]) == 1_000_000  # torch itself reads it
    with pytest.raises(Unreadable, match="no plain tensors"):
        pretrained.add(home, SMALL, tmp_path / "bomb.pth")


def test_a_file_says_by_its_contents_which_network_it_is_for(home: Home, tmp_path: Path, weights_file: Path) -> None:
    assert pretrained.network_of(weights_file) is SMALL
    bench = Workbench(home)
    assert bench.add_weights("../../any name.safetensors", weights_file.read_bytes()) == SMALL.name
    assert pretrained.ready(home, SMALL)
    save_file({"weight": torch.ones(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(BadParameter, match=r"must be weights of one of torchvision's networks .* got 'other.safe"):
        pretrained.network_of(tmp_path / "other.safetensors")
    with pytest.raises(Unreadable, match="holds no plain tensors"):
        bench.add_weights("text.pth", b"no weights")


@pytest.mark.parametrize(
    ("wanted", "given"), [("vgg-16", "vgg-19"), ("resnet-50", "resnet-101"), ("resnet-18", "resnet-34")]
)
def test_another_architecture_is_named(wanted: str, given: str, home: Home, tmp_path: Path) -> None:
    tensors = {name: torch.ones(()).expand(shape).half() for name, shape in backbone(given).shapes().items()}
    complaint = pretrained._difference(backbone(wanted), backbone(wanted).shapes(), tensors)
    assert complaint
    with pytest.raises(BadParameter, match=f"weights add {given} FILE"):
        pretrained.checked(backbone(wanted), tensors, "some.pth")


@pytest.mark.parametrize(("value", "says"), [(float("nan"), "not numbers"), (0.0, "zeros")])
def test_values_that_cannot_be_weights(value: float, says: str, home: Home, tmp_path: Path) -> None:
    tensors = random_weights(SMALL)
    tensors["features.0.weight"] = torch.full_like(tensors["features.0.weight"], value)
    save_file(tensors, tmp_path / "odd.safetensors")
    with pytest.raises(Corrupt, match=says):
        pretrained.add(home, SMALL, tmp_path / "odd.safetensors")


def test_whole_numbers_are_no_weights(home: Home, tmp_path: Path) -> None:
    tensors = random_weights(SMALL)
    tensors["features.0.weight"] = torch.ones_like(tensors["features.0.weight"], dtype=torch.int64)
    save_file(tensors, tmp_path / "whole.safetensors")
    with pytest.raises(Corrupt, match=r"int64 where torch\.float32 belongs \(features\.0\.weight\)"):
        pretrained.add(home, SMALL, tmp_path / "whole.safetensors")


def test_a_pth_file_with_its_classification_and_wrapping(home: Home, tmp_path: Path, weights_file: Path) -> None:
    tensors = {f"module.{name}": tensor.half() for name, tensor in random_weights(SMALL).items()}
    tensors["module.classifier.1.weight"] = torch.zeros(7, 512, 1, 1)
    torch.save({"state_dict": tensors, "epoch": 3}, tmp_path / "wrapped.pth")
    card = pretrained.add(home, SMALL, tmp_path / "wrapped.pth")
    assert set(load_file(home.pretrained / card.file)) == set(SMALL.shapes())
    (tmp_path / SMALL.file).write_bytes((tmp_path / "wrapped.pth").read_bytes())
    with pytest.raises(Corrupt, match="not the file that was published"):
        pretrained.add(home, SMALL, tmp_path / SMALL.file)


def test_the_folder_of_weights(home: Home, monkeypatch: pytest.MonkeyPatch, weights_file: Path) -> None:
    folder = weights_file.parent / "given"
    folder.mkdir()
    monkeypatch.setenv(pretrained.FOLDER, str(folder))
    (folder / "squeezenet1_1bn.safetensors").write_bytes(b"another network")
    assert not pretrained.ready(home, SMALL)
    given = weights_file.rename(folder / "squeezenet1_1.mine.safetensors")
    assert pretrained.ready(home, SMALL)
    first = open_encoder(SMALL.name, "", home).info.fingerprint
    given.write_bytes(b"poison")  # what was taken over and checked is what counts
    assert open_encoder(SMALL.name, "", home).info.fingerprint == first


# ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Server(http.server.ThreadingHTTPServer):
    data = b""
    breaks: list[int]
    asked: list[str]

    def handle_error(self, *_: object) -> None:
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-") or 0)
        rest = self.server.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.breaks.pop(0) if self.server.breaks else len(rest)])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Backbone]]:
    """A server with weights for SqueezeNet 1.1, and the line of the table that points there, pinned by eight digits."""
    import hashlib

    from engine.encoders.networks import table as backbones

    out = io.BytesIO()
    torch.save(random_weights(SMALL), out)
    server = Server(("127.0.0.1", 0), Handler)
    server.data, server.breaks, server.asked = out.getvalue(), [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    digits = hashlib.sha256(server.data).hexdigest()[:8]
    network = replace(SMALL, file=f"squeezenet1_1-{digits}.pth")
    monkeypatch.setattr(backbones, "_SERVER", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setitem(BACKBONES, SMALL.name, network)
    yield server, network
    server.shutdown()
    server.server_close()


def test_fetched_once_and_resumed(served: tuple[Server, Backbone], home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    server, network = served
    server.breaks = [1_000_000]
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    assert parser.main(["weights", "fetch", SMALL.name]) == 1
    assert parser.main(["weights", "fetch", SMALL.name]) == 0
    assert server.asked == ["", "bytes=1000000-"]
    assert parser.main(["weights", "fetch", SMALL.name]) == 0
    assert len(server.asked) == 2
    card = pretrained.card(home, network)
    assert card
    assert card.source_sha256.startswith(network.digits)
    assert list((home.pretrained / "downloads").iterdir()) == []
    open_encoder(SMALL.name, "", home)
    (home.pretrained / card.file).write_bytes(b"rot")
    assert pretrained.fetch(home, network, Reporter()) == card  # damaged ones are fetched again
    open_encoder(SMALL.name, "", home)


def test_the_full_digest_counts_from_the_second_time_on(served: tuple[Server, Backbone], home: Home) -> None:
    """A file with the same eight digits and another rest: stood in for by a card that remembers another rest."""
    from dataclasses import asdict

    from engine.core.storage import write_json

    _, network = served
    card = pretrained.fetch(home, network, Reporter())
    (home.pretrained / card.file).unlink()
    other = replace(card, source_sha256=card.source_sha256[:8] + "0" * 56)
    write_json(home.pretrained / f"{network.name}.json", asdict(other))
    with pytest.raises(Corrupt, match="checksum differs"):
        pretrained.fetch(home, network, Reporter())


@pytest.mark.parametrize("change", ["flip", "zero", "swap"])
def test_a_poisoned_server(change: str, served: tuple[Server, Backbone], home: Home) -> None:
    server, network = served
    whole = server.data
    server.data = {"flip": b"Q" + whole[1:], "zero": bytes(len(whole)), "swap": whole[::-1]}[change]
    with pytest.raises(Corrupt, match="checksum differs"):
        pretrained.fetch(home, network, Reporter())
    assert not pretrained.ready(home, network)


def test_offline_is_one_sentence_within_five_seconds(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.encoders.networks import table as backbones

    silent = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(backbones, "_SERVER", f"http://127.0.0.1:{silent.getsockname()[1]}/")
    began = time.monotonic()
    with pytest.raises(Offline, match="could not be downloaded") as caught:
        pretrained.fetch(home, SMALL, Reporter())
    assert time.monotonic() - began < 5
    assert f"weights add {SMALL.name} FILE" in caught.value.way_out
    silent.close()


def test_the_commands(home: Home, weights_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    assert parser.main(["weights", "add", SMALL.name, str(weights_file)]) == 0
    assert parser.main(["weights"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "ready" in lines[SMALL.name]
    assert "not here" in lines["vgg-16"]
    for words in (["add", SMALL.name], ["fetch"], ["fetch", "nobody"], ["add", SMALL.name, "/nowhere.pth"]):
        assert parser.main(["weights", *words]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert parser.main(["weights", "delete", SMALL.name, "--yes"]) == 0


def test_the_page_offers_to_fetch(home: Home) -> None:
    from engine.workbench.job_kinds import title_of
    from engine.workbench.workbench import Workbench

    assert title_of("fetch", {"recipe": {"encoder": "resnet-50"}, "home": str(home.root)}) == "Downloading ResNet-50"
    bench = Workbench(home)
    with pytest.raises(BenzerError):
        bench.run("fetch", network="resnet-51")


# ── the real ones ────────────────────────────────────────────────────────────────────────────────────────────────────


KNOWN = {  # some of the averaged features of the picture below, by torchvision's own network in float32
    "mobilenet-v2": {388: 3.348, 881: 3.222, 201: 3.125, 216: 3.228, 514: 3.342, 1205: 3.005},
    "squeezenet-1-0": {101: 53.929, 502: 43.299, 100: 37.344, 17: 33.391, 177: 30.561, 189: 30.038},
}


@pytest.mark.parametrize("name", KNOWN)
def test_real_weights_give_their_known_vector(name: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly so in float32; as an encoder, in the precision of this device, in nearly the same direction."""
    if not REAL.is_dir():
        pytest.skip(f"there are no weights in {REAL}")
    monkeypatch.setenv(pretrained.FOLDER, str(REAL))
    ramp = np.stack(np.broadcast_arrays(np.arange(224)[:, None], np.arange(224), 128), -1).astype(np.uint8)
    network, encoder = backbone(name), open_encoder(name, "", home)
    images = torch.from_numpy(ramp).permute(2, 0, 1)[None].float() / 255
    images = (images - torch.tensor(network.mean)[:, None, None]) / torch.tensor(network.std)[:, None, None]
    with torch.inference_mode():
        body = fold_batch_norm(filled(network, pretrained.load(home, network)[1]))
        exact = network.tap(body, images).mean((2, 3))[0].numpy()
    assert [float(exact[i]) for i in KNOWN[name]] == pytest.approx(list(KNOWN[name].values()), abs=2e-3)
    found = embed_pictures(encoder, [ramp], "avg")[0]
    assert float(found @ exact / np.linalg.norm(found) / np.linalg.norm(exact)) > 0.99
