"""Classifications with figures that nobody had to measure: rows as a training would have written them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.classification import measures
from engine.classification.plan import FoldCell
from engine.classification.results import Classification, FoldRow, Prediction

CURVE = ({"epoch": 0, "validation": 1.2}, {"epoch": 1, "train": 0.9, "validation": 0.5, "accuracy": 0.8})


def measured_row(
    cell: FoldCell, classes: Sequence[str], truth: Sequence[tuple[int, str]], wrong: Sequence[tuple[int, str]],
    conditions: Sequence[str] = ("clean",), made_of: str = "",
) -> FoldRow:  # fmt: skip
    """The row of a cell that was asked about the things `truth` (id, label) and called those in `wrong` otherwise."""
    said = dict(wrong)
    answers = tuple(_answer(cell.fusion, id, label, said.get(id, label), classes) for id, label in truth)
    true = np.array([classes.index(label) for _, label in truth])
    named = np.array([classes.index(answer.predicted) for answer in answers])
    counts = measures.confusion(true, named, len(classes)).tolist()
    right = float(np.mean(true == named))
    return FoldRow(
        cell.key, cell.title, cell.fusion, cell.fold, made_of, 12, len(truth), tuple(classes),
        confusion=dict.fromkeys(conditions, counts), ece=dict.fromkeys(conditions, 0.1),
        log_loss=dict.fromkeys(conditions, 0.4), reliability=(measures.Bin(0.8, 0.9, len(truth), 0.84, right),),
        share=0.6 if cell.fusion == "late" else None, curve=CURVE, epoch=1, answers=answers, seconds=2.0,
    )  # fmt: skip


def _answer(fusion: str, id: int, label: str, said: str, classes: Sequence[str]) -> Prediction:
    """An answer whose picture says the truth and whose text what is said in the end, as far as they were asked."""
    rest = [name for name in classes if name != said]
    fused = ((said, 0.84), *((name, round(0.16 / len(rest), 3)) for name in rest))[:3]
    picture = None if fusion == "text" else ((label, 0.7),) if fusion != "picture" else fused
    return Prediction(id, label, picture, None if fusion == "picture" else fused, fused)


def keep_all(
    found: Classification, classes: Sequence[str], things: Sequence[tuple[int, str]],
    wrong: dict[tuple[str, int], list[tuple[int, str]]], made_of: str = "",
) -> None:  # fmt: skip
    """Measure every cell of a classification: fold f asks about every n-th thing from the f-th on; `wrong` by cell."""
    conditions = [condition.name for condition in found.plan.asked]
    for cell in found.plan.cells():
        truth = things[cell.fold :: found.plan.folds]
        mistakes = wrong.get((cell.fusion, cell.fold), [])
        found.keep(measured_row(cell, classes, truth, mistakes, conditions, made_of))
