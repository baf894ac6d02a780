"""Which runs the goods cannot take: those without room for them, and the excluded ones."""

from array import array
from dataclasses import dataclass

import numpy as np

from app.routing.packed import Blocks, Numbers, numbers
from app.routing.timetable import Timetable
from app.routing.values import CHILLED_SLOTS_UNBOUNDED, Load, Query


@dataclass(frozen=True, slots=True)
class PackedLoad:
    """A load as arrays in the kernels' order, for those who ask many questions on the same one. Of one timetable only."""

    service: Numbers
    start: Numbers
    segment: Numbers
    weight_left: Numbers
    volume_left: Numbers
    live_left: Numbers
    chilled_left: Numbers


def pack_load(timetable: Timetable, load: Load) -> PackedLoad:
    """What is left on each booked segment of the timetable's services; the others are of nobody's concern."""
    known = timetable.service_numbers
    # Numbers in one long list: the rows of a busy network as objects would take as much memory as the network.
    rows = array("q")
    for (code, start, segment), used in load.items():
        if code in known:
            full = timetable.services[known[code]].capacity
            chilled = CHILLED_SLOTS_UNBOUNDED if full.chilled_slots is None else full.chilled_slots
            left = full.weight_g - used.weight_g, full.volume_mm3 - used.volume_mm3, full.live_places - used.live_places
            rows.extend((known[code], start, segment, *left, chilled - used.chilled_slots))
    table = np.frombuffer(rows, np.int64).reshape(-1, 7)
    in_order = np.lexsort((table[:, 2], table[:, 1], table[:, 0]))
    return PackedLoad(*np.ascontiguousarray(table[in_order].T))


def blocks_of(timetable: Timetable, query: Query, load: Load | PackedLoad) -> Blocks:
    """The blocked segments in the kernels' order. An on-demand run is a vehicle of its own, so none of it is ever blocked."""
    packed = load if isinstance(load, PackedLoad) else pack_load(timetable, load)
    is_full = (
        (packed.weight_left < query.weight_g)
        | (packed.volume_left < query.volume_mm3)
        | (packed.live_left < query.live_heads)
        | (packed.chilled_left < query.chilled_slots)
    )
    service, start, segment = packed.service[is_full], packed.start[is_full], packed.segment[is_full]
    known = timetable.service_numbers
    excluded = sorted((known[code], run) for code, run in query.excluded_departures if code in known)
    if excluded:
        service = np.concatenate((service, numbers([number for number, _ in excluded])))
        start = np.concatenate((start, numbers([run for _, run in excluded])))
        segment = np.concatenate((segment, np.full(len(excluded), -1, np.int64)))
        order = np.lexsort((segment, start, service))
        service, start, segment = service[order], start[order], segment[order]
    first = np.searchsorted(service, np.arange(len(timetable.services) + 1)).astype(np.int64)
    return Blocks(first, start, segment)
