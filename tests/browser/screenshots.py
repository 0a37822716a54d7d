"""Takes the pictures of the guide: `python -m tests.browser.screenshots docs/screenshots`.

It starts the app on a home with a sample, adds the others and photographs what a person
sees. The pictures are WebP, small enough to live in the repository.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from engine.comparisons.invariances.run import plan_for
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench
from tests.browser.helpers import CHROMIUM, FLAGS, Server, pick_only

WIDTH, HEIGHT = 1360, 900
# Those of which the lower part belongs to what they show.
TALL = {"train": 1420, "hashing": 1560, "classify": 1080, "runs-compared": 1500}
ONLY = set(sys.argv[2:])  # of these names, if any are given


def main(folder: Path) -> None:
    """Write a WebP of each of `SHOTS` into the folder."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        Workbench(Home(Path(home))).run("sample", name="animal-faces")
        server = Server(Path(home), Path(home) / "server.log")
        server.wait()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        failed: list[str] = []
        try:
            for name, scheme, width, steps in SHOTS:
                if ONLY and name not in ONLY:
                    continue
                view = {"width": width, "height": TALL.get(name, HEIGHT)}
                page = browser.new_context(viewport=view, color_scheme=scheme).new_page()
                page.set_default_timeout(180_000)
                try:
                    steps(page, server)
                    _save(page, folder / f"{name}.webp")
                except Exception as error:  # the others are wanted all the same
                    failed.append(f"{name}: {error}")
                page.context.close()
        finally:
            browser.close()
            server.stop()
    if failed:
        sys.exit("\n".join(failed))


def _save(page: Any, path: Path) -> None:
    page.wait_for_timeout(1500)  # thumbnails and transitions
    Image.open(io.BytesIO(page.screenshot())).save(path, "WEBP", quality=84, method=6)


