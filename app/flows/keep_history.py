"""The stories of what was: how late rides were, for how sure an estimate is; and where goods waited."""

from app.flows.ports import Ports
from app.reports.bottlenecks import sum_hubs
from app.shipments.history import sum_history


async def add_up(ports: Ports) -> None:
    """Periodic: the last three months, in one transaction."""
    async with ports.begin() as session:
        await sum_history(session, ports.clock.now())


async def add_up_hubs(ports: Ports) -> None:
    """Periodic: the last two days of every hub, by the hour, in one transaction."""
    async with ports.begin() as session:
        await sum_hubs(session, ports.clock.now())
