"""Routes for carriers and operators: what is closed, and for how long."""

from typing import Annotated

from fastapi import Depends

from app.api.deps import PortsDep, Reading, Tx, partner_with
from app.api.documents import refuses
from app.api.router import api_router
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.network import queries, service
from app.network.schemas import Code, DisruptionShape, NewDisruption, ServiceId

router = api_router("move")
Carrier = Annotated[Caller, Depends(partner_with(Scope.DISRUPTIONS_WRITE))]


@router.post(
    "/disruptions",
    status_code=201,
    summary="Close a service or a hub for a while",
    responses=refuses(NotSignedIn, Forbidden, NotFound, IdTaken, Invalid),
)
async def create_disruption(command: NewDisruption, caller: Carrier, session: Tx, ports: PortsDep) -> DisruptionShape:
    """No run of the service starts, no run calls at the hub (operators only); new plans go round it at once."""
    return await service.create_disruption(session, caller, command, ports.clock.now())


@router.get("/disruptions", summary="List disruptions", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_disruptions(
    caller: Carrier,
    connection: Reading,
    service: ServiceId | None = None,
    hub: Code | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[DisruptionShape]:
    """Closed hubs and one's own closed services (operators: all), the newest first."""
    return await queries.list_disruptions(connection, caller, service=service, hub=hub, cursor=cursor, limit=limit)
