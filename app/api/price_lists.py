"""Routes of price lists: what a co-operative sells at other prices, and to whom."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.deps import PortsDep, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged, require_match
from app.api.router import api_router
from app.catalogue import price_lists as service
from app.catalogue.price_list_schemas import NewPriceList, PriceListChange, PriceListId, PriceListShape
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.identity.errors import GrantMissing, NotSignedIn

router = api_router("sell")
AListId = Annotated[PriceListId, Path()]


@router.post(
    "/price-lists",
    status_code=201,
    summary="Make a price list",
    response_model=PriceListShape,
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, IdTaken, Invalid),
)
async def create_price_list(
    command: NewPriceList, request: Request, caller: SignedIn, session: Tx, ports: PortsDep
) -> Response:
    """Other prices of a co-operative's listings, for its members or for buyers that it names; they see them in quotes."""
    return etagged(request, await service.create_list(session, caller, command, ports.clock.now()), status=201)


@router.get("/price-lists", summary="List price lists", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_price_lists(
    caller: SignedIn, session: Tx, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[PriceListShape]:
    """The price lists of one's own co-operatives, newest first."""
    return await service.list_lists(session, caller, cursor, limit)


@router.get(
    "/price-lists/{price_list_id}",
    summary="One price list",
    response_model=PriceListShape,
    responses=NOT_MODIFIED | refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid),
)
async def read_price_list(price_list_id: AListId, request: Request, caller: SignedIn, session: Tx) -> Response:
    """A price list with its buyers and prices, for members of its co-operative only."""
    return etagged(request, await service.get_list(session, caller, price_list_id))


@router.patch(
    "/price-lists/{price_list_id}",
    summary="Change a price list",
    response_model=PriceListShape,
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Changed, Invalid),
)
async def change_price_list(
    price_list_id: AListId,
    command: PriceListChange,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
) -> Response:
    """Changes the fields that are sent; quotes made before are refused. `If-Match` guards against lost changes."""
    row = await service.lock_list(session, caller, price_list_id)
    require_match(request, await service.shape_of(session, row))
    return etagged(request, await service.change_list(session, row, command, ports.clock.now()))


@router.delete(
    "/price-lists/{price_list_id}",
    status_code=204,
    summary="End a price list",
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid),
)
async def end_price_list(price_list_id: AListId, caller: SignedIn, session: Tx, ports: PortsDep) -> None:
    """Ends it: its buyers pay what everybody pays. Orders that were placed stay as they are."""
    await service.end_list(session, await service.lock_list(session, caller, price_list_id), ports.clock.now())
