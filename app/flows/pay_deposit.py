"""The story of a deposit: asked for by card or bank transfer, received, and sent back when it is not to be."""

from datetime import datetime

from app.core.clock import rfc3339
from app.core.database import Session
from app.core.errors import Forbidden, Gap, Invalid, StateConflict, UpstreamFailed
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money, priced
from app.flows.offer_steps import deposit_of, end_of_deposit, start_clock, tell_both
from app.flows.ports import Ports
from app.flows.show_offers import shown
from app.identity.values import Caller
from app.ledger.rules import deposit_entries, deposit_sent_entries, holder_of
from app.ledger.service import record as record_transfers
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, AccountRef, State, Transfer, TransferKind
from app.notify.values import Template
from app.offers.errors import OfferExpired
from app.offers.models import BulkOffer
from app.offers.rules import deposit_after, due_after
from app.offers.schemas import BankNote, DepositRequest, OfferShape
from app.offers.service import change_offer, find_offer, get_offer, lock_offer
from app.offers.terms import terms_of
from app.offers.values import DEPOSIT_DISPLAY, DISPLAY, DepositEvent, DepositStatus, Fate, OfferStatus
from app.payments.dispute_rules import owed_back_minor
from app.payments.disputes import last_word
from app.payments.errors import AmountNotPayable, PaymentDisputed
from app.payments.failed_refunds import card_takes_nothing, failed_minor
from app.payments.models import Payment
from app.payments.rules import require_offered
from app.payments.service import (
    amount_of,
    apply,
    find_payment_of,
    get_payment_of,
    lock_payment_of,
    note_intent,
    record_cancel,
    record_refund,
    start_payment,
)
from app.payments.values import FOR_DEPOSITS, Intent, PaymentEvent, PaymentMethod, PaymentStatus

_OPEN = frozenset({PaymentStatus.STARTED, PaymentStatus.AWAITING_CUSTOMER, PaymentStatus.FAILED})
PAID = {"en": "paid", "zh-Hans": "支付"}


async def start_deposit(
    ports: Ports, caller: Caller, offer_id: str, command: DepositRequest, language: str
) -> OfferShape:
    """The buyer pays the deposit of an agreed offer: by bank transfer, with the offer's number as reference, or by card.

    May be repeated, and changed to the other way until it is paid. Raises `NotFound`, `Forbidden`, `StateConflict`, `OfferExpired`,
    `PaymentMethodUnavailable`, `AmountNotPayable` or `UpstreamFailed`.
    """
    method = PaymentMethod(command.method)
    require_offered(method, cards=ports.cards is not None, transfers=True, among=FOR_DEPOSITS, at="/method")
    async with ports.begin() as session:
        offer = await get_offer(session, caller, offer_id)
        if offer.buyer_id != caller.id:
            raise Forbidden(needs={"en": "the buyer of this offer", "zh-Hans": "该议价的买家身份"})
        _require_due(offer, ports.clock.now())
        former = await find_payment_of(session, offer_id)
    if former is not None and former.method is not method and former.status in _OPEN:
        await _give_up(ports, former)
    payment = await _payment(ports, offer_id, method)
    secret = await _ask_provider(ports, payment) if method is PaymentMethod.STRIPE else None
    async with ports.begin() as session:
        return await shown(session, await get_offer(session, caller, offer_id), caller, language, secret)


def _require_due(offer: BulkOffer, now: datetime) -> None:
    if offer.status is not OfferStatus.ACCEPTED:
        raise StateConflict(state=DISPLAY[offer.status], verb=PAID)
    if offer.deposit_status is not DepositStatus.DUE:
        raise StateConflict(state=DEPOSIT_DISPLAY[offer.deposit_status], verb=PAID)
    if offer.due_at is not None and offer.due_at <= now:
        raise OfferExpired(offer=offer.id, until=rfc3339(offer.due_at))


