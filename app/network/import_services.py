"""Many services at once: what an import would create, change and withdraw, and doing so. All or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Session
from app.core.errors import Gap, IdTaken
from app.network.models import Booking, Service, ServiceStop
from app.network.queries import SERVICE, known_hubs
from app.network.rows import line_of, row_of, stop_rows
from app.network.rules import line_faults
from app.network.service import raise_version, resize_runs
from app.network.values import Line, ServiceStatus

_TAKEN: Final = Gap("/id", {"en": "This id belongs to another service", "zh-Hans": "该编号已属于其他线路"})
_BOOKED: Final = Gap(
    "/stops",
    {
        "en": "Its stops cannot change any more, because it has been booked: give the service another id",
        "zh-Hans": "该线路已有订舱，停靠站不能再变：请使用新的编号",
    },
)
_UNCHANGING: Final = frozenset({"id", "carrier", "partner_id", "created_from", "created_at", "version", "timetable_of"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """What stands against importing these lines (by their number), and what it would do."""

    faults: Sequence[tuple[int, Gap]] = ()
    created: Sequence[Line] = ()
    changed: Sequence[Line] = ()
    unchanged: int = 0
    withdrawn: Sequence[str] = ()
    moved: frozenset[str] = field(default_factory=frozenset)


async def compare_lines(session: Session, lines: Sequence[Line], carrier: str, feed: str | None) -> Comparison:
    """Compare these lines of a carrier with what is there, locked by id. What a feed brought before and lacks now is withdrawn."""
    ids = [line.id for line in lines]
    # Without a feed nothing was brought before: a comparison with null is never true.
    brought = (col(Service.carrier) == carrier) & col(Service.feed).op("=")(feed)
    theirs = or_(col(Service.id).in_(ids), brought)
    await session.execute(select(col(Service.id)).where(theirs).order_by(col(Service.id)).with_for_update())
    present = {row.id: row for row in (await session.execute(SERVICE.where(theirs))).all()}
    hubs = await known_hubs(session, {stop.place for line in lines for stop in line.stops})
    booked = await _booked(session, ids)
    faults: list[tuple[int, Gap]] = []
    created, changed, moved = list[Line](), list[Line](), set[str]()
    for number, line in enumerate(lines):
        faults += [(number, gap) for gap in line_faults(line, hubs)]
        row = present.get(line.id)
        if row is None:
            created.append(line)
            continue
        there = line_of(row)
        if row.carrier != carrier or there.feed != feed:
            faults.append((number, _TAKEN))
        elif line.stops != there.stops and line.id in booked:
            faults.append((number, _BOOKED))
        elif (wanted := replace(line, timetable_of=there.timetable_of)) != there:
            changed.append(wanted)
            moved |= {line.id} if line.stops != there.stops else set()
    left = [key for key, row in present.items() if key not in set(ids) and row.status is not ServiceStatus.WITHDRAWN]
    return Comparison(
        faults=faults,
        created=created,
        changed=changed,
        unchanged=len(lines) - len(created) - len(changed),
        withdrawn=sorted(left),
        moved=frozenset(moved),
    )


async def write_lines(
    session: Session, comparison: Comparison, made_from: Mapping[str, str], partner_id: str | None, now: datetime
) -> None:
    """Do what was compared in the same transaction. `made_from` are fingerprints of the commands by id.

    What is booked stays booked, whatever changes. The timetable's version goes up once, if anything changed at all.
    """
    assert not comparison.faults
    if comparison.created:
        rows = [row_of(line, partner_id, made_from.get(line.id), now) for line in comparison.created]
        inserted = insert(Service).values(rows).on_conflict_do_nothing().returning(col(Service.id))
        new = set((await session.execute(inserted)).scalars())
        for line in comparison.created:
            if line.id not in new:
                # Somebody made it since the comparison.
                raise IdTaken(id=line.id)
        await session.execute(insert(ServiceStop), [row for line in comparison.created for row in stop_rows(line)])
    for line in comparison.changed:
        await _rewrite(session, line, now)
        if line.id in comparison.moved:
            await session.execute(delete(ServiceStop).where(col(ServiceStop.service_id) == line.id))
            await session.execute(insert(ServiceStop), list(stop_rows(line)))
    if comparison.withdrawn:
        values: dict[str, Any] = {
            "status": ServiceStatus.WITHDRAWN,
            "version": col(Service.version) + 1,
            "updated_at": now,
        }
        await session.execute(update(Service).where(col(Service.id).in_(comparison.withdrawn)).values(values))
    if comparison.created or comparison.changed or comparison.withdrawn:
        await raise_version(session, now)


async def _rewrite(session: Session, line: Line, now: datetime) -> None:
    values = {name: value for name, value in row_of(line, None, None, now).items() if name not in _UNCHANGING}
    values["version"] = col(Service.version) + 1
    await session.execute(update(Service).where(col(Service.id) == line.id).values(values))
    await resize_runs(session, line, now)


async def _booked(session: Session, ids: Sequence[str]) -> set[str]:
    """Which of these services anybody has ever booked."""
    found = select(col(Booking.service_id)).where(col(Booking.service_id).in_(ids)).distinct()
    return set((await session.execute(found)).scalars())
