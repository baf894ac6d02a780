"""Windows of an order cycle: they follow from the timetable, and close in time for the departure."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.values import CycleTerms
from app.catalogue.windows import calls_at, open_window, order_windows
from app.network.rules import HAND_IN_S, ready_to_board, starts_between
from app.routing import Capacity, Place, Service, Stop, Tariff, Weekly

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEDNESDAYS = Weekly((2,), (13 * HOUR_S,))
HOTAN = Place("HOTAN", dwell_s=4 * HOUR_S)


def lorry(*patterns, stops=("HOTAN", "KASHGAR"), cutoff_h=1, **more):
    calls = tuple(Stop(code, n * 6 * HOUR_S, n * 6 * HOUR_S, n * 400_000) for n, code in enumerate(stops))
    return Service(
        "T",
        "road",
        "co",
        calls,
        Tariff(),
        Capacity(1, 1),
        patterns or (WEDNESDAYS,),
        cutoff_s=cutoff_h * HOUR_S,
        **more,
    )


def terms(hub="HOTAN", lead_time_h=24, open_h=120):
    return CycleTerms("cyc", "T", hub, lead_time_h, open_h)


def told(windows):
    return [
        " ".join(f"{at:%a %d %H:%M}" for at in (w.opens_at, w.closes_at, w.hand_in_by, w.departs_at)) for w in windows
    ]


def test_window_closes_cut_off_dwell_and_lead_time_before_the_departure():
    assert told(order_windows(terms(), lorry(), HOTAN, MONDAY, 2)) == [
        "Thu 26 08:00 Tue 03 08:00 Wed 04 08:00 Wed 04 13:00",
        "Thu 05 08:00 Tue 10 08:00 Wed 11 08:00 Wed 11 13:00",
    ]


def test_window_is_open_from_its_first_second_until_just_before_its_last():
    windows = order_windows(terms(), lorry(), HOTAN, MONDAY, 2)
    first = windows[0]
    second = timedelta(seconds=1)
    assert open_window(windows, first.opens_at) == first
    assert open_window(windows, first.opens_at - second) is None
    assert open_window(windows, first.closes_at - second) == first
    assert open_window(windows, first.closes_at) is None
    assert order_windows(terms(), lorry(), HOTAN, first.closes_at, 1)[0] == windows[1]
    assert order_windows(terms(), lorry(), HOTAN, first.closes_at - second, 1)[0] == first


def test_a_later_stop_departs_later():
    service = lorry(stops=("YUTIAN", "HOTAN", "KASHGAR"))
    (window,) = order_windows(terms(), service, HOTAN, MONDAY, 1)
    assert window.departs_at == datetime(2026, 3, 4, 19, tzinfo=UTC)


def test_hand_in_is_while_the_hub_is_open():
    by_day = Place(
        "HOTAN", dwell_s=4 * HOUR_S, opening=tuple((d * DAY_S + 2 * HOUR_S, d * DAY_S + 7 * HOUR_S) for d in range(7))
    )
    (window,) = order_windows(terms(), lorry(), by_day, MONDAY, 1)
    assert window.hand_in_by == datetime(2026, 3, 4, 6, 45, tzinfo=UTC)


def test_no_window_for_a_closed_run_or_after_the_last_one():
    closed = (int(datetime(2026, 3, 4, tzinfo=UTC).timestamp()), int(datetime(2026, 3, 5, tzinfo=UTC).timestamp()))
    assert told(order_windows(terms(), lorry(closures=(closed,)), HOTAN, MONDAY, 1))[0].endswith("Wed 11 13:00")
    ending = Weekly((2,), (13 * HOUR_S,), valid_until=date(2026, 3, 4))
    assert len(order_windows(terms(), lorry(ending), HOTAN, MONDAY, 4)) == 1


def test_services_on_demand_and_hubs_that_are_not_boarded_at_have_no_windows():
    on_call = Service("T", "road", "co", lorry().stops, Tariff(), Capacity(1, 1), on_demand=True)
    assert order_windows(terms(), on_call, HOTAN, MONDAY, 4) == []
    assert order_windows(terms("KASHGAR"), lorry(), Place("KASHGAR"), MONDAY, 4) == []
    assert [calls_at(lorry(), hub) for hub in ("HOTAN", "KASHGAR", "AKSU")] == [True, False, False]
    assert not calls_at(on_call, "HOTAN")


patterns = st.builds(
    Weekly,
    st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(tuple),
    st.lists(st.integers(0, DAY_S - 1), min_size=1, max_size=3, unique=True).map(tuple),
    st.none() | st.dates(date(2026, 2, 20), date(2026, 3, 20)),
    st.none() | st.dates(date(2026, 3, 1), date(2026, 4, 20)),
)


@given(
    st.lists(patterns, min_size=1, max_size=3),
    st.integers(0, 9),
    st.integers(0, 100),
    st.integers(1, 400),
    st.integers(0, 10**6),
)
def test_windows_always_leave_time_for_the_departure(weekly, dwell_h, lead_h, open_h, after_s):
    service, place = lorry(*weekly), Place("HOTAN", dwell_s=dwell_h * HOUR_S)
    now = MONDAY + timedelta(seconds=after_s)
    windows = order_windows(terms(lead_time_h=lead_h, open_h=open_h), service, place, now, 5)
    for window in windows:
        hand_in, departs = int(window.hand_in_by.timestamp()), int(window.departs_at.timestamp())
        assert hand_in % HAND_IN_S == 0
        assert ready_to_board(place, hand_in) <= departs - service.cutoff_s < ready_to_board(place, hand_in + HAND_IN_S)
        assert window.hand_in_by - window.closes_at == timedelta(hours=lead_h)
        assert window.closes_at - window.opens_at == timedelta(hours=open_h)
        assert window.closes_at > now
    assert all(one.departs_at < other.departs_at for one, other in pairwise(windows))


@given(st.lists(patterns, min_size=1, max_size=3), st.integers(0, 10**6), st.integers(0, 20 * DAY_S))
def test_starts_are_those_of_the_patterns_second_by_second(weekly, after_s, for_s):
    since = int(MONDAY.timestamp()) + after_s
    expected = set()
    for pattern in weekly:
        for day in range(since // DAY_S - 1, (since + for_s) // DAY_S + 2):
            on = date(1970, 1, 1) + timedelta(days=day)
            if on.weekday() in pattern.weekdays and (pattern.valid_from or on) <= on <= (pattern.valid_until or on):
                expected |= {day * DAY_S + at for at in pattern.seconds_of_day}
    found = list(starts_between(lorry(*weekly), since, since + for_s))
    assert found == sorted(at for at in expected if since <= at <= since + for_s)
