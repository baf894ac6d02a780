"""Which goods may ride in one unit: a table of pairs, with the reason of each. What is not in it travels apart.

Raw cotton keeps away from food (lint, dust, residues of fumigation); live animals travel with nothing, not even with
the animals of another holding.
"""

import csv
from collections.abc import Collection
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Final

from app.catalogue.values import Category

TABLE: Final = Path(__file__).with_name("together.csv")


@lru_cache(maxsize=1)
def load_pairs() -> frozenset[frozenset[Category]]:
    """The pairs of the table that comes with the code."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return frozenset(frozenset({Category(row["category"]), Category(row["other"])}) for row in csv.DictReader(file))


def may_ride_together(goods: Collection[Category], others: Collection[Category]) -> bool:
    """Whether every kind of the one is compatible with every kind of the other."""
    return all(frozenset(pair) in load_pairs() for pair in product(goods, others))
