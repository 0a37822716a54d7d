"""What a collection can be classified by: columns of its table, the number of items per label, and encoders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engine.classification.plan import ClassificationPlan
from engine.classification.task import checked_labels, config_of, labels_of
from engine.collections.collection import Collection
from engine.collections.sources.table_rows import headings
from engine.collections.sources.tables import checked_table
from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.errors import BenzerError
from engine.encoders.combination import parts_of
from ui.session.opened import workbench
from ui.shared.titles import encoder_titles

_columns: Cache[list[str]] = Cache(8)
_sizes: Cache[dict[str, int]] = Cache(16)
_checked: Cache[dict[str, int]] = Cache(32)


def columns_of(collection: Collection) -> list[str]:
    """The further columns of the table that a collection was imported from; [] without a table or further columns."""
    table = collection.source.get("table")
    if not table:
        return []
    try:
        follow, columns = collection.follows_links, collection.source.get("columns")
        path = checked_table(table, unlinked=not follow, follow=follow)
        found = _columns.get((path, file_stamp(path)), lambda: headings(path, columns, follow=follow))
    except BenzerError:
        return []
    return [name for name in found if name not in ("label", "text")]


def sizes_of(collection: Collection, column: str) -> dict[str, int]:
    """The number of items by label; {} if the column cannot be read."""
    plan = ClassificationPlan("untitled", collection.name, "", column=column)
    try:
        return _sizes.get(_stamp(collection, column), lambda: _counted(labels_of(collection, plan)))
    except BenzerError:
        return {}


def checked(plan: ClassificationPlan, collection: Collection) -> dict[str, int]:
    """The number of participating items by label; BadParameter and its kin for an impossible plan, as far as that is
    known without opening an encoder."""
    config_of(plan, plan.fusions[0])
    choice = next((choice for choice in workbench().text_choices() if choice.name == plan.text), None)
    if plan.needs_text and choice is not None and not choice.ready:
        raise BenzerError(f"{choice.title} is not downloaded yet.", way_out=choice.help)
    key = (_stamp(collection, plan.column), plan.labels, plan.folds, plan.each, plan.needs_text)
    return _checked.get(key, lambda: _counted(checked_labels(collection, plan)))


def picture_encoders(collection: str) -> dict[str, str]:
    """The encoders of pictures, by their names in a recipe, with their titles.

    Classifiers, runs that learned labels, and combinations with one are left out: their labels may be among those to
    predict.
    """
    lines = workbench().choices(collection)
    taught = {(one.name, one.weights) for one in lines if one.words or one.learned_from or one.learned_labels}
    every = [(key, title, key.partition("@")) for key, title in encoder_titles(collection).items()]
    return {key: title for key, title, (name, _, weights) in every if not taught & set(parts_of(name, weights))}


def _counted(labels: dict[int, str]) -> dict[str, int]:
    return dict(sorted(Counter(labels.values()).items()))


def _stamp(collection: Collection, column: str) -> tuple[object, ...]:
    """Changes when the labels of a collection do, or the table that they come from."""
    table = collection.source.get("table")
    of_table = file_stamp(Path(table)) if column and table else ()
    return (collection.folder, catalogue_stamp(collection.folder), column, of_table)
