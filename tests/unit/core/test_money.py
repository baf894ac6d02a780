"""Money never loses a fen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.limits import AMOUNT_MINOR_MAX
from app.core.money import Money, total, zero

amounts = st.integers(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any)
SHAPE = TypeAdapter(Money)


def cny(amount):
    return Money(amount, "CNY")


@given(amount=amounts, weights=weights)
def test_parts_of_a_split_add_up_and_differ_from_their_share_by_less_than_a_fen(amount, weights):
    parts = cny(amount).split(weights)
    assert sum(part.amount for part in parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.amount - amount * weight / sum(weights)) <= 1 or abs(amount) > 2**50
        assert weight or part.amount in {0, 1}


def test_odd_fen_goes_to_the_largest_remainder_and_then_to_the_first():
    assert [part.amount for part in cny(100).split([1, 1, 1])] == [34, 33, 33]
    assert [part.amount for part in cny(10).split([1, 2])] == [3, 7]
    assert [part.amount for part in cny(-100).split([1, 1, 1])] == [-33, -33, -34]


@given(amount=st.integers(0, AMOUNT_MINOR_MAX), bps=st.integers(0, 10_000))
def test_share_is_rounded_down_and_never_more_than_the_whole(amount, bps):
    share = cny(amount).share_bps(bps).amount
    assert share * 10_000 <= amount * bps < (share + 1) * 10_000
    assert share <= amount


@given(a=amounts, b=amounts)
def test_sums_and_differences_undo_each_other(a, b):
    assert (cny(a) + cny(b)) - cny(b) == cny(a)
    assert cny(a) + -cny(a) == zero("CNY")
    assert total([cny(a), cny(b)], "CNY") == cny(a + b)
    assert total([], "CNY") == zero("CNY")


def test_two_currencies_are_never_added():
    with pytest.raises(AssertionError):
        cny(1) + Money(1, "KZT")
    with pytest.raises(AssertionError):
        cny(1) - Money(1, "KZT")


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 1.5, "currency": "CNY"},
        {"amount": "x", "currency": "CNY"},
        {"amount": 1},
        {"amount": 1, "currency": "cny"},
        {"amount": 1, "currency": "CNY", "unit": "fen"},
        {"amount": AMOUNT_MINOR_MAX + 1, "currency": "CNY"},
    ],
)
def test_what_is_not_money_is_refused(wrong):
    with pytest.raises(ValidationError):
        SHAPE.validate_python(wrong)


def test_money_in_json_is_an_integer_and_a_currency():
    assert SHAPE.dump_json(cny(1250)) == b'{"amount":1250,"currency":"CNY"}'
