"""The story of a delay on the way: when the next booked ride cannot be reached any more, the goods go another way from where they are."""

from collections.abc import Sequence
from typing import Final

from app.core.jobs import Job, enqueue
from app.flows.change_ways import change_ways
from app.flows.ports import Ports
from app.network.values import AFFECTED_READ_MAX
from app.shipments.replan import Cause
from app.shipments.stranded import are_untold

# Said to buyers and producers, and kept with the changed way.
MISSED: Final = {"en": "A delay on the way cost the connection", "zh-Hans": "途中延误，未能赶上后续班次"}


async def catch_connections(ports: Ports, consignments: Sequence[str]) -> None:
    """Job: these consignments are later than planned. Those whose next ride is out of reach (dwell, cut-off) are planned anew.

    By the same steps as for a disruption: executed legs stay, what has no way on is stranded. May run as often as it likes: what has a
    way that holds is not touched, so that one delay changes a way once.
    """
    ids = sorted(set(consignments))
    for first in range(0, len(ids), AFFECTED_READ_MAX):
        some = ids[first : first + AFFECTED_READ_MAX]
        await change_ways(ports, some, {}, Cause(None, MISSED))
        async with ports.begin() as session:
            # Also what an earlier try changed before it broke off.
            if await are_untold(session, some):
                await enqueue(session, [Job("shipment.replanned", {"consignments": some})])
