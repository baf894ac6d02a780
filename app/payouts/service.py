"""Verbs of paying out: prepare a payout, take it a step further, and what is owed of which accounts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import NotFound
from app.core.ids import new_id
from app.ledger.balance import balances
from app.ledger.rules import reversed_entries
from app.ledger.service import entries_of, settle
from app.ledger.service import record as record_transfers
from app.ledger.values import (
    FINDINGS_MAX,
    PLATFORM,
    AccountKind,
    AccountRef,
    Disagreement,
    Finding,
    State,
    Transfer,
    TransferKind,
)
from app.notify.announce import announce
from app.notify.webhook_values import News
from app.payouts.models import Payout
from app.payouts.rules import advance, payout_entries, source_of
from app.payouts.values import ACCOUNTS, Channel, Party, PayoutEvent, PayoutStatus

PAYOUT: Final = {"en": "payout", "zh-Hans": "付款"}
# What payouts that are under way have already taken: their transfers are pending, so posted balances still hold it.
_TAKEN: Final = text(
    """
    SELECT entry.account_id, sum(entry.amount_minor)::bigint AS amount_minor
    FROM payout JOIN transfer ON transfer.id = payout.transfer_id AND transfer.state = 'pending'
    JOIN entry ON entry.transfer_id = transfer.id
    WHERE payout.party_id = :party AND payout.status IN ('prepared', 'sent') GROUP BY entry.account_id
    """
)
# Money that came back from a bank was available before.
_FRESH: Final = text(
    """
    SELECT entry.account_id, sum(entry.amount_minor)::bigint AS amount_minor
    FROM entry JOIN transfer ON transfer.id = entry.transfer_id
    WHERE entry.account_id = ANY(:accounts) AND entry.amount_minor > 0 AND transfer.state = 'posted'
        AND transfer.kind <> 'payout_returned' AND coalesce(transfer.settled_at, transfer.created_at) > :since
    GROUP BY entry.account_id
    """
)
# A sale that is pending is owed already: a buyer's order is even when all that is not void comes to nothing.
_BY_ORDER: Final = text(
    """
    SELECT transfer.subject AS order_id, sum(entry.amount_minor)::bigint AS amount_minor
    FROM entry JOIN transfer ON transfer.id = entry.transfer_id
    WHERE entry.account_id = :account AND transfer.state <> 'void' GROUP BY transfer.subject
    HAVING sum(entry.amount_minor) > 0 ORDER BY 1 LIMIT :most
    """
)
_OF_ORDER: Final = text(
    """
    SELECT coalesce(sum(entry.amount_minor), 0)::bigint FROM transfer JOIN entry ON entry.transfer_id = transfer.id
    WHERE transfer.subject = :order_id AND entry.account_id = :account AND transfer.state <> 'void'
    """
)
_ALONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('cash ' || CAST(:cash AS text), 0))")
_PROMISED: Final = text(
    "SELECT coalesce(sum(amount_minor), 0)::bigint FROM payout "
    "WHERE carrier = :carrier AND currency = :currency AND status IN ('prepared', 'sent')"
)
_ON_THE_WAY: Final = text(
    "SELECT coalesce(sum(announced_minor), 0)::bigint FROM remittance "
    "WHERE carrier = :carrier AND currency = :currency AND confirmed_at IS NULL"
)
# A payout and what the ledger holds of it at its source: nothing while it is under way or never left, and nothing once it came back.
_UNLIKE: Final = text(
    """
    SELECT payout.id, payout.currency, CASE WHEN payout.status = 'paid' THEN payout.amount_minor ELSE 0 END AS expected_minor,
        told.posted_minor AS found_minor, payout.amount_minor, told.pending_minor
    FROM payout CROSS JOIN LATERAL (
        SELECT coalesce(sum(entry.amount_minor) FILTER (WHERE transfer.state = 'posted'), 0)::bigint AS posted_minor,
            coalesce(sum(entry.amount_minor) FILTER (WHERE transfer.state = 'pending'), 0)::bigint AS pending_minor
        FROM transfer JOIN entry ON entry.transfer_id = transfer.id
        WHERE entry.account_id = CASE payout.channel WHEN 'stripe' THEN 'gateway:stripe:' WHEN 'cash'
                THEN 'carrier_cash:' || payout.carrier || ':' ELSE 'bank:platform:' END || payout.currency
            AND (transfer.id = payout.transfer_id OR transfer.kind = 'payout_returned' AND transfer.id IN (
                SELECT back.id FROM transfer AS back WHERE back.subject = coalesce(payout.order_id, payout.id)
                    AND back.kind = 'payout_returned' AND payout.status = 'returned' AND back.settled_at = payout.ended_at))
    ) AS told
    WHERE told.posted_minor <> CASE WHEN payout.status = 'paid' THEN payout.amount_minor ELSE 0 END
        OR told.pending_minor <> CASE WHEN payout.status IN ('prepared', 'sent') THEN payout.amount_minor ELSE 0 END
    ORDER BY 1 LIMIT :most
    """
)
_BY_BANK: Final = text(
    "SELECT currency, sum(amount_minor)::bigint FROM payout WHERE status = 'paid' AND channel IN ('bank_transfer', 'wallet') GROUP BY 1"
)
_STEP_AT: Final[Mapping[PayoutStatus, str]] = {PayoutStatus.SENT: "sent_at", PayoutStatus.PAID: "paid_at"}


async def available(
    reader: Reader, party: Party, party_id: str, currency: str, since: datetime | None = None
) -> dict[AccountRef, int]:
    """What a party may be paid of each of its accounts in a currency; below zero what it owes.

    Posted money less what payouts under way have taken and, with `since`, less what became available after that.
    Hold the lock of the party's payee, so that two who pay at once do not both find it.
    """
    held = {
        each.account: each.posted_minor
        for each in await balances(reader, party_id)
        if each.account.kind in ACCOUNTS[party] and each.account.currency == currency
    }
    taken = await _by_account(reader, _TAKEN, {"party": party_id})
    fresh: Mapping[str, int] = {}
    if since is not None:
        fresh = await _by_account(reader, _FRESH, {"accounts": [ref.id for ref in held], "since": since})
    return {ref: amount + taken.get(ref.id, 0) - fresh.get(ref.id, 0) for ref, amount in held.items()}


async def _by_account(reader: Reader, query: Any, values: Mapping[str, Any]) -> dict[str, int]:
    return {row.account_id: row.amount_minor for row in await reader.execute(query, values)}


async def cash_free(session: Session, carrier: str, currency: str) -> int:
    """The cash that a carrier holds and that is promised to nobody: neither announced as handed over nor to be given to a buyer.

    Who asks is the only one to promise of it until its transaction ends: ask after every other lock.
    """
    await session.execute(_ALONE, {"cash": f"{carrier} {currency}"})
    kind = AccountKind.CARRIER_CASH
    held = [
        -each.posted_minor
        for each in await balances(session, carrier)
        if (each.account.kind, each.account.currency) == (kind, currency)
    ]
    about = {"carrier": carrier, "currency": currency}
    promised = int((await session.execute(_PROMISED, about)).scalar_one())
    on_the_way = int((await session.execute(_ON_THE_WAY, about)).scalar_one())
    return sum(held) - promised - on_the_way


async def owed_by_order(reader: Reader, account: AccountRef, most: int) -> dict[str, int]:
    """The orders for which a buyer paid more than it owes, refunds and surpluses alike, and by how much. Of cards too."""
    rows = await reader.execute(_BY_ORDER, {"account": account.id, "most": most})
    return {row.order_id: row.amount_minor for row in rows}


async def owed_for(reader: Reader, account: AccountRef, order_id: str) -> int:
    """What a buyer paid for one order beyond what it owes; below zero what is still due. Hold the order's lock."""
    return int((await reader.execute(_OF_ORDER, {"account": account.id, "order_id": order_id})).scalar_one())


