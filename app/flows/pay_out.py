"""The story of paying what is owed: on their days, or when an operator asks, every party with a checked account gets what is available."""

from collections.abc import Sequence
from datetime import datetime

from app.core.clock import LEGAL_TIME
from app.core.database import Session
from app.core.ids import is_id, new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money, priced
from app.flows.ports import Ports
from app.identity.values import Caller
from app.ledger.rules import last_midnight
from app.ledger.service import record as record_transfers
from app.ledger.values import AccountKind, AccountRef, State, Transfer, TransferKind
from app.orders.service import lock_order
from app.payments.failed_refunds import card_takes_nothing, failed_minor
from app.payments.service import orders_paid_by
from app.payments.values import PaymentMethod
from app.payouts.errors import CarrierHoldsLess, NothingToPayBack
from app.payouts.models import Payee, Payout, PayoutRun
from app.payouts.payees import lock_payee, payees_to_pay
from app.payouts.rules import offset_entries, offset_minor, payable
from app.payouts.runs import clock_ran_since, finish_run, get_run, start_run
from app.payouts.schemas import NewCashRefund, NewPayoutRun
from app.payouts.service import available, cash_free, owed_by_order, owed_for, paid_back_minor, prepare
from app.payouts.terms import PartyTerms, minimum_minor
from app.payouts.values import REFUNDS_PER_BUYER_MAX, Channel, Party, PayeeStatus

# What was paid by card goes back to the card.
PAID_BACK_BY_US = frozenset({PaymentMethod.CASH_ON_DELIVERY, PaymentMethod.BANK_TRANSFER})


async def pay_on_their_days(ports: Ports) -> None:
    """Periodic: on the days that the terms name for them, parties are paid; once a day, however often it runs."""
    now = ports.clock.now()
    parties = ports.terms.due_on(now.astimezone(LEGAL_TIME).date())
    async with ports.begin() as session:
        if parties and not await clock_ran_since(session, last_midnight(now)):
            net = ports.terms.cash.net
            await start_run(session, parties, net_cash=net, terms=ports.terms.version, made_by=None, now=now)


async def ask_for_run(ports: Ports, session: Session, caller: Caller, command: NewPayoutRun) -> PayoutRun:
    """An operator has these parties paid now, whatever the day."""
    net = ports.terms.cash.net if command.net_cash is None else command.net_cash
    version, now = ports.terms.version, ports.clock.now()
    return await start_run(session, command.parties, net_cash=net, terms=version, made_by=caller.id, now=now)


async def make_payouts(ports: Ports, run: str) -> None:
    """Job: look at every checked payee of the run's parties, each in a transaction of its own.

    May run twice, and beside another run: who holds the payee's lock alone finds what is available, so nothing is paid twice.
    """
    async with ports.begin() as session:
        row = await get_run(session, run)
    if row.done_at is not None:
        return
    parties, after = [Party(name) for name in row.parties], ""
    while True:
        async with ports.begin() as session:
            payees = await payees_to_pay(session, parties, after)
        if not payees:
            break
        for payee_id in payees:
            await _pay(ports, row, payee_id)
        after = payees[-1]
    async with ports.begin() as session:
        await finish_run(session, run, ports.clock.now())


async def _pay(ports: Ports, run: PayoutRun, payee_id: str) -> None:
    """What this payee's party is owed leaves, all of it or nothing."""
    now = ports.clock.now()
    async with ports.begin() as session:
        payee = await lock_payee(session, payee_id)
        if payee.status is not PayeeStatus.VERIFIED:
            return
        if payee.party is not Party.BUYER:
            if payee.party is Party.CARRIER and run.net_cash:
                await _settle_with_cash(session, run, payee, now)
            await _pay_available(ports, session, run, payee, now)
            return
        owed = await owed_by_order(session, _buyer(payee.party_id, payee.currency), REFUNDS_PER_BUYER_MAX)
    for order_id in owed:
        async with ports.begin() as session:
            await _pay_back(ports, session, run, payee_id, order_id, now)


