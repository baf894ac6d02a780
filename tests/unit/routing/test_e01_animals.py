"""Journeys with a limit: from the first loading to the last unloading, with loading as late as it helps."""

from app.routing import NoPlan, Reason, plan
from tests.unit.routing.drawn import ask, draw, routes

SHEEP = {"temperature": "live", "live_heads": 20}


def test_a_ride_as_long_as_the_limit_is_allowed():
    timetable = draw("T1 road: H 08:00 > U +8h; 100fen takes=live")
    assert routes(timetable, ask("H > U", max_journey_s="8h", **SHEEP)) == [
        "H Mon 08:00 T1 Mon 16:00 U | 100 fen | 0 mg"
    ]
    assert routes(timetable, ask("H > U", max_journey_s="7h", **SHEEP)) == ["journey_limit"]


def test_waiting_before_loading_does_not_count():
    timetable = draw("T1 road: H 08:00 > U +8h; 100fen takes=live Sat")
    assert routes(timetable, ask("H > U", max_journey_s="8h", **SHEEP)) == [
        "H Sat 08:00 T1 Sat 16:00 U | 100 fen | 0 mg"
    ]


def test_waiting_at_a_hub_counts_so_they_are_loaded_later():
    timetable = draw("""
        T1 road: H 06:00 14:00 > U +2h; 100fen takes=live
        T2 road: U 18:00 > M +4h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > M", max_journey_s="16h", **SHEEP)) == [
        "H Mon 06:00 T1 Mon 08:00 U Mon 18:00 T2 Mon 22:00 M | 200 fen | 0 mg"
    ]
    assert routes(timetable, ask("H > M", max_journey_s="8h", **SHEEP)) == [
        "H Mon 14:00 T1 Mon 16:00 U Mon 18:00 T2 Mon 22:00 M | 200 fen | 0 mg"
    ]


def test_they_are_loaded_on_another_day_when_only_that_day_connects():
    timetable = draw("""
        T1 road: H 06:00 > U +2h; 100fen takes=live
        T2 road: U 09:00 > M +4h; 100fen takes=live Thu
    """)
    assert routes(timetable, ask("H > M", max_journey_s="8h", **SHEEP)) == [
        "H Thu 06:00 T1 Thu 08:00 U Thu 09:00 T2 Thu 13:00 M | 200 fen | 0 mg"
    ]


def test_the_slower_way_that_was_loaded_later_survives():
    timetable = draw("""
        T1 road: H 06:00 > U +1h; 100fen takes=live
        T2 road: H 10:00 > U +2h; 100fen takes=live
        T3 road: U 13:00 > M +4h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > M", max_journey_s="7h", **SHEEP)) == [
        "H Mon 10:00 T2 Mon 12:00 U Mon 13:00 T3 Mon 17:00 M | 200 fen | 0 mg"
    ]


def test_a_vehicle_on_demand_comes_just_in_time_for_the_train():
    timetable = draw("""
        place U 1h
        V road: H > U +2h; 100fen takes=live
        T rail: U 18:00 > M +5h; 100fen takes=live cutoff=1h
    """)
    assert routes(timetable, ask("H > M", "Mon 04:00", max_journey_s="9h", **SHEEP)) == [
        "H Mon 14:00 V Mon 16:00 U Mon 18:00 T Mon 23:00 M | 200 fen | 0 mg"
    ]
    assert routes(timetable, ask("H > M", "Mon 04:00", max_journey_s="8h", **SHEEP)) == ["journey_limit"]


def test_two_vehicles_slide_together():
    timetable = draw("""
        place U 1h
        place W 1h
        V1 road: H > U +2h; 100fen takes=live
        V2 road: U > W +2h; 100fen takes=live cutoff=1h
        T rail: W 18:00 > M +1h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > M", max_journey_s="8h", **SHEEP)) == [
        "H Mon 11:00 V1 Mon 13:00 U Mon 15:00 V2 Mon 17:00 W Mon 18:00 T Mon 19:00 M | 300 fen | 0 mg"
    ]


def test_after_the_first_train_there_is_no_more_sliding():
    timetable = draw("""
        T1 rail: H 08:00 > U +2h; 100fen takes=live
        V road: U > W +2h; 100fen takes=live
        T2 rail: W 20:00 > M +1h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > M", max_journey_s="13h", **SHEEP)) == [
        "H Mon 08:00 T1 Mon 10:00 U Mon 10:00 V Mon 12:00 W Mon 20:00 T2 Mon 21:00 M | 300 fen | 0 mg"
    ]
    assert routes(timetable, ask("H > M", max_journey_s="12h", **SHEEP)) == ["journey_limit"]


def test_a_closed_road_on_the_way_to_the_train_means_loading_before_it_closes():
    timetable = draw("""
        V road: H > U +2h; 100fen takes=live closed=Mon_10:00..Mon_17:00
        T rail: U 18:00 > M +1h; 100fen takes=live
    """)
    # The last second before the road closes is 09:59:59.
    assert routes(timetable, ask("H > M", max_journey_s="10h", horizon_s="20h", **SHEEP)) == [
        "H Mon 09:59 V Mon 11:59 U Mon 18:00 T Mon 19:00 M | 200 fen | 0 mg"
    ]
    assert routes(timetable, ask("H > M", max_journey_s="9h", **SHEEP)) == [
        "H Tue 16:00 V Tue 18:00 U Tue 18:00 T Tue 19:00 M | 200 fen | 0 mg"
    ]