async def paid_back_minor(reader: Reader, order_id: str) -> int:
    """What was paid out to the buyer of an order, or is under way to it."""
    going = (PayoutStatus.PREPARED, PayoutStatus.SENT, PayoutStatus.PAID)
    total = select(func.coalesce(func.sum(col(Payout.amount_minor)), 0))
    wanted = total.where(col(Payout.order_id) == order_id, col(Payout.status).in_(going))
    return int((await reader.execute(wanted)).scalar_one())


async def prepare(
    session: Session,
    *,
    party: Party,
    party_id: str,
    channel: Channel,
    taken_minor: Mapping[AccountRef, int],
    now: datetime,
    run_id: str | None = None,
    payee_id: str | None = None,
    order_id: str | None = None,
    carrier: str | None = None,
) -> Payout:
    """Write a payout with its pending transfer, so that nobody else pays the same money. The payee (or the order) is locked."""
    (currency,) = {account.currency for account in taken_minor}
    payout = Payout(
        id=new_id("pyo"),
        run_id=run_id,
        payee_id=payee_id,
        party=party,
        party_id=party_id,
        channel=channel,
        carrier=carrier,
        currency=currency,
        amount_minor=sum(taken_minor.values()),
        status=PayoutStatus.PREPARED,
        order_id=order_id,
        transfer_id=new_id("trf"),
        created_at=now,
        updated_at=now,
    )
    entries = payout_entries(taken_minor, source_of(channel, currency, carrier))
    subject = order_id or payout.id
    await record_transfers(
        session, [Transfer(payout.transfer_id, TransferKind.PAYOUT, subject, State.PENDING, entries)], now
    )
    session.add(payout)
    await session.flush()
    return payout


