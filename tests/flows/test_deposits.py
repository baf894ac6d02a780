"""The deposit of an agreed offer: held, counted towards its order, returned or forfeited by the terms that were frozen."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.catalogue.service import end_sale
from app.catalogue.values import ListingEvent
from app.claims.schemas import ClaimAnswer
from app.core.errors import Forbidden, Invalid, NotFound, StateConflict
from app.core.limits import PAYMENT_LIFETIME
from app.flows.bargain import lapse_offer, withdraw_offer
from app.flows.cancel_order import cancel_order
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.flows.pay_deposit import return_deposit, send_deposit_back, start_deposit
from app.flows.record_payment_event import record_payment_event
from app.flows.show_offers import show_offer
from app.flows.show_order import show_order
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.main import create_app
from app.offers.errors import OfferExpired, OfferNotOrderable
from app.offers.schemas import BankNote, DepositRequest
from app.offers.values import DepositStatus, OfferStatus
from app.orders.values import OrderStatus
from app.payments.errors import PaymentMethodUnavailable
from app.payments.providers import StripeProvider
from tests.factories.catalogue import SHEEP, a_draft, a_lot, flock, publish
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import work
from tests.factories.lots import a_forecast, confirmed
from tests.factories.network import networked
from tests.factories.offers import a_held_offer, an_agreement, asked_by_bank, came_in, fen
from tests.factories.orders import a_quote, asked_for, best, ordering, place
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template = networked
SECRET = "whsec_of_the_tests"
BUYER, DEPOSIT, BANK = AccountKind.BUYER, AccountKind.DEPOSIT, AccountKind.BANK
PENDING, AVAILABLE = AccountKind.PRODUCER_PENDING, AccountKind.PRODUCER_AVAILABLE


@pytest.fixture
async def ports(planned, fake) -> AsyncIterator[object]:
    cards = StripeProvider(fake.key, SECRET, api_base=fake.url, timeout_s=2)
    yield replace(planned, cards=cards, settings=planned.settings.model_copy(update={"stripe_capture": "at_once"}))
    await cards.close()


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def offer(ports, village):
    """Ten carpets for 1500 yuan each, with 1500 yuan on the bank account."""
    return await a_held_offer(ports, village.buyer, village.loom, village.carpets, "10", 150_000)


async def held(ports, owner):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner) if b.posted_minor}


async def all_is_zero(ports):
    sums = await rows(
        ports, "SELECT transfer_id FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0"
    )
    assert sums == []
    assert await value(ports, "SELECT coalesce(sum(amount_minor), 0)::int FROM entry") == 0


async def left(ports, listing):
    return await value(ports, "SELECT (quantity - reserved)::int FROM lot WHERE listing_id = :id", id=listing)


async def seen(ports, village, offer):
    return await show_offer(ports, village.buyer.caller, offer.id, "en")


def naming(offer, listing, **more):
    """The body of a quote for an agreed offer."""
    line = {"listing": listing, "quantity": str(offer.quantity), "offer": offer.id}
    body = asked_for(more.pop("besides", {}), **more)
    return body | {"lines": [line, *body["lines"]]}


async def quoted(ports, buyer, offer, listing, **more):
    from app.flows.quote_order import quote_order
    from app.orders.schemas import QuoteRequest

    return await quote_order(ports, buyer.caller, QuoteRequest.model_validate(naming(offer, listing, **more)))


async def ordered(ports, village, offer, method="cash_on_delivery", **more):
    quote = await quoted(ports, village.buyer, offer, village.carpets, **more)
    return await place(ports, village.buyer, ordering(quote, method))


async def withdrawn(ports, who, offer):
    async with ports.begin() as session:
        return await withdraw_offer(ports, session, who.caller, offer.id, "en")


async def delivered(ports, order):
    operator = await an_operator(ports)
    for consignment in order["consignments"]:
        await tell(ports, operator.caller, events_of(consignment))
    await work(ports)


async def test_deposit_by_bank_is_held_for_the_buyer_when_an_operator_has_seen_it(ports, village):
    agreed = await an_agreement(ports, village.buyer, village.loom, village.carpets, "10", 150_000)
    asked, operator = await asked_by_bank(ports, village.buyer, agreed), await an_operator(ports)
    assert (asked.deposit.method, asked.deposit.reference) == ("bank_transfer", agreed.number)
    again = await asked_by_bank(ports, village.buyer, agreed)
    assert again == asked
    assert await value(ports, "SELECT count(*) FROM payment") == 1
    async with nothing_happens(ports):
        with pytest.raises(Invalid):
            await came_in(ports, agreed, operator, amount=fen(149_999))
    got = await came_in(ports, agreed)
    assert (got.deposit.status, got.due_at) == (DepositStatus.HELD, ports.clock.now() + timedelta(hours=72))
    assert await held(ports, village.buyer.id) == {DEPOSIT: 150_000}
    assert await held(ports, PLATFORM) == {BANK: -150_000}
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await came_in(ports, agreed, operator)
        with pytest.raises(StateConflict):
            await asked_by_bank(ports, village.buyer, agreed)
    told = await rows(ports, "SELECT DISTINCT \"to\" FROM message WHERE template = 'deposit_received'")
    assert {row.to for row in told} == {village.buyer.phone, village.loom.person.phone}
    # The producer sees that it is held, not how it was paid.
    theirs = await show_offer(ports, village.loom.caller, agreed.id, "en")
    assert (theirs.deposit.status, theirs.deposit.method, theirs.deposit.reference) == (DepositStatus.HELD, None, None)


async def test_order_takes_the_agreed_price_the_goods_and_the_deposit_over(ports, village, offer):
    assert await left(ports, village.carpets) == 10
    quote = await quoted(ports, village.buyer, offer, village.carpets, besides={village.dates: "3"})
    line = quote.lines[0]
    assert (line.price.amount, line.total.amount, line.offer, line.price_list, line.next_tier) == (
        150_000,
        1_500_000,
        offer.id,
        None,
        None,
    )
    assert (quote.deposit.amount, best(quote).price.goods.amount) == (150_000, 1_526_400)
    order = await place(ports, village.buyer, ordering(quote))
    total = order["price"]["total"]["amount"]
    assert (order["deposit"]["amount"], order["lines"][0]["offer"]) == (150_000, offer.id)
    assert await left(ports, village.carpets) == 10
    assert (await seen(ports, village, offer)).order == order["id"]
    assert (await seen(ports, village, offer)).deposit.status is DepositStatus.APPLIED
    assert (
        await value(ports, "SELECT amount_minor FROM payment WHERE order_id = :id", id=order["id"]) == total - 150_000
    )
    terms = await value(ports, 'SELECT terms FROM "order"')
    assert list(terms["offers"].values()) == [[offer.id, "2026-1"]]
    await delivered(ports, order)
    cash = await value(ports, "SELECT -sum(amount_minor)::int FROM entry WHERE account_id LIKE 'carrier_cash:%'")
    assert cash == total - 150_000
    assert await held(ports, village.buyer.id) == {}
    assert (await held(ports, village.loom.producer.id))[PENDING] == 1_500_000 - 45_000
    assert await value(ports, "SELECT consumed::int FROM lot WHERE listing_id = :id", id=village.carpets) == 10
    await all_is_zero(ports)


async def test_agreed_price_stands_whatever_the_listing_becomes(ports, village, offer):
    from app.catalogue.schemas import ListingChange
    from app.catalogue.service import change_listing

    async with ports.begin() as session:
        change = ListingChange.model_validate({"price": fen(200_000)})
        await change_listing(session, village.loom.caller, village.carpets, change, None, ports.clock.now())
    async with ports.begin() as session:
        await end_sale(session, village.loom.caller, village.carpets, ListingEvent.PAUSE, ports.clock.now())
    order = await ordered(ports, village, offer)
    assert order["lines"][0]["price"]["amount"] == 150_000


async def test_offer_is_ordered_by_its_buyer_once_whole_and_with_its_deposit(ports, village, offer):
    stranger = await a_person(ports)
    agreed = await an_agreement(ports, village.buyer, village.garden, village.dates, "50", 8_000)
    line = {"listing": village.carpets, "quantity": "9", "offer": offer.id}
    async with nothing_happens(ports):
        with pytest.raises(NotFound):
            await quoted(ports, stranger, offer, village.carpets)
        with pytest.raises(OfferNotOrderable):
            await quoted(ports, village.buyer, agreed, village.dates)
        with pytest.raises(Invalid) as caught:
            await a_quote(ports, village.buyer, {}, lines=[line, line | {"listing": village.dates}])
    assert [gap.pointer for gap in caught.value.gaps] == ["/lines/0/quantity", "/lines/1/offer", "/lines/1/quantity"]
    first = await quoted(ports, village.buyer, offer, village.carpets)
    second = await quoted(ports, village.buyer, offer, village.carpets)
    order = await place(ports, village.buyer, ordering(first))
    async with nothing_happens(ports):
        with pytest.raises(OfferNotOrderable) as refused:
            await place(ports, village.buyer, ordering(second))
        assert refused.value.fields["order"] == order["id"]
        with pytest.raises(OfferNotOrderable):
            await quoted(ports, village.buyer, offer, village.carpets)
        with pytest.raises(StateConflict):
            await withdrawn(ports, village.buyer, offer)


async def test_buyer_who_does_not_order_in_time_forfeits_the_deposit_to_the_producer(ports, village, offer, clock):
    quote = await quoted(ports, village.buyer, offer, village.carpets)
    clock.advance(timedelta(hours=72))
    async with nothing_happens(ports):
        with pytest.raises(OfferExpired):
            await quoted(ports, village.buyer, offer, village.carpets)
    await work(ports)
    assert quote.expires_at < clock.now()
    shown = await seen(ports, village, offer)
    assert (shown.status, shown.deposit.status) == (OfferStatus.EXPIRED, DepositStatus.FORFEITED)
    assert await held(ports, village.loom.producer.id) == {AVAILABLE: 150_000}
    assert await held(ports, village.buyer.id) == {}
    assert await left(ports, village.carpets) == 20
    told = await rows(ports, "SELECT DISTINCT \"to\" FROM message WHERE template = 'deposit_forfeited'")
    assert {row.to for row in told} == {village.buyer.phone, village.loom.person.phone}
    await all_is_zero(ports)


@pytest.mark.parametrize("who", ["loom", "operator"])
async def test_deposit_goes_back_when_producer_or_operator_ends_the_agreement(ports, village, offer, who):
    operator = await an_operator(ports)
    ended = await withdrawn(ports, operator if who == "operator" else village.loom, offer)
    assert (ended.status, ended.deposit.status) == (OfferStatus.WITHDRAWN, DepositStatus.RETURNED)
    await work(ports)
    assert await held(ports, village.buyer.id) == {BUYER: 150_000}
    assert await left(ports, village.carpets) == 20
    note = BankNote(amount=offer.deposit.amount, bank_reference="B-2")
    async with ports.begin() as session:
        sent = await send_deposit_back(ports, session, operator.caller, offer.id, note, "en")
    assert sent.deposit.sent_back_at == ports.clock.now()
    async with nothing_happens(ports):
        await return_deposit(ports, offer.id)
        with pytest.raises(StateConflict):
            async with ports.begin() as session:
                await send_deposit_back(ports, session, operator.caller, offer.id, note, "en")
    assert await held(ports, village.buyer.id) == {}
    assert await held(ports, PLATFORM) == {}
    await all_is_zero(ports)


async def test_buyer_who_withdraws_forfeits_and_when_the_listing_is_gone_it_is_not_the_buyers_fault(
    ports, village, offer, clock
):
    other = await a_person(ports)
    theirs = await a_held_offer(ports, other, village.loom, village.carpets, "5", 150_000)
    assert (await withdrawn(ports, village.buyer, offer)).deposit.status is DepositStatus.FORFEITED
    async with ports.begin() as session:
        await end_sale(session, village.loom.caller, village.carpets, ListingEvent.ARCHIVE, ports.clock.now())
    clock.advance(timedelta(hours=72))
    await work(ports)
    assert (await show_offer(ports, other.caller, theirs.id, "en")).deposit.status is DepositStatus.RETURNED


@pytest.mark.parametrize(
    ("reason", "by_operator", "fate"),
    [
        (None, False, DepositStatus.FORFEITED),
        ("changed_mind", True, DepositStatus.FORFEITED),
        (None, True, DepositStatus.RETURNED),
        ("pickup_late", True, DepositStatus.RETURNED),
    ],
)
async def test_cancelled_order_lets_the_reason_decide_about_the_deposit(
    ports, village, offer, reason, by_operator, fate
):
    order = await ordered(ports, village, offer)
    who = await an_operator(ports) if by_operator else village.buyer
    await cancel_order(ports, who.caller, order["id"], "en", reason)
    await work(ports)
    shown = await seen(ports, village, offer)
    assert (shown.status, shown.deposit.status, shown.order) == (OfferStatus.WITHDRAWN, fate, order["id"])
    assert await left(ports, village.carpets) == 20
    forfeited = fate is DepositStatus.FORFEITED
    assert (await held(ports, village.buyer.id)).get(BUYER, 0) == (0 if forfeited else 150_000)
    assert (await held(ports, village.loom.producer.id)).get(AVAILABLE, 0) >= (150_000 if forfeited else 0)
    assert (await held(ports, village.buyer.id)).get(DEPOSIT, 0) == 0
    await all_is_zero(ports)


async def test_claim_for_all_that_was_paid_goes_back_though_a_part_came_as_a_deposit(ports, village, offer):
    order = await ordered(ports, village, offer)
    await delivered(ports, order)
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, 0, 1_500_000))
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept", keep=True), "en")
    assert (await held(ports, village.buyer.id))[BUYER] == 1_500_000
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    assert PENDING not in await held(ports, village.loom.producer.id)
    await all_is_zero(ports)


# By card.


@pytest.fixture
async def door(ports) -> AsyncIterator[httpx.AsyncClient]:
    """The service as Stripe reaches it."""
    transport = httpx.ASGITransport(create_app(ports=ports))
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as client:
        yield client


async def by_card(ports, buyer, offer):
    return await start_deposit(ports, buyer.caller, offer.id, DepositRequest(method="stripe"), "en")


async def stripe_tells(fake, door, kind):
    for event in await fake.events(kind):
        body, header = await fake.signed(event["id"], SECRET)
        answer = await door.post("/v1/webhooks/stripe", content=body, headers={"stripe-signature": header})
        assert answer.status_code == 200


async def paid_by_card(ports, fake, door, buyer, offer):
    asked = await by_card(ports, buyer, offer)
    await fake.confirm(asked.deposit.client_secret)
    await stripe_tells(fake, door, "payment_intent.succeeded")
    await work(ports)


async def test_deposit_by_card_is_held_counts_and_goes_back_the_way_it_came(ports, village, fake, door):
    agreed = await an_agreement(ports, village.buyer, village.loom, village.carpets, "10", 150_000)
    first = await by_card(ports, village.buyer, agreed)
    assert first.deposit.client_secret.startswith("pi_")
    assert (await by_card(ports, village.buyer, agreed)).deposit.client_secret == first.deposit.client_secret
    assert (await seen(ports, village, agreed)).deposit.client_secret is None
    await paid_by_card(ports, fake, door, village.buyer, agreed)
    assert (await seen(ports, village, agreed)).deposit.status is DepositStatus.HELD
    assert await held(ports, "stripe") == {AccountKind.GATEWAY: -150_000}
    order = await ordered(ports, village, agreed, "stripe")
    assert order["status"] == "awaiting_payment"
    await fake.confirm(order["payment"]["client_secret"])
    await stripe_tells(fake, door, "payment_intent.succeeded")
    await work(ports)
    total = order["price"]["total"]["amount"]
    assert await held(ports, "stripe") == {AccountKind.GATEWAY: -total}
    assert await held(ports, village.buyer.id) == {BUYER: total}
    operator = await an_operator(ports)
    await cancel_order(ports, operator.caller, order["id"], "en")
    await work(ports)
    shown = await seen(ports, village, agreed)
    assert (shown.deposit.status, shown.deposit.sent_back_at) == (DepositStatus.RETURNED, ports.clock.now())
    assert await held(ports, "stripe") == {}
    assert await held(ports, village.buyer.id) == {}
    refunds = await rows(ports, "SELECT status, refunded_minor FROM payment ORDER BY amount_minor")
    assert [tuple(row) for row in refunds] == [("refunded", 150_000), ("refunded", total - 150_000)]
    async with nothing_happens(ports):
        await return_deposit(ports, agreed.id)
    await all_is_zero(ports)


async def test_card_money_that_comes_too_late_goes_back(ports, village, fake, door, clock):
    agreed = await an_agreement(ports, village.buyer, village.loom, village.carpets, "10", 150_000)
    asked = await by_card(ports, village.buyer, agreed)
    await fake.confirm(asked.deposit.client_secret)
    clock.advance(timedelta(hours=48))
    await work(ports)
    assert (await seen(ports, village, agreed)).status is OfferStatus.EXPIRED
    await stripe_tells(fake, door, "payment_intent.succeeded")
    await work(ports)
    assert await left(ports, village.carpets) == 20
    assert await value(ports, "SELECT status FROM payment") == "refunded"
    assert await held(ports, "stripe") == {}
    assert await held(ports, village.buyer.id) == {}
    await all_is_zero(ports)


async def test_card_money_that_came_in_time_counts_though_its_news_is_late(ports, village, fake, door, clock):
    agreed = await an_agreement(ports, village.buyer, village.loom, village.carpets, "10", 150_000)
    asked = await by_card(ports, village.buyer, agreed)
    await fake.confirm(asked.deposit.client_secret)
    await stripe_tells(fake, door, "payment_intent.succeeded")
    (event,) = await fake.events("payment_intent.succeeded")
    await record_payment_event(ports, provider="stripe", event=event["id"])
    clock.advance(timedelta(hours=48))
    async with nothing_happens(ports):
        await lapse_offer(ports, agreed.id)
    await work(ports)
    shown = await seen(ports, village, agreed)
    assert (shown.status, shown.deposit.status) == (OfferStatus.ACCEPTED, DepositStatus.HELD)
    assert shown.due_at == clock.now() + timedelta(hours=72)


async def test_failed_card_may_be_replaced_by_a_bank_transfer(ports, village, fake, door):
    agreed = await an_agreement(ports, village.buyer, village.loom, village.carpets, "10", 150_000)
    asked = await by_card(ports, village.buyer, agreed)
    await fake.confirm(asked.deposit.client_secret, "pm_card_chargeDeclined")
    await stripe_tells(fake, door, "payment_intent.payment_failed")
    await work(ports)
    (told,) = await rows(ports, "SELECT \"to\" FROM message WHERE template = 'deposit_failed'")
    assert told.to == village.buyer.phone
    assert (await asked_by_bank(ports, village.buyer, agreed)).deposit.method == "bank_transfer"
    assert [tuple(row) for row in await rows(ports, "SELECT method, status FROM payment ORDER BY id")] == [
        ("stripe", "cancelled"),
        ("bank_transfer", "awaiting_customer"),
    ]
    assert (await came_in(ports, agreed)).deposit.status is DepositStatus.HELD


async def test_order_that_nobody_pays_leaves_the_offer_to_be_ordered_again_until_the_same_day(
    ports, village, offer, clock
):
    order = await ordered(ports, village, offer, "stripe")
    assert (await seen(ports, village, offer)).status is OfferStatus.USED
    clock.advance(PAYMENT_LIFETIME)
    await work(ports)
    assert (await show_order(ports, order["id"], village.buyer.caller, "en")).status is OrderStatus.EXPIRED
    again = await seen(ports, village, offer)
    assert (again.status, again.deposit.status, again.due_at) == (
        OfferStatus.ACCEPTED,
        DepositStatus.HELD,
        offer.due_at,
    )
    assert await left(ports, village.carpets) == 10
    assert await held(ports, village.buyer.id) == {DEPOSIT: 150_000}
    assert (await ordered(ports, village, offer))["status"] == "placed"
    await all_is_zero(ports)


async def test_who_may_pay_and_how(ports, village, offer):
    agreed = await an_agreement(ports, village.buyer, village.garden, village.dates, "50", 8_000)
    stranger, operator = await a_person(ports), await an_operator(ports)
    async with nothing_happens(ports):
        with pytest.raises(Forbidden):
            await by_card(ports, village.garden, agreed)
        with pytest.raises(NotFound):
            await by_card(ports, stranger, agreed)
        with pytest.raises(PaymentMethodUnavailable):
            await by_card(replace(ports, cards=None), village.buyer, agreed)
        with pytest.raises(StateConflict):
            await came_in(ports, agreed, operator)


# What the goods are.


async def test_animals_of_an_offer_are_named_on_its_order(ports, village):
    sheep = await a_draft(ports, village.garden, SHEEP)
    herd = flock(12)
    await a_lot(ports, village.garden, sheep, "12", **herd)
    await publish(ports, village.garden, sheep)
    offer = await a_held_offer(ports, village.buyer, village.garden, sheep, "5", 140_000)
    kept = await rows(ports, "SELECT tag FROM ear_tag WHERE order_id = :id ORDER BY tag", id=offer.id)
    assert [row.tag for row in kept] == sorted(herd["ear_tags"])[:5]
    near = {
        "deliver_to": {"name": "收货人", "phone": "+8610000000123", "county": "652901", "address": "1", "hub": "AKSU"}
    }
    quote = await quoted(ports, village.buyer, offer, sheep, **near)
    order = await place(ports, village.buyer, ordering(quote))
    assert order["lines"][0]["ear_tags"] == [row.tag for row in kept]


async def test_short_harvest_ends_agreements_and_their_deposits_go_back(ports, village):
    listing = await a_draft(ports, village.garden)
    lot = await a_forecast(ports, village.garden, listing, "1000", 5)
    await publish(ports, village.garden, listing)
    offer = await a_held_offer(ports, village.buyer, village.garden, listing, "50", 8_000)
    await confirmed(ports, village.garden, listing, lot, "10")
    await work(ports)
    shown = await seen(ports, village, offer)
    assert (shown.status, shown.deposit.status) == (OfferStatus.WITHDRAWN, DepositStatus.RETURNED)
    assert await value(ports, "SELECT reserved::int FROM lot WHERE id = :id", id=lot) == 0
