"""Listings: what producers sell. Reading them needs no sign-in."""

import re
from typing import Annotated, Final

from fastapi import Path, Query, Request, Response

from app.api.deps import PortsDep, Reading, SignedIn, Tx, caller_of, ports_of
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged, require_match
from app.api.router import api_router
from app.catalogue import lots, queries, service
from app.catalogue.errors import NO_LISTING, AnimalSold, ListingIncomplete, StockTaken
from app.catalogue.rules import is_public
from app.catalogue.schemas import (
    Harvest,
    ListingCard,
    ListingChange,
    ListingId,
    ListingShape,
    LotChange,
    LotId,
    LotShape,
    NewListing,
    NewLot,
    ProducerId,
)
from app.catalogue.values import QUERY_LENGTH_MAX, Category, ListingEvent, ListingStatus, Rendered, Sort, Wanted
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.limits import AMOUNT_MINOR_MAX
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.confirm_harvest import confirm_harvest as bring_in
from app.flows.publish_listing import publish_listing as put_on_sale
from app.identity.errors import GrantMissing, NotSignedIn

router = api_router("sell")
AListingId = Annotated[ListingId, Path()]
ALotId = Annotated[LotId, Path()]
County = Annotated[
    str,
    Query(
        pattern="^[1-9][0-9](?:[0-9]{2}(?:[0-9]{2})?)?$",
        description="Adcode of a province (2 digits), prefecture (4) or county (6)",
    ),
]
_VERSION: Final = re.compile(r'^(?:W/)?"([0-9]{1,9})-[0-9.]+"$')
_MINE: Final = (NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid)


@router.post(
    "/listings",
    status_code=201,
    summary="Draft a listing",
    response_model=ListingShape,
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, IdTaken, Invalid),
)
async def create_listing(
    command: NewListing, request: Request, caller: SignedIn, session: Tx, ports: PortsDep
) -> Response:
    """Drafts a listing of one of the caller's producers. It may be incomplete; unknown or wrong attributes are refused."""
    return _tagged(request, await service.create_listing(session, caller, command, ports.clock.now()), 201)


