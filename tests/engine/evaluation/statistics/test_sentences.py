"""Sentences that judge: none is made by comparing two figures, but by a decision."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
JUDGES = re.compile(
    r"\b(better|worse|ahead|behind|best|equally good|as good|overconfident|well calibrated|leads?|faster|slower|"
    r"fastest|slowest|beats?|superior|outperforms?|improves?|significant(ly)?)\b",
    re.IGNORECASE,
)
DECIDING = "engine/evaluation/statistics/"  # only here two figures are compared to decide something
ORDERED = {  # what puts figures in order for a sentence that a decision judges
    ("engine/comparisons/recipes/findings.py", "_best_pair"),
    ("engine/comparisons/recipes/findings.py", "_best_rows"),
}
MODULES = [
    path for folder in ("engine", "ui") for path in sorted((ROOT / folder).rglob("*.py"))
    if not str(path.relative_to(ROOT)).startswith(DECIDING)
]  # fmt: skip
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def sentences(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """The functions that contain a sentence with a judging word; docstrings do not count."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            docstring = function.body[0].value if isinstance(function.body[0], ast.Expr) else None
            texts = [n for n in ast.walk(function) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            if any(" " in n.value and JUDGES.search(n.value) for n in texts if n is not docstring):
                yield function


def bare(function: ast.FunctionDef) -> list[str]:
    """Comparisons by size of two values none of which is a constant, and choices of the largest by a figure."""
    found = [ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Compare) and _by_size(node)]
    return found + [ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Call) and _chooses(node)]


def _by_size(node: ast.Compare) -> bool:
    constant = any(isinstance(part, ast.Constant) for part in (node.left, *node.comparators))
    return any(isinstance(op, _ORDER) for op in node.ops) and not constant and "len(" not in ast.unparse(node)


def _chooses(node: ast.Call) -> bool:
    named = isinstance(node.func, ast.Name) and node.func.id in ("max", "min", "sorted")
    return named and any(word.arg == "key" for word in node.keywords)


@pytest.mark.parametrize("folder", ["engine", "ui"])
def test_no_sentence_is_made_by_comparing_two_figures(folder: str) -> None:
    guilty = {}
    for path in MODULES:
        name = str(path.relative_to(ROOT))
        for function in sentences(ast.parse(path.read_text(encoding="utf-8"))) if name.startswith(folder) else ():
            if (name, function.name) not in ORDERED and (found := bare(function)):
                guilty[f"{name}:{function.name}"] = found
    assert guilty == {}


def zeros(tree: ast.AST) -> list[str]:
    """Comparisons of an end of an interval with 0: decisions about an effect that no test has corrected."""
    return [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Compare) and _end_and_zero(node)]


def _end_and_zero(node: ast.Compare) -> bool:
    parts = [node.left, *node.comparators]
    zero = any(isinstance(part, ast.Constant) and part.value == 0 for part in parts)
    ends = any(re.fullmatch(r"low|high|(.*\.)?(lead|interval|behind)\[[01]\]", ast.unparse(part)) for part in parts)
    return zero and ends and any(isinstance(op, _ORDER) for op in node.ops)


@pytest.mark.parametrize("folder", ["engine", "ui", "benchmarks"])
def test_no_interval_is_held_against_zero(folder: str) -> None:
    found = {str(path.relative_to(ROOT)): zeros(ast.parse(path.read_text("utf-8"))) for path in decided(folder)}
    assert {name: ends for name, ends in found.items() if ends} == {}


def decided(folder: str) -> list[Path]:
    """The modules of a folder outside of the statistics; those that read pictures have other ends."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [path for path in paths if not re.search(f"{DECIDING}|engine/collections/", path.as_posix())]


@pytest.mark.parametrize("condition", ["low <= 0", "lead[0] > 0", "0 < row.interval[0]"])
def test_the_test_finds_an_interval_held_against_zero(condition: str) -> None:
    assert zeros(ast.parse(condition)) == [condition]
    assert zeros(ast.parse("len(low) > 0 and low <= target and count > 0")) == []


def test_the_exceptions_are_still_needed() -> None:
    for name, function in ORDERED:
        found = {one.name: one for one in sentences(ast.parse((ROOT / name).read_text(encoding="utf-8")))}
        assert bare(found[function])


@pytest.mark.parametrize(
    "condition",
    [
        "'the first searches better' if a > b else ''",
        "f'{max(a, key=b)} is the best of all'",
        "'x is ahead' * (a >= b)",
    ],
)
def test_the_test_finds_such_a_sentence(condition: str) -> None:
    [function] = sentences(ast.parse(f"def f(a, b):\n    return {condition}"))
    assert bare(function)


def test_a_decision_and_a_constant_are_no_comparison() -> None:
    good = "def f(a):\n    return 'the first is better' if a.outcome == 'better' and a.cases > 3 else ''"
    [function] = sentences(ast.parse(good))
    assert bare(function) == []
