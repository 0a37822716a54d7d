"""Small helpers in the browser: paste a picture into the uploader, copy the page's address, read-only lines of text."""

from __future__ import annotations

import streamlit as st

from engine.collections.reading.safely import SUFFIXES

PICTURE_TYPES = sorted(suffix.removeprefix(".") for suffix in SUFFIXES)  # every readable format may be uploaded

_PASTE = """
export default function () {
  const paste = (event) => {
    const picture = [...(event.clipboardData?.files || [])].find((file) => file.type.startsWith("image/"));
    const input = document.querySelector('.st-key-query-uploader input[type="file"]');
    if (!picture || !input) return;
    const files = new DataTransfer();
    files.items.add(picture);
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    event.preventDefault();
  };
  document.addEventListener("paste", paste);
  return () => document.removeEventListener("paste", paste);
}
"""

# Pictures that are dropped anywhere on the page go into an uploader, which a button may have to open first.
_DROP = """
export default function ({ data }) {
  const field = () => document.querySelector(`.st-key-${data.into} input[type="file"]`);
  const give = (dropped, tries) => {
    const input = field();
    if (!input) {
      if (tries) setTimeout(() => give(dropped, tries - 1), 100);
      return;
    }
    const files = new DataTransfer();
    dropped.forEach((file) => files.items.add(file));
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const over = (event) => {
    if ([...(event.dataTransfer?.types || [])].includes("Files")) event.preventDefault();
  };
  const drop = (event) => {
    const dropped = [...(event.dataTransfer?.files || [])];
    if (!dropped.length || event.target.closest('[data-testid="stFileUploaderDropzone"]')) return;
    event.preventDefault();
    if (!field()) document.querySelector(`.st-key-${data.button} button`)?.click();
    give(dropped, 50);
  };
  document.addEventListener("dragover", over);
  document.addEventListener("drop", drop);
  return () => {
    document.removeEventListener("dragover", over);
    document.removeEventListener("drop", drop);
  };
}
"""

_COPY = """
export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Link copied";
    } catch {
      button.textContent = "Copy from the address bar";
    }
    setTimeout(() => (button.textContent = "Copy link"), 2500);
  };
}
"""

_BUTTON_CSS = """
button {
  font-family: var(--st-font); font-size: 0.875rem; line-height: 1.6; color: var(--st-text-color);
  cursor: pointer; white-space: nowrap;
  padding: 0.25rem 0.75rem; min-height: 2.5rem; box-sizing: border-box; background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.6rem);
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""

_paste = st.components.v2.component("benzer_paste", html="<span></span>", js=_PASTE)
_drop = st.components.v2.component("benzer_drop", html="<span></span>", js=_DROP)
_copy = st.components.v2.component(
    "benzer_copy", html='<button type="button">Copy link</button>', css=_BUTTON_CSS, js=_COPY
)


def drop_anywhere(*, into: str, button: str = "") -> None:
    """Give files that are dropped on the page to the uploader in the container of the key `into`.

    Args:
        button: the key of the button that brings the uploader onto the page if it is not there.
    """
    _drop(data={"into": into, "button": button}, key=f"drop-into-{into}")


def accept_paste() -> None:
    """Send a picture pasted anywhere on the page to the query's uploader."""
    _paste(key="paste", height="content")


def copy_link() -> None:
    """A button that copies the page's address."""
    _copy(key="copy-link", width="content")
