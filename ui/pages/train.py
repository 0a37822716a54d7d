"""The training page: teach one of the four autoencoders to see the chosen collection, and watch it do so."""

from __future__ import annotations

import streamlit as st

from engine.jobs import Job
from engine.recipe import Recipe
from ui.components.job_progress import job_progress
from ui.components.literal import literal
from ui.components.messages import empty_state, errors_shown
from ui.state import collection_cards, images_of, recent_jobs, workbench

LOSSES = {"mse": "MSE (mean squared error)", "ssim": "SSIM (structure)"}
SIZES = (96, 160, 224)


def page() -> None:
    """Draw the running training or the form that starts one, and how the last one ended."""
    st.title("Train", anchor=False)
    recipe: Recipe | None = st.session_state.recipe
    if recipe is None:
        empty_state(
            "Nothing to learn from yet",
            "Training needs a collection of pictures.",
            {"Add pictures": lambda: st.session_state.update(go_to="collections")},
            key="train-empty",
        )
        return
    jobs = [job for job in recent_jobs() if job.kind == "train"]
    running = next((job for job in jobs if job.alive), None)
    if running is not None:
        job_progress(running, key="train")
        st.write("You may leave this page or close the browser: the training goes on.")
        return
    if jobs:
        _ended(jobs[0])
    with errors_shown():
        _form(recipe)


def _ended(job: Job) -> None:
    if job.state == "done":
        run = (job.result or {}).get("value", {}).get("run", "")
        st.success(f"{literal(job.title)} has ended. Its encoder {literal(run)} is in the sidebar's list.")
    elif job.error:
        st.error(f"{literal(job.title)}: {literal(job.error)}", icon=":material/error:")
    else:
        st.info(f"{literal(job.title)} was stopped. The best weights so far are kept.")


def _form(recipe: Recipe) -> None:
    title = next((card.title for card in collection_cards() if card.name == recipe.collection), recipe.collection)
    count = len(images_of(recipe.collection).ids)
    st.write(
        f"An autoencoder learns to redraw the {count:,} pictures of **{literal(title)}**. "
        "What it keeps of them makes pictures comparable."
    )
    chosen = recipe.encoder.removeprefix("model-")
    with st.form("training"):
        left, right = st.columns(2)
        model = left.selectbox(
            "Model",
            [1, 2, 3, 4],
            int(chosen) - 1 if chosen in ("1", "2", "3", "4") else 3,
            format_func=lambda n: f"Model {n}",
        )
        loss = right.selectbox("Loss", list(LOSSES), format_func=LOSSES.get)
        epochs = left.number_input("Epochs", 1, 1000, 10, help="How often every picture is seen.")
        rate = right.number_input("Learning rate", 1e-6, 1.0, 1e-3, step=1e-4, format="%.5f")
        batch = left.number_input("Batch", 1, 512, 32, help="Pictures a step. Smaller needs less memory.")
        size = right.select_slider(
            "Picture size", SIZES, 160, help="Larger sees more detail and takes longer. Model 4 starts at 160."
        )
        if st.form_submit_button("Start training", type="primary", icon=":material/play_arrow:"):
            config = {
                "model": model,
                "loss": loss,
                "epochs": int(epochs),
                "rate": float(rate),
                "batch": int(batch),
                "size": size,
            }
            workbench().start("train", collection=recipe.collection, config=checked(config))
            st.rerun()


def checked(config: dict[str, object]) -> dict[str, object]:
    """The settings, with the nearest picture size that the model redraws exactly; BadParameter for bad ones."""
    from engine.training.config import TrainingConfig
    from models.autoencoder import SPECS

    spec = SPECS[int(str(config["model"]))]
    wanted = int(str(config["size"]))
    config["size"] = min((s for s in range(32, 257) if spec.fits(s)), key=lambda s: (abs(s - wanted), -s))
    return TrainingConfig.from_dict(config).as_dict()
