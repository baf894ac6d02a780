"""The edge to what moves money by machine. Bank and wallet have none: an operator pays from the sheet of a run."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from app.payouts.values import AccountState, Instruction, Link, Move, Moved, PayoutEvent, Sent


class PayoutChannel(Protocol):
    """Pays verified payees by their `ref`. Every call may be repeated: our own ids are its idempotency keys.

    Raises `UpstreamFailed` when it does not answer in time: it may have acted, and the same call again says so.
    """

    async def send(self, payout: Instruction) -> Sent:
        """Move the money. `news` is `SEND` while it is on its way, `PAY` when it has arrived, `FAIL` when it never will."""

    async def look(self, ref: str) -> PayoutEvent:
        """What has become of a payout that was sent: `SEND` while nothing is known yet."""


class ConnectedAccounts(PayoutChannel, Protocol):
    """A card provider that keeps an account for each party: money of an order moves there from its charge, and back."""

    async def open_account(self, party_id: str, currency: str) -> str:
        """The provider's name of a fresh account for this party and currency; again within a day, of the same."""

    async def link_to(self, account_ref: str, return_url: str) -> Link:
        """Where the party tells the provider who it is and where its bank is."""

    async def look_at(self, account_ref: str) -> AccountState: ...

    async def transfer(self, move: Move, order_id: str, intent_ref: str) -> str | None:
        """Move money out of the charge of this intent to an account. Answers the provider's name for it; None when it never will."""

    async def reverse(self, move: Move, transfer_ref: str) -> str | None:
        """Take money of a transfer back; None when the account does not have it any more."""

    def list_transfers(self, from_at: datetime, until_at: datetime) -> AsyncIterator[Moved]:
        """What moved to accounts in this time, as it stands now; without what payouts were topped up by."""

    async def close(self) -> None: ...
