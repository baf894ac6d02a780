"""The nightly story of what was: how late rides were, for how sure an estimate is."""

from app.flows.ports import Ports
from app.shipments.history import sum_history


async def add_up(ports: Ports) -> None:
    """Periodic: the last three months, in one transaction."""
    async with ports.begin() as session:
        await sum_history(session, ports.clock.now())
