"""The part of the build that makes the package `benzer` from the packages of the checkout; run by hatchling."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
from layout import PACKAGE, write_package


class PackageHook(BuildHookInterface[Any]):
    """Writes the package to a temporary folder and has hatchling put that into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is written."""
        self._folder = Path(tempfile.mkdtemp(prefix="benzer-wheel-"))
        write_package(Path(self.root), self._folder / PACKAGE)
        build_data["force_include"][str(self._folder / PACKAGE)] = PACKAGE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when the wheel is written."""
        shutil.rmtree(self._folder, ignore_errors=True)
