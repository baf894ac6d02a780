"""Settlement sheets: a carrier's freight leg by leg, a producer's sales, and a co-operative's members with its share."""

from datetime import timedelta

import pytest

from app.claims.schemas import ClaimAnswer
from app.core.clock import LEGAL_TIME
from app.core.errors import NotFound, StateConflict
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.flows.settle_freight import answer_remark, remark, show_freight, show_remarks
from app.flows.settle_producer import show_settlement
from app.flows.show_order import show_order
from app.identity.values import Caller, Grant
from app.ledger.balance import balances
from app.ledger.rules import period_of
from app.ledger.values import AccountKind
from app.payouts.schemas import NewRemark, RemarkAnswer
from tests.factories.catalogue import a_listing, a_lot
from tests.factories.claims import a_claim_for, claiming
from tests.factories.cooperatives import a_colleague, a_member, again
from tests.factories.identity import a_partner, a_person, a_producer, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import disrupt
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.payouts import a_payee, a_run, mark, payouts
from tests.factories.tables import nothing_happens, rows
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

template, ports = networked, planned
DATES, CARPET = 0, 1


@pytest.fixture
async def village(ports):
    return await a_village(ports)


@pytest.fixture
async def operator(ports):
    return (await an_operator(ports)).caller


async def delivered(ports, village, operator):
    order = await an_order(ports, village.buyer, village.basket)
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    return order


@pytest.fixture
async def order(ports, village, operator):
    """Dates for 264 yuan and a carpet for 1680, delivered and confirmed."""
    made = await delivered(ports, village, operator)
    await confirm_receipt(ports, village.buyer.caller, made["id"], "en")
    return made


def days(ports, back=1):
    today = ports.clock.now().astimezone(LEGAL_TIME).date()
    return period_of(today - timedelta(days=back), today)


async def test_freight_sheet_tells_every_leg_and_adds_up_to_the_account(ports, operator, order):
    carriers = {leg["carrier"] for consignment in order["consignments"] for leg in consignment["legs"]}
    for carrier in carriers:
        await a_partner(ports, carrier)
        sheet = await show_freight(ports, operator, carrier, days(ports))
        legs = [leg for c in order["consignments"] for leg in c["legs"] if leg["carrier"] == carrier]
        (item,) = sheet.items
        assert (item.order, item.order_number) == (order["id"], order["number"])
        assert [(leg.from_, leg.to, leg.service) for leg in item.legs] == [
            (leg["from"], leg["to"], leg["service"]) for leg in legs
        ]
        assert sum(leg.price.amount for leg in item.legs) == sum(leg["price"]["amount"] for leg in legs)
        assert item.booked.amount == item.earned.amount == sum(leg.price.amount for leg in item.legs)
        assert all(leg.weight_g > 0 for leg in item.legs)
        (total,) = sheet.sums
        async with ports.database.read() as connection:
            held = {b.account.kind: b.posted_minor for b in await balances(connection, carrier)}
        assert total.balance.amount == total.earned.amount == held[AccountKind.CARRIER_FREIGHT]


async def test_freight_sheet_tells_what_a_changed_way_added_or_took_away(ports, village, operator):
    order = await an_order(ports, village.buyer, {village.dates: "1"})
    first = order["consignments"][0]["legs"][0]
    now = ports.clock.now()
    await disrupt(ports, operator, from_=now, until=now + timedelta(days=30), service=first["service"])
    await work(ports)
    again = (await show_order(ports, order["id"], village.buyer.caller, "en")).model_dump(mode="json", by_alias=True)
    for consignment in again["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    entries = await rows(
        ports,
        "SELECT split_part(account_id, ':', 2) AS carrier, sum(amount_minor) FILTER (WHERE t.kind = 'reroute') AS changed, "
        "sum(amount_minor) AS earned FROM entry JOIN transfer t ON t.id = transfer_id "
        "WHERE account_id LIKE 'carrier_freight:%' AND t.state = 'posted' GROUP BY 1",
    )
    assert any(row.changed for row in entries)
    for row in entries:
        sheet = await show_freight(ports, operator, row.carrier, days(ports, 30))
        (item,) = sheet.items
        assert (item.rerouted.amount, item.earned.amount) == (row.changed or 0, row.earned)
        # The legs that it carried in the end are what it has earned.
        assert sum(leg.price.amount for leg in item.legs) == row.earned


async def test_freight_that_was_paid_is_told_beside_what_was_earned(ports, operator, order):
    carrier = order["consignments"][0]["legs"][-1]["carrier"]
    await a_payee(ports, (await a_partner(ports, carrier)).caller)
    await a_run(ports, operator, parties=["carrier"])
    for payout in await payouts(ports, party_id=carrier):
        await mark(ports, payout.id, "sent", "paid")
    (total,) = (await show_freight(ports, operator, carrier, days(ports))).sums
    assert total.paid == total.earned
    assert total.balance.amount == 0


