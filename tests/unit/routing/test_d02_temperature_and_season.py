"""What a service takes, and when it runs at all."""

from tests.unit.routing.drawn import ask, draw, routes


def test_chilled_goods_wait_for_the_refrigerated_service():
    timetable = draw("""
        T1 road: H 08:00 > U +1h; 100fen
        T2 road: H 12:00 > U +1h; 300fen takes=chilled,frozen
    """)
    assert routes(timetable, ask("H > U", temperature="chilled")) == ["H Mon 12:00 T2 Mon 13:00 U | 300 fen | 0 mg"]


def test_the_temperature_holds_on_every_leg():
    timetable = draw("""
        T1 road: H 08:00 > U +1h; 100fen takes=ambient,frozen
        T2 road: U 12:00 > M +1h; 300fen takes=ambient
    """)
    assert routes(timetable, ask("H > M", temperature="frozen")) == ["temperature"]


def test_co2e_follows_the_temperature():
    from app.routing import Capacity, Place, Service, Stop, Tariff, Timetable

    stops = (Stop("H", 0, 0, 0), Stop("U", 3600, 3600, 100_000))
    service = Service(
        "T", "road", "c", stops, Tariff(), Capacity(10**9, 10**12), on_demand=True,
        temperatures=frozenset({"ambient", "chilled"}), co2e_mg_per_tkm={"ambient": 95_020, "chilled": 109_940},
    )  # fmt: skip
    timetable = Timetable([Place("H"), Place("U")], [service], "1")
    assert routes(timetable, ask("H > U"))[0].endswith("| 950200 mg")
    assert routes(timetable, ask("H > U", temperature="chilled"))[0].endswith("| 1099400 mg")


def test_a_pass_that_is_closed_in_winter_is_left_out():
    timetable = draw("""
        G217 road: D 08:00 > K +9h; 100fen closed=Mon_00:00..Thu_00:00
        G218 road: D 08:00 > K +30h; 100fen
    """)
    assert routes(timetable, ask("D > K")) == ["D Mon 08:00 G218 Tue 14:00 K | 100 fen | 0 mg"]
    assert routes(timetable, ask("D > K", "Wed 12:00"))[0] == "D Thu 08:00 G217 Thu 17:00 K | 100 fen | 0 mg"


def test_a_closure_ends_at_its_last_second():
    timetable = draw("T road: D 08:00 > K +9h; 100fen closed=Mon_07:00..Tue_08:00")
    assert routes(timetable, ask("D > K")) == ["D Tue 08:00 T Tue 17:00 K | 100 fen | 0 mg"]


def test_closures_that_touch_are_one():
    timetable = draw("T road: D 08:00 > K +9h; 100fen closed=Tue_00:00..Wed_12:00|Mon_00:00..Tue_00:00")
    assert routes(timetable, ask("D > K")) == ["D Thu 08:00 T Thu 17:00 K | 100 fen | 0 mg"]


def test_an_on_demand_service_waits_for_the_road_to_open():
    timetable = draw("V road: D > K +9h; 100fen closed=Mon_00:00..Tue_06:00")
    assert routes(timetable, ask("D > K", "Mon 12:00")) == ["D Tue 06:00 V Tue 15:00 K | 100 fen | 0 mg"]


def test_a_timetable_begins_and_ends_on_its_dates():
    timetable = draw("T road: D 08:00 > K +9h; 100fen from=2026-01-07 until=2026-01-08")
    assert routes(timetable, ask("D > K")) == ["D Wed 08:00 T Wed 17:00 K | 100 fen | 0 mg"]
    assert routes(timetable, ask("D > K", "Thu 08:00")) == ["D Thu 08:00 T Thu 17:00 K | 100 fen | 0 mg"]
    assert routes(timetable, ask("D > K", "Thu 08:01")) == ["cut_off"]


def test_the_summer_timetable_follows_the_winter_one():
    from datetime import date

    from app.routing import Capacity, Place, Service, Stop, Tariff, Timetable, Weekly

    stops = (Stop("H", 0, 0, 0), Stop("U", 3600, 3600, 1))
    winter = Weekly((0, 1, 2, 3, 4, 5, 6), (8 * 3600,), None, date(2026, 1, 6))
    summer = Weekly((0, 1, 2, 3, 4, 5, 6), (6 * 3600,), date(2026, 1, 7), None)
    service = Service("T", "road", "c", stops, Tariff(), Capacity(10**9, 1), (winter, summer))
    timetable = Timetable([Place("H"), Place("U")], [service], "1")
    assert routes(timetable, ask("H > U", "Tue 07:00"))[0].startswith("H Tue 08:00")
    assert routes(timetable, ask("H > U", "Tue 09:00"))[0].startswith("H Wed 06:00")
