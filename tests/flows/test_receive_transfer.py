"""An order paid by bank transfer: it waits with a reference, goes ahead once all is there, and what is too much goes back."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.claims.schemas import ClaimAnswer
from app.core.errors import Invalid
from app.core.ids import new_id
from app.flows.cancel_order import cancel_order
from app.flows.claim_goods import answer_claim
from app.flows.receive_transfer import receive_transfer
from app.flows.show_order import show_order
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.orders.values import OrderStatus
from app.payments.errors import NotPaidByTransfer, PaymentMethodUnavailable, ReceiptKnown
from app.payments.schemas import NewReceipt
from app.payouts.terms import read_terms
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.payouts import a_payee, a_run, mark, payouts
from tests.factories.tables import nothing_happens, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.factories.weighing import weigh, weighed_goods

template, ports = networked, planned
TERMS = 'version = "t"\n[transfer]\ndeadline_h = 72\npay_to = { en = "Chama, Hotan bank, 1234", zh-Hans = "茶马，和田银行，1234" }\n'


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


@pytest.fixture
def shop(ports):
    """A service that tells its buyers where to transfer to."""
    return replace(ports, terms=read_terms(TERMS))


@pytest.fixture
async def order(shop, village):
    return await an_order(shop, village.buyer, village.basket, "bank_transfer")


async def arrives(ports, operator, order, amount, reference=None):
    asked = {"amount": {"amount": amount, "currency": "CNY"}, "reference": reference or new_id("key")}
    async with ports.begin() as session:
        command = NewReceipt.model_validate(asked)
        return await receive_transfer(ports, session, operator, order["payment"]["id"], command)


async def held(ports, owner, kind):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner)}.get(kind, 0)


async def status_of(ports, village, order):
    return (await show_order(ports, order["id"], village.buyer.caller, "en")).status


async def test_it_is_offered_only_where_buyers_are_told_where_to_pay(ports, village):
    with pytest.raises(PaymentMethodUnavailable):
        await an_order(ports, village.buyer, village.basket, "bank_transfer")


async def test_order_waits_with_its_number_as_reference_and_goes_ahead_when_all_is_there(
    shop, village, operator, order, clock
):
    total = order["price"]["total"]["amount"]
    asked = order["payment"]["transfer"]
    assert (order["status"], order["payment"]["status"]) == ("awaiting_payment", "awaiting_customer")
    assert (asked["reference"], asked["due"]["amount"]) == (order["number"], total)
    assert asked["until"] == (clock.now() + timedelta(hours=72)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "Hotan bank" in asked["pay_to"]["en"]
    part = await arrives(shop, operator, order, 100)
    assert (part.payment_status, part.due.amount, part.surplus.amount) == ("awaiting_customer", total - 100, 0)
    assert await status_of(shop, village, order) is OrderStatus.AWAITING_PAYMENT
    rest = await arrives(shop, operator, order, total - 100)
    assert (rest.payment_status, rest.received.amount, rest.due.amount, rest.surplus.amount) == ("paid", total, 0, 0)
    assert await status_of(shop, village, order) is OrderStatus.PLACED
    await work(shop)
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'new_order_for_producer'") > 0
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'payment_received'") == 2
    assert await held(shop, PLATFORM, AccountKind.BANK) == -total
    for consignment in order["consignments"]:
        await tell(shop, operator, events_of(consignment))
    await work(shop)
    assert await status_of(shop, village, order) is OrderStatus.DELIVERED
    # Nobody takes cash for it at the door.
    assert await value(shop, "SELECT count(*) FROM account WHERE kind = 'carrier_cash'") == 0
    assert await held(shop, village.buyer.id, AccountKind.BUYER) == 0


async def test_too_much_is_paid_back_to_the_buyer(shop, village, operator, order):
    total = order["price"]["total"]["amount"]
    answer = await arrives(shop, operator, order, total + 700)
    assert (answer.payment_status, answer.surplus.amount) == ("paid", 700)
    await a_payee(shop, village.buyer.caller)
    await a_run(shop, operator, parties=["buyer"])
    (payout,) = await payouts(shop)
    assert (payout.order_id, payout.amount_minor) == (order["id"], 700)


async def test_what_came_for_an_order_that_expired_or_was_cancelled_is_paid_back(shop, village, operator, order, clock):
    total = order["price"]["total"]["amount"]
    await arrives(shop, operator, order, 300)
    clock.advance(timedelta(hours=71))
    await work(shop)
    assert await status_of(shop, village, order) is OrderStatus.AWAITING_PAYMENT
    clock.advance(timedelta(hours=2))
    await work(shop)
    assert await status_of(shop, village, order) is OrderStatus.EXPIRED
    late = await arrives(shop, operator, order, 500)
    assert (late.payment_status, late.surplus.amount) == ("cancelled", 800)
    another = await an_order(shop, village.buyer, {village.dates: "1"}, "bank_transfer")
    price = another["price"]["total"]["amount"]
    await arrives(shop, operator, another, price)
    await cancel_order(shop, village.buyer.caller, another["id"], "en")
    await work(shop)
    await a_payee(shop, village.buyer.caller)
    await a_run(shop, operator, parties=["buyer"])
    paid = {row.order_id: row.amount_minor for row in await payouts(shop)}
    assert paid == {order["id"]: 800, another["id"]: price}
    assert total > 800


async def test_same_reference_counts_once_and_another_use_of_it_is_refused(shop, village, operator, order):
    first = await arrives(shop, operator, order, 300, "B1")
    async with nothing_happens(shop):
        again = await arrives(shop, operator, order, 300, "B1")
        with pytest.raises(ReceiptKnown):
            await arrives(shop, operator, order, 400, "B1")
    assert again == first
    assert await held(shop, PLATFORM, AccountKind.BANK) == -300


async def test_money_for_another_kind_of_payment_and_no_money_are_refused(shop, village, operator, order):
    cash = await an_order(shop, village.buyer, {village.dates: "1"})
    async with nothing_happens(shop):
        with pytest.raises(NotPaidByTransfer):
            await arrives(shop, operator, cash, 300)
        with pytest.raises(Invalid):
            await arrives(shop, operator, order, 0)


async def test_claim_on_an_order_paid_by_transfer_is_paid_back_to_the_account(shop, village, operator, order):
    await arrives(shop, operator, order, order["price"]["total"]["amount"])
    for consignment in order["consignments"]:
        await tell(shop, operator, events_of(consignment))
    await work(shop)
    claim = await a_claim_for(shop, village.buyer, order, **claiming(order, 1, 5_000))
    async with shop.begin() as session:
        settled = await answer_claim(shop, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    assert settled.refunded_at is not None
    await a_payee(shop, village.buyer.caller)
    await a_run(shop, operator, parties=["buyer"])
    assert [(row.order_id, row.amount_minor) for row in await payouts(shop)] == [(order["id"], 5_000)]


async def test_order_that_is_cancelled_or_paid_at_the_same_moment_ends_even(shop, village, operator, order):
    """Whoever comes first: it is placed and cancelled, or cancelled and the money owed; never both paid and kept."""
    total = order["price"]["total"]["amount"]
    await asyncio.gather(
        arrives(shop, operator, order, total),
        cancel_order(shop, village.buyer.caller, order["id"], "en"),
    )
    assert await status_of(shop, village, order) is OrderStatus.CANCELLED
    assert await held(shop, village.buyer.id, AccountKind.BUYER) == total
    await a_payee(shop, village.buyer.caller)
    await a_run(shop, operator, parties=["buyer"])
    assert [row.amount_minor for row in await payouts(shop)] == [total]


@pytest.fixture
async def bulk(shop, village, operator):
    """Goods by weight, whose estimate has arrived by transfer."""
    listing = await weighed_goods(shop, village.garden)
    order = await an_order(shop, village.buyer, {listing: "100"}, "bank_transfer")
    assert order["payment"]["transfer"]["due"] == order["price"]["total"]
    assert (await arrives(shop, operator, order, order["price"]["total"]["amount"])).payment_status == "paid"
    await work(shop)
    await a_payee(shop, village.buyer.caller)
    return order


async def collected_at_the_door(shop, village, operator, order):
    """What carriers took, once it is delivered; the buyer is quits then."""
    for consignment in order["consignments"]:
        await tell(shop, operator, events_of(consignment))
    await work(shop)
    assert await held(shop, village.buyer.id, AccountKind.BUYER) == 0
    taken = "SELECT coalesce(-sum(amount_minor), 0)::bigint FROM entry WHERE account_id LIKE 'carrier_cash:%'"
    return await value(shop, taken)


async def test_what_goods_weigh_beyond_their_estimate_is_paid_at_the_door_though_payouts_ran_before(
    shop, village, operator, bulk
):
    await a_run(shop, operator, parties=["buyer"])
    assert await payouts(shop) == []
    weigher = await an_operator(shop)
    await weigh(shop, weigher, bulk, 104_000)
    total = (await show_order(shop, bulk["id"], village.buyer.caller, "en")).price.total.amount
    assert total > bulk["price"]["total"]["amount"]
    more = await collected_at_the_door(shop, village, operator, bulk)
    assert more == total - bulk["price"]["total"]["amount"]


async def test_what_was_paid_back_for_lighter_goods_is_asked_for_again_when_their_weight_is_corrected(
    shop, village, operator, bulk
):
    weigher = await an_operator(shop)
    await weigh(shop, weigher, bulk, 96_000)
    await work(shop)
    await a_run(shop, operator, parties=["buyer"])
    (back,) = await payouts(shop)
    await mark(shop, back.id, "sent", "paid")
    lighter = (await show_order(shop, bulk["id"], village.buyer.caller, "en")).price.total.amount
    assert back.amount_minor == bulk["price"]["total"]["amount"] - lighter
    await weigh(shop, weigher, bulk, 100_000)
    assert await collected_at_the_door(shop, village, operator, bulk) == back.amount_minor


async def test_more_than_the_total_of_what_has_boxes_is_no_surplus_while_their_deposit_is_due(shop, village, operator):
    order = await an_order(shop, village.buyer, {village.dates: "3"}, "bank_transfer", packaging="reusable")
    total, boxes = order["price"]["total"]["amount"], order["box_deposit"]["amount"]
    await a_payee(shop, village.buyer.caller)
    answer = await arrives(shop, operator, order, total + 1_000)
    assert (answer.due.amount, answer.surplus.amount) == (boxes - 1_000, 0)
    await a_run(shop, operator, parties=["buyer"])
    assert await payouts(shop) == []
    answer = await arrives(shop, operator, order, boxes - 1_000)
    assert (answer.payment_status, answer.due.amount, answer.surplus.amount) == ("paid", 0, 0)
    assert await held(shop, village.buyer.id, AccountKind.DEPOSIT) == boxes
