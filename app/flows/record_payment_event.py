"""A card provider tells of a payment: keep the message once, then act on it in the worker and let the order know."""

from app.core.ids import is_id
from app.core.jobs import Job, enqueue
from app.flows.ports import Ports
from app.payments.errors import PaymentWebhookNotConfigured
from app.payments.service import keep_event, settle_event
from app.payments.values import Step


async def receive_payment_event(ports: Ports, raw_body: bytes, signature_header: str | None) -> None:
    """Keep a genuine event, the first time only, and queue `payment.event` with it.

    Raises `PaymentWebhookNotConfigured` or `PaymentEventNotGenuine`.
    """
    if ports.cards is None:
        raise PaymentWebhookNotConfigured
    event = ports.cards.verify_event(raw_body, signature_header)
    async with ports.begin() as session:
        if await keep_event(session, event, ports.clock.now()):
            await enqueue(session, [Job("payment.event", {"provider": event.provider, "event": event.id})])


async def record_payment_event(ports: Ports, *, provider: str, event: str) -> None:
    """Move the payment, mark the event handled and queue `payment.paid` or `payment.failed`: all at once or not at all."""
    async with ports.begin() as session:
        step = await settle_event(session, provider, event, ports.clock.now())
        if step is not None and step.job is not None:
            await enqueue(session, [_news(step)])


def _news(step: Step) -> Job:
    """The job by which an order, or the offer whose deposit it is, learns of a payment."""
    assert step.order_id is not None
    assert step.job is not None
    if not is_id(step.order_id, "off"):
        return Job(step.job, {"order": step.order_id})
    paid = step.job == "payment.paid"
    return Job("deposit.paid", {"offer": step.order_id}) if paid else Job("deposit.failed", {"offer": step.order_id})
