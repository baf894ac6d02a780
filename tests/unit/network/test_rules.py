"""Which hub serves a county, what the way to the door costs, what is wrong with a service, when it rests."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.network.errors import CapacityFull, DepartureClosed, RouteUnavailable
from app.network.rules import (
    hub_closure,
    hub_for_county,
    is_toll_free,
    last_mile,
    line_faults,
    parse_position,
    season_closures,
)
from app.network.seed import read_hubs
from app.network.values import (
    BOOKING_STATE_DISPLAY,
    HUB_KIND_DISPLAY,
    LAST_MILE_KINDS,
    SERVICE_STATUS_DISPLAY,
    BookingState,
    HubKind,
    Line,
    Mode,
    ServiceStatus,
    Temperature,
    Vehicle,
)
from app.routing import Capacity, Reason, Stop, Tariff

HUBS = read_hubs()
BY_CODE = {hub.code: hub for hub in HUBS}


@dataclass(frozen=True)
class Spot:
    code: str
    kind: HubKind
    adcode: str | None


@pytest.mark.parametrize(
    ("county", "hub"),
    [
        ("632801", "GOLMUD"),  # the county itself
        ("653201", "HOTAN"),  # its prefecture
        ("652927", "AKSU"),  # the prefecture's city before its counties
        ("310115", "SHANGHAI"),  # the city before the airport that stands in the county
        ("500112", "CHONGQING"),  # a district of a municipality, not the county next in the alphabet
        ("500101", "WANZHOU"),
        ("654004", "YINING"),  # a city of the prefecture before the land port in the county
        ("440605", "GUANGZHOU"),  # the provincial capital among several
        ("330206", "HANGZHOU"),  # a city of the province before the sea port of the prefecture
        ("659002", "SHIHEZI"),
    ],
)
def test_county_is_served_by(county, hub):
    assert hub_for_county(HUBS, county) == hub


def test_province_without_a_hub_is_served_by_none():
    assert hub_for_county(HUBS, "230102") is None
    assert hub_for_county([Spot("F-X", HubKind.FOREIGN, "230102")], "230102") is None


def test_port_serves_a_county_when_its_province_has_nothing_else():
    assert hub_for_county([Spot("P-X", HubKind.SEA_PORT, "460100")], "460105") == "P-X"


@given(st.permutations(HUBS), st.sampled_from([hub.adcode for hub in HUBS if hub.adcode]))
def test_choice_of_a_hub_does_not_hang_on_the_order_of_hubs(hubs, county):
    chosen = hub_for_county(hubs, county)
    assert chosen == hub_for_county(HUBS, county)
    assert BY_CODE[chosen].kind in LAST_MILE_KINDS


def test_parcel_within_the_county_costs_base_and_kilograms():
    leg = last_mile(BY_CODE["GOLMUD"], "632801", 5_200, Temperature.AMBIENT)
    assert leg is not None
    assert leg.price_minor == 300 + 312
    assert (leg.distance_m, leg.duration_s) == (30_000, 4 * 3_600 + 3_085)


def test_heavy_goods_pay_by_tonne_kilometre_beyond_the_parcel():
    leg = last_mile(BY_CODE["SHANGHAI"], "310115", 1_030_000, Temperature.AMBIENT)
    assert leg is not None
    assert leg.price_minor == 300 + 30 * 60 + 90 * 150


def test_cold_goods_cost_more_and_round_up():
    warm = last_mile(BY_CODE["XIAN"], "610102", 1_001, Temperature.AMBIENT)
    cold = last_mile(BY_CODE["XIAN"], "610102", 1_001, Temperature.CHILLED)
    assert warm is not None
    assert cold is not None
    assert (warm.price_minor, cold.price_minor) == (361, 505)


def test_no_courier_carries_animals_or_starts_at_a_port():
    assert last_mile(BY_CODE["XIAN"], "610102", 45_000, Temperature.LIVE) is None
    assert last_mile(BY_CODE["P-QINZHOU"], "450702", 1_000, Temperature.AMBIENT) is None


@given(
    st.sampled_from([hub for hub in HUBS if hub.kind in LAST_MILE_KINDS]),
    st.integers(1, 10**7),
    st.integers(0, 10**6),
    st.sampled_from(["653201", "310115", "450702", "110101"]),
)
def test_more_weight_never_costs_less(hub, weight_g, more_g, county):
    light = last_mile(hub, county, weight_g, Temperature.AMBIENT)
    heavy = last_mile(hub, county, weight_g + more_g, Temperature.AMBIENT)
    assert light is not None
    assert heavy is not None
    assert 300 <= light.price_minor <= heavy.price_minor


def test_season_spans_whole_months_in_utc():
    assert season_closures([12, 2], [2025]) == [
        (int(datetime(2025, 2, 1, tzinfo=UTC).timestamp()), int(datetime(2025, 3, 1, tzinfo=UTC).timestamp())),
        (int(datetime(2025, 12, 1, tzinfo=UTC).timestamp()), int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())),
    ]


def test_closed_hub_stops_the_runs_that_would_call_while_it_is_closed():
    stop = Stop("KUQA", arrive_offset_s=50, depart_offset_s=60, distance_m=1)
    since, until = hub_closure(stop, 1_000, 2_000)
    # A run that starts at `since` departs as the hub closes; the first that arrives when it opens starts at `until`.
    assert (since + 60, until + 50) == (1_000, 2_000)


@pytest.mark.parametrize("near", ["91,0", "0,181", "-90.5,10"])
def test_position_off_the_globe_is_refused(near):
    with pytest.raises(Invalid) as refusal:
        parse_position(near)
    assert refusal.value.gaps[0].pointer == "/query/near"


GOOD = Line(
    id="X",
    carrier="TARIM",
    mode=Mode.ROAD,
    vehicle=Vehicle.TRUCK,
    name={"en": "X"},
    stops=(Stop("HOTAN", 0, 0, 0), Stop("KUQA", 100, 110, 50), Stop("URUMQI", 200, 200, 90)),
    temperatures=(Temperature.AMBIENT,),
    tariff=Tariff(base_minor=100),
    capacity=Capacity(1_000, 1_000),
    weekdays=(0,),
    departs_s=(0,),
)
KNOWN = {"HOTAN", "KUQA", "URUMQI"}


def pointers(**changes):
    return [gap.pointer for gap in line_faults(replace(GOOD, **changes), KNOWN)]


def test_good_line_has_no_faults():
    assert pointers() == []


def test_every_fault_of_the_stops_is_named_where_it_is():
    stops = (Stop("HOTAN", 0, 5, 0), Stop("NOWHERE", 5, 3, 50), Stop("NOWHERE", 200, 200, 50))
    assert pointers(stops=stops) == [
        "/stops/0",
        "/stops/1/hub",
        "/stops/1/depart_offset_s",
        "/stops/1/arrive_offset_s",
        "/stops/2/hub",
        "/stops/2/distance_m",
        "/stops/2/hub",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"weekdays": ()}, ["/weekdays"]),
        ({"on_demand": True}, ["/weekdays", "/departs_s"]),
        ({"valid_from": date(2026, 3, 2), "valid_until": date(2026, 3, 1)}, ["/valid_until"]),
        ({"temperatures": (Temperature.LIVE,)}, ["/capacity/live_places"]),
        ({"capacity": Capacity(1, 1, 5)}, ["/capacity/live_places"]),
        ({"capacity": Capacity(1, 1, 0, 5)}, ["/capacity/chilled_slots"]),
        ({"tariff": Tariff(0, 0, 5, 0, 6)}, ["/tariff/toll_milliminor_per_tkm"]),
        ({"capacity": Capacity(1, 1, 0, 5), "temperatures": (Temperature.AMBIENT, Temperature.CHILLED)}, []),
        ({"temperatures": (Temperature.LIVE,), "capacity": Capacity(1, 1, 5), "mode": Mode.BUS}, ["/temperatures"]),
        ({"mode": Mode.COURIER}, ["/mode"]),
    ],
)
def test_fault_of_a_line(changes, expected):
    assert pointers(**changes) == expected


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("temperature", Temperature)
def test_every_reason_is_told_in_both_languages(reason, temperature):
    problem = RouteUnavailable(reason, "HOTAN", "SHANGHAI", temperature.value)
    assert problem.fields["reason"] == reason.value
    for language in ("en", "zh-Hans"):
        assert "{" not in problem.detail_in(language)
        assert "HOTAN" in problem.detail_in(language)
    if reason is Reason.TEMPERATURE and temperature is Temperature.LIVE:
        assert "live animals" in problem.detail_in("en")
        assert "活畜禽" in problem.detail_in("zh-Hans")


def test_closed_departure_is_handled_like_a_full_one():
    problem = DepartureClosed("X", datetime(2026, 3, 2, tzinfo=UTC))
    assert isinstance(problem, CapacityFull)
    assert "2026-03-02T00:00:00Z" in problem.detail_in("zh-Hans")


def test_every_status_has_a_name_in_both_languages():
    tables = {HubKind: HUB_KIND_DISPLAY, ServiceStatus: SERVICE_STATUS_DISPLAY, BookingState: BOOKING_STATE_DISPLAY}
    for enum, table in tables.items():
        assert set(table) == set(enum)
        assert all(set(names) == {"en", "zh-Hans"} for names in table.values())


@pytest.mark.parametrize(
    ("category", "temperature", "shelf_life_h", "expected"),
    [
        ("produce", "ambient", 240, True),
        ("produce", "chilled", 720, True),
        ("produce", "chilled", 721, False),
        ("produce", "ambient", None, False),
        ("produce", "frozen", 240, False),
        ("livestock", "live", None, True),
        ("livestock", "frozen", 240, False),
        ("cotton", "ambient", 240, False),
        ("handicraft", "ambient", None, False),
    ],
)
def test_green_channel_takes_fresh_produce_and_live_animals(category, temperature, shelf_life_h, expected):
    assert is_toll_free(category, temperature, shelf_life_h) == expected
