"""A price that is talked about: offers, counter-offers and agreements, which keep the goods until their clock runs out."""

from datetime import timedelta

import pytest

from app.catalogue.errors import OutOfStock
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.flows.bargain import accept_offer, decline_offer, lapse_offer, withdraw_offer
from app.flows.show_offers import show_offer, show_offers
from app.offers.errors import NotBargained, NotYourTurn, OfferExpired, OfferOpenAlready, OfferRoundsOver
from app.offers.values import DepositStatus, OfferStatus, Side
from app.orders.errors import NotForSale
from tests.factories.catalogue import CARPET, COTTON, a_draft, a_listing
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked, planned
from tests.factories.offers import accepted, an_agreement, an_offer, countered, fen
from tests.factories.orders import a_quote
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def village(ports):
    return await a_village(ports)


async def left(ports, listing):
    return await value(ports, "SELECT (quantity - reserved)::int FROM lot WHERE listing_id = :id", id=listing)


async def declined(ports, who, offer):
    async with ports.begin() as session:
        return await decline_offer(ports, session, who.caller, offer.id, "en")


async def withdrawn(ports, who, offer):
    async with ports.begin() as session:
        return await withdraw_offer(ports, session, who.caller, offer.id, "en")


async def told(ports, template):
    return {row.to for row in await rows(ports, 'SELECT "to" FROM message WHERE template = :name', name=template)}


async def test_price_is_talked_about_until_one_side_agrees_and_both_hear_of_every_step(ports, village):
    buyer, loom = village.buyer, village.loom
    offer = await an_offer(ports, buyer, village.carpets, "10", 140_000, words="All for one shop")
    assert (offer.status, offer.turn, offer.due_at) == (
        OfferStatus.OPEN,
        Side.PRODUCER,
        ports.clock.now() + timedelta(hours=72),
    )
    back = await countered(ports, loom, offer, price=fen(160_000))
    assert (back.status, back.turn, back.price.amount, back.quantity) == (
        OfferStatus.COUNTERED,
        Side.BUYER,
        160_000,
        10,
    )
    again = await countered(ports, buyer, offer, price=fen(150_000), quantity="12")
    assert (again.status, again.turn) == (OfferStatus.OPEN, Side.PRODUCER)
    assert await left(ports, village.carpets) == 20
    agreed = await accepted(ports, loom, offer)
    assert (agreed.status, agreed.goods.amount, agreed.deposit.amount.amount, agreed.deposit.status) == (
        OfferStatus.ACCEPTED,
        1_800_000,
        180_000,
        DepositStatus.DUE,
    )
    assert agreed.due_at == ports.clock.now() + timedelta(hours=48)
    assert [(each.by, each.price.amount, each.words) for each in agreed.rounds] == [
        (Side.BUYER, 140_000, "All for one shop"),
        (Side.PRODUCER, 160_000, None),
        (Side.BUYER, 150_000, None),
    ]
    assert await left(ports, village.carpets) == 8
    both = {buyer.phone, loom.person.phone}
    for name in ("offer_made", "offer_countered", "offer_accepted"):
        assert await told(ports, name) == both
    with pytest.raises(OutOfStock):
        await a_quote(ports, await a_person(ports), {village.carpets: "9"})


async def test_whoever_is_not_asked_may_not_answer_and_nothing_changes(ports, village):
    buyer, loom, stranger = village.buyer, village.loom, await a_person(ports)
    offer = await an_offer(ports, buyer, village.carpets, "10", 140_000)
    operator = await an_operator(ports)
    refused = [
        (NotYourTurn, accepted, buyer),
        (NotYourTurn, declined, buyer),
        (NotYourTurn, withdrawn, loom),
        (NotYourTurn, withdrawn, operator),
        (Forbidden, accepted, operator),
        (NotFound, accepted, stranger),
        (NotFound, withdrawn, village.garden),
    ]
    for refusal, step, who in refused:
        async with nothing_happens(ports):
            with pytest.raises(refusal):
                await step(ports, who, offer)
    async with nothing_happens(ports):
        with pytest.raises(NotYourTurn):
            await countered(ports, buyer, offer, price=fen(1))
        with pytest.raises(Invalid):
            await countered(ports, loom, offer, price=fen(140_000))
    await countered(ports, loom, offer, price=fen(150_000))
    async with nothing_happens(ports):
        with pytest.raises(NotYourTurn):
            await accepted(ports, loom, offer)
    assert (await declined(ports, buyer, offer)).status is OfferStatus.DECLINED
    for step in (accepted, declined, withdrawn):
        async with nothing_happens(ports):
            with pytest.raises(StateConflict):
                await step(ports, buyer, offer)


