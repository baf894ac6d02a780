"""Recalls: a lot is called back, and everybody who has goods of it hears of it."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.api.deps import Known, PortsDep, Reading, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.catalogue.schemas import ListingId
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.identity.errors import GrantMissing, NotSignedIn
from app.recalls import queries, service
from app.recalls.schemas import LiftRecall, LotId, NewRecall, RecalledGoods, RecallId, RecallShape

router = api_router("recalls")


@router.post(
    "/lots/{lot_id}/recalls",
    status_code=201,
    summary="Recall a lot",
    responses=refuses(NotSignedIn, GrantMissing, NotFound, IdTaken, StateConflict, Invalid),
)
async def create_recall(
    lot_id: Annotated[LotId, Path()],
    command: NewRecall,
    caller: Known,
    session: Tx,
    ports: PortsDep,
    listing: Annotated[ListingId | None, Query(description="Whose lot, when two have one id")] = None,
) -> RecallShape:
    """From now on nothing of the lot is sold; every order with goods of it is noted, and its buyer told, once.

    For those who may `ship` for the producer, and operators. An order that is being placed is in the recall, or refused.
    """
    recall = await service.recall_lot(session, caller, lot_id, listing, command, ports.clock.now())
    return await queries.get_recall(session, caller, recall.id)


@router.get("/recalls", summary="List recalls", responses=refuses(NotSignedIn, Invalid))
async def list_recalls(
    caller: Known,
    reading: Reading,
    standing: Annotated[bool, Query(description="Only those that are not lifted")] = False,  # noqa: FBT002 - a query
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[RecallShape]:
    """Those of one's producers, for operators all, the newest first."""
    return await queries.list_recalls(reading, caller, standing=standing, cursor=cursor, limit=limit)


@router.get(
    "/recalls/{recall_id}",
    summary="One recall",
    response_model=RecallShape,
    responses={**refuses(NotSignedIn, NotFound), **NOT_MODIFIED},
)
async def get_recall(
    recall_id: Annotated[RecallId, Path()], request: Request, caller: Known, reading: Reading
) -> Response:
    """For its producer's people, and operators."""
    return etagged(request, await queries.get_recall(reading, caller, recall_id))


@router.get(
    "/recalls/{recall_id}/consignments", summary="What a recall concerns", responses=refuses(NotSignedIn, NotFound)
)
async def list_recalled(
    recall_id: Annotated[RecallId, Path()],
    caller: Known,
    reading: Reading,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[RecalledGoods]:
    """Every order line with goods of the lot, its consignment and where that is now; operators see the buyers too."""
    return await queries.list_recalled(reading, caller, recall_id, cursor=cursor, limit=limit)


@router.post(
    "/recalls/{recall_id}/lift",
    summary="Lift a recall",
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid),
)
async def lift_recall(
    recall_id: Annotated[RecallId, Path()], command: LiftRecall, caller: Known, session: Tx, ports: PortsDep
) -> RecallShape:
    """What is left of the lot is sold again, and whoever was told is told that; again is harmless.

    What an operator called back only an operator lifts.
    """
    recall = await service.lift_recall(session, caller, recall_id, command, ports.clock.now())
    return await queries.get_recall(session, caller, recall.id)
