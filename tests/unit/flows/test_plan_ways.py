"""What goods bear on the way decides which ways are offered."""

from datetime import UTC, datetime

import pytest

from app.flows.plan_ways import Around, Cargo, find_ways
from app.network.errors import RouteUnavailable
from app.network.plan import FrontCache
from app.network.values import HubKind, HubPoint, Temperature
from app.routing import NO_LOAD, Capacity, Place, Reason, Service, Stop, Tariff, Timetable

HOUR_S = 3_600
READY = datetime(2026, 3, 2, 2, tzinfo=UTC)


def around(*hours, waits_h=0, is_cooled=True):
    """A chain of vans A > B > …, each ride so long, with so long a dwell at the places between."""
    codes = "ABCDE"[: len(hours) + 1]
    places = [Place(code, dwell_s=waits_h * HOUR_S, is_cooled=is_cooled) for code in codes]
    services = [
        Service(
            id=f"V{number}",
            mode="road",
            carrier="c",
            stops=(Stop(codes[number], 0, 0, 0), Stop(codes[number + 1], ride_h * HOUR_S, ride_h * HOUR_S, 100_000)),
            tariff=Tariff(base_minor=100),
            capacity=Capacity(10**7, 10**12, 100),
            on_demand=True,
            temperatures=frozenset({"live", "chilled", "frozen", "ambient"}),
        )
        for number, ride_h in enumerate(hours)
    ]
    end = HubPoint(codes[-1], {"en": "End"}, HubKind.CITY, 30.0, 100.0, "510100", 0, 0, 0, "test")
    return Around(FrontCache(), Timetable(places, services, "1"), NO_LOAD, frozenset(), {}, end, None)


def cargo(temperature, *species):
    heads = 3 if temperature is Temperature.LIVE else 0
    return Cargo("A", temperature, READY, 90_000, 10**9, heads, species=frozenset(species))


@pytest.mark.parametrize(
    ("hours", "carried", "refused"),
    [(8, "camel", None), (11, "poultry", "camel"), (24, "pig", "poultry"), (29, "sheep", "pig"), (30, None, "sheep")],
)
def test_each_species_travels_as_long_as_it_may(hours, carried, refused):
    if carried:
        assert find_ways(around(hours), cargo(Temperature.LIVE, carried))
    if refused:
        with pytest.raises(RouteUnavailable) as caught:
            find_ways(around(hours), cargo(Temperature.LIVE, refused))
        assert caught.value.fields["reason"] == Reason.JOURNEY_LIMIT


@pytest.mark.parametrize(
    ("temperature", "waits_h"), [(Temperature.CHILLED, 3), (Temperature.FROZEN, 1), (Temperature.AMBIENT, 9)]
)
def test_cold_goods_wait_out_of_the_cold_only_so_long(temperature, waits_h):
    assert find_ways(around(1, 1, waits_h=waits_h, is_cooled=False), cargo(temperature))
    assert find_ways(around(1, 1, waits_h=waits_h + 1, is_cooled=True), cargo(temperature))
    if temperature is not Temperature.AMBIENT:
        with pytest.raises(RouteUnavailable) as caught:
            find_ways(around(1, 1, waits_h=waits_h + 1, is_cooled=False), cargo(temperature))
        assert caught.value.fields["reason"] == Reason.EXPOSURE_LIMIT
