"""One term for each thing: no text that people read, on a page or in a message, contains a retired word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Retired phrase (a regular expression, whole words, any case) → the term that is used instead.
GLOSSARY = {
    # one term for each thing
    r"images?": "picture",
    r"things?": "picture, or item where it has picture and text",
    r"hits?": "result",
    r"answers?": "result",
    r"recipes?": "configuration",
    r"copies": "duplicates",
    r"odd( ones?)?": "outlier",
    r"blind guess(ing)?": "chance level",
    r"sureness|surest|surely|so sure": "confidence",
    r"was called": "predicted",
    r"redraws?|redrawn": "reconstruct",
    r"fetch(ed|es|ing)?": "download",
    r"build the vectors|embed": "prepare",
    r"embedded( with)?": "prepared",
    r"known data sets?": "public data sets",
    # search
    r"look-?alikes?": "similar pictures",
    r"looked at": "candidates scanned, or compared with",
    r"start over": "reset",
    r"any label": "all labels",
    r"include itself": "include the query picture",
    r"whiten": "PCA whitening",
    # jobs
    r"weights not here yet": "not downloaded",
    r"the work (above|goes on)": "preparation, or: runs in the background",
    # collections
    r"own vectors": "custom embeddings",
    r"gone for good": "permanently deleted",
    r"(delete|keep|name|make|split|rename) it": "the verb alone, or Cancel",
    r"(move|merge|group) them": "the verb alone",
    r"which and why": "show reasons",
    # groups
    r"photo workflow": "tree (manual cut)",
    r"own choice": "custom",
    r"not at all": "none",
    r"anew": "again",
    r"group's middle|in their middle": "centre",
    r"tell of each other": "normalised mutual information",
    r"random pairs": "expected by chance",
    r"forget my choices": "reset choices",
    # lab
    r"its own groups|recogni[sz](e|es|ing) altered views": "DeepCluster, contrastive learning",
    r"learns? from( its)?( own)? groups": "DeepCluster",
    r"held[- ]out (pictures|items)": "validation",
    r"stop(s|ped)? early after": "early-stopping patience",
    r"epochs of rest": "cooldown",
    r"(first|last) rate": "initial rate, final rate",
    r"confusions": "confusion matrix",
    r"wrong ones?": "errors",
    r"knows best": "highest accuracy",
    r"refuted|confirmed": "not reproduced, agrees",
    r"the report'?s?": "the original study",
    r"wanted recall": "target recall",
    r"extra buckets": "probes",
    r"cells?": "setting, configuration, training",
    r"experiments?": "comparison",
    r"stud(y|ies)": "benchmark",
    # marks of translated English
    r"so many": "a number",
    r"where there is one": "if any",
    r"a person": "you",
    r"you may": "you can",
}  # fmt: skip

# What contains a retired word rightly.
RIGHTLY = [
    r"^a recipe$",  # the value of that name, in an error about its text
    r"^(Images?|Answer|Hit)$",  # names in code
    r"original study",
    r"^own vectors$",  # the format of a store on disk
    r"fashion product images",
    r"images/<id",  # a path
    r"status='(image|copy)'",
    r"<image |image data",
    r"image/",
    r"python -m engine embed",
    r"part of the index answers",
    r"for small things",  # the text of a drawn product
    r"columns? (named )?image|image,label,text",  # as it is written in a table's head
    r"image similarity",
    r"image size",  # of a training, in pixels
    r"images per second",  # the name of a curve in TensorBoard, of older runs too
    r"(does not|cluster|server) answers?",  # a computer
    r"surely the same",  # a verdict on results
    r"PIL import Image|Image\.(open|new|alpha_composite|Resampling)",  # a class of Pillow, in the code of an example
    r"mirror image",
]

_RETIRED = {re.compile(rf"(?<![\w-])(?:{old})(?![\w-])", re.IGNORECASE): new for old, new in GLOSSARY.items()}
_RIGHTLY = re.compile("|".join(RIGHTLY), re.IGNORECASE)
_SCRIPT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`""", re.DOTALL
)


def files() -> list[Path]:
    """Everything that holds words for people."""
    return sorted([*ROOT.glob("ui/**/*.py"), *ROOT.glob("ui/**/*.js"), *ROOT.glob("engine/**/*.py")])


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every string in a file that may be read by people."""
    source = path.read_text(encoding="utf-8")
    found = _texts_of_script(source) if path.suffix == ".js" else _texts_of_module(source)
    return ((line, text) for line, text in found if _for_people(text))


def _for_people(text: str) -> bool:
    """Whether it is words rather than a key: those have no space and begin with a small letter."""
    return " " in text.strip() or text[:1].isupper()


def _texts_of_module(source: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(source)
    passed_over = {id(part) for node in ast.walk(tree) for part in _silent(node)}
    for node in ast.walk(tree):
        if id(node) in passed_over:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _silent(node: ast.AST) -> list[ast.AST]:
    """What under a node is no text of its own: docstrings, and the parts of a text with gaps, which is one text."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [part for part in node.values if isinstance(part, ast.Constant)]
    return []


def _texts_of_script(source: str) -> Iterator[tuple[int, str]]:
    for found in _SCRIPT.finditer(source):
        text = next((group for group in found.groups() if group is not None), None)
        if text is not None:
            yield source.count("\n", 0, found.start()) + 1, re.sub(r"\$\{[^}]*\}", "…", text)


def retired(text: str) -> list[tuple[str, str]]:
    """(retired phrase, current term) of each that a text contains."""
    text = _RIGHTLY.sub("", text)
    return [(found[0], new) for old, new in _RETIRED.items() if (found := old.search(text))]


def test_no_page_or_message_contains_a_retired_word() -> None:
    complaints = [
        f"{path.relative_to(ROOT).as_posix()}:{line}: “{old}” is {new} now, in: {' '.join(text.split())[:90]}"
        for path in files()
        for line, text in texts(path)
        for old, new in retired(text)
    ]
    assert not complaints, f"{len(complaints)} retired words:\n" + "\n".join(complaints)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('st.button("Fetch the weights")', [(1, "Fetch")]),
        ('"""It fetches."""\n\nst.write(f"{n:,} odd")', [(3, "odd")]),
        ('start("fetch", key="odd-one")', []),
        ('"The columns image and label"', []),
        ('st.write(\n    "Near "\n    f"{n} things")', [(2, "things")]),
    ],
)
def test_texts_of_python_are_read_and_keys_and_docstrings_are_not(
    source: str, found: list[tuple[int, str]], tmp_path: Path
) -> None:
    path = tmp_path / "page.py"
    path.write_text(source, encoding="utf-8")
    assert [(line, old) for line, text in texts(path) for old, _ in retired(text)] == found


def test_texts_of_scripts_are_read_and_comments_are_not(tmp_path: Path) -> None:
    path = tmp_path / "page.js"
    path.write_text('// Fetch it\nsay("Fetch more", `${n} odd ones`);\ncall("fetch", "a.odd");', encoding="utf-8")
    assert [(line, old) for line, text in texts(path) for old, _ in retired(text)] == [(2, "Fetch"), (2, "odd ones")]


def test_names_in_sentences_stand_in_typographic_quotes() -> None:
    straight = re.compile(r'(?<![=(\w])"…"')  # but not the value of an attribute, or an argument in code
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{line}: {text}"
        for path in files()
        for line, text in (_texts_of_script if path.suffix == ".js" else _texts_of_module)(path.read_text("utf-8"))
        if straight.search(text)
    ]
    assert found == []
