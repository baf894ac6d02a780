"""Weigh-ins: what the hub's scale showed, and the buyer's word on what is outside the tolerance."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from app.api.deps import Known, Language, PortsDep, RequiredClaim, SignedIn, Tx, partner_with
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows import weigh_in
from app.flows.show_weigh_ins import show_weigh_in, show_weigh_ins
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.shipments.errors import GoodsUnderWay, NotSoldByWeight, SignatureWrong, WeighedAlready, WeightDoesNotFit
from app.shipments.schemas import CONSIGNMENT_ID
from app.shipments.weigh_in_schemas import NewWeighIn, WeighInDecision, WeighInId, WeighInShape
from app.shipments.weighing import WeighInStatus

router = api_router("weigh-ins")
Weigher = Annotated[Caller, Depends(partner_with(Scope.WEIGH_INS_WRITE))]
AWeighInId = Annotated[WeighInId, Path()]
_KEYED = (IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress)


@router.post(
    "/consignments/{consignment_id}/weigh-ins",
    status_code=201,
    summary="Weigh goods in",
    responses=refuses(
        NotSignedIn,
        Forbidden,
        Invalid,
        NotFound,
        StateConflict,
        NotSoldByWeight,
        WeighedAlready,
        SignatureWrong,
        WeightDoesNotFit,
        IdTaken,
    ),
)
async def create_weigh_in(
    consignment_id: Annotated[str, Path(pattern=CONSIGNMENT_ID)],
    command: NewWeighIn,
    caller: Weigher,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> WeighInShape:
    """For the carrier of the first ride, with the scope `weigh_ins:write`, or an operator: one line, before it is delivered.

    Within the tolerance the line is settled at once: its price, carriage, commission, emissions and what is paid or goes back change
    together. Outside it the buyer is asked. Until the goods depart, another weigh-in corrects the first.
    """
    return await weigh_in.record_weigh_in(ports, session, caller, consignment_id, command, language)


@router.get("/weigh-ins", summary="Weigh-ins", responses=refuses(NotSignedIn, Invalid))
async def list_weigh_ins(
    caller: Known,
    ports: PortsDep,
    language: Language,
    consignment: Annotated[str | None, Query(pattern=CONSIGNMENT_ID)] = None,
    status: WeighInStatus | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[WeighInShape]:
    """Of what one bought or sells, or recorded as a carrier, the newest first. Operators see all."""
    return await show_weigh_ins(
        ports, caller, consignment=consignment, status=status, cursor=cursor, limit=limit, language=language
    )


@router.get(
    "/weigh-ins/{weigh_in_id}",
    summary="Read a weigh-in",
    response_model=WeighInShape,
    responses=refuses(NotSignedIn, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_weigh_in(
    request: Request, weigh_in_id: AWeighInId, caller: Known, ports: PortsDep, language: Language
) -> Response:
    """For its buyer, its producer's members, who recorded it, and operators."""
    return etagged(request, await show_weigh_in(ports, caller, weigh_in_id, language))


@router.post(
    "/weigh-ins/{weigh_in_id}/decision",
    summary="Accept or decline a weight",
    responses=refuses(
        NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, GoodsUnderWay, WeightDoesNotFit, *_KEYED
    ),
)
async def decide_weigh_in(
    weigh_in_id: AWeighInId,
    command: WeighInDecision,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> WeighInShape:
    """For the buyer, while it waits for him, or an operator. Declined goods are taken off the order and cost nothing; the others travel on."""
    return await weigh_in.decide_weigh_in(ports, session, caller, weigh_in_id, command, language)
