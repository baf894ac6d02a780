"""Chargebacks: money taken back, the producers' money held, evidence sent once, and who bears what is lost; in any order of news."""

import asyncio
from itertools import permutations

import pytest

from app.claims.schemas import NewClaim
from app.core.errors import NotFound, UpstreamFailed
from app.core.money import Money
from app.flows.answer_dispute import answer_dispute, send_evidence
from app.flows.claim_goods import open_claim
from app.flows.follow_shipment import confirm_receipt
from app.flows.pay_out import ask_for_run, make_payouts
from app.flows.show_disputes import show_dispute, show_disputes
from app.ledger.balance import balances
from app.ledger.values import PLATFORM, AccountKind
from app.payments.errors import EvidenceTooLate, PaymentDisputed
from app.payouts.schemas import NewPayoutRun
from tests.factories.cards import card_shop, charge_of, hear, hear_all, paid_order
from tests.factories.claims import claiming
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.payouts import a_payee, mark, payouts
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template, ports = networked, planned
PENDING, AVAILABLE = AccountKind.PRODUCER_PENDING, AccountKind.PRODUCER_AVAILABLE
# A carpet for 1680 yuan less 3 %, and three boxes of dates for 18.80 yuan each.
CARPET_NET = 162_960


@pytest.fixture
async def shop(ports, fake):
    phones = ports.settings.operator_phones | {"+8610000000999"}
    async with card_shop(ports, fake, stripe_capture="at_once", operator_phones=phones) as shop:
        yield shop


@pytest.fixture
async def village(shop):
    return await a_village(shop)


@pytest.fixture
async def operator(shop):
    return (await an_operator(shop)).caller


async def held(shop, owner, *kinds):
    async with shop.database.read() as connection:
        found = {b.account.kind: b.posted_minor for b in await balances(connection, owner)}
    return tuple(found.get(kind, 0) for kind in kinds)


async def delivered(shop, fake, village, operator, *, confirmed=False):
    order = await paid_order(shop, fake, village, goods={village.carpets: "1"})
    for consignment in order["consignments"]:
        await tell(shop, operator, events_of(consignment))
    await work(shop)
    if confirmed:
        await confirm_receipt(shop, village.buyer.caller, order["id"], "en")
        await work(shop)
    return order


async def the_dispute(shop, operator):
    (item,) = (await show_disputes(shop, operator, None, None, 10, "en")).items
    return item


async def kinds_of(shop, order):
    found = await rows(
        shop, "SELECT kind FROM transfer WHERE subject = :id AND kind LIKE 'dispute%' ORDER BY kind", id=order["id"]
    )
    return [row.kind for row in found]


async def gateway_less_fees(shop):
    return (await held(shop, "stripe", AccountKind.GATEWAY))[0]


async def test_a_dispute_takes_the_money_holds_the_producers_part_and_is_told(shop, village, fake, operator):
    order = await delivered(shop, fake, village, operator)
    total = order["price"]["total"]["amount"]
    await fake.dispute(await charge_of(shop, fake, order))
    await hear_all(shop, fake)

    dispute = await the_dispute(shop, operator)
    assert (dispute.status, dispute.order, dispute.amount.amount) == ("needs_response", order["id"], total)
    assert (dispute.taken.amount, dispute.returned.amount, dispute.lost.amount) == (total, 0, 0)
    assert dispute.evidence_due_at is not None
    assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (-total,)
    assert await gateway_less_fees(shop) == 0
    told = await rows(shop, "SELECT \"to\" FROM message WHERE template = 'dispute_opened' ORDER BY 1")
    # The loom's owner and both operators.
    assert len(told) == 3
    assert {"+8610000000999", village.loom.person.phone} <= {row.to for row in told}

    await confirm_receipt(shop, village.buyer.caller, order["id"], "en")
    await work(shop)
    assert await held(shop, village.loom.producer.id, PENDING, AVAILABLE) == (CARPET_NET, 0)
    async with nothing_happens(shop):
        await hear_all(shop, fake)


