"""Tracking: partners tell what happened, anyone with the number sees where the goods are."""

from collections import Counter
from dataclasses import replace
from typing import Annotated, ClassVar

from fastapi import Depends, Path, Request, Response
from pydantic import ConfigDict, Field

from app.api.deps import Language, PortsDep, partner_with
from app.api.documents import NOT_MODIFIED, ProblemDocument, refuses
from app.api.etags import etagged
from app.api.problems import document
from app.api.router import story_router
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.schema import Shape
from app.core.validation import gaps_of
from app.flows.record_events import Outcome, OutcomeStatus
from app.flows.record_tracking import record_tracking
from app.flows.show_tracking import tell_tracking
from app.identity.errors import NotSignedIn
from app.identity.values import Caller
from app.shipments.errors import TrackingNumberMistyped
from app.shipments.schemas import Tracking, TrackingEventRequest, TrackingEventsRequest, Unreadable

router = story_router("tracking")


class TrackingResult(Shape):
    """What became of one event. `id` is null when the event had none that could be read."""

    id: str | None
    status: OutcomeStatus
    problem: ProblemDocument | None = None


class TrackingResults(Shape):
    """One result for each event, in the order in which they were sent."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "accepted": 1,
                    "duplicates": 0,
                    "rejected": 0,
                    "results": [{"id": "KL-2026-000123", "status": "accepted"}],
                }
            ]
        },
    )

    accepted: Annotated[int, Field(ge=0)]
    duplicates: Annotated[int, Field(ge=0)]
    rejected: Annotated[int, Field(ge=0)]
    results: list[TrackingResult]


@router.post(
    "/tracking/events",
    summary="Tell what happened",
    responses=refuses(NotSignedIn, Forbidden),
    response_model=TrackingResults,
)
async def capture_tracking_events(
    batch: TrackingEventsRequest,
    caller: Annotated[Caller, Depends(partner_with("tracking:write"))],
    ports: PortsDep,
    language: Language,
) -> Response:
    """Each event is judged by itself: a bad one is refused in `results` and never spoils the batch.

    Send events as often as you like, late, and in any order: the state is the same. A partner tells of consignments with a
    leg of its carrier. An event replaces the one that it names in `corrects`; of type `corrected`, it only withdraws it.
    """
    read = [event for event in batch.events if isinstance(event, TrackingEventRequest)]
    outcomes = iter(await record_tracking(ports, caller, read))
    results = [
        _result(index, event.id, _unreadable(event) if isinstance(event, Unreadable) else next(outcomes), language)
        for index, event in enumerate(batch.events)
    ]
    counts = Counter(result.status for result in results)
    told = TrackingResults(
        accepted=counts["accepted"], duplicates=counts["duplicate"], rejected=counts["rejected"], results=results
    )
    # Written here: the framework would look through every result once more.
    return Response(told.model_dump_json(exclude_unset=True), media_type="application/json")


def _unreadable(event: Unreadable) -> Outcome:
    return Outcome(
        "rejected", Invalid(gaps=gaps_of([fault | {"loc": ("body", *fault["loc"])} for fault in event.faults]))
    )


def _result(index: int, event_id: str | None, outcome: Outcome, language: str) -> TrackingResult:
    problem = outcome.problem
    if problem is None:
        return TrackingResult(id=event_id, status=outcome.status)
    place = f"/events/{index}"
    problem.gaps = tuple(replace(gap, pointer=place + gap.pointer) for gap in problem.gaps)
    shown = document(problem, instance=f"/v1/tracking/events#{place}", language=language)
    return TrackingResult(id=event_id, status=outcome.status, problem=ProblemDocument.model_validate(shown))


@router.get(
    "/tracking/{tracking_number}",
    summary="Where are the goods?",
    responses={**refuses(NotFound, TrackingNumberMistyped), **NOT_MODIFIED},
    response_model=Tracking,
)
async def get_tracking(
    tracking_number: Annotated[str, Path(max_length=40, examples=["CM3141592653589"])],
    request: Request,
    ports: PortsDep,
    language: Language,
) -> Response:
    """Public: whoever has the number sees the journey; it names no person and no address. Names come in your language."""
    return etagged(request, await tell_tracking(ports, tracking_number, language), cache="public, max-age=30")
