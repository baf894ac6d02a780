"""Verbs of disruption: close a part of the network, or change single runs of it. Each raises the timetable's version."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.core.database import Session
from app.core.errors import Forbidden, Gap, IdTaken, Invalid, NotFound
from app.core.ids import new_id
from app.core.schema import fingerprint
from app.identity.values import Caller
from app.network.models import Disruption
from app.network.queries import disruption_shape, get_service, known_hubs
from app.network.rules import no_such_hub
from app.network.runs import is_closed, starts_at, starts_between
from app.network.schemas import CutShape, DisruptionShape, NewDisruption
from app.network.service import raise_version
from app.network.values import (
    CUT_SEGMENTS_MAX,
    DISRUPTION_MAX,
    LATE_WORD_MAX,
    DisruptionKind,
)
from app.routing import Service, Timetable

SECOND: Final = timedelta(seconds=1)
_OF_A_RUN: Final = frozenset({DisruptionKind.CANCEL, DisruptionKind.DELAY, DisruptionKind.EXTRA})
# Counters that are left from before at the new start are counted on.
# Bookings are locked first and departures next, as by whoever gives them back. What an order books at the old start while this runs
# stays counted there, and is planned anew by the second look.
_PUT_OFF: Final = (
    text("""
WITH held AS MATERIALIZED (
    SELECT id FROM booking WHERE service_id = :service AND run_at = :run AND state = 'booked' ORDER BY id FOR UPDATE
), moved AS (
    UPDATE booking SET run_at = :later FROM held WHERE booking.id = held.id AND booking.run_at = :run
    AND booking.state = 'booked' RETURNING booking.*
), taken AS MATERIALIZED (
    SELECT segment, sum(weight_g)::bigint AS weight_g, sum(volume_mm3)::bigint AS volume_mm3,
        sum(live_places)::int AS live_places, sum(chilled_slots)::int AS chilled_slots
    FROM moved CROSS JOIN LATERAL generate_series(board, alight - 1) AS segment GROUP BY segment
), starts AS MATERIALIZED (
    SELECT d.* FROM departure_load d WHERE d.service_id = :service AND d.run_at IN (:run, :later)
        AND (SELECT count(*) FROM taken) >= 0 ORDER BY d.run_at, d.segment FOR UPDATE
), locked AS (
    SELECT * FROM starts WHERE run_at = :run
), left_behind AS (
    UPDATE departure_load d SET used_weight_g = d.used_weight_g - taken.weight_g,
        used_volume_mm3 = d.used_volume_mm3 - taken.volume_mm3, used_live_places = d.used_live_places - taken.live_places,
        used_chilled_slots = d.used_chilled_slots - taken.chilled_slots
    FROM locked JOIN taken USING (segment) WHERE d.service_id = :service AND d.run_at = :run AND d.segment = locked.segment
)
INSERT INTO departure_load AS d (service_id, run_at, segment, used_weight_g, used_volume_mm3, used_live_places,
    used_chilled_slots, capacity_weight_g, capacity_volume_mm3, capacity_live_places, capacity_chilled_slots)
SELECT :service, :later, segment, coalesce(taken.weight_g, 0), coalesce(taken.volume_mm3, 0), coalesce(taken.live_places, 0),
    coalesce(taken.chilled_slots, 0), capacity_weight_g, capacity_volume_mm3, capacity_live_places, capacity_chilled_slots
FROM locked LEFT JOIN taken USING (segment) ORDER BY segment
ON CONFLICT (service_id, run_at, segment) DO UPDATE SET used_weight_g = d.used_weight_g + EXCLUDED.used_weight_g,
    used_volume_mm3 = d.used_volume_mm3 + EXCLUDED.used_volume_mm3, used_live_places = d.used_live_places + EXCLUDED.used_live_places,
    used_chilled_slots = d.used_chilled_slots + EXCLUDED.used_chilled_slots,
    capacity_weight_g = GREATEST(d.used_weight_g + EXCLUDED.used_weight_g, EXCLUDED.capacity_weight_g),
    capacity_volume_mm3 = GREATEST(d.used_volume_mm3 + EXCLUDED.used_volume_mm3, EXCLUDED.capacity_volume_mm3),
    capacity_live_places = GREATEST(d.used_live_places + EXCLUDED.used_live_places, EXCLUDED.capacity_live_places),
    capacity_chilled_slots = CASE WHEN EXCLUDED.capacity_chilled_slots IS NOT NULL
        THEN GREATEST(d.used_chilled_slots + EXCLUDED.used_chilled_slots, EXCLUDED.capacity_chilled_slots) END
