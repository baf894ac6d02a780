"""What a card provider says of a payment, and what of one goes back."""

from app.core.ids import new_id
from app.core.money import Money
from app.flows.ports import Ports
from app.payments.part_refunds import note_part_refund
from app.payments.service import keep_event
from app.payments.values import Event, News, PaymentEvent


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
