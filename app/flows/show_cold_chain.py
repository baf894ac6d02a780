"""The story of somebody asking how the goods were kept on the way: the curve, the band, the excursions, and the hours of animals on board."""

from collections.abc import Collection
from datetime import datetime, timedelta

from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.endurance import journey_limit
from app.network.values import Temperature
from app.shipments.cold_schemas import (
    POINTS_MAX,
    ColdChainShape,
    ConsignmentColdChain,
    HoursAboardShape,
    cold_chain_shape,
)
from app.shipments.exception_values import Terms, exception_terms
from app.shipments.onward import frozen_legs, spent_s
from app.shipments.queries import get_journey_told, list_events
from app.shipments.values import Journey

_NOTHING = ColdChainShape(bands=[], curves=[], excursions=[], outside_s=0, measured_s=0)


async def show_cold_chain(ports: Ports, caller: Caller, consignment_id: str, language: str) -> ConsignmentColdChain:
    """For whoever may see the consignment, and for the carriers of its legs; `NotFound` for anybody else. Two statements."""
    terms = exception_terms()
    async with ports.database.read() as connection:
        journey = await get_journey_told(connection, caller, consignment_id)
        events = (await list_events(connection, [journey.id])).get(journey.id, [])
        is_live = journey.temperature == Temperature.LIVE
        rests = (
            {place.code for place in (await ports.timetable.current(connection)).places if place.can_rest}
            if is_live
            else ()
        )
    shape = cold_chain_shape(journey, events, terms, language, POINTS_MAX) or _NOTHING
    return ConsignmentColdChain(
        consignment=journey.id,
        tracking_number=journey.tracking_number,
        temperature=journey.temperature,
        livestock=hours_aboard(journey, rests, terms, ports.clock.now()) if is_live else None,
        **{name: getattr(shape, name) for name in ColdChainShape.model_fields},
    )


def hours_aboard(journey: Journey, rests_at: Collection[str], terms: Terms, now: datetime) -> HoursAboardShape:
    """How long its animals have been on board, by its events; until they arrived, when they have. Pure."""
    limit = journey_limit(journey.species or ())
    until = journey.ended_at or now
    spent = spent_s(journey, until, rest_s=limit.rest_s, rests_at=rests_at)
    goes_on = bool(frozen_legs(journey.legs)) and journey.ended_at is None
    first = journey.legs[0] if journey.legs else None
    return HoursAboardShape(
        loaded_at=first.departed_at if first else None,
        aboard_s=spent,
        limit_s=limit.max_s,
        rest_s=limit.rest_s,
        warned_after_s=limit.max_s * terms.warn_bps // 10_000,
        over_at=now + timedelta(seconds=limit.max_s - spent) if goes_on else None,
    )
