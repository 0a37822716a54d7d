"""Fine-tuning in the form of a classification: which encoders are trained too, and how much longer that takes."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.classification.fine_tuning import Price, price
from engine.classification.plan import ClassificationPlan
from engine.classification.task import check_something_learns, fine_tuned
from ui.session.opened import workbench
from ui.shared.messages import errors_shown

TITLES = {"none": "No", "picture": "Pictures", "text": "Texts", "both": "Both"}
EPOCHS, TUNED_EPOCHS = 30, 5  # that are proposed; an encoder that knows much already needs few
_HELP = (
    "Normally the encoders are frozen and only the layers after them are trained. Fine-tuning trains the encoders too, "
    "from their pretrained weights. It takes many times longer, and pays off with many pictures or texts unlike those "
    "the encoder knows. If no epoch improves on the pretrained weights, these are kept."
)


def tuning_field(described: bool) -> None:
    """Draw the field, which also sets the proposed number of epochs."""
    offered = list(TITLES) if described else ["none", "picture"]
    if st.session_state.get("classify-fine_tune") not in offered:
        st.session_state["classify-fine_tune"] = "none"
    left, right = st.columns(2)
    left.selectbox(
        "Fine-tune encoders", offered, key="classify-fine_tune", format_func=TITLES.__getitem__, help=_HELP,
        on_change=_propose_epochs, persist_state="session",
    )  # fmt: skip
    if st.session_state["classify-fine_tune"] != "none":
        st.session_state.setdefault("classify-encoder_rate", 0.00003)
        right.number_input(
            "Encoder learning rate", key="classify-encoder_rate", min_value=1e-7, max_value=1.0, step=0.00001,
            format="%g", persist_state="session", help="Should be lower than the learning rate of the layers after "
            "them.",
        )  # fmt: skip


def _propose_epochs() -> None:
    tuned, epochs = st.session_state["classify-fine_tune"] != "none", st.session_state["classify-epochs"]
    if epochs == (EPOCHS if tuned else TUNED_EPOCHS):
        st.session_state["classify-epochs"] = TUNED_EPOCHS if tuned else EPOCHS


def tuning_settings() -> dict[str, Any]:
    """What the field adds to a plan's settings: nothing for frozen encoders."""
    chosen = st.session_state.get("classify-fine_tune", "none")
    if chosen == "none":
        return {}
    return {"fine_tune": chosen, "encoder_rate": st.session_state["classify-encoder_rate"]}


def is_tuned(plan: ClassificationPlan) -> bool:
    """Whether encoders are to be fine-tuned."""
    return bool(plan.settings.get("fine_tune", "none") != "none")


def tuning_warning(plan: ClassificationPlan, items: int) -> None:
    """Show how much longer a plan takes, measured on this computer on request.

    Raises:
        BadParameter: none of its models uses an encoder to fine-tune.
    """
    check_something_learns(plan)
    found = _price(plan, items)
    if found is not None:
        st.warning(found.sentence(), icon=":material/hourglass_top:")
        return
    st.warning(
        "Fine-tuning takes much longer than training with frozen encoders, often twenty to a hundred times.",
        icon=":material/hourglass_top:",
    )
    if st.button("Estimate time", key="classify-measure-speed", icon=":material/timer:", width="stretch"):
        with errors_shown(), st.spinner("Timing a few batches …"):
            _speeds()[_work(plan)] = workbench().fine_tuning_speed(plan)
            st.rerun()


def _price(plan: ClassificationPlan, items: int) -> Price | None:
    speed = _speeds().get(_work(plan))
    return None if speed is None else price(plan, items, speed)


def _speeds() -> dict[tuple[Any, ...], Any]:
    """The speeds measured in this session, by the settings that they depend on."""
    found: dict[tuple[Any, ...], Any] = st.session_state.setdefault("classify_speeds", {})
    return found


def _work(plan: ClassificationPlan) -> tuple[Any, ...]:
    return (plan.picture, plan.text, plan.embedding, fine_tuned(plan))
