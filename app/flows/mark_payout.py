"""The story of a payout on its way: an operator says what the bank did, a machine says it by itself, and the party is told."""

from app.core.database import Session
from app.core.errors import Gap, Invalid
from app.core.limits import PAYOUTS_LOOKED_AT_MAX
from app.core.money import Money, priced
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.service import contacts_of_persons, contacts_of_producers
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.payouts.errors import PaidByMachine
from app.payouts.models import Payee, Payout
from app.payouts.payees import judge_payee, lock_payee
from app.payouts.runs import get_run, prepared_by_hand, sent_by_machine
from app.payouts.schemas import PayoutMark, RunSent
from app.payouts.service import lock_payout, step
from app.payouts.values import CHANNEL_DISPLAY, Instruction, Party, PayeeStatus, PayoutEvent, PayoutStatus

CAME_BACK = "the money came back from this account / 款项已从该账户退回"


async def mark_payout(ports: Ports, session: Session, payout_id: str, command: PayoutMark) -> Payout:
    """An operator says what became of a payout. Raises `StateConflict`, `Invalid` without a reference, or `PaidByMachine`."""
    payout = await lock_payout(session, payout_id)
    if payout.channel in ports.channels:
        raise PaidByMachine(channel=pick(CHANNEL_DISPLAY[payout.channel], "en"))
    if command.event is PayoutEvent.PAY and not (command.reference or payout.reference):
        words = {"en": "The bank's reference of this payment", "zh-Hans": "请填写银行付款凭证号"}
        raise Invalid(gaps=[Gap("/reference", words)])
    await take_step(ports, session, payout, command.event, reference=command.reference, reason=command.reason)
    return payout


async def send_run(ports: Ports, session: Session, run_id: str, command: RunSent) -> int:
    """Everything of a run that waits went to the bank in one order; answers how many payouts that were."""
    await get_run(session, run_id)
    waiting = await prepared_by_hand(session, run_id, ports.channels.keys())
    sent = 0
    for payout_id in waiting:
        payout = await lock_payout(session, payout_id)
        if payout.status is PayoutStatus.PREPARED:
            await take_step(ports, session, payout, PayoutEvent.SEND, reference=command.reference)
            sent += 1
    return sent


async def take_step(
    ports: Ports,
    session: Session,
    payout: Payout,
    event: PayoutEvent,
    *,
    reference: str | None = None,
    channel_ref: str | None = None,
    reason: str | None = None,
) -> None:
    """Take a locked payout one step further, with its money, and tell its party when it arrived or came back.

    What came back closes the account until it is given again: the next run must not send there once more.
    """
    now = ports.clock.now()
    await step(session, payout, event, now, reference=reference, channel_ref=channel_ref, reason=reason)
    payee = await lock_payee(session, payout.payee_id) if payout.payee_id else None
    if event is PayoutEvent.RETURN and payee is not None and payee.status is PayeeStatus.VERIFIED:
        await judge_payee(session, payee, now, verified=False, reason=reason or CAME_BACK)
    if event in (PayoutEvent.PAY, PayoutEvent.RETURN) and payee is not None:
        await _tell(ports, session, payout, payee)


async def _tell(ports: Ports, session: Session, payout: Payout, payee: Payee) -> None:
    """To the members of a producer, or the buyer; a carrier reads its own payouts by its key, and cash is told by the hand that gives it."""
    if payout.party is Party.BUYER:
        people = list((await contacts_of_persons(session, [payout.party_id])).values())
    else:
        people = (await contacts_of_producers(session, [payout.party_id])).get(payout.party_id, [])
    template = Template.PAYOUT_PAID if payout.status is PayoutStatus.PAID else Template.PAYOUT_RETURNED
    told = {
        "amount": priced(Money(payout.amount_minor, payout.currency)),
        "account": payee.masked,
        "reference": payout.reference or payout.id,
    }
    notices = [Notice(one.phone, template, one.language, told) for one in people]
    await queue_messages(session, notices, ports.clock.now())


async def send_payout(ports: Ports, payout: str) -> None:
    """Job: a machine moves the money. May run twice: it knows the payout by our id."""
    async with ports.begin() as session:
        row = await lock_payout(session, payout)
        channel = ports.channels.get(row.channel)
        if channel is None or row.status is not PayoutStatus.PREPARED or row.payee_id is None:
            return
        payee = await lock_payee(session, row.payee_id)
        assert payee.ref is not None
        wanted = Instruction(row.id, payee.ref, Money(row.amount_minor, row.currency))
    sent = await channel.send(wanted)
    async with ports.begin() as session:
        row = await lock_payout(session, payout)
        if row.status is not PayoutStatus.PREPARED:
            return
        if sent.news is PayoutEvent.FAIL:
            await take_step(ports, session, row, PayoutEvent.FAIL, channel_ref=sent.ref)
            return
        await take_step(ports, session, row, PayoutEvent.SEND, channel_ref=sent.ref)
        if sent.news is PayoutEvent.PAY:
            await take_step(ports, session, row, PayoutEvent.PAY)


async def look_after_payouts(ports: Ports) -> None:
    """Periodic: ask machines what became of what they sent. Nothing to do without one."""
    if not ports.channels:
        return
    async with ports.begin() as session:
        waiting = await sent_by_machine(session, ports.channels.keys(), PAYOUTS_LOOKED_AT_MAX)
    for payout_id in waiting:
        async with ports.begin() as session:
            row = await lock_payout(session, payout_id)
            channel, ref = ports.channels.get(row.channel), row.channel_ref
        if channel is None or ref is None or row.status is not PayoutStatus.SENT:
            continue
        news = await channel.look(ref)
        if news is PayoutEvent.SEND:
            continue
        async with ports.begin() as session:
            row = await lock_payout(session, payout_id)
            if row.status is PayoutStatus.SENT:
                await take_step(ports, session, row, news)
