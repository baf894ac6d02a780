"""Cold goods after a delay: they stand in the warm no longer than they bear, or go another way."""

import pytest
from sqlalchemy import text

from app.network.errors import CapacityFull
from app.network.lift import lift_disruption
from app.network.schemas import LiftDisruption
from tests.factories.jobs import work
from tests.factories.journeys import CARTON, HAULIER, a_journey, a_valley, disrupt, require_sums, seen, ways
from tests.factories.tables import rows
from tests.flows.test_replan import AS_PLANNED, BY_THE_DEAR_ONE, TONIGHT, told


@pytest.mark.parametrize(
    ("temperature", "delay_h", "holds"), [("chilled", 0, True), ("chilled", 1, False), ("ambient", 1, True)]
)
async def test_delay_that_would_keep_cold_goods_too_long_in_the_warm_is_gone_round(
    ports, compiled, temperature, delay_h, holds
):
    """Six hours in Kuqa, without a cold store, are what chilled goods bear; seven are not."""
    await a_valley(ports)
    async with ports.begin() as session:
        await session.execute(text("UPDATE hub SET is_cooled = code <> 'KUQA'"))
    journey = await a_journey(ports, temperature=temperature)
    assert ways(journey) == AS_PLANNED
    delays = (
        {"kind": "delay", "run_at": TONIGHT, "delay_s": delay_h * 3_600}
        if delay_h
        else {"kind": "capacity", "run_at": TONIGHT, "capacity": {"weight_g": 17_000}}
    )
    await disrupt(ports, service="TRUNK", **delays)
    await work(ports)
    now = ways(await seen(ports, journey))
    assert (now[1] == f"TRUNK 03 0{delay_h}:00") is holds
    if not holds:
        assert now[:2] == ["FEEDER 03 12:00", "TRUNK 04 00:00"]
    await require_sums(ports)


async def test_cold_goods_that_stand_in_the_warm_already_are_counted_from_when_they_came(ports, compiled):
    await a_valley(ports)
    async with ports.begin() as session:
        await session.execute(text("UPDATE hub SET is_cooled = code <> 'KUQA'"))
    journey = await a_journey(ports, temperature="chilled")
    # They came half an hour early, so they stand there for as much longer.
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 15.5))
    await disrupt(ports, kind="delay", service="TRUNK", run_at=TONIGHT, delay_s=60)
    await work(ports)
    (row,) = await rows(ports, "SELECT reason, hub FROM stranded")
    assert (row.reason, row.hub) == ("exposure_limit", "KUQA")


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)
    async with ports.begin() as session:
        await session.execute(text("UPDATE hub SET is_cooled = true"))


async def test_last_booked_cold_goods_give_way_to_a_cut_of_chilled_slots_and_warm_ones_stay(ports, valley):
    colds = [await a_journey(ports, packages=(CARTON,) * 3, temperature="chilled") for _ in range(2)]
    warm = await a_journey(ports)
    assert [ways(each) for each in (*colds, warm)] == [AS_PLANNED] * 3
    (slots,) = await rows(ports, "SELECT DISTINCT chilled_slots FROM booking WHERE chilled_slots > 0")
    made = await disrupt(
        ports, kind="capacity", service="TRUNK", run_at=TONIGHT, capacity={"chilled_slots": 2 * slots[0] - 1}
    )
    await work(ports)
    assert [ways(await seen(ports, each)) for each in (*colds, warm)] == [AS_PLANNED, BY_THE_DEAR_ONE, AS_PLANNED]
    await require_sums(ports)
    with pytest.raises(CapacityFull):
        await a_journey(ports, packages=(CARTON,) * 3, temperature="chilled")
    async with ports.begin() as session:
        timetable = await ports.timetable.current(session)
        await lift_disruption(session, HAULIER, made.id, LiftDisruption(), ports.clock.now(), timetable)
    again = await a_journey(ports, packages=(CARTON,) * 3, temperature="chilled")
    assert ways(again) == AS_PLANNED
    await require_sums(ports)
