"""Pictures in any form (files, PIL images, arrays, tensors) to the bytes of a picture file."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.reading.regular_files import read_bytes
from engine.core.errors import BadParameter, NotFound
from engine.search.answer import Query


class TensorLike(Protocol):
    """A tensor of PyTorch, which is not imported for its type alone."""

    def detach(self) -> Any:
        """The tensor without its gradient."""


PictureLike: TypeAlias = str | PathLike[str] | bytes | Image.Image | NDArray[Any] | TensorLike

_PNG_MODES = ("L", "RGB", "RGBA", "LA", "P")  # stored without conversion
_THING = "a picture"
_FORMS = "a path, the bytes of a file, a picture of PIL, an (h, w[, 3]) array or a (3, h, w) tensor"


def query_of(picture: PictureLike | int) -> Query:
    """The query with a picture of any form, or by the id of a picture of the collection, a whole number."""
    if isinstance(picture, bool):
        raise BadParameter("form", _THING, _FORMS, picture)
    if isinstance(picture, int | np.integer):
        return Query.image(int(picture))
    name = Path(picture).name if isinstance(picture, str | PathLike) else "picture"
    return Query.picture(picture_bytes(picture), name)


def one_picture(picture: Query | PictureLike | int, wanted_by: str) -> Query:
    """The query with one picture, from outside or of the collection; BadParameter for words or several pictures."""
    query = picture if isinstance(picture, Query) else query_of(picture)
    if not query.pictured or (query.data is None and query.image_id is None):
        raise BadParameter("query", wanted_by, "one picture", query.name or "words")
    return query


def picture_list(pictures: PictureLike | Iterable[PictureLike]) -> list[PictureLike]:
    """One picture or several as a list; an (n, h, w, 3) array and an (n, 3, h, w) tensor are several.

    Raises:
        BadParameter: neither, or none at all.
    """
    if isinstance(pictures, str | PathLike | bytes | Image.Image) or getattr(pictures, "ndim", 4) in (2, 3):
        return [pictures]  # type: ignore[list-item]
    if not isinstance(pictures, Iterable) or getattr(pictures, "ndim", 1) == 0:
        raise BadParameter("form of a picture", "encoding", _FORMS, type(pictures).__name__)
    several = list(pictures)
    if not several:
        raise BadParameter("number of pictures", "encoding", "at least 1", 0)
    return several


def picture_bytes(picture: PictureLike) -> bytes:
    """The bytes of a file of the picture: those of its own file, else a PNG of its exact pixels.

    Args:
        picture: a path; bytes of a file; a PIL image; an (h, w) or (h, w, 3) array or a (1 or 3, h, w) tensor, with
            values of uint8, or floats from 0 to 1.

    Raises:
        BadParameter: of no such form. NotFound: no such file. UnreadableImage: a file that cannot be read.
    """
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str | PathLike):
        path = Path(picture).expanduser()
        if not path.is_file():
            raise NotFound(f"There is no picture file {str(path)!r}.")
        return read_bytes(path.resolve())
    if not isinstance(picture, Image.Image):
        picture = _from_array(picture)
    if not picture.width or not picture.height:
        raise BadParameter("shape", _THING, "at least 1 pixel wide and high", picture.size)
    out = io.BytesIO()
    try:
        picture = picture if picture.mode in _PNG_MODES else picture.convert("RGB")
        picture.save(out, "PNG", compress_level=1)  # lossless, and fast rather than small
    except ValueError as error:
        raise BadParameter("form", _THING, "an open picture of PIL", str(error)) from None
    return out.getvalue()


def _from_array(picture: Any) -> Image.Image:
    torch = sys.modules.get("torch")  # a tensor exists only where PyTorch has been imported
    if torch is not None and isinstance(picture, torch.Tensor):
        array = picture.detach().cpu().numpy()
        array = np.moveaxis(array, 0, -1) if array.ndim == 3 else array
    elif isinstance(picture, np.ndarray):
        array = picture
    else:
        raise BadParameter("form", _THING, _FORMS, type(picture).__name__)
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if not array.size or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise BadParameter("shape", _THING, "(h, w) or (h, w, 3), and of a tensor (1 or 3, h, w)", tuple(picture.shape))
    return Image.fromarray(_bytes_of(array))


def _bytes_of(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise BadParameter("type of the values", _THING, "uint8, or floats from 0 to 1", array.dtype)
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        found = f"values from {array.min():g} to {array.max():g}"
        raise BadParameter("values", _THING, "from 0 to 1 where they are floats", found)
    return np.round(array * 255).astype(np.uint8)
