"""The story of an operator asking whether every booked place is accounted for, and whether any is on a run that does not run."""

from datetime import datetime

from app.core.database import Reader
from app.network.capacity import audit_capacity
from app.network.rebook import on_closed_runs
from app.network.values import Held, Mismatch
from app.shipments.stranded import waiting_legs


async def audit_bookings(reader: Reader, now: datetime) -> tuple[list[Mismatch], list[Held]]:
    """The segments that differ from their bookings, and the bookings that wait for a run that is closed; none of either is right.

    A minute or two after a disruption the latter may be some: then their consignments are still being planned anew.
    """
    held = await on_closed_runs(reader, now)
    waiting = await waiting_legs(reader, {each.leg_id for each in held}, {each.consignment_id for each in held})
    return await audit_capacity(reader), [each for each in held if each.leg_id in waiting]
