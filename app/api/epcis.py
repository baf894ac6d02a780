"""GS1 EPCIS 2.0 at `/epcis/v2`: capturing events, and asking for them by every resource of the standard."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel

from app.api.deps import Known, PortsDep, partner_with
from app.api.documents import NOT_MODIFIED, Responses, refuses
from app.api.epcis_manner import CAPTURE_LIMITS, Media, answer, answer_single, discovery, events_answer, sent_json
from app.api.epcis_shapes import CaptureJob, EpcisCollection, EpcisDocument, EpcisEvent, EpcisQueryDocument
from app.api.problems import EPCIS_DOOR, STATUS, exception_name
from app.api.router import StoryRoute
from app.core.clock import rfc3339
from app.core.errors import Forbidden, Kind, NotFound
from app.core.ids import pattern
from app.core.limits import EPCIS_EVENTS_MAX
from app.core.text import preferred_language
from app.epcis.documents import read_document
from app.epcis.errors import (
    AddressTooLong,
    CaptureTooLarge,
    DocumentInvalid,
    EventExists,
    EventNamesNothing,
    MediaTypeUnsupported,
    NoSuchResource,
    NotInThatForm,
    QueryNotUnderstood,
    QueryTooLarge,
)
from app.epcis.values import CONTEXT, VOCABULARIES, EventKind, Word
from app.flows.capture_epcis import accept_capture, capture_event, invalid
from app.flows.query_epcis import (
    PAGE_DEFAULT,
    PAGE_MAX,
    drop_token,
    find_event,
    find_events,
    members_of,
    not_understood,
    understood,
    viewer_of,
)
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.shipments.captures import find_capture, list_captures
from app.shipments.epcis import STEP_OF_TYPE

router = APIRouter(prefix=EPCIS_DOOR, tags=["epcis"], route_class=StoryRoute)
AT: Final = f"{EPCIS_DOOR}/…"
Resource = Literal["eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions"]
# The parameter of a query that a sub-resource stands for.
PARAMETER: Final[Mapping[str, str]] = {
    "eventTypes": "eventType",
    "epcs": "MATCH_anyEPC",
    "bizSteps": "EQ_bizStep",
    "bizLocations": "EQ_bizLocation",
    "readPoints": "EQ_readPoint",
    "dispositions": "EQ_disposition",
}
TOP_LEVEL: Final = ("capture", "events", "queries", *PARAMETER)
FIXED: Final[Mapping[str, tuple[str, ...]]] = {
    "eventTypes": tuple(EventKind),
    "bizSteps": tuple(sorted({*VOCABULARIES[Word.BIZ_STEP], *(step for step, _ in STEP_OF_TYPE.values())})),
    "dispositions": tuple(sorted(VOCABULARIES[Word.DISPOSITION])),
}
_CAPTURE: Final = {"en": "capture job", "zh-Hans": "采集任务"}
ASKED: Final = refuses(NotSignedIn, Forbidden, NotInThatForm, QueryNotUnderstood, AddressTooLong, NoSuchResource, at=AT)
SINGLE: Final = ASKED | NOT_MODIFIED
LISTED: Final = ASKED | refuses(QueryTooLarge, at=AT)
SENT: Final = refuses(
    NotSignedIn, Forbidden, NotInThatForm, DocumentInvalid, MediaTypeUnsupported, CaptureTooLarge, at=AT
)
PerPage = Annotated[int, Query(alias="perPage", ge=1, le=PAGE_MAX, description="How many at the most")]
NextPage = Annotated[
    str | None, Query(alias="nextPageToken", max_length=1_000, description="From the `Link` of the page before")
]
Writer = Annotated[Caller, Depends(partner_with(Scope.TRACKING_WRITE))]
_PAGING: Final = frozenset({"perPage", "nextPageToken"})
# Those of the standard whose names are fixed; others carry a unit, a type or a field in their names (EPCIS 2.0, 8.2.7.1).
_NAMED: Final = (
    "eventType GE_eventTime LT_eventTime GE_recordTime LT_recordTime EQ_action EQ_bizStep EQ_disposition EQ_readPoint "
    "WD_readPoint EQ_bizLocation WD_bizLocation MATCH_epc MATCH_parentID MATCH_inputEPC MATCH_outputEPC MATCH_anyEPC "
    "MATCH_epcClass EQ_eventID EXISTS_errorDeclaration GE_errorDeclarationTime LT_errorDeclarationTime EQ_errorReason "
    "EQ_correctiveEventID EQ_type orderBy orderDirection eventCountLimit maxEventCount"
)
QUERY_PARAMETERS: Final = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string", "maxLength": 2_000}}
        for name in tuple(_NAMED.split(" "))
    ]
}


def body_of(shape: type[EpcisDocument] | type[EpcisEvent]) -> dict[str, Any]:
    """For `openapi_extra=`: a body that is read as it is, because the standard lets it hold more than a schema could name."""
    schema = shape.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def listing(shape: type[BaseModel]) -> Responses:
    """For `responses=`: a list of these, with an example."""
    return {200: {"content": {"application/json": {"example": shape.model_json_schema()["examples"][:1]}}}}


def asked_of(request: Request) -> dict[str, Any]:
    """The parameters of a query, without those of paging."""
    asked: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name not in _PAGING:
            asked[name] = [*asked[name], value] if name in asked else [value]
    single = ("orderBy", "orderDirection", "eventCountLimit", "maxEventCount")
    return {name: values[0] if name in single else values for name, values in asked.items()}


@router.get("", summary="What there is", response_model=EpcisCollection, responses=refuses(NotInThatForm, at=AT))
async def list_epcis_resources(media: Media) -> Response:
    """The resources at the top of this door. Needs no sign-in."""
    return answer({"@context": [CONTEXT], "type": "Collection", "member": list(TOP_LEVEL)}, media)


@router.post(
    "/capture",
    status_code=202,
    summary="Send a document of events",
    response_model=CaptureJob,
    responses=SENT,
    openapi_extra=body_of(EpcisDocument),
)
async def capture_epcis_document(
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Writer,
    behaviour: Annotated[Literal["rollback", "proceed"], Header(alias="GS1-Capture-Error-Behaviour")] = "rollback",
) -> Response:
    """The document is taken in as a job, whose address is in `Location`: all events or none, or with `proceed` as many as are good.

    A partner tells of consignments with a leg of its carrier. Send it as often as you like: events that are known change nothing.
    """
    read = read_document(await sent_json(request))
    if isinstance(read, list):
        raise invalid(read)
    if len(read.events) > EPCIS_EVENTS_MAX:
        raise CaptureTooLarge(limit=EPCIS_EVENTS_MAX)
    capture = await accept_capture(ports, caller, read, behaviour)
    async with ports.database.read() as connection:
        row = await find_capture(connection, caller.id, capture)
    location = {"location": f"{EPCIS_DOOR}/capture/{capture}", **CAPTURE_LIMITS}
    return answer(_job(row, "en"), media, 202, location)


@router.get(
    "/capture", summary="Your capture jobs", response_model=list[CaptureJob], responses=ASKED | listing(CaptureJob)
)
async def list_epcis_captures(
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Writer,
    per_page: PerPage = PAGE_DEFAULT,
    token: NextPage = None,
) -> Response:
    """The newest first."""
    async with ports.database.read() as connection:
        rows = await list_captures(connection, caller.id, after=plain_token(token), limit=per_page + 1)
    language = preferred_language(request.headers.get("accept-language"))
    headers = CAPTURE_LIMITS | next_link(request, rows[per_page - 1].id if len(rows) > per_page else None)
    return answer([_job(row, language) for row in rows[:per_page]], media, headers=headers)


def plain_token(token: str | None) -> str | None:
    """A token that is the last name of the page before. Raises `QueryNotUnderstood` when it cannot be one."""
    if token is not None and (not token.isprintable() or len(token) > 400):
        raise not_understood([])
    return token


def next_link(request: Request, last: str | None) -> dict[str, str]:
    if last is None:
        return {}
    return {"link": f'<{request.url.include_query_params(nextPageToken=last)}>; rel="next"'}


@router.get("/capture/{capture_id}", summary="A capture job", response_model=CaptureJob, responses=SINGLE)
async def get_epcis_capture(
    capture_id: Annotated[str, Path(pattern=pattern("cap"))],
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Writer,
) -> Response:
    """What became of a document that you sent; `errors` names each event that was refused, and why."""
    async with ports.database.read() as connection:
        row = await find_capture(connection, caller.id, capture_id)
    if row is None:
        raise NoSuchResource(what=_CAPTURE)
    return answer_single(request, _job(row, preferred_language(request.headers.get("accept-language"))), media)


def _job(row: Any, language: str) -> dict[str, Any]:
    job = {
        "captureID": row.id,
        "createdAt": rfc3339(row.created_at),
        "running": row.running,
        "success": row.success,
        "captureErrorBehaviour": row.behaviour,
        "errors": [_error(error, language) for error in row.errors],
    }
    return job | ({"finishedAt": rfc3339(row.finished_at)} if row.finished_at else {})


def _error(error: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The problem document of one event, made again from what the job keeps of it."""
    status = STATUS[Kind(error["kind"])]
    status = 400 if status == 422 else status

    def said(words: Mapping[str, str]) -> str:
        return words.get(language) or words["en"]

    return {
        "type": exception_name(error["exception"], status),
        "title": said(error["title"]),
        "status": status,
        "detail": said(error["detail"]),
        "instance": f"#{error['at']}",
        "errors": [{"pointer": gap["pointer"], "detail": said(gap["detail"])} for gap in error["gaps"]],
    }


