"""Runs by date, closed links, and who gives way: pure."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.network.rules import open_from
from app.network.runs import link_closures, starts_at, starts_between, who_gives_way, with_starts
from app.network.values import Held
from app.routing import Capacity, Service, Stop, Tariff, Weekly

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
STOPS = (Stop("A", 0, 0, 0), Stop("B", 3_600, 7_200, 10), Stop("C", 10_800, 10_800, 20))
HOUR = timedelta(hours=1)


def service(**more):
    pattern = Weekly((0, 2), (6 * 3_600, 18 * 3_600), date(2026, 3, 2), date(2026, 3, 8))
    return replace(Service("S", "road", "X", STOPS, Tariff(), Capacity(10, 10), (pattern,)), **more)


def test_starts_are_those_of_the_weekdays_within_the_validity():
    found = starts_between(service(), MONDAY - timedelta(days=9), MONDAY + timedelta(days=30))
    assert [f"{at:%a %d %H}" for at in found] == ["Mon 02 06", "Mon 02 18", "Wed 04 06", "Wed 04 18"]


def test_bounds_are_half_open_and_closures_take_starts_away():
    at = MONDAY + 6 * HOUR
    assert starts_between(service(), at, at + 12 * HOUR) == [at]
    second = int(at.timestamp())
    assert starts_between(service(closures=((second, second + 1),)), at, at + 12 * HOUR) == []
    assert starts_at(service(), at)
    assert not starts_at(service(), at + HOUR)
    assert not starts_at(service(), at + timedelta(microseconds=1))


def test_single_starts_come_to_the_weekly_ones_once():
    extra = MONDAY + timedelta(days=1, hours=3)
    found = with_starts(service(), [int(extra.timestamp())] * 2)
    assert starts_between(found, MONDAY, MONDAY + timedelta(days=2))[-1] == extra
    assert len(found.departures) == 2
    assert with_starts(service(), ()).departures == service().departures


def test_link_is_closed_both_ways_while_somebody_would_be_on_it():
    # From B (leaves 2 h after the start) to C (arrives after 3 h).
    for ends in ({"B", "C"}, {"C", "B"}):
        ((since, until),) = link_closures(STOPS, ends, 100_000, 110_000)
        assert (since, until) == (100_000 - 10_800 + 1, 110_000 - 7_200)
    assert list(link_closures(STOPS, {"A", "C"}, 0, 1)) == []


@given(st.integers(0, 20_000), st.integers(1, 5_000), st.integers(-20_000, 30_000))
def test_closure_of_a_link_is_exactly_the_runs_that_would_be_on_it(since, lasts, start):
    ((first, last),) = link_closures(STOPS, {"A", "B"}, since, since + lasts)
    on_it = start + 0 < since + lasts and start + 3_600 > since
    assert (first <= start < last) == on_it


def test_place_opens_in_its_hours_of_the_week():
    hours = [(day * 86_400 + 9 * 3_600, day * 86_400 + 17 * 3_600) for day in range(5)]
    assert open_from(hours, MONDAY + 8 * HOUR) == MONDAY + 9 * HOUR
    assert open_from(hours, MONDAY + 9.5 * HOUR) == MONDAY + 9.5 * HOUR
    assert open_from(hours, MONDAY + timedelta(days=4, hours=17)) == MONDAY + timedelta(days=7, hours=9)
    assert open_from([(6 * 86_400, 8 * 86_400)], MONDAY + HOUR) == MONDAY + HOUR
    assert open_from((), MONDAY) == MONDAY


def held(name, weight, board=0, alight=2):
    return Held(name, f"leg {name}", f"con {name}", "S", MONDAY, board, alight, weight, 1, 0, 0)


def giving(excess, last_first, frozen=()):
    return [each.id for each in who_gives_way(excess, last_first, frozen)]


def test_last_booked_gives_way_until_the_rest_fits():
    everybody = [held("third", 4), held("second", 4), held("first", 4)]
    assert giving({(MONDAY, 0): [3, 0, 0, 0], (MONDAY, 1): [3, 0, 0, 0]}, everybody) == ["third"]
    assert giving({(MONDAY, 0): [5, 0, 0, 0], (MONDAY, 1): [5, 0, 0, 0]}, everybody) == ["third", "second"]
    assert giving({}, everybody) == []


def test_who_carries_nothing_of_what_is_short_stays():
    warm, cold, animals = (
        held("warm", 4),
        replace(held("cold", 4), chilled_slots=2),
        replace(held("animals", 4), live_places=3),
    )
    assert giving({(MONDAY, 0): [0, 0, 0, 2]}, [warm, animals, cold]) == ["cold"]
    assert giving({(MONDAY, 1): [0, 0, 1, 0]}, [warm, cold, animals]) == ["animals"]


def test_who_rides_where_there_is_room_and_who_is_on_the_road_stay():
    everybody = [held("elsewhere", 4, 1, 2), held("under way", 4), held("first", 4)]
    assert giving({(MONDAY, 0): [3, 0, 0, 0]}, everybody, {"leg under way"}) == ["first"]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=12),
    st.integers(0, 40),
)
def test_what_remains_fits_and_nobody_gives_way_for_nothing(bookings, room):
    everybody = [held(str(i), weight, board, board + more) for i, (weight, board, more) in enumerate(bookings)]
    used = {}
    for each in everybody:
        for segment in range(each.board, each.alight):
            used[segment] = used.get(segment, 0) + each.weight_g
    excess = {(MONDAY, s): [load - room, 0, 0, 0] for s, load in used.items() if load > room}
    gone = giving(excess, everybody)
    for segment in used:
        rides = [each for each in everybody if each.board <= segment < each.alight]
        assert sum(each.weight_g for each in rides if each.id not in gone) <= max(room, 0)
    for name in gone:
        each = everybody[int(name)]
        earlier = {other for other in gone if int(other) < int(name)}
        assert any(
            sum(o.weight_g for o in everybody if o.board <= s < o.alight and o.id not in earlier) > room
            for s in range(each.board, each.alight)
        )
