"""A card is authorised with the order and captured at the hand-over; a hold that is lost is noticed, whoever is faster."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from app.core.clock import rfc3339
from app.core.errors import Problem, UpstreamFailed
from app.flows.cancel_order import cancel_order, return_payment
from app.flows.follow_payment import capture_in_time, capture_payment, payment_lost
from app.flows.follow_shipment import follow_shipment
from app.flows.show_disputes import show_uncollected
from app.flows.show_order import show_order
from app.ledger.balance import balances
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, State, TransferKind
from app.orders.values import OrderStatus
from app.payments.values import HOLD_LASTS, HOLD_MARGIN
from app.payouts.terms import RenewalTerms
from tests.factories.cards import card_shop, hear, hear_all, paid_order
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote, an_order, ordering, place
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.factories.weighing import say, weigh, weighed_goods

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template, ports = networked, planned
CAPTURE = "/v1/payment_intents/*/capture"


@pytest.fixture
async def shop(ports, fake):
    async with card_shop(ports, fake) as shop:
        yield shop


@pytest.fixture
async def village(shop):
    return await a_village(shop)


async def seen(shop, village, order):
    now = await show_order(shop, order["id"], village.buyer.caller, "en")
    return now.status, now.payment.status


async def intent_of(shop, order):
    return await value(shop, "SELECT provider_ref FROM payment WHERE order_id = :id", id=order["id"])


async def collected(shop, order):
    async with shop.begin() as session:
        return [t.state for t in await transfers_of(session, order["id"]) if t.kind is TransferKind.COLLECTION]


async def depart(shop, order, kinds=("picked_up", "departed")):
    operator = (await an_operator(shop)).caller
    await tell(shop, operator, events_of(order["consignments"][0], *kinds)[:2])


async def moves(fake):
    return [
        each["path"].rsplit("/", 1)[-1] for each in await fake.calls() if each["path"].endswith(("capture", "cancel"))
    ]


async def test_a_card_is_held_with_the_order_and_taken_when_the_goods_leave(shop, village, fake):
    order = await paid_order(shop, fake, village)
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "authorised")
    assert await collected(shop, order) == []
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'order_placed'") == 1

    await depart(shop, order)
    await work(shop)

    assert await seen(shop, village, order) == (OrderStatus.IN_TRANSIT, "paid")
    assert await collected(shop, order) == [State.POSTED]
    async with shop.database.read() as connection:
        (gateway,) = await balances(connection, "stripe")
    assert gateway.posted_minor == -order["price"]["total"]["amount"]
    await hear_all(shop, fake)
    async with nothing_happens(shop):
        await capture_payment(shop, order["id"])
    assert await moves(fake) == ["capture"]


@pytest.mark.parametrize("wallet", ["alipay", "wechat_pay"])
async def test_a_wallet_knows_no_holds_and_pays_at_once(shop, village, fake, wallet):
    order = await paid_order(shop, fake, village, wallet)
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "paid")
    assert await collected(shop, order) == [State.POSTED]
    await depart(shop, order)
    await work(shop)
    assert await moves(fake) == []


async def test_an_order_that_leaves_after_the_hold_would_end_is_charged_at_once(shop, village, fake, clock):
    later = rfc3339(clock.now() + HOLD_LASTS)
    quote = await a_quote(shop, village.buyer, {village.carpets: "1"}, depart_after=later)
    order = await place(shop, village.buyer, ordering(quote, "stripe"))
    await fake.confirm(order["payment"]["client_secret"])
    await hear_all(shop, fake)
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "paid")


async def test_an_operator_may_have_all_cards_charged_at_once(ports, village, fake):
    async with card_shop(ports, fake, stripe_capture="at_once") as shop:
        order = await paid_order(shop, fake, village)
        assert await seen(shop, village, order) == (OrderStatus.PLACED, "paid")


async def test_a_cancelled_order_releases_what_is_held_and_nothing_was_ever_taken(shop, village, fake):
    order = await paid_order(shop, fake, village)
    await cancel_order(shop, village.buyer.caller, order["id"], "en")
    await work(shop)
    await hear_all(shop, fake)
    assert await seen(shop, village, order) == (OrderStatus.CANCELLED, "cancelled")
    assert await collected(shop, order) == []
    assert await moves(fake) == ["cancel"]
    async with shop.database.read() as connection:
        assert await balances(connection, "stripe") == []


@pytest.mark.parametrize("fault", ["late", "drop_before", "drop_after", "unavailable"])
async def test_a_capture_that_is_cut_off_is_taken_up_and_takes_once(shop, village, fake, fault):
    order = await paid_order(shop, fake, village)
    await depart(shop, order)
    await fake.fault(fault, CAPTURE, times=3)
    with pytest.raises(UpstreamFailed):
        await work(shop)
    await fake.reset_faults()
    await capture_payment(shop, order["id"])
    await hear_all(shop, fake)
    assert (await seen(shop, village, order))[1] == "paid"
    assert await collected(shop, order) == [State.POSTED]
    assert len(await fake.events("charge.captured")) == 1


async def test_weighed_goods_that_arrive_before_the_charge_is_heard_of_give_back_what_is_too_much(shop, village, fake):
    bulk = await weighed_goods(shop, village.garden)
    order = await paid_order(shop, fake, village, goods={bulk: "100"})
    most, total = order["range"]["most"]["amount"], order["price"]["total"]["amount"]
    operator = (await an_operator(shop)).caller
    # The hand-in and the delivery are told at once; nobody has weighed.
    await tell(shop, operator, events_of(order["consignments"][0], "picked_up", "delivered"))
    await follow_shipment(shop, order["id"])
    assert await value(shop, "SELECT status FROM payment") == "authorised"
    await work(shop)
    await hear_all(shop, fake)
    assert await rows(shop, "SELECT status, amount_minor, refunded_minor FROM payment") == [
        ("paid", most, most - total)
    ]
    assert await collected(shop, order) == [State.POSTED]
    async with shop.database.read() as connection:
        (owed,) = await balances(connection, village.buyer.id)
        (gateway,) = await balances(connection, "stripe")
    assert (owed.posted_minor, gateway.posted_minor) == (0, -total)


async def test_what_is_taken_at_the_door_besides_does_not_hide_the_charge(shop, village, fake):
    bulk = await weighed_goods(shop, village.garden)
    order = await paid_order(shop, fake, village, goods={bulk: "100"})
    most = order["range"]["most"]["amount"]
    operator = await an_operator(shop)
    asked = await weigh(shop, operator, order, 120_000)
    await say(shop, village.buyer, asked.id, "accept")
    await tell(shop, operator.caller, events_of(order["consignments"][0], "picked_up", "delivered"))
    # The door first, then the charge.
    await follow_shipment(shop, order["id"])
    await work(shop)
    await hear_all(shop, fake)
    assert await collected(shop, order) == [State.POSTED, State.POSTED]
    async with shop.database.read() as connection:
        (owed,) = await balances(connection, village.buyer.id)
        (gateway,) = await balances(connection, "stripe")
    assert (owed.posted_minor, gateway.posted_minor) == (0, -most)


async def test_a_hold_that_expires_before_anything_moves_cancels_the_order_where_none_waits(shop, village, fake):
    terms = shop.terms.model_copy(update={"renewal": RenewalTerms(deadline_h=0)})
    shop = replace(shop, terms=terms)
    order = await paid_order(shop, fake, village)
    await fake.expire(await intent_of(shop, order))
    await hear_all(shop, fake)
    assert await seen(shop, village, order) == (OrderStatus.CANCELLED, "cancelled")
    assert await value(shop, "SELECT count(*) FROM reservation WHERE state = 'held'") == 0
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'order_cancelled'") == 3
    async with nothing_happens(shop):
        await payment_lost(shop, order["id"])


async def test_goods_under_way_go_on_when_their_hold_is_lost_and_operators_see_it(shop, village, fake):
    order = await paid_order(shop, fake, village)
    await fake.expire(await intent_of(shop, order))
    # The expiry is told later: first the goods leave, and the capture finds it out.
    await depart(shop, order)
    await work(shop)
    assert await seen(shop, village, order) == (OrderStatus.IN_TRANSIT, "cancelled")
    assert await collected(shop, order) == []
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'payment_lost'") == 1
    page = await show_uncollected(shop, None, 10, "en")
    assert [(each.order, each.amount.amount) for each in page.items] == [
        (order["id"], order["price"]["total"]["amount"])
    ]
    await hear_all(shop, fake)
    assert await seen(shop, village, order) == (OrderStatus.IN_TRANSIT, "cancelled")


async def test_money_held_for_goods_that_are_late_is_taken_before_the_hold_ends(shop, village, fake, clock):
    order = await paid_order(shop, fake, village)
    await capture_in_time(shop)
    await work(shop)
    assert await moves(fake) == []
    clock.advance(HOLD_LASTS - HOLD_MARGIN + timedelta(minutes=1))
    await capture_in_time(shop)
    await work(shop)
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "paid")
    assert await collected(shop, order) == [State.POSTED]


async def test_a_declined_card_may_be_followed_by_one_that_is_held(shop, village, fake):
    order = await an_order(shop, village.buyer, village.basket, "stripe")
    await fake.confirm(order["payment"]["client_secret"], "pm_card_chargeDeclined")
    await hear_all(shop, fake)
    assert await seen(shop, village, order) == (OrderStatus.AWAITING_PAYMENT, "failed")
    await fake.confirm(order["payment"]["client_secret"])
    await hear_all(shop, fake)
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "authorised")


async def test_any_order_of_the_news_of_a_captured_card_comes_to_the_same(shop, village, fake):
    ends = set()
    for turn in range(6):
        order = await an_order(shop, village.buyer, {village.dates: "1"}, "stripe")
        secret = order["payment"]["client_secret"]
        await fake.confirm(secret, "pm_card_chargeDeclined")
        await fake.confirm(secret)
        await shop.cards.capture(order["payment"]["client_secret"], secret.partition("_secret_")[0])
        told = [
            each
            for each in await fake.events()
            if each["data"]["object"]["id"] == secret.partition("_secret_")[0]
            and each["type"] != "payment_intent.created"
        ]
        assert len(told) == 3
        await hear(shop, fake, list(permutations(told))[turn], times=2)
        await work(shop)
        ends.add((*await seen(shop, village, order), *await collected(shop, order)))
    assert ends == {(OrderStatus.PLACED, "paid", State.POSTED)}


async def test_cancelling_and_capturing_at_once_take_nothing_or_give_it_back(shop, village, fake):
    for _ in range(4):
        order = await paid_order(shop, fake, village, goods={village.dates: "1"})
        caller = village.buyer.caller

        async def cancelled(order=order, caller=caller):
            await cancel_order(shop, caller, order["id"], "en")
            await return_payment(shop, order["id"])

        stories = [cancelled(), capture_payment(shop, order["id"])]
        for answer in await asyncio.gather(*stories, return_exceptions=True):
            assert answer is None or isinstance(answer, Problem), answer
        await hear_all(shop, fake)
        status, payment = await seen(shop, village, order)
        assert (status, payment) in {
            (OrderStatus.CANCELLED, "cancelled"),
            (OrderStatus.CANCELLED, "refunded"),
        }
        sums = await rows(
            shop,
            "SELECT coalesce(sum(amount_minor), 0)::int FROM entry JOIN transfer ON transfer.id = transfer_id "
            "WHERE subject = :id AND state = 'posted' AND account_id LIKE 'gateway%'",
            id=order["id"],
        )
        assert [tuple(each) for each in sums] == [(0,)]


async def test_news_and_our_own_answer_of_a_capture_enter_the_money_once(shop, village, fake):
    order = await paid_order(shop, fake, village, goods={village.dates: "1"})
    await shop.cards.capture(f"pay-of-{order['id']}", await intent_of(shop, order))
    await hear(shop, fake, await fake.events("payment_intent.succeeded"))
    await asyncio.gather(work(shop), capture_payment(shop, order["id"]))
    await work(shop)
    assert await collected(shop, order) == [State.POSTED]
    async with shop.database.read() as connection:
        held = {b.account.kind: b.posted_minor for b in await balances(connection, "stripe")}
    assert held == {AccountKind.GATEWAY: -order["price"]["total"]["amount"]}