@router.post(
    "/events",
    status_code=201,
    summary="Send one event",
    response_model=EpcisEvent,
    responses=SENT | refuses(EventExists, EventNamesNothing, NotFound, at=AT),
    openapi_extra=body_of(EpcisEvent),
)
async def create_epcis_event(request: Request, media: Media, ports: PortsDep, caller: Writer) -> Response:
    """It is recorded at once, or refused with the reason; without an `eventID` it gets the hash of its content (CBV 2.0)."""
    event = await capture_event(ports, caller, await sent_json(request))
    return answer(event, media, 201, {"location": f"{EPCIS_DOOR}/events/{_quoted(event['eventID'])}"})


def _quoted(name: str) -> str:
    return quote(name, safe="")


@router.get(
    "/events",
    summary="Events",
    response_model=EpcisQueryDocument,
    responses=LISTED,
    openapi_extra=QUERY_PARAMETERS,
)
async def list_epcis_events(
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Known,
    per_page: PerPage = PAGE_DEFAULT,
    token: NextPage = None,
) -> Response:
    """Every event of goods that you carry, buy or sell, whichever way it was told. Every parameter of the standard's language is understood.

    Lists are written `a|b`. Units convert: `GE_value_KEL=280` finds what was measured in degrees Celsius.
    """
    query = understood(asked_of(request))
    found = await find_events(ports, viewer_of(caller), query, per_page=per_page, token=token)
    return events_answer(request, ports, found, media)


