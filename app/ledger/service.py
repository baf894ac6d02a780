"""Verbs of the ledger: record transfers, settle them, read entries."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.core.database import Session, Sql, as_rows
from app.core.money import Money
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.text import pick
from app.ledger.errors import TransferSettled
from app.ledger.models import LedgerEntry, LedgerTransfer
from app.ledger.rules import account_of, check_zero_sum
from app.ledger.schemas import BalanceShape, EntryShape
from app.ledger.values import (
    ACCOUNT_DISPLAY,
    KIND_DISPLAY,
    STATE_DISPLAY,
    TRANSFERS_PER_CALL_MAX,
    AccountRef,
    Balance,
    Entry,
    State,
    Transfer,
)

# Accounts are sorted: two transactions that open the same new ones wait for each other in one order.
_RECORD = Sql(
    """
    WITH opened AS (
        INSERT INTO account (id, kind, owner, currency)
        SELECT * FROM json_to_recordset(CAST(:accounts AS json)) AS given (id text, kind text, owner text, currency text)
        ORDER BY id
        ON CONFLICT DO NOTHING
    ), made AS (
        INSERT INTO transfer (id, kind, subject, state, created_at, settled_at)
        SELECT id, kind, subject, state, CAST(:now AS timestamptz), CASE WHEN state <> 'pending' THEN CAST(:now AS timestamptz) END
        FROM json_to_recordset(CAST(:transfers AS json)) AS given (id text, kind text, subject text, state text)
        ORDER BY id
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    INSERT INTO entry (transfer_id, seq, account_id, amount_minor, currency)
    SELECT given.transfer_id, given.seq, given.account_id, given.amount_minor, given.currency
    FROM json_to_recordset(CAST(:entries AS json))
        AS given (transfer_id text, seq int, account_id text, amount_minor bigint, currency text)
    JOIN made ON made.id = given.transfer_id
    """
)
_SETTLE = text(
    """
    UPDATE transfer SET state = :state, settled_at = greatest(CAST(:now AS timestamptz), created_at)
    WHERE state = 'pending' AND id IN (SELECT id FROM transfer WHERE id = ANY(:ids) ORDER BY id FOR UPDATE)
    """
)
_SETTLED_OTHERWISE = text("SELECT id, state FROM transfer WHERE id = ANY(:ids) AND state <> :state LIMIT 1")


async def record(session: Session, transfers: Sequence[Transfer], now: datetime) -> None:
    """Write transfers with their entries, opening accounts as needed. One statement, whatever their number.

    A transfer whose id is known is left as it is, so that a repeat does nothing twice. Call it once for each
    transaction: accounts are opened in one order only within a call.
    """
    assert len(transfers) <= TRANSFERS_PER_CALL_MAX
    for transfer in transfers:
        check_zero_sum(transfer)
    if not transfers:
        return
    accounts = sorted({entry.account for transfer in transfers for entry in transfer.entries})
    values = {
        "accounts": as_rows(
            [{"id": one.id, "kind": one.kind, "owner": one.owner, "currency": one.currency} for one in accounts]
        ),
        "transfers": as_rows(
            [{"id": one.id, "kind": one.kind, "subject": one.subject, "state": one.state} for one in transfers]
        ),
        "entries": as_rows(
            [_line(transfer.id, seq, entry) for transfer in transfers for seq, entry in enumerate(transfer.entries)]
        ),
        "now": now,
    }
    await _RECORD.tell(session, values)


def _line(transfer_id: str, seq: int, entry: Entry) -> dict[str, Any]:
    account = entry.account
    return {
        "transfer_id": transfer_id,
        "seq": seq,
        "account_id": account.id,
        "amount_minor": entry.amount_minor,
        "currency": account.currency,
    }


async def settle(session: Session, transfer_ids: Sequence[str], state: State, now: datetime) -> None:
    """Make pending transfers posted or void, locked in the order of their ids; again is harmless.

    Raises `TransferSettled` when one of them went the other way before.
    """
    assert state is not State.PENDING
    ids = list(transfer_ids)
    await session.execute(_SETTLE, {"ids": ids, "state": state.value, "now": now})
    other = (await session.execute(_SETTLED_OTHERWISE, {"ids": ids, "state": state.value})).first()
    if other is not None:
        raise TransferSettled(id=other.id, state=STATE_DISPLAY[State(other.state)])


async def transfers_of(session: Session, subject: str) -> list[Transfer]:
    """Every transfer about this order, the oldest first, with its entries."""
    return await _transfers(session, col(LedgerTransfer.subject) == subject)


async def transfers_by_ids(session: Session, ids: Collection[str]) -> list[Transfer]:
    """These transfers, the oldest first, with their entries. One statement."""
    return await _transfers(session, col(LedgerTransfer.id).in_(set(ids)))


async def _transfers(session: Session, which: Any) -> list[Transfer]:
    rows = await session.execute(
        select(LedgerTransfer, LedgerEntry)
        .join(LedgerEntry, col(LedgerEntry.transfer_id) == col(LedgerTransfer.id))
        .where(which)
        .order_by(col(LedgerTransfer.created_at), col(LedgerTransfer.id), col(LedgerEntry.seq))
        .execution_options(populate_existing=True)
    )
    found = []
    for transfer, lines in groupby(rows, key=attrgetter("LedgerTransfer")):
        entries = tuple(Entry(account_of(row.LedgerEntry.account_id), row.LedgerEntry.amount_minor) for row in lines)
        found.append(Transfer(transfer.id, transfer.kind, transfer.subject, transfer.state, entries))
    return found


async def entries_of(session: Session, transfer_id: str) -> tuple[Entry, ...]:
    """The entries of a transfer, in their order."""
    rows = await session.execute(
        select(col(LedgerEntry.account_id), col(LedgerEntry.amount_minor))
        .where(col(LedgerEntry.transfer_id) == transfer_id)
        .order_by(col(LedgerEntry.seq))
    )
    return tuple(Entry(account_of(row.account_id), row.amount_minor) for row in rows)


async def list_entries(
    connection: AsyncConnection | Session, account: AccountRef, *, cursor: str | None, limit: int, language: str
) -> Page[EntryShape]:
    """The lines of one account, the newest transfer first."""
    after = decode_cursor(cursor, str, int)
    wanted = (
        select(
            col(LedgerEntry.seq),
            col(LedgerEntry.amount_minor),
            col(LedgerTransfer.id),
            col(LedgerTransfer.kind),
            col(LedgerTransfer.subject),
            col(LedgerTransfer.state),
            col(LedgerTransfer.created_at),
        )
        .join(LedgerTransfer, col(LedgerTransfer.id) == col(LedgerEntry.transfer_id))
        .where(col(LedgerEntry.account_id) == account.id)
        .order_by(col(LedgerEntry.transfer_id).desc(), col(LedgerEntry.seq).desc())
        .limit(limit + 1)
    )
    if after is not None:
        wanted = wanted.where(tuple_(col(LedgerEntry.transfer_id), col(LedgerEntry.seq)) < after)
    rows = (await connection.execute(wanted)).all()
    items = [
        EntryShape(
            transfer=row.id,
            kind=row.kind,
            kind_name=pick(KIND_DISPLAY[row.kind], language),
            subject=row.subject,
            amount=Money(row.amount_minor, account.currency),
            state=row.state,
            state_name=pick(STATE_DISPLAY[row.state], language),
            created_at=row.created_at,
        )
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(items=items, next_cursor=encode_cursor([last.id, last.seq]) if last else None)


def shown_balance(balance: Balance, language: str) -> BalanceShape:
    """A balance as people see it."""
    account = balance.account
    return BalanceShape(
        account=account.kind,
        account_name=pick(ACCOUNT_DISPLAY[account.kind], language),
        posted=Money(balance.posted_minor, account.currency),
        pending=Money(balance.pending_minor, account.currency),
    )