async def test_a_won_dispute_gives_the_money_back_and_releases_what_waited(shop, village, fake, operator):
    order = await delivered(shop, fake, village, operator)
    opened = await fake.dispute(await charge_of(shop, fake, order))
    await hear_all(shop, fake)
    await confirm_receipt(shop, village.buyer.caller, order["id"], "en")
    await fake.decide(opened["id"], won=True)
    await hear_all(shop, fake)
    dispute = await the_dispute(shop, operator)
    assert (dispute.status, dispute.returned) == ("won", dispute.amount)
    assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (0,)
    assert await gateway_less_fees(shop) == -order["price"]["total"]["amount"]
    assert await held(shop, village.loom.producer.id, PENDING, AVAILABLE) == (0, CARPET_NET)
    assert await kinds_of(shop, order) == ["dispute", "dispute_won"]


@pytest.mark.parametrize("confirmed", [False, True])
async def test_what_is_lost_for_bad_goods_is_borne_by_the_producer_below_zero_if_need_be(
    shop, village, fake, operator, confirmed
):
    order = await delivered(shop, fake, village, operator, confirmed=confirmed)
    total = order["price"]["total"]["amount"]
    opened = await fake.dispute(await charge_of(shop, fake, order), reason="product_unacceptable")
    await hear_all(shop, fake)
    await fake.decide(opened["id"], won=False)
    await hear_all(shop, fake)

    assert (await the_dispute(shop, operator)).lost.amount == total
    # The whole payment is lost, so the producer's whole part is.
    assert await held(shop, village.loom.producer.id, PENDING, AVAILABLE) == (0, 0)
    assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (0,)
    fee = 168_000 - CARPET_NET
    assert await held(shop, PLATFORM, AccountKind.PLATFORM_FEE) == (fee - (total - CARPET_NET),)
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'dispute_lost'") == 3
    if not confirmed:
        await confirm_receipt(shop, village.buyer.caller, order["id"], "en")
        await work(shop)
        assert await held(shop, village.loom.producer.id, PENDING, AVAILABLE) == (0, 0)


async def test_a_stolen_card_is_the_platforms_loss(shop, village, fake, operator):
    order = await delivered(shop, fake, village, operator, confirmed=True)
    opened = await fake.dispute(await charge_of(shop, fake, order), reason="fraudulent")
    await fake.decide(opened["id"], won=False)
    await hear_all(shop, fake)
    assert await held(shop, village.loom.producer.id, AVAILABLE) == (CARPET_NET,)
    assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (0,)


async def test_an_operator_answers_once_with_what_the_order_proves(shop, village, fake, operator):
    order = await delivered(shop, fake, village, operator)
    opened = await fake.dispute(await charge_of(shop, fake, order))
    await hear_all(shop, fake)
    dispute = await the_dispute(shop, operator)
    async with shop.begin() as session:
        await answer_dispute(shop, session, operator, dispute.id, "The carrier has the signature.")
    async with nothing_happens(shop):
        with pytest.raises(EvidenceTooLate):
            async with shop.begin() as session:
                await answer_dispute(shop, session, operator, dispute.id, "And more")
    await fake.fault("late", "/v1/disputes/*", times=3)
    with pytest.raises(UpstreamFailed):
        await work(shop)
    await fake.reset_faults()
    await send_evidence(shop, dispute.id)
    await send_evidence(shop, dispute.id)

    assert (await show_dispute(shop, operator, dispute.id, "en")).status == "under_review"
    (told, *_) = await fake.events("charge.dispute.updated")
    evidence = told["data"]["object"]["evidence"]
    assert evidence["shipping_tracking_number"] == order["consignments"][0]["tracking_number"]
    assert evidence["uncategorized_text"].startswith("The carrier has the signature.")
    assert "Delivered" in evidence["uncategorized_text"]
    assert told["data"]["object"]["evidence_details"]["submission_count"] == 1
    assert told["data"]["object"]["id"] == opened["id"]
    await hear_all(shop, fake)
    assert (await show_dispute(shop, operator, dispute.id, "en")).status == "under_review"


async def test_nobody_else_sees_a_dispute(shop, village, fake, operator):
    order = await delivered(shop, fake, village, operator)
    await fake.dispute(await charge_of(shop, fake, order))
    await hear_all(shop, fake)
    dispute = await the_dispute(shop, operator)
    assert (await show_dispute(shop, village.loom.caller, dispute.id, "en")).id == dispute.id
    for stranger in (village.garden.caller, village.buyer.caller):
        assert (await show_disputes(shop, stranger, None, None, 10, "en")).items == []
        with pytest.raises(NotFound):
            await show_dispute(shop, stranger, dispute.id, "en")


