"""Services that come when they are called."""

from app.routing import Used
from tests.unit.routing.drawn import MONDAY, ask, draw, routes


def test_it_leaves_as_soon_as_the_goods_are_ready():
    timetable = draw("""
        place H 2h
        V road: H > U +3h; 100fen
    """)
    assert routes(timetable, ask("H > U", "Mon 09:20")) == ["H Mon 11:20 V Mon 14:20 U | 100 fen | 0 mg"]


def test_it_wants_its_notice():
    timetable = draw("V road: H > U +3h; 100fen cutoff=1h")
    assert routes(timetable, ask("H > U", "Mon 09:20")) == ["H Mon 10:20 V Mon 13:20 U | 100 fen | 0 mg"]


def test_it_carries_on_from_a_train_and_to_a_train():
    timetable = draw("""
        place U 1h
        T1 rail: H 08:00 > U +3h; 100fen
        V road: U > W +2h; 100fen
        T2 rail: W 14:00 18:00 > M +3h; 100fen
    """)
    assert routes(timetable, ask("H > M")) == [
        "H Mon 08:00 T1 Mon 11:00 U Mon 12:00 V Mon 14:00 W Mon 14:00 T2 Mon 17:00 M | 300 fen | 0 mg"
    ]


def test_it_may_be_boarded_at_any_of_its_stops():
    timetable = draw("V road: H > U +3h > M +2h; 100fen")
    assert routes(timetable, ask("U > M", "Mon 09:20")) == ["U Mon 09:20 V Mon 11:20 M | 100 fen | 0 mg"]


def test_each_call_is_a_vehicle_of_its_own():
    timetable = draw("V road: H > U +3h; 100fen cap=100kg")
    full = {("V", MONDAY, 0): Used(weight_g=100_000)}
    assert routes(timetable, ask("H > U"), full) == ["H Mon 00:00 V Mon 03:00 U | 100 fen | 0 mg"]
    assert routes(timetable, ask("H > U", kg=101)) == ["too_heavy"]
