"""Tracking: partners tell what happened, anyone with the number sees where the goods are."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Annotated, ClassVar, Final

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict, Field

from app.api.deps import Language, PortsDep, partner_with
from app.api.documents import NOT_MODIFIED, ProblemDocument, refuses
from app.api.etags import etagged
from app.api.problems import document
from app.api.router import story_router
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.limits import TRACKING_STREAM_LIFETIME_S
from app.core.schema import Shape
from app.core.validation import gaps_of
from app.flows.record_events import Outcome, OutcomeStatus
from app.flows.record_tracking import record_tracking
from app.flows.show_tracking import tell_tracking, tracking_shape
from app.flows.watch_tracking import Sight, watch_tracking
from app.identity.errors import NotSignedIn
from app.identity.values import Caller
from app.shipments.errors import TrackingNumberMistyped
from app.shipments.schemas import Tracking, TrackingEventRequest, TrackingEventsRequest, Unreadable
from app.shipments.watch import TooManyStreams

router = story_router("tracking")
EVENT_STREAM: Final = "text/event-stream"
# Nothing on the way may keep it or hold it back; `retry` is how long a browser waits before it comes again.
_STREAMED: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
_RETRY: Final = "retry: 5000\n\n"
# An event of its own, not a comment: a page is told of no comment, and could not know a dead line from a quiet one.
_HEARTBEAT: Final = "event: alive\ndata: {}\n\n"


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


@router.get(
    "/tracking/{tracking_number}/stream",
    summary="Tell me when the goods move",
    responses={
        200: {
            "description": "Server-sent events of the types `state` and `alive`",
            "content": {
                EVENT_STREAM: {
                    "schema": {"type": "string"},
                    "example": "id: 5f0c2d6f0a1b9e37\nevent: state\ndata: {}\n\n",
                }
            },
        },
        **refuses(NotFound, TrackingNumberMistyped, TooManyStreams),
    },
    response_class=StreamingResponse,
)
async def stream_tracking(
    tracking_number: Annotated[str, Path(max_length=40, examples=["CM3141592653589"])],
    request: Request,
    ports: PortsDep,
    language: Language,
    *,
    last_event_id: Annotated[
        str | None, Header(max_length=64, description="The `id` that you saw last: only another state is sent")
    ] = None,
    bare: Annotated[bool, Query(description="Send `{}` in place of the state: its `id` is news enough")] = False,
    lasts_s: Annotated[
        int,
        Query(
            ge=0,
            le=TRACKING_STREAM_LIFETIME_S,
            description="It ends after so many seconds; come again with the last `id`",
        ),
    ] = TRACKING_STREAM_LIFETIME_S,
) -> Response:
    """Public, as `text/event-stream`: the state of the journey now, as `/v1/tracking/{tracking_number}` shows it, and again at each change.

    A change is seen within about a second. An event of type `alive` every 15 s shows that the line is open. Only so many streams are open at once, in all and
    from one address (429); who gets none asks for the state with its `ETag` now and then.
    """
    address = request.client.host if request.client else ""
    if request.scope.get("headers_only"):
        lasts_s = 0
    sights = watch_tracking(ports, tracking_number, address, known=last_event_id, lasts_s=lasts_s, bare=bare)
    # A refusal comes with the first, while the answer has not begun.
    first = await anext(sights)
    return StreamingResponse(_told(first, sights, language), 200, _STREAMED, EVENT_STREAM)


async def _told(first: Sight | None, sights: AsyncGenerator[Sight | None], language: str) -> AsyncIterator[str]:
    try:
        yield _RETRY + _event(first, language)
        async for sight in sights:
            yield _event(sight, language)
    finally:
        await sights.aclose()


def _event(sight: Sight | None, language: str) -> str:
    if sight is None:
        return _HEARTBEAT
    state = tracking_shape(sight.shown, language).model_dump_json(by_alias=True) if sight.shown else "{}"
    return f"id: {sight.version}\nevent: state\ndata: {state}\n\n"
