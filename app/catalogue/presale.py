"""How much of goods that are still to come may be sold ahead: a table with a version, one share for each category.

A harvest is a forecast, of which a part is kept back; handicraft made to order is what its maker says that hands can do.
What is not in the table (animals: each has its ear tag) is not sold before it is there. The shares are our defaults.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from app.catalogue.values import Category

TABLE: Final = Path(__file__).with_name("presale.csv")
WHOLE_BPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Presale:
    """Of a forecast, `share_bps` may be sold ahead, by this version of the table."""

    version: str
    share_bps: int

    def most_of(self, forecast: Decimal) -> Decimal:
        """How much may be reserved before the goods are there: whole units, rounded down."""
        return Decimal(int(forecast * self.share_bps / WHOLE_BPS))


@lru_cache(maxsize=1)
def load_presale() -> Mapping[Category, Presale]:
    """The shares of the table that comes with the code."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {
            Category(row["category"]): Presale(row["version"], int(row["share_bps"])) for row in csv.DictReader(file)
        }
