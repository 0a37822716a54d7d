"""Text-image encoders, like CLIP, from the user's own files: words and pictures as vectors that can be compared.

A picture of a collection, a query picture and a query text all become vectors of the same space, so a text finds the
pictures whose vectors are nearest. Nothing is downloaded, and no code of a file is run: a file is ONNX, or
safetensors with the names of CLIP.

Source: Radford et al., "Learning transferable visual models from natural language supervision", 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.device import device
from engine.core.distances import normalised
from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound
from engine.core.home import Home
from engine.core.settings import check_whole
from engine.encoders.encoder import PHOTOGRAPHS, Encoder, EncoderChoice, EncoderInfo, ReadsTexts
from engine.encoders.fusion import NAME as FUSION
from engine.encoders.towers import stored
from engine.encoders.towers.card import TowersCard, read_card
from engine.encoders.towers.onnx_towers import OnnxTowers
from engine.encoders.towers.safetensors_towers import SafetensorsTowers
from engine.encoders.towers.stored import PREFIX, StoredTowers
from engine.encoders.towers.towers import Towers
from engine.encoders.vectors.batches import embed_pictures
from engine.texts.plain import plain
from engine.texts.tokenizer import Tokenizer, tokenizer_of

if TYPE_CHECKING:
    from torch import Tensor

_VERSION = "1"  # changes whenever the vectors would
_EMBEDDING = "max"
_HALF = 50  # default weight of the text beside a picture, in percent
_GOOD_FOR = "Words and pictures: what is described in words is found without training."


class TextImageEncoder(Encoder, ReadsTexts):
    """Two towers with a tokenizer; always in float32."""

    name = "text-image"
    rank = 15

    def __init__(self, name: str, towers: StoredTowers) -> None:
        self.card = towers.card
        self.towers, self.tokenizer = open_towers(towers.folder, towers.card)
        self.info = EncoderInfo(
            name=name,
            weights="",
            title=towers.card.title,
            input_size=towers.card.size,
            spatial=False,
            fingerprint=f"{towers.digest[:32]}-{_VERSION}",
            source="your own files",
            licence=towers.card.licence,
            sha256=towers.sha256,
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        return [_choice(name, home) for name in stored.names(home)]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if weights:
            raise BadParameter("weights", f"the encoder {name}", "left out: it has only its own", weights)
        return cls(name, stored.opened(home, name))

    def encode(self, images: Tensor) -> Tensor:
        import torch
        from torch.nn import functional

        mean, std = (
            torch.tensor(part, device=images.device)[:, None, None] for part in (self.card.mean, self.card.std)
        )
        found = self.towers.pictures(((images - mean) / std).contiguous())
        return functional.normalize(found)[:, :, None, None]

    def understands(self, text: str) -> bool:
        """Whether it can encode the text; any text but an empty one."""
        return bool(plain(text))

    def embed_query(self, picture: Any | None, text: str | None, share: int | None = None) -> NDArray[np.float32]:
        """As in `ReadsTexts`; without a share, picture and text count alike."""
        if share is not None:
            check_whole("share", "the query", share, 0, 100)
        read = self.described([text]) if text and plain(text) else None
        seen = None if picture is None else embed_pictures(self, [picture], _EMBEDDING)
        if read is None or seen is None:
            found = seen if read is None else read
            if found is None:
                raise BadParameter("query", "a text-image encoder", "a picture, a text, or both", "neither")
            return found
        weight = (_HALF if share is None else share) / 100
        mixed: NDArray[np.float32] = normalised((1 - weight) * seen + weight * read)
        return mixed

    def described(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The (n, d) unit vectors of texts; BenzerError if the network returns anything but numbers."""
        found = normalised(self.towers.texts([self.tokenizer(plain(text)) for text in texts]))
        if not np.isfinite(found).all():
            raise BenzerError(f"The encoder {self.info.title} gave values that are not numbers for this text.")
        return found


def takes_texts(encoder: str) -> bool:
    """Whether an encoder of that name turns texts into vectors itself."""
    return encoder == FUSION or encoder.startswith(PREFIX)


def card_file(home: Home, encoder: str) -> Path:
    """The file that changes when the weights of an encoder without runs are replaced; it need not exist."""
    return stored.pointer(home, encoder) if encoder.startswith(PREFIX) else home.pretrained / f"{encoder}.json"


def add(home: Home, name: str, folder: Path) -> TowersCard:
    """Try the files that `text-image.json` in a folder names, and keep copies of them as the encoder `name`.

    Raises:
        NotFound: the description or a file is missing. BadParameter: a value of the description is invalid, or the
        files do not fit together. Unreadable: a file is of another kind or damaged. MissingPackage: what reads them is
        not installed.
    """
    card = read_card(folder)
    _try(*open_towers(folder, card), card)
    stored.publish(home, name, folder, card)
    return card


def open_towers(folder: Path, card: TowersCard) -> tuple[Towers, Tokenizer]:
    """The networks and the tokenizer in a folder; raises as `add`."""
    tokenizer = tokenizer_of(folder / card.tokenizer, card.length)
    if card.weights:
        return SafetensorsTowers(folder / card.weights, card), tokenizer
    return OnnxTowers(folder / card.picture, folder / card.text, card), tokenizer


def _try(towers: Towers, tokenizer: Tokenizer, card: TowersCard) -> None:
    """Encode a grey picture and a word; BadParameter if that fails or gives vectors of two widths."""
    import torch

    grey = torch.zeros(1, 3, card.size, card.size, device=device().name)
    try:
        with torch.inference_mode():
            seen, read = towers.pictures(grey).cpu().numpy(), towers.texts([tokenizer("a dog")])
    except Exception as error:  # each library has its own
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise BadParameter("files", card.title, "networks that take its pictures and texts", reason[0]) from error
    if seen.ndim != 2 or seen.shape != read.shape or not (np.isfinite(seen).all() and np.isfinite(read).all()):
        got = f"{'×'.join(map(str, seen.shape))} and {'×'.join(map(str, read.shape))}"
        raise BadParameter("vectors", card.title, "finite, and of one width for pictures and texts", got)


def _choice(name: str, home: Home) -> EncoderChoice:
    try:
        title = stored.card(home, name).title
    except (Corrupt, NotFound, BadParameter):  # still offered; opening it reports the damage
        title = name.removeprefix(PREFIX)
    help = "A network for pictures and words, from your own files."
    return EncoderChoice(
        name, "", title, help, ready=True, words=True, embedding=_EMBEDDING, shelf=PHOTOGRAPHS, good_for=_GOOD_FOR
    )
