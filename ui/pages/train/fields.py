"""The fields of the training form: their values are kept for the session, through reruns and page changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.core.device import PRECISIONS
from engine.core.errors import BadParameter, NameTaken
from engine.core.home import slug
from engine.encoders.networks.table import BACKBONES
from engine.runs.listing import check_free
from engine.training.config import FINE_TUNING, LEAST_IMAGES, ORIGINAL_STUDY, TrainingConfig, with_defaults
from engine.training.schedules import SCHEDULES
from engine.training.seeds import several
from engine.training.split import chosen_rows, learned_labels
from engine.training.view_losses import learns_labels, view_losses
from models.specs import SPECS
from ui.session.opened import recent_jobs, workbench
from ui.shared.trainings import GROUP, LABELS, LEARN, MODELS, PLAIN, RECOGNISE, SMALL

PRECISION = {"": "what suits this computer", **{name: name for name in PRECISIONS}}
STARTS = {"random": "random", "pretrained": "pretrained on ImageNet"}
OTHER = 0
SIZES = {224: "224 px (original study)", 160: "160 px (half the compute)", 96: "96 px (quick)"}
_RETRIEVALS = {"retrieval": "best retrieval", "recognition": "altered copy found most often"}
KEEPS = {"loss": "lowest validation loss", **_RETRIEVALS}
GROUP_KEEPS = {"last": "last epoch", **_RETRIEVALS}  # its losses cannot be compared
LEARN_KEEPS = {
    "recognition": "altered copy found most often (needs no labels)",
    "retrieval": "best retrieval",
    "last": "last epoch",
}
SMALL_SIZES = {64: "64 px (quick)", 96: "96 px (more than twice the compute)"}
GROUP_SIZES = {96: "96 px (quick)", 160: "160 px", 224: "224 px (pretrained at this size)"}

_NUMBERS = (
    "rate",
    "epochs",
    "batch",
    "validation",
    "seed",
    "limit",
    "temperature",
    "surroundings",
    "weight_decay",
    "views",
    "crops",
    "momentum",
    "warmup",
    "clip",
)
_WORDS = ("optimizer", "precision")
_ALTERED = ("noise", "flip", "crop", "colour")
_PLAIN_FIELDS = ("loss", *_NUMBERS, *_WORDS, *_ALTERED, "keep_state")
_SUITED = (
    "rate",
    "epochs",
    "batch",
    "size",
    "schedule",
    "validation",
    "keep",
    "patience",
    "temperature",
    "weight_decay",
    "views",
)
_OBJECTIVES = {RECOGNISE: "autoencoding", PLAIN: "autoencoding", GROUP: "deepcluster"}
_LOSS = {LEARN: "view_loss", LABELS: "label_loss"}  # the field that names the objective
OF_VIEWS = tuple(_LOSS)


def losses_of(learns: str) -> dict[str, str]:
    """The objectives over views that learn from pictures alone, or from labels, with their titles."""
    return {name: kind.title for name, kind in view_losses().items() if kind.learns_labels == (learns == LABELS)}


def objective_of(values: Mapping[str, Any]) -> str:
    """The objective selected in the form."""
    learns = values["learns"]
    return str(values[_LOSS[learns]]) if learns in _LOSS else _OBJECTIVES[learns]


def suited(learns: str, pictures: int = 0) -> dict[str, Any]:
    """The default values for an objective and that many pictures."""
    objective = next(iter(losses_of(learns))) if learns in OF_VIEWS else _OBJECTIVES[learns]
    config = TrainingConfig.from_dict(with_defaults({"objective": objective}, pictures)).as_dict()
    return {name: config[name] for name in _SUITED}


_START = TrainingConfig.from_dict(with_defaults({"objective": "autoencoding"})).as_dict()
DEFAULTS: dict[str, Any] = {
    **{name: _START[name] for name in (*_PLAIN_FIELDS, "model", "clusters")},
    "name": "",
    "learns": LEARN,
    **{field: next(iter(losses_of(learns))) for learns, field in _LOSS.items()},
    "seeds": 1,
    "pictures": 0,
    "other_size": 128,
    "learner": with_defaults({"objective": "contrastive"})["network"],
    "network": with_defaults({"objective": "deepcluster"})["network"],
    "begins": _START["start"],
    **suited(LEARN),
}
DEFAULTS |= {
    f"{name}.{option.name}": option.checked(option.default, kind.title)
    for name, kind in SCHEDULES.items()
    for option in kind.options
}
DEFAULTS |= {
    f"{name}.{setting.name}": setting.default for name, kind in view_losses().items() for setting in kind.settings
}
_STUDY = {"learns": PLAIN, "size": ORIGINAL_STUDY["size"], "epochs": ORIGINAL_STUDY["epochs"]}
REPORT = DEFAULTS | suited(PLAIN) | _STUDY


def draft() -> dict[str, Any]:
    """The current values of the form, by field; the schedules' numbers as `schedule.option`."""
    typed: dict[str, Any] = st.session_state.setdefault("training_draft", dict(DEFAULTS))
    return typed


