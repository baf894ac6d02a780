"""Tracking numbers: what the check digit promises to catch, and how numbers are read."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shipments.rules import check_digit, read_tracking_number, tracking_number

DIGITS = st.text("0123456789", min_size=12, max_size=12)


@pytest.mark.parametrize(("digits", "check"), [("79462", "3"), ("6943515153", "0")])
def test_check_digit_agrees_with_published_examples(digits, check):
    """The second is a Croatian personal number as its authority prints it; both use ISO 7064 MOD 11,10."""
    assert check_digit(digits) == check


@given(DIGITS)
def test_every_number_we_make_can_be_read(digits):
    number = tracking_number(digits)
    assert len(number) == 15
    assert read_tracking_number(number) == number


@given(DIGITS, st.integers(0, 12), st.integers(1, 9))
def test_every_single_wrong_digit_is_caught(digits, place, change):
    right = tracking_number(digits)[2:]
    wrong = right[:place] + str((int(right[place]) + change) % 10) + right[place + 1 :]
    assert read_tracking_number(f"CM{wrong}") is None


@given(st.text("0123456789", max_size=10), st.text("0123456789", max_size=4))
def test_swapped_neighbours_are_caught_but_for_one_pair_of_digits_at_each_place(head, tail):
    """MOD 11,10 misses exactly one of the 45 pairs, and which one depends on the digits before."""
    pairs = combinations("0123456789", 2)
    missed = [(a, b) for a, b in pairs if check_digit(head + a + b + tail) == check_digit(head + b + a + tail)]
    assert len(missed) == 1


@pytest.mark.parametrize(
    "typed", ["cm314159265358 9", "CM 3141 5926 5358 9", "CM3141-5926-5358-9", " CM3141592653589 "]
)
def test_number_is_read_as_people_write_it(typed):
    assert read_tracking_number(typed) == tracking_number("314159265358")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "CM",
        "CM314159265358",
        "3141592653589",
        "CM31415926535893",
        "CN3141592653589",
        "CM３141592653583",
        "CM\n" * 30,
    ],
)
def test_what_cannot_be_a_number_is_refused(typed):
    assert read_tracking_number(typed) is None
