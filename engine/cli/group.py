"""The command group: clusterings of a collection, made, listed, shown, exported and deleted."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from engine.cli.flags import (
    Commands,
    check_stored,
    encoder_flags,
    metric_flag,
    output_flags,
    recipe_of,
    refuse,
    stored_flags,
)
from engine.cli.printing import beside, check_files, delete, print_results, print_rows, progress_line
from engine.collections.label_sources import own_labels
from engine.core.errors import BadParameter
from engine.core.recipe import Recipe
from engine.core.tables import text_table
from engine.grouping import clusterers, projections
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.presets import PRESETS
from engine.grouping.run import recipe_of_preset
from engine.grouping.stored.exports import checked_folder, groups_csv
from engine.grouping.stored.grouping import Group, Grouping, Groups, delete_grouping
from engine.grouping.stored.listing import grouping_folder
from engine.workbench.workbench import Workbench

_SHOWN = 40  # groups that a terminal shows
_FIRST = next(iter(PRESETS.values()))


def register(commands: Commands) -> None:
    sub = commands.add("group", command_group, job="group")
    encoder_flags(sub)
    metric_flag(sub)
    presets = "; ".join(f"{preset.name}: {preset.plan}" for preset in PRESETS.values())
    sub.add_argument("--preset", help=presets)
    sub.add_argument("--reduce", metavar="STEP", help=f"dimensionality reduction: {_names(projections())}")
    sub.add_argument("--cluster", metavar="STEP", help=f"clustering: {_names(clusterers())} (default: {_FIRST.plan})")
    sub.add_argument("--map", metavar="STEP", help="projection of the map (default: umap)")
    sub.add_argument("--seed", type=int, help="random seed (default: 0)")
    sub.add_argument("--own-labels", action="store_true", help="judge without the labels that a classifier wrote")
    sub.add_argument("--title", help="the grouping's title; its name is made from it")
    stored_flags(sub, "grouping", resume=False)
    sub.add_argument("--folders", metavar="DIR", help="copy the pictures into a new folder below this one, by group")
    output_flags(sub)
    sub.epilog = (
        'A step is written with its settings, as in "hierarchical(linkage=average,groups=3)" or "pca(share=0.9)".'
    )


def _names(steps: Mapping[str, Any]) -> str:
    return ", ".join(steps)


def command_group(arguments: argparse.Namespace) -> None:
    """Group the similar pictures of a collection."""
    check_stored(arguments, "grouping", shown=("own_labels", "folders"), always="collection")
    bench = Workbench()
    if arguments.list:
        return _list(bench, arguments)
    if arguments.delete:
        folder = grouping_folder(bench.collection(arguments.collection), arguments.delete)
        return delete(f"the grouping {arguments.delete}", partial(delete_grouping, folder), arguments)
    _check_targets(arguments)
    grouping = bench.grouping(arguments.collection, arguments.show) if arguments.show else _made(bench, arguments)
    groups = grouping.groups()
    if arguments.folders:
        _copy(bench, arguments, grouping, groups)
    _print(bench, arguments, grouping, groups)


def _check_targets(arguments: argparse.Namespace) -> None:
    """See that results can be written where they are wanted, before the work."""
    check_files(arguments)
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
    preset = PRESETS[arguments.preset] if arguments.preset else _FIRST
    bench.collection(arguments.collection)
    named = arguments.encoder or arguments.model or not arguments.preset
    if not named:
        words = ("weights", "embedding")
        refuse(arguments, words, "--preset without --encoder or --model", "the preset chooses the encoder")
    recipe = recipe_of(arguments) if named else recipe_of_preset(bench.home, preset, arguments.collection)
    recipe = recipe.but(metric=arguments.metric or preset.metric)
    clustering = Step.parse(arguments.cluster) if arguments.cluster else preset.plan.clustering
    reduction = Step.parse(arguments.reduce) if arguments.reduce else preset.plan.reduction
    return recipe, GroupingPlan(clustering, reduction, Step.parse(arguments.map or "umap"), arguments.seed or 0)


def _print(bench: Workbench, arguments: argparse.Namespace, grouping: Grouping, groups: Groups) -> None:
    labels = dict(zip(*_columns(bench, arguments.collection, "labels"), strict=True))
    judged = labels
    if arguments.own_labels:
        judged = dict(zip(labels, own_labels(bench.collection(arguments.collection)), strict=True))
    truth = [judged.get(id, "") for id in groups.ids.tolist()]
    quality, chance = grouping.quality(truth), grouping.chance(truth)
    print_results(
        arguments,
        table=lambda: _table(grouping, groups, quality, chance, labels),
        data=lambda: _as_dict(grouping, groups, quality, chance),
        csv=lambda: groups_csv(groups.groups, dict(zip(*_columns(bench, arguments.collection, "names"), strict=True))),
    )


def _table(
    grouping: Grouping,
    groups: Groups,
    quality: dict[str, float],
    chance: dict[str, float],
    labels: dict[int, str],
) -> str:
    """What the grouping is, its groups, and how well they agree with the labels."""
    recipe, rows = grouping.recipe, groups.groups
    head = f"{grouping.title} ({grouping.name}): {grouping.plan} on {recipe.encoder}, {recipe.metric}"
    lines = [[g.title, len(g), g.odd or "", _commonest(labels, g.ids.tolist())] for g in rows[:_SHOWN]]
    table = text_table(["group", "pictures", "outliers", "labels"], lines)
    if len(rows) > _SHOWN:
        table += f"\n… and {len(rows) - _SHOWN:,} more: --csv FILE writes them all."
    names = {
        "silhouette": "silhouette of what was clustered",
        "encoder_silhouette": "silhouette of the encoder's vectors",
    }
    figures = " · ".join(
        f"{names.get(name, name)} {value:.3f}" + (f" (chance {chance[name]:.3f})" if name in chance else "")
        for name, value in quality.items()
    )
    return "\n\n".join(filter(None, ["\n".join([head, *grouping.notes]), table, figures]))


def _commonest(labels: dict[int, str], ids: list[int]) -> str:
    """The three commonest labels of some pictures with their numbers."""
    counts = Counter(label for id in ids if (label := labels.get(id, "")))
    return ", ".join(f"{label} {count}" for label, count in counts.most_common(3))


def _as_dict(grouping: Grouping, groups: Groups, quality: dict[str, float], chance: dict[str, float]) -> dict[str, Any]:
    return {
        "name": grouping.name,
        "title": grouping.title,
        "recipe": grouping.recipe.as_dict(),
        "precision": grouping.precision,
        "plan": grouping.plan.as_dict(),
        "notes": grouping.notes,
        "seconds": grouping.seconds,
        "quality": quality,
        "chance": chance,
        "curve": [one._asdict() for one in grouping.curve],
        "groups": [_group_as_dict(group) for group in groups.groups],
    }


def _group_as_dict(group: Group) -> dict[str, Any]:
    plain = {"group": group.number, "title": group.title, "odd": group.odd}
    return {**plain, "ids": group.ids.tolist(), "distances": group.distances.tolist()}


def _copy(bench: Workbench, arguments: argparse.Namespace, grouping: Grouping, groups: Groups) -> None:
    parts = [{"label": group.title, "ids": group.ids.tolist()} for group in groups.groups]
    folder = str(Path(arguments.folders).expanduser().resolve())
    named = {"collection": arguments.collection, "folder": folder, "title": grouping.title}
    done = bench.run("copy", progress_line(), parts=parts, **named)
    print(f"{done['count']:,} pictures are in {done['path']}.", file=beside(arguments))


def _list(bench: Workbench, arguments: argparse.Namespace) -> None:
    rows = [
        [g.name, g.title, str(g.plan), g.recipe.encoder, g.facts["images"], g.facts["groups"]]
        for g in bench.groupings(arguments.collection)
    ]
    print_rows(["grouping", "title", "plan", "encoder", "images", "groups found"], rows, arguments)


def _columns(bench: Workbench, collection: str, column: str) -> tuple[list[int], list[str]]:
    images = bench.collection(collection).images()
    return images.ids.tolist(), getattr(images, column)
