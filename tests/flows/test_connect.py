"""Producers with accounts at the card provider: what is released moves there, what is refunded comes back, payouts arrive or return."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.claims.schemas import ClaimAnswer
from app.core.clock import FixedClock
from app.core.errors import NotFound, UpstreamFailed
from app.flows.claim_goods import answer_claim
from app.flows.follow_shipment import confirm_receipt
from app.flows.keep_books import close_books
from app.flows.mark_payout import look_after_payouts, send_payout
from app.flows.move_released import align_order, align_waiting
from app.flows.open_payout_account import open_payout_account
from app.ledger.balance import balances
from app.ledger.values import AccountKind
from app.payouts.errors import PayoutAccountsUnavailable
from app.payouts.moves import short_of
from app.payouts.schemas import NewPayoutAccount
from tests.factories.cards import card_shop, charge_of, hear, hear_all, paid_order
from tests.factories.claims import a_claim_for, claiming
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.payouts import a_payee, a_run, payouts
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.fakes.stripe.sdk import sdk

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template, ports = networked, planned
AVAILABLE = AccountKind.PRODUCER_AVAILABLE
# A carpet for 1680 yuan less 3 %; a claim of 500 yuan costs the producer 485 of it.
NET, CLAIMED, BORNE = 162_960, 50_000, 48_500
TRANSFERS, REVERSALS = "/v1/transfers", "/v1/transfers/*/reversals"


@pytest.fixture
async def shop(ports, fake):
    async with card_shop(ports, fake, stripe_capture="at_once") as shop:
        yield shop


@pytest.fixture
async def stripe(fake):
    async with sdk(fake) as client:
        yield client


@pytest.fixture
async def village(shop):
    return await a_village(shop)


@pytest.fixture
async def operator(shop):
    return (await an_operator(shop)).caller


async def opened(shop, village):
    command = NewPayoutAccount(currency="CNY")
    return await open_payout_account(shop, village.loom.caller, village.loom.producer.id, command, "en")


async def an_account(shop, fake, village):
    """The loom's account, filled in and accepted."""
    await opened(shop, village)
    account = await value(shop, "SELECT ref FROM payee WHERE channel = 'stripe'")
    await fake.onboard(account, currency="cny")
    await hear_all(shop, fake, account)
    return account


async def sold(shop, fake, village, operator):
    """A carpet, paid by card, delivered and confirmed; jobs have worked."""
    order = await paid_order(shop, fake, village, goods={village.carpets: "1"})
    for consignment in order["consignments"]:
        await tell(shop, operator, events_of(consignment))
    await work(shop)
    await confirm_receipt(shop, village.buyer.caller, order["id"], "en")
    return order


async def claimed(shop, village, order, amount=CLAIMED):
    claim = await a_claim_for(shop, village.buyer, order, **claiming(order, 0, amount))
    answer = ClaimAnswer.model_validate({"answer": "accept"})
    async with shop.begin() as session:
        await answer_claim(shop, session, village.loom.caller, claim.id, answer, "en")


async def has(stripe, account):
    found = await stripe.v1.balance.retrieve_async(options={"stripe_account": account})
    return sum(each.amount for each in (*found.available, *found.pending) if each.currency == "cny")


async def available(shop, village):
    async with shop.database.read() as connection:
        found = {b.account.kind: b.posted_minor for b in await balances(connection, village.loom.producer.id)}
    return found.get(AVAILABLE, 0)


async def short(shop, village):
    async with shop.database.read() as connection:
        return await short_of(connection, village.loom.producer.id, "CNY")


async def payee(shop):
    ((status, reason, account),) = await rows(
        shop, "SELECT status, reason, masked FROM payee WHERE channel = 'stripe' AND status <> 'replaced'"
    )
    return status, reason, account


