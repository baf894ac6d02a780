"""Carriers bring many services at once: a sheet of their own, or a bus company's feed. All or nothing, and live at once."""

import asyncio
import base64
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.core.errors import IdTaken, Invalid
from app.flows.find_routes import find_routes
from app.flows.import_services import import_feed, import_sheet
from app.identity.values import Caller, Role
from app.network.bulk.schemas import FeedImport, SheetImport
from app.network.capacity import book_capacity
from app.network.errors import ImportRefused
from app.network.plan import FrontCache
from app.network.queries import get_service
from app.network.route_schemas import RouteRequest
from app.network.schemas import NewService
from app.network.seed import hub_point, read_hubs
from app.network.service import create_service, install_seed
from app.network.timetable import TimetableCache
from app.network.values import HubKind, Want
from tests.conftest import NOW
from tests.factories.feed import as_archive, calls, village_feed
from tests.factories.tables import nothing_happens, value

BUS = Caller(partner_id="ptn_bus", carrier="HOTAN-BUS", roles=frozenset({Role.PARTNER}))
OTHER = Caller(partner_id="ptn_other", carrier="OTHER", roles=frozenset({Role.PARTNER}))
OPERATOR = Caller(person_id="per_op", roles=frozenset({Role.OPERATOR}))
HEAD = "service,hub,arrive_offset_s,depart_offset_s,distance_m,name_en,mode,weekdays,departs_s,temperatures,base_minor,weight_g,volume_mm3"
ROWS = [
    "L1,HOTAN,0,0,0,One,road,0 1 2 3 4 5 6,43200,ambient,400,9000000,9000000000",
    "L1,KASHGAR,28800,28800,510000,,,,,,,,",
    "L2,KASHGAR,0,0,0,Two,road,0 1 2 3 4 5 6,43200,ambient,400,9000000,9000000000",
    "L2,HOTAN,28800,28800,510000,,,,,,,,",
]


@pytest.fixture
async def hubs(ports):
    """Three real places, and a village point at the bus's crossroads."""
    village = hub_point(
        "V-ROAD", {"en": "Crossroads", "zh-Hans": "路口"}, HubKind.VILLAGE_POINT, (37.3, 79.6), "653221", "test"
    )
    async with ports.begin() as session:
        real = [hub for hub in read_hubs() if hub.code in {"HOTAN", "KASHGAR", "A-HTN"}]
        await install_seed(session, [*real, village], [], NOW)


async def sheet(ports, *rows, dry_run=False, caller=BUS, **more):
    command = SheetImport(csv="\n".join([HEAD, *rows]) + "\n", dry_run=dry_run, **more)
    return await import_sheet(ports, caller, command, "en")


async def feed(ports, tables, *, caller=BUS, **more):
    command = FeedImport.model_validate({"feed": "BUS", "archive": packed(tables)} | more)
    return await import_feed(ports, caller, command, "en")


def packed(tables):
    return base64.b64encode(as_archive(tables)).decode()


async def version(ports):
    return await value(ports, "SELECT coalesce(max(version), 0) FROM timetable_version")


async def service(ports, key):
    async with ports.database.read() as connection:
        return await get_service(connection, OPERATOR, key, "en")


async def first_leg(ports, origin="HOTAN", target="KASHGAR", weight_g=5_000):
    asked = {"from": origin, "to": target, "weight_g": weight_g, "depart_after": "2026-03-04T16:00:00Z"}
    found = await find_routes(ports, RouteRequest.model_validate(asked))
    return found.options[0].legs[0]


async def test_dry_run_tells_and_changes_nothing(ports, hubs):
    async with nothing_happens(ports):
        told = await sheet(ports, *ROWS, dry_run=True)
    assert (told.dry_run, told.created, told.faults) == (True, ["L1", "L2"], [])
    async with nothing_happens(ports):
        told = await sheet(
            ports,
            ROWS[0].replace("road", "rode"),
            ROWS[1].replace("KASHGAR", "KASHGER"),
            ROWS[2],
            ROWS[3].replace("HOTAN", "NOWHERE"),
            dry_run=True,
        )
    assert [(fault.row, fault.column) for fault in told.faults] == [(2, "mode"), (3, "hub"), (5, "hub")]


async def test_sheet_with_a_fault_is_refused_whole(ports, hubs):
    async with nothing_happens(ports):
        with pytest.raises(ImportRefused) as refusal:
            await sheet(ports, *ROWS[:3], ROWS[3].replace("HOTAN", "NOWHERE"))
    assert [dict(gap.at) for gap in refusal.value.gaps] == [{"file": None, "row": 5, "column": "hub"}]


