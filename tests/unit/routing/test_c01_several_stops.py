"""Services that call at several places: boarding on the way, leaving on the way, staying on board."""

from tests.unit.routing.drawn import ask, draw, routes

LINE = """
    place U 5h handling=77fen
    L rail: H 08:00 > U +6h 300km > V wait 30min +4h 200km > M +4h 100km; 100fen 10fen/tkm cutoff=2h
"""


def test_staying_on_board_costs_neither_dwell_nor_handling():
    assert routes(draw(LINE), ask("H > M", kg=1000)) == ["H Mon 08:00 L Mon 22:30 M | 6100 fen | 0 mg"]


def test_boarding_on_the_way_counts_from_the_departure_there():
    assert routes(draw(LINE), ask("U > M", "Mon 07:30", kg=1000)) == ["U Mon 14:30 L Mon 22:30 M | 3100 fen | 0 mg"]
    assert routes(draw(LINE), ask("U > M", "Mon 07:31", kg=1000)) == ["U Tue 14:30 L Tue 22:30 M | 3100 fen | 0 mg"]


def test_leaving_on_the_way_pays_for_that_way_only():
    assert routes(draw(LINE), ask("H > V", kg=1000)) == ["H Mon 08:00 L Mon 18:30 V | 5100 fen | 0 mg"]


def test_a_line_goes_only_forward():
    assert routes(draw(LINE), ask("V > U")) == ["no_service"]


def test_changing_trains_on_the_way_takes_the_dwell_of_the_place():
    timetable = draw(
        LINE
        + """
        B road: U 17:00 22:00 > X +1h; 10fen
    """
    )
    assert routes(timetable, ask("H > X", kg=1000)) == [
        "H Mon 08:00 L Mon 14:00 U Mon 22:00 B Mon 23:00 X | 3187 fen | 0 mg"
    ]


def test_a_run_that_started_yesterday_is_boarded_today():
    timetable = draw("L rail: H 20:00 > U +10h > V wait 2h +4h; 100fen")
    assert routes(timetable, ask("U > V", "Tue 07:00")) == ["U Tue 08:00 L Tue 12:00 V | 100 fen | 0 mg"]


def test_a_line_may_call_twice_at_a_place():
    timetable = draw("L bus: H 08:00 > U +1h > H +1h > V +1h; 100fen")
    assert routes(timetable, ask("H > V", "Mon 07:00")) == ["H Mon 08:00 L Mon 11:00 V | 100 fen | 0 mg"]
    assert routes(timetable, ask("H > V", "Mon 09:00")) == ["H Mon 10:00 L Mon 11:00 V | 100 fen | 0 mg"]


def test_a_booking_names_the_stops_and_the_run():
    from app.routing import plan

    (chosen,) = plan(draw(LINE), ask("U > V", kg=1000)).plans
    (leg,) = chosen.legs
    assert (leg.board_stop, leg.alight_stop) == (1, 2)
    assert leg.departs_at - leg.departure_at == 6 * 3600 + 1800
    assert leg.distance_m == 200_000
