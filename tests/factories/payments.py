"""What a card provider says of a payment."""

from app.core.ids import new_id
from app.core.money import Money
from app.flows.ports import Ports
from app.payments.service import keep_event
from app.payments.values import Event, News, PaymentEvent


async def a_provider_event(ports: Ports, payment_id: str | None = None) -> Event:
    """A card payment of 78.30 yuan that succeeded, kept and not acted on yet."""
    news = News(PaymentEvent.PAY, payment_id or new_id("pay"), "pi_tests", Money(7_830, "CNY"))
    event = Event("stripe", f"evt_{new_id('evt')}", "payment_intent.succeeded", news)
    async with ports.begin() as session:
        await keep_event(session, event, ports.clock.now())
    return event
