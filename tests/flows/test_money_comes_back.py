"""Ends that are none: refunds that do not arrive, disputes that are lost and then won, and what waits for a bank's word; in any order."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from app.core.clock import FixedClock
from app.core.errors import Invalid, StateConflict
from app.core.ids import new_id
from app.flows.bargain import withdraw_offer
from app.flows.cancel_order import cancel_order, return_payment
from app.flows.follow_shipment import confirm_receipt
from app.flows.keep_books import close_books
from app.flows.pay_deposit import return_deposit, send_deposit_back, start_deposit
from app.flows.pay_out import pay_back_in_cash
from app.flows.show_offers import show_offer
from app.ledger.balance import balances
from app.ledger.service import record
from app.ledger.values import PLATFORM, AccountKind, AccountRef, Entry, State, Transfer, TransferKind
from app.offers.schemas import BankNote, DepositRequest
from app.payouts.errors import NothingToPayBack
from app.payouts.schemas import NewCashRefund
from tests.factories.cards import card_shop, charge_of, hear, hear_all, paid_order
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.network import networked, planned
from tests.factories.offers import an_agreement
from tests.factories.payouts import a_payee, a_run, mark, payouts
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template, ports = networked, planned
BUYER, BANK, GATEWAY = AccountKind.BUYER, AccountKind.BANK, AccountKind.GATEWAY
AVAILABLE, DEPOSIT = AccountKind.PRODUCER_AVAILABLE, AccountKind.DEPOSIT
CARPET_NET = 162_960


@pytest.fixture
async def shop(ports, fake):
    phones = ports.settings.operator_phones | {"+8610000000999"}
    # The two clocks agree on the day.
    fake.go_by(lambda: ports.clock.now().timestamp())
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


async def cancelled(shop, fake, village, method="pm_card_visa"):
    """An order that was paid and cancelled, whose money has gone back; with what it was worth."""
    order = await paid_order(shop, fake, village, method, goods={village.carpets: "1"})
    await cancel_order(shop, village.buyer.caller, order["id"], "en")
    await work(shop)
    return order, order["price"]["total"]["amount"]


async def the_refund(fake):
    *_, last = await fake.events("refund.created")
    return last["data"]["object"]["id"]


async def books_agree(shop):
    await close_books(replace(shop, clock=FixedClock(shop.clock.now() + timedelta(days=1))))
    assert [tuple(row) for row in await rows(shop, "SELECT findings FROM reconciliation WHERE findings <> '[]'")] == []
    dead = await rows(shop, "SELECT task_name FROM jobs.procrastinate_jobs WHERE status = 'failed'")
    assert dead == []


@pytest.mark.parametrize("method", ["pm_card_visa", "alipay"])
async def test_a_refund_that_does_not_arrive_is_owed_again_and_paid_to_an_account(
    shop, village, fake, operator, method
):
    order, total = await cancelled(shop, fake, village, method)
    assert await held(shop, village.buyer.caller.id, BUYER) == (0,)
    await fake.settle_refund(await the_refund(fake), succeed=False)
    await hear_all(shop, fake)

    assert await held(shop, village.buyer.caller.id, BUYER) == (total,)
    assert await held(shop, "stripe", GATEWAY) == (-total,)
    told = await rows(shop, "SELECT template, \"to\" FROM message WHERE template LIKE 'refund_%' ORDER BY 1, 2")
    assert [row.template for row in told] == ["refund_failed", "refund_to_pay", "refund_to_pay"]
    # The news comes again, and what was told before comes late.
    async with nothing_happens(shop):
        await hear_all(shop, fake)
    await a_payee(shop, village.buyer.caller, village.buyer.caller.id)
    await a_run(shop, operator, parties=["buyer"])
    await a_run(shop, operator, parties=["buyer"])
    (payout,) = await payouts(shop)
    assert (payout.amount_minor, payout.order_id) == (total, order["id"])
    await mark(shop, payout.id, "sent", "paid")
    assert await held(shop, village.buyer.caller.id, BUYER) == (0,)
    assert await held(shop, PLATFORM, BANK) == (total,)
    await books_agree(shop)


@pytest.mark.parametrize("turn", range(4))
async def test_any_order_of_the_news_of_a_failed_refund_comes_to_the_same(shop, village, fake, turn):
    order = await paid_order(shop, fake, village, goods={village.carpets: "1"})
    await cancel_order(shop, village.buyer.caller, order["id"], "en")
    # Stripe has returned it, but its answer is lost: the failure is heard before we have written anything down.
    await fake.fault("drop_after", "/v1/refunds", times=4)
    with pytest.raises(Exception):  # noqa: B017  # whatever the job says, it comes again
        await work(shop)
    await fake.reset_faults()
    await fake.settle_refund(await the_refund(fake), succeed=False)
    told = [each for each in await fake.events() if "refund" in each["type"]]
    news = list(permutations(told, len(told)))[turn * 7]
    await hear(shop, fake, news, times=2)
    await work(shop)
    await return_payment(shop, order["id"])
    await return_payment(shop, order["id"])
    assert await held(shop, village.buyer.caller.id, BUYER) == (order["price"]["total"]["amount"],)
    assert await value(shop, "SELECT count(*) FROM transfer WHERE kind = 'refund_failed'") == 1
    assert await value(shop, "SELECT count(*) FROM transfer WHERE kind = 'refund'") == 1
    await books_agree(shop)


async def test_a_refund_that_does_not_arrive_is_given_in_cash_once(shop, village, fake):
    order, total = await cancelled(shop, fake, village)
    carrier = order["consignments"][0]["legs"][0]["carrier"]
    cash = NewCashRefund.model_validate({"order": order["id"], "carrier": carrier})
    with pytest.raises(NothingToPayBack):
        async with shop.begin() as session:
            await pay_back_in_cash(shop, session, cash)
    await fake.settle_refund(await the_refund(fake), succeed=False)
    await hear_all(shop, fake)
    await _give_cash(shop, carrier, 2 * total)
    async with shop.begin() as session:
        payout = await pay_back_in_cash(shop, session, cash)
    assert payout.amount_minor == total
    with pytest.raises(NothingToPayBack):
        async with shop.begin() as session:
            await pay_back_in_cash(shop, session, cash)


async def _give_cash(shop, carrier, amount_minor):
    """The carrier holds cash of other orders."""
    entries = (
        Entry(AccountRef(AccountKind.CARRIER_CASH, carrier, "CNY"), -amount_minor),
        Entry(AccountRef(AccountKind.PLATFORM_FEE, PLATFORM, "CNY"), amount_minor),
    )
    async with shop.begin() as session:
        taken = Transfer(new_id("trf"), TransferKind.COLLECTION, "elsewhere", State.POSTED, entries)
        await record(session, [taken], shop.clock.now())


async def test_a_refund_made_by_hand_at_the_provider_is_between_operator_and_buyer(shop, village, fake):
    order = await paid_order(shop, fake, village)
    client = shop.cards._v1
    made = await client.refunds.create_async({"charge": await charge_of(shop, fake, order), "amount": 100})
    await fake.settle_refund(made.id, succeed=False)
    await hear_all(shop, fake)
    assert await value(shop, "SELECT count(*) FROM failed_refund") == 0


async def test_a_cancelled_order_under_dispute_waits_and_goes_back_once_it_is_won(shop, village, fake):
    order = await paid_order(shop, fake, village, goods={village.carpets: "1"})
    opened = await fake.dispute(await charge_of(shop, fake, order))
    await cancel_order(shop, village.buyer.caller, order["id"], "en")
    # Heard of before or after, Stripe returns nothing meanwhile.
    await work(shop)
    await hear_all(shop, fake)
    total = order["price"]["total"]["amount"]
    assert await held(shop, village.buyer.caller.id, BUYER) == (total,)
    await fake.decide(opened["id"], won=True)
    await hear_all(shop, fake)
    assert await held(shop, village.buyer.caller.id, BUYER) == (0,)
    assert await held(shop, "stripe", GATEWAY) == (0,)
    assert await value(shop, "SELECT status FROM payment WHERE order_id = :id", id=order["id"]) == "refunded"
    await books_agree(shop)


async def test_a_cancelled_order_whose_dispute_is_lost_is_paid_back_by_the_bank_alone(shop, village, fake, operator):
    order = await paid_order(shop, fake, village, goods={village.carpets: "1"})
    opened = await fake.dispute(await charge_of(shop, fake, order), reason="product_unacceptable")
    await hear_all(shop, fake)
    await cancel_order(shop, village.buyer.caller, order["id"], "en")
    await work(shop)
    await a_payee(shop, village.buyer.caller, village.buyer.caller.id)
    await a_run(shop, operator, parties=["buyer"])
    await fake.decide(opened["id"], won=False)
    await hear_all(shop, fake)
    await a_run(shop, operator, parties=["buyer"])
    # Nobody bears anything: what was owed to the buyer has reached it.
    assert await payouts(shop) == []
    assert await held(shop, village.buyer.caller.id, BUYER) == (0,)
    assert await held(shop, village.loom.producer.id, AVAILABLE) == (0,)
    assert await held(shop, PLATFORM, AccountKind.DISPUTED, AccountKind.PLATFORM_FEE) == (0, 0)

    # The network thinks again: it is owed again, and the card takes it.
    await fake.overturn(opened["id"])
    await hear_all(shop, fake)
    assert await held(shop, village.buyer.caller.id, BUYER) == (0,)
    assert await value(shop, "SELECT status FROM payment WHERE order_id = :id", id=order["id"]) == "refunded"
    assert await held(shop, "stripe", GATEWAY) == (0,)
    await books_agree(shop)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("confirmed", [False, True])
async def test_a_dispute_lost_and_then_won_gives_back_what_was_borne(shop, village, fake, operator, late, confirmed):
    order = await paid_order(shop, fake, village, goods={village.carpets: "1"})
    for consignment in order["consignments"]:
        await tell(shop, operator, events_of(consignment))
    await work(shop)
    opened = await fake.dispute(await charge_of(shop, fake, order), reason="product_unacceptable")
    await fake.decide(opened["id"], won=False)
    if not late:
        await hear_all(shop, fake)
        assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (0,)
    if confirmed:
        await confirm_receipt(shop, village.buyer.caller, order["id"], "en")
        await work(shop)
    await fake.overturn(opened["id"])
    told = [each for each in await fake.events() if each["type"].startswith("charge.dispute.")]
    await hear(shop, fake, reversed(told), times=2)
    await work(shop)
    assert await value(shop, "SELECT status FROM dispute") == "won"
    assert await held(shop, PLATFORM, AccountKind.DISPUTED, AccountKind.GATEWAY_FEE) == (0, 0)
    assert await held(shop, "stripe", GATEWAY) == (-order["price"]["total"]["amount"],)
    if not confirmed:
        await confirm_receipt(shop, village.buyer.caller, order["id"], "en")
        await work(shop)
    assert await held(shop, village.loom.producer.id, AccountKind.PRODUCER_PENDING, AVAILABLE) == (0, CARPET_NET)


async def a_deposit_by_card(shop, fake, village):
    agreed = await an_agreement(shop, village.buyer, village.loom, village.carpets, "10", 150_000)
    asked = await start_deposit(shop, village.buyer.caller, agreed.id, DepositRequest(method="stripe"), "en")
    await fake.confirm(asked.deposit.client_secret)
    await hear_all(shop, fake)
    return agreed


async def charge_of_deposit(fake):
    *_, last = await fake.events("charge.succeeded")
    return last["data"]["object"]["id"]


async def test_a_disputed_deposit_that_is_lost_ends_the_agreement_and_won_again_goes_back(
    shop, village, fake, operator
):
    offer = await a_deposit_by_card(shop, fake, village)
    amount = offer.deposit.amount.amount
    opened = await fake.dispute(await charge_of_deposit(fake))
    await hear_all(shop, fake)
    assert await held(shop, PLATFORM, AccountKind.DISPUTED) == (-amount,)
    assert await held(shop, village.buyer.caller.id, DEPOSIT, BUYER) == (amount, 0)
    await fake.decide(opened["id"], won=False)
    await hear_all(shop, fake)
    shown = await show_offer(shop, village.buyer.caller, offer.id, "en")
    assert (shown.status, shown.deposit.status) == ("withdrawn", "returned")
    assert await held(shop, village.buyer.caller.id, DEPOSIT, BUYER) == (0, 0)
    assert await held(shop, PLATFORM, AccountKind.DISPUTED, AccountKind.PLATFORM_FEE) == (0, 0)
    await fake.overturn(opened["id"])
    await hear_all(shop, fake)
    assert await held(shop, village.buyer.caller.id, DEPOSIT, BUYER) == (0, 0)
    assert await held(shop, "stripe", GATEWAY) == (0,)
    assert await value(shop, "SELECT status FROM payment") == "refunded"
    await books_agree(shop)


async def test_a_deposit_that_is_returned_under_dispute_waits_for_the_bank(shop, village, fake, operator):
    offer = await a_deposit_by_card(shop, fake, village)
    opened = await fake.dispute(await charge_of_deposit(fake))
    await hear_all(shop, fake)
    async with shop.begin() as session:
        await withdraw_offer(shop, session, village.loom.caller, offer.id, "en")
    await work(shop)
    amount = offer.deposit.amount.amount
    assert await held(shop, village.buyer.caller.id, BUYER) == (amount,)
    await fake.decide(opened["id"], won=True)
    await hear_all(shop, fake)
    assert await held(shop, village.buyer.caller.id, BUYER) == (0,)
    assert await held(shop, "stripe", GATEWAY) == (0,)
    await books_agree(shop)


async def test_a_deposit_whose_refund_does_not_arrive_is_sent_from_the_bank(shop, village, fake, operator):
    offer = await a_deposit_by_card(shop, fake, village)
    async with shop.begin() as session:
        await withdraw_offer(shop, session, village.loom.caller, offer.id, "en")
    await work(shop)
    note = BankNote(amount=offer.deposit.amount, bank_reference="B-9")
    async with nothing_happens(shop):
        with pytest.raises(StateConflict):
            async with shop.begin() as session:
                await send_deposit_back(shop, session, operator, offer.id, note, "en")
    await fake.settle_refund(await the_refund(fake), succeed=False)
    await hear_all(shop, fake)
    assert await held(shop, village.buyer.caller.id, BUYER) == (offer.deposit.amount.amount,)
    await return_deposit(shop, offer.id)
    assert (await show_offer(shop, village.buyer.caller, offer.id, "en")).deposit.sent_back_at is None
    less = BankNote.model_validate({"amount": {"amount": 1, "currency": "CNY"}, "bank_reference": "B-8"})
    with pytest.raises(Invalid):
        async with shop.begin() as session:
            await send_deposit_back(shop, session, operator, offer.id, less, "en")
    async with shop.begin() as session:
        await send_deposit_back(shop, session, operator, offer.id, note, "en")
    assert await held(shop, village.buyer.caller.id, BUYER) == (0,)
    assert await held(shop, PLATFORM, BANK) == (offer.deposit.amount.amount,)
    await books_agree(shop)
    async with nothing_happens(shop):
        await return_deposit(shop, offer.id)
        await hear_all(shop, fake)
