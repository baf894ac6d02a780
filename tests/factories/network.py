"""The real network, put in place once for the whole run, and a carrier's own line and closure on it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.core.database import Database
from app.core.schema_version import alembic_config
from app.flows.install_network import install_network
from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.disrupt import create_disruption
from app.network.plan import FrontCache
from app.network.schemas import DisruptionShape, NewDisruption, NewService, ServiceShape
from app.network.service import create_service
from app.network.timetable import TimetableCache
from app.routing import Front, Load, NoPlan, Query, Timetable

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
LINE = {
    "name": {"zh-Hans": "和田—喀什冷链专线", "en": "Hotan to Kashgar, chilled"},
    "mode": "road",
    "stops": [
        {"hub": "HOTAN", "arrive_offset_s": 0, "depart_offset_s": 0, "distance_m": 0},
        {"hub": "KASHGAR", "arrive_offset_s": 28_800, "depart_offset_s": 28_800, "distance_m": 510_000},
    ],
    "weekdays": [0, 1, 2, 3, 4, 5, 6],
    "departs_s": [43_200],
    "cutoff_s": 3_600,
    "temperatures": ["ambient", "chilled"],
    "tariff": {"currency": "CNY", "base_minor": 500, "milliminor_per_kg": 90_000},
    "capacity": {"weight_g": 8_000_000, "volume_mm3": 30_000_000_000},
}
UNTOUCHED = "1"
_made: dict[str, str] = {}
_timetable = TimetableCache()
_fronts = FrontCache()


@pytest.fixture(scope="session")
def networked(server: str) -> str:
    """A template with every hub and service. `template = networked` in a module puts it under each of its databases."""
    if server not in _made:
        name = f"network_{uuid4().hex[:8]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        command.upgrade(alembic_config(url), "head")
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, _install(url)).result()
        _made[server] = name
    return _made[server]


async def _install(url: str) -> None:
    database = Database(url, pool=1)
    async with database.begin() as session:
        await install_network(session, BEFORE)
    await database.close()


class Remembered(FrontCache):
    """Plans on the network that many tests share are kept for all of them; on a changed one they are this test's own."""

    def __init__(self, shared: FrontCache, version: str) -> None:
        super().__init__()
        self._shared, self._version = shared, version

    def plan(self, timetable: Timetable, query: Query, load: Load) -> Front | NoPlan:
        if timetable.version == self._version:
            return self._shared.plan(timetable, query, load)
        return super().plan(timetable, query, load)


@pytest.fixture
async def planned(ports: Ports) -> Ports:
    """The ports on `networked`, as in a process that has been running for a while. For `ports = planned` in a module."""
    async with ports.database.read() as connection:
        known = copy(_timetable)
        if (await known.current(connection)).version == UNTOUCHED:
            await _timetable.current(connection)
    return replace(ports, timetable=known, fronts=Remembered(_fronts, UNTOUCHED))


async def a_service(ports: Ports, caller: Caller, **changes: object) -> ServiceShape:
    """A daily lorry from Hotan to Kashgar, of the caller's carrier."""
    async with ports.begin() as session:
        return await create_service(session, caller, NewService.model_validate(LINE | changes), ports.clock.now(), "en")


async def fill_up(ports: Ports, service: str, run_at: datetime) -> None:
    """Leave no room on a run, on any of its segments."""
    async with ports.begin() as session:
        await session.execute(
            text(
                "INSERT INTO departure_load (service_id, run_at, segment, used_weight_g, used_volume_mm3, "
                "used_live_places, capacity_weight_g, capacity_volume_mm3, capacity_live_places) "
                "SELECT id, :run_at, segment, capacity_weight_g, 0, 0, capacity_weight_g, capacity_volume_mm3, live_places "
                "FROM service, generate_series(0, 60) AS segment WHERE id = :service "
                "ON CONFLICT (service_id, run_at, segment) DO UPDATE SET used_weight_g = EXCLUDED.used_weight_g"
            ),
            {"service": service, "run_at": run_at},
        )


async def a_disruption(ports: Ports, caller: Caller, service: str) -> DisruptionShape:
    """A sandstorm closes the line for two days, from the day after tomorrow."""
    begins = ports.clock.now() + timedelta(days=2)
    closed = {
        "service": service,
        "from": begins,
        "until": begins + timedelta(days=2),
        "reason": {"zh-Hans": "沙尘暴封路", "en": "Road closed by a sandstorm"},
    }
    async with ports.begin() as session:
        return await create_disruption(session, caller, NewDisruption.model_validate(closed), ports.clock.now())
