"""Where goods wait: by hub and hour from the events, for operators all together, for a carrier its own; and now."""

from datetime import timedelta

import pytest

from app.flows.keep_history import add_up_hubs
from app.reports.bottlenecks import list_waiting, page_of_hub_hours
from tests.conftest import NOW
from tests.factories.journeys import a_journey, a_valley
from tests.factories.tables import contents, value
from tests.flows.test_replan import told

HOUR = timedelta(hours=1)


@pytest.fixture
async def moved(ports, compiled):
    """Five consignments to Kuqa at 16 h; four go on with the trunk at 22 h, of which one had come late, one stays."""
    await a_valley(ports)
    journeys = [await a_journey(ports) for _ in range(5)]
    for number, journey in enumerate(journeys):
        came = 15.5 if number == 0 else 16
        await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", came))
    for number, journey in enumerate(journeys[:4]):
        await told(ports, journey, ("departed", "KUQA", 22 if number else 22.75))
    ports.clock.at = NOW + HOUR * 23
    await add_up_hubs(ports)
    return journeys


async def hub_hours(ports, **asked):
    everything = {"hub": None, "carrier": None, "cursor": None, "limit": 100}
    async with ports.database.read() as connection:
        return await page_of_hub_hours(connection, NOW, NOW + HOUR * 30, **(everything | asked))


def short(page):
    return [
        (
            int((row.hour - NOW) / HOUR),
            row.hub,
            row.arrivals,
            row.departures,
            row.wait_median_s,
            row.wait_p90_s,
            row.over_plan,
        )
        for row in page.items
    ]


async def test_each_hour_of_a_hub_counts_what_came_what_left_and_how_long_it_had_waited(ports, moved):
    six, most = 6 * 3_600, round((6 + 0.7 * 1.25) * 3_600)
    assert short(await hub_hours(ports)) == [
        (10, "HOTAN", 0, 5, None, None, 0),
        (15, "KUQA", 1, 0, None, None, 0),
        (16, "KUQA", 4, 0, None, None, 0),
        (22, "KUQA", 0, 4, six, most, 1),
    ]
    assert len((await hub_hours(ports, hub="HOTAN")).items) == 1


async def test_carrier_sees_its_own_and_pages_go_on_where_they_ended(ports, moved):
    assert short(await hub_hours(ports, carrier="XILU")) == short(await hub_hours(ports))
    assert short(await hub_hours(ports, carrier="RIVAL")) == []
    first = await hub_hours(ports, limit=2)
    rest = await hub_hours(ports, limit=2, cursor=first.next_cursor)
    assert short(first) + short(rest) == short(await hub_hours(ports))
    assert rest.next_cursor is None


async def test_adding_up_again_changes_nothing_and_late_events_count_in_their_hour(ports, moved):
    before = await contents(ports)
    await add_up_hubs(ports)
    assert await contents(ports) == before
    await told(ports, moved[4], ("departed", "KUQA", 22.9))
    ports.clock.at = NOW + HOUR * 30
    await add_up_hubs(ports)
    assert short(await hub_hours(ports, hub="KUQA"))[-1][3] == 5
    ports.clock.at = NOW + timedelta(days=401)
    await add_up_hubs(ports)
    assert await value(ports, "SELECT count(*) FROM hub_hour") == 0


async def test_what_waits_now_is_what_has_arrived_and_not_gone_on(ports, moved):
    async with ports.database.read() as connection:
        for carrier, waits in ((None, 1), ("XILU", 1), ("RIVAL", 0)):
            found = await list_waiting(connection, ports.clock.now(), hub=None, carrier=carrier)
            assert sum(each.waiting for each in found) == waits
        (kuqa,) = await list_waiting(connection, ports.clock.now(), hub="KUQA", carrier=None)
        assert (kuqa.since, kuqa.over_plan) == (NOW + HOUR * 16, 1)
        assert await list_waiting(connection, ports.clock.now(), hub="HOTAN", carrier=None) == []
