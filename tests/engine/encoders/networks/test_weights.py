"""The weights of ready-made networks on disk, and all that can be wrong with those."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.core.errors import BadParameter, Corrupt, NotFound, NoWeights, Unreadable
from engine.core.home import Home
from engine.encoders import choices, open_encoder
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import backbone
from engine.workbench.workbench import Workbench
from tests.engine.encoders.networks.conftest import SMALL, random_weights


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
