"""Verbs of goods that go back: write, lock, list, change. Their order is locked before, and their claims."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, text, update
from sqlmodel import col, select

from app.claims.models import BuyerClaim, GoodsReturn
from app.claims.values import ClaimStatus, ReturnStatus
from app.core.database import Reader, Session
from app.core.errors import NotFound
from app.core.paging import decode_cursor
from app.identity.values import Caller, Grant

RETURN: Final = {"en": "return", "zh-Hans": "退货"}
_COLUMNS: Final = [col(getattr(GoodsReturn, name)) for name in GoodsReturn.model_fields]


async def add_return(session: Session, goods_return: GoodsReturn) -> None:
    session.add(goods_return)
    await session.flush()


async def find_return(session: Session, return_id: str) -> GoodsReturn | None:
    return await session.get(GoodsReturn, return_id, populate_existing=True)


async def lock_return(session: Session, return_id: str) -> GoodsReturn:
    """As it stands, locked."""
    found = await session.get(GoodsReturn, return_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(what=RETURN)
    return found


async def lock_returns_of(session: Session, order_id: str) -> list[GoodsReturn]:
    """All of an order, locked, the first first. One statement."""
    wanted = select(GoodsReturn).where(col(GoodsReturn.order_id) == order_id).order_by(col(GoodsReturn.id))
    rows = await session.scalars(wanted.with_for_update().execution_options(populate_existing=True))
    return list(rows)


async def lock_open_return(session: Session, order_id: str, line_id: str) -> GoodsReturn | None:
    """The one of this line that has not ended, locked."""
    returns = await lock_returns_of(session, order_id)
    return next((each for each in returns if each.ended_at is None and line_id in each.lines), None)


async def change_return(session: Session, goods_return: GoodsReturn, now: datetime, **changed: Any) -> None:
    """Write what changed on a locked one."""
    await session.execute(
        update(GoodsReturn).where(col(GoodsReturn.id) == goods_return.id).values(updated_at=now, **changed)
    )
    await session.refresh(goods_return)


async def lock_returning(session: Session, order_id: str, lines: Collection[str]) -> list[BuyerClaim]:
    """The claims of these lines that wait for their goods, locked, the first first."""
    wanted = (
        select(BuyerClaim)
        .where(
            col(BuyerClaim.order_id) == order_id,
            col(BuyerClaim.line_id).in_(lines),
            col(BuyerClaim.status) == ClaimStatus.RETURNING,
        )
        .order_by(col(BuyerClaim.id))
    )
    rows = await session.scalars(wanted.with_for_update().execution_options(populate_existing=True))
    return list(rows)


async def get_return(reader: Reader, caller: Caller, return_id: str) -> GoodsReturn:
    """For its buyer, those who may see its producer's orders, the carriers that bring it, and operators; else `NotFound`."""
    wanted = select(*_COLUMNS).where(col(GoodsReturn.id) == return_id, _seen_by(caller))
    row = (await reader.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=RETURN)
    return GoodsReturn(**row)


async def list_returns(
    reader: Reader, caller: Caller, status: ReturnStatus | None, cursor: str | None, limit: int
) -> list[GoodsReturn]:
    """Those that the caller may see, the newest first; one more than `limit`."""
    wanted = select(*_COLUMNS).where(_seen_by(caller)).order_by(col(GoodsReturn.id).desc()).limit(limit + 1)
    if status is not None:
        wanted = wanted.where(col(GoodsReturn.status) == status)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(GoodsReturn.id) < after[0])
    return [GoodsReturn(**row) for row in (await reader.execute(wanted)).mappings()]


def _seen_by(caller: Caller) -> Any:
    if caller.is_operator():
        return True
    carried = text(
        "EXISTS (SELECT FROM leg WHERE leg.consignment_id = goods_return.way_id AND leg.carrier = :carrier)"
    ).bindparams(carrier=caller.carrier or "")
    seen = caller.granted(Grant.SEE)
    return or_(col(GoodsReturn.buyer_id) == caller.id, col(GoodsReturn.producer_id).in_(seen), carried)
