"""Sentences that judge: none is made by comparing two figures, but by a decision."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
JUDGES = re.compile(r"\b(better|worse|ahead|best|equally good|overconfident|well calibrated|lead)\b", re.IGNORECASE)
MODULES = (
    "engine/classification/best.py",
    "engine/classification/report.py",
    "engine/comparisons/recipes/findings.py",
    "engine/comparisons/recipes/report.py",
    "engine/comparisons/quick.py",
    "engine/grouping/kmeans.py",
    "engine/grouping/hierarchical.py",
    "ui/pages/classify/details.py",
    "ui/pages/classify/state.py",
    "ui/pages/compare/report_tables.py",
    "ui/pages/compare/row.py",
    "ui/pages/hashing/row.py",
    "ui/pages/train/live.py",
    "ui/pages/train/runs_compared.py",
)
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
    """Comparisons by size of two things none of which is a constant."""
    found = (node for node in ast.walk(function) if isinstance(node, ast.Compare))
    return [
        ast.unparse(node) for node in found
        if any(isinstance(op, _ORDER) for op in node.ops)
        and not any(isinstance(part, ast.Constant) for part in (node.left, *node.comparators))
        and "len(" not in ast.unparse(node)
    ]  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_no_sentence_is_made_by_comparing_two_figures(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    assert {function.name: found for function in sentences(tree) if (found := bare(function))} == {}


def test_the_test_finds_such_a_sentence() -> None:
    bad = "def f(a, b):\n    return 'the first searches better' if a > b else ''"
    [function] = sentences(ast.parse(bad))
    assert bare(function) == ["a > b"]
