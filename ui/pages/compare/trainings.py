"""The part of the form that plans trainings: models × schedules × losses, trained before they are compared."""

from __future__ import annotations

from itertools import product
from typing import Any

import streamlit as st

from engine.comparisons.recipes.plan import Training
from engine.comparisons.recipes.seeds import with_seeds
from engine.training.config import DEFAULTS, TrainingConfig
from engine.training.losses import LOSSES
from engine.training.schedules import SCHEDULES
from ui.shared.trainings import LEARNS, MODELS, PLAIN, RECOGNISE

_FIRST: dict[str, Any] = {
    "models": [],
    "schedules": ["none"],
    "losses": ["mse"],
    "learns": [PLAIN],
    "epochs": DEFAULTS["autoencoding"]["epochs"],
    "size": DEFAULTS["autoencoding"]["size"],
    "limit": None,
}


def trainings_form() -> None:
    """Draw the fields; without a model, nothing is trained."""
    with st.expander("Train and compare", icon=":material/model_training:", key="experiment-training"):
        st.caption(
            "Each combination is trained once and becomes an encoder like any other. Existing runs with the same "
            "settings are reused."
        )
        left, right = st.columns(2)
        _several(left, "models", "Models", {str(number): title for number, title in MODELS.items()})
        schedules = {name: _upper(kind.title) for name, kind in SCHEDULES.items()}
        _several(right, "schedules", "Learning-rate schedules", schedules | {"none": "Constant learning rate"})
        _several(left, "losses", "Losses", {name: loss.title for name, loss in LOSSES.items()})
        learns = {name: LEARNS[name].split(" (")[0] for name in (RECOGNISE, PLAIN)}
        _several(right, "learns", "Training objectives", learns)
        first, second, third = st.columns(3)
        _whole(first, "epochs", "Epochs", "Passes over all training pictures.")
        _whole(
            second,
            "size",
            "Input size",
            "Side length in pixels; 224 in the original study, and 160 fits all four models.",
        )
        _whole(third, "limit", "Max. pictures", "A random sample. Empty: all.", "all")
        st.toggle(
            "Three seeds", key="experiment-three-seeds", persist_state="session",
            help="Each training is repeated with three seeds; the results show means and standard deviations. One seed "
            "tells about one training, not about the settings.",
        )  # fmt: skip


def planned() -> list[Training]:
    """The trainings described by the fields; BadParameter for invalid numbers."""
    models, schedules, losses, learns = (_value(name) for name in ("models", "schedules", "losses", "learns"))
    found = []
    for model, schedule, loss, what in product(models, schedules, losses, learns):
        config = TrainingConfig.from_dict(
            {
                "model": int(model),
                "schedule": schedule,
                "loss": loss,
                "contrast": DEFAULTS["autoencoding"]["contrast"] if what == RECOGNISE else 0.0,
                "epochs": _value("epochs") or 0,
                "size": _value("size") or 0,
                "limit": _value("limit"),
            }
        )
        made = Training(_title(config.as_dict(), len(losses) > 1), config.as_dict())
        found += with_seeds(made) if st.session_state.get("experiment-three-seeds") else [made]
    return found


def _title(config: dict[str, Any], with_loss: bool) -> str:
    """For example "Model 2 · cosine with warm restarts · SSIM · contrastive + reconstruction"."""
    parts = [f"Model {config['model']}", SCHEDULES[config["schedule"]].title]
    if with_loss or config["loss"] != "mse":
        parts.append(LOSSES[config["loss"]].title)
    if config["contrast"]:
        parts.append("contrastive + reconstruction")
    return " · ".join(parts)


def _value(name: str) -> Any:
    return st.session_state.get(f"experiment-{name}", _FIRST[name])


def _several(where: Any, name: str, label: str, options: dict[str, str]) -> None:
    st.session_state.setdefault(f"experiment-{name}", _FIRST[name])
    where.multiselect(
        label, list(options), key=f"experiment-{name}", format_func=options.__getitem__, persist_state="session",
        placeholder="None (no training)" if name == "models" else "Choose at least one",
    )  # fmt: skip


def _whole(where: Any, name: str, label: str, help: str, placeholder: str | None = None) -> None:
    st.session_state.setdefault(f"experiment-{name}", _FIRST[name])
    where.number_input(
        label, step=1, value=None, key=f"experiment-{name}", help=help, placeholder=placeholder, persist_state="session"
    )


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
