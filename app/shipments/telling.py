"""What webhooks are told of a consignment: ids and states. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.notify.webhook_values import News
from app.shipments.values import Journey, State


def told_of(journey: Journey, name: str, state: State, now: datetime) -> News:
    """The news that a consignment is in another state; it happened when the last event did."""
    told = {
        "status": state.status,
        "hub": state.hub,
        "estimated_at": state.estimated_at,
        "damaged": state.damaged,
        "condition": state.condition,
    }
    return told_of_way(journey, name, state.last_event_at or now, told)


def told_of_way(journey: Journey, name: str, at: datetime, facts: Mapping[str, Any]) -> News:
    """News for its buyer, its producer, and every carrier with a leg of the way that it goes."""
    named = {"consignment": journey.id, "order": journey.order_id, "tracking_number": journey.tracking_number}
    return News(
        name,
        journey.id,
        at,
        named | dict(facts),
        journey.order_id,
        buyer=journey.buyer_id,
        producers=(journey.producer_id,),
        carriers=tuple(sorted({leg.carrier for leg in journey.legs})),
    )
