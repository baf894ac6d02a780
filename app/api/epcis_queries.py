"""Named queries of EPCIS 2.0, and subscriptions to them: by webhook, or over a WebSocket for as long as it is open."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ValidationError

from app.api.deps import Known, PortsDep
from app.api.documents import refuses
from app.api.epcis import ASKED, AT, LISTED, SINGLE, NextPage, PerPage, listing, next_link, plain_token
from app.api.epcis_manner import Media, answer, answer_single, events_answer, sent_json
from app.api.epcis_shapes import EpcisNamedQuery, EpcisQueryDocument, EpcisSubscriptionShape, EpcisWanted
from app.api.problems import EPCIS_DOOR, document
from app.api.router import StoryRoute
from app.core.clock import rfc3339
from app.core.errors import Forbidden, Invalid, Problem
from app.core.ids import pattern
from app.core.validation import gaps_of
from app.epcis.errors import (
    DocumentInvalid,
    MediaTypeUnsupported,
    NoSuchQuery,
    NotInThatForm,
    QueryExists,
    QueryNotUnderstood,
    SubscriptionUnclear,
)
from app.epcis.schedule import RANGES, next_after
from app.flows.ports import Ports
from app.flows.query_epcis import PAGE_DEFAULT, POINTER_LENGTH_MAX, find_events, query_document, understood, viewer_of
from app.flows.subscribe_epcis import (
    Wanted,
    first_due,
    keep_query,
    kept_query,
    news_for,
    no_such_subscription,
    read,
    subscribe,
)
from app.identity.errors import NotSignedIn
from app.identity.service import authenticate
from app.identity.values import Caller
from app.notify.errors import DestinationRefused
from app.shipments.epcis_subscriptions import (
    drop_query,
    drop_subscription,
    find_subscription,
    list_queries,
    list_subscriptions,
)

router = APIRouter(prefix=EPCIS_DOOR, tags=["epcis"], route_class=StoryRoute)
Taken = TypeVar("Taken", bound=BaseModel)
Name = Annotated[str, Path(min_length=1, max_length=100, pattern="^[!-~]+$")]
SubscriptionId = Annotated[str, Path(pattern=pattern("sub"))]
SENT: Final = refuses(NotSignedIn, Forbidden, NotInThatForm, DocumentInvalid, MediaTypeUnsupported, at=AT)
MISSED: Final = refuses(NoSuchQuery, at=AT)
STREAM_LOOKS_EVERY_S: Final = 2.0
_POLICY_VIOLATION: Final = 1008
_TRY_AGAIN_LATER: Final = 1013


def _taken(shape: type[Taken], sent: Any) -> Taken:
    """The body as this shape. Raises `Invalid` with every fault."""
    try:
        return shape.model_validate(sent)
    except ValidationError as error:
        gaps = gaps_of([fault | {"loc": ("body", *fault["loc"])} for fault in error.errors()])
        # Names of fields are the sender's, and as long as a body may be.
        raise Invalid(gaps=[replace(gap, pointer=gap.pointer[:POINTER_LENGTH_MAX]) for gap in gaps]) from None


def _body(shape: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": shape.model_json_schema()}}}}


@router.post(
    "/queries",
    status_code=201,
    summary="Keep a query under a name",
    response_model=EpcisNamedQuery,
    responses=SENT | refuses(QueryExists, QueryNotUnderstood, at=AT),
    openapi_extra=_body(EpcisNamedQuery),
)
async def create_epcis_query(request: Request, media: Media, ports: PortsDep, caller: Known) -> Response:
    """Names are your own: nobody else sees your queries."""
    wanted = _taken(EpcisNamedQuery, await sent_json(request))
    await keep_query(ports, viewer_of(caller), wanted.name, wanted.query)
    location = {"location": f"{EPCIS_DOOR}/queries/{quote(wanted.name, safe='')}"}
    return answer(wanted.model_dump(), media, 201, location)


@router.get(
    "/queries",
    summary="Your named queries",
    response_model=list[EpcisNamedQuery],
    responses=ASKED | listing(EpcisNamedQuery),
)
async def list_epcis_queries(
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Known,
    per_page: PerPage = PAGE_DEFAULT,
    token: NextPage = None,
) -> Response:
    """In the order of their names."""
    viewer = viewer_of(caller)
    async with ports.database.read() as connection:
        rows = await list_queries(connection, viewer.id, after=plain_token(token) or "", limit=per_page + 1)
    last = rows[per_page - 1].name if len(rows) > per_page else None
    return answer([_query(row) for row in rows[:per_page]], media, headers=next_link(request, last))


def _query(row: Any) -> dict[str, Any]:
    return {"name": row.name, "query": row.parameters}


@router.get("/queries/{query_name}", summary="A named query", response_model=EpcisNamedQuery, responses=SINGLE | MISSED)
async def get_epcis_query(query_name: Name, request: Request, media: Media, ports: PortsDep, caller: Known) -> Response:
    """Its parameters as you sent them."""
    return answer_single(request, _query(await kept_query(ports, viewer_of(caller), query_name)), media)


@router.delete("/queries/{query_name}", status_code=204, summary="End a named query", responses=ASKED | MISSED)
async def delete_epcis_query(query_name: Name, ports: PortsDep, caller: Known) -> Response:
    """Every subscription to it ends with it."""
    viewer = viewer_of(caller)
    async with ports.begin() as session:
        if not await drop_query(session, viewer.id, query_name):
            raise NoSuchQuery
    return Response(status_code=204)


@router.get(
    "/queries/{query_name}/events",
    summary="The events of a query",
    response_model=EpcisQueryDocument,
    responses=LISTED | MISSED,
)
async def list_epcis_events_of_query(
    query_name: Name,
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Known,
    per_page: PerPage = PAGE_DEFAULT,
    token: NextPage = None,
) -> Response:
    """What answers it now. As a WebSocket, with `stream=true` or a schedule, the same address reports what is new."""
    viewer = viewer_of(caller)
    row = await kept_query(ports, viewer, query_name)
    found = await find_events(ports, viewer, understood(row.parameters), per_page=per_page, token=token)
    return events_answer(request, ports, found, media, name=query_name)


@router.post(
    "/queries/{query_name}/subscriptions",
    status_code=201,
    summary="Be told what is new to a query",
    response_model=EpcisSubscriptionShape,
    responses=SENT | MISSED | refuses(SubscriptionUnclear, DestinationRefused, at=AT),
    openapi_extra=_body(EpcisWanted),
)
async def create_epcis_subscription(
    query_name: Name, request: Request, media: Media, ports: PortsDep, caller: Known
) -> Response:
    """New events are posted to `dest` as an EPCISQueryDocument, once each, signed with your token in `GS1-Signature`.

    The signature is `t=<seconds>,v1=<hex>`, an HMAC-SHA256 of the seconds, a point and the body. What is not taken is sent again
    for days, then the subscription ends; 410 ends it at once.
    """
    viewer = viewer_of(caller)
    await kept_query(ports, viewer, query_name)
    wanted = _taken(EpcisWanted, await sent_json(request))
    asked = Wanted(
        wanted.dest,
        wanted.signatureToken,
        wanted.stream,
        wanted.schedule,
        wanted.reportIfEmpty,
        wanted.initialRecordTime,
    )
    subscription = await subscribe(ports, viewer, query_name, asked)
    async with ports.database.read() as connection:
        row = await find_subscription(connection, viewer.id, query_name, subscription)
    location = {"location": f"{EPCIS_DOOR}/queries/{quote(query_name, safe='')}/subscriptions/{subscription}"}
    return answer(_subscription(row), media, 201, location)


@router.get(
    "/queries/{query_name}/subscriptions",
    summary="Subscriptions to a query",
    response_model=list[EpcisSubscriptionShape],
    responses=ASKED | MISSED | listing(EpcisSubscriptionShape),
)
async def list_epcis_subscriptions(
    query_name: Name,
    request: Request,
    media: Media,
    ports: PortsDep,
    caller: Known,
    per_page: PerPage = PAGE_DEFAULT,
    token: NextPage = None,
) -> Response:
    """Yours, those that have ended too."""
    viewer = viewer_of(caller)
    await kept_query(ports, viewer, query_name)
    async with ports.database.read() as connection:
        rows = await list_subscriptions(
            connection, viewer.id, query_name, after=plain_token(token) or "", limit=per_page + 1
        )
    last = rows[per_page - 1].id if len(rows) > per_page else None
    return answer([_subscription(row) for row in rows[:per_page]], media, headers=next_link(request, last))


def _subscription(row: Any) -> dict[str, Any]:
    shown = {
        "subscriptionID": row.id,
        "dest": row.dest,
        "createdAt": rfc3339(row.created_at),
        "stream": row.stream,
        "reportIfEmpty": row.report_if_empty,
        "minRecordTime": rfc3339(row.since),
        "ended": row.due_at is None,
    }
    further = {
        "schedule": row.schedule,
        "initialRecordTime": row.initial_record_time and rfc3339(row.initial_record_time),
        "lastNotifiedAt": row.last_notified_at and rfc3339(row.last_notified_at),
    }
    return shown | {name: value for name, value in further.items() if value}


@router.get(
    "/queries/{query_name}/subscriptions/{subscription_id}",
    summary="A subscription",
    response_model=EpcisSubscriptionShape,
    responses=SINGLE | MISSED,
)
async def get_epcis_subscription(
    query_name: Name, request: Request, subscription_id: SubscriptionId, media: Media, ports: PortsDep, caller: Known
) -> Response:
    """Never its token."""
    viewer = viewer_of(caller)
    async with ports.database.read() as connection:
        row = await find_subscription(connection, viewer.id, query_name, subscription_id)
    if row is None:
        raise no_such_subscription()
    return answer_single(request, _subscription(row), media)


@router.delete(
    "/queries/{query_name}/subscriptions/{subscription_id}",
    status_code=204,
    summary="End a subscription",
    responses=ASKED | MISSED,
)
async def delete_epcis_subscription(
    query_name: Name, subscription_id: SubscriptionId, ports: PortsDep, caller: Known
) -> Response:
    """Nothing is reported any more."""
    viewer = viewer_of(caller)
    async with ports.begin() as session:
        if not await drop_subscription(session, viewer.id, query_name, subscription_id):
            raise no_such_subscription()
    return Response(status_code=204)


@router.websocket("/queries/{query_name}/events")
async def stream_epcis_events(socket: WebSocket, query_name: str) -> None:
    """Reports of what is new to a query, until either side closes. Whoever may not, or asks for it unclearly, is told why and let go."""
    await socket.accept()
    ports: Ports = socket.app.state.ports
    try:
        viewer = viewer_of(await _caller_of(socket, ports))
        row = await kept_query(ports, viewer, query_name)
        query, asked = understood(row.parameters), dict(socket.query_params)
        schedule = {field: asked[field] for field in RANGES if field in asked} or None
        first_due(asked.get("stream") == "true", schedule, ports.clock.now())
    except Problem as problem:
        await socket.send_json(document(problem, instance=socket.url.path, language="en"))
        await socket.close(_POLICY_VIOLATION)
        return
    try:
        await _report(socket, ports, viewer, query, query_name, schedule)
    except WebSocketDisconnect:
        return
    except Problem as problem:
        await socket.send_json(document(problem, instance=socket.url.path, language="en"))
        await socket.close(_TRY_AGAIN_LATER)


async def _caller_of(socket: WebSocket, ports: Ports) -> Caller:
    """Raises `NotSignedIn`."""
    settings = ports.settings
    async with ports.database.read() as connection:
        return await authenticate(
            connection,
            socket.headers.get("authorization", ""),
            key=settings.key,
            operator_phones=settings.operator_phones,
            now=ports.clock.now(),
            test_keys=settings.environment != "production",
        )


async def _report(
    socket: WebSocket, ports: Ports, viewer: Any, query: Any, name: str, schedule: Mapping[str, str] | None
) -> None:
    since = floor = ports.clock.now()
    told: tuple[str, ...] = ()
    closed = asyncio.create_task(_closed(socket))
    try:
        while not closed.done():
            news = await news_for(ports, viewer, query, since=since, told=told, floor=floor)
            since, told = news.since, news.told
            if news.found.rows:
                await socket.send_json(query_document(news.found.events, ports.clock.now(), name=name))
            if not news.more:
                await asyncio.wait([closed], timeout=_pause_s(ports, schedule))
    finally:
        closed.cancel()


def _pause_s(ports: Ports, schedule: Mapping[str, str] | None) -> float:
    if schedule is None:
        return STREAM_LOOKS_EVERY_S
    now = ports.clock.now()
    due_at = next_after(read(schedule), now)
    return (due_at - now).total_seconds() if due_at else STREAM_LOOKS_EVERY_S


async def _closed(socket: WebSocket) -> None:
    """Ends when the other side leaves; what it says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
