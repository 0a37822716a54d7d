"""The fields of the training form: what was typed is kept for the session, through reruns and page changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.errors import BadParameter, NameTaken
from engine.home import slug
from ui.training_state import run_named

MODELS = {
    1: "Model 1 · five blocks",
    2: "Model 2 · six blocks",
    3: "Model 3 · learned halving",
    4: "Model 4 · overlapping pooling",
}
MODEL_HELP = (
    "**Model 1** keeps the most detail of a picture (a latent of 512×7×7 at 224 pixels). **Model 2** has a sixth block "
    "(1024×3×3). **Model 3** halves its pictures by learned convolutions instead of pooling. **Model 4** pools over "
    "overlapping windows (1024×2×2); with it the report found most."
)
RECOGNISE, PLAIN = "recognise", "plain"
LEARNS = {RECOGNISE: "Recognise altered views (recommended)", PLAIN: "Reconstruct only"}
LEARNS_CAPTIONS = [
    "Redraw each picture, and find it again cut, turned and in other colours.",
    "Redraw each picture, as in the report.",
]
LEARNS_HELP = (
    "A network that only learns to redraw keeps what fills many pixels: colours and backgrounds. Measured on the drawn "
    "animal faces, all four models then search worse than untrained, however low their loss. Recognising altered views "
    "of a picture asks for what stays the same, the thing itself, and there it searched far better. It needs no "
    "labels, and takes longer. Where colour or left and right are what counts, as in writing, try both and compare."
)
OTHER = 0
SIZES = {224: "224 · as in the report", 160: "160 · half the work", 96: "96 · quick"}
KEEPS = {"loss": "the lowest loss", "retrieval": "the best retrieval"}

DEFAULTS: dict[str, Any] = {
    "model": 4,
    "learns": RECOGNISE,
    "loss": "mse",
    "schedule": "none",
    "rate": 1e-3,
    "epochs": 10,
    "batch": 32,
    "size": 160,
    "other_size": 128,
    "validation": 0.1,
    "seed": 0,
    "limit": None,
    "noise": 0.0,
    "flip": False,
    "crop": False,
    "colour": False,
    "keep": "loss",
    "patience": 0,
    "name": "",
}
REPORT = DEFAULTS | {"learns": PLAIN, "size": 224, "epochs": 40}
_PLAIN_FIELDS = ("loss", "rate", "epochs", "batch", "validation", "seed", "limit", "noise", "flip", "crop", "colour")


def draft() -> dict[str, Any]:
    """What stands in the form, by field; the schedules' numbers as `schedule.option`."""
    typed: dict[str, Any] = st.session_state.setdefault("training_draft", dict(DEFAULTS))
    return typed


def key(name: str) -> str:
    """The key of a field, with what was typed put back where Streamlit has forgotten it."""
    widget = f"train-{name}"
    if widget not in st.session_state:
        st.session_state[widget] = draft()[name]
    return widget


def typed(name: str, value: Any) -> Any:
    """Remember what a field holds."""
    draft()[name] = value
    return value


def fill(values: Mapping[str, Any]) -> None:
    """Put values into the form: for callbacks, before the fields are drawn."""
    draft().update(values)
    for name in values:
        st.session_state.pop(f"train-{name}", None)


def fill_from(config: Mapping[str, Any], **changes: Any) -> None:
    """Put the settings of a run into the form, to try it again."""
    config = {**config, **changes}
    values = {
        name: config[name] for name in (*_PLAIN_FIELDS, "model", "schedule", "keep", "patience") if name in config
    }
    values |= {f"{config['schedule']}.{name}": value for name, value in config.get("options", {}).items()}
    size = config["size"]
    values |= {"size": size if size in SIZES else OTHER, "other_size": size, "name": ""}
    fill(values | {"learns": RECOGNISE if config.get("contrast") else PLAIN})


def whole(where: Any, name: str, label: str, help: str, **more: Any) -> int | None:
    """A field for a whole number. Its limits are the engine's, who says them in a sentence."""
    value = where.number_input(label, step=1, value=None, key=key(name), help=help, **more)
    return typed(name, None if value is None else int(value))  # type: ignore[no-any-return]


def number(where: Any, name: str, label: str, help: str, step: float | None = None) -> float | None:
    """A field for any number, shown as briefly as it can be."""
    standing = draft()[name]
    size = step or (10.0 ** math.floor(math.log10(standing)) if standing else 0.0001)
    value = where.number_input(label, step=size, value=None, format="%g", key=key(name), help=help)
    return typed(name, None if value is None else float(value))  # type: ignore[no-any-return]


def choice(where: Any, name: str, label: str, options: Mapping[Any, str], help: str | None = None) -> Any:
    """A drop-down; what is not offered any more gives way to the first option."""
    if draft()[name] not in options or st.session_state.get(f"train-{name}", draft()[name]) not in options:
        fill({name: next(iter(options))})
    value = where.selectbox(label, list(options), format_func=options.__getitem__, key=key(name), help=help)
    return typed(name, value)


def switch(where: Any, name: str, label: str, help: str) -> bool:
    """A switch."""
    return bool(typed(name, where.toggle(label, key=key(name), help=help)))


def sizes_of(model: int) -> dict[int, str]:
    """The picture sizes to choose from: those of `SIZES` that the model redraws exactly, and any other."""
    from models.autoencoder import SPECS

    return {size: text for size, text in SIZES.items() if SPECS[model].fits(size)} | {OTHER: "another size"}


def config_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The training that the form asks for, checked.

    Raises:
        BadParameter: a number that is impossible. NameTaken: a run has that name.
    """
    from engine.training.config import TrainingConfig
    from engine.training.schedules import SCHEDULES

    schedule = values["schedule"]
    config = {name: values[name] for name in (*_PLAIN_FIELDS, "model", "schedule", "keep", "patience")}
    config["options"] = {o.name: values.get(f"{schedule}.{o.name}", o.default) for o in SCHEDULES[schedule].options}
    config["size"] = values["size"] or values["other_size"]
    config["contrast"] = 1.0 if values["learns"] == RECOGNISE else 0.0
    config["name"] = _name(values["name"])
    checked = TrainingConfig.from_dict(config).as_dict()
    if checked["name"] and run_named(checked["name"]) is not None:
        raise NameTaken(f"There is a run called {checked['name']!r} already.", way_out="Choose another name.")
    return checked


def _name(text: str) -> str:
    """The name of a run for what was typed, "" for nothing."""
    try:
        return slug(text) if text.strip() else ""
    except BadParameter:
        raise BadParameter("name", "a run", "a text with at least one letter or digit", text) from None


def enough(count: int) -> None:
    """Raise BadParameter where a collection has too few pictures to learn from."""
    from engine.training.config import LEAST_IMAGES

    if count < LEAST_IMAGES:
        way_out = "Add pictures to this collection, or choose another one."
        raise BadParameter("number of pictures", "a training", f"at least {LEAST_IMAGES}", count, way_out=way_out)