async def test_sheet_creates_then_changes_in_place(ports, hubs):
    done = await sheet(ports, *ROWS)
    assert (done.created, done.changed, done.unchanged) == (["L1", "L2"], [], 0)
    before = await version(ports)
    again = await sheet(ports, *ROWS)
    assert (again.created, again.changed, again.unchanged) == ([], [], 2)
    assert await version(ports) == before
    changed = await sheet(ports, ROWS[0].replace(",400,", ",500,"), *ROWS[1:])
    assert (changed.created, changed.changed, changed.unchanged) == ([], ["L1"], 1)
    one = await service(ports, "L1")
    assert (one.version, one.tariff.base_minor, one.carrier) == (2, 500, "HOTAN-BUS")
    assert await version(ports) == before + 1


async def test_stops_change_until_somebody_has_booked(ports, hubs):
    await sheet(ports, *ROWS)
    slower = [row.replace("28800,28800", "30000,30000") for row in ROWS]
    assert (await sheet(ports, *slower)).changed == ["L1", "L2"]
    assert (await service(ports, "L1")).stops[1].arrive_offset_s == 30_000
    async with ports.begin() as session:
        run = datetime(2026, 3, 4, 12, tzinfo=UTC)
        await book_capacity(session, [Want("leg_1", "con_1", "L1", run, 0, 1, 5, 5)], NOW)
    told = await sheet(ports, *ROWS, dry_run=True)
    assert [(fault.row, fault.column) for fault in told.faults] == [(2, None)]
    assert "booked" in told.faults[0].detail


async def test_others_services_are_out_of_reach(ports, hubs):
    async with ports.begin() as session:
        theirs = {
            "id": "L2",
            "name": {"en": "Theirs"},
            "mode": "road",
            "stops": [
                {"hub": "HOTAN", "arrive_offset_s": 0, "depart_offset_s": 0, "distance_m": 0},
                {"hub": "KASHGAR", "arrive_offset_s": 9, "depart_offset_s": 9, "distance_m": 9},
            ],
            "on_demand": True,
            "temperatures": ["ambient"],
            "tariff": {"currency": "CNY"},
            "capacity": {"weight_g": 1, "volume_mm3": 1},
        }
        await create_service(session, OTHER, NewService.model_validate(theirs), NOW, "en")
    async with nothing_happens(ports):
        with pytest.raises(ImportRefused) as refusal:
            await sheet(ports, *ROWS)
    assert [gap.at["row"] for gap in refusal.value.gaps] == [4]
    with pytest.raises(Invalid):
        await sheet(ports, *ROWS, caller=OPERATOR)
    assert (await sheet(ports, *ROWS[:2], caller=OPERATOR, carrier="HOTAN-BUS")).created == ["L1"]


async def test_two_at_once_make_each_service_once(ports, hubs):
    outcomes = await asyncio.gather(*[sheet(ports, *ROWS) for _ in range(4)], return_exceptions=True)
    assert sum(getattr(each, "created", []) == ["L1", "L2"] for each in outcomes) == 1
    assert all(isinstance(each, IdTaken) or not each.faults for each in outcomes)
    assert await value(ports, "SELECT count(*) FROM service_stop") == 4


async def test_feed_becomes_bus_services_that_carry_parcels(ports, hubs):
    told = await feed(ports, village_feed())
    assert (len(told.created), told.faults, told.skipped_trips) == (2, [], [])
    made = [await service(ports, key) for key in told.created]
    (out,) = [each for each in made if each.stops[0].hub == "HOTAN"]
    assert [stop.hub for stop in out.stops] == ["HOTAN", "V-ROAD", "KASHGAR"]
    assert [stop.arrive_offset_s for stop in out.stops] == [0, 3_000, 28_200]
    assert (out.mode, out.vehicle, out.carrier, out.feed) == ("bus", "bus", "HOTAN-BUS", "BUS")
    # Monday to Friday at 07:10 in China is Sunday to Thursday at 23:10.
    assert (out.weekdays, out.departs_s, out.more_departures) == ([0, 1, 2, 3, 6], [23 * 3_600 + 600], [])
    assert (str(out.valid_from), str(out.valid_until)) == ("2026-01-04", "2026-12-30")
    assert (out.piece_weight_g_max, out.piece_length_mm_max, out.capacity.weight_g, out.cutoff_s) == (
        30_000,
        1_000,
        300_000,
        900,
    )
    leg = await first_leg(ports)
    assert (leg.mode, leg.departs_at.isoformat(), leg.service) == ("bus", "2026-03-04T23:10:00+00:00", out.id)


