"""Goods that go back to their producers."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.deps import Known, Language, PortsDep, RequiredClaim, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.claims.return_schemas import ReturnId, ReturnShape
from app.claims.values import ReturnStatus
from app.core.errors import Forbidden, Invalid, NotFound, StateConflict
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows import bring_back
from app.flows.show_returns import show_return, show_returns
from app.identity.errors import GrantMissing, NotSignedIn
from app.payments.errors import PaymentDisputed

router = api_router("claims")
AReturnId = Annotated[ReturnId, Path()]
_KEYED = (IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress)


@router.get("/returns", summary="Goods that go back", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_returns(
    caller: Known,
    ports: PortsDep,
    language: Language,
    status: ReturnStatus | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ReturnShape]:
    """One's own as a buyer, those of one's producers, those that a carrier brings, or for operators all; the newest first.

    `status=no_way` are those for which no way back was found: an operator books one, or has the goods stay.
    """
    return await show_returns(ports, caller, status, cursor, limit, language)


@router.get(
    "/returns/{return_id}",
    summary="Read a return",
    response_model=ReturnShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_return(
    request: Request, return_id: AReturnId, caller: Known, ports: PortsDep, language: Language
) -> Response:
    """For its buyer, its producer's members, the carriers that bring it, and operators."""
    return etagged(request, await show_return(ports, caller, return_id, language))


@router.post(
    "/returns/{return_id}/keep",
    summary="Leave goods where they are",
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, Invalid, NotFound, StateConflict, PaymentDisputed, *_KEYED),
)
async def keep_goods(
    return_id: AReturnId, caller: SignedIn, session: Tx, ports: PortsDep, language: Language, _: RequiredClaim
) -> ReturnShape:
    """For the producer or an operator, until the goods are handed in: they need not come back, and the money goes back at once."""
    return await bring_back.keep_goods(ports, session, caller, return_id, language)
