"""The story of what is released to producers moving on to their own accounts at the card provider, order by order, and back."""

from app.core.errors import UpstreamFailed
from app.core.jobs import Job, enqueue
from app.core.money import Money
from app.flows.ports import Ports
from app.ledger.rules import available_by_owner
from app.ledger.service import transfers_of
from app.orders.service import lock_order
from app.payments.service import get_payment_of
from app.payments.values import PaymentMethod, PaymentStatus
from app.payouts.moves import (
    note_reversal,
    note_transfer,
    orders_with_moves_waiting,
    plan_moves,
    waiting_reversals,
    waiting_transfers,
)
from app.payouts.payees import find_payee, lock_payee
from app.payouts.values import Channel, Move, PayeeStatus

ORDERS_PER_SWEEP_MAX = 500


async def align_order(ports: Ports, order: str) -> None:
    """Job: what producers have available of this order has changed, so that their accounts get more of it, or give some back.

    Looks at where things stand, not at what happened: it may run as often as it likes, in any order, and beside itself.
    """
    connect, now = ports.connect, ports.clock.now()
    if connect is None:
        return
    async with ports.begin() as session:
        row = await lock_order(session, order)
        payment = await get_payment_of(session, order)
        if payment.method is not PaymentMethod.STRIPE or payment.status not in (
            PaymentStatus.PAID,
            PaymentStatus.REFUNDED,
        ):
            return
        due_minor = available_by_owner(await transfers_of(session, order))
        for owner, due in sorted(due_minor.items()):
            payee = await find_payee(session, owner, row.currency)
            if payee is None or payee.channel is not Channel.STRIPE or payee.ref is None:
                continue
            # Who holds it alone plans what moves: what is withheld of one order is not withheld of another as well.
            payee = await lock_payee(session, payee.id)
            if payee.ref is not None and payee.status is PayeeStatus.VERIFIED:
                await plan_moves(
                    session,
                    order_id=order,
                    party_id=owner,
                    account_ref=payee.ref,
                    currency=row.currency,
                    due_minor=max(due, 0),
                    now=now,
                )
        there = list(await waiting_transfers(session, order))
    for transfer in there:
        move = Move(transfer.id, transfer.account_ref, Money(transfer.amount_minor, transfer.currency))
        if payment.provider_ref is None:
            raise UpstreamFailed(service="Stripe")
        ref = await connect.transfer(move, order, payment.provider_ref)
        async with ports.begin() as session:
            await note_transfer(session, transfer.id, ref, now)
    await _take_back(ports, order)


async def _take_back(ports: Ports, order: str) -> None:
    """What is to come back is asked back; what the account no longer has is short, and withheld of what comes next."""
    assert ports.connect is not None
    async with ports.begin() as session:
        back = await waiting_reversals(session, order)
    for reversal, transfer in back:
        move = Move(reversal.id, transfer.account_ref, Money(reversal.amount_minor, transfer.currency))
        ref = await ports.connect.reverse(move, transfer.ref) if transfer.ref else None
        async with ports.begin() as session:
            await note_reversal(session, reversal.id, ref, ports.clock.now())


async def align_waiting(ports: Ports) -> None:
    """Periodic: orders of which something was written down and not done are looked at again."""
    if ports.connect is None:
        return
    async with ports.begin() as session:
        orders = await orders_with_moves_waiting(session, ORDERS_PER_SWEEP_MAX)
        await enqueue(session, [Job("order.released", {"order": order}) for order in orders])
