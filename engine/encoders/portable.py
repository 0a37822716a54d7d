"""A trained encoder for use in other programs: the network, and how pictures are prepared for it.

Three files: the network as ONNX, or its weights as safetensors; the preparation as JSON, which also stands in the
first file's metadata; and an example in Python that needs nothing of this program but, for weights, the network's
definition. The network computes in float32; what this program computes in bfloat16 differs in the third digit.
"""

from __future__ import annotations

import io
import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadParameter, MissingPackage
from engine.core.home import Home
from engine.core.storage import write_bytes
from engine.encoders.autoencoder import network_with as autoencoder_with
from engine.encoders.backbone import filled, fold_batch_norm, trained_weights
from engine.encoders.choosing import default_embedding
from engine.encoders.networks.table import backbone
from engine.encoders.pooling import FINISHES, unfinished
from engine.encoders.portable_examples import ONNX_EXAMPLE, READING, SAFETENSORS_EXAMPLE
from engine.encoders.residual import network_with as residual_with
from engine.runs.run import Run
from models.specs import RESIDUAL

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

FORMATS = ("onnx", "safetensors")
ONNX_PACKAGE = '"onnx>=1.19"'  # the extra onnx-export by what it needs, as a checkout has no extras
_OPSET = 18
_PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # mean and deviation of networks that take pictures as they are
_POOLED = {  # how an example pools (n, C, h, w) features in NumPy
    "avg": "features.mean((2, 3))",
    "max": "features.max((2, 3))",
    "gem": "(features.clip(0) ** 3).mean((2, 3)) ** (1 / 3)",
    "flatten": "features.reshape(len(features), -1)",
}


@dataclass(frozen=True)
class Portable:
    """A trained encoder outside of this program.

    Attributes:
        name: of the files. network: (n, 3, size, size) prepared pictures to (n, C, h, w) features, in float32.
        weights: by the names in which the network's definition has them. facts: the preparation, and where it is from.
        build: lines of Python that make the network and fill it with `weights`.
    """

    name: str
    network: Module
    weights: dict[str, Tensor]
    facts: dict[str, Any]
    build: str


def portable(home: Home, run: Run) -> Portable:
    """A run's encoder; NotTrained, Corrupt: it has no weights, or they are damaged."""
    mean, std = _PLAIN
    if run.network in RESIDUAL:
        network, weights, build = _residual(run)
    elif run.network:
        network, weights, build = _ready_made(run)
        mean, std = backbone(run.network).mean, backbone(run.network).std
    else:
        network, weights, build = _autoencoder(run)
    facts = _facts(run, default_embedding(home, run.encoder, run.name), mean, std)
    return Portable(run.name, network.eval(), weights, facts, build)


def _facts(run: Run, embedding: str, mean: Sequence[float], std: Sequence[float]) -> dict[str, Any]:
    """How a picture is prepared and what is done with what comes out, for whoever uses the network elsewhere."""
    return {
        "encoder": run.encoder,
        "title": run.title,
        "size": int(run.config["size"]),
        "resize": "stretched to size × size, bilinear with antialiasing",
        "orientation": "upright, as the picture's EXIF tells",
        "colour_profile": "converted to sRGB",
        "transparency": "laid on white (in Benzer on grey where the drawing is light)",
        "colours": "RGB",
        "values": "0 to 1, then minus mean, divided by std",
        "mean": list(mean),
        "std": list(std),
        "layout": "(n, 3, size, size) float32 to (n, C, h, w) float32",
        "pooling": unfinished(embedding),
        "left_out": _left_out(embedding),
        "mirrored": run.network in RESIDUAL,
        "trained_on": str(run.card.get("collection", {}).get("title", "")),
        "licence": str(run.card.get("licence", "as the pictures it was trained on")),
        "sha256": run.digest,
    }


def _left_out(embedding: str) -> str:
    """What the default embedding does after the pooling, which is fitted to the vectors of a collection."""
    finish = FINISHES[embedding.removeprefix(unfinished(embedding))].removeprefix(", ")
    return finish and f"{finish}, fitted to the vectors of a collection"


def files_of(home: Home, run: Run, form: str, name: str = "") -> dict[str, bytes]:
    """The three files by their names.

    Args:
        form: "onnx" or "safetensors". name: of the files, without an ending; "" for the run's.

    Raises:
        BadParameter: another form. MissingPackage: onnx is not installed. NotTrained, Corrupt: as `portable`.
    """
    _check_format(form)
    found = portable(home, run)
    stem, write = name or run.name, as_onnx if form == "onnx" else _safetensors
    facts = found.facts | {"file": f"{stem}.{form}"}
    network = write(found, facts)
    example = (ONNX_EXAMPLE if form == "onnx" else SAFETENSORS_EXAMPLE).format(
        stem=stem, reading=READING, build=found.build, pooled=_POOLED[facts["pooling"]], mirrored=_mirrored(found, form)
    )
    text = json.dumps(facts, ensure_ascii=False, indent=1) + "\n"
    return {f"{stem}.{form}": network, f"{stem}.json": text.encode(), f"{stem}.py": example.encode()}


