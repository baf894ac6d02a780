"""What may be read of the network: hubs, services, disruptions, bookings. Pages by keyset."""

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.core.database import Reader
from app.core.errors import Gap, Invalid, NotFound
from app.core.paging import Page, decode_cursor, encode_cursor
from app.identity.values import Caller
from app.network.fill import load_rebates
from app.network.models import Booking, Disruption, Hub, Service, ServiceStop
from app.network.rules import hubs_serving
from app.network.schemas import (
    BookingShape,
    CapacityShape,
    CutShape,
    DeparturesShape,
    DisruptionShape,
    FillRebateShape,
    HandlingShape,
    HubShape,
    OpeningShape,
    Position,
    ServiceShape,
    SharingShape,
    StopShape,
    TariffShape,
)
from app.network.timetable_schemas import TimetableShape
from app.network.values import (
    BOOKING_STATE_DISPLAY,
    CURRENCY,
    HUB_KIND_DISPLAY,
    HUBS_READ_MAX,
    RUN_LENGTH_MAX,
    SERVICE_STATUS_DISPLAY,
    HubKind,
    HubPoint,
    Mode,
    ServiceStatus,
)

EARTH_RADIUS_M: Final = 6_371_009
NUMBER_MAX: Final = 2**36
NO_HUB: Final = {"en": "hub", "zh-Hans": "枢纽"}
NO_SERVICE: Final = {"en": "service", "zh-Hans": "线路"}
_OF_TIMETABLE: Final = ("id", "timetable_of", "status", "status_name", "version", "created_at", "updated_at")
_HUB_COLUMNS: Final = tuple(col(getattr(Hub, name)) for name in HubPoint.__dataclass_fields__)
_STOPS: Final = (
    select(
        func.jsonb_agg(
            aggregate_order_by(
                func.jsonb_build_array(
                    col(ServiceStop.hub),
                    col(ServiceStop.arrive_offset_s),
                    col(ServiceStop.depart_offset_s),
                    col(ServiceStop.distance_m),
                ),
                col(ServiceStop.seq),
            )
        )
    )
    .where(col(ServiceStop.service_id) == col(Service.id))
    .correlate(Service)
    .scalar_subquery()
)
SERVICE: Final = select(*(col(getattr(Service, name)) for name in Service.model_fields), _STOPS.label("stops"))


_DISRUPTION_COLUMNS: Final = tuple(col(getattr(Disruption, name)) for name in Disruption.model_fields)


async def hubs_by_code(reader: Reader, codes: Collection[str]) -> dict[str, HubPoint]:
    """Those of these hubs that exist. One statement."""
    rows = await reader.execute(select(*_HUB_COLUMNS).where(col(Hub.code).in_(set(codes))))
    return {row.code: HubPoint(*row) for row in rows}


async def known_hubs(reader: Reader, codes: Collection[str]) -> set[str]:
    """Which of these codes are hubs. One statement."""
    return set((await reader.execute(select(col(Hub.code)).where(col(Hub.code).in_(set(codes))))).scalars())


async def get_hub(reader: Reader, code: str, language: str) -> HubShape:
    """Raises `NotFound`."""
    hub = (await hubs_by_code(reader, [code])).get(code)
    if hub is None:
        raise NotFound(what=NO_HUB)
    return hub_shape(hub, language)


async def list_hubs(
    reader: Reader,
    *,
    kind: HubKind | None,
    near: tuple[float, float] | None,
    county: str | None,
    cursor: str | None,
    limit: int,
    language: str,
) -> Page[HubShape]:
    """Hubs by code; with `near` the nearest first; with `county` those of its province, the one that serves it first."""
    wanted = select(*_HUB_COLUMNS)
    if kind is not None:
        wanted = wanted.where(col(Hub.kind) == kind)
    if county is not None:
        wanted = wanted.where(col(Hub.adcode).like(f"{county[:2]}%"))
    if near is not None:
        return await _nearest(reader, wanted, near, cursor, limit, language)
    after = decode_cursor(cursor, str)
    if county is not None:
        rows = (await reader.execute(wanted.limit(HUBS_READ_MAX))).all()
        hubs = hubs_serving((HubPoint(*row) for row in rows), county)
        behind = next((place for place, hub in enumerate(hubs, start=1) if after and hub.code == after[0]), 0)
        hubs = hubs[behind : behind + limit + 1]
    else:
        if after is not None:
            wanted = wanted.where(col(Hub.code) > after[0])
        rows = (await reader.execute(wanted.order_by(col(Hub.code)).limit(limit + 1))).all()
        hubs = [HubPoint(*row) for row in rows]
    items = [hub_shape(hub, language) for hub in hubs[:limit]]
    return Page(items=items, next_cursor=encode_cursor([hubs[limit - 1].code]) if len(hubs) > limit else None)


