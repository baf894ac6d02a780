"""The published mapping between the three machines: what a carrier's message makes of a leg and a consignment, and that of an order."""

from collections.abc import Mapping
from typing import Final

from app.orders.values import OrderStatus
from app.shipments.values import Condition, ConsignmentStatus, EventType, LegStatus

# Carrier message -> consignment. A type that is absent says nothing about where the goods stand.
# `delivered` of refused goods that go back reads as `returning`, by the terms of their order.
# `returned` reads as `returning` until it comes from the hub where the journey began (rules.recompute).
STATUS_AFTER: Final[Mapping[EventType, ConsignmentStatus]] = {
    EventType.PICKED_UP: ConsignmentStatus.PICKED_UP,
    EventType.RECEIVED: ConsignmentStatus.AT_HUB,
    EventType.LOADED: ConsignmentStatus.AT_HUB,
    EventType.DEPARTED: ConsignmentStatus.IN_TRANSIT,
    EventType.ARRIVED: ConsignmentStatus.AT_HUB,
    EventType.UNLOADED: ConsignmentStatus.AT_HUB,
    EventType.HELD: ConsignmentStatus.HELD,
    EventType.CUSTOMS_SUBMITTED: ConsignmentStatus.HELD,
    EventType.CUSTOMS_RELEASED: ConsignmentStatus.AT_HUB,
    EventType.OUT_FOR_DELIVERY: ConsignmentStatus.OUT_FOR_DELIVERY,
    EventType.DELIVERY_ATTEMPTED: ConsignmentStatus.OUT_FOR_DELIVERY,
    EventType.DELIVERED: ConsignmentStatus.DELIVERED,
    EventType.RETURNED: ConsignmentStatus.RETURNED,
    EventType.LOST: ConsignmentStatus.LOST,
}

# Carrier message -> leg: the one that begins or ends at the event's hub, or for the last three the way to the door.
LEG_AFTER: Final[Mapping[EventType, LegStatus]] = {
    EventType.DEPARTED: LegStatus.UNDER_WAY,
    EventType.RECEIVED: LegStatus.DONE,
    EventType.ARRIVED: LegStatus.DONE,
    EventType.UNLOADED: LegStatus.DONE,
    EventType.OUT_FOR_DELIVERY: LegStatus.UNDER_WAY,
    EventType.DELIVERY_ATTEMPTED: LegStatus.UNDER_WAY,
    EventType.DELIVERED: LegStatus.DONE,
}

# Consignment -> order, each by itself; rules.order_status says what several of them make together.
ORDER_STATUS: Final[Mapping[ConsignmentStatus, OrderStatus]] = {
    ConsignmentStatus.BOOKED: OrderStatus.PLACED,
    ConsignmentStatus.DELIVERED: OrderStatus.DELIVERED,
} | {
    status: OrderStatus.IN_TRANSIT
    for status in ConsignmentStatus
    if status not in (ConsignmentStatus.BOOKED, ConsignmentStatus.DELIVERED)
}

# What is told of two events at the same second, in the order in which a journey goes.
JOURNEY_ORDER: Final[Mapping[EventType, int]] = {
    kind: rank
    for rank, kind in enumerate(
        (
            EventType.ESTIMATED,
            EventType.OBSERVED,
            EventType.PICKED_UP,
            EventType.ARRIVED,
            EventType.UNLOADED,
            EventType.RECEIVED,
            EventType.CUSTOMS_SUBMITTED,
            EventType.HELD,
            EventType.CUSTOMS_RELEASED,
            EventType.DAMAGED,
            EventType.LOADED,
            EventType.DEPARTED,
            EventType.OUT_FOR_DELIVERY,
            EventType.DELIVERY_ATTEMPTED,
            EventType.LOST,
            EventType.DELIVERED,
            EventType.RETURNED,
            EventType.CORRECTED,
        )
    )
}

# Of deliveries that are told of the same second, the one that says most comes first.
CONDITION_ORDER: Final[Mapping[Condition | None, int]] = {
    Condition.REFUSED: 0,
    Condition.ACCEPTED_WITH_REMARKS: 1,
    Condition.ACCEPTED: 2,
    None: 3,
}
