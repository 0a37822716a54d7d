"""About how long a classification takes: by what was measured on this computer before, else by rough rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.classification.plan import ClassificationPlan
from engine.classification.results import FoldRow
from ui.shared.job_progress import duration

# Seconds for each thing and epoch, measured on two processor cores; only the order of magnitude matters.
_RATES = {"picture": 2e-4, "text": 3e-4, "early": 5e-4, "intermediate": 1e-3, "late": 6e-4}
_START = 6.0  # seconds until the first training: libraries, encoders
_IMAGES_A_SECOND = 40.0  # embedded
_EPOCHS, _PATIENCE = 30, 8  # of a training that says nothing else


@dataclass(frozen=True)
class Cost:
    """`seconds` at most; whether every training's rate was `measured` here; `embedding`: seconds of it to embed."""

    seconds: float
    measured: bool
    embedding: float

    def sentence(self) -> str:
        """For people, e.g. "At most about 2 min, going by trainings that were measured here"."""
        source = "going by trainings on this computer" if self.measured else "roughly: nothing like it was measured yet"
        first = f" Embedding the pictures takes about {duration(self.embedding)} of it." if self.embedding else ""
        return f"At most about {duration(self.seconds)}, {source}. Trainings that stop improving end earlier.{first}"


def cost(
    plan: ClassificationPlan, things: int, earlier: Sequence[tuple[ClassificationPlan, Iterable[FoldRow]]], unseen: int
) -> Cost:
    """Of a plan over so many things; `earlier`: other plans with what was measured, newest first.

    Args:
        unseen: how many pictures must be embedded first.
    """
    learned = things * (plan.folds - 1) / plan.folds * 0.9
    epochs = int(plan.settings.get("epochs", _EPOCHS))
    total, measured = 0.0, True
    for fusion in dict.fromkeys(plan.fusions):
        found = _rate(plan, fusion, earlier)
        measured = measured and found is not None
        total += (found or _RATES[fusion]) * learned * epochs * plan.folds
    blurred = sum(bool(condition.blur) for condition in plan.asked) * things / _IMAGES_A_SECOND
    embedding = unseen / _IMAGES_A_SECOND + (blurred if plan.fusions != ("text",) else 0.0)
    return Cost(_START + total + embedding, measured, embedding)


def _made_with(plan: ClassificationPlan) -> tuple[str, str, str]:
    """What the time of a training depends on, beside its fusion."""
    return plan.picture, plan.text, str(plan.settings.get("fine_tune", "none"))


def _rate(
    plan: ClassificationPlan, fusion: str, earlier: Sequence[tuple[ClassificationPlan, Iterable[FoldRow]]]
) -> float | None:
    """Seconds for each thing and epoch of a training with the same encoders, None where there was none."""
    for other, rows in earlier:
        if _made_with(other) != _made_with(plan):
            continue
        own = [row for row in rows if row.fusion == fusion and row.seconds and len(row.curve) > 1]
        if own:
            return sum(row.seconds for row in own) / sum(row.learned * (len(row.curve) - 1) for row in own)
    return None
