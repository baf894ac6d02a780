"""Many at once on several lots and on animals, with real commits: one animal, one buyer; what is shared out is shared out once."""

import asyncio
from collections import Counter
from datetime import timedelta

import httpx

from app.core.errors import Problem
from app.flows.cancel_order import cancel_order
from app.flows.confirm_harvest import share_harvest
from app.main import create_app
from tests.factories.catalogue import a_draft, publish
from tests.factories.identity import a_person, a_producer, an_operator
from tests.factories.jobs import work
from tests.factories.lots import NEAR, a_forecast, bought, confirmed, flocks
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order, asked_for, ordering, place
from tests.factories.tables import rows, value

template, ports = networked, planned
BUYERS = 500
LOTS = (20, 18, 12)
UNITS = sum(LOTS)


async def at_once(*stories):
    answers = await asyncio.gather(*stories, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Problem):
            raise answer
    return answers


def words(answers):
    return Counter(answer.slug if isinstance(answer, Problem) else "done" for answer in answers)


async def one_animal_one_buyer(ports):
    """Every held animal is one that its order's line names; each order holds as many as it reserved; the counters are the sums."""
    named = await rows(
        ports,
        "SELECT t.tag, t.order_id FROM ear_tag t LEFT JOIN order_line l ON l.order_id = t.order_id AND l.id = t.line_id "
        "WHERE t.order_id IS NOT NULL AND NOT coalesce(l.ear_tags ? t.tag, false)",
    )
    assert named == []
    counts = await rows(
        ports,
        "SELECT r.order_id, r.line_id, r.lot_id FROM reservation r WHERE r.state <> 'released' AND r.quantity <> "
        "(SELECT count(*) FROM ear_tag t WHERE (t.order_id, t.line_id, t.lot_id) = (r.order_id, r.line_id, r.lot_id))",
    )
    assert counts == []
    free = "SELECT count(*)::int FROM ear_tag WHERE order_id IS NULL"
    assert await value(ports, "SELECT sum(quantity - reserved - consumed)::int FROM lot") == await value(ports, free)


async def test_five_hundred_buyers_on_fifty_animals_of_three_lots_get_fifty_different_ones(ports):
    seller = await a_producer(ports)
    listing, tags = await flocks(ports, seller, *LOTS)
    buyers = [await a_person(ports) for _ in range(BUYERS)]
    transport = httpx.ASGITransport(create_app(ports=ports), raise_app_exceptions=False)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://chama.test", limits=limits, timeout=None
    ) as street:

        async def ask(buyer):
            answer = await street.post("/v1/quotes", json=asked_for({listing: "1"}, **NEAR), headers=buyer.headers)
            assert answer.status_code == 201, answer.text
            return answer.json()

        async def buy(buyer, quote):
            headers = buyer.headers | {"idempotency-key": quote["id"]}
            return await street.post("/v1/orders", json=ordering(quote), headers=headers)

        quotes = await asyncio.gather(*(ask(buyer) for buyer in buyers))
        answers = await asyncio.gather(*(buy(b, q) for b, q in zip(buyers, quotes, strict=True)))
    told = Counter((answer.status_code, answer.json().get("type", "order")) for answer in answers)
    assert told == {(201, "order"): UNITS, (409, "/problems/out-of-stock"): BUYERS - UNITS}
    sold = [tag for a in answers if a.status_code == 201 for line in a.json()["lines"] for tag in line["ear_tags"]]
    assert sorted(sold) == sorted(tag for lot in tags for tag in lot)
    counters = await rows(ports, "SELECT reserved::int, quantity::int FROM lot ORDER BY id")
    assert [tuple(row) for row in counters] == [(heads, heads) for heads in LOTS]
    await one_animal_one_buyer(ports)


async def test_animals_that_come_free_while_others_order_are_never_two_buyers(ports):
    seller, operator = await a_producer(ports), (await an_operator(ports)).caller
    listing, _ = await flocks(ports, seller, 4, 4, 4)
    first = [await bought(ports, await a_person(ports), listing, "2") for _ in range(5)]
    buyers = [await a_person(ports) for _ in range(10)]
    quotes = [await a_quote(ports, buyer, {listing: "2"}, **NEAR) for buyer in buyers]
    coming = [place(ports, b, ordering(q)) for b, q in zip(buyers, quotes, strict=True)]
    going = [cancel_order(ports, operator, order["id"], "en") for order in first]
    answers = await at_once(*(story for pair in zip(coming[:5], going, strict=True) for story in pair), *coming[5:])
    assert words(answers).keys() <= {"done", "out-of-stock"}
    await one_animal_one_buyer(ports)
    live = await rows(
        ports,
        "SELECT tag, count(*) FROM order_line l JOIN \"order\" o ON o.id = l.order_id AND o.status = 'placed', "
        "jsonb_array_elements_text(l.ear_tags) AS tag GROUP BY 1 HAVING count(*) > 1",
    )
    assert live == []


async def test_one_order_of_animals_cancelled_by_many_is_given_back_once(ports):
    seller, operator = await a_producer(ports), (await an_operator(ports)).caller
    listing, _ = await flocks(ports, seller, 4)
    order = await bought(ports, await a_person(ports), listing, "3")
    answers = await at_once(*(cancel_order(ports, operator, order["id"], "en") for _ in range(6)))
    assert words(answers) == {"done": 1, "state-conflict": 5}
    assert await value(ports, "SELECT count(*) FROM ear_tag WHERE order_id IS NOT NULL") == 0
    await one_animal_one_buyer(ports)


async def test_a_harvest_is_shared_out_once_while_buyers_come_and_go(ports):
    seller, operator = await a_producer(ports), (await an_operator(ports)).caller
    listing = await a_draft(ports, seller)
    lot = await a_forecast(ports, seller, listing, "60", 9)
    await publish(ports, seller, listing)
    placed = []
    for _ in range(8):
        placed.append(await an_order(ports, await a_person(ports), {listing: "4"}))
        ports.clock.advance(timedelta(seconds=1))
    await work(ports)
    buyers = [await a_person(ports) for _ in range(4)]
    quotes = [await a_quote(ports, buyer, {listing: "2"}) for buyer in buyers]
    await at_once(
        *(place(ports, b, ordering(q)) for b, q in zip(buyers, quotes, strict=True)),
        cancel_order(ports, operator, placed[0]["id"], "en"),
        confirmed(ports, seller, listing, lot, "14"),
        cancel_order(ports, operator, placed[7]["id"], "en"),
    )
    await at_once(
        *(share_harvest(ports, listing, lot) for _ in range(3)),
        cancel_order(ports, operator, placed[2]["id"], "en"),
    )
    await work(ports)
    (row,) = await rows(
        ports, "SELECT quantity::int, reserved::int, presold_max, harvested FROM lot WHERE id = :id", id=lot
    )
    assert tuple(row)[2:] == (None, None)
    assert row.reserved <= row.quantity == 14
    held = "SELECT coalesce(sum(quantity), 0)::int FROM reservation WHERE lot_id = :id AND state = 'held'"
    assert row.reserved == await value(ports, held, id=lot)
    live = await value(
        ports,
        "SELECT coalesce(sum(quantity), 0)::int FROM order_line JOIN \"order\" o ON o.id = order_id WHERE status = 'placed'",
    )
    assert live == row.reserved
    open_ = await rows(ports, "SELECT id FROM \"order\" WHERE status = 'placed'")
    assert placed[1]["id"] in {one.id for one in open_}
