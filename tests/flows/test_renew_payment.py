"""A hold on a card is lost: the buyer pays anew in time, or the order ends; whoever is faster, nothing is taken twice."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.catalogue.errors import OutOfStock
from app.core.errors import NotFound, Problem, StateConflict, UpstreamFailed
from app.flows.cancel_order import cancel_order, expire_order
from app.flows.follow_payment import payment_lost
from app.flows.renew_payment import renew_payment, return_former
from app.flows.show_disputes import show_uncollected
from app.flows.show_order import show_order
from app.orders.values import OrderStatus
from app.payments.errors import RenewalTooLate
from tests.factories.cards import card_shop, hear, hear_all, paid_order
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import a_quote
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template, ports = networked, planned
CARD = "pm_card_visa"


@pytest.fixture
async def shop(ports, fake):
    async with card_shop(ports, fake) as shop:
        yield shop


@pytest.fixture
async def village(shop):
    return await a_village(shop)


async def lost(shop, fake, village, goods=None):
    """An order whose hold expired before anything moved."""
    order = await paid_order(shop, fake, village, goods=goods)
    await fake.expire(await value(shop, "SELECT provider_ref FROM payment WHERE order_id = :id", id=order["id"]))
    await hear_all(shop, fake)
    return order


async def seen(shop, village, order):
    now = await show_order(shop, order["id"], village.buyer.caller, "en")
    return now.status, now.payment.status


async def renew(shop, village, order):
    return (await renew_payment(shop, village.buyer.caller, order["payment"]["id"], "en")).payment


async def pay(shop, fake, payment, method=CARD):
    await fake.confirm(payment.client_secret, method)
    await hear_all(shop, fake)


async def deliver(shop, order, *kinds):
    operator = (await an_operator(shop)).caller
    await tell(shop, operator, events_of(order["consignments"][0], *kinds))
    await work(shop)


async def held_by_gateway(shop, order):
    return -await value(
        shop,
        "SELECT coalesce(sum(amount_minor), 0)::int FROM entry JOIN transfer ON transfer.id = transfer_id "
        "WHERE subject = :id AND state = 'posted' AND account_id LIKE 'gateway%'",
        id=order["id"],
    )


async def owed_by_buyer(shop, order):
    return -await value(
        shop,
        "SELECT coalesce(sum(amount_minor), 0)::int FROM entry JOIN transfer ON transfer.id = transfer_id "
        "WHERE subject = :id AND state = 'posted' AND account_id LIKE 'buyer%'",
        id=order["id"],
    )


async def test_a_lost_hold_keeps_the_goods_until_it_is_paid_anew_and_then_the_order_goes_ahead(shop, village, fake):
    order = await lost(shop, fake, village)
    assert await seen(shop, village, order) == (OrderStatus.AWAITING_PAYMENT, "cancelled")
    assert await value(shop, "SELECT count(*) FROM reservation WHERE state <> 'held'") == 0
    told = [row.template for row in await rows(shop, "SELECT template FROM message ORDER BY created_at, id")]
    assert told.count("payment_failed") == 1
    assert told.count("hand_in_waits") == 2
    now = await show_order(shop, order["id"], village.buyer.caller, "en")
    assert now.payment.renew_until == shop.clock.now() + timedelta(hours=24)

    again = await renew(shop, village, order)
    assert again.id != order["payment"]["id"]
    assert (again.status, bool(again.client_secret)) == ("awaiting_customer", True)
    await pay(shop, fake, again)
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "authorised")
    await deliver(shop, order, "picked_up")
    assert await seen(shop, village, order) == (OrderStatus.IN_TRANSIT, "paid")
    assert await held_by_gateway(shop, order) == order["price"]["total"]["amount"]
    assert (await show_uncollected(shop, None, 10, "en")).items == []


async def test_asked_twice_it_is_one_payment(shop, village, fake):
    order = await lost(shop, fake, village)
    first, second = await asyncio.gather(renew(shop, village, order), renew(shop, village, order))
    assert (first.id, first.client_secret) == (second.id, second.client_secret)
    assert await value(shop, "SELECT count(*) FROM payment") == 2


async def test_what_is_not_paid_anew_in_time_expires_and_its_people_are_told(shop, village, fake, clock):
    order = await lost(shop, fake, village, {village.dates: "1"})
    # The first clock, of half an hour, ends nothing.
    until = (await show_order(shop, order["id"], village.buyer.caller, "en")).payment.renew_until
    clock.advance(until - clock.now() - timedelta(minutes=1))
    await work(shop)
    assert (await seen(shop, village, order))[0] is OrderStatus.AWAITING_PAYMENT
    again = await renew(shop, village, order)
    clock.advance(timedelta(minutes=1))
    with pytest.raises(RenewalTooLate):
        await renew(shop, village, order)
    await work(shop)
    assert await seen(shop, village, order) == (OrderStatus.EXPIRED, "cancelled")
    assert await value(shop, "SELECT count(*) FROM reservation WHERE state = 'held'") == 0
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'order_cancelled'") == 2
    with pytest.raises(StateConflict):
        await renew(shop, village, order)
    # The buyer's client may still hold the secret: the provider knows that it is over.
    assert fake.state.of("payment_intent", id=again.client_secret.partition("_secret_")[0])[0]["status"] == "canceled"


async def test_it_may_be_cancelled_before_and_after_it_is_renewed(shop, village, fake):
    for renewed in (False, True):
        order = await lost(shop, fake, village, {village.dates: "1"})
        if renewed:
            await renew(shop, village, order)
        await cancel_order(shop, village.buyer.caller, order["id"], "en")
        await work(shop)
        assert await seen(shop, village, order) == (OrderStatus.CANCELLED, "cancelled")
        assert await held_by_gateway(shop, order) == 0


async def test_only_its_buyer_and_only_what_was_lost(shop, village, fake):
    order = await paid_order(shop, fake, village)
    with pytest.raises(StateConflict):
        await renew(shop, village, order)
    await fake.expire(await value(shop, "SELECT provider_ref FROM payment"))
    await hear_all(shop, fake)
    for other in (village.garden.caller, (await an_operator(shop)).caller):
        with pytest.raises(NotFound):
            await renew_payment(shop, other, order["payment"]["id"], "en")
    await pay(shop, fake, await renew(shop, village, order))
    async with nothing_happens(shop):
        with pytest.raises(StateConflict):
            await renew(shop, village, order)


async def test_a_renewal_that_is_cut_off_is_taken_up(shop, village, fake):
    order = await lost(shop, fake, village)
    await fake.fault("drop_after", "/v1/payment_intents", times=3)
    with pytest.raises(UpstreamFailed):
        await renew(shop, village, order)
    await fake.reset_faults()
    await pay(shop, fake, await renew(shop, village, order))
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "authorised")
    assert len(fake.state.of("payment_intent")) == 2


async def test_late_news_of_the_lost_hold_change_nothing(shop, village, fake):
    order = await lost(shop, fake, village)
    again = await renew(shop, village, order)
    before = await fake.events()
    await hear(shop, fake, before, times=2)
    await payment_lost(shop, order["id"])
    await work(shop)
    assert await seen(shop, village, order) == (OrderStatus.AWAITING_PAYMENT, "awaiting_customer")
    await pay(shop, fake, again)
    await hear(shop, fake, before, times=2)
    await payment_lost(shop, order["id"])
    await work(shop)
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "authorised")


async def test_a_lost_payment_that_was_taken_after_all_goes_back_when_another_took_its_place(shop, village, fake):
    order = await paid_order(shop, fake, village)
    former = order["payment"]["id"]
    # We gave it up as lost, and the provider took it.
    async with shop.begin() as session:
        await session.execute(text("UPDATE payment SET status = 'cancelled'"))
    await payment_lost(shop, order["id"])
    again = await renew(shop, village, order)
    ref = order["payment"]["client_secret"].partition("_secret_")[0]
    await shop.cards.capture(former, ref)
    await hear_all(shop, fake)
    assert await value(shop, "SELECT status FROM payment WHERE id = :id", id=former) == "refunded"
    async with nothing_happens(shop):
        await return_former(shop, former)
    assert await seen(shop, village, order) == (OrderStatus.AWAITING_PAYMENT, "awaiting_customer")
    await pay(shop, fake, again)
    assert await seen(shop, village, order) == (OrderStatus.PLACED, "authorised")
    assert await held_by_gateway(shop, order) == 0


async def test_renewal_against_expiry_ends_in_one_way_and_holds_nothing_of_what_is_over(shop, village, fake, clock):
    for turn in range(4):
        order = await lost(shop, fake, village, {village.dates: "1"})
        clock.advance(timedelta(hours=24))

        async def late(order=order):
            await renew(shop, village, order)

        stories = [expire_order(shop, order["id"]), late()]
        for answer in await asyncio.gather(*(stories if turn % 2 else reversed(stories)), return_exceptions=True):
            assert answer is None or isinstance(answer, Problem), answer
        await work(shop)
        assert (await seen(shop, village, order))[0] is OrderStatus.EXPIRED


async def test_paying_the_renewal_against_expiry_goes_ahead_or_gives_it_all_back(shop, village, fake, clock):
    for _ in range(4):
        order = await lost(shop, fake, village, {village.dates: "1"})
        again = await renew(shop, village, order)
        clock.advance(timedelta(hours=24))
        await fake.confirm(again.client_secret, CARD)
        await asyncio.gather(hear_all(shop, fake), expire_order(shop, order["id"]), return_exceptions=True)
        await hear_all(shop, fake)
        assert await seen(shop, village, order) in {
            (OrderStatus.PLACED, "authorised"),
            (OrderStatus.EXPIRED, "cancelled"),
        }
        intent = fake.state.of("payment_intent", id=again.client_secret.partition("_secret_")[0])[0]
        held = intent["status"] == "requires_capture"
        assert held == ((await seen(shop, village, order))[0] is OrderStatus.PLACED)


async def test_goods_that_are_handed_over_all_the_same_go_on_and_stay_owed_until_they_are_paid(shop, village, fake):
    order = await lost(shop, fake, village)
    again = await renew(shop, village, order)
    await deliver(shop, order, "picked_up")
    assert await seen(shop, village, order) == (OrderStatus.IN_TRANSIT, "awaiting_customer")
    assert [each.order for each in (await show_uncollected(shop, None, 10, "en")).items] == [order["id"]]
    await pay(shop, fake, again)
    assert await seen(shop, village, order) == (OrderStatus.IN_TRANSIT, "paid")
    assert (await show_uncollected(shop, None, 10, "en")).items == []


@pytest.mark.parametrize("arrived", [False, True])
async def test_what_is_uncollected_is_settled_by_a_renewal(shop, village, fake, arrived):
    order = await paid_order(shop, fake, village)
    await fake.expire(await value(shop, "SELECT provider_ref FROM payment"))
    await deliver(shop, order, "picked_up", *(["delivered"] if arrived else []))
    for consignment in order["consignments"][1:] if arrived else []:
        await tell(shop, (await an_operator(shop)).caller, events_of(consignment, "picked_up", "delivered"))
    await work(shop)
    total = order["price"]["total"]["amount"]
    assert [each.order for each in (await show_uncollected(shop, None, 10, "en")).items] == [order["id"]]
    again = await renew(shop, village, order)
    assert [each.order for each in (await show_uncollected(shop, None, 10, "en")).items] == [order["id"]]
    await pay(shop, fake, again)
    assert (await seen(shop, village, order))[1] == "paid"
    assert (await show_uncollected(shop, None, 10, "en")).items == []
    assert await held_by_gateway(shop, order) == total
    assert await owed_by_buyer(shop, order) == (0 if arrived else -total)


async def test_kept_goods_are_nobody_elses_while_they_wait(shop, village, fake):
    everything = await value(shop, "SELECT (sum(quantity))::int FROM lot WHERE listing_id = :id", id=village.dates)
    await lost(shop, fake, village, {village.dates: str(everything)})
    with pytest.raises(OutOfStock):
        await a_quote(shop, village.buyer, {village.dates: "1"})
