"""Connected accounts without a provider, for tests of what clients see: opened and linked to, and nothing moves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from app.payouts.values import AccountState, Instruction, Link, Move, Moved, PayoutEvent, Sent


class AccountsOnPaper:
    """Every account is accepted, and no money ever arrives."""

    async def open_account(self, party_id: str, currency: str) -> str:
        return f"acct_{party_id}_{currency}"

    async def link_to(self, account_ref: str, return_url: str) -> Link:
        return Link(f"https://accounts.example/{account_ref}?back={return_url}", datetime(2026, 4, 1, tzinfo=UTC))

    async def look_at(self, account_ref: str) -> AccountState:
        return AccountState(ready=True, asked=())

    async def transfer(self, move: Move, order_id: str, intent_ref: str) -> str | None:
        return None

    async def reverse(self, move: Move, transfer_ref: str) -> str | None:
        return None

    async def list_transfers(self, from_at: datetime, until_at: datetime) -> AsyncIterator[Moved]:
        for each in ():
            yield each

    async def send(self, payout: Instruction) -> Sent:
        return Sent(payout.payout_id, PayoutEvent.SEND)

    async def look(self, ref: str) -> PayoutEvent:
        return PayoutEvent.SEND

    async def close(self) -> None:
        return None
