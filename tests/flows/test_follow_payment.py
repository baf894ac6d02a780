"""A card order: placed when the money is there, over HTTP with the Stripe stand-in; a cut-off payment is taken up again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from app.claims.schemas import ClaimAnswer
from app.core.errors import IdTaken, StateConflict, UpstreamFailed
from app.core.ids import new_id
from app.core.limits import PAYMENT_LIFETIME
from app.flows.cancel_order import cancel_order, expire_order
from app.flows.claim_goods import answer_claim, refund_claim
from app.flows.follow_payment import payment_paid
from app.flows.ports import Ports
from app.flows.return_part import return_part
from app.flows.show_claims import show_claim
from app.flows.show_order import show_order
from app.ledger.balance import balances
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, State, TransferKind
from app.main import create_app
from app.orders.values import OrderStatus
from app.payments.providers import StripeProvider
from tests.factories.catalogue import a_draft, publish
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import a_person, a_producer, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.lots import NEAR, a_forecast, confirmed, flocks
from tests.factories.network import networked
from tests.factories.orders import a_quote, ordering, place
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.fakes.stripe.runner import StripeStandIn

template = networked
SECRET = "whsec_of_the_tests"
DECLINED = "pm_card_chargeDeclined"


@pytest.fixture
async def shop(planned: Ports, fake: StripeStandIn) -> AsyncIterator[Ports]:
    """The ports with a card provider that takes the money at once."""
    cards = StripeProvider(fake.key, SECRET, api_base=fake.url, timeout_s=2)
    yield replace(planned, cards=cards, settings=planned.settings.model_copy(update={"stripe_capture": "at_once"}))
    await cards.close()


@pytest.fixture
async def village(shop):
    return await a_village(shop)


@pytest.fixture
async def quote(shop, village):
    return await a_quote(shop, village.buyer, village.basket)


@pytest.fixture
async def door(shop: Ports) -> AsyncIterator[httpx.AsyncClient]:
    """The service as Stripe reaches it."""
    transport = httpx.ASGITransport(create_app(ports=shop))
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as client:
        yield client


async def ordered(shop, village, quote, key="monday"):
    return await place(shop, village.buyer, ordering(quote, "stripe"), key)


async def stripe_tells(fake, door, kind, times=1):
    """Deliver the signed events of this type, and see them taken."""
    for event in await fake.events(kind):
        body, header = await fake.signed(event["id"], SECRET)
        for _ in range(times):
            answer = await door.post("/v1/webhooks/stripe", content=body, headers={"stripe-signature": header})
            assert (answer.status_code, answer.json()) == (200, {"received": True})


async def paid(shop, fake, door, order):
    await fake.confirm(order["payment"]["client_secret"])
    await stripe_tells(fake, door, "payment_intent.succeeded")
    await work(shop)


async def shown(shop, village, order):
    return await show_order(shop, order["id"], village.buyer.caller, "en")


async def held(shop, owner):
    async with shop.database.read() as connection:
        return {b.account.kind: (b.posted_minor, b.pending_minor) for b in await balances(connection, owner)}


async def test_card_order_waits_for_its_money_and_holds_the_goods_meanwhile(shop, village, quote):
    order = await ordered(shop, village, quote)
    assert (order["status"], order["payment"]["status"]) == ("awaiting_payment", "awaiting_customer")
    assert order["payment"]["client_secret"].startswith("pi_")
    assert await value(shop, "SELECT count(*) FROM reservation WHERE state = 'held'") == 2
    ((name, due, payload),) = await rows(
        shop, "SELECT task_name, scheduled_at, args FROM procrastinate_jobs WHERE status = 'todo'"
    )
    assert (name, due, payload) == ("order.expire", shop.clock.now() + PAYMENT_LIFETIME, {"order": order["id"]})
    assert (await shown(shop, village, order)).payment.client_secret is None


async def test_order_with_an_id_of_the_client_is_found_again_with_the_secret_to_pay_it(shop, village, quote):
    body = ordering(quote, "stripe", id=new_id("ord"))
    first = await place(shop, village.buyer, body)
    assert first["payment"]["client_secret"].startswith("pi_")
    # Another key each time: the client remembers only the id that it made.
    assert await place(shop, village.buyer, body) == first


async def test_id_of_an_order_with_another_way_to_pay_is_taken(shop, village, quote):
    cash = ordering(quote, id=new_id("ord"))
    await place(shop, village.buyer, cash)
    async with nothing_happens(shop):
        with pytest.raises(IdTaken):
            await place(shop, village.buyer, cash | {"payment": {"method": "stripe"}})


async def test_payment_that_was_cut_off_is_taken_up_by_the_id_of_the_client(shop, village, quote, fake):
    body = ordering(quote, "stripe", id=new_id("ord"))
    away = StripeProvider(fake.key, SECRET, api_base="http://127.0.0.1:9", timeout_s=1)
    with pytest.raises(UpstreamFailed):
        await place(replace(shop, cards=away), village.buyer, body)
    await away.close()
    order = await place(shop, village.buyer, body)
    assert (order["id"], order["payment"]["status"]) == (body["id"], "awaiting_customer")
    assert order["payment"]["client_secret"].startswith("pi_")
    assert await value(shop, 'SELECT count(*) FROM "order"') == 1


async def test_secret_of_the_payment_is_nowhere_in_the_database(shop, village, quote):
    secret = (await ordered(shop, village, quote))["payment"]["client_secret"]
    kept = await value(shop, "SELECT convert_from(body, 'UTF8') FROM idempotency_key")
    assert secret not in kept
    assert not await rows(shop, "SELECT 1 FROM payment WHERE payment::text LIKE '%' || :secret || '%'", secret=secret)


async def test_money_that_arrives_places_the_order_and_tells_everybody_once(shop, village, quote, fake, door):
    order = await ordered(shop, village, quote)
    await fake.confirm(order["payment"]["client_secret"])
    await stripe_tells(fake, door, "payment_intent.succeeded", times=3)
    await work(shop)
    now = await shown(shop, village, order)
    assert (now.status, now.payment.status) == (OrderStatus.PLACED, "paid")
    total = order["price"]["total"]["amount"]
    assert await held(shop, "stripe") == {AccountKind.GATEWAY: (-total, 0)}
    assert await held(shop, village.buyer.id) == {AccountKind.BUYER: (total, -total)}
    told = await rows(shop, "SELECT template, count(*) FROM message WHERE template <> 'listing_published' GROUP BY 1")
    assert dict(map(tuple, told)) == {"order_placed": 1, "new_order_for_producer": 2}
    async with nothing_happens(shop):
        await payment_paid(shop, order["id"])
        await expire_order(shop, order["id"])


async def test_delivery_of_a_paid_order_takes_no_cash(shop, village, quote, fake, door):
    order = await ordered(shop, village, quote)
    await paid(shop, fake, door, order)
    operator = (await an_operator(shop)).caller
    for consignment in order["consignments"]:
        await tell(shop, operator, events_of(consignment))
    await work(shop)
    assert (await shown(shop, village, order)).status is OrderStatus.DELIVERED
    assert await held(shop, village.buyer.id) == {AccountKind.BUYER: (0, 0)}
    assert not await rows(shop, "SELECT 1 FROM account WHERE kind = 'carrier_cash'")


async def test_declined_card_may_be_followed_by_a_better_one(shop, village, quote, fake, door):
    order = await ordered(shop, village, quote)
    await fake.confirm(order["payment"]["client_secret"], DECLINED)
    await stripe_tells(fake, door, "payment_intent.payment_failed")
    await work(shop)
    now = await shown(shop, village, order)
    assert (now.status, now.payment.status) == (OrderStatus.AWAITING_PAYMENT, "failed")
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'payment_failed'") == 1
    await paid(shop, fake, door, order)
    assert (await shown(shop, village, order)).status is OrderStatus.PLACED


async def test_order_that_nobody_paid_for_expires_and_lets_go_of_everything(shop, village, quote, fake, clock):
    order = await ordered(shop, village, quote)
    clock.advance(PAYMENT_LIFETIME)
    await work(shop)
    now = await shown(shop, village, order)
    assert (now.status, now.payment.status) == (OrderStatus.EXPIRED, "cancelled")
    assert await value(shop, "SELECT count(*) FROM reservation WHERE state = 'held'") == 0
    assert await value(shop, "SELECT sum(used_weight_g) FROM departure_load") == 0
    async with shop.begin() as session:
        assert {transfer.state for transfer in await transfers_of(session, order["id"])} == {State.VOID}
    assert len(await fake.events("payment_intent.canceled")) == 1


async def test_animals_of_an_order_that_expires_are_free_again_and_a_paid_ones_money_goes_back_with_them(
    shop, fake, door, clock
):
    seller, buyer = await a_producer(shop), await a_person(shop)
    listing, (tags,) = await flocks(shop, seller, 3)
    quotes = [await a_quote(shop, buyer, {listing: heads}, **NEAR) for heads in ("2", "1", "3")]
    first = await place(shop, buyer, ordering(quotes[0], "stripe"))
    assert first["lines"][0]["ear_tags"] == tags[:2]
    second = await place(shop, buyer, ordering(quotes[1], "stripe"))
    assert second["lines"][0]["ear_tags"] == tags[2:]
    await paid(shop, fake, door, second)
    clock.advance(PAYMENT_LIFETIME)
    await work(shop)
    held_by = "SELECT tag FROM ear_tag WHERE order_id = :id"
    assert await rows(shop, held_by, id=first["id"]) == []
    assert [row.tag for row in await rows(shop, held_by, id=second["id"])] == tags[2:]
    counters = await rows(shop, "SELECT reserved::int, consumed::int FROM lot WHERE listing_id = :id", id=listing)
    assert [tuple(row) for row in counters] == [(1, 0)]
    await cancel_order(shop, buyer.caller, second["id"], "en")
    await work(shop)
    assert await value(shop, "SELECT count(*) FROM ear_tag WHERE order_id IS NOT NULL") == 0
    assert (await show_order(shop, second["id"], buyer.caller, "en")).payment.status == "refunded"


async def test_money_of_an_order_that_a_harvest_is_too_small_for_goes_back(shop, fake, door):
    seller, buyer = await a_producer(shop), await a_person(shop)
    listing = await a_draft(shop, seller)
    lot = await a_forecast(shop, seller, listing, "20", 9)
    await publish(shop, seller, listing)
    order = await place(shop, buyer, ordering(await a_quote(shop, buyer, {listing: "6"}), "stripe"))
    await paid(shop, fake, door, order)
    await confirmed(shop, seller, listing, lot, "0")
    await work(shop)
    now = await show_order(shop, order["id"], buyer.caller, "en")
    assert (now.status, now.payment.status) == (OrderStatus.CANCELLED, "refunded")
    assert await held(shop, buyer.id) == {AccountKind.BUYER: (0, 0)}
    assert len(await fake.events("charge.refunded")) == 1


async def test_of_an_order_that_is_cut_down_a_part_goes_back_by_card_once_and_the_rest_when_it_is_cancelled(
    shop, fake, door
):
    seller, buyer = await a_producer(shop), await a_person(shop)
    listing = await a_draft(shop, seller)
    lot = await a_forecast(shop, seller, listing, "20", 9)
    await publish(shop, seller, listing)
    order = await place(shop, buyer, ordering(await a_quote(shop, buyer, {listing: "6"}), "stripe"))
    await paid(shop, fake, door, order)
    await confirmed(shop, seller, listing, lot, "5")
    await work(shop)
    now = await show_order(shop, order["id"], buyer.caller, "en")
    back = order["price"]["total"]["amount"] - now.price.total.amount
    assert (now.status, now.payment.status, now.reductions[0].refund.amount) == (OrderStatus.PLACED, "paid", back)
    assert await held(shop, buyer.id) == {AccountKind.BUYER: (now.price.total.amount, -now.price.total.amount)}
    (known,) = await rows(shop, "SELECT id FROM part_refund WHERE order_id = :id", id=order["id"])
    async with nothing_happens(shop):
        await return_part(shop, known.id)
    assert len(await fake.events("charge.refunded")) == 1
    await cancel_order(shop, buyer.caller, order["id"], "en")
    await work(shop)
    assert (await show_order(shop, order["id"], buyer.caller, "en")).payment.status == "refunded"
    assert await held(shop, buyer.id) == {AccountKind.BUYER: (0, 0)}
    sent = "SELECT -sum(amount_minor)::bigint FROM entry WHERE account_id LIKE 'gateway:%'"
    assert await value(shop, sent) == 0
    assert len(await fake.events("charge.refunded")) == 2


async def test_money_that_comes_after_the_order_expired_goes_back(shop, village, quote, fake, door, clock):
    order = await ordered(shop, village, quote)
    await fake.confirm(order["payment"]["client_secret"])
    clock.advance(PAYMENT_LIFETIME)
    await expire_order(shop, order["id"])
    await stripe_tells(fake, door, "payment_intent.succeeded")
    await work(shop)
    now = await shown(shop, village, order)
    assert (now.status, now.payment.status) == (OrderStatus.EXPIRED, "refunded")
    assert len(await fake.events("charge.refunded")) == 1
    assert await held(shop, village.buyer.id) == {AccountKind.BUYER: (0, 0)}


async def test_cancelled_card_order_gets_its_money_back_once(shop, village, quote, fake, door):
    order = await ordered(shop, village, quote)
    await paid(shop, fake, door, order)
    await cancel_order(shop, village.buyer.caller, order["id"], "en")
    assert "payment.return" in [name for name, _ in await waiting(shop)]
    await work(shop)
    await stripe_tells(fake, door, "charge.refunded", times=2)
    await work(shop)
    now = await shown(shop, village, order)
    assert (now.status, now.payment.status) == (OrderStatus.CANCELLED, "refunded")
    async with shop.begin() as session:
        kinds = sorted((t.kind, t.state) for t in await transfers_of(session, order["id"]))
    assert kinds == sorted(
        [
            (TransferKind.SALE, State.VOID),
            (TransferKind.COLLECTION, State.POSTED),
            (TransferKind.REFUND, State.POSTED),
        ]
    )
    assert await held(shop, "stripe") == {AccountKind.GATEWAY: (0, 0)}
    assert await held(shop, village.buyer.id) == {AccountKind.BUYER: (0, 0)}


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error"])
async def test_payment_that_was_cut_off_is_taken_up_by_the_same_key(shop, village, quote, fake, fault):
    await fake.fault(fault, "/v1/payment_intents", times=3)
    with pytest.raises(UpstreamFailed):
        await ordered(shop, village, quote)
    assert await value(shop, 'SELECT count(*) FROM "order"') == 1
    # Stripe remembers a 500 under its key for a day: it takes the payment up once that is forgotten.
    await fake.reset()
    order = await ordered(shop, village, quote)
    assert order["payment"]["status"] == "awaiting_customer"
    assert await value(shop, 'SELECT count(*) FROM "order"') == 1
    assert await value(shop, "SELECT count(*) FROM reservation") == 2
    async with nothing_happens(shop):
        assert await ordered(shop, village, quote) == order


async def test_lost_answer_of_the_provider_makes_no_second_intent(shop, village, quote, fake):
    await fake.fault("drop_after", "/v1/payment_intents", times=1)
    order = await ordered(shop, village, quote)
    assert order["payment"]["status"] == "awaiting_customer"
    assert len(await fake.events("payment_intent.created")) == 1


async def test_two_repeats_of_a_cut_off_order_ask_for_one_intent(shop, village, quote, fake):
    await fake.fault("drop_before", "/v1/payment_intents", times=3)
    with pytest.raises(UpstreamFailed):
        await ordered(shop, village, quote)
    await fake.reset()
    answers = await asyncio.gather(*(ordered(shop, village, quote) for _ in range(4)), return_exceptions=True)
    assert len({answer["id"] for answer in answers}) == 1
    assert len(await fake.events("payment_intent.created")) == 1


async def test_cancelling_while_the_card_waits_ends_the_intent(shop, village, quote, fake):
    order = await ordered(shop, village, quote)
    await cancel_order(shop, village.buyer.caller, order["id"], "en")
    await work(shop)
    now = await shown(shop, village, order)
    assert (now.status, now.payment.status) == (OrderStatus.CANCELLED, "cancelled")
    assert len(await fake.events("payment_intent.canceled")) == 1
    with pytest.raises(StateConflict):
        await cancel_order(shop, village.buyer.caller, order["id"], "en")


async def test_order_cancelled_before_the_provider_was_asked_leaves_no_open_intent(shop, village, quote, fake):
    await fake.fault("drop_before", "/v1/payment_intents", times=3)
    with pytest.raises(UpstreamFailed):
        await ordered(shop, village, quote)
    order_id = await value(shop, 'SELECT id FROM "order"')
    await cancel_order(shop, village.buyer.caller, order_id, "en")
    await work(shop)
    repeat = await ordered(shop, village, quote)
    assert (repeat["status"], repeat["payment"]["status"]) == ("cancelled", "cancelled")
    await work(shop)
    created, ended = await fake.events("payment_intent.created"), await fake.events("payment_intent.canceled")
    assert len(created) == len(ended)


async def test_a_granted_claim_goes_back_by_card_once_and_in_part(shop, village, quote, fake, door):
    order = await ordered(shop, village, quote)
    await paid(shop, fake, door, order)
    operator = await an_operator(shop)
    for consignment in order["consignments"]:
        await tell(shop, operator.caller, events_of(consignment))
    await work(shop)
    claim = await a_claim_for(shop, village.buyer, order, **claiming(order, 1, 50_000))
    async with shop.begin() as session:
        await answer_claim(shop, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    assert (await held(shop, village.buyer.id))[AccountKind.BUYER] == (50_000, 0)
    await asyncio.gather(*(refund_claim(shop, claim.id) for _ in range(3)))
    await work(shop)
    refunds = await fake.events("charge.refunded")
    assert len(refunds) == 1
    await stripe_tells(fake, door, "charge.refunded", times=2)
    await work(shop)
    assert (await held(shop, village.buyer.id))[AccountKind.BUYER] == (0, 0)
    total = order["price"]["total"]["amount"]
    assert (await held(shop, "stripe"))[AccountKind.GATEWAY] == (50_000 - total, 0)
    assert tuple((await rows(shop, "SELECT status, refunded_minor::int FROM payment"))[0]) == ("paid", 50_000)
    told = await show_claim(shop, village.buyer.caller, claim.id, "en")
    assert told.refunded_at is not None
    assert await value(shop, "SELECT count(*) FROM transfer WHERE kind = 'refund_paid'") == 1
