"""The edge to what moves money by machine. Bank and wallet have none: an operator pays from the sheet of a run."""

from typing import Protocol

from app.payouts.values import Instruction, PayoutEvent, Sent


class PayoutChannel(Protocol):
    """Pays verified payees by their `ref`. Every call may be repeated: our own ids are its idempotency keys.

    Raises `UpstreamFailed` when it does not answer in time: it may have acted, and the same call again says so.
    """

    async def send(self, payout: Instruction) -> Sent:
        """Move the money. `news` is `SEND` while it is on its way, `PAY` when it has arrived, `FAIL` when it never will."""

    async def look(self, ref: str) -> PayoutEvent:
        """What has become of a payout that was sent: `SEND` while nothing is known yet."""
