"""Hubs, services and disruptions on a real PostgreSQL, and the timetable that every process keeps of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import Forbidden, IdTaken, Invalid, NotFound
from app.flows.install_network import install_network
from app.identity.values import Caller, Role
from app.network.disrupt import create_disruption
from app.network.queries import get_service, hubs_by_code, list_disruptions, list_hubs, list_services
from app.network.rules import hub_for_county, load_defaults
from app.network.schemas import NewDisruption, NewService, ServiceChange
from app.network.seed import read_hubs, read_links, services_from_links
from app.network.service import (
    change_service,
    create_service,
    install_seed,
    lock_service,
)
from app.network.timetable import TimetableCache
from app.network.values import HubKind, Mode, ServiceStatus
from app.routing import Query, plan
from tests.conftest import NOW

COLD = Caller(partner_id="ptn_cold", carrier="TARIM-COLD", roles=frozenset({Role.PARTNER}))
OTHER = Caller(partner_id="ptn_other", carrier="OTHER", roles=frozenset({Role.PARTNER}))
OPERATOR = Caller(person_id="per_op", roles=frozenset({Role.OPERATOR}))
HUBS = read_hubs()
TERMS = {
    "id": "TARIM-HOTAN-URUMQI",
    "name": {"en": "Hotan – Urumqi"},
    "mode": "road",
    "stops": [
        {"hub": "HOTAN", "arrive_offset_s": 0, "depart_offset_s": 0, "distance_m": 0},
        {"hub": "KUQA", "arrive_offset_s": 36_000, "depart_offset_s": 37_800, "distance_m": 636_000},
        {"hub": "URUMQI", "arrive_offset_s": 90_000, "depart_offset_s": 90_000, "distance_m": 1_380_000},
    ],
    "weekdays": [2, 0, 2],
    "departs_s": [43_200],
    "cutoff_s": 3_600,
    "temperatures": ["chilled"],
    "tariff": {"currency": "CNY", "base_minor": 400, "milliminor_per_tkm": 75_000},
    "capacity": {"weight_g": 15_000_000, "volume_mm3": 52_000_000_000},
}


def command(**changes):
    return NewService.model_validate(TERMS | changes)


@pytest.fixture
async def hubs(database):
    async with database.begin() as session:
        await install_seed(session, HUBS, [], NOW)


async def create(database, caller=COLD, **changes):
    async with database.begin() as session:
        return await create_service(session, caller, command(**changes), NOW, "en")


async def change(database, service_id, caller=COLD, now=NOW, **changes):
    async with database.begin() as session:
        present = await lock_service(session, caller, service_id, "en")
        return await change_service(session, present, ServiceChange.model_validate(changes), now, "en")


async def timetable(database, cache=None):
    async with database.read() as connection:
        return await (cache or TimetableCache()).current(connection)


async def test_the_real_network_is_put_in_place_once(database):
    for _ in range(2):
        async with database.begin() as session:
            assert await install_network(session, NOW) == "1299 hubs, 4082 services"
    cache = TimetableCache()
    loaded = await timetable(database, cache)
    assert loaded.version == "1"
    assert (len(loaded.places), len(loaded.services)) == (1_299, 4_080)
    assert "RAILB-B-MOHAN-F-VIENTIANE" in cache.crossing
    assert "RAIL-KUNMING-B-MOHAN" not in cache.crossing
    assert hub_for_county(cache.hubs.values(), "653201") == "HOTAN"
    assert hub_for_county(cache.hubs.values(), "653221") == "C-653221"
    assert await timetable(database, cache) is loaded


async def test_what_the_seed_finds_in_place_stays(database):
    lines = services_from_links(read_links()[:3], {hub.code: hub for hub in HUBS}, load_defaults())
    async with database.begin() as session:
        assert await install_seed(session, HUBS, lines, NOW)
    line = lines[0]
    await change(database, line.id, OPERATOR, cutoff_s=7_777)
    async with database.begin() as session:
        assert not await install_seed(session, HUBS, [replace(line, cutoff_s=1), *lines[1:]], NOW)
    async with database.read() as connection:
        assert (await get_service(connection, OPERATOR, line.id, "en")).cutoff_s == 7_777


async def test_empty_database_has_an_empty_timetable(database):
    assert (await timetable(database)).services == ()


async def test_service_created_is_in_the_next_timetable(database, hubs):
    cache = TimetableCache()
    assert (await timetable(database, cache)).services == ()
    created = await create(database)
    assert (created.carrier, created.vehicle, created.weekdays, created.version) == ("TARIM-COLD", "truck", [0, 2], 1)
    (service,) = (await timetable(database, cache)).services
    assert service.id == created.id
    assert service.stops[1].depart_offset_s == 37_800
    assert service.co2e_mg_per_tkm["chilled"] == 109_940


async def test_same_service_again_answers_the_first_and_another_body_is_refused(database, hubs):
    first = await create(database)
    assert await create(database) == first
    with pytest.raises(IdTaken):
        await create(database, cutoff_s=60)
    with pytest.raises(IdTaken):
        await create(database, OTHER)


async def test_service_of_another_carrier_is_not_found(database, hubs):
    created = await create(database)
    async with database.begin() as session:
        for verb in (get_service, lock_service):
            with pytest.raises(NotFound):
                await verb(session, OTHER, created.id, "en")
        assert (await get_service(session, OPERATOR, created.id, "zh-Hans")).status_name == "运营中"
        own = await list_services(session, OTHER, mode=None, status=None, cursor=None, limit=10, language="en")
        assert own.items == []


async def test_every_fault_is_named_at_once(database, hubs):
    with pytest.raises(Invalid) as refusal:
        await create(database, stops=[TERMS["stops"][0], TERMS["stops"][1] | {"hub": "NOWHERE"}], weekdays=[])
    assert [gap.pointer for gap in refusal.value.gaps] == ["/stops/1/hub", "/weekdays"]


async def test_operator_names_the_carrier_and_a_partner_does_not(database, hubs):
    for caller, carrier in ((OPERATOR, None), (COLD, "OTHER")):
        with pytest.raises(Invalid) as refusal:
            await create(database, caller, carrier=carrier)
        assert [gap.pointer for gap in refusal.value.gaps] == ["/carrier"]
    assert (await create(database, OPERATOR, carrier="XILU")).carrier == "XILU"


async def test_change_writes_only_what_is_sent_and_raises_the_version(database, hubs):
    created = await create(database, valid_until="2026-12-31")
    cache = TimetableCache()
    before = await timetable(database, cache)
    changed = await change(database, created.id, departs_s=[3_600], valid_until=None)
    assert (changed.departs_s, changed.valid_until, changed.version) == ([3_600], None, 2)
    assert (
        changed.model_copy(update={"departs_s": created.departs_s, "valid_until": created.valid_until, "version": 1})
        == created
    )
    assert int((await timetable(database, cache)).version) == int(before.version) + 1
    with pytest.raises(Invalid) as refusal:
        await change(database, created.id, weekdays=[])
    assert [gap.pointer for gap in refusal.value.gaps] == ["/weekdays"]


async def test_limits_of_pieces_are_kept_and_null_ends_them(database, hubs):
    created = await create(database, piece_weight_g_max=30_000, piece_length_mm_max=1_000)
    assert (created.piece_weight_g_max, created.piece_length_mm_max) == (30_000, 1_000)
    changed = await change(database, created.id, piece_weight_g_max=None)
    assert (changed.piece_weight_g_max, changed.piece_length_mm_max) == (None, 1_000)


async def test_withdrawn_service_leaves_the_timetable(database, hubs):
    created = await create(database)
    assert (await change(database, created.id, status="withdrawn")).status is ServiceStatus.WITHDRAWN
    assert (await timetable(database)).services == ()


def closing(**about):
    period = {"from": NOW, "until": NOW + timedelta(days=3), "reason": {"en": "Sandstorm"}}
    return NewDisruption.model_validate(period | about)


async def close(database, caller=COLD, **about):
    async with database.begin() as session:
        return await create_disruption(session, caller, closing(**about), NOW)


async def test_closed_service_has_no_runs_while_it_is_closed(database, hubs):
    created = await create(database)
    query = Query("HOTAN", "URUMQI", int(NOW.timestamp()), 1_000, temperature="chilled")
    open_plan = plan(await timetable(database), query).plans[0]
    assert open_plan.legs[0].departs_at == int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp())
    await close(database, service=created.id)
    closed_plan = plan(await timetable(database), query).plans[0]
    assert closed_plan.legs[0].departs_at == int(datetime(2026, 3, 9, 12, tzinfo=UTC).timestamp())


async def test_closed_hub_stops_the_runs_that_would_call_there(database, hubs):
    await create(database)
    # The run of Monday noon is at Kuqa from 22:00 to 22:30.
    await close(
        database, OPERATOR, hub="KUQA", **{"from": NOW + timedelta(hours=20), "until": NOW + timedelta(hours=21)}
    )
    query = Query("HOTAN", "URUMQI", int(NOW.timestamp()), 1_000, temperature="chilled")
    departs_at = plan(await timetable(database), query).plans[0].legs[0].departs_at
    assert departs_at == int(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp())


async def test_disruption_is_refused_when_it_is_not_ones_own_or_makes_no_sense(database, hubs):
    created = await create(database)
    with pytest.raises(Forbidden):
        await close(database, COLD, hub="KUQA")
    with pytest.raises(Invalid) as refusal:
        await close(database, OTHER, service=created.id)
    assert [gap.pointer for gap in refusal.value.gaps] == ["/service"]
    for wrong, pointer in (
        ({"hub": "NOWHERE"}, "/hub"),
        ({"service": created.id, "hub": "KUQA"}, "/service"),
        ({}, "/service"),
        ({"service": created.id, "until": NOW}, "/until"),
        ({"service": created.id, "until": NOW + timedelta(days=400)}, "/until"),
    ):
        with pytest.raises(Invalid) as refusal:
            await close(database, OPERATOR, **wrong)
        assert [gap.pointer for gap in refusal.value.gaps] == [pointer]


async def test_disruption_twice_is_one_and_others_see_hubs_only(database, hubs):
    created = await create(database)
    made = {"id": "dis_01jd0000000000000000000000", "service": created.id}
    assert await close(database, **made) == await close(database, **made)
    with pytest.raises(IdTaken):
        await close(database, **made, reason={"en": "Snow"})
    hub = await close(database, OPERATOR, hub="KUQA")
    async with database.read() as connection:
        seen = {
            caller: [
                d.id
                for d in (
                    await list_disruptions(connection, caller, service=None, hub=None, cursor=None, limit=9)
                ).items
            ]
            for caller in (COLD, OTHER)
        }
        narrow = await list_disruptions(connection, OPERATOR, service=created.id, hub=None, cursor=None, limit=9)
    assert sorted(seen[COLD]) == sorted([made["id"], hub.id])
    assert seen[OTHER] == [hub.id]
    assert [d.id for d in narrow.items] == [made["id"]]


async def hub_codes(connection, *, pages=30, **wanted):
    asked = {"kind": None, "near": None, "county": None, "limit": 7} | wanted
    codes, cursor = [], None
    for _ in range(pages):
        page = await list_hubs(connection, **asked, cursor=cursor, language="en")
        codes += [hub.code for hub in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    return codes


async def test_hubs_by_code_near_and_for_a_county_come_page_by_page(database, hubs):
    async with database.read() as connection:
        assert sorted(await hub_codes(connection, pages=99)) == sorted(hub.code for hub in HUBS)
        near = await hub_codes(connection, near=(37.1, 79.9), kind=HubKind.CITY, pages=99)
        assert near[0] == "HOTAN"
        assert sorted(near) == sorted(hub.code for hub in HUBS if hub.kind is HubKind.CITY)
        xinjiang = await hub_codes(connection, county="652927")
        assert xinjiang[:2] == ["AKSU", "KUQA"]
        assert set(xinjiang) == {hub.code for hub in HUBS if (hub.adcode or "").startswith("65")}
        nearest = await list_hubs(
            connection, kind=None, near=(37.10927, 79.93433), county=None, cursor=None, limit=2, language="zh-Hans"
        )
        assert [(hub.code, hub.distance_m, hub.kind_name) for hub in nearest.items] == [
            ("HOTAN", 0, "城市"),
            ("A-HTN", 9_993, "机场"),
        ]
        assert set(await hubs_by_code(connection, ["HOTAN", "NOWHERE"])) == {"HOTAN"}


async def test_services_come_page_by_page_and_filtered(database, hubs):
    for number in range(5):
        await create(database, id=f"LINE-{number}")
    async with database.read() as connection:
        wanted = {"mode": Mode.ROAD, "status": ServiceStatus.ACTIVE, "limit": 2, "language": "en"}
        first = await list_services(connection, COLD, **wanted, cursor=None)
        second = await list_services(connection, COLD, **wanted, cursor=first.next_cursor)
        assert [s.id for s in first.items + second.items] == [f"LINE-{number}" for number in range(4)]
        none = await list_services(connection, COLD, **wanted | {"mode": Mode.AIR}, cursor=None)
        assert none.items == []


async def test_renewed_timetable_is_the_one_that_a_new_process_reads(database):
    """Only what has changed is read again: the result is that of reading all, whatever changed."""
    lines = services_from_links(read_links()[:12], {hub.code: hub for hub in HUBS}, load_defaults())
    async with database.begin() as session:
        await install_seed(session, HUBS, lines, NOW)
    cache = TimetableCache()
    first = await timetable(database, cache)
    steps = (
        lambda: create(database),
        lambda: change(database, "TARIM-HOTAN-URUMQI", departs_s=[3_600], tariff={"currency": "CNY", "base_minor": 9}),
        lambda: close(database, service="TARIM-HOTAN-URUMQI"),
        lambda: close(database, OPERATOR, hub="KUQA"),
        lambda: change(database, lines[0].id, OPERATOR, status="withdrawn"),
        lambda: change(database, lines[0].id, OPERATOR, status="active"),
    )
    for step in steps:
        await step()
        renewed, fresh = await timetable(database, cache), await timetable(database, TimetableCache())
        assert renewed.services == fresh.services
        assert renewed.places == fresh.places
        assert renewed.version == fresh.version
    untouched = lines[1].id
    (before,), (after,) = ([s for s in each.services if s.id == untouched] for each in (first, renewed))
    assert before is after
