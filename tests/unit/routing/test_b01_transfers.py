"""Changing from one service to another: dwell, cut-off, missed connections."""

from tests.unit.routing.drawn import ask, draw, routes

CHAIN = """
    place U 2h
    T1 road: H 08:00 > U +6h; 100fen
    T2 rail: U 15:00 17:00 20:00 > M +5h; 50fen cutoff=1h
"""


def test_the_dwell_and_the_cut_off_lie_between_arrival_and_departure():
    assert routes(draw(CHAIN), ask("H > M")) == ["H Mon 08:00 T1 Mon 14:00 U Mon 17:00 T2 Mon 22:00 M | 150 fen | 0 mg"]


def test_a_minute_more_of_dwell_misses_the_connection():
    timetable = draw(CHAIN.replace("place U 2h", "place U 121min"))
    assert routes(timetable, ask("H > M")) == ["H Mon 08:00 T1 Mon 14:00 U Mon 20:00 T2 Tue 01:00 M | 150 fen | 0 mg"]


def test_three_legs_over_three_days():
    timetable = draw("""
        place U 3h
        place V 3h
        T1 road: H 20:00 > U +10h; 100fen
        T2 rail: U 08:00 > V +30h; 10fen
        T3 road: V 16:00 > M +2h; 20fen
    """)
    assert routes(timetable, ask("H > M", "Mon 12:00")) == [
        "H Mon 20:00 T1 Tue 06:00 U Wed 08:00 T2 Thu 14:00 V Fri 16:00 T3 Fri 18:00 M | 130 fen | 0 mg"
    ]


def test_a_roundabout_way_is_taken_when_it_is_earlier():
    timetable = draw("""
        T1 road: H 08:00 > M +48h; 100fen
        T2 road: H 08:00 > U +6h; 100fen
        T3 air: U 20:00 > M +2h; 100fen
    """)
    assert routes(timetable, ask("H > M")) == [
        "H Mon 08:00 T2 Mon 14:00 U Mon 20:00 T3 Mon 22:00 M | 200 fen | 0 mg",
        "H Mon 08:00 T1 Wed 08:00 M | 100 fen | 0 mg",
    ]


def test_goods_do_not_come_back_to_where_they_started():
    timetable = draw("""
        T1 road: H 08:00 > U +1h
        T2 road: U 10:00 > H +1h
        T3 road: H 12:00 > M +1h
    """)
    assert routes(timetable, ask("H > M")) == ["H Mon 12:00 T3 Mon 13:00 M | 0 fen | 0 mg"]


def test_nothing_arrives_after_the_time_asked_for():
    assert routes(draw(CHAIN), ask("H > M", arrive_by="Mon 22:00")) != ["cut_off"]
    assert routes(draw(CHAIN), ask("H > M", arrive_by="Mon 21:59")) == ["cut_off"]


def test_nothing_arrives_beyond_the_horizon():
    assert routes(draw(CHAIN), ask("H > M", horizon_s="22h")) != ["cut_off"]
    assert routes(draw(CHAIN), ask("H > M", horizon_s="21h")) == ["cut_off"]