@router.get(
    "/listings",
    summary="List listings",
    response_model=Page[ListingCard],
    responses=NOT_MODIFIED | refuses(NotSignedIn, NotFound, Invalid),
)
async def list_listings(
    request: Request,
    category: Category | None = None,
    q: Annotated[
        str, Query(max_length=QUERY_LENGTH_MAX, description="Words in any script; all of them are looked for")
    ] = "",
    county: County | None = None,
    max_price: Annotated[
        int | None, Query(ge=0, le=AMOUNT_MINOR_MAX, description="Minor units for one unit of the goods")
    ] = None,
    producer: ProducerId | None = None,
    cooperative: Annotated[
        ProducerId | None, Query(description="All that is sold under the roof of this co-operative, its own goods too")
    ] = None,
    status: Annotated[
        ListingStatus, Query(description="Another than `published` only for one's own producer")
    ] = ListingStatus.PUBLISHED,
    sort: Annotated[Sort, Query(description="Only what is published is sorted by price")] = Sort.NEWEST,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """What is on sale, the newest or the cheapest first; those who act for a producer also find its drafts. Needs no sign-in."""
    wanted = Wanted(category, q, county or "", max_price, producer or "", status, sort, cooperative or "")
    if status is not ListingStatus.PUBLISHED:
        service.require_member(await caller_of(request), wanted)
    ports = ports_of(request)
    async with ports.database.read() as connection:
        page = await queries.list_listings(connection, wanted, cursor=cursor, limit=limit, now=ports.clock.now())
    return etagged(request, page, cache="public, no-cache")


@router.get(
    "/listings/{listing_id}",
    summary="One listing",
    response_model=ListingShape,
    responses=NOT_MODIFIED | refuses(NotSignedIn, NotFound, Invalid),
)
async def read_listing(listing_id: AListingId, request: Request) -> Response:
    """A listing with what can be had of it now. Needs no sign-in; drafts are shown to their sellers only."""
    ports = ports_of(request)
    async with ports.database.read() as connection:
        rendered = await queries.find_listing(connection, listing_id, ports.clock.now())
    if rendered is None:
        raise NotFound(what=NO_LISTING)
    if not is_public(rendered.status):
        service.require_seller(await caller_of(request), rendered)
    return _tagged(request, rendered)


@router.patch(
    "/listings/{listing_id}",
    summary="Change a listing",
    response_model=ListingShape,
    responses=refuses(*_MINE, StateConflict, Changed, ListingIncomplete),
)
async def change_listing(
    listing_id: AListingId, command: ListingChange, request: Request, caller: SignedIn, session: Tx, ports: PortsDep
) -> Response:
    """Changes the fields that are sent. `If-Match` guards against lost changes; stock does not count as one."""
    versions = _versions(request.headers.get("if-match"))
    return _tagged(
        request, await service.change_listing(session, caller, listing_id, command, versions, ports.clock.now())
    )


@router.post(
    "/listings/{listing_id}/publish",
    summary="Put a listing on sale",
    response_model=ListingShape,
    responses=refuses(*_MINE, StateConflict, ListingIncomplete),
)
async def publish_listing(
    listing_id: AListingId, request: Request, caller: SignedIn, session: Tx, ports: PortsDep
) -> Response:
    """Shows the listing to everybody, or names everything that it still lacks."""
    return _tagged(request, await put_on_sale(session, caller, listing_id, ports.clock.now()))


@router.post(
    "/listings/{listing_id}/pause",
    summary="Take a listing off sale for a while",
    response_model=ListingShape,
    responses=refuses(*_MINE, StateConflict),
)
async def pause_listing(
    listing_id: AListingId, request: Request, caller: SignedIn, session: Tx, ports: PortsDep
) -> Response:
    """Nobody can order it until it is published again; orders already placed stand. Operators may do this too."""
    now = ports.clock.now()
    return _tagged(request, await service.end_sale(session, caller, listing_id, ListingEvent.PAUSE, now))


@router.post(
    "/listings/{listing_id}/archive",
    summary="Take a listing off sale for good",
    response_model=ListingShape,
    responses=refuses(*_MINE, StateConflict),
)
async def archive_listing(
    listing_id: AListingId, request: Request, caller: SignedIn, session: Tx, ports: PortsDep
) -> Response:
    """Nobody finds it any more; orders already placed stand. Operators may do this too."""
    now = ports.clock.now()
    return _tagged(request, await service.end_sale(session, caller, listing_id, ListingEvent.ARCHIVE, now))


@router.post(
    "/listings/{listing_id}/lots",
    status_code=201,
    summary="Add stock",
    response_model=LotShape,
    responses=refuses(*_MINE, IdTaken, StateConflict),
)
async def add_lot(
    listing_id: AListingId, command: NewLot, request: Request, caller: SignedIn, session: Tx, ports: PortsDep
) -> Response:
    """Adds a lot to a listing: goods that came in together, with their harvest, ear tags and certificates."""
    return etagged(request, await lots.add_lot(session, caller, listing_id, command, ports.clock.now()), status=201)


@router.get(
    "/listings/{listing_id}/lots",
    summary="List the stock",
    responses=refuses(NotSignedIn, Forbidden, NotFound, Invalid),
)
async def list_lots(
    listing_id: AListingId,
    caller: SignedIn,
    connection: Reading,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[LotShape]:
    """The lots of a listing with what is reserved and sold of each, for its sellers, the newest first."""
    return await lots.list_lots(connection, caller, listing_id, cursor=cursor, limit=limit)


@router.get(
    "/listings/{listing_id}/lots/{lot_id}",
    summary="One lot",
    response_model=LotShape,
    responses=NOT_MODIFIED | refuses(*_MINE),
)
async def read_lot(
    listing_id: AListingId, lot_id: ALotId, request: Request, caller: SignedIn, connection: Reading
) -> Response:
    """A lot with what is reserved and sold of it, for its sellers."""
    return etagged(request, await lots.get_lot(connection, caller, listing_id, lot_id))


@router.patch(
    "/listings/{listing_id}/lots/{lot_id}",
    summary="Correct a lot",
    response_model=LotShape,
    responses=refuses(*_MINE, StateConflict, StockTaken, AnimalSold, Changed),
)
async def change_lot(
    listing_id: AListingId,
    lot_id: ALotId,
    command: LotChange,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
) -> Response:
    """Corrects a count, tags, or dates, or renews a certificate. `If-Match` guards against lost changes; a sale is one."""
    require_match(request, await lots.lock_lot(session, caller, listing_id, lot_id))
    return etagged(request, await lots.change_lot(session, caller, listing_id, lot_id, command, ports.clock.now()))


@router.post(
    "/listings/{listing_id}/lots/{lot_id}/confirm-harvest",
    summary="Say what was harvested",
    response_model=LotShape,
    responses=refuses(*_MINE, StateConflict),
)
async def confirm_harvest(
    listing_id: AListingId,
    lot_id: ALotId,
    command: Harvest,
    request: Request,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
) -> Response:
    """What really came of a forecast that was sold ahead. If it is too little, who ordered first is served first; the other
    orders are cancelled, what was paid goes back, and the buyers are told.
    """
    lot = await bring_in(session, caller, listing_id, lot_id, command, ports.clock.now())
    return etagged(request, lot)


def _tagged(request: Request, rendered: Rendered, status: int = 200) -> Response:
    """The listing with its ETag, which is its version and its stock; 304 when the client has it already."""
    headers = {
        "etag": rendered.etag,
        "cache-control": "public, no-cache" if is_public(rendered.status) else "private, no-cache",
    }
    known = request.headers.get("if-none-match", "")[:1000] if request.method == "GET" else ""
    if rendered.etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(rendered.body, status, headers, "application/json")


def _versions(if_match: str | None) -> set[int] | None:
    """The versions that `If-Match` allows; None when it allows any. The stock in a tag does not matter here."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = (_VERSION.match(tag.strip()) for tag in if_match[:1000].split(","))
    return {int(tag[1]) for tag in tags if tag}
