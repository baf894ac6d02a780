"""The nightly story of the books: the day is closed, everything is added up again, reports too, and the card provider is asked."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import text

from app.core.errors import UpstreamFailed
from app.core.ids import derived_id
from app.flows.ports import Ports
from app.ledger.balance import close_until
from app.ledger.reconcile import check_books, held_by_provider, keep_reconciliation
from app.ledger.rules import last_midnight
from app.ledger.service import record as record_transfers
from app.ledger.values import (
    NO_CURRENCY,
    PLATFORM,
    TRANSFERS_PER_CALL_MAX,
    AccountKind,
    AccountRef,
    Disagreement,
    Entry,
    Finding,
    State,
    Transfer,
    TransferKind,
)
from app.offers.service import deposits_sent_otherwise
from app.payments.rules import compare_with_provider
from app.payments.service import deposits_by_transfer, list_recorded
from app.payments.service import received_in_all as received_by_transfer
from app.payments.values import RECONCILED_DAYS, Fee, PaymentMethod
from app.payouts.move_rules import compare_moves
from app.payouts.moves import moves_between
from app.payouts.remittances import received_in_all as received_from_carriers
from app.payouts.rules import bank_findings
from app.payouts.service import bank_holds, paid_by_bank_in_all, payouts_unlike_ledger
from app.reports.service import sum_carriage

log = logging.getLogger(__name__)
_DAY = timedelta(days=1)
_SILENT = Finding(Disagreement.PROVIDER_SILENT, PaymentMethod.STRIPE, NO_CURRENCY, 0, 0)
_LONG = text("SET LOCAL statement_timeout = '30min'")
_ONE_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


async def close_books(ports: Ports) -> None:
    """Periodic: close every day until the last midnight of legal time, check, and write down what was found.

    It changes no entry and no payment: what does not agree is for people to look into. What the card provider kept for itself is
    entered, each fee once.
    """
    now = ports.clock.now()
    until_at = last_midnight(now)
    await close_until(ports.database, until_at, now)
    async with ports.begin() as session:
        accounts, transfers, findings = await check_books(session, until_at)
    async with ports.begin() as session:
        await sum_carriage(session, until_at)
    payments, more = await _ask_provider(ports, until_at)
    findings += more + await _compare_payouts(ports)
    try:
        await _enter_fees(ports, until_at, now)
        findings += await _ask_about_moves(ports, until_at)
    except UpstreamFailed:
        findings.append(_SILENT)
    async with ports.begin() as session:
        await keep_reconciliation(
            session, until_at, now, accounts=accounts, transfers=transfers, payments=payments, findings=findings
        )
    looked_at = {"until": until_at.isoformat(), "accounts": accounts, "transfers": transfers, "payments": payments}
    if findings:
        first = [f"{finding.what} {finding.subject}" for finding in findings[:10]]
        log.error("the books do not agree", extra=looked_at | {"findings": len(findings), "first": first})
    else:
        log.info("the books agree", extra=looked_at)


async def _compare_payouts(ports: Ports) -> list[Finding]:
    """Payouts beside the ledger, and the bank account beside what came in and was paid out; from one snapshot."""
    async with ports.begin() as session:
        await session.execute(_ONE_SNAPSHOT)
        await session.execute(_LONG)
        findings = await payouts_unlike_ledger(session)
        came_in = [
            await received_by_transfer(session),
            await received_from_carriers(session),
            await deposits_by_transfer(session),
            await deposits_sent_otherwise(session),
        ]
        return findings + bank_findings(await bank_holds(session), came_in, await paid_by_bank_in_all(session))


async def _ask_provider(ports: Ports, until_at: datetime) -> tuple[int | None, list[Finding]]:
    """Compare the card payments of the last days; answers how many the provider listed, None without a provider."""
    if ports.cards is None:
        return None, []
    from_at = until_at - timedelta(days=RECONCILED_DAYS)
    try:
        # Further than is asked about: an intent is made a moment after its payment.
        taken = await ports.cards.list_taken(from_at - _DAY, until_at + _DAY)
    except UpstreamFailed:
        return None, [_SILENT]
    async with ports.begin() as session:
        refs = [intent.ref for intent in taken]
        recorded = await list_recorded(session, PaymentMethod.STRIPE, refs, from_at, until_at)
        orders = [payment.order_id for payment in recorded]
        held = await held_by_provider(session, PaymentMethod.STRIPE, orders)
    return len(taken), compare_with_provider(taken, recorded, held, from_at=from_at, until_at=until_at)


async def _enter_fees(ports: Ports, until_at: datetime, now: datetime) -> None:
    """What the provider took for itself in the last days, by its own list: each under an id that follows from its name, so once."""
    if ports.cards is None:
        return
    fees = [fee async for fee in ports.cards.list_fees(until_at - timedelta(days=RECONCILED_DAYS), until_at)]
    for start in range(0, len(fees), TRANSFERS_PER_CALL_MAX):
        made = [_fee(fee) for fee in fees[start : start + TRANSFERS_PER_CALL_MAX]]
        async with ports.begin() as session:
            await record_transfers(session, made, now)


def _fee(fee: Fee) -> Transfer:
    currency = fee.amount.currency
    gateway = AccountRef(AccountKind.GATEWAY, PaymentMethod.STRIPE, currency)
    kept = AccountRef(AccountKind.GATEWAY_FEE, PLATFORM, currency)
    entries = (Entry(gateway, fee.amount.amount), Entry(kept, -fee.amount.amount))
    subject = fee.order_id or fee.ref
    return Transfer(derived_id("trf", fee.ref), TransferKind.GATEWAY_FEE, subject[:40], State.POSTED, entries)


async def _ask_about_moves(ports: Ports, until_at: datetime) -> list[Finding]:
    """Compare what moved to producers' accounts in the last days."""
    if ports.connect is None:
        return []
    from_at = until_at - timedelta(days=RECONCILED_DAYS)
    # Further than is asked about: a transfer is made a moment after it was written down.
    told = [each async for each in ports.connect.list_transfers(from_at - _DAY, until_at + _DAY)]
    async with ports.database.read() as connection:
        ours = await moves_between(connection, from_at, until_at, told)
    return compare_moves(told, ours, from_at=from_at, until_at=until_at)
