"""The verb of taking a disruption back before its end: what is not over yet is there again. It raises the timetable's version."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, select

from app.core.database import Session
from app.core.errors import Forbidden, Gap, Invalid, NotFound
from app.identity.values import Caller
from app.network.disrupt import SECOND, is_taken, move_run, planned, unwanted
from app.network.errors import CannotLift, DisruptionOver
from app.network.models import Disruption, Service
from app.network.queries import SERVICE, disruption_shape
from app.network.rows import line_of
from app.network.runs import starts_at
from app.network.schemas import DisruptionShape, LiftDisruption
from app.network.service import raise_version, resize_runs
from app.network.values import DisruptionKind
from app.routing import Timetable

DISRUPTION: Final = {"en": "disruption", "zh-Hans": "中断"}
_EXTRA: Final = {
    "en": "An extra run is taken back by cancelling it: POST /v1/disruptions with `cancel`",
    "zh-Hans": "加开班次请通过取消来撤回：POST /v1/disruptions，类型为 cancel",
}
_CHANGED_SINCE: Final = {
    "en": "The run does not start as late as it was put off any more. Lift first what was said of it afterwards",
    "zh-Hans": "该班次已不在延误后的时间发车。请先撤回之后对该班次所作的其他调整",
}
_BEING_MOVED: Final = {
    "en": "Orders that were being placed are still counted at its planned start. Try again in some minutes",
    "zh-Hans": "原定班次上仍有正在转移的订单。请过几分钟再试",
}


async def lift_disruption(
    session: Session, caller: Caller, disruption_id: str, command: LiftDisruption, now: datetime, timetable: Timetable
) -> tuple[DisruptionShape, bool]:
    """End a disruption now, or at `until`; answers it as it stands, and whether that changed anything. Locks it.

    May whoever may make it. What has a way stays on it; only a delayed run takes its bookings back to its planned start. Lifting
    again changes nothing. Raises `NotFound`, `Forbidden`, `Invalid`, `DisruptionOver` or `CannotLift`.
    """
    found = select(Disruption).where(col(Disruption.id) == disruption_id).with_for_update()
    row = (await session.execute(found.execution_options(populate_existing=True))).scalar_one_or_none()
    if row is None:
        raise NotFound(what=DISRUPTION)
    await _require_own(session, caller, row)
    end = new_end(row, command.until, now)
    if end is None:
        return disruption_shape(row), False
    row.lifted_at, row.until_at = now, end
    if row.kind is DisruptionKind.DELAY:
        await _bring_forward(session, row, timetable)
    await session.flush()
    if row.kind is DisruptionKind.CAPACITY:
        line = line_of((await session.execute(SERVICE.where(col(Service.id) == row.service_id))).one())
        await resize_runs(session, line, now)
    await raise_version(session, now)
    return disruption_shape(row), True


async def _require_own(session: Session, caller: Caller, row: Disruption) -> None:
    if caller.is_operator():
        return
    if row.hub is not None:
        raise Forbidden(
            needs={
                "en": "an operator, to lift what closes a hub or a link",
                "zh-Hans": "运营人员身份才能撤回枢纽或路段的关闭",
            }
        )
    carrier = await session.execute(select(col(Service.carrier)).where(col(Service.id) == row.service_id))
    if carrier.scalar_one_or_none() != caller.carrier:
        raise NotFound(what=DISRUPTION)


def new_end(row: Disruption, until: datetime | None, now: datetime) -> datetime | None:
    """When a disruption ends that is lifted now, or shortened to `until`; None when that is so already.

    One that has not begun ends as it begins: it never was. Raises `Invalid`, `DisruptionOver` or `CannotLift`.
    """
    if row.kind is DisruptionKind.EXTRA:
        raise CannotLift(why=_EXTRA)
    if until is not None:
        if row.run_at is not None:
            raise Invalid(gaps=[unwanted("/until")])
        if until == row.until_at:
            return None
        if not max(now, row.from_at) < until < row.until_at:
            raise Invalid(gaps=[Gap("/until", _SHORTER)])
        return until
    whole = now.replace(microsecond=0)
    if row.lifted_at is not None and (row.run_at is not None or row.until_at <= max(whole, row.from_at)):
        return None
    # What was to be less late leaves before the second that it was put off to.
    last = row.run_at + timedelta(seconds=min(row.delay_s or 0, 0)) if row.run_at else row.until_at
    if last <= now:
        raise DisruptionOver
    return row.from_at if row.run_at is not None else max(whole, row.from_at)


_SHORTER: Final[Mapping[str, str]] = {
    "en": "After now and its beginning, and before its end. Without `until` it ends at once",
    "zh-Hans": "须晚于当前时间和开始时间，并早于原结束时间；不填 until 则立即结束",
}


async def _bring_forward(session: Session, row: Disruption, timetable: Timetable) -> None:
    """The run starts as planned again, with all that is booked on it; what is closed now is the second to which it was put off."""
    assert row.run_at is not None
    assert row.delay_s is not None
    assert row.service_id is not None
    later = row.run_at + timedelta(seconds=row.delay_s)
    service = planned(timetable, row.service_id)
    if service is None or not (service.on_demand or starts_at(service, later)):
        raise CannotLift(why=_CHANGED_SINCE)
    if await is_taken(session, row.service_id, row.run_at):
        raise CannotLift(why=_BEING_MOVED)
    row.from_at, row.until_at = later, later + SECOND
    await session.flush()
    await move_run(session, row.service_id, later, row.run_at)
