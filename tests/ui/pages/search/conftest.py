"""The search page without a browser."""

from __future__ import annotations

import io

from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import SCRIPT

RAW = {"collection": "shapes", "encoder": "raw-pixels", "embedding": "max", "metric": "cosine", "method": "exact"}


def visit(**address: str) -> AppTest:
    """A fresh visitor at that address."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def headings(test: AppTest) -> list[str]:
    return [element.value.replace("\\", "") for element in test.header]


def captions(test: AppTest) -> str:
    return "\n".join(element.value.replace("\\", "") for element in test.caption)


def sentences(test: AppTest) -> list[str]:
    return [element.value.replace("\\", "") for element in [*test.info, *test.error]]


def params(test: AppTest) -> dict[str, str]:
    """The address as the page left it."""
    return {name: value[0] if isinstance(value, list) else value for name, value in test.query_params.items()}


def tiny() -> bytes:
    """A PNG of nine red pixels."""
    out = io.BytesIO()
    Image.new("RGB", (3, 3), "red").save(out, "PNG")
    return out.getvalue()
