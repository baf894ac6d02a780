"""What is booked already: per run and per segment."""

import pytest

from app.routing import NoPlan, Reason, Used, plan
from tests.unit.routing.drawn import ask, draw, moment, routes

LINE = "L rail: H 08:00 > U +2h > M +2h; 100fen cap=1000kg room=2m3 heads=10 takes=ambient,live"
FIRST = moment("Mon 08:00")


def test_goods_that_just_fit_are_taken():
    load = {("L", FIRST, 0): Used(weight_g=900_000)}
    assert routes(draw(LINE), ask("H > U", kg=100), load) == ["H Mon 08:00 L Mon 10:00 U | 100 fen | 0 mg"]


@pytest.mark.parametrize(
    "used", [Used(weight_g=900_001), Used(volume_mm3=1_500_000_001), Used(weight_g=10**9, volume_mm3=10**12)]
)
def test_a_full_run_is_passed_over_for_the_next(used):
    asked = ask("H > U", kg=100, volume_mm3=500_000_000)
    assert routes(draw(LINE), asked, {("L", FIRST, 0): used}) == ["H Tue 08:00 L Tue 10:00 U | 100 fen | 0 mg"]


def test_animals_need_places():
    asked = ask("H > U", temperature="live", live_heads=4)
    assert routes(draw(LINE), asked, {("L", FIRST, 0): Used(live_places=6)})[0].startswith("H Mon")
    assert routes(draw(LINE), asked, {("L", FIRST, 0): Used(live_places=7)})[0].startswith("H Tue")


def test_cold_goods_need_slots_of_a_hundred_litres_each():
    line = draw("L rail: H 08:00 > U +2h; 100fen takes=ambient,chilled slots=10")
    asked = ask("H > U", temperature="chilled", volume_mm3=300_000_001)
    assert routes(line, asked, {("L", FIRST, 0): Used(chilled_slots=6)})[0].startswith("H Mon")
    assert routes(line, asked, {("L", FIRST, 0): Used(chilled_slots=7)})[0].startswith("H Tue")
    warm = ask("H > U", volume_mm3=300_000_001)
    assert routes(line, warm, {("L", FIRST, 0): Used(chilled_slots=10)})[0].startswith("H Mon")


def test_more_cold_goods_than_any_run_has_slots_for_are_too_large():
    line = draw("L rail: H 08:00 > U +2h; 100fen takes=ambient,chilled slots=10")
    answer = plan(line, ask("H > U", temperature="chilled", volume_mm3=1_000_000_001), {})
    assert answer == NoPlan(Reason.TOO_HEAVY)
    assert routes(line, ask("H > U", temperature="chilled", volume_mm3=1_000_000_000))


def test_only_the_segments_ridden_count():
    load = {("L", FIRST, 1): Used(weight_g=1_000_000)}
    assert routes(draw(LINE), ask("H > U"), load) == ["H Mon 08:00 L Mon 10:00 U | 100 fen | 0 mg"]
    assert routes(draw(LINE), ask("H > M"), load) == ["H Tue 08:00 L Tue 12:00 M | 100 fen | 0 mg"]
    assert routes(draw(LINE), ask("U > M"), load) == ["U Tue 10:00 L Tue 12:00 M | 100 fen | 0 mg"]


def test_a_run_that_is_full_further_on_still_brings_the_goods_to_another_train():
    timetable = draw(LINE + "\nS rail: U 11:00 > M +9h; 100fen")
    load = {("L", FIRST, 1): Used(weight_g=1_000_000)}
    assert routes(timetable, ask("H > M"), load) == [
        "H Mon 08:00 L Mon 10:00 U Mon 11:00 S Mon 20:00 M | 200 fen | 0 mg",
        "H Tue 08:00 L Tue 12:00 M | 100 fen | 0 mg",
    ]


def test_an_excluded_run_is_passed_over():
    asked = ask("H > U", excluded_departures=frozenset({("L", FIRST)}))
    assert routes(draw(LINE), asked) == ["H Tue 08:00 L Tue 10:00 U | 100 fen | 0 mg"]


def test_every_run_full_is_said():
    load = {("L", FIRST + day * 86_400, 0): Used(weight_g=1_000_000) for day in range(3)}
    assert routes(draw(LINE), ask("H > U", horizon_s="60h"), load) == ["full"]


def test_excluded_modes_carriers_and_services_are_not_used():
    timetable = draw("""
        T1 air: H 08:00 > U +1h; 100fen
        T2 road: H 08:00 > U +2h; 100fen by=north
        T3 road: H 08:00 > U +3h; 100fen
        T4 rail: H 08:00 > U +4h; 100fen
    """)
    asked = ask(
        "H > U",
        excluded_modes=frozenset({"air"}),
        excluded_carriers=frozenset({"north"}),
        excluded_services=frozenset({"T3"}),
    )
    assert routes(timetable, asked) == ["H Mon 08:00 T4 Mon 12:00 U | 100 fen | 0 mg"]
