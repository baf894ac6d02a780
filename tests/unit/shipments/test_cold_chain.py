"""Readings become excursions: in any order, however often, in any unit; and a curve keeps its peaks."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import rfc3339
from app.shipments.cold_chain import (
    CLASS,
    LISTING,
    Band,
    Measured,
    bands_of,
    converted,
    downsampled,
    excursions_of,
    outside_share,
    readings_of,
)
from app.shipments.exception_values import ExceptionKind, exception_terms
from app.shipments.values import EventType, JourneyEvent, ReadingKind

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TERMS = exception_terms()
WARM = ReadingKind.TEMPERATURE
COLD_STORE = Band(WARM, Decimal(0), Decimal(4), LISTING)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def at(*pairs: tuple[float, str]) -> list[Measured]:
    return [Measured(minutes(minute), WARM, Decimal(value)) for minute, value in pairs]


def stays(readings, *, ended_at=None, band=COLD_STORE):
    found = excursions_of(sorted(readings), [band], TERMS, ended_at)
    return [
        (
            each.kind.value.rpartition("_")[2],
            int((each.began_at - NOON) / timedelta(minutes=1)),
            None if each.ended_at is None else int((each.ended_at - NOON) / timedelta(minutes=1)),
            str(each.worst),
        )
        for each in found
    ]


def an_event(name, readings, *, minute=0, **more):
    body = {
        "type": EventType.OBSERVED,
        "occurred_at": minutes(minute),
        "hub": None,
        "estimated_at": None,
        "corrects": None,
    }
    told = [
        {"kind": "temperature", "value": value, "unit": unit, "at": rfc3339(minutes(when))}
        for when, value, unit in readings
    ]
    return JourneyEvent(
        id=f"evt_{name}", party="ptn", party_event_id=name, fingerprint=name, readings=told, **(body | more)
    )


def test_reading_outside_begins_an_excursion_and_the_first_one_within_ends_it():
    assert stays(at((0, "3"), (10, "5.5"), (20, "6"), (30, "3.9"), (40, "4"))) == [("above", 10, 30, "6")]


def test_ends_of_the_band_belong_to_it():
    assert stays(at((0, "0"), (10, "4"))) == []


def test_last_reading_outside_leaves_it_open_until_the_goods_are_handed_over():
    readings = at((0, "3"), (10, "5"), (20, "7"))
    assert stays(readings) == [("above", 10, None, "7")]
    assert stays(readings, ended_at=minutes(60)) == [("above", 10, 20, "7")]


def test_too_cold_is_another_excursion_and_its_worst_is_the_lowest():
    assert stays(at((0, "5"), (10, "-1"), (20, "-3"), (30, "1"))) == [("above", 0, 10, "5"), ("below", 10, 30, "-3")]


def test_door_that_opens_for_a_moment_between_makes_no_second_excursion():
    assert stays(at((0, "6"), (10, "3.9"), (20, "6"), (40, "3"))) == [("above", 0, 40, "6")]
    assert stays(at((0, "6"), (10, "3.9"), (26, "6"), (40, "3"))) == [("above", 0, 10, "6"), ("above", 26, 40, "6")]


def test_what_nobody_measured_is_not_claimed():
    """Outside, then nothing for longer than four hours: the excursion ends with what was seen."""
    assert stays(at((0, "6"), (30, "7"), (300, "6"), (310, "3"))) == [("above", 0, 30, "7"), ("above", 300, 310, "6")]
    assert stays(at((0, "6"), (30, "7"), (400, "3"))) == [("above", 0, 30, "7")]


def test_of_several_instruments_at_one_moment_the_worst_counts():
    assert stays(at((0, "3"), (0, "8"), (10, "3"), (10, "9"), (20, "3"))) == [("above", 0, 20, "9")]


@pytest.mark.parametrize(
    ("value", "unit", "celsius"),
    [("41", "FAH", "5"), ("-40", "FAH", "-40"), ("277.15", "KEL", "4"), ("4.1", "CEL", "4.1")],
)
def test_units_are_read_as_one(value, unit, celsius):
    assert converted(WARM, Decimal(value), unit) == Decimal(celsius)


def test_listing_goes_before_the_table_kind_by_kind():
    storage = {"max_c": "4", "min_rh_pct": "85"}
    bands = bands_of(storage, "chilled", TERMS)
    assert [(band.kind.value, band.low, band.high, band.source) for band in bands] == [
        ("temperature", None, Decimal(4), LISTING),
        ("relative_humidity", Decimal(85), None, LISTING),
    ]
    assert [(band.low, band.high, band.source) for band in bands_of(None, "frozen", TERMS)] == [
        (None, Decimal(-15), CLASS)
    ]
    assert bands_of(None, "ambient", TERMS) == ()


def test_corrected_superseded_and_retracted_readings_go():
    told = [
        an_event("a", [(0, "9", "CEL")]),
        an_event("b", [(10, "8", "CEL")]),
        an_event("b", [(10, "3", "CEL")], declared_at=minutes(20)),
        an_event("c", [(20, "7", "CEL")]),
        an_event("c", [], declared_at=minutes(30), retracted=True),
        an_event("d", [(5, "2", "CEL")], corrects="a"),
        an_event("e", [], corrects="d", type=EventType.CORRECTED),
    ]
    assert [str(each.value) for each in readings_of(told)] == ["3.00"]


def test_readings_after_the_hand_over_are_not_the_carriers():
    told = [an_event("a", [(0, "3", "CEL"), (90, "20", "CEL")])]
    assert [str(each.value) for each in readings_of(told, until=minutes(60))] == ["3.00"]


SERIES = st.lists(st.tuples(st.integers(0, 900), st.integers(-5, 10)), min_size=1, max_size=40)
UNITS = {"CEL": lambda c: c, "FAH": lambda c: c * Decimal("1.8") + 32, "KEL": lambda c: c + Decimal("273.15")}


@given(
    series=SERIES, chance=st.randoms(use_true_random=False), units=st.lists(st.sampled_from(sorted(UNITS)), min_size=40)
)
def test_any_order_cut_repetition_and_unit_of_the_same_readings_is_the_same_curve(series, chance, units):
    plain = [an_event("one", [(minute, str(value), "CEL") for minute, value in series])]
    cut = [
        an_event(f"e{i}", [(minute, f"{UNITS[unit](Decimal(value)):f}", unit)])
        for i, ((minute, value), unit) in enumerate(zip(series, units, strict=False))
    ]
    cut += chance.sample(cut, len(cut) // 2)
    chance.shuffle(cut)
    assert readings_of(cut) == readings_of(plain)


@given(series=SERIES)
def test_every_reading_outside_lies_in_one_excursion_of_its_side_and_none_has_a_worse_one(series):
    readings = sorted(Measured(minutes(minute), WARM, Decimal(value)) for minute, value in set(series))
    found = excursions_of(readings, [COLD_STORE], TERMS)
    for reading in readings:
        side = COLD_STORE.is_above(reading.value)
        around = [
            each
            for each in found
            if each.kind is (ExceptionKind.TEMPERATURE_ABOVE if side else ExceptionKind.TEMPERATURE_BELOW)
            and each.began_at <= reading.at <= each.last_at
        ]
        if side is not None:
            (one,) = around
            assert one.worst >= reading.value if side else one.worst <= reading.value
    for kind in {each.kind for each in found}:
        own = [each for each in found if each.kind is kind]
        assert all(before.ended_at is not None and before.ended_at <= after.began_at for before, after in pairwise(own))
    outside, measured = outside_share(
        readings, [each for each in found if each.kind is ExceptionKind.TEMPERATURE_ABOVE]
    )
    assert outside <= measured


@given(
    series=st.lists(st.tuples(st.integers(0, 5_000), st.integers(-50, 50)), min_size=1, max_size=300),
    most=st.integers(2, 50),
)
def test_thinned_curve_is_no_longer_than_asked_and_keeps_ends_and_peaks(series, most):
    readings = sorted({Measured(minutes(minute), WARM, Decimal(value)) for minute, value in series})
    kept = downsampled(readings, most)
    assert len(kept) <= most or len(readings) <= most
    assert set(kept) <= set(readings)
    assert kept == sorted(kept, key=lambda each: each.at)
    for pick in (max, min):
        assert pick(each.value for each in kept) == pick(each.value for each in readings)
