"""Offers with real commits, many at once: goods are kept for one, an agreement is ordered once, and a deposit ends once."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from app.catalogue import price_lists
from app.catalogue.errors import OfferChanged
from app.catalogue.price_list_schemas import PriceListChange
from app.core.errors import Problem
from app.flows.bargain import accept_offer, decline_offer, lapse_offer, withdraw_offer
from app.flows.cancel_order import cancel_order
from app.flows.quote_order import quote_order
from app.orders.schemas import QuoteRequest
from tests.factories.catalogue import a_price_list
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.offers import a_held_offer, an_agreement, an_offer, asked_by_bank, came_in, countered, fen
from tests.factories.orders import a_quote, asked_for, ordering, place
from tests.factories.tables import rows, value
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def village(ports):
    return await a_village(ports)


async def at_once(*stories):
    """What each story answered, or the problem that it met; anything else is a failure of ours."""
    answers = await asyncio.gather(*stories, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Problem):
            raise answer
    return answers


def words(answers):
    return Counter(answer.slug if isinstance(answer, Problem) else "done" for answer in answers)


async def step(ports, verb, who, offer):
    async with ports.begin() as session:
        return await verb(ports, session, who.caller, offer.id, "en")


async def quoted(ports, buyer, offer, listing):
    line = {"listing": listing, "quantity": str(offer.quantity), "offer": offer.id}
    return await quote_order(ports, buyer.caller, QuoteRequest.model_validate(asked_for({}) | {"lines": [line]}))


async def everything_adds_up(ports, listing):
    """Stock says what reservations say, each reservation has one living holder, and all money is somewhere."""
    reserved = await value(ports, "SELECT sum(reserved)::int FROM lot WHERE listing_id = :id", id=listing)
    held = "SELECT coalesce(sum(quantity), 0)::int FROM reservation WHERE listing_id = :id AND state = 'held'"
    assert reserved == await value(ports, held, id=listing)
    owners = await value(
        ports,
        "SELECT coalesce(sum(quantity), 0)::int FROM reservation WHERE state = 'held' AND listing_id = :id AND (order_id IN "
        "(SELECT id FROM \"order\" WHERE status NOT IN ('cancelled', 'expired')) OR order_id IN "
        "(SELECT id FROM offer WHERE status = 'accepted'))",
        id=listing,
    )
    assert reserved == owners
    sums = await rows(ports, "SELECT transfer_id FROM entry GROUP BY transfer_id HAVING sum(amount_minor) <> 0")
    assert sums == []
    kept = "SELECT coalesce(sum(amount_minor), 0)::int FROM entry WHERE account_id LIKE 'deposit:%'"
    assert await value(ports, kept) == await value(
        ports, "SELECT coalesce(sum(deposit_minor), 0)::int FROM offer WHERE deposit_status = 'held'"
    )


async def test_of_agreements_on_the_last_lot_one_is_made(ports, village):
    buyers = [village.buyer, await a_person(ports), await a_person(ports)]
    offers = [await an_offer(ports, buyer, village.carpets, "15", 140_000) for buyer in buyers]
    for offer in offers[1:]:
        await countered(ports, village.loom, offer, price=fen(150_000))
    answers = await at_once(
        step(ports, accept_offer, village.loom, offers[0]),
        *(step(ports, accept_offer, buyer, offer) for buyer, offer in zip(buyers[1:], offers[1:], strict=True)),
    )
    assert words(answers) == {"done": 1, "out-of-stock": 2}
    await everything_adds_up(ports, village.carpets)


async def test_agreement_against_an_order_of_the_last_goods(ports, village):
    offer = await an_offer(ports, village.buyer, village.carpets, "20", 140_000)
    other = await a_person(ports)
    quote = await a_quote(ports, other, {village.carpets: "1"})
    answers = await at_once(
        step(ports, accept_offer, village.loom, offer),
        place(ports, other, ordering(quote)),
    )
    assert words(answers) == {"done": 1, "out-of-stock": 1}
    await everything_adds_up(ports, village.carpets)


async def test_of_accept_withdraw_and_decline_at_once_one_counts(ports, village):
    for _ in range(4):
        offer = await an_offer(ports, village.buyer, village.carpets, "5", 140_000)
        answers = await at_once(
            step(ports, accept_offer, village.loom, offer),
            step(ports, decline_offer, village.loom, offer),
            step(ports, withdraw_offer, village.buyer, offer),
        )
        # Who takes back an agreement that was just made is in time as well.
        assert words(answers)["done"] in (1, 2)
        status = await value(ports, "SELECT status FROM offer WHERE id = :id", id=offer.id)
        accepted, declined, withdrawn = (not isinstance(each, Problem) for each in answers)
        assert (accepted and withdrawn and not declined) or [accepted, declined, withdrawn].count(True) == 1
        assert status == ("withdrawn" if withdrawn else "declined" if declined else "accepted")
        await everything_adds_up(ports, village.carpets)
        if status == "accepted":
            await step(ports, withdraw_offer, village.buyer, offer)
        await work(ports)


async def test_of_offers_of_one_buyer_at_once_one_is_made(ports, village):
    answers = await at_once(*(an_offer(ports, village.buyer, village.carpets, "5", 140_000 + i) for i in range(4)))
    assert words(answers) == {"done": 1, "offer-open-already": 3}


async def test_of_orders_on_one_offer_at_once_one_is_placed(ports, village):
    offer = await a_held_offer(ports, village.buyer, village.loom, village.carpets, "10", 150_000)
    quotes = [await quoted(ports, village.buyer, offer, village.carpets) for _ in range(3)]
    answers = await at_once(
        *(place(ports, village.buyer, ordering(quote)) for quote in quotes),
        place(ports, village.buyer, ordering(quotes[0])),
    )
    assert words(answers) == {"done": 1, "offer-not-orderable": 3}
    assert await value(ports, 'SELECT count(*) FROM "order"') == 1
    assert await value(ports, "SELECT count(*) FROM transfer WHERE kind = 'deposit'") == 2
    await everything_adds_up(ports, village.carpets)


async def test_lapse_against_order_and_withdrawal_leaves_the_deposit_in_one_place(ports, village, clock):
    for _ in range(3):
        offer = await a_held_offer(ports, village.buyer, village.loom, village.carpets, "5", 150_000)
        clock.at = offer.due_at - timedelta(minutes=10)
        quote = await quoted(ports, village.buyer, offer, village.carpets)
        # The order looks at the clock before it is over, the lapse after it.
        late = _later(ports, offer.due_at)
        answers = await at_once(
            place(ports, village.buyer, ordering(quote)),
            lapse_offer(late, offer.id),
            step(ports, withdraw_offer, village.loom, offer),
            lapse_offer(late, offer.id),
        )
        ordered, withdrawn = (not isinstance(answers[i], Problem) for i in (0, 2))
        (row,) = await rows(ports, "SELECT status, deposit_status FROM offer WHERE id = :id", id=offer.id)
        assert tuple(row) == (
            ("used", "applied") if ordered else ("withdrawn", "returned") if withdrawn else ("expired", "forfeited")
        )
        assert not (ordered and withdrawn)
        ended = (
            "SELECT count(*) FROM transfer WHERE subject = :id AND kind IN ('deposit_returned', 'deposit_forfeited')"
        )
        assert await value(ports, ended, id=offer.id) == (0 if ordered else 1)
        await everything_adds_up(ports, village.carpets)


def _later(ports, at):
    from dataclasses import replace

    from app.core.clock import FixedClock

    return replace(ports, clock=FixedClock(at))


async def test_cancelled_many_times_at_once_a_deposit_goes_one_way(ports, village):
    offer = await a_held_offer(ports, village.buyer, village.loom, village.carpets, "10", 150_000)
    order = await place(ports, village.buyer, ordering(await quoted(ports, village.buyer, offer, village.carpets)))
    operator = await an_operator(ports)
    answers = await at_once(
        *(cancel_order(ports, who.caller, order["id"], "en") for who in (village.buyer, operator) * 3)
    )
    assert words(answers) == {"done": 1, "state-conflict": 5}
    await everything_adds_up(ports, village.carpets)
    assert await value(ports, "SELECT count(*) FROM transfer WHERE kind LIKE 'deposit\\_%'") == 1


async def test_deposit_that_comes_in_while_the_offer_lapses_is_held_or_goes_back(ports, village, clock):
    operator = await an_operator(ports)
    for _ in range(3):
        offer = await an_agreement(ports, village.buyer, village.loom, village.carpets, "5", 150_000)
        await asked_by_bank(ports, village.buyer, offer)
        clock.at = offer.due_at
        answers = await at_once(
            came_in(ports, offer, operator), lapse_offer(ports, offer.id), came_in(ports, offer, operator)
        )
        assert words(answers) == {"done": 2, "state-conflict": 1}
        (row,) = await rows(ports, "SELECT status, deposit_status FROM offer WHERE id = :id", id=offer.id)
        assert tuple(row) in {("accepted", "held"), ("expired", "returned")}
        await everything_adds_up(ports, village.carpets)
        if row.status == "accepted":
            await step(ports, withdraw_offer, village.loom, offer)


# Price lists, between quote and order.


async def without_buyer(ports, village, listed):
    async with ports.begin() as session:
        row = await price_lists.lock_list(session, village.loom.caller, listed)
        await price_lists.change_list(session, row, PriceListChange(buyers=[]), ports.clock.now())


async def at_another_price(ports, village, listed):
    dearer = PriceListChange.model_validate({"prices": [{"listing": village.carpets, "price": fen(160_000)}]})
    async with ports.begin() as session:
        row = await price_lists.lock_list(session, village.loom.caller, listed)
        await price_lists.change_list(session, row, dearer, ports.clock.now())


async def ended(ports, village, listed):
    async with ports.begin() as session:
        row = await price_lists.lock_list(session, village.loom.caller, listed)
        await price_lists.end_list(session, row, ports.clock.now())


@pytest.mark.parametrize("change", [without_buyer, at_another_price, ended])
async def test_price_list_changed_while_it_is_ordered_by_is_the_former_price_or_a_refusal(ports, village, change):
    """Whoever commits first: an order at the listed price was there before the change, or it hears that the offer has changed."""
    seen = Counter()
    for number in range(6):
        prices = [{"listing": village.carpets, "price": fen(150_000)}]
        listed = await a_price_list(ports, village.loom, buyers=[village.buyer.id], prices=prices)
        quote = await a_quote(ports, village.buyer, {village.carpets: "1"})
        assert quote.lines[0].price.amount == 150_000

        # A head start now and then, so that either is first at times.
        async def order(wait_s=0.01 * (number % 3), quote=quote):
            await asyncio.sleep(wait_s)
            return await place(ports, village.buyer, ordering(quote))

        placed, changed = await at_once(order(), change(ports, village, listed))
        assert not isinstance(changed, Problem)
        if isinstance(placed, Problem):
            assert isinstance(placed, OfferChanged)
        else:
            (line,) = placed["lines"]
            assert (line["price"]["amount"], line["price_list"]) == (150_000, listed)
        seen["refused" if isinstance(placed, Problem) else "placed"] += 1
        (after,) = (await a_quote(ports, village.buyer, {village.carpets: "1"})).lines
        assert after.price.amount == (160_000 if change is at_another_price else 168_000)
        if change is not ended:
            await ended(ports, village, listed)
    assert await value(ports, 'SELECT count(*) FROM "order"') == seen["placed"]
    assert (
        await value(ports, "SELECT reserved::int FROM lot WHERE listing_id = :id", id=village.carpets) == seen["placed"]
    )
