"""What is done with a million pictures, one function for each step; each runs in a process of its own.

Times are those of the processor in that process, so that other work on the computer does not count; where they are by
the clock, that is said.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.home import PROJECT
from engine.core.progress import Progress, Reporter
from engine.core.recipe import Recipe
from engine.core.storage import append_line
from engine.encoders.imported_vectors import import_vectors
from engine.encoders.vectors.layouts import parts_of
from engine.workbench.workbench import Workbench

NAME = "million"
OWN = "own-clip"
WIDTH = 64  # values of a vector that was made elsewhere
_ASKED = 20  # searches, of which the median counts
_TOLD_EVERY = 30.0  # seconds


@dataclass(frozen=True)
class Place:
    """Where the pictures, the home and what was measured are, below one folder."""

    folder: Path
    count: int

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def measured(self) -> Path:
        return self.folder / "measured.jsonl"

    @property
    def said(self) -> Path:
        return self.folder / "said.jsonl"

    def say(self, what: str, value: object) -> None:
        """Put something into the table beside the step."""
        print(f"    {what}: {value}", flush=True)
        append_line(self.said, {what: value})

    def timed(self, what: str, work: Callable[[], Any]) -> Any:
        """Do something once, and say how long it took the processor."""
        began = time.process_time()
        found = work()
        self.say(what, _shown(time.process_time() - began))
        return found

    def median(self, what: str, work: Callable[[int], Any], asked: Sequence[int]) -> None:
        """Do something for each of some ids, and say the median and the longest."""
        times = []
        for id in asked:
            began = time.process_time()
            work(id)
            times.append(time.process_time() - began)
        self.say(what, f"{_shown(statistics.median(times))} (longest {_shown(max(times))})")


def _shown(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def _recipe(**changes: Any) -> Recipe:
    return Recipe(NAME, "colour-histogram", "", "max", "euclidean").but(**changes)


def _ids(bench: Workbench) -> list[int]:
    ids = bench.collection(NAME).images().ids
    found: list[int] = ids[:: max(1, len(ids) // _ASKED)][:_ASKED].tolist()
    return found


def _teller() -> Callable[[Progress], None]:
    last = [time.monotonic()]

    def tell(progress: Progress) -> None:
        if time.monotonic() - last[0] > _TOLD_EVERY:
            last[0] = time.monotonic()
            print(f"    {progress.stage}: {progress.done:,} of {progress.total:,}", flush=True)

    return tell


# Pages are drawn by Streamlit, which only they know; so this is a program of its own.
_PAGES = """
import statistics, sys, time
from pathlib import Path
from streamlit.testing.v1 import AppTest
from engine.core.storage import append_line
from ui.session.opened import images_of
from ui.session.query import SessionQuery

script, name, said = sys.argv[1:]

def shown(seconds):
    return f"{1000 * seconds:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"

def seconds(work):
    began = time.process_time()
    work()
    return time.process_time() - began

def say(what, value):
    print(f"    {what}: {value}", flush=True)
    append_line(Path(said), {what: value})

def run(test, what):
    say(what, shown(seconds(test.run)))
    if test.exception:
        raise SystemExit(test.exception[0].message)

