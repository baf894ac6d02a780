"""Orders whose goods go on though the money that was held for them on a card was lost."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from pydantic import ConfigDict
from sqlalchemy import Row, text

from app.core.database import Reader
from app.core.money import Money
from app.core.paging import decode_cursor
from app.core.schema import Shape, Time
from app.orders.values import OrderStatus

# Of what was held for an order, the last counts; one that was paid since, in whatever attempt, is settled.
_UNCOLLECTED: Final = text(
    """
    SELECT o.id, o.number, o.status, o.buyer_id, p.id AS payment_id, p.amount_minor, p.currency, p.held_until, p.updated_at
    FROM "order" AS o JOIN LATERAL (
        SELECT * FROM payment WHERE payment.order_id = o.id AND payment.held_until IS NOT NULL ORDER BY payment.id DESC LIMIT 1
    ) AS p ON p.status = 'cancelled'
    WHERE NOT EXISTS (SELECT FROM payment AS later WHERE later.order_id = o.id AND later.id > p.id
        AND later.status IN ('authorised', 'paid', 'refunded')) AND o.status IN ('placed', 'in_transit', 'delivered', 'completed') AND (CAST(:after AS text) IS NULL OR o.id < :after)
    ORDER BY o.id DESC LIMIT :most
    """
)


class UncollectedShape(Shape):
    """An order whose goods go on though the money that was held on the buyer's card was lost."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "order": "ord_01jd0000000000000000000000",
                    "number": "26-7KQX-3MPA",
                    "status": "in_transit",
                    "status_text": "On the way",
                    "amount": {"amount": 7830, "currency": "CNY"},
                    "held_until": "2026-03-12T08:00:00Z",
                    "lost_at": "2026-03-10T08:00:00Z",
                }
            ]
        },
    )

    order: str
    number: str
    status: OrderStatus
    status_text: str
    amount: Money
    held_until: Time
    lost_at: Time


async def list_uncollected(reader: Reader, cursor: str | None, limit: int) -> Sequence[Row[Any]]:
    """Orders whose goods go on though the money that was held for them was lost, the newest first; one more than `limit`."""
    after = decode_cursor(cursor, str)
    names = {"after": after[0] if after else None, "most": limit + 1}
    return (await reader.execute(_UNCOLLECTED, names)).all()
