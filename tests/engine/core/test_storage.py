"""Files are whole or absent, and damage is noticed."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import Corrupt
from engine.core.storage import full_disk_named, read_json, sealed, time_stamp, write_bytes, write_json


def test_sealed_json_round_trips_and_notices_an_edit(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_json(path, {"name": "Çiçek 🌼", "n": [1, 2.5, None]})
    assert read_json(path) == {"name": "Çiçek 🌼", "n": [1, 2.5, None]}
    path.write_text(path.read_text(encoding="utf-8").replace("2.5", "3.5"), encoding="utf-8")
    with pytest.raises(Corrupt):
        read_json(path)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"body": 1}', "[" * 5000, '{"body": {}, "sha256": "0"}'])
def test_what_was_never_sealed_is_corrupt(tmp_path: Path, text: str) -> None:
    (tmp_path / "facts.json").write_text(text)
    with pytest.raises(Corrupt):
        read_json(tmp_path / "facts.json")


def test_write_bytes_replaces_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.bin"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


def test_the_sealed_form_is_plain_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"k": 1})
    assert json.loads((tmp_path / "a.json").read_text())["body"] == {"k": 1}


def test_only_errors_of_a_full_disk_are_renamed() -> None:
    with pytest.raises(OSError, match="another"), full_disk_named("it"):
        raise OSError("another")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(JSON)
def test_a_seal_is_written_as_json_writes_it(body: object) -> None:
    """Another way: the body is encoded twice, once for its sha256 and once inside of the file."""
    form = {"sort_keys": True, "ensure_ascii": False, "indent": 1}
    digest = hashlib.sha256(json.dumps(body, **form).encode()).hexdigest()
    assert sealed(body) == json.dumps({"body": body, "sha256": digest}, **form).encode()


@settings(deadline=None)
@given(JSON, st.integers(0), st.integers(0, 255))
def test_any_changed_byte_is_noticed(body: object, place: int, byte: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facts.json"
        data = bytearray(sealed(body))
        path.write_bytes(data)
        assert sealed(read_json(path)) == data  # NaN is not itself
        at = place % len(data)
        byte += data[at] == byte
        data[at] = byte % 256
        path.write_bytes(data)
        with pytest.raises(Corrupt):
            read_json(path)


def test_names_sort_by_time_in_the_night_in_which_clocks_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    half_past_two = 1_729_989_000  # 27 October 2024 in Berlin, for the first time
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert time_stamp(half_past_two) < time_stamp(half_past_two + 40 * 60)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert time_stamp(0) == "19700101-000000"
    assert time_stamp()[:2] == "20"
