"""What commands share: how they are registered, flags that mean the same everywhere, and the recipe of these flags."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.core.device import PRECISIONS
from engine.core.distances import METRICS
from engine.core.errors import DoesNotApply
from engine.core.recipe import Recipe, parse_method
from engine.core.settings import AnySetting, Setting
from engine.encoders.choosing import default_embedding, newest_weights
from engine.encoders.pooling import FINISHES, POOLINGS
from engine.indexes import methods
from engine.search.answer import Query
from engine.workbench.inputs import query_of
from engine.workbench.job_kinds import KINDS
from engine.workbench.workbench import Workbench
from models.specs import SPECS

Parser = argparse.ArgumentParser
OUTPUT = ("json", "csv")


class Commands:
    """The commands of the command line; the `register` of each module adds its own."""

    def __init__(self, top: Parser) -> None:
        self._commands = top.add_subparsers(dest="command", required=True, metavar="command")

    @property
    def names(self) -> Collection[str]:
        """The names of all commands added so far, former ones included."""
        return self._commands.choices.keys()

    def add(
        self,
        name: str,
        run: Callable[[argparse.Namespace], Any],
        *,
        job: str = "",
        formerly: Iterable[str] = (),
        hidden: bool = False,
    ) -> Parser:
        """A command that `run` carries out and whose docstring describes it.

        Args:
            job: the kind of job it runs, which says what is kept if the user stops it.
            formerly: former names, still accepted.
            hidden: leave it out of the list of commands; it is for programs.
        """
        listed: dict[str, Any] = {} if hidden else {"help": run.__doc__}
        sub: Parser = self._commands.add_parser(
            name, description=run.__doc__, aliases=list(formerly),
            formatter_class=argparse.RawDescriptionHelpFormatter, **listed,
        )  # fmt: skip
        sub.set_defaults(run=run, parser=sub, kept=KINDS[job].kept if job else "Nothing was changed.")
        return sub


# ── flags ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def former_flag(sub: Parser, flag: str, dest: str, **words: Any) -> None:
    """A former name of a flag: accepted, but not listed."""
    sub.add_argument(flag, dest=dest, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **words)


def output_flags(sub: Parser, files: Mapping[str, str] = MappingProxyType({})) -> None:
    """--json and --csv, and a flag for each further format.

    Args:
        files: what is written, "a report as one HTML page", by the ending of the file, "html".
    """
    output = sub.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--csv", metavar="FILE", nargs="?", const="-", help="write CSV to this file, or print it")
    for ending, what in files.items():
        sub.add_argument(f"--{ending}", metavar="FILE", help=f"write {what}")
    sub.set_defaults(files=tuple(files))


def stored_flags(sub: Parser, noun: str, *, resume: bool = True) -> argparse._MutuallyExclusiveGroup:
    """--list, --show, --resume and --delete, for a command whose results are stored under a name; the group of them."""
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--list", action="store_true", help=f"list the {noun}s")
    which.add_argument("--show", metavar="NAME", help=f"print this {noun}")
    if resume:
        which.add_argument("--resume", metavar="NAME", help=f"continue this {noun}, and print it")
    which.add_argument("--delete", metavar="NAME", help=f"delete this {noun}; asks first")
    yes_flag(sub)
    return which


def yes_flag(sub: Parser) -> None:
    """--yes, which deletes without a question."""
    sub.add_argument("--yes", action="store_true", help="delete without asking")


def encoder_flags(sub: Parser, required: bool = True) -> None:
    """The flags of `recipe_of` that choose vectors."""
    sub.add_argument("--collection", required=required)
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--model", choices=list(map(str, SPECS)), help="short for --encoder model-N")
    which.add_argument("--encoder", help="as listed by: python -m engine encoders (default: the best that is ready)")
    sub.add_argument("--weights", metavar="RUN", help="a training run (default: the encoder's newest)")
    finishes = ", ".join(filter(None, FINISHES))
    pooling = f"{', '.join(POOLINGS)}; {finishes} can follow: avg-sqrt … (default: as suits the encoder)"
    sub.add_argument("--pooling", dest="embedding", metavar="POOLING", help=pooling)
    former_flag(sub, "--embedding", "embedding")
    precision_flag(sub)


def precision_flag(sub: Parser) -> None:
    """--precision, which `main` passes on to the device."""
    sub.add_argument(
        "--precision",
        dest="computed_in",
        choices=PRECISIONS,
        help="of networks; float32 is the reference (default: $BENZER_PRECISION, else the hardware's fastest)",
    )


def metric_flag(sub: Parser, said: str = "cosine") -> None:
    """--metric, the distance between vectors."""
    sub.add_argument("--metric", help=f"distance: {' or '.join(METRICS)} (default: {said})")


def ray_flag(sub: Parser) -> None:
    """--ray, which distributes the work over a Ray cluster."""
    sub.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="spread the work over a Ray cluster: its address, auto, or local to start one here (default: $BENZER_RAY)",
    )


def methods_help(sub: Parser) -> None:
    """List the search methods with their settings below the flags."""
    lines = [f"  {name:10}{', '.join(map(_named, kind.settings)) or '-'}" for name, kind in methods().items()]
    sub.epilog = "\n".join(["search methods and their settings, as in lsh(bits=8,tables=20):", *lines])


def _named(setting: AnySetting) -> str:
    also = setting.also if isinstance(setting, Setting) else ""
    return f"{setting.name} ({also})" if also else setting.name


def refuse(arguments: argparse.Namespace, words: Iterable[str], beside: str, why: str) -> None:
    """DoesNotApply for the first of these words that is given, which would be ignored beside what else is asked."""
    if wrong := next((word for word in words if _given(arguments, word)), None):
        raise DoesNotApply(_as_written(arguments, wrong), beside, why)


def only(arguments: argparse.Namespace, words: Iterable[str], beside: str, why: str) -> None:
    """DoesNotApply for the first word of the command that is given and is none of these."""
    # --yes agrees to what is not asked then, and so changes nothing
    known = {*words, "yes", "help"}
    refuse(arguments, [one.dest for one in arguments.parser._actions if one.dest not in known], beside, why)


def check_stored(arguments: argparse.Namespace, thing: str, *, shown: Iterable[str] = (), always: str = "") -> None:
    """DoesNotApply for what goes neither with --list, --delete, --show nor --resume, whichever is given.

    Args:
        shown: what goes with --show and --resume besides the output.
        always: what goes with all of them.
    """
    command = arguments.command
    if arguments.list:
        only(arguments, ("list", *OUTPUT, always), f"{command} --list", f"it lists every {thing}")
    elif arguments.delete:
        only(arguments, ("delete", always), f"{command} --delete", "it only deletes")
    elif arguments.show:
        words = ("show", *OUTPUT, *arguments.files, *shown, always)
        only(arguments, words, f"{command} --show", f"a {thing} keeps the plan it began with")
    elif getattr(arguments, "resume", None):
        words = ("resume", *OUTPUT, *arguments.files, *shown, always, "computed_in", "ray")
        only(arguments, words, f"{command} --resume", f"a {thing} keeps the plan it began with")


def _given(arguments: argparse.Namespace, word: str) -> bool:
    value = getattr(arguments, word, None)
    return not (value is None or value is False or value == [] or value == arguments.parser.get_default(word))


def _as_written(arguments: argparse.Namespace, word: str) -> str:
    """The flag of a word, or the value that stands without one."""
    flags = next(one.option_strings for one in arguments.parser._actions if one.dest == word)
    value = getattr(arguments, word)
    return flags[0] if flags else repr(str(value[0] if isinstance(value, list) else value))


def picture_of(text: str) -> Query:
    """The query with a picture's file, or with a picture of the collection, written as #12.

    Raises:
        NotFound: no such file. UnreadableImage: it cannot be read.
    """
    return query_of(text) if (id := id_of(text)) is None or Path(text).exists() else Query.image(id)


def id_of(text: str) -> int | None:
    """The id in #12, None for anything else."""
    return int(text[1:]) if text.startswith("#") and text[1:].isdecimal() else None


# ── the recipe ───────────────────────────────────────────────────────────────────────────────────────────────────────


def recipe_of(arguments: argparse.Namespace) -> Recipe:
    """The recipe of the flags; missing ones default to the best that is ready."""
    bench = Workbench()
    bench.collection(arguments.collection)
    default = bench.default_recipe(arguments.collection)
    encoder = f"model-{arguments.model}" if arguments.model else arguments.encoder or default.encoder
    chosen = arguments.model or arguments.encoder
    weights = newest_weights(bench.home, encoder, "the search") if chosen else default.weights
    weights = weights if arguments.weights is None else arguments.weights
    usual = (default.encoder, default.weights) == (encoder, weights)
    embedding = default.embedding if usual else default_embedding(bench.home, encoder, weights)
    method = getattr(arguments, "method", None)
    k = getattr(arguments, "k", None)
    method, options = parse_method("exact" if method is None else method)
    return Recipe(
        collection=arguments.collection,
        encoder=encoder,
        weights=weights,
        embedding=arguments.embedding or embedding,
        metric=getattr(arguments, "metric", None) or "cosine",
        method=method,
        k=Recipe.k if k is None else k,
        options=options,
    )
