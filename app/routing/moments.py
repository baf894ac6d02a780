"""The kernels of time: the first run at or after a moment, the last at or before it, and when a place is open."""

from app.routing.calendar import MONDAY_S, NEVER, WEEK_S
from app.routing.jit import compiled
from app.routing.packed import Blocks, Net, Numbers


@compiled
def place_in(values: Numbers, first: int, last: int, sought: int) -> int:
    """The place of the first value that is not below the one sought, from `first` until `last`."""
    while first < last:
        middle = (first + last) >> 1
        if values[middle] < sought:
            first = middle + 1
        else:
            last = middle
    return first


@compiled
def first_run(net: Net, service: int, at: int) -> int:
    """The first start of a run at or after `at`, or NEVER."""
    closed, closed_end = net.closed_first[service], net.closed_first[service + 1]
    if net.on_demand[service]:
        for number in range(closed, closed_end):
            if net.closed_since[number] <= at < net.closed_until[number]:
                return int(net.closed_until[number])
        return at
    start = _first_ever(net, service, at)
    for number in range(closed, closed_end):
        if net.closed_since[number] <= start < net.closed_until[number]:
            start = _first_ever(net, service, net.closed_until[number])
    return start


@compiled
def _first_ever(net: Net, service: int, at: int) -> int:
    """As `first_run`, of a timetable without closures."""
    soonest = NEVER
    for pattern in range(net.pattern_first[service], net.pattern_first[service + 1]):
        begin, end = net.starts_first[pattern], net.starts_first[pattern + 1]
        since = max(at, net.pattern_since[pattern])
        second = (since - MONDAY_S) % WEEK_S
        place = place_in(net.starts, begin, end, second)
        start = since - second + (net.starts[place] if place < end else net.starts[begin] + WEEK_S)
        if start < net.pattern_until[pattern] and start < soonest:
            soonest = start
    return soonest


@compiled
def last_run(net: Net, service: int, at: int) -> int:
    """The last start of a run at or before `at`, or -NEVER."""
    closed, closed_end = net.closed_first[service], net.closed_first[service + 1]
    if net.on_demand[service]:
        for number in range(closed_end - 1, closed - 1, -1):
            if net.closed_since[number] <= at < net.closed_until[number]:
                return int(net.closed_since[number] - 1)
        return at
    start = _last_ever(net, service, at)
    for number in range(closed_end - 1, closed - 1, -1):
        if net.closed_since[number] <= start < net.closed_until[number]:
            start = _last_ever(net, service, net.closed_since[number] - 1)
    return start


@compiled
def _last_ever(net: Net, service: int, at: int) -> int:
    """As `last_run`, of a timetable without closures."""
    latest = -NEVER
    for pattern in range(net.pattern_first[service], net.pattern_first[service + 1]):
        begin, end = net.starts_first[pattern], net.starts_first[pattern + 1]
        until = min(at, net.pattern_until[pattern] - 1)
        second = (until - MONDAY_S) % WEEK_S
        place = place_in(net.starts, begin, end, second + 1) - 1
        start = until - second + (net.starts[place] if place >= begin else net.starts[end - 1] - WEEK_S)
        if start >= net.pattern_since[pattern] and start > latest:
            latest = start
    return latest


@compiled
def is_blocked(blocks: Blocks, service: int, start: int, board: int, alight: int) -> bool:
    """Whether a segment of the leg has no room on this run, or the run is excluded."""
    end = blocks.first[service + 1]
    number = place_in(blocks.start, blocks.first[service], end, start)
    while number < end and blocks.start[number] == start:
        if blocks.segment[number] < 0 or board <= blocks.segment[number] < alight:
            return True
        number += 1
    return False


@compiled
def first_free(net: Net, blocks: Blocks, service: int, board: int, alight: int, start: int, latest: int) -> int:
    """The first run from this one on with room on the whole leg; one after `latest` may have none."""
    if net.on_demand[service] or blocks.first[service] == blocks.first[service + 1]:
        return start
    while start <= latest and is_blocked(blocks, service, start, board, alight):
        start = first_run(net, service, start + 1)
    return start


@compiled
def last_free(net: Net, blocks: Blocks, service: int, board: int, alight: int, start: int, earliest: int) -> int:
    """The last run up to this one with room on the whole leg; one before `earliest` may have none."""
    if net.on_demand[service] or blocks.first[service] == blocks.first[service + 1]:
        return start
    while start >= earliest and is_blocked(blocks, service, start, board, alight):
        start = last_run(net, service, start - 1)
    return start


@compiled
def first_open(net: Net, place: int, at: int) -> int:
    """The first moment at or after `at` at which a dwell may begin."""
    begin, end = net.hours_first[place], net.hours_first[place + 1]
    if begin == end:
        return at
    second = (at - MONDAY_S) % WEEK_S
    for number in range(begin, end):
        if second < net.open_until[number]:
            return int(at + max(0, net.open_from[number] - second))
    return int(at - second + WEEK_S + net.open_from[begin])


@compiled
def last_open(net: Net, place: int, at: int) -> int:
    """The last moment at or before `at` at which a dwell may begin."""
    begin, end = net.hours_first[place], net.hours_first[place + 1]
    if begin == end:
        return at
    second = (at - MONDAY_S) % WEEK_S
    for number in range(end - 1, begin - 1, -1):
        if second >= net.open_from[number]:
            return int(at - max(0, second - net.open_until[number] + 1))
    return int(at - second - WEEK_S + net.open_until[end - 1] - 1)


@compiled
def open_until(net: Net, place: int, at: int) -> int:
    """The end of the opening period that holds the open moment `at`; NEVER where it is always open."""
    begin, end = net.hours_first[place], net.hours_first[place + 1]
    if begin == end:
        return NEVER
    second = (at - MONDAY_S) % WEEK_S
    for number in range(begin, end):
        if net.open_from[number] <= second < net.open_until[number]:
            return int(at + net.open_until[number] - second)
    return at
