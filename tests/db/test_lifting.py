"""Disruptions that are taken back before their end: what is not over is there again, for the planner and for bookings."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.core.errors import Forbidden, Invalid, NotFound
from app.identity.values import Caller
from app.network.capacity import audit_capacity, release_capacity
from app.network.errors import CannotLift, CapacityFull, DepartureClosed, DisruptionOver
from app.network.lift import lift_disruption
from app.network.schemas import LiftDisruption
from app.network.service import create_service
from app.network.timetable import TimetableCache
from app.routing import Query, plan
from tests.conftest import NOW
from tests.db.test_disruptions import at, book, departures, say
from tests.factories.journeys import HAULIER, OPERATOR, a_line, a_valley
from tests.factories.tables import nothing_happens, rows

TONIGHT = NOW.replace(day=3, hour=0)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR


@pytest.fixture
async def valley(ports):
    await a_valley(ports)


async def lift(ports, disruption, caller=HAULIER, **until):
    async with ports.begin() as session:
        timetable = await ports.timetable.current(session)
        command = LiftDisruption.model_validate(until)
        return await lift_disruption(session, caller, disruption.id, command, ports.clock.now(), timetable)


CLOSED = [
    {"kind": "cancel", "service": "TRUNK", "run_at": TONIGHT},
    {"service": "TRUNK", "from_": TONIGHT - HOUR, "until": TONIGHT + HOUR},
    {"hub": "KORLA", "from_": TONIGHT, "until": TONIGHT + 5 * HOUR},
    {"hub": "KORLA", "to_hub": "URUMQI", "from_": TONIGHT, "until": TONIGHT + 5 * HOUR},
]


@pytest.mark.parametrize("what", CLOSED)
async def test_what_is_lifted_before_it_begins_never_was(ports, valley, what):
    made = await say(ports, OPERATOR, **what)
    with pytest.raises(DepartureClosed):
        await book(ports)
    lifted, is_new = await lift(ports, made, OPERATOR)
    assert (lifted.id, lifted.lifted_at, lifted.until, is_new) == (made.id, NOW, made.from_, True)
    assert await departures(ports) == [at(TONIGHT)]
    await book(ports)


async def test_lifting_reaches_every_process_at_once(ports, valley):
    made = await say(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    other = TimetableCache()

    async def first_of_other():
        async with ports.database.read() as connection:
            timetable = await other.current(connection)
        found = plan(timetable, Query("KUQA", "URUMQI", at(NOW), 1_000, excluded_services=frozenset({"DEAR", "ROUND"})))
        return found.plans[0].legs[0].departure_at

    assert await first_of_other() == at(TONIGHT + DAY)
    await lift(ports, made)
    assert await first_of_other() == at(TONIGHT)


async def test_train_that_stands_at_a_hub_is_not_closed_by_a_closure_that_never_was(ports, valley):
    """It would call there at the very moment at which the closure begins and ends."""
    made = await say(ports, OPERATOR, hub="KORLA", from_=TONIGHT + 4 * HOUR, until=TONIGHT + 5 * HOUR)
    await lift(ports, made, OPERATOR)
    assert await departures(ports) == [at(TONIGHT)]
    await book(ports)


async def test_half_way_only_what_is_left_opens(ports, valley):
    made = await say(ports, service="TRUNK", from_=TONIGHT - HOUR, until=TONIGHT + 3 * DAY)
    ports.clock.at = TONIGHT + HOUR
    lifted, _ = await lift(ports, made)
    assert lifted.until == TONIGHT + HOUR
    with pytest.raises(DepartureClosed):
        await book(ports)
    await book(ports, run_at=TONIGHT + DAY)


async def test_shortened_it_ends_when_it_is_said_to(ports, valley):
    made = await say(ports, service="TRUNK", from_=NOW, until=TONIGHT + 3 * DAY)
    lifted, is_new = await lift(ports, made, until=TONIGHT + HOUR)
    assert (lifted.until, is_new) == (TONIGHT + HOUR, True)
    assert await departures(ports) == [at(TONIGHT + DAY)]
    # Again is the same, and so is a lift of what was shortened, once.
    async with nothing_happens(ports):
        assert await lift(ports, made, until=TONIGHT + HOUR) == (lifted, False)
    for until in (TONIGHT + 2 * HOUR, NOW, NOW - HOUR):
        async with nothing_happens(ports):
            with pytest.raises(Invalid) as refusal:
                await lift(ports, made, until=until)
        assert [gap.pointer for gap in refusal.value.gaps] == ["/until"]
    assert (await lift(ports, made))[1]
    assert await departures(ports) == [at(TONIGHT)]


@pytest.mark.parametrize("what", CLOSED)
async def test_twice_is_once(ports, valley, what):
    made = await say(ports, OPERATOR, **what)
    first, _ = await lift(ports, made, OPERATOR)
    ports.clock.advance(5 * DAY)
    async with nothing_happens(ports):
        assert await lift(ports, made, OPERATOR) == (first, False)


async def test_what_is_over_by_itself_cannot_be_lifted(ports, valley):
    made = [await say(ports, OPERATOR, **what) for what in CLOSED]
    made.append(await say(ports, kind="delay", service="DEAR", run_at=TONIGHT + 3 * HOUR, delay_s=5 * 86_400 + 60))
    ports.clock.at = TONIGHT + 5 * HOUR
    for each in made:
        async with nothing_happens(ports):
            with pytest.raises(DisruptionOver):
                await lift(ports, each, OPERATOR)


async def test_who_may_make_it_may_lift_it_and_nobody_else(ports, valley):
    rival = Caller(partner_id="ptn_rival", carrier="RIVAL", roles=HAULIER.roles)
    mine = await say(ports, OPERATOR, kind="cancel", service="TRUNK", run_at=TONIGHT)
    hub = await say(ports, OPERATOR, hub="KORLA", from_=TONIGHT, until=TONIGHT + HOUR)
    async with nothing_happens(ports):
        with pytest.raises(NotFound):
            await lift(ports, mine, rival)
        with pytest.raises(Forbidden):
            await lift(ports, hub, HAULIER)
        nowhere = mine.model_copy(update={"id": "dis_01jd0000000000000000000000"})
        with pytest.raises(NotFound):
            await lift(ports, nowhere, OPERATOR)
    await lift(ports, mine, HAULIER)


async def test_single_run_has_no_other_end_and_extra_run_is_cancelled_instead(ports, valley):
    cancelled = await say(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    extra = await say(ports, kind="extra", service="TRUNK", run_at=NOW + 5 * HOUR)
    async with nothing_happens(ports):
        with pytest.raises(Invalid):
            await lift(ports, cancelled, until=TONIGHT + HOUR)
        with pytest.raises(CannotLift) as refusal:
            await lift(ports, extra)
    assert "cancel" in refusal.value.detail_in("en")
    assert "取消" in refusal.value.detail_in("zh-Hans")
    await say(ports, kind="cancel", service="TRUNK", run_at=NOW + 5 * HOUR)
    assert await departures(ports) == [at(TONIGHT + DAY)]


async def test_lifted_delay_brings_the_run_back_with_its_bookings_and_cuts(ports, valley):
    later = TONIGHT + 2 * HOUR
    await book(ports)
    await say(ports, kind="capacity", service="TRUNK", run_at=TONIGHT, capacity={"weight_g": 50_000})
    made = await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=7_200)
    await book(ports, run_at=later, leg_id="leg_2", consignment_id="con_2")
    lifted, _ = await lift(ports, made)
    assert (lifted.run_at, lifted.delay_s, lifted.from_, lifted.lifted_at) == (TONIGHT, 7_200, later, NOW)
    assert await departures(ports) == [at(TONIGHT)]
    assert await rows(ports, "SELECT DISTINCT run_at FROM booking") == [(TONIGHT,)]
    # Whoever still has the late start in mind is told that it does not run.
    with pytest.raises(DepartureClosed):
        await book(ports, run_at=later, leg_id="leg_3")
    with pytest.raises(CapacityFull):
        await book(ports, weight_g=48_001, leg_id="leg_3")
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []
    async with nothing_happens(ports):
        assert await lift(ports, made) == (lifted, False)
    # It may be late again, by another time.
    await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=3_600)
    assert await departures(ports) == [at(TONIGHT + HOUR)]
    async with ports.begin() as session:
        await release_capacity(session, ["con_1", "con_2"])
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_orders_and_a_lifted_delay_at_once_leave_the_sums_right(ports, valley):
    later = TONIGHT + HOUR / 6

    async def order(n):
        with suppress(DepartureClosed):
            await book(ports, leg_id=f"leg_{n}", consignment_id=f"con_{n}", run_at=later)

    async def cancel(n):
        async with ports.begin() as session:
            await release_capacity(session, [f"con_{n}"])

    made = await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=600)
    for n in range(10):
        await order(n)
    async with asyncio.timeout(60):
        await asyncio.gather(*(order(n) for n in range(10, 20)), lift(ports, made), *(cancel(n) for n in range(8)))
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []
    stays = await rows(
        ports, "SELECT DISTINCT run_at FROM booking WHERE state = 'booked' AND consignment_id IN ('con_8', 'con_9')"
    )
    assert stays == [(TONIGHT,)]


async def test_two_who_lift_at_once_lift_once(ports, valley):
    made = await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=600)
    await book(ports, run_at=TONIGHT + HOUR / 6)
    found = await asyncio.gather(*(lift(ports, made) for _ in range(4)))
    assert sorted(is_new for _, is_new in found) == [False, False, False, True]
    assert len({shape.model_dump_json() for shape, _ in found}) == 1
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_delay_upon_a_delay_is_lifted_first(ports, valley):
    first = await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=7_200)
    second = await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT + 2 * HOUR, delay_s=3_600)
    async with nothing_happens(ports):
        with pytest.raises(CannotLift):
            await lift(ports, first)
    await lift(ports, second)
    assert await departures(ports) == [at(TONIGHT + 2 * HOUR)]
    await lift(ports, first)
    assert await departures(ports) == [at(TONIGHT)]


async def test_delay_is_made_shorter_also_when_the_planned_start_has_passed(ports, valley):
    await book(ports)
    made = await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=4 * 3_600)
    ports.clock.at = TONIGHT + HOUR
    with pytest.raises(DisruptionOver):
        await lift(ports, made)
    shorter = {"kind": "delay", "service": "TRUNK", "run_at": TONIGHT + 4 * HOUR}
    for delay_s in (-4 * 3_600, -5 * 3_600, -3 * 3_600, 0):
        async with nothing_happens(ports):
            with pytest.raises(Invalid) as refusal:
                await say(ports, **shorter, delay_s=delay_s)
        assert [gap.pointer for gap in refusal.value.gaps] == ["/delay_s"], delay_s
    less = await say(ports, **shorter, delay_s=-2 * 3_600)
    assert await departures(ports) == [at(TONIGHT + 2 * HOUR)]
    assert await rows(ports, "SELECT run_at FROM booking") == [(TONIGHT + 2 * HOUR,)]
    with pytest.raises(DepartureClosed):
        await book(ports, run_at=TONIGHT + 4 * HOUR, leg_id="leg_2")
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []
    ports.clock.at = TONIGHT - HOUR
    async with nothing_happens(ports):
        with pytest.raises(CannotLift):
            await lift(ports, made)
    # As late as before again, unless it has left.
    ports.clock.at = TONIGHT + 2 * HOUR
    with pytest.raises(DisruptionOver):
        await lift(ports, less)
    ports.clock.at = TONIGHT + HOUR
    await lift(ports, less)
    assert await departures(ports) == [at(TONIGHT + 4 * HOUR)]
    assert await rows(ports, "SELECT run_at FROM booking") == [(TONIGHT + 4 * HOUR,)]


async def test_run_that_is_not_late_does_not_leave_earlier(ports, valley):
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as refusal:
            await say(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=-3_600)
    assert [gap.pointer for gap in refusal.value.gaps] == ["/delay_s"]


async def test_lifted_cut_gives_the_room_back_that_no_other_cut_takes(ports, valley):
    await book(ports, weight_g=100_000)
    run = "SELECT DISTINCT used_weight_g, capacity_weight_g FROM departure_load WHERE run_at = :run"
    whole = await rows(ports, run, run=TONIGHT)
    period = {"from_": NOW, "until": NOW + 3 * DAY}
    large = await say(ports, kind="capacity", service="TRUNK", capacity={"weight_g": 120_000}, **period)
    small = await say(ports, kind="capacity", service="TRUNK", capacity={"weight_g": 50_000}, **period)
    assert await rows(ports, run, run=TONIGHT) == [(100_000, 100_000)]
    await lift(ports, small)
    assert await rows(ports, run, run=TONIGHT) == [(100_000, 120_000)]
    await lift(ports, large, until=TONIGHT + HOUR)
    assert await rows(ports, run, run=TONIGHT) == [(100_000, 120_000)]
    assert (await rows(ports, run, run=TONIGHT + DAY))[0][1] == whole[0][1]
    await lift(ports, large)
    assert await rows(ports, run, run=TONIGHT) == whole


async def on_call(ports):
    """A van that goes from Kuqa to Urumqi whenever it is called."""
    async with ports.begin() as session:
        van = a_line("DEAR", id="VAN", on_demand=True, weekdays=[], departs_s=[])
        await create_service(session, HAULIER, van, NOW, "en")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "cancel", "run_at": TONIGHT}, ("close", "起止时间")),
        ({"kind": "extra", "run_at": TONIGHT}, ("called", "随叫随到")),
        ({"kind": "capacity", "run_at": TONIGHT, "capacity": {"weight_g": 1}}, ("PATCH", "PATCH")),
        ({"kind": "capacity", "from_": NOW, "until": TONIGHT, "capacity": {"weight_g": 1}}, ("PATCH", "PATCH")),
    ],
)
async def test_what_makes_no_sense_on_demand_says_what_to_do_instead(ports, valley, said, words):
    await on_call(ports)
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as refusal:
            await say(ports, service="VAN", **said)
    (gap,) = refusal.value.gaps
    assert gap.pointer == "/kind"
    assert words[0] in gap.detail["en"]
    assert words[1] in gap.detail["zh-Hans"]


async def test_vehicle_that_was_called_may_come_late_and_in_time_again(ports, valley):
    await on_call(ports)
    called = {"service_id": "VAN", "run_at": TONIGHT, "alight": 1}
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as refusal:
            await say(ports, kind="delay", service="VAN", run_at=TONIGHT, delay_s=3_600)
    assert [gap.pointer for gap in refusal.value.gaps] == ["/run_at"]
    await book(ports, **called)
    with pytest.raises(Invalid):
        await say(ports, kind="delay", service="VAN", run_at=TONIGHT, delay_s=0)
    made = await say(ports, kind="delay", service="VAN", run_at=TONIGHT, delay_s=3_600)
    assert await rows(ports, "SELECT run_at FROM booking") == [(TONIGHT + HOUR,)]
    with pytest.raises(DepartureClosed):
        await book(ports, **called | {"leg_id": "leg_2"})
    await book(ports, **called | {"leg_id": "leg_2", "consignment_id": "con_2", "run_at": TONIGHT + 2 * HOUR})
    await lift(ports, made)
    assert await rows(ports, "SELECT run_at FROM booking ORDER BY run_at") == [(TONIGHT,), (TONIGHT + 2 * HOUR,)]
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
    van = timetable.services[timetable.service_numbers["VAN"]]
    assert (van.on_demand, van.departures) == (True, ())


async def test_service_on_demand_rests_for_the_time_that_it_is_closed(ports, valley):
    await on_call(ports)

    async def first():
        async with ports.database.read() as connection:
            timetable = await ports.timetable.current(connection)
        others = frozenset({"DEAR", "ROUND", "TRUNK"})
        found = plan(timetable, Query("KUQA", "URUMQI", at(NOW), 1_000, excluded_services=others))
        return found.plans[0].legs[0].departs_at

    before = await first()
    made = await say(ports, service="VAN", from_=NOW, until=NOW + 30 * HOUR)
    assert await first() == at(NOW + 30 * HOUR)
    with pytest.raises(DepartureClosed):
        await book(ports, service_id="VAN", run_at=NOW + HOUR, alight=1)
    await lift(ports, made, until=NOW + 20 * HOUR)
    assert await first() == at(NOW + 20 * HOUR)
    await lift(ports, made)
    assert await first() == before


async def test_period_of_nothing_is_only_for_what_was_lifted(ports, valley):
    await say(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    with pytest.raises(Exception, match="ck_disruption_period"):
        async with ports.begin() as session:
            await session.execute(text("UPDATE disruption SET until_at = from_at"))
