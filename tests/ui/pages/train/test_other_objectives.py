"""Runs that learned by clustering, by contrast or from a ready-made network, and how such runs are started."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.runs.epochs import Watch
from engine.runs.run import Run
from engine.workbench.workbench import Workbench
from tests.ui.pages.train.conftest import fake_run, page, texts
from ui.pages.train import fields
from ui.pages.train.live import result
from ui.pages.train.state import retrieval_of


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


def without_reconstructions(run: Run, told: Callable[[dict[str, Any]], object]) -> Run:
    """The run as one that learned otherwise: nothing of reconstructions; `told` alters each line."""
    lines = [json.loads(line) for line in (run.folder / "events.jsonl").read_text().splitlines()]
    for line in lines:
        del line["mse"], line["ssim"]
        told(line)
    (run.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    watch = Watch(run.folder / "watch")
    for epoch in watch.epochs():
        seen = watch.epoch(epoch)
        assert seen is not None
        watch.note(epoch, seen.neighbours, b"")
    return run


def grouping_run(bench: Workbench, name: str) -> Run:
    """A run that learned from its own groups: NMI instead of MSE."""

    def told(line: dict[str, Any]) -> None:
        if line["epoch"]:
            line |= {"label_nmi": 0.2 + 0.1 * line["epoch"], "clusters": 4.0}
        else:
            del line["validation"]
        if line["epoch"] > 1:
            line["nmi"] = 0.6

    run = fake_run(bench, name, objective="deepcluster", network="resnet-18", contrast=0.0, clusters=4)
    return without_reconstructions(run, told)


def learning_run(bench: Workbench, name: str) -> Run:
    """A run that learned by contrast alone: nothing is held out, and altered copies are found."""

    def told(line: dict[str, Any]) -> None:
        del line["validation"]
        line["recognition"] = 0.2 + 0.2 * line["epoch"]

    run = fake_run(bench, name, objective="contrastive", network="small-resnet", contrast=0.0, validation=0.0)
    return without_reconstructions(run, told)


def test_a_run_that_learned_by_contrast_is_shown_by_what_it_finds(bench: Workbench) -> None:
    run, other = learning_run(bench, "learned"), learning_run(bench, "again")
    assert "Altered copy found: 80\xa0%, untrained 20\xa0%" in result(run)
    test = page(run_open="learned", runs_compared=["learned", "again"])
    shown = texts(test)
    assert "altered copy found 20\xa0% → **80\xa0%**" in shown
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
