"""The frame of all pages: it waits for a library that another thread is importing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys, threading, time
from ui.main import _import_torch_whole

_import_torch_whole()
assert "torch" not in sys.modules, "the frame must not load what nobody needs"
sys.path.insert(0, sys.argv[1])
threading.Thread(target=__import__, args=["torch"]).start()
while "torch" not in sys.modules:
    time.sleep(0.01)
assert not hasattr(sys.modules["torch"], "Tensor")
_import_torch_whole()
assert hasattr(sys.modules["torch"], "Tensor")
"""


def test_a_page_waits_while_another_thread_imports_torch(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("import time\ntime.sleep(1)\nTensor = object\n")
    ended = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True)
    assert not ended.returncode, ended.stderr
