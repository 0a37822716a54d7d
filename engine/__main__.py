"""The command line: python -m engine …

python -m engine import ~/pictures --title Holiday
python -m engine search --collection holiday beach.jpg
python -m engine train --collection holiday --model 4 --epochs 10
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import classify, duplicates, hashing, vectors, weights
from engine.cli import compare as experiments
from engine.cli import group as grouping
from engine.cli import train as training
from engine.cli.printing import answer_table, print_report, print_rows, progress_line
from engine.cluster.blocks import asked_for
from engine.core.errors import (
    BadParameter,
    BenzerError,
    NoIndex,
    NotReady,
    NotTrained,
    NoWeights,
    Stopped,
    UnreadableImage,
)
from engine.core.recipe import Recipe, parse_method

if TYPE_CHECKING:
    from engine.search.answer import Answer, Query
    from engine.workbench.workbench import Workbench

_KEPT = {  # what a person who stops a command may rely on
    "import": "The same command goes on from there.",
    "samples": "The same command goes on from there.",
    "rescan": "The same command goes on from there.",
    "embed": "What is finished is kept; the same command goes on from there.",
    "search": "Vectors that are finished are kept; the same command goes on from there.",
    "duplicates": "Vectors that are finished are kept; the same command goes on from there.",
    "group": "Vectors that are finished are kept; the same command goes on from there.",
    "odd": "Vectors that are finished are kept; the same command goes on from there.",
    "compare": "What is measured is kept; go on with: python -m engine compare NAME (see: compare --list)",
    "hashing": "What is measured is kept; go on with: python -m engine hashing --resume NAME (see: hashing --list)",
    "classify": "What is measured is kept; go on with: python -m engine classify --resume NAME (see: classify --list)",
    "weights": "What has arrived is kept; the same command goes on from there.",
    "train": "What is finished is kept; go on with: python -m engine train --resume RUN (see: python -m engine runs)",
}


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with one sentence on stderr when it did not, 130 when interrupted."""
    arguments = parser().parse_args(words)
    try:
        with asked_for(getattr(arguments, "ray", None)):
            status: int | None = arguments.run(arguments)
    except (KeyboardInterrupt, Stopped):
        print("\nStopped. " + _KEPT.get(arguments.command, "Nothing was changed."), file=sys.stderr)
        return 130
    except BenzerError as error:
        print(f"\r{error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        print(
            f"\r{error.filename or 'A file'} cannot be used: {(error.strerror or str(error)).lower()}.", file=sys.stderr
        )
        return 1
    return status or 0


# ── collections ──────────────────────────────────────────────────────────────────────────────────────────────────────


def command_import(arguments: argparse.Namespace) -> None:
    """Import a folder, an archive, a CSV or a known data set."""
    from engine.collections.sources import known
    from engine.workbench.job_kinds import source_of

    what = arguments.what
    if what in known.KNOWN and not Path(what).exists():
        report = _bench().run("import", progress_line(), source="known", name=what, title=arguments.title or "")
    else:
        path = Path(what).expanduser()
        if not path.exists():
            raise BadParameter(
                "source", "an import", "a folder, archive, CSV or one of " + ", ".join(known.KNOWN), what
            )
        title = arguments.title or path.resolve().name.split(".")[0]
        report = _bench().run("import", progress_line(), source=source_of(path), title=title, path=str(path.resolve()))
    print_report(report, arguments.json, arguments.rejects)


def command_list(arguments: argparse.Namespace) -> None:
    """List the collections, or the images of one."""
    bench = _bench()
    if arguments.collection:
        images = bench.collection(arguments.collection).images()
        rows = [list(row) for row in zip(images.ids.tolist(), images.names, images.labels, images.texts, strict=True)]
        print_rows(["id", "name", "label", "text"], rows, arguments.json)
        return
    header = ["name", "title", "images", "labels", "rejected", "source"]
    cards = bench.collections()
    print_rows(header, [[c.name, c.title, c.count, c.labels, c.rejects, c.origin] for c in cards], arguments.json)