async def test_a_producer_opens_an_account_and_is_paid_there_once_stripe_accepts_it(shop, village, fake):
    first = await opened(shop, village)
    assert (first.payee.channel, first.payee.status) == ("stripe", "unverified")
    assert first.url.startswith("https://connect.stripe.com/")
    again = await opened(shop, village)
    assert again.payee.id == first.payee.id
    assert len([each for each in await fake.calls() if each["path"] == "/v1/accounts"]) == 1

    account = await value(shop, "SELECT ref FROM payee WHERE channel = 'stripe'")
    await fake.onboard(account, last4="0042", currency="cny")
    await hear_all(shop, fake, account)
    assert await payee(shop) == ("verified", None, "···0042")
    await fake.require(account, ["individual.verification.document"])
    await hear_all(shop, fake, account)
    assert await payee(shop) == ("rejected", "Stripe: individual.verification.document", "···0042")
    await fake.require(account, [])
    await hear_all(shop, fake, account)
    assert (await payee(shop))[0] == "verified"


async def test_news_of_an_account_that_comes_late_or_backwards_tells_how_it_stands_now(shop, village, fake):
    await opened(shop, village)
    account = await value(shop, "SELECT ref FROM payee WHERE channel = 'stripe'")
    await fake.onboard(account, currency="cny")
    await fake.require(account, ["company.tax_id"])
    await fake.require(account, [])
    await hear(shop, fake, reversed(await fake.events("account.updated", account=account)), times=2)
    await work(shop)
    assert (await payee(shop))[0] == "verified"


async def test_nobody_opens_an_account_for_somebody_else_or_where_there_is_no_provider(shop, ports, village):
    command = NewPayoutAccount(currency="CNY")
    async with nothing_happens(shop):
        with pytest.raises(NotFound):
            await open_payout_account(shop, village.garden.caller, village.loom.producer.id, command, "en")
        with pytest.raises(PayoutAccountsUnavailable):
            await open_payout_account(ports, village.loom.caller, village.loom.producer.id, command, "en")


async def test_an_account_that_was_opened_as_the_line_broke_is_the_same_again(shop, village, fake):
    await fake.fault("late", "/v1/accounts", times=2)
    with pytest.raises(UpstreamFailed):
        await opened(shop, village)
    await fake.reset_faults()
    await opened(shop, village)
    assert len({each["path"] for each in await fake.calls() if each["path"] == "/v1/accounts"}) == 1
    assert await value(shop, "SELECT count(*) FROM payee WHERE channel = 'stripe'") == 1


async def test_a_producer_that_went_to_a_bank_may_come_back_to_its_account(shop, village, fake):
    account = await an_account(shop, fake, village)
    await a_payee(shop, village.loom.caller, village.loom.producer.id)
    back = await opened(shop, village)
    assert (back.payee.channel, back.payee.status) == ("stripe", "unverified")
    assert (
        await value(shop, "SELECT ref FROM payee WHERE status <> 'replaced' AND party_id = :id", id=back.payee.party)
        == account
    )


async def test_what_is_released_moves_to_the_producers_account_from_its_charge(shop, village, fake, operator, stripe):
    account = await an_account(shop, fake, village)
    order = await sold(shop, fake, village, operator)
    assert await has(stripe, account) == 0
    await work(shop)
    (moved,) = (await stripe.v1.transfers.list_async({"transfer_group": order["id"]})).data
    assert (moved.amount, moved.destination) == (NET, account)
    assert moved.source_transaction == await charge_of(shop, fake, order)
    assert await available(shop, village) == NET
    async with nothing_happens(shop):
        await align_order(shop, order["id"])


async def test_a_producer_without_an_account_is_paid_another_way(shop, village, fake, operator, stripe):
    await a_payee(shop, village.loom.caller, village.loom.producer.id)
    await sold(shop, fake, village, operator)
    await work(shop)
    assert (await stripe.v1.transfers.list_async()).data == []


