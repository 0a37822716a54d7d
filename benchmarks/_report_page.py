"""The page docs/experiments.md: the report's tables 4 and 5 from the records of their trainings.

A table whose trainings all stand takes the place of the one before; until then it follows as unfinished, without
findings. Whatever else is on the page stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks import _chart
from benchmarks._page import markdown
from benchmarks._report_records import Record
from benchmarks.autoencoders import TITLES
from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.findings import BEST_PAIR, COLUMN_TITLES, findings
from engine.comparisons.recipes.leads import Leads
from engine.comparisons.recipes.plan import ExperimentPlan
from engine.comparisons.recipes.report import correlations, report_hits, report_losses
from engine.core.humanize import percent
from engine.evaluation.statistics.decision import holm
from engine.evaluation.statistics.lead import lead
from engine.evaluation.statistics.shares import mean_shares
from engine.training import TrainingConfig

PROBE = 256  # fixed images whose precision@8 every epoch tells


@dataclass(frozen=True)
class Part:
    """The tables of one collection: what was planned, and what stands of it by title.

    `labels` counts the pictures of each label.
    """

    collection: str
    labels: Mapping[str, int]
    plan: ExperimentPlan
    standing: Mapping[str, Record]

    @property
    def missing(self) -> list[str]:
        """The trainings that are still to be done."""
        return [one.title for one in self.plan.trainings if one.title not in self.standing]

    @property
    def heading(self) -> str:
        """The line above it on the page."""
        return f"{self.whole}, {self.config.epochs} epochs (unfinished)" if self.missing else self.whole

    @property
    def whole(self) -> str:
        """The heading of the tables once nothing is missing."""
        loss = "" if self.config.loss == "mse" else f", trained with {self.config.loss.upper()}"
        return f"## On {TITLES.get(self.collection, self.collection)}{loss}"

    @property
    def config(self) -> TrainingConfig:
        """The settings of the first training, of which all have epochs, loss and batch."""
        return TrainingConfig.from_dict(self.plan.trainings[0].config)

    @property
    def name(self) -> str:
        """What its figures are called once nothing is missing."""
        return self.collection if self.config.loss == "mse" else f"{self.collection}-{self.config.loss}"

    @cached_property
    def records(self) -> list[Record]:
        """What stands, in the order of the plan."""
        return [self.standing[one.title] for one in self.plan.trainings if one.title in self.standing]

    @cached_property
    def rows(self) -> list[ExperimentRow]:
        """All rows that stand."""
        return [row for record in self.records for row in record.rows]


def section(part: Part, figures: Path) -> str:
    """The part of the page about one collection; its charts are written into the folder `figures`."""
    kinds = ", ".join(f"{count} {label}" for label, count in part.labels.items())
    parts = [part.heading, f"{sum(part.labels.values()):,} images: {kinds}.", settings(part.plan), unfinished(part)]
    losses, hits = (table(lines, part) for lines in (report_losses(part.rows), report_hits(part.rows)))
    bold = "." if part.missing else "; the highest of each column bold."
    parts += ["### Table 4: the lowest losses", TABLE_4, losses]
    parts += ["### Table 5: how well each searches", TABLE_5 + bold, hits, widest(part.rows)]
    if not part.missing:
        parts += ["### Findings of the original study", held(part), best(part.records)]
    parts += [better(part.records), twins(part), notes(part.rows), trained_on(part.records), charts(part, figures)]
    return "\n\n".join(filter(None, parts))


def table(lines: Sequence[Sequence[str]], part: Part) -> str:
    """A table; of an unfinished one the trainings that stand, none of them marked as the best of so few."""
    if not part.missing:
        return markdown(lines)
    head, *body = lines
    there = {record.title.partition(" · seed ")[0] for record in part.records}
    return markdown([head, *([cell.replace("**", "") for cell in line] for line in body if line[0] in there)])


def settings(plan: ExperimentPlan) -> str:
    """How every one of the nine is trained, from the plan itself."""
    configs = [TrainingConfig.from_dict(training.config) for training in plan.trainings]
    one, seeds = configs[0], sorted({config.seed for config in configs})
    sizes = ", ".join(f"Model {model} at {size}" for model, size in sorted({(c.model, c.size) for c in configs}))
    images = f"{one.limit:,} images drawn by the seed" if one.limit else "all images"
    told = f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {seeds[0]}"
    return (
        f"Trained with {one.loss.upper()}, Adam {one.rate:g}, batch {one.batch}, {one.epochs} epochs, {told}, "
        f"{images}, {percent(one.validation)} of them held out for validation; no noise, no augmentation; the weights "
        f"with the lowest validation loss are searched with. Pixels a side: {sizes}. Warm restarts: T_mult 1, least "
        "rate 1e-4; plateau: factor 0.2, patience 2, threshold 1e-4, least rate 5e-5."
    )


def unfinished(part: Part) -> str:
    """Which trainings are missing, "" if none."""
    if not part.missing:
        return ""
    return (
        f"**{len(part.records)} of {len(part.plan.trainings)} trainings stand.** Still to be trained: "
        f"{'; '.join(part.missing)}. No finding of the original study is judged by a part of its table, and a table of "
        "shorter trainings stays until all stand."
    )


def widest(rows: Sequence[ExperimentRow]) -> str:
    """The widest interval, the chance level, and which image is the one."""
    wide = max((row.interval[1] - row.interval[0]) / 2 for row in rows)
    single = next((row.single["query"] for row in rows if row.single), None)
    asked = f" The one image is image {single}, the first of the largest label." if single is not None else ""
    chance = f"the chance level is {rows[0].chance:.3f}."
    return f"Bootstrap intervals (95 %) of precision@8 are at most ±{wide:.3f}; {chance}{asked}"


def held(part: Part) -> str:
    """The findings with their verdicts and figures."""
    lines = [f"- **{found.claim} {found.verdict}**: {found.measured}" for found in findings(part.rows, part.plan)]
    return "\n".join([*lines, *(f"- {sentence}" for sentence in correlations(part.rows))])


def best(records: Sequence[Record]) -> str:
    """Whether one row searches best, all asked the same pictures; "" where there are several seeds to average."""
    seeds = {record.config["seed"] for record in records}
    if len(seeds) > 1 or any(record.asked != records[0].asked for record in records):
        return ""
    rows = {f"{place}": row for place, row in enumerate(row for record in records for row in record.rows)}
    found = lead([figures for record in records for figures in record.precisions()])
    against = {str(place): one for place, one in found.against.items()}
    leads = Leads(str(found.first), tuple(map(str, found.equals)), against)
    sentence = leads.sentence(lambda key: _named(rows[key]), f"precision@8 {rows[leads.best].precision:.3f}")
    return f"- {sentence} All were asked the same pictures; paired tests, corrected for the number of all pairs."


def _named(row: ExperimentRow) -> str:
    return f"{row.title} ({COLUMN_TITLES[row.embedding, row.metric]})"


def better(records: Sequence[Record]) -> str:
    """What training did to the retrieval of the untrained network."""
    courses = dict.fromkeys(tuple(record.course("retrieval")) for record in records)
    known = holm([mean_shares(one[-1], one[0], PROBE) for one in courses if len(one) > 1])
    outcomes = [one.outcome for one in known]
    if not known:
        return ""
    return (
        f"- After its last epoch the network searched better than untrained in {outcomes.count('better')}, worse in "
        f"{outcomes.count('worse')} of {len(known)} different trainings; for the others that is not decided "
        f"(precision@8 of {PROBE} fixed images, as drawn; corrected for the number of trainings)."
    )


def twins(part: Part) -> str:
    """Which rows are one and the same training: a plateau that was never reached leaves the rate as it was."""
    plateaus = [record for record in part.records if record.same or len(set(record.course("rate"))) == 1]
    same = [record.title for record in plateaus if "plateau" in record.title]
    if not same:
        return ""
    told = f"The loss never stood still long enough for the plateau's rate to fall ({'; '.join(same)}): these rows are "
    told += "the same training as the one without a schedule, to the bit."
    once = " It was done once: the schedule was asked with its losses." if any(one.same for one in plateaus) else ""
    return told + once


def notes(rows: Sequence[ExperimentRow]) -> str:
    """What must be said of rows, each once with the trainings that it is true of."""
    told: dict[str, list[str]] = {}
    for title, text in dict.fromkeys((row.title, row.note) for row in rows if row.note):
        told.setdefault(text, []).append(title)
    return "\n".join(f"- {text} ({'; '.join(titles)})" for text, titles in told.items())


def trained_on(records: Sequence[Record]) -> str:
    """Which training was done where and when, and how long it took beside other work."""
    places: dict[str, list[str]] = {}
    for record in records:
        if not record.same:
            where = "" if record.machine.endswith(record.device) else f", trained on a {record.device}"
            last = max(int(event["epoch"]) for event in record.epochs)
            told = f"{record.title} ({last} epochs, {record.minutes:.0f} minutes)"
            places.setdefault(f"{record.made} on {record.machine}{where}", []).append(told)
    lines = [f"- {place}: {'; '.join(titles)}." for place, titles in places.items()]
    return "Trained and measured beside other work:\n\n" + "\n".join(lines)


def charts(part: Part, figures: Path) -> str:
    """Retrieval by epoch, and loss against retrieval, as SVG files, and the lines that show them."""
    shown: dict[str, list[tuple[float, float]]] = {}
    for record in part.records:
        points = [(float(epoch), value) for epoch, value in enumerate(record.course("retrieval"))]
        if points and points not in shown.values():
            shown[record.title] = points
    dots = {}
    for row in part.rows:
        if row.title in shown and (row.embedding, row.metric) == BEST_PAIR and row.losses:
            dots[row.title] = (row.losses["mse"] or 0.0, row.precision)
    if not shown or not dots:
        return ""
    up = "precision@8, max pool, cosine"
    drawn = {
        "epochs": _chart.lines("Retrieval by epoch", shown, across="epochs done", up="precision@8 of the probe"),
        "loss": _chart.points("Loss against retrieval", dots, across="lowest validation MSE", up=up),
    }
    name = f"{part.name}-unfinished" if part.missing else part.name
    figures.mkdir(parents=True, exist_ok=True)
    for kind, text in drawn.items():
        (figures / f"{part.name}-unfinished-{kind}.svg").unlink(missing_ok=True)
        (figures / f"{name}-{kind}.svg").write_text(text, encoding="utf-8")
    return (
        f"![Precision@8 of the probe after every epoch; 0 is the untrained network](figures/{name}-epochs.svg)\n\n"
        f"![The lowest validation loss of each training against its precision@8](figures/{name}-loss.svg)"
    )


def document(page: str, parts: Sequence[tuple[Part, str]]) -> str:
    """The page with these sections in their places, and whatever else was on it."""
    _, *old = f"\n{page}".split("\n## ")
    sections = {f"## {text.partition(chr(10))[0].rstrip()}": f"## {text.strip()}" for text in old}
    for part, text in parts:
        sections = _placed(sections, part, text)
    return "\n\n".join([HEAD, *sections.values()]) + "\n"


def _placed(sections: Mapping[str, str], part: Part, text: str) -> dict[str, str]:
    """The sections with that of `part`: unfinished it follows the finished one, finished it replaces both."""
    whole = part.whole
    unfinished = re.compile(re.escape(whole) + r", \d+ epochs \(unfinished\)")
    order = [heading for heading in sections if not unfinished.fullmatch(heading)]
    own = [whole] if not part.missing or whole in sections else []
    own += [part.heading] if part.missing else []
    place = order.index(whole) if whole in order else len(order)
    others = [heading for heading in order if heading != whole]
    return {
        heading: text if heading == part.heading else sections[heading]
        for heading in [*others[:place], *own, *others[place:]]
    }


HEAD = """# Tables 4 and 5 of the original study, reproduced

The course report "Image Similarity Engine" trains four autoencoders with different schedules, searches with them in
four ways (flatten or max pool, cosine or Euclidean), and counts the hits out of 8 for *one* image. Here the same nine
trainings are searched in the same four ways, exactly; beside the hits for one image stands *precision@8 over all
images*: every image is the query once, is left out of its own answer, and the share of its eight nearest images that
carry its label is averaged.

Made by `python -m benchmarks.report_tables`, which trains, measures and writes this page. Each finished training leaves
a record in [benchmarks/results/report-tables](../benchmarks/results/report-tables): its settings, its rows with the
hits of every query, and the course of its epochs; the same command on this or another machine does what is missing. The
report's own figures come from 4,738 animal faces of six species, which are not part of this project: only the pattern
can be compared, not the height of the figures. Where fewer epochs, fewer or smaller images are used than the report's
40 epochs of all images at 224 pixels, it is because the trainings ran on processor cores; what was used is stated with
each table."""
TABLE_4 = "The least loss of any epoch, on the training images and on those held out; in brackets the report's."
TABLE_5 = "Hits of 8 for one image (in brackets the report's) · precision@8 over all images"