for page in ("collections", "search", "groups", "duplicates"):
    test = AppTest.from_file(script, default_timeout=3600)
    for key, value in (("go_to", page), ("collection", name), ("encoder", "colour-histogram"), ("metric", "euclidean")):
        test.session_state[key] = value
    run(test, f"{page} at first")
    say(f"{page} again", shown(statistics.median(seconds(test.run) for _ in range(5))))
    if page == "search":
        clicks = []
        for id in images_of(name).ids[3 :: len(images_of(name)) // 10][:10].tolist():
            test.session_state.query = SessionQuery(image_id=id)
            clicks.append(seconds(test.run))
        say("a click on a picture", f"{shown(statistics.median(clicks))} (longest {shown(max(clicks))})")
        test.session_state.where = {name: "name~123"}
        run(test, "a filter by name at first")
        say("again", shown(seconds(test.run)))
    if page == "groups":
        test.session_state["groups-tab"] = "Map"
        run(test, "the map at first")
        say("the map again", shown(seconds(test.run)))
"""


def import_folder(place: Place) -> None:
    """Import the pictures; of a collection that is there already, a rescan."""
    bench = Workbench()
    known = {card.name for card in bench.collections()}
    if NAME in known:
        report = bench.run("rescan", listen=_teller(), collection=NAME)
    else:
        report = bench.run("import", listen=_teller(), source="folder", title=NAME, path=str(place.pictures))
    place.say("outcome:", report["sentence"])


def open_collection(place: Place) -> None:
    """What a server does when the first page is opened, and once more, as on every click."""
    bench = Workbench()
    place.timed("cards at first", bench.collections)
    place.timed("cards again", bench.collections)
    place.timed("facts for filters", lambda: bench.filter_values(NAME))
    place.timed("one picture", lambda: bench.picture_facts(NAME, _ids(bench)[3]))


def embed(place: Place) -> None:
    """The vectors of the colour histogram."""
    done = Workbench().run("embed", listen=_teller(), recipe=_recipe().as_dict())
    place.say("pictures a second, by the clock", done["images_per_second"])


def own_vectors(place: Place) -> None:
    """Vectors in a .npy, one for each picture in order, as another program writes them."""
    bench = Workbench()
    collection = bench.collection(NAME)
    file = place.folder / "clip.npy"
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(1000, WIDTH)).astype(np.float32)
    vectors = middles[rng.integers(0, 1000, len(collection))]
    for start in range(0, len(vectors), 100_000):
        vectors[start : start + 100_000] += rng.normal(0, 0.5, vectors[start : start + 100_000].shape)
    np.save(file, vectors)
    place.timed("taken over", lambda: import_vectors(collection, parts_of(file), "clip", Reporter(listen=_teller())))
    place.timed("first search", lambda: bench.search(_recipe(encoder=OWN), _ids(bench)[0]))
    place.median("each search", partial(bench.search, _recipe(encoder=OWN)), _ids(bench))


def search(place: Place) -> None:
    """Exact search."""
    bench = Workbench()
    ids = _ids(bench)
    place.timed("first search", lambda: bench.search(_recipe(), ids[0]))
    place.median("each search", partial(bench.search, _recipe()), ids)
    place.median("of an uploaded picture", lambda id: bench.search(_recipe(), bench.collection(NAME).picture(id)), ids)


def lsh(place: Place) -> None:
    """LSH, its numbers chosen from the data."""
    bench, recipe = Workbench(), _recipe(method="lsh")
    place.timed("built", lambda: bench.run("index", listen=_teller(), recipe=recipe.as_dict()))
    ids = _ids(bench)
    place.timed("first search", lambda: bench.search(recipe, ids[0]))
    place.median("each search", partial(bench.search, recipe), ids)


def filters(place: Place) -> None:
    """Searches among few, some and many of the pictures."""
    bench = Workbench()
    ids = _ids(bench)
    bench.search(_recipe(), ids[0])
    place.timed("first filter", lambda: bench.search(_recipe(), ids[0], where="name~99"))
    for title, limits in (
        ("one label", {"label": "kind-007"}),
        ("a name", {"where": "name~12345"}),
        ("half the folders", {"where": "folder>=kind-100"}),
        ("all by size", {"where": "size>=1px"}),
    ):
        place.median(title, lambda id, limits=limits: bench.search(_recipe(), id, **limits), ids)  # type: ignore[misc]
        method = _recipe(method="lsh")
        place.median(
            f"{title}, LSH",
            lambda id, limits=limits, method=method: bench.search(method, id, **limits),  # type: ignore[misc]
            ids,
        )


def kmeans(place: Place) -> None:
    """Forty groups."""
    _grouped(place, {"clustering": "kmeans(groups=40)", "map": "pca"}, "k-means")


def umap(place: Place) -> None:
    """The pipeline of the preset for photographs."""
    plan = {"reduction": "umap(dimensions=10)", "clustering": "hdbscan", "map": "umap"}
    _grouped(place, plan, "UMAP and HDBSCAN")


def tree(place: Place) -> None:
    """A tree, whose leaves are fine clusters."""
    _grouped(place, {"clustering": "hierarchical(groups=40)", "map": "pca"}, "Tree")


def _grouped(place: Place, plan: dict[str, Any], title: str) -> None:
    bench = Workbench()
    made = bench.run("group", listen=_teller(), recipe=_recipe().as_dict(), plan=plan, title=title)
    grouping = bench.grouping(NAME, made["grouping"])
    place.say("groups", made["groups"])
    for what, seconds in grouping.seconds.items():
        place.say(f"{what.lower()}, by the clock", _shown(seconds))
    place.timed("opened", grouping.groups)


def duplicates(place: Place) -> None:
    """Equal files at once, pictures that look the same after all were looked at."""
    bench = Workbench()
    place.timed("equal files", lambda: bench.duplicate_groups(NAME))
    made = bench.run("perceptual", listen=_teller(), collection=NAME)
    place.say("pairs", f"{made['pairs']:,}")
    found = place.timed("groups", lambda: bench.duplicate_groups(NAME))
    place.say("outcome:", found.sentence())


def pages(place: Place) -> None:
    """Each page at first, again, and after clicks, without what the browser does."""
    said = [sys.executable, "-c", _PAGES, str(PROJECT / "ui" / "entry" / "script.py"), NAME, str(place.said)]
    subprocess.run(said, cwd=PROJECT, check=True)
