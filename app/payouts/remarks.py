"""Verbs of remarks: what a carrier does not agree with, and what an operator answers."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.errors import IdTaken, NotFound, StateConflict
from app.core.paging import decode_cursor
from app.identity.values import Caller
from app.payouts.models import SettlementRemark

REMARK: Final = {"en": "remark", "zh-Hans": "异议"}
_ANSWERED: Final = {"en": "answered", "zh-Hans": "已答复"}
_COLUMNS: Final = select(*(col(getattr(SettlementRemark, name)) for name in SettlementRemark.model_fields))


async def add_remark(session: Session, remark: SettlementRemark) -> SettlementRemark:
    """Keep a remark; the same id and body again answer the first. Raises `IdTaken`."""
    written = insert(SettlementRemark).values(remark.model_dump()).on_conflict_do_nothing()
    if (await session.execute(written.returning(col(SettlementRemark.id)))).first() is not None:
        return remark
    earlier = await session.get(SettlementRemark, remark.id)
    if earlier is None or (earlier.carrier, earlier.created_from) != (remark.carrier, remark.created_from):
        raise IdTaken(id=remark.id)
    return earlier


async def answer(session: Session, remark_id: str, words: str, by: str, now: datetime) -> SettlementRemark:
    """Raises `NotFound`, or `StateConflict` for one that was answered before."""
    remark = await session.get(SettlementRemark, remark_id, with_for_update=True, populate_existing=True)
    if remark is None:
        raise NotFound(what=REMARK)
    if remark.answered_at is not None:
        raise StateConflict(state=_ANSWERED, verb={"en": "answered again", "zh-Hans": "再次答复"})
    remark.answer, remark.answered_by, remark.answered_at = words, by, now
    await session.flush()
    return remark


async def list_remarks(
    reader: Reader, caller: Caller, cursor: str | None, limit: int, *, waiting: bool
) -> list[SettlementRemark]:
    """A carrier's own, all for an operator, the newest first; one more than `limit`."""
    wanted = _COLUMNS.order_by(col(SettlementRemark.id).desc()).limit(limit + 1)
    if not caller.is_operator():
        wanted = wanted.where(col(SettlementRemark.carrier) == caller.carrier)
    if waiting:
        wanted = wanted.where(col(SettlementRemark.answered_at).is_(None))
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(SettlementRemark.id) < after[0])
    return [SettlementRemark(**row) for row in (await reader.execute(wanted)).mappings()]