def key(name: str) -> str:
    """The key of a field; restores its value if Streamlit has dropped it."""
    widget = f"train-{name}"
    if widget not in st.session_state:
        st.session_state[widget] = draft()[name]
    return widget


def typed(name: str, value: Any) -> Any:
    """Remember the value of a field."""
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
    values |= {"size": size if size in SIZES | SMALL_SIZES else OTHER, "other_size": size, "name": ""}
    network = config.get("network") or f"model-{config['model']}"
    if config.get("objective") == "deepcluster":
        values |= {"network": network, "begins": config["start"], "clusters": config["clusters"]}
        fill(values | {"learns": GROUP})
    elif config.get("objective") in view_losses():
        learns, objective = LABELS if learns_labels(config) else LEARN, config["objective"]
        values |= {f"{objective}.{name}": value for name, value in config.get("settings", {}).items()}
        fill(values | {"learns": learns, _LOSS[learns]: objective, "learner": network, "begins": config["start"]})
    else:
        fill(values | {"learns": RECOGNISE if config.get("contrast") else PLAIN})


def suit() -> None:
    """After a change of the objective, set untouched fields to its defaults."""
    _exchange(suited(st.session_state["train-learns"], draft()["pictures"]))


def suit_to(pictures: int) -> None:
    """Before the fields are drawn, set untouched ones to the defaults for that many pictures."""
    if pictures != draft()["pictures"]:
        _exchange(suited(draft()["learns"], pictures))
        draft()["pictures"] = pictures


def _exchange(after: Mapping[str, Any]) -> None:
    before = suited(draft()["learns"], draft()["pictures"])
    fill({name: value for name, value in after.items() if draft()[name] == before[name]})


def recommended() -> dict[str, Any]:
    """What the form begins with, for the pictures it was last drawn for."""
    pictures = draft()["pictures"]
    return DEFAULTS | suited(LEARN, pictures) | {"pictures": pictures}


def fine_tuning() -> dict[str, Any]:
    """What improves a ready-made network on the pictures that the form was last drawn for."""
    pictures = draft()["pictures"]
    config = TrainingConfig.from_dict(with_defaults({"start": "pretrained"}, pictures)).as_dict()
    more = {name: config[name] for name in (*_SUITED, "clusters", "network")}
    return DEFAULTS | more | {"learns": GROUP, "begins": config["start"], "pictures": pictures}


def can_fine_tune() -> bool:
    """Whether the weights that this begins with are on this computer."""
    return "pretrained" in starts(FINE_TUNING["network"])


def whole(where: Any, name: str, label: str, help: str, **more: Any) -> int | None:
    """A field for a whole number. Its limits are the engine's, who says them in a sentence."""
    value = where.number_input(label, step=1, value=None, key=key(name), help=help, **more)
    return typed(name, None if value is None else int(value))


def number(where: Any, name: str, label: str, help: str, step: float | None = None) -> float | None:
    """A field for any number, shown as briefly as it can be."""
    standing = draft()[name]
    size = step or (10.0 ** math.floor(math.log10(standing)) if standing else 0.0001)
    value = where.number_input(label, step=size, value=None, format="%g", key=key(name), help=help)
    return typed(name, None if value is None else float(value))


def choice(where: Any, name: str, label: str, options: Mapping[Any, str], help: str | None = None) -> Any:
    """A drop-down; a value that is no longer offered is replaced by the first option."""
    if draft()[name] not in options or st.session_state.get(f"train-{name}", draft()[name]) not in options:
        fill({name: next(iter(options))})
    value = where.selectbox(label, list(options), format_func=options.__getitem__, key=key(name), help=help)
    return typed(name, value)


def switch(where: Any, name: str, label: str, help: str) -> bool:
    """A switch."""
    return bool(typed(name, where.toggle(label, key=key(name), help=help)))


def sizes_of(model: int) -> dict[int, str]:
    """The input sizes to choose from: those of `SIZES` that the model reconstructs exactly, and any other."""
    return {size: text for size, text in SIZES.items() if SPECS[model].fits(size)} | {OTHER: "other …"}


