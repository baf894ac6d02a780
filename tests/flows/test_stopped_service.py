"""The service is killed while orders are placed: afterwards every order is whole or was never there."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.core.clock import SystemClock
from app.flows.ports import Ports
from app.network.capacity import audit_capacity
from app.orders.schemas import QuoteShape
from tests.factories.identity import Someone, a_person
from tests.factories.network import networked
from tests.factories.orders import ADDRESS, a_quote, best, ordering
from tests.factories.service import Process
from tests.factories.tables import rows, value
from tests.factories.village import Village, a_village

template = networked
KILLS = 8
ORDERS_PER_LIFE = 20
AT_ONCE = 6
# What belongs to an order, by the statement that counts it for each.
PARTS: Mapping[str, str] = {
    "lines": "SELECT order_id, count(*) FROM order_line GROUP BY 1",
    "consignments": "SELECT order_id, count(*) FROM consignment GROUP BY 1",
    "legs": "SELECT order_id, count(*) FROM leg JOIN consignment c ON c.id = consignment_id GROUP BY 1",
    "packages": "SELECT order_id, count(*) FROM package JOIN consignment c ON c.id = consignment_id GROUP BY 1",
    "bookings": "SELECT order_id, count(*) FROM booking b JOIN consignment c ON c.id = consignment_id "
    "WHERE b.state = 'booked' GROUP BY 1",
    "held": "SELECT order_id, sum(quantity)::int FROM reservation WHERE state = 'held' GROUP BY 1",
    "payments": "SELECT order_id, count(*) FROM payment WHERE status = 'pending_cash' GROUP BY 1",
    "sales": "SELECT subject, count(*) FROM transfer WHERE kind = 'sale' AND state = 'pending' GROUP BY 1",
    "off by": "SELECT subject, sum(amount_minor)::int FROM entry JOIN transfer t ON t.id = transfer_id GROUP BY 1",
    "keys": "SELECT subject, count(*) FROM idempotency_key WHERE status = 201 AND body IS NOT NULL GROUP BY 1",
    "told": "SELECT o.id, count(*) FROM \"order\" o JOIN message m ON m.text LIKE '%' || o.number || '%' GROUP BY 1",
}
# Whatever speaks of an order that is not there.
STRAY_BOOKINGS = "SELECT id FROM booking WHERE consignment_id NOT IN (SELECT id FROM consignment)"


class Crowd:
    """Buyers with quotes who order at once from whatever service there is, and remember what they were told."""

    def __init__(self, buyers: list[Someone], quotes: list[QuoteShape]) -> None:
        self.wishes = list(zip(buyers, quotes, strict=True))
        self.acknowledged: dict[str, dict[str, Any]] = {}

    async def order_from(self, url: str, wishes: list[tuple[Someone, QuoteShape]]) -> None:
        """A few at a time; those that the service did not live to answer keep their wish."""
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            waiting = asyncio.Semaphore(AT_ONCE)

            async def one(buyer: Someone, quote: QuoteShape) -> None:
                async with waiting:
                    with suppress(httpx.TransportError):
                        headers = buyer.headers | {"idempotency-key": f"key of {quote.id}"}
                        answer = await client.post("/v1/orders", json=ordering(quote), headers=headers)
                        assert answer.status_code == 201, answer.text
                        first = self.acknowledged.setdefault(quote.id, answer.json())
                        assert answer.json() == first

            await asyncio.gather(*(one(buyer, quote) for buyer, quote in wishes))


@pytest.fixture
def real_time(planned: Ports) -> Ports:
    """The ports by the clock on the wall, which the service of this file goes by as well."""
    return replace(planned, clock=SystemClock())


async def a_crowd(ports: Ports, village: Village, size: int) -> Crowd:
    buyers = [await a_person(ports) for _ in range(size)]
    near = ADDRESS | {"county": "652901", "hub": "AKSU"}
    return Crowd(buyers, [await a_quote(ports, buyer, village.basket, deliver_to=near) for buyer in buyers])


async def require_whole(ports: Ports, crowd: Crowd) -> int:
    """Every order has all its parts, nothing is left of those that are not there; answers how many there are."""
    quotes = {quote.id: quote for _, quote in crowd.wishes}
    placed = dict(map(tuple, await rows(ports, 'SELECT id, quote_id FROM "order"')))
    found = {part: dict(map(tuple, await rows(ports, query))) for part, query in PARTS.items()}
    assert {part: counted.keys() - placed.keys() for part, counted in found.items()} == {part: set() for part in PARTS}
    for order_id, quote_id in placed.items():
        assert {part: counted.get(order_id) for part, counted in found.items()} == parts_of(quotes[quote_id])
    assert await rows(ports, STRAY_BOOKINGS) == []
    assert await value(ports, "SELECT sum(reserved)::int FROM lot") == 4 * len(placed)
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []
    known = {quote_id: order_id for order_id, quote_id in placed.items()}
    assert {quote: order["id"] for quote, order in crowd.acknowledged.items()}.items() <= known.items()
    return len(placed)


def parts_of(quote: QuoteShape) -> dict[str, int]:
    """How many of each part an order of this quote has."""
    consignments = best(quote).consignments
    legs = [leg for consignment in consignments for leg in consignment.legs]
    whole = {"lines": 2, "consignments": 2, "held": 4, "payments": 1, "sales": 1, "off by": 0, "keys": 1, "told": 3}
    return whole | {
        "legs": len(legs),
        "packages": sum(package.count for consignment in consignments for package in consignment.packages),
        "bookings": sum(leg.run_at is not None for leg in legs),
    }


async def test_killed_at_any_point_of_placing_orders_it_leaves_whole_orders_or_none(real_time, database_url, tmp_path):
    ports, chance = real_time, random.Random(2026)
    village = await a_village(ports, boxes="2000", carpets="1000")
    crowd = await a_crowd(ports, village, (KILLS + 1) * ORDERS_PER_LIFE)
    cut_short = 0
    for life in range(KILLS):
        service = Process(database_url, tmp_path)
        try:
            await asyncio.to_thread(service.wait_until_alive)
            wishes = crowd.wishes[life * ORDERS_PER_LIFE : (life + 1) * ORDERS_PER_LIFE]
            ordering_now = asyncio.create_task(crowd.order_from(service.url, wishes))
            await asyncio.sleep(chance.uniform(0.05, 0.7))
        finally:
            service.kill()
        await ordering_now
        asked, told = len(wishes), sum(quote.id in crowd.acknowledged for _, quote in wishes)
        cut_short += told < asked
        await require_whole(ports, crowd)
    assert cut_short >= KILLS // 2, "the service was never killed while it was at work"

    service = Process(database_url, tmp_path)
    try:
        await asyncio.to_thread(service.wait_until_alive)
        before = dict(await rows(ports, 'SELECT quote_id, id FROM "order"'))
        await crowd.order_from(service.url, crowd.wishes)
    finally:
        service.stop()
    assert len(crowd.acknowledged) == len(crowd.wishes)
    assert {quote: crowd.acknowledged[quote]["id"] for quote in before} == before
    assert await require_whole(ports, crowd) == len(crowd.wishes)