def command_rescan(arguments: argparse.Namespace) -> None:
    """Look at a collection's source again and take over what was added, changed or deleted."""
    print_report(
        _bench().run("rescan", progress_line(), collection=arguments.collection), arguments.json, arguments.rejects
    )


def command_remove(arguments: argparse.Namespace) -> None:
    """Delete a collection with its vectors and indexes; asks first unless --yes."""
    bench = _bench()
    count = len(bench.collection(arguments.collection))
    if not arguments.yes:
        question = f"Delete the collection {arguments.collection} ({count:,} images, their vectors and indexes)? [y/N] "
        if not sys.stdin.isatty() or input(question).strip().lower() not in ("y", "yes"):
            print("Nothing was deleted. (--yes deletes without asking.)")
            return
    bench.remove(arguments.collection)
    print(f"Deleted {arguments.collection}.")


def command_check(arguments: argparse.Namespace) -> int:
    """Compare every stored byte of a collection, or of all, with its checksum; fails where one is damaged."""
    from engine.collections import collections, damaged
    from engine.jobs.job import Reporter

    bench = _bench()
    name = arguments.collection
    chosen = [bench.collection(name)] if name else collections(bench.home)
    found = [] if name else [f"{name}: {sentence}" for name, sentence in damaged(bench.home)]
    for collection in chosen:
        sentences = collection.check(Reporter(listen=progress_line()))
        found += [f"{collection.name}: {sentence}" for sentence in sentences]
        if not sentences:
            print(f"{collection.name} is sound.")
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def command_samples(arguments: argparse.Namespace) -> None:
    """Draw the sample collections and embed them."""
    from engine.collections.samples import SAMPLES

    for name in arguments.names or SAMPLES:
        if name not in SAMPLES:
            raise BadParameter("name", "a sample", "one of " + ", ".join(SAMPLES), name)
        report = _bench().run("sample", progress_line(), name=name)
        print(f"{name}: {report['added']:,} images")


# ── encoders and vectors ─────────────────────────────────────────────────────────────────────────────────────────────


def command_encoders(arguments: argparse.Namespace) -> None:
    """List the encoders and their weights."""
    rows = [[c.name, c.weights, "ready" if c.ready else "no weights yet", c.title] for c in _bench().choices()]
    print_rows(["encoder", "weights", "state", "title"], rows, arguments.json)


def command_embed(arguments: argparse.Namespace) -> None:
    """Make the vectors of a collection."""
    recipe = _recipe(arguments)
    done = _bench().run("embed", progress_line(), recipe=recipe.as_dict())
    where = f" on {done['device']}" if arguments.ray and done["encoded"] else ""
    print(f"{recipe.collection} is embedded with {recipe.encoder}{where}.")


def command_index(arguments: argparse.Namespace) -> None:
    """Build and store the index of a recipe, written as in `search --json`."""
    recipe = Recipe.parse(arguments.recipe)
    done = _bench().run("index", progress_line(), recipe=recipe.as_dict())
    print(f"{done['vectors']:,} vectors of {recipe.collection} are indexed by {recipe.method_text}.")


def command_search(arguments: argparse.Namespace) -> None:
    """Find the images most similar to a picture or to an image of the collection."""
    from engine.search.answer import Query

    given = (arguments.picture is not None) + (arguments.image is not None)
    if given > 1 or not (given or arguments.text):
        wanted = "either a picture's file or --image with an id, or --text"
        raise BadParameter("query", "the search", wanted, "both" if given else "neither")
    crop = _crop(arguments.crop)
    if arguments.image is not None:
        query = Query.image(arguments.image, crop)
    elif arguments.picture is not None:
        query = Query.picture(_picture_bytes(Path(arguments.picture)), arguments.picture, crop)
    else:
        query = Query(name=arguments.text)
    query = replace(query, text=arguments.text or "", share=arguments.share)
    bench, recipe = _bench(), _recipe(arguments)
    answer = _search_building(bench, recipe, query, arguments)
    if query.text and bench.reads_nothing(bench.encoder(recipe), query):
        print("None of these words is known: the picture alone was looked for.", file=sys.stderr)
    print(answer.to_json() if arguments.json else answer.to_csv() if arguments.csv else answer_table(answer))