def learners() -> dict[str, str]:
    """What can learn by contrast alone, by the names of the encoders."""
    return SMALL | networks()


def networks() -> dict[str, str]:
    """What DeepCluster can train: Models 1–4 and the ready-made networks, by the names of their encoders."""
    own = {f"model-{number}": title for number, title in MODELS.items()}
    return {name: network.title for name, network in BACKBONES.items()} | own


def group_sizes(network: str) -> dict[int, str]:
    """The input sizes to choose from that leave the network a feature map, and any other."""
    if network in SMALL:
        return SMALL_SIZES | {OTHER: "other …"}
    known: Any = BACKBONES[network] if network in BACKBONES else SPECS[int(network[-1])]
    return {size: text for size, text in GROUP_SIZES.items() if known.latent_size(size)} | {OTHER: "other …"}


def starts(network: str) -> dict[str, str]:
    """The weights that a network can begin with here."""
    lines = workbench().choices()
    here = any(line.name == network and not line.weights and line.ready for line in lines)
    return STARTS if here and not network.startswith("model-") else {"random": STARTS["random"]}


def config_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The training configured in the form, checked.

    Raises:
        BadParameter: a number that is impossible.
    """
    schedule = values["schedule"]
    config = {name: values[name] for name in (*_PLAIN_FIELDS, "model", "schedule", "keep", "patience")}
    config["options"] = {o.name: values.get(f"{schedule}.{o.name}", o.default) for o in SCHEDULES[schedule].options}
    config["size"] = values["size"] or values["other_size"]
    config["contrast"] = _START["contrast"] if values["learns"] == RECOGNISE else 0.0
    if values["learns"] == PLAIN:
        config["views"] = None
    if values["learns"] not in OF_VIEWS:
        config["crops"] = 0
    if values["learns"] in (*OF_VIEWS, GROUP):
        config |= _without_decoder(values)
    config["name"] = _name(values["name"])
    return TrainingConfig.from_dict(config).as_dict()


def check_seeds(config: Mapping[str, Any], seeds: int) -> None:
    """Check that a training can be started with so many seeds.

    Raises:
        BadParameter: an impossible number. NameTaken: a run, or a training that waits, has the name of one of them.
    """
    names = [one["name"] for one in several(config, seeds) if one["name"]]
    waiting = {(job.config["arguments"].get("config") or {}).get("name") for job in recent_jobs("train") if job.alive}
    for name in names:
        check_free(workbench().home, name)
        if name in waiting:
            raise NameTaken(f"A training called {name!r} is queued already.", way_out="Choose another name.")


def _without_decoder(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training that reconstructs nothing; what it ignores keeps its default."""
    grouping = values["learns"] == GROUP
    network = values["network" if grouping else "learner"]
    own, begins = network.startswith("model-"), values["begins"] if network in BACKBONES else "random"
    chosen = {"model": int(network[-1])} if own else {"network": network, "model": DEFAULTS["model"]}
    passed_over = {name: DEFAULTS[name] for name in ("loss", *_ALTERED)}
    objective = objective_of(values)
    settings: dict[str, Any] = {"objective": objective, "start": begins}
    if not grouping:
        kind = view_losses()[objective]
        settings["settings"] = {one.name: values.get(f"{objective}.{one.name}", one.default) for one in kind.settings}
    clusters = {"clusters": values["clusters"]} if grouping else {}
    return chosen | passed_over | settings | clusters | ({"patience": 0} if values["keep"] == "last" else {})


def _name(text: str) -> str:
    """The name of a run for the entered text, "" if it is empty."""
    try:
        return slug(text) if text.strip() else ""
    except BadParameter:
        raise BadParameter("name", "a run", "a text with at least one letter or digit", text) from None


def enough(count: int) -> None:
    """Raise BadParameter if a collection has too few pictures to train on."""
    if count < LEAST_IMAGES:
        way_out = "Add pictures to this collection, or choose another one."
        raise BadParameter("number of pictures", "a training", f"at least {LEAST_IMAGES}", count, way_out=way_out)


def enough_for_groups(config: Mapping[str, Any], count: int) -> None:
    """Raise BadParameter if a training asks for more clusters than its pictures can be divided into."""
    TrainingConfig.from_dict(config).check_clusters(count)


def enough_labels(config: Mapping[str, Any], labels: Sequence[str]) -> None:
    """Raise BadParameter if a training learns labels and the pictures that it does not hold out have too few."""
    checked = TrainingConfig.from_dict(config)
    used = [labels[row] for row in chosen_rows(len(labels), checked)]
    checked.check_labels(learned_labels(used, checked))