async def test_a_disputed_payment_is_not_claimed_as_well(shop, village, fake, operator):
    order = await delivered(shop, fake, village, operator)
    await fake.dispute(await charge_of(shop, fake, order))
    await hear_all(shop, fake)
    claim = NewClaim.model_validate(claiming(order, 0, 1_000))
    async with nothing_happens(shop):
        with pytest.raises(PaymentDisputed):
            async with shop.begin() as session:
                await open_claim(shop, session, village.buyer.caller, order["id"], claim, "en")


async def test_an_inquiry_holds_the_money_until_it_is_closed(shop, village, fake, operator):
    order = await delivered(shop, fake, village, operator)
    asked = await fake.dispute(await charge_of(shop, fake, order), inquiry=True)
    await hear_all(shop, fake)
    await confirm_receipt(shop, village.buyer.caller, order["id"], "en")
    assert await held(shop, village.loom.producer.id, AVAILABLE) == (0,)
    await fake.decide(asked["id"], won=True)
    await hear_all(shop, fake)
    assert (await the_dispute(shop, operator)).status == "inquiry_closed"
    assert await kinds_of(shop, order) == []
    assert await held(shop, village.loom.producer.id, AVAILABLE) == (CARPET_NET,)


@pytest.mark.parametrize("won", [True, False])
async def test_any_order_of_the_news_of_a_dispute_comes_to_the_same(shop, village, fake, operator, won):
    order = await delivered(shop, fake, village, operator, confirmed=True)
    opened = await fake.dispute(await charge_of(shop, fake, order), reason="product_unacceptable")
    await fake.decide(opened["id"], won=won)
    told = [each for each in await fake.events() if each["type"].startswith("charge.dispute.")]
    # The last of four turns of these; every order of them is tried on the rule itself in tests/unit/payments.
    await hear(shop, fake, list(permutations(told))[-1], times=2)
    await work(shop)
    dispute = await the_dispute(shop, operator)
    assert dispute.status == ("won" if won else "lost")
    assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (0,)
    assert await held(shop, village.loom.producer.id, AVAILABLE) == ((CARPET_NET if won else 0),)
    assert await kinds_of(shop, order) == ["dispute", "dispute_won" if won else "dispute_lost"]


async def test_news_of_a_dispute_at_once_moves_the_money_once(shop, village, fake, operator):
    order = await delivered(shop, fake, village, operator)
    opened = await fake.dispute(await charge_of(shop, fake, order))
    await fake.decide(opened["id"], won=False)
    await hear(shop, fake, await fake.events())
    await asyncio.gather(work(shop), work(shop), work(shop))
    await work(shop)
    assert await kinds_of(shop, order) == ["dispute", "dispute_lost"]
    assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (0,)


async def test_a_lost_dispute_and_a_payout_run_at_once_never_give_more_than_was_earned(shop, village, fake, operator):
    await a_payee(shop, village.loom.caller, village.loom.producer.id)
    order = await delivered(shop, fake, village, operator, confirmed=True)
    opened = await fake.dispute(await charge_of(shop, fake, order), reason="product_unacceptable")
    await fake.decide(opened["id"], won=False)
    await hear(shop, fake, await fake.events(), times=2)
    async with shop.begin() as session:
        runs = [(await ask_for_run(shop, session, operator, NewPayoutRun())).id for _ in range(2)]
    # Both runs, and everything that the news asks for, which is the runs once more.
    await asyncio.gather(make_payouts(shop, runs[0]), work(shop), make_payouts(shop, runs[1]), work(shop))
    await work(shop)
    for payout in await payouts(shop):
        await mark(shop, payout.id, "sent", "paid")
    paid = sum(payout.amount_minor for payout in await payouts(shop))
    assert paid in (0, CARPET_NET)
    # Whoever came first: what is left is what was earned, nothing, less what was paid.
    assert await held(shop, village.loom.producer.id, PENDING, AVAILABLE) == (0, -paid)
    assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (0,)
    assert await kinds_of(shop, order) == ["dispute", "dispute_lost"]


async def test_a_dispute_of_somebody_elses_payment_is_nothing_to_us(shop, village, fake, operator):
    foreign = await shop.cards.create_intent("pay_elsewhere", "ord_elsewhere", Money(7830, "CNY"))
    await fake.confirm(foreign.ref)
    (paid,) = await fake.events("charge.succeeded")
    await fake.dispute(paid["data"]["object"]["id"])
    await hear_all(shop, fake)
    assert (await show_disputes(shop, operator, None, None, 10, "en")).items == []
