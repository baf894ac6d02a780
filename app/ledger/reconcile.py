"""The nightly proof that kept balances are the sums of their entries and that every transfer is balanced, and its record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.ids import new_id
from app.core.money import Money
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.text import pick
from app.ledger.models import Reconciliation
from app.ledger.rules import account_of
from app.ledger.schemas import FindingShape, ReconciliationShape
from app.ledger.values import BESIDE_PAYMENTS, FINDING_DISPLAY, FINDINGS_MAX, NO_CURRENCY, Disagreement, Finding

_COLUMNS: Final = [col(getattr(Reconciliation, name)) for name in Reconciliation.model_fields]
_LONG: Final = text("SET LOCAL statement_timeout = '30min'")
_COUNTS: Final = text("SELECT (SELECT count(*) FROM account) AS accounts, (SELECT count(*) FROM transfer) AS transfers")
# From the first entry on, without any of the closings that stand between.
_BALANCES: Final = text(
    """
    SELECT coalesce(summed.account_id, kept.account_id) AS account_id,
        coalesce(summed.posted_minor, 0) AS posted_expected, coalesce(kept.posted_minor, 0) AS posted_found,
        coalesce(summed.pending_minor, 0) AS pending_expected, coalesce(kept.pending_minor, 0) AS pending_found
    FROM (
        SELECT entry.account_id,
            coalesce(sum(entry.amount_minor) FILTER (WHERE transfer.state = 'posted' AND transfer.settled_at < :until), 0)::bigint
                AS posted_minor,
            coalesce(sum(entry.amount_minor) FILTER (WHERE transfer.settled_at IS NULL OR transfer.settled_at >= :until), 0)::bigint
                AS pending_minor
        FROM transfer JOIN entry ON entry.transfer_id = transfer.id
        WHERE transfer.created_at < :until GROUP BY entry.account_id
    ) AS summed
    FULL JOIN (
        SELECT DISTINCT ON (account_id) account_id, posted_minor, pending_minor FROM closing
        WHERE until_at <= :until ORDER BY account_id, until_at DESC
    ) AS kept ON kept.account_id = summed.account_id
    WHERE coalesce(summed.posted_minor, 0) <> coalesce(kept.posted_minor, 0)
        OR coalesce(summed.pending_minor, 0) <> coalesce(kept.pending_minor, 0)
    ORDER BY 1 LIMIT :most
    """
)
_TRANSFERS: Final = text(
    """
    SELECT transfer.id, coalesce(entry.currency, :none) AS currency, coalesce(sum(entry.amount_minor), 0)::bigint AS off_minor
    FROM transfer LEFT JOIN entry ON entry.transfer_id = transfer.id
    GROUP BY transfer.id, entry.currency
    HAVING coalesce(sum(entry.amount_minor), 0) <> 0 OR count(entry.seq) = 0 ORDER BY 1, 2 LIMIT :most
    """
)
_GATEWAY: Final = text(
    """
    SELECT transfer.subject, entry.currency, -sum(entry.amount_minor)::bigint AS held_minor
    FROM transfer JOIN entry ON entry.transfer_id = transfer.id
    WHERE transfer.subject = ANY(:subjects) AND transfer.state = 'posted'
        AND NOT transfer.kind = ANY(:beside)
        AND entry.account_id = 'gateway:' || CAST(:provider AS text) || ':' || entry.currency
    GROUP BY transfer.subject, entry.currency
    """
)


async def check_books(session: Session, until_at: datetime) -> tuple[int, int, list[Finding]]:
    """Add every entry up again; answers how many accounts and transfers there are, and what does not agree.

    `until_at` is a closed midnight.
    """
    await session.execute(_LONG)
    counted = (await session.execute(_COUNTS)).one()
    findings = []
    for row in await session.execute(_BALANCES, {"until": until_at, "most": FINDINGS_MAX}):
        currency = account_of(row.account_id).currency
        for expected, found in (
            (row.posted_expected, row.posted_found),
            (row.pending_expected, row.pending_found),
        ):
            if expected != found:
                findings.append(Finding(Disagreement.BALANCE, row.account_id, currency, expected, found))
    findings += [
        Finding(Disagreement.TRANSFER, row.id, row.currency, 0, row.off_minor)
        for row in await session.execute(_TRANSFERS, {"most": FINDINGS_MAX, "none": NO_CURRENCY})
    ]
    return counted.accounts, counted.transfers, findings


async def held_by_provider(reader: Reader, provider: str, order_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """What the ledger says a card provider holds for each of these orders, by order and currency. One statement."""
    rows = await reader.execute(
        _GATEWAY, {"subjects": list(order_ids), "provider": provider, "beside": sorted(BESIDE_PAYMENTS)}
    )
    return {(row.subject, row.currency): row.held_minor for row in rows}


async def keep_reconciliation(
    session: Session,
    until_at: datetime,
    now: datetime,
    *,
    accounts: int,
    transfers: int,
    payments: int | None,
    findings: Sequence[Finding],
) -> None:
    """Write down what a check looked at and what it found."""
    kept = [
        {
            "what": finding.what,
            "subject": finding.subject,
            "currency": finding.currency,
            "expected_minor": finding.expected_minor,
            "found_minor": finding.found_minor,
        }
        for finding in findings[:FINDINGS_MAX]
    ]
    session.add(
        Reconciliation(
            id=new_id("rec"),
            until_at=until_at,
            made_at=now,
            accounts=accounts,
            transfers=transfers,
            payments=payments,
            findings=kept,
        )
    )
    await session.flush()


async def list_reconciliations(
    reader: Reader, *, cursor: str | None, limit: int, language: str
) -> Page[ReconciliationShape]:
    """Every check, the newest first."""
    wanted = select(*_COLUMNS).order_by(col(Reconciliation.id).desc()).limit(limit + 1)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(Reconciliation.id) < after[0])
    rows = (await reader.execute(wanted)).all()
    items = [
        ReconciliationShape(
            id=row.id,
            made_at=row.made_at,
            until=row.until_at,
            clean=not row.findings,
            accounts=row.accounts,
            transfers=row.transfers,
            payments=row.payments,
            findings=[
                FindingShape(
                    what=each["what"],
                    what_name=pick(FINDING_DISPLAY[Disagreement(each["what"])], language),
                    subject=each["subject"],
                    expected=Money(each["expected_minor"], each["currency"]),
                    found=Money(each["found_minor"], each["currency"]),
                )
                for each in row.findings
            ],
        )
        for row in rows[:limit]
    ]
    return Page(items=items, next_cursor=encode_cursor([rows[limit - 1].id]) if len(rows) > limit else None)
