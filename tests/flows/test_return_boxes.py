"""Boxes that come back: a deposit beside the price, returned for each that is scanned at a hub, kept for those that stay away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.core.errors import Invalid, NotFound, Problem, StateConflict
from app.core.ids import new_id
from app.flows.cancel_order import cancel_order
from app.flows.return_boxes import forfeit_boxes, refund_box, return_box
from app.flows.show_order import show_order
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.main import create_app
from app.payments.providers import StripeProvider
from app.shipments.box_schemas import BoxReturn
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked
from tests.factories.orders import a_quote, an_order, best, ordering, place
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template = networked
SECRET = "whsec_of_the_tests"
BUYER, DEPOSIT, PACKAGING = AccountKind.BUYER, AccountKind.DEPOSIT, AccountKind.PACKAGING


@pytest.fixture
async def ports(planned, fake) -> AsyncIterator[object]:
    cards = StripeProvider(fake.key, SECRET, api_base=fake.url, timeout_s=2)
    yield replace(planned, cards=cards, settings=planned.settings.model_copy(update={"stripe_capture": "at_once"}))
    await cards.close()


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def order(ports, village):
    """Boxes of dates in reusable crates, to be paid at the door."""
    return await an_order(ports, village.buyer, {village.dates: "3"}, packaging="reusable")


def boxes_of(order):
    """The id and the deposit of every box with one."""
    return [
        (box, package["deposit"]["amount"])
        for consignment in order["consignments"]
        for package in consignment["packages"]
        for box in package["ids"]
    ]


async def delivered(ports, order):
    operator = await an_operator(ports)
    for consignment in order["consignments"]:
        await tell(ports, operator.caller, events_of(consignment))
    await work(ports)


async def scanned(ports, box, hub="URUMQI"):
    async with ports.begin() as session:
        return await return_box(ports, session, box, BoxReturn(hub=hub))


async def held(ports, owner):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner) if b.posted_minor}


async def all_is_zero(ports):
    sums = await rows(ports, "SELECT transfer_id FROM entry GROUP BY transfer_id HAVING sum(amount_minor) <> 0")
    assert sums == []


async def test_deposit_stands_beside_the_price_and_is_collected_with_it(ports, village):
    quote = await a_quote(ports, village.buyer, {village.dates: "3"}, packaging="reusable")
    option = best(quote)
    price = option.price
    assert price.total == price.goods + price.carriage + price.packaging
    packages = [package for each in option.consignments for package in each.packages]
    each = sum(package.deposit.amount * package.count for package in packages if package.deposit)
    assert option.box_deposit.amount == each > 0
    assert {package.return_days for package in packages if package.deposit} <= {30, 45}
    order = await place(ports, village.buyer, ordering(quote))
    boxes = boxes_of(order)
    assert (order["box_deposit"]["amount"], sum(deposit for _, deposit in boxes)) == (each, each)
    assert len({box for box, _ in boxes}) == sum(package.count for package in packages if package.deposit)
    assert await value(ports, "SELECT amount_minor FROM payment") == price.total.amount + each
    assert await value(ports, "SELECT terms ->> 'boxes' FROM \"order\"") == "2026-1"
    await delivered(ports, order)
    cash = "SELECT -sum(amount_minor)::int FROM entry WHERE account_id LIKE 'carrier_cash:%'"
    assert await value(ports, cash) == price.total.amount + each
    assert await held(ports, village.buyer.id) == {DEPOSIT: each}
    await all_is_zero(ports)


async def test_other_packages_have_no_deposit(ports, village):
    order = await an_order(ports, village.buyer, {village.dates: "20"})
    assert order["box_deposit"] is None
    assert boxes_of(order) == []
    assert await value(ports, "SELECT count(*) FROM package WHERE deposit_minor IS NOT NULL") == 0


async def test_scan_at_a_hub_gives_the_deposit_back_once(ports, village, order):
    (box, deposit), *others = boxes_of(order)
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await scanned(ports, box)
        with pytest.raises(NotFound):
            await scanned(ports, new_id("pkg"))
        with pytest.raises(Invalid):
            await scanned(ports, box, "NOWHERE")
    await delivered(ports, order)
    back = await scanned(ports, box)
    assert (back.id, back.deposit.amount, back.returned_hub, back.returned_at) == (
        box,
        deposit,
        "URUMQI",
        ports.clock.now(),
    )
    assert back.back_by == ports.clock.now() + timedelta(days=30)
    rest = sum(each for _, each in others)
    assert await held(ports, village.buyer.id) == {BUYER: deposit} | ({DEPOSIT: rest} if rest else {})
    (told,) = await rows(ports, "SELECT \"to\" FROM message WHERE template = 'box_returned'")
    assert told.to == village.buyer.phone
    async with nothing_happens(ports):
        assert await scanned(ports, box, "HOTAN") == back
    await all_is_zero(ports)


async def test_boxes_that_stay_away_buy_others_and_are_not_taken_back(ports, village, order, clock):
    (box, deposit), *others = boxes_of(order)
    await delivered(ports, order)
    await scanned(ports, box)
    pool = (await held(ports, PLATFORM))[PACKAGING]
    async with nothing_happens(ports):
        await forfeit_boxes(ports, order["id"])
    clock.advance(timedelta(days=30))
    await work(ports)
    kept = sum(each for _, each in others)
    assert kept > 0
    assert (await held(ports, PLATFORM))[PACKAGING] == pool + kept
    assert await held(ports, village.buyer.id) == {BUYER: deposit}
    (told,) = await rows(ports, "SELECT text FROM message WHERE template = 'box_forfeited'")
    assert f" {len(others)} " in told.text
    async with nothing_happens(ports):
        await forfeit_boxes(ports, order["id"])
        with pytest.raises(StateConflict):
            await scanned(ports, others[0][0])
    await all_is_zero(ports)


async def test_scans_and_the_last_day_at_once_move_each_deposit_once(ports, village, order, clock):
    boxes = boxes_of(order)
    await delivered(ports, order)
    clock.advance(timedelta(days=30))
    answers = await asyncio.gather(
        *(scanned(ports, box) for box, _ in boxes for _ in range(2)),
        forfeit_boxes(ports, order["id"]),
        forfeit_boxes(ports, order["id"]),
        return_exceptions=True,
    )
    assert all(not isinstance(each, BaseException) or isinstance(each, Problem) for each in answers)
    mine = await held(ports, village.buyer.id)
    kept = await value(
        ports,
        "SELECT coalesce(sum(amount_minor), 0)::int FROM entry JOIN transfer ON transfer.id = transfer_id "
        "WHERE kind = 'deposit_forfeited' AND account_id LIKE 'packaging:%'",
    )
    assert DEPOSIT not in mine
    assert mine.get(BUYER, 0) + kept == sum(deposit for _, deposit in boxes)
    ended = "SELECT count(*) FROM package WHERE deposit_minor IS NOT NULL AND (returned_at IS NULL) = (forfeited_at IS NULL)"
    assert await value(ports, ended) == 0
    await all_is_zero(ports)


# By card.


async def paid_by_card(ports, village, fake):
    quote = await a_quote(ports, village.buyer, {village.dates: "3"}, packaging="reusable")
    order = await place(ports, village.buyer, ordering(quote, "stripe"))
    await fake.confirm(order["payment"]["client_secret"])
    transport = httpx.ASGITransport(create_app(ports=ports))
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as door:
        for event in await fake.events("payment_intent.succeeded"):
            body, header = await fake.signed(event["id"], SECRET)
            await door.post("/v1/webhooks/stripe", content=body, headers={"stripe-signature": header})
    await work(ports)
    shown = await show_order(ports, order["id"], village.buyer.caller, "en")
    return shown.model_dump(mode="json", by_alias=True)


async def test_deposit_paid_by_card_goes_back_to_the_card(ports, village, fake):
    order = await paid_by_card(ports, village, fake)
    deposit, total = order["box_deposit"]["amount"], order["price"]["total"]["amount"]
    assert await held(ports, village.buyer.id) == {DEPOSIT: deposit, BUYER: total}
    await delivered(ports, order)
    (box, first), *_ = boxes_of(order)
    await scanned(ports, box)
    await work(ports)
    assert await held(ports, "stripe") == {AccountKind.GATEWAY: first - total - deposit}
    assert BUYER not in await held(ports, village.buyer.id)
    assert await value(ports, "SELECT refunded_minor FROM payment") == first
    async with nothing_happens(ports):
        await refund_box(ports, box)
    await all_is_zero(ports)


async def test_cancelled_order_gives_the_deposit_back_with_the_rest(ports, village, fake):
    order = await paid_by_card(ports, village, fake)
    await cancel_order(ports, village.buyer.caller, order["id"], "en")
    await work(ports)
    assert await held(ports, village.buyer.id) == {}
    assert await held(ports, "stripe") == {}
    await all_is_zero(ports)
