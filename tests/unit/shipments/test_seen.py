"""How warm goods were, when they were outside their band, and what names a state."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import rfc3339
from app.shipments.seen import Band, Excursion, Measured, curve_of, excursions_of, outside_by, to_celsius, version_of
from app.shipments.values import EventType, JourneyEvent

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
COLD = Band(Decimal(0), Decimal(4))
TENTHS = st.integers(-400, 400).map(lambda tenths: Decimal(tenths) / 10)


def at(minutes):
    return START + timedelta(minutes=minutes)


def event(*readings):
    shown = [
        {"kind": kind, "value": value, "unit": unit, "at": rfc3339(at(minutes))}
        for minutes, value, unit, kind in readings
    ]
    return JourneyEvent("evt", "ptn", "1", "", EventType.OBSERVED, START, None, shown, None, None)


def series(*degrees):
    return [Measured(at(minute), Decimal(value)) for minute, value in enumerate(degrees)]


@pytest.mark.parametrize(
    ("value", "unit", "celsius"),
    [("4.1", "CEL", "4.1"), ("39.4", "FAH", "4.1"), ("277.25", "KEL", "4.1"), ("-0.4", "FAH", "-18.0")],
)
def test_readings_of_every_unit_are_told_in_degrees_celsius(value, unit, celsius):
    assert to_celsius(Decimal(value), unit) == Decimal(celsius)


def test_curve_holds_each_time_once_in_order_and_nothing_but_temperatures():
    told = [
        event((10, "5", "CEL", "temperature"), (0, "3", "CEL", "temperature"), (0, "80", "P1", "relative_humidity")),
        event((10, "6.5", "CEL", "temperature"), (10, "5", "CEL", "temperature")),
    ]
    assert [(each.at, str(each.celsius)) for each in curve_of(told).measured] == [(at(0), "3.0"), (at(10), "6.5")]
    assert curve_of(told).excursions == ()


def test_excursion_lasts_from_the_first_reading_outside_to_the_next_one_inside():
    found = list(excursions_of(series(3, 5, "7.5", 6, 4, 2, -1), COLD))
    assert found == [Excursion(at(1), at(4), Decimal("7.5")), Excursion(at(6), None, Decimal(-1))]


def test_band_that_is_open_on_one_side_is_left_on_the_other():
    frozen = Band(high=Decimal(-18))
    assert list(excursions_of(series(-40, -18, -17), frozen)) == [Excursion(at(2), None, Decimal(-17))]
    assert list(excursions_of(series(-40, 90), Band())) == []


@given(st.lists(TENTHS, max_size=40))
def test_every_reading_outside_lies_in_exactly_one_excursion_and_none_inside_does(degrees):
    measured = series(*degrees)
    found = list(excursions_of(measured, COLD))
    for each in measured:
        within = [one for one in found if one.began_at <= each.at and (one.ended_at is None or each.at < one.ended_at)]
        assert len(within) == (not COLD.holds(each.celsius))
        assert all(outside_by(one.worst, COLD) >= outside_by(each.celsius, COLD) for one in within)


@given(st.tuples(st.integers(0, 2**32), st.integers(0, 2_000)), st.tuples(st.integers(0, 2**32), st.integers(0, 2_000)))
def test_versions_differ_whenever_row_or_events_do(one, other):
    assert (version_of(str(one[0]), one[1]) == version_of(str(other[0]), other[1])) == (one == other)
