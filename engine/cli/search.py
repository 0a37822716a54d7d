"""The commands for vectors and search: encoders, embed, index, search."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.cli.flags import (
    OUTPUT,
    Commands,
    encoder_flags,
    former_flag,
    methods_help,
    metric_flag,
    only,
    output_flags,
    precision_flag,
    ray_flag,
    recipe_of,
    refuse,
)
from engine.cli.printing import answer_table, check_files, print_left_out, print_results, print_rows, progress_line
from engine.collections.facts.where import needs_exif, parse_where
from engine.collections.reading.regular_files import read_bytes
from engine.core.errors import BadParameter, NoIndex, NotReady, NotTrained, NoWeights, StorageFull, UnreadableImage
from engine.core.recipe import Recipe
from engine.core.storage import shape_checked
from engine.search.answer import Answer, Query
from engine.search.examples import Example, parse_crop, parse_examples
from engine.search.replay import compared, query_of, read_answer
from engine.search.uploads import upload_path
from engine.workbench.workbench import Workbench


def register(commands: Commands) -> None:
    output_flags(commands.add("encoders", command_encoders))
    sub = commands.add("embed", command_embed, job="embed")
    encoder_flags(sub)
    ray_flag(sub)
    sub = commands.add("index", command_index, job="index")
    precision_flag(sub)
    sub.add_argument("recipe", help="collection/encoder@weights/pooling/metric/method/k")
    _search_flags(commands.add("search", command_search, job="embed"))


def command_encoders(arguments: argparse.Namespace) -> None:
    """List the encoders and their weights."""
    rows = [[c.name, c.weights, "ready" if c.ready else "no weights yet", c.title] for c in Workbench().choices()]
    print_rows(["encoder", "weights", "state", "title"], rows, arguments)


def command_embed(arguments: argparse.Namespace) -> None:
    """Prepare a collection for search: compute its vectors."""
    recipe = recipe_of(arguments)
    done = Workbench().run("embed", progress_line(), recipe=recipe.as_dict())
    where = f" on {done['device']}" if arguments.ray and done["encoded"] else ""
    left_out = [(one["name"], one["reason"]) for one in done["left_out"]]
    print_left_out(left_out, done["encoded"] + done["kept"] + len(left_out))
    print(f"{recipe.collection} is prepared for {recipe.encoder}{where}.")


def command_index(arguments: argparse.Namespace) -> None:
    """Build and store the index of a recipe, written as in `search --json`."""
    recipe = Recipe.parse(arguments.recipe)
    done = Workbench().run("index", progress_line(), recipe=recipe.as_dict())
    print(f"{done['vectors']:,} vectors of {recipe.collection} are indexed by {recipe.method_text}.")


def command_search(arguments: argparse.Namespace) -> int | None:
    """Find the pictures most similar to a picture file or to a picture of the collection."""
    if arguments.replay:
        return _replay(arguments)
    if arguments.saved:
        _saved(arguments)
        return None
    if not arguments.collection:
        raise BadParameter("collection", "the search", "the name of one (see: list)", "none")
    check_files(arguments)
    arguments.where = ";".join(arguments.where)
    bench, recipe = Workbench(), recipe_of(arguments)
    _check_filter(bench, recipe.collection, arguments.where)
    query = _query(bench, arguments)
    answer = bench.calibrated(_search_building(bench, recipe, query, arguments))
    if arguments.save:
        print(f"Saved as {bench.save_search(arguments.save, answer).name}.", file=sys.stderr)
    if query.text and bench.reads_nothing(bench.encoder(recipe), query):
        print("None of these words is known: only the picture was searched with.", file=sys.stderr)
    if not query.text:
        print_left_out(bench.left_out(recipe), len(bench.collection(recipe.collection)))
    _print(arguments, answer)
    return None


def _saved(arguments: argparse.Namespace) -> None:
    """Repeat a saved search."""
    words = ("saved", "no_build", "computed_in", *OUTPUT, *arguments.files)
    only(arguments, words, "search --saved", "a saved search keeps what it was made with")
    check_files(arguments)
    bench = Workbench()
    found = bench.saved_search(arguments.saved)
    arguments.label, arguments.where, arguments.include_query = found.label, found.where, found.include_query
    arguments.local_scaling = found.local_scaling
    _print(arguments, bench.calibrated(_search_building(bench, *bench.recipe_and_query(found), arguments)))


def _print(arguments: argparse.Namespace, answer: Answer) -> None:
    print_results(
        arguments,
        table=lambda: answer_table(answer),
        data=answer.as_dict,
        csv=answer.to_csv,
        files={"html": lambda: Workbench().search_report(answer)},
    )


def _query(bench: Workbench, arguments: argparse.Namespace) -> Query:
    """The query: one picture, words, both, or several examples joined by + and -."""
    terms = arguments.picture
    given = bool(terms) + (arguments.image is not None)
    if given > 1 or not (given or arguments.text):
        wanted = "either a picture's file or --image with an id, or --words"
        raise BadParameter("query", "the search", wanted, "both" if given else "neither")
    _check_words(arguments, pictured=bool(given))
    crop = None if arguments.crop is None else parse_crop(arguments.crop)
    if len(terms) > 1:
        return _examples(bench, arguments)
    if arguments.image is not None:
        query = Query.image(arguments.image, crop)
    elif terms and (terms[0].startswith("#") or terms[0].startswith("upload:")) and not Path(terms[0]).exists():
        [one] = parse_examples(terms, bench.kept_example)
        query = replace(Query.of(one), crop=crop or one.crop)
    elif terms:
        query = Query.picture(_picture_bytes(Path(terms[0]).expanduser().resolve()), terms[0], crop)
    else:
        query = Query(name=arguments.text)
    return replace(query, text=arguments.text or "", share=arguments.share)


def _check_words(arguments: argparse.Namespace, *, pictured: bool) -> None:
    """DoesNotApply for what tells something of a picture or of words that are not there."""
    if not pictured:
        refuse(arguments, ("crop", "share"), "a search by words alone", "it is about a picture")
    elif not arguments.text and len(arguments.picture) < 2:
        refuse(arguments, ("share",), "a search without --words", "it weighs the words beside the picture")


def _examples(bench: Workbench, arguments: argparse.Namespace) -> Query:
    """Several examples; copies of their files are kept for a while, so that the search can be repeated without them."""
    why = "it is part of a term, as in cat.jpg + #12@0.5[0,0,1,0.5] - striped"
    refuse(arguments, ("image", "crop", "text", "share"), "a search with several examples", why)

    def of_file(name: str) -> Example:
        data = _picture_bytes(Path(name).expanduser().resolve())
        with suppress(StorageFull):  # the search works without the copy
            bench.keep_upload(data, name)
        return Example(data=data, name=name)

    return Query.of(*parse_examples(arguments.picture, bench.kept_example, files=of_file))


def _check_filter(bench: Workbench, collection: str, where: str) -> None:
    """BadParameter for an invalid filter; EXIF of pictures imported before it was read is read first."""
    conditions = parse_where(where)
    if needs_exif(conditions) and bench.facts_missing(collection):
        bench.run("facts", progress_line(), collection=collection)
    if conditions:
        bench.meeting(collection, conditions)


def _replay(arguments: argparse.Namespace) -> int:
    """Repeat the search of an exported answer; exit status 0 for the same results, 1 if they differ."""
    words = ("replay", "collection", "no_build", "computed_in")
    only(arguments, words, "search --replay", "it repeats the search of the file and only prints what differs")
    file, bench = Path(arguments.replay), Workbench()
    former = read_answer(file)
    with shape_checked(file):
        recipe = Recipe.from_dict(former["recipe"])
        recipe = recipe.but(collection=arguments.collection or recipe.collection)
        kept = partial(upload_path, bench.home)
        query = query_of(former, bench.collection(recipe.collection).images(), kept)
    arguments.where = former.get("where") or ""
    arguments.label, arguments.include_query = former.get("label"), bool(former.get("include_query"))
    arguments.local_scaling = bool(former.get("local_scaling"))
    latter = _search_building(bench, recipe, query, arguments).as_dict()
    with shape_checked(file):
        same, sentences = compared(former, latter)
    print("\n".join(sentences))
    return 0 if same else 1


def _search_building(bench: Workbench, recipe: Recipe, query: Query, arguments: argparse.Namespace) -> Answer:
    """The answer; missing vectors, and then a missing index, are computed first."""
    scope = {"include_query": arguments.include_query, "label": arguments.label, "where": arguments.where}
    scope |= {"local_scaling": True} if arguments.local_scaling else {}
    for _ in range(3):
        try:
            return bench.search(recipe, query, **scope)
        except (NotTrained, NoWeights):
            raise
        except NotReady as error:
            if arguments.no_build:
                raise
            print(error.message + " Doing that first.", file=sys.stderr)
            missing = bench.to_prepare(recipe, query).as_dict()
            indexing = "duplicates" if arguments.local_scaling else "index"
            bench.run(indexing if isinstance(error, NoIndex) else "embed", progress_line(), recipe=missing)
    return bench.search(recipe, query, **scope)


def _picture_bytes(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except UnreadableImage as error:
        raise UnreadableImage(error.stage, error.code, f"{path} cannot be used as a query. {error.message}") from error


def _search_flags(sub: argparse.ArgumentParser) -> None:
    encoder_flags(sub, required=False)
    _flags_of_the_query(sub)
    metric_flag(sub)
    sub.add_argument("--method", help="how to search, see below (default: exact)")
    sub.add_argument("--k", type=int, help=f"number of results (default: {Recipe.k})")
    sub.add_argument("--label", help="only pictures with this label")
    where = "only pictures that meet this, like label=cat, date>=2020-01-01, size>=12MP, tag=lake, stars>=3, text~red, "
    where += "folder=2020/May or a column of the table; repeatable"
    sub.add_argument("--where", action="append", default=[], metavar="FILTER", help=where)
    sub.add_argument("--crop", help="use this part of the query picture: left,top,right,bottom from 0 to 1")
    sub.add_argument("--include-query", action="store_true", help="include the query picture in the results")
    scaling = "rank by local scaling (CSLS), which demotes pictures that are near to everything (see: hubs)"
    sub.add_argument("--local-scaling", action="store_true", help=scaling)
    sub.add_argument("--no-build", action="store_true", help="fail if vectors are missing instead of computing them")
    sub.add_argument("--save", metavar="NAME", help="save this search under a name")
    sub.add_argument("--saved", metavar="NAME", help="repeat this saved search (see: searches)")
    replayed = "repeat the search of this exported result, and print what differs"
    sub.add_argument("--replay", metavar="JSON", help=replayed)
    output_flags(sub, {"html": "the HTML report"})
    methods_help(sub)


def _flags_of_the_query(sub: argparse.ArgumentParser) -> None:
    """A picture, several, words, or words beside a picture."""
    pictures = "the query picture's file; or several files, ids like '#12' and words, joined by + and -, as in "
    pictures += "beach.jpg + sunset.jpg@0.5 - people.jpg; @ gives a weight"
    sub.add_argument("picture", nargs="*", help=pictures)
    sub.add_argument("--image", type=int, metavar="ID", help="a picture of the collection by its id, instead of a file")
    sub.add_argument("--words", dest="text", help="search by words, alone or beside a picture: dog, red shoe")
    former_flag(sub, "--text", "text")
    share = "weight of the words in percent, beside a picture (default: 50, or as a classifier was trained)"
    sub.add_argument("--share", type=int, help=share)
