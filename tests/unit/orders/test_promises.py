"""What is promised is said in whole minutes, and never tighter than it was planned."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import minute_after, minute_before
from app.orders.rules import latest_arrival, promise_for
from app.orders.schemas import PromiseShape

NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "before", "after"),
    [
        (NOON, NOON, NOON),
        (NOON.replace(microsecond=1), NOON, NOON.replace(minute=1)),
        (NOON.replace(minute=35, second=0, microsecond=700_000), NOON.replace(minute=35), NOON.replace(minute=36)),
        (NOON.replace(minute=59, second=59), NOON.replace(minute=59), NOON.replace(hour=13)),
    ],
)
def test_minutes_around_a_moment(at, before, after):
    assert (minute_before(at), minute_after(at)) == (before, after)


def test_promise_is_widened_to_whole_minutes():
    promise = PromiseShape(from_=NOON.replace(second=20), to=NOON.replace(minute=35, microsecond=700_000))
    assert promise.model_dump_json(by_alias=True) == '{"from":"2026-03-06T12:00:00Z","to":"2026-03-06T12:36:00Z"}'


@given(seconds=st.integers(6 * 3_600, 60 * 86_400), later=st.integers(1, 86_400))
def test_what_arrives_by_the_latest_arrival_is_promised_in_time_and_nothing_later_is(seconds, later):
    end = NOON + timedelta(seconds=seconds)
    last = latest_arrival(NOON, end)
    assert promise_for(NOON, last).end <= end
    assert promise_for(NOON, last + timedelta(seconds=later)).end > end