def _check_format(form: str) -> None:
    if form not in FORMATS:
        raise BadParameter("format", "an exported encoder", " or ".join(FORMATS), form)


def export_encoder(home: Home, run: Run, file: Path, *, replace: bool = False) -> list[Path]:
    """Write the three files beside each other; the ending of `file` says the form. Returns their paths.

    Raises:
        BadParameter: another ending, no such folder, or one of the files is there and not to be replaced; and as
            `files_of`. StorageFull.
    """
    if not file.parent.is_dir():
        raise BadParameter("file", "an exported encoder", "in a folder that exists", str(file))
    _check_format(file.suffix.removeprefix("."))
    names = (f"{file.stem}{ending}" for ending in (file.suffix, ".json", ".py"))
    there = [path for name in names if (path := file.parent / name).exists()]
    if there and not replace:
        way_out = "Choose another name, or replace what is there with --replace."
        raise BadParameter("file", "an exported encoder", "a new one", there[0].name, way_out=way_out)
    made = files_of(home, run, file.suffix.removeprefix("."), file.stem)
    for name, data in made.items():
        write_bytes(file.parent / name, data)
    return [file.parent / name for name in made]


def zipped(files: dict[str, bytes]) -> bytes:
    """The files in one ZIP, uncompressed: weights hardly get smaller."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Made = tuple["Module", "dict[str, Tensor]", str]


def _autoencoder(run: Run) -> Made:
    network = autoencoder_with(run.model, run.load(), run.name).encoder
    build = f"network = encode = {_imported('autoencoder', 'Autoencoder')}({run.model}).encoder"
    return network, network.state_dict(), build


def _residual(run: Run) -> Made:
    network = residual_with(RESIDUAL[run.network], run.load(), run.name)
    made, spec = _imported("residual", "ResidualNetwork"), _imported("specs", "RESIDUAL")
    return _called(fold_batch_norm(network)), run.load(), f"network = encode = {made}({spec}[{run.network!r}])"


def _ready_made(run: Run) -> Made:
    known = backbone(run.network)
    weights = trained_weights(known, run)[1]
    body = filled(known, weights)
    table = _imported("networks.table", "backbone", "engine.encoders")
    build = (
        f"known = {table}({run.network!r})\nnetwork = known.without_head(known.stock())\n"
        "encode = lambda pictures: known.tap(network, pictures)"
    )
    return _called(fold_batch_norm(body) if known.folded else body, known.tap), weights, build


def _called(network: Module, tap: Callable[[Any, Tensor], Tensor] | None = None) -> Module:
    """A network in one call: up to its features, or for both a picture and its mirror image."""
    from models.portable import Mirrored, Tapped

    return Mirrored(network) if tap is None else Tapped(tap, network)


def _imported(module: str, name: str, where: str = "models") -> str:
    """An expression for something of this program, as checkouts and the installed package call it."""
    package = __name__.removesuffix("engine.encoders.portable")
    return f'import_module("{package}{where}.{module}").{name}'


def _mirrored(found: Portable, form: str) -> str:
    """What an example does for the mirror image where the file's network does not do it itself."""
    if form == "onnx" or not found.facts["mirrored"]:
        return ""
    return "\n    features = (features + encode(pictures.flip(3)).flip(3)) / 2  # of the picture and its mirror image"


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def as_onnx(found: Portable, facts: dict[str, Any]) -> bytes:
    """The network as an ONNX file that takes any number of pictures, with the facts; MissingPackage: no onnx."""
    try:
        import onnx
    except ImportError:
        raise MissingPackage("Exporting to ONNX", ONNX_PACKAGE) from None
    import torch

    example = torch.zeros(2, 3, facts["size"], facts["size"])
    free = {"pictures": {0: "n"}, "features": {0: "n"}}
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its one operation is none of ONNX's
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            # The exporter from TorchScript needs no further package; its successor needs onnxscript.
            torch.onnx.export(
                found.network, (example,), file := Path(folder) / "network.onnx", dynamo=False, opset_version=_OPSET,
                dynamic_axes=free, input_names=["pictures"], output_names=["features"],
            )  # fmt: skip
            model = onnx.load(file)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    onnx.helper.set_model_props(model, _texts(facts))
    written: bytes = model.SerializeToString()
    return written


def _safetensors(found: Portable, facts: dict[str, Any]) -> bytes:
    from safetensors.torch import save

    return save({name: value.contiguous() for name, value in found.weights.items()}, metadata=_texts(facts))


def _texts(facts: dict[str, Any]) -> dict[str, str]:
    """The facts as metadata holds them: texts, all but texts as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
