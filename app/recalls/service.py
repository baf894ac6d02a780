"""Verbs of recalls: call a lot back, lift that, say who is to be told. What was sold of the lot is noted with the recall."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.catalogue.errors import NO_LOT
from app.core.database import Reader, Session, Sql
from app.core.errors import Forbidden, Gap, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.schema import fingerprint
from app.identity.rules import may_any, require_grant
from app.identity.values import Caller, Grant
from app.recalls.models import Recall
from app.recalls.schemas import LiftRecall, NewRecall

NO_RECALL: Final = {"en": "recall", "zh-Hans": "召回"}
TOLD_AT_ONCE_MAX: Final = 100
_MANY_LOTS: Final = {
    "en": "Several lots have this id: say which listing's is meant",
    "zh-Hans": "有多个批次使用此编号，请用 listing 指明商品",
}
_LOTS: Final = Sql(
    "SELECT lot.id, lot.listing_id, listing.producer_id, listing.title FROM lot JOIN listing ON listing.id = lot.listing_id "
    "WHERE lot.id = :lot AND (CAST(:listing AS text) IS NULL OR lot.listing_id = :listing) ORDER BY lot.listing_id LIMIT 20"
)
# Whoever hands goods over from an offer to an order holds this lock with others (`app.catalogue.reserve`).
_ALONE: Final = Sql("SELECT pg_advisory_xact_lock(hashtextextended('lot ' || CAST(:lot AS text), 0))")
_LOCK_LISTING: Final = Sql("SELECT 1 FROM listing WHERE id = :listing FOR UPDATE")
_CALL_BACK: Final = Sql(
    "UPDATE lot SET recalled_at = :now WHERE listing_id = :listing AND id = :lot AND recalled_at IS NULL RETURNING id"
)
_SELL_AGAIN: Final = Sql("UPDATE lot SET recalled_at = NULL WHERE listing_id = :listing AND id = :lot RETURNING id")
# A statement of its own after the lot is locked: it sees every order that was first.
_NOTE_SOLD: Final = Sql(
    "INSERT INTO recalled_line (recall_id, order_id, line_id, consignment_id, buyer_id, quantity) "
    'SELECT :recall, line.order_id, line.id, line.consignment_id, "order".buyer_id, held.quantity FROM reservation AS held '
    "JOIN order_line AS line ON line.order_id = held.order_id AND line.id = held.line_id "
    'JOIN "order" ON "order".id = line.order_id '
    "WHERE held.listing_id = :listing AND held.lot_id = :lot AND held.state <> 'released' RETURNING order_id"
)
_UNTOLD: Final = (
    "WITH next AS (SELECT DISTINCT order_id FROM recalled_line WHERE recall_id = :recall AND {waits} ORDER BY order_id LIMIT :most), "
    "told AS (UPDATE recalled_line AS line SET {told} = :now FROM next WHERE line.recall_id = :recall AND line.order_id = next.order_id "
    "AND {waits} RETURNING line.order_id, line.consignment_id, line.buyer_id) "
    'SELECT told.order_id, min(told.buyer_id) AS buyer_id, min("order".number) AS number, min(consignment.tracking_number) AS tracking_number '
    'FROM told JOIN "order" ON "order".id = told.order_id JOIN consignment ON consignment.id = told.consignment_id GROUP BY told.order_id'
)
_TAKE_UNTOLD: Final = Sql(_UNTOLD.replace("{waits}", "told_at IS NULL").replace("{told}", "told_at"))
_TAKE_UNTOLD_LIFT: Final = Sql(
    _UNTOLD.replace("{waits}", "told_at IS NOT NULL AND lift_told_at IS NULL").replace("{told}", "lift_told_at")
)


@dataclass(frozen=True, slots=True)
class Affected:
    """An order whose buyer is told now, with one of its consignments that has goods of the lot."""

    order_id: str
    number: str
    buyer_id: str
    tracking_number: str


async def find_lot(reader: Reader, caller: Caller, lot_id: str, listing_id: str | None) -> Any:
    """The lot with this id whose seller the caller belongs to or works for, or any for operators; `NotFound` for anybody else.

    Raises `Invalid` when there are several, until a listing is named.
    """
    rows = await _LOTS.all(reader, {"lot": lot_id, "listing": listing_id})
    known = [row for row in rows if caller.is_operator() or may_any(caller, row.producer_id)]
    if not known:
        raise NotFound(what=NO_LOT)
    if len(known) > 1:
        raise Invalid(gaps=[Gap("/query/listing", _MANY_LOTS)])
    return known[0]


async def recall_lot(
    session: Session, caller: Caller, lot_id: str, listing_id: str | None, command: NewRecall, now: datetime
) -> Recall:
    """Call a lot back: from this commit on nothing of it is sold. For those who may `ship` for its producer, and operators.

    Locks the lot alone, its listing, then itself. An order that is being placed is first, and then in the recall, or comes after and
    is refused. The same id and body again answer what the recall has become. Raises `StateConflict` while one stands.
    """
    lot = await find_lot(session, caller, lot_id, listing_id)
    if not caller.is_operator():
        require_grant(caller, lot.producer_id, Grant.SHIP, NotFound(what=NO_LOT))
    place = {"listing": lot.listing_id, "lot": lot.id}
    await _ALONE.all(session, {"lot": lot.id})
    asked = fingerprint(command)
    earlier = await session.get(Recall, command.id) if command.id else None
    if earlier is not None:
        if (earlier.created_from, earlier.listing_id, earlier.lot_id) != (asked, lot.listing_id, lot.id):
            raise IdTaken(id=earlier.id)
        return earlier
    await _LOCK_LISTING.all(session, {"listing": lot.listing_id})
    if await _CALL_BACK.first(session, place | {"now": now}) is None:
        raise StateConflict(state="recalled", verb="recalled again")
    recall = Recall(
        id=command.id or new_id("rcl"),
        listing_id=lot.listing_id,
        lot_id=lot.id,
        producer_id=lot.producer_id,
        title=lot.title,
        reason=command.reason,
        advice=command.advice,
        made_by=caller.id,
        by_operator=caller.is_operator(),
        created_from=asked,
        created_at=now,
    )
    session.add(recall)
    await session.flush()
    if await _NOTE_SOLD.all(session, place | {"recall": recall.id}):
        await enqueue(session, [Job("lot.recalled", {"recall": recall.id})])
    return recall


async def lift_recall(session: Session, caller: Caller, recall_id: str, command: LiftRecall, now: datetime) -> Recall:
    """What is left of the lot is sold again, and whoever was told is told that. Again is harmless. Locks the recall, then the lot.

    For those who may call it back; what an operator called back only an operator lifts.
    """
    recall = await lock_recall(session, recall_id)
    if recall is None or not (caller.is_operator() or may_any(caller, recall.producer_id)):
        raise NotFound(what=NO_RECALL)
    if not caller.is_operator():
        require_grant(caller, recall.producer_id, Grant.SHIP, NotFound(what=NO_RECALL))
        if recall.by_operator:
            raise Forbidden(needs={"en": "an operator, who called it back", "zh-Hans": "运营人员身份（由其发起召回）"})
    if recall.lifted_at is None:
        recall.lifted_at, recall.lifted_by, recall.lift_reason = now, caller.id, command.reason
        await session.flush()
        await _SELL_AGAIN.all(session, {"listing": recall.listing_id, "lot": recall.lot_id})
        await enqueue(session, [Job("lot.recall_lifted", {"recall": recall.id})])
    return recall


async def lock_recall(session: Session, recall_id: str) -> Recall | None:
    return await session.get(Recall, recall_id, with_for_update=True, populate_existing=True)


async def take_untold(session: Session, recall: Recall, now: datetime) -> list[Affected]:
    """Some orders whose buyers have not heard of a locked recall, or of its being lifted: from now on they have. One statement.

    Of a recall that was lifted before they heard of it nobody is told.
    """
    take = _TAKE_UNTOLD if recall.lifted_at is None else _TAKE_UNTOLD_LIFT
    rows = await take.all(session, {"recall": recall.id, "now": now, "most": TOLD_AT_ONCE_MAX})
    return [Affected(row.order_id, row.number, row.buyer_id, row.tracking_number) for row in rows]
