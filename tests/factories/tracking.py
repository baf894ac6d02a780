"""Carriers tell what happened to the consignments of an order, leg by leg as it was planned."""

from datetime import datetime, timedelta
from typing import Any

from app.core.clock import rfc3339
from app.flows.ports import Ports
from app.flows.record_tracking import record_tracking
from app.identity.values import Caller
from app.shipments.schemas import TrackingEventRequest

Json = dict[str, Any]


def story_of(consignment: Json) -> list[tuple[str, str | None, datetime]]:
    """Type, hub and time of everything from the hand-in to the door."""
    legs = consignment["legs"]
    first = datetime.fromisoformat(legs[0]["departs_at"])
    told: list[tuple[str, str | None, datetime]] = [("picked_up", legs[0]["from"], first - timedelta(hours=2))]
    for leg in legs:
        departs, arrives = (datetime.fromisoformat(leg[name]) for name in ("departs_at", "arrives_at"))
        if leg["mode"] == "courier":
            told.append(("out_for_delivery", leg["from"], departs))
        else:
            told += [("departed", leg["from"], departs), ("arrived", leg["to"], arrives)]
    end = datetime.fromisoformat(legs[-1]["arrives_at"])
    return [*told, ("delivered", None, end)]


def events_of(consignment: Json, *kinds: str) -> list[TrackingEventRequest]:
    """The whole story, or only these types of event."""
    return [
        TrackingEventRequest.model_validate(
            {
                "id": f"{kind}-{at:%d%H%M}",
                "tracking_number": consignment["tracking_number"],
                "type": kind,
                "occurred_at": rfc3339(at),
            }
            | ({"hub": hub} if hub else {})
        )
        for kind, hub, at in story_of(consignment)
        if not kinds or kind in kinds
    ]


async def tell(ports: Ports, teller: Caller, events: list[TrackingEventRequest]) -> None:
    """Tell these events once the last of them has happened; all of them must be taken."""
    ports.clock.at = max(ports.clock.now(), *(event.occurred_at for event in events))  # type: ignore[misc]
    outcomes = await record_tracking(ports, teller, events)
    assert {outcome.status for outcome in outcomes} == {"accepted"}, outcomes