async def _pay_available(ports: Ports, session: Session, run: PayoutRun, payee: Payee, now: datetime) -> None:
    terms = ports.terms.of(payee.party)
    since = now - terms.hold if terms.hold_days else None
    held = await available(session, payee.party, payee.party_id, payee.currency, since)
    taken = payable(held, minimum_minor(terms, payee.currency))
    if taken:
        payout = await prepare(
            session,
            party=payee.party,
            party_id=payee.party_id,
            channel=payee.channel,
            taken_minor=taken,
            now=now,
            run_id=run.id,
            payee_id=payee.id,
        )
        await _hand_to_machine(ports, session, [payout])


async def _settle_with_cash(session: Session, run: PayoutRun, payee: Payee, now: datetime) -> None:
    """A carrier keeps of the cash that it holds what it is owed for freight."""
    owed = sum((await available(session, Party.CARRIER, payee.party_id, payee.currency)).values())
    cash = await cash_free(session, payee.party_id, payee.currency)
    amount = offset_minor(owed, cash)
    if amount:
        entries = offset_entries(payee.party_id, payee.currency, amount)
        settled = Transfer(new_id("trf"), TransferKind.FREIGHT_PAID, run.id, State.POSTED, entries)
        await record_transfers(session, [settled], now)


async def _pay_back(
    ports: Ports, session: Session, run: PayoutRun, payee_id: str, order_id: str, now: datetime
) -> None:
    """What is owed to a buyer for one order. Locks the order before the payee, as every story does."""
    if not is_id(order_id, "ord"):
        return
    order = await lock_order(session, order_id)
    payee = await lock_payee(session, payee_id)
    account = _buyer(order.buyer_id, order.currency)
    owed = await _owed_otherwise(session, account, order_id)
    terms: PartyTerms = ports.terms.of(Party.BUYER)
    if payee.status is PayeeStatus.VERIFIED and owed >= minimum_minor(terms, order.currency):
        payout = await prepare(
            session,
            party=Party.BUYER,
            party_id=order.buyer_id,
            channel=payee.channel,
            taken_minor={account: owed},
            now=now,
            run_id=run.id,
            payee_id=payee.id,
            order_id=order_id,
        )
        await _hand_to_machine(ports, session, [payout])


async def _owed_otherwise(session: Session, account: AccountRef, order_id: str) -> int:
    """What is owed to a buyer for an order and does not go back to a card. The order is locked.

    Of a card payment that is what was sent back in vain and not paid since, or all of it once a bank has decided for the buyer.
    """
    owed = await owed_for(session, account, order_id)
    by_us = await orders_paid_by(session, [order_id], PAID_BACK_BY_US)
    if by_us or await card_takes_nothing(session, order_id):
        return owed
    return min(owed, await failed_minor(session, order_id) - await paid_back_minor(session, order_id))


async def pay_back_in_cash(ports: Ports, session: Session, command: NewCashRefund) -> Payout:
    """A carrier gives the buyer what is owed for an order, out of the cash that it holds: for buyers without an account.

    Raises `NotFound`, `NothingToPayBack` or `CarrierHoldsLess`. Paid once the operator marks it so; until then it is promised.
    """
    order = await lock_order(session, command.order)
    account = _buyer(order.buyer_id, order.currency)
    owed = await _owed_otherwise(session, account, order.id)
    if owed <= 0:
        raise NothingToPayBack(order=order.number)
    held = await cash_free(session, command.carrier, order.currency)
    if held < owed:
        holds, needed = priced(Money(max(held, 0), order.currency)), priced(Money(owed, order.currency))
        raise CarrierHoldsLess(carrier=command.carrier, held=holds, amount=needed)
    return await prepare(
        session,
        party=Party.BUYER,
        party_id=order.buyer_id,
        channel=Channel.CASH,
        taken_minor={account: owed},
        now=ports.clock.now(),
        order_id=order.id,
        carrier=command.carrier,
    )


async def _hand_to_machine(ports: Ports, session: Session, payouts: Sequence[Payout]) -> None:
    jobs = [Job("payout.send", {"payout": payout.id}) for payout in payouts if payout.channel in ports.channels]
    await enqueue(session, jobs)


def _buyer(buyer_id: str, currency: str) -> AccountRef:
    return AccountRef(AccountKind.BUYER, buyer_id, currency)
