"""The words of emissions: a factor with its source, and footprints that say what they cover.

CO2e is well-to-wheel (WTW) unless a name says otherwise. Milligrams per tonne-kilometre are micrograms per kilogram-kilometre.
"""

from dataclasses import dataclass
from typing import Final

TRANSPORT: Final = "transport"
HUBS: Final = "hubs"
PACKAGING: Final = "packaging"


@dataclass(frozen=True, slots=True)
class Factor:
    """One row of the table. `temperature` is that of the vehicle: ambient, or refrigerated for chilled and frozen goods."""

    version: str
    mode: str
    vehicle_class: str
    temperature: str
    ttw_mg_per_tkm: int
    wtt_mg_per_tkm: int
    wtw_mg_per_tkm: int
    source: str
    year: int

    @property
    def id(self) -> str:
        return f"{self.version}/{self.mode}/{self.vehicle_class}/{self.temperature}"


@dataclass(frozen=True, slots=True)
class Choice:
    """The factor for a leg, None when there is none, and what it leaves out."""

    factor: Factor | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LegFootprint:
    """One leg. `co2e_g` is None when no sourced factor exists; `missing` names what the figure leaves out."""

    co2e_g: int | None
    factor_id: str | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Footprint:
    """A shipment. A part that is None is not known, and is listed in `missing` instead of `covers`."""

    transport_g: int
    hubs_g: int | None
    packaging_g: int | None
    covers: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def total_g(self) -> int:
        """The sum of what is known."""
        return self.transport_g + (self.hubs_g or 0) + (self.packaging_g or 0)
