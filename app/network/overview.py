"""The network at once, for operators: its hubs and links with what is closed, and how full the departures of a day are."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.core.clock import LEGAL_TIME
from app.core.errors import Gap, Invalid
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.schema import Shape, Time
from app.core.text import LocalText
from app.network.models import Service
from app.network.queries import NUMBER_MAX, SERVICE
from app.network.values import HUB_KIND_DISPLAY, HubKind, HubPoint, Mode, ServiceStatus
from app.routing import Timetable

PLANNED_MAX: Final = 1_000
PERMILLE: Final = 1_000


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        json_schema_extra={"examples": [value]},
    )


_HUB: Final = {"code": "HOTAN", "name": {"zh-Hans": "和田", "en": "Hotan"}, "kind": "city", "lat": 37.11, "lon": 79.93}
_LINK: Final = {
    "from": "HOTAN",
    "to": "KASHGAR",
    "mode": "rail",
    "services": ["RAILB-HOTAN-KASHGAR"],
    "planned": False,
}
_STRETCH: Final = {
    "from": "HOTAN",
    "to": "KASHGAR",
    "fill_permille": 412,
    "weight_g": 3296000,
    "capacity_weight_g": 8000000,
    "volume_mm3": 9000000000,
    "capacity_volume_mm3": 30000000000,
    "live_places": 0,
    "capacity_live_places": 0,
}
_DEPARTURE: Final = {
    "service": "TARIM-HOTAN-KASHGAR",
    "carrier": "TARIM-COLD",
    "mode": "road",
    "run_at": "2026-03-05T12:00:00Z",
    "fill_permille": 412,
    "stretches": [_STRETCH],
}


class SeenHub(Shape):
    model_config: ClassVar[ConfigDict] = _example(_HUB)

    code: str
    name: LocalText
    kind: HubKind
    lat: float
    lon: float


class SeenLink(Shape):
    """The services between two neighbouring stops by one mode, whichever way they go. Planned ones do not run yet."""

    model_config: ClassVar[ConfigDict] = _example(_LINK)

    from_: Annotated[str, Field(alias="from")]
    to: str
    mode: Mode
    services: list[str]
    planned: bool


class SeenClosure(Shape):
    """A service of which no run starts now: its season is over, or it or a hub of it is closed."""

    service: str
    until: Time


class NetworkShape(Shape):
    """Every hub and every link of the present timetable. `kinds` names the kinds in the language of the answer."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "version": "12",
            "at": "2026-03-05T08:00:00Z",
            "hubs": [_HUB],
            "links": [_LINK],
            "closed": [{"service": "ROAD-DUKU-1", "until": "2026-06-01T00:00:00Z"}],
            "kinds": {"city": "City"},
        }
    )

    version: str
    at: Time
    hubs: list[SeenHub]
    links: list[SeenLink]
    closed: list[SeenClosure]
    kinds: dict[HubKind, str]


class StretchShape(Shape):
    """What is booked between two neighbouring stops of a run, and what fits in."""

    model_config: ClassVar[ConfigDict] = _example(_STRETCH)

    from_: Annotated[str, Field(alias="from")]
    to: str
    fill_permille: int
    weight_g: int
    capacity_weight_g: int
    volume_mm3: int
    capacity_volume_mm3: int
    live_places: int
    capacity_live_places: int


class DepartureShape(Shape):
    """A run with something booked on it. `fill_permille`: of weight, volume or places, on the stretch that is fullest."""

    model_config: ClassVar[ConfigDict] = _example(_DEPARTURE)

    service: str
    carrier: str
    mode: Mode
    run_at: Time
    fill_permille: Annotated[int, Field(ge=0, le=PERMILLE)]
    stretches: list[StretchShape]


def network_shape(
    timetable: Timetable, hubs: Mapping[str, HubPoint], planned: Iterable[Any], now: datetime, language: str
) -> NetworkShape:
    """The network as it stands at this time. Pure."""
    second = int(now.timestamp())
    ends = {service.id: _rests_until(service.closures, second) for service in timetable.services if service.closures}
    running = ((service.id, service.mode, [stop.place for stop in service.stops]) for service in timetable.services)
    coming = ((row.id, row.mode, [stop[0] for stop in row.stops]) for row in planned)
    return NetworkShape(
        version=timetable.version,
        at=now,
        hubs=[
            SeenHub(code=hub.code, name=dict(hub.name), kind=hub.kind, lat=hub.lat, lon=hub.lon)
            for hub in hubs.values()
        ],
        links=[*_links(running, planned=False), *_links(coming, planned=True)],
        closed=[
            SeenClosure(service=service, until=datetime.fromtimestamp(until, UTC))
            for service, until in ends.items()
            if until is not None
        ],
        kinds={kind: HUB_KIND_DISPLAY[kind][language] for kind in {hub.kind for hub in hubs.values()}},
    )


