"""The clock is looked at: silence, lateness and hours on board are raised once, told, and ended by what is heard next."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.flows.record_tracking import record_tracking
from app.flows.show_cold_chain import show_cold_chain
from app.flows.watch_shipments import watch_shipments
from app.shipments.schemas import TrackingEventRequest
from app.shipments.values import Condition
from tests.conftest import NOW
from tests.factories.identity import a_person, an_operator
from tests.factories.journeys import a_journey, a_valley
from tests.factories.tables import nothing_happens, rows, statements_of
from tests.flows.test_replan import told

HOUR = timedelta(hours=1)
# By the timetable: FEEDER 12:00 (10 h from now) to Kuqa 18:00 (16 h); TRUNK 24:00 (22 h) to Urumqi (32 h); the door 6 h later.


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)


async def look(ports, at_h):
    ports.clock.at = NOW + HOUR * at_h
    await watch_shipments(ports)


async def raised(ports):
    found = await rows(
        ports, "SELECT kind, began_at, ended_at, carrier, reason FROM shipment_exception ORDER BY raised_at, kind"
    )
    return [(row.kind, (row.began_at - NOW) / HOUR, row.ended_at and (row.ended_at - NOW) / HOUR) for row in found]


async def texts(ports):
    found = await rows(
        ports,
        "SELECT \"to\", text FROM message WHERE template IN ('shipment_exception', 'exceptions_raised') ORDER BY id",
    )
    return [(row.to, row.text) for row in found]


async def say(ports, journey, kind, hub=None, **more):
    """An event of this moment, without running the jobs that follow."""
    now = ports.clock.now()
    event = {"id": f"{kind}-{now:%d%H%M}", "tracking_number": journey.tracking_number, "type": kind, "occurred_at": now}
    event = TrackingEventRequest.model_validate(event | ({"hub": hub} if hub else {}) | more)
    (outcome,) = await record_tracking(ports, (await an_operator(ports)).caller, [event])
    assert outcome.status == "accepted"


async def test_silence_is_raised_once_told_to_operators_and_ended_by_the_next_event(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10))
    await look(ports, 21.9)
    assert await raised(ports) == []
    await look(ports, 22.1)
    assert await raised(ports) == [("silent", 16, None)]
    ((to, said),) = await texts(ports)
    assert to in ports.settings.operator_phones
    assert "物流信息中断（应于 03-03 02:00 到达 KUQA）" in said
    async with nothing_happens(ports):
        await watch_shipments(ports)
    ports.clock.at = NOW + HOUR * 23
    await say(ports, journey, "observed")
    assert await raised(ports) == [("silent", 16, 23)]
    await look(ports, 28)
    assert len(await raised(ports)) == 1, "the clock begins anew with each event"
    await look(ports, 29.1)
    assert await raised(ports) == [("silent", 16, 23), ("silent", 23, None)]


async def test_event_of_others_ends_nobodys_silence(ports, valley):
    journey, other = await a_journey(ports), await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10))
    await told(ports, other, ("departed", "HOTAN", 10))
    await look(ports, 23)
    assert [kind for kind, _, _ in await raised(ports)] == ["silent", "silent"]
    assert len(await texts(ports)) == 1, "operators get one message of all"
    await say(ports, other, "observed")
    assert sorted(ended for _, _, ended in await raised(ports) if ended) == [23]


async def test_goods_that_nobody_hands_in_are_silent_after_their_departure(ports, valley):
    await a_journey(ports)
    await look(ports, 12.9)
    assert await raised(ports) == []
    await look(ports, 13.1)
    assert await raised(ports) == [("silent", 10, None)]


async def test_delay_that_a_carrier_told_is_no_silence(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10))
    await say(ports, journey, "estimated", estimated_at=NOW + HOUR * 50)
    await look(ports, 23)
    assert "silent" not in {kind for kind, _, _ in await raised(ports)}


async def test_lateness_is_told_to_the_buyer_and_ends_when_the_goods_are_expected_in_time_again(ports, valley):
    buyer = await a_person(ports, language="en")
    journey = await a_journey(ports, buyer)
    promised = (journey.promised_by - NOW) / HOUR
    await told(ports, journey, ("departed", "HOTAN", 10))
    await say(ports, journey, "estimated", estimated_at=journey.promised_by + HOUR * 5, id="eta-1")
    await look(ports, 11)
    assert await raised(ports) == [("late", 11, None)]
    assert {to for to, _ in await texts(ports)} == {buyer.phone, *ports.settings.operator_phones}
    assert "Will arrive late (expected at" in dict(await texts(ports))[buyer.phone]
    ports.clock.at = NOW + HOUR * 12
    await say(ports, journey, "estimated", estimated_at=journey.promised_by - HOUR, id="eta-2")
    await look(ports, 12.5)
    assert await raised(ports) == [("late", 11, 12.5)]
    assert promised > 12


async def test_what_is_over_leaves_nothing_open(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10))
    await look(ports, 100)
    assert {kind for kind, _, _ in await raised(ports)} == {"silent", "late"}
    await say(ports, journey, "delivered")
    await look(ports, 101)
    assert all(ended == 100 for _, _, ended in await raised(ports))


async def test_stranded_goods_are_on_the_list_of_the_stranded_and_on_no_other(ports, valley):
    journey = await a_journey(ports)
    async with ports.begin() as session:
        await session.execute(text("UPDATE consignment SET stranded_at = now() WHERE id = :id"), {"id": journey.id})
    await look(ports, 90)
    assert await raised(ports) == []


async def test_animals_are_warned_of_and_then_too_long_on_board(ports, valley):
    """Sheep bear 29 hours in the table of species; people hear at four fifths of it."""
    journey = await a_journey(ports, temperature="live", species=("sheep",))
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 16), ("departed", "KUQA", 22))
    await look(ports, 10 + 23)
    assert "journey_warning" not in {kind for kind, _, _ in await raised(ports)}
    await look(ports, 10 + 23.3)
    assert ("journey_warning", 33.2, None) in await raised(ports)
    await look(ports, 10 + 29.5)
    assert ("journey_over", 39, None) in await raised(ports)
    shown = await show_cold_chain(ports, (await an_operator(ports)).caller, journey.id, "en")
    hours = shown.livestock
    assert (hours.aboard_s, hours.limit_s, hours.over_at) == (29.5 * 3_600, 29 * 3_600, NOW + HOUR * 39)
    await say(ports, journey, "delivered", condition=Condition.ACCEPTED)
    await look(ports, 41)
    assert all(ended == 39.5 for kind, _, ended in await raised(ports) if kind.startswith("journey"))


async def test_each_look_is_as_few_statements_however_many_are_silent(ports, valley):
    counts = []
    for many in (1, 4):
        for journey in [await a_journey(ports) for _ in range(many)]:
            await told(ports, journey, ("departed", "HOTAN", 10))
        ports.clock.at = NOW + HOUR * 23
        with statements_of(ports.database) as sent:
            await watch_shipments(ports)
        counts.append(len(sent))
        ports.clock.at = NOW
    assert counts[1] == counts[0], counts
    assert len(await raised(ports)) == 5


async def test_four_looks_at_once_and_events_in_between_raise_each_silence_once(ports, valley):
    journeys = [await a_journey(ports) for _ in range(3)]
    for journey in journeys:
        await told(ports, journey, ("departed", "HOTAN", 10))
    ports.clock.at = NOW + HOUR * 23
    await asyncio.gather(*(watch_shipments(ports) for _ in range(4)), say(ports, journeys[0], "observed"))
    await watch_shipments(ports)
    found = await rows(ports, "SELECT consignment_id, ended_at FROM shipment_exception ORDER BY consignment_id")
    going_on = [row.consignment_id for row in found if row.ended_at is None]
    assert going_on == sorted(journey.id for journey in journeys[1:]), "the event wins, whether it came before or after"
    assert len(found) <= 3
