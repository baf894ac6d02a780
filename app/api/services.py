"""Routes for carriers: their services. Each sees and changes its own; operators all."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from app.api.deps import Language, PortsDep, Reading, Tx, partner_with
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged, require_match
from app.api.router import api_router
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.network import queries, service, timetables
from app.network.schemas import NewService, ServiceChange, ServiceId, ServiceShape
from app.network.timetable_schemas import NewTimetable, TimetableShape
from app.network.values import Mode, ServiceStatus

router = api_router("move")
Carrier = Annotated[Caller, Depends(partner_with(Scope.SERVICES_WRITE))]


@router.post(
    "/services",
    status_code=201,
    summary="Put a service on the network",
    response_model=ServiceShape,
    responses=refuses(NotSignedIn, Forbidden, IdTaken, Invalid),
)
async def create_service(
    command: NewService, request: Request, caller: Carrier, session: Tx, ports: PortsDep, language: Language
) -> Response:
    """Adds a line by timetable or on demand; new plans may use it at once. Every fault is named at once."""
    created = await service.create_service(session, caller, command, ports.clock.now(), language)
    return etagged(request, created, status=201)


@router.get("/services", summary="List own services", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_services(
    caller: Carrier,
    connection: Reading,
    language: Language,
    mode: Mode | None = None,
    status: ServiceStatus | None = None,
    timetable_of: Annotated[ServiceId, Query(description="Only the other timetables of this service")] | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ServiceShape]:
    """The services of one's own carrier, by id; operators see all."""
    return await queries.list_services(
        connection,
        caller,
        mode=mode,
        status=status,
        timetable_of=timetable_of,
        cursor=cursor,
        limit=limit,
        language=language,
    )


@router.get(
    "/services/{service_id}",
    summary="One service",
    response_model=ServiceShape,
    responses=NOT_MODIFIED | refuses(NotSignedIn, Forbidden, NotFound, Invalid),
)
async def read_service(
    service_id: Annotated[ServiceId, Path()], request: Request, caller: Carrier, connection: Reading, language: Language
) -> Response:
    """A service of one's own carrier with its stops, tariff and capacity."""
    return etagged(request, await queries.get_service(connection, caller, service_id, language))


@router.patch(
    "/services/{service_id}",
    summary="Change a service",
    response_model=ServiceShape,
    responses=refuses(NotSignedIn, Forbidden, NotFound, Changed, Invalid),
)
async def change_service(
    service_id: Annotated[ServiceId, Path()],
    command: ServiceChange,
    request: Request,
    caller: Carrier,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> Response:
    """Changes the fields that are sent; what is booked stays booked. `If-Match` guards against lost changes."""
    present = await service.lock_service(session, caller, service_id, language)
    require_match(request, present)
    changed = await service.change_service(session, present, command, ports.clock.now(), language)
    return etagged(request, changed)


@router.get(
    "/services/{service_id}/timetables",
    summary="List the timetables of a service",
    responses=refuses(NotSignedIn, Forbidden, NotFound, Invalid),
)
async def list_timetables(
    service_id: Annotated[ServiceId, Path()],
    caller: Carrier,
    connection: Reading,
    ports: PortsDep,
    language: Language,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[TimetableShape]:
    """Its own and every other one, by id, with the days of each and which are live today; the id of any of them will do."""
    today = ports.clock.now().date()
    return await queries.list_timetables(
        connection, caller, service_id, today, cursor=cursor, limit=limit, language=language
    )


@router.post(
    "/services/{service_id}/timetables",
    status_code=201,
    summary="Give a service another timetable from a day on",
    response_model=ServiceShape,
    responses=refuses(NotSignedIn, Forbidden, NotFound, IdTaken, Invalid),
)
async def create_timetable(
    service_id: Annotated[ServiceId, Path()],
    command: NewTimetable,
    request: Request,
    caller: Carrier,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> Response:
    """Departures, tariff and capacity from `valid_from` on, or until `valid_until` for a holiday; the timetable before rests meanwhile."""
    now = ports.clock.now()
    created = await timetables.create_timetable(session, caller, service_id, command, now, language)
    return etagged(request, created, status=201)