@pytest.mark.parametrize("fault", ["late", "drop_after", "unavailable"])
async def test_a_transfer_that_is_cut_off_is_made_once(shop, village, fake, operator, stripe, fault):
    account = await an_account(shop, fake, village)
    order = await sold(shop, fake, village, operator)
    await fake.fault(fault, TRANSFERS, times=3)
    with pytest.raises(UpstreamFailed):
        await work(shop)
    await fake.reset_faults()
    await align_waiting(shop)
    await work(shop)
    await asyncio.gather(*(align_order(shop, order["id"]) for _ in range(3)))
    assert await has(stripe, account) == NET
    assert await value(shop, "SELECT count(*) FROM connect_transfer WHERE status = 'done'") == 1


async def test_a_refund_after_the_transfer_takes_the_producers_part_back(shop, village, fake, operator, stripe):
    account = await an_account(shop, fake, village)
    order = await sold(shop, fake, village, operator)
    await work(shop)
    await claimed(shop, village, order)
    await fake.fault("late", REVERSALS, times=3)
    with pytest.raises(UpstreamFailed):
        await work(shop)
    await fake.reset_faults()
    await align_waiting(shop)
    await work(shop)
    assert await has(stripe, account) == NET - BORNE == await available(shop, village)
    assert await short(shop, village) == 0
    async with nothing_happens(shop):
        await align_order(shop, order["id"])


async def test_what_is_paid_out_already_is_short_and_withheld_of_the_next_order(shop, village, fake, operator, stripe):
    account = await an_account(shop, fake, village)
    first = await sold(shop, fake, village, operator)
    await work(shop)
    await fake.mature()
    await a_run(shop, operator)
    assert await has(stripe, account) == 0
    await claimed(shop, village, first)
    await work(shop)
    assert await short(shop, village) == BORNE

    # Paid out and arrived, so that the ledger owes nothing: what was lost is below zero.
    (sent,) = await payouts(shop, channel="stripe")
    (theirs,) = (await stripe.v1.payouts.list_async({}, {"stripe_account": account})).data
    await fake.move_payout(theirs.id, "paid")
    await hear_all(shop, fake, account)
    assert (await payouts(shop, id=sent.id))[0].status == "paid"
    assert await available(shop, village) == -BORNE

    await sold(shop, fake, village, operator)
    await work(shop)
    assert await has(stripe, account) == NET - BORNE == await available(shop, village)
    assert await short(shop, village) == 0
    await fake.mature()
    await a_run(shop, operator)
    assert [each.amount_minor for each in await payouts(shop, channel="stripe")] == [NET, NET - BORNE]


async def test_a_payout_arrives_and_is_told_and_waits_for_money_that_has_not_matured(
    shop, village, fake, operator, stripe
):
    account = await an_account(shop, fake, village)
    await sold(shop, fake, village, operator)
    await work(shop)
    await a_run(shop, operator)
    (row,) = await payouts(shop)
    assert (row.status, row.amount_minor) == ("sent", NET)
    assert (await stripe.v1.payouts.list_async({}, {"stripe_account": account})).data == []
    await fake.mature()
    await look_after_payouts(shop)
    (theirs,) = (await stripe.v1.payouts.list_async({}, {"stripe_account": account})).data
    assert (theirs.amount, theirs.metadata["payout"]) == (NET, row.id)
    await fake.move_payout(theirs.id, "in_transit")
    await fake.move_payout(theirs.id, "paid")
    await hear_all(shop, fake, account)
    (row,) = await payouts(shop)
    assert (row.status, row.reference) == ("paid", theirs.id)
    assert await available(shop, village) == 0
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'payout_paid'") == 1


@pytest.mark.parametrize("turn", [slice(None), slice(None, None, -1)])
async def test_a_payout_that_comes_back_is_available_again_in_any_order_of_news(
    shop, village, fake, operator, stripe, turn
):
    account = await an_account(shop, fake, village)
    await sold(shop, fake, village, operator)
    await work(shop)
    await fake.mature()
    await a_run(shop, operator)
    (theirs,) = (await stripe.v1.payouts.list_async({}, {"stripe_account": account})).data
    await fake.move_payout(theirs.id, "paid")
    await fake.move_payout(theirs.id, "failed")
    told = [each for each in await fake.events(account=account) if each["type"].startswith("payout.")]
    await hear(shop, fake, told[turn], times=2)
    await work(shop)
    (row,) = await payouts(shop)
    assert (row.status, row.reason) == ("returned", "Stripe: account_closed")
    assert await available(shop, village) == NET == await has(stripe, account)
    assert (await payee(shop))[0] == "rejected"
    assert await value(shop, "SELECT count(*) FROM message WHERE template = 'payout_returned'") == 1

    # A new bank: the same money goes out once more, and nothing is topped up for it.
    await fake.onboard(account, last4="0077", currency="cny")
    await hear_all(shop, fake, account)
    await a_run(shop, operator)
    assert await has(stripe, account) == 0
    assert len((await stripe.v1.transfers.list_async()).data) == 1


