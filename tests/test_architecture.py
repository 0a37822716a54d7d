"""The shape of the house, read from the imports themselves.

Rooms stand in floors, in the order in which data flows. A room imports only rooms below it; nothing imports in a
circle, at module level, for types or inside a function; and an import that loads nothing heavy stands at the head of
its file.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (  # from the ground up: a room imports only rooms that stand before it
    "models",
    "engine.core",
    "engine.jobs",
    "engine.cluster",
    "engine.runs",
    "engine.collections",
    "engine.duplicates",
    "engine.texts",
    "engine.indexes",
    "engine.evaluation",
    "engine.encoders",
    "engine.evidence",
    "engine.search",
    "engine.training",
    "engine.grouping",
    "engine.interchange",
    "engine.comparisons",
    "engine.classification",
    "engine.workbench",
    "engine.service",
    "engine.cli",
    "ui.session",
    "ui.shared",
    "ui.widgets",
    "ui.comparisons",
    "ui.sidebar",
    "ui.pages",
    "ui",
)
# What takes a noticeable part of a second to load; all else stands at the head of a file.
_HEAVY = """torch torchvision sklearn scipy numba faiss hnswlib streamlit plotly pandas ray cv2 umap timm
transformers sentence_transformers onnxruntime h5py pyarrow tensorboardX lshashpy3 pytorch_msssim
starlette uvicorn"""
HEAVY = set(_HEAVY.split())
MOST_LATE_IMPORTS = 40  # of our own modules that load something heavy


class Import(NamedTuple):
    """One name that a module imports. `when`: at the "head" of the file, for "types", or "late", inside a function."""

    target: str
    when: str
    line: int


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {name_of(path): path for path in sources("engine", "models", "ui")}


@cache
def imports(path: Path) -> tuple[Import, ...]:
    found: list[Import] = []
    _collect(ast.parse(path.read_text(encoding="utf-8")), "head", found)
    return tuple(found)


def _collect(node: ast.AST, when: str, found: list[Import]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            found += [Import(alias.name, when, child.lineno) for alias in child.names]
        elif isinstance(child, ast.ImportFrom) and child.module:
            full = [f"{child.module}.{alias.name}" for alias in child.names]
            found += [Import(name if name in modules() else child.module, when, child.lineno) for name in full]
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            _collect(child, "types" if when == "head" else when, found)
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            _collect(child, "late" if inside else when, found)


def own(path: Path) -> list[Import]:
    """The imports of modules of this project."""
    return [one for one in imports(path) if one.target in modules()]


def roots(path: Path) -> set[str]:
    return {one.target.split(".")[0] for one in imports(path)}


def room_of(module: str) -> str:
    """The room a module stands in: the longest name of FLOORS that its own begins with; "" for the engine's door."""
    rooms = [room for room in FLOORS if module == room or module.startswith(room + ".")]
    return max(rooms, key=len, default="")


@cache
def loads(module: str) -> frozenset[str]:
    """The heavy libraries that come with importing a module."""
    heavy: set[str] = set()
    reached, waiting = {module}, [module]
    while waiting:
        targets = {one.target for one in imports(modules()[waiting.pop()]) if one.when == "head"}
        heavy |= {target.split(".")[0] for target in targets} & HEAVY
        fresh = {target for target in targets if target in modules()} - reached
        reached |= fresh
        waiting += fresh
    return frozenset(heavy)


def test_every_module_has_its_room() -> None:
    homeless = [name for name in modules() if not room_of(name)]
    assert homeless == ["engine", "engine.__main__"]


def test_a_room_imports_only_rooms_below_it() -> None:
    guilty = []
    for name, path in modules().items():
        here = room_of(name)
        for one in own(path):
            there = room_of(one.target)
            if here and there and FLOORS.index(there) > FLOORS.index(here):
                guilty.append(f"{name}:{one.line} imports {one.target}")
    assert not guilty


def test_nothing_imports_in_a_circle() -> None:
    """Modules are taken away as long as one is left that imports none of the others: nothing may remain."""
    left = {name: {one.target for one in own(path)} - {name} for name, path in modules().items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert not left


def test_light_imports_stand_at_the_head() -> None:
    hidden, late = [], 0
    for name, path in modules().items():
        lines = {(one.line, one.target) for one in own(path) if one.when == "late"}
        hidden += [f"{name}:{line} {target}" for line, target in lines if loads(target) <= loads(name)]
        late += len(lines)
    assert not hidden
    assert late <= MOST_LATE_IMPORTS


def test_no_relative_imports() -> None:
    for path in sources("engine", "models", "ui"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path} imports relatively"


def test_only_the_pages_know_streamlit() -> None:
    assert not [path for path in sources("engine", "models", "benchmarks") if "streamlit" in roots(path)]


def test_no_page_imports_another() -> None:
    for path in sources("ui/pages"):
        page = path.relative_to(ROOT / "ui" / "pages").parts[0]
        others = {one.target.split(".")[2] for one in own(path) if one.target.startswith("ui.pages.")}
        assert others <= {page}, f"{path.relative_to(ROOT)} imports {others - {page}}"


def test_models_hold_networks_only() -> None:
    allowed = {"__future__", "torch", "dataclasses", "typing", "collections", "models", "itertools", "math"}
    for path in sources("models"):
        assert roots(path) <= allowed, f"{path} imports {roots(path) - allowed}"


def test_the_workbench_opens_without_heavy_libraries() -> None:
    code = f"import engine.workbench, sys; print(*({HEAVY!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.split() == []


def test_no_code_can_hide_in_files_we_load() -> None:
    """No pickle, no unchecked torch.load, no pickled arrays, no HTML switched on."""
    for path in sources("engine", "models", "ui", "benchmarks"):
        assert not roots(path) & {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}, path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                _check_call(node, path)


def _check_call(node: ast.Call, path: Path) -> None:
    keywords = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
    assert keywords.get("allow_pickle") is not True, path
    assert keywords.get("weights_only") is not False, path
    assert keywords.get("unsafe_allow_html") is not True, path
    if isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "torch.load":
        assert keywords.get("weights_only") is True, path
    if isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in ("np.load", "numpy.load"):
        assert keywords.get("allow_pickle") is False, path


def test_dates_are_formatted_alike_on_every_system() -> None:
    """`%-d` omits a leading zero on POSIX systems, and is refused on Windows."""
    for path in sources("engine", "ui"):
        texts = (node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant))
        assert not any(re.search("%-[deHIjmMSUWy]", text) for text in texts if isinstance(text, str)), path


@pytest.mark.parametrize("folder", ["engine", "models", "ui", "benchmarks", "distribution", "tests"])
def test_files_stay_readable(folder: str) -> None:
    for path in sources(folder):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 400, f"{path.relative_to(ROOT)} has {len(lines)} lines"


def test_the_required_top_level_folders_exist() -> None:
    for name in ("app.py", "requirements.txt", "README.md", "engine", "models", "weights", "datasets", "tests"):
        assert (ROOT / name).exists(), name
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    packages = "streamlit torch torchvision pytorch-msssim scikit-learn lshashpy3 pillow plotly"
    for package in packages.split():
        assert f"\n{package}>=" in "\n" + required, package
