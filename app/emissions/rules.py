"""From mass and distance to grams: which factor applies to a leg, and what the sum of a shipment covers.

ISO 14083: transport activity is the mass of goods and packaging times the shortest feasible distance, for air the great-circle
distance. Handling at hubs has no sourced factor, so hubs are missing unless the caller has a figure.
"""

from collections.abc import Sequence
from math import asin, cos, radians, sin, sqrt
from typing import Final

from app.emissions.table import FactorTable
from app.emissions.values import HUBS, PACKAGING, TRANSPORT, Choice, Footprint, LegFootprint

EARTH_RADIUS_M: Final = 6_371_008.8
MG_G_M_PER_G_T_KM: Final = 10**12
LONG_HAUL_FROM_M: Final = 1_500_000

# The vehicle that stands for a mode when the service does not say more. No bus: no factor for parcels in a coach has a source.
USUAL_CLASS: Final = {
    "road": "artic_over_33t",
    "rail": "freight_train",
    "water": "container_ship_average",
    "courier": "van_average_diesel",
}
LONG_HAUL: Final = "long_haul_without_rf"
SHORT_HAUL: Final = "short_haul_without_rf"
INLAND_VESSEL: Final = "inland_vessel"
# The smallest sea-going ship: the careful choice, since published figures for inland vessels lie between it and the average one.
INLAND_PROXY: Final = "container_ship_under_1000_teu"
# The source has one refrigerated rigid lorry for all sizes.
REFRIGERATED_CLASS: Final = {"rigid_over_17t": "rigid_average"}
REFRIGERATED: Final = frozenset({"chilled", "frozen"})


def choose_factor(
    table: FactorTable, mode: str, temperature: str, distance_m: int, vehicle_class: str | None = None
) -> Choice:
    """The factor of a leg: that of its vehicle class, or of the usual vehicle of its mode.

    - Chilled and frozen goods take the refrigerated factor; where there is none, the ambient one, with `refrigeration` missing.
      Live animals travel by the ambient one.
    - Air is long-haul from 1,500 km on, without radiative forcing, which is therefore missing.
    - An inland vessel has no factor of its own: the smallest container ship stands in, with `inland_vessel_factor` missing.
    """
    missing = []
    if mode == "air" and vehicle_class is None:
        vehicle_class = LONG_HAUL if distance_m >= LONG_HAUL_FROM_M else SHORT_HAUL
        missing.append("radiative_forcing")
    if mode == "water" and vehicle_class == INLAND_VESSEL:
        vehicle_class = INLAND_PROXY
        missing.append("inland_vessel_factor")
    vehicle_class = vehicle_class or USUAL_CLASS.get(mode, "")
    factor = table.find(mode, vehicle_class, "ambient")
    if temperature in REFRIGERATED:
        refrigerated = table.find(mode, REFRIGERATED_CLASS.get(vehicle_class, vehicle_class), "refrigerated")
        if refrigerated is None and factor is not None:
            missing.append("refrigeration")
        factor = refrigerated or factor
    if factor is None:
        return Choice(None, (f"{TRANSPORT}/{mode}",))
    return Choice(factor, tuple(missing))


def intensity_mg_per_tkm(
    table: FactorTable, mode: str, temperature: str, distance_m: int, vehicle_class: str | None = None
) -> int | None:
    """The intensity (WTW) with which the planner weighs a service: mg per tonne-km, exact, None when there is no factor."""
    factor = choose_factor(table, mode, temperature, distance_m, vehicle_class).factor
    return None if factor is None else factor.wtw_mg_per_tkm


def leg_co2e(
    table: FactorTable,
    mode: str,
    temperature: str,
    weight_g: int,
    distance_m: int,
    vehicle_class: str | None = None,
) -> LegFootprint:
    """The grams of CO2e of one leg, rounded half up. `weight_g` includes packaging; for air `distance_m` is the great circle."""
    choice = choose_factor(table, mode, temperature, distance_m, vehicle_class)
    if choice.factor is None:
        return LegFootprint(None, None, choice.missing)
    milligrams = weight_g * distance_m * choice.factor.wtw_mg_per_tkm
    co2e_g = (milligrams + MG_G_M_PER_G_T_KM // 2) // MG_G_M_PER_G_T_KM
    return LegFootprint(co2e_g, choice.factor.id, choice.missing)


def shipment_footprint(
    legs: Sequence[LegFootprint], hubs_g: int | None = None, packaging_g: int | None = None
) -> Footprint:
    """Sum the legs and what is known of hubs and packaging. Transport is covered when every leg has a factor."""
    known = {
        TRANSPORT: all(leg.co2e_g is not None for leg in legs),
        HUBS: hubs_g is not None,
        PACKAGING: packaging_g is not None,
    }
    missing = {name for leg in legs for name in leg.missing} | {HUBS, PACKAGING} - {
        part for part in known if known[part]
    }
    return Footprint(
        transport_g=sum(leg.co2e_g or 0 for leg in legs),
        hubs_g=hubs_g,
        packaging_g=packaging_g,
        covers=tuple(part for part, is_known in known.items() if is_known),
        missing=tuple(sorted(missing)),
    )


def total_footprint(parts: Sequence[Footprint]) -> Footprint:
    """Sum several shipments. What is missing in one is missing in the whole; a part is None only when nothing is known of it."""
    hubs = [part.hubs_g for part in parts if part.hubs_g is not None]
    packaging = [part.packaging_g for part in parts if part.packaging_g is not None]
    return Footprint(
        transport_g=sum(part.transport_g for part in parts),
        hubs_g=sum(hubs) if hubs else None,
        packaging_g=sum(packaging) if packaging else None,
        covers=tuple(name for name in (TRANSPORT, HUBS, PACKAGING) if all(name in part.covers for part in parts)),
        missing=tuple(sorted({name for part in parts for name in part.missing})),
    )


def great_circle_m(origin: tuple[float, float], end: tuple[float, float]) -> int:
    """The great-circle distance between two (latitude, longitude) in degrees: haversine on the mean Earth radius."""
    (lat_1, lon_1), (lat_2, lon_2) = ((radians(lat), radians(lon)) for lat, lon in (origin, end))
    half_chord = sin((lat_2 - lat_1) / 2) ** 2 + cos(lat_1) * cos(lat_2) * sin((lon_2 - lon_1) / 2) ** 2
    return round(2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, half_chord))))
