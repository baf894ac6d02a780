"""The stand-in's connected accounts, transfers, payouts, disputes, holds and checkout, driven by Stripe's own SDK over HTTP."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import stripe

from tests.fakes.stripe.books import DISPUTE_FEE_MINOR, PLATFORM, fee_of
from tests.fakes.stripe.receiver import webhook_receiver
from tests.fakes.stripe.runner import StripeStandIn, stripe_stand_in
from tests.fakes.stripe.sdk import sdk

# Stripe's SDK hands httpx its form in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

AMOUNT = 12_500
BUY = {"amount": AMOUNT, "currency": "cny", "transfer_group": "ord_1", "metadata": {"order": "ord_1"}}
CARD = BUY | {"payment_method_types": ["card"]}
FEE = fee_of("card", AMOUNT)

Shop = stripe.StripeClient


@pytest.fixture(scope="module")
def running() -> Any:
    with stripe_stand_in() as fake:
        yield fake


@pytest.fixture
async def fake(running: StripeStandIn) -> StripeStandIn:
    await running.reset()
    return running


@pytest.fixture
async def shop(fake: StripeStandIn) -> AsyncIterator[Shop]:
    async with sdk(fake) as client:
        yield client


async def charge(shop: Shop, fake: StripeStandIn, **more: Any) -> str:
    intent = await shop.v1.payment_intents.create_async(CARD | more)
    await fake.confirm(intent.id)
    found = await shop.v1.payment_intents.retrieve_async(intent.id)
    return str(found.latest_charge)


async def account(shop: Shop, fake: StripeStandIn, *, onboarded: bool = True) -> str:
    made = await shop.v1.accounts.create_async(
        {
            "country": "HK",
            "controller": {"stripe_dashboard": {"type": "express"}, "losses": {"payments": "application"}},
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            "metadata": {"payee": "pye_1"},
        }
    )
    if onboarded:
        await fake.onboard(made.id, currency="cny")
    return made.id


async def transfer(shop: Shop, charge_id: str, destination: str, amount: int, **more: Any) -> Any:
    asked = {"amount": amount, "currency": "cny", "destination": destination, "source_transaction": charge_id}
    return await shop.v1.transfers.create_async(asked | more)


async def has(shop: Shop, owner: str = PLATFORM) -> tuple[int, int]:
    """What an account has available and pending."""
    found = await shop.v1.balance.retrieve_async(options={"stripe_account": owner} if owner else {})
    (available,), (pending,) = found.available, found.pending
    return available.amount, pending.amount


async def test_an_account_is_made_filled_in_by_its_holder_and_enabled(shop: Shop, fake: StripeStandIn) -> None:
    made = await account(shop, fake, onboarded=False)
    fresh = await shop.v1.accounts.retrieve_async(made)
    assert (fresh.payouts_enabled, fresh.details_submitted, fresh.capabilities.transfers) == (False, False, "inactive")
    assert "external_account" in fresh.requirements.currently_due

    link = await shop.v1.account_links.create_async(
        {
            "account": made,
            "type": "account_onboarding",
            "refresh_url": "https://shop.example/again",
            "return_url": "https://shop.example/done",
        }
    )
    assert link.expires_at > link.created

    await fake.onboard(made, last4="0042")
    ready = await shop.v1.accounts.retrieve_async(made)
    assert (ready.payouts_enabled, ready.details_submitted, ready.capabilities.transfers) == (True, True, "active")
    assert (ready.external_accounts.data[0].last4, ready.requirements.currently_due) == ("0042", [])

    await fake.require(made, ["individual.verification.document"])
    asked = await shop.v1.accounts.retrieve_async(made)
    assert (asked.payouts_enabled, asked.requirements.disabled_reason) == (False, "requirements.past_due")
    assert [each["type"] for each in await fake.events(account=made)] == [
        "account.external_account.created", "account.updated", "account.updated",
    ]  # fmt: skip
    assert await fake.events() == []


async def test_a_transfer_needs_an_account_that_may_receive(shop: Shop, fake: StripeStandIn) -> None:
    paid, closed = await charge(shop, fake), await account(shop, fake, onboarded=False)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await transfer(shop, paid, closed, 100)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    with pytest.raises(stripe.InvalidRequestError, match="No such account"):
        await transfer(shop, paid, "acct_nobody", 100)


async def test_transfers_of_a_charge_stay_within_it_and_wait_for_its_money(shop: Shop, fake: StripeStandIn) -> None:
    paid, first, second = await charge(shop, fake), await account(shop, fake), await account(shop, fake)
    assert await has(shop) == (0, AMOUNT - FEE)

    made = await transfer(shop, paid, first, 8_000, metadata={"payout": "pay_1"})
    await transfer(shop, paid, second, 4_000)

    assert (made.transfer_group, made.reversed, made.source_transaction) == ("ord_1", False, paid)
    assert await has(shop, first) == (0, 8_000)
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed the source amount") as refused:
        await transfer(shop, paid, second, 501)
    assert refused.value.param == "amount"
    await fake.mature()
    assert (await has(shop, first), await has(shop, second)) == ((8_000, 0), (4_000, 0))
    assert await has(shop) == (AMOUNT - FEE - 12_000, 0)
    arrived = await shop.v1.charges.retrieve_async(made.destination_payment, options={"stripe_account": first})
    assert (arrived.source_transfer, arrived.amount) == (made.id, 8_000)
    grouped = await shop.v1.transfers.list_async({"transfer_group": "ord_1"})
    assert sorted(each.amount for each in grouped.data) == [4_000, 8_000]


async def test_what_went_back_to_the_buyer_cannot_be_transferred(shop: Shop, fake: StripeStandIn) -> None:
    paid, seller = await charge(shop, fake), await account(shop, fake)
    await shop.v1.refunds.create_async({"charge": paid, "amount": 2_500})
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed the source amount of 10000"):
        await transfer(shop, paid, seller, 10_001)
    assert (await transfer(shop, paid, seller, 10_000)).amount == 10_000


async def test_a_transfer_without_a_charge_needs_available_money(shop: Shop, fake: StripeStandIn) -> None:
    await charge(shop, fake)
    seller = await account(shop, fake)
    free = {"amount": 1_000, "currency": "cny", "destination": seller}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.v1.transfers.create_async(free)
    assert refused.value.code == "balance_insufficient"
    await fake.mature("")
    made = await shop.v1.transfers.create_async(free)
    assert (made.source_transaction, await has(shop, seller)) == (None, (1_000, 0))


async def test_other_currencies_and_groups_do_not_mix(shop: Shop, fake: StripeStandIn) -> None:
    paid, seller = await charge(shop, fake), await account(shop, fake)
    with pytest.raises(stripe.InvalidRequestError, match="must be the same"):
        await transfer(shop, paid, seller, 100, currency="hkd")
    with pytest.raises(stripe.InvalidRequestError, match="transfer_group"):
        await transfer(shop, paid, seller, 100, transfer_group="ord_2")


async def test_a_transfer_is_reversed_in_parts_and_never_beyond(shop: Shop, fake: StripeStandIn) -> None:
    paid, seller = await charge(shop, fake), await account(shop, fake)
    made = await transfer(shop, paid, seller, 8_000)

    part = await shop.v1.transfers.reversals.create_async(made.id, {"amount": 3_000, "metadata": {"refund": "ref_1"}})

    assert (part.transfer, part.amount) == (made.id, 3_000)
    with pytest.raises(stripe.InvalidRequestError, match="greater than the unreversed amount"):
        await shop.v1.transfers.reversals.create_async(made.id, {"amount": 5_001})
    await shop.v1.transfers.reversals.create_async(made.id)
    with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
        await shop.v1.transfers.reversals.create_async(made.id)
    done = await shop.v1.transfers.retrieve_async(made.id)
    assert (done.amount_reversed, done.reversed, len(done.reversals.data)) == (8_000, True, 2)
    listed = await shop.v1.transfers.reversals.list_async(made.id)
    again = await shop.v1.transfers.reversals.retrieve_async(made.id, part.id)
    assert ([each.amount for each in listed.data], again.amount) == ([5_000, 3_000], 3_000)
    assert [each["type"] for each in await fake.events()][-3:] == [
        "transfer.created", "transfer.reversed", "transfer.reversed",
    ]  # fmt: skip
    assert await transfer(shop, paid, seller, AMOUNT)


async def test_what_was_paid_out_cannot_be_reversed(shop: Shop, fake: StripeStandIn) -> None:
    paid, seller = await charge(shop, fake), await account(shop, fake)
    made = await transfer(shop, paid, seller, 8_000)
    await fake.mature()
    payout = await shop.v1.payouts.create_async({"amount": 6_000, "currency": "cny"}, {"stripe_account": seller})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.v1.transfers.reversals.create_async(made.id, {"amount": 2_001})
    assert refused.value.code == "balance_insufficient"
    await shop.v1.transfers.reversals.create_async(made.id, {"amount": 2_000})
    assert await has(shop, seller) == (0, 0)
    await fake.move_payout(payout.id, "failed")
    await shop.v1.transfers.reversals.create_async(made.id, {"amount": 2_001})


async def test_a_payout_goes_to_the_bank_and_may_come_back_after_all(shop: Shop, fake: StripeStandIn) -> None:
    paid, seller = await charge(shop, fake), await account(shop, fake)
    await transfer(shop, paid, seller, 8_000)
    on_account: Any = {"stripe_account": seller}
    wanted: Any = {"amount": 8_000, "currency": "cny", "metadata": {"payout": "pay_1"}}
    with pytest.raises(stripe.InvalidRequestError) as early:
        await shop.v1.payouts.create_async(wanted, on_account)
    assert early.value.code == "balance_insufficient"
    await fake.mature()
    made = await shop.v1.payouts.create_async(wanted, on_account)
    assert (made.status, made.automatic, await has(shop, seller)) == ("pending", False, (0, 0))

    await fake.move_payout(made.id, "in_transit")
    await fake.move_payout(made.id, "paid")
    await fake.move_payout(made.id, "failed", failure_code="account_closed")

    back = await shop.v1.payouts.retrieve_async(made.id, options=on_account)
    assert (back.status, back.failure_code, back.metadata["payout"]) == ("failed", "account_closed", "pay_1")
    assert await has(shop, seller) == (8_000, 0)
    told = [each["type"] for each in await fake.events(account=seller) if each["type"].startswith("payout.")]
    assert told == ["payout.created", "payout.updated", "payout.paid", "payout.failed"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.v1.payouts.create_async(wanted, on_account)
    assert refused.value.code == "payouts_not_allowed"
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        await shop.v1.payouts.retrieve_async(made.id, options={"stripe_account": await account(shop, fake)})


async def test_a_payout_is_cancelled_while_it_is_pending(shop: Shop, fake: StripeStandIn) -> None:
    paid, seller = await charge(shop, fake), await account(shop, fake)
    await transfer(shop, paid, seller, 8_000)
    await fake.mature()
    made = await fake.pay_out(seller, "cny")
    with pytest.raises(stripe.InvalidRequestError, match="can only be canceled"):
        await shop.v1.payouts.cancel_async(made["id"], options={"stripe_account": seller})
    await fake.move_payout(made["id"], "canceled")
    assert (made["automatic"], await has(shop, seller)) == (True, (8_000, 0))


async def test_every_movement_shows_in_the_balance_with_its_fee(shop: Shop, fake: StripeStandIn) -> None:
    paid, seller = await charge(shop, fake), await account(shop, fake)
    made = await transfer(shop, paid, seller, 8_000)
    await shop.v1.transfers.reversals.create_async(made.id, {"amount": 1_000})
    await shop.v1.refunds.create_async({"charge": paid, "amount": 1_000})
    listed = await shop.v1.balance_transactions.list_async({"limit": 100})
    assert [(each.type, each.amount, each.fee) for each in reversed(listed.data)] == [
        ("charge", AMOUNT, FEE), ("transfer", -8_000, 0), ("transfer_refund", 1_000, 0), ("refund", -1_000, 0),
    ]  # fmt: skip
    found = await shop.v1.charges.retrieve_async(paid, {"expand": ["balance_transaction"]})
    assert (found.balance_transaction.net, found.balance_transaction.fee_details[0].type) == (
        AMOUNT - FEE,
        "stripe_fee",
    )
    theirs = await shop.v1.balance_transactions.list_async({}, {"stripe_account": seller})
    assert [(each.type, each.amount) for each in theirs.data] == [("payment_refund", -1_000), ("payment", 8_000)]


@pytest.mark.parametrize("won", [True, False])
async def test_a_dispute_takes_the_money_hears_evidence_and_is_decided(
    shop: Shop, fake: StripeStandIn, *, won: bool
) -> None:
    paid = await charge(shop, fake)
    opened = await fake.dispute(paid, reason="product_not_received")
    assert (opened["status"], opened["amount"]) == ("needs_response", AMOUNT)
    assert sum(await has(shop)) == -FEE - DISPUTE_FEE_MINOR
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        await shop.v1.refunds.create_async({"charge": paid})

    staged = await shop.v1.disputes.update_async(
        opened["id"], {"evidence": {"shipping_tracking_number": "CH1"}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    sent = await shop.v1.disputes.update_async(opened["id"], {"evidence": {"shipping_carrier": "Yunda"}})
    assert (sent.status, sent.evidence.shipping_tracking_number) == ("under_review", "CH1")
    with pytest.raises(stripe.InvalidRequestError, match="already been submitted"):
        await shop.v1.disputes.update_async(opened["id"], {"evidence": {"shipping_carrier": "ZTO"}})

    await fake.decide(opened["id"], won=won)

    ended = await shop.v1.disputes.retrieve_async(opened["id"])
    assert (ended.status, len(ended.balance_transactions)) == (("won", 2) if won else ("lost", 1))
    assert sum(await has(shop)) == (AMOUNT if won else 0) - FEE - DISPUTE_FEE_MINOR
    told = [each["type"].removeprefix("charge.dispute.") for each in await fake.events() if "dispute" in each["type"]]
    end = ["closed", "funds_reinstated"] if won else ["closed"]
    assert told == ["created", "funds_withdrawn", "updated", "updated", *end]
    (listed,) = (await shop.v1.disputes.list_async({"charge": paid})).data
    assert (listed.id, (await shop.v1.charges.retrieve_async(paid)).disputed) == (opened["id"], True)


async def test_evidence_comes_in_time_and_a_dispute_can_be_given_up(shop: Shop, fake: StripeStandIn) -> None:
    late = await fake.dispute(await charge(shop, fake), due_in_s=0)
    with pytest.raises(stripe.InvalidRequestError, match="deadline"):
        await shop.v1.disputes.update_async(late["id"], {"evidence": {"shipping_carrier": "ZTO"}})
    assert (await shop.v1.disputes.close_async(late["id"])).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await shop.v1.disputes.close_async(late["id"])


async def test_an_inquiry_takes_no_money_until_it_escalates(shop: Shop, fake: StripeStandIn) -> None:
    asked = await fake.dispute(await charge(shop, fake), inquiry=True)
    assert (asked["status"], sum(await has(shop))) == ("warning_needs_response", AMOUNT - FEE)
    await fake.escalate(asked["id"])
    assert sum(await has(shop)) == -FEE - DISPUTE_FEE_MINOR
    other = await fake.dispute(await charge(shop, fake), inquiry=True)
    assert (await fake.decide(other["id"], won=True))["status"] == "warning_closed"


async def test_only_cards_wait_for_a_capture_where_wallets_pay_at_once(shop: Shop, fake: StripeStandIn) -> None:
    wanted: Any = BUY | {"payment_method_options": {"card": {"capture_method": "manual"}}}
    by_card = await shop.v1.payment_intents.create_async(wanted)
    assert by_card.payment_method_types == ["card", "alipay", "wechat_pay"]
    assert (await fake.confirm(by_card.id))["status"] == "requires_capture"
    holding = await shop.v1.payment_intents.retrieve_async(by_card.id, {"expand": ["latest_charge"]})
    assert holding.latest_charge.balance_transaction is None
    assert holding.latest_charge.payment_method_details.card.capture_before > holding.created + 6 * 86_400
    assert await has(shop) == (0, 0)

    for wallet in ("alipay", "wechat_pay"):
        made = await shop.v1.payment_intents.create_async(wanted)
        await fake.confirm(made.id, wallet)
        await fake.authenticate(made.id)
        assert (await shop.v1.payment_intents.retrieve_async(made.id)).status == "succeeded"

    await shop.v1.payment_intents.capture_async(by_card.id, {"amount_to_capture": 10_000})
    taken = 2 * (AMOUNT - fee_of("alipay", AMOUNT)) + 10_000 - fee_of("card", 10_000)
    assert await has(shop) == (0, taken)


async def test_a_hold_that_nobody_captures_expires(shop: Shop, fake: StripeStandIn) -> None:
    held = await shop.v1.payment_intents.create_async(CARD | {"capture_method": "manual"})
    await fake.confirm(held.id)
    await fake.expire(held.id)
    ended = await shop.v1.payment_intents.retrieve_async(held.id)
    assert (ended.status, ended.cancellation_reason) == ("canceled", "automatic")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.v1.payment_intents.capture_async(held.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert [each["type"] for each in await fake.events()][-2:] == ["charge.expired", "payment_intent.canceled"]
    assert await has(shop) == (0, 0)


@pytest.mark.parametrize("method", ["pm_card_visa", "alipay", "wechat_pay"])
async def test_a_checkout_session_is_paid_on_stripes_page(shop: Shop, fake: StripeStandIn, method: str) -> None:
    made = await shop.v1.checkout.sessions.create_async(
        {
            "mode": "payment",
            "success_url": "https://shop.example/paid",
            "client_reference_id": "ord_1",
            "line_items": [
                {
                    "price_data": {"currency": "cny", "unit_amount": 6_250, "product_data": {"name": "Hotan jujube"}},
                    "quantity": 2,
                }
            ],
            "payment_intent_data": {"transfer_group": "ord_1", "metadata": {"order": "ord_1"}},
        }
    )
    assert (made.status, made.payment_status, made.amount_total, made.payment_intent) == (
        "open",
        "unpaid",
        12_500,
        None,
    )

    await fake.pay_checkout(made.id, method)

    done = await shop.v1.checkout.sessions.retrieve_async(made.id, {"expand": ["payment_intent"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert (done.payment_intent.status, done.payment_intent.metadata["order"]) == ("succeeded", "ord_1")
    with pytest.raises(stripe.InvalidRequestError, match="open"):
        await shop.v1.checkout.sessions.expire_async(made.id)


async def test_a_checkout_session_expires(shop: Shop, fake: StripeStandIn) -> None:
    item: Any = {"price_data": {"currency": "cny", "unit_amount": 6_250, "product_data": {"name": "Hotan jujube"}}}
    made = await shop.v1.checkout.sessions.create_async(
        {
            "mode": "payment",
            "success_url": "https://shop.example/paid",
            "line_items": [item],
        }
    )
    assert (await shop.v1.checkout.sessions.expire_async(made.id)).status == "expired"
    (told,) = await fake.events("checkout.session.expired")
    assert told["data"]["object"]["id"] == made.id


async def test_what_happens_on_accounts_is_told_at_their_own_endpoint(shop: Shop, fake: StripeStandIn) -> None:
    async with webhook_receiver() as (url, got):
        own = await fake.set_webhook(url)
        connect = await fake.set_webhook(url, connect=True)
        paid, seller = await charge(shop, fake), await account(shop, fake)
        await transfer(shop, paid, seller, 8_000)
        await fake.deliver()
    seen = Counter()
    for body, signature in got:
        for name, secret in (("own", own), ("connect", connect)):
            with suppress(stripe.SignatureVerificationError):
                event = stripe.Webhook.construct_event(body, signature, secret)
                assert getattr(event, "account", None) == (seller if name == "connect" else None)
                seen[name, event.type] += 1
    assert (
        seen["own", "transfer.created"] == seen["connect", "payment.created"] == seen["connect", "account.updated"] == 1
    )
    assert len(got) == sum(seen.values())


async def test_keys_of_transfers_and_payouts_make_repeats_harmless(shop: Shop, fake: StripeStandIn) -> None:
    paid, seller = await charge(shop, fake), await account(shop, fake)
    wanted: Any = {"amount": 8_000, "currency": "cny", "destination": seller, "source_transaction": paid}
    await fake.fault("late", "/v1/transfers", seconds=0.1)
    with pytest.raises(stripe.APIConnectionError):
        await shop.v1.transfers.create_async(wanted, {"idempotency_key": "pay_1"})
    first, again = await asyncio.gather(
        *(shop.v1.transfers.create_async(wanted, {"idempotency_key": "pay_1"}) for _ in range(2))
    )
    assert first.id == again.id
    assert len((await shop.v1.transfers.list_async()).data) == 1
    await fake.mature()
    sent: Any = {"amount": 1_000, "currency": "cny"}
    keyed: Any = {"idempotency_key": "pay_1", "stripe_account": seller}
    one = await shop.v1.payouts.create_async(sent, keyed)
    two = await shop.v1.payouts.create_async(sent, keyed)
    assert one.id == two.id
