"""The bounds: a search that grows too large says so, impossible values are refused, caches stay small and true."""

from datetime import date

import pytest

from app.routing import (
    Capacity,
    Place,
    Query,
    SearchTooLarge,
    Service,
    Stop,
    Tariff,
    Timetable,
    Weekly,
    plan,
)
from app.routing.values import KINDS_KEPT, SURVEYS_KEPT
from tests.unit.routing.drawn import ask, draw, routes

LADDER = "\n".join(
    f"F{step} road: P{step} > P{step + 1} +1h; {1000 + 2**step}fen\nS{step} rail: P{step} > P{step + 1} +{5 + step}h; 1fen"
    for step in range(9)
)


def test_a_search_beyond_its_bound_is_refused_and_never_cut():
    timetable = draw(LADDER)
    whole = plan(timetable, ask("P0 > P9"))
    assert len(whole.plans) > 30
    with pytest.raises(SearchTooLarge):
        plan(timetable, ask("P0 > P9"), labels_max=100)
    assert plan(timetable, ask("P0 > P9"), labels_max=5_000) == whole


def test_a_search_with_a_limit_has_the_same_bound():
    timetable = draw(LADDER)
    whole = plan(timetable, ask("P0 > P9", max_journey_s="200h"))
    assert whole == plan(timetable, ask("P0 > P9"))
    with pytest.raises(SearchTooLarge):
        plan(timetable, ask("P0 > P9", max_journey_s="200h"), labels_max=100)


def test_what_is_kept_between_queries_is_bounded():
    timetable = draw(LADDER)
    for kilograms in range(1, KINDS_KEPT + 9):
        routes(timetable, ask("P7 > P8", kg=kilograms))
    for kilograms in range(1, 1 + KINDS_KEPT // 8):
        for place in range(1, 10):
            routes(timetable, ask(f"P0 > P{place}", kg=kilograms, horizon_s="1h"))
    for minute in range(SURVEYS_KEPT):
        routes(timetable, ask("P7 > P8", f"Mon {minute // 60:02}:{minute % 60:02}"))
    assert len(timetable.kinds) == KINDS_KEPT
    assert len(timetable.surveys) == SURVEYS_KEPT


def stops(*offsets: tuple[int, int, int]) -> tuple[Stop, ...]:
    return tuple(Stop(f"P{number}", *offset) for number, offset in enumerate(offsets))


GOOD = {"id": "T", "mode": "road", "carrier": "c", "tariff": Tariff(), "capacity": Capacity(1, 1), "on_demand": True}
RIDE = stops((0, 0, 0), (5, 5, 9))


@pytest.mark.parametrize(
    "terms",
    [
        {"stops": RIDE[:1]},
        {"stops": tuple(Stop("P", n, n, n) for n in range(61))},
        {"stops": stops((0, 0, 0), (0, 0, 9))},
        {"stops": stops((0, 3, 0), (9, 9, 9))},
        {"stops": stops((0, 0, 0), (5, 4, 9))},
        {"stops": stops((0, 0, 9), (5, 5, 8))},
        {"stops": RIDE, "on_demand": False},
        {"stops": RIDE, "departures": (Weekly((0,), (0,)),)},
        {"stops": RIDE, "cutoff_s": -1},
        {"stops": RIDE, "tariff": Tariff(base_minor=-1)},
        {"stops": RIDE, "co2e_mg_per_tkm": {"ambient": -1}},
        {"stops": RIDE, "temperatures": frozenset({"warm"})},
        {"stops": RIDE, "closures": ((5, 5),)},
    ],
)
def test_an_impossible_service_is_refused(terms):
    with pytest.raises(ValueError, match="service T"):
        Service(**{**GOOD, **terms})


@pytest.mark.parametrize(
    ("weekdays", "seconds"), [((), (0,)), ((0,), ()), ((7,), (0,)), ((0,), (86_400,)), ((0,), tuple(range(2_017)))]
)
def test_an_impossible_pattern_is_refused(weekdays, seconds):
    with pytest.raises(ValueError, match="weekly pattern"):
        Weekly(weekdays, seconds, date(2026, 1, 1))


@pytest.mark.parametrize(
    "terms",
    [
        {"weight_g": 0},
        {"volume_mm3": -1},
        {"temperature": "warm"},
        {"temperature": "live"},
        {"live_heads": 1},
        {"horizon_s": 0},
        {"horizon_s": 121 * 86_400},
    ],
)
def test_an_impossible_question_is_refused(terms):
    with pytest.raises(ValueError, match=r"live animals|weight and horizon"):
        Query(**{"origin": "H", "destination": "U", "depart_after": 0, "weight_g": 1, **terms})


def test_a_place_with_negative_terms_is_refused():
    for terms in ({"dwell_s": -1}, {"transfer_price_minor": -1}, {"transfer_co2e_mg_per_kg": -1}):
        with pytest.raises(ValueError, match="place H"):
            Place("H", **terms)


def test_a_timetable_knows_every_place_and_each_thing_once():
    service = Service(stops=RIDE, **GOOD)
    places = [Place("P0"), Place("P1")]
    with pytest.raises(ValueError, match="unknown places: P1"):
        Timetable(places[:1], [service], "1")
    with pytest.raises(ValueError, match="twice"):
        Timetable([*places, Place("P0")], [service], "1")
    with pytest.raises(ValueError, match="twice"):
        Timetable(places, [service, service], "1")


def test_the_answer_carries_the_version_of_the_timetable():
    assert plan(draw(LADDER), ask("P0 > P1")).timetable_version == "drawn"
