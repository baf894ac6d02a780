"""Animals are inspected at the hand-over: what the receiver says there opens the claim, and refused goods are not paid at the door."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.claims.schemas import ClaimAnswer, ClaimDecision
from app.claims.values import ClaimStatus
from app.core.clock import rfc3339
from app.core.errors import StateConflict
from app.core.money import Money
from app.flows.claim_goods import answer_claim, decide_claim
from app.flows.follow_shipment import follow_shipment
from app.flows.show_claims import show_claims
from app.flows.show_order import show_order
from app.flows.show_tracking import show_tracking
from app.ledger.balance import balances
from app.ledger.values import AccountKind
from app.orders.policies import CarriageBack, ClaimKind
from tests.factories.catalogue import SHEEP, a_listing
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.orders import ADDRESS, an_order
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
NEARBY = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}
TWO_SHEEP = 300_000
LAME = "One sheep is lame"
PENDING, AVAILABLE = AccountKind.PRODUCER_PENDING, AccountKind.PRODUCER_AVAILABLE


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


@pytest.fixture
async def sheep(ports, village):
    """Two sheep at 1500 yuan, to be fetched in Kashgar and paid there."""
    listing = await a_listing(ports, village.garden, SHEEP)
    return await an_order(ports, village.buyer, {listing: "2"}, **NEARBY)


def at_the_door(consignment, condition, words=LAME, **more):
    """The last event of the journey, with what the receiver said."""
    (event,) = events_of(consignment, "delivered")
    return type(event).model_validate(event.model_dump(mode="json") | {"condition": condition, "note": words} | more)


async def handed_over(ports, operator, order, condition, place=0):
    consignment = order["consignments"][place]
    said = at_the_door(consignment, condition)
    await tell(ports, operator, [*events_of(consignment)[:-1], said])
    await work(ports)
    return said


async def claims_of(ports, person):
    return (await show_claims(ports, person.caller, None, None, 10, "en")).items


async def held(ports, owner):
    async with ports.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, owner)}


async def cash_held(ports):
    return -await value(
        ports, "SELECT coalesce(sum(amount_minor), 0)::bigint FROM entry WHERE account_id LIKE 'carrier_cash:%'"
    )


async def answered(ports, seller, claim, **command):
    async with ports.begin() as session:
        return await answer_claim(ports, session, seller.caller, claim.id, ClaimAnswer.model_validate(command), "en")


async def decided(ports, operator, claim, amount):
    command = ClaimDecision(amount=Money(amount, "CNY"), reasons="The carrier's word")
    async with ports.begin() as session:
        return await decide_claim(ports, session, operator, claim.id, command, "en")


async def all_is_zero(ports):
    assert not await rows(
        ports, "SELECT transfer_id FROM entry GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0"
    )


async def test_remarks_at_the_door_open_a_claim_with_the_event_as_evidence_and_both_are_told(
    ports, village, operator, sheep
):
    await handed_over(ports, operator, sheep, "accepted_with_remarks")
    (claim,) = await claims_of(ports, village.buyer)
    assert (claim.kind, claim.policy, claim.status) == ("hand_over", "LIVESTOCK-HAND-OVER", ClaimStatus.OPEN)
    assert (claim.line, claim.asked.amount, claim.words) == (sheep["lines"][0]["id"], TWO_SHEEP, LAME)
    event = await value(ports, "SELECT id FROM tracking_event WHERE condition IS NOT NULL")
    assert (claim.door.event, claim.door.condition, claim.door.words) == (event, "accepted_with_remarks", LAME)
    told = {to for (to,) in await rows(ports, "SELECT \"to\" FROM message WHERE template = 'claim_opened'")}
    assert told == {village.buyer.phone, village.garden.person.phone}
    # Goods that were taken are paid, and what is granted of them goes back.
    assert await cash_held(ports) == sheep["price"]["total"]["amount"]
    settled = await answered(ports, village.garden, claim, answer="accept")
    assert (settled.status, settled.unpaid) == (ClaimStatus.SETTLED, None)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == TWO_SHEEP
    assert await value(ports, "SELECT refunded_minor FROM payment") == TWO_SHEEP
    await all_is_zero(ports)


async def test_nobody_pays_at_the_door_for_what_is_refused_and_the_grant_ends_the_debt(ports, village, operator, sheep):
    await handed_over(ports, operator, sheep, "refused")
    due = sheep["price"]["total"]["amount"] - TWO_SHEEP
    assert await rows(ports, "SELECT amount_minor, status FROM payment") == [(due, "paid")]
    assert await cash_held(ports) == due
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == -TWO_SHEEP
    # Nothing of the producer's is released while the claim is open.
    ports.clock.advance(timedelta(hours=3))
    await work(ports)
    assert AVAILABLE not in await held(ports, village.garden.producer.id)
    (claim,) = await claims_of(ports, village.buyer)
    settled = await answered(ports, village.garden, claim, answer="accept")
    assert (settled.granted.amount, settled.unpaid.amount) == (TWO_SHEEP, TWO_SHEEP)
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0
    assert (await held(ports, village.garden.producer.id))[PENDING] == 0
    assert await rows(ports, "SELECT amount_minor, refunded_minor, status FROM payment") == [(due, 0, "paid")]
    await all_is_zero(ports)


async def test_of_refused_goods_a_part_that_is_granted_lowers_the_debt_and_no_cash_goes_back(
    ports, village, operator, sheep
):
    await handed_over(ports, operator, sheep, "refused")
    (claim,) = await claims_of(ports, village.buyer)
    await answered(ports, village.garden, claim, answer="refuse")
    settled = await decided(ports, operator, claim, 100_000)
    assert settled.unpaid.amount == 100_000
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 100_000 - TWO_SHEEP
    assert await value(ports, "SELECT refunded_minor FROM payment") == 0
    await all_is_zero(ports)


async def test_claim_of_refused_goods_that_is_rejected_leaves_the_debt_and_pays_the_producer(
    ports, village, operator, sheep
):
    await handed_over(ports, operator, sheep, "refused")
    (claim,) = await claims_of(ports, village.buyer)
    await answered(ports, village.garden, claim, answer="refuse")
    ports.clock.advance(timedelta(hours=3))
    await work(ports)
    assert (await decided(ports, operator, claim, 0)).status is ClaimStatus.REFUSED
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == -TWO_SHEEP
    assert (await held(ports, village.garden.producer.id))[AVAILABLE] == TWO_SHEEP - 9_000


async def test_the_same_told_again_and_late_changes_nothing(ports, village, operator, sheep):
    said = await handed_over(ports, operator, sheep, "refused")
    (claim,) = await claims_of(ports, village.buyer)
    async with nothing_happens(ports):
        await follow_shipment(ports, sheep["id"])
    again = at_the_door(sheep["consignments"][0], "accepted", None, id="another")
    ports.clock.advance(timedelta(minutes=5))
    await tell(ports, operator, [again])
    await work(ports)
    assert said.condition == "refused"
    assert [each.id for each in await claims_of(ports, village.buyer)] == [claim.id]
    journey = (await show_tracking(ports, sheep["consignments"][0]["tracking_number"])).journey
    assert (journey.status, journey.status_text("en")) == ("delivered", "Refused at the door")


async def test_correction_that_adds_a_remark_within_the_window_opens_the_claim_later(ports, village, operator, sheep):
    consignment = sheep["consignments"][0]
    await tell(ports, operator, events_of(consignment))
    await work(ports)
    assert await claims_of(ports, village.buyer) == []
    (first,) = events_of(consignment, "delivered")
    corrected = at_the_door(consignment, "accepted_with_remarks", id="said-again", corrects=first.id)
    ports.clock.advance(timedelta(hours=1))
    await tell(ports, operator, [corrected])
    await work(ports)
    (claim,) = await claims_of(ports, village.buyer)
    assert claim.door.words == LAME


async def test_correction_after_the_window_is_evidence_and_opens_nothing(ports, village, operator, sheep):
    consignment = sheep["consignments"][0]
    await tell(ports, operator, events_of(consignment))
    await work(ports)
    (first,) = events_of(consignment, "delivered")
    ports.clock.advance(timedelta(hours=3))
    await tell(ports, operator, [at_the_door(consignment, "accepted_with_remarks", id="said-again", corrects=first.id)])
    await work(ports)
    assert await claims_of(ports, village.buyer) == []


async def test_remark_on_goods_without_such_a_policy_waits_for_a_claim_of_the_buyer(ports, village, operator):
    order = await an_order(ports, village.buyer, village.basket)
    dates = [each["producer"] for each in order["consignments"]].index(village.garden.producer.id)
    await handed_over(ports, operator, order, "refused", dates)
    assert await claims_of(ports, village.buyer) == []
    await tell(ports, operator, events_of(order["consignments"][1 - dates]))
    await work(ports)
    assert await claims_of(ports, village.buyer) == []
    assert await cash_held(ports) == order["price"]["total"]["amount"] - 26_400
    photos = [await a_ready_photo(ports, village.buyer)]
    line = [each["listing"] for each in order["lines"]].index(village.dates)
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, line, 26_400, "damage", photos=photos))
    assert (claim.door.condition, claim.door.words) == ("refused", LAME)
    settled = await answered(ports, village.garden, claim, answer="accept")
    assert settled.unpaid.amount == 26_400
    assert (await held(ports, village.buyer.id))[AccountKind.BUYER] == 0


async def test_refused_goods_that_go_back_by_the_terms_are_returning_and_the_order_is_delivered(
    ports, village, operator
):
    sent_back = [
        row.model_copy(update={"carriage_back": CarriageBack.PRODUCER}) if row.kind is ClaimKind.HAND_OVER else row
        for row in ports.policies.claim
    ]
    ports = replace(ports, policies=ports.policies.model_copy(update={"claim": tuple(sent_back)}))
    listing = await a_listing(ports, village.garden, SHEEP)
    order = await an_order(ports, village.buyer, {listing: "2"}, **NEARBY)
    await handed_over(ports, operator, order, "refused")
    consignment = order["consignments"][0]
    journey = (await show_tracking(ports, consignment["tracking_number"])).journey
    assert (journey.status, journey.ended_at) == ("returning", None)
    assert (await show_order(ports, order["id"], village.buyer.caller, "en")).status == "delivered"
    (claim,) = await claims_of(ports, village.buyer)
    assert claim.carriage_back == "producer"
    home = {"id": "back", "type": "returned", "hub": consignment["legs"][0]["from"]}
    ports.clock.advance(timedelta(days=1))
    later = rfc3339(ports.clock.now())
    await tell(ports, operator, [at_the_door(consignment, None, None, **home, occurred_at=later)])
    await work(ports)
    journey = (await show_tracking(ports, consignment["tracking_number"])).journey
    assert (journey.status, journey.condition) == ("returned", "refused")
    assert [each.id for each in await claims_of(ports, village.buyer)] == [claim.id]


async def test_before_anything_was_delivered_nothing_can_be_claimed_still(ports, village, sheep):
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            await a_claim_for(ports, village.buyer, sheep, **claiming(sheep, 0, 1, "hand_over"))
