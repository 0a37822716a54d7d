"""One damaged file of a home never blocks the rest: it is passed over, named, and can be deleted."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli.parser import main
from engine.collections.listing import damaged
from engine.core.home import Home
from engine.core.storage import write_json
from engine.encoders.combination import kept
from engine.jobs.job import damaged_jobs
from engine.runs import listing as runs
from engine.workbench import Workbench

HOME = Path(__file__).resolve().parents[2] / "data" / "home-of-0.1.zip"
JOB = "jobs/20261129-173528-000-embed"
COLLECTION = "datasets/old-shapes"


def empty(path: Path) -> None:
    path.write_bytes(b"")


def noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 8)


def folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_bytes(b"x")


def sealed(body: object) -> Callable[[Path], None]:
    return lambda path: write_json(path, body)


def bare(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text, encoding="utf-8")


DAMAGE = {
    "empty": empty,
    "noise": noise,
    "folder": folder,
    "bare {}": bare("{}"),
    "bare []": bare("[]"),
    "bare null": bare("null"),
    "deep": bare("[" * 100_000),
    "sealed {}": sealed({}),
    "sealed []": sealed([]),
    "sealed [1]": sealed([1]),
    "sealed null": sealed(None),
    "sealed text": sealed("text"),
    "sealed other": sealed({"format": 1, "made": "x", "plan": {"title": 3}, "state": 7, "config": [], "kind": {}}),
    "sealed null fields": sealed(dict.fromkeys(("format", "made", "plan", "state", "kind", "title", "generation"))),
}
FILES = [
    f"{JOB}/config.json",
    f"{JOB}/result.json",
    f"{JOB}/events.jsonl",
    f"{COLLECTION}/catalogue.sqlite",
    f"{COLLECTION}/catalogue.seal.json",
    f"{COLLECTION}/labels.json",
    f"{COLLECTION}/groupings/two-kinds-1/person.json",
    f"{COLLECTION}/groupings/two-kinds-1/current.json",
    f"{COLLECTION}/groupings/two-kinds-1/000001/manifest.json",
    f"{COLLECTION}/vectors/glcm-vector-32a9643322532fb1/current.json",
    f"{COLLECTION}/vectors/glcm-vector-32a9643322532fb1/000001/manifest.json",
    f"{COLLECTION}/indexes/lsh-0b3ab641d7f5e90d/current.json",
    "studies/old-study/plan.json",
    "studies/old-study/cells/c34dcb7e547a9957.json",
    "experiments/old-comparison/plan.json",
    "experiments/old-comparison/cells/a261d9cc2ddcb47a.json",
    "classifications/old-classification/plan.json",
    "classifications/old-classification/cells/picture-2-ccf1b93cdbec9aa7.json",
    "weights/mine-1/run.json",
    "weights/mine-1/events.jsonl",
    "weights/mine-1/watch/probe.json",
    "classifiers/said-1/run.json",
    "combinations.json",
]
COMPARISONS = {"old-study", "old-comparison", "old-classification"}
GROUPINGS = {"two-kinds-1"}
LISTS = (
    ["list"],
    ["jobs"],
    ["runs"],
    ["encoders"],
    ["compare", "--list"],
    ["hashing", "--list"],
    ["classify", "--list"],
)


@pytest.fixture(scope="module")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kept")
    with zipfile.ZipFile(HOME) as archive:
        archive.extractall(root)
    home = Home(root)
    runs.create(home, "mine-1", {"model": 4, "epochs": 1}, {})
    runs.create(home, "said-1", {"model": 4}, {}, home.classifiers)
    (root / "weights/mine-1/watch").mkdir()
    return root


@pytest.fixture
def bench(kept_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    shutil.copytree(kept_home, tmp_path / "home")
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("engine.jobs.job.begin_worker", lambda folder: None)  # jobs are started, not worked on
    return Workbench(Home(tmp_path / "home"))


def replace(path: Path, damage: Callable[[Path], None]) -> None:
    path.unlink(missing_ok=True)
    damage(path)


def owner(file: str) -> str:
    """The name of what a file belongs to, besides its collection."""
    parts = Path(file).parts
    return parts[3] if parts[0] == "datasets" and len(parts) > 3 else parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("file", FILES)
def test_every_list_and_a_new_job_still_work(bench: Workbench, file: str, damage: Callable[[Path], None]) -> None:
    replace(bench.home.root / file, damage)
    found = [*bench.experiments(), *bench.studies(), *bench.classifications()]
    assert {comparison.name for comparison in found} >= COMPARISONS - {owner(file)}
    for comparison in found:
        assert comparison.title.startswith("Old")
        assert comparison.rows() or comparison.name == owner(file)
        assert comparison.state(bench.jobs())
    trained = [*bench.runs(), *bench.classifiers()]
    assert {run.name for run in trained} >= {"mine-1"} - {owner(file)}
    for run in trained:
        assert run.state
        assert run.epochs_done >= 0
        run.probe()
    for card in bench.collections():
        groupings = bench.groupings(card.name)
        assert {grouping.name for grouping in groupings} >= GROUPINGS - {owner(file)}
        assert all(grouping.title for grouping in groupings)
    assert {card.name for card in bench.collections()} | {name for name, _ in damaged(bench.home)} == {"old-shapes"}
    assert {job.id for job in bench.jobs()} >= {JOB.removeprefix("jobs/")} - {owner(file)}
    for job in bench.jobs():
        assert job.state in ("done", "failed", "interrupted")
        assert 0 <= job.progress.fraction <= 1
    assert kept(bench.home) == []
    bench.choices()
    started = bench.start("sample", name="digits")
    assert started.id in [job.id for job in bench.jobs()]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
@pytest.mark.parametrize("damage", ["empty", "folder", "sealed other"])
def test_the_lists_of_the_command_line_still_work_where_everything_is_damaged(
    bench: Workbench, damage: str, words: list[str]
) -> None:
    for file in FILES:
        if (bench.home.root / file).parent.is_dir():
            replace(bench.home.root / file, DAMAGE[damage])
    assert main(words) == 0


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("file", ["config.json", "result.json"])
def test_a_damaged_job_is_named_and_can_be_deleted(bench: Workbench, file: str, damage: Callable[[Path], None]) -> None:
    replace(bench.home.root / JOB / file, damage)
    [(job, sentence)] = damaged_jobs(bench.home.jobs)
    assert file in sentence
    assert main(["jobs", "--delete", job.id, "--yes"]) == 0
    assert not job.folder.exists()


def test_a_job_of_the_future_is_not_taken_for_one_that_starts(bench: Workbench) -> None:
    job = bench.start("sample", name="digits")
    write_json(job.folder / "config.json", {**job.config, "started": job.config["started"] + 10**6})
    assert job.state == "interrupted"
    job.remove()
    assert not job.folder.exists()


def test_many_damaged_jobs_do_not_keep_a_new_one_from_starting(bench: Workbench) -> None:
    for number in range(250):
        folder = bench.home.jobs / f"20200101-000000-{number:03d}-embed"
        write_json(folder / "config.json", {"kind": "embed", "title": "x", "arguments": {}, "started": 0.0})
        (folder / "result.json").write_bytes(b"")
    assert bench.start("sample", name="digits").state == "starting"
    assert len(bench.jobs()) <= 202


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("experiments/old-comparison/plan.json", ["compare", "--delete", "old-comparison"]),
        ("studies/old-study/plan.json", ["hashing", "--delete", "old-study"]),
        ("classifications/old-classification/plan.json", ["classify", "--delete", "old-classification"]),
        (
            f"{COLLECTION}/groupings/two-kinds-1/person.json",
            ["group", "--collection", "old-shapes", "--delete", "two-kinds-1"],
        ),
        ("weights/mine-1/run.json", ["runs", "--delete", "mine-1"]),
        ("classifiers/said-1/run.json", ["classify", "--delete", "said-1"]),
    ],
)
@pytest.mark.parametrize("damage", ["empty", "folder", "sealed other"])
def test_what_is_damaged_can_be_deleted(bench: Workbench, file: str, words: list[str], damage: str) -> None:
    path = bench.home.root / file
    replace(path, DAMAGE[damage])
    assert main([*words, "--yes"]) == 0
    assert not path.parent.exists()
