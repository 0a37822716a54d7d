"""The dendrogram as a file: well-formed, alone in the world, and drawn where the tree says."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from engine.core.errors import BadParameter
from engine.grouping.stored.dendrogram_svg import dendrogram_svg
from engine.grouping.stored.palette import COLOURS, NOISE

SVG = "{http://www.w3.org/2000/svg}"
PICTURE = b"RIFF\x04\x00\x00\x00WEBPVP8 "
LEAVES = [
    {"node": 0, "id": 7, "name": "cat <b>&\x00\x1b\ufffe", "count": 1, "colour": 0},
    {"node": 2, "id": 8, "name": "dog", "count": 1, "colour": 0},
    {"node": 1, "id": 9, "name": "panda", "count": 13, "colour": 1},
]
JOINS = [
    {"node": 3, "left": 0, "right": 2, "height": 0.2, "colour": 0},
    {"node": 4, "left": 3, "right": 1, "height": 0.8, "colour": -1},
]


def drawn(**options: Any) -> ElementTree.Element:
    return ElementTree.fromstring(dendrogram_svg(LEAVES, JOINS, COLOURS, {7: PICTURE, 9: b"no picture"}, **options))


def strokes(root: ElementTree.Element) -> dict[str, str]:
    return {path.attrib["d"]: path.attrib["stroke"] for path in root.iter(f"{SVG}path")}


def test_it_is_valid_xml_for_any_names() -> None:
    titles = [title.text for title in drawn(title="A & <B>").iter(f"{SVG}title")]
    assert titles == ["A & <B>", "cat <b>&���", "dog", "panda"]


def test_it_embeds_the_pictures_and_makes_no_requests() -> None:
    text = dendrogram_svg(LEAVES, JOINS, COLOURS, {7: PICTURE, 9: b"no picture"})
    addresses = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert addresses == ["data:image/webp;base64," + base64.b64encode(PICTURE).decode()]
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_folded_leaf_shows_how_many_more_and_names_on_request() -> None:
    words = [text.text for text in drawn().iter(f"{SVG}text")]
    assert "+12" in words
    assert "dog" not in words
    assert "dog" in [text.text for text in drawn(names=True).iter(f"{SVG}text")]


def test_the_higher_join_is_drawn_further_left_in_proportion_to_its_height() -> None:
    posts = {shape: colour for shape, colour in strokes(drawn()).items() if "V" in shape and colour != "#dcd7cb"}
    (low, first), (high, second) = sorted(posts.items(), key=lambda post: -float(post[0][1:].split()[0]))
    at = [float(shape[1:].split()[0]) for shape in (low, high)]
    zero = next(float(t.attrib["x"]) for t in drawn().iter(f"{SVG}text") if t.text == "0")
    assert (zero - at[1]) / (zero - at[0]) == pytest.approx(0.8 / 0.2, rel=1e-3)
    assert [first, second] == [COLOURS[0][0], NOISE[0]]


def test_a_branch_turns_grey_at_the_cut() -> None:
    cut = drawn(cut=0.5)
    dashed = [path for path in cut.iter(f"{SVG}path") if "stroke-dasharray" in path.attrib]
    x = dashed[0].attrib["d"][1:].split()[0]
    lines = strokes(cut)
    assert COLOURS[1][0] in [colour for shape, colour in lines.items() if shape.endswith(f"H{x}")]
    assert {colour for shape, colour in lines.items() if shape.startswith(f"M{x} ") and "H" in shape} == {NOISE[0]}


def test_one_picture_and_equal_ones_can_be_drawn() -> None:
    ElementTree.fromstring(dendrogram_svg(LEAVES[:1], [], COLOURS, {}))
    flat = [join | {"height": 0.0} for join in JOINS]
    ElementTree.fromstring(dendrogram_svg(LEAVES, flat, COLOURS, {}, cut=0.0))


def test_what_is_no_tree_is_named() -> None:
    with pytest.raises(BadParameter, match="at least one"):
        dendrogram_svg([], [], COLOURS, {})
    with pytest.raises(BadParameter, match="leaves or earlier joins"):
        dendrogram_svg(LEAVES, JOINS[::-1], COLOURS, {})


def test_shares_are_written_where_branches_join() -> None:
    joins = [{**JOINS[0], "share": 0.934}, {**JOINS[1], "share": None}]
    root = ElementTree.fromstring(dendrogram_svg(LEAVES, joins, COLOURS, {}))
    assert [text.text for text in root.iter(f"{SVG}text")].count("93") == 1