async def test_offers_are_for_bulk_lots_of_what_is_on_sale_by_others(ports, village):
    buyer, dates, carpets = village.buyer, village.dates, village.carpets
    flax = await a_listing(ports, village.garden, COTTON, quantity="50", unit="piece")
    draft = await a_draft(ports, village.loom, CARPET)
    refused = [
        (Invalid, buyer, carpets, "4", 140_000),
        (Invalid, buyer, carpets, "5.5", 140_000),
        (Invalid, buyer, carpets, "5", 0),
        (OutOfStock, buyer, carpets, "21", 140_000),
        (NotBargained, buyer, flax, "20", 100),
        (NotFound, buyer, draft, "5", 100),
        (NotFound, buyer, new_id("lst"), "5", 100),
        (Forbidden, village.loom.person, carpets, "5", 140_000),
    ]
    for refusal, who, listing, quantity, price in refused:
        async with nothing_happens(ports):
            with pytest.raises(refusal):
                await an_offer(ports, who, listing, quantity, price)
    now = ports.clock.now()
    for until in (now, now + timedelta(hours=73)):
        async with nothing_happens(ports):
            with pytest.raises(Invalid) as caught:
                await an_offer(ports, buyer, dates, "50", 8_000, valid_until=until)
        assert [gap.pointer for gap in caught.value.gaps] == ["/valid_until"]
    async with nothing_happens(ports):
        with pytest.raises(Invalid) as caught:
            await an_offer(ports, buyer, dates, "10", -1, valid_until=now)
    assert [gap.pointer for gap in caught.value.gaps] == ["/quantity", "/price", "/valid_until"]


async def test_one_offer_at_a_time_stands_for_a_buyer_and_a_listing(ports, village):
    body = {"id": new_id("off")}
    first = await an_offer(ports, village.buyer, village.carpets, "10", 140_000, **body)
    async with nothing_happens(ports):
        assert await an_offer(ports, village.buyer, village.carpets, "10", 140_000, **body) == first
        with pytest.raises(IdTaken):
            await an_offer(ports, village.buyer, village.carpets, "11", 140_000, **body)
        with pytest.raises(OfferOpenAlready):
            await an_offer(ports, village.buyer, village.carpets, "10", 141_000)
    await an_offer(ports, await a_person(ports), village.carpets, "10", 141_000)
    await withdrawn(ports, village.buyer, first)
    assert await told(ports, "offer_withdrawn") == {village.buyer.phone, village.loom.person.phone}
    await an_offer(ports, village.buyer, village.carpets, "10", 141_000)


async def test_bargaining_ends_after_so_many_prices(ports, village):
    offer = await an_offer(ports, village.buyer, village.carpets, "10", 140_000)
    for number in range(1, 10):
        who = village.loom if number % 2 else village.buyer
        await countered(ports, who, offer, price=fen(140_000 + number))
    async with nothing_happens(ports):
        with pytest.raises(OfferRoundsOver):
            await countered(ports, village.buyer, offer, price=fen(1))
    assert (await accepted(ports, village.buyer, offer)).price.amount == 140_009


async def test_clock_ends_what_nobody_answers_and_a_late_answer_is_refused(ports, village, clock):
    until = ports.clock.now() + timedelta(hours=5)
    offer = await an_offer(ports, village.buyer, village.carpets, "10", 140_000, valid_until=until)
    async with nothing_happens(ports):
        await lapse_offer(ports, offer.id)
    clock.advance(timedelta(hours=5))
    async with nothing_happens(ports):
        with pytest.raises(OfferExpired):
            await accepted(ports, village.loom, offer)
        with pytest.raises(OfferExpired):
            await countered(ports, village.loom, offer, price=fen(150_000))
    await work(ports)
    assert (await show_offer(ports, village.buyer.caller, offer.id, "en")).status is OfferStatus.EXPIRED
    assert await told(ports, "offer_expired") == {village.buyer.phone, village.loom.person.phone}
    async with nothing_happens(ports):
        await lapse_offer(ports, offer.id)


