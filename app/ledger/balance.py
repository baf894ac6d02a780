"""Running balances: what stood at the last closed midnight and what was written since; closing days; lines of a period.

Writers of orders touch no balance, so that no account makes them wait for each other (ADR 27).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.core.database import Database, Reader
from app.ledger.rules import account_of
from app.ledger.values import Balance, Line, TransferKind

# A transfer is pending from `created_at` until `settled_at`; posted or void from then on.
_POSTED: Final = (
    "coalesce(sum(entry.amount_minor) FILTER (WHERE transfer.state = 'posted' "
    "AND transfer.settled_at >= {since} AND transfer.settled_at < {until}), 0)::bigint"
)
_PENDING: Final = (
    "coalesce(sum(entry.amount_minor) FILTER (WHERE transfer.created_at < {until} "
    "AND (transfer.settled_at IS NULL OR transfer.settled_at >= {until})), 0)::bigint "
    "- coalesce(sum(entry.amount_minor) FILTER (WHERE transfer.created_at < {since} "
    "AND (transfer.settled_at IS NULL OR transfer.settled_at >= {since})), 0)::bigint"
)
_CHANGED: Final = "coalesce(transfer.settled_at, transfer.created_at) >= {since}"
_SINCE: Final = (
    "coalesce((SELECT max(until_at) FROM ledger_close WHERE summed_at IS NOT NULL AND until_at {upto}), '-infinity')"
)


def _moved(since: str, until: str) -> str:
    """Columns `posted_minor` and `pending_minor`: what the entries of changed transfers add between two moments."""
    named = {"since": since, "until": until}
    return f"{_POSTED.format(**named)} AS posted_minor, {_PENDING.format(**named)} AS pending_minor"


_BALANCES: Final = text(
    f"""
    WITH base AS (SELECT {_SINCE.format(upto="<= CAST(:at AS timestamptz)")} AS at)
    SELECT account.id, coalesce(kept.posted_minor, 0) + moved.posted_minor AS posted_minor,
        coalesce(kept.pending_minor, 0) + moved.pending_minor AS pending_minor
    FROM base CROSS JOIN account
    LEFT JOIN LATERAL (
        SELECT posted_minor, pending_minor FROM closing WHERE closing.account_id = account.id AND closing.until_at <= base.at
        ORDER BY closing.until_at DESC LIMIT 1
    ) AS kept ON true
    CROSS JOIN LATERAL (
        SELECT {_moved("base.at", "CAST(:at AS timestamptz)")}
        FROM entry JOIN transfer ON transfer.id = entry.transfer_id
        WHERE entry.account_id = account.id AND {_CHANGED.format(since="base.at")}
    ) AS moved
    WHERE account.owner = :owner ORDER BY account.id
    """  # noqa: S608 - constants of this file
)
_CLOSE: Final = text(
    "INSERT INTO ledger_close (until_at, closed_at) SELECT :until, :now "
    "WHERE NOT EXISTS (SELECT FROM ledger_close WHERE until_at > :until) ON CONFLICT DO NOTHING"
)
_UNSUMMED: Final = text("SELECT until_at FROM ledger_close WHERE summed_at IS NULL ORDER BY until_at")
_WAIT: Final = text("LOCK TABLE transfer IN SHARE MODE")
_LONG: Final = text("SET LOCAL statement_timeout = '30min'")
_SUM: Final = text(
    f"""
    WITH base AS (SELECT {_SINCE.format(upto="< CAST(:until AS timestamptz)")} AS at),
    moved AS (
        SELECT entry.account_id, {_moved("base.at", "CAST(:until AS timestamptz)")}
        FROM base, transfer JOIN entry ON entry.transfer_id = transfer.id
        WHERE {_CHANGED.format(since="base.at")} GROUP BY entry.account_id
    )
    INSERT INTO closing (account_id, until_at, posted_minor, pending_minor)
    SELECT moved.account_id, :until, coalesce(kept.posted_minor, 0) + moved.posted_minor,
        coalesce(kept.pending_minor, 0) + moved.pending_minor
    FROM moved LEFT JOIN LATERAL (
        SELECT posted_minor, pending_minor FROM closing
        WHERE closing.account_id = moved.account_id AND closing.until_at < :until
        ORDER BY closing.until_at DESC LIMIT 1
    ) AS kept ON true
    WHERE moved.posted_minor <> 0 OR moved.pending_minor <> 0
    ORDER BY moved.account_id
    """  # noqa: S608 - constants of this file
)
_SUMMED: Final = text("UPDATE ledger_close SET summed_at = :now WHERE until_at = :until AND summed_at IS NULL")
_TAKE: Final = text("SELECT summed_at FROM ledger_close WHERE until_at = :until FOR UPDATE")
_LINES: Final = text(
    """
    SELECT entry.account_id, entry.transfer_id, entry.seq, entry.amount_minor, transfer.kind, transfer.subject,
        transfer.settled_at, sum(entry.amount_minor) OVER (
            PARTITION BY entry.account_id ORDER BY transfer.settled_at, entry.transfer_id, entry.seq
        )::bigint AS moved_minor
    FROM account JOIN entry ON entry.account_id = account.id JOIN transfer ON transfer.id = entry.transfer_id
    WHERE account.owner = :owner AND transfer.state = 'posted'
        AND coalesce(transfer.settled_at, transfer.created_at) >= :from_at
        AND coalesce(transfer.settled_at, transfer.created_at) < :until_at
    ORDER BY entry.account_id, transfer.settled_at, entry.transfer_id, entry.seq
    """
)
_PAGE: Final = text(
    f"""
    SELECT * FROM ({_LINES.text}) AS line
    WHERE CAST(:after_id AS text) IS NULL
        OR (account_id, settled_at, transfer_id, seq)
            > (:after_id, to_timestamp(0) + CAST(:after_us AS bigint) * interval '1 microsecond', :after_transfer, :after_seq)
    ORDER BY account_id, settled_at, transfer_id, seq LIMIT :most
    """  # noqa: S608 - constants of this file
)
FOREVER: Final = "infinity"


async def balances(reader: Reader, owner: str, at: datetime | None = None) -> list[Balance]:
    """What each account of this owner holds, now or as it stood just before a moment. One statement."""
    rows = await reader.execute(_BALANCES, {"owner": owner, "at": at.isoformat() if at else FOREVER})
    return [Balance(account_of(row.id), row.posted_minor, row.pending_minor) for row in rows]


async def close_until(database: Database, until_at: datetime, now: datetime) -> None:
    """Close every day before this midnight, and keep what each account held then. Again is harmless.

    First nothing may be written before it any more; then those who were writing are waited for; only then is summed. Each in
    a transaction of its own: who writes orders waits at most for the writers just before.
    """
    async with database.begin() as session:
        await session.execute(_CLOSE, {"until": until_at, "now": now})
    async with database.begin() as session:
        await session.execute(_WAIT)
    async with database.begin() as session:
        waiting = (await session.execute(_UNSUMMED)).scalars().all()
    for until in waiting:
        async with database.begin() as session:
            await session.execute(_LONG)
            if (await session.execute(_TAKE, {"until": until})).scalar_one() is None:
                await session.execute(_SUM, {"until": until})
                await session.execute(_SUMMED, {"until": until, "now": now})


async def list_lines(
    reader: Reader, owner: str, from_at: datetime, until_at: datetime, *, after: Sequence[str | int] | None, most: int
) -> list[Line]:
    """Posted entries of an owner's accounts in a period, by account and time. `balance_minor` counts from the period's begin.

    `after` is the key of the line before: account, microseconds since 1970, transfer, number of the entry.
    """
    account, posted_us, transfer, seq = after or (None, 0, "", 0)
    rows = await reader.execute(
        _PAGE,
        {
            "owner": owner,
            "from_at": from_at,
            "until_at": until_at,
            "after_id": account,
            "after_us": posted_us,
            "after_transfer": transfer,
            "after_seq": seq,
            "most": most,
        },
    )
    return [
        Line(
            account_of(row.account_id),
            row.transfer_id,
            row.seq,
            TransferKind(row.kind),
            row.subject,
            row.settled_at,
            row.amount_minor,
            row.moved_minor,
        )
        for row in rows
    ]
