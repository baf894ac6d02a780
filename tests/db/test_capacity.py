"""Room on departures: never more than there is, all or nothing, given back whole; races with real commits."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.core.ids import new_id
from app.identity.values import Caller, Role
from app.network.capacity import audit_capacity, book_capacity, read_load, release_capacity
from app.network.disrupt import create_disruption
from app.network.errors import CapacityFull, DepartureClosed
from app.network.queries import list_bookings
from app.network.schemas import NewDisruption, NewService, ServiceChange
from app.network.seed import read_hubs
from app.network.service import change_service, create_service, install_seed, lock_service
from app.network.values import BookingState, Want
from app.routing import Used
from tests.conftest import NOW

CARRIER = Caller(partner_id="ptn_x", carrier="XILU", roles=frozenset({Role.PARTNER}))
OPERATOR = Caller(person_id="per_op", roles=frozenset({Role.OPERATOR}))
ALL = {"service": None, "from_at": None, "until_at": None, "cursor": None, "limit": 99, "language": "en"}
RUN = NOW + timedelta(hours=10)
STOPS = ["HOTAN", "KUQA", "KORLA", "URUMQI"]


def service(service_id, **changes):
    stops = [
        {"hub": hub, "arrive_offset_s": n * 3_600, "depart_offset_s": n * 3_600, "distance_m": n * 1_000}
        for n, hub in enumerate(STOPS)
    ]
    return NewService.model_validate(
        {
            "id": service_id,
            "name": {"en": service_id},
            "mode": "road",
            "stops": stops,
            "weekdays": [0, 1, 2, 3, 4, 5, 6],
            "departs_s": [43_200],
            "temperatures": ["ambient", "live", "chilled"],
            "tariff": {"currency": "CNY"},
            "capacity": {"weight_g": 10_000, "volume_mm3": 1_000_000, "live_places": 10, "chilled_slots": 4},
        }
        | changes
    )


@pytest.fixture
async def line(database):
    async with database.begin() as session:
        await install_seed(session, [hub for hub in read_hubs() if hub.code in STOPS], [], NOW)
        for name in ("A", "B"):
            await create_service(session, CARRIER, service(f"LINE-{name}"), NOW, "en")
        on_call = service("ON-CALL", on_demand=True, weekdays=[], departs_s=[])
        await create_service(session, CARRIER, on_call, NOW, "en")


def want(consignment="con_1", service_id="LINE-A", board=0, alight=3, weight_g=1_000, **more):
    return Want(
        **{"leg_id": new_id("leg"), "consignment_id": consignment, "service_id": service_id, "run_at": RUN}
        | {"board": board, "alight": alight, "weight_g": weight_g, "volume_mm3": 100}
        | more
    )


async def book(database, *wants):
    async with database.begin() as session:
        await book_capacity(session, wants, NOW)


async def release(database, *consignments):
    async with database.begin() as session:
        await release_capacity(session, consignments)


async def load(database, cargo=None):
    async with database.read() as connection:
        assert await audit_capacity(connection) == []
        found = await read_load(connection, NOW, NOW + timedelta(days=2), cargo)
    return {(name, segment): used.weight_g for (name, run, segment), used in found.items() if run == RUN.timestamp()}


async def bookings(database, **about):
    wanted = {
        "service": None,
        "from_at": None,
        "until_at": None,
        "cursor": None,
        "limit": 100,
        "language": "en",
    } | about
    caller = wanted.pop("caller", CARRIER)
    async with database.read() as connection:
        return await list_bookings(connection, caller, **wanted)


async def test_booking_takes_room_on_the_stretches_that_it_rides_and_no_others(database, line):
    await book(database, want(board=1, alight=3), want(board=0, alight=2, weight_g=500))
    assert await load(database) == {("LINE-A", 0): 500, ("LINE-A", 1): 1_500, ("LINE-A", 2): 1_000}


async def test_last_place_can_be_taken_exactly(database, line):
    await book(database, want(weight_g=9_999))
    await book(database, want(weight_g=1))
    with pytest.raises(CapacityFull) as refusal:
        await book(database, want(weight_g=1))
    assert (refusal.value.service, refusal.value.departure_at) == ("LINE-A", RUN)


@pytest.mark.parametrize(
    "too_much",
    [{"weight_g": 10_001}, {"volume_mm3": 1_000_001}, {"live_places": 11}, {"chilled_slots": 5}],
    ids=["g", "mm3", "heads", "slots"],
)
async def test_more_than_an_empty_run_carries_is_full(database, line, too_much):
    for name in ("LINE-A", "ON-CALL"):
        with pytest.raises(CapacityFull):
            await book(database, want(service_id=name, **too_much))
    assert await load(database) == {}


async def test_all_wants_are_booked_or_none(database, line):
    await book(database, want("con_0", "LINE-B", board=2, alight=3, weight_g=9_500))
    with pytest.raises(CapacityFull) as refusal:
        await book(database, want("con_1", "LINE-A"), want("con_1", "LINE-B"))
    assert refusal.value.service == "LINE-B"
    assert await load(database) == {("LINE-B", 2): 9_500}
    assert len((await bookings(database)).items) == 1


async def test_two_wants_of_one_order_on_one_run_count_together(database, line):
    with pytest.raises(CapacityFull):
        await book(database, want("con_1", weight_g=6_000), want("con_2", weight_g=6_000))
    assert await load(database) == {}


async def test_cold_goods_share_the_slots_of_a_run(database, line):
    await book(database, want("con_1", board=0, alight=2, chilled_slots=3))
    await book(database, want("con_2", board=2, alight=3, chilled_slots=4))
    await book(database, want("con_3"))
    with pytest.raises(CapacityFull):
        await book(database, want("con_4", board=1, alight=2, chilled_slots=2))
    cold = Used(1, 1)
    async with database.read() as connection:
        full = await read_load(connection, NOW, NOW + timedelta(days=1), cold)
        assert await audit_capacity(connection) == []
    assert {(segment, used.chilled_slots) for (_, _, segment), used in full.items()} == {(2, 4)}
    await release(database, "con_1")
    await book(database, want("con_4", board=0, alight=2, chilled_slots=4))
    async with database.read() as connection:
        assert await audit_capacity(connection) == []
        (fourth,) = [b for b in (await list_bookings(connection, CARRIER, **ALL)).items if b.consignment == "con_4"]
    assert fourth.chilled_slots == 4


async def test_fewer_slots_keep_what_is_booked_and_no_limit_takes_all(database, line):
    await book(database, want("con_1", chilled_slots=3))
    for capacity, more in ((2, 1), (None, 50)):
        async with database.begin() as session:
            present = await lock_service(session, CARRIER, "LINE-A", "en")
            smaller = present.capacity.model_copy(update={"chilled_slots": capacity})
            await change_service(session, present, ServiceChange(capacity=smaller), NOW, "en")
        if capacity is not None:
            with pytest.raises(CapacityFull):
                await book(database, want("con_2", chilled_slots=more))
    await book(database, want("con_2", chilled_slots=50))


async def test_run_on_demand_is_a_vehicle_of_its_own(database, line):
    for number in range(3):
        await book(database, want(f"con_{number}", "ON-CALL", weight_g=9_000))
    assert await load(database) == {}
    assert len((await bookings(database)).items) == 3


async def test_release_gives_back_what_was_held_once(database, line):
    await book(database, want("con_1"), want("con_2", weight_g=300))
    for _ in range(2):
        await release(database, "con_1")
    assert set((await load(database)).values()) == {300}
    await release(database, "con_2", "con_unknown")
    assert set((await load(database)).values()) == {0}
    assert {booking.state for booking in (await bookings(database)).items} == {BookingState.RELEASED}


async def test_load_for_a_cargo_holds_only_what_has_no_room_for_it(database, line):
    await book(database, want(weight_g=9_000), want(service_id="LINE-B", weight_g=4_000))
    assert await load(database, Used(1_000, 0, 0)) == {}
    assert await load(database, Used(1_001, 0, 0)) == {("LINE-A", n): 9_000 for n in range(3)}
    assert len(await load(database, Used(6_001, 0, 0))) == 6


async def test_closed_or_withdrawn_departure_is_not_booked(database, line):
    period = {"from": RUN - timedelta(hours=1), "until": RUN + timedelta(minutes=90), "reason": {"en": "Snow"}}
    async with database.begin() as session:
        closed_service = NewDisruption.model_validate(period | {"service": "LINE-A"})
        closed_hub = NewDisruption.model_validate(period | {"hub": "KUQA"})
        await create_disruption(session, CARRIER, closed_service, NOW)
        await create_disruption(session, OPERATOR, closed_hub, NOW)
    for name in ("LINE-A", "LINE-B", "ON-CALL", "NO-SUCH-LINE"):
        with pytest.raises(DepartureClosed):
            await book(database, want(service_id=name))
    await book(database, want(service_id="LINE-B", run_at=RUN + timedelta(hours=1)))


async def test_smaller_capacity_keeps_what_is_booked_and_takes_nothing_more(database, line):
    await book(database, want(weight_g=5_000))
    async with database.begin() as session:
        present = await lock_service(session, CARRIER, "LINE-A", "en")
        smaller = ServiceChange.model_validate({"capacity": {"weight_g": 4_000, "volume_mm3": 500, "live_places": 5}})
        await change_service(session, present, smaller, NOW, "en")
    with pytest.raises(CapacityFull):
        await book(database, want(weight_g=1))
    await book(database, want(weight_g=4_000, run_at=RUN + timedelta(days=1)))
    await release(database, "con_1")


async def test_bookings_are_listed_for_their_carrier_page_by_page(database, line):
    await book(database, *(want(f"con_{day}", run_at=RUN + timedelta(days=day)) for day in range(3)))
    await book(database, want("con_9", "LINE-B", board=1, alight=2))
    (only,) = (await bookings(database, service="LINE-B")).items
    assert (only.from_, only.to, only.departs_at, only.arrives_at) == (
        "KUQA",
        "KORLA",
        RUN + timedelta(hours=1),
        RUN + timedelta(hours=2),
    )
    assert only.state_name == "Booked"
    first = await bookings(database, limit=2)
    second = await bookings(database, limit=2, cursor=first.next_cursor)
    assert second.next_cursor is None
    assert Counter(b.consignment for b in first.items + second.items) == Counter(["con_0", "con_1", "con_2", "con_9"])
    window = await bookings(database, from_at=RUN + timedelta(days=1), until_at=RUN + timedelta(days=2))
    assert [b.consignment for b in window.items] == ["con_1"]
    other = Caller(partner_id="ptn_y", carrier="OTHER", roles=frozenset({Role.PARTNER}))
    assert (await bookings(database, caller=other)).items == []
    assert len((await bookings(database, caller=OPERATOR)).items) == 4


async def test_forty_buyers_and_ten_places_make_ten_bookings(database, line):
    async def buyer(number):
        try:
            await book(database, want(f"con_{number}", weight_g=1_000))
        except CapacityFull:
            return "full"
        return "booked"

    assert Counter(await asyncio.gather(*(buyer(n) for n in range(40)))) == {"booked": 10, "full": 30}
    assert set((await load(database)).values()) == {10_000}


@pytest.mark.parametrize(
    ("takes", "column", "fit"),
    [
        ({"chilled_slots": 1}, "chilled_slots", 4),
        ({"chilled_slots": 3}, "chilled_slots", 1),
        ({"live_places": 1}, "live_places", 10),
        ({"live_places": 4}, "live_places", 2),
        ({"volume_mm3": 300_000}, "volume_mm3", 3),
    ],
)
async def test_exactly_as_many_are_booked_as_there_is_room_of_each_kind(database, line, takes, column, fit):
    """Thirty at once on one run, over segments that overlap; each kind of room is held by itself."""

    async def buyer(number):
        rides = {"board": number % 2, "alight": 3}
        try:
            await book(database, want(f"con_{number}", weight_g=1, **rides, **takes))
        except CapacityFull:
            return "full"
        return "booked"

    assert Counter(await asyncio.gather(*(buyer(n) for n in range(30)))) == {"booked": fit, "full": 30 - fit}
    async with database.read() as connection:
        assert await audit_capacity(connection) == []
        used = (
            f"SELECT max(used_{column}), (SELECT sum({column}) FROM booking WHERE state = 'booked') FROM departure_load"
        )
        most, booked = (await connection.execute(text(used))).one()
    assert most == booked == fit * takes[column]


async def test_orders_that_cross_on_several_runs_never_lock_each_other_out(database, line):
    """Each order rides both lines in one of four ways, books and releases: no deadlock, sums equal to the bookings."""

    async def order(number):
        legs = [
            want(f"con_{number}", "LINE-A", board=number % 3, alight=3, weight_g=700, run_at=RUN),
            want(f"con_{number}", "LINE-B", board=0, alight=1 + number % 3, weight_g=700, run_at=RUN),
            want(f"con_{number}", "LINE-A", weight_g=300, run_at=RUN + timedelta(days=number % 2)),
        ]
        try:
            await book(database, *(reversed(legs) if number % 2 else legs))
        except CapacityFull:
            return "full"
        if number % 4 == 0:
            await release(database, f"con_{number}")
            return "released"
        return "booked"

    ended = Counter(await asyncio.gather(*(order(n) for n in range(60))))
    assert ended.total() == 60
    assert ended["booked"] >= 5
    assert max((await load(database)).values()) <= 10_000
    async with database.read() as connection:
        count = await connection.execute(text("SELECT count(*) FROM booking WHERE state = 'booked'"))
    assert count.scalar_one() == 3 * ended["booked"]


async def test_a_ride_not_yet_begun_is_shown_though_its_run_began_days_before(database, line):
    """A long run calls here late: carriers ask for departures, not for starts."""
    await book(database, want(board=1, alight=2))
    (booking,) = (await bookings(database)).items
    assert booking.departs_at > booking.run_at
    later = booking.departs_at - timedelta(seconds=1)
    assert [b.id for b in (await bookings(database, from_at=later)).items] == [booking.id]
    assert (await bookings(database, from_at=later + timedelta(seconds=2))).items == []
    assert (await bookings(database, until_at=booking.departs_at)).items == []