"""),
    text(
        "UPDATE disruption SET run_at = :later, from_at = :later, until_at = :later + interval '1 second' "
        "WHERE kind = 'capacity' AND service_id = :service AND run_at = :run AND from_at < until_at"
    ),
)
_TAKEN: Final = text(
    "SELECT 1 FROM departure_load WHERE service_id = :service AND run_at = :run AND used_weight_g > 0 LIMIT 1"
)
_PUT_OFF_BY: Final = text(
    "SELECT max(delay_s) FROM disruption WHERE kind = 'delay' AND service_id = :service AND lifted_at IS NULL "
    "AND run_at + delay_s * interval '1 second' = :run"
)
_JOINED: Final = text(
    "SELECT 1 FROM service_stop t JOIN service_stop n ON n.service_id = t.service_id AND n.seq = t.seq + 1 "
    "WHERE t.hub = ANY(CAST(:hubs AS text[])) AND n.hub = ANY(CAST(:hubs AS text[])) AND t.hub <> n.hub LIMIT 1"
)
_CALLED: Final = text(
    "SELECT 1 FROM booking WHERE service_id = :service AND run_at = :run AND state = 'booked' LIMIT 1"
)
_CUT: Final = text("""
INSERT INTO departure_load AS d (service_id, run_at, segment, used_weight_g, used_volume_mm3, used_live_places,
    used_chilled_slots, capacity_weight_g, capacity_volume_mm3, capacity_live_places, capacity_chilled_slots)
SELECT s.id, r.run_at, segment, 0, 0, 0, 0, LEAST(s.capacity_weight_g, CAST(:weight_g AS bigint)),
    LEAST(s.capacity_volume_mm3, CAST(:volume_mm3 AS bigint)), LEAST(s.live_places, CAST(:live_places AS int)), s.chilled_slots
FROM service s CROSS JOIN unnest(CAST(:runs AS timestamptz[])) AS r (run_at)
    CROSS JOIN generate_series(0, :segments - 1) AS segment
WHERE s.id = :service ORDER BY s.id, r.run_at, segment
ON CONFLICT (service_id, run_at, segment) DO UPDATE SET
    capacity_weight_g = GREATEST(d.used_weight_g, LEAST(d.capacity_weight_g, EXCLUDED.capacity_weight_g)),
    capacity_volume_mm3 = GREATEST(d.used_volume_mm3, LEAST(d.capacity_volume_mm3, EXCLUDED.capacity_volume_mm3)),
    capacity_live_places = GREATEST(d.used_live_places, LEAST(d.capacity_live_places, EXCLUDED.capacity_live_places))
