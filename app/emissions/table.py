"""The table of emission factors, read from a CSV file. What has no source is not in it."""

import csv
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final, Self

from app.emissions.values import Factor

DEFAULT_FACTORS: Final = Path(__file__).with_name("factors.csv")
FACTORS_MAX: Final = 10_000
MODES: Final = frozenset({"road", "rail", "air", "water", "bus", "courier"})
VEHICLE_TEMPERATURES: Final = frozenset({"ambient", "refrigerated"})


class FactorTable:
    """Factors by mode, vehicle class and temperature of the vehicle, all of one version."""

    def __init__(self, factors: Iterable[Factor]) -> None:
        self.factors = tuple(factors)
        self._by_key = {(each.mode, each.vehicle_class, each.temperature): each for each in self.factors}
        if not 0 < len(self.factors) == len(self._by_key) <= FACTORS_MAX:
            raise ValueError("a factor table has 1 to 10,000 factors, each once")
        if len({factor.version for factor in self.factors}) > 1:
            raise ValueError("a factor table has one version")

    @classmethod
    def load(cls, path: Path = DEFAULT_FACTORS) -> Self:
        """Read a table, refusing rows without a source and rows whose WTW is not TTW plus WTT."""
        with path.open(encoding="utf-8", newline="") as lines:
            return cls(_factor(row) for row in csv.DictReader(lines))

    @property
    def version(self) -> str:
        return self.factors[0].version

    def find(self, mode: str, vehicle_class: str, temperature: str) -> Factor | None:
        return self._by_key.get((mode, vehicle_class, temperature))


def _factor(row: dict[str, str]) -> Factor:
    factor = Factor(
        version=row["version"],
        mode=row["mode"],
        vehicle_class=row["vehicle_class"],
        temperature=row["temperature"],
        ttw_mg_per_tkm=_milligrams(row["ttw_g_per_tkm"]),
        wtt_mg_per_tkm=_milligrams(row["wtt_g_per_tkm"]),
        wtw_mg_per_tkm=_milligrams(row["wtw_g_per_tkm"]),
        source=row["source"],
        year=int(row["year"]),
    )
    if not factor.source or factor.mode not in MODES or factor.temperature not in VEHICLE_TEMPERATURES:
        raise ValueError(f"factor {factor.id}: no source, or an unknown mode or temperature")
    if factor.ttw_mg_per_tkm + factor.wtt_mg_per_tkm != factor.wtw_mg_per_tkm:
        raise ValueError(f"factor {factor.id}: WTW is not TTW plus WTT")
    return factor


def _milligrams(grams: str) -> int:
    milligrams = Decimal(grams) * 1000
    if milligrams < 0 or milligrams != int(milligrams):
        raise ValueError(f"not a whole number of milligrams: {grams} g")
    return int(milligrams)
