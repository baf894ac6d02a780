"""What a card provider says of a payment, and what of one goes back."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.core.ids import new_id
from app.core.money import Money
from app.flows.follow_dispute import take_in_dispute
from app.flows.ports import Ports
from app.payments.failed_refunds import keep_failed_refund
from app.payments.part_refunds import note_part_refund
from app.payments.service import apply, get_payment_of, keep_event, lock_payment, note_intent, start_payment
from app.payments.values import DisputeNews, DisputeStatus, Event, News, PaymentEvent, PaymentMethod, RefundNews


async def a_provider_event(ports: Ports, payment_id: str | None = None) -> Event:
    """A card payment of 78.30 yuan that succeeded, kept and not acted on yet."""
    news = News(PaymentEvent.PAY, payment_id or new_id("pay"), "pi_tests", Money(7_830, "CNY"))
    event = Event("stripe", f"evt_{new_id('evt')}", "payment_intent.succeeded", news)
    async with ports.begin() as session:
        await keep_event(session, event, ports.clock.now())
    return event


async def a_part_refund(ports: Ports, order_id: str) -> str:
    """A yuan of an order's payment that is owed back and not sent yet."""
    refund = new_id("rfd")
    async with ports.begin() as session:
        await note_part_refund(session, refund, order_id, Money(100, "CNY"), ports.clock.now())
    return refund


async def a_failed_refund(ports: Ports, order: dict[str, Any]) -> None:
    """A yuan of an order that was paid by card was sent back in vain."""
    async with ports.begin() as session:
        payment = await get_payment_of(session, order["id"])
        news = RefundNews(
            f"re_{payment.id}", f"{payment.id}:refund", payment.id, Money(100, payment.currency), "unknown"
        )
        await keep_failed_refund(session, news, payment, ports.clock.now())


async def a_dispute(ports: Ports, order: dict[str, Any]) -> str:
    """The bank of a buyer who paid this order by card disputes all of it; the dispute's id."""
    payment_id, now = new_id("pay"), ports.clock.now()
    amount = Money(order["price"]["total"]["amount"], order["price"]["total"]["currency"])
    async with ports.begin() as session:
        await start_payment(session, payment_id, order["id"], PaymentMethod.STRIPE, amount, now)
        await note_intent(session, payment_id, f"pi_{payment_id}", now)
        await apply(session, await lock_payment(session, payment_id), PaymentEvent.PAY, now)
    news = DisputeNews(
        dispute_ref=f"du_{payment_id}",
        intent_ref=f"pi_{payment_id}",
        status=DisputeStatus.NEEDS_RESPONSE,
        reason="product_not_received",
        amount=amount,
        taken_minor=amount.amount,
        returned_minor=0,
        due_at=now + timedelta(days=90),
    )
    async with ports.begin() as session:
        await take_in_dispute(ports, session, "stripe", news)
        found = await session.execute(
            text("SELECT id FROM dispute WHERE provider_ref = :ref"), {"ref": news.dispute_ref}
        )
        return str(found.scalar_one())
