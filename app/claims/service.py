"""Verbs of claims: open one, take it a step further, find and list them."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from app.claims.errors import ClaimOpenAlready
from app.claims.models import BuyerClaim
from app.claims.rules import Standing
from app.claims.values import WAITING, ClaimStatus
from app.core.database import Reader, Session
from app.core.errors import IdTaken, NotFound
from app.core.paging import decode_cursor
from app.identity.values import Caller, Grant

CLAIM: Final = {"en": "claim", "zh-Hans": "售后申请"}
_COLUMNS: Final = [col(getattr(BuyerClaim, name)) for name in BuyerClaim.model_fields]


async def find_claim(session: Session, claim_id: str) -> BuyerClaim | None:
    return await session.get(BuyerClaim, claim_id, populate_existing=True)


async def add_claim(session: Session, claim: BuyerClaim) -> None:
    """Write a claim whose order is locked. Raises `ClaimOpenAlready` while its line has another, `IdTaken` when the id means another."""
    open_one = select(col(BuyerClaim.id)).where(
        col(BuyerClaim.line_id) == claim.line_id, col(BuyerClaim.status).in_(WAITING)
    )
    present = (await session.execute(open_one)).scalar_one_or_none()
    if present is not None:
        raise ClaimOpenAlready(claim=present)
    written = await session.execute(
        insert(BuyerClaim).values(claim.model_dump()).on_conflict_do_nothing().returning(col(BuyerClaim.id))
    )
    if written.first() is None:
        raise IdTaken(id=claim.id)


async def get_claim(reader: Reader, caller: Caller, claim_id: str) -> BuyerClaim:
    """A claim for its buyer, those who may see its producer's orders, and operators; `NotFound` for anybody else."""
    row = (
        (await reader.execute(select(*_COLUMNS).where(col(BuyerClaim.id) == claim_id, _seen_by(caller))))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound(what=CLAIM)
    return BuyerClaim(**row)


async def lock_claim(session: Session, claim_id: str) -> BuyerClaim:
    """A claim as it stands, locked; the lock of its order comes before."""
    claim = await session.get(BuyerClaim, claim_id, with_for_update=True, populate_existing=True)
    if claim is None:
        raise NotFound(what=CLAIM)
    return claim


async def standings_of(session: Session, order_id: str) -> list[Standing]:
    """Every claim of an order as far as money goes. One statement."""
    rows = await session.execute(
        select(col(BuyerClaim.line_id), col(BuyerClaim.status), col(BuyerClaim.granted_minor)).where(
            col(BuyerClaim.order_id) == order_id
        )
    )
    return [Standing(row.line_id, ClaimStatus(row.status), row.granted_minor or 0) for row in rows]


async def claims_to_refund(session: Session, order_id: str) -> list[str]:
    """The ids of those claims of an order for which something was granted that has not been sent back."""
    wanted = (
        select(col(BuyerClaim.id))
        .where(col(BuyerClaim.order_id) == order_id, col(BuyerClaim.status) == ClaimStatus.SETTLED)
        .where(col(BuyerClaim.granted_minor) > 0, col(BuyerClaim.refunded_at).is_(None))
        .order_by(col(BuyerClaim.id))
    )
    return list((await session.execute(wanted)).scalars())


async def claims_of_lines(session: Session, order_id: str) -> list[BuyerClaim]:
    """Every claim of an order, for whichever of its lines."""
    rows = await session.scalars(select(BuyerClaim).where(col(BuyerClaim.order_id) == order_id))
    return list(rows)


async def change_claim(session: Session, claim: BuyerClaim, now: datetime, **changed: Any) -> None:
    """Write what changed on a locked claim."""
    await session.execute(update(BuyerClaim).where(col(BuyerClaim.id) == claim.id).values(updated_at=now, **changed))
    await session.refresh(claim)


async def list_claims(
    reader: Reader, caller: Caller, status: ClaimStatus | None, cursor: str | None, limit: int
) -> list[BuyerClaim]:
    """Those that the caller may see, the newest first; one more than `limit`."""
    wanted = select(*_COLUMNS).where(_seen_by(caller)).order_by(col(BuyerClaim.id).desc()).limit(limit + 1)
    if status is not None:
        wanted = wanted.where(col(BuyerClaim.status) == status)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(BuyerClaim.id) < after[0])
    return [BuyerClaim(**row) for row in (await reader.execute(wanted)).mappings()]


def _seen_by(caller: Caller) -> Any:
    if caller.is_operator():
        return True
    return or_(col(BuyerClaim.buyer_id) == caller.id, col(BuyerClaim.producer_id).in_(caller.granted(Grant.SEE)))
