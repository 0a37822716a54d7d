"""The command about groups: group."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from engine.cli.printing import csv_file, print_rows, progress_line, write_csv
from engine.core.errors import BadParameter
from engine.core.recipe import Recipe
from engine.core.tables import text_table
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.presets import PRESETS
from engine.grouping.run import recipe_of_preset
from engine.grouping.stored.exports import checked_folder, groups_csv
from engine.grouping.stored.grouping import Group, Grouping, Groups
from engine.workbench.workbench import Workbench

_SHOWN = 40  # groups that a terminal shows


def group_flags(sub: argparse.ArgumentParser) -> None:
    """The words of the command `group`, besides those that name an encoder."""
    sub.add_argument("--metric", help="cosine or euclidean (default: cosine)")
    sub.add_argument("--preset", help="photo, recommended or model: a way of grouping that is known to serve")
    sub.add_argument("--reduce", metavar="STEP", help='reduce first, as in "umap(dimensions=10)" or "pca(share=0.9)"')
    sub.add_argument("--cluster", metavar="STEP", help='as in "hierarchical(linkage=average,groups=3)" (the default)')
    sub.add_argument("--map", metavar="STEP", default="umap", help="how the map is drawn (default: umap)")
    sub.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    sub.add_argument("--title", help="what the grouping is called")
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--list", action="store_true", help="list the groupings of the collection instead")
    which.add_argument("--show", metavar="NAME", help="show this grouping instead of making one")
    sub.add_argument("--folders", metavar="DIR", help="copy the pictures into a new folder below this one, by group")
    output = sub.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--csv", metavar="FILE", help="write every picture with its group to this file")


def command_group(arguments: argparse.Namespace) -> None:
    """Group the pictures of a collection that look alike."""
    bench = Workbench()
    if arguments.list:
        return _list(bench, arguments)
    _check_targets(arguments)
    grouping = bench.grouping(arguments.collection, arguments.show) if arguments.show else _made(bench, arguments)
    groups = grouping.groups()
    if arguments.csv:
        write_csv(arguments.csv, _csv(bench, arguments.collection, groups))
    if arguments.folders:
        _copy(bench, arguments, grouping, groups)
    _print(bench, arguments, grouping, groups)


def _check_targets(arguments: argparse.Namespace) -> None:
    """What the outcome cannot be written to is told before the work."""
    if arguments.csv:
        csv_file(arguments.csv)
    if arguments.folders:
        checked_folder(Path(arguments.folders).expanduser())


def _made(bench: Workbench, arguments: argparse.Namespace) -> Grouping:
    recipe, plan = _recipe_and_plan(bench, arguments)
    title = arguments.title or ""
    done = bench.run("group", progress_line(), recipe=recipe.as_dict(), plan=plan.as_dict(), title=title)
    return bench.grouping(done["collection"], done["grouping"])


def _recipe_and_plan(bench: Workbench, arguments: argparse.Namespace) -> tuple[Recipe, GroupingPlan]:
    """What the words ask for; a preset fills in what they leave out."""
    if arguments.preset is not None and arguments.preset not in PRESETS:
        raise BadParameter("preset", "a grouping", "one of " + ", ".join(PRESETS), arguments.preset)
    preset = PRESETS[arguments.preset or "photo"]
    bench.collection(arguments.collection)
    named = arguments.encoder or arguments.model or not arguments.preset
    recipe = arguments.recipe_of(arguments) if named else recipe_of_preset(bench.home, preset, arguments.collection)
    recipe = recipe.but(metric=arguments.metric or preset.metric)
    clustering = Step.parse(arguments.cluster) if arguments.cluster else preset.plan.clustering
    reduction = Step.parse(arguments.reduce) if arguments.reduce else preset.plan.reduction
    return recipe, GroupingPlan(clustering, reduction, Step.parse(arguments.map), arguments.seed)


def _print(bench: Workbench, arguments: argparse.Namespace, grouping: Grouping, groups: Groups) -> None:
    labels = dict(zip(*_columns(bench, arguments.collection, "labels"), strict=True))
    quality = grouping.quality([labels.get(id, "") for id in groups.ids.tolist()])
    if arguments.json:
        print(json.dumps(_as_dict(grouping, groups, quality), ensure_ascii=False, indent=2))
        return
    print(f"{grouping.title} ({grouping.name}): {grouping.plan} on {grouping.recipe.encoder}, {grouping.recipe.metric}")
    for note in grouping.notes:
        print(note)
    rows = [[g.title, len(g), g.odd or "", _commonest(labels, g.ids.tolist())] for g in groups.groups]
    print("\n" + text_table(["group", "pictures", "odd", "labels"], rows[:_SHOWN]))
    if len(rows) > _SHOWN:
        print(f"… and {len(rows) - _SHOWN:,} more: --csv FILE writes them all.")
    if quality:
        print("\n" + " · ".join(f"{name} {value:.3f}" for name, value in quality.items()))


def _commonest(labels: dict[int, str], ids: list[int]) -> str:
    """The three commonest labels of some pictures with their numbers."""
    counts = Counter(label for id in ids if (label := labels.get(id, "")))
    return ", ".join(f"{label} {count}" for label, count in counts.most_common(3))


def _as_dict(grouping: Grouping, groups: Groups, quality: dict[str, float]) -> dict[str, Any]:
    return {
        "name": grouping.name,
        "title": grouping.title,
        "recipe": grouping.recipe.as_dict(),
        "plan": grouping.plan.as_dict(),
        "notes": grouping.notes,
        "seconds": grouping.seconds,
        "quality": quality,
        "groups": [_group_as_dict(group) for group in groups.groups],
    }


def _group_as_dict(group: Group) -> dict[str, Any]:
    plain = {"group": group.number, "title": group.title, "odd": group.odd}
    return {**plain, "ids": group.ids.tolist(), "distances": group.distances.tolist()}


def _csv(bench: Workbench, collection: str, groups: Groups) -> str:
    return groups_csv(groups.groups, dict(zip(*_columns(bench, collection, "names"), strict=True)))


def _copy(bench: Workbench, arguments: argparse.Namespace, grouping: Grouping, groups: Groups) -> None:
    parts = [{"label": group.title, "ids": group.ids.tolist()} for group in groups.groups]
    folder = str(Path(arguments.folders).expanduser().resolve())
    named = {"collection": arguments.collection, "folder": folder, "title": grouping.title}
    done = bench.run("copy", progress_line(), parts=parts, **named)
    if not arguments.json:
        print(f"{done['count']:,} pictures are in {done['path']}.")


def _list(bench: Workbench, arguments: argparse.Namespace) -> None:
    rows = [
        [g.name, g.title, str(g.plan), g.recipe.encoder, g.facts["images"], g.facts["groups"]]
        for g in bench.groupings(arguments.collection)
    ]
    print_rows(["grouping", "title", "plan", "encoder", "images", "groups found"], rows, arguments.json)


def _columns(bench: Workbench, collection: str, column: str) -> tuple[list[int], list[str]]:
    images = bench.collection(collection).images()
    return images.ids.tolist(), getattr(images, column)
