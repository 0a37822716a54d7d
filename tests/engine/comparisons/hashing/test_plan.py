"""Plans of studies: their cells, their grids, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.comparisons.hashing.plan import StudyPlan, grid, title_of
from engine.core.errors import BadParameter

PLAN = StudyPlan("SIFT", "file:/data/base.npy", methods=("lsh(tables=4,bits=8)", "hnsw"))


def test_exact_search_comes_first_in_every_size_and_fold():
    plan = replace(PLAN, methods=("hnsw", "exact", "hnsw"), sizes=(100, None), folds=2)
    cells = plan.cells()
    assert [cell.method for cell in cells] == ["exact", "hnsw"] * 4
    assert [(cell.size, cell.fold) for cell in cells[::2]] == [(100, 0), (100, 1), (None, 0), (None, 1)]
    assert len({cell.key for cell in cells}) == 8


def test_settings_are_written_in_one_order():
    assert PLAN.methods == ("lsh(bits=8,tables=4)", "hnsw")
    assert replace(PLAN, methods=("lsh(bits=8, tables=4)", "lsh(tables=4,bits=8)")).methods == PLAN.methods[:1]


@pytest.mark.parametrize(
    "change",
    [
        {"neighbours": 5},
        {"seed": 1},
        {"queries": 9},
        {"metric": "cosine"},
        {"source": "file:/data/other.npy"},
        {"asked": "/data/queries.npy"},
    ],
)
def test_a_changed_setting_changes_every_key(change):
    assert {cell.key for cell in PLAN.cells()}.isdisjoint(cell.key for cell in replace(PLAN, **change).cells())


def test_the_title_is_no_part_of_a_key():
    assert PLAN.cells() == replace(PLAN, title="Another").cells()


def test_a_plan_survives_json():
    plan = replace(PLAN, sizes=(10, None), tune=0.9, folds=3)
    assert StudyPlan.from_dict(plan.as_dict()) == plan
    with pytest.raises(BadParameter, match="key of a benchmark"):
        StudyPlan.from_dict(PLAN.as_dict() | {"colour": "red"})
    for wrong in (None, [], 3):
        with pytest.raises(BadParameter, match="plan of a benchmark"):
            StudyPlan.from_dict(wrong)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": " "}, "title"),
        ({"source": "file:base.npy"}, "absolute path"),
        ({"source": "photographs/max"}, "file:PATH or collection"),
        ({"source": "photographs/model-4@default/max", "asked": "/a.npy"}, "left out with a collection"),
        ({"metric": "hamming"}, "metric"),
        ({"methods": "lsh"}, "a list"),
        ({"methods": ("lsh(bits",)}, "method"),
        ({"neighbours": 0}, "from 1 to 1000"),
        ({"neighbours": 1001}, "from 1 to 1000"),
        ({"queries": 0}, "queries"),
        ({"sizes": (1,)}, "size"),
        ({"folds": True}, "folds"),
        ({"folds": 101}, "folds"),
        ({"tune": 0}, "above 0"),
        ({"tune": 1.5}, "above 0"),
        ({"tune": "0.9"}, "above 0"),
        ({"tune": float("nan")}, "above 0"),
        ({"metric": ["cosine"]}, "metric"),
        ({"methods": (1,)}, "method"),
        ({"sizes": ([10],)}, "size"),
        ({"sizes": tuple(range(2, 1000))}, "number of settings"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(change, said):
    with pytest.raises(BadParameter, match=said):
        replace(PLAN, **change)


def test_a_grid_has_only_what_a_method_knows():
    found = grid(["lsh", "pcah", "rdh", "hnsw"], bits=(8, 16), tables=(2,), probes=(0, 4), parts=(1, 2))
    assert sum(method.startswith("lsh") for method in found) == 4
    # By Hamming distance, which PCA hashing begins with, extra buckets have no use.
    assert [method for method in found if method.startswith("pcah")] == [
        "pcah(bits=8,tables=2)",
        "pcah(bits=16,tables=2)",
    ]
    assert sum(method.startswith("rdh") for method in found) == 8
    assert [method for method in found if method.startswith("hnsw")] == ["hnsw"]


def test_a_grid_keeps_what_a_method_brings():
    found = grid(["pcah(bits=4)", "kmeans(probes=3)"], bits=(8,), probes=(0,), lookup="buckets")
    assert found == ("pcah(bits=4,lookup=buckets,probes=0)", "kmeans(probes=3)")


@pytest.mark.parametrize("wrong", [{"bits": (0,)}, {"tables": (0,)}, {"probes": (-1,)}, {"lookup": "sideways"}])
def test_a_grid_refuses_what_no_method_takes(wrong):
    with pytest.raises(BadParameter, match="must be"):
        grid(["lsh"], **wrong)
    with pytest.raises(BadParameter, match="method of a benchmark"):
        grid(["simhash"])


def test_whether_to_look_further_is_asked_of_those_who_can():
    assert grid(["lsh", "hnsw"], bits=(8,), further="no") == ("lsh(bits=8,further=no)", "hnsw")


def test_titles_are_for_people():
    assert title_of("lsh(bits=8,further=no)") == "LSH · 8 bits · return fewer"
    assert title_of("exact") == "Exact"
    assert title_of("lsh(bits=8,probes=1,tables=4)") == "LSH · 8 bits · 4 tables · 1 probe"
    assert title_of("rdh(functions=same,parts=2)") == "RDH (parts) · 2 parts · same functions"
