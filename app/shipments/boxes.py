"""Verbs of boxes that come back: find one, and write how its deposit ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import update
from sqlmodel import col, select

from app.core.database import Session
from app.core.errors import NotFound
from app.shipments.models import Consignment, ConsignmentPackage

BOX: Final = {"en": "box with a deposit", "zh-Hans": "有押金的循环箱"}


async def order_of_box(session: Session, package_id: str) -> str:
    """The order that a box with a deposit went out with; raises `NotFound`."""
    found = await session.execute(
        select(col(Consignment.order_id))
        .join(ConsignmentPackage, col(ConsignmentPackage.consignment_id) == col(Consignment.id))
        .where(col(ConsignmentPackage.id) == package_id, col(ConsignmentPackage.deposit_minor).is_not(None))
    )
    order_id = found.scalar_one_or_none()
    if order_id is None:
        raise NotFound(what=BOX)
    return str(order_id)


async def lock_box(session: Session, package_id: str) -> ConsignmentPackage:
    """A box as it stands, locked; the lock of its order comes before."""
    wanted = select(ConsignmentPackage).where(
        col(ConsignmentPackage.id) == package_id, col(ConsignmentPackage.deposit_minor).is_not(None)
    )
    found = await session.execute(wanted.with_for_update().execution_options(populate_existing=True))
    return found.scalar_one()


async def lock_boxes_out(session: Session, order_id: str) -> Sequence[ConsignmentPackage]:
    """The boxes of an order that have neither come back nor been given up, locked by their ids."""
    wanted = (
        select(ConsignmentPackage)
        .join(Consignment, col(Consignment.id) == col(ConsignmentPackage.consignment_id))
        .where(
            col(Consignment.order_id) == order_id,
            col(ConsignmentPackage.deposit_minor).is_not(None),
            col(ConsignmentPackage.returned_at).is_(None),
            col(ConsignmentPackage.forfeited_at).is_(None),
        )
        .order_by(col(ConsignmentPackage.id))
        .with_for_update(of=ConsignmentPackage)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(wanted)).scalars().all()


async def boxes_to_refund(session: Session, order_id: str) -> list[str]:
    """The ids of the boxes of an order that came back and whose deposits have not been sent back."""
    wanted = (
        select(col(ConsignmentPackage.id))
        .join(Consignment, col(Consignment.id) == col(ConsignmentPackage.consignment_id))
        .where(
            col(Consignment.order_id) == order_id,
            col(ConsignmentPackage.returned_at).is_not(None),
            col(ConsignmentPackage.sent_back_at).is_(None),
        )
        .order_by(col(ConsignmentPackage.id))
    )
    return list((await session.execute(wanted)).scalars())


async def change_boxes(session: Session, package_ids: Sequence[str], **changed: Any) -> None:
    """Write how it ended for locked boxes."""
    ids = col(ConsignmentPackage.id).in_(package_ids)
    await session.execute(
        update(ConsignmentPackage)
        .where(ids, col(ConsignmentPackage.deposit_minor).is_not(None))
        .values(changed)
        .execution_options(synchronize_session=False)
    )


def back_by(delivered_at: datetime, box: ConsignmentPackage) -> datetime:
    """Until when a box is to come back."""
    assert box.return_days is not None
    return delivered_at + timedelta(days=box.return_days)
