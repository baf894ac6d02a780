"""Journeys on imported feeds arrive when an independent connection scan over the raw rows says that they can at the earliest."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.network.bulk.feed import read_feed
from app.network.bulk.lines import bus_lines
from app.network.bulk.rules import match_stops
from app.network.bulk.schemas import FeedImport
from app.network.bulk.values import Faults
from app.network.seed import hub_point
from app.network.timetable import planned_place, planned_service
from app.network.values import HubKind
from app.routing import NO_LOAD, NoPlan, Query, Timetable, plan
from tests.factories.feed import as_texts, calls

CHINA = ZoneInfo("Asia/Shanghai")
CUTOFF_S = 600
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 29)
NEVER = 1 << 60


def clock(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}:00"


def a_feed(chance):
    """Up to nine trips over eight stops, past midnight too, on odd days."""
    stops = [
        {"stop_id": f"S{n}", "stop_lat": f"{37 + n * 0.2 + chance.uniform(0, 0.004):.5f}", "stop_lon": "80.0"}
        for n in range(8)
    ]
    tables = {
        "agency.txt": [{"agency_name": "Bus", "agency_timezone": "Asia/Shanghai"}],
        "stops.txt": stops,
        "routes.txt": [{"route_id": f"R{n}", "route_short_name": str(n), "route_type": "3"} for n in range(3)],
        "trips.txt": [],
        "stop_times.txt": [],
        "calendar.txt": [],
        "calendar_dates.txt": [],
        "frequencies.txt": [],
    }
    for key in ("ONE", "TWO"):
        days = {
            name: str(chance.choice((0, 1, 1)))
            for name in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        }
        first = FIRST + timedelta(days=chance.randrange(4))
        dates = {"start_date": f"{first:%Y%m%d}", "end_date": f"{LAST:%Y%m%d}"}
        tables["calendar.txt"].append({"service_id": key} | days | dates)
        for offset in chance.sample(range(20), 3):
            day = f"{FIRST + timedelta(days=offset):%Y%m%d}"
            tables["calendar_dates.txt"].append({"service_id": key, "date": day, "exception_type": chance.choice("12")})
    for number in range(chance.randint(4, 9)):
        trip, at, rows = f"T{number}", chance.randrange(4 * 60, 24 * 60), []
        way = chance.sample(range(8), chance.randint(2, 6))
        for stop in sorted(way) if chance.random() < 0.5 else way:
            later = at + chance.choice((0, 0, 5))
            rows.append((f"S{stop}", clock(at), clock(later)))
            at = later + chance.randint(5, 240)
        tables["stop_times.txt"] += calls(trip, *rows)
        tables["trips.txt"].append(
            {"route_id": f"R{number % 3}", "service_id": chance.choice(("ONE", "TWO")), "trip_id": trip}
        )
        if chance.random() < 0.3:
            begin = chance.randrange(5 * 60, 22 * 60)
            window = {"start_time": clock(begin), "end_time": clock(begin + chance.randint(1, 300))}
            tables["frequencies.txt"].append(
                {"trip_id": trip, "headway_secs": str(chance.choice((1800, 3600, 5400)))} | window
            )
    return tables


def some_hubs(chance):
    """Seven hubs near the stops, some of them closed at night."""
    hubs = {}
    for n in range(7):
        point = hub_point(
            f"H{n}", {"en": f"H{n}"}, HubKind.VILLAGE_POINT, (37 + n * 0.2 + 0.002, 80.0), "653201", "test"
        )
        hubs[point.code] = replace(
            point, dwell_s=chance.choice((0, 600, 3_600)), opening=point.opening if chance.random() < 0.5 else ()
        )
    return hubs


def scan(tables, hub_of, hubs, origin, target, ready_at):
    """Earliest arrival by a connection scan, from nothing but the rows of the feed and the hubs' hours in China time."""
    of_trip = {}
    for row in tables["stop_times.txt"]:
        of_trip.setdefault(row["trip_id"], []).append(row)
    connections = []
    for trip in tables["trips.txt"]:
        rows = of_trip[trip["trip_id"]]
        moves = [
            (one["stop_id"], minutes(one["departure_time"]), two["stop_id"], minutes(two["arrival_time"]))
            for one, two in pairwise(rows)
        ]
        often = [row for row in tables["frequencies.txt"] if row["trip_id"] == trip["trip_id"]]
        starts = (
            [moves[0][1]]
            if not often
            else [
                begin
                for row in often
                for begin in range(
                    minutes(row["start_time"]) * 60, minutes(row["end_time"]) * 60, int(row["headway_secs"])
                )
            ]
        )
        starts = [start * 60 for start in starts] if not often else starts
        for day in service_days(tables, trip["service_id"]):
            midnight = int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp())
            for start in starts:
                later = midnight + start - moves[0][1] * 60
                run = (trip["trip_id"], day, start)
                connections += [(later + off * 60, later + on * 60, one, two, run) for one, off, two, on in moves]
    arrives, aboard = {origin: ready_at}, set()
    for departs, comes, one, two, run in sorted(connections):
        here, there = hub_of.get(one), hub_of.get(two)
        can_board = here in arrives and opens(hubs[here], arrives[here]) + hubs[here].dwell_s + CUTOFF_S <= departs
        if run in aboard or can_board:
            aboard.add(run)
            if there is not None and there != origin and comes < arrives.get(there, NEVER):
                arrives[there] = comes
    return arrives.get(target)


