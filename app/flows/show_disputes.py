"""Disputes as operators and producers see them, and the orders that nobody has paid for after all."""

from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.values import Caller
from app.orders.uncollected import UncollectedShape, list_uncollected
from app.orders.values import DISPLAY as ORDER_DISPLAY
from app.orders.values import OrderStatus
from app.payments.dispute_schemas import DisputeShape
from app.payments.disputes import get_dispute, list_disputes
from app.payments.models import Dispute
from app.payments.values import DISPUTE_DISPLAY, DisputeStatus


async def show_dispute(ports: Ports, caller: Caller, dispute_id: str, language: str) -> DisputeShape:
    """One dispute, for operators and the producers of its order; `NotFound` for anybody else."""
    async with ports.database.read() as connection:
        return dispute_shape(await get_dispute(connection, caller, dispute_id), language)


async def show_disputes(
    ports: Ports, caller: Caller, status: DisputeStatus | None, cursor: str | None, limit: int, language: str
) -> Page[DisputeShape]:
    """Those of one's orders as a producer (operators: all), the newest first."""
    async with ports.database.read() as connection:
        disputes = await list_disputes(connection, caller, status, cursor, limit)
    items = [dispute_shape(dispute, language) for dispute in disputes[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(disputes) > limit else None)


def dispute_shape(dispute: Dispute, language: str) -> DisputeShape:
    """Everything about one dispute but what was told of the buyer. Pure."""

    def money(amount: int) -> Money:
        return Money(amount, dispute.currency)

    return DisputeShape(
        id=dispute.id,
        order=dispute.order_id,
        payment=dispute.payment_id,
        status=dispute.status,
        status_text=pick(DISPUTE_DISPLAY[dispute.status], language),
        reason=dispute.reason,
        amount=money(dispute.amount_minor),
        taken=money(dispute.taken_minor),
        returned=money(dispute.returned_minor),
        lost=money(dispute.lost_minor),
        evidence_due_at=dispute.due_at,
        evidence=dispute.evidence,
        evidence_sent_at=dispute.evidence_sent_at,
        created_at=dispute.created_at,
        updated_at=dispute.updated_at,
    )


async def show_uncollected(ports: Ports, cursor: str | None, limit: int, language: str) -> Page[UncollectedShape]:
    """Orders whose goods go on though what was held for them was lost: for operators to be paid another way."""
    async with ports.database.read() as connection:
        rows = await list_uncollected(connection, cursor, limit)
    items = [
        UncollectedShape(
            order=row.id,
            number=row.number,
            status=OrderStatus(row.status),
            status_text=pick(ORDER_DISPLAY[OrderStatus(row.status)], language),
            amount=Money(row.amount_minor, row.currency),
            held_until=row.held_until,
            lost_at=row.updated_at,
        )
        for row in rows[:limit]
    ]
    return Page(items=items, next_cursor=encode_cursor([items[-1].order]) if len(rows) > limit else None)
