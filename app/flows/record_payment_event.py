"""A card provider tells of a payment, a dispute, an account or a payout: keep the message once, then act on it in the worker."""

from app.core.database import Session
from app.core.ids import is_id
from app.core.jobs import Job, enqueue
from app.flows.follow_dispute import take_in_dispute
from app.flows.follow_refund import take_in_failed_refund
from app.flows.mark_payout import take_step
from app.flows.open_payout_account import look_at_account, take_in_account
from app.flows.ports import Ports
from app.payments.errors import PaymentWebhookNotConfigured
from app.payments.service import close_event, find_news, keep_event, lock_news, settle_event
from app.payments.values import AccountNews, DisputeNews, News, Outcome, PayoutNews, PayoutStep, RefundNews, Step
from app.payouts.payees import lock_payee
from app.payouts.rules import ALLOWED
from app.payouts.service import find_payout, lock_payout
from app.payouts.values import PayoutEvent, PayoutStatus

_STEPS = {PayoutStep.PAID: PayoutEvent.PAY, PayoutStep.RETURNED: PayoutEvent.RETURN}


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
    """Do what the news asks for, mark the event handled and queue what follows: all at once or not at all."""
    async with ports.begin() as session:
        known = await find_news(session, provider, event)
    state = await look_at_account(ports, known) if isinstance(known, AccountNews) else None
    async with ports.begin() as session:
        if known is None or isinstance(known, News):
            step = await settle_event(session, provider, event, ports.clock.now())
        else:
            news = await lock_news(session, provider, event)
            if news is None:
                return
            if isinstance(news, DisputeNews):
                step = await take_in_dispute(ports, session, provider, news)
            elif isinstance(news, RefundNews):
                step = await take_in_failed_refund(ports, session, provider, news)
            elif isinstance(news, PayoutNews):
                step = await _take_in_payout(ports, session, news)
            else:
                assert isinstance(news, AccountNews)
                step = await take_in_account(ports, session, news, state)
            await close_event(session, provider, event, step.outcome, ports.clock.now())
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


async def _take_in_payout(ports: Ports, session: Session, news: PayoutNews) -> Step:
    """A payout of ours has arrived at the bank, or come back. News may overtake our own note that it was sent."""
    if news.payout_id is None or await find_payout(session, news.payout_id) is None:
        return Step(Outcome.IGNORED)
    payout = await lock_payout(session, news.payout_id)
    payee = await lock_payee(session, payout.payee_id) if payout.payee_id else None
    if payee is None or payee.ref != news.account_ref:
        return Step(Outcome.REFUSED)
    if payout.status is PayoutStatus.PREPARED:
        await take_step(ports, session, payout, PayoutEvent.SEND)
    event = _STEPS[news.step]
    if (payout.status, event) not in ALLOWED:
        return Step(Outcome.LATE)
    reason = f"Stripe: {news.reason}" if news.reason else None
    await take_step(ports, session, payout, event, reference=news.payout_ref[:60], reason=reason)
    return Step(Outcome.APPLIED)
