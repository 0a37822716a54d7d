"""The script that Streamlit runs on every change. It is kept apart from `ui/pages`: next to a folder of that name,
Streamlit would treat every file in it as a page."""

from ui.main import main

main()
