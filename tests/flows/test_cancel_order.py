"""An order that is not to be: everything that it held goes back, once, and only while nothing has moved."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.errors import NotFound, StateConflict
from app.core.limits import PAYMENT_LIFETIME
from app.flows.cancel_order import cancel_order, expire_order
from app.ledger.service import transfers_of
from app.ledger.values import State
from app.network.capacity import audit_capacity
from app.orders.errors import AlreadyShipped, CancelReasonUnusable
from app.orders.values import OrderStatus
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
FREE = "SELECT listing_id, (quantity - reserved - consumed)::int FROM lot"
LOADED = "SELECT coalesce(sum(used_weight_g + used_volume_mm3), 0) FROM departure_load"


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def order(ports, village):
    made = await an_order(ports, village.buyer, village.basket)
    await work(ports)
    return made


async def test_everything_that_the_order_held_is_free_again(ports, village, order):
    shown = await cancel_order(ports, village.buyer.caller, order["id"], "en")
    assert (shown.status, shown.status_text, shown.payment.status) == (OrderStatus.CANCELLED, "Cancelled", "cancelled")
    assert dict(map(tuple, await rows(ports, FREE))) == {village.dates: 500, village.carpets: 20}
    assert await value(ports, LOADED) == 0
    assert {state for (state,) in await rows(ports, "SELECT state FROM booking")} == {"released"}
    assert {state for (state,) in await rows(ports, "SELECT state FROM reservation")} == {"released"}
    async with ports.begin() as session:
        assert [transfer.state for transfer in await transfers_of(session, order["id"])] == [State.VOID]
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def test_buyer_and_producers_hear_of_it(ports, village, order):
    await cancel_order(ports, village.buyer.caller, order["id"], "en")
    assert [name for name, _ in await waiting(ports)] == ["order.cancelled"]
    await work(ports)
    told = await rows(ports, "SELECT \"to\" FROM message WHERE template = 'order_cancelled'")
    assert {to for (to,) in told} == {village.buyer.phone, village.garden.person.phone, village.loom.person.phone}


async def test_only_its_own_stock_and_places_go_back(ports, village, order):
    neighbour = await a_person(ports)
    theirs = await an_order(ports, neighbour, village.basket)
    loaded = await value(ports, LOADED)
    await cancel_order(ports, village.buyer.caller, order["id"], "en")
    assert await value(ports, LOADED) == loaded / 2
    assert dict(map(tuple, await rows(ports, FREE))) == {village.dates: 497, village.carpets: 19}
    held = await rows(ports, "SELECT DISTINCT order_id FROM reservation WHERE state = 'held'")
    assert [order_id for (order_id,) in held] == [theirs["id"]]


async def test_operator_may_cancel_and_nobody_else(ports, village, order):
    for stranger in (await a_person(ports), village.garden.person):
        async with nothing_happens(ports):
            with pytest.raises(NotFound):
                await cancel_order(ports, stranger.caller, order["id"], "en")
    operator = await an_operator(ports)
    assert (await cancel_order(ports, operator.caller, order["id"], "en")).status is OrderStatus.CANCELLED


async def test_second_cancelling_is_refused_and_gives_nothing_back_twice(ports, village, order):
    await cancel_order(ports, village.buyer.caller, order["id"], "en")
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await cancel_order(ports, village.buyer.caller, order["id"], "en")


async def test_order_of_which_one_consignment_moves_is_not_cancelled_at_all(ports, village, order):
    operator = await an_operator(ports)
    await tell(ports, operator.caller, events_of(order["consignments"][0], "picked_up"))
    async with nothing_happens(ports):
        with pytest.raises(AlreadyShipped):
            await cancel_order(ports, village.buyer.caller, order["id"], "en")
    await work(ports)
    async with nothing_happens(ports):
        with pytest.raises((AlreadyShipped, StateConflict)):
            await cancel_order(ports, village.buyer.caller, order["id"], "en")


async def test_cash_order_never_expires(ports, order, clock):
    clock.advance(PAYMENT_LIFETIME + timedelta(days=1))
    async with nothing_happens(ports):
        await expire_order(ports, order["id"])


async def owed(ports):
    return dict(
        map(
            tuple,
            await rows(
                ports,
                "SELECT account_id, amount_minor::int FROM entry JOIN transfer ON transfer.id = transfer_id "
                "WHERE kind = 'cancellation' AND state = 'posted'",
            ),
        )
    )


async def test_a_reason_says_who_pays_and_that_is_a_transfer_of_its_own(ports, village, order):
    operator = await an_operator(ports)
    shown = await cancel_order(ports, operator.caller, order["id"], "en", "pickup_late")
    assert shown.cancel_reason == "pickup_late"
    packaging = order["price"]["packaging"]["amount"]
    entries = await owed(ports)
    assert sum(amount for account, amount in entries.items() if account.startswith("producer_available")) == packaging
    assert sum(amount for account, amount in entries.items() if account.startswith("carrier_freight")) == -packaging
    assert packaging > 0


async def test_who_pays_is_what_held_when_the_order_was_placed(ports, village, order):
    operator = await an_operator(ports)
    harder = ports.policies.model_copy(
        update={
            "cancellation": tuple(
                row.model_copy(update={"bps": 1}) if row.bps else row for row in ports.policies.cancellation
            )
        }
    )
    await cancel_order(replace(ports, policies=harder), operator.caller, order["id"], "en", "pickup_late")
    assert max((await owed(ports)).values()) > 1


async def test_buyers_own_reason_costs_nothing_and_reasons_of_others_are_refused(ports, village, order):
    for reason in ("pickup_late", "nonsense"):
        async with nothing_happens(ports):
            with pytest.raises(CancelReasonUnusable) as refused:
                await cancel_order(ports, village.buyer.caller, order["id"], "en", reason)
        assert refused.value.fields["reasons"] == ["changed_mind", "ordered_wrongly"]
    await cancel_order(ports, village.buyer.caller, order["id"], "en", "changed_mind")
    assert await owed(ports) == {}
