"""Emissions of a leg by activity and intensity (ISO 14083:2023, transport chain elements), and their sum.

Activity is the mass of goods and packaging times the planned distance, so that nobody pays for a carrier's detour.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from app.emissions.values import Factor, Footprint

FACTORS: Final = Path(__file__).with_name("factors.csv")
# A milligram for a tonne-kilometre, for grams and metres: grams of CO2e are mg_per_tkm * g * m / 10**12.
SCALE: Final = 10**12


@lru_cache(maxsize=4)
def load_factors(path: Path = FACTORS) -> tuple[Factor, ...]:
    """The table of factors; every row has a source and a year."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Factor(
            version=row["version"],
            vehicle=row["vehicle"],
            temperature=row["temperature"],
            from_m=int(row["from_m"]),
            ttw_mg=int(row["ttw_mg"]),
            wtt_mg=int(row["wtt_mg"]),
            wtw_mg=int(row["wtw_mg"]),
            vehicle_class=row["class"],
            source=row["source"],
            year=int(row["year"]),
            note=row["note"],
        )
        for row in rows
    )


def factor_for(
    vehicle: str, temperature: str, distance_m: int, factors: Sequence[Factor] | None = None
) -> Factor | None:
    """The factor of this vehicle for a ride of this length; None when no source gives one."""
    fitting = [
        f
        for f in factors or load_factors()
        if (f.vehicle, f.temperature) == (vehicle, temperature) and f.from_m <= distance_m
    ]
    return max(fitting, key=lambda factor: factor.from_m, default=None)


def intensities(vehicle: str, distance_m: int, factors: Sequence[Factor] | None = None) -> Mapping[str, int]:
    """Milligrams for a tonne-kilometre (well to wheel) by temperature class, for a service whose sectors are about this long."""
    table = factors or load_factors()
    found = {
        temperature: factor_for(vehicle, temperature, distance_m, table)
        for temperature in {factor.temperature for factor in table}
    }
    return {temperature: factor.wtw_mg for temperature, factor in sorted(found.items()) if factor is not None}


def leg_co2e_g(mg_per_tkm: int, weight_g: int, distance_m: int) -> int:
    """Grams of CO2e of a ride, rounded half up: intensity x mass x distance."""
    return (mg_per_tkm * weight_g * distance_m + SCALE // 2) // SCALE


def footprint(
    legs_g: Sequence[int | None], hubs_g: Sequence[int | None], packages_g: Sequence[int | None]
) -> Footprint:
    """The sum of a chain. A part with an unknown in it is None and named in `missing`; what is known of it still counts.

    No hub has a sourced default (GLEC's hub table could not be read), so `hubs` is missing unless operators give figures.
    """
    parts = {"transport": legs_g, "hubs": hubs_g, "packaging": packages_g}
    known = {name: sum(figure for figure in figures if figure is not None) for name, figures in parts.items()}
    whole = {name: None not in figures for name, figures in parts.items()}
    return Footprint(
        transport_g=known["transport"] if whole["transport"] else None,
        hubs_g=known["hubs"] if whole["hubs"] else None,
        packaging_g=known["packaging"] if whole["packaging"] else None,
        total_g=sum(known.values()),
        covers=tuple(name for name in parts if whole[name]),
        missing=tuple(name for name in parts if not whole[name]),
    )
