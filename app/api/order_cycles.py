"""Routes of order cycles: when a producer takes orders for its next departure."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.deps import PortsDep, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged, require_match
from app.api.router import api_router
from app.catalogue.cycle_schemas import CycleId, CycleListings, NewOrderCycle, OrderCycleChange, OrderCycleShape
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows import keep_cycle as flow
from app.identity.errors import GrantMissing, NotSignedIn
from app.identity.schemas import ProducerId

router = api_router("sell")


@router.post(
    "/order-cycles",
    status_code=201,
    summary="Take orders in windows",
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, IdTaken, Invalid),
)
async def create_order_cycle(command: NewOrderCycle, caller: SignedIn, session: Tx, ports: PortsDep) -> OrderCycleShape:
    """Orders are taken in windows that close in time for a departure: cut-off, dwell and lead time before it."""
    return await flow.open_cycle(ports, session, caller, command)


@router.get("/order-cycles", summary="List order cycles", responses=refuses(Invalid))
async def list_order_cycles(
    ports: PortsDep, producer: ProducerId | None = None, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[OrderCycleShape]:
    """Everybody's order cycles with their next windows, newest first, perhaps of one producer. Needs no sign-in."""
    return await flow.show_cycles(ports, producer, cursor, limit)


@router.get(
    "/order-cycles/{cycle_id}",
    summary="One order cycle",
    response_model=OrderCycleShape,
    responses=NOT_MODIFIED | refuses(NotFound, Invalid),
)
async def read_order_cycle(cycle_id: Annotated[CycleId, Path()], request: Request, ports: PortsDep) -> Response:
    """An order cycle with its next windows. Needs no sign-in."""
    return etagged(request, await flow.show_cycle(ports, cycle_id), cache="public, no-cache")


@router.patch(
    "/order-cycles/{cycle_id}",
    summary="Change an order cycle",
    response_model=OrderCycleShape,
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Changed, Invalid),
)
async def change_order_cycle(
    cycle_id: Annotated[CycleId, Path()],
    command: OrderCycleChange,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
) -> Response:
    """Changes the fields that are sent, for members of its producer; orders that were placed stay. `If-Match` guards against lost changes."""
    require_match(request, await flow.lock_for_change(ports, session, caller, cycle_id))
    return etagged(request, await flow.change_terms(ports, session, caller, cycle_id, command))


@router.delete(
    "/order-cycles/{cycle_id}",
    status_code=204,
    summary="End an order cycle",
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid),
)
async def end_order_cycle(cycle_id: Annotated[CycleId, Path()], caller: SignedIn, session: Tx, ports: PortsDep) -> None:
    """Ends it, for members of its producer: no more windows, and its listings are ordered at any time again. Orders that were placed stay."""
    await flow.close_cycle(ports, session, caller, cycle_id)


@router.post(
    "/order-cycles/{cycle_id}/listings",
    summary="Say what is ordered in the cycle",
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid),
)
async def put_listings_in_cycle(
    cycle_id: Annotated[CycleId, Path()], command: CycleListings, caller: SignedIn, session: Tx, ports: PortsDep
) -> OrderCycleShape:
    """Exactly these listings of the producer are ordered in the windows of this cycle only; the list replaces the former one."""
    return await flow.put_in_cycle(ports, session, caller, cycle_id, command.listings)
