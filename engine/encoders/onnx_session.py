"""Opening an ONNX network that may come from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.core.errors import MissingPackage, Unreadable


def opened(path: Path, wanted_by: str) -> Any:
    """A network read from its bytes; other files that it refers to are not read.

    Raises:
        MissingPackage: ONNX Runtime is not installed; it says what needs it. Unreadable: no network in one file.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingPackage(wanted_by, "onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library has a dozen kinds of its own
        raise Unreadable(
            f"{path.name} is no ONNX network in one file, or it is damaged or needs a newer ONNX Runtime."
        ) from error
