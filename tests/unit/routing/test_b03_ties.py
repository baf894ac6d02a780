"""Plans that are equal on all three counts: one is told, always the same."""

import random

import pytest

from app.routing import Timetable
from tests.unit.routing.drawn import ask, draw, routes

TWINS = """
    T2 road: H 08:00 > M +6h; 100fen
    T1 road: H 08:00 > M +6h; 100fen
    T3 road: H 08:00 > M +6h; 100fen
"""


@pytest.mark.parametrize("limit", [None, "90h"])
def test_the_first_service_by_id_is_told(limit):
    assert routes(draw(TWINS), ask("H > M", max_journey_s=limit)) == ["H Mon 08:00 T1 Mon 14:00 M | 100 fen | 0 mg"]


@pytest.mark.parametrize("limit", [None, "90h"])
def test_fewer_legs_come_before_earlier_ids(limit):
    timetable = draw("""
        A1 road: H 08:00 > U +1h; 50fen
        A2 road: U 10:00 > M +4h; 50fen
        T1 road: H 08:00 > M +6h; 100fen
    """)
    assert routes(timetable, ask("H > M", max_journey_s=limit)) == ["H Mon 08:00 T1 Mon 14:00 M | 100 fen | 0 mg"]


@pytest.mark.parametrize("limit", [None, "90h"])
def test_fewer_legs_are_told_even_when_they_are_later_at_the_hub(limit):
    timetable = draw("""
        A1 road: H 08:00 > U +1h; 50fen
        A2 road: U 10:00 > V +1h; 50fen
        T1 road: H 08:00 > V +6h; 100fen
        Z1 rail: V 20:00 > M +1h; 10fen
    """)
    assert routes(timetable, ask("H > M", max_journey_s=limit)) == [
        "H Mon 08:00 T1 Mon 14:00 V Mon 20:00 Z1 Mon 21:00 M | 110 fen | 0 mg"
    ]


@pytest.mark.parametrize("limit", [None, "90h"])
def test_the_first_run_that_is_early_enough_is_told(limit):
    timetable = draw("""
        T1 road: H 08:00 12:00 > U +1h; 50fen
        T2 road: U 20:00 > M +4h; 50fen
    """)
    assert routes(timetable, ask("H > M", max_journey_s=limit)) == [
        "H Mon 08:00 T1 Mon 09:00 U Mon 20:00 T2 Tue 00:00 M | 100 fen | 0 mg"
    ]


def test_the_order_of_places_and_services_does_not_matter():
    drawn = draw(TWINS)
    chance = random.Random(3)
    for _ in range(10):
        services, places = list(drawn.services), list(drawn.places)
        chance.shuffle(services)
        chance.shuffle(places)
        assert routes(Timetable(places, services, "shuffled"), ask("H > M")) == routes(drawn, ask("H > M"))


def test_the_answer_is_the_same_whatever_was_asked_before():
    asked_before, fresh = draw(TWINS), draw(TWINS)
    for kilograms in range(1, 60):
        routes(asked_before, ask("H > M", kg=kilograms))
    assert routes(asked_before, ask("H > M")) == routes(fresh, ask("H > M"))


def test_fewer_legs_are_told_even_when_they_are_found_after_the_hub_was_passed():
    timetable = draw("""
        A1 road: H 06:00 > U +1h; 50fen
        A2 road: U 07:00 > W +1h; 30fen
        A3 road: W 08:00 > V +1h; 20fen
        B1 road: H 06:00 > X +6h; 50fen
        B2 road: X 13:00 > V +1h; 50fen
        Z1 rail: V 20:00 > M +1h; 10fen
    """)
    expected = ["H Mon 06:00 B1 Mon 12:00 X Mon 13:00 B2 Mon 14:00 V Mon 20:00 Z1 Mon 21:00 M | 110 fen | 0 mg"]
    assert routes(timetable, ask("H > M")) == expected
    assert routes(timetable, ask("H > M", max_journey_s="90h")) == expected
