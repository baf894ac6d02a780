"""Verbs of money between us and connected accounts: what is to move for an order, what has moved, and what is short."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, text
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.ids import new_id
from app.core.money import Money
from app.payouts.models import ConnectReversal, ConnectTransfer
from app.payouts.move_rules import Due, spread_back
from app.payouts.values import Moved, MoveStatus

_DONE_BEFORE: Final = text(
    """
    SELECT
        coalesce(sum(t.amount_minor + t.withheld_minor - t.short_minor - coalesce(r.back_minor, 0))
            FILTER (WHERE t.order_id = :order), 0)::bigint AS settled,
        coalesce(sum(t.short_minor - t.withheld_minor), 0)::bigint AS outstanding
    FROM connect_transfer AS t LEFT JOIN (
        SELECT transfer_id, sum(amount_minor) AS back_minor FROM connect_reversal WHERE status <> 'refused' GROUP BY transfer_id
    ) AS r ON r.transfer_id = t.id
    WHERE t.party_id = :party AND t.currency = :currency AND t.status <> 'refused'
    """
)
_LEFT: Final = text(
    """
    SELECT t.id, t.amount_minor - coalesce(sum(r.amount_minor) FILTER (WHERE r.status <> 'refused'), 0)::bigint AS left_minor
    FROM connect_transfer AS t LEFT JOIN connect_reversal AS r ON r.transfer_id = t.id
    WHERE t.order_id = :order AND t.party_id = :party AND t.currency = :currency AND t.status <> 'refused'
    GROUP BY t.id ORDER BY t.id DESC
    """
)
_WAITING: Final = text(
    """
    SELECT DISTINCT order_id FROM connect_transfer WHERE status = 'prepared'
    UNION SELECT t.order_id FROM connect_reversal AS r JOIN connect_transfer AS t ON t.id = r.transfer_id
    WHERE r.status = 'prepared' ORDER BY 1 LIMIT :most
    """
)


async def plan_moves(
    session: Session, *, order_id: str, party_id: str, account_ref: str, currency: str, due_minor: int, now: datetime
) -> None:
    """Write down what has to move so that this party has been sent `due_minor` for this order. The payee is locked.

    What it was sent too much before is withheld first. What is to come back and cannot is written down as short.
    """
    names = {"order": order_id, "party": party_id, "currency": currency}
    before = (await session.execute(_DONE_BEFORE, names)).one()
    due = Due(due_minor - before.settled, before.outstanding)
    if due.change_minor > 0:
        session.add(
            ConnectTransfer(
                id=new_id("mov"),
                order_id=order_id,
                party_id=party_id,
                account_ref=account_ref,
                currency=currency,
                amount_minor=due.to_send_minor,
                withheld_minor=due.to_withhold_minor,
                status=MoveStatus.PREPARED if due.to_send_minor else MoveStatus.DONE,
                created_at=now,
                updated_at=now,
            )
        )
    elif due.change_minor < 0:
        left = [(row.id, row.left_minor) for row in await session.execute(_LEFT, names)]
        back, short = spread_back(-due.change_minor, left)
        for transfer_id, amount in back.items():
            session.add(
                ConnectReversal(
                    id=new_id("mov"),
                    transfer_id=transfer_id,
                    amount_minor=amount,
                    status=MoveStatus.PREPARED,
                    created_at=now,
                    updated_at=now,
                )
            )
        if short:
            newest = await session.get_one(ConnectTransfer, left[0][0], with_for_update=True)
            newest.short_minor += short
    await session.flush()


async def waiting_transfers(session: Session, order_id: str) -> Sequence[ConnectTransfer]:
    """What of an order has yet to be sent."""
    wanted = select(ConnectTransfer).where(
        col(ConnectTransfer.order_id) == order_id, col(ConnectTransfer.status) == MoveStatus.PREPARED
    )
    return (await session.scalars(wanted.order_by(col(ConnectTransfer.id)))).all()


async def waiting_reversals(session: Session, order_id: str) -> list[tuple[ConnectReversal, ConnectTransfer]]:
    """What of an order has yet to come back, each with its transfer."""
    wanted = (
        select(ConnectReversal, ConnectTransfer)
        .join(ConnectTransfer, col(ConnectTransfer.id) == col(ConnectReversal.transfer_id))
        .where(col(ConnectTransfer.order_id) == order_id, col(ConnectReversal.status) == MoveStatus.PREPARED)
        .order_by(col(ConnectReversal.id))
    )
    return [(back, transfer) for back, transfer in await session.execute(wanted)]


async def note_transfer(session: Session, transfer_id: str, ref: str | None, now: datetime) -> None:
    """What became of a transfer; harmless when that was noted before."""
    row = await session.get_one(ConnectTransfer, transfer_id, with_for_update=True, populate_existing=True)
    if row.status is MoveStatus.PREPARED:
        row.status, row.ref, row.updated_at = (MoveStatus.DONE if ref else MoveStatus.REFUSED), ref, now
        await session.flush()


async def note_reversal(session: Session, reversal_id: str, ref: str | None, now: datetime) -> None:
    """What became of a reversal: come back, or short. Harmless when that was noted before."""
    row = await session.get_one(ConnectReversal, reversal_id, with_for_update=True, populate_existing=True)
    if row.status is not MoveStatus.PREPARED:
        return
    transfer = await session.get_one(ConnectTransfer, row.transfer_id, with_for_update=True, populate_existing=True)
    row.status, row.ref, row.updated_at = (MoveStatus.DONE if ref else MoveStatus.REFUSED), ref, now
    if ref:
        transfer.reversed_minor += row.amount_minor
    elif transfer.status is MoveStatus.DONE:
        transfer.short_minor += row.amount_minor
    transfer.updated_at = now
    await session.flush()


async def orders_with_moves_waiting(session: Session, most: int) -> list[str]:
    return list((await session.execute(_WAITING, {"most": most})).scalars())


async def short_of(reader: Reader, party_id: str, currency: str) -> int:
    """What a party was sent too much and has not been withheld yet."""
    wanted = select(func.coalesce(func.sum(col(ConnectTransfer.short_minor) - col(ConnectTransfer.withheld_minor)), 0))
    wanted = wanted.where(
        col(ConnectTransfer.party_id) == party_id,
        col(ConnectTransfer.currency) == currency,
        col(ConnectTransfer.status) != MoveStatus.REFUSED,
    )
    return int((await reader.execute(wanted)).scalar_one())


async def moves_between(
    reader: Reader, from_at: datetime, until_at: datetime, told: Sequence[Moved]
) -> dict[str, tuple[str, Money, datetime]]:
    """Our transfers of a time, and those that the provider lists: its name, what is kept there, and when, by our id."""
    wanted = select(
        col(ConnectTransfer.id),
        col(ConnectTransfer.ref),
        (col(ConnectTransfer.amount_minor) - col(ConnectTransfer.reversed_minor)).label("kept_minor"),
        col(ConnectTransfer.currency),
        col(ConnectTransfer.created_at),
    ).where(
        col(ConnectTransfer.ref).is_not(None),
        col(ConnectTransfer.id).in_({each.move_id for each in told if each.move_id})
        | col(ConnectTransfer.created_at).between(from_at, until_at),
    )
    rows = await reader.execute(wanted)
    return {row.id: (row.ref, Money(row.kept_minor, row.currency), row.created_at) for row in rows}
