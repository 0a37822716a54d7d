"""The notices of other people's licences."""

from __future__ import annotations

import re
import sys
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "distribution"))
import notices  # noqa: E402


def test_everything_needed_is_named() -> None:
    text = notices.FILE.read_text(encoding="utf-8")
    named = set(re.findall(r"^\| ([\w.-]+) \| \S", text, re.MULTILINE))
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    direct = {name.lower() for name in re.findall(r"^([\w-]+)", required, re.MULTILINE)}
    assert len(direct) > 20
    assert direct <= named


def test_the_file_holds_what_the_script_writes() -> None:
    """Versions of other systems need other packages: what both know has one licence, and our own data is named."""
    written, now = notices.FILE.read_text(encoding="utf-8"), notices.notices()
    assert written.partition("## ")[2] == now.partition("## ")[2]
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in written


class Package:
    def __init__(self, **facts: str | list[str]) -> None:
        self.metadata = Message()
        for name, values in facts.items():
            for value in [values] if isinstance(values, str) else values:
                self.metadata[name.replace("_", "-")] = value


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"License_Expression": "MIT", "License": "other"}, "MIT"),
        ({"Classifier": ["License :: OSI Approved :: BSD License", "Topic :: Utilities"]}, "BSD License"),
        ({"Classifier": "License :: OSI Approved", "License": "BSD 3"}, "BSD 3"),
        ({"License": "A | B"}, "A / B"),
        ({"License": "Permission is hereby granted\n to any person"}, "see the package"),
        ({"License": "UNKNOWN"}, "see the package"),
        ({}, "see the package"),
    ],
)
def test_a_licence_is_what_the_package_states(facts: dict[str, str], expected: str) -> None:
    assert notices.licence_of(Package(**facts)) == expected
