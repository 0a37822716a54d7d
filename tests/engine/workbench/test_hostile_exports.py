"""Every export of a collection whose title, names, labels and tags are hostile: formulas, markup, line ends, marks of
direction, bytes that are no text, 255 of them."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import shlex
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.collections.report import ImportReport
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.core.tables import harmless
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.exports import groups_csv
from engine.interchange import formats
from engine.search.answer import Query
from engine.workbench.workbench import Workbench

ROOT = Path(__file__).resolve().parents[3]
NAMES = [
    b"<img src=x onerror=alert(1)>.png", b'" onmouseover="alert(1).png', b"=cmd|' C calc'!A0.png", b"@SUM(A1).png",
    b"+1+1.png", b"-rf.png", b"\t=1+1.png", b"line\nbreak, \"x\".png", "\u202egnp.exe.png".encode(),
    b"\xff\xfe\x80.png", b"x" * 251 + b".png", b"{{ 7 * 7 }}.png", b"$(id) `id`;.png", b"CON.png", b"trailing. .png",
    b"]]><b>.png",
]  # fmt: skip
LABEL, TITLE, TAG = "=<b>label & <", '=<script>alert("title")<', "=<i>tag"
EVIL = re.compile(rb"<script>alert|<img src=x|<b>label|<i>tag|49\.png")
RECIPE = Recipe("hostile", "colour-histogram", embedding="flatten")
Made = dict[str, bytes]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    place = tmp_path_factory.mktemp("hostile")
    for number, name in enumerate([*NAMES, b"twin.png"]):
        folder = os.fsencode(place / "pictures" / (LABEL if number % 2 else "plain"))
        os.makedirs(folder, exist_ok=True)
        pixels = np.random.default_rng(number % len(NAMES)).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 64)).save(os.fsdecode(folder + b"/" + name))
    bench = Workbench(Home(place / "home"))
    bench.run("import", source="folder", title=TITLE, path=str(place / "pictures"))
    name = name_of(bench)
    recipe = RECIPE.but(collection=name)
    bench.run("embed", recipe=recipe.as_dict())
    bench.mark(name, bench.collection(name).images().ids, add=[TAG])
    bench.run("perceptual", collection=name)
    bench.run("duplicates", recipe=recipe.as_dict())
    plan = GroupingPlan(Step("hierarchical", (("groups", 2),)), map=Step("pca"))
    bench.run("group", recipe=recipe.as_dict(), plan=plan.as_dict(), title=TITLE)
    bench.groupings(name)[0].edit({"kind": "name", "group": 0, "title": LABEL})
    return bench


def ids_of(bench: Workbench) -> list[int]:
    return list(map(int, bench.collection(name_of(bench)).images().ids))


def name_of(bench: Workbench) -> str:
    return bench.collections()[0].name


def recipe_of(bench: Workbench) -> Recipe:
    return RECIPE.but(collection=name_of(bench), k=20)


def searched(bench: Workbench, place: Path) -> Made:
    answer = bench.search(recipe_of(bench), Query.image(ids_of(bench)[0]))
    shlex.split(answer.command())
    sent = bench.search(recipe_of(bench), Query.picture(bench.collection(name_of(bench)).picture(2), "<b>\udcff.png"))
    return {
        "sent.csv": sent.to_csv().encode(),
        "sent.json": sent.to_json().encode(),
        "sent.html": bench.search_report(sent).encode(),
        "a.csv": answer.to_csv().encode(),
        "a.json": answer.to_json().encode(),
        "a.html": answer._repr_html_().encode(),
        "report.html": bench.search_report(answer).encode(),
    }


def selected(bench: Workbench, place: Path) -> Made:
    name, ids = name_of(bench), ids_of(bench)
    with bench.zipped(name, ids) as packed:
        return {
            "selection.html": bench.selection_report(name, TITLE, {LABEL: ids}, note=TAG).encode(),
            "selection.zip": packed.read(),
        }


def copied(bench: Workbench, place: Path) -> Made:
    (place / "copies").mkdir()
    given = {"collection": name_of(bench), "ids": ids_of(bench), "sidecars": True}
    bench.run("files", folder=str(place / "copies"), **given)
    return inside(place / "copies")


def grouped(bench: Workbench, place: Path) -> Made:
    grouping, images = bench.groupings(name_of(bench))[0], bench.collection(name_of(bench)).images()
    names = dict(zip(images.ids.tolist(), images.names, strict=True))
    (place / "groups").mkdir()
    bench.home.jobs.mkdir(exist_ok=True)
    given = {"collection": name_of(bench), "grouping": grouping.name, "title": TITLE}
    bench.run("copy", folder=str(place / "groups"), **given)
    bench.run("copy", folder="", **given)
    [packed] = bench.home.jobs.glob("*.zip")
    return inside(place / "groups") | {
        "groups.csv": groups_csv(grouping.groups().groups, names).encode(),
        "groups.zip": packed.read_bytes(),
    }


def near(bench: Workbench, place: Path) -> Made:
    recipe = recipe_of(bench)
    return {
        "duplicates.csv": bench.duplicates(recipe, 0.01).to_csv().encode(),
        "outliers.csv": bench.outliers(recipe).to_csv().encode(),
        "hubs.csv": bench.hubs(recipe).to_csv().encode(),
        "looks.csv": bench.duplicate_groups(name_of(bench)).to_csv().encode(),
    }


def rejected(bench: Workbench, place: Path) -> Made:
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(place) + b"/" + name)).write_bytes(b"no picture")
    Image.new("RGB", (8, 8)).save(place / "good.png")
    report = bench.run("import", source="folder", title="Rejects", path=str(place))
    bench.remove("rejects")
    return {"rejects.csv": ImportReport.from_dict(report).to_csv().encode()}


def exported(format: str) -> Callable[[Workbench, Path], Made]:
    def made(bench: Workbench, place: Path) -> Made:
        given = {"collection": name_of(bench), "title": TITLE, "recipe": recipe_of(bench).as_dict()}
        given["grouping"] = bench.groupings(name_of(bench))[0].name
        (place / "set").mkdir()
        bench.run("export", format=format, folder=str(place / "set"), **given)
        return inside(place / "set")

    return made


def inside(folder: Path) -> Made:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


EXPORTERS: dict[str, Callable[[Workbench, Path], Made]] = {
    "a search": searched,
    "a selection": selected,
    "copies of files": copied,
    "a grouping": grouped,
    "neighbourhoods": near,
    "what an import left out": rejected,
    **{f"the format {name}": exported(name) for name in formats()},
}


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_nothing_that_is_exported_is_run_or_leads_anywhere(bench: Workbench, tmp_path: Path, exporter: str) -> None:
    made = EXPORTERS[exporter](bench, tmp_path)
    assert made
    for name, data in made.items():
        _check_name(name)
        check = CHECKS.get(Path(name).suffix)
        if check is not None:
            check(data)


def _check_name(name: str) -> None:
    """A name that can be written on any system, and stays below the folder."""
    for part in name.split("/"):
        assert part not in ("", ".", "..")
        assert len(part.encode()) <= 255
        assert part.isprintable()
        assert not name.startswith("/")


def _check_csv(data: bytes) -> None:
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert len({len(line) for line in lines}) == 1
    assert [cell for line in lines for cell in line if harmless(cell) != cell and not _is_number(cell)] == []


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", cell) is not None


class _Page(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "i", "iframe", "object", "link", "a")
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("src", "href") or str(value).startswith("data:image/")


def _check_html(data: bytes) -> None:
    assert not EVIL.search(data)
    _Page().feed(data.decode("utf-8"))


def _check_zip(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        names = packed.namelist()
        assert packed.testzip() is None
    for name in names:
        _check_name(name)
    assert len({name.casefold() for name in names}) == len(names) == len(NAMES)


def _check_json(data: bytes) -> None:
    assert isinstance(json.loads(data.decode("utf-8")), dict | list)


def _check_lines(data: bytes) -> None:
    assert all(isinstance(json.loads(line), dict) for line in data.decode("utf-8").splitlines())


CHECKS: dict[str, Callable[[bytes], None]] = {
    ".csv": _check_csv, ".html": _check_html, ".zip": _check_zip, ".json": _check_json, ".jsonl": _check_lines,
}  # fmt: skip


@pytest.mark.parametrize("text", [*map(os.fsdecode, NAMES), LABEL, "\ud800", "a\r\nb", "\u202e#12"])
def test_a_saved_search_comes_back_under_its_name(bench: Workbench, text: str) -> None:
    answer = bench.search(recipe_of(bench), Query.image(ids_of(bench)[1]), label=LABEL)
    name = bench.save_search(text[:100], answer).name
    assert [(one.name, one.label) for one in bench.saved_searches()] == [(name, LABEL)]
    bench.forget_search(name)
    assert bench.saved_searches() == []


# ── that there is no other way out ───────────────────────────────────────────────────────────────────────────────────


def calls(folder: str, wanted: Callable[[ast.Call], bool]) -> set[str]:
    """The files below a folder in which there is such a call."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if any(isinstance(node, ast.Call) and wanted(node) for node in nodes):
            found.add(path.relative_to(ROOT).as_posix())
    return found


def named(*names: str) -> Callable[[ast.Call], bool]:
    return lambda call: ast.unparse(call.func) in names


def test_csv_and_html_are_written_in_one_place_each() -> None:
    everywhere = calls("engine", named("csv.writer", "csv.DictWriter")) | calls("ui", named("csv.writer"))
    assert everywhere == {"engine/core/tables.py"}
    assert calls("engine", named("Environment", "jinja2.Environment")) == {"engine/comparisons/html.py"}
    templates = "".join(path.read_text() for path in (ROOT / "engine").rglob("*.html"))
    assert not re.search(r"\|\s*safe|autoescape false", templates)
