"""Routes for carriers and operators: what is closed, cancelled, late, added or smaller than usual."""

from typing import Annotated

from fastapi import Depends, Path

from app.api.deps import PortsDep, Reading, Tx, partner_with
from app.api.documents import refuses
from app.api.router import api_router
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows import replan_consignments as replanning
from app.flows.replan_consignments import announce_disruption
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.network import queries
from app.network.errors import CannotLift, DisruptionOver
from app.network.schemas import Code, DisruptionId, DisruptionShape, LiftDisruption, NewDisruption, ServiceId

router = api_router("move")
Carrier = Annotated[Caller, Depends(partner_with(Scope.DISRUPTIONS_WRITE))]


@router.post(
    "/disruptions",
    status_code=201,
    summary="Say what does not run as usual",
    responses=refuses(NotSignedIn, Forbidden, IdTaken, Invalid),
)
async def create_disruption(command: NewDisruption, caller: Carrier, session: Tx, ports: PortsDep) -> DisruptionShape:
    """Close a service, cancel, delay or add a run, or cut what runs carry; hubs and links are closed by operators only.

    New plans go by it at once. Consignments that it reaches are planned anew from where they are, and their buyers told.
    """
    return await announce_disruption(ports, session, caller, command)


@router.post(
    "/disruptions/{disruption_id}/lift",
    summary="Lift or shorten a disruption",
    responses=refuses(NotSignedIn, Forbidden, NotFound, Invalid, DisruptionOver, CannotLift),
)
async def lift_disruption(
    disruption_id: Annotated[DisruptionId, Path()],
    command: LiftDisruption,
    caller: Carrier,
    session: Tx,
    ports: PortsDep,
) -> DisruptionShape:
    """Ends it now, or at `until`; may whoever may make it. What is not over yet can be planned and booked at once; again is harmless.

    Consignments that go another way by now stay on it; those without a way are tried again. A delayed run starts as planned with
    what is booked on it, while its planned start is ahead (later, say a `delay` below zero). An extra run is taken back by cancelling it.
    """
    return await replanning.lift_disruption(ports, session, caller, disruption_id, command)


@router.get("/disruptions", summary="List disruptions", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_disruptions(
    caller: Carrier,
    connection: Reading,
    service: ServiceId | None = None,
    hub: Code | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[DisruptionShape]:
    """Those of hubs and links, and of one's own services (operators: all), the newest first."""
    return await queries.list_disruptions(connection, caller, service=service, hub=hub, cursor=cursor, limit=limit)