async def find_payout(session: Session, payout_id: str) -> Payout | None:
    return await session.get(Payout, payout_id)


async def lock_payout(session: Session, payout_id: str) -> Payout:
    """A payout as it stands, locked; raises `NotFound`."""
    payout = await session.get(Payout, payout_id, with_for_update=True, populate_existing=True)
    if payout is None:
        raise NotFound(what=PAYOUT)
    return payout


async def step(
    session: Session,
    payout: Payout,
    event: PayoutEvent,
    now: datetime,
    *,
    reference: str | None = None,
    channel_ref: str | None = None,
    reason: str | None = None,
) -> None:
    """Take a locked payout one step further, with its money; raises `StateConflict` when the table has no such step.

    Paid, its transfer is posted. What never left is void. What came back stays told: posted, and a transfer that undoes it.
    """
    before, payout.status = payout.status, advance(payout.status, event)
    payout.updated_at = now
    payout.reference = reference or payout.reference
    payout.channel_ref = channel_ref or payout.channel_ref
    payout.reason = reason or payout.reason
    setattr(payout, _STEP_AT.get(payout.status, "ended_at"), now)
    if payout.status in (PayoutStatus.PAID, PayoutStatus.RETURNED) and before is not PayoutStatus.PAID:
        await settle(session, [payout.transfer_id], State.POSTED, now)
    if payout.status in (PayoutStatus.FAILED, PayoutStatus.CANCELLED):
        await settle(session, [payout.transfer_id], State.VOID, now)
    if payout.status is PayoutStatus.RETURNED:
        back = reversed_entries(await entries_of(session, payout.transfer_id))
        subject = payout.order_id or payout.id
        returned = Transfer(new_id("trf"), TransferKind.PAYOUT_RETURNED, subject, State.POSTED, back)
        await record_transfers(session, [returned], now)
    await session.flush()
    await announce(session, [_news(payout, now)])


def _news(payout: Payout, now: datetime) -> News:
    """What webhooks of whom it is paid to are told."""
    amount = {"amount": payout.amount_minor, "currency": payout.currency}
    told = {"payout": payout.id, "status": payout.status, "amount": amount, "order": payout.order_id}
    whom = (payout.party_id,)
    return News(
        f"payout.{payout.status}",
        payout.id,
        now,
        told,
        buyer=payout.party_id if payout.party is Party.BUYER else None,
        producers=whom if payout.party in (Party.PRODUCER, Party.COOPERATIVE) else (),
        carriers=whom if payout.party is Party.CARRIER else (),
    )


async def payouts_unlike_ledger(reader: Reader) -> list[Finding]:
    """Payouts of which the ledger tells something else: paid is posted, under way is pending, and all others come to nothing."""
    return [
        Finding(Disagreement.PAYOUT, row.id, row.currency, row.expected_minor, row.found_minor)
        for row in await reader.execute(_UNLIKE, {"most": FINDINGS_MAX})
    ]


async def paid_by_bank_in_all(reader: Reader) -> dict[str, int]:
    """What was paid out from the bank or wallet and did not come back, by currency."""
    return {currency: int(amount) for currency, amount in await reader.execute(_BY_BANK)}


async def bank_holds(reader: Reader) -> dict[str, int]:
    """What the ledger says that the operator's bank account holds, by currency."""
    bank = [each for each in await balances(reader, PLATFORM) if each.account.kind is AccountKind.BANK]
    return {each.account.currency: -each.posted_minor for each in bank}
