"""Verbs of paying: start, ask, collect, cancel, return, and take in what a provider tells us."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Reader, Session, Sql, as_rows, inserting
from app.core.errors import NotFound, StateConflict
from app.core.ids import is_id
from app.core.money import Money
from app.notify.announce import announce
from app.notify.webhook_values import News as ToldNews
from app.payments.errors import ReceiptKnown
from app.payments.failed_refunds import failed_of
from app.payments.models import Payment, PaymentReceipt, ProviderEvent
from app.payments.rules import FIRST, fits, news_for_order, next_status
from app.payments.values import (
    DISPLAY,
    HOLD_LASTS,
    AnyNews,
    Event,
    News,
    Outcome,
    PaymentEvent,
    PaymentMethod,
    PaymentStatus,
    Recorded,
    Step,
)

log = logging.getLogger(__name__)
_START: Final = Sql(inserting("payment"))
# What the world is told when a payment comes to be this.
_TOLD: Final[Mapping[PaymentStatus, str]] = {
    PaymentStatus.AUTHORISED: "payment.authorised",
    PaymentStatus.PAID: "payment.paid",
    PaymentStatus.FAILED: "payment.failed",
    PaymentStatus.CANCELLED: "payment.cancelled",
    PaymentStatus.REFUNDED: "payment.refunded",
}
_NEWS: Final[TypeAdapter[AnyNews]] = TypeAdapter(AnyNews)


async def start_payment(
    session: Session,
    payment_id: str,
    order_id: str,
    method: PaymentMethod,
    amount: Money,
    now: datetime,
    *,
    hold: bool = False,
) -> None:
    """Begin to be paid for an order, before anybody outside is asked. With `hold` a card is captured later. One INSERT."""
    payment = {
        "id": payment_id,
        "order_id": order_id,
        "method": method,
        "status": FIRST[method],
        "amount_minor": amount.amount,
        "refunded_minor": 0,
        "currency": amount.currency,
        "hold": hold,
        "created_at": now,
        "updated_at": now,
    }
    await _START.tell(session, {"rows": as_rows([payment])})


async def find_payment_of(session: Session, subject: str) -> Payment | None:
    """The latest payment of an order or a deposit, when there is one."""
    return (await session.scalars(_of(subject).execution_options(populate_existing=True))).one_or_none()


def amount_of(payment: Payment) -> Money:
    return Money(payment.amount_minor, payment.currency)


async def get_payment_of(session: Session, order_id: str) -> Payment:
    """The latest payment of an order; raises `NotFound`."""
    return await _one(session, _of(order_id))


async def lock_payment_of(session: Session, order_id: str) -> Payment:
    """The latest payment of an order, locked; the order's own lock comes before this one."""
    return await _one(session, _of(order_id).with_for_update())


async def lock_payment(session: Session, payment_id: str) -> Payment:
    return await _one(session, select(Payment).where(col(Payment.id) == payment_id).with_for_update())


def _of(order_id: str) -> Select[Payment]:
    return select(Payment).where(col(Payment.order_id) == order_id).order_by(col(Payment.id).desc()).limit(1)


