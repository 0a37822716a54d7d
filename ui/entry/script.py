"""The script that Streamlit runs for every change. It stands apart from `ui/pages`: beside a folder of that name
Streamlit would take every file in it for a page of its own."""

from ui.main import main

main()
