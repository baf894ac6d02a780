"""The nightly story of room for events: the months to come have their partitions before the first of their consignments."""

from app.flows.ports import Ports
from app.shipments.months import make_month, months_ahead


async def make_months(ports: Ports) -> None:
    """Periodic: each month in a transaction of its own. Without it events lie in the partition of the rest: slower, never refused."""
    for month in months_ahead(ports.clock.now()):
        async with ports.begin() as session:
            await make_month(session, month)
