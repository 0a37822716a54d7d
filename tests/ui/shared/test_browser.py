"""What the browser may send."""

from engine.collections.reading.safely import SUFFIXES
from ui.shared.browser import PICTURE_TYPES


def test_what_is_read_may_be_uploaded():
    assert {"." + kind for kind in PICTURE_TYPES} == SUFFIXES
    assert {"jfif", "jpe", "ppm", "mpo", "heic"} <= set(PICTURE_TYPES)
