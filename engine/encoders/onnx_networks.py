"""Networks from ONNX files: data, not code, and so kept with the home, where pages and jobs find them.

weights/pretrained_networks/onnx/<name>/000001/
    network.onnx    as it was given; its manifest says how pictures are prepared for it
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.home import Home
from engine.core.storage import digest_of, file_digest
from engine.core.store import Snapshot, Store
from engine.encoders.encoder import OWN, Encoder, EncoderChoice, EncoderInfo
from engine.encoders.onnx_session import opened

if TYPE_CHECKING:
    from torch import Tensor

_VERSION = "1"  # changes whenever the vectors would
_FILE = "network.onnx"
_NUMBERS: dict[str, Any] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxEncoder(Encoder):
    """A network of one ONNX file on the processor, in float32, on pictures normalised by mean and deviation.

    It has one input, pictures as (n, 3, size, size) numbers, for any n or for one at a time; its vectors are the first
    output of (n, C) or (n, C, h, w) numbers. Further files that it may name are not read.
    """

    name = "onnx"
    rank = 61

    def __init__(self, name: str, file: Path, facts: dict[str, Any]) -> None:
        self.session = opened(file, f"The encoder in {file.name}")
        self.given, self.output = _given(self.session, facts["size"], file.name), _output(self.session, file.name)
        self.mean, self.std = (np.array(facts[part], np.float32)[:, None, None] for part in ("mean", "std"))
        self.info = EncoderInfo(
            name=name, weights="", title=name, input_size=facts["size"], spatial=facts["spatial"],
            fingerprint=_fingerprint(facts), source=facts["file"], licence="as the file's publisher says",
            sha256=facts["sha256"], precision="float32",
        )  # fmt: skip

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        return [_choice(path.parent.name, _facts(home, path.parent.name)) for path in _pointers(home)]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if weights:
            raise BadParameter("weights", f"the encoder {name}", "left out: it has none", weights)
        snapshot = _snapshot(home, name, None)
        return cls(name, snapshot.folder / _FILE, snapshot.facts)

    def encode(self, images: Tensor) -> Tensor:
        import torch

        values = ((images.float().cpu().numpy() - self.mean) / self.std).astype(_NUMBERS[self.given.type])
        parts = [values] if self.given.shape[0] != 1 else np.split(values, len(values))
        found = [self.session.run([self.output], {self.given.name: np.ascontiguousarray(part)})[0] for part in parts]
        latents = torch.from_numpy(np.concatenate(found).astype(np.float32))
        return (latents if latents.ndim == 4 else latents[:, :, None, None]).to(images.device)


def add_network(home: Home, name: str, file: Path, size: int, mean: Sequence[float], std: Sequence[float]) -> Encoder:
    """Copy an ONNX file into the home as an encoder; one that had this name before is replaced.

    Raises:
        MissingPackage: ONNX Runtime is not installed. Unreadable: no ONNX network in one file. StorageFull.
        BadParameter: no such file, a network with other inputs or outputs, or one that fails on pictures of that size.
    """
    import torch

    if not file.is_file():
        raise BadParameter("module", "an encoder", "a torch.nn.Module or an ONNX file", str(file))
    facts = {"file": file.name, "size": size, "mean": list(mean), "std": list(std), "sha256": file_digest(file)}
    encoder = OnnxEncoder(name, file, facts | {"spatial": True})
    try:
        latents = encoder.encode(torch.zeros(2, 3, size, size))
    except Exception as error:  # the library has a dozen kinds of its own
        reason = " ".join(str(error).split())[:200]
        raise BadParameter("network", file.name, f"one of pictures of (n, 3, {size}, {size})", reason) from error
    if latents.ndim != 4 or len(latents) != 2:
        raise BadParameter("output", file.name, "(n, C) or (n, C, h, w) numbers", tuple(latents.shape))
    facts |= {"spatial": latents.shape[-1] * latents.shape[-2] > 1}
    _folder(home).mkdir(parents=True, exist_ok=True)

    def fill(there: Path) -> None:
        shutil.copyfile(file, there / _FILE)

    _store(home, name).publish(fill, facts)
    return OnnxEncoder.open(name, "", home)


def network_pointer(home: Home, name: str) -> Path:
    """The file that changes when the network of that name is replaced."""
    return _store(home, name).pointer


def remove_network(home: Home, name: str) -> bool:
    """Delete an added network, and return whether it was there; its vectors stay until their collection goes."""
    there = name in {path.parent.name for path in _pointers(home)}
    if there:
        _store(home, name).discard()
    return there


def _given(session: Any, size: int, file: str) -> Any:
    """The input of pictures; BadParameter if there are other inputs, or it does not take that size."""
    inputs = session.get_inputs()
    [one] = inputs if len(inputs) == 1 else [None]
    named = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs) or "none"
    if one is None or one.type not in _NUMBERS or len(one.shape) != 4:
        raise BadParameter("inputs", file, "one, of pictures as (n, 3, size, size) numbers", named)
    fixed = [(wanted, there) for wanted, there in zip((3, size, size), one.shape[1:], strict=True)]
    if any(isinstance(there, int) and there != wanted for wanted, there in fixed):
        raise BadParameter("size", file, f"that of its input, {one.shape}", size)
    if isinstance(one.shape[0], int) and one.shape[0] != 1:
        raise BadParameter("number of pictures", file, "any, or one at a time", one.shape[0])
    return one


def _output(session: Any, file: str) -> str:
    outputs = [one for one in session.get_outputs() if len(one.shape) in (2, 4) and one.type in _NUMBERS]
    if not outputs:
        raise BadParameter("outputs", file, "(n, C) or (n, C, h, w) numbers", "none of them")
    return str(outputs[0].name)


def _fingerprint(facts: dict[str, Any]) -> str:
    return f"{digest_of(facts['sha256'], facts['size'], *facts['mean'], *facts['std'])[:32]}-{_VERSION}"


def _choice(name: str, facts: dict[str, Any]) -> EncoderChoice:
    spatial = facts.get("spatial", False)
    return EncoderChoice(
        name, "", name, f"The network in {facts.get('file', _FILE)}, run by ONNX Runtime.", ready=True,
        embedding="avg" if spatial else "flatten", shelf=OWN, good_for="What it was made for.",
    )  # fmt: skip


def _facts(home: Home, name: str) -> dict[str, Any]:
    try:
        return _snapshot(home, name, ()).facts
    except Corrupt:  # still offered; opening it reports the damage
        return {}


def _snapshot(home: Home, name: str, only: tuple[str, ...] | None) -> Snapshot:
    try:
        found = _store(home, name).open(only)
    except Corrupt as error:
        raise Corrupt(error.message, way_out="Add the file again with Workbench.add_encoder.") from error
    if found is None:
        raise NotFound(f"There is no encoder {name!r}.")
    return found


def _pointers(home: Home) -> list[Path]:
    return sorted(_folder(home).glob("[!.]*/current.json"))


def _folder(home: Home) -> Path:
    return home.pretrained / "onnx"


def _store(home: Home, name: str) -> Store:
    return Store(_folder(home) / name, format="onnx network", version=1)
