"""A dendrogram as one self-contained SVG file with the pictures embedded."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from engine.core.errors import BadParameter
from engine.grouping.stored.palette import NOISE

WIDTH = 1200  # pixels
PICTURE = 46
_GAP = 5
_TIGHT = 18  # pixels per leaf where pictures are staggered side by side
_HEAD = 54
_FOOT = 14
_NAMES = 230
_INK, _PALE = "#21262b", "#dcd7cb"
_KINDS = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 does not allow

Leaf = Mapping[str, Any]
Palette = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class _Node:
    """The position of a leaf or a join: its place (0 for the first leaf), its height in the tree, its colour."""

    place: float
    height: float
    colour: int


@dataclass(frozen=True)
class _Page:
    """Sizes of the drawing in pixels, and the extent of the axis."""

    leaves: int
    names: bool
    reach: float

    @property
    def row(self) -> float:
        return PICTURE + _GAP if self.names else _TIGHT

    @property
    def ranks(self) -> int:
        """How many columns the pictures need so that they do not overlap."""
        return max(1, min(self.leaves, math.ceil((PICTURE + _GAP) / self.row)))

    @property
    def right(self) -> float:
        return WIDTH - self.ranks * (PICTURE + _GAP) - (_NAMES if self.names else 0) - 16

    @property
    def height(self) -> float:
        return _HEAD + self.leaves * self.row + PICTURE - self.row + _FOOT

    def x(self, height: float) -> float:
        return round(24 + (self.right - 24) * (1 - min(1.0, height / self.reach)), 1)

    def y(self, place: float) -> float:
        return round(_HEAD + PICTURE / 2 + place * self.row, 1)

    def spot(self, place: int) -> tuple[float, float]:
        """The top left corner of a leaf's picture."""
        return round(self.right + 8 + (place % self.ranks) * (PICTURE + _GAP), 1), self.y(place) - PICTURE / 2


def dendrogram_svg(
    leaves: Sequence[Leaf],
    joins: Sequence[Leaf],
    palette: Palette,
    pictures: Mapping[int, bytes],
    *,
    cut: float | None = None,
    title: str = "Dendrogram",
    measure: str = "distance",
    names: bool = False,
) -> str:
    """The tree on the left, pictures on the right, as the text of a self-contained SVG file.

    Args:
        leaves: in drawing order: node, id, name, count, colour (index into the palette, −1: grey).
        joins: lower ones first: node, left, right, height, colour; and share, of the resampled trees that have this
            branch, where it is to be written.
        palette: (light, dark) colours; the light ones are used, on white.
        pictures: the bytes (WebP, PNG, JPEG) of each id; a missing one leaves a pale square.
        cut: the height of a dashed line. names: write each leaf's name beside its picture (the drawing gets longer).

    Raises:
        BadParameter: no leaves, or a join of unknown nodes.
    """
    if not leaves:
        raise BadParameter("leaves", "a dendrogram", "at least one", 0)
    nodes = _nodes(leaves, joins)
    top = max([float(join["height"]) for join in joins] + [cut or 0.0])
    page = _Page(len(leaves), names, top * 1.05 or 1.0)
    parts = [
        *_axis(page, measure),
        *_branches(page, nodes, joins, palette, cut),
        *_cut_line(page, cut),
        *_leaders(page),
        *_shares(page, nodes, joins),
    ]
    for place, leaf in enumerate(leaves):
        parts += _leaf(page, place, leaf, palette, pictures.get(int(leaf["id"]), b""))
    size = f'width="{WIDTH}" height="{page.height:g}" viewBox="0 0 {WIDTH} {page.height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="{_INK}">'
    back = f'<title>{_text(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, back, *parts, "</svg>", ""])


def _nodes(leaves: Sequence[Leaf], joins: Sequence[Leaf]) -> dict[int, _Node]:
    nodes = {int(leaf["node"]): _Node(float(n), 0.0, int(leaf["colour"])) for n, leaf in enumerate(leaves)}
    for join in joins:
        left, right = nodes.get(int(join["left"])), nodes.get(int(join["right"]))
        if left is None or right is None:
            raise BadParameter("joins", "a dendrogram", "of nodes that are leaves or earlier joins", join["node"])
        place = (left.place + right.place) / 2
        nodes[int(join["node"])] = _Node(place, float(join["height"]), int(join["colour"]))
    return nodes


def _axis(page: _Page, measure: str) -> list[str]:
    step = _round_step(page.reach / 6)
    lines = [f'<text x="24" y="18">{_text(measure)}</text>']
    for number in range(int(page.reach / step) + 1):
        x = page.x(number * step)
        lines.append(f'<path d="M{x} {_HEAD - 12}V{page.height - 4:g}" stroke="{_PALE}" stroke-width="0.7"/>')
        lines.append(f'<text x="{x}" y="{_HEAD - 18}" text-anchor="middle">{number * step:.4g}</text>')
    return lines


