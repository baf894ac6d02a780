"""Which runs the goods cannot take: those without room for them, and the excluded ones."""

import numpy as np

from app.routing.packed import Blocks, numbers
from app.routing.timetable import Timetable
from app.routing.values import Load, Query


def blocks_of(timetable: Timetable, query: Query, load: Load) -> Blocks:
    """The blocked segments in the kernels' order. An on-demand run is a vehicle of its own, so none of it is ever blocked."""
    known = timetable.service_numbers
    blocked = [(known[service], start, -1) for service, start in query.excluded_departures if service in known]
    for (service, start, segment), used in load.items():
        number = known.get(service)
        if number is None:
            continue
        room = timetable.services[number].capacity
        if (
            used.weight_g + query.weight_g > room.weight_g
            or used.volume_mm3 + query.volume_mm3 > room.volume_mm3
            or used.live_places + query.live_heads > room.live_places
            or (room.chilled_slots is not None and used.chilled_slots + query.chilled_slots > room.chilled_slots)
        ):
            blocked.append((number, start, segment))
    blocked.sort()
    services = [service for service, _, _ in blocked]
    first = np.searchsorted(numbers(services), np.arange(len(timetable.services) + 1)).astype(np.int64)
    return Blocks(first, numbers([start for _, start, _ in blocked]), numbers([segment for _, _, segment in blocked]))
