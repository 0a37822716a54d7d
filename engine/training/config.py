"""The settings of a training, as one small frozen value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.core.device import PRECISIONS
from engine.core.errors import BadParameter, BenzerError
from engine.core.home import slug
from engine.core.settings import check_number, check_switch, check_whole
from engine.encoders.networks.table import BACKBONES
from engine.training.losses import LOSSES, loss
from engine.training.schedules import schedule
from engine.training.stepping import Stepping
from engine.training.view_loss import ViewLoss
from engine.training.view_losses import view_losses
from models.specs import RESIDUAL, SPECS

LEAST_IMAGES, MOST_CROPS = 16, 8
OBJECTIVES = (*view_losses(), "autoencoding", "deepcluster")
STARTS = ("random", "pretrained")
_OF_VIEWS: dict[str, Any] = {
    "network": "small-resnet",
    "epochs": 100,
    "size": 64,
    "batch": 128,
    "rate": 2e-3,
    "schedule": "one-cycle",
    "weight_decay": 5e-4,
    "temperature": 0.2,
    "validation": 0.0,
}
# Defaults of a new training by objective, on the page and on the command line: quick, and good for search.
DEFAULTS: dict[str, dict[str, Any]] = {
    **{name: {**_OF_VIEWS, **kind.defaults} for name, kind in view_losses().items()},
    "autoencoding": {"epochs": 10, "size": 160, "contrast": 1.0},
    "deepcluster": {"epochs": 40, "size": 96, "rate": 5e-4, "schedule": "cosine", "network": "resnet-18"},
}
# From pretrained weights, whatever the objective: few epochs at a low rate, and views smaller than the pictures.
FINE_TUNING: dict[str, Any] = {
    "network": "efficientnet-lite0",
    "epochs": 5,
    "size": 224,
    "views": 128,
    "batch": 32,
    "rate": 5e-5,
    "schedule": "cosine",
    "keep": "recognition",
    "weight_decay": 0.0,
    "validation": 0.0,
}
ORIGINAL_STUDY: dict[str, Any] = {"epochs": 40, "size": 224, "contrast": 0.0}
_SMALL_SIZES = (96, 160)  # pixels
_OF_AUTOENCODERS = ("model", "loss", "noise", "flip", "crop", "colour", "contrast")  # settings that mean one
_PICTURES_EACH = 4  # fewest pictures per cluster by default
_MANY, _LARGER = 5000, 96  # so many pictures are learned from at this size in pixels
_EPOCHS, _SHOWN = (20, 100), 200_000  # least and most epochs by default, and pictures shown in all between these


def with_defaults(given: Mapping[str, Any], pictures: int = 0) -> dict[str, Any]:
    """The settings of a new training: the given ones, and `DEFAULTS` for the others.

    Without an objective it is contrastive, unless a setting is given that only autoencoders have. From pretrained
    weights it is deepcluster, with `FINE_TUNING`.

    Args:
        pictures: how many there are, on which epochs and size of a training on views depend, and the clusters of
            fine-tuning; 0: unknown.
    """
    if given.get("start") == "pretrained":
        return _fine_tuning(given, pictures)
    an_autoencoder = any(name in given for name in _OF_AUTOENCODERS)
    objective = given.get("objective", "autoencoding" if an_autoencoder else "contrastive")
    defaults = {"objective": objective, **DEFAULTS.get(objective, {})}
    if objective in view_losses():
        defaults |= _suited_to(pictures)
    model = SPECS.get(given.get("model", 0))
    if objective != "autoencoding" and model is not None:
        defaults["network"] = ""
        defaults["size"] = next(size for size in _SMALL_SIZES if model.latent_size(size))
    return defaults | dict(given)


def _fine_tuning(given: Mapping[str, Any], pictures: int) -> dict[str, Any]:
    """The settings of a training from pretrained weights."""
    objective = given.get("objective", "deepcluster")
    usual = TrainingConfig.clusters
    clusters = {"clusters": max(2, min(usual, pictures // _PICTURES_EACH))} if pictures else {}
    kind = view_losses().get(objective)
    judged = {**kind.defaults, "keep": "retrieval"} if kind and kind.learns_labels else {}
    return {"objective": objective, **DEFAULTS.get(objective, {}), **FINE_TUNING, **clusters, **judged, **given}


def _suited_to(pictures: int) -> dict[str, int]:
    """Default epochs and size of a training on views, for that many pictures."""
    least, most = _EPOCHS
    epochs = min(most, max(least, _SHOWN // max(1, pictures)))
    return {"epochs": epochs} | ({"size": _LARGER} if pictures >= _MANY else {})


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training, validated on construction.

    The defaults here apply to stored configs that lack a key; a new training starts from `with_defaults`.

    Attributes:
        objective: "autoencoding" (reconstruct the picture), "deepcluster" (predict its own clusters; see
            `deepcluster.py`), or one of `view_losses()`, such as "contrastive" (learn from views; see `views.py`). All
            but the first ignore `loss`, `noise`, `flip`, `crop` and `colour`.
        settings: of an objective over views, by their names. crops: small views of each picture beside the two of the
            full size, at half their side (multi-crop).
        network: what to train instead of Model 1–4: "small-resnet", or a ready-made network ("resnet-18"); "" for
            Model 1–4, the only ones that reconstruct.
        start: the initial weights: "random", or "pretrained" for those of a ready-made network.
        clusters: the number of clusters for deepcluster.
        model: 1 to 4. loss: a name of LOSSES. schedule, options: a name of SCHEDULES and its settings.
        rate: the (first) learning rate of Adam. batch: images per step. epochs: passes over the training images.
        validation: the share of images held out, on which the loss is measured.
        seed: of the weights, the split, the order and the noise. limit: use at most this many images (None: all).
        size: images are resized to this many pixels squared; stored with the run.
        noise: standard deviation of Gaussian noise on the input (the target stays clean). flip: mirror half of them.
        crop: take a random crop of each. colour: vary brightness, contrast and saturation (see `augment.py`).
        contrast: weight of the contrastive loss over augmented views (see `contrast.py`); 0 is the plain autoencoder.
            views: the side of these views in pixels, None for the input size. temperature: of the contrastive loss.
            surroundings: the share of views of Models 1–4 and of deepcluster that take what surrounds the middle from
            another picture.
        weight_decay: how much all weights but biases and normalisations shrink in each step, times the rate.
        optimizer, momentum, warmup, clip: see `stepping.py`. precision: of the network's products, "float32" or
            "bfloat16"; "" is what suits the computer.
        keep: which weights the run keeps: those with the best "loss" (on the held-out images), the best "retrieval"
            or the best "recognition" of altered copies (both of the probe), or the "last"; "" is the loss, recognition
            for views, retrieval for those that learn labels, and the last for deepcluster, whose losses refer to
            different groups in every epoch.
        patience: stop after this many epochs without improvement of what `keep` names; 0 never stops early.
        keep_state: whether a finished run keeps what continuing it exactly needs, three times the size of its network.
            Without, it can be continued from its kept weights with a fresh optimizer.
        probe: how many pictures to measure retrieval with after every epoch; 0 for none.
        name: of the run, "" for one derived from the collection and the model.
    """

    model: int = 4
    loss: str = "mse"
    schedule: str = "none"
    options: Mapping[str, float] = field(default_factory=dict)
    rate: float = 0.001
    batch: int = 32
    epochs: int = 40
    validation: float = 0.1
    seed: int = 0
    limit: int | None = None
    size: int = 224
    noise: float = 0.0
    flip: bool = False
    crop: bool = False
    colour: bool = False
    contrast: float = 0.0
    views: int | None = None
    keep: str = ""
    patience: int = 0
    probe: int = 256
    name: str = ""
    objective: str = "autoencoding"
    network: str = ""
    start: str = "random"
    clusters: int = 24
    temperature: float = 0.1
    surroundings: float = 0.8
    weight_decay: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    crops: int = 0
    optimizer: str = "adamw"
    momentum: float = 0.9
    warmup: float = 0.0
    clip: float = 0.0
    precision: str = ""
    keep_state: bool = False

    def __post_init__(self) -> None:
        check_whole("model", "the training", self.model, min(SPECS), max(SPECS))
        loss(self.loss)
        check_number("rate", "the training", self.rate, 1e-8, 1000)
        check_whole("batch", "the training", self.batch, 1, 4096)
        check_whole("epochs", "the training", self.epochs, 1, 10_000)
        check_number("validation share", "the training", self.validation, 0.0, 0.9)
        check_whole("seed", "the training", self.seed, 0, 2**31 - 1)
        check_number("noise", "the training", self.noise, 0.0, 1.0)
        check_number("contrast", "the training", self.contrast, 0.0, 100.0)
        check_number("temperature", "the training", self.temperature, 0.01, 10.0)
        check_number("share of other surroundings", "the training", self.surroundings, 0.0, 1.0)
        check_number("weight decay", "the training", self.weight_decay, 0.0, 1.0)
        self._check_stepping()
        for switch in ("flip", "crop", "colour", "keep_state"):
            check_switch(switch, "the training", getattr(self, switch))
        check_whole("patience", "the training", self.patience, 0, 10_000)
        self._check_objective()
        self._check_keep()
        self._check_probe()
        self._check_name()
        if self.limit is not None:
            check_whole("limit of pictures", "the training", self.limit, LEAST_IMAGES, 10_000_000)
        self._check_size("input size", self.size)
        if self.views is not None:
            self._check_size("view size", self.views)
        if self.crops:
            self._check_size("size of small views", (self.views or self.size) // 2)
        schedule(self.schedule, self.rate, self.epochs, self.options)

    @property
    def stepping(self) -> Stepping:
        """The optimizer and what goes with it."""
        return Stepping(self.optimizer, self.momentum, self.warmup, self.clip)

    @property
    def clusters_itself(self) -> bool:
        """Whether it learns from its own clusters instead of reconstructing."""
        return self.objective == "deepcluster"

    @property
    def reconstructs(self) -> bool:
        """Whether it has a decoder, which only Models 1–4 have."""
        return self.objective == "autoencoding"

    @property
    def view_loss(self) -> type[ViewLoss] | None:
        """The loss of an objective over views, None for the other objectives."""
        return view_losses().get(self.objective)

    @property
    def learns_labels(self) -> bool:
        """Whether it learns from the labels of the collection."""
        return self.view_loss is not None and self.view_loss.learns_labels

    @property
    def finds_copies(self) -> bool:
        """Whether altered copies are looked for after every epoch, with or without labels."""
        return self.view_loss is not None or self.keep == "recognition"

    @property
    def encoder(self) -> str:
        """The name of the resulting encoder in a recipe."""
        return self.network or f"model-{self.model}"

    @property
    def title(self) -> str:
        """The display name of the network: "Model 4", "ResNet-18"."""
        known: Mapping[str, Any] = BACKBONES | RESIDUAL
        return str(known[self.network].title) if self.network else f"Model {self.model}"

    def canonical(self) -> TrainingConfig:
        """The same training however it was requested: with the defaults of schedule and objective, without its name.

        Nor does it keep its state, which changes nothing in what is learned.
        """
        options = schedule(self.schedule, self.rate, self.epochs, self.options).settings
        settings = self.view_loss(self.temperature, self.settings).chosen if self.view_loss else self.settings
        return replace(self, name="", keep_state=False, options=options, settings=settings)

    def check_clusters(self, images: int) -> None:
        """Raise BadParameter if `images` are too few for the clusters: at least two per cluster."""
        learning = min(images, self.limit or images)
        learning -= math.ceil(learning * self.validation)
        if self.clusters_itself and self.clusters > learning // 2:
            wanted = f"at most {learning // 2}, half of the {learning} training pictures"
            raise BadParameter("number of clusters", "the training", wanted, self.clusters)

    def check_labels(self, names: Sequence[str]) -> None:
        """Raise BadParameter if these labels, of the pictures to learn from, are too few to be learned; "" is none."""
        there = [name for name in names if name]
        if self.learns_labels and (len(there) < LEAST_IMAGES or len(set(there)) < 2):
            wanted = f"of two kinds at least, on {LEAST_IMAGES} pictures or more"
            found = f"{len(set(there))} on {len(there)} pictures"
            way_out = "Label more pictures, or learn without labels."
            raise BadParameter("labels", f"a training with {self.objective}", wanted, found, way_out=way_out)

    def _check_objective(self) -> None:
        if self.objective not in OBJECTIVES:
            wanted = f"{', '.join(OBJECTIVES[:-1])} or {OBJECTIVES[-1]}"
            raise BadParameter("objective", "the training", wanted, self.objective)
        if self.start not in STARTS:
            raise BadParameter("start", "the training", " or ".join(STARTS), self.start)
        check_whole("number of clusters", "the training", self.clusters, 2, 100_000)
        self._check_network()
        self._check_views()
        if self.contrast and not self.reconstructs:
            raise BadParameter("contrast", self.objective, "0: it sees augmented views anyway", self.contrast)

    def _check_views(self) -> None:
        """Check what only objectives over views have."""
        if not isinstance(self.settings, Mapping):
            raise BadParameter("settings", f"the objective {self.objective}", "values by their names", self.settings)
        check_whole("number of small views", "the training", self.crops, 0, MOST_CROPS)
        if self.view_loss is not None:
            self.view_loss(self.temperature, self.settings)
        elif self.crops or self.settings:
            named = "number of small views" if self.crops else "settings"
            raise BadParameter(named, self.objective, "left out", self.crops or dict(self.settings))

    def _check_network(self) -> None:
        known = BACKBONES | RESIDUAL
        if not isinstance(self.network, str) or (self.network and self.network not in known):
            raise BadParameter("network", "the training", "one of " + ", ".join(known), self.network)
        if self.network and self.reconstructs:
            wanted = "left out: only Models 1 to 4 reconstruct pictures"
            way_out = "Choose another objective, such as contrastive."
            raise BadParameter("network", "an autoencoder", wanted, self.network, way_out=way_out)
        if self.start == "pretrained" and self.network not in BACKBONES:
            raise BadParameter("start", self.title, "random", self.start, way_out="Name a ready-made network.")

    def _check_stepping(self) -> None:
        if self.precision not in ("", *PRECISIONS):
            raise BadParameter("precision", "the training", " or ".join(PRECISIONS), self.precision)
        if self.stepping.warmup > self.epochs:
            raise BadParameter("warm-up", "the training", f"at most its {self.epochs} epochs", self.warmup)

    def _check_keep(self) -> None:
        if self.keep == "":
            object.__setattr__(self, "keep", self._usually_kept())
        if self.clusters_itself and self.keep == "loss":
            way_out = "Each epoch has other clusters, so the losses cannot be compared."
            raise BadParameter("keep", "deepcluster", "last, retrieval or recognition", self.keep, way_out=way_out)
        if self.keep == "last" and self.patience:
            raise BadParameter("patience", "a training that keeps the last weights", "0", self.patience)

    def _usually_kept(self) -> str:
        if self.view_loss is not None and self.probe:
            return "retrieval" if self.learns_labels else "recognition"
        return "loss" if self.reconstructs else "last"

    def _check_probe(self) -> None:
        if self.probe != 0:
            check_whole("probe", "the training", self.probe, LEAST_IMAGES, 4096)
        if self.keep not in ("loss", "retrieval", "recognition", "last"):
            raise BadParameter("keep", "the training", "loss, retrieval, recognition or last", self.keep)
        if self.keep in ("retrieval", "recognition") and not self.probe:
            raise BadParameter("probe", f"a training that keeps the best by {self.keep}", f"at least {LEAST_IMAGES}", 0)

    def _check_name(self) -> None:
        if not isinstance(self.name, str) or (self.name and self.name != slug(self.name)):
            raise BadParameter("name", "a run", "lower-case letters, digits and dashes", self.name)

    def _check_size(self, name: str, size: int) -> None:
        check_whole(name, "the training", size, 16, 1024)
        if not self.reconstructs:
            self._check_latent(name, size)
        elif not SPECS[self.model].fits(size):
            near = sorted((s for s in range(16, 1025) if SPECS[self.model].fits(s)), key=lambda s: abs(s - size))
            sizes = " or ".join(map(str, sorted(near[:2])))
            model, way_out = f"Model {self.model}", f"The nearest are {sizes}."
            raise BadParameter(name, model, "one it reconstructs exactly", size, way_out=way_out)

    def _check_latent(self, name: str, size: int) -> None:
        """Check that a picture of that size leaves a non-empty latent; it need not be reconstructed."""
        known: Mapping[str, Any] = BACKBONES | RESIDUAL
        whose: Any = known[self.network] if self.network else SPECS[self.model]
        if not whose.latent_size(size):
            fitting = whose.size if self.network else next(s for s in range(16, 1025) if whose.latent_size(s))
            raise BadParameter(name, self.title, "one that leaves a feature map", size, way_out=f"Try {fitting}.")

    def as_dict(self) -> dict[str, Any]:
        """JSON-able values."""
        return asdict(self) | {"options": dict(self.options), "settings": dict(self.settings)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """The config of `as_dict`; BadParameter for a key it does not have."""
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadParameter("setting", "the training", "one of " + ", ".join(cls.__dataclass_fields__), unknown[0])
        return cls(**values)


def canonical_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a stored training with all defaults filled in; unchanged if they are of another version."""
    with suppress(BenzerError, TypeError):
        config = TrainingConfig.from_dict(config).canonical().as_dict()
    return {name: value for name, value in config.items() if name not in ("name", "keep_state")}


def loss_title(config: Mapping[str, Any]) -> str:
    """What a stored training minimises, for display: "MSE", "contrastive loss + MSE", "NT-Xent (SimCLR)"."""
    objective = config.get("objective", "autoencoding")
    if objective != "autoencoding":
        return view_losses()[objective].title if objective in view_losses() else "cross-entropy"
    name = LOSSES[config["loss"]].title if config.get("loss") in LOSSES else "loss"
    return f"contrastive loss + {name}" if config.get("contrast") else name