async def _payment(ports: Ports, offer_id: str, method: PaymentMethod) -> Payment:
    """The payment that is under way in this way of paying, or a new one."""
    async with ports.begin() as session:
        offer = await lock_offer(session, offer_id)
        now = ports.clock.now()
        _require_due(offer, now)
        latest = await find_payment_of(session, offer_id)
        if latest is None or latest.status is PaymentStatus.CANCELLED:
            await start_payment(session, new_id("pay"), offer_id, method, deposit_of(offer), now)
            return await get_payment_of(session, offer_id)
        # Paid a moment ago, or begun in another way by a repeat at the same time.
        if latest.status not in _OPEN or latest.method is not method:
            raise StateConflict(state=DEPOSIT_DISPLAY[offer.deposit_status], verb=PAID)
        return latest


async def _give_up(ports: Ports, payment: Payment) -> None:
    """End a payment that the buyer makes in another way; raises `StateConflict` when it was paid meanwhile."""
    if payment.method is PaymentMethod.STRIPE:
        if ports.cards is None:
            raise UpstreamFailed(service="Stripe")
        ref = payment.provider_ref or (await _intent(ports, payment)).ref
        intent = await ports.cards.cancel_intent(payment.id, ref)
        if intent.status is PaymentStatus.PAID:
            raise StateConflict(state=DEPOSIT_DISPLAY[DepositStatus.HELD], verb=PAID)
    async with ports.begin() as session:
        await lock_offer(session, payment.order_id)
        await record_cancel(session, payment.id, ports.clock.now())


async def _ask_provider(ports: Ports, payment: Payment) -> str | None:
    """Open the provider's side of a card payment, or find it again; answers the secret for the buyer's client."""
    assert ports.cards is not None
    now = ports.clock.now()
    try:
        intent = (
            await ports.cards.retrieve_intent(payment.provider_ref)
            if payment.provider_ref
            else await _intent(ports, payment)
        )
    except AmountNotPayable:
        async with ports.begin() as session:
            await record_cancel(session, payment.id, now)
        raise
    async with ports.begin() as session:
        noted = await note_intent(session, payment.id, intent.ref, now)
        if noted.status is PaymentStatus.CANCELLED:
            await enqueue(session, [Job("deposit.return", {"offer": payment.order_id})])
    return intent.client_secret


async def _intent(ports: Ports, payment: Payment) -> Intent:
    assert ports.cards is not None
    return await ports.cards.create_intent(payment.id, payment.order_id, amount_of(payment))


async def receive_deposit(
    ports: Ports, session: Session, caller: Caller, offer_id: str, command: BankNote, language: str
) -> OfferShape:
    """An operator saw a deposit on the bank account, to the fen. Of an offer that is over by then, it is to be sent back.

    Raises `NotFound`, `StateConflict` when no bank transfer is waited for, or `Invalid` for another amount.
    """
    offer = await lock_offer(session, offer_id)
    payment = await _bank_payment(session, offer)
    _require_amount(command.amount, deposit_of(offer))
    now = ports.clock.now()
    if not await apply(session, payment, PaymentEvent.PAY, now):
        raise StateConflict(state=DEPOSIT_DISPLAY[offer.deposit_status], verb={"en": "received", "zh-Hans": "收取"})
    notes = offer.bank_notes | {"received": command.bank_reference, "received_by": caller.id}
    await change_offer(session, offer, now, bank_notes=notes)
    await _received(session, offer, payment, now)
    return await shown(session, offer, caller, language)


