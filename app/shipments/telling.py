"""What webhooks are told of a consignment: ids and states. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.notify.webhook_values import News
from app.shipments.values import State


class Carried(Protocol):
    @property
    def carrier(self) -> str: ...


class Concerning(Protocol):
    """A consignment as far as it is told whom it concerns."""

    @property
    def id(self) -> str: ...
    @property
    def order_id(self) -> str: ...
    @property
    def tracking_number(self) -> str: ...
    @property
    def buyer_id(self) -> str: ...
    @property
    def producer_id(self) -> str: ...
    @property
    def legs(self) -> Sequence[Carried]: ...


def told_of(journey: Concerning, name: str, state: State, now: datetime) -> News:
    """The news that a consignment is in another state; it happened when the last event did."""
    told = {
        "status": state.status,
        "hub": state.hub,
        "estimated_at": state.estimated_at,
        "damaged": state.damaged,
        "condition": state.condition,
    }
    return told_of_way(journey, name, state.last_event_at or now, told)


def told_of_way(journey: Concerning, name: str, at: datetime, facts: Mapping[str, Any]) -> News:
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
