"""The story of money that is owed for refused goods which can neither be claimed nor sent back: it is not owed for ever."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from app.claims.models import BuyerClaim
from app.claims.service import claims_of_lines
from app.core.database import Session
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money
from app.flows.ports import Ports
from app.ledger.rules import write_off_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import State, Transfer, TransferKind
from app.orders.models import Order, OrderLine
from app.orders.policies import write_off_of
from app.orders.service import list_lines, lock_order, settle_line
from app.payments.disputes import is_disputed

LATER = timedelta(days=1)


async def write_off_later(session: Session, order: Order, claimed_by: datetime) -> None:
    """What was not paid at the door is looked at when its terms say so, and nothing of the order can be claimed any more."""
    lines = await list_lines(session, order.id)
    if not any(line.uncollected_minor for line in lines):
        return
    assert order.delivered_at is not None
    run_at = max(order.delivered_at + write_off_of(order.terms), claimed_by)
    await enqueue(session, [Job("refusal.write_off", {"order": order.id}, run_at=run_at)])


async def write_off(ports: Ports, order: str) -> None:
    """Job: what is still owed for refused goods is the platform's from now on. Waits while a claim or a bank has to decide.

    Harmless when it runs twice: what was written off stands on the line.
    """
    now = ports.clock.now()
    async with ports.begin() as session:
        row = await lock_order(session, order)
        claims = await claims_of_lines(session, order)
        if any(claim.due_at is not None for claim in claims) or await is_disputed(session, order):
            await enqueue(session, [Job("refusal.write_off", {"order": order}, run_at=now + LATER)])
            return
        owed = still_owed(await list_lines(session, order), claims)
        for line in await list_lines(session, order):
            if owed.get(line.id):
                await settle_line(session, line, {"written_off_minor": owed[line.id]})
        if owed:
            amount = Money(sum(owed.values()), row.currency)
            entries = write_off_entries(row.buyer_id, amount)
            transfer = Transfer(new_id("trf"), TransferKind.WRITE_OFF, order, State.POSTED, entries)
            await record_transfers(session, [transfer], now)


def still_owed(lines: Iterable[OrderLine], claims: Iterable[BuyerClaim]) -> Mapping[str, int]:
    """By line what was not paid at the door, and no grant has ended since. Pure."""
    ended: dict[str, int] = {}
    for claim in claims:
        ended[claim.line_id] = ended.get(claim.line_id, 0) + claim.unpaid_minor
    owed = {
        line.id: (line.uncollected_minor or 0) - ended.get(line.id, 0)
        for line in lines
        if line.written_off_minor is None
    }
    return {line: amount for line, amount in owed.items() if amount > 0}
