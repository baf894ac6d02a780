"""The words of emissions: a factor with its source, and a footprint that says what it covers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Factor:
    """Milligrams of CO2e for a tonne-kilometre, tank to wheel, well to tank, and their sum; from `from_m` metres of ride on."""

    version: str
    vehicle: str
    temperature: str
    from_m: int
    ttw_mg: int
    wtt_mg: int
    wtw_mg: int
    vehicle_class: str
    source: str
    year: int
    note: str


@dataclass(frozen=True, slots=True)
class Footprint:
    """Grams of CO2e by part. A part is None when something in it has no sourced figure; `total_g` sums what is known."""

    transport_g: int | None
    hubs_g: int | None
    packaging_g: int | None
    total_g: int
    covers: tuple[str, ...]
    missing: tuple[str, ...]
