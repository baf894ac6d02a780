"""What disputes of orders and of deposits share: their money in the ledger, and the news of them to people."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from app.core.database import Session
from app.core.ids import new_id
from app.core.money import Money, priced
from app.flows.ports import Ports
from app.flows.tell_people import local_time
from app.identity.service import contacts_of_producers
from app.ledger.service import record as record_transfers
from app.ledger.service import transfers_of
from app.ledger.values import PLATFORM, AccountKind, AccountRef, Entry, State, Transfer, TransferKind
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.payments.dispute_rules import Course, loss_undone, movements, taken_entries
from app.payments.models import Dispute
from app.payments.values import DisputeStatus

TOLD = {
    DisputeStatus.INQUIRY: Template.DISPUTE_OPENED,
    DisputeStatus.NEEDS_RESPONSE: Template.DISPUTE_OPENED,
    DisputeStatus.WON: Template.DISPUTE_WON,
    DisputeStatus.LOST: Template.DISPUTE_LOST,
}


def accounts_of(dispute: Dispute) -> tuple[AccountRef, AccountRef]:
    """What banks hold of ours, and where the platform bears what it bears."""
    currency = dispute.currency
    return AccountRef(AccountKind.DISPUTED, PLATFORM, currency), AccountRef(
        AccountKind.PLATFORM_FEE, PLATFORM, currency
    )


async def enter_course(
    session: Session,
    provider: str,
    dispute: Dispute,
    before: Course,
    after: Course,
    lost: Callable[[int], Awaitable[tuple[Entry, ...]]],
    now: datetime,
) -> None:
    """Enter how far a dispute has come since; `lost` says who bears what is lost. What it is about is locked.

    What is lost no more goes back to those who bore it.
    """
    gateway = AccountRef(AccountKind.GATEWAY, provider, dispute.currency)
    disputed, platform = accounts_of(dispute)
    made = []
    for kind, amount in movements(before, after).items():
        if kind is not TransferKind.DISPUTE_LOST:
            entries = taken_entries(gateway, disputed, amount if kind is TransferKind.DISPUTE else -amount)
        elif amount > 0:
            entries = await lost(amount)
        else:
            entries = loss_undone(await transfers_of(session, dispute.order_id), disputed, platform, -amount)
        made.append(Transfer(new_id("trf"), kind, dispute.order_id, State.POSTED, entries))
    await record_transfers(session, made, now)


async def tell_of_dispute(ports: Ports, session: Session, number: str, dispute: Dispute, now: datetime) -> None:
    """Producers in their language, and operators. `number` is that of the order, or of the offer whose deposit it is."""
    told = {
        "number": number,
        "amount": priced(Money(dispute.amount_minor, dispute.currency)),
        "due": local_time(dispute.due_at) if dispute.due_at else "—",
    }
    contacts = await contacts_of_producers(session, dispute.producers)
    template = TOLD[dispute.status]
    notices = [Notice(one.phone, template, one.language, told) for people in contacts.values() for one in people]
    known = {notice.to for notice in notices}
    operators = sorted(ports.settings.operator_phones - known)
    notices += [Notice(phone, template, "zh-Hans", told) for phone in operators]
    await queue_messages(session, notices, now)