async def _one(session: Session, wanted: Select[Payment]) -> Payment:
    payment = (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()
    if payment is None:
        raise NotFound(what={"en": "payment", "zh-Hans": "付款"})
    return payment


async def orders_paid_by(reader: Reader, order_ids: Collection[str], methods: Collection[PaymentMethod]) -> set[str]:
    """Those of these orders whose latest payment goes one of these ways, and is not waited for any more. One statement."""
    rows = await reader.execute(
        select(col(Payment.order_id), col(Payment.method), col(Payment.status))
        .where(col(Payment.order_id).in_(set(order_ids)))
        .order_by(col(Payment.id))
    )
    latest = {row.order_id: row for row in rows}
    return {
        order_id
        for order_id, payment in latest.items()
        if payment.method in methods and payment.status is not PaymentStatus.AWAITING_CUSTOMER
    }


async def get_payment(reader: Session, payment_id: str) -> Payment:
    return await _one(reader, select(Payment).where(col(Payment.id) == payment_id))


async def add_receipt(session: Session, receipt: PaymentReceipt) -> PaymentReceipt:
    """Write down money that arrived by transfer for a locked payment. The same reference, payment and amount again answer the first.

    Raises `ReceiptKnown` when the reference was entered for something else.
    """
    written = (
        insert(PaymentReceipt).values(receipt.model_dump()).on_conflict_do_nothing().returning(col(PaymentReceipt.id))
    )
    if (await session.execute(written)).first() is not None:
        return receipt
    same = select(PaymentReceipt).where(col(PaymentReceipt.reference) == receipt.reference)
    earlier = (await session.scalars(same)).one()
    if (earlier.payment_id, earlier.amount_minor) != (receipt.payment_id, receipt.amount_minor):
        raise ReceiptKnown(reference=receipt.reference)
    return earlier


async def received_minor(reader: Reader, payment_id: str) -> int:
    """What has arrived for a payment by transfer."""
    total = select(func.coalesce(func.sum(col(PaymentReceipt.amount_minor)), 0))
    return int((await reader.execute(total.where(col(PaymentReceipt.payment_id) == payment_id))).scalar_one())


async def received_in_all(reader: Reader) -> dict[str, int]:
    """What arrived by transfer for all payments together, by currency."""
    rows = await reader.execute(
        select(col(PaymentReceipt.currency), func.sum(col(PaymentReceipt.amount_minor))).group_by(
            col(PaymentReceipt.currency)
        )
    )
    return {currency: int(amount) for currency, amount in rows}


async def deposits_by_transfer(reader: Reader) -> dict[str, int]:
    """What was paid by transfer as deposits of offers and not sent back, by currency."""
    rows = await reader.execute(
        select(col(Payment.currency), func.sum(col(Payment.amount_minor)))
        .where(col(Payment.method) == PaymentMethod.BANK_TRANSFER, col(Payment.status) == PaymentStatus.PAID)
        .where(col(Payment.order_id).startswith("off_"))
        .group_by(col(Payment.currency))
    )
    return {currency: int(amount) for currency, amount in rows}


async def note_intent(session: Session, payment_id: str, provider_ref: str, now: datetime) -> Payment:
    """Keep the name under which the provider knows the payment. Locks it; harmless when repeated or overtaken by news."""
    payment = await lock_payment(session, payment_id)
    assert payment.provider_ref in (None, provider_ref)
    payment.provider_ref = provider_ref
    await apply(session, payment, PaymentEvent.ASK, now)
    return payment


async def apply(session: Session, payment: Payment, event: PaymentEvent, now: datetime) -> bool:
    """Move a locked payment by an event; false when the event is late or doubled and the state stays."""
    status = next_status(payment.status, event)
    if status is not None:
        payment.status = status
        payment.updated_at = now
        if status is PaymentStatus.REFUNDED:
            payment.refunded_minor = payment.amount_minor
        if status is PaymentStatus.AUTHORISED:
            payment.held_until = now + HOLD_LASTS
    await session.flush()
    if status is not None and status in _TOLD:
        await _tell(session, payment, _TOLD[status], now)
    return status is not None


async def _tell(session: Session, payment: Payment, name: str, now: datetime, **facts: Any) -> None:
    """What webhooks are told of a payment; its buyer is looked up by the order. Of the deposit of an offer they are told nothing."""
    if is_id(payment.order_id, "off"):
        return
    amount = {"amount": payment.amount_minor, "currency": payment.currency}
    told = {"payment": payment.id, "order": payment.order_id, "status": payment.status, "amount": amount, **facts}
    await announce(session, [ToldNews(name, payment.order_id, now, told, payment.order_id)])


async def record_collection(
    session: Session, order_ids: Collection[str], collected_by: str, now: datetime
) -> list[str]:
    """The carrier `collected_by` holds the cash of these orders. Answers those that this paid. One UPDATE, and the news."""
    collected = await session.execute(
        update(Payment)
        .where(col(Payment.order_id).in_(set(order_ids)), col(Payment.status) == PaymentStatus.PENDING_CASH)
        .values(status=PaymentStatus.PAID, collected_by=collected_by, updated_at=now)
        .returning(col(Payment.order_id), col(Payment.id), col(Payment.amount_minor), col(Payment.currency))
        .execution_options(synchronize_session=False)
    )
    paid = sorted(collected.all())
    await announce(session, [_collected(*row, now) for row in paid])
    return [row.order_id for row in paid]


def _collected(order_id: str, payment_id: str, amount_minor: int, currency: str, now: datetime) -> ToldNews:
    amount = {"amount": amount_minor, "currency": currency}
    told = {"payment": payment_id, "order": order_id, "status": PaymentStatus.PAID, "amount": amount}
    return ToldNews("payment.paid", order_id, now, told, order_id)


async def record_cancel(session: Session, payment_id: str, now: datetime) -> Payment:
    """Give up on a payment, once the provider has ended its intent. Locks it; raises `StateConflict` when money was taken."""
    payment = await lock_payment(session, payment_id)
    if not await apply(session, payment, PaymentEvent.CANCEL, now) and payment.status is not PaymentStatus.CANCELLED:
        raise StateConflict(state=DISPLAY[payment.status], verb={"en": "cancelled", "zh-Hans": "取消"})
    return payment


async def record_refund(session: Session, payment_id: str, now: datetime) -> Payment:
    """The whole amount went back to the buyer. Locks the payment; raises `StateConflict` for cash that was never paid.

    A card payment need not be known as paid: when the provider has returned it, its news may still be on the way.
    """
    payment = await lock_payment(session, payment_id)
    if not await apply(session, payment, PaymentEvent.REFUND, now) and payment.status is not PaymentStatus.REFUNDED:
        raise StateConflict(state=DISPLAY[payment.status], verb={"en": "refunded", "zh-Hans": "退款"})
    return payment


async def record_part_refund(session: Session, payment: Payment, amount: Money, now: datetime) -> None:
    """A part of a paid, locked payment went back to the buyer; the last part makes it refunded.

    Harmless when the provider's own news of the whole came before.
    """
    if payment.status is PaymentStatus.REFUNDED:
        return
    if payment.status is not PaymentStatus.PAID:
        raise StateConflict(state=DISPLAY[payment.status], verb={"en": "refunded", "zh-Hans": "退款"})
    payment.refunded_minor += amount.amount
    payment.updated_at = now
    if payment.refunded_minor >= payment.amount_minor:
        await apply(session, payment, PaymentEvent.REFUND, now)
    await session.flush()
    refunded = {"amount": amount.amount, "currency": amount.currency}
    await _tell(session, payment, "payment.part_refunded", now, refunded=refunded)


async def keep_event(session: Session, event: Event, now: datetime) -> bool:
    """Keep a provider's event, the first time only; true when it is new and there is something to do about it."""
    idle = event.news is None
    kept = ProviderEvent(
        provider=event.provider,
        event_id=event.id,
        type=event.type,
        payload=_NEWS.dump_python(event.news, mode="json") if event.news else None,
        received_at=now,
        handled_at=now if idle else None,
        outcome=Outcome.IGNORED if idle else None,
    )
    inserted = await session.execute(
        insert(ProviderEvent).values(kept.model_dump()).on_conflict_do_nothing().returning(col(ProviderEvent.event_id))
    )
    return inserted.first() is not None and not idle


async def find_news(session: Session, provider: str, event_id: str) -> AnyNews | None:
    """What a kept event says; None when there is none, or when it was acted upon before."""
    kept = await session.get(ProviderEvent, (provider, event_id))
    if kept is None or kept.handled_at is not None:
        return None
    return _NEWS.validate_python(kept.payload)


async def lock_news(session: Session, provider: str, event_id: str) -> AnyNews | None:
    """Like `find_news`, with the event locked: whoever has it acts upon it, and then says so with `close_event`."""
    kept = await session.get(ProviderEvent, (provider, event_id), with_for_update=True, populate_existing=True)
    if kept is None or kept.handled_at is not None:
        return None
    return _NEWS.validate_python(kept.payload)


async def close_event(session: Session, provider: str, event_id: str, outcome: Outcome, now: datetime) -> None:
    """A locked event was acted upon."""
    kept = await session.get_one(ProviderEvent, (provider, event_id))
    kept.handled_at, kept.outcome = now, outcome
    await session.flush()


async def settle_event(session: Session, provider: str, event_id: str, now: datetime) -> Step | None:
    """Act on a kept event about a payment and mark it handled; None when that was done before. Locks the event, then its payment."""
    news = await lock_news(session, provider, event_id)
    if not isinstance(news, News):
        return None
    step = await _take_in(session, provider, news, now)
    await close_event(session, provider, event_id, step.outcome, now)
    return step


async def payment_by_ref(session: Session, provider: str, ref: str) -> Payment | None:
    """The payment that a provider knows by this name."""
    wanted = select(Payment).where(col(Payment.provider_ref) == ref, col(Payment.method) == provider)
    return (await session.scalars(wanted)).one_or_none()


async def former_payments(session: Session, payment: Payment) -> Sequence[Payment]:
    """The payments of the same order that this one took the place of."""
    wanted = select(Payment).where(col(Payment.order_id) == payment.order_id, col(Payment.id) < payment.id)
    return (await session.scalars(wanted.order_by(col(Payment.id)))).all()


async def list_holds_ending(session: Session, before: datetime, most: int) -> list[str]:
    """The orders whose money is held on a card no longer than until `before`, the first to end first."""
    wanted = (
        select(col(Payment.order_id))
        .where(col(Payment.status) == PaymentStatus.AUTHORISED, col(Payment.held_until) < before)
        .order_by(col(Payment.held_until))
        .limit(most)
    )
    return list((await session.execute(wanted)).scalars())


async def _take_in(session: Session, provider: str, news: News, now: datetime) -> Step:
    # Our own id first: news may come before we have noted the provider's name for the payment.
    mine = col(Payment.id) == news.payment_id if news.payment_id else col(Payment.provider_ref) == news.ref
    wanted = select(Payment).where(mine, col(Payment.method) == provider).with_for_update()
    payment = (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()
    if payment is None:
        return Step(Outcome.IGNORED)
    if not fits(news, ref=payment.provider_ref, amount=amount_of(payment)):
        log.error("payment news refused", extra={"payment": payment.id, "ref": news.ref, "said": str(news.amount)})
        return Step(Outcome.REFUSED, payment.order_id)
    before = payment.status
    payment.provider_ref = news.ref
    if not await apply(session, payment, news.event, now):
        return Step(Outcome.LATE, payment.order_id)
    return Step(Outcome.APPLIED, payment.order_id, news_for_order(before, payment.status))


async def list_recorded(
    session: Session, provider: str, refs: Collection[str], from_at: datetime, until_at: datetime
) -> list[Recorded]:
    """Payments with these names at the provider, and all of the period that have a name there. Two statements."""
    found = await session.scalars(
        select(Payment).where(
            col(Payment.method) == provider,
            col(Payment.provider_ref).is_not(None),
            col(Payment.provider_ref).in_(set(refs))
            | col(Payment.created_at).between(from_at, until_at - timedelta(microseconds=1)),
        )
    )
    rows = list(found)
    failed = await failed_of(session, [row.id for row in rows])
    return [
        Recorded(row.id, row.order_id, str(row.provider_ref), row.created_at, Money(kept, row.currency))
        for row in rows
        for kept in [_kept(row) + failed.get(row.id, 0)]
    ]


def _kept(payment: Payment) -> int:
    paid = payment.status in (PaymentStatus.PAID, PaymentStatus.REFUNDED)
    return payment.amount_minor - payment.refunded_minor if paid else 0
