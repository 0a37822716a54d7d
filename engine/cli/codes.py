"""The command codes: a picture's hash code, the contents of its buckets, and the recall of codes by their cost."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.cli.flags import Commands, encoder_flags, metric_flag, picture_of, recipe_of
from engine.cli.preparing import prepared
from engine.cli.printing import json_text
from engine.comparisons.hashlab.code import Code, Flips
from engine.comparisons.hashlab.hashed import Hashing
from engine.comparisons.hashlab.lab import Change, as_dict
from engine.comparisons.hashlab.price import Price
from engine.core.errors import BadParameter
from engine.core.humanize import percent
from engine.core.tables import text_table
from engine.workbench.workbench import Workbench

_NAMED = 5  # pictures of a line


def register(commands: Commands) -> None:
    sub = commands.add("codes", command_codes, job="embed")
    encoder_flags(sub)
    metric_flag(sub)
    sub.add_argument("picture", help="a picture's file, or a picture of the collection as '#12'")
    sub.add_argument("--method", default=str(Hashing()), help=f"as in {Hashing()}: lsh, pcah, spectral or itq")
    sub.add_argument("--flip", default="", metavar="BITS", help="bits to flip, as in 3,1.7: bit 3 and 7 of table 1")
    sub.add_argument("--json", action="store_true", help="print JSON")


def command_codes(arguments: argparse.Namespace) -> None:
    """Show a picture's hash code, which pictures its buckets gain and lose by flipped bits, and each method's cost."""
    hashing, flips = Hashing.parse(arguments.method), _flips(arguments.flip)
    bench, recipe = Workbench(), recipe_of(arguments)
    query = picture_of(arguments.picture)
    vector = prepared(bench, recipe, lambda: bench.picture_vector(recipe, query))
    lab = bench.hash_lab(recipe)
    code = lab.code(hashing, vector)
    change = lab.change(hashing, vector, flips, -1 if query.image_id is None else query.image_id)
    prices = lab.prices(hashing)
    if arguments.json:
        print(json_text(as_dict(hashing, code, flips, change, prices)))
        return
    named = partial(_names, bench, recipe.collection)
    print("\n\n".join([_code_text(code, flips), _change_text(change, bool(flips), named), price_table(prices)]))


def price_table(prices: list[Price]) -> str:
    """The methods at equal bits: recall with its interval, share of candidates, milliseconds and buckets."""
    header = ["method", "recall@8", "95 %", "candidates", "ms", "buckets", "largest"]
    rows = [
        [
            price.method, f"{price.here.recall:.3f}", f"{price.low:.3f} to {price.high:.3f}",
            percent(price.here.share, 1), f"{price.milliseconds:.3g}", price.used, price.largest,
        ]
        for price in prices
    ]  # fmt: skip
    return text_table(header, rows)


def _flips(text: str) -> Flips:
    """The bits of "3,1.7" as (table, bit) pairs from 0; a number alone is of the first table."""
    found = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        table, _, bit = part.rpartition(".")
        if not (table or "1").isdecimal() or not bit.isdecimal():
            raise BadParameter("bits", "--flip", "whole numbers with commas, as in 3,1.7", text)
        found.add((int(table or 1) - 1, int(bit) - 1))
    return frozenset(found)


def _code_text(code: Code, flips: Flips) -> str:
    """The code in every table; a flipped bit is marked below, and the bit nearest to its boundary is named."""
    lines = []
    for table in range(len(code.bits)):
        nearest = code.order(table)[0]
        nearest_text = f"bit {nearest + 1} is nearest to its boundary ({abs(code.margins[table, nearest]):.3g})"
        lines.append(f"table {table + 1}: {code.text(table)}  {nearest_text}")
        if any(one == table for one, _ in flips):
            lines.append(f"  flipped: {code.text(table, flips)}")
    return "\n".join(lines)


def _change_text(change: Change, flips: bool, named: Callable[[Any], str]) -> str:
    before, after = change.near
    if not flips:
        return f"Its buckets hold {change.before:,} other pictures, {before} of its {len(change.nearest)} nearest."
    lines = [f"{name}: {len(ids):,}{named(ids)}" for name, ids in _groups(change)]
    return "\n".join([*lines, f"Of its {len(change.nearest)} nearest, {before} before and {after} after."])


def _groups(change: Change) -> list[tuple[str, Any]]:
    return [("stay", change.stay), ("come", change.come), ("go", change.go)]


def _names(bench: Workbench, collection: str, ids: Any) -> str:
    images = bench.collection(collection).images()
    rows = images.ids.searchsorted(ids[:_NAMED])
    shown = ", ".join(images.names[row] for row in rows.tolist())
    return f" ({shown}{', …' if len(ids) > _NAMED else ''})" if shown else ""
