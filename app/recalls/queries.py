"""What is read of recalls: lists of them, the goods that one concerns, and those that stand for a consignment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.core.database import Reader, Sql
from app.core.errors import NotFound
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.quantity import as_text
from app.identity.rules import may_any
from app.identity.values import Caller
from app.recalls.schemas import RecalledGoods, RecallShape
from app.recalls.service import NO_RECALL

_RECALLS: Final = (
    "SELECT recall.*, (SELECT count(DISTINCT order_id) FROM recalled_line WHERE recall_id = recall.id) AS orders, "
    "(SELECT count(DISTINCT consignment_id) FROM recalled_line WHERE recall_id = recall.id) AS consignments, "
    "(SELECT count(DISTINCT order_id) FROM recalled_line WHERE recall_id = recall.id AND told_at IS NOT NULL) AS told FROM recall "
)
_ONE: Final = Sql(_RECALLS + "WHERE id = :id")
_MANY: Final = Sql(
    _RECALLS + "WHERE (CAST(:producers AS text[]) IS NULL OR producer_id = ANY(CAST(:producers AS text[]))) "
    "AND (NOT :standing OR lifted_at IS NULL) AND (CAST(:after AS text) IS NULL OR id < :after) ORDER BY id DESC LIMIT :most"
)
_GOODS: Final = Sql(
    "SELECT line.order_id, line.line_id, line.quantity, line.consignment_id, line.buyer_id, line.told_at, line.lift_told_at, "
    '"order".number, consignment.tracking_number, consignment.status, consignment.hub FROM recalled_line AS line '
    'JOIN "order" ON "order".id = line.order_id JOIN consignment ON consignment.id = line.consignment_id '
    "WHERE line.recall_id = :recall AND (line.order_id, line.line_id) > (:after_order, :after_line) "
    "ORDER BY line.order_id, line.line_id LIMIT :most"
)
_STANDING: Final = Sql(
    "SELECT recall.title, recall.reason, recall.advice, recall.created_at FROM recalled_line AS line "
    "JOIN recall ON recall.id = line.recall_id WHERE line.consignment_id = :consignment AND recall.lifted_at IS NULL "
    "GROUP BY recall.id ORDER BY recall.id"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A recall that concerns a consignment and is not lifted."""

    title: Mapping[str, str]
    reason: Mapping[str, str]
    advice: Mapping[str, str]
    recalled_at: datetime


async def standing_recalls(reader: Reader, consignment_id: str) -> list[Standing]:
    """What of a consignment is called back. One statement on a table that is nearly always empty."""
    rows = await _STANDING.all(reader, {"consignment": consignment_id})
    return [Standing(row.title, row.reason, row.advice, row.created_at) for row in rows]


async def get_recall(reader: Reader, caller: Caller, recall_id: str) -> RecallShape:
    """For those who belong to its producer or work for it, and operators; `NotFound` for anybody else."""
    row = await _ONE.first(reader, {"id": recall_id})
    if row is None or not (caller.is_operator() or may_any(caller, row.producer_id)):
        raise NotFound(what=NO_RECALL)
    return _shape(row)


async def list_recalls(
    reader: Reader, caller: Caller, *, standing: bool, cursor: str | None, limit: int
) -> Page[RecallShape]:
    """Recalls of one's producers, for operators all, the newest first."""
    after = decode_cursor(cursor, str)
    producers = None if caller.is_operator() else [each for each in caller.grants if may_any(caller, each)]
    asked = {"producers": producers, "standing": standing, "after": after[0] if after else None, "most": limit + 1}
    rows = await _MANY.all(reader, asked)
    return Page(
        items=[_shape(row) for row in rows[:limit]],
        next_cursor=encode_cursor([rows[limit - 1].id]) if len(rows) > limit else None,
    )


async def list_recalled(
    reader: Reader, caller: Caller, recall_id: str, *, cursor: str | None, limit: int
) -> Page[RecalledGoods]:
    """Every line with goods of the lot, with its consignment; for the same people as the recall. Two statements."""
    await get_recall(reader, caller, recall_id)
    after = decode_cursor(cursor, str, str) or ("", "")
    asked = {"recall": recall_id, "after_order": after[0], "after_line": after[1], "most": limit + 1}
    rows = await _GOODS.all(reader, asked)
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[_goods(row, named=caller.is_operator()) for row in rows[:limit]],
        next_cursor=encode_cursor([last.order_id, last.line_id]) if last else None,
    )


def _shape(row: Any) -> RecallShape:
    same = ("id", "title", "reason", "advice", "by_operator", "created_at", "lifted_at", "lift_reason")
    counts = ("orders", "consignments", "told")
    return RecallShape(
        **{name: getattr(row, name) for name in (*same, *counts)},
        lot=row.lot_id,
        listing=row.listing_id,
        producer=row.producer_id,
    )


def _goods(row: Any, *, named: bool) -> RecalledGoods:
    return RecalledGoods(
        order=row.order_id,
        order_number=row.number,
        line=row.line_id,
        quantity=as_text(row.quantity),
        consignment=row.consignment_id,
        tracking_number=row.tracking_number,
        status=row.status,
        hub=row.hub,
        buyer=row.buyer_id if named else None,
        told_at=row.told_at,
        lift_told_at=row.lift_told_at,
    )
