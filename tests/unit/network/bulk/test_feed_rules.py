"""Local service days and times become weekly patterns in UTC, and stops become hubs."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.network.bulk.rules import expand, in_utc, match_stops, metres_between, patterns_of, time_s, weekly_patterns
from app.network.bulk.values import Call, Feed, FeedStop, Trip
from app.network.seed import hub_point
from app.network.values import HubKind

MONDAY = date(2026, 3, 2)
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
STOPS = {
    "A": FeedStop(37.0, 80.0, None),
    "B": FeedStop(37.1, 80.0, None),
    "C": FeedStop(37.2, 80.0, None),
    "D": FeedStop(None, None, "C"),
}


def hub(code, lat, lon, kind=HubKind.TOWNSHIP):
    return hub_point(code, {"en": code, "zh-Hans": code}, kind, (lat, lon), "653201", "test")


def feed(*trips, days=(MONDAY,)):
    return Feed(8, STOPS, {"R": "7"}, {"CAL": frozenset(days)}, trips)


def trip(*calls, starts=None):
    timed = tuple(Call(stop, arrives * 60, departs * 60) for stop, arrives, departs in calls)
    return Trip("T", "R", "CAL", timed, starts or (timed[0].departs_s,), 2)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("07:05:09", 25_509), ("7:05:09", 25_509), ("25:00:00", 90_000), ("24:00:00", 86_400), ("100:00:00", 360_000)],
)
def test_times_may_lie_past_midnight(text, seconds):
    assert time_s(text) == seconds


@pytest.mark.parametrize("text", ["", "7:5:9", "07:60:00", "07:00", "-1:00:00", "07:00:60", "7.00.00", "٠٧:٠٠:٠٠"])
def test_what_is_no_time_is_none(text):
    assert time_s(text) is None


@given(day=DAYS, local_s=st.integers(0, 100 * 3_600), zone=st.sampled_from([("Asia/Shanghai", 8), ("Asia/Urumqi", 6)]))
def test_utc_is_what_the_time_zone_database_says(day, local_s, zone):
    name, offset_h = zone
    # A GTFS time counts from noon minus 12 hours, which without daylight saving is midnight.
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(name)) + timedelta(seconds=local_s)
    utc_day, second = in_utc(day, local_s, offset_h)
    assert datetime(utc_day.year, utc_day.month, utc_day.day, tzinfo=UTC) + timedelta(seconds=second) == local


@given(st.dictionaries(st.integers(0, 86_399), st.frozensets(DAYS, min_size=1, max_size=40), min_size=1, max_size=6))
def test_patterns_are_exactly_the_given_days(starts):
    patterns = weekly_patterns(starts)
    assert expand(patterns) == starts
    each_once = sum(
        len(pattern.seconds_of_day)
        * sum(
            (pattern.valid_from + timedelta(days=n)).weekday() in pattern.weekdays
            for n in range((pattern.valid_until - pattern.valid_from).days + 1)
        )
        for pattern in patterns
    )
    assert each_once == sum(len(days) for days in starts.values())


@given(first=DAYS, length=st.integers(1, 400), weekdays=st.frozensets(st.integers(0, 6), min_size=1))
def test_regular_service_takes_few_patterns_wherever_it_begins_and_ends(first, length, weekdays):
    span = [first + timedelta(days=n) for n in range(length)]
    days = [day for day in span if day.weekday() in weekdays]
    if days:
        assert len(weekly_patterns({0: days})) <= 2
        assert expand(weekly_patterns({0: days})) == {0: set(days)}


def test_holiday_splits_a_regular_service_in_three():
    days = {MONDAY + timedelta(days=n) for n in range(70)} - {MONDAY + timedelta(days=30)}
    patterns = weekly_patterns({3_600: days, 7_200: days})
    assert [(p.valid_from.isoformat(), p.valid_until.isoformat(), p.seconds_of_day) for p in patterns] == [
        ("2026-03-02", "2026-03-29", (3_600, 7_200)),
        ("2026-03-30", "2026-04-05", (3_600, 7_200)),
        ("2026-04-06", "2026-05-10", (3_600, 7_200)),
    ]
    assert 2 not in patterns[1].weekdays


def test_more_than_48_runs_a_day_are_spread_over_patterns():
    patterns = weekly_patterns({second: [MONDAY] for second in range(0, 6_000, 60)})
    assert [len(p.seconds_of_day) for p in patterns] == [48, 48, 4]


def test_stops_are_hubs_by_name_then_by_nearness_then_by_station():
    hubs = [
        hub("NEAR", 37.001, 80.0),
        hub("NEARER", 37.0005, 80.0),
        hub("C-HUB", 37.2, 80.0),
        hub("SHIP", 37.1, 80.0, HubKind.RIVER_PORT),
    ]
    assert match_stops(STOPS, hubs, {}, 500) == {"A": "NEARER", "C": "C-HUB", "D": "C-HUB"}
    assert match_stops(STOPS, hubs, {"B": "NEAR", "D": "NEARER"}, 0) == {"B": "NEAR", "D": "NEARER"}


@given(lat=st.floats(-60, 60), lon=st.floats(-179, 179), north=st.floats(-0.05, 0.05), east=st.floats(-0.05, 0.05))
def test_nearest_hub_is_found_across_the_cells(lat, lon, north, east):
    here = hub("HERE", lat + north, lon + east)
    near = metres_between(lat, lon, here.lat, here.lon) <= 5_000
    assert match_stops({"S": FeedStop(lat, lon, None)}, [here], {}, 5_000) == ({"S": "HERE"} if near else {})


def test_way_between_hubs_counts_from_its_first_hub():
    made, skipped = patterns_of(feed(trip(("A", 0, 5), ("B", 60, 70), ("C", 120, 120))), {"B": "HB", "C": "HC"}, 1.3)
    (pattern,) = made
    assert skipped == []
    assert [(s.place, s.arrive_offset_s, s.depart_offset_s) for s in pattern.stops] == [
        ("HB", 0, 0),
        ("HC", 3_000, 3_000),
    ]
    assert pattern.stops[1].distance_m == round(metres_between(37.1, 80, 37.2, 80) * 1.3)
    # 01:10 on Monday in China is 17:10 on Sunday.
    assert expand(pattern.departures) == {17 * 3_600 + 600: {MONDAY - timedelta(days=1)}}


def test_calls_at_one_hub_in_a_row_are_one():
    calls = trip(("A", 0, 0), ("B", 10, 12), ("C", 30, 30), ("D", 32, 40), ("A", 60, 60))
    made, _ = patterns_of(feed(calls), {"A": "HA", "B": "HA", "C": "HC", "D": "HC"}, 1.0)
    stops = made[0].stops
    assert [(s.place, s.arrive_offset_s, s.depart_offset_s) for s in stops] == [
        ("HA", 0, 0),
        ("HC", 18 * 60, 28 * 60),
        ("HA", 48 * 60, 48 * 60),
    ]
    assert expand(made[0].departures) == {16 * 3_600 + 720: {MONDAY - timedelta(days=1)}}


def test_bus_that_is_there_in_the_same_minute_takes_a_second():
    made, _ = patterns_of(feed(trip(("A", 0, 0), ("B", 0, 0), ("C", 0, 1))), {"A": "HA", "B": "HB", "C": "HC"}, 1.0)
    assert [(s.arrive_offset_s, s.depart_offset_s) for s in made[0].stops] == [(0, 0), (1, 1), (2, 2)]


def test_trips_of_one_way_are_one_service_and_others_their_own():
    one, later = trip(("A", 0, 0), ("C", 60, 60)), trip(("A", 600, 600), ("C", 660, 660))
    slower, alone = trip(("A", 0, 0), ("C", 90, 90)), replace(trip(("A", 0, 0), ("B", 5, 5)), id="ALONE", row=9)
    made, skipped = patterns_of(feed(one, later, slower, alone), {"A": "HA", "C": "HC"}, 1.0)
    assert [len(expand(pattern.departures)) for pattern in made] == [2, 1]
    assert [(each.trip, each.row) for each in skipped] == [("ALONE", 9)]
    ids = {pattern.service_id(carrier, "F") for pattern in made for carrier in ("X", "Y")}
    assert len(ids) == 4
    assert all(len(each) <= 40 for each in ids)
