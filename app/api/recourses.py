"""Losses that carriers have to bear."""

from typing import Annotated

from fastapi import Depends, Path, Request, Response

from app.api.claims import AClaimId
from app.api.deps import Known, Language, Operator, PortsDep, RequiredClaim, Tx, partner_with
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.claims.errors import ClaimAmountTooHigh
from app.claims.recourse_schemas import NewRecourse, RecourseAnswer, RecourseId, RecourseReversal, RecourseShape
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows import pass_on_loss
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope

router = api_router("claims")
ARecourseId = Annotated[RecourseId, Path()]
Carrier = Annotated[Caller, Depends(partner_with(Scope.TRACKING_WRITE))]
_KEYED = (IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress)


@router.post(
    "/claims/{claim_id}/recourse",
    status_code=201,
    summary="Pass a loss on to a carrier",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, ClaimAmountTooHigh, IdTaken, *_KEYED),
)
async def create_recourse(
    claim_id: AClaimId,
    command: NewRecourse,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> RecourseShape:
    """For operators, of a settled claim: the ride on which it happened, with the tracking events that show it.

    The carrier's freight pays at once what producer and platform gave back, in the parts in which they did.
    """
    return await pass_on_loss.pass_on(ports, session, caller, claim_id, command, language)


@router.get("/recourses", summary="Losses passed on", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_recourses(
    caller: Known, ports: PortsDep, language: Language, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[RecourseShape]:
    """A carrier's own (with `statements:read`), those for one's producers, or for operators all; the newest first."""
    return await pass_on_loss.show_recourses(ports, caller, cursor, limit, language)


@router.get(
    "/recourses/{recourse_id}",
    summary="Read a loss that was passed on",
    response_model=RecourseShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_recourse(
    request: Request, recourse_id: ARecourseId, caller: Known, ports: PortsDep, language: Language
) -> Response:
    """For its carrier, its producer's members and operators."""
    return etagged(request, await pass_on_loss.show_recourse(ports, caller, recourse_id, language))


@router.post(
    "/recourses/{recourse_id}/answer",
    summary="Answer as the carrier",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, *_KEYED),
)
async def answer_recourse(
    recourse_id: ARecourseId,
    command: RecourseAnswer,
    caller: Carrier,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> RecourseShape:
    """For the carrier (`tracking:write`): accept or contest, once. An operator who is convinced takes it back."""
    return await pass_on_loss.answer_recourse(ports, session, caller, recourse_id, command, language)


@router.post(
    "/recourses/{recourse_id}/reversal",
    summary="Take a loss back from a carrier",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict, *_KEYED),
)
async def reverse_recourse(
    recourse_id: ARecourseId,
    command: RecourseReversal,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> RecourseShape:
    """For operators, with reasons: the carrier's freight is whole again."""
    return await pass_on_loss.reverse_recourse(ports, session, caller, recourse_id, command, language)
