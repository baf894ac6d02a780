"""A disruption that is lifted: what has a way by now keeps it, what has none is tried again, and a delayed run is followed back."""

from datetime import timedelta

import pytest

from app.flows.replan_consignments import lift_disruption, retry_all_stranded
from app.network.schemas import LiftDisruption
from tests.conftest import NOW
from tests.factories.jobs import waiting, work
from tests.factories.journeys import (
    HAULIER,
    a_journey,
    a_valley,
    disrupt,
    require_sums,
    seen,
    stored,
    stranded_count,
    ways,
)
from tests.factories.tables import changed, contents, rows
from tests.flows.test_replan import (
    AS_PLANNED,
    BY_THE_DEAR_ONE,
    DAY,
    FEEDER,
    TONIGHT,
    messages,
    told,
)


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)


async def lift(ports, disruption, caller=HAULIER, **until):
    async with ports.begin() as session:
        command = LiftDisruption.model_validate(until)
        return await lift_disruption(ports, session, caller, disruption.id, command)


async def test_what_goes_another_way_by_now_stays_on_it(ports, valley):
    journey = await a_journey(ports)
    made = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    before = await stored(ports, journey)
    await lift(ports, made)
    assert await work(ports) == ["network.restored"]
    assert await stored(ports, journey) == before
    assert ways(await seen(ports, journey)) == BY_THE_DEAR_ONE
    # Whoever comes now rides on what runs again.
    assert ways(await a_journey(ports)) == AS_PLANNED
    await require_sums(ports)


async def test_what_was_hit_and_not_yet_looked_at_keeps_its_way(ports, valley):
    journey = await a_journey(ports)
    before = await stored(ports, journey)
    made = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await lift(ports, made)
    await work(ports)
    assert await stored(ports, journey) == before


async def test_what_has_no_way_is_tried_again_at_once_in_batches(ports, valley, monkeypatch):
    monkeypatch.setattr("app.flows.replan_consignments.AFFECTED_READ_MAX", 2)
    five = [await a_journey(ports) for _ in range(5)]
    closed = [
        await disrupt(ports, service=name, from_=NOW, until=NOW + 60 * DAY) for name in ("DEAR", "ROUND", "TRUNK")
    ]
    await work(ports)
    assert await stranded_count(ports) == 5
    told_before = len(await messages(ports, "shipment_replanned"))
    await lift(ports, closed[-1])
    ran = await work(ports)
    assert ran.count("network.restored") == 3
    assert await stranded_count(ports) == 0
    for each in five:
        now = await seen(ports, each)
        assert (ways(now), now.stranded_at) == (AS_PLANNED, None)
    assert len(await messages(ports, "shipment_replanned")) == told_before + 5
    await require_sums(ports)
    # The job may run again: nobody waits any more.
    before = await contents(ports)
    await retry_all_stranded(ports, closed[-1].id)
    assert await changed(ports, before) == {}


async def test_shortened_closure_opens_what_lies_behind_it(ports, valley):
    journey = await a_journey(ports)
    made = [await disrupt(ports, service=name, from_=NOW, until=NOW + 60 * DAY) for name in ("DEAR", "ROUND", "TRUNK")]
    await work(ports)
    await lift(ports, made[-1], until=TONIGHT + DAY / 2)
    await work(ports)
    assert ways(await seen(ports, journey))[1] == "TRUNK 04 00:00"


async def test_again_puts_no_job(ports, valley):
    made = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await lift(ports, made)
    before = await waiting(ports)
    await lift(ports, made)
    assert await waiting(ports) == before


async def test_goods_on_a_run_that_is_late_no_more_follow_it_back(ports, valley):
    journey = await a_journey(ports)
    made = await disrupt(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=3_600)
    await work(ports)
    late = await a_journey(ports)
    assert ways(await seen(ports, journey))[1] == ways(late)[1] == "TRUNK 03 01:00"
    await lift(ports, made)
    await work(ports)
    for each in (journey, late):
        now = await seen(ports, each)
        assert ways(now) == AS_PLANNED
        assert [leg.id for leg in now.legs] == [leg.id for leg in each.legs]
        assert now.extra_carriage_minor == 0
    assert (await seen(ports, journey)).estimated_at == journey.estimated_at
    await require_sums(ports)


@pytest.mark.parametrize(("hours_ahead", "asked_back"), [(7, True), (5, False)])
async def test_nobody_has_to_hand_in_earlier_than_they_were_told_without_notice(ports, valley, hours_ahead, asked_back):
    there, at_home = await a_journey(ports), await a_journey(ports)
    made = await disrupt(ports, kind="delay", service="FEEDER", run_at=FEEDER, delay_s=3_600)
    await work(ports)
    await told(ports, there, ("received", "HOTAN", 2))
    ports.clock.at = FEEDER - timedelta(hours=hours_ahead)
    await lift(ports, made)
    await work(ports)
    assert ways(await seen(ports, there)) == AS_PLANNED
    now = await seen(ports, at_home)
    if asked_back:
        assert (ways(now), now.hand_in_by) == (AS_PLANNED, at_home.hand_in_by)
    else:
        assert ways(now)[0] == "FEEDER 03 12:00"
    await require_sums(ports)


async def test_order_that_booked_the_late_start_meanwhile_is_found(ports, valley):
    """It had the late start in its quote, and was committed as the delay was lifted."""
    made = await disrupt(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=3_600)
    journey = await a_journey(ports)
    await lift(ports, made)
    late = TONIGHT + timedelta(hours=1)
    async with ports.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE booking SET run_at = %s WHERE service_id = 'TRUNK'", (late,))
        await connection.exec_driver_sql(
            "UPDATE departure_load SET run_at = %s WHERE service_id = 'TRUNK' AND used_weight_g > 0 AND run_at = %s",
            (late + timedelta(seconds=1), TONIGHT),
        )
        await connection.exec_driver_sql(
            "DELETE FROM departure_load WHERE service_id = 'TRUNK' AND run_at = %s", (late,)
        )
        await connection.exec_driver_sql(
            "UPDATE departure_load SET run_at = %s WHERE service_id = 'TRUNK' AND run_at = %s",
            (late, late + timedelta(seconds=1)),
        )
    await require_sums(ports)
    await work(ports)
    found = await seen(ports, journey)
    assert ways(found)[1] == "TRUNK 03 00:00"
    assert await rows(ports, "SELECT DISTINCT run_at FROM booking WHERE service_id = 'TRUNK' AND state = 'booked'") == [
        (TONIGHT,)
    ]
    await require_sums(ports)
