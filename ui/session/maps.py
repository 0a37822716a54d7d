"""Maps of very many pictures whose tiles the server draws, by the name under which a page has offered them."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor

from engine.core.cache import Cache
from engine.core.errors import NotFound
from engine.core.storage import digest_of
from engine.grouping.stored.density import Density, Pixels

_KEPT = 4  # a million points take 50 MB
Shades = Sequence[tuple[str, str]]  # colours in the light and in the dark theme

_offered: Cache[Offered] = Cache(_KEPT)


@dataclass(frozen=True)
class Offered:
    """A map with its colours in both themes, the last of each for points without one."""

    density: Density
    shades: tuple[Pixels, Pixels]


def offer(key: Hashable, shades: Shades, make: Callable[[], Density]) -> tuple[str, Density]:
    """The name of a map for addresses, and the map, made once for a key."""
    name = digest_of(repr(key))[:24]

    def made() -> Offered:
        light, dark = (np.array([ImageColor.getrgb(pair[theme])[:3] for pair in shades], np.uint8) for theme in (0, 1))
        return Offered(make(), (light, dark))

    return name, _offered.get(name, made).density


def tile_png(name: str, z: int, x: int, y: int, *, dark: bool) -> bytes:
    """A tile of a map that was offered, as PNG.

    Raises:
        NotFound: no such map, or it has been forgotten: the page offers it again. BadParameter: no such tile.
    """
    offered = _offered.get(name, _forgotten)
    pixels = offered.density.tile(z, x, y, offered.shades[dark])
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _forgotten() -> Offered:
    raise NotFound("This map no longer exists.")
