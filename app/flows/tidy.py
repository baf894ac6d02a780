"""The nightly story: what is past its keeping time goes."""

from app.core import idempotency, throttle
from app.flows.ports import Ports
from app.identity.sign_in import forget_old as forget_sign_ins
from app.notify.announce import forget_old as forget_news
from app.notify.service import forget_old as forget_messages
from app.orders.service import forget_quotes
from app.shipments.epcis_tokens import forget_tokens


async def tidy(ports: Ports) -> None:
    """Periodic: old keys, counters, messages, news for webhooks, sign-ins, quotes and tokens, each in a transaction of its own."""
    now = ports.clock.now()
    forgets = (
        idempotency.forget_old,
        throttle.forget_old,
        forget_messages,
        forget_news,
        forget_sign_ins,
        forget_quotes,
        forget_tokens,
    )
    for forget in forgets:
        async with ports.begin() as session:
            await forget(session, now)
