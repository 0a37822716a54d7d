"""The door: `streamlit run app.py`. The frame of all pages is `ui/main.py`; thumbnails go by a route of their own."""

from pathlib import Path

import streamlit as st

from ui.main import unforeseen
from ui.references import refer_only_to_what_is_kept
from ui.reruns import let_runs_be_delivered
from ui.web import MIDDLEWARE, ROUTES, lifespan

let_runs_be_delivered()
refer_only_to_what_is_kept()
SCRIPT = Path(__file__).parent / "ui/entry/script.py"
app = st.App(SCRIPT, routes=ROUTES, middleware=MIDDLEWARE, lifespan=lifespan, on_script_error=unforeseen)
