"""The last moment to hand goods in so that they arrive in time. CPU only."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from app.flows.plan_ways import Around, Cargo, Way, query_for, rules_for
from app.network.errors import RouteUnavailable
from app.network.rules import HAND_IN_S, last_hand_in
from app.routing import hand_in_by


def time_hand_in(around: Around, cargo: Cargo, ways: Sequence[Way]) -> datetime:
    """The last quarter of an hour at which this cargo can be handed in so that it arrives by its `arrive_by`.

    `ways` are some of its front, and in time. Exact for goods that bear any journey, and for animals, whose hours run from
    loading. Goods that leave the cold when they are handed in bear less waiting the earlier they come: for them it is a moment from
    which they do arrive, at least that of the best of these ways, and may be before the very last one.
    """
    rules = rules_for(around, cargo)
    query = query_for(around, cargo, rules)
    latest = hand_in_by(around.timetable, query, around.load)
    assert latest is not None
    until = latest // HAND_IN_S
    since = query.depart_after // HAND_IN_S
    own = max(_of_its_own(around, way) for way in ways) // HAND_IN_S
    # The last one first: mostly it will do. On another day other rules may hold, so each is asked for by itself.
    tried = until
    if since < own < until and not _arrives(around, cargo, until) and _arrives(around, cargo, own):
        since, until = own, until - 1
        tried = -(-(since + until) // 2)
    while since < until:
        if _arrives(around, cargo, tried):
            since = tried
        else:
            until = tried - 1
        tried = -(-(since + until) // 2)
    return _time(since)


def _of_its_own(around: Around, way: Way) -> int:
    """The last hand-in for the first departure of a way."""
    first = way.journey.legs[0]
    ready_by = first.departs_at - around.service(first.service).cutoff_s
    return last_hand_in(around.place(first.from_place), ready_by) or 0


def _arrives(around: Around, cargo: Cargo, quarter: int) -> bool:
    then = replace(cargo, ready_at=_time(quarter))
    try:
        return around.why_none(query_for(around, then, rules_for(around, then))) is None
    except RouteUnavailable:
        return False


def _time(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * HAND_IN_S, UTC)
