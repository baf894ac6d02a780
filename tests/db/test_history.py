"""How late rides were is added up by runs, not by consignments, and what tracking tells rests on it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.flows.keep_history import add_up
from app.flows.show_tracking import show_tracking, tracking_shape
from app.shipments.service import create_consignments
from app.shipments.values import LegStatus
from tests.factories.network import networked
from tests.factories.shipments import BOOKED_AT, a_draft, hours, to_shanghai
from tests.factories.tables import rows, value

template = networked
FIRST = to_shanghai()[0]


async def rode(ports, days, late_min, *, takes_pml=0, count=1):
    """Consignments that rode the first leg so many days ago, so many minutes late, and longer on the way than planned."""
    back = timedelta(days=days)
    left = FIRST.departs_at - back + timedelta(minutes=late_min)
    leg = replace(
        FIRST,
        run_at=FIRST.run_at - back,
        departs_at=FIRST.departs_at - back,
        arrives_at=FIRST.arrives_at - back,
        status=LegStatus.DONE,
        departed_at=left,
        arrived_at=left + (FIRST.arrives_at - FIRST.departs_at) * (1 + takes_pml / 1_000),
    )
    async with ports.begin() as session:
        drafts = [a_draft(legs=(replace(leg, id=f"leg_{days}_{n}"),)) for n in range(count)]
        await create_consignments(session, drafts, BOOKED_AT)


@pytest.fixture(autouse=True)
def later(clock):
    clock.at = hours(0)


async def known(ports):
    return await rows(ports, "SELECT * FROM leg_history WHERE service_id <> ''")


async def test_runs_count_once_whatever_they_carried_and_old_ones_not_at_all(ports):
    await rode(ports, 2, 60, count=10)
    await rode(ports, 3, 0)
    await rode(ports, 4, 0)
    await rode(ports, 200, 900)
    await add_up(ports)
    await add_up(ports)
    (row,) = await known(ports)
    assert (row.service_id, row.runs) == (FIRST.service_id, 3)
    assert (row.departs_low_s, row.departs_high_s, row.takes_high_pml) == (0, 2_880, 0)
    assert await value(ports, "SELECT runs FROM leg_history WHERE service_id = '' AND mode = 'road'") == 3


async def test_scan_that_somebody_forgot_is_no_ride(ports):
    await rode(ports, 2, 0, takes_pml=5_000)
    await add_up(ports)
    assert await known(ports) == []


async def test_tracking_tells_between_which_times_the_goods_arrive(ports):
    async with ports.begin() as session:
        (made,) = await create_consignments(session, [a_draft(legs=to_shanghai()[:1])], BOOKED_AT)
    unknown = tracking_shape(await show_tracking(ports, made.tracking_number), "en")
    assert unknown.estimated_from < unknown.estimated_at == FIRST.arrives_at < unknown.estimated_to
    for days in range(2, 27):
        await rode(ports, days, days % 5, takes_pml=days)
    await add_up(ports)
    shown = tracking_shape(await show_tracking(ports, made.tracking_number), "en")
    assert shown.estimated_at == FIRST.arrives_at
    assert unknown.estimated_from < shown.estimated_from
    assert shown.estimated_to < unknown.estimated_to
    assert shown.estimated_to - FIRST.arrives_at == timedelta(minutes=43)
