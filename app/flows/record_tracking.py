"""The story of partners telling what happened to the goods they carry, through the native door."""

from collections.abc import Sequence

from app.flows.ports import Ports
from app.flows.record_events import Outcome, record_events
from app.identity.values import Caller
from app.shipments.schemas import TrackingEventRequest
from app.shipments.told import told_natively


async def record_tracking(ports: Ports, caller: Caller, told: Sequence[TrackingEventRequest]) -> list[Outcome]:
    """Map each event of a batch, and record them in one transaction; the outcomes come in the order of the events."""
    if not told:
        return []
    now = ports.clock.now()
    events = [told_natively(event, now) for event in told]
    async with ports.begin() as session:
        return await record_events(ports, session, caller, events)
