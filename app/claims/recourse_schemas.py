"""Shapes of losses that are passed on to carriers."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.claims.schemas import Words
from app.claims.values import EVENTS_PER_RECOURSE_MAX, RECOURSE_ID, CarrierAnswer, RecourseStatus
from app.core.ids import pattern
from app.core.money import Money
from app.core.schema import Shape, Time

LEG_ID: Final = pattern("leg")
EVENT_ID: Final = pattern("evt")
_ASKED: Final = {
    "leg": "leg_01jd0000000000000000000000",
    "amount": {"amount": 940, "currency": "CNY"},
    "events": ["evt_01jd0000000000000000000000"],
    "reasons": "Scanned as damaged when it was unloaded from this ride",
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


RecourseId = Annotated[str, Field(pattern=RECOURSE_ID, examples=["rcs_01jd0000000000000000000000"])]


class NewRecourse(Shape):
    """What of the refund the carrier of this ride has to bear, and the tracking events that show it."""

    model_config: ClassVar[ConfigDict] = _example(_ASKED)

    id: RecourseId | None = None
    leg: Annotated[str, Field(pattern=LEG_ID)]
    amount: Money
    events: Annotated[
        list[Annotated[str, Field(pattern=EVENT_ID)]], Field(min_length=1, max_length=EVENTS_PER_RECOURSE_MAX)
    ]
    reasons: Words


class RecourseAnswer(Shape):
    model_config: ClassVar[ConfigDict] = _example({"answer": "contest", "words": "It was wet when we took it over"})

    answer: CarrierAnswer
    words: Words | None = None


class RecourseReversal(Shape):
    model_config: ClassVar[ConfigDict] = _example({"reasons": "The event was corrected: it was another consignment"})

    reasons: Words


class RecourseShape(Shape):
    model_config: ClassVar[ConfigDict] = _example(
        {
            "id": "rcs_01jd0000000000000000000000",
            "claim": "clm_01jd0000000000000000000000",
            "order": "ord_01jd0000000000000000000000",
            "consignment": "con_01jd0000000000000000000000",
            "carrier": "KUNLUN",
            "producer": "prd_01jd0000000000000000000000",
            "status": "contested",
            "status_text": "Contested by the carrier",
            "answer": "It was wet when we took it over",
            "reversal": None,
            "created_at": "2026-03-08T08:00:00Z",
            "updated_at": "2026-03-09T08:00:00Z",
            **_ASKED,
        }
    )

    id: str
    claim: str
    order: str
    consignment: str
    leg: str
    carrier: str
    producer: str
    status: RecourseStatus
    status_text: str
    amount: Money
    events: list[str]
    reasons: str
    answer: Annotated[str | None, Field(description="The carrier's words")] = None
    reversal: Annotated[str | None, Field(description="Why an operator took it back")] = None
    created_at: Time
    updated_at: Time