async def _nearest(
    reader: Reader, wanted: Select[Any], near: tuple[float, float], cursor: str | None, limit: int, language: str
) -> Page[HubShape]:
    """By great-circle distance in whole metres (haversine on a sphere), then by code."""
    lat, lon = near
    half = func.power(func.sin(func.radians(col(Hub.lat) - lat) / 2), 2) + func.cos(func.radians(lat)) * func.cos(
        func.radians(col(Hub.lat))
    ) * func.power(func.sin(func.radians(col(Hub.lon) - lon) / 2), 2)
    distance = cast(func.round(2 * EARTH_RADIUS_M * func.asin(func.sqrt(func.least(1.0, half)))), BigInteger)
    after = _numbered(cursor)
    if after is not None:
        wanted = wanted.where(tuple_(distance, col(Hub.code)) > tuple_(*after))
    sorted_rows = wanted.add_columns(distance.label("distance_m")).order_by(distance, col(Hub.code)).limit(limit + 1)
    rows = (await reader.execute(sorted_rows)).all()
    items = [hub_shape(HubPoint(*row[:-1]), language, row.distance_m) for row in rows[:limit]]
    last = [rows[limit - 1].distance_m, rows[limit - 1].code] if len(rows) > limit else None
    return Page(items=items, next_cursor=encode_cursor(last) if last else None)


async def get_service(reader: Reader, caller: Caller, service_id: str, language: str) -> ServiceShape:
    """A service of one's own carrier, or any for operators; `NotFound` for anybody else."""
    row = (await reader.execute(SERVICE.where(col(Service.id) == service_id))).one_or_none()
    if row is None or not (caller.is_operator() or row.carrier == caller.carrier):
        raise NotFound(what=NO_SERVICE)
    return service_shape(row, language)


async def list_services(
    reader: Reader,
    caller: Caller,
    *,
    mode: Mode | None,
    status: ServiceStatus | None,
    timetable_of: str | None = None,
    cursor: str | None,
    limit: int,
    language: str,
) -> Page[ServiceShape]:
    """The services of one's own carrier, all for operators, by id."""
    after = decode_cursor(cursor, str)
    wanted = SERVICE.order_by(col(Service.id)).limit(limit + 1)
    if not caller.is_operator():
        wanted = wanted.where(col(Service.carrier) == caller.carrier)
    if mode is not None:
        wanted = wanted.where(col(Service.mode) == mode)
    if status is not None:
        wanted = wanted.where(col(Service.status) == status)
    if timetable_of is not None:
        wanted = wanted.where(col(Service.timetable_of) == timetable_of)
    if after is not None:
        wanted = wanted.where(col(Service.id) > after[0])
    rows = (await reader.execute(wanted)).all()
    items = [service_shape(row, language) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([rows[limit - 1].id]) if len(rows) > limit else None)


async def list_timetables(
    reader: Reader, caller: Caller, service_id: str, today: date, *, cursor: str | None, limit: int, language: str
) -> Page[TimetableShape]:
    """The timetables of a service, itself among them, by id; those that are withdrawn too. `NotFound` as for the service."""
    named = await get_service(reader, caller, service_id, language)
    root = named.timetable_of or named.id
    family = or_(col(Service.id) == root, col(Service.timetable_of) == root)
    wanted = SERVICE.where(family).order_by(col(Service.id)).limit(limit + 1)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(Service.id) > after[0])
    rows = (await reader.execute(wanted)).all()
    items = [_timetable_shape(service_shape(row, language), today) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(rows) > limit else None)


