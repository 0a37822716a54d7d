"""The fields of the training form: what was typed is kept for the session, through reruns and page changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.core.errors import BadParameter, NameTaken
from engine.core.home import slug
from engine.encoders.networks.table import BACKBONES
from engine.training.config import FINE_TUNING, LEAST_IMAGES, ORIGINAL_STUDY, TrainingConfig, with_defaults
from engine.training.schedules import SCHEDULES
from models.specs import SPECS
from ui.pages.train.state import run_named
from ui.session.opened import workbench
from ui.shared.trainings import GROUP, LEARN, MODELS, PLAIN, RECOGNISE, SMALL

MODEL_HELP = (
    "**Model 1** keeps the most detail of a picture (a latent of 512×7×7 at 224 pixels). **Model 2** has a sixth block "
    "(1024×3×3). **Model 3** downsamples by strided convolutions instead of pooling. **Model 4** pools over "
    "overlapping windows (1024×2×2); it searched best in the original study."
)
LEARNS_CAPTIONS = [
    "A small network learns to recognise each picture cropped, flipped and recoloured (SimCLR, NT-Xent).",
    "Models 1–4 reconstruct each picture and recognise views of it.",
    "Models 1–4 reconstruct each picture, as in the original study.",
    "Clusters the pictures by its own features and learns to predict the clusters, again in every epoch.",
]
LEARNS_HELP = (
    "A network that only reconstructs keeps what fills many pixels: colours and backgrounds. Measured on the drawn "
    "animal faces, all four models then search worse than untrained, however low their loss. Contrastive learning "
    "(SimCLR, with the NT-Xent loss) pulls altered views of the same picture together, so that the network keeps what "
    "stays the same: the subject. On the same pictures it searched far better. It needs no labels. *Learn from my "
    "pictures* does that alone, with a small network at a small size. Where colour or orientation matters, as in "
    "handwriting, try several and compare.\n\n"
    "DeepCluster reconstructs nothing: before every epoch the pictures are clustered by the network's current "
    "features, and it learns to predict the cluster from altered views. Models 1–4 and ready-made networks can use it."
)
LEARNER_HELP = (
    "The network to train. The small ResNet has 1.2 million weights and batch normalisation, and was measured with "
    "these settings. The others can learn this way, too, but take far longer and need a lower learning rate."
)
WORTH = (
    "What it learns from your pictures alone does not replace a ready-made network where pictures are photographs of "
    "everyday subjects: on 1,500 of cats, dogs and pandas EfficientNet-Lite0 has precision@8 .98, this .61, side by "
    "side with colours and textures .66, a colour histogram .56, the best plain autoencoder .51 (chance .33). Compare "
    "shows what it is worth on yours."
)
SURROUNDINGS_HELP = (
    "Share of the views whose surroundings come from another picture, so that only the middle can be recognised. "
    "0: every view shows its own picture alone."
)
NETWORK_HELP = (
    "The network to train. ResNet-18 is a good first choice: small, and stable thanks to batch normalisation. Models "
    "1–4 have none and need a lower learning rate, such as 0.0002."
)
START_HELP = (
    "Random weights, or those pretrained on ImageNet where they have been downloaded. Pretrained weights need a low "
    "learning rate, such as 0.00005, and few epochs."
)
CLUSTERS_HELP = (
    "Number of clusters that the pictures are divided into before every epoch. Use several times the number of "
    "subjects you expect: a few dozen for some hundred pictures. At most half the number of pictures."
)
FINE_TUNING_HELP = (
    "Settings for a network that already knows photographs: DeepCluster from pretrained weights, at a low learning "
    "rate and for few epochs. Its first weights remain if no epoch recognises altered pictures more often."
)
VIEWS_HELP = (
    "Side length of the altered views that are learned from. Smaller than the input size: quicker. Searches use the "
    "input size."
)
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
)
_ALTERED = ("noise", "flip", "crop", "colour")
_PLAIN_FIELDS = ("loss", *_NUMBERS, *_ALTERED)
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
_OBJECTIVES = {LEARN: "contrastive", RECOGNISE: "autoencoding", PLAIN: "autoencoding", GROUP: "deepcluster"}


def suited(learns: str, pictures: int = 0) -> dict[str, Any]:
    """The values that suit an objective and so many pictures."""
    config = TrainingConfig.from_dict(with_defaults({"objective": _OBJECTIVES[learns]}, pictures)).as_dict()
    return {name: config[name] for name in _SUITED}


_START = TrainingConfig.from_dict(with_defaults({"objective": "autoencoding"})).as_dict()
DEFAULTS: dict[str, Any] = {
    **{name: _START[name] for name in (*_PLAIN_FIELDS, "model", "clusters")},
    "name": "",
    "learns": LEARN,
    "pictures": 0,
    "other_size": 128,
    "learner": with_defaults({"objective": "contrastive"})["network"],
    "network": with_defaults({"objective": "deepcluster"})["network"],
    "begins": _START["start"],
    **suited(LEARN),
}
DEFAULTS |= {
    f"{name}.{option.name}": int(option.default) if option.whole else option.default
    for name, kind in SCHEDULES.items()
    for option in kind.options
}
_STUDY = {"learns": PLAIN, "size": ORIGINAL_STUDY["size"], "epochs": ORIGINAL_STUDY["epochs"]}
REPORT = DEFAULTS | suited(PLAIN) | _STUDY


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
    values |= {"size": size if size in SIZES | SMALL_SIZES else OTHER, "other_size": size, "name": ""}
    network = config.get("network") or f"model-{config['model']}"
    if config.get("objective") == "deepcluster":
        values |= {"network": network, "begins": config["start"], "clusters": config["clusters"]}
        fill(values | {"learns": GROUP})
    elif config.get("objective") == "contrastive":
        fill(values | {"learns": LEARN, "learner": network, "begins": config["start"]})
    else:
        fill(values | {"learns": RECOGNISE if config.get("contrast") else PLAIN})


def suit() -> None:
    """After a change of the objective: fields that nobody has touched take the values that suit it."""
    _exchange(suited(st.session_state["train-learns"], draft()["pictures"]))


def suit_to(pictures: int) -> None:
    """Before the fields are drawn for so many pictures: those that nobody has touched take the values that suit."""
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
    """The training that the form asks for, checked.

    Raises:
        BadParameter: a number that is impossible. NameTaken: a run has that name.
    """
    schedule = values["schedule"]
    config = {name: values[name] for name in (*_PLAIN_FIELDS, "model", "schedule", "keep", "patience")}
    config["options"] = {o.name: values.get(f"{schedule}.{o.name}", o.default) for o in SCHEDULES[schedule].options}
    config["size"] = values["size"] or values["other_size"]
    config["contrast"] = _START["contrast"] if values["learns"] == RECOGNISE else 0.0
    if values["learns"] == PLAIN:
        config["views"] = None
    if values["learns"] in (LEARN, GROUP):
        config |= _without_decoder(values)
    config["name"] = _name(values["name"])
    checked = TrainingConfig.from_dict(config).as_dict()
    if checked["name"] and run_named(checked["name"]) is not None:
        raise NameTaken(f"A run called {checked['name']!r} already exists.", way_out="Choose another name.")
    return checked


def _without_decoder(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training that reconstructs nothing; what it ignores keeps its default."""
    grouping = values["learns"] == GROUP
    network = values["network" if grouping else "learner"]
    own, begins = network.startswith("model-"), values["begins"] if network in BACKBONES else "random"
    chosen = {"model": int(network[-1])} if own else {"network": network, "model": DEFAULTS["model"]}
    passed_over = {name: DEFAULTS[name] for name in ("loss", *_ALTERED)}
    settings = {"objective": _OBJECTIVES[values["learns"]], "start": begins}
    clusters = {"clusters": values["clusters"]} if grouping else {}
    return chosen | passed_over | settings | clusters | ({"patience": 0} if values["keep"] == "last" else {})


def _name(text: str) -> str:
    """The name of a run for what was typed, "" for nothing."""
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