async def test_producer_reads_what_became_of_its_sales(ports, village, operator):
    order = await delivered(ports, village, operator)
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, CARPET, 68_000))
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    await a_payee(ports, village.loom.caller, village.loom.producer.id)
    await a_run(ports, operator)
    (payout,) = await payouts(ports)
    await mark(ports, payout.id, "sent", "paid")
    sheet = await show_settlement(ports, village.loom.caller, village.loom.producer.id, days(ports), "en")
    (mine,) = sheet.items
    assert (mine.orders, mine.goods.amount, mine.refunded.amount) == (1, 168_000, 68_000)
    assert (mine.commission.amount, mine.share.amount, mine.net.amount) == (3_000, 0, 97_000)
    assert mine.paid.amount == payout.amount_minor == 97_000
    carried = next(c for c in order["consignments"] if c["producer"] == village.loom.producer.id)
    assert mine.carriage.amount == sum(leg["price"]["amount"] for leg in carried["legs"])


@pytest.mark.parametrize("joined", [1, 2])
async def test_cooperative_reads_its_members_with_its_share_of_their_sales(ports, village, operator, joined):
    """The garden, and with it another one, share a twentieth with the weavers' co-operative; one order has goods of all."""
    coop, members = village.loom, [village.garden]
    basket = dict(village.basket)
    if joined == 2:
        members.append(await a_producer(ports))
        listing = await a_listing(ports, members[1])
        await a_lot(ports, members[1], listing, "40", harvested_on="2026-02-20")
        basket[listing] = "2"
    for member in members:
        await a_member(ports, coop, member)
    order = await an_order(ports, village.buyer, basket)
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, CARPET, 68_000))
    async with ports.begin() as session:
        await answer_claim(ports, session, coop.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    sheet = await show_settlement(ports, (await again(ports, coop.person)).caller, coop.producer.id, days(ports), "en")
    told = {item.producer: item for item in sheet.items}
    assert told.keys() == {coop.producer.id, *(member.producer.id for member in members)}
    garden = told[village.garden.producer.id]
    # 264 yuan less 3 %, of that a twentieth, rounded for the member.
    assert (garden.goods.amount, garden.commission.amount, garden.share.amount) == (26_400, 792, 1_280)
    assert told[coop.producer.id].share.amount == 0
    assert [each.amount for each in sheet.share] == [sum(item.share.amount for item in sheet.items)]
    for item in told.values():
        parts = (item.refunded, item.commission, item.share)
        assert item.goods.amount - sum(p.amount for p in parts) + item.other.amount == item.net.amount
    # The member reads the same of itself, and of nobody else.
    (own,) = (await show_settlement(ports, members[0].caller, members[0].producer.id, days(ports), "en")).items
    assert own == garden
    # The co-operative's share is paid with its own sales.
    await a_payee(ports, coop.caller, coop.producer.id)
    await a_run(ports, operator)
    (payout,) = await payouts(ports, party_id=coop.producer.id)
    assert payout.amount_minor == 97_000 + sheet.share[0].amount


async def test_nobody_but_its_owner_says_where_a_producer_is_paid(ports, village):
    await a_member(ports, village.loom, village.garden)
    coop = (await again(ports, village.loom.person)).caller
    colleague = await a_colleague(ports, village.garden, await a_person(ports), *Grant)
    async with nothing_happens(ports):
        for caller in (coop, colleague.caller):
            with pytest.raises(NotFound):
                await a_payee(ports, caller, village.garden.producer.id)


async def test_sheets_of_others_are_not_there(ports, village, operator, order):
    for caller in (village.buyer.caller, village.loom.caller):
        with pytest.raises(NotFound):
            await show_settlement(ports, caller, village.garden.producer.id, days(ports), "en")
        with pytest.raises(NotFound):
            await show_freight(ports, caller, order["consignments"][0]["legs"][0]["carrier"], days(ports))
    with pytest.raises(NotFound):
        await show_freight(ports, operator, "NOBODY", days(ports))


async def test_carrier_remarks_and_an_operator_answers_once_without_moving_money(ports, operator, order):
    carrier = (await a_partner(ports, order["consignments"][0]["legs"][0]["carrier"])).caller
    entries = await rows(ports, "SELECT * FROM entry")
    async with ports.begin() as session:
        words = NewRemark(order=order["id"], words="Two pallets were carried")
        made = await remark(ports, session, carrier, words)
    async with ports.database.read() as connection:
        assert (await show_remarks(connection, operator, None, 10, waiting=True)).items == [made]
    reply = RemarkAnswer(answer="One was booked")
    async with ports.begin() as session:
        answered = await answer_remark(ports, session, operator, made.id, reply)
    assert answered.answer == "One was booked"
    async with nothing_happens(ports):
        with pytest.raises(StateConflict):
            async with ports.begin() as session:
                await answer_remark(ports, session, operator, made.id, reply)
        stranger = Caller(partner_id="ptn_other", carrier="OTHER")
        with pytest.raises(NotFound):
            async with ports.begin() as session:
                await remark(ports, session, stranger, words)
    assert await rows(ports, "SELECT * FROM entry") == entries
