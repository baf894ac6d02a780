"""A delay on the way: whose next ride is out of reach goes another way at once, and hears why; nobody else does."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.flows.catch_connections import MISSED, catch_connections
from app.flows.record_tracking import record_tracking
from app.shipments.schemas import TrackingEventRequest
from tests.conftest import NOW
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.journeys import a_journey, a_valley, disrupt, require_sums, seen, stored, ways
from tests.factories.tables import nothing_happens, rows, value
from tests.flows.test_replan import AS_PLANNED, BY_THE_DEAR_ONE, TONIGHT, told

# By the timetable: FEEDER leaves Hotan at noon (10 h from now) and is in Kuqa at 18:00 (16 h); TRUNK leaves Kuqa at midnight (22 h).


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)


async def messages(ports):
    return [
        row.text
        for row in await rows(ports, "SELECT text FROM message WHERE template = 'shipment_replanned' ORDER BY id")
    ]


async def test_late_arrival_that_misses_the_next_ride_goes_on_by_another_one_and_the_buyer_hears_why(ports, valley):
    buyer = await a_person(ports, language="en")
    journey, other = await a_journey(ports, buyer), await a_journey(ports)
    before = await stored(ports, other)
    assert ways(journey) == AS_PLANNED
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 20.5))
    now = await seen(ports, journey)
    assert ways(now) == BY_THE_DEAR_ONE
    assert (now.plan_version, now.replan_reason) == (2, MISSED)
    (row,) = await rows(ports, "SELECT hub, disruption_id, reason, told_at FROM replan")
    assert (row.hub, row.disruption_id, row.reason, row.told_at is not None) == ("KUQA", None, MISSED, True)
    (said,) = await messages(ports)
    assert "goes another way (A delay on the way cost the connection)" in said
    assert await stored(ports, other) == before
    await require_sums(ports)


async def test_late_departure_shows_that_the_connection_will_be_missed_before_it_is(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 14.5))
    now = await seen(ports, journey)
    assert ways(now) == BY_THE_DEAR_ONE
    assert now.legs[0] == (await seen(ports, journey)).legs[0], "the executed leg stays"
    await require_sums(ports)


async def test_carriers_estimate_of_a_later_arrival_counts_too(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10))
    assert ways(await seen(ports, journey)) == AS_PLANNED
    estimate = TrackingEventRequest.model_validate(
        {
            "id": "eta",
            "tracking_number": journey.tracking_number,
            "type": "estimated",
            "occurred_at": NOW + timedelta(hours=10),
            "hub": "KUQA",
            "estimated_at": NOW + timedelta(hours=20.5),
        }
    )
    await record_tracking(ports, (await an_operator(ports)).caller, [estimate])
    await work(ports)
    assert ways(await seen(ports, journey)) == BY_THE_DEAR_ONE


async def test_delay_that_still_catches_the_next_ride_changes_nothing(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10.5), ("arrived", "KUQA", 17))
    now = await seen(ports, journey)
    assert (ways(now), now.plan_version) == (AS_PLANNED, 1)
    assert await messages(ports) == []


async def test_one_delay_changes_a_way_once(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 20.5))
    async with nothing_happens(ports):
        await catch_connections(ports, [journey.id, journey.id, "con_01jd0000000000000000000000"])
    await told(ports, journey, ("unloaded", "KUQA", 20.6))
    assert (await seen(ports, journey)).plan_version == 2
    assert len(await messages(ports)) == 1


async def test_batch_that_tells_that_the_goods_caught_it_after_all_plans_nothing(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 21.9), ("departed", "KUQA", 22))
    assert await waiting(ports) == []
    assert (await seen(ports, journey)).plan_version == 1


async def test_who_has_no_way_on_is_stranded_with_the_reason(ports, valley):
    journey = await a_journey(ports)
    far = NOW + timedelta(days=60)
    await disrupt(ports, service="DEAR", from_=NOW, until=far)
    await disrupt(ports, service="TRUNK", from_=TONIGHT + timedelta(hours=1), until=far)
    await work(ports)
    assert (await seen(ports, journey)).plan_version == 1
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 20.5))
    (row,) = await rows(ports, "SELECT hub, disruption_id, disruption_reason FROM stranded")
    assert (row.hub, row.disruption_id, row.disruption_reason) == ("KUQA", None, MISSED)
    assert (await seen(ports, journey)).plan_version == 1
    await require_sums(ports)


async def test_news_of_a_try_that_broke_off_is_told_by_the_next(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 20.5))
    async with ports.begin() as session:
        await session.execute(text("UPDATE replan SET told_at = NULL"))
    await catch_connections(ports, [journey.id])
    await work(ports)
    assert await value(ports, "SELECT count(*) FROM replan WHERE told_at IS NULL") == 0
    assert len(await messages(ports)) == 2
