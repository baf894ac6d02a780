"""Shapes: times in UTC ending in Z, nothing unknown, and a fingerprint that tells a repeat from something else."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.clock import FixedClock, SystemClock, rfc3339
from app.core.schema import Shape, Time, fingerprint

TIME = TypeAdapter(Time)
zones = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime.fromisoformat("2001-01-01"), datetime.fromisoformat("2099-01-01"), timezones=zones)


class Order(Shape):
    listing: str
    note: str | None = None
    lines: list[int] = []


class Parcel(Shape):
    at: Time


@given(times)
def test_time_is_shown_in_utc_with_milliseconds_at_most(at):
    shown = rfc3339(at)
    assert shown.endswith("Z")
    assert abs(datetime.fromisoformat(shown) - at) < timedelta(milliseconds=1)
    assert TIME.validate_python(shown).tzinfo is UTC


@given(times)
def test_same_moment_in_any_zone_is_the_same_request(at):
    assert fingerprint(Parcel(at=at)) == fingerprint(Parcel(at=at.astimezone(UTC)))


@pytest.mark.parametrize(
    "wrong",
    [
        1_700_000_000,
        "2026-03-01",
        "2026-03-01T08:00:00",
        "yesterday",
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        None,
        "",
    ],
)
def test_what_is_no_time_with_a_zone_in_this_century_is_refused(wrong):
    with pytest.raises(ValidationError):
        TIME.validate_python(wrong)


def test_fingerprint_does_not_depend_on_the_order_of_members_or_on_defaults_spelt_out():
    first = Order.model_validate({"listing": "lst_1", "lines": [1, 2]})
    second = Order.model_validate({"lines": [1, 2], "note": None, "listing": "lst_1"})
    assert fingerprint(first) == fingerprint(second)
    assert len(fingerprint(first)) == 64


@given(st.lists(st.integers(0, 5), max_size=4), st.lists(st.integers(0, 5), max_size=4))
def test_other_content_has_another_fingerprint(a, b):
    assert (fingerprint(Order(listing="x", lines=a)) == fingerprint(Order(listing="x", lines=b))) == (a == b)


def test_unknown_members_are_refused_and_shapes_do_not_change():
    with pytest.raises(ValidationError):
        Order.model_validate({"listing": "x", "surprise": 1})
    with pytest.raises(ValidationError):
        Order(listing="x").listing = "y"


def test_clock_of_tests_stands_still_until_it_is_moved():
    clock = FixedClock(datetime(2026, 3, 2, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(hours=1))
    assert clock.now() == datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_clock_of_the_service_is_aware_and_moves():
    before = SystemClock().now()
    assert before.tzinfo is UTC
    assert SystemClock().now() >= before