def _search(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/?collection=animal-faces&q=320")
    page.locator(".grid.answers button.tile").nth(7).wait_for()


def _first(page: Any, server: Server) -> None:
    page.goto(server.url)
    page.locator(".grid.answers button.tile").nth(7).wait_for()
    _search(page, server)


def _compare(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/?collection=animal-faces&method=lsh(bits=8,tables=2)&q=320")
    page.locator(".grid.answers button.tile").first.wait_for()
    page.get_by_text("Compare exact and approximate search").click()
    page.locator(".grid.small").nth(3).wait_for()
    page.locator(".st-key-compare").evaluate("panel => panel.scrollIntoView({ block: 'center' })")


def _break_it(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/?collection=animal-faces&q=320&break={_nearest(server)}")
    dialog = page.get_by_role("dialog", name="What breaks it?")
    dialog.get_by_role("button", name="Find the breaking points").click()
    dialog.get_by_text("Leaves the 8 at").wait_for()
    dialog.get_by_text("JPEG quality").nth(1).wait_for()
    dialog.locator(".js-plotly-plot").first.wait_for()
    page.mouse.move(0, 0)  # away from the help of the button
    page.get_by_role("tooltip").wait_for(state="hidden")


def _nearest(server: Server) -> int:
    bench = Workbench(Home(server.home))
    return bench.search(bench.default_recipe("animal-faces"), 320).hits[1].id


def _invariances(page: Any, server: Server) -> None:
    bench = Workbench(Home(server.home))
    encoders = ("efficientnet-lite0", "hog", "colour-histogram")
    plan = plan_for(bench.home, "Animal faces: 3 encoders, altered", "animal-faces", encoders, queries=24)
    table = bench.plan_invariances(plan)
    bench.run("invariance", name=table.name)
    page.goto(f"{server.url}/compare?invariance={table.name}")
    page.locator("tbody tr").nth(len(encoders) - 1).wait_for()
    page.locator(".js-plotly-plot").first.wait_for()


def _two_encoders(page: Any, server: Server) -> None:
    job = Workbench(Home(server.home)).start(
        "disagree", collection="animal-faces", first="efficientnet-lite0/avg", second="hog/max"
    )
    assert job.wait(600) == "done", job.error
    page.goto(f"{server.url}/compare?collection=animal-faces")
    page.get_by_text("Two encoders", exact=True).click()
    page.locator(".grid.strip").nth(2).wait_for()
    page.get_by_role("heading", name=re.compile("^EfficientNet-Lite0 and")).evaluate("head => head.scrollIntoView()")


def _train(page: Any, server: Server) -> None:
    config = {"model": 1, "size": 64, "epochs": 8, "batch": 16, "limit": 240, "contrast": 1.0, "schedule": "cosine"}
    job = Workbench(Home(server.home)).start("train", collection="animal-faces", config=config)
    assert job.wait(600) == "done", job.error
    page.goto(f"{server.url}/train?collection=animal-faces")
    page.locator(".st-key-training-news .grid").first.wait_for()


def _runs_compared(page: Any, server: Server) -> None:
    """Two objectives with four seeds each."""
    bench = Workbench(Home(server.home))
    small = {"model": 1, "size": 64, "epochs": 6, "batch": 16, "limit": 160}
    names = []
    for contrast in (0.0, 1.0):
        for seed in range(4):
            name = f"{'contrastive' if contrast else 'reconstruction'}-{seed + 1}"
            config = small | {"contrast": contrast, "seed": seed, "name": name}
            names.append(bench.run("train", collection="animal-faces", config=config)["run"])
    page.goto(f"{server.url}/train?collection=animal-faces")
    for name in names:
        page.locator(f".st-key-compare-{name} button").click()
    page.locator(".st-key-runs-compared").locator(".js-plotly-plot").nth(1).wait_for()
    page.locator(".st-key-runs-compared").evaluate("panel => panel.scrollIntoView()")


def _classify(page: Any, server: Server) -> None:
    bench = Workbench(Home(server.home))
    if not any(card.name == "products" for card in bench.collections()):
        bench.run("sample", name="products")
    page.goto(f"{server.url}/classify?collection=products")
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator("tbody tr").nth(4).wait_for()
    page.locator(".st-key-classification-now").wait_for(state="detached")
    page.locator("tbody tr").first.click()
    page.get_by_text("Confusion matrix").first.wait_for()


def _experiment(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/compare?collection=animal-faces")
    pick_only(page, "Distances", "Cosine", "Euclidean")
    page.get_by_role("button", name="Start comparison", exact=True).click()
    page.locator("tbody tr").nth(5).wait_for()
    page.locator(".st-key-experiment-now").wait_for(state="detached")


def _hashing(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/hashing?collection=animal-faces")
    page.get_by_role("button", name="Start benchmark", exact=True).click()
    page.locator("tbody tr").nth(30).wait_for()
    page.locator(".st-key-study-now").wait_for(state="detached")


def _hash_lab(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/hashing?collection=animal-faces&q=320&lab=itq(bits=10,probes=0,tables=2)&flip=1.2")
    page.get_by_text("recall@8").first.wait_for()
    code = page.get_by_role("group", name=re.compile("^Code of "))
    code.evaluate("code => code.scrollIntoView({ block: 'center' })")


def _stability(page: Any, server: Server) -> None:
    bench = Workbench(Home(server.home))
    recipe = bench.default_recipe("animal-faces").as_dict()
    made = bench.run("group", recipe=recipe, plan={"clustering": "hierarchical", "map": "pca"}, title="Tree")
    bench.run("stability", collection="animal-faces", name=made["grouping"], rounds=100)
    page.goto(f"{server.url}/groups?collection=animal-faces&grouping={made['grouping']}&tab=tree")
    page.locator("text.share").first.wait_for(state="attached")
    page.get_by_role("group", name=re.compile("^Tree of")).evaluate("tree => tree.scrollIntoView({ block: 'center' })")


def _seen(page: Any, server: Server) -> None:
    recipe = Recipe("animal-faces", "model-4", "default", embedding="max")
    Workbench(Home(server.home)).run("embed", recipe=recipe.as_dict())
    page.goto(f"{server.url}/?collection=animal-faces&encoder=model-4@default&embedding=max&q=320&why=321")
    page.get_by_role("dialog").get_by_text("What the encoder sees").click()
    page.locator("section img").nth(20).wait_for()


def _groups(page: Any, server: Server) -> None:
    bench = Workbench(Home(server.home))
    plan = {"clustering": "hierarchical(groups=12,linkage=ward)", "map": "umap"}
    recipe = bench.default_recipe("animal-faces").as_dict()
    job = bench.start("group", recipe=recipe, plan=plan, title="Twelve groups of faces")
    assert job.wait(600) == "done", job.error
    page.goto(f"{server.url}/groups?collection=animal-faces&grouping={job.result['value']['grouping']}")  # type: ignore[index]
    page.locator("button.card").nth(5).wait_for()


def _tree(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/groups?collection=animal-faces&grouping=twelve-groups-of-faces-1")
    page.get_by_role("tab", name="Tree", exact=True).click()
    page.get_by_role("group", name=re.compile("Tree of")).locator("image, img").nth(20).wait_for()
    page.locator(".st-key-groups-tab, [role=tablist]").first.evaluate("tabs => tabs.scrollIntoView()")


def _collections(page: Any, server: Server) -> None:
    bench = Workbench(Home(server.home))
    for name in ("artworks", "products", "digits"):
        job = bench.start("sample", name=name)
        assert job.wait(600) == "done", job.error
    page.goto(f"{server.url}/collections")
    close = page.get_by_role("button", name="Close", exact=True)
    close.wait_for()
    close.click()
    page.locator(".st-key-report").wait_for(state="detached")
    page.locator(".st-key-card-products img").nth(3).wait_for()


def _add(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/collections")
    page.get_by_role("button", name="Add pictures", exact=True).click()
    field = page.get_by_role("textbox", name="Folder, table or archive")
    field.fill(str(_with_copies(server)))
    field.press("Enter")
    page.get_by_text("pictures in Holiday and below.").wait_for()


def _with_copies(server: Server) -> Path:
    """A folder of drawn faces, of which some are there twice: at half the size, turned, or grey."""
    bench, folder = Workbench(Home(server.home)), server.home / "pictures" / "Holiday"
    if folder.is_dir():
        return folder
    faces = bench.collection("animal-faces")
    for number, row in enumerate(faces.rows("image")[:60:3]):
        place = folder / ("Day 1" if number < 10 else "Day 2")
        place.mkdir(parents=True, exist_ok=True)
        picture = Image.open(faces.path_of(row)).convert("RGB").resize((640, 640), Image.Resampling.LANCZOS)
        picture.save(place / f"IMG_{2400 + number}.jpg", quality=92)
        if number % 3 == 0:
            changed = [picture.resize((320, 320)), picture.rotate(90), picture.convert("L")][number // 3 % 3]
            changed.save(place / f"IMG_{2400 + number} copy.jpg", quality=85)
    return folder


def _duplicates(page: Any, server: Server) -> None:
    bench = Workbench(Home(server.home))
    bench.run("import", source="folder", title="Holiday", path=str(_with_copies(server)))
    page.goto(f"{server.url}/duplicates?collection=holiday")
    page.get_by_text(re.compile("groups? .*duplicates?")).first.wait_for()
    page.locator(".st-key-job-chip").wait_for(state="detached")


SHOTS: list[tuple[str, str, int, Callable[[Any, Server], None]]] = [
    ("search", "light", WIDTH, _first),
    ("search-dark", "dark", WIDTH, _search),
    ("compare", "light", WIDTH, _compare),
    ("break-it", "light", WIDTH, _break_it),
    ("invariances", "light", WIDTH, _invariances),
    ("two-encoders", "light", WIDTH, _two_encoders),
    ("train", "light", WIDTH, _train),
    ("runs-compared", "dark", 1440, _runs_compared),
    ("experiment", "light", WIDTH, _experiment),
    ("classify", "light", WIDTH, _classify),
    ("hashing", "light", WIDTH, _hashing),
    ("hash-lab", "light", WIDTH, _hash_lab),
    ("stability", "light", WIDTH, _stability),
    ("seen", "light", WIDTH, _seen),
    ("groups", "light", WIDTH, _groups),
    ("tree", "light", WIDTH, _tree),
    ("collections", "light", WIDTH, _collections),
    ("add-pictures", "light", WIDTH, _add),
    ("duplicates", "light", WIDTH, _duplicates),
    ("narrow", "light", 420, _search),
]

if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots"))
