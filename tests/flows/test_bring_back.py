"""Goods that go back: a way that is booked like any other, money that waits for them, and nothing that hangs for ever."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.claims.schemas import ClaimAnswer, ClaimDecision, ClaimReply
from app.claims.values import ClaimStatus, ReturnStatus
from app.core.clock import rfc3339
from app.core.errors import Forbidden, Invalid, NotFound, StateConflict
from app.core.money import Money
from app.flows.bring_back import keep_goods, lapse_return, settle_return
from app.flows.claim_goods import answer_claim, decide_claim, reply_to_claim
from app.flows.follow_shipment import complete_order, confirm_receipt, follow_shipment
from app.flows.plan_back import book_return, plan_return
from app.flows.show_claims import show_claim, show_claims
from app.flows.show_order import show_order
from app.flows.show_returns import show_returns
from app.flows.show_tracking import show_tracking
from app.flows.write_off import write_off
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.network.errors import RouteUnavailable
from app.orders.policies import CarriageBack
from app.shipments.queries import ways_back
from app.shipments.schemas import TrackingEventRequest
from tests.factories.catalogue import SHEEP, a_listing
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.identity import a_partner, a_person, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import disrupt
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


async def test_granted_claim_waits_for_its_goods_and_their_way_is_booked_on_every_ride(ports, village, order):
    before = await room_taken(ports)
    granted, goods = await going_back(ports, village, order)
    assert (granted.status, granted.agreed.amount, granted.granted) == (ClaimStatus.RETURNING, PRICE, None)
    assert granted.due_at - granted.updated_at == timedelta(hours=168)
    assert (goods.status, goods.pays, goods.lines) == (ReturnStatus.BOOKED, "buyer", [order["lines"][CARPET]["id"]])
    came = next(each for each in order["consignments"] if each["id"] == goods.consignment)
    way = await way_of(ports, goods)
    trunk = [leg for leg in came["legs"] if leg["mode"] != "courier"]
    assert (way.legs[0].from_hub, way.legs[-1].to_hub) == (trunk[-1]["to"], trunk[0]["from"])
    assert goods.carriage.amount == sum(leg.price_minor for leg in way.legs) > 0
    assert goods.tracking_number not in [each["tracking_number"] for each in order["consignments"]]
    booked = await rows(ports, "SELECT leg_id FROM booking WHERE consignment_id = :id AND state = 'booked'", id=way.id)
    assert {leg for (leg,) in booked} == {leg.id for leg in way.legs}
    assert await room_taken(ports) > before
    # Nobody has had any money yet, and the order is as it was.
    assert AccountKind.BUYER not in {k for k, v in (await held(ports, village.buyer.id)).items() if v}
    assert await held(ports, village.loom.producer.id) == {PENDING: NET}
    shown = await show_order(ports, order["id"], village.buyer.caller, "en")
    assert len(shown.consignments) == len(order["consignments"])
    told = await rows(ports, "SELECT \"to\" FROM message WHERE template = 'return_booked'")
    assert told == [(village.buyer.phone,)]


async def test_goods_that_came_back_settle_the_claim_pay_their_carriers_and_are_stock_again(
    ports, village, order, operator
):
    left = await value(ports, "SELECT sum(consumed) FROM lot WHERE listing_id = :id", id=village.carpets)
    claim, goods = await going_back(ports, village, order)
    way = await way_of(ports, goods)
    freight = {leg.carrier: await held(ports, leg.carrier) for leg in way.legs}
    await told_of(ports, operator, way, "picked_up", "departed")
    assert (await the_return(ports, village)).status is ReturnStatus.UNDER_WAY
    assert (await claim_now(ports, village, claim)).status is ClaimStatus.RETURNING
    await told_of(ports, operator, way, "arrived")
    settled, back = await claim_now(ports, village, claim), await the_return(ports, village)
    assert (settled.status, settled.granted.amount, back.status) == (ClaimStatus.SETTLED, PRICE, ReturnStatus.BACK)
    # The buyer pays the way back, out of what goes back.
    carriage = goods.carriage.amount
    assert settled.carriage.amount == carriage
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == PRICE - carriage
    assert await value(ports, "SELECT refunded_minor FROM payment") == PRICE - carriage
    for carrier, was_held in freight.items():
        earned = sum(leg.price_minor for leg in way.legs if leg.carrier == carrier)
        was = was_held.get(AccountKind.CARRIER_FREIGHT, 0)
        assert (await held(ports, carrier))[AccountKind.CARRIER_FREIGHT] == was + earned
    assert await held(ports, village.loom.producer.id) == {PENDING: 0}
    now = await value(ports, "SELECT sum(consumed) FROM lot WHERE listing_id = :id", id=village.carpets)
    assert now == left - 1
    async with nothing_happens(ports):
        await follow_shipment(ports, order["id"])
        await lapse_return(ports, goods.id)
        await settle_return(ports, goods.id)
        await plan_return(ports, goods.id)
    await all_is_zero(ports)


async def test_who_sold_damaged_goods_pays_their_way_and_does_not_sell_them_again(ports, village, order, operator):
    left = await value(ports, "SELECT sum(consumed) FROM lot WHERE listing_id = :id", id=village.carpets)
    photos = [await a_ready_photo(ports, village.buyer)]
    _, goods = await going_back(ports, village, order, kind="damage", photos=photos)
    assert goods.pays == "producer"
    await told_of(ports, operator, await way_of(ports, goods))
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == PRICE
    assert (await held(ports, village.loom.producer.id))[AVAILABLE] == -goods.carriage.amount
    assert await value(ports, "SELECT sum(consumed) FROM lot WHERE listing_id = :id", id=village.carpets) == left
    await all_is_zero(ports)


@pytest.mark.parametrize("pays", [CarriageBack.CARRIER, CarriageBack.PLATFORM])
async def test_carrier_or_platform_pays_the_way_where_the_terms_say_so(ports, village, operator, pays):
    told = [
        row.model_copy(update={"carriage_back": pays}) if row.number == "CRAFT-NO-REASON" else row
        for row in ports.policies.claim
    ]
    ports = replace(ports, policies=ports.policies.model_copy(update={"claim": tuple(told)}))
    order = await delivered(ports, village, operator)
    came = next(each for each in order["consignments"] if order["lines"][CARPET]["consignment"] == each["id"])
    last = came["legs"][-1]["carrier"]
    _, goods = await going_back(ports, village, order)
    way, before = await way_of(ports, goods), (await held(ports, last))[AccountKind.CARRIER_FREIGHT]
    await told_of(ports, operator, way)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == PRICE
    cost = goods.carriage.amount
    if pays is CarriageBack.PLATFORM:
        assert (await held(ports, PLATFORM))[AccountKind.RETURNS] == -cost
    else:
        own = sum(leg.price_minor for leg in way.legs if leg.carrier == last)
        assert (await held(ports, last))[AccountKind.CARRIER_FREIGHT] == before + own - cost
    await all_is_zero(ports)


async def test_part_that_is_granted_and_goods_that_may_be_kept_do_not_go_back(ports, village, order):
    claim = await unwanted(ports, village, order)
    settled = await accepted(ports, village, claim, keep=True)
    assert (settled.status, settled.granted.amount) == (ClaimStatus.SETTLED, PRICE)
    assert (await show_returns(ports, village.buyer.caller, None, None, 10, "en")).items == []


async def test_claim_lapses_when_nobody_hands_the_goods_in_and_all_room_is_free_again(ports, village, order, clock):
    before = await room_taken(ports)
    claim, goods = await going_back(ports, village, order)
    async with nothing_happens(ports):
        await lapse_return(ports, goods.id)
    clock.advance(timedelta(hours=169))
    await work(ports)
    assert (await claim_now(ports, village, claim)).status is ClaimStatus.LAPSED
    assert (await the_return(ports, village)).status is ReturnStatus.LAPSED
    assert await room_taken(ports) == before
    assert await held(ports, village.loom.producer.id) == {PENDING: 0, AVAILABLE: NET}
    assert await value(ports, "SELECT refunded_minor FROM payment") == 0
    assert (await show_tracking(ports, goods.tracking_number)).journey.cancelled_at is not None
    await all_is_zero(ports)


async def test_buyer_says_when_the_goods_are_handed_in_and_nobody_else_does(ports, village, order, clock):
    _, goods = await going_back(ports, village, order)
    before, when = await room_taken(ports), clock.now() + timedelta(days=3)
    booked = await book_return(ports, village.buyer.caller, goods.id, when, "en")
    assert booked.hand_in_by >= when
    assert booked.tracking_number != goods.tracking_number
    assert await room_taken(ports) == before
    stranger = await a_person(ports)
    async with nothing_happens(ports):
        again = await book_return(ports, village.buyer.caller, goods.id, when, "en")
        assert again == booked
        for soon in (clock.now(), goods.due_at + timedelta(days=30)):
            with pytest.raises(Invalid):
                await book_return(ports, village.buyer.caller, goods.id, soon, "en")
        with pytest.raises(Forbidden):
            await book_return(ports, village.loom.caller, goods.id, when, "en")
        with pytest.raises(NotFound):
            await book_return(ports, stranger.caller, goods.id, when, "en")


async def test_withdrawn_before_the_hand_in_is_over_and_after_it_too_late(ports, village, order, operator, clock):
    before = await room_taken(ports)
    claim, _ = await going_back(ports, village, order)
    assert (await withdraw(ports, village, claim)).status is ClaimStatus.WITHDRAWN
    assert (await the_return(ports, village)).status is ReturnStatus.KEPT
    assert await room_taken(ports) == before
    again = await unwanted(ports, village, order)
    await accepted(ports, village, again)
    await work(ports)
    goods = (await show_returns(ports, village.buyer.caller, ReturnStatus.BOOKED, None, 10, "en")).items[0]
    await tell(ports, operator, [await handed_in(ports, goods, clock)])
    # The scan is there, though nobody has looked at it yet.
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await withdraw(ports, village, again)
        with pytest.raises(StateConflict):
            await book_return(ports, village.buyer.caller, goods.id, goods.due_at, "en")


async def handed_in(ports, goods, clock):
    return TrackingEventRequest(
        id="in", tracking_number=goods.tracking_number, type="received", occurred_at=clock.now(), hub=goods.hand_in_hub
    )


async def test_without_a_way_back_an_operator_is_told_and_in_the_end_the_money_goes_back_without_the_goods(
    ports, village, order, operator, clock
):
    came = next(each for each in order["consignments"] if each["id"] == order["lines"][CARPET]["consignment"])
    home = came["legs"][0]["from"]
    shut = {"kind": "close", "hub": home, "from_": clock.now(), "until": clock.now() + timedelta(days=60)}
    await disrupt(ports, operator, **shut)
    claim = await unwanted(ports, village, order)
    await accepted(ports, village, claim)
    await work(ports)
    (goods,) = (await show_returns(ports, operator, ReturnStatus.NO_WAY, None, 10, "en")).items
    assert goods.reason is not None
    with pytest.raises(RouteUnavailable):
        await book_return(ports, operator, goods.id, clock.now() + timedelta(days=2), "en")
    clock.advance(timedelta(hours=169))
    await work(ports)
    settled = await claim_now(ports, village, claim)
    assert (settled.status, settled.granted.amount, settled.carriage) == (ClaimStatus.SETTLED, PRICE, None)
    assert (await the_return(ports, village)).status is ReturnStatus.KEPT
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == PRICE
    await all_is_zero(ports)


async def test_producer_may_leave_the_goods_with_the_buyer(ports, village, order):
    before = await room_taken(ports)
    claim, goods = await going_back(ports, village, order)
    with pytest.raises(Forbidden):
        async with ports.begin() as session:
            await keep_goods(ports, session, village.buyer.caller, goods.id, "en")
    async with ports.begin() as session:
        kept = await keep_goods(ports, session, village.loom.caller, goods.id, "en")
    assert kept.status is ReturnStatus.KEPT
    assert (await claim_now(ports, village, claim)).status is ClaimStatus.SETTLED
    assert await room_taken(ports) == before
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == PRICE
    await all_is_zero(ports)


async def test_goods_lost_on_the_way_back_are_refunded_and_their_carriers_are_owed_nothing(
    ports, village, order, operator, clock
):
    claim, goods = await going_back(ports, village, order)
    way = await way_of(ports, goods)
    before = await held(ports, way.legs[0].carrier)
    await tell(ports, operator, [await handed_in(ports, goods, clock)])
    await work(ports)
    # Nobody says anything any more: a week after they were to be there they count as lost.
    clock.advance(way.promised_by - clock.now() + timedelta(days=9))
    await work(ports)
    await work(ports)
    assert (await the_return(ports, village)).status is ReturnStatus.LOST
    assert (await claim_now(ports, village, claim)).granted.amount == PRICE
    assert await held(ports, way.legs[0].carrier) == before
    await all_is_zero(ports)


async def test_money_of_the_line_waits_for_its_goods_even_when_the_order_is_completed(ports, village, order, operator):
    _, goods = await going_back(ports, village, order)
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    assert AVAILABLE not in await held(ports, village.loom.producer.id)
    await told_of(ports, operator, await way_of(ports, goods))
    assert await held(ports, village.loom.producer.id) == {PENDING: 0}
    await all_is_zero(ports)


async def test_carriers_of_the_way_see_it_and_tell_of_it_and_others_do_not(ports, village, order):
    _, goods = await going_back(ports, village, order)
    carrier = (await way_of(ports, goods)).legs[0].carrier
    mine, other = await a_partner(ports, carrier), await a_partner(ports, "NOBODY")
    assert [each.id for each in (await show_returns(ports, mine.caller, None, None, 10, "en")).items] == [goods.id]
    assert (await show_returns(ports, other.caller, None, None, 10, "en")).items == []
    assert (await show_returns(ports, village.garden.caller, None, None, 10, "en")).items == []


# Races


async def test_lapse_against_the_hand_in_leaves_goods_that_move_or_a_claim_that_is_over_and_never_both(
    ports, village, order, operator, clock
):
    claim, goods = await going_back(ports, village, order)
    clock.advance(timedelta(hours=169))
    scan = await handed_in(ports, goods, clock)
    await asyncio.gather(lapse_return(ports, goods.id), tell(ports, operator, [scan]), lapse_return(ports, goods.id))
    await work(ports)
    now, back = await claim_now(ports, village, claim), await the_return(ports, village)
    assert (now.status, back.status) in [
        (ClaimStatus.LAPSED, ReturnStatus.LAPSED),
        (ClaimStatus.RETURNING, ReturnStatus.UNDER_WAY),
    ]
    held_room = await value(
        ports, "SELECT count(*) FROM booking WHERE consignment_id = :id AND state = 'booked'", id=goods.way
    )
    assert bool(held_room) == (now.status is ClaimStatus.RETURNING)
    await all_is_zero(ports)


async def test_arrival_against_release_and_keeping_pays_back_once(ports, village, order, operator):
    claim, goods = await going_back(ports, village, order)
    way = await way_of(ports, goods)
    legs = [
        {"from": leg.from_hub, "to": leg.to_hub, "mode": leg.mode, "departs_at": rfc3339(leg.departs_at)}
        | {"arrives_at": rfc3339(leg.arrives_at)}
        for leg in way.legs
    ]
    await tell(ports, operator, events_of({"tracking_number": way.tracking_number, "legs": legs}))

    async def keep():
        async with ports.begin() as session:
            return await keep_goods(ports, session, village.loom.caller, goods.id, "en")

    told = await asyncio.gather(
        follow_shipment(ports, order["id"]),
        follow_shipment(ports, order["id"]),
        complete_order(ports, order["id"]),
        keep(),
        withdraw(ports, village, claim),
        return_exceptions=True,
    )
    assert {type(each).__name__ for each in told if isinstance(each, Exception)} <= {"StateConflict"}
    await work(ports)
    settled = await claim_now(ports, village, claim)
    assert settled.status is ClaimStatus.SETTLED
    assert (await the_return(ports, village)).status is ReturnStatus.BACK
    carriage = goods.carriage.amount
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == PRICE - carriage
    assert await value(ports, "SELECT count(*) FROM transfer WHERE kind = 'return_carriage'") == 1
    assert await value(ports, "SELECT count(*) FROM transfer WHERE kind = 'refund'") == 1
    await all_is_zero(ports)


# At the door


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
