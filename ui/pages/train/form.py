"""The form that starts a training: what to learn, how, for how long, and what that will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from engine.core.errors import BenzerError
from engine.core.humanize import duration, file_size
from engine.core.settings import AnySetting, Setting
from engine.training.losses import LOSSES
from engine.training.schedules import SCHEDULES, curve
from engine.training.seeds import several
from engine.training.stepping import OPTIMIZERS, WITH_MOMENTUM
from engine.training.view_losses import view_losses
from engine.workbench.cost import rough_training_seconds, training_seconds
from ui.pages.train import fields, texts
from ui.pages.train.fields import choice, draft, number, switch, typed, whole
from ui.pages.train.rate_finder import rate_finder
from ui.session.opened import collection_cards, images_of, workbench
from ui.shared.charts import draw, titled
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text
from ui.shared.training_curves import rate_chart
from ui.shared.trainings import GROUP, LABELS, LEARN, LEARNS, MODELS, PLAIN, RECOGNISE, SMALL

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


_TWICE = 2.0  # seconds in which the same training is not started again: a double click


def training_form(collection: str, *, waits: bool) -> None:
    """Draw the form; `waits` says that another training is running, so that this one is queued."""
    count = len(images_of(collection).ids)
    fields.suit_to(count)
    _head(collection, count)
    settings, summary = st.columns([1.75, 1], gap="large")
    with settings:
        _what()
        _how()
        _more(count)
    with summary:
        _summary(collection, count, waits)


def _head(collection: str, count: int) -> None:
    title = next((card.title for card in collection_cards() if card.name == collection), collection)
    labels = "" if st.session_state[fields.key("learns")] == LABELS else " No labels needed."
    st.write(f"Train an encoder on the {count:,} pictures of **{plain_text(title)}**.{labels}")
    with st.container(horizontal=True):
        st.button(
            "Recommended settings",
            key="train-first",
            icon=":material/auto_awesome:",
            on_click=fields.fill,
            args=(fields.recommended(),),
        )
        if fields.can_fine_tune():
            st.button(
                "Improve a ready-made network",
                key="train-fine-tune",
                icon=":material/model_training:",
                help=texts.FINE_TUNING_HELP,
                on_click=fields.fill,
                args=(fields.fine_tuning(),),
            )
        st.button(
            "Original study settings",
            key="train-report",
            icon=":material/article:",
            on_click=fields.fill,
            args=(fields.REPORT,),
        )


# ── the settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _what() -> None:
    typed(
        "learns",
        st.radio(
            "Training objective",
            list(LEARNS),
            format_func=LEARNS.__getitem__,
            captions=texts.LEARNS_CAPTIONS,
            key=fields.key("learns"),
            help=texts.LEARNS_HELP,
            horizontal=True,
            on_change=fields.suit,
        ),
    )
    left, right = st.columns(2)
    if draft()["learns"] in fields.OF_VIEWS:
        _size(right, fields.group_sizes(choice(left, "learner", "Network", fields.learners(), texts.LEARNER_HELP)))
        return
    if draft()["learns"] == GROUP:
        _size(right, fields.group_sizes(choice(left, "network", "Network", fields.networks(), texts.NETWORK_HELP)))
        return
    model = choice(left, "model", "Model", MODELS, texts.MODEL_HELP)
    _size(right, fields.sizes_of(model))


def _size(where: DeltaGenerator, sizes: dict[int, str]) -> None:
    if draft()["size"] not in sizes:
        fields.fill({"size": 160 if 160 in sizes else next(iter(sizes))})
    if choice(where, "size", "Input size", sizes, _SIZE_HELP) == fields.OTHER:
        help = "A size that the network cannot handle is refused, and the nearest possible one is suggested."
        whole(where, "other_size", "Side length (px)", help)


_SIZE_HELP = (
    "Pictures are stretched to a square of this side length. Larger sizes show more detail and take longer. The same "
    "network trained at another size is another encoder."
)


def _how() -> None:
    left, right = st.columns(2)
    learns = draft()["learns"]
    if learns in fields.OF_VIEWS:
        _view_loss(left, learns)
        if draft()["learner"] not in SMALL:
            choice(right, "begins", "Initial weights", fields.starts(draft()["learner"]), texts.START_HELP)
            left, right = right, left
    elif learns == GROUP:
        choice(left, "begins", "Initial weights", fields.starts(draft()["network"]), texts.START_HELP)
        whole(right, "clusters", "Clusters", texts.CLUSTERS_HELP)
        left, right = right, left
    else:
        help = "\n\n".join(f"**{loss.title}**: {loss.help}" for loss in LOSSES.values())
        choice(left, "loss", "Loss", {name: loss.title for name, loss in LOSSES.items()}, help)
    number(right, "rate", "Learning rate", "Step size of the optimizer. Too high: training diverges (NaN loss).")
    whole(left, "epochs", "Epochs", "Passes over all training pictures.")
    whole(right, "batch", "Batch size", "Pictures per step. Smaller batches need less memory.")
    help = "\n\n".join(f"**{_upper(kind.title)}**: {kind.help}" for kind in SCHEDULES.values())
    name = choice(left, "schedule", "Learning-rate schedule", {n: _upper(k.title) for n, k in SCHEDULES.items()}, help)
    for place, option in enumerate(SCHEDULES[name].options):
        _option((right, left)[place % 2], name, option)  # the first beside the schedule


def _view_loss(where: DeltaGenerator, learns: str) -> None:
    """What is learned of the views, or of the labels."""
    losses, kinds = fields.losses_of(learns), view_losses()
    help = "\n\n".join(f"**{title}**: {kinds[name].summary}" for name, title in losses.items())
    choice(where, "label_loss" if learns == LABELS else "view_loss", "Loss", losses, help)


def _option(where: Any, owner: str, option: Setting) -> None:
    name = f"{owner}.{option.name}"
    draft().setdefault(name, option.checked(option.default, owner))
    title, help = option.title, f"{option.help} `{option.name}`: {option.low:g} to {option.high:g}."
    if option.whole:
        whole(where, name, title, help)
    else:
        number(where, name, title, help)


def _more(count: int) -> None:
    with st.expander("More", icon=":material/tune:", key="train-more"):
        left, right = st.columns(2)
        number(
            left,
            "validation",
            "Validation share",
            "Share of the pictures held out of training, to measure the validation loss.",
            0.05,
        )
        learns, limit = draft()["learns"], f"all {count:,}"
        whole(right, "limit", "Max. pictures", "A random sample, fixed by the seed. Empty: all.", placeholder=limit)
        no_decoder = dict.fromkeys(fields.OF_VIEWS, fields.LEARN_KEEPS) | {GROUP: fields.GROUP_KEEPS}
        keeps = no_decoder.get(learns, fields.KEEPS)
        kept = choice(left, "keep", "Checkpoint to keep", keeps, "The epoch whose weights become the encoder.")
        if kept != "last":
            whole(right, "patience", "Early-stopping patience", "Epochs without improvement before it stops; 0: never.")
        whole(left, "seed", "Seed", "Fixes the initial weights, the split, the order and the noise.")
        whole(right, "seeds", "Trainings (seeds)", texts.SEEDS_HELP)
        _of_the_objective(left, right, learns)
        _steps(left, right)
        typed(
            "name",
            st.text_input(
                "Run name",
                key=fields.key("name"),
                max_chars=60,
                placeholder="optional: made from the collection and the model",
            ),
        )


def _of_the_objective(left: DeltaGenerator, right: DeltaGenerator, learns: str) -> None:
    """What only some objectives have."""
    kind = view_losses().get(fields.objective_of(draft()))
    if learns == RECOGNISE or (kind and kind.tempered):
        number(
            left,
            "temperature",
            "Temperature",
            "Of the loss: the lower, the more the nearest views count.",
            0.05,
        )
    for place, option in enumerate(kind.settings if kind else ()):
        _setting((left, right)[place % 2], kind.name if kind else "", option)
    if learns != PLAIN:
        whole(left, "views", "Size of the views (px)", texts.VIEWS_HELP, placeholder="the input size")
    if kind:
        whole(right, "crops", "Small views", texts.CROPS_HELP)
    if learns in (RECOGNISE, GROUP):
        number(right, "surroundings", "Surroundings from other pictures", texts.SURROUNDINGS_HELP, 0.1)
    if learns in (RECOGNISE, PLAIN):
        _altered(left)


def _setting(where: Any, owner: str, option: AnySetting) -> None:
    """A setting of an objective: a number, or one of a few names."""
    if isinstance(option, Setting):
        _option(where, owner, option)
    else:
        choice(where, f"{owner}.{option.name}", option.title, option.options, option.help)


def _steps(left: DeltaGenerator, right: DeltaGenerator) -> None:
    """How the weights are changed in each step."""
    optimizer = choice(left, "optimizer", "Optimizer", OPTIMIZERS, texts.OPTIMIZER_HELP)
    number(right, "weight_decay", "Weight decay", "How fast weights shrink in each step; 0: none.", 0.0001)
    if optimizer in WITH_MOMENTUM:
        number(left, "momentum", "Momentum", texts.MOMENTUM_HELP, 0.1)
    number(left, "warmup", "Warm-up (epochs)", texts.WARMUP_HELP, 1.0)
    number(right, "clip", "Gradient clipping", texts.CLIP_HELP, 1.0)
    choice(left, "precision", "Precision", fields.PRECISION, texts.PRECISION_HELP)


def _altered(where: DeltaGenerator) -> None:
    """The augmentations of autoencoders; the other objectives have strong ones of their own."""
    number(
        where,
        "noise",
        "Noise",
        "Standard deviation of Gaussian noise on the input; the clean picture is the target.",
        0.05,
    )
    with st.container(horizontal=True):
        switch(st, "flip", "Flip", "Flips half of the pictures horizontally.")
        switch(st, "crop", "Crop", "Trains on a random crop of each picture.")
        switch(st, "colour", "Colour jitter", "Varies brightness, contrast and saturation.")


# ── what that means ──────────────────────────────────────────────────────────────────────────────────────────────────


def _summary(collection: str, count: int, waits: bool) -> None:
    """What it takes and the button, or the one sentence that says what is impossible; then what is to be known."""
    config: dict[str, Any] | None = None
    first, then = st.container(border=True, key="train-summary"), st.container()
    with first:
        try:
            config = _checked(collection, count)
            _time(config, collection, count)
        except BenzerError as error:
            show_error(error)
        _start_button(collection, config, waits)
    with then:
        if config is not None:
            _known(config, collection)
        if draft()["learns"] in fields.OF_VIEWS:
            st.caption(texts.WORTH if draft()["learns"] == LEARN else texts.WORTH_LABELS)


def _checked(collection: str, count: int) -> dict[str, Any]:
    """The settings of the form; BenzerError if they are impossible for this collection."""
    fields.enough(count)
    config = fields.config_of(draft())
    fields.enough_for_groups(config, count)
    fields.enough_labels(config, images_of(collection).labels)
    fields.check_seeds(config, draft()["seeds"])
    return config


def _known(config: dict[str, Any], collection: str) -> None:
    try:
        _schedule(config)
        rate_finder(collection, config)
        _disk(config, collection)
    except BenzerError as error:
        show_error(error)


def _start_button(collection: str, config: dict[str, Any] | None, waits: bool) -> None:
    if waits:
        st.caption("Another training is running. This one is queued and starts automatically.")
    label = "Add to queue" if waits else "Learn from my pictures" if draft()["learns"] == LEARN else "Start training"
    kind: Literal["primary", "secondary"] = "primary" if config else "secondary"
    play = ":material/play_arrow:"
    if st.button(label, key="train-start", type=kind, icon=play, width="stretch", disabled=config is None):
        with errors_shown():
            start(collection, config or {})


def start(collection: str, config: dict[str, Any]) -> None:
    """Start the training, once, and redraw the page."""
    asked, at = st.session_state.get("training_started", (None, 0.0))
    if asked == (collection, config) and time.monotonic() - at < _TWICE:
        return
    st.session_state.training_started = ((collection, config), time.monotonic())
    for one in several(config, draft()["seeds"]):
        workbench().start("train", collection=collection, config=one)
    fields.fill({"name": ""})
    st.rerun()


def _schedule(config: dict[str, Any]) -> None:
    rates = curve(config["schedule"], config["rate"], config["epochs"], config["options"], config["warmup"])
    titled("Learning rate")
    highest, last = max(rate for _, rate in rates), rates[-1][1]
    alt = f"The learning rate over {config['epochs']} epochs: at most {highest:.3g}, finally {last:.3g}."
    draw(rate_chart(rates, height=150), key="schedule-preview", alt=alt)
    if config["schedule"] == "plateau":
        st.caption("It drops whenever the validation loss stops improving, so it can only be drawn up to there.")


def _time(config: dict[str, Any], collection: str, count: int) -> None:
    images = min(count, config["limit"] or count)
    measured = st.session_state.get("training_measured")
    known = training_seconds(workbench().home, config, images)
    if measured and measured[0] == _work(config, collection):
        _, seconds, rate = measured
        st.caption(
            f"About **{duration(seconds * config['epochs'])}**, "
            f"measured on this computer at {rate:,.0f} pictures per second."
        )
    elif known:
        st.caption(f"About **{duration(known[0])}**, based on the run {plain_text(known[1].title)}.")
    elif rough := rough_training_seconds(config, images):
        st.caption(f"About **{duration(rough)}** on two processor cores; *Estimate time* measures it on this computer.")
    else:
        st.caption(f"{config['epochs']} epochs × {images:,} pictures.")
    if st.button("Estimate time", key="train-measure", icon=":material/timer:", type="tertiary"):
        with st.spinner("Timing a few batches …"):
            estimate = workbench().estimate(collection, config)
        st.session_state.training_measured = (
            _work(config, collection), estimate.seconds / config["epochs"], estimate.images_per_second,
        )  # fmt: skip
        st.rerun()


def _disk(config: dict[str, Any], collection: str) -> None:
    """The disk space for the training, and the choice whether to keep the state for continuing it."""
    use = workbench().training_disk(collection, config)
    if use.fits:
        st.caption(use.sentence())
    else:
        st.warning(use.sentence(), icon=":material/hard_drive:")
    help = (
        f"Keeps the last weights and the optimizer's state ({file_size(use.state)}) after the training, so that more "
        "epochs continue it exactly. Without, more epochs start from the kept weights with a fresh optimizer."
    )
    typed("keep_state", st.checkbox("Keep what continuing needs", key=fields.key("keep_state"), help=help))


def _work(config: dict[str, Any], collection: str) -> tuple[object, ...]:
    """What the time of one epoch depends on."""
    names = ("objective", "network", "model", "size", "views", "crops", "loss", "batch", "limit", "validation", "probe")
    more = (bool(config["contrast"]), config["crop"], config["colour"])
    return (collection, *more, *(config.get(name) for name in names))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
