"""Payees, runs and payouts as their parties and operators see them, and the sheet of a run for the bank."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from app.core.clock import LEGAL_TIME
from app.core.database import Reader
from app.core.money import Money
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.seal import Seal
from app.core.text import pick
from app.flows.give_payee import payee_shape
from app.flows.ports import Ports
from app.identity.values import Caller
from app.payouts.errors import DebtorNotSet, NothingForTheBank, SheetTooLong
from app.payouts.models import PayoutRun
from app.payouts.pain001 import BankAccount, CreditTransfer, message_of
from app.payouts.payees import list_payees, open_account
from app.payouts.runs import (
    get_payout,
    get_run,
    list_payouts,
    list_runs,
    payouts_of_run,
    sums_of_run,
)
from app.payouts.schemas import PayeeShape, PayoutRunShape, PayoutRunSummary, PayoutShape, RunSum
from app.payouts.values import (
    CHANNEL_DISPLAY,
    DISPLAY,
    PAYOUTS_PER_SHEET_MAX,
    UNDER_WAY,
    Channel,
    PayeeStatus,
    PayoutStatus,
)

Shown = TypeVar("Shown", PayeeShape, PayoutRunSummary, PayoutShape)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A line of the sheet that goes to the bank. The account in full only while the payout is under way."""

    payout: PayoutShape
    holder: str = field(repr=False)
    bank: str = field(repr=False)
    number: str = field(repr=False)


async def show_payees(
    reader: Reader, caller: Caller, status: PayeeStatus | None, cursor: str | None, limit: int, language: str
) -> Page[PayeeShape]:
    """Where one is paid, the newest first; operators see all."""
    rows = await list_payees(reader, caller, status, cursor, limit)
    return _page([payee_shape(row, language) for row in rows], limit)


async def show_runs(reader: Reader, cursor: str | None, limit: int) -> Page[PayoutRunSummary]:
    """Every run, the newest first."""
    return _page([run_summary(row) for row in await list_runs(reader, cursor, limit)], limit)


async def show_payouts(
    reader: Reader, caller: Caller, status: PayoutStatus | None, cursor: str | None, limit: int, language: str
) -> Page[PayoutShape]:
    """What one was paid and is being paid, the newest first; operators see all."""
    rows = await list_payouts(reader, caller, status, cursor, limit)
    return _page([payout_shape(row, language) for row in rows], limit)


async def show_payout(reader: Reader, caller: Caller, payout_id: str, language: str) -> PayoutShape:
    """One payout, for its party and operators; `NotFound` for anybody else."""
    return payout_shape(await get_payout(reader, caller, payout_id), language)


async def show_run(reader: Reader, run_id: str, cursor: str | None, limit: int, language: str) -> PayoutRunShape:
    """A run with what its payouts come to, and a page of them in the order in which they were made."""
    run = await get_run(reader, run_id)
    after = decode_cursor(cursor, str)
    rows = await payouts_of_run(reader, run_id, str(after[0]) if after else "", limit + 1)
    sums = [
        RunSum(status=status, status_text=pick(DISPLAY[status], language), payouts=n, amount=Money(amount, currency))
        for status, currency, n, amount in await sums_of_run(reader, run_id)
    ]
    page = _page([payout_shape(row, language) for row in rows], limit)
    return PayoutRunShape(**run_summary(run).model_dump(), sums=sums, items=page.items, next_cursor=page.next_cursor)


async def sheet_of_run(ports: Ports, reader: Reader, run_id: str, language: str) -> list[SheetRow]:
    """Every payout of a run for the bank. The only place where accounts are told in full, and only of those still to be paid.

    Raises `SheetTooLong`.
    """
    await get_run(reader, run_id)
    rows = await payouts_of_run(reader, run_id, "", PAYOUTS_PER_SHEET_MAX + 1)
    if len(rows) > PAYOUTS_PER_SHEET_MAX:
        raise SheetTooLong(payouts_max=PAYOUTS_PER_SHEET_MAX)
    return [_sheet_row(ports.seal, row, language) for row in rows]


async def bank_message_of_run(ports: Ports, reader: Reader, run_id: str) -> bytes:
    """The bank transfers of a run that are still to be sent, as ISO 20022 pain.001, to be carried out on the next day.

    Raises `DebtorNotSet`, `NothingForTheBank` or `SheetTooLong`.
    """
    debtor, now = ports.terms.debtor, ports.clock.now()
    if not debtor.account:
        raise DebtorNotSet
    rows = [each for each in await sheet_of_run(ports, reader, run_id, "en") if _for_bank(each.payout)]
    if not rows:
        raise NothingForTheBank(run=run_id)
    transfers = [
        CreditTransfer(
            each.payout.id,
            each.payout.amount,
            BankAccount(each.holder, each.number, each.bank),
            f"Chama {each.payout.id}",
        )
        for each in rows
    ]
    tomorrow = now.astimezone(LEGAL_TIME).date() + timedelta(days=1)
    return message_of(run_id, BankAccount(debtor.holder, debtor.account, debtor.bank), transfers, now, tomorrow)


def _for_bank(payout: PayoutShape) -> bool:
    return payout.channel is Channel.BANK_TRANSFER and payout.status is PayoutStatus.PREPARED


def _sheet_row(seal: Seal, row: Any, language: str) -> SheetRow:
    shape = payout_shape(row, language)
    account = open_account(seal, row.sealed) if row.sealed and shape.status in UNDER_WAY else None
    if account is None:
        return SheetRow(shape, "", "", shape.account)
    return SheetRow(shape, account.holder, account.bank or "", account.number)


def run_summary(run: PayoutRun) -> PayoutRunSummary:
    return PayoutRunSummary.model_validate(
        {
            "id": run.id,
            "parties": run.parties,
            "net_cash": run.net_cash,
            "terms": run.terms,
            "by_clock": run.made_by is None,
            "created_at": run.created_at,
            "done_at": run.done_at,
        }
    )


def payout_shape(row: Any, language: str) -> PayoutShape:
    """A payout as people see it, with no more of the account than its end."""
    return PayoutShape(
        id=row.id,
        run=row.run_id,
        party=row.party_id,
        kind=row.party,
        channel=row.channel,
        channel_text=pick(CHANNEL_DISPLAY[row.channel], language),
        carrier=row.carrier,
        account=row.masked,
        amount=Money(row.amount_minor, row.currency),
        status=row.status,
        status_text=pick(DISPLAY[row.status], language),
        order=row.order_id,
        reference=row.reference,
        reason=row.reason,
        created_at=row.created_at,
        sent_at=row.sent_at,
        paid_at=row.paid_at,
        ended_at=row.ended_at,
    )


def _page(shapes: Sequence[Shown], limit: int) -> Page[Shown]:
    items = list(shapes[:limit])
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(shapes) > limit else None)