def _search_building(bench: Workbench, recipe: Recipe, query: Query, arguments: argparse.Namespace) -> Answer:
    """The answer; vectors and then an index that are not there yet are made first."""
    for _ in range(2):
        try:
            return bench.search(recipe, query, include_query=arguments.include_query, label=arguments.label)
        except (NotTrained, NoWeights):
            raise
        except NotReady as error:
            if arguments.no_build:
                raise
            print(error.message + " Doing that first.", file=sys.stderr)
            bench.run("index" if isinstance(error, NoIndex) else "embed", progress_line(), recipe=recipe.as_dict())
    return bench.search(recipe, query, include_query=arguments.include_query, label=arguments.label)


def _picture_bytes(path: Path) -> bytes:
    from engine.collections.reading.safely import read_bytes

    try:
        return read_bytes(path)
    except UnreadableImage as error:
        raise UnreadableImage(error.stage, error.code, f"{path} cannot be used as a query. {error.message}") from error


def _crop(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise BadParameter("crop", "the query", "four numbers: left,top,right,bottom from 0 to 1", text) from None
    return left, top, right, bottom


def _recipe(arguments: argparse.Namespace) -> Recipe:
    """The recipe of the words given; what was left out is the best that is there."""
    bench = _bench()
    bench.collection(arguments.collection)
    default = bench.default_recipe(arguments.collection)
    encoder = f"model-{arguments.model}" if arguments.model else arguments.encoder or default.encoder
    weights = arguments.weights if arguments.weights is not None else _best_weights(bench, encoder)
    method, options = parse_method(getattr(arguments, "method", "exact"))
    return Recipe(
        collection=arguments.collection,
        encoder=encoder,
        weights=weights,
        embedding=arguments.embedding,
        metric=getattr(arguments, "metric", None) or "cosine",
        method=method,
        k=getattr(arguments, "k", 8),
        options=options,
    )


def _best_weights(bench: Workbench, encoder: str) -> str:
    lines = [choice for choice in bench.choices(also=encoder) if choice.name == encoder]
    if not lines:
        names = sorted({choice.name for choice in bench.choices()})
        raise BadParameter("encoder", "the search", "one of " + ", ".join(names), encoder)
    return next((choice.weights for choice in lines if choice.ready), "")


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def command_jobs(arguments: argparse.Namespace) -> None:
    """List the jobs, newest first."""
    rows = [[job.id, job.state, f"{job.progress.fraction:.0%}", job.title] for job in _bench().jobs()]
    print_rows(["job", "state", "done", "title"], rows, arguments.json)


def command_stop(arguments: argparse.Namespace) -> None:
    """Ask a running job to stop."""
    _bench().job(arguments.job).stop()


def command_work(arguments: argparse.Namespace) -> None:
    """Do the job of a folder: what the app starts for long work."""
    from engine.jobs.job import work
    from engine.workbench.job_kinds import KINDS

    work(Path(arguments.folder), KINDS, background=("train", "experiment", "study", "classification", "classifier"))


# ── the words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def parser() -> argparse.ArgumentParser:
    """All commands and their words; they are those of the pages."""
    top = argparse.ArgumentParser(prog="python -m engine", description="Find the pictures that look alike.")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, run: Any, *, rows: bool = False) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        sub.set_defaults(run=run)
        if rows:
            sub.add_argument("--json", action="store_true", help="print JSON")
        return sub

    add_import = add("import", command_import, rows=True)
    add_import.add_argument("what", help="a folder, ZIP or tar, CSV, or a known data set's name")
    add_import.add_argument("--title", help="the collection's name (default: the file's or folder's)")
    add_import.add_argument("--rejects", metavar="CSV", help="write the list of rejected files to this file")
    _ray_words(add_import)
    add("list", command_list, rows=True).add_argument("collection", nargs="?", help="list this collection's images")
    add_rescan = add("rescan", command_rescan, rows=True)
    add_rescan.add_argument("collection")
    add_rescan.add_argument("--rejects", metavar="CSV", help="write the list of rejected files to this file")
    add_remove = add("remove", command_remove)
    add_remove.add_argument("collection")
    add_remove.add_argument("--yes", action="store_true", help="do not ask")
    add("check", command_check).add_argument("collection", nargs="?", help="only this one (default: all)")
    add("samples", command_samples).add_argument("names", nargs="*", help="which (default: all)")
    add("encoders", command_encoders, rows=True)
    weights.weights_words(add("weights", weights.command_weights, rows=True))
    vectors.vectors_words(add("vectors", vectors.command_vectors, rows=True))
    training.train_words(add("train", training.command_train, rows=True))
    add("runs", training.command_runs, rows=True)
    experiments.compare_words(add("compare", experiments.command_compare))
    add_hashing = add("hashing", hashing.command_hashing)
    add_hashing.set_defaults(recipe_of=_recipe)
    _encoder_words(add_hashing, required=False)
    hashing.hashing_words(add_hashing)
    _ray_words(add_hashing)
    classify.classify_words(add("classify", classify.command_classify))
    add_embed = add("embed", command_embed)
    _encoder_words(add_embed)
    _ray_words(add_embed)
    add("index", command_index).add_argument("recipe", help="collection/encoder@weights/embedding/metric/method/k")
    _search_words(add("search", command_search))
    for name, run, words in (
        ("group", grouping.command_group, grouping.group_words),
        ("duplicates", duplicates.command_duplicates, duplicates.duplicates_words),
        ("odd", duplicates.command_odd, duplicates.odd_words),
    ):
        sub = add(name, run)
        sub.set_defaults(recipe_of=_recipe)
        _encoder_words(sub)
        words(sub)
    add("jobs", command_jobs, rows=True)
    add("stop", command_stop).add_argument("job")
    add("work", command_work).add_argument("folder")
    return top


