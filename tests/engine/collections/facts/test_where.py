"""Filters: their written form, what meets them, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.collections.facts.exif import Exif
from engine.collections.facts.marks import Mark
from engine.collections.facts.table import PictureTable
from engine.collections.facts.where import (
    FIELDS,
    Condition,
    matching,
    needs_exif,
    parse_where,
    print_where,
    values_of,
)
from engine.core.errors import BadParameter


def table() -> PictureTable:
    """Four pictures: a lake in May 2020, another in June, a cat without a date, a scan with a table's columns."""
    return PictureTable(
        ids=np.array([3, 5, 8, 9]),
        names=["2020/may/lake.jpg", "2020/lake2.jpg", "cats/Cat 1.png", "scan.png"],
        labels=["lake", "lake", "cat", ""],
        texts=["Blue water", "", "a red CAT; asleep", ""],
        widths=np.array([4000, 800, 300, 1000]),
        heights=np.array([3000, 600, 500, 1000]),
        bytes=np.array([5_000_000, 90_000, 20_000, 2_000_000]),
        exif=[Exif(taken="2020-05-31T23:59:59", camera="X-T4"), Exif(taken="2020-06-01T00:00:00"), Exif(), Exif()],
        marks=[Mark(("lake view", "trip"), 5), Mark(("trip",), 3), Mark(), Mark((), 1)],
        columns={"season": ["", "", "Summer", "Winter"], "Label": ["a", "", "", "b"], "year": ["", "", "9", "2010"]},
        missing=0,
    )


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", [3, 5, 8, 9]),
        ("label=lake", [3, 5]),
        ("label!=lake", [8, 9]),
        ("label=lake;label=cat", [3, 5, 8]),
        ("label=lake;tag=lake view", [3]),
        ("label=", [9]),
        ("folder=2020", [3, 5]),
        ("folder=2020/may", [3]),
        ("folder=", [9]),
        ("folder!=2020", [8, 9]),
        ("name~CAT", [8]),
        ("text~red cat", [8]),
        ("text~lake\\;x", []),
        ("text~cat\\; a", [8]),
        ("date>=2020-06", [5]),
        ("date<=2020-05", [3]),
        ("date>2020-05", [5]),
        ("date=2020", [3, 5]),
        ("date>=2020-05-31;date<=2020-05-31", [3]),
        ("date=", [8, 9]),
        ("date!=", [3, 5]),
        ("camera=X-T4", [3]),
        ("size>=12MP", [3]),
        ("size<=500px", [8]),
        ("size>1.9MB", [3, 9]),
        ("size<100kB", [5, 8]),
        ("tag=trip", [3, 5]),
        ("tag!=trip", [8, 9]),
        ("tag~VIEW", [3]),
        ("tag=", [8, 9]),
        ("stars>=3", [3, 5]),
        ("stars=0", [8]),
        ("season=Summer;season=Winter", [8, 9]),
        ("Season=Winter", [9]),
        ("column.label=b", [9]),
        ("year<1000", [8]),
        ("year>=9", [8, 9]),
        ("YEAR=9", [8]),
        ("year=9.0", []),  # as written, as the values to choose from are counted
        ("year!=9.0;year!=", [8, 9]),
    ],
)
def test_what_meets_a_filter(where: str, found: list[int]) -> None:
    pictures = table()
    assert pictures.ids[matching(parse_where(where), pictures)].tolist() == found


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("cat", "condition of a filter must be a field, one of"),
        ("=cat", "condition of a filter"),
        ("size>=12", "size of a filter must be a number with MP, px, kB or MB"),
        ("size~2MP", "size of a filter"),
        ("date>=yesterday", "date of a filter must be a date like 2020"),
        ("date>=2020-13", "date of a filter"),
        ("date>=2020-05-31T99:99", "date of a filter"),
        ("date<2020-05-31T23:59:60", "date of a filter"),
        ("date<", "date of a filter"),
        ("stars>=6", "stars of a filter must be a whole number from 0 to 5"),
        ("tag>=a", "tag of a filter must be compared with"),
        (";".join(["label=a"] * 51), "number of conditions of a filter must be at most 50; got 51"),
    ],
)
def test_what_is_no_filter_is_refused_in_one_sentence(where: str, sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        parse_where(where)


def test_a_field_that_the_collection_lacks_is_refused_when_it_is_looked_for() -> None:
    with pytest.raises(BadParameter, match=r"one of label, folder, .*season, column\.Label, year; got 'colour'"):
        matching(parse_where("colour=red"), table())


TEXT = st.text(st.characters() | st.sampled_from(" \n\\;=<>!~"), max_size=12)
COLUMN = TEXT.filter(lambda text: text and text.lower() not in FIELDS)
FIELD = st.sampled_from(["label", "text", "camera", "season"]) | COLUMN


@given(st.lists(st.builds(Condition, FIELD, st.sampled_from(["=", "!=", "~", "<", ">", "<=", ">="]), TEXT)))
def test_what_is_printed_is_read_back(conditions: list[Condition]) -> None:
    assert parse_where(print_where(conditions)) == tuple(conditions)


@pytest.mark.parametrize("value", [" red", "red ", " ", "\nred", "=red", "a\\", "\\ "])
def test_blanks_and_signs_of_a_value_count(value: str) -> None:
    pictures = replace(table(), columns={"a=b ": [value, "red", "", value]})
    assert pictures.ids[matching(parse_where(print_where([Condition("a=b ", "=", value)])), pictures)].tolist() == [
        3,
        9,
    ]


def test_a_backslash_at_the_end_is_literal() -> None:
    assert parse_where("text~a\\") == (Condition("text", "~", "a\\"),)


@given(st.sampled_from([*FIELDS, "season"]), st.sampled_from(["lake", "2020", "trip", "5", "12MP"]))
def test_not_equal_is_the_rest_of_equal(field: str, value: str) -> None:
    try:
        equal, other = parse_where(f"{field}={value}"), parse_where(f"{field}!={value}")
    except BadParameter:
        return
    assert (matching(equal, table()) != matching(other, table())).all()


def test_folders_above_are_chosen_from_and_count_what_is_below() -> None:
    assert dict(values_of(table())["folder"]) == {"2020": 2, "2020/may": 1, "cats": 1}
    nested = replace(table(), names=["2023/zoo/a.jpg", "2023/park/c.jpg", "2021/home/d.jpg", "f.jpg"])
    found = dict(values_of(nested)["folder"])
    assert found == {"2023": 2, "2023/zoo": 1, "2023/park": 1, "2021/home": 1}, "2021 holds nothing but 2021/home"
    for folder, count in found.items():
        assert matching(parse_where(f"folder={folder}"), nested).sum() == count


def test_the_values_to_choose_from_are_counted() -> None:
    found = values_of(table())
    assert found["label"] == [("lake", 2), ("cat", 1)]
    assert found["date"] == [("2020", 2)]
    assert found["tag"] == [("trip", 2), ("lake view", 1)]
    assert found["column.Label"] == [("a", 1), ("b", 1)]
    assert "lens" not in found
    assert needs_exif(parse_where("date>=2020"))
    assert not needs_exif(parse_where("label=a"))