async def test_feed_again_changes_in_place_and_withdraws_what_it_lacks(ports, hubs):
    first = await feed(ports, village_feed())
    assert (await feed(ports, village_feed())).unchanged == 2
    later = village_feed()
    later["trips.txt"] = later["trips.txt"][:1]
    later["stop_times.txt"] = later["stop_times.txt"][:3]
    later["calendar.txt"][0]["saturday"] = "1"
    second = await feed(ports, later, tariff={"currency": "CNY", "base_minor": 80})
    assert (len(second.changed), len(second.withdrawn), second.created) == (1, 1, [])
    assert {*second.changed, *second.withdrawn} == set(first.created)
    assert (await service(ports, second.changed[0])).tariff.base_minor == 80
    assert (await service(ports, second.withdrawn[0])).status == "withdrawn"
    third = await feed(ports, village_feed())
    assert (len(third.changed), third.withdrawn) == (2, [])
    other = village_feed()
    assert len((await feed(ports, other, feed="FAIR")).created) == 2
    assert (await feed(ports, village_feed())).withdrawn == []


async def test_other_running_times_are_another_service(ports, hubs):
    first = await feed(ports, village_feed())
    slower = village_feed()
    slower["stop_times.txt"][2] |= {"arrival_time": "15:30:00", "departure_time": "15:30:00"}
    second = await feed(ports, slower)
    assert (len(second.created), len(second.withdrawn), second.unchanged) == (1, 1, 1)
    assert set(second.withdrawn) < set(first.created)


async def test_stops_are_named_or_near(ports, hubs):
    with pytest.raises(ImportRefused) as refusal:
        await feed(ports, village_feed(), nearest_m=0)
    assert refusal.value.gaps[0].at["file"] == "trips.txt"
    told = await feed(ports, village_feed(), nearest_m=0, stops={"S1": "HOTAN", "S3": "KASHGAR"}, dry_run=True)
    assert len(told.created) == 2
    with pytest.raises(Invalid) as wrong:
        await feed(ports, village_feed(), stops={"S9": "HOTAN", "S1": "NOWHERE"}, dry_run=True)
    assert [gap.pointer for gap in wrong.value.gaps] == ["/stops/S9", "/stops/S1"]


async def test_trips_that_carry_nothing_are_told(ports, hubs):
    tables = village_feed()
    tables["trips.txt"].append({"route_id": "R1", "service_id": "WORK", "trip_id": "LOOP"})
    tables["stop_times.txt"] += calls("LOOP", ("S1", "07:00:00", "07:00:00"), ("S1", "07:30:00", "07:30:00"))
    told = await feed(ports, tables, dry_run=True)
    assert [(trip.trip, trip.row) for trip in told.skipped_trips] == [("LOOP", 4)]


async def test_bad_feed_is_refused_by_row_and_column(ports, hubs):
    tables = village_feed()
    tables["stop_times.txt"][1]["arrival_time"] = "8 o'clock"
    tables["routes.txt"][0]["route_type"] = "1"
    async with nothing_happens(ports):
        with pytest.raises(ImportRefused) as refusal:
            await feed(ports, tables)
        told = await feed(ports, tables, dry_run=True)
    expected = [("routes.txt", 2, "route_type"), ("stop_times.txt", 3, "arrival_time")]
    assert [(gap.at["file"], gap.at["row"], gap.at["column"]) for gap in refusal.value.gaps] == expected
    assert [(fault.file, fault.row, fault.column) for fault in told.faults] == expected


async def test_another_process_plans_by_a_new_feed_at_once(ports, hubs):
    """Two processes on one database: the very next plan of the other uses what this one imported."""
    other = replace(ports, timetable=TimetableCache(), fronts=FrontCache())
    await feed(ports, village_feed())
    assert (await first_leg(other)).departs_at.isoformat() == "2026-03-04T23:10:00+00:00"
    earlier = village_feed()
    for row in earlier["stop_times.txt"][:3]:
        for name in ("arrival_time", "departure_time"):
            row[name] = f"{int(row[name][:2]) - 1:02}{row[name][2:]}"
    started = time.perf_counter()
    await feed(ports, earlier)
    leg = await first_leg(other)
    assert leg.departs_at.isoformat() == "2026-03-04T22:10:00+00:00"
    assert time.perf_counter() - started < 1