async def test_goods_are_free_again_when_the_deposit_is_not_paid_in_time(ports, village, clock):
    offer = await an_agreement(ports, village.buyer, village.loom, village.carpets, "20", 140_000)
    assert await left(ports, village.carpets) == 0
    clock.advance(timedelta(hours=48))
    await work(ports)
    shown = await show_offer(ports, village.buyer.caller, offer.id, "zh-Hans")
    assert (shown.status, shown.status_text, shown.deposit.status) == (
        OfferStatus.EXPIRED,
        "已过期",
        DepositStatus.CANCELLED,
    )
    assert await left(ports, village.carpets) == 20
    assert await value(ports, "SELECT count(*) FROM transfer") == 0


async def test_agreement_is_not_made_on_goods_that_are_gone_or_off_the_shelf(ports, village):
    offer = await an_offer(ports, village.buyer, village.carpets, "15", 140_000)
    other = await an_offer(ports, await a_person(ports), village.carpets, "15", 150_000)
    await accepted(ports, village.loom, other)
    async with nothing_happens(ports):
        with pytest.raises(OutOfStock):
            await accepted(ports, village.loom, offer)
    from app.catalogue.service import end_sale
    from app.catalogue.values import ListingEvent

    async with ports.begin() as session:
        await end_sale(session, village.loom.caller, village.carpets, ListingEvent.PAUSE, ports.clock.now())
    async with nothing_happens(ports):
        with pytest.raises(NotForSale):
            await accepted(ports, village.loom, offer)


async def test_terms_of_an_offer_are_those_of_the_day_on_which_it_was_made(ports, village):
    from dataclasses import replace

    from app.offers.terms import TABLE, read_terms

    offer = await an_offer(ports, village.buyer, village.carpets, "10", 140_000)
    text = TABLE.read_text(encoding="utf-8").replace('version = "2026-1"', 'version = "later"')
    later = replace(ports, offer_terms=read_terms(text.replace("deposit_bps = 1000", "deposit_bps = 0")))
    agreed = await accepted(later, village.loom, offer)
    assert (agreed.terms.version, agreed.deposit.amount.amount) == ("2026-1", 140_000)
    free = await an_offer(later, await a_person(ports), village.carpets, "10", 140_000)
    plain = await accepted(later, village.loom, free)
    assert (plain.terms.version, plain.deposit.status, plain.deposit.amount.amount) == ("later", DepositStatus.NONE, 0)


async def test_only_the_parties_see_an_offer_and_lists_are_theirs(ports, village):
    offer = await an_offer(ports, village.buyer, village.carpets, "10", 140_000)
    for who in (village.garden, await a_person(ports)):
        with pytest.raises(NotFound):
            await show_offer(ports, who.caller, offer.id, "en")
        assert (await show_offers(ports, who.caller, None, None, None, 10, "en")).items == []
    for who in (village.buyer, village.loom, await an_operator(ports)):
        (seen,) = (await show_offers(ports, who.caller, OfferStatus.OPEN, village.carpets, None, 10, "en")).items
        assert seen == offer
    assert (await show_offers(ports, village.buyer.caller, OfferStatus.USED, None, None, 10, "en")).items == []


async def test_step_is_taken_only_of_what_was_seen(ports, village):
    offer = await an_offer(ports, village.buyer, village.carpets, "10", 140_000)

    def guard(present):
        if present != offer:
            raise Changed

    await countered(ports, village.loom, offer, price=fen(150_000))
    await countered(ports, village.buyer, offer, price=fen(130_000))
    async with nothing_happens(ports):
        with pytest.raises(Changed):
            async with ports.begin() as session:
                await accept_offer(ports, session, village.loom.caller, offer.id, "en", guard)
    assert [name for name, _ in await waiting(ports)].count("offer.lapse") == 3
