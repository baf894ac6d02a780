"""The front: whatever is earlier, cheaper or cleaner than all else, and nothing more."""

from tests.unit.routing.drawn import ask, draw, routes

THREE_WAYS = """
    T1 air: H 10:00 > M +2h 100km; 900fen 600g/tkm
    T2 road: H 08:00 > M +20h 100km; 300fen 100g/tkm
    T3 rail: H 08:00 > M +30h 100km; 300fen 30g/tkm
    T4 water: H 08:00 > M +70h 100km; 80fen 40g/tkm
"""


def test_each_way_that_is_best_at_something_is_offered():
    assert routes(draw(THREE_WAYS), ask("H > M")) == [
        "H Mon 10:00 T1 Mon 12:00 M | 900 fen | 6000000 mg",
        "H Mon 08:00 T2 Tue 04:00 M | 300 fen | 1000000 mg",
        "H Mon 08:00 T3 Tue 14:00 M | 300 fen | 300000 mg",
        "H Mon 08:00 T4 Thu 06:00 M | 80 fen | 400000 mg",
    ]


def test_what_is_later_and_no_better_is_not_offered():
    timetable = draw(THREE_WAYS + "T5 road: H 09:00 > M +20h 100km; 300fen 100g/tkm\n")
    assert routes(timetable, ask("H > M")) == routes(draw(THREE_WAYS), ask("H > M"))


def test_the_cheap_train_that_leaves_later_survives_the_early_dear_one():
    timetable = draw("""
        T1 road: H 08:00 > U +2h; 10fen
        T2 road: U 11:00 > M +3h; 500fen
        T3 rail: U 18:00 > M +3h; 50fen
    """)
    assert routes(timetable, ask("H > M")) == [
        "H Mon 08:00 T1 Mon 10:00 U Mon 11:00 T2 Mon 14:00 M | 510 fen | 0 mg",
        "H Mon 08:00 T1 Mon 10:00 U Mon 18:00 T3 Mon 21:00 M | 60 fen | 0 mg",
    ]


def test_a_later_cheaper_arrival_at_a_hub_still_counts_there():
    timetable = draw("""
        T1 air: H 08:00 > U +1h; 500fen
        T2 road: H 08:00 > U +9h; 50fen
        T3 rail: U 12:00 20:00 > M +3h; 10fen
    """)
    assert routes(timetable, ask("H > M")) == [
        "H Mon 08:00 T1 Mon 09:00 U Mon 12:00 T3 Mon 15:00 M | 510 fen | 0 mg",
        "H Mon 08:00 T2 Mon 17:00 U Mon 20:00 T3 Mon 23:00 M | 60 fen | 0 mg",
    ]


def test_earlier_at_the_hub_is_worth_nothing_when_both_catch_the_same_train():
    timetable = draw("""
        T1 air: H 08:00 > U +1h; 500fen
        T2 road: H 08:00 > U +9h; 50fen
        T3 rail: U 20:00 > M +3h; 10fen
    """)
    assert routes(timetable, ask("H > M")) == ["H Mon 08:00 T2 Mon 17:00 U Mon 20:00 T3 Mon 23:00 M | 60 fen | 0 mg"]


def test_price_of_a_minimum_depends_on_the_weight():
    timetable = draw("""
        T1 road: H 08:00 > M +6h; 5fen/kg
        T2 rail: H 08:00 > M +9h; 1fen/kg min=400fen
    """)
    assert routes(timetable, ask("H > M", kg=50)) == ["H Mon 08:00 T1 Mon 14:00 M | 250 fen | 0 mg"]
    assert len(routes(timetable, ask("H > M", kg=100))) == 2
