"""The door: `streamlit run app.py`. The frame of all pages is `ui/main.py`; thumbnails go by a route of their own."""

import streamlit as st

from ui.main import unforeseen
from ui.web import MIDDLEWARE, ROUTES, lifespan

app = st.App("ui/entry/script.py", routes=ROUTES, middleware=MIDDLEWARE, lifespan=lifespan, on_script_error=unforeseen)
