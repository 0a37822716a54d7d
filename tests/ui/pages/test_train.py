"""The logic of the training page, without a browser and without training: runs and jobs are written as folders."""

from __future__ import annotations

import io
import json
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.core.errors import BadParameter, NameTaken
from engine.core.home import Home
from engine.core.progress import Progress
from engine.core.recipe import Recipe
from engine.core.storage import write_json
from engine.jobs.job import WAITING
from engine.runs import listing as run_folders
from engine.runs.epochs import Watch
from engine.runs.run import Run
from engine.runs.state import POSITION, WEIGHTS, free, kept_state, state_bytes
from engine.training.config import TrainingConfig, with_defaults
from engine.training.split import split
from engine.workbench.cost import training_seconds
from engine.workbench.workbench import Workbench
from ui.pages.train import fields
from ui.pages.train.live import result, sentence
from ui.pages.train.runs_list import epochs_csv
from ui.pages.train.state import go_on, retrieval_of, spare_states, trainings
from ui.pages.train.watch import rate_points
from ui.session import opened as state
from ui.shared.training_curves import Line, loss_chart, points, spoken

PICTURES = 20


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the collections `shapes` (20 pictures, two labels) and `few` (5)."""
    home = tmp_path_factory.mktemp("training")
    bench = Workbench(Home(home))
    for title, count in (("Shapes", PICTURES), ("Few", 5)):
        for number in range(count):
            colour = tuple(random.Random(number).randrange(256) for _ in range(3))
            path = home / "pictures" / title / ("even" if number % 2 == 0 else "odd") / f"{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (24, 24), colour).save(path)
        bench.run("import", source="folder", title=title, path=str(home / "pictures" / title))
    return home


@pytest.fixture
def bench(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """The pages' workbench on that home, without runs and jobs."""
    monkeypatch.setenv("BENZER_HOME", str(pictures))
    state.workbench.cache_clear()
    yield state.workbench()
    state.workbench.cache_clear()
    for run in run_folders.runs(Home(pictures)):
        if not run.shipped:
            run.remove()
    for folder in (pictures / "jobs").glob("*-train"):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the page wanted to start."""
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: asked.append((kind, arguments)))
    return asked


def fake_run(
    bench: Workbench, name: str, end: str = "done", epochs: int = 3, *, rise: float = 0.1, **config: Any
) -> Run:
    """A run as a training leaves it: every epoch the loss falls a little and retrieval changes by `rise`."""
    collection = {"name": "shapes", "title": "Shapes", "fingerprint": bench.collection("shapes").fingerprint()}
    card = {"title": "Model 1, trained on Shapes", "made": "2026-01-02", "collection": collection, "images": PICTURES}
    whole = TrainingConfig.from_dict({"model": 1, "size": 32, "epochs": 4, "contrast": 1.0, **config})
    run = run_folders.create(bench.home, name, whole.as_dict(), card)
    ids = bench.collection("shapes").images().ids
    watch = Watch(run.folder / "watch")
    watch.begin(ids, "precision@8", 0.45, ids[:6].tolist(), strip())
    for epoch in range(epochs + 1):
        loss = 1.0 / (epoch + 1)
        facts = {
            "validation": loss,
            "mse": loss / 10,
            "ssim": loss / 2,
            "retrieval": 0.4 + rise * epoch,
            "best": epoch > 0,
        }
        facts |= {"train": loss, "rate": 0.001, "images_per_second": 50.0, "seconds": 0.5} if epoch else {}
        run.note(epoch=epoch, **facts)
        watch.note(epoch, np.array([[*ids[ids != id][:7], -1] for id in ids]), strip())
    if epochs:
        run.keep({"encoder.a": __import__("torch").zeros(2)}, best_epoch=epochs)
    if end != "cut off":
        run.end(
            end, epochs, error="The loss stopped being a number." if end == "failed" else "", diverged=end == "failed"
        )
    return run


def strip() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 10), "teal").save(out, "WEBP")
    return out.getvalue()


def page(collection: str = "shapes", **session: object) -> AppTest:
    """The page on its own, after its first run; with `away` in the session another page is drawn in its place."""
    script = (
        "import streamlit as st\nfrom ui.pages.train import page as train\n"
        "st.write('another page') if st.session_state.get('away') else train.page()"
    )
    test = AppTest.from_string(script, default_timeout=180)
    test.session_state["recipe"] = Recipe(collection, "model-4", "default")
    for key, value in session.items():
        test.session_state[key] = value
    test.run()
    assert not test.exception
    return test


RECONSTRUCT: dict[str, Any] = fields.DEFAULTS | fields.suited("recognise") | {"learns": "recognise"}


def autoencoder_page() -> AppTest:
    """The page where an autoencoder has been chosen."""
    return page(training_draft=dict(RECONSTRUCT))


def texts(test: AppTest) -> str:
    kinds = [*test.markdown, *test.caption, *test.subheader, *test.info, *test.success, *test.warning, *test.error]
    return "\n".join(str(element.value).replace("\\", "") for element in kinds)


def buttons(test: AppTest) -> dict[str, Any]:
    return {button.key: button for button in test.button}


# ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_click_learns_from_the_pictures(bench: Workbench, started: list[Any]) -> None:
    test = page()
    assert test.button(key="train-start").label == "Learn from my pictures"
    assert "two processor cores" in texts(test)
    test.button(key="train-start").click().run()
    kind, arguments = started[0]
    assert (kind, arguments["collection"]) == ("train", "shapes")
    config = arguments["config"]
    assert (config["objective"], config["network"], config["keep"]) == ("contrastive", "small-resnet", "recognition")
    usual = TrainingConfig.from_dict(with_defaults({}, PICTURES)).as_dict()
    assert usual | {"options": config["options"]} == config, "as the command line does"


def test_labels_are_learned_with_several_seeds(bench: Workbench, started: list[Any]) -> None:
    test = page()
    assert "No labels needed." in texts(test)
    test.radio(key="train-learns").set_value("labels").run()
    assert "No labels needed." not in texts(test)
    test.selectbox(key="train-label_loss").set_value("triplet").run()
    test.selectbox(key="train-triplet.mining").set_value("batch-hard").run()
    test.selectbox(key="train-optimizer").set_value("sgd").run()
    test.number_input(key="train-momentum").set_value(0.8)
    test.number_input(key="train-crops").set_value(1)
    test.number_input(key="train-seeds").set_value(2)
    test.text_input(key="train-name").set_value("Mine").run()
    test.button(key="train-start").click().run()
    configs = [arguments["config"] for _, arguments in started]
    assert [(one["seed"], one["name"]) for one in configs] == [(0, "mine-seed-0"), (1, "mine-seed-1")]
    config = configs[0]
    assert (config["objective"], config["settings"]) == ("triplet", {"margin": 0.2, "mining": "batch-hard"})
    assert (config["optimizer"], config["momentum"], config["crops"], config["validation"]) == ("sgd", 0.8, 1, 0.2)
    assert config["keep"] == "retrieval"


def test_labels_of_held_out_pictures_alone_are_too_few() -> None:
    config = fields.config_of(fields.DEFAULTS | {"learns": "labels", "validation": 0.5})
    labels = [""] * 40
    for number, row in enumerate(split(40, TrainingConfig.from_dict(config))[1]):
        labels[row] = "ab"[number % 2]
    with pytest.raises(BadParameter, match="0 on 0 pictures"):
        fields.enough_labels(config, labels)
    fields.enough_labels(config, ["a", "b"] * 20)


def test_a_learning_rate_is_found_and_used(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.button(key="train-find-rate").click().run()
    kind, arguments = started[0]
    assert (kind, arguments["collection"]) == ("rate", "shapes")
    folder = bench.home.jobs / "20260102-000000-rate"
    write_json(folder / "config.json", {"kind": kind, "title": "Rates", "arguments": arguments, "started": 0.0})
    curve: dict[str, Any] = {"rates": [1e-4, 1e-3, 1e-2], "losses": [3.0, 2.0, 4.0], "smoothed": [3.0, 2.5, 3.2]}
    curve |= {"suggested": 0.0007, "lowest": 0.001}
    write_json(folder / "result.json", {"state": "done", "value": curve})
    test.run()
    assert "**Loss by learning rate**" in texts(test)
    assert "Lowest at 0.001." in texts(test)
    assert "try rates from 0.0001 to 0.0007." in texts(test), "the tenth of the lowest is the smaller here"
    test.button(key="train-use-rate").click().run()
    assert test.number_input(key="train-rate").value == 0.0007
    test.number_input(key="train-batch").set_value(16).run()
    assert "**Loss by learning rate**" not in texts(test), "of other settings"
    shutil.rmtree(folder)


def test_runs_of_several_seeds_are_summarised_together(bench: Workbench) -> None:
    for seed, rise in enumerate((0.1, 0.12, 0.14)):
        run = fake_run(bench, f"seed-{seed}", rise=rise, seed=seed)
        run.keep({"encoder.a": __import__("torch").zeros(2)}, best_epoch=3, retrieval=0.4 + 3 * rise)
    fake_run(bench, "other", rate=0.1)
    test = page(run_open="seed-1")
    assert "**Over 3 seeds**" in texts(test)
    assert any("0.760 ± 0.060" in str(table.value) for table in test.table)


def test_a_model_reconstructs_with_what_suits_it(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.radio(key="train-learns").set_value("recognise").run()
    assert test.button(key="train-start").label == "Start training"
    test.button(key="train-start").click().run()
    usual = TrainingConfig.from_dict(with_defaults({"objective": "autoencoding"})).as_dict()
    assert usual == started[0][1]["config"], "as the command line does"


def test_many_pictures_change_what_suits_them(bench: Workbench, started: list[Any]) -> None:
    test = page(training_draft=fields.DEFAULTS | fields.suited("learn", 8000) | {"pictures": 8000, "batch": 64})
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["size"], config["epochs"], config["batch"]) == (64, 100, 64), "what was typed stays"


def test_a_training_starts_with_what_was_filled_in(bench: Workbench, started: list[Any]) -> None:
    test = autoencoder_page()
    test.selectbox(key="train-model").set_value(2).run()
    test.selectbox(key="train-size").set_value(96).run()
    test.selectbox(key="train-schedule").set_value("warm-restarts").run()
    test.number_input(key="train-warm-restarts.t_0").set_value(5).run()
    test.number_input(key="train-epochs").set_value(7).run()
    test.number_input(key="train-limit").set_value(18).run()
    test.toggle(key="train-flip").set_value(True).run()
    test.selectbox(key="train-keep").set_value("retrieval").run()
    test.text_input(key="train-name").set_value("My first one!").run()
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["model"], config["size"], config["epochs"], config["limit"]) == (2, 96, 7, 18)
    assert (config["schedule"], config["options"]["t_0"], config["keep"]) == ("warm-restarts", 5, "retrieval")
    assert (config["flip"], config["crop"], config["name"]) == (True, False, "my-first-one")


def test_as_in_the_report(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.button(key="train-report").click().run()
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["contrast"], config["size"], config["epochs"], config["batch"], config["rate"]) == (
        0,
        224,
        40,
        32,
        1e-3,
    )


def test_only_the_numbers_of_the_schedule_are_asked_for(bench: Workbench) -> None:
    from engine.training.schedules import SCHEDULES

    test = page()
    for name, kind in SCHEDULES.items():
        test.selectbox(key="train-schedule").set_value(name).run()
        asked = {str(field.key).partition(".")[2] for field in test.number_input if "." in str(field.key)}
        assert asked == {option.name for option in kind.options}
        assert ("stops improving" in texts(test)) == (name == "plateau")


def test_a_network_learns_from_its_own_groups(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.radio(key="train-learns").set_value("group").run()
    assert "train-loss" not in {box.key for box in test.selectbox}
    assert "The number of clusters of the training must be at most 9" in texts(test)
    test.number_input(key="train-clusters").set_value(6).run()
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["objective"], config["network"], config["clusters"]) == ("deepcluster", "resnet-18", 6)
    assert (config["start"], config["keep"], config["contrast"], config["patience"]) == ("random", "last", 0.0, 0)
    assert (config["rate"], config["size"], config["schedule"]) == (0.0005, 96, "cosine")
    test.selectbox(key="train-network").set_value("model-2").run()
    test.selectbox(key="train-keep").set_value("retrieval").run()
    test.number_input(key="train-patience").set_value(4).run()
    test.button(key="train-start").click().run()
    config = started[1][1]["config"]
    assert (config["network"], config["model"], config["keep"], config["patience"]) == ("", 2, "retrieval", 4)


def test_one_click_improves_a_ready_made_network(
    bench: Workbench, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, "starts", lambda network: dict(fields.STARTS))
    test = page()
    test.button(key="train-fine-tune").click().run()
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["objective"], config["network"], config["start"]) == (
        "deepcluster",
        "efficientnet-lite0",
        "pretrained",
    )
    assert (config["rate"], config["size"], config["views"], config["keep"]) == (5e-5, 224, 128, "recognition")
    test.button(key="train-first").click().run()
    test.button(key="train-start").click().run()
    config = started[1][1]["config"]
    assert (config["objective"], config["start"], config["views"]) == ("contrastive", "random", None)


def test_without_its_weights_nothing_is_improved(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "starts", lambda network: {"random": "random"})
    assert "train-fine-tune" not in {button.key for button in page().button}


def test_another_choice_of_what_to_learn_changes_only_what_nobody_touched(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.number_input(key="train-epochs").set_value(7).run()
    test.radio(key="train-learns").set_value("group").run()
    assert (test.number_input(key="train-epochs").value, test.number_input(key="train-rate").value) == (7, 0.0005)
    test.radio(key="train-learns").set_value("plain").run()
    assert (test.number_input(key="train-epochs").value, test.number_input(key="train-rate").value) == (7, 0.001)
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["objective"], config["network"], config["keep"]) == ("autoencoding", "", "loss")


def test_weights_to_begin_with_are_offered_where_they_are_here(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    test = page()
    test.radio(key="train-learns").set_value("group").run()
    assert test.selectbox(key="train-begins").options == ["random"]
    (tmp_path / "resnet18-f37072fd.pth").touch()
    monkeypatch.setenv("BENZER_WEIGHTS", str(tmp_path))
    test.run()
    assert len(test.selectbox(key="train-begins").options) == 2


def grouping_run(bench: Workbench, name: str) -> Run:
    """A run that learned from its own groups: no reconstructions, and NMI instead of MSE."""
    run = fake_run(bench, name, objective="deepcluster", network="resnet-18", contrast=0.0, clusters=4)
    lines = [json.loads(line) for line in (run.folder / "events.jsonl").read_text().splitlines()]
    for line in lines:
        del line["mse"], line["ssim"]
        if line["epoch"]:
            line |= {"label_nmi": 0.2 + 0.1 * line["epoch"], "clusters": 4.0}
        else:
            del line["validation"]
        if line["epoch"] > 1:
            line["nmi"] = 0.6
    (run.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    watch = Watch(run.folder / "watch")
    for epoch in watch.epochs():
        seen = watch.epoch(epoch)
        assert seen is not None
        watch.note(epoch, seen.neighbours, b"")
    return run


def learning_run(bench: Workbench, name: str) -> Run:
    """A run that learned by contrast alone: nothing is held out or reconstructed, and altered copies are found."""
    run = fake_run(bench, name, objective="contrastive", network="small-resnet", contrast=0.0, validation=0.0)
    lines = [json.loads(line) for line in (run.folder / "events.jsonl").read_text().splitlines()]
    for line in lines:
        del line["mse"], line["ssim"], line["validation"]
        line["recognition"] = 0.2 + 0.2 * line["epoch"]
    (run.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    watch = Watch(run.folder / "watch")
    for epoch in watch.epochs():
        seen = watch.epoch(epoch)
        assert seen is not None
        watch.note(epoch, seen.neighbours, b"")
    return run


def test_a_run_that_learned_by_contrast_is_shown_by_what_it_finds(bench: Workbench) -> None:
    run, other = learning_run(bench, "learned"), learning_run(bench, "again")
    assert "Altered copy found: 80%, untrained 20%" in result(run)
    test = page(run_open="learned", runs_compared=["learned", "again"])
    shown = texts(test)
    assert "altered copy found 20% → **80%**" in shown
    assert "Small ResNet · Shapes · 32 px · NT-Xent (SimCLR)" in shown
    assert "**Altered copy found**" in shown
    assert f"{run.name} or {other.name}: not decided" in shown


def test_a_run_that_groups_is_shown_by_its_groups(bench: Workbench) -> None:
    grouping_run(bench, "groups")
    test = page()
    test.button(key="details-groups").click().run()
    assert not test.exception
    shown = texts(test)
    assert "ResNet-18 · Shapes · 32 px · DeepCluster" in shown
    assert "NMI with the labels 0.30 → **0.50**" in shown
    assert "lowest validation contrastive loss + MSE **0.25" not in shown
    assert "NMI of its clusters" in shown
    assert "their reconstructions" not in shown
    assert "Nearest neighbours of one picture" in shown


def test_a_run_that_groups_is_compared_by_how_it_searches(bench: Workbench) -> None:
    grouping_run(bench, "groups")
    grouping_run(bench, "more-groups")
    fake_run(bench, "redraws", rise=0.05)
    test = page()
    for name in ("groups", "redraws"):
        test.button(key=f"compare-{name}").click().run()
    assert not test.exception
    assert "One of the runs makes no clusters" in texts(test)
    assert "groups or redraws: not decided" in texts(test)
    test.button(key="compare-more-groups").click().run()
    test.button(key="compare-groups").click().run()
    assert not test.exception
    assert "NMI of clusters and labels" in texts(test)


def test_a_run_of_a_ready_made_network_becomes_the_encoder_of_the_search(bench: Workbench, started: list[Any]) -> None:
    grouping_run(bench, "groups")
    test = page()
    test.button(key="run-use-groups").click().run()
    assert test.session_state["encoder"] == "resnet-18@groups"


def test_first_weights_that_stayed_the_best_are_reported(bench: Workbench) -> None:
    run = fake_run(bench, "still")
    (run.folder / "events.jsonl").unlink()
    for epoch in (0, 1):
        run.note(epoch=epoch, retrieval=0.4 - 0.1 * epoch, best=False)
    run._write(card=run.card | {"best_epoch": 0})
    assert retrieval_of(run) == (0.4, 0.4)
    assert result(run) == "No epoch was better than the weights it began with: they remain."


def test_what_came_of_groups_in_a_sentence(bench: Workbench) -> None:
    said = result(grouping_run(bench, "groups"))
    assert said.startswith("NMI of its clusters with the labels: 0.50, initially 0.30; precision@8 went")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("epochs", 0, "The epochs of the training must be a whole number from 1"),
        ("epochs", None, "The epochs of the training must be"),
        ("rate", -1.0, "The rate of the training must be a number from"),
        ("batch", 100_000, "The batch of the training must be"),
        ("validation", 1.5, "The validation share of the training must be"),
        ("limit", 3, "The limit of pictures of the training must be"),
        ("noise", 7.0, "The noise of the training must be"),
        ("patience", -2, "The patience of the training must be"),
    ],
)
def test_impossible_numbers_are_one_sentence(
    bench: Workbench, started: list[Any], field: str, value: Any, says: str
) -> None:
    test = autoencoder_page()
    test.number_input(key=f"train-{field}").set_value(value).run()
    assert [error.value.replace("\\", "").startswith(says) for error in test.error] == [True]
    assert test.button(key="train-start").disabled
    assert not started


def test_a_size_that_cannot_be_redrawn_names_the_nearest(bench: Workbench) -> None:
    test = autoencoder_page()
    test.selectbox(key="train-model").set_value(1).run()
    test.selectbox(key="train-size").set_value(fields.OTHER).run()
    test.number_input(key="train-other_size").set_value(50).run()
    assert "The nearest are 32 or 64." in texts(test)


def test_a_number_of_the_schedule_is_checked_too(bench: Workbench) -> None:
    test = page()
    test.selectbox(key="train-schedule").set_value("plateau").run()
    test.number_input(key="train-plateau.factor").set_value(3.0).run()
    assert "The factor of the schedule plateau must be" in texts(test)


def test_too_few_pictures_say_how_many_it_takes(bench: Workbench) -> None:
    test = page("few")
    assert "must be at least 16; got 5." in texts(test)
    assert test.button(key="train-start").disabled


def test_only_sizes_that_the_model_redraws_are_offered(bench: Workbench) -> None:
    test = autoencoder_page()
    test.selectbox(key="train-model").set_value(1).run()
    test.selectbox(key="train-size").set_value(96).run()
    test.selectbox(key="train-model").set_value(4).run()
    assert "96 · quick" not in test.selectbox(key="train-size").options
    assert test.selectbox(key="train-size").value == 160
    assert not test.error


def test_what_was_typed_outlives_a_page_change(bench: Workbench) -> None:
    test = page()
    test.number_input(key="train-epochs").set_value(77).run()
    test.selectbox(key="train-schedule").set_value("plateau").run()
    test.number_input(key="train-plateau.patience").set_value(9).run()
    test.selectbox(key="train-schedule").set_value("none").run()
    test.session_state["away"] = True
    assert "another page" in texts(test.run())
    test.session_state["away"] = False
    test.run()
    assert test.number_input(key="train-epochs").value == 77
    test.selectbox(key="train-schedule").set_value("plateau").run()
    assert test.number_input(key="train-plateau.patience").value == 9


def test_a_taken_name_is_said_before_anything_starts(bench: Workbench) -> None:
    fake_run(bench, "mine")
    fake_run(bench, "ours-seed-1")
    with pytest.raises(NameTaken, match="'mine' already exists"):
        fields.check_seeds(fields.config_of(fields.DEFAULTS | {"name": "Mine"}), 1)
    with pytest.raises(NameTaken, match="'ours-seed-1' already exists"):
        fields.check_seeds(fields.config_of(fields.DEFAULTS | {"name": "Ours"}), 2)
    fields.check_seeds(fields.config_of(fields.DEFAULTS | {"name": "Mine"}), 2)
    with pytest.raises(BadParameter, match="number of seeds"):
        fields.check_seeds(fields.config_of(fields.DEFAULTS), 99)
    with fake_job(bench, "20260102-000000-000", WAITING, config={"name": "queued"}), pytest.raises(NameTaken):
        fields.check_seeds(fields.config_of(fields.DEFAULTS | {"name": "Queued"}), 1)
    with pytest.raises(BadParameter, match="name of a run"):
        fields.config_of(fields.DEFAULTS | {"name": "***"})


def test_the_time_is_known_from_an_earlier_run_of_the_same_work(bench: Workbench) -> None:
    fake_run(bench, "earlier")  # half a second an epoch of 20 pictures
    config = fields.config_of(RECONSTRUCT | {"model": 1, "size": 0, "other_size": 32, "epochs": 6})
    seconds, run = training_seconds(bench.home, config, images=40) or (0.0, None)
    assert seconds == pytest.approx(6 * 0.5 * 2)
    assert run is not None
    assert training_seconds(bench.home, config | {"size": 64}, images=40) is None
    assert training_seconds(bench.home, config | {"contrast": 0.0}, images=40) is None


def test_a_double_click_starts_one_training(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.button(key="train-start").click().run()
    test.button(key="train-start").click().run()
    assert len(started) == 1


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_was_cut_off_is_continued(bench: Workbench, started: list[Any]) -> None:
    fake_run(bench, "cut", "cut off", epochs=2)
    test = page()
    assert "interrupted" in texts(test)
    button = test.button(key="run-continue-cut")
    assert button.label == "Continue from epoch 2"
    button.click().run()
    assert started == [("train", {"run": "cut", "epochs": None, "title": "cut"})]


def test_a_failed_run_says_why_and_fills_in_a_lower_rate(bench: Workbench, started: list[Any]) -> None:
    fake_run(bench, "nan", "failed", schedule="plateau", options={"patience": 7}, rate=0.5, noise=0.25)
    test = page()
    assert "The loss stopped being a number." in texts(test)
    assert "run-continue-nan" not in buttons(test)  # from there on there would be no number again
    test.button(key="run-lower-nan").click().run()
    assert test.number_input(key="train-rate").value == pytest.approx(0.05)
    assert test.number_input(key="train-plateau.patience").value == 7
    assert test.number_input(key="train-other_size").value == 32
    assert test.number_input(key="train-noise").value == 0.25


def test_a_finished_run_trains_on_for_more_epochs(bench: Workbench, started: list[Any]) -> None:
    fake_run(bench, "good")
    test = page(**{"on-good": True})
    test.number_input(key="more-epochs-good").set_value(5).run()
    test.button(key="train-on-good").click().run()
    assert started == [("train", {"run": "good", "epochs": 8, "title": "good"})]


def test_a_finished_run_becomes_the_encoder_of_the_search(bench: Workbench, started: list[Any]) -> None:
    fake_run(bench, "good")
    test = page()
    test.button(key="run-use-good").click().run()
    assert test.session_state["encoder"] == "model-1@good"
    assert test.session_state["go_to"] == "search"


def test_a_title_is_changed_and_the_name_stays(bench: Workbench) -> None:
    run = fake_run(bench, "good")
    test = page(**{"more-run-good": True})
    test.text_input(key="title-run-good").set_value("The **best** one")
    test.button(key="rename-run-good").click().run()
    assert (run.title, run.name) == ("The **best** one", "good")
    assert r"\*\*best\*\*" in "".join(str(element.value) for element in test.markdown)


def test_what_only_continuing_needs_is_freed_after_a_question(bench: Workbench) -> None:
    run = fake_run(bench, "former")
    assert "runs-free" not in buttons(page())
    facts = {"position": {}, "schedule": {}}

    def fill(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(bytes(1_000_000))
        write_json(folder / POSITION, facts)

    kept_state(run.folder).publish(fill, {"epoch": 3, "step": 0})
    test = page(**{"more-run-former": True})
    assert "1 finished run holds 1.0 MB that only continuing it exactly needs." in texts(test)
    assert test.button(key="free-former").label == "Free 1.0 MB …"
    test.button(key="runs-free").click().run()
    assert "with a fresh optimizer" in texts(test)
    assert state_bytes(run) > 0
    assert "free-runs-yes" in buttons(test)
    free(run)
    assert "runs-free" not in buttons(page())
    assert spare_states() == []
    classifier = run_folders.create(bench.home, "classifier", run.config, {}, root=bench.home.classifiers)
    kept_state(classifier.folder).publish(fill, {"epoch": 3, "step": 0})
    classifier.end("done", 3)
    assert spare_states() == [(classifier, 1_000_000)]
    shutil.rmtree(bench.home.classifiers)


def test_the_disk_is_said_and_the_state_kept_where_wanted(bench: Workbench, started: list[Any]) -> None:
    test = page()
    assert "of disk while it trains" in texts(test)
    test.checkbox(key="train-keep_state").check().run()
    test.button(key="train-start").click().run()
    [(_, asked)] = started
    assert asked["config"]["keep_state"] is True


def test_deleting_asks_first(bench: Workbench) -> None:
    run = fake_run(bench, "good")
    test = page(**{"more-run-good": True})
    test.button(key="delete-run-good").click().run()
    assert run.folder.exists()
    assert "permanently deleted" in texts(test)
    assert "delete-run-yes" in buttons(test)  # what it does, a browser tests: a dialog's button reruns the dialog alone


def test_runs_are_chosen_for_comparison_and_left_out_again(bench: Workbench) -> None:
    for name in ("one", "two", "three"):
        fake_run(bench, name, seed=int(name == "three"))
    test = page()
    test.button(key="compare-one").click().run()
    assert "on another run" in texts(test)
    test.button(key="compare-two").click().run()
    assert "one or two: not decided" in texts(test)
    assert "No setting differs" in texts(test)
    test.button(key="compare-three").click().run()
    assert test.session_state["runs_compared"] == ["one", "two", "three"]
    assert list(test.dataframe[0].value["Run"]) == ["one", "two", "three"]
    assert "corrected for 3 pairs (Holm)" in texts(test)
    test.button(key="compare-two").click().run()
    assert test.session_state["runs_compared"] == ["one", "three"]
    test.button(key="compare-close").click().run()
    assert test.session_state["runs_compared"] == []


def test_runs_of_other_collections_are_not_compared(bench: Workbench) -> None:
    fake_run(bench, "one")
    other = fake_run(bench, "other")
    other._write(card=other.card | {"collection": {"name": "few", "fingerprint": "few"}})
    shown = texts(page(runs_compared=["one", "other"]))
    assert "all on one collection: figures of others cannot be compared" in shown
    assert "one on shapes, other on few" in shown


def test_details_show_the_epochs_the_settings_and_the_folder(bench: Workbench) -> None:
    run = fake_run(bench, "good")
    test = page(run_open="good")
    assert str(run.folder) in [code.value for code in test.code]
    assert test.select_slider(key="details-good-slider").value == 3
    test.select_slider(key="details-good-slider").set_value(0).run()
    assert "reconstructions by the untrained network" in texts(test)
    assert "of 7** have the label" in texts(test)


def test_the_slider_follows_until_it_is_moved(bench: Workbench) -> None:
    run = fake_run(bench, "good")
    test = page(run_open="good")
    more = {"validation": 0.1, "train": 0.1, "retrieval": 0.9}
    run.note(epoch=4, **more)
    ids = bench.collection("shapes").images().ids
    Watch(run.folder / "watch").note(4, np.array([[*ids[ids != id][:8]] for id in ids]), strip())
    assert test.run().select_slider(key="details-good-slider").value == 4
    test.select_slider(key="details-good-slider").set_value(1).run()
    Watch(run.folder / "watch").note(5, np.array([[*ids[ids != id][:8]] for id in ids]), strip())
    assert test.run().select_slider(key="details-good-slider").value == 1


def test_runs_of_this_collection_come_first_and_what_ships_last(bench: Workbench) -> None:
    fake_run(bench, "good")
    names = [key.removeprefix("details-") for key in buttons(page("few")) if key.startswith("details-")]
    assert names == ["good", "default"]


def test_no_runs_yet(bench: Workbench) -> None:
    test = page()
    assert "No runs of your own yet" in texts(test)
    assert "details-default" in buttons(test), "what ships is listed"


def test_that_there_are_no_runs_is_not_said_beside_the_first(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.pages.train.page.trainings", lambda: SimpleNamespace(busy=True, ended=None))
    monkeypatch.setattr("ui.pages.train.page.training_now", lambda _: None)
    assert "No runs of your own yet" not in texts(page())


def test_the_epochs_as_a_table(bench: Workbench) -> None:
    lines = epochs_csv(fake_run(bench, "good", epochs=2)).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("epoch,train,validation,mse,ssim,retrieval,rate")
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "2"]
    assert lines[1].split(",")[1] == ""  # the untrained network was not trained


def test_what_came_of_a_run_in_a_sentence(bench: Workbench) -> None:
    assert "precision@8 went from 40% (untrained) to 70% (best checkpoint)" in result(fake_run(bench, "good"))
    kept = fake_run(bench, "kept")
    kept.note(epoch=9, train=1.0, validation=1.0, retrieval=0.99, best=False)
    assert "to 70% (best checkpoint)" in result(kept)  # not what a later epoch reached
    worse = fake_run(bench, "worse", rise=-0.1)
    assert retrieval_of(worse) == (pytest.approx(0.4), pytest.approx(0.1))
    assert "is lower than untrained: 10% instead of 40%" in result(worse)


def test_drawing_an_epoch_takes_few_calls_however_many_there_are(bench: Workbench) -> None:
    def calls(epochs: int) -> int:
        """The calls of functions, built-in ones too, while the page draws a run of so many epochs."""
        run = fake_run(bench, f"long-{epochs}")
        with open(run.folder / "events.jsonl", "a", encoding="utf-8") as file:
            for epoch in range(4, epochs):
                file.write(json.dumps({"epoch": epoch, "train": 0.1, "validation": 0.1, "retrieval": 0.5}) + "\n")
        test, counted = page(run_open=run.name), 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        threading.setprofile(count)
        try:
            test.run()
        finally:
            threading.setprofile(None)
        assert f"long-{epochs}" in str(test.session_state["run_open"])
        return counted

    calls(10)  # what is made once
    few, many = calls(100), calls(1000)
    assert few < many <= few + 400 * 900  # 300 were counted


def test_a_damaged_run_does_not_hide_the_others(bench: Workbench) -> None:
    broken = fake_run(bench, "broken")
    fake_run(bench, "good")
    (broken.folder / "run.json").write_bytes(b"{")
    test = page()
    assert "run-use-good" in buttons(test)
    (broken.folder / "run.json").unlink()


# ── what runs and what waits ─────────────────────────────────────────────────────────────────────────────────────────


def fake_job(bench: Workbench, id: str, stage: str, **arguments: Any) -> FileLock:
    """A living training job; it ends when the lock is released."""
    folder = bench.home.jobs / f"{id}-train"
    folder.mkdir(parents=True)
    facts = {"kind": "train", "title": "Train on shapes", "arguments": arguments, "started": 0.0}
    write_json(folder / "config.json", facts)
    event = {"kind": "progress", "stage": stage, "done": 5, "total": 50, "rate": 10.0, "note": "epoch 2 of 4"}
    (folder / "events.jsonl").write_text(json.dumps(event) + "\n")
    lock = FileLock(folder / "lock")
    lock.acquire()
    return lock


def test_a_second_training_waits_and_can_be_cancelled(bench: Workbench) -> None:
    run = fake_run(bench, "first", "cut off")
    config = fields.config_of(fields.DEFAULTS)
    first = fake_job(bench, "20260101-000000-000", "Training", run="first")
    second = fake_job(bench, "20260101-000001-000", WAITING, collection="shapes", config=config)
    with first, second, run.training():
        now = trainings()
        assert now.run == run
        assert [job.id for job in now.waiting] == ["20260101-000001-000-train"]
        test = page()
        shown = texts(test)
        assert "is queued (next): Small ResNet, 100 epochs at 64 px" in shown
        assert "Runs in the background" in shown
        test.button(key="cancel-20260101-000001-000-train").click().run()
        assert (bench.home.jobs / "20260101-000001-000-train" / "stop").exists()
        assert not (bench.home.jobs / "20260101-000000-000-train" / "stop").exists()
    for lock in (first, second):
        lock.release(force=True)


def test_what_was_cancelled_while_it_waited_is_no_news(bench: Workbench) -> None:
    fake_run(bench, "first", "cut off")
    first = fake_job(bench, "20260101-000000-000", "Training", run="first")
    second = fake_job(bench, "20260101-000001-000", WAITING, collection="shapes", config={})
    for lock in (first, second):
        lock.release(force=True)
    write_json(bench.home.jobs / "20260101-000001-000-train" / "result.json", {"state": "stopped"})
    ended = trainings().ended
    assert ended is not None
    assert ended.id == "20260101-000000-000-train"


def test_a_run_is_continued_once(bench: Workbench, started: list[Any]) -> None:
    run = fake_run(bench, "cut", "cut off")
    with fake_job(bench, "20260101-000000-000", WAITING, run="cut") as lock:
        go_on(run)
        assert not started
    lock.release(force=True)
    go_on(run)
    assert len(started) == 1


def test_a_run_from_the_command_line_is_shown_without_a_stop(bench: Workbench) -> None:
    run = fake_run(bench, "typed", "cut off")
    with run.training():
        test = page()
        assert "Started from the command line" in texts(test)
        assert not [key for key in buttons(test) if str(key).startswith("stop-train")]


def test_a_training_of_an_experiment_is_stopped_where_that_is(bench: Workbench) -> None:
    run = fake_run(bench, "planned", "cut off")
    with run.training(job="20260101-000000-000-experiment"):
        assert "Part of a comparison; stop it on the Compare page." in texts(page())


def test_what_failed_otherwise_is_continued_without_talk_of_the_rate(bench: Workbench) -> None:
    run = fake_run(bench, "full", "stopped")
    run.end("failed", 3, error="The disk refused to store it.")
    fake_job(bench, "20260101-000000-000", "Training", run="full").release(force=True)
    result = {"state": "failed", "error": "The collection must be as it was."}
    write_json(bench.home.jobs / "20260101-000000-000-train" / "result.json", result)
    test = page()
    assert {"run-continue-full", "news-continue-full"} <= set(buttons(test))
    assert not [key for key in buttons(test) if "lower" in str(key)]
    assert [error.value for error in test.error] == ["The collection must be as it was\\."]


def test_the_end_of_the_last_training_is_shown(bench: Workbench) -> None:
    fake_run(bench, "first", "cut off")
    fake_job(bench, "20260101-000000-000", "Training", run="first").release(force=True)
    test = page()
    assert "The training was interrupted after 3 epochs" in texts(test)
    assert test.button(key="news-continue-first").label == "Continue from epoch 3"
    test.button(key="news-close").click().run()
    assert "The training was interrupted after 3 epochs" not in texts(test)


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_epoch_comes_first() -> None:
    progress = Progress("Training", 310, 1240, rate=310.4, seconds_left=25.2, note="epoch 11 of 40 · loss 0.01234")
    assert sentence(progress) == "Epoch 11 of 40 · loss 0.01234 · 310 pictures/s · 25 s left"
    assert sentence(Progress("Decoding", 5, 10)) == "Decoding · 5 of 10 pictures"


def test_curves_are_told_to_those_who_cannot_see_them() -> None:
    events = [{"epoch": 0, "validation": 1.0}, {"epoch": 1}, {"epoch": 2, "validation": 0.25}]
    line = Line("held-out", points(events, "validation"))
    assert spoken("Loss", line) == "Loss: from 1 at epoch 0 to 0.25 at epoch 2."
    assert spoken("Loss", Line("", [])) == "Loss: nothing measured yet."


@pytest.mark.parametrize(("epochs", "told"), [(1, "Known after the first epoch."), (3, "Not measured in this run.")])
def test_what_is_not_measured_yet_is_not_called_unmeasured(epochs: int, told: str) -> None:
    def losses(events: list[dict[str, int]]) -> None:
        from ui.pages.train.watch import _losses

        _losses(events, None, "training objective", False, "k")

    events = [{"epoch": epoch} for epoch in range(epochs)]
    assert AppTest.from_function(losses, kwargs={"events": events}).run().caption[0].value == told


def test_the_loss_of_an_untrained_network_is_drawn_for_all_lines_or_for_none() -> None:
    learning, fresh = [(0.0, 9.0), (1.0, 1.0), (2.0, 0.5)], [(0.0, 8.0)]
    calm = [(0.0, 1.5), (1.0, 1.0)]

    def epochs(*lines: list[tuple[float, float]], log: bool = False) -> list[list[float]]:
        return [list(trace.x) for trace in loss_chart([Line("run", line) for line in lines], log=log).data]

    assert epochs(calm) == [[0, 1]]
    assert epochs(learning, calm) == [[1, 2], [1]]
    assert epochs(learning, calm, log=True) == [[0, 1, 2], [0, 1]]
    assert epochs(learning, fresh) == [[1, 2], [0]]


def test_the_settings_of_the_study_reset_every_schedule() -> None:
    assert fields.REPORT["plateau.factor"] == 0.2
    assert fields.REPORT["warm-restarts.t_0"] == 10


def test_warm_restarts_are_drawn_within_the_epochs(bench: Workbench) -> None:
    options = {"t_0": 1, "t_mult": 1, "eta_min": 1e-4}
    run = fake_run(bench, "restarts", schedule="warm-restarts", options=options)
    rates = rate_points(run, run.events())
    assert rates[-1][0] <= 3
    assert max(rate for _, rate in rates) > 5 * min(rate for _, rate in rates)  # the noted ones are all .001
    constant = fake_run(bench, "constant")
    assert {rate for _, rate in rate_points(constant, constant.events())} == {0.001}
