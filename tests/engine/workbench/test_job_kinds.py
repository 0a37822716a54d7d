"""The table of job kinds: what a job is called, who waits for it, and what pages ask the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.workbench.job_kinds import BACKGROUND, KINDS, job_kind, kinds_that_make, title_of
from engine.workbench.workbench import Workbench


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (20, 20), "teal").save(tmp_path / "pictures" / "only.png")
    home = Home(tmp_path / "home")
    Workbench(home).run("import", source="folder", title="Fashion products", path=str(tmp_path / "pictures"))
    return home


RECIPE = Recipe("fashion-products", "model-4", "default").as_dict()
SHIPPED = "Model 4 (trained on Animal faces)"


@pytest.mark.parametrize(
    ("kind", "arguments", "title"),
    [
        ("embed", {"recipe": RECIPE}, f"Preparing “Fashion products” ({SHIPPED})"),
        ("group", {"recipe": RECIPE, "plan": {}, "title": ""}, f"Grouping “Fashion products” ({SHIPPED})"),
        ("embed", {"recipe": RECIPE | {"collection": "gone"}}, f"Preparing “gone” ({SHIPPED})"),
        ("fetch", {"network": "mobilenet-v2"}, "Downloading MobileNet-v2"),
        ("import", {"source": "known", "name": "oxford-iiit-pet"}, "Importing “Oxford-IIIT Pet”"),
        ("import", {"source": "folder", "title": "Holiday", "path": "/x"}, "Importing “Holiday”"),
        ("sample", {"name": "animal-faces"}, "Creating the sample “Animal faces”"),
        ("rescan", {"collection": "fashion-products"}, "Rescanning “Fashion products”"),
        ("train", {"collection": "fashion-products", "config": {"model": 4}}, "Training Model 4 on “Fashion products”"),
        ("train", {"run": "default"}, "Training “default”"),
        ("experiment", {"name": "mine", "title": "Mine"}, "Comparing “Mine”"),
        ("apply", {"name": "c", "collection": "fashion-products", "title": "C"},
         "Predicting labels in “Fashion products”"),
        ("duplicates", {"recipe": RECIPE}, f"Finding nearest neighbours in “Fashion products” ({SHIPPED})"),
        ("perceptual", {"collection": "fashion-products"}, "Comparing the pictures of “Fashion products”"),
        ("tidy", {"collection": "fashion-products", "act": "trash"}, "Moving pictures of “Fashion products”"),
        ("tidy", {"collection": "fashion-products", "act": "link"}, "Linking pictures of “Fashion products”"),
        ("tidy", {"collection": "fashion-products", "act": "restore"}, "Restoring pictures of “Fashion products”"),
        ("suggest", {"collection": "fashion-products"}, "Suggesting labels for “Fashion products”"),
    ],
)  # fmt: skip
def test_titles_name_collections_and_encoders_as_people_know_them(
    home: Home, kind: str, arguments: dict[str, Any], title: str
) -> None:
    assert title_of(kind, {**arguments, "home": str(home.root)}) == title


def test_pages_ask_for_kinds_by_what_they_make() -> None:
    assert kinds_that_make("vectors", "weights") == ("fetch", "embed", "index")
    assert set(kinds_that_make("collection")) == {"import", "rescan", "sample", "extract"}
    assert kinds_that_make("nothing") == ()


def test_only_what_takes_hours_steps_back() -> None:
    assert {"train", "experiment", "invariance", "study", "classification", "classifier"} == BACKGROUND


def test_every_kind_is_complete_and_under_its_own_name() -> None:
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.verb
        assert kind.kept.endswith((".", ")"))
        assert kind.makes


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BadParameter, match="kind of a job must be one of fetch, import"):
        job_kind("nonsense")
