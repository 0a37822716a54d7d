"""What the documents say is true: links lead somewhere, commands exist, examples are Python."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from pathlib import Path

import pytest

from engine import VERSION
from engine.cli.parser import parser
from engine.workbench.workbench import Workbench

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "weights/README.md"]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^ *python -m engine (.+)$", text, re.MULTILINE):
        words = shlex.split(line.split(" # ")[0])
        assert parser().parse_args(words).run, line


def test_the_readme_begins_with_the_two_commands() -> None:
    install, start = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "bash")[0].splitlines()
    assert install == f"pip install benzer-{VERSION}-py3-none-any.whl"
    assert start == "benzer"


def test_every_command_has_a_row_in_the_table_of_the_guide() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    _, _, table = guide.partition("| command | what it does |\n|---|---|\n")
    rows = [line.split("|")[1] for line in table.partition("\n\n")[0].splitlines()]
    named = [name for row in rows for name in re.findall(r"`([a-z]+)", row)]
    [commands] = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    assert sorted(named) == sorted(listed.dest for listed in commands._choices_actions)
    for name in set(commands.choices) - {*named, "work"}:
        assert f"`{name}`" in guide, f"the guide does not know {name}, the former name of a command"


def test_the_python_of_the_readme_compiles_and_calls_what_exists() -> None:
    [code] = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bench":
            assert hasattr(Workbench, node.attr), node.attr


def test_the_architecture_names_what_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:engine|ui|models|weights|datasets|benchmarks|tests)/[\w./-]*)`", text)
    assert len(named) > 10
    for path in named:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("suffix", ["*.py", "*.md", "*.toml", "*.js", "*.css", "Makefile"])
def test_no_machine_path_is_written_down(suffix: str) -> None:
    for folder in ("engine", "ui", "models", "benchmarks", "docs", "weights"):
        for path in (ROOT / folder).rglob(suffix):
            assert not re.search(r"/(work|root|home/\w+/work)/", path.read_text(encoding="utf-8")), path
