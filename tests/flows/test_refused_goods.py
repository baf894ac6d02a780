"""Goods that are refused at the door: they go back by their terms and are not owed; what else is owed for them is written off."""

from datetime import timedelta

import pytest

from app.claims.schemas import ClaimAnswer, ClaimDecision, ClaimReply
from app.claims.values import ClaimStatus, ReturnStatus
from app.core.clock import rfc3339
from app.core.errors import StateConflict
from app.core.money import Money
from app.flows.claim_goods import answer_claim, decide_claim, reply_to_claim
from app.flows.show_claims import show_claim, show_claims
from app.flows.show_order import show_order
from app.flows.show_returns import show_returns
from app.flows.write_off import write_off
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.shipments.queries import ways_back
from tests.factories.catalogue import SHEEP, a_listing
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import ADDRESS, an_order
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
CARPET, PRICE, NET = 1, 168_000, 168_000 - 5_040
PENDING, AVAILABLE = AccountKind.PRODUCER_PENDING, AccountKind.PRODUCER_AVAILABLE
NEARBY = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}
TWO_SHEEP = 300_000


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


async def delivered(ports, village, operator):
    made = await an_order(ports, village.buyer, village.basket)
    for consignment in made["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    return made


@pytest.fixture
async def order(ports, village, operator):
    """Delivered: three boxes of dates, and a carpet for 1680 yuan."""
    return await delivered(ports, village, operator)


async def held(ports, owner):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner)}


async def unwanted(ports, village, order, kind="no_reason", **more):
    return await a_claim_for(ports, village.buyer, order, **claiming(order, CARPET, PRICE, kind, **more))


async def accepted(ports, village, claim, **more):
    command = ClaimAnswer.model_validate({"answer": "accept"} | more)
    async with ports.begin() as session:
        return await answer_claim(ports, session, village.loom.caller, claim.id, command, "en")


async def withdraw(ports, village, claim):
    async with ports.begin() as session:
        return await reply_to_claim(ports, session, village.buyer.caller, claim.id, ClaimReply(reply="withdraw"), "en")


async def going_back(ports, village, order, **more):
    """A claim for the carpet that is granted against the goods, with the return as it is booked."""
    claim = await unwanted(ports, village, order, **more)
    granted = await accepted(ports, village, claim)
    await work(ports)
    return granted, await the_return(ports, village)


async def the_return(ports, village):
    (goods,) = (await show_returns(ports, village.buyer.caller, None, None, 10, "en")).items
    return goods


async def way_of(ports, goods):
    async with ports.database.read() as connection:
        return (await ways_back(connection, [goods.way]))[goods.way]


async def told_of(ports, operator, way, *kinds):
    """What carriers tell of a way back, from the hand-in to the producer's hub."""
    legs = [
        {"from": leg.from_hub, "to": leg.to_hub, "mode": leg.mode, "departs_at": rfc3339(leg.departs_at)}
        | {"arrives_at": rfc3339(leg.arrives_at)}
        for leg in way.legs
    ]
    await tell(ports, operator, events_of({"tracking_number": way.tracking_number, "legs": legs}, *kinds))
    await work(ports)


async def claim_now(ports, village, claim):
    return await show_claim(ports, village.buyer.caller, claim.id, "en")


async def all_is_zero(ports):
    assert not await rows(
        ports, "SELECT transfer_id FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0"
    )


async def room_taken(ports):
    return await value(ports, "SELECT coalesce(sum(used_weight_g), 0)::bigint FROM departure_load")


def at_the_door(consignment, condition, **more):
    (event,) = events_of(consignment, "delivered")
    said = {"condition": condition, "note": "Not wanted"} | more
    return type(event).model_validate(event.model_dump(mode="json") | said)


async def refused(ports, village, operator, condition="refused", **more):
    """The basket, of which the carpet is refused at the door."""
    order = await an_order(ports, village.buyer, village.basket)
    for consignment in order["consignments"]:
        said = at_the_door(consignment, condition, **more)
        is_carpet = consignment["id"] == order["lines"][CARPET]["consignment"]
        await tell(ports, operator, [*events_of(consignment)[:-1], said] if is_carpet else events_of(consignment))
    await work(ports)
    return order


