"""The command line: every module of commands registers its own, and one function runs them."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Collection
from pathlib import Path

from engine import VERSION
from engine.cli import (
    branches,
    calibrate,
    classify,
    codes,
    collections,
    compare,
    disagree,
    duplicates,
    explain,
    exporting,
    group,
    hashing,
    hubs,
    indexes,
    invariance,
    jobs,
    labels,
    opening,
    search,
    selecting,
    serving,
    train,
    vectors,
    weights,
)
from engine.cli.flags import Commands
from engine.cluster.blocks import asked_for
from engine.core.device import precision_asked_for
from engine.core.errors import BenzerError, Stopped, reason_of

_MODULES = (
    collections,
    search,
    calibrate,
    selecting,
    indexes,
    weights,
    vectors,
    explain,
    train,
    compare,
    disagree,
    invariance,
    hashing,
    codes,
    classify,
    labels,
    group,
    branches,
    exporting,
    duplicates,
    hubs,
    jobs,
    opening,
    serving,
)


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with one sentence on stderr when it did not, 130 when interrupted."""
    _escape_what_cannot_be_shown()
    top, commands = _commands()
    arguments = top.parse_args(_opening(sys.argv[1:] if words is None else words, commands.names))
    precision = getattr(arguments, "computed_in", None)
    try:
        with asked_for(getattr(arguments, "ray", None)), precision_asked_for(precision):
            status: int | None = arguments.run(arguments)
    except (KeyboardInterrupt, Stopped):
        print(f"\nStopped. {arguments.kept}", file=sys.stderr)
        return 130
    except BenzerError as error:
        print(f"\r{error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"\r{error.filename or 'A file'} cannot be used: {reason_of(error)}.", file=sys.stderr)
        return 1
    return status or 0


def _opening(words: list[str], commands: Collection[str]) -> list[str]:
    """The words, with the command `open` put before a path that stands in the place of a command, or before nothing."""
    first = words[0] if words else ""
    is_path = first not in commands and not first.startswith("-") and Path(first).expanduser().exists()
    return ["open", *words] if is_path else words


def _escape_what_cannot_be_shown() -> None:
    """Let a terminal or pipe of another encoding get escapes instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def parser() -> argparse.ArgumentParser:
    """All commands with their flags."""
    return _commands()[0]


def _commands() -> tuple[argparse.ArgumentParser, Commands]:
    top = argparse.ArgumentParser(prog="python -m engine", description="Find similar pictures.")
    top.add_argument("--version", action="version", version=f"Benzer {VERSION}")
    commands = Commands(top)
    for module in _MODULES:
        module.register(commands)
    return top, commands
