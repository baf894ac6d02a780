"""Verbs of losses passed on to carriers: write, find, list, change. The claim's order is locked before."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from app.claims.models import Recourse
from app.claims.values import RecourseStatus
from app.core.database import Reader, Session
from app.core.errors import IdTaken, NotFound
from app.core.paging import decode_cursor
from app.identity.values import Caller

RECOURSE: Final = {"en": "recourse", "zh-Hans": "追偿"}
_COLUMNS: Final = [col(getattr(Recourse, name)) for name in Recourse.model_fields]


async def add_recourse(session: Session, recourse: Recourse) -> None:
    """Write it, once; `IdTaken` when the id means another."""
    written = await session.execute(
        insert(Recourse).values(recourse.model_dump()).on_conflict_do_nothing().returning(col(Recourse.id))
    )
    if written.first() is None:
        raise IdTaken(id=recourse.id)


async def find_recourse(session: Session, recourse_id: str) -> Recourse | None:
    return await session.get(Recourse, recourse_id, populate_existing=True)


async def passed_on_minor(session: Session, claim_id: str) -> int:
    """How much of a claim carriers bear already."""
    standing = (col(Recourse.claim_id) == claim_id, col(Recourse.status) != RecourseStatus.REVERSED)
    return int(
        (await session.execute(select(func.coalesce(func.sum(Recourse.amount_minor), 0)).where(*standing))).scalar_one()
    )


async def get_recourse(reader: Reader, caller: Caller, recourse_id: str) -> Recourse:
    """For its carrier, its producer's members and operators; `NotFound` for anybody else."""
    wanted = select(*_COLUMNS).where(col(Recourse.id) == recourse_id, _seen_by(caller))
    row = (await reader.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=RECOURSE)
    return Recourse(**row)


async def list_recourses(reader: Reader, caller: Caller, cursor: str | None, limit: int) -> list[Recourse]:
    """Those that the caller may see, the newest first; one more than `limit`."""
    wanted = select(*_COLUMNS).where(_seen_by(caller)).order_by(col(Recourse.id).desc()).limit(limit + 1)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(Recourse.id) < after[0])
    return [Recourse(**row) for row in (await reader.execute(wanted)).mappings()]


async def change_recourse(session: Session, recourse: Recourse, now: datetime, **changed: Any) -> Recourse:
    """Write what changed, of one whose order is locked."""
    await session.execute(update(Recourse).where(col(Recourse.id) == recourse.id).values(updated_at=now, **changed))
    found = await find_recourse(session, recourse.id)
    assert found is not None
    return found


def _seen_by(caller: Caller) -> Any:
    if caller.is_operator():
        return True
    return or_(col(Recourse.carrier) == (caller.carrier or ""), col(Recourse.producer_id).in_(caller.producers))
