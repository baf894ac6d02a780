"""Shapes of goods that go back."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.claims.values import RETURN_ID, ReturnStatus
from app.core.money import Money
from app.core.schema import Shape, Time
from app.orders.policies import CarriageBack

_RETURN: Final[dict[str, Any]] = {
    "id": "rtn_01jd0000000000000000000000",
    "order": "ord_01jd0000000000000000000000",
    "consignment": "con_01jd0000000000000000000000",
    "lines": ["lin_01jd0000000000000000000000"],
    "producer": "prd_01jd0000000000000000000000",
    "status": "booked",
    "status_text": "To be handed in",
    "at_door": False,
    "pays": "buyer",
    "carriage": {"amount": 1240, "currency": "CNY"},
    "way": "con_01jd0000000000000000000001",
    "tracking_number": "CM3141592653589",
    "hand_in_hub": "URUMQI",
    "hand_in_by": "2026-03-10T10:00:00Z",
    "to": "HOTAN",
    "expected_by": "2026-03-13T10:00:00Z",
    "reason": None,
    "rule": None,
    "due_at": "2026-03-16T08:00:00Z",
    "created_at": "2026-03-09T08:00:00Z",
    "updated_at": "2026-03-09T08:01:00Z",
    "ended_at": None,
}
ReturnId = Annotated[str, Field(pattern=RETURN_ID, examples=["rtn_01jd0000000000000000000000"])]


class ReturnBooking(Shape):
    """When the goods are brought to the hub: the way back is booked from then on."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"ready_at": "2026-03-11T08:00:00Z"}]}
    )

    ready_at: Time


class ReturnShape(Shape):
    """Goods that go back to their producer. `way` is the consignment that brings them, with the tracking number of its own."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [_RETURN]}
    )

    id: str
    order: str
    consignment: Annotated[str, Field(description="What brought them to the buyer")]
    lines: list[str]
    producer: str
    status: ReturnStatus
    status_text: str
    at_door: Annotated[bool, Field(description="They were refused there: the carrier has them, nobody hands them in")]
    pays: Annotated[CarriageBack, Field(description="Who pays the way back, by the terms of the order")]
    carriage: Annotated[Money | None, Field(description="What the way back was booked for")]
    way: str | None
    tracking_number: str | None
    hand_in_hub: str | None
    hand_in_by: Time | None
    to: Annotated[str | None, Field(description="The hub where the producer gets them")]
    expected_by: Time | None
    reason: Annotated[str | None, Field(description="Why there is no way back, in the planner's word")] = None
    rule: Annotated[str | None, Field(description="The rule that forbids it")] = None
    due_at: Annotated[Time, Field(description="Until when they have to be handed in, or to be there")]
    created_at: Time
    updated_at: Time
    ended_at: Time | None = None
