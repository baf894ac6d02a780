"""When hubs take goods in, what rests in which season, and what is only planned: on the real seed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.network.national import demo_network
from app.network.rules import WEEK_S, weekly_hours, without_period
from app.network.timetable import planned_place, planned_service
from app.network.values import HubKind, ServiceStatus
from app.routing import NO_LOAD, Front, NoPlan, Place, Query, Reason, Timetable, Weekly, plan

CHINA = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HUBS, LINES = demo_network()
BY_CODE = {hub.code: hub for hub in HUBS}


def is_open(hub, at):
    second = int((at - MONDAY).total_seconds()) % WEEK_S
    return not hub.opening or any(
        since <= second < until or since <= second + WEEK_S < until for since, until in hub.opening
    )


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    days=st.frozensets(st.integers(0, 6), min_size=1),
    opens=st.integers(0, 23),
    lasts=st.integers(1, 23),
)
def test_hours_are_those_of_the_clock_in_china(at, days, opens, lasts):
    closes = (opens + lasts) % 24
    periods = weekly_hours(days, f"{opens:02}:00", f"{closes:02}:00", 8)
    second = int((at - MONDAY).total_seconds()) % WEEK_S
    told = any(since <= second < until or since <= second + WEEK_S < until for since, until in periods)
    local = at.astimezone(CHINA)
    began = local - timedelta(hours=opens)
    assert told == (began.weekday() in days and began.hour < lasts)


@pytest.mark.parametrize(
    ("code", "local", "expected"),
    [
        ("URUMQI", "2026-03-04T03:00", True),
        ("C-653221", "2026-03-04T05:29", False),
        ("C-653221", "2026-03-04T05:30", True),
        ("C-653221", "2026-03-08T21:59", True),
        ("C-653221", "2026-03-08T22:00", False),
        ("B-KHORGOS", "2026-03-08T03:00", True),
        ("B-ALASHANKOU", "2026-03-08T03:00", True),
        ("B-TORUGART", "2026-03-06T12:00", True),
        ("B-TORUGART", "2026-03-07T12:00", False),
        ("B-IRKESHTAM", "2026-03-08T12:00", False),
        ("B-IRKESHTAM", "2026-03-09T12:00", True),
        ("B-ERENHOT", "2026-03-07T12:00", True),
        ("B-ERENHOT", "2026-03-07T21:00", False),
    ],
)
def test_places_of_the_seed_keep_their_hours(code, local, expected):
    assert is_open(BY_CODE[code], datetime.fromisoformat(local).replace(tzinfo=CHINA)) == expected


def test_every_place_of_a_kind_has_the_same_unless_it_has_its_own():
    kinds = {kind: {(hub.opening, hub.can_rest, hub.is_cooled) for hub in HUBS if hub.kind is kind} for kind in HubKind}
    assert {len(terms) for kind, terms in kinds.items() if kind is not HubKind.LAND_PORT and terms} == {1}
    assert len(kinds[HubKind.LAND_PORT]) == 3
    assert all(hub.can_rest and hub.is_cooled for hub in HUBS if hub.kind is HubKind.CITY)
    assert planned_place(BY_CODE["C-653221"]) == Place(
        "C-653221",
        dwell_s=BY_CODE["C-653221"].dwell_s,
        transfer_price_minor=20,
        transfer_price_milliminor_per_kg=4_000,
        opening=BY_CODE["C-653221"].opening,
        can_rest=True,
        is_cooled=True,
    )


def on_road(day, *codes):
    """The front between the first and the last of these places, at noon in China, on the services that call at nothing else."""
    lines = [line for line in LINES if {stop.place for stop in line.stops} <= set(codes)]
    places = [planned_place(BY_CODE[code]) for code in codes]
    running = [line for line in lines if line.status is ServiceStatus.ACTIVE]
    timetable = Timetable(places, [planned_service(line, (), (day.year, day.year + 1)) for line in running], "1")
    noon = int(datetime(day.year, day.month, day.day, 4, tzinfo=UTC).timestamp())
    return plan(timetable, Query(codes[0], codes[-1], noon, weight_g=50_000, horizon_s=3 * 86_400), NO_LOAD)


@pytest.mark.parametrize("month", range(1, 13))
def test_duku_road_is_closed_from_november_to_may(month):
    lines = [line for line in LINES if line.closed_months]
    ends = {frozenset((line.stops[0].place, line.stops[-1].place)) for line in lines}
    assert len(ends) == 1
    answer = on_road(date(2026, month, 10), *next(iter(ends)))
    if month in {11, 12, 1, 2, 3, 4, 5}:
        assert isinstance(answer, NoPlan)
    else:
        assert isinstance(answer, Front)
        assert {leg.service for each in answer.plans for leg in each.legs} <= {line.id for line in lines}


def test_pinglu_canal_is_planned_and_no_way_leads_through_it():
    planned = [line for line in LINES if line.status is ServiceStatus.PLANNED]
    assert {frozenset(stop.place for stop in line.stops) for line in planned} == {frozenset({"P-GUIGANG", "P-QINZHOU"})}
    assert len(planned) == 2
    answer = on_road(date(2026, 7, 10), "P-GUIGANG", "P-QINZHOU")
    assert isinstance(answer, NoPlan)
    assert answer.reason is Reason.NO_SERVICE


def day(number):
    return date(2026, 12, 1) + timedelta(days=number)


@given(
    kept=st.lists(
        st.tuples(
            st.frozensets(st.integers(0, 6), min_size=1),
            st.none() | st.integers(-60, 60),
            st.none() | st.integers(0, 60),
        ),
        max_size=5,
    ),
    since=st.integers(-30, 30),
    length=st.none() | st.integers(0, 30),
)
def test_days_taken_from_patterns_are_gone_and_all_others_stay(kept, since, length):
    patterns = [
        Weekly(
            tuple(sorted(days)),
            (0,),
            None if begin is None else day(begin),
            None if span is None else day((begin or 0) + span),
        )
        for days, begin, span in kept
    ]
    until = None if length is None else day(since + length)
    left = without_period(patterns, day(since), until)

    def runs(some, on):
        return sum(
            on.weekday() in each.weekdays and (each.valid_from or date.min) <= on <= (each.valid_until or date.max)
            for each in some
        )

    for number in range(-90, 130):
        on = day(number)
        taken = on >= day(since) and (until is None or on <= until)
        assert runs(left, on) == (0 if taken else runs(patterns, on))
