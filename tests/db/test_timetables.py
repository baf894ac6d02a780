"""Another timetable of a service: from which day it runs, what the others do meanwhile, and that every process knows at once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.core.errors import IdTaken, Invalid, NotFound
from app.identity.values import Caller, Role
from app.network.capacity import book_capacity, read_load
from app.network.disrupt import create_disruption
from app.network.errors import CapacityFull, DepartureClosed
from app.network.queries import get_service, list_services
from app.network.schemas import NewDisruption, NewService, ServiceChange
from app.network.seed import read_hubs
from app.network.service import change_service, create_service, install_seed, lock_service
from app.network.timetable import TimetableCache
from app.network.timetable_schemas import NewTimetable
from app.network.timetables import create_timetable
from app.network.values import ServiceStatus, Want
from app.routing import Front, NoPlan, Query, plan
from tests.conftest import NOW

COLD = Caller(partner_id="ptn_cold", carrier="TARIM-COLD", roles=frozenset({Role.PARTNER}))
OTHER = Caller(partner_id="ptn_other", carrier="OTHER", roles=frozenset({Role.PARTNER}))
OPERATOR = Caller(person_id="per_op", roles=frozenset({Role.OPERATOR}))
CODES = ("HOTAN", "KUQA", "URUMQI")
DAILY = [0, 1, 2, 3, 4, 5, 6]
TERMS = {
    "id": "LINE",
    "name": {"en": "Hotan – Urumqi"},
    "mode": "road",
    "stops": [
        {"hub": "HOTAN", "arrive_offset_s": 0, "depart_offset_s": 0, "distance_m": 0},
        {"hub": "URUMQI", "arrive_offset_s": 72_000, "depart_offset_s": 72_000, "distance_m": 1_380_000},
    ],
    "weekdays": DAILY,
    "departs_s": [43_200],
    "temperatures": ["ambient"],
    "tariff": {"currency": "CNY", "base_minor": 400},
    "capacity": {"weight_g": 10_000, "volume_mm3": 10**9},
}
DECEMBER = {"valid_from": "2026-12-01", "departs_s": [36_000], "tariff": {"currency": "CNY", "base_minor": 700}}


@pytest.fixture
async def line(database):
    async with database.begin() as session:
        await install_seed(session, [hub for hub in read_hubs() if hub.code in CODES], [], NOW)
        await create_service(session, COLD, NewService.model_validate(TERMS), NOW, "en")


async def another(database, service="LINE", caller=COLD, **terms):
    async with database.begin() as session:
        return await create_timetable(session, caller, service, NewTimetable.model_validate(terms), NOW, "en")


async def read(database, service="LINE"):
    async with database.read() as connection:
        return await get_service(connection, COLD, service, "en")


async def ride(database, day, cache=None):
    """The first ride for a kilogram that is ready on this day at 06:00: when, by what, at what price. None when there is no way within a day."""
    async with database.read() as connection:
        known = await (cache or TimetableCache()).current(connection)
    ready = datetime.fromisoformat(f"{day}T03:00").replace(tzinfo=UTC)
    answer = plan(known, Query("HOTAN", "URUMQI", int(ready.timestamp()), weight_g=1_000, horizon_s=44 * 3_600), {})
    if isinstance(answer, NoPlan):
        return None
    assert isinstance(answer, Front)
    leg = answer.plans[0].legs[0]
    return datetime.fromtimestamp(leg.departs_at, UTC).isoformat()[:16], leg.service, leg.price_minor


async def test_new_timetable_runs_from_its_day_and_the_old_one_until_the_day_before(database, line):
    made = await another(database, id="LINE-DEC", **DECEMBER)
    assert (made.timetable_of, made.carrier, made.weekdays, made.status) == ("LINE", "TARIM-COLD", DAILY, "active")
    assert str((await read(database)).valid_until) == "2026-11-30"
    assert await ride(database, "2026-11-30") == ("2026-11-30T12:00", "LINE", 400)
    assert await ride(database, "2026-12-01") == ("2026-12-01T10:00", "LINE-DEC", 700)


async def test_holiday_timetable_is_between_and_the_old_one_resumes(database, line):
    await another(database, id="FAIR", valid_from="2026-10-01", valid_until="2026-10-07", departs_s=[50_400])
    old = await read(database)
    assert (str(old.valid_until), len(old.more_departures)) == ("2026-09-30", 1)
    seen = [await ride(database, day) for day in ("2026-09-30", "2026-10-01", "2026-10-07", "2026-10-08")]
    assert [(at, service) for at, service, _ in seen] == [
        ("2026-09-30T12:00", "LINE"),
        ("2026-10-01T14:00", "FAIR"),
        ("2026-10-07T14:00", "FAIR"),
        ("2026-10-08T12:00", "LINE"),
    ]


async def test_timetables_follow_each_other_whichever_of_them_is_named(database, line):
    await another(database, id="SECOND", valid_from="2026-06-01")
    third = await another(database, "SECOND", id="THIRD", valid_from="2026-07-01", weekdays=[0])
    assert third.timetable_of == "LINE"
    assert str((await read(database, "SECOND")).valid_until) == "2026-06-30"
    before_all = await another(database, id="FIRST", valid_from="2026-05-01")
    assert str(before_all.valid_from) == "2026-05-01"
    statuses = {key: (await read(database, key)).status for key in ("LINE", "FIRST", "SECOND", "THIRD")}
    assert statuses == {"LINE": "active", "FIRST": "active", "SECOND": "withdrawn", "THIRD": "withdrawn"}
    async with database.read() as connection:
        terms = {"mode": None, "status": None, "cursor": None, "limit": 9, "language": "en"}
        page = await list_services(connection, COLD, timetable_of="LINE", **terms)
    assert [service.id for service in page.items] == ["FIRST", "SECOND", "THIRD"]


async def test_each_timetable_has_its_own_room(database, line):
    await another(database, id="LINE-DEC", **DECEMBER, capacity={"weight_g": 3_000, "volume_mm3": 10**9})
    run = datetime(2026, 12, 1, 10, tzinfo=UTC)
    full = Want("leg_1", "con_1", "LINE-DEC", run, 0, 1, 3_000, 1)
    async with database.begin() as session:
        await book_capacity(session, [full], NOW)
    with pytest.raises(CapacityFull):
        async with database.begin() as session:
            await book_capacity(session, [Want("leg_2", "con_2", "LINE-DEC", run, 0, 1, 1, 1)], NOW)
    async with database.read() as connection:
        assert {key[0] for key in await read_load(connection, run, run + timedelta(days=1))} == {"LINE-DEC"}


async def test_what_closes_or_withdraws_the_service_does_so_to_its_timetables(database, line):
    await another(database, id="LINE-DEC", **DECEMBER)
    closed = {
        "service": "LINE",
        "from": "2026-12-01T00:00:00Z",
        "until": "2026-12-03T00:00:00Z",
        "reason": {"en": "Snow"},
    }
    async with database.begin() as session:
        await create_disruption(session, COLD, NewDisruption.model_validate(closed), NOW)
    assert await ride(database, "2026-12-01") is None
    assert await ride(database, "2026-12-03") == ("2026-12-03T10:00", "LINE-DEC", 700)
    run = datetime(2026, 12, 2, 10, tzinfo=UTC)
    with pytest.raises(DepartureClosed):
        async with database.begin() as session:
            await book_capacity(session, [Want("leg_1", "con_1", "LINE-DEC", run, 0, 1, 1, 1)], NOW)
    async with database.begin() as session:
        present = await lock_service(session, COLD, "LINE", "en")
        await change_service(session, present, ServiceChange(status=ServiceStatus.WITHDRAWN), NOW, "en")
    assert (await read(database, "LINE-DEC")).status == "withdrawn"
    assert await ride(database, "2026-12-03") is None


async def test_other_times_on_the_way_are_another_timetables(database, line):
    stops = [
        {"hub": "HOTAN", "arrive_offset_s": 0, "depart_offset_s": 0, "distance_m": 0},
        {"hub": "KUQA", "arrive_offset_s": 30_000, "depart_offset_s": 31_000, "distance_m": 600_000},
        {"hub": "URUMQI", "arrive_offset_s": 60_000, "depart_offset_s": 60_000, "distance_m": 1_380_000},
    ]
    made = await another(database, valid_from="2026-12-01", stops=stops)
    assert [stop.hub for stop in made.stops] == list(CODES)
    assert made.id.startswith("svc_")
    assert [stop.hub for stop in (await read(database)).stops] == ["HOTAN", "URUMQI"]


async def test_same_timetable_again_answers_the_first_and_another_body_is_refused(database, line):
    first = await another(database, id="LINE-DEC", **DECEMBER)
    assert await another(database, id="LINE-DEC", **DECEMBER) == first
    for changed in ({"cutoff_s": 60}, {"valid_from": "2026-12-02"}):
        with pytest.raises(IdTaken):
            await another(database, **{"id": "LINE-DEC"} | DECEMBER | changed)
    with pytest.raises(IdTaken):
        await another(database, id="LINE", **DECEMBER)


async def test_timetable_that_cannot_be_is_refused(database, line):
    for terms, pointers in (
        (DECEMBER | {"valid_until": "2026-11-01"}, ["/valid_until"]),
        (DECEMBER | {"weekdays": []}, ["/weekdays"]),
        (DECEMBER | {"stops": [TERMS["stops"][0], TERMS["stops"][1] | {"hub": "NOWHERE"}]}, ["/stops/1/hub"]),
    ):
        with pytest.raises(Invalid) as refusal:
            await another(database, **terms)
        assert [gap.pointer for gap in refusal.value.gaps] == pointers
    for caller, service in ((OTHER, "LINE"), (COLD, "NOWHERE")):
        with pytest.raises(NotFound):
            await another(database, service, caller, **DECEMBER)
    assert (await another(database, "LINE", OPERATOR, **DECEMBER)).carrier == "TARIM-COLD"
    async with database.begin() as session:
        on_call = TERMS | {"id": "CALL", "on_demand": True, "weekdays": [], "departs_s": []}
        await create_service(session, COLD, NewService.model_validate(on_call), NOW, "en")
    with pytest.raises(Invalid):
        await another(database, "CALL", **DECEMBER)


async def test_service_on_demand_keeps_its_validity(database, line):
    dated = {
        "id": "CALL",
        "on_demand": True,
        "weekdays": [],
        "departs_s": [],
        "valid_from": "2026-05-10",
        "valid_until": "2026-05-12",
    }
    async with database.begin() as session:
        present = await lock_service(session, COLD, "LINE", "en")
        await change_service(session, present, ServiceChange(status=ServiceStatus.WITHDRAWN), NOW, "en")
        await create_service(session, COLD, NewService.model_validate(TERMS | dated), NOW, "en")
    seen = {day: await ride(database, day) for day in ("2026-05-08", "2026-05-10", "2026-05-12", "2026-05-13")}
    assert [day for day, found in seen.items() if found] == ["2026-05-10", "2026-05-12"]
    assert seen["2026-05-12"][0] == "2026-05-12T06:00"


async def test_another_process_plans_by_the_new_timetable_at_once(database, line):
    here, there = TimetableCache(), TimetableCache()
    assert await ride(database, "2026-12-01", here) == await ride(database, "2026-12-01", there)
    await another(database, id="LINE-DEC", **DECEMBER)
    for cache in (here, there):
        assert await ride(database, "2026-12-01", cache) == ("2026-12-01T10:00", "LINE-DEC", 700)


async def test_database_knows_no_patterns_on_demand(database, line):
    with pytest.raises(Exception, match="ck_service_more_departures"):
        async with database.begin() as session:
            await session.execute(
                text("UPDATE service SET on_demand = true, weekdays = '{}', departs_s = '{}', more_departures = '[{}]'")
            )