def _timetable_shape(service: ServiceShape, today: date) -> TimetableShape:
    same = ("weekdays", "departs_s", "valid_from", "valid_until")
    first = DeparturesShape.model_construct(**{name: getattr(service, name) for name in same})
    patterns = [first, *service.more_departures]
    has_days = any((each.valid_from or today) <= today <= (each.valid_until or today) for each in patterns)
    return TimetableShape(
        **{name: getattr(service, name) for name in _OF_TIMETABLE},
        departures=[] if service.on_demand else patterns,
        is_live=service.status is ServiceStatus.ACTIVE and has_days and today.month not in service.closed_months,
    )


async def list_disruptions(
    reader: Reader, caller: Caller, *, service: str | None, hub: str | None, cursor: str | None, limit: int
) -> Page[DisruptionShape]:
    """Closed hubs, and closed services of one's own carrier (all for operators), the newest first."""
    after = decode_cursor(cursor, str)
    wanted = select(*_DISRUPTION_COLUMNS).order_by(col(Disruption.id).desc()).limit(limit + 1)
    if not caller.is_operator():
        own = select(col(Service.id)).where(col(Service.carrier) == caller.carrier)
        wanted = wanted.where(or_(col(Disruption.hub).is_not(None), col(Disruption.service_id).in_(own)))
    if service is not None:
        wanted = wanted.where(col(Disruption.service_id) == service)
    if hub is not None:
        wanted = wanted.where(or_(col(Disruption.hub) == hub, col(Disruption.to_hub) == hub))
    if after is not None:
        wanted = wanted.where(col(Disruption.id) < after[0])
    rows = (await reader.execute(wanted)).all()
    items = [disruption_shape(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([rows[limit - 1].id]) if len(rows) > limit else None)


async def find_disruption(reader: Reader, disruption_id: str) -> Any:
    """The row of a disruption."""
    wanted = select(*_DISRUPTION_COLUMNS).where(col(Disruption.id) == disruption_id)
    return (await reader.execute(wanted)).one_or_none()


async def list_bookings(
    reader: Reader,
    caller: Caller,
    *,
    service: str | None,
    from_at: datetime | None,
    until_at: datetime | None,
    cursor: str | None,
    limit: int,
    language: str,
) -> Page[BookingShape]:
    """Bookings on one's own carrier (all for operators) by start of run, with departures from `from_at` until before `until_at`."""
    after = _numbered(cursor)
    board, alight = aliased(ServiceStop), aliased(ServiceStop)
    departs_at = _after_start(board.depart_offset_s)
    wanted = (
        select(
            *(col(getattr(Booking, name)) for name in Booking.model_fields),
            col(board.hub).label("from_hub"),
            col(alight.hub).label("to_hub"),
            departs_at.label("departs_at"),
            _after_start(alight.arrive_offset_s).label("arrives_at"),
        )
        .join(board, (col(board.service_id) == col(Booking.service_id)) & (col(board.seq) == col(Booking.board)))
        .join(alight, (col(alight.service_id) == col(Booking.service_id)) & (col(alight.seq) == col(Booking.alight)))
        .order_by(col(Booking.run_at), col(Booking.id))
        .limit(limit + 1)
    )
    if not caller.is_operator():
        wanted = wanted.where(col(Booking.carrier) == caller.carrier)
    if service is not None:
        wanted = wanted.where(col(Booking.service_id) == service)
    # A run may have begun days before it calls here: the start only narrows the range of the index.
    if from_at is not None:
        wanted = wanted.where(col(Booking.run_at) >= from_at - RUN_LENGTH_MAX, departs_at >= from_at)
    if until_at is not None:
        wanted = wanted.where(col(Booking.run_at) < until_at, departs_at < until_at)
    if after is not None:
        seen = tuple_(func.to_timestamp(after[0]), after[1])
        wanted = wanted.where(tuple_(col(Booking.run_at), col(Booking.id)) > seen)
    rows = (await reader.execute(wanted)).all()
    items = [_booking_shape(row, language) for row in rows[:limit]]
    last = [int(rows[limit - 1].run_at.timestamp()), rows[limit - 1].id] if len(rows) > limit else None
    return Page(items=items, next_cursor=encode_cursor(last) if last else None)


def _after_start(offset_s: Any) -> ColumnElement[datetime]:
    """The moment of a booked run that is so many seconds after its start."""
    return col(Booking.run_at) + func.make_interval(0, 0, 0, 0, 0, 0, col(offset_s))


def _numbered(cursor: str | None) -> tuple[int, str] | None:
    """The number and the id in a cursor; a number that no column could hold was not made by us."""
    after = decode_cursor(cursor, int, str)
    if after is None:
        return None
    number, key = int(after[0]), str(after[1])
    if not 0 <= number < NUMBER_MAX:
        raise Invalid(gaps=[Gap("/query/cursor", {"en": "Not a cursor of this list", "zh-Hans": "不是该列表的游标"})])
    return number, key


def hub_shape(hub: HubPoint, language: str, distance_m: int | None = None) -> HubShape:
    return HubShape(
        code=hub.code,
        name=dict(hub.name),
        kind=hub.kind,
        kind_name=HUB_KIND_DISPLAY[hub.kind][language],
        position=Position(lat=hub.lat, lon=hub.lon),
        county=hub.adcode,
        dwell_s=hub.dwell_s,
        handling=HandlingShape(
            currency=CURRENCY, base_minor=hub.handling_minor, milliminor_per_kg=hub.handling_milliminor_per_kg
        ),
        opening=[OpeningShape(from_s=since, until_s=until) for since, until in hub.opening],
        can_rest=hub.can_rest,
        is_cooled=hub.is_cooled,
        distance_m=distance_m,
    )


def service_shape(row: Any, language: str) -> ServiceShape:
    same = ("id", "carrier", "name", "mode", "vehicle", "on_demand", "weekdays", "departs_s", "valid_from")
    also = ("valid_until", "closed_months", "cutoff_s", "temperatures", "status", "version", "created_at", "updated_at")
    kept = ("more_departures", "timetable_of", "feed", "piece_weight_g_max", "piece_length_mm_max")
    return ServiceShape(
        **{name: getattr(row, name) for name in (*same, *also, *kept)},
        stops=[
            StopShape(hub=hub, arrive_offset_s=arrive, depart_offset_s=depart, distance_m=metres)
            for hub, arrive, depart, metres in row.stops
        ],
        tariff=TariffShape(
            currency=CURRENCY,
            base_minor=row.base_minor,
            milliminor_per_kg=row.milliminor_per_kg,
            milliminor_per_tkm=row.milliminor_per_tkm,
            minimum_minor=row.minimum_minor,
            toll_milliminor_per_tkm=row.toll_milliminor_per_tkm,
        ),
        sharing=None if row.on_demand else _sharing(),
        capacity=CapacityShape(
            weight_g=row.capacity_weight_g,
            volume_mm3=row.capacity_volume_mm3,
            live_places=row.live_places,
            chilled_slots=row.chilled_slots,
        ),
        status_name=SERVICE_STATUS_DISPLAY[row.status][language],
    )


def disruption_shape(row: Any) -> DisruptionShape:
    figures = (row.capacity_weight_g, row.capacity_volume_mm3, row.capacity_live_places, row.capacity_chilled_slots)
    cut = CutShape(weight_g=figures[0], volume_mm3=figures[1], live_places=figures[2], chilled_slots=figures[3])
    return DisruptionShape(
        id=row.id,
        kind=row.kind,
        service=row.service_id,
        hub=row.hub,
        to_hub=row.to_hub,
        run_at=row.run_at,
        delay_s=row.delay_s,
        capacity=cut if any(figure is not None for figure in figures) else None,
        from_=row.from_at,
        until=row.until_at,
        reason=row.reason,
        created_at=row.created_at,
        lifted_at=row.lifted_at,
    )


def _booking_shape(row: Any, language: str) -> BookingShape:
    return BookingShape(
        id=row.id,
        consignment=row.consignment_id,
        leg=row.leg_id,
        service=row.service_id,
        carrier=row.carrier,
        run_at=row.run_at,
        from_=row.from_hub,
        to=row.to_hub,
        departs_at=row.departs_at.astimezone(UTC),
        arrives_at=row.arrives_at.astimezone(UTC),
        weight_g=row.weight_g,
        volume_mm3=row.volume_mm3,
        live_places=row.live_places,
        chilled_slots=row.chilled_slots,
        state=row.state,
        state_name=BOOKING_STATE_DISPLAY[row.state][language],
    )


def _sharing() -> SharingShape:
    """The table by which departures are shared; runs on demand are vehicles of their own."""
    table = load_rebates()
    steps = [FillRebateShape(from_fill_pct=fill_pct, rebate_pct=pct) for fill_pct, pct in table.steps]
    return SharingShape(rule=table.version, steps=steps)