""")


async def create_disruption(
    session: Session, caller: Caller, command: NewDisruption, now: datetime, timetable: Timetable | None = None
) -> DisruptionShape:
    """Write what is not as usual with a service of one's own or (operators) anything; single runs are looked up in the timetable.

    The same id and body again answer the first result. Raises `Invalid` with every fault at once, `Forbidden` or `IdTaken`.
    A delayed run takes its bookings along. What is booked on closed runs stays booked until it is planned anew.
    """
    if command.id and (earlier := await session.get(Disruption, command.id)):
        return _the_same(earlier, caller, command)
    unknown = await _unknown_ends(session, caller, command)
    gaps = [*unknown, *_shape_faults(command), *_period_faults(command, now)]
    service = planned(timetable, command.service)
    if not gaps and command.kind is not DisruptionKind.CLOSE:
        is_called = await _is_called(session, service, command.run_at)
        gaps = list(_run_faults(command, service, now, is_called=is_called))
    if not gaps and command.run_at is not None and command.delay_s is not None and command.service is not None:
        # Such as by a timetable that has changed since.
        later = command.run_at + timedelta(seconds=command.delay_s)
        gaps = [_occupied("/delay_s")] if await is_taken(session, command.service, later) else []
    if not gaps and command.delay_s is not None and command.delay_s < 0:
        gaps = [] if -command.delay_s < await _put_off_by(session, command) else [_TOO_EARLY]
    if gaps:
        raise Invalid(gaps=gaps)
    row = _row(caller, command, now)
    inserted = insert(Disruption).values(row.model_dump()).on_conflict_do_nothing().returning(col(Disruption.id))
    if (await session.execute(inserted)).first() is None:
        first = await session.get(Disruption, row.id)
        return _the_same(first, caller, command)
    if service is not None and command.run_at is not None and command.delay_s is not None:
        await move_run(session, service.id, command.run_at, command.run_at + timedelta(seconds=command.delay_s))
    if service is not None and command.capacity is not None:
        await _cut(session, command, service)
    await raise_version(session, now)
    return disruption_shape(row)


async def move_run(session: Session, service: str, run_at: datetime, to: datetime) -> None:
    """A run starts at another second: its bookings, counters and cuts move with it. Locks bookings by id, then its departures."""
    for statement in _PUT_OFF:
        await session.execute(statement, {"service": service, "run": run_at, "later": to})


async def is_taken(session: Session, service: str, run_at: datetime) -> bool:
    """Whether room is counted as used on a run that starts then."""
    return (await session.execute(_TAKEN, {"service": service, "run": run_at})).first() is not None


_TOO_EARLY: Final = Gap(
    "/delay_s",
    {
        "en": "Below zero it makes a delay shorter: by less than this run was put off last. Lift the delay to undo it",
        "zh-Hans": "负值用于缩短延误，须小于该班次最近一次的延误时长；如需取消延误请撤回",
    },
)


async def _put_off_by(session: Session, command: NewDisruption) -> int:
    """By how many seconds the run that starts now at this second was put off to it; 0 when it was not."""
    found = await session.execute(_PUT_OFF_BY, {"service": command.service, "run": command.run_at})
    return found.scalar_one() or 0


async def _is_called(session: Session, service: Service | None, run_at: datetime | None) -> bool:
    """Whether a vehicle on demand is booked for that moment."""
    if service is None or not service.on_demand or run_at is None:
        return False
    return (await session.execute(_CALLED, {"service": service.id, "run": run_at})).first() is not None


async def _unknown_ends(session: Session, caller: Caller, command: NewDisruption) -> list[Gap]:
    """Hubs and services that are not there; a service of others is none. Raises `Forbidden` unless an operator names hubs."""
    gaps = []
    hubs = {f"/{name}": code for name in ("hub", "to_hub") if (code := getattr(command, name)) is not None}
    if hubs and not caller.is_operator():
        raise Forbidden(
            needs={"en": "an operator, to close a hub or a link", "zh-Hans": "运营人员身份才能关闭枢纽或路段"}
        )
    known = await known_hubs(session, hubs.values())
    gaps += [Gap(pointer, no_such_hub(code)) for pointer, code in hubs.items() if code not in known]
    if len(known) == len(hubs) == 2 and (await session.execute(_JOINED, {"hubs": sorted(known)})).first() is None:
        gaps.append(_NOT_JOINED)
    if command.service is not None:
        try:
            await get_service(session, caller, command.service, "en")
        except NotFound:
            gaps.append(Gap("/service", _no_such_service(caller, command.service)))
    return gaps


_NOT_JOINED: Final = Gap(
    "/to_hub",
    {
        "en": "No service goes between these two without a call on the way, so that nothing would be closed: name two hubs that follow "
        "each other, see `links` of GET /v1/network",
        "zh-Hans": "没有线路直接往来于这两个枢纽，关闭不会生效：请填写相邻的两站，参见 GET /v1/network 的 links",
    },
)


def _no_such_service(caller: Caller, code: str) -> dict[str, str]:
    whose = ("", "没有") if caller.is_operator() else (" of yours", "您没有")
    return {
        "en": f"There is no service {code}{whose[0]}; see GET /v1/services",
        "zh-Hans": f"{whose[1]}线路 {code}，请见 GET /v1/services",
    }


def _the_same(earlier: Disruption | None, caller: Caller, command: NewDisruption) -> DisruptionShape:
    if earlier is None or (earlier.made_by, earlier.created_from) != (caller.id, fingerprint(command)):
        raise IdTaken(id=command.id)
    return disruption_shape(earlier)


def planned(timetable: Timetable | None, code: str | None) -> Service | None:
    number = timetable.service_numbers.get(code or "") if timetable else None
    return None if timetable is None or number is None else timetable.services[number]


def _shape_faults(command: NewDisruption) -> Iterator[Gap]:
    """What is missing, or does not belong to this kind."""
    kind, sent = command.kind, command.model_dump(exclude_none=True, by_alias=False).keys()
    of_run = kind in _OF_A_RUN or (kind is DisruptionKind.CAPACITY and command.run_at is not None)
    if kind is DisruptionKind.CLOSE:
        if (command.hub is None) == (command.service is None):
            yield Gap(
                "/service", {"en": "Name a service or a hub, one of the two", "zh-Hans": "线路与枢纽须且只能填一项"}
            )
        if command.to_hub is not None and command.hub in {None, command.to_hub}:
            yield Gap("/to_hub", {"en": "A link joins two hubs", "zh-Hans": "路段两端须为不同的枢纽"})
    elif command.service is None:
        yield _needed("/service")
    needed = {"run_at": kind in _OF_A_RUN, "delay_s": kind is DisruptionKind.DELAY}
    needed |= {"capacity": kind is DisruptionKind.CAPACITY, "from_": not of_run, "until": not of_run}
    for name, belongs in needed.items():
        pointer = f"/{name.rstrip('_')}"
        if belongs and name not in sent:
            yield _needed(pointer)
        if not belongs and name in sent and not (name == "run_at" and of_run):
            yield unwanted(pointer)
    for name in {"hub", "to_hub"} & sent if kind is not DisruptionKind.CLOSE else ():
        yield unwanted(f"/{name}")
    if command.capacity is not None and not command.capacity.model_dump(exclude_none=True):
        yield _needed("/capacity/weight_g")


def _needed(pointer: str) -> Gap:
    return Gap(pointer, {"en": "Needed for this kind", "zh-Hans": "此类中断须填写"})


def unwanted(pointer: str) -> Gap:
    return Gap(pointer, {"en": "Leave it out for this kind", "zh-Hans": "此类中断请勿填写"})


def _period_faults(command: NewDisruption, now: datetime) -> Iterator[Gap]:
    since, until = command.from_, command.until
    if since is None or until is None:
        return
    if until <= max(now, since):
        yield Gap(
            "/until",
            {"en": "It has to end after it begins, and after now", "zh-Hans": "结束时间应晚于开始时间和当前时间"},
        )
    elif until - since > DISRUPTION_MAX:
        yield Gap(
            "/until",
            {"en": f"At most {DISRUPTION_MAX.days} days at a time", "zh-Hans": f"每次最长 {DISRUPTION_MAX.days} 天"},
        )


def _run_faults(command: NewDisruption, service: Service | None, now: datetime, *, is_called: bool) -> Iterator[Gap]:
    """Whether the run is there to be changed, or not there yet when it is an extra one; and whether a cut takes room away."""
    run_at = command.run_at
    if service is not None and command.capacity is not None and not service.on_demand:
        yield from _cut_faults(command.capacity, service)
    if service is None:
        yield Gap("/service", {"en": "Only a running service can be changed", "zh-Hans": "仅可调整运营中的线路"})
    elif service.on_demand:
        yield from _call_faults(command, service, now, is_called=is_called)
    elif run_at is None:
        starts = starts_between(service, command.from_ or now, command.until or now)
        if len(starts) * (len(service.stops) - 1) > CUT_SEGMENTS_MAX:
            yield Gap("/until", {"en": "Too many runs at once: shorten it", "zh-Hans": "班次过多，请缩短时段"})
    elif command.kind is DisruptionKind.EXTRA:
        if not now < run_at <= now + DISRUPTION_MAX or run_at.microsecond:
            yield Gap("/run_at", {"en": "A whole second ahead, at most a year", "zh-Hans": "须为未来一年内的整秒时间"})
        elif starts_at(service, run_at) or is_closed(service, run_at):
            yield _occupied("/run_at")
    else:
        yield from _change_faults(command, service, run_at, now, is_there=starts_at(service, run_at))


def _cut_faults(cut: CutShape, service: Service) -> Iterator[Gap]:
    """More than the service carries takes nothing away."""
    for name, figure in cut.model_dump(exclude_none=True).items():
        most = getattr(service.capacity, name)
        if figure > most:
            yield Gap(
                f"/capacity/{name}",
                {
                    "en": f"At most {most}, which is what the service carries: this kind is for less room",
                    "zh-Hans": f"不得超过该线路自身的运力 {most}：此类中断仅用于减少运力",
                },
            )


_ON_DEMAND: Final = {
    DisruptionKind.CANCEL: {
        "en": "A service on demand has no runs to cancel: close it (`close`) from when until when it sends no vehicle",
        "zh-Hans": "按需线路没有可取消的班次：请用 close 填写不派车的起止时间",
    },
    DisruptionKind.EXTRA: {
        "en": "A service on demand runs whenever it is called: it needs no extra run",
        "zh-Hans": "按需线路随叫随到，无需加开班次",
    },
    DisruptionKind.CAPACITY: {
        "en": "Each run on demand is a vehicle of its own: change `capacity` with PATCH /v1/services/{service_id}, and close it (`close`) "
        "for the time in which what was called cannot come",
        "zh-Hans": "按需线路每次为独立车辆：请用 PATCH /v1/services/{service_id} 修改 capacity；已预订而无法派出的时段请用 close 关闭",
    },
}


def _call_faults(command: NewDisruption, service: Service, now: datetime, *, is_called: bool) -> Iterator[Gap]:
    """Of a service on demand only a vehicle that was called can be late; for the rest, what to do instead."""
    if command.kind in _ON_DEMAND:
        yield Gap("/kind", _ON_DEMAND[command.kind])
    elif command.run_at is not None:
        yield from _change_faults(command, service, command.run_at, now, is_there=is_called)


def _change_faults(
    command: NewDisruption, service: Service, run_at: datetime, now: datetime, *, is_there: bool
) -> Iterator[Gap]:
    if not is_there or run_at < now - LATE_WORD_MAX:
        yield Gap(
            "/run_at",
            {
                "en": "No run of this service starts then; name it as it stands now, at most a day afterwards",
                "zh-Hans": "该线路此时没有班次发车；请填写现行发车时间，且不早于一天前",
            },
        )
    elif command.delay_s is not None:
        later = run_at + timedelta(seconds=command.delay_s)
        if later <= now:
            yield Gap("/delay_s", {"en": "That has passed as well", "zh-Hans": "延误后的时间也已过去"})
        elif later == run_at:
            yield Gap("/delay_s", {"en": "Zero is no delay", "zh-Hans": "0 秒不是延误"})
        elif starts_at(service, later) or is_closed(service, later):
            yield _occupied("/delay_s")


def _occupied(pointer: str) -> Gap:
    return Gap(
        pointer,
        {
            "en": "Another run starts at that very second, or the service is closed then: choose another second",
            "zh-Hans": "该时刻已有班次发车或线路已关闭，请改用其他时刻",
        },
    )


def _row(caller: Caller, command: NewDisruption, now: datetime) -> Disruption:
    since, until = command.from_, command.until
    if command.run_at is not None:
        since, until = command.run_at, command.run_at + SECOND
    assert since is not None
    assert until is not None
    cut: dict[str, Any] = command.capacity.model_dump() if command.capacity else {}
    return Disruption(
        id=command.id or new_id("dis"),
        kind=command.kind,
        service_id=command.service,
        hub=command.hub,
        to_hub=command.to_hub,
        run_at=command.run_at,
        delay_s=command.delay_s,
        from_at=since,
        until_at=until,
        reason=command.reason,
        made_by=caller.id,
        created_from=fingerprint(command),
        created_at=now,
        **{f"capacity_{name}": figure for name, figure in cut.items()},
    )


async def _cut(session: Session, command: NewDisruption, service: Service) -> None:
    """Less room on the runs: never less than what is booked, until that has given way."""
    assert command.capacity is not None
    runs = [command.run_at] if command.run_at else []
    if command.from_ and command.until:
        runs = list(starts_between(service, command.from_, command.until))
    values = command.capacity.model_dump() | {"service": service.id, "runs": runs}
    await session.execute(_CUT, values | {"segments": len(service.stops) - 1})