def test_two_roads_that_are_open_in_turn_mean_waiting_until_both_are():
    timetable = draw("""
        V1 road: H > U +2h; 100fen takes=live closed=Mon_06:00..Mon_20:00
        V2 road: U > M +2h; 100fen takes=live closed=Mon_00:00..Mon_12:00
    """)
    assert routes(timetable, ask("H > M", max_journey_s="9h", **SHEEP))[0] == (
        "H Mon 05:59 V1 Mon 07:59 U Mon 12:00 V2 Mon 14:00 M | 200 fen | 0 mg"
    )
    assert routes(timetable, ask("H > M", max_journey_s="6h", **SHEEP)) == [
        "H Mon 20:00 V1 Mon 22:00 U Mon 22:00 V2 Tue 00:00 M | 200 fen | 0 mg"
    ]


def test_the_dwell_of_the_origin_is_before_loading():
    timetable = draw("""
        place H 5h
        V road: H > U +2h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > U", max_journey_s="2h", **SHEEP)) == [
        "H Mon 05:00 V Mon 07:00 U | 100 fen | 0 mg"
    ]


def test_a_limit_that_nothing_reaches_changes_nothing():
    timetable = draw("""
        T1 road: H 06:00 14:00 > U +2h; 100fen takes=live
        T2 road: U 18:00 > M +4h; 100fen takes=live
        T3 rail: U 09:00 > M +4h; 300fen takes=live
    """)
    assert routes(timetable, ask("H > M", max_journey_s="99h", **SHEEP)) == routes(timetable, ask("H > M", **SHEEP))


def test_a_vehicle_that_can_come_later_is_not_beaten_by_an_earlier_lorry():
    timetable = draw("""
        T1 road: H 06:00 > U +1h; 100fen takes=live
        V road: H > U +3h; 100fen takes=live
        T2 rail: U 18:00 > M +1h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > M", "Mon 05:00", max_journey_s="5h", **SHEEP)) == [
        "H Mon 15:00 V Mon 18:00 U Mon 18:00 T2 Mon 19:00 M | 200 fen | 0 mg"
    ]


def test_a_quick_lorry_is_not_beaten_by_a_cheap_slow_vehicle():
    timetable = draw("""
        V road: H > U +5h; 10fen takes=live
        T1 road: H 10:00 > U +1h; 100fen takes=live
        T2 rail: U 12:00 > W +1h; 100fen takes=live
        T3 rail: W 15:00 > M +1h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > M", max_journey_s="8h", **SHEEP)) == [
        "H Mon 10:00 T1 Mon 11:00 U Mon 12:00 T2 Mon 13:00 W Mon 15:00 T3 Mon 16:00 M | 300 fen | 0 mg"
    ]


def test_a_road_that_reopens_is_taken_as_it_opens():
    timetable = draw("""
        place H 3h
        V1 road: H > U +2h; 100fen takes=live closed=Mon_06:00..Mon_10:30
        V2 road: U > M +2h; 100fen takes=live closed=Mon_00:00..Mon_12:00
    """)
    assert routes(timetable, ask("H > M", max_journey_s="6h", **SHEEP)) == [
        "H Mon 10:30 V1 Mon 12:30 U Mon 12:30 V2 Mon 14:30 M | 200 fen | 0 mg"
    ]


def test_chains_over_closed_roads_do_not_go_in_circles():
    circle = "\n".join(
        f"{a}{b} road: {a} > {b} +1h; takes=live closed=Mon_00:00..Mon_01:00" for a in "HUVW" for b in "HUVW" if a != b
    )
    timetable = draw(circle + "\nT rail: W 08:00 > M +20h; 100fen takes=live Sun")
    asked = ask("H > M", max_journey_s="40h", horizon_s="9d", **SHEEP)
    assert len(plan(timetable, asked, labels_max=100).plans) == 1


def test_a_later_run_is_taken_when_the_first_would_wait_loaded_for_a_hub_to_open():
    timetable = draw("""
        place U open=08:00-18:00
        T1 road: H 10:00 22:00 > U +10h; 100fen takes=live
        T2 road: U 12:00 > M +4h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > M", max_journey_s="20h", **SHEEP)) == [
        "H Mon 22:00 T1 Tue 08:00 U Tue 12:00 T2 Tue 16:00 M | 200 fen | 0 mg"
    ]


def test_after_a_rest_the_dwell_is_before_loading():
    timetable = draw("""
        place U 3h rest
        V1 road: H > U +5h; 100fen takes=live
        V2 road: U > M +5h; 100fen takes=live
    """)
    assert routes(timetable, ask("H > M", max_journey_s="8h", **SHEEP)) == ["journey_limit"]
    assert routes(timetable, ask("H > M", max_journey_s="5h", rest_s=24 * 3_600, **SHEEP)) == [
        "H Mon 00:00 V1 Mon 05:00 U Tue 08:00 V2 Tue 13:00 M | 200 fen | 0 mg"
    ]


def test_what_no_number_of_rests_makes_bearable_is_refused_before_it_is_searched():
    timetable = draw("""
        place U rest
        V1 road: H > U +5h; 100fen takes=live
        V2 road: U > W +5h; 100fen takes=live
        V3 road: W > M +5h; 100fen takes=live
    """)
    asked = ask("H > M", max_journey_s="8h", rest_s=24 * 3_600, **SHEEP)
    assert plan(timetable, asked, labels_max=1) == NoPlan(Reason.JOURNEY_LIMIT)
