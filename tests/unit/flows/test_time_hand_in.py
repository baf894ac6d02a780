"""The last moment to hand in, against asking the planner for every quarter of an hour."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flows.plan_ways import Around, Cargo, find_ways
from app.flows.time_hand_in import time_hand_in
from app.network.errors import RouteUnavailable
from app.network.origin_rules import OriginRules
from app.network.plan import FrontCache
from app.network.values import HubKind, HubPoint, Temperature
from app.routing import NO_LOAD, Capacity, Place, Service, Stop, Tariff, Timetable, Used, Weekly

HOUR_S = 3_600
READY = datetime(2026, 3, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
WORDS = {"en": "said", "zh-Hans": "说明"}


def a_train(number, start, end, starts_h, ride_h, cutoff_h=0):
    return Service(
        id=f"T{number}",
        mode="rail",
        carrier="c",
        stops=(Stop(start, 0, 0, 0), Stop(end, round(ride_h * HOUR_S), round(ride_h * HOUR_S), 100_000)),
        tariff=Tariff(base_minor=100 + number),
        capacity=Capacity(10**7, 10**12, 100),
        departures=(Weekly(tuple(range(7)), tuple(sorted({h * HOUR_S for h in starts_h}))),),
        cutoff_s=cutoff_h * HOUR_S,
        temperatures=frozenset({"ambient", "chilled", "live"}),
    )


def there(services, *, dwell_h=1, is_cooled=True, opening=(), load=NO_LOAD, rules=()):
    places = [Place(code, dwell_s=dwell_h * HOUR_S, is_cooled=is_cooled, opening=opening) for code in "ABC"]
    end = HubPoint("C", WORDS, HubKind.CITY, 30.0, 100.0, "610102", 0, 0, 0, "test")
    table = OriginRules.model_validate({"version": "1", "rule": list(rules)})
    timetable = Timetable(places, services, "1")
    return Around(FrontCache(), timetable, load, frozenset(), {}, end, None, {"C": end}, table)


def a_cargo(temperature=Temperature.AMBIENT, *, by, species="sheep"):
    is_live = temperature is Temperature.LIVE
    return Cargo(
        "A", temperature, READY, 90_000, 10**9, 3 if is_live else 0, origin="653221", arrive_by=READY + by,
        species=frozenset({species} if is_live else ()),
    )  # fmt: skip


def arrives(around, cargo, at):
    try:
        return bool(find_ways(around, replace(cargo, ready_at=at)))
    except RouteUnavailable:
        return False


def by_trying(around, cargo):
    """Every quarter of an hour from the last one back."""
    quarters = int((cargo.arrive_by - READY) / QUARTER)
    return next(READY + n * QUARTER for n in range(quarters, -1, -1) if arrives(around, cargo, READY + n * QUARTER))


trains = st.lists(
    st.builds(
        lambda ends, starts, ride, cutoff: (*ends, starts, ride, cutoff),
        st.sampled_from([("A", "B"), ("B", "C"), ("A", "C")]),
        st.sets(st.integers(0, 23), min_size=1, max_size=3),
        st.integers(1, 12),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=5,
)


@given(trains=trains, by_h=st.integers(2, 60), temperature=st.sampled_from([Temperature.AMBIENT, Temperature.LIVE]))
def test_it_is_the_last_quarter_from_which_the_goods_arrive(trains, by_h, temperature):
    around = there([a_train(number, *train) for number, train in enumerate(trains)])
    cargo = a_cargo(temperature, by=by_h * HOUR, species="poultry")
    if not arrives(around, cargo, READY):
        return
    assert time_hand_in(around, cargo, find_ways(around, cargo)) == by_trying(around, cargo)


@given(trains=trains, by_h=st.integers(2, 60), is_cooled=st.booleans())
def test_cold_goods_do_arrive_from_then_and_no_later_quarter_is_given_than_there_is(trains, by_h, is_cooled):
    around = there([a_train(number, *train) for number, train in enumerate(trains)], is_cooled=is_cooled)
    cargo = a_cargo(Temperature.CHILLED, by=by_h * HOUR)
    if not arrives(around, cargo, READY):
        return
    moment = time_hand_in(around, cargo, find_ways(around, cargo))
    assert arrives(around, cargo, moment)
    assert READY <= moment <= by_trying(around, cargo)
    if is_cooled:
        assert moment == by_trying(around, cargo)


def test_cut_off_dwell_and_opening_come_before_the_departure():
    train = a_train(0, "A", "C", [12], 6, cutoff_h=2)
    cargo = a_cargo(by=40 * HOUR)
    # The train of the next day leaves at noon: two hours of cut-off, one of dwell.
    assert time_hand_in(there([train]), cargo, find_ways(there([train]), cargo)) == READY + 31 * HOUR
    # Open from one to five only, UTC, each day.
    opening = tuple((day * 86_400 + HOUR_S, day * 86_400 + 5 * HOUR_S) for day in range(7))
    narrow = there([train], opening=opening)
    assert time_hand_in(narrow, cargo, find_ways(narrow, cargo)) == READY + 26 * HOUR + 3 * QUARTER


def test_full_departure_is_not_waited_for():
    train = a_train(0, "A", "C", [12], 6)
    tomorrow = int((READY + 34 * HOUR).timestamp())
    full = {("T0", tomorrow, 0): Used(weight_g=10**7)}
    cargo = a_cargo(by=41 * HOUR)
    assert time_hand_in(there([train]), cargo, find_ways(there([train]), cargo)) == READY + 33 * HOUR
    assert (
        time_hand_in(there([train], load=full), cargo, find_ways(there([train], load=full), cargo)) == READY + 9 * HOUR
    )


def test_day_from_which_a_rule_forbids_it_ends_the_time():
    train = a_train(0, "A", "C", [12], 6)
    rule = {"number": "N-1", "what": WORDS, "source": WORDS, "origin": ["65"], "to": ["61"], "since": "2026-03-03"}
    cargo = a_cargo(by=41 * HOUR)
    around = there([train], rules=[rule])
    # The third of March begins at 16:00 UTC in China; until then goods may be handed in for tomorrow's train.
    assert time_hand_in(around, cargo, find_ways(around, cargo)) == datetime(2026, 3, 2, 15, 45, tzinfo=UTC)


@pytest.mark.parametrize("temperature", [Temperature.AMBIENT, Temperature.LIVE, Temperature.CHILLED])
def test_what_can_only_just_be_in_time_is_handed_in_at_once(temperature):
    around = there([a_train(0, "A", "C", [3], 6)])
    cargo = a_cargo(temperature, by=7 * HOUR)
    assert time_hand_in(around, cargo, find_ways(around, cargo)) == READY