def _encoder_words(sub: argparse.ArgumentParser, required: bool = True) -> None:
    sub.add_argument("--collection", required=required)
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--model", choices=["1", "2", "3", "4"], help="an autoencoder, short for --encoder model-N")
    which.add_argument("--encoder", help="see `encoders` (default: the best that is ready)")
    sub.add_argument("--weights", help="a trained run (default: the encoder's newest)")
    sub.add_argument(
        "--embedding", default="max", help="flatten, max, avg, gem, or whitened: max-white … (default: max)"
    )


def _ray_words(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="spread the work over a Ray cluster: its address, auto, or local to start one here (default: $BENZER_RAY)",
    )


def _search_words(sub: argparse.ArgumentParser) -> None:
    _encoder_words(sub)
    sub.add_argument("picture", nargs="?", help="the query picture's file")
    sub.add_argument("--image", type=int, help="an image of the collection by its id, instead of a file")
    sub.add_argument("--text", help="words to look for, with an encoder of picture and text; alone or with a picture")
    sub.add_argument("--share", type=int, help="of the text in percent, beside a picture (default: as in training)")
    sub.add_argument("--metric", default="cosine", help="cosine or euclidean (default: cosine)")
    sub.add_argument("--method", default="exact", help='exact, lsh, kmeans, hnsw …; settings as in "lsh(tables=20)"')
    sub.add_argument("--k", type=int, default=8, help="how many (default: 8)")
    sub.add_argument("--label", help="search among the images with this label only")
    sub.add_argument("--crop", help="use only this part of the query: left,top,right,bottom from 0 to 1")
    sub.add_argument("--include-query", action="store_true", help="leave the query image itself in the answer")
    sub.add_argument("--no-build", action="store_true", help="fail when vectors are missing instead of making them")
    output = sub.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--csv", action="store_true", help="print CSV")


def _bench() -> Workbench:
    from engine.workbench.workbench import Workbench

    return Workbench()


if __name__ == "__main__":
    sys.exit(main())