def _round_step(rough: float) -> float:
    """The next larger of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= rough * 0.999)


def _branches(
    page: _Page, nodes: Mapping[int, _Node], joins: Sequence[Leaf], palette: Palette, cut: float | None
) -> list[str]:
    """Each join as a bar between its children, with a line from each child to it; grey above the cut."""
    paths = []
    line = math.inf if cut is None else cut
    for join in joins:
        own, children = nodes[int(join["node"])], [nodes[int(join[side])] for side in ("left", "right")]
        x, (a, b) = page.x(own.height), (page.y(child.place) for child in children)
        paths.append(_path(f"M{x} {a}V{b}", _colour(palette, own.colour if own.height <= line else -1)))
        for child in children:
            start, y, turn = page.x(child.height), page.y(child.place), page.x(min(own.height, line))
            if child.height <= line:
                paths.append(_path(f"M{start} {y}H{turn}", _colour(palette, child.colour)))
            if own.height > line:
                paths.append(_path(f"M{min(turn, start)} {y}H{x}", NOISE[0]))
    return paths


def _shares(page: _Page, nodes: Mapping[int, _Node], joins: Sequence[Leaf]) -> list[str]:
    """The percent of the resampled trees that have each branch, where it joins."""
    texts = []
    for join in joins:
        if join.get("share") is not None:
            own = nodes[int(join["node"])]
            place = f'x="{page.x(own.height) - 4:g}" y="{page.y(own.place) - 3:g}" text-anchor="end" font-size="11"'
            texts.append(f"<text {place}>{100 * join['share']:.0f}</text>")
    return texts


def _path(shape: str, colour: str) -> str:
    return f'<path d="{shape}" stroke="{colour}" stroke-width="1.8" stroke-linecap="round" fill="none"/>'


def _cut_line(page: _Page, cut: float | None) -> list[str]:
    if cut is None:
        return []
    x = page.x(cut)
    return [f'<path d="M{x} {_HEAD - 12}V{page.height - 4:g}" stroke="{_INK}" stroke-dasharray="6 5"/>']


def _leaders(page: _Page) -> list[str]:
    """Pale lines to the pictures beyond the first column, drawn behind the pictures."""
    ends = ((page.y(place), page.spot(place)[0]) for place in range(page.leaves) if place % page.ranks)
    return [_path(f"M{page.right + 2:g} {y}H{x:g}", _PALE) for y, x in ends]


def _leaf(page: _Page, place: int, leaf: Leaf, palette: Palette, data: bytes) -> list[str]:
    (x, y), name, count = page.spot(place), str(leaf["name"]), int(leaf["count"])
    box = f'x="{x}" y="{y}" width="{PICTURE}" height="{PICTURE}"'
    parts = [f"<g><title>{_text(name)}</title>"]
    parts.append(f'<rect {box} fill="{_PALE}"/>')
    kind = _kind(data)
    if kind:
        href = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        parts.append(f'<image {box} preserveAspectRatio="xMidYMid slice" href="{href}"/>')
    parts.append(f'<rect {box} fill="none" stroke="{_colour(palette, int(leaf["colour"]))}" stroke-width="2"/>')
    if count > 1:
        parts.append(_badge(x, y, f"+{count - 1:,}"))
    if page.names:
        parts.append(f'<text x="{x + PICTURE + 8:g}" y="{y + PICTURE / 2 + 4:g}">{_text(_short(name))}</text>')
    return [*parts, "</g>"]


def _badge(x: float, y: float, text: str) -> str:
    wide = 7 * len(text) + 6
    corner = f'x="{x + PICTURE - wide:g}" y="{y + PICTURE - 15:g}"'
    words = f'<text x="{x + PICTURE - 4:g}" y="{y + PICTURE - 4:g}" text-anchor="end" font-size="11" fill="#ffffff">'
    return f'<rect {corner} width="{wide}" height="15" fill="#101417" fill-opacity="0.8"/>{words}{text}</text>'


def _kind(data: bytes) -> str:
    """The media type of a picture's bytes, "" if not one that every viewer can draw."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _KINDS if data.startswith(start)), "")


def _colour(palette: Palette, index: int) -> str:
    return palette[index][0] if 0 <= index < len(palette) else NOISE[0]


def _short(name: str) -> str:
    return name if len(name) <= 34 else name[:33] + "…"


def _text(text: str) -> str:
    """A user's text for XML: escaped, and without the characters that XML forbids."""
    return escape(_NOT_XML.sub("�", text))
