"""Quantities: text outside, exact decimals inside."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.limits import QUANTITY_MAX
from app.core.quantity import GRAMS, QUANTITY_PATTERN, WHOLE_UNITS, Quantity, Stock, Unit, as_text, fits_step, times

QUANTITY, STOCK = TypeAdapter(Quantity), TypeAdapter(Stock)
decimals = st.decimals(min_value="0.001", max_value="99999999.999", places=3)


@given(decimals)
def test_a_quantity_survives_being_written_and_read(value):
    text = as_text(value)
    assert re.fullmatch(QUANTITY_PATTERN, text)
    assert QUANTITY.validate_python(text) == value
    assert QUANTITY.dump_python(value, mode="json") == text


@pytest.mark.parametrize(
    ("value", "text"), [("3.000", "3"), ("12.50", "12.5"), ("100", "100"), ("0.001", "0.001"), ("1E+3", "1000")]
)
def test_text_is_the_shortest_one(value, text):
    assert as_text(Decimal(value)) == text


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        3.5,
        True,
        None,
        "",
        " 1",
        "1 ",
        "+1",
        "-1",
        "01",
        ".5",
        "5.",
        "1.2345",
        "1e3",
        "1,5",
        "NaN",
        "Infinity",
        "١",
        "1_000",
        "0",
        "0.000",
        "1000000000",
        "9" * 400,
    ],
)
def test_what_is_not_a_quantity_is_refused(wrong):
    with pytest.raises(ValidationError):
        QUANTITY.validate_python(wrong)


def test_nothing_is_a_stock_but_not_a_quantity():
    assert STOCK.validate_python("0") == 0
    with pytest.raises(ValidationError):
        QUANTITY.validate_python("0")


@given(quantity=decimals, minor=st.integers(0, 10**9))
def test_price_of_a_quantity_is_rounded_half_up_to_the_fen(quantity, minor):
    exact = quantity * minor
    assert exact - Decimal("0.5") < times(quantity, minor) <= exact + Decimal("0.5")


def test_half_a_fen_is_rounded_up():
    assert times(Decimal("0.5"), 1) == 1
    assert times(Decimal("2.5"), 1) == 3


@given(
    steps=st.integers(1, 1000),
    step=st.sampled_from(["0.001", "0.5", "1", "2.5"]),
    extra=st.sampled_from(["0.0005", "0.25"]),
)
def test_only_whole_steps_from_the_minimum_on_fit(steps, step, extra):
    step = Decimal(step)
    assert fits_step(steps * step, step, step)
    assert not fits_step(steps * step, (steps + 1) * step, step)
    assert not fits_step(steps * step + step * Decimal(extra), step, step)


def test_units_are_weighed_or_counted_and_one_jin_is_half_a_kilogram():
    assert set(GRAMS) | WHOLE_UNITS == set(Unit)
    assert not set(GRAMS) & WHOLE_UNITS
    assert (GRAMS[Unit.JIN] * 2, GRAMS[Unit.TONNE]) == (GRAMS[Unit.KG], 1_000 * GRAMS[Unit.KG])
    assert QUANTITY_MAX >= 99_999_999
