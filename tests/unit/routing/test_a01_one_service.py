"""One service: when the goods can be on it, and when they are there."""

from app.routing import Plan, plan
from tests.unit.routing.drawn import ask, draw, moment, routes


def test_takes_the_first_departure_of_the_day():
    timetable = draw("T1 road: H 08:00 14:00 > U +6h; 100fen")
    assert routes(timetable, ask("H > U", "Mon 07:00")) == ["H Mon 08:00 T1 Mon 14:00 U | 100 fen | 0 mg"]


def test_takes_a_departure_at_the_very_second():
    timetable = draw("T1 road: H 08:00 > U +6h; 100fen")
    assert routes(timetable, ask("H > U", "Mon 08:00")) == ["H Mon 08:00 T1 Mon 14:00 U | 100 fen | 0 mg"]


def test_waits_for_tomorrow_when_today_has_gone():
    timetable = draw("T1 road: H 08:00 > U +6h; 100fen")
    assert routes(timetable, ask("H > U", "Mon 08:01")) == ["H Tue 08:00 T1 Tue 14:00 U | 100 fen | 0 mg"]


def test_waits_over_the_end_of_the_week():
    timetable = draw("T1 road: H 08:00 > U +6h; 100fen Tue")
    assert routes(timetable, ask("H > U", "Sat 12:00")) == ["H Tue+1 08:00 T1 Tue+1 14:00 U | 100 fen | 0 mg"]


def test_goods_are_ready_only_after_the_dwell_of_the_origin():
    timetable = draw("""
        place H 2h
        T1 road: H 08:00 12:00 > U +6h; 100fen
    """)
    assert routes(timetable, ask("H > U", "Mon 06:00")) == ["H Mon 08:00 T1 Mon 14:00 U | 100 fen | 0 mg"]
    assert routes(timetable, ask("H > U", "Mon 06:01")) == ["H Mon 12:00 T1 Mon 18:00 U | 100 fen | 0 mg"]


def test_goods_are_ready_before_the_cut_off():
    timetable = draw("T1 road: H 08:00 12:00 > U +6h; 100fen cutoff=1h")
    assert routes(timetable, ask("H > U", "Mon 07:00")) == ["H Mon 08:00 T1 Mon 14:00 U | 100 fen | 0 mg"]
    assert routes(timetable, ask("H > U", "Mon 07:01")) == ["H Mon 12:00 T1 Mon 18:00 U | 100 fen | 0 mg"]


def test_the_dwell_of_the_destination_does_not_delay_the_arrival():
    timetable = draw("""
        place U 5h
        T1 road: H 08:00 > U +6h; 100fen
    """)
    assert routes(timetable, ask("H > U")) == ["H Mon 08:00 T1 Mon 14:00 U | 100 fen | 0 mg"]


def test_a_service_runs_one_way():
    timetable = draw("T1 road: H 08:00 > U +6h; 100fen")
    assert routes(timetable, ask("U > H")) == ["no_service"]


def test_goods_that_are_already_there_need_no_leg():
    timetable = draw("T1 road: H 08:00 > U +6h; 100fen")
    (there,) = plan(timetable, ask("H > H", "Mon 07:00")).plans
    assert there == Plan(arrives_at=moment("Mon 07:00"), price_minor=0, co2e_mg=0, legs=())


def test_a_ride_over_several_days_arrives_days_later():
    timetable = draw("T1 water: H 08:00 > U +50h; 100fen Sat")
    assert routes(timetable, ask("H > U")) == ["H Sat 08:00 T1 Mon+1 10:00 U | 100 fen | 0 mg"]
