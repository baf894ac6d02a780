"""Verbs on order cycles: make one, read them, change or end it, say which listings are ordered in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from app.catalogue.cycle_schemas import NewOrderCycle
from app.catalogue.errors import NO_LISTING, OWN_PRODUCER
from app.catalogue.models import Listing, OrderCycle
from app.catalogue.service import renew
from app.catalogue.values import LISTINGS_PER_CYCLE_MAX, ListingStatus
from app.core.database import Session
from app.core.errors import Forbidden, IdTaken, NotFound
from app.core.ids import new_id
from app.core.paging import decode_cursor
from app.core.schema import fingerprint
from app.identity.rules import require_grant
from app.identity.values import Caller, Grant

NO_CYCLE = {"en": "order cycle", "zh-Hans": "接单周期"}


async def create_cycle(session: Session, command: NewOrderCycle, hub: str, now: datetime) -> OrderCycle:
    """A cycle of this producer from its hub. The same id and body again answer the first one, otherwise `IdTaken`."""
    row = OrderCycle(
        id=command.id or new_id("cyc"),
        producer_id=command.producer,
        name=command.name,
        service_id=command.service,
        hub=hub,
        lead_time_h=command.lead_time_h,
        open_h=command.open_h,
        created_from=fingerprint(command),
        created_at=now,
    )
    added = insert(OrderCycle).values(row.model_dump()).on_conflict_do_nothing().returning(col(OrderCycle.id))
    if (await session.execute(added)).first() is not None:
        return row
    first = await get_cycle(session, row.id)
    if (first.producer_id, first.created_from) != (row.producer_id, row.created_from):
        raise IdTaken(id=row.id)
    return first


async def get_cycle(session: Session, cycle_id: str) -> OrderCycle:
    """Raises `NotFound`."""
    row = await session.get(OrderCycle, cycle_id)
    if row is None:
        raise NotFound(what=NO_CYCLE)
    return row


async def lock_cycle(session: Session, caller: Caller, cycle_id: str) -> OrderCycle:
    """The cycle, locked for a change by somebody who may list for its producer; `Forbidden` for anybody else."""
    row = await session.get(OrderCycle, cycle_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(what=NO_CYCLE)
    require_grant(caller, row.producer_id, Grant.LIST, Forbidden(needs=OWN_PRODUCER))
    return row


async def list_cycles(
    reader: AsyncConnection, producer_id: str | None, cursor: str | None, limit: int
) -> Sequence[OrderCycle]:
    """Order cycles, newest first, perhaps of one producer; one more than `limit` when there is a next page."""
    query = select(OrderCycle).order_by(col(OrderCycle.id).desc()).limit(limit + 1)
    if producer_id:
        query = query.where(col(OrderCycle.producer_id) == producer_id)
    if after := decode_cursor(cursor, str):
        query = query.where(col(OrderCycle.id) < after[0])
    return [OrderCycle(**row) for row in (await reader.execute(query)).mappings()]


async def attach_listings(session: Session, cycle: OrderCycle, listing_ids: Sequence[str], now: datetime) -> None:
    """Let exactly these listings of its producer be ordered in a locked cycle. Locks them, and those that leave, by id.

    Raises `NotFound` when one of them is not this producer's. Their versions rise: quotes made before are refused.
    """
    wanted = (
        select(Listing)
        .where(
            col(Listing.producer_id) == cycle.producer_id,
            or_(col(Listing.id).in_(listing_ids), col(Listing.cycle_id) == cycle.id),
        )
        .order_by(col(Listing.id))
        .limit(2 * LISTINGS_PER_CYCLE_MAX)
        .with_for_update()
    )
    listings = (await session.scalars(wanted, execution_options={"populate_existing": True})).all()
    if not set(listing_ids) <= {row.id for row in listings if row.status is not ListingStatus.ARCHIVED}:
        raise NotFound(what=NO_LISTING)
    for row in listings:
        chosen = cycle.id if row.id in listing_ids else None
        if row.cycle_id != chosen:
            row.cycle_id = chosen
            renew(row, now)
    await session.flush()


async def change_cycle(session: Session, cycle: OrderCycle, changes: Mapping[str, Any], now: datetime) -> None:
    """Other terms for a locked cycle. Locks its listings by id; their versions rise: quotes on the old terms are refused."""
    for name, value in changes.items():
        setattr(cycle, name, value)
    session.add(cycle)
    inside = select(Listing).where(col(Listing.cycle_id) == cycle.id).order_by(col(Listing.id))
    for row in await session.scalars(inside.limit(LISTINGS_PER_CYCLE_MAX).with_for_update()):
        renew(row, now)
    await session.flush()


async def end_cycle(session: Session, cycle: OrderCycle, now: datetime) -> None:
    """Delete a locked cycle; its listings are ordered at any time again. Orders that were placed in it stay."""
    await attach_listings(session, cycle, (), now)
    await session.delete(cycle)
    await session.flush()