def _rests_until(closures: Iterable[tuple[int, int]], second: int) -> int | None:
    """When the rest that lasts now is over; rests that follow one another without a pause are one. None when there is none."""
    end = second
    for since, until in sorted(closures):
        if since <= end < until:
            end = until
    return end if end > second else None


def _links(services: Iterable[tuple[str, str, list[str]]], *, planned: bool) -> list[SeenLink]:
    """One link for each pair of neighbouring stops and each mode, in a fixed order."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for service, mode, stops in services:
        for one, other in pairwise(stops):
            calls = found.setdefault((min(one, other), max(one, other), mode), [])
            if service not in calls:
                calls.append(service)
    return [
        SeenLink.model_construct(from_=one, to=other, mode=Mode(mode), services=calls, planned=planned)
        for (one, other, mode), calls in sorted(found.items())
    ]


async def planned_services(reader: AsyncConnection) -> list[Any]:
    """Services that do not run yet, with their stops. One statement, at most `PLANNED_MAX` of them."""
    wanted = SERVICE.where(col(Service.status) == ServiceStatus.PLANNED).order_by(col(Service.id)).limit(PLANNED_MAX)
    return list((await reader.execute(wanted)).all())


_DEPARTURES: Final = text("""
WITH stretch AS (
    SELECT d.*, a.hub AS from_hub, b.hub AS to_hub, ceil(1000 * greatest(
        used_weight_g::numeric / capacity_weight_g, used_volume_mm3::numeric / capacity_volume_mm3,
        coalesce(used_live_places::numeric / nullif(capacity_live_places, 0), 0)))::int AS fill
    FROM departure_load d
    JOIN service_stop a ON a.service_id = d.service_id AND a.seq = d.segment
    JOIN service_stop b ON b.service_id = d.service_id AND b.seq = d.segment + 1
    WHERE d.run_at >= :since AND d.run_at < :until AND (used_weight_g > 0 OR used_volume_mm3 > 0 OR used_live_places > 0)
), run AS (
    SELECT service_id, run_at, max(fill) AS fill, jsonb_agg(jsonb_build_array(from_hub, to_hub, fill,
        used_weight_g, capacity_weight_g, used_volume_mm3, capacity_volume_mm3, used_live_places, capacity_live_places
    ) ORDER BY segment) AS stretches
    FROM stretch GROUP BY service_id, run_at
)
SELECT run.*, s.carrier, s.mode FROM run JOIN service s ON s.id = run.service_id
WHERE CAST(:fill AS int) IS NULL
    OR (-fill, run.run_at, run.service_id) > (-CAST(:fill AS int), to_timestamp(:run_at), CAST(:service AS text))
ORDER BY -fill, run.run_at, run.service_id LIMIT :most
""")
_STRETCH_FIELDS: Final = tuple(StretchShape.model_fields)


async def list_departures(reader: AsyncConnection, on: date, *, cursor: str | None, limit: int) -> Page[DepartureShape]:
    """The runs that start on this day (UTC+8) with something booked on them, the fullest first. One statement."""
    since = datetime.combine(on, time(), LEGAL_TIME)
    fill, run_at, service = _behind(cursor)
    asked = {"since": since, "until": since + timedelta(days=1), "most": limit + 1}
    rows = (await reader.execute(_DEPARTURES, asked | {"fill": fill, "run_at": run_at, "service": service})).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[_departure(row) for row in rows[:limit]],
        next_cursor=encode_cursor([last.fill, int(last.run_at.timestamp()), last.service_id]) if last else None,
    )


def _behind(cursor: str | None) -> tuple[int | None, int, str]:
    after = decode_cursor(cursor, int, int, str)
    if after is None:
        return None, 0, ""
    fill, run_at, service = int(after[0]), int(after[1]), str(after[2])
    if not (0 <= fill <= PERMILLE and 0 <= run_at < NUMBER_MAX):
        raise Invalid(gaps=[Gap("/query/cursor", {"en": "Not a cursor of this list", "zh-Hans": "不是该列表的游标"})])
    return fill, run_at, service


def _departure(row: Any) -> DepartureShape:
    return DepartureShape(
        service=row.service_id,
        carrier=row.carrier,
        mode=row.mode,
        run_at=row.run_at,
        fill_permille=row.fill,
        stretches=[StretchShape(**dict(zip(_STRETCH_FIELDS, figures, strict=True))) for figures in row.stretches],
    )