async def send_deposit_back(
    ports: Ports, session: Session, caller: Caller, offer_id: str, command: BankNote, language: str
) -> OfferShape:
    """An operator has sent a returned deposit back from the bank account: one that came there, or that its card did not take back.

    Raises `NotFound`, `StateConflict` or `Invalid`.
    """
    offer = await lock_offer(session, offer_id)
    owed = deposit_of(offer)
    by_card = await _left_by_card(session, offer)
    payment = await lock_payment_of(session, offer.id) if by_card else await _bank_payment(session, offer)
    owed = Money(by_card, offer.currency) if by_card else owed
    _require_amount(command.amount, owed)
    if offer.deposit_status is not DepositStatus.RETURNED or offer.sent_back_at is not None:
        raise StateConflict(state=DEPOSIT_DISPLAY[offer.deposit_status], verb={"en": "sent back", "zh-Hans": "退回"})
    now = ports.clock.now()
    notes = offer.bank_notes | {"returned": command.bank_reference, "returned_by": caller.id}
    if by_card:
        notes |= {"returned_minor": str(by_card)}
    await change_offer(session, offer, now, bank_notes=notes)
    await record_refund(session, payment.id, now)
    await _sent(session, offer, PaymentMethod.BANK_TRANSFER, owed, now)
    return await shown(session, offer, caller, language)


async def _left_by_card(session: Session, offer: BulkOffer) -> int:
    """What of a deposit that was paid by card is owed and can reach the buyer by the bank alone; nothing of any other."""
    payment = await find_payment_of(session, offer.id)
    if payment is None or payment.method is not PaymentMethod.STRIPE:
        return 0
    if not (await failed_minor(session, offer.id) or await card_takes_nothing(session, offer.id)):
        return 0
    buyer = AccountRef(AccountKind.BUYER, offer.buyer_id, offer.currency)
    return owed_back_minor(await transfers_of(session, offer.id), buyer)


async def _bank_payment(session: Session, offer: BulkOffer) -> Payment:
    """The bank transfer of an offer, locked; raises `StateConflict` when it is paid otherwise, or not at all yet."""
    payment = await find_payment_of(session, offer.id)
    if payment is None or payment.method is not PaymentMethod.BANK_TRANSFER:
        verb = {"en": "paid by bank transfer", "zh-Hans": "通过银行转账支付"}
        raise StateConflict(state=DEPOSIT_DISPLAY[offer.deposit_status], verb=verb)
    return await lock_payment_of(session, offer.id)


def _require_amount(told: Money, deposit: Money) -> None:
    if told != deposit:
        words = {
            "en": f"The deposit is {priced(deposit)}, to the fen",
            "zh-Hans": f"定金为 {priced(deposit)}，须完全一致",
        }
        raise Invalid(gaps=[Gap("/amount", words)])


async def deposit_paid(ports: Ports, offer: str) -> None:
    """Job: a deposit was paid by card. Of an offer that is over by then, it goes back."""
    async with ports.begin() as session:
        row = await lock_offer(session, offer)
        payment = await get_payment_of(session, offer)
        waited_for = row.deposit_status in (DepositStatus.DUE, DepositStatus.CANCELLED)
        if payment.status is PaymentStatus.PAID and waited_for:
            await _received(session, row, payment, ports.clock.now())


async def deposit_failed(ports: Ports, offer: str) -> None:
    """Job: a try to pay a deposit failed. Nothing is decided by that: the buyer may try again until it is due."""
    async with ports.begin() as session:
        row = await find_offer(session, offer)
        if row is not None and row.status is OfferStatus.ACCEPTED and row.deposit_status is DepositStatus.DUE:
            await tell_both(session, row, [Template.DEPOSIT_FAILED], ports.clock.now(), only_buyer=True)


