"""Flags that several commands share, and the recipe they stand for."""

from __future__ import annotations

import argparse

from engine.core.recipe import Recipe, parse_method
from engine.encoders.choosing import newest_weights
from engine.workbench.workbench import Workbench


def recipe_of(arguments: argparse.Namespace) -> Recipe:
    """The recipe of the words given; what was left out is the best that is there."""
    bench = Workbench()
    bench.collection(arguments.collection)
    default = bench.default_recipe(arguments.collection)
    encoder = f"model-{arguments.model}" if arguments.model else arguments.encoder or default.encoder
    weights = arguments.weights if arguments.weights is not None else newest_weights(bench.home, encoder, "the search")
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


def encoder_flags(sub: argparse.ArgumentParser, required: bool = True) -> None:
    sub.add_argument("--collection", required=required)
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--model", choices=["1", "2", "3", "4"], help="an autoencoder, short for --encoder model-N")
    which.add_argument("--encoder", help="see `encoders` (default: the best that is ready)")
    sub.add_argument("--weights", help="a trained run (default: the encoder's newest)")
    sub.add_argument(
        "--embedding", default="max", help="flatten, max, avg, gem, or whitened: max-white … (default: max)"
    )


def ray_flag(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="spread the work over a Ray cluster: its address, auto, or local to start one here (default: $BENZER_RAY)",
    )
