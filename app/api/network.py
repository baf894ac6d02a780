"""Routes for operators: the whole network at once, and how full the departures of a day are."""

from datetime import date
from typing import Annotated

from fastapi import Query, Request, Response

from app.api.deps import Language, Operator, PortsDep, Reading
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.core.clock import LEGAL_TIME
from app.core.errors import Forbidden, Invalid
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.show_network import show_network
from app.identity.errors import NotSignedIn
from app.network.overview import DepartureShape, NetworkShape
from app.network.overview import list_departures as list_booked

router = api_router("move")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


@router.get(
    "/network",
    summary="The whole network at once",
    response_model=NetworkShape,
    responses=NOT_MODIFIED | refuses(NotSignedIn, Forbidden),
)
async def read_network(request: Request, ports: PortsDep, _operator: Operator, language: Language) -> Response:
    """Every hub and link of the present timetable, the services that are closed now, and those that are planned."""
    return etagged(request, await show_network(ports, language), headers={"content-language": language})


@router.get("/departures", summary="Departures of a day by fill", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_departures(
    connection: Reading,
    _operator: Operator,
    ports: PortsDep,
    on: Annotated[
        date | None,
        Query(ge=FIRST_DAY, le=LAST_DAY, description="The day on which runs start, in UTC+8; today without it"),
    ] = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[DepartureShape]:
    """The runs of a day with anything booked on them, the fullest first, stretch by stretch. Whatever is not listed is empty."""
    day = on or ports.clock.now().astimezone(LEGAL_TIME).date()
    return await list_booked(connection, day, cursor=cursor, limit=limit)
