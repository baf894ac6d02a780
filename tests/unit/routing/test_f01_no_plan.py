"""An empty front says which constraint emptied it."""

import pytest

from app.routing import NoPlan, Reason, Used, plan
from tests.unit.routing.drawn import ask, draw, moment, routes

NETWORK = """
    place U 1h
    T1 road: H 08:00 > U +6h; 100fen cap=500kg takes=ambient,live heads=30
    T2 rail: U 20:00 > M +8h; 100fen cap=500kg takes=ambient
    T3 road: U 20:00 > L +8h; 100fen cap=500kg takes=live heads=30
    X road: A 08:00 > B +1h; 100fen
"""


@pytest.mark.parametrize(
    ("way", "terms", "reason"),
    [
        ("H > NOWHERE", {}, "unknown_place"),
        ("NOWHERE > M", {}, "unknown_place"),
        ("H > B", {}, "no_service"),
        ("H > M", {"excluded_modes": frozenset({"rail"})}, "excluded"),
        ("H > M", {"temperature": "live", "live_heads": 2}, "temperature"),
        ("H > M", {"temperature": "frozen"}, "temperature"),
        ("H > M", {"kg": 501}, "too_heavy"),
        ("H > M", {"volume_mm3": 80_000_000_001}, "too_heavy"),
        ("H > L", {"temperature": "live", "live_heads": 31}, "too_heavy"),
        ("H > M", {"arrive_by": "Tue 03:59"}, "cut_off"),
        ("H > M", {"horizon_s": "27h"}, "cut_off"),
        ("H > L", {"temperature": "live", "live_heads": 2, "max_journey_s": "19h"}, "journey_limit"),
    ],
)
def test_the_constraint_is_named(way, terms, reason):
    assert routes(draw(NETWORK), ask(way, **terms)) == [reason]


def test_a_full_leg_is_named():
    load = {("T2", moment("Mon 20:00"), 0): Used(weight_g=450_000)}
    assert plan(draw(NETWORK), ask("H > M", horizon_s="30h"), load) == NoPlan(Reason.FULL)


def test_an_excluded_run_is_named():
    gone = frozenset({("T1", moment("Mon 08:00"))})
    assert routes(draw(NETWORK), ask("H > M", horizon_s="30h", excluded_departures=gone)) == ["excluded"]


def test_full_is_said_only_when_an_empty_run_would_have_kept_to_the_limit():
    load = {("T1", moment("Mon 08:00"), 0): Used(live_places=30)}
    sheep = {"temperature": "live", "live_heads": 2, "horizon_s": "30h"}
    assert routes(draw(NETWORK), ask("H > L", max_journey_s="20h", **sheep), load) == ["full"]
    assert routes(draw(NETWORK), ask("H > L", max_journey_s="19h", **sheep), load) == ["journey_limit"]


def test_heaviness_is_named_before_lateness():
    assert routes(draw(NETWORK), ask("H > M", kg=501, arrive_by="Mon 01:00")) == ["too_heavy"]


def test_a_deadline_in_the_past_is_named():
    assert routes(draw(NETWORK), ask("H > M", "Tue 00:00", arrive_by="Mon 00:00")) == ["cut_off"]


def test_two_services_that_only_meet_heavy_and_cold_are_told_as_temperature():
    timetable = draw("""
        T1 road: H 08:00 > U +6h; takes=frozen cap=1kg
        T2 road: U 20:00 > M +6h; takes=ambient
    """)
    assert routes(timetable, ask("H > M", temperature="frozen")) == ["temperature"]
