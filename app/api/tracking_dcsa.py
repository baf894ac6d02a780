"""Tracking in DCSA's words: the door for carriers that speak Track and Trace."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from fastapi import Depends, Response
from pydantic import ConfigDict, Field

from app.api.deps import Language, PortsDep, partner_with
from app.api.documents import refuses
from app.api.router import story_router
from app.core.errors import Forbidden, Problem
from app.core.schema import Shape
from app.core.text import pick
from app.flows.record_dcsa import Feedback, record_dcsa
from app.identity.errors import NotSignedIn
from app.identity.values import Caller
from app.shipments.dcsa_schemas import DcsaEvents
from app.shipments.errors import NothingRecorded

router = story_router("tracking")
API_VERSION: Final = "3.0.0"


class FeedbackElement(Shape):
    """What is to be said about the request: where (a JSONPath), how grave, and what."""

    severity: Literal["ERROR", "WARN", "INFO"]
    message: Annotated[str, Field(examples=["This version of the event was known"])]
    propertyPath: Annotated[str, Field(examples=["$.events[2]"])]  # noqa: N815 - the standard's own name


class DcsaAnswer(Shape):
    """`PostEventsResponse`: what was taken without a word is not mentioned."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "feedbackElements": [
                        {
                            "severity": "INFO",
                            "message": "This version of the event was known",
                            "propertyPath": "$.events[2]",
                        }
                    ]
                }
            ]
        },
    )

    feedbackElements: list[FeedbackElement]  # noqa: N815 - the standard's own name


@router.post(
    "/tracking/dcsa/events",
    summary="Tell what happened in DCSA's words",
    responses=refuses(NotSignedIn, Forbidden, NothingRecorded),
)
async def capture_dcsa_events(
    batch: DcsaEvents,
    caller: Annotated[Caller, Depends(partner_with("tracking:write"))],
    ports: PortsDep,
    language: Language,
    response: Response,
) -> DcsaAnswer:
    """`POST /events` of DCSA Track and Trace 3.0.0 (draft), with its codes (`ACT`, `ARRI`) or its words (`ACTUAL`, `ARRIVED`).

    Name a consignment by its tracking number among the `shipmentReferences`, and a hub by its code as `facility` with
    `facilityCodeListProvider` `ZZZ`. An event replaces those with the same originating party and `eventID` and an earlier
    `eventUpdatedDateTime`; with `isRetracted` it discards them. Send events as often as you like, late, and in any order.
    """
    response.headers["api-version"] = API_VERSION
    try:
        feedback = await record_dcsa(ports, caller, batch.events)
    except NothingRecorded as nothing:
        told = _elements(nothing.fields["feedback"], language)
        raise NothingRecorded(feedbackElements=[element.model_dump() for element in told]) from None
    return DcsaAnswer(feedbackElements=_elements(feedback, language))


def _elements(feedback: Sequence[Feedback], language: str) -> list[FeedbackElement]:
    return [
        FeedbackElement(severity=each.severity, message=_message(each.words, language), propertyPath=each.path)
        for each in feedback
    ]


def _message(words: Any, language: str) -> str:
    if not isinstance(words, Problem):
        return pick(words, language)
    gaps = " ".join(pick(gap.detail, language) for gap in words.gaps)
    return gaps or f"{words.title_in(language)}: {words.detail_in(language)}"