async def test_crafts_that_are_refused_without_a_reason_go_back_are_not_owed_and_are_sold_again(
    ports, village, operator
):
    order = await refused(ports, village, operator)
    assert (await show_order(ports, order["id"], village.buyer.caller, "en")).status == "delivered"
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == -PRICE
    (claim,) = (await show_claims(ports, village.buyer.caller, None, None, 10, "en")).items
    assert (claim.kind, claim.status, claim.agreed.amount) == ("refusal", ClaimStatus.RETURNING, PRICE)
    goods = await the_return(ports, village)
    assert (goods.at_door, goods.status, goods.pays) == (True, ReturnStatus.BOOKED, "buyer")
    with pytest.raises(StateConflict):
        await withdraw(ports, village, claim)
    left = await value(ports, "SELECT sum(consumed) FROM lot WHERE listing_id = :id", id=village.carpets)
    await told_of(ports, operator, await way_of(ports, goods))
    settled = await claim_now(ports, village, claim)
    # Nothing was paid, so that nothing goes back of which carriage could be taken: the platform bears it.
    assert (settled.status, settled.unpaid.amount, settled.carriage) == (ClaimStatus.SETTLED, PRICE, None)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0
    assert (await held(ports, PLATFORM))[AccountKind.RETURNS] == -goods.carriage.amount
    assert await held(ports, village.loom.producer.id) == {PENDING: 0}
    assert await value(ports, "SELECT sum(consumed) FROM lot WHERE listing_id = :id", id=village.carpets) == left - 1
    await all_is_zero(ports)


async def test_refusal_that_is_taken_back_leaves_the_goods_with_their_buyer_who_owes_them(ports, village, operator):
    order = await refused(ports, village, operator)
    carpet = next(each for each in order["consignments"] if each["id"] == order["lines"][CARPET]["consignment"])
    (first,) = events_of(carpet, "delivered")
    room = await room_taken(ports)
    await tell(ports, operator, [at_the_door(carpet, "accepted", id="after-all", corrects=first.id, note=None)])
    await work(ports)
    (claim,) = (await show_claims(ports, village.buyer.caller, None, None, 10, "en")).items
    assert claim.status is ClaimStatus.LAPSED
    assert (await the_return(ports, village)).status is ReturnStatus.KEPT
    assert await room_taken(ports) < room
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == -PRICE


async def test_refused_goods_that_never_come_back_are_not_owed_either(ports, village, operator, clock):
    await refused(ports, village, operator)
    goods = await the_return(ports, village)
    way = await way_of(ports, goods)
    clock.advance(way.promised_by - clock.now() + timedelta(days=15))
    await work(ports)
    await work(ports)
    assert (await the_return(ports, village)).status is ReturnStatus.LOST
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0
    await all_is_zero(ports)


async def test_debt_for_refused_goods_that_cannot_be_claimed_is_written_off_by_the_terms(
    ports, village, operator, clock
):
    order = await an_order(ports, village.buyer, village.basket)
    for consignment in order["consignments"]:
        dates = consignment["id"] == order["lines"][0]["consignment"]
        said = at_the_door(consignment, "refused" if dates else "accepted")
        await tell(ports, operator, [*events_of(consignment)[:-1], said])
    await work(ports)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == -26_400
    clock.advance(timedelta(days=29))
    await work(ports)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == -26_400
    clock.advance(timedelta(days=1))
    await work(ports)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0
    assert (await held(ports, PLATFORM))[AccountKind.RETURNS] == -26_400
    assert (await held(ports, village.garden.producer.id))[AVAILABLE] == 25_608
    async with nothing_happens(ports):
        await write_off(ports, order["id"])
    await all_is_zero(ports)


async def test_write_off_waits_for_an_open_claim_and_takes_only_what_it_leaves(ports, village, operator, clock):
    listing = await a_listing(ports, village.garden, SHEEP)
    order = await an_order(ports, village.buyer, {listing: "2"}, **NEARBY)
    consignment = order["consignments"][0]
    await tell(ports, operator, [*events_of(consignment)[:-1], at_the_door(consignment, "refused")])
    await work(ports)
    clock.advance(timedelta(days=31))
    await work(ports)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == -TWO_SHEEP
    (claim,) = (await show_claims(ports, village.buyer.caller, None, None, 10, "en")).items
    command = ClaimAnswer.model_validate({"answer": "partly", "amount": {"amount": 100_000, "currency": "CNY"}})
    if claim.status is ClaimStatus.OPEN:
        async with ports.begin() as session:
            await answer_claim(ports, session, village.garden.caller, claim.id, command, "en")
    else:
        decision = ClaimDecision(amount=Money(100_000, "CNY"), reasons="One of them was lame")
        async with ports.begin() as session:
            await decide_claim(ports, session, operator, claim.id, decision, "en")
    clock.advance(timedelta(days=2))
    await work(ports)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0
    assert (await held(ports, PLATFORM))[AccountKind.RETURNS] == 100_000 - TWO_SHEEP
    await all_is_zero(ports)
