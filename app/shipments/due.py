"""What is read of goods under way when the clock is looked at: a page of those about which something may be said."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

from app.core.database import Reader, Sql
from app.shipments.exception_values import WATCHED, Terms
from app.shipments.watching import Due

DUE_READ_MAX: Final = 500
# By the index of what is under way, page by page. Rows that nothing can be said about are left out here: most are on time.
_DUE: Final = Sql(
    """
SELECT c.id, c.order_id, c.producer_id, c.buyer_id, c.tracking_number, c.status, c.temperature, c.hub, c.promised_by,
    c.estimated_at, c.last_event_at, c.stranded_at, way.ends_at, way.last_carrier, n.status AS leg_status, n.mode AS leg_mode,
    n.carrier AS leg_carrier, n.from_hub AS leg_from, n.to_hub AS leg_to, n.departs_at AS leg_departs_at,
    n.arrives_at AS leg_arrives_at, n.departed_at AS leg_departed_at
FROM consignment c
LEFT JOIN LATERAL (SELECT * FROM leg WHERE leg.consignment_id = c.id AND leg.status <> 'done' ORDER BY seq LIMIT 1) n ON true
LEFT JOIN LATERAL (SELECT leg.arrives_at AS ends_at, leg.carrier AS last_carrier FROM leg
    WHERE leg.consignment_id = c.id ORDER BY seq DESC LIMIT 1) way ON true
WHERE c.ended_at IS NULL AND c.cancelled_at IS NULL AND c.id > :after AND (
    (CASE WHEN n.status = 'under_way' THEN n.arrives_at ELSE n.departs_at END) < CAST(:silent_before AS timestamptz)
    OR greatest(c.estimated_at, CAST(:now AS timestamptz)) - c.promised_by > CAST(:late AS interval)
    OR (c.temperature = 'live' AND c.status <> 'booked')
    OR EXISTS (SELECT FROM shipment_exception e WHERE e.consignment_id = c.id AND e.ended_at IS NULL AND e.kind = ANY(:watched))
) ORDER BY c.id LIMIT :most
"""
)
_NAMES: Final = tuple(each.name for each in fields(Due))


async def list_due(reader: Reader, terms: Terms, now: datetime, after: str) -> list[Due]:
    """Those with something due for longer than the shortest silence, late, with animals, or with something open; the next by id."""
    values: dict[str, Any] = {
        "after": after,
        "now": now,
        "silent_before": now - min(terms.silence.values(), default=timedelta()),
        "late": terms.late,
        "watched": [kind.value for kind in WATCHED],
        "most": DUE_READ_MAX,
    }
    return [Due(*(getattr(row, name) for name in _NAMES)) for row in await _DUE.all(reader, values)]
