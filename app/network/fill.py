"""How full departures are, and what a fuller one takes off its fixed cost: the published table of `fill_rebates.csv`."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database import Sql, as_rows

TABLE: Final = Path(__file__).with_name("fill_rebates.csv")
Run = tuple[str, datetime]
Fills = Mapping[tuple[str, datetime, int], int]
"""By service, start of the run and segment: the booked weight in hundredths of a per cent of the capacity."""

_FILLS: Final = Sql("""
SELECT service_id, run_at, segment, used_weight_g * 10000 / capacity_weight_g AS fill_bps
FROM json_to_recordset(CAST(:runs AS json)) AS asked (service_id text, run_at timestamptz)
CROSS JOIN LATERAL (
    SELECT segment, used_weight_g, capacity_weight_g FROM departure_load AS d
    WHERE d.service_id = asked.service_id AND d.run_at = asked.run_at OFFSET 0
) AS booked
""")


@dataclass(frozen=True, slots=True)
class FillRebates:
    """From each fill on (per cent of the weight), so many per cent of a ride's base are taken off. One version of the table."""

    version: str
    steps: tuple[tuple[int, int], ...]

    def rebate_minor(self, base_minor: int, fill_bps: int) -> int:
        """What is taken off the base of a ride on a departure that is so full already; rounded down."""
        pct = max((rebate for fill_pct, rebate in self.steps if fill_bps >= fill_pct * 100), default=0)
        return base_minor * pct // 100


@lru_cache(maxsize=1)
def load_rebates() -> FillRebates:
    """The table that comes with the code."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    (version,) = {row["version"] for row in rows}
    return FillRebates(version, tuple((int(row["from_fill_pct"]), int(row["rebate_pct"])) for row in rows))


async def read_fills(connection: AsyncConnection, runs: Collection[Run]) -> Fills:
    """The fill of these runs' segments; what is not booked at all is absent. One statement."""
    asked = sorted(set(runs))
    values = {"runs": as_rows([{"service_id": service, "run_at": run_at} for service, run_at in asked])}
    found = await _FILLS.all(connection, values)
    return {(service, run_at, segment): fill for service, run_at, segment, fill in found}