async def test_a_payout_is_sent_once_whatever_breaks(shop, village, fake, operator, stripe):
    account = await an_account(shop, fake, village)
    await sold(shop, fake, village, operator)
    await work(shop)
    await fake.mature()
    await fake.fault("late", "/v1/payouts", times=3)
    with pytest.raises(UpstreamFailed):
        await a_run(shop, operator)
    await fake.reset_faults()
    (row,) = await payouts(shop)
    await asyncio.gather(*(send_payout(shop, row.id) for _ in range(3)))
    (theirs,) = (await stripe.v1.payouts.list_async({}, {"stripe_account": account})).data
    assert theirs.amount == NET
    assert (await payouts(shop))[0].status == "sent"


async def test_news_of_a_payout_that_overtakes_our_own_note_is_not_lost(shop, village, fake, operator, stripe):
    account = await an_account(shop, fake, village)
    await sold(shop, fake, village, operator)
    await work(shop)
    await fake.mature()
    await fake.fault("late", "/v1/payouts", times=3)
    with pytest.raises(UpstreamFailed):
        await a_run(shop, operator)
    await fake.reset_faults()
    (theirs,) = (await stripe.v1.payouts.list_async({}, {"stripe_account": account})).data
    await fake.move_payout(theirs.id, "paid")
    await hear_all(shop, fake, account)
    (row,) = await payouts(shop)
    assert row.status == "paid"
    async with nothing_happens(shop):
        await send_payout(shop, row.id)


async def test_a_producer_bears_a_lost_dispute_out_of_its_account(shop, village, fake, operator, stripe):
    account = await an_account(shop, fake, village)
    order = await sold(shop, fake, village, operator)
    await work(shop)
    lost = await fake.dispute(await charge_of(shop, fake, order), reason="product_unacceptable")
    await fake.decide(lost["id"], won=False)
    await hear_all(shop, fake, account)
    assert await has(stripe, account) == 0 == await available(shop, village)


async def test_the_night_enters_fees_once_and_finds_what_moved_otherwise(shop, village, fake, operator, stripe):
    account = await an_account(shop, fake, village)
    order = await sold(shop, fake, village, operator)
    await work(shop)
    (moved,) = (await stripe.v1.transfers.list_async()).data
    await stripe.v1.transfers.reversals.create_async(moved.id, {"amount": 1_000})
    # The stand-in goes by the real time.
    tonight = replace(shop, clock=FixedClock(datetime.now(UTC) + timedelta(days=1)))
    await close_books(tonight)
    await close_books(tonight)
    charge = await stripe.v1.charges.retrieve_async(
        await charge_of(shop, fake, order), {"expand": ["balance_transaction"]}
    )
    ((subject, fee),) = await rows(
        shop,
        "SELECT subject, -amount_minor FROM entry JOIN transfer ON transfer.id = transfer_id WHERE account_id = 'gateway_fee:platform:CNY'",
    )
    assert (subject, fee) == (order["id"], charge.balance_transaction.fee)
    found = await value(shop, "SELECT findings FROM reconciliation ORDER BY id DESC LIMIT 1")
    moves = [each for each in found if each["what"] == "move_amount"]
    assert [(each["subject"], each["expected_minor"], each["found_minor"]) for each in moves] == [
        (moved.id, NET, NET - 1_000)
    ]
    assert account