def minutes(text):
    hours, mins, _ = text.split(":")
    return int(hours) * 60 + int(mins)


def service_days(tables, key):
    (row,) = [row for row in tables["calendar.txt"] if row["service_id"] == key]
    names = list(row)[1:8]
    first, last = (
        datetime.strptime(row[name], "%Y%m%d").replace(tzinfo=UTC).date() for name in ("start_date", "end_date")
    )
    days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    days = {day for day in days if row[names[day.weekday()]] == "1"}
    for odd in tables["calendar_dates.txt"]:
        if odd["service_id"] == key:
            day = datetime.strptime(odd["date"], "%Y%m%d").replace(tzinfo=UTC).date()
            (days.add if odd["exception_type"] == "1" else days.discard)(day)
    return sorted(days)


def opens(hub, at):
    """When a village point (09:00 to 19:00 in China) that has hours takes goods in that come at `at`."""
    if not hub.opening:
        return at
    local = datetime.fromtimestamp(at, CHINA)
    if local.hour < 9:
        local = local.replace(hour=9, minute=0, second=0)
    elif local.hour >= 19:
        local = local.replace(hour=9, minute=0, second=0) + timedelta(days=1)
    return int(local.timestamp())


@pytest.mark.parametrize("seed", range(60))
def test_earliest_arrival_is_that_of_the_raw_rows(seed):
    chance = random.Random(seed)
    tables, hubs = a_feed(chance), some_hubs(chance)
    feed, faults = read_feed(
        as_texts({name: rows for name, rows in tables.items() if rows}), date(2026, 1, 1), date(2027, 12, 31)
    )
    assert not faults
    named = {"S0": "H3"} if chance.random() < 0.3 else {}
    hub_of = match_stops(feed.stops, hubs.values(), named, 2_000)
    # Found again by hand: a hub stands half a kilometre at most from the stop with its number, and stop 7 has none.
    assert hub_of == {f"S{n}": f"H{n}" for n in range(7)} | named
    asked = FeedImport(feed="FEED", archive=b"UEs=", cutoff_s=CUTOFF_S)
    faults = Faults()
    lines, _ = bus_lines(feed, hub_of, hubs, asked, "XIKE", faults)
    assert not faults
    timetable = Timetable(
        [planned_place(hub) for hub in hubs.values()], [planned_service(line, (), (2026,)) for line in lines], "1"
    )
    reached = 0
    for _ in range(12):
        origin, target = chance.sample(sorted(hubs), 2)
        ready_at = int(datetime(2026, 3, 2, tzinfo=CHINA).timestamp()) + chance.randrange(12 * 86_400)
        query = Query(origin, target, ready_at, weight_g=5_000, piece_weight_g=5_000)
        answer = plan(timetable, query, NO_LOAD)
        expected = scan(tables, hub_of, hubs, origin, target, ready_at)
        if expected is None or expected > query.deadline:
            assert isinstance(answer, NoPlan)
        else:
            assert answer.plans[0].arrives_at == expected
            reached += 1
    _counted[seed] = reached


_counted = {}


def test_most_feeds_led_somewhere():
    """So that the comparison above is not between nothing and nothing."""
    assert sum(_counted.values()) > 4 * len(_counted)
