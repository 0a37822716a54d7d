"""The settings of a classifier's training, validated on construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.core.errors import BadParameter
from engine.core.settings import check_number, check_switch, check_whole
from engine.training.schedules import schedule
from models.specs import FUSIONS

SIDES = ("picture", "text")
FINE_TUNED = {"none": (), "picture": ("picture",), "text": ("text",), "both": SIDES}  # which encoders learn
_HEAD_EPOCHS, _HEAD_PATIENCE = 30, 8  # of the head alone, before its encoders learn


@dataclass(frozen=True)
class ClassifierConfig:
    """The settings of one classifier's training, validated on construction.

    Attributes:
        fusion: picture, text, early, intermediate or late.
        missing: the share of items whose picture, and the share whose text, is left out in training (modality
            dropout), never both; it teaches the model to cope with a missing side.
        dropout: the share of hidden values that are dropped. validation: the share of every class that chooses the
            epoch and the weight of a late fusion.
        fine_tune: the encoders that are trained with the head, a name of FINE_TUNED; encoder_rate: their initial
            learning rate, which follows the schedule of `rate`. augment: whether pictures are mirrored and cropped at
            random for a fine-tuned encoder.
        rate, schedule, options, epochs, batch, seed, patience: as in `TrainingConfig`. name: of the run.
    """

    fusion: str = "late"
    missing: float = 0.0
    dropout: float = 0.2
    epochs: int = 30
    batch: int = 32
    rate: float = 0.001
    schedule: str = "none"
    options: Mapping[str, float] = field(default_factory=dict)
    validation: float = 0.1
    patience: int = 8
    seed: int = 0
    fine_tune: str = "none"
    encoder_rate: float = 0.00003
    augment: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS:
            raise BadParameter("fusion", "the training", "one of " + ", ".join(FUSIONS), self.fusion)
        check_number("share of missing ones", "the training", self.missing, 0.0, 0.45)
        check_number("dropout", "the training", self.dropout, 0.0, 0.9)
        check_whole("epochs", "the training", self.epochs, 1, 10_000)
        check_whole("batch", "the training", self.batch, 1, 4096)
        check_number("rate", "the training", self.rate, 1e-8, 1000)
        check_number("validation share", "the training", self.validation, 0.0, 0.5)
        check_whole("patience", "the training", self.patience, 0, 10_000)
        check_whole("seed", "the training", self.seed, 0, 2**31 - 1)
        if self.fine_tune not in FINE_TUNED:
            raise BadParameter("fine-tuning", "the training", "one of " + ", ".join(FINE_TUNED), self.fine_tune)
        check_number("rate of the encoders", "the training", self.encoder_rate, 1e-8, 1000)
        check_switch("augment", "the training", self.augment)
        schedule(self.schedule, self.rate, self.epochs, self.options)

    @property
    def keep(self) -> str:
        """The weights to keep: those with the lowest loss on the held-out items."""
        return "loss" if self.validation else "last"

    @property
    def keep_state(self) -> bool:
        """Whether what continuing needs is kept: a finished classifier is never continued."""
        return False

    @property
    def tuned(self) -> tuple[str, ...]:
        """The sides whose encoders are fine-tuned: the requested ones that the fusion uses."""
        return tuple(side for side in FINE_TUNED[self.fine_tune] if self.fusion not in SIDES or side == self.fusion)

    @property
    def before(self) -> ClassifierConfig:
        """The training of the head alone, over frozen vectors, that precedes fine-tuning.

        It is the whole training if the fusion uses none of the encoders to fine-tune: the few epochs of fine-tuning
        would leave the head unfinished.
        """
        if self.fine_tune == "none":
            return self
        alone = {"fine_tune": "none", "epochs": _HEAD_EPOCHS, "patience": _HEAD_PATIENCE}
        return replace(self, **alone, schedule="none", options={})  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"options": dict(self.options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassifierConfig:
        """The config of `as_dict`; BadParameter for a key it does not have."""
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadParameter("setting", "the training", "one of " + ", ".join(cls.__dataclass_fields__), unknown[0])
        return cls(**values)
