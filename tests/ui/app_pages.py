"""What the tests of the pages share: a page with choices made, what is to be read on it, and a job that measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from engine.core.storage import write_json
from engine.workbench.workbench import Workbench

HOSTILE = "<b>*x*</b> $1$"  # a title that HTML, Markdown or LaTeX would change
SCRIPT = str(Path(__file__).resolve().parents[2] / "ui" / "entry" / "script.py")


def visited(page: str, **session: Any) -> AppTest:
    """The page of that name with these choices made."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    for name, value in session.items():
        test.session_state[name] = value
    test.session_state.go_to = page
    test.run()
    assert not test.exception
    return test


def seeing(test: AppTest) -> Any:
    """The sidebar with the choices of how similarity is judged open."""
    closed = test.session_state.seeing_closed if "seeing_closed" in test.session_state else 0
    if not test.session_state[f"seeing-open-{closed}"]:
        test.session_state[f"seeing-open-{closed}"] = True
        test.run()
    return test.sidebar


def texts(test: AppTest) -> str:
    """Everything that can be read, headings last."""
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success, test.code)
    heads = (test.header, test.subheader)
    return " | ".join(part.value for kind in (*kinds, *heads) for part in kind).replace("\\", "")


def labels(test: AppTest) -> list[str]:
    """What stands on the buttons."""
    return [button.label for button in test.button]


def job(bench: Workbench, kind: str, name: str, result: dict[str, Any] | None) -> Path:
    """The folder of a job that measures the thing of that name; without a result it was cut off."""
    folder = bench.home.jobs / f"20990101-000000-000-{kind}"
    config = {"kind": kind, "title": f"{kind.title()} {name}", "arguments": {"name": name}, "started": 0.0}
    write_json(folder / "config.json", config)
    (folder / "lock").touch()
    if result is not None:
        write_json(folder / "result.json", result)
    return folder
