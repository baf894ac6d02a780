"""Routes of the ledger, for a producer's members and for operators."""

from typing import Annotated, Literal

from fastapi import Path, Query

from app.api.deps import Language, Reading, SignedIn
from app.api.documents import refuses
from app.api.router import api_router
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.identity.errors import GrantMissing, NotSignedIn
from app.identity.schemas import ProducerId
from app.identity.service import get_own_producer
from app.ledger.balance import balances
from app.ledger.schemas import Balances, EntryShape
from app.ledger.service import list_entries, shown_balance
from app.ledger.values import AccountKind, AccountRef

router = api_router("accounts")


@router.get(
    "/producers/{producer_id}/balances",
    summary="A producer's balances",
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid),
)
async def read_balances(
    producer_id: Annotated[ProducerId, Path()], caller: SignedIn, connection: Reading, language: Language
) -> Balances:
    """What is sold and not yet released, and what is available for payout; of a co-operative, its shares too. For those who may `see`, and operators."""
    producer = await get_own_producer(connection, caller, producer_id)
    held = await balances(connection, producer.id)
    return Balances(items=[shown_balance(balance, language) for balance in held])


@router.get(
    "/producers/{producer_id}/entries",
    summary="The entries of a producer's account",
    responses=refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid),
)
async def list_account_entries(
    producer_id: Annotated[ProducerId, Path()],
    caller: SignedIn,
    connection: Reading,
    language: Language,
    account: Literal[
        "producer_pending", "producer_available", "cooperative_pending", "cooperative_available"
    ] = "producer_pending",
    currency: Annotated[str, Query(pattern="^[A-Z]{3}$")] = "CNY",
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[EntryShape]:
    """Every line of one account, the newest first. For those who may `see`, and operators."""
    producer = await get_own_producer(connection, caller, producer_id)
    ref = AccountRef(AccountKind(account), producer.id, currency)
    return await list_entries(connection, ref, cursor=cursor, limit=limit, language=language)
