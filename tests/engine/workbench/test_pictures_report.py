"""A report of pictures is one file: everything is inside, nothing is loaded, names are no markup."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.search.examples import Example
from engine.workbench.workbench import Query, Workbench

RECIPE = Recipe("pile", "colour-histogram", embedding="flatten", k=2)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    (tmp_path / "pile").mkdir()
    for number in range(4):
        Image.new("RGB", (80, 40), (number * 60, 90, 0)).save(tmp_path / "pile" / f"<b>{number}&.png")
    made = Workbench(Home(tmp_path / "home"))
    made.run("import", source="folder", title="Pile", path=str(tmp_path / "pile"))
    made.run("embed", recipe=RECIPE.as_dict())
    return made


def pictures(page: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/webp;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def check_alone(page: str) -> None:
    assert not re.search(r"<script|<link|https?://|<b>", page)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert page.count("src=") == len(pictures(page))


def test_a_search_is_reported_with_its_query_and_receipt(bench: Workbench, tmp_path: Path) -> None:
    bench.mark("pile", [2], add=["lake"], stars=3)
    answer = bench.search(RECIPE, Query.image(1), where="size>=10px")
    page = bench.search_report(answer, bench.further(answer, 5))
    check_alone(page)
    assert [one.size for one in pictures(page)] == [(80, 40)] * 4
    assert "&lt;b&gt;1&amp;.png" in page
    assert "Filter: size&gt;=10px" in page
    assert "★★★" in page
    (tmp_path / "pile" / "<b>2&.png").unlink()  # its thumbnail is left
    assert len(pictures(bench.search_report(answer))) == 3
    several = bench.search(RECIPE, Query.of(Example(image_id=1), Example(image_id=2, weight=-1)))
    assert "weight -1" in bench.search_report(several)


def test_a_selection_is_reported_under_its_headings(bench: Workbench) -> None:
    page = bench.selection_report("pile", "My <choice>", {"First": [1, 2], "Second": [3]}, "Found in June.")
    check_alone(page)
    assert len(pictures(page)) == 3
    assert "<h1>My &lt;choice&gt;</h1>" in page
    assert "Found in June." in page
    with pytest.raises(BadParameter, match="at least 1"):
        bench.selection_report("pile", "x", {})
    with pytest.raises(BadParameter, match="at most 1,000; got 1001"):
        bench.selection_report("pile", "x", {"": range(1001)})
    with pytest.raises(NotFound):
        bench.selection_report("pile", "x", {"": [99]})


def test_the_command_line_writes_it(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["--collection", "pile", "--encoder", "colour-histogram", "--pooling", "flatten", "--k", "2"]
    assert main(["search", *words, "--image", "1", "--html", str(tmp_path / "out.html")]) == 0
    check_alone((tmp_path / "out.html").read_text("utf-8"))
