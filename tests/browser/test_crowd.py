"""Many visitors on one server while it trains and imports: one of them clicks through all pages at random.

A tenth of the visitors and clicks; with BENZER_FULL_COUNTS=1 thirty visitors and three hundred clicks.
"""

from __future__ import annotations

import random
import re
import statistics
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, expect

from engine.collections.collection import Collection
from engine.collections.facts.marks import marks
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.grouping.plan import GroupingPlan, Step
from engine.workbench.workbench import Workbench
from tests.browser.helpers import Server, drawn_picture, serving, settled, shown
from tests.counts import count

VISITORS, CLICKS = count(3, 30), count(30, 300)
RECIPE = Recipe("crowd", "colour-histogram", embedding="flatten")
RECIPE_IN_ADDRESS = "collection=crowd&encoder=colour-histogram&embedding=flatten"
MISSED = 30  # clicks in a row on what has moved away or is covered
TILES = ".grid.answers button.tile"
CLICKABLE = (
    "button, a[href], [role=tab], [role=radio], [role=checkbox], [role=switch], [role=combobox], [role=option], summary"
)
# What starts hours of work, or destroys what the other visitors look at, is left alone; so is what leaves the app.
LEFT = re.compile(
    r"Delete|Remove|trash|Stop|Import|^Add$|Download|Learn|^Compare|Start|Cross-validate|^Run|Measure|Prepare|^Find"
    r"|Benchmark|^Group|Hard link|Write|Export|Retry|Rescan|Upload|Browse|Predict|Suggest|Try|Create|Copy|Open|Deploy"
    r"|Update|Fetch|Build|Replace|Save|Calibrate|Report|ZIP|CSV|JSON|HTML|SVG|PDF|PNG",
    re.IGNORECASE,
)
SEEN = """elements => elements.map((element) => {
    const box = element.getBoundingClientRect();
    const inside = box.width > 4 && box.height > 4 && box.top >= 0 && box.bottom <= innerHeight
        && box.left >= 0 && box.right <= innerWidth;
    const usable = inside && !element.disabled && element.checkVisibility({ visibilityProperty: true });
    const name = element.ariaLabel || element.innerText || element.title || "";
    const links = element.tagName === "A" && (element.target === "_blank" || element.hasAttribute("download"));
    return usable && !links ? name.trim().slice(0, 80) || element.className : null;
})"""
BOXES = "[data-testid=stException], [data-testid=stAlertContentError]"
# What a page answers to a field that a click has emptied, and to a choice that cannot be explained.
ANSWERS = re.compile(r"must be (at least|a number|a whole number)|its vectors have no places|it sees cannot be shown")
# A picture or the file of a button that the next run has replaced before the browser asked for it.
REPLACED = re.compile(r"404 \(Not Found\)|Download Button source error - 404|Image source error - \S+/media/")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of nine pictures for each visitor, of which every page has something to show, and another folder."""
    home = tmp_path_factory.mktemp("crowd")
    for place in (*(f"pictures/v{number}" for number in range(VISITORS)), "more"):
        (home / place).mkdir(parents=True)
        for number in range(9):
            (home / place / f"{number}.png").write_bytes(
                drawn_picture(zlib.crc32(f"{place}/{number}".encode()), "teal")
            )
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Crowd", path=str(home / "pictures"))
    bench.run("embed", recipe=RECIPE.as_dict())
    plan = GroupingPlan(Step("hierarchical", (("groups", 4),)), map=Step("pca"))
    bench.run("group", recipe=RECIPE.as_dict(), plan=plan.as_dict(), title="Tree")
    bench.run("perceptual", collection="crowd")
    return home


@pytest.fixture
def bench(home: Path) -> Iterator[Workbench]:
    """The workbench of that home while it trains and imports."""
    bench = Workbench(Home(home))
    config = {"model": 1, "size": 32, "batch": 8, "epochs": 10_000, "probe": 16, "name": "beside"}
    working = [
        bench.start("train", collection="crowd", config=config),
        bench.start("import", source="folder", title="Another", path=str(home / "more")),
    ]
    yield bench
    for job in working:
        job.stop()
        assert job.wait(600) in ("stopped", "done"), job.error


class Visitor:
    """A visitor with a browser of its own, and everything that went wrong in it."""

    def __init__(self, chromium: Any, server: Server, bench: Workbench, number: int) -> None:
        self.page = chromium.new_context(viewport={"width": 1360, "height": 900}).new_page()
        self.page.set_default_timeout(90_000)
        self.number, self.wrong, self.sockets = number, list[str](), 0
        self.page.on("pageerror", lambda error: self.wrong.append(f"page error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("websocket", self._connected)
        own = f"label=v{number}&q={bench.meeting('crowd', f'label=v{number}')[0]}"
        self.page.goto(f"{server.url}/?{RECIPE_IN_ADDRESS}&{own}")

    def _heard(self, message: Any) -> None:
        if message.type == "error" and not REPLACED.search(message.text):
            self.wrong.append(f"console: {message.text}")

    def _connected(self, socket: Any) -> None:
        self.sockets += 1
        if self.sockets > 1:
            self.wrong.append("the connection was lost and made again")

    @property
    def tag(self) -> str:
        """The tag that nobody else gives."""
        return f"visitor {self.number}"

    @property
    def bar(self) -> Any:
        return self.page.get_by_role("toolbar", name="Selected pictures", exact=True)

    def choose(self) -> None:
        """Search by the third result, and select as many pictures as nobody beside does."""
        self.query = self.page.locator(TILES).nth(2).get_attribute("data-id")
        self.page.locator(TILES).nth(2).click(no_wait_after=True)

    def arrives(self) -> None:
        """Wait until it shows what it has chosen."""
        expect(self.page, str(self.wrong)).to_have_url(re.compile(rf"[?&]q={self.query}(&|$)"))
        settled(self.page)

    def selects(self) -> int:
        return 1 + self.number % 5

    def select_and_tag(self) -> None:
        for place in range(self.selects()):
            self.page.locator(TILES).nth(place).click(modifiers=["Control"])
        self.bar.get_by_role("button", name="Tag", exact=True).click()
        self.bar.get_by_label("Tag", exact=True).fill(self.tag)
        self.bar.get_by_role("button", name="Add", exact=True).click(no_wait_after=True)

    def is_by_itself(self) -> None:
        """It still shows its own query, selection and outcome."""
        settled(self.page)
        assert re.search(rf"[?&]q={self.query}(&|$)", self.page.url)
        expect(self.bar.get_by_text(f"{self.selects()} selected", exact=True)).to_be_visible()
        expect(
            self.page.get_by_text(re.compile(rf"^Tagged {self.selects()} pictures? “{self.tag}”\.$"))
        ).to_be_visible()

    def take_back(self) -> None:
        self.page.get_by_role("button", name="Undo", exact=True).click(no_wait_after=True)


def test_visitors_do_not_disturb_each_other(chromium: Any, home: Path, bench: Workbench) -> None:
    """All do the same at once; what one sees, selects and takes back is its own."""
    with serving(home) as server:
        crowd = [Visitor(chromium, server, bench, number) for number in range(VISITORS)]
        for visitor in crowd:
            visitor.page.locator(TILES).nth(7).wait_for()
            settled(visitor.page)
        for visitor in crowd:
            visitor.choose()
        for visitor in crowd:
            visitor.arrives()
        for visitor in crowd:
            visitor.select_and_tag()
        for visitor in crowd:
            visitor.is_by_itself()
        collection = bench.collection("crowd")
        assert tags_of(collection) == {visitor.tag: visitor.selects() for visitor in crowd}
        for visitor in crowd[::2]:
            visitor.take_back()
        left = {visitor.tag: visitor.selects() for visitor in crowd[1::2]}
        until = time.monotonic() + 90
        while tags_of(collection) != left and time.monotonic() < until:
            time.sleep(0.2)  # what is said of it disappears after a few seconds
        assert tags_of(collection) == left
        clicked = Clicks(crowd[0], server)
        clicked.make(CLICKS)
        for visitor in crowd[1::2]:
            visitor.is_by_itself()
        sys.stdout.write(clicked.report())
        wrong = [what for visitor in crowd for what in visitor.wrong]
        for visitor in crowd:
            visitor.page.context.close()
        assert wrong == []
        assert "Traceback" not in server.log.read_text(errors="replace")
    assert clicked.grown < 150 << 20


def tags_of(collection: Collection) -> Counter[str]:
    return Counter(tag for mark in marks(collection).values() for tag in mark.tags if tag.startswith("visitor"))


class Clicks:
    """Clicks at random on what a visitor sees, from page to page and back."""

    def __init__(self, visitor: Visitor, server: Server) -> None:
        self.page, self.server, self.wrong = visitor.page, server, visitor.wrong
        self.chance = random.Random(13)
        self.done: Counter[str] = Counter()
        self.taken: list[float] = []
        self.slowest = (0.0, "")
        self.memory: list[int] = []

    def make(self, number: int) -> None:
        missed = 0
        while len(self.taken) < number:
            began = time.perf_counter()
            self.last, self.before = "", self.page.url
            try:
                if not self._one():
                    missed += 1
                    assert missed < MISSED, f"{self._which()} and {missed} others in a row missed: {shown(self.page)}"
                    continue
                missed = 0
                self.page.wait_for_timeout(50)
                settled(self.page)
            except Error as error:
                said = f"{self.wrong}\n{self.server.stacks()}"
                raise AssertionError(f"{self._which()}: {shown(self.page)}\n{said}") from error
            self.taken.append(time.perf_counter() - began)
            self.slowest = max(self.slowest, (self.taken[-1], self._which()))
            self.memory.append(resident(self.server.process.pid))
            boxes = [said for said in self.page.locator(BOXES).all_inner_texts() if not ANSWERS.search(said)]
            if boxes or "Something unexpected" in self.page.locator("body").inner_text():
                self.wrong.append(f"{boxes} at {self.page.url} after {self._which()}")

    def _which(self) -> str:
        return f"click {len(self.taken)}, {self.last!r} at {self.before}"

    def _one(self) -> bool:
        """Whether a click was made; what has moved away or is covered is passed over."""
        number = len(self.taken)
        if number % 12 == 11:
            return self._goes()
        if number % 9 == 8 and self.page.evaluate("navigation.canGoBack"):  # before its first page is another site
            self.last = "Back"
            self.done["Back"] += 1
            self.page.go_back()
            return True
        above = self.page.locator("[role=dialog], [role=listbox]")  # an open one keeps all clicks beside it
        scope = above.last if above.count() else self.page
        found = scope.locator(CLICKABLE)
        names = found.evaluate_all(SEEN)
        usable = [place for place, name in enumerate(names) if name and not LEFT.search(name)]
        if not usable:
            self.page.keyboard.press("Escape")
            return self._goes()
        place = self.chance.choice(usable)
        self.last = names[place]
        return self._clicked(found.nth(place))

    def _goes(self) -> bool:
        self.page.keyboard.press("Escape")
        folded = self.page.get_by_test_id("stExpandSidebarButton")
        if folded.count() and folded.is_visible():  # by a click before
            folded.click()
        links = self.page.get_by_test_id("stSidebarNavLink")
        link = links.nth(self.chance.randrange(links.count()))
        self.last = link.inner_text()
        return self._clicked(link)

    def _clicked(self, what: Any) -> bool:
        try:
            control = (
                ["Control"] if self.chance.random() < 0.2 and "tile" in (what.get_attribute("class") or "") else []
            )
            what.click(timeout=3000, modifiers=control)
        except Error:
            return False
        self.done[re.sub(r"[?].*", "", self.page.url).rsplit("/", 1)[-1] or "search"] += 1
        return True

    @property
    def grown(self) -> int:
        """Bytes by which the server grew in the last two thirds."""
        return self.memory[-1] - self.memory[len(self.memory) // 3 - 1]

    def report(self) -> str:
        p95 = statistics.quantiles(self.taken, n=20)[-1]
        return (
            f"{len(self.taken)} clicks beside {VISITORS} visitors, by page: {dict(self.done)}\n"
            f"median {statistics.median(self.taken):.2f} s, p95 {p95:.2f} s, at most {self.slowest[0]:.2f} s for "
            f"{self.slowest[1]}; "
            f"{self.memory[-1] >> 20} MB at the end, of which {self.grown >> 20} MB since a third of the clicks\n"
        )


def resident(process: int) -> int:
    """Bytes of memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) << 10 if found else 0
