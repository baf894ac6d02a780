"""The kernels of time: the first run at or after a moment, the last at or before it, and when a place is open."""

from app.routing.calendar import MONDAY_S, NEVER, WEEK_S
from app.routing.jit import compiled, inner
from app.routing.packed import Blocks, Net, Numbers


@inner
def place_in(values: Numbers, first: int, last: int, sought: int) -> int:
    """The place of the first value that is not below the one sought, from `first` until `last`."""
    while first < last:
        middle = (first + last) >> 1
        if values[middle] < sought:
            first = middle + 1
        else:
            last = middle
    return first


@inner
def first_run(net: Net, service: int, at: int) -> int:
    """The first start of a run at or after `at`, or NEVER."""
    line = net.services[service]
    if line.is_plain:
        return _next_start(net, line.pattern_first, at)
    if line.on_demand:
        for number in range(line.closed_first, line.closed_end):
            if net.closed_since[number] <= at < net.closed_until[number]:
                return int(net.closed_until[number])
        return at
    start = _first_ever(net, service, at)
    for number in range(line.closed_first, line.closed_end):
        if net.closed_since[number] <= start < net.closed_until[number]:
            start = _first_ever(net, service, net.closed_until[number])
    return start


@inner
def _first_ever(net: Net, service: int, at: int) -> int:
    """As `first_run`, of a timetable without closures."""
    soonest = NEVER
    for number in range(net.services[service].pattern_first, net.services[service].pattern_end):
        start = _next_start(net, number, max(at, net.patterns[number].since))
        if start < net.patterns[number].until and start < soonest:
            soonest = start
    return soonest


@inner
def _next_start(net: Net, number: int, at: int) -> int:
    """The first start of a pattern at or after `at`, valid or not."""
    pattern = net.patterns[number]
    second = (at - MONDAY_S) % pattern.period
    place = place_in(net.starts, pattern.start_first, pattern.start_end, second)
    if place < pattern.start_end:
        return int(at - second + net.starts[place])
    return int(at - second + net.starts[pattern.start_first] + pattern.period)


@compiled
def last_run(net: Net, service: int, at: int) -> int:
    """The last start of a run at or before `at`, or -NEVER."""
    line = net.services[service]
    if line.on_demand:
        for number in range(line.closed_end - 1, line.closed_first - 1, -1):
            if net.closed_since[number] <= at < net.closed_until[number]:
                return int(net.closed_since[number] - 1)
        return at
    start = _last_ever(net, service, at)
    for number in range(line.closed_end - 1, line.closed_first - 1, -1):
        if net.closed_since[number] <= start < net.closed_until[number]:
            start = _last_ever(net, service, net.closed_since[number] - 1)
    return start


@inner
def _last_ever(net: Net, service: int, at: int) -> int:
    """As `last_run`, of a timetable without closures."""
    latest = -NEVER
    for number in range(net.services[service].pattern_first, net.services[service].pattern_end):
        pattern = net.patterns[number]
        until = min(at, pattern.until - 1)
        second = (until - MONDAY_S) % pattern.period
        place = place_in(net.starts, pattern.start_first, pattern.start_end, second + 1) - 1
        if place >= pattern.start_first:
            start = until - second + net.starts[place]
        else:
            start = until - second + net.starts[pattern.start_end - 1] - pattern.period
        if start >= pattern.since and start > latest:
            latest = start
    return latest


@inner
def is_blocked(blocks: Blocks, service: int, start: int, board: int, alight: int) -> bool:
    """Whether a segment of the leg has no room on this run, or the run is excluded."""
    end = blocks.first[service + 1]
    number = place_in(blocks.start, blocks.first[service], end, start)
    while number < end and blocks.start[number] == start:
        if blocks.segment[number] < 0 or board <= blocks.segment[number] < alight:
            return True
        number += 1
    return False


@inner
def first_free(net: Net, blocks: Blocks, service: int, board: int, alight: int, start: int, latest: int) -> int:
    """The first run from this one on with room on the whole leg; one after `latest` may have none."""
    if net.services[service].on_demand or blocks.first[service] == blocks.first[service + 1]:
        return start
    while start <= latest and is_blocked(blocks, service, start, board, alight):
        start = first_run(net, service, start + 1)
    return start


@inner
def last_free(net: Net, blocks: Blocks, service: int, board: int, alight: int, start: int, earliest: int) -> int:
    """The last run up to this one with room on the whole leg; one before `earliest` may have none."""
    if net.services[service].on_demand or blocks.first[service] == blocks.first[service + 1]:
        return start
    while start >= earliest and is_blocked(blocks, service, start, board, alight):
        start = last_run(net, service, start - 1)
    return start


@inner
def first_open(net: Net, place: int, at: int) -> int:
    """The first moment at or after `at` at which a dwell may begin."""
    begin, end = net.places[place].hour_first, net.places[place].hour_end
    if begin == end:
        return at
    second = (at - MONDAY_S) % WEEK_S
    for number in range(begin, end):
        if second < net.hours[number].until:
            return int(at + max(0, net.hours[number].since - second))
    return int(at - second + WEEK_S + net.hours[begin].since)


@compiled
def last_open(net: Net, place: int, at: int) -> int:
    """The last moment at or before `at` at which a dwell may begin."""
    begin, end = net.places[place].hour_first, net.places[place].hour_end
    if begin == end:
        return at
    second = (at - MONDAY_S) % WEEK_S
    for number in range(end - 1, begin - 1, -1):
        if second >= net.hours[number].since:
            return int(at - max(0, second - net.hours[number].until + 1))
    return int(at - second - WEEK_S + net.hours[end - 1].until - 1)


@inner
def open_until(net: Net, place: int, at: int) -> int:
    """The end of the opening period that holds the open moment `at`; NEVER where it is always open."""
    begin, end = net.places[place].hour_first, net.places[place].hour_end
    if begin == end:
        return NEVER
    second = (at - MONDAY_S) % WEEK_S
    for number in range(begin, end):
        if net.hours[number].since <= second < net.hours[number].until:
            return int(at + net.hours[number].until - second)
    return at
