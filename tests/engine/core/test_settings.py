"""Settings: numbers within their limits, and one sentence for anything else."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.core.settings import Setting, check_number, check_whole, parse_call

HUGE = 10**400  # JSON holds it, a float does not
REFUSED = [HUGE, -HUGE, math.inf, -math.inf, math.nan, True, None, "5", [5], 11, -1]
BITS = Setting("bits", "Bits", "", 0, 10)
SHARE = Setting("share", "Share", "", 0, 10, whole=False)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: str(value)[:9])
def test_what_is_no_number_within_the_limits_is_refused(value: Any) -> None:
    for check in (
        lambda: BITS.checked(value, "a method"),
        lambda: SHARE.checked(value, "a method"),
        lambda: check_number("share", "a method", value, 0, 10),
        lambda: check_whole("bits", "a method", value, 0, 10),
    ):
        with pytest.raises(BadParameter, match="from 0 to 10; got"):
            check()


def test_numbers_of_numpy_and_whole_floats_become_plain_ones() -> None:
    assert [BITS.checked(value, "a method") for value in (np.int64(3), 3.0, Fraction(3))] == [3, 3, 3]
    assert SHARE.checked(np.float32(0.5), "a method") == 0.5
    with pytest.raises(BadParameter, match="a whole number"):
        BITS.checked(2.5, "a method")


def test_a_huge_number_in_a_text_is_refused() -> None:
    with pytest.raises(BadParameter, match="a number or a name"):
        parse_call(f"lsh(bits={HUGE})", "method", "a recipe", "lsh(bits=8)")
