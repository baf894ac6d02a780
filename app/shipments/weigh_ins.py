"""Verbs of weigh-ins: add one, take it a step further, find and list them; and write what a weight made of a consignment."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from app.core.database import Reader, Session, as_rows
from app.core.errors import IdTaken, NotFound
from app.core.paging import decode_cursor
from app.identity.values import Caller, Grant
from app.shipments.models import WeighIn
from app.shipments.values import Journey
from app.shipments.weighing import OPEN, WeighInStatus

WEIGH_IN: Final = {"en": "weigh-in", "zh-Hans": "过磅记录"}
_COLUMNS: Final = [col(getattr(WeighIn, name)) for name in WeighIn.model_fields]
# A plan that was made with the former weight must not be written: with the version it is not the one that was read.
_CONSIGNMENT: Final = text(
    "UPDATE consignment SET planned_weight_g = :planned_g, extra_carriage_minor = :extra_minor, plan_version = plan_version + 1 "
    "WHERE id = :id"
)
_PACKAGES: Final = text(
    "UPDATE package SET weight_g = now.weight_g FROM json_to_recordset(CAST(:rows AS json)) AS now (id text, weight_g bigint) "
    "WHERE package.consignment_id = :id AND package.id = now.id"
)
_LEGS: Final = text(
    "UPDATE leg SET price_minor = now.price_minor, co2e_g = now.co2e_g "
    "FROM json_to_recordset(CAST(:rows AS json)) AS now (id text, price_minor bigint, co2e_g int) "
    "WHERE leg.consignment_id = :id AND leg.id = now.id"
)
_TAKE_OFF: Final = text(
    "UPDATE consignment SET cancelled_at = :now, plan_version = plan_version + 1, stranded_at = NULL WHERE id = :id"
)
_NO_BOXES: Final = text("UPDATE package SET deposit_minor = NULL, return_days = NULL WHERE consignment_id = :id")
_NOT_STRANDED: Final = text("DELETE FROM stranded WHERE consignment_id = :id")


async def find_weigh_in(session: Session, weigh_in_id: str) -> WeighIn | None:
    return await session.get(WeighIn, weigh_in_id, populate_existing=True)


async def lock_weigh_in(session: Session, weigh_in_id: str) -> WeighIn:
    """A weigh-in as it stands, locked; the lock of its order comes before."""
    weigh_in = await session.get(WeighIn, weigh_in_id, with_for_update=True, populate_existing=True)
    if weigh_in is None:
        raise NotFound(what=WEIGH_IN)
    return weigh_in


async def find_standing(session: Session, line_id: str) -> WeighIn | None:
    """The weigh-in of a line that no other one has superseded."""
    wanted = select(WeighIn).where(col(WeighIn.line_id) == line_id, col(WeighIn.status) != WeighInStatus.SUPERSEDED)
    return (await session.execute(wanted.execution_options(populate_existing=True))).scalar_one_or_none()


async def list_open(session: Session, order_id: str) -> list[WeighIn]:
    """Those of an order whose line waits for somebody's word."""
    wanted = select(WeighIn).where(col(WeighIn.order_id) == order_id, col(WeighIn.status).in_(OPEN))
    return list((await session.execute(wanted.order_by(col(WeighIn.id)))).scalars())


async def photos_of_scales(reader: Reader, order_id: str) -> list[str]:
    """The photos of the weigh-ins of an order that count, the latest first."""
    later = select(col(WeighIn.supersedes)).where(
        col(WeighIn.order_id) == order_id, col(WeighIn.supersedes).is_not(None)
    )
    wanted = select(col(WeighIn.photo)).where(col(WeighIn.order_id) == order_id, col(WeighIn.id).not_in(later))
    return list((await reader.execute(wanted.order_by(col(WeighIn.weighed_at).desc(), col(WeighIn.id)))).scalars())


async def add_weigh_in(session: Session, weigh_in: WeighIn) -> None:
    """Write one whose order is locked; raises `IdTaken` when its id means another."""
    written = insert(WeighIn).values(weigh_in.model_dump()).on_conflict_do_nothing(index_elements=["id"])
    if (await session.execute(written.returning(col(WeighIn.id)))).first() is None:
        raise IdTaken(id=weigh_in.id)


async def change_weigh_in(session: Session, weigh_in_id: str, now: datetime, **changed: Any) -> None:
    """Write how far a weigh-in has come; what the scale showed is never changed."""
    await session.execute(update(WeighIn).where(col(WeighIn.id) == weigh_in_id).values(updated_at=now, **changed))


async def get_weigh_in(reader: Reader, caller: Caller, weigh_in_id: str) -> WeighIn:
    """One for its buyer, its producer's members, who recorded it, and operators; `NotFound` for anybody else."""
    wanted = select(*_COLUMNS).where(col(WeighIn.id) == weigh_in_id, _seen_by(caller))
    row = (await reader.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=WEIGH_IN)
    return WeighIn(**row)


async def list_weigh_ins(
    reader: Reader,
    caller: Caller,
    *,
    consignment: str | None,
    status: WeighInStatus | None,
    cursor: str | None,
    limit: int,
) -> list[WeighIn]:
    """Those that the caller may see, the newest first; one more than `limit`."""
    wanted = select(*_COLUMNS).where(_seen_by(caller)).order_by(col(WeighIn.id).desc()).limit(limit + 1)
    if consignment is not None:
        wanted = wanted.where(col(WeighIn.consignment_id) == consignment)
    if status is not None:
        wanted = wanted.where(col(WeighIn.status) == status)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(WeighIn.id) < after[0])
    return [WeighIn(**row) for row in (await reader.execute(wanted)).mappings()]


async def weights_moved(reader: Reader, transfers: Collection[str]) -> dict[str, tuple[int, int]]:
    """By transfer: what the line was estimated at, and the weight that it was settled by; nothing for one that was declined."""
    columns = (col(WeighIn.transfer_id), col(WeighIn.estimated_g), col(WeighIn.settled_g))
    rows = await reader.execute(select(*columns).where(col(WeighIn.transfer_id).in_(set(transfers))))
    return {str(transfer): (estimated, settled or 0) for transfer, estimated, settled in rows}


async def write_weight(session: Session, journey: Journey) -> None:
    """Write a locked consignment's packages and legs as they are at its real weight. Three statements."""
    packages = [{"id": package.id, "weight_g": package.weight_g} for package in journey.packages]
    legs = [{"id": leg.id, "price_minor": leg.price_minor, "co2e_g": leg.co2e_g} for leg in journey.legs]
    whole = {"id": journey.id, "planned_g": journey.planned_weight_g, "extra_minor": journey.extra_carriage_minor}
    await session.execute(_CONSIGNMENT, whole)
    await session.execute(_PACKAGES, {"id": journey.id, "rows": as_rows(packages)})
    await session.execute(_LEGS, {"id": journey.id, "rows": as_rows(legs)})


async def take_off(session: Session, consignment_id: str, now: datetime) -> None:
    """A locked consignment that has not left its first hub travels no further."""
    await session.execute(_TAKE_OFF, {"id": consignment_id, "now": now})
    await session.execute(_NOT_STRANDED, {"id": consignment_id})
    await session.execute(_NO_BOXES, {"id": consignment_id})


def _seen_by(caller: Caller) -> Any:
    if caller.is_operator():
        return True
    if caller.person_id is None:
        return col(WeighIn.party) == caller.id
    return or_(col(WeighIn.buyer_id) == caller.id, col(WeighIn.producer_id).in_(caller.granted(Grant.SEE)))