@router.get("/events/{event_id:path}", summary="An event", response_model=EpcisQueryDocument, responses=SINGLE)
async def get_epcis_event(
    event_id: Annotated[str, Path(max_length=2_000)], request: Request, media: Media, ports: PortsDep, caller: Known
) -> Response:
    """The event with this id as it was sent, and the declarations of errors in it."""
    return events_answer(request, ports, await find_event(ports, viewer_of(caller), event_id), media, single=True)


@router.delete(
    "/nextPageToken/{token}",
    status_code=204,
    summary="End a page's token",
    responses=refuses(NotSignedIn, NoSuchResource, at=AT),
)
async def delete_epcis_page_token(
    token: Annotated[str, Path(max_length=1_000)], ports: PortsDep, _caller: Known
) -> Response:
    """Nobody goes on from it any more; again is harmless."""
    await drop_token(ports, token)
    return Response(status_code=204)


@router.get("/{resource}", summary="Known names", response_model=EpcisCollection, responses=SINGLE)
async def list_epcis_names(
    resource: Resource,
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Known,
    per_page: PerPage = PAGE_DEFAULT,
    token: NextPage = None,
) -> Response:
    """Event types and the vocabularies of CBV 2.0 with our own words; EPCs and places are those of the events that you may see."""
    viewer = viewer_of(caller)
    after = plain_token(token) or ""
    if resource in FIXED:
        members = [name for name in sorted(FIXED[resource]) if name > after][: per_page + 1]
    else:
        members = await members_of(ports, viewer, resource, after=after, limit=per_page + 1)
    last = members[per_page - 1] if len(members) > per_page else None
    listed = {"@context": [CONTEXT], "type": "Collection", "member": members[:per_page]}
    return answer_single(request, listed, media, next_link(request, last))


@router.get(
    "/{resource}/{name:path}/events",
    summary="Events of a name",
    response_model=EpcisQueryDocument,
    responses=LISTED,
    openapi_extra=QUERY_PARAMETERS,
)
async def list_epcis_events_of(
    resource: Resource,
    name: Annotated[str, Path(max_length=2_000)],
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Known,
    per_page: PerPage = PAGE_DEFAULT,
    token: NextPage = None,
) -> Response:
    """The events with this type, EPC, business step, place or disposition: its name is percent-encoded, every parameter may be added."""
    query = understood(asked_of(request) | {PARAMETER[resource]: [name]})
    found = await find_events(ports, viewer_of(caller), query, per_page=per_page, token=token)
    return events_answer(request, ports, found, media)


@router.get(
    "/{resource}/{name:path}", summary="What there is of a name", response_model=EpcisCollection, responses=SINGLE
)
async def list_epcis_parts(
    resource: Resource, name: Annotated[str, Path(max_length=2_000)], request: Request, media: Media, caller: Known
) -> Response:
    """Its sub-resources: the events."""
    viewer_of(caller)
    understood({PARAMETER[resource]: [name]})
    return answer_single(request, {"@context": [CONTEXT], "type": "Collection", "member": ["events"]}, media)


@router.options("/{path:path}", include_in_schema=False)
async def discover_epcis(path: str, _media: Media) -> Response:
    """What the standard's OPTIONS answers: versions, extensions, and for capturing the limits."""
    if path in {"capture", "events"}:
        return discovery("OPTIONS, GET, POST", CAPTURE_LIMITS | {"gs1-capture-error-behaviour": "all"})
    if path == "queries" or path.endswith("/subscriptions"):
        return discovery("OPTIONS, GET, POST")
    removable = path.startswith("queries/") and not path.endswith("/events")
    return discovery("OPTIONS, GET, DELETE" if removable else "OPTIONS, GET")
