"""Claims, and the policies that they go by."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.deps import Language, Operator, PortsDep, RequiredClaim, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.orders import AnOrderId
from app.api.router import api_router
from app.claims.errors import ClaimAmountTooHigh, ClaimOpenAlready, ClaimWindowClosed, NotClaimable
from app.claims.schemas import (
    ClaimAnswer,
    ClaimDecision,
    ClaimId,
    ClaimReply,
    ClaimShape,
    NewClaim,
    PoliciesShape,
)
from app.claims.values import ClaimStatus
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows import claim_goods
from app.flows.show_claims import policies_shape, show_claim, show_claims
from app.identity.errors import GrantMissing, NotSignedIn

router = api_router("claims")
AClaimId = Annotated[ClaimId, Path()]
_KEYED = (IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress)


@router.get(
    "/policies", summary="What may be claimed, and who pays", response_model=PoliciesShape, responses=NOT_MODIFIED
)
async def read_policies(request: Request, ports: PortsDep) -> Response:
    """Returns and claims by category, and the reasons to cancel, in both languages. An order goes by what stood here when it was placed."""
    return etagged(request, policies_shape(ports.policies))


@router.post(
    "/orders/{id}/claims",
    status_code=201,
    summary="Claim money back for a line",
    responses=refuses(
        NotSignedIn,
        Forbidden,
        Invalid,
        NotFound,
        StateConflict,
        NotClaimable,
        ClaimWindowClosed,
        ClaimAmountTooHigh,
        ClaimOpenAlready,
        IdTaken,
    ),
)
async def create_claim(
    id: AnOrderId,  # noqa: A002 - the contract's word
    command: NewClaim,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
) -> ClaimShape:
    """For the buyer, after delivery, within the time and with the evidence that the policy of the goods asks for.

    The producer has to answer by `due_at`, else an operator decides. Meanwhile the producer's money for the line is not released.
    """
    return await claim_goods.open_claim(ports, session, caller, id, command, language)


@router.get("/claims", summary="My claims", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_claims(
    caller: SignedIn,
    ports: PortsDep,
    language: Language,
    status: ClaimStatus | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ClaimShape]:
    """Those that one opened or, as a producer, has to answer, the newest first. Operators see all."""
    return await show_claims(ports, caller, status, cursor, limit, language)


@router.get(
    "/claims/{claim_id}",
    summary="Read a claim",
    response_model=ClaimShape,
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_claim(
    request: Request, claim_id: AClaimId, caller: SignedIn, ports: PortsDep, language: Language
) -> Response:
    """For its buyer, its producer's members and operators."""
    return etagged(request, await show_claim(ports, caller, claim_id, language))


@router.post(
    "/claims/{claim_id}/answer",
    summary="Answer a claim",
    responses=refuses(
        NotSignedIn, Forbidden, GrantMissing, Invalid, NotFound, StateConflict, ClaimAmountTooHigh, *_KEYED
    ),
)
async def answer_claim(
    claim_id: AClaimId,
    command: ClaimAnswer,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> ClaimShape:
    """For the producer: accept what is asked, offer a part, or refuse, so that an operator decides."""
    return await claim_goods.answer_claim(ports, session, caller, claim_id, command, language)


@router.post(
    "/claims/{claim_id}/reply",
    summary="Take an offer, dispute it, or withdraw",
    responses=refuses(
        NotSignedIn, Forbidden, GrantMissing, Invalid, NotFound, StateConflict, ClaimAmountTooHigh, *_KEYED
    ),
)
async def reply_to_claim(
    claim_id: AClaimId,
    command: ClaimReply,
    caller: SignedIn,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> ClaimShape:
    """For the buyer who opened it."""
    return await claim_goods.reply_to_claim(ports, session, caller, claim_id, command, language)


@router.post(
    "/claims/{claim_id}/decision",
    summary="Decide a disputed claim",
    responses=refuses(
        NotSignedIn, Forbidden, GrantMissing, Invalid, NotFound, StateConflict, ClaimAmountTooHigh, *_KEYED
    ),
)
async def decide_claim(
    claim_id: AClaimId,
    command: ClaimDecision,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> ClaimShape:
    """For operators: all of what is asked, a part, or nothing, with reasons that both sides read."""
    return await claim_goods.decide_claim(ports, session, caller, claim_id, command, language)
