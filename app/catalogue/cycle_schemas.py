"""Requests and answers of order cycles."""

from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from app.catalogue.schemas import ListingId, ProducerId, Title, examples
from app.catalogue.values import CYCLE_OPEN_H_MAX, LEAD_TIME_H_MAX, LISTINGS_PER_CYCLE_MAX
from app.core.ids import pattern
from app.core.schema import Shape, Time
from app.network.values import CODE_PATTERN

_CYCLE: Final = {
    "producer": "prd_01jd3zq9k2e8gv5w7x4c6b8n1m",
    "name": {"zh-Hans": "每周三发车", "en": "The Wednesday lorry"},
    "service": "TRUCK-HOTAN-KASHGAR",
    "lead_time_h": 24,
    "open_h": 120,
}
_WINDOW: Final = {
    "opens_at": "2026-02-26T08:00:00Z",
    "closes_at": "2026-03-03T08:00:00Z",
    "hand_in_by": "2026-03-04T08:00:00Z",
    "departs_at": "2026-03-04T13:00:00Z",
}
_CYCLE_ID: Final = "cyc_01jd0000000000000000000000"
CycleId = Annotated[str, Field(pattern=pattern("cyc"), examples=[_CYCLE_ID])]
CycleName = Annotated[Title, Field(min_length=1)]


class NewOrderCycle(Shape):
    """Orders in windows, each for one departure of a timetabled `service` from the producer's hub.

    A window closes `lead_time_h` before the goods must be handed in, and has then been open for `open_h`.
    """

    model_config: ClassVar[ConfigDict] = examples(_CYCLE)

    id: CycleId | None = None
    producer: ProducerId
    name: CycleName
    service: Annotated[str, Field(min_length=1, max_length=40, pattern=CODE_PATTERN)]
    lead_time_h: Annotated[int, Field(ge=0, le=LEAD_TIME_H_MAX)] = 24
    open_h: Annotated[int, Field(ge=1, le=CYCLE_OPEN_H_MAX)] = 144


class OrderCycleChange(Shape):
    """What is left out, or null, stays as it is. With a `service`, departures are from where the producer hands in now."""

    model_config: ClassVar[ConfigDict] = examples({"lead_time_h": 36})

    name: CycleName | None = None
    service: Annotated[str, Field(min_length=1, max_length=40, pattern=CODE_PATTERN)] | None = None
    lead_time_h: Annotated[int, Field(ge=0, le=LEAD_TIME_H_MAX)] | None = None
    open_h: Annotated[int, Field(ge=1, le=CYCLE_OPEN_H_MAX)] | None = None


class WindowShape(Shape):
    """When orders are taken, by when they are handed in together, and the departure that they are for."""

    model_config: ClassVar[ConfigDict] = examples(_WINDOW)

    opens_at: Time
    closes_at: Time
    hand_in_by: Time
    departs_at: Time


class OrderCycleShape(Shape):
    """`windows` are the next that have not closed; none when the service does not run."""

    model_config: ClassVar[ConfigDict] = examples(
        {
            "id": _CYCLE_ID,
            **_CYCLE,
            "hub": "HOTAN",
            "created_at": "2026-02-20T08:00:00Z",
            "is_open": True,
            "windows": [_WINDOW],
        }
    )

    id: CycleId
    producer: ProducerId
    name: Title
    service: str
    hub: str
    lead_time_h: int
    open_h: int
    created_at: Time
    is_open: bool
    windows: list[WindowShape]


class CycleListings(Shape):
    """The listings that are ordered in this cycle from now on; those that are left out are ordered at any time again."""

    model_config: ClassVar[ConfigDict] = examples({"listings": ["lst_01jd0000000000000000000000"]})

    listings: Annotated[list[ListingId], Field(max_length=LISTINGS_PER_CYCLE_MAX)]
