"""Consignments: what producers hand in, and one journey for those whom it concerns."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.api.deps import Known, Language, PortsDep, Reading, SignedIn
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.core.errors import Forbidden, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.show_cold_chain import show_cold_chain
from app.identity.errors import GrantMissing, NotSignedIn
from app.identity.values import Grant
from app.shipments.cold_schemas import ConsignmentColdChain
from app.shipments.queries import get_journey_for, list_to_hand_in
from app.shipments.schemas import CONSIGNMENT_ID, ConsignmentShape, consignment_shape
from app.shipments.values import ConsignmentStatus

router = api_router("consignments")


@router.get("/consignments", summary="What to hand in", responses=refuses(NotSignedIn, Forbidden))
async def list_consignments(
    caller: SignedIn,
    reading: Reading,
    language: Language,
    status: Annotated[ConsignmentStatus | None, Query(description="Only these; `booked` waits to be handed in")] = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ConsignmentShape]:
    """The consignments of the producers for whom one may `ship`, by the time at which they must be handed in."""
    page = await list_to_hand_in(reading, caller.granted(Grant.SHIP), status, cursor=cursor, limit=limit)
    return Page(items=[consignment_shape(journey, language) for journey in page.items], next_cursor=page.next_cursor)


@router.get(
    "/consignments/{consignment_id}",
    summary="One consignment",
    responses={**refuses(NotSignedIn, GrantMissing, NotFound), **NOT_MODIFIED},
    response_model=ConsignmentShape,
)
async def get_consignment(
    consignment_id: Annotated[str, Path(pattern=CONSIGNMENT_ID)],
    request: Request,
    caller: Known,
    reading: Reading,
    language: Language,
) -> Response:
    """For its buyer, those who may `see` or `ship` for its producer, and operators; anybody else gets 404."""
    journey = await get_journey_for(reading, caller, consignment_id)
    return etagged(request, consignment_shape(journey, language).model_dump_json(by_alias=True).encode())


@router.get(
    "/consignments/{consignment_id}/cold-chain",
    summary="How the goods were kept",
    responses={**refuses(NotSignedIn, GrantMissing, NotFound), **NOT_MODIFIED},
    response_model=ConsignmentColdChain,
)
async def get_cold_chain(
    consignment_id: Annotated[str, Path(pattern=CONSIGNMENT_ID)],
    request: Request,
    caller: Known,
    ports: PortsDep,
    language: Language,
) -> Response:
    """The curve of all readings, the band that they count against, and each stay outside it with its duration and its worst value.

    For whoever may see the consignment, and carriers of its legs (`tracking:read`). It follows from the events alone, which
    nobody can change: evidence for claims. Of animals, also how long they have been on board.
    """
    shape = await show_cold_chain(ports, caller, consignment_id, language)
    return etagged(request, shape.model_dump_json(by_alias=True).encode())
