"""The main job end to end, on real files: import, embed, search, change, remove; and what stands in its way."""

from __future__ import annotations

import errno
import io
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BadParameter, NoIndex, NotFound, NoVectors, StaleVectors, UnreadableImage
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.indexes.hnsw import HNSW
from engine.jobs import job as jobs
from engine.runs.listing import create
from engine.search import opening
from engine.workbench.job_kinds import work
from engine.workbench.workbench import Query, Workbench

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 210)}
EACH = 12


def draw_pictures(folder: Path) -> None:
    """Three labels that a colour histogram tells apart: noise around red, green and blue."""
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for number in range(EACH):
            pixels = np.clip(rng.normal(colour, 25, (40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{label}_{number:02d}.png")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workbench, Path]:
    root = tmp_path_factory.mktemp("workbench")
    draw_pictures(root / "pictures")
    bench = Workbench(Home(root / "home"))
    bench.run("import", source="folder", title="Colours", path=str(root / "pictures"))
    bench.run("embed", recipe=recipe().as_dict())
    return bench, root / "pictures"


def recipe(**changes: object) -> Recipe:
    return Recipe("colours", "colour-histogram", embedding="flatten").but(**changes)


def own(made: tuple[Workbench, Path], tmp_path: Path) -> tuple[Workbench, Path]:
    """A copy that a test may change."""
    _, pictures = made
    shutil.copytree(pictures, tmp_path / "pictures")
    mine = Workbench(Home(tmp_path / "home"))
    mine.run("import", source="folder", title="Colours", path=str(tmp_path / "pictures"))
    mine.run("embed", recipe=recipe().as_dict())
    return mine, tmp_path / "pictures"


def first(bench: Workbench, label: str) -> int:
    images = bench.collection("colours").images()
    return int(images.ids[images.labels.index(label)])


@pytest.mark.parametrize("method", ["exact", "lsh", "kmeans", "hnsw"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_eight_neighbours_of_the_same_colour(made: tuple[Workbench, Path], method: str, metric: str) -> None:
    bench, _ = made
    for label in COLOURS:
        answer = bench.search(recipe(method=method, metric=metric), Query.image(first(bench, label)))
        assert [hit.label for hit in answer.hits] == [label] * 8
        assert answer.receipt.total == 3 * EACH - 1
        assert answer.receipt.recall == 1.0


def test_a_picture_from_outside_finds_its_colour(made: tuple[Workbench, Path]) -> None:
    bench, _ = made
    out = io.BytesIO()
    Image.new("RGB", (3, 3), COLOURS["green"]).save(out, "PNG")
    answer = bench.search(recipe(), Query.picture(out.getvalue(), "tiny.png"))
    assert {hit.label for hit in answer.hits} == {"green"}
    assert answer.receipt.encode_milliseconds > 0


def test_a_crop_asks_with_that_part_only(made: tuple[Workbench, Path]) -> None:
    bench, _ = made
    halves = Image.new("RGB", (80, 40), COLOURS["red"])
    halves.paste(COLOURS["blue"], (40, 0, 80, 40))
    out = io.BytesIO()
    halves.save(out, "PNG")
    for crop, label in (((0, 0, 0.5, 1), "red"), ((0.5, 0, 1, 1), "blue")):
        answer = bench.search(recipe(), Query.picture(out.getvalue(), "halves.png", crop))
        assert {hit.label for hit in answer.hits} == {label}


def test_the_whole_image_as_crop_is_the_image_itself(made: tuple[Workbench, Path]) -> None:
    bench, _ = made
    id = first(bench, "red")
    cropped = bench.search(recipe(), Query.image(id, (0, 0, 1, 1)), include_query=True)
    assert cropped.hits[0].id == id
    assert cropped.hits[0].distance == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40])
def test_a_query_that_is_no_picture_is_one_sentence(made: tuple[Workbench, Path], data: bytes) -> None:
    bench, _ = made
    with pytest.raises(UnreadableImage) as caught:
        bench.search(recipe(), Query.picture(data, "broken.png"))
    assert str(caught.value).endswith(".")


def test_what_is_not_there_is_named(made: tuple[Workbench, Path]) -> None:
    bench, _ = made
    with pytest.raises(NotFound, match="no-such"):
        bench.search(recipe(collection="no-such"), Query.image(1))
    with pytest.raises(NotFound, match="999"):
        bench.search(recipe(), Query.image(999))
    with pytest.raises(BadParameter, match="method"):
        bench.search(recipe(method="magic"), Query.image(1))
    with pytest.raises(BadParameter, match="bits"):
        bench.search(recipe(method="lsh", options=(("bits", 1000),)), Query.image(1))
    with pytest.raises(BadParameter, match="embedding"):
        bench.readiness(recipe(embedding="magic"))
    with pytest.raises(BadParameter, match="metric"):
        bench.search(recipe(metric="magic"), Query.image(1))
    with pytest.raises(BadParameter, match="kind"):
        bench.run("magic")


def test_an_untrained_model_says_so_and_points_to_training(made: tuple[Workbench, Path]) -> None:
    bench, _ = made
    ready = bench.readiness(recipe(encoder="model-3", embedding="max"))
    assert not ready.ready
    assert ready.action == "train"


def test_vectors_that_are_not_there_are_offered(made: tuple[Workbench, Path]) -> None:
    bench, _ = made
    ready = bench.readiness(recipe(encoder="raw-pixels"))
    assert (ready.ready, ready.action, ready.missing) == (False, "embed", 3 * EACH)
    with pytest.raises(NoVectors):
        bench.search(recipe(encoder="raw-pixels"), Query.image(1))


def test_changed_images_never_answer_with_old_vectors(made: tuple[Workbench, Path], tmp_path: Path) -> None:
    bench, pictures = own(made, tmp_path)
    id = first(bench, "red")
    bench.search(recipe(), Query.image(id))
    Image.new("RGB", (50, 40), COLOURS["blue"]).save(pictures / "red" / "red_00.png")
    Image.new("RGB", (50, 40), COLOURS["green"]).save(pictures / "green" / "new.png")
    (pictures / "blue" / "blue_00.png").unlink()
    report = bench.run("rescan", collection="colours")
    assert (report["added"], report["changed"], report["removed"]) == (1, 1, 1)
    with pytest.raises(StaleVectors):
        bench.search(recipe(), Query.image(id))
    assert bench.readiness(recipe()).missing == 2
    bench.run("embed", recipe=recipe().as_dict())
    answer = bench.search(recipe(k=30), Query.image(id))
    assert {hit.label for hit in answer.hits[:8]} == {"blue"}
    assert "blue_00.png" not in {Path(hit.name).name for hit in answer.hits}
    assert answer.receipt.total == 3 * EACH - 1


def test_a_vanished_folder_is_one_sentence_and_loses_nothing(made: tuple[Workbench, Path], tmp_path: Path) -> None:
    bench, pictures = own(made, tmp_path)
    pictures.rename(tmp_path / "elsewhere")
    with pytest.raises(NotFound, match="pictures"):
        bench.run("rescan", collection="colours")
    assert len(bench.search(recipe(), Query.image(first(bench, "red"))).hits) == 8
    (tmp_path / "elsewhere").rename(pictures)
    assert bench.run("rescan", collection="colours")["removed"] == 0


def test_removing_a_collection_leaves_the_originals(made: tuple[Workbench, Path], tmp_path: Path) -> None:
    bench, pictures = own(made, tmp_path)
    bench.remove("colours")
    assert bench.collections() == []
    assert len(list(pictures.rglob("*.png"))) == 3 * EACH
    with pytest.raises(NotFound):
        bench.search(recipe(), Query.image(1))


def test_a_stored_index_is_used_again_and_rebuilt_when_the_vectors_change(
    made: tuple[Workbench, Path], tmp_path: Path
) -> None:
    bench, pictures = own(made, tmp_path)
    first_answer = bench.search(recipe(method="kmeans"), Query.image(first(bench, "red")))
    [folder] = (tmp_path / "home" / "datasets" / "colours" / "indexes").iterdir()
    before = (folder / "current.json").read_bytes()
    again = Workbench(Home(tmp_path / "home")).search(recipe(method="kmeans"), Query.image(first(bench, "red")))
    assert again.hits == first_answer.hits
    assert (folder / "current.json").read_bytes() == before
    (pictures / "red" / "red_05.png").unlink()
    bench.run("rescan", collection="colours")
    bench.run("embed", recipe=recipe().as_dict())
    answer = bench.search(recipe(method="kmeans", k=100), Query.image(first(bench, "red")))
    assert "red/red_05.png" not in {hit.name for hit in answer.hits}
    assert (folder / "current.json").read_bytes() != before


def test_many_searches_at_once_equal_the_serial_ones(made: tuple[Workbench, Path]) -> None:
    bench, _ = made
    ids = [int(id) for id in bench.collection("colours").images().ids]
    recipes = [recipe(method=method) for method in ("exact", "kmeans", "hnsw")]
    serial = {(r, id): bench.search(r, Query.image(id)).hits for r in recipes for id in ids}
    fresh = Workbench(bench.home)
    wrong: list[object] = []

    def ask(shift: int) -> None:
        for r in recipes:
            for id in ids[shift::4]:
                hits = fresh.search(r, Query.image(id)).hits
                if hits != serial[r, id]:
                    wrong.append((r, id))

    threads = [threading.Thread(target=ask, args=(shift,)) for shift in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_upload_spool_import_and_clean_up(tmp_path: Path) -> None:
    bench = Workbench(Home(tmp_path))
    out = io.BytesIO()
    Image.new("RGB", (9, 9), "white").save(out, "PNG")
    spool = bench.spool([("../../evil name.png", out.getvalue()), ("broken.jpg", b"nothing")])
    report = bench.run("import", source="upload", title="Two files", spool=str(spool))
    assert (report["added"], len(report["rejects"])) == (1, 1)
    assert not spool.exists()
    [card] = bench.collections()
    assert (card.name, card.count, card.rejects) == ("two-files", 1, 1)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_large_index_is_left_to_a_job(made: tuple[Workbench, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    bench, _ = made
    asked = recipe(method="lsh", metric="euclidean", options=(("bits", 5), ("tables", 3)))
    monkeypatch.setattr("engine.search.opening.BUILT_WHILE_WAITING", 10)
    ready = bench.readiness(asked)
    assert (ready.ready, ready.action) == (False, "index")
    with pytest.raises(NoIndex, match="python -m engine index"):
        bench.search(asked, Query.image(first(bench, "red")))
    assert bench.readiness(asked.but(method="exact")).ready
    bench.run("index", recipe=asked.as_dict())
    assert bench.readiness(asked).ready
    assert len(bench.search(asked, Query.image(first(bench, "red"))).hits) == 8


def test_a_damaged_index_is_made_anew(made: tuple[Workbench, Path], tmp_path: Path) -> None:
    bench, _ = own(made, tmp_path)
    asked = recipe(method="kmeans")
    answer = bench.search(asked, Query.image(first(bench, "red")))
    [store] = (tmp_path / "home" / "datasets" / "colours" / "indexes").iterdir()
    for path in [p for p in store.rglob("*") if p.is_file() and p.name != ".lock"]:
        if not path.exists():
            continue  # swept when the former one was made anew
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        path.write_bytes(data)
        again = Workbench(bench.home)
        assert again.readiness(asked).ready
        assert again.search(asked, Query.image(first(bench, "red"))).hits == answer.hits


def test_an_index_of_an_earlier_version_is_built_again_and_that_is_said(
    made: tuple[Workbench, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, _ = own(made, tmp_path)
    asked, query = recipe(method="hnsw"), Query.image(first(bench, "red"))
    monkeypatch.setattr(HNSW, "version", 1)
    former = bench.search(asked, query)
    assert "earlier version" not in former.sentence()
    monkeypatch.setattr(HNSW, "version", 2)
    with monkeypatch.context() as large:
        large.setattr("engine.search.opening.BUILT_WHILE_WAITING", 10)
        with pytest.raises(NoIndex, match="was built by an earlier version"):
            Workbench(bench.home).search(asked, query)
    again = Workbench(bench.home).search(asked, query)
    assert again.hits == former.hits
    assert again.sentence().endswith(
        "The hnsw index was built by an earlier version of Benzer; it has been built again."
    )
    assert "earlier version" not in Workbench(bench.home).search(asked, query).sentence()


def test_an_index_that_cannot_be_stored_answers_all_the_same(
    made: tuple[Workbench, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, _ = own(made, tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("engine.core.storage.os.fsync", full)
    assert len(bench.search(recipe(method="hnsw"), Query.image(first(bench, "red"))).hits) == 8


def test_vectors_made_meanwhile_are_seen(made: tuple[Workbench, Path], tmp_path: Path) -> None:
    """A file that could not be read is left out; once it is back and embedded, a running app must know."""
    bench, pictures = own(made, tmp_path)
    id = first(bench, "red")
    shutil.rmtree(tmp_path / "home" / "datasets" / "colours" / "vectors")
    (pictures / "blue" / "blue_03.png").rename(tmp_path / "away.png")
    bench.run("embed", recipe=recipe().as_dict())
    assert bench.search(recipe(), Query.image(id)).receipt.total == 3 * EACH - 2
    (tmp_path / "away.png").rename(pictures / "blue" / "blue_03.png")
    bench.run("embed", recipe=recipe().as_dict())
    assert bench.search(recipe(), Query.image(id)).receipt.total == 3 * EACH - 1


def test_readers_do_not_make_a_recipe_open_anew(made: tuple[Workbench, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Workbench(made[0].home)
    opened: list[object] = []
    real = opening.open_searcher
    monkeypatch.setattr(opening, "open_searcher", lambda *a, **k: opened.append(a) or real(*a, **k))
    bench.search(recipe(), Query.image(1))

    def ask() -> None:
        for _ in range(10):
            bench.collection("colours").images()
            bench.search(recipe(), Query.image(1))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1


def test_the_help_for_choosing_clusters_sees_the_three_colours(made: tuple[Workbench, Path]) -> None:
    bench, _ = made
    rows = bench.cluster_help(recipe(method="kmeans", metric="euclidean"))
    assert [row["clusters"] for row in rows] == [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32]
    assert max(rows, key=lambda row: row["silhouette"])["clusters"] == 3
    assert [row["clusters"] for row in rows if row["elbow"]] == [3]
    with pytest.raises(NoVectors):
        bench.cluster_help(recipe(encoder="raw-pixels"))


def test_the_help_looks_at_a_part_of_many_vectors(
    made: tuple[Workbench, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, _ = made
    monkeypatch.setattr("engine.workbench.workbench._HELPFUL_ROWS", 10)
    monkeypatch.setattr("engine.workbench.workbench._HELPFUL_VALUES", 1)
    rows = bench.cluster_help(recipe(metric="euclidean"))
    assert [row["clusters"] for row in rows] == [2, 3, 4, 5, 6, 8]  # of 9 vectors


def test_images_that_could_not_be_embedded_are_named(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "pictures")
    bench = Workbench(Home(tmp_path / "home"))
    bench.run("import", source="folder", title="Colours", path=str(tmp_path / "pictures"))
    torn = tmp_path / "pictures" / "red" / "red_03.png"
    whole = torn.read_bytes()
    torn.write_bytes(whole[:200])
    bench.run("embed", recipe=recipe().as_dict())
    assert [name for name, _ in bench.left_out(recipe())] == ["red/red_03.png"]
    assert bench.left_out(recipe())[0][1].endswith(".")
    torn.write_bytes(whole)
    bench.run("embed", recipe=recipe().as_dict())
    assert bench.left_out(recipe()) == ()


def test_what_did_not_end_well_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Workbench(Home(tmp_path))
    monkeypatch.setattr(jobs, "begin_worker", lambda folder: None)
    job = bench.start("rescan", collection="nothing")
    with pytest.raises(BadParameter, match="which is starting"):
        bench.again(job.id)
    work(job.folder)
    assert job.state == "failed"
    second = bench.again(job.id)
    assert (second.kind, second.title, second.config["arguments"]) == (job.kind, job.title, job.config["arguments"])
    jobs.work(second.folder, {"rescan": lambda arguments, reporter: {}})
    with pytest.raises(BadParameter, match="which is done"):
        bench.again(second.id)


def test_a_training_that_was_cut_off_goes_on_with_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Workbench(Home(tmp_path))
    monkeypatch.setattr(jobs, "begin_worker", lambda folder: None)
    job = bench.start("train", collection="colours", config={"model": 1})
    jobs.work(job.folder, {"train": lambda arguments, reporter: Reporter(job.folder / "missing").event(kind="broken")})
    assert bench.again(job.id).config["arguments"] == job.config["arguments"]
    run = create(bench.home, "mine", {"model": 1}, {})
    with pytest.raises(ZeroDivisionError), run.training(job.id):
        raise ZeroDivisionError
    assert run.state == "interrupted"
    assert bench.again(job.id).config["arguments"] == {"run": "mine", "home": str(tmp_path)}