async def _received(session: Session, offer: BulkOffer, payment: Payment, now: datetime) -> None:
    """The deposit is there, and held while the offer stands; else it is the buyer's again at once."""
    deposit = deposit_after(offer.deposit_status, DepositEvent.RECEIVE)
    entries = deposit_entries(offer.buyer_id, holder_of(payment.method, offer.currency), deposit_of(offer))
    moved = [Transfer(new_id("trf"), TransferKind.DEPOSIT, offer.id, State.POSTED, entries)]
    await change_offer(session, offer, now, deposit_status=deposit)
    if offer.status is OfferStatus.ACCEPTED:
        order_by = due_after(offer.status, deposit, terms_of(offer.terms), now)
        await change_offer(session, offer, now, due_at=order_by, order_by=order_by)
        await start_clock(session, offer)
        await tell_both(session, offer, [Template.DEPOSIT_RECEIVED], now)
    else:
        deposit, back = end_of_deposit(offer, Fate.RETURNED)
        moved += back
        await change_offer(session, offer, now, deposit_status=deposit)
        await enqueue(session, [Job("deposit.return", {"offer": offer.id})])
        await tell_both(session, offer, [Template.DEPOSIT_RETURNED], now)
    await record_transfers(session, moved, now)


async def return_deposit(ports: Ports, offer: str) -> None:
    """Job: end the provider's side of a deposit that is not due any more, or send back what was taken.

    May run twice: the provider knows each step by our own id. What came by bank transfer is sent back by an operator.
    """
    async with ports.begin() as session:
        row = await find_offer(session, offer)
        payment = await find_payment_of(session, offer)
        failed = await failed_minor(session, offer)
        if row is None or payment is None or not _is_to_end(row, payment):
            return
        if payment.method is PaymentMethod.BANK_TRANSFER:
            if payment.status is PaymentStatus.AWAITING_CUSTOMER:
                await record_cancel(session, payment.id, ports.clock.now())
            return
    if payment.status is PaymentStatus.REFUNDED and failed:
        return
    if payment.status is not PaymentStatus.REFUNDED and not await _sent_back_by_card(ports, payment):
        return
    async with ports.begin() as session:
        row = await lock_offer(session, offer)
        now = ports.clock.now()
        await record_refund(session, payment.id, now)
        if row.deposit_status is DepositStatus.RETURNED and row.sent_back_at is None:
            await _sent(session, row, payment.method, deposit_of(row), now)
            if await failed_minor(session, offer):
                # That it did not arrive was told before we had written down that it left.
                await change_offer(session, row, now, sent_back_at=None)


def _is_to_end(offer: BulkOffer, payment: Payment) -> bool:
    """Whether anything of a deposit's payment is left to cancel, to send back, or to write down."""
    if offer.deposit_status is DepositStatus.RETURNED:
        return offer.sent_back_at is None
    over = payment.status in (PaymentStatus.CANCELLED, PaymentStatus.REFUNDED)
    return offer.deposit_status is DepositStatus.CANCELLED and not over


async def _sent_back_by_card(ports: Ports, payment: Payment) -> bool:
    """Cancel a card payment or, when it was paid, refund it; true when money went back."""
    if ports.cards is None:
        raise UpstreamFailed(service="Stripe")
    ref = payment.provider_ref or (await _intent(ports, payment)).ref
    intent = await ports.cards.cancel_intent(payment.id, ref)
    if intent.status is not PaymentStatus.PAID:
        async with ports.begin() as session:
            await lock_offer(session, payment.order_id)
            await record_cancel(session, payment.id, ports.clock.now())
        return False
    async with ports.begin() as session:
        word = await last_word(session, payment.order_id)
    try:
        await ports.cards.refund(payment.id, f"{payment.id}:refund", ref, amount_of(payment), after=word)
    except PaymentDisputed:
        # The bank decides first, and its word puts the job again.
        return False
    return True


async def _sent(session: Session, offer: BulkOffer, method: PaymentMethod, amount: Money, now: datetime) -> None:
    """A returned deposit has left: the way it came, or from the bank."""
    entries = deposit_sent_entries(offer.buyer_id, holder_of(method, offer.currency), amount)
    sent = Transfer(new_id("trf"), TransferKind.REFUND_PAID, offer.id, State.POSTED, entries)
    await record_transfers(session, [sent], now)
    await change_offer(session, offer, now, sent_back_at=now)
