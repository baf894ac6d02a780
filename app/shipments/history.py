"""Verbs of what was: add up how late rides were, so that an estimate says how sure it is."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from app.core.database import Session
from app.shipments.months import first_id

LOOKS_BACK: Final = timedelta(days=90)
# No journey takes longer from its booking to its end.
_BOOKED_BEFORE: Final = timedelta(days=60)
_LONG: Final = text("SET LOCAL statement_timeout = '30min'")
_FORGET: Final = text("DELETE FROM leg_history")
# By run first: a run with a hundred consignments is one run. What was seen leaving and arriving only; more than twice the planned time, and a day
# besides, is a scan that somebody forgot, not a ride.
_SUM: Final = text(
    """
WITH ridden AS MATERIALIZED (
    SELECT service_id, from_hub, to_hub, mode,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM departed_at - departs_at)) AS departs_s,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY 1000 * (extract(epoch FROM arrived_at - departed_at)
            / extract(epoch FROM arrives_at - departs_at) - 1)) AS takes_pml
    FROM leg
    WHERE consignment_id >= :first AND status = 'done' AND departed_at < arrived_at
        AND arrived_at >= CAST(:since AS timestamptz) AND arrived_at < CAST(:until AS timestamptz)
        AND arrived_at - departed_at < 2 * (arrives_at - departs_at) + interval '1 day'
    GROUP BY service_id, from_hub, to_hub, mode, run_at
)
INSERT INTO leg_history (service_id, from_hub, to_hub, mode, runs, departs_low_s, departs_high_s, takes_low_pml, takes_high_pml, until_at)
SELECT coalesce(service_id, ''), coalesce(from_hub, ''), coalesce(to_hub, ''), mode, count(*),
    round(percentile_cont(0.1) WITHIN GROUP (ORDER BY departs_s)), round(percentile_cont(0.9) WITHIN GROUP (ORDER BY departs_s)),
    round(percentile_cont(0.1) WITHIN GROUP (ORDER BY takes_pml)), round(percentile_cont(0.9) WITHIN GROUP (ORDER BY takes_pml)), :until
FROM ridden GROUP BY GROUPING SETS ((service_id, from_hub, to_hub, mode), (mode))
"""
)


async def sum_history(session: Session, until: datetime) -> None:
    """Write anew how late rides were in the three months before. Again is harmless; whoever reads meanwhile reads the former ones."""
    await session.execute(_LONG)
    await session.execute(_FORGET)
    since = until - LOOKS_BACK
    await session.execute(_SUM, {"first": first_id(since - _BOOKED_BEFORE), "since": since, "until": until})
