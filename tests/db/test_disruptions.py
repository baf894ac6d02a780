"""Every kind of disruption in the tables and in the planner's timetable, and what is refused."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from app.core.errors import Forbidden, Gap, Invalid
from app.identity.values import Caller
from app.network.capacity import audit_capacity, book_capacity, release_capacity
from app.network.disrupt import create_disruption
from app.network.errors import CapacityFull, DepartureClosed
from app.network.queries import list_disruptions
from app.network.schemas import NewDisruption, ServiceChange
from app.network.service import change_service, lock_service
from app.network.values import Want
from app.routing import Query, plan
from tests.conftest import NOW
from tests.factories.journeys import HAULIER, OPERATOR, a_journey, a_valley
from tests.factories.tables import rows

TONIGHT = NOW.replace(day=3, hour=0)
HOUR = timedelta(hours=1)


@pytest.fixture
async def valley(ports):
    await a_valley(ports)


async def say(ports, caller=HAULIER, **about):
    said = {"reason": {"en": "Snow"}} | {name.rstrip("_"): value for name, value in about.items()}
    async with ports.begin() as session:
        timetable = await ports.timetable.current(session)
        return await create_disruption(
            session, caller, NewDisruption.model_validate(said), ports.clock.now(), timetable
        )


async def departures(ports, origin="KUQA", service="TRUNK"):
    """When the ways to Urumqi by this service leave, by the timetable of now."""
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
    found = plan(
        timetable, Query(origin, "URUMQI", int(NOW.timestamp()), 1_000, excluded_services=frozenset({"DEAR", "ROUND"}))
    )
    return [leg.departure_at for way in found.plans for leg in way.legs if leg.service == service]


def at(moment):
    return int(moment.timestamp())


async def book(ports, **more):
    want = {
        "leg_id": "leg_1",
        "consignment_id": "con_1",
        "service_id": "TRUNK",
        "run_at": TONIGHT,
        "board": 0,
        "alight": 2,
    }
    async with ports.begin() as session:
        await book_capacity(session, [Want(**want | {"weight_g": 1_000, "volume_mm3": 1} | more)], NOW)


async def test_cancelled_run_is_gone_and_not_booked(ports, valley):
    assert await departures(ports) == [at(TONIGHT)]
    await say(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    assert await departures(ports) == [at(TONIGHT + 24 * HOUR)]
    with pytest.raises(DepartureClosed):
        await book(ports)
    await book(ports, run_at=TONIGHT + 24 * HOUR)


async def test_delayed_run_is_the_run_at_its_new_start_with_its_bookings(ports, valley):
    await book(ports)
    await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=7_200)
    assert await departures(ports) == [at(TONIGHT + 2 * HOUR)]
    assert await rows(ports, "SELECT run_at FROM booking") == [(TONIGHT + 2 * HOUR,)]
    assert await rows(ports, "SELECT DISTINCT run_at FROM departure_load WHERE used_weight_g > 0") == [
        (TONIGHT + 2 * HOUR,)
    ]
    with pytest.raises(DepartureClosed):
        await book(ports)
    await book(ports, run_at=TONIGHT + 2 * HOUR, leg_id="leg_2")
    # Later still: it is named by where it stands.
    await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT + 2 * HOUR, delay_s=3_600)
    assert await departures(ports) == [at(TONIGHT + 3 * HOUR)]
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []
    async with ports.begin() as session:
        await release_capacity(session, ["con_1"])
    assert await rows(ports, "SELECT DISTINCT used_weight_g FROM departure_load") == [(0,)]


async def test_orders_and_a_delay_at_once_leave_the_sums_right(ports, valley):
    async def order(n):
        with suppress(DepartureClosed):
            await book(ports, leg_id=f"leg_{n}", consignment_id=f"con_{n}")

    async def cancel(n):
        async with ports.begin() as session:
            await release_capacity(session, [f"con_{n}"])

    for n in range(10):
        await order(n)
    late = say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=600)
    async with asyncio.timeout(60):
        await asyncio.gather(*(order(n) for n in range(10, 20)), late, *(cancel(n) for n in range(8)))
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []
    stays = await rows(
        ports, "SELECT DISTINCT run_at FROM booking WHERE state = 'booked' AND consignment_id IN ('con_8', 'con_9')"
    )
    assert stays == [(TONIGHT + HOUR / 6,)]


async def test_extra_run_is_one_more(ports, valley):
    await say(ports, kind="extra", service="TRUNK", run_at=NOW + 5 * HOUR)
    assert await departures(ports) == [at(NOW + 5 * HOUR)]
    await book(ports, run_at=NOW + 5 * HOUR)


async def test_run_that_is_under_way_stays_cancelled_when_the_timetable_changes_later(ports, valley):
    """It would call at Korla at four: who boards there must not be sent to a run that never began."""
    await say(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    ports.clock.at = TONIGHT + HOUR / 2
    await say(ports, service="ROUND", from_=TONIGHT, until=TONIGHT + 48 * HOUR)
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
    ways = plan(timetable, Query("KORLA", "URUMQI", at(TONIGHT), 1_000)).plans
    assert {leg.departure_at for way in ways for leg in way.legs} == {at(TONIGHT + 24 * HOUR)}


async def test_closed_border_post_and_link_stop_who_rides_there(ports, valley):
    made = await say(ports, OPERATOR, hub="KORLA", to_hub="URUMQI", from_=TONIGHT, until=TONIGHT + 5 * HOUR)
    assert (made.hub, made.to_hub, made.kind) == ("KORLA", "URUMQI", "close")
    assert await departures(ports) == [at(TONIGHT + 24 * HOUR)]
    with pytest.raises(DepartureClosed):
        await book(ports)
    # The direct line does not ride there.
    await book(ports, service_id="DEAR", run_at=TONIGHT + 3 * HOUR, alight=1)
    async with ports.database.read() as connection:
        for hub in ("KORLA", "URUMQI"):
            page = await list_disruptions(connection, HAULIER, service=None, hub=hub, cursor=None, limit=9)
            assert [each.id for each in page.items] == [made.id]


async def test_smaller_run_keeps_what_is_booked_and_gives_no_freed_room_away(ports, valley):
    await book(ports, weight_g=100_000)
    await book(ports, leg_id="leg_2", consignment_id="con_2", weight_g=20_000)
    await say(ports, kind="capacity", service="TRUNK", run_at=TONIGHT, capacity={"weight_g": 110_000})
    run = "SELECT DISTINCT used_weight_g, capacity_weight_g FROM departure_load WHERE run_at = :run"
    assert await rows(ports, run, run=TONIGHT) == [(120_000, 120_000)]
    with pytest.raises(CapacityFull):
        await book(ports, weight_g=1, leg_id="leg_3")
    async with ports.begin() as session:
        await release_capacity(session, ["con_2"])
    assert await rows(ports, run, run=TONIGHT) == [(100_000, 110_000)]
    # A carrier that enlarges its service does not undo the cut, and a delay takes it along.
    async with ports.begin() as session:
        present = await lock_service(session, HAULIER, "TRUNK", "en")
        change = ServiceChange.model_validate(
            {"capacity": {"weight_g": 500_000, "volume_mm3": 10**12, "live_places": 10}}
        )
        await change_service(session, present, change, NOW, "en")
    assert await rows(ports, run, run=TONIGHT) == [(100_000, 110_000)]
    await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=60)
    with pytest.raises(CapacityFull):
        await book(ports, run_at=TONIGHT + HOUR / 60, weight_g=10_001, leg_id="leg_4")
    await book(ports, run_at=TONIGHT + HOUR / 60, weight_g=10_000, leg_id="leg_4")


async def test_planner_sees_what_is_left_of_a_smaller_period(ports, valley):
    await say(ports, kind="capacity", service="TRUNK", from_=NOW, until=NOW + 72 * HOUR, capacity={"weight_g": 20_000})
    assert await rows(ports, "SELECT count(*), min(capacity_weight_g) FROM departure_load") == [(6, 20_000)]
    fits = await a_journey(ports)
    assert [leg.service_id for leg in fits.legs[:2]] == ["FEEDER", "TRUNK"]
    with pytest.raises(CapacityFull):
        await book(ports, weight_g=4_000, leg_id="leg_9")


@pytest.mark.parametrize(
    ("said", "pointers"),
    [
        ({"kind": "cancel", "service": "TRUNK"}, ["/run_at"]),
        ({"kind": "cancel", "service": "TRUNK", "run_at": TONIGHT + HOUR}, ["/run_at"]),
        ({"kind": "cancel", "service": "TRUNK", "run_at": TONIGHT - 48 * HOUR}, ["/run_at"]),
        ({"kind": "cancel", "run_at": TONIGHT}, ["/service"]),
        ({"kind": "cancel", "service": "TRUNK", "run_at": TONIGHT, "until": TONIGHT}, ["/until"]),
        ({"kind": "delay", "service": "TRUNK", "run_at": TONIGHT}, ["/delay_s"]),
        ({"kind": "delay", "service": "TRUNK", "run_at": TONIGHT, "delay_s": 86_400}, ["/delay_s"]),
        ({"kind": "extra", "service": "TRUNK", "run_at": TONIGHT}, ["/run_at"]),
        ({"kind": "extra", "service": "TRUNK", "run_at": NOW - HOUR}, ["/run_at"]),
        ({"kind": "capacity", "service": "TRUNK", "run_at": TONIGHT}, ["/capacity"]),
        ({"kind": "capacity", "service": "TRUNK", "run_at": TONIGHT, "capacity": {}}, ["/capacity/weight_g"]),
        ({"kind": "capacity", "service": "TRUNK", "capacity": {"weight_g": 1}}, ["/from", "/until"]),
        ({"service": "TRUNK", "run_at": TONIGHT, "from": NOW, "until": TONIGHT}, ["/run_at"]),
        ({"service": "TRUNK", "delay_s": 5, "from": NOW, "until": TONIGHT}, ["/delay_s"]),
        ({"service": "TRUNK"}, ["/from", "/until"]),
        ({"hub": "KUQA", "from": NOW}, ["/until"]),
        ({"hub": "KUQA", "from": NOW, "until": None}, ["/until"]),
        ({"hub": "KUQA", "from": NOW, "until": NOW + 367 * 24 * HOUR}, ["/until"]),
        ({"hub": "NOPE", "to_hub": "NOR", "from": NOW, "until": TONIGHT}, ["/hub", "/to_hub"]),
        ({"kind": "cancel", "service": "NOPE"}, ["/service", "/run_at"]),
        ({"hub": "KUQA", "to_hub": "KUQA", "from": NOW, "until": TONIGHT}, ["/to_hub"]),
        # No service goes from Hotan to Urumqi without a call on the way: nothing would be closed.
        ({"hub": "HOTAN", "to_hub": "URUMQI", "from": NOW, "until": TONIGHT}, ["/to_hub"]),
        ({"kind": "delay", "service": "TRUNK", "run_at": TONIGHT, "delay_s": 0}, ["/delay_s"]),
        (
            {
                "kind": "capacity",
                "service": "TRUNK",
                "run_at": TONIGHT,
                "capacity": {"weight_g": 10**9, "live_places": 1},
            },
            ["/capacity/weight_g"],
        ),
    ],
)
async def test_what_makes_no_sense_is_named(ports, valley, said, pointers):
    with pytest.raises(Invalid) as refusal:
        await say(ports, OPERATOR, **said)
    assert [gap.pointer for gap in refusal.value.gaps] == pointers
    assert all(isinstance(gap, Gap) for gap in refusal.value.gaps)
    assert await rows(ports, "SELECT 1 FROM disruption") == []


async def test_only_operators_close_hubs_and_links_and_only_carriers_change_their_runs(ports, valley):
    rival = Caller(partner_id="ptn_rival", carrier="RIVAL", roles=HAULIER.roles)
    with pytest.raises(Invalid):
        await say(ports, rival, kind="cancel", service="TRUNK", run_at=TONIGHT)
    with pytest.raises(Forbidden):
        await say(ports, HAULIER, hub="KORLA", to_hub="KUQA", from_=NOW, until=TONIGHT)
    await say(ports, OPERATOR, kind="cancel", service="TRUNK", run_at=TONIGHT)


async def test_the_same_word_twice_is_one(ports, valley):
    same = {
        "id": "dis_01jd0000000000000000000000",
        "kind": "delay",
        "service": "TRUNK",
        "run_at": TONIGHT,
        "delay_s": 600,
    }
    assert await say(ports, **same) == await say(ports, **same)
    assert await departures(ports) == [at(TONIGHT + HOUR / 6)]
