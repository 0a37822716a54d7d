"""The description of a text-image encoder: what `text-image.json` beside its files says.

    {"title": "CLIP ViT-B/32", "weights": "model.safetensors", "tokenizer": "tokenizer.json", "size": 224,
     "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711], "length": 77}

Instead of `weights`, `picture` and `text` may name one ONNX file each. Optional: `padding` (the id that fills a text
up), `heads` (of the picture and of the text tower), `activation` (quick_gelu or gelu) and `licence`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from engine.core.errors import BadParameter, NotFound

FILE = "text-image.json"
_THING = "a text-image encoder"
_LARGEST = 1 << 20  # bytes of the description
_LONGEST = 120  # letters of a title
ACTIVATIONS = ("quick_gelu", "gelu")


@dataclass(frozen=True)
class TowersCard:
    """A description that was read and checked.

    Attributes:
        weights: the safetensors file with both towers, "" for ONNX. picture, text: the ONNX files, "" for safetensors.
        size: side of the pictures in pixels. mean, std: their normalisation by colour channel.
        length: the most word pieces of a text. padding: the id that fills a text up to it.
        heads: of the picture and the text tower, (0, 0) for one per 64 values. quick: the activation (see `ClipSpec`).
    """

    title: str
    tokenizer: str
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    length: int
    weights: str = ""
    picture: str = ""
    text: str = ""
    padding: int = 0
    heads: tuple[int, ...] = (0, 0)
    quick: bool = True
    licence: str = "as the publisher of the files says"

    @property
    def files(self) -> list[str]:
        """The files that it names, without duplicates."""
        return list(dict.fromkeys(filter(None, [self.weights, self.picture, self.text, self.tokenizer])))


def read_card(folder: Path) -> TowersCard:
    """The description in a folder.

    Raises:
        NotFound: there is none, or a file that it names is missing. BadParameter: it has an invalid value.
    """
    path = folder / FILE
    try:
        data = path.read_bytes()
    except OSError:
        raise NotFound(f"There is no file {FILE} in {folder}.", way_out="docs/adding.md describes it.") from None
    card = card_of(_object(data))
    for name in card.files:
        if not (folder / name).is_file():
            raise NotFound(f"The file {name} that {FILE} names is not in {folder}.")
    return card


def card_of(given: Mapping[str, Any]) -> TowersCard:
    """The description as plain values, checked; BadParameter for an invalid one."""
    weights, picture, text = (_file(given, part) for part in ("weights", "picture", "text"))
    if bool(weights) == bool(picture and text):
        got = ", ".join(part for part in ("weights", "picture", "text") if part in given) or "neither"
        raise BadParameter("files", _THING, "either weights (safetensors), or picture and text (ONNX)", got)
    activation = given.get("activation", ACTIVATIONS[0])
    if activation not in ACTIVATIONS:
        raise BadParameter("activation", _THING, " or ".join(ACTIVATIONS), activation)
    return TowersCard(
        title=_text(given, "title", "")[:_LONGEST],
        tokenizer=_file(given, "tokenizer", needed=True),
        size=_whole(given, "size", 16, 1024),
        mean=_numbers(given, "mean", 3),
        std=_numbers(given, "std", 3, above=0),
        length=_whole(given, "length", 4, 2048),
        weights=weights,
        picture=picture,
        text=text,
        padding=_whole(given, "padding", 0, 10**7, default=0),
        heads=tuple(map(int, _numbers({"heads": [0, 0], **given}, "heads", 2))),
        quick=activation == ACTIVATIONS[0],
        licence=_text(given, "licence", TowersCard.licence),
    )


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data) if len(data) <= _LARGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadParameter("contents", FILE, "a JSON object", data[:40].decode("utf-8", "replace"))
    return found


def _text(given: Mapping[str, Any], name: str, default: str) -> str:
    found = given.get(name, default)
    if not isinstance(found, str) or not found.strip():
        raise BadParameter(name, _THING, "a text", found)
    return " ".join(found.split())


def _file(given: Mapping[str, Any], name: str, needed: bool = False) -> str:
    found = given.get(name, "")
    plain = isinstance(found, str) and found not in (".", "..") and PurePath(found).name == found and "\\" not in found
    if not plain or (needed and not found):
        raise BadParameter(name, _THING, f"the name of a file beside {FILE}", found)
    return str(found)


def _whole(given: Mapping[str, Any], name: str, least: int, most: int, default: int | None = None) -> int:
    found = given.get(name, default)
    if type(found) is not int or not least <= found <= most:
        raise BadParameter(name, _THING, f"a whole number from {least:,} to {most:,}", found)
    return found


def _numbers(given: Mapping[str, Any], name: str, count: int, above: float = -100.0) -> tuple[float, ...]:
    found = given.get(name)
    fits = isinstance(found, list) and len(found) == count and all(type(value) in (int, float) for value in found)
    if not fits or not all(above < value < 10_000 for value in found or []):
        raise BadParameter(name, _THING, f"{count} numbers" + (" above 0" if above == 0 else ""), found)
    return tuple(map(float, found or []))
