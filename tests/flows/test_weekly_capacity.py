"""Made to order by the week: the queue decides when it is ready, weeks renew, and races never sell a week twice."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.catalogue.errors import OfferChanged, OutOfStock
from app.core.errors import Invalid
from app.core.limits import WEEKS_AHEAD
from app.flows.cancel_order import cancel_order
from app.flows.publish_listing import renew_capacities
from tests.db.selling import changed, corrected, gaps_of, shown
from tests.factories.catalogue import CARPET, a_draft, publish
from tests.factories.identity import LOOM, a_person, a_producer
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order, best, ordering, place
from tests.factories.tables import nothing_happens, rows, value

template, ports = networked, planned
# The clock stands at Monday, 2 March; weeks end at 16:00 UTC of their Sunday, the midnight of legal time.
FIRST, SECOND, THIRD = (datetime(2026, 3, day, 16, 0, tzinfo=UTC) for day in (8, 15, 22))


@pytest.fixture
async def loom(ports):
    return await a_producer(ports, **LOOM)


@pytest.fixture
async def rugs(ports, loom):
    """Two rugs a week, made to order."""
    attributes = CARPET["attributes"] | {"made_to_order": True}
    listing = await a_draft(ports, loom, CARPET, attributes=attributes, lead_time_h=48, capacity_per_week="2")
    await publish(ports, loom, listing)
    return listing


async def ready(ports, listing, quantity):
    quote = await a_quote(ports, await a_person(ports), {listing: quantity})
    return best(quote).consignments[0].ready_at


async def weeks(ports, listing):
    query = "SELECT made_in, presold_max::int, reserved::int FROM lot WHERE listing_id = :id ORDER BY made_in"
    return [tuple(row) for row in await rows(ports, query, id=listing)]


async def test_promise_is_the_first_week_with_room_and_grows_with_the_queue(ports, rugs):
    assert [await ready(ports, rugs, quantity) for quantity in ("1", "2", "3", "5")] == [FIRST, FIRST, SECOND, THIRD]
    buyer = await a_person(ports)
    order = await an_order(ports, buyer, {rugs: "3"})
    assert [await ready(ports, rugs, quantity) for quantity in ("1", "2")] == [SECOND, THIRD]
    await cancel_order(ports, buyer.caller, order["id"], "en")
    assert await ready(ports, rugs, "2") == FIRST
    with pytest.raises(OutOfStock):
        await ready(ports, rugs, str(2 * WEEKS_AHEAD + 1))


async def test_a_week_that_is_over_is_not_sold_any_more_and_another_comes_at_the_end(ports, rugs):
    await an_order(ports, await a_person(ports), {rugs: "1"})
    ports.clock.at = FIRST - timedelta(seconds=1)
    assert (await weeks(ports, rugs))[0] == (date(2026, 3, 2), 2, 1)
    ports.clock.at = FIRST
    assert (await shown(ports, rugs)).available == 2 * (WEEKS_AHEAD - 1)
    await renew_capacities(ports)
    assert (await shown(ports, rugs)).available == 2 * WEEKS_AHEAD
    assert await ready(ports, rugs, "1") == SECOND
    ports.clock.at = SECOND
    await renew_capacities(ports)
    # The first week is kept for the order that it serves, the second went unsold.
    assert [week[0] for week in await weeks(ports, rugs)][:2] == [date(2026, 3, 2), date(2026, 3, 16)]
    async with nothing_happens(ports):
        await renew_capacities(ports)


async def test_another_capacity_holds_for_every_week_to_come_but_never_takes_back_what_is_sold(ports, loom, rugs):
    await an_order(ports, await a_person(ports), {rugs: "2"})
    await changed(ports, loom, rugs, capacity_per_week="1")
    assert (await weeks(ports, rugs))[:3] == [
        (date(2026, 3, 2), 2, 2),
        (date(2026, 3, 9), 1, 0),
        (date(2026, 3, 16), 1, 0),
    ]
    await changed(ports, loom, rugs, capacity_per_week="0")
    assert (await shown(ports, rugs)).available == 0
    await changed(ports, loom, rugs, capacity_per_week="4")
    assert (await shown(ports, rugs)).available == 4 * WEEKS_AHEAD - 2


async def test_a_single_week_that_its_maker_corrected_stays_so(ports, loom, rugs):
    holiday = await value(ports, "SELECT id FROM lot WHERE listing_id = :id AND made_in = '2026-03-09'", id=rugs)
    await corrected(ports, loom, rugs, holiday, quantity="1")
    await renew_capacities(ports)
    assert (await weeks(ports, rugs))[1] == (date(2026, 3, 9), 1, 0)


async def test_buyers_at_once_never_get_more_than_the_week_holds(ports, rugs):
    buyers = [await a_person(ports) for _ in range(6)]
    quotes = [await a_quote(ports, buyer, {rugs: "1"}) for buyer in buyers]
    placing = (place(ports, buyer, ordering(quote)) for buyer, quote in zip(buyers, quotes, strict=True))
    answers = await asyncio.gather(*placing, renew_capacities(ports), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert [type(each) for each in refused] == [OfferChanged] * 4
    assert (await weeks(ports, rugs))[0] == (date(2026, 3, 2), 2, 2)
    assert len(await weeks(ports, rugs)) == WEEKS_AHEAD


@pytest.mark.parametrize(("more", "pointer"), [({}, True), ({"made_to_order": True}, False)])
async def test_only_what_is_made_to_order_has_a_capacity(ports, loom, more, pointer):
    draft = a_draft(ports, loom, CARPET, attributes=CARPET["attributes"] | more, capacity_per_week="2")
    if pointer:
        assert await gaps_of(Invalid, draft) == ["/capacity_per_week"]
    else:
        listing = await draft
        assert await gaps_of(Invalid, changed(ports, loom, listing, capacity_per_week="1.5")) == ["/capacity_per_week"]
        assert (await shown(ports, listing)).capacity_per_week == Decimal(2)
