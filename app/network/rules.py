"""Decisions of the network: which hub serves a county, the way to the door, and when a service rests. Pure."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from app.network.values import LAST_MILE_KINDS, CourierLeg, HubKind, Located, Temperature
from app.routing import Stop

SEED: Final = Path(__file__).parent / "seed"
MUNICIPALITIES: Final = ("11", "12", "31", "50")
HOUR_S: Final = 3_600
MINOR: Final = 100
Period = tuple[int, int]


@lru_cache(maxsize=1)
def load_defaults() -> Mapping[str, Any]:
    """The configurable defaults of the network (`seed/defaults.toml`)."""
    return tomllib.loads((SEED / "defaults.toml").read_text(encoding="utf-8"))


def closeness(hub_adcode: str, county: str) -> int:
    """0 the same county, 1 the same prefecture (or the seat of the same municipality), 2 the same province, 3 farther."""
    if hub_adcode == county:
        return 0
    if hub_adcode[:2] != county[:2]:
        return 3
    seat = county[:2] in MUNICIPALITIES and hub_adcode.endswith("0000")
    return 1 if hub_adcode[:4] == county[:4] or seat else 2


def hub_for_county(hubs: Iterable[Located], county: str) -> str | None:
    """The code of the hub that serves a county: one with a courier before ports and airports, then the closest by code.

    Among equals the kind decides (hub, city, buyers' city, county), then the provincial capital, then the alphabet.
    None when its province has no hub; a foreign hub never serves a county.
    """
    kinds = list(HubKind)

    def rank(hub: Located) -> tuple[bool, int, int, bool, str]:
        adcode = hub.adcode or ""
        capital = adcode[2:4] in {"00", "01"}
        return (
            hub.kind not in LAST_MILE_KINDS,
            closeness(adcode, county),
            kinds.index(hub.kind),
            not capital,
            hub.code,
        )

    near = [hub for hub in hubs if hub.adcode and hub.kind is not HubKind.FOREIGN and hub.adcode[:2] == county[:2]]
    return min(near, key=rank).code if near else None


def last_mile(hub: Located, county: str, weight_g: int, temperature: Temperature) -> CourierLeg | None:
    """The courier from this hub to a door in this county, by the defaults' tariff; rounded up to the fen.

    None where no courier goes: live animals are handed over at the hub, and ports have no couriers.
    """
    if temperature is Temperature.LIVE or hub.kind not in LAST_MILE_KINDS or hub.adcode is None:
        return None
    terms = load_defaults()["courier"]
    level = ("county", "prefecture", "province", "province")[closeness(hub.adcode, county)]
    distance_m = terms["distance_km"][level] * 1_000 * (2 if county[:2] in terms["sparse_provinces"] else 1)
    parcel_g = min(weight_g, terms["parcel_kg_max"] * 1_000)
    base, per_kg, per_tkm = (round(terms[name] * MINOR) for name in ("base_cny", "per_kg_cny", "per_tkm_cny"))
    pct = terms["cold_pct"] if temperature in {Temperature.CHILLED, Temperature.FROZEN} else 100
    # One scale for both parts, so that they are rounded together: gram-metres in a tonne-kilometre.
    scaled = base * 10**9 + parcel_g * per_kg * 10**6 + (weight_g - parcel_g) * distance_m * per_tkm
    return CourierLeg(
        carrier=terms["carrier"],
        price_minor=-(-scaled * pct // (100 * 10**9)),
        duration_s=terms["handling_h"] * HOUR_S + distance_m * HOUR_S // (terms["speed_kmh"] * 1_000),
        distance_m=distance_m,
    )


def season_closures(closed_months: Sequence[int], years: Iterable[int]) -> list[Period]:
    """The months in which a service rests, as half-open periods of seconds (UTC) in these years."""
    return [
        (_month_s(year, month), _month_s(year + month // 12, month % 12 + 1))
        for year in years
        for month in sorted(set(closed_months))
    ]


def hub_closure(stop: Stop, since: int, until: int) -> Period:
    """The starts of run that would call at this stop while its hub is closed from `since` until before `until`."""
    return since - stop.depart_offset_s, until - stop.arrive_offset_s


def _month_s(year: int, month: int) -> int:
    return int(datetime.combine(date(year, month, 1), datetime.min.time(), UTC).timestamp())
