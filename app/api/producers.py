"""Routes of producers: who sells."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.deps import PortsDep, Reading, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged, require_match
from app.api.router import api_router
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows import keep_producer as flow
from app.identity import service
from app.identity.errors import GrantMissing, NotSignedIn, TooManyProducers
from app.identity.schemas import County, NewProducer, ProducerChange, ProducerId, ProducerShape

router = api_router("producers")


@router.post(
    "/producers",
    status_code=201,
    summary="Register a producer",
    response_model=ProducerShape,
    responses=refuses(NotSignedIn, Forbidden, IdTaken, TooManyProducers, Invalid),
)
async def create_producer(
    command: NewProducer, request: Request, caller: SignedIn, session: Tx, ports: PortsDep
) -> Response:
    """Registers a household, farm, cooperative or company; the caller becomes its owner."""
    producer = await flow.register_producer(session, caller, command, ports.clock.now())
    return etagged(request, producer, status=201)


@router.get("/producers", summary="List producers", responses=refuses(Invalid))
async def list_producers(
    connection: Reading,
    county: County | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ProducerShape]:
    """Every producer, the newest first, perhaps of one county. Needs no sign-in; `GET /v1/me` lists one's own."""
    return await service.list_producers(connection, county=county, cursor=cursor, limit=limit)


@router.get(
    "/producers/{producer_id}",
    summary="One producer",
    response_model=ProducerShape,
    responses=NOT_MODIFIED | refuses(NotFound, Invalid),
)
async def read_producer(producer_id: Annotated[ProducerId, Path()], request: Request, connection: Reading) -> Response:
    """What everybody may know of a producer; names no person. Needs no sign-in."""
    return etagged(request, await service.get_producer(connection, producer_id), cache="public, no-cache")


@router.patch(
    "/producers/{producer_id}",
    summary="Change a producer",
    response_model=ProducerShape,
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Changed, Invalid),
)
async def change_producer(
    producer_id: Annotated[ProducerId, Path()],
    command: ProducerChange,
    request: Request,
    caller: SignedIn,
    session: Tx,
) -> Response:
    """Changes the fields that are sent. For its own people who may `list`, and operators; `If-Match` guards against lost changes."""
    present = await service.lock_producer(session, caller, producer_id)
    require_match(request, present)
    return etagged(request, await flow.change_producer(session, present, command))
