"""Disputes of buyers' banks, their answers, and orders that nobody has paid for after all."""

from typing import Annotated, Final

from fastapi import Path, Request, Response

from app.api.deps import Language, Operator, PortsDep, RequiredClaim, SignedIn, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.answer_dispute import answer_dispute
from app.flows.show_disputes import dispute_shape, show_dispute, show_disputes, show_uncollected
from app.identity.errors import NotSignedIn
from app.orders.uncollected import UncollectedShape
from app.payments.dispute_schemas import DisputeEvidence, DisputeId, DisputeShape
from app.payments.errors import EvidenceTooLate
from app.payments.values import DisputeStatus

router = api_router("payments")
ADisputeId = Annotated[DisputeId, Path()]
_KEYED: Final = (IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress)


@router.get(
    "/disputes", summary="Payments that buyers' banks dispute", responses=refuses(NotSignedIn, Forbidden, Invalid)
)
async def list_disputes(
    caller: SignedIn,
    ports: PortsDep,
    language: Language,
    status: DisputeStatus | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[DisputeShape]:
    """Those of one's producers' orders, the newest first. Operators see all."""
    return await show_disputes(ports, caller, status, cursor, limit, language)


@router.get(
    "/disputes/{dispute_id}",
    summary="Read a dispute",
    response_model=DisputeShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_dispute(
    request: Request, dispute_id: ADisputeId, caller: SignedIn, ports: PortsDep, language: Language
) -> Response:
    """For operators and who may see the accounts of the producers whose goods the order has."""
    return etagged(request, await show_dispute(ports, caller, dispute_id, language))


@router.post(
    "/disputes/{dispute_id}/evidence",
    summary="Answer a dispute",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, EvidenceTooLate, *_KEYED),
)
async def send_evidence(
    dispute_id: ADisputeId,
    command: DisputeEvidence,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    language: Language,
    _: RequiredClaim,
) -> DisputeShape:
    """For operators, once and before `evidence_due_at`: the words go to the bank with what the order proves."""
    return dispute_shape(await answer_dispute(ports, session, caller, dispute_id, command.words), language)


@router.get(
    "/uncollected", summary="Orders whose held money was lost", responses=refuses(NotSignedIn, Forbidden, Invalid)
)
async def list_uncollected(
    _: Operator, ports: PortsDep, language: Language, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[UncollectedShape]:
    """For operators: the hold on the card expired or was given up while the goods were on their way. Be paid another way."""
    return await show_uncollected(ports, cursor, limit, language)
