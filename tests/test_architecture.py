"""The shape of the house, read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = (
    "collections",
    "encoders",
    "indexes",
    "texts",
    "training",
    "grouping",
    "evaluation",
    "classification",
    "studies",
)
FOUNDATION = {
    "errors",
    "storage",
    "distances",
    "discovery",
    "home",
    "recipe",
    "jobs",
    "tables",
    "turns",
    "download",
    "settings",
    "cluster",
    "spread",
    "ledger",
    "html_report",
}
# What a family may know of another one: the face it is given, never its insides.
PASSED_IN = {
    # backbones: the table of ready-made networks, which a training shapes as well as it does the project's own models
    ("training", "encoders"): {"engine.core.device", "engine.encoders.encoder", "engine.encoders.networks.table"},
    ("encoders", "training"): {"engine.runs.run", "engine.encoders.examples.examples"},
    ("encoders", "texts"): {"engine.texts"},
    ("texts", "encoders"): {"engine.core.device"},
    ("evaluation", "indexes"): {"engine.indexes", "engine.indexes.index"},
    ("studies", "indexes"): {"engine.indexes", "engine.indexes.index"},
    ("studies", "evaluation"): {"engine.evaluation.metrics", "engine.evaluation.recall"},
}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """The full names of all modules a file imports, at its top or inside its functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            if node.module.split(".")[0] in ("engine", "models", "ui"):
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def test_no_relative_imports() -> None:
    for path in sources("engine", "models", "ui"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path} imports relatively"


def test_only_the_pages_know_streamlit() -> None:
    guilty = [path for path in sources("engine", "models", "benchmarks") if "streamlit" in roots(path)]
    assert not guilty


def test_nothing_imports_upwards() -> None:
    assert not [path for path in sources("engine") if roots(path) & {"ui", "app", "tests", "benchmarks"}]
    assert not [path for path in sources("models") if roots(path) & {"ui", "app", "engine", "tests", "benchmarks"}]


def test_parts_of_pages_import_no_page() -> None:
    assert not [path for path in sources("ui") if any(name.startswith("ui.pages") for name in imports(path))]


def test_models_hold_networks_only() -> None:
    allowed = {"__future__", "torch", "dataclasses", "typing", "collections", "models", "itertools", "math"}
    for path in sources("models"):
        assert roots(path) <= allowed, f"{path} imports {roots(path) - allowed}"


def test_the_foundation_knows_no_family() -> None:
    for path in sources("engine"):
        if path.parent == ROOT / "engine" and path.stem in FOUNDATION:
            upper = {name for name in imports(path) if name.startswith("engine.")}
            known = {name.split(".")[1] for name in upper}
            assert known <= FOUNDATION, f"{path.name} imports {known - FOUNDATION}"


@pytest.mark.parametrize("family", FAMILIES)
def test_families_do_not_import_each_others_insides(family: str) -> None:
    for path in sources(f"engine/{family}"):
        for name in imports(path):
            parts = name.split(".")
            other = parts[1] if parts[0] == "engine" and len(parts) > 1 else family
            if other == family or other not in FAMILIES:
                continue
            allowed = PASSED_IN.get((family, other), set())
            fits = any(name == one or name.startswith(one + ".") for one in allowed)
            assert fits, f"{path.relative_to(ROOT)} imports {name}"


def test_the_workbench_opens_without_heavy_libraries() -> None:
    heavy = "torch torchvision sklearn scipy numba hnswlib pebble streamlit plotly pandas"
    code = f"import engine.workbench.workbench, sys; print(*(set({heavy.split()!r}) & set(sys.modules)))"
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


def test_functions_and_files_stay_readable() -> None:
    for path in sources("engine", "models", "ui"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 420, f"{path.relative_to(ROOT)} has {len(lines)} lines"


def test_the_required_top_level_stands() -> None:
    for name in ("app.py", "requirements.txt", "README.md", "engine", "models", "weights", "datasets", "tests"):
        assert (ROOT / name).exists(), name
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    packages = "streamlit torch torchvision pytorch-msssim scikit-learn lshashpy3 pillow plotly"
    for package in packages.split():
        assert f"\n{package}>=" in "\n" + required, package
