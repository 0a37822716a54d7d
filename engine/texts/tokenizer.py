"""Texts to the ids of their word pieces, by a tokenizer file that comes with a network.

`tokenizer.json`, as Hugging Face's libraries write it, is read by their package tokenizers, which is optional; a
vocabulary of BERT (`.txt`) needs no package.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.core.errors import BadParameter, MissingPackage, Unreadable
from engine.texts.wordpiece import BEGIN, END, NOTHING, UNKNOWN, WordPieces

Tokenizer = Callable[[str], list[int]]


def tokenizer_of(path: Path, length: int) -> Tokenizer:
    """The tokenizer in a file; texts are cut off after `length` pieces, the special ones included.

    Raises:
        MissingPackage: tokenizers is not installed. Unreadable: the file holds no tokenizer. BadParameter: it is of
        neither kind.
    """
    if path.suffix == ".json":
        return _of_json(path, length)
    if path.suffix != ".txt":
        raise BadParameter("tokenizer", "a text encoder", "a .json of tokenizers, or a .txt vocabulary", path.name)
    try:
        pieces = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path.name} holds no vocabulary: it is not in UTF-8.") from error
    missing = [piece for piece in (UNKNOWN, BEGIN, END, NOTHING) if piece not in pieces]
    if missing:
        raise Unreadable(f"{path.name} holds no vocabulary of word pieces: {missing[0]} is missing.")
    cutter = WordPieces(pieces)
    return lambda text: cutter.numbered(text, length)


def _of_json(path: Path, length: int) -> Tokenizer:
    try:
        from tokenizers import Tokenizer as Library
    except ImportError:
        raise MissingPackage(f"The tokenizer {path.name}", "tokenizers") from None
    try:
        library = Library.from_str(path.read_text(encoding="utf-8"))
        library.no_padding()
        library.enable_truncation(length)
    except Exception as error:  # the library raises Exception itself
        raise Unreadable(f"{path.name} holds no tokenizer, or it is damaged.") from error
    return lambda text: list(library.encode(text).ids)
