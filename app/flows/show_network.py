"""The story of looking at the whole network: what an operator sees at once."""

import asyncio

from app.flows.ports import Ports
from app.network.overview import NetworkShape, network_shape, planned_services


async def show_network(ports: Ports, language: str) -> NetworkShape:
    """Every hub and link of the present timetable, with what is closed now. Two statements when nothing has changed."""
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
        planned = await planned_services(connection)
    now = ports.clock.now().replace(second=0, microsecond=0)
    return await asyncio.to_thread(network_shape, timetable, ports.timetable.hubs, planned, now, language)
