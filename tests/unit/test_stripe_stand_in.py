"""The Stripe stand-in, driven by Stripe's own SDK over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import stripe

from tests.fakes.stripe import fetch_spec
from tests.fakes.stripe.receiver import webhook_receiver
from tests.fakes.stripe.runner import RETURN_URL, StripeStandIn, stripe_stand_in
from tests.fakes.stripe.sdk import sdk
from tests.fakes.stripe.server import VERBS
from tests.fakes.stripe.spec import load_spec

# Stripe's SDK hands httpx its form in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

SECRET = "whsec_of_the_tests"
BUY = {"amount": 12_500, "currency": "cny", "metadata": {"order": "ord_1"}}
CARD = BUY | {"payment_method_types": ["card"]}
HOLD = CARD | {"capture_method": "manual"}
INTENTS = "/v1/payment_intents"

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


async def held(shop: Shop, fake: StripeStandIn) -> str:
    intent = await shop.v1.payment_intents.create_async(HOLD)
    await fake.confirm(intent.id)
    return intent.id


async def paid(shop: Shop, fake: StripeStandIn) -> str:
    intent = await shop.v1.payment_intents.create_async(CARD)
    await fake.confirm(intent.id)
    return intent.id


async def charge_of(shop: Shop, intent_id: str) -> Any:
    found = await shop.v1.payment_intents.retrieve_async(intent_id, {"expand": ["latest_charge"]})
    return found.latest_charge


async def types(fake: StripeStandIn) -> list[str]:
    return [each["type"] for each in await fake.events()]


async def test_an_intent_confirmed_by_the_buyers_client_is_paid(shop: Shop, fake: StripeStandIn) -> None:
    made = await shop.v1.payment_intents.create_async(BUY | {"transfer_group": "ord_1"})
    assert (made.status, made.latest_charge) == ("requires_payment_method", None)
    assert made.payment_method_types == ["card", "alipay", "wechat_pay"]

    seen_by_buyer = await fake.confirm(made.client_secret)

    assert seen_by_buyer["status"] == "succeeded"
    assert "metadata" not in seen_by_buyer
    found = await shop.v1.payment_intents.retrieve_async(made.id, {"expand": ["latest_charge.payment_intent"]})
    charge = found.latest_charge
    assert (found.status, found.amount_received, found.transfer_group) == ("succeeded", 12_500, "ord_1")
    assert (charge.captured, charge.amount_captured, charge.transfer_group) == (True, 12_500, "ord_1")
    assert (charge.payment_intent.id, charge.metadata["order"]) == (made.id, "ord_1")
    assert await types(fake) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


async def test_an_intent_may_be_created_and_confirmed_at_once(shop: Shop) -> None:
    made = await shop.v1.payment_intents.create_async(CARD | {"confirm": True, "payment_method": "pm_card_visa"})
    assert made.status == "succeeded"
    method = await shop.v1.payment_methods.retrieve_async(made.payment_method)
    assert method.card.last4 == "4242"


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
async def test_a_declined_card_leaves_the_intent_open_for_another(
    shop: Shop, fake: StripeStandIn, method: str, code: str, decline_code: str | None
) -> None:
    made = await shop.v1.payment_intents.create_async(CARD)

    with pytest.raises(stripe.CardError) as refused:
        await shop.v1.payment_intents.confirm_async(made.id, {"payment_method": method})

    assert (refused.value.http_status, refused.value.code) == (402, code)
    assert refused.value.error.decline_code == decline_code
    assert refused.value.error.payment_intent.status == "requires_payment_method"
    open_again = await shop.v1.payment_intents.retrieve_async(made.id)
    assert (open_again.last_payment_error.code, open_again.payment_method) == (code, None)
    assert await types(fake) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]

    assert (await fake.confirm(made.id))["status"] == "succeeded"
    attempts = await shop.v1.charges.list_async({"payment_intent": made.id})
    assert [each.status for each in attempts.data] == ["succeeded", "failed"]


async def test_only_captured_part_of_a_held_amount_is_received_and_the_rest_is_released(
    shop: Shop, fake: StripeStandIn
) -> None:
    intent_id = await held(shop, fake)
    holding = await shop.v1.payment_intents.retrieve_async(intent_id, {"expand": ["latest_charge"]})
    assert (holding.status, holding.amount_capturable, holding.amount_received) == ("requires_capture", 12_500, 0)
    assert holding.latest_charge.captured is False

    done = await shop.v1.payment_intents.capture_async(intent_id, {"amount_to_capture": 10_000})

    assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 10_000, 0)
    charge = await charge_of(shop, intent_id)
    assert (charge.captured, charge.amount, charge.amount_captured, charge.amount_refunded) == (
        True,
        12_500,
        10_000,
        2_500,
    )
    assert (await types(fake))[-2:] == ["charge.captured", "payment_intent.succeeded"]
    with pytest.raises(stripe.InvalidRequestError, match="captured because it has a status of succeeded"):
        await shop.v1.payment_intents.capture_async(intent_id)


async def test_more_than_is_held_cannot_be_captured(shop: Shop, fake: StripeStandIn) -> None:
    intent_id = await held(shop, fake)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.v1.payment_intents.capture_async(intent_id, {"amount_to_capture": 12_501})
    assert refused.value.code == "amount_too_large"
    assert (await shop.v1.payment_intents.retrieve_async(intent_id)).amount_capturable == 12_500


async def test_cancelling_a_held_intent_releases_all_of_it(shop: Shop, fake: StripeStandIn) -> None:
    intent_id = await held(shop, fake)
    ended = await shop.v1.payment_intents.cancel_async(intent_id, {"cancellation_reason": "abandoned"})
    assert (ended.status, ended.amount_capturable, ended.cancellation_reason) == ("canceled", 0, "abandoned")
    charge = await charge_of(shop, intent_id)
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 12_500)
    assert (await types(fake))[-2:] == ["charge.refunded", "payment_intent.canceled"]


async def test_a_paid_intent_is_neither_cancelled_nor_confirmed_again(shop: Shop, fake: StripeStandIn) -> None:
    intent_id = await paid(shop, fake)
    for again in (shop.v1.payment_intents.cancel_async, shop.v1.payment_intents.confirm_async):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await again(intent_id)
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error.payment_intent.id == intent_id


@pytest.mark.parametrize("wallet", ["alipay", "wechat_pay"])
async def test_a_wallet_sends_the_buyer_away_first_and_settles_refunds_later(
    shop: Shop, fake: StripeStandIn, wallet: str
) -> None:
    made = await shop.v1.payment_intents.create_async(BUY | {"payment_method_types": [wallet]})
    waiting = await fake.confirm(made.client_secret, wallet)
    assert waiting["status"] == "requires_action"
    assert waiting["next_action"]["type"].startswith(wallet)

    await fake.authenticate(made.id, succeed=False)
    failed = await shop.v1.payment_intents.retrieve_async(made.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error.code == "payment_intent_payment_attempt_failed"

    await fake.confirm(made.client_secret, wallet)
    await fake.authenticate(made.client_secret)
    charge = await charge_of(shop, made.id)
    assert charge.payment_method_details.type == wallet

    refund = await shop.v1.refunds.create_async({"payment_intent": made.id})
    assert refund.status == "pending"
    await fake.settle_refund(refund.id, succeed=False)
    assert (await shop.v1.refunds.retrieve_async(refund.id)).status == "failed"
    assert (await charge_of(shop, made.id)).amount_refunded == 0
    assert (await types(fake))[-3:] == ["refund.failed", "refund.updated", "charge.refund.updated"]


async def test_a_card_that_asks_its_holder_is_charged_after_the_holder_agrees(shop: Shop, fake: StripeStandIn) -> None:
    made = await shop.v1.payment_intents.create_async(CARD)
    waiting = await fake.confirm(made.id, "pm_card_authenticationRequired")
    assert (waiting["status"], waiting["latest_charge"]) == ("requires_action", None)
    assert waiting["next_action"]["redirect_to_url"]["return_url"] == RETURN_URL
    await fake.authenticate(made.id)
    assert (await shop.v1.payment_intents.retrieve_async(made.id)).status == "succeeded"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": 0}, "greater than or equal to 1"),
        ({"amount": 100_000_000}, "no more than"),
        ({"currency": "usd", "amount": 49}, "at least"),
        ({"currency": "yuan"}, "Invalid currency"),
        ({"amount": "12.50"}, "Invalid integer"),
        ({"colour": "red"}, "unknown parameter: colour"),
        ({"capture_method": "later"}, "Invalid capture_method"),
        ({"metadata": {"note": "x" * 501}}, "Metadata"),
        ({"payment_method_types": ["alipay"], "capture_method": "manual"}, "capture_method=automatic"),
        ({"payment_method_types": ["alipay"], "currency": "thb"}, "currency provided"),
        ({"confirm": True, "payment_method": "pm_card_visa"}, "return_url"),
        ({"confirm": True}, "missing a payment method"),
    ],
)
async def test_an_intent_that_stripe_would_refuse_is_refused_and_leaves_nothing(
    shop: Shop, fake: StripeStandIn, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        await shop.v1.payment_intents.create_async(BUY | change)
    assert (await fake.events(), (await shop.v1.payment_intents.list_async()).data) == ([], [])


async def test_metadata_is_merged_and_empty_values_unset(shop: Shop) -> None:
    made = await shop.v1.payment_intents.create_async(BUY | {"metadata": {"order": "ord_1", "kept": "yes"}})
    changed = await shop.v1.payment_intents.update_async(made.id, {"metadata": {"order": "", "new": "1"}})
    assert changed.metadata.to_dict() == {"kept": "yes", "new": "1"}


async def test_refunds_go_down_to_nothing_left_and_no_further(shop: Shop, fake: StripeStandIn) -> None:
    intent_id = await paid(shop, fake)

    part = await shop.v1.refunds.create_async({"payment_intent": intent_id, "amount": 2_500, "metadata": {"line": "1"}})
    assert (part.status, part.amount, part.metadata["line"]) == ("succeeded", 2_500, "1")
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
        await shop.v1.refunds.create_async({"payment_intent": intent_id, "amount": 10_001})
    assert refused.value.param == "amount"

    rest = await shop.v1.refunds.create_async({"charge": part.charge, "reason": "requested_by_customer"})
    assert rest.amount == 10_000
    charge = await charge_of(shop, intent_id)
    assert (charge.refunded, charge.amount_refunded) == (True, 12_500)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.v1.refunds.create_async({"payment_intent": intent_id})
    assert refused.value.code == "charge_already_refunded"
    listed = await shop.v1.refunds.list_async({"payment_intent": intent_id})
    assert [each.amount for each in listed.data] == [10_000, 2_500]
    events = await fake.events("charge.refunded")
    assert [each["data"]["previous_attributes"]["amount_refunded"] for each in events] == [0, 2_500]


async def test_after_a_partial_capture_only_what_was_captured_can_be_refunded(shop: Shop, fake: StripeStandIn) -> None:
    intent_id = await held(shop, fake)
    await shop.v1.payment_intents.capture_async(intent_id, {"amount_to_capture": 10_000})
    with pytest.raises(stripe.InvalidRequestError, match="unrefunded"):
        await shop.v1.refunds.create_async({"payment_intent": intent_id, "amount": 10_001})
    assert (await shop.v1.refunds.create_async({"payment_intent": intent_id})).amount == 10_000


async def test_what_was_never_captured_cannot_be_refunded(shop: Shop, fake: StripeStandIn) -> None:
    made = await shop.v1.payment_intents.create_async(CARD)
    ended = await held(shop, fake)
    await shop.v1.payment_intents.cancel_async(ended)
    for intent_id in (made.id, await held(shop, fake), ended):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
            await shop.v1.refunds.create_async({"payment_intent": intent_id})


async def test_only_known_keys_are_let_in_and_the_public_one_only_to_its_own_intent(
    shop: Shop, fake: StripeStandIn
) -> None:
    made = await shop.v1.payment_intents.create_async(CARD)
    async with sdk(fake, key="sk_test_of_somebody_else") as stranger:
        with pytest.raises(stripe.AuthenticationError) as refused:
            await stranger.v1.payment_intents.retrieve_async(made.id)
        assert refused.value.http_status == 401
    async with sdk(fake, key=fake.publishable_key) as buyer:
        seen = await buyer.v1.payment_intents.retrieve_async(made.id, {"client_secret": made.client_secret})
        assert seen.amount == 12_500
        with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
            await buyer.v1.payment_intents.retrieve_async(made.id, {"client_secret": "guessed"})
        with pytest.raises(stripe.PermissionError):
            await buyer.v1.refunds.create_async({"payment_intent": made.id})


async def test_what_does_not_exist_is_404(shop: Shop) -> None:
    for retrieve in (shop.v1.payment_intents, shop.v1.charges, shop.v1.refunds, shop.v1.events):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await retrieve.retrieve_async("none_1")
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


async def test_lists_are_paged_newest_first_by_cursor(shop: Shop) -> None:
    made = [(await shop.v1.payment_intents.create_async(BUY)).id for _ in range(5)]
    first = await shop.v1.payment_intents.list_async({"limit": 2})
    assert ([each.id for each in first.data], first.has_more) == (made[:2:-1], True)
    assert [each.id async for each in first.auto_paging_iter()] == made[::-1]
    last = await shop.v1.payment_intents.list_async({"limit": 2, "ending_before": made[0]})
    assert ([each.id for each in last.data], last.has_more) == ([made[2], made[1]], True)
    assert (await shop.v1.payment_intents.list_async({"created": {"gt": 4_000_000_000}})).data == []


async def test_the_same_key_replays_the_first_answer(shop: Shop, fake: StripeStandIn) -> None:
    options = {"idempotency_key": "attempt-1"}
    first = await shop.v1.payment_intents.create_async(CARD, options)
    await fake.confirm(first.id)
    again = await shop.v1.payment_intents.create_async(CARD, options)
    assert (again.id, again.status) == (first.id, "requires_payment_method")
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len((await shop.v1.payment_intents.list_async()).data) == 1
    keys = [
        each["idempotency_key"] for each in await fake.calls() if each["path"] == INTENTS and each["method"] == "POST"
    ]
    assert keys == ["attempt-1", "attempt-1"]


async def test_a_decline_is_replayed_too(shop: Shop, fake: StripeStandIn) -> None:
    made = await shop.v1.payment_intents.create_async(CARD)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            await shop.v1.payment_intents.confirm_async(
                made.id, {"payment_method": "pm_card_chargeDeclined"}, {"idempotency_key": "once"}
            )
    assert (await types(fake)).count("charge.failed") == 1


async def test_a_key_used_for_something_else_is_refused(shop: Shop) -> None:
    options = {"idempotency_key": "attempt-1"}
    made = await shop.v1.payment_intents.create_async(CARD, options)
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refused:
        await shop.v1.payment_intents.create_async(CARD | {"amount": 1}, options)
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        await shop.v1.payment_intents.cancel_async(made.id, {}, options)


async def test_a_request_refused_by_validation_does_not_use_up_its_key(shop: Shop) -> None:
    options = {"idempotency_key": "attempt-1"}
    with pytest.raises(stripe.InvalidRequestError):
        await shop.v1.payment_intents.create_async(CARD | {"amount": "many"}, options)
    assert (await shop.v1.payment_intents.create_async(CARD, options)).amount == 12_500


async def test_a_key_in_use_is_a_conflict_until_the_first_is_done(shop: Shop, fake: StripeStandIn) -> None:
    options = {"idempotency_key": "attempt-1"}
    await fake.fault("hold", INTENTS)
    first = asyncio.create_task(shop.v1.payment_intents.create_async(CARD, options))
    await fake.held()
    with pytest.raises(stripe.APIError) as refused:
        await shop.v1.payment_intents.create_async(CARD, options)
    assert (refused.value.http_status, refused.value.error.code) == (409, "idempotency_key_in_use")
    await fake.release()
    assert (await shop.v1.payment_intents.create_async(CARD, options)).id == (await first).id


@pytest.mark.parametrize("kind", ["late", "drop_after"])
async def test_an_answer_lost_after_success_is_found_again_with_the_same_key(fake: StripeStandIn, kind: str) -> None:
    await fake.fault(kind, INTENTS)
    async with sdk(fake, wait_s=0.3) as shop:
        with pytest.raises(stripe.APIConnectionError):
            await shop.v1.payment_intents.create_async(CARD, {"idempotency_key": "attempt-1"})
        (made,) = (await shop.v1.payment_intents.list_async()).data
        again = await shop.v1.payment_intents.create_async(CARD, {"idempotency_key": "attempt-1"})
        assert again.id == made.id
    assert [(each["fault"], each["status"]) for each in await fake.calls() if each["method"] == "POST"] == [
        (kind, 200),
        (None, 200),
    ]


async def test_the_sdks_own_retry_survives_a_dropped_connection_and_a_short_outage(fake: StripeStandIn) -> None:
    async with sdk(fake, retries=1) as shop:
        for kind in ("drop_before", "unavailable"):
            await fake.fault(kind, INTENTS)
            await shop.v1.payment_intents.create_async(CARD)
        assert len((await shop.v1.payment_intents.list_async()).data) == 2


async def test_a_500_is_remembered_under_its_key_and_only_a_new_key_helps(fake: StripeStandIn) -> None:
    await fake.fault("error", INTENTS)
    async with sdk(fake, retries=2) as shop:
        for _ in range(2):
            with pytest.raises(stripe.APIError) as refused:
                await shop.v1.payment_intents.create_async(CARD, {"idempotency_key": "attempt-1"})
            assert refused.value.http_status == 500
        assert len(await fake.calls()) == 2
        await shop.v1.payment_intents.create_async(CARD, {"idempotency_key": "attempt-2"})


async def test_webhooks_are_signed_as_stripe_signs_them(shop: Shop, fake: StripeStandIn) -> None:
    async with webhook_receiver() as (url, got):
        await fake.set_webhook(url, SECRET)
        intent_id = await paid(shop, fake)
        delivered = await fake.deliver()
        assert await fake.deliver() == []

    assert [each["status"] for each in delivered] == [200, 200, 200]
    events = [stripe.Webhook.construct_event(body, header, SECRET) for body, header in got]
    assert [each.type for each in events] == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    # Each event carries its object as it was then.
    assert [events[0].data.object.status, events[2].data.object.status] == ["requires_payment_method", "succeeded"]
    assert events[2].data.object.id == intent_id
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(*got[0], "whsec_of_somebody_else")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(got[0][0] + b" ", got[0][1], SECRET)
    found = await shop.v1.events.retrieve_async(events[0].id)
    assert (found.pending_webhooks, found.request.id[:4]) == (0, "req_")


async def test_webhooks_come_doubled_backwards_late_or_again_as_ordered(shop: Shop, fake: StripeStandIn) -> None:
    async with webhook_receiver() as (url, got):
        await fake.set_webhook(url, SECRET, ["payment_intent.*"])
        await paid(shop, fake)
        doubled = await fake.deliver(copies=2, backwards=True)
        assert [each["type"].split(".")[1] for each in doubled] == ["succeeded", "succeeded", "created", "created"]

        again = await fake.deliver(events=[doubled[0]["event"]], signed_s_ago=301)
        assert [each["event"] for each in again] == [doubled[0]["event"]]
        with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
            stripe.Webhook.construct_event(*got[-1], SECRET)

        await shop.v1.payment_intents.create_async(CARD)
        together = await fake.deliver(copies=3, together=True)
        assert [each["status"] for each in together] == [200, 200, 200]


async def test_an_event_stays_owed_until_it_is_taken(shop: Shop, fake: StripeStandIn) -> None:
    async with webhook_receiver(500) as (url, _):
        secret = await fake.set_webhook(url)
        made = await shop.v1.payment_intents.create_async(CARD)
        assert [each["status"] for each in await fake.deliver()] == [500]
        (event,) = await fake.events()
        assert event["pending_webhooks"] == 1
        assert [each["status"] for each in await fake.deliver()] == [200]
    await shop.v1.payment_intents.cancel_async(made.id)
    assert [each["status"] for each in await fake.deliver()] == [0]
    body, header = await fake.signed(event["id"], secret)
    assert stripe.Webhook.construct_event(body, header, secret).data.object.id == made.id


async def test_an_answer_that_stripe_never_published_fails_loudly() -> None:
    async def visit() -> None:
        async with stripe_stand_in() as fake, sdk(fake, retries=2) as shop:
            made = await shop.v1.payment_intents.create_async(CARD)
            fake._state.objects[made.id]["invented"] = 1
            with pytest.raises(stripe.APIError, match="invented") as refused:
                await shop.v1.payment_intents.retrieve_async(made.id)
            assert refused.value.http_status == 599
            assert len(await fake.calls()) == 2

    with pytest.raises(AssertionError, match="invented"):
        await visit()


async def test_what_the_stand_in_lacks_fails_loudly_and_what_stripe_lacks_is_404() -> None:
    async def visit() -> None:
        async with stripe_stand_in() as fake, sdk(fake) as shop:
            with pytest.raises(stripe.APIError, match="not in the stand-in yet"):
                await shop.v1.payment_intents.create_async(CARD | {"transfer_data": {"destination": "acct_1"}})
            with pytest.raises(stripe.APIError, match="not in the stand-in yet: POST /v1/topups"):
                await shop.v1.topups.create_async({"amount": 1, "currency": "cny"})
            async with httpx.AsyncClient(base_url=fake.url, verify=False) as plain:
                assert (await plain.get("/v1/goats")).status_code == 404

    with pytest.raises(AssertionError, match="transfer_data"):
        await visit()


def test_every_verb_of_the_stand_in_is_published_by_stripe() -> None:
    for method, template in VERBS:
        assert load_spec().operation(method, template).request["type"] == "object"


def test_a_document_at_hand_is_not_fetched_again(tmp_path: Any) -> None:
    spec = tmp_path / "spec3.json"
    spec.write_text("{}")
    spec.with_suffix(".pin").write_text(fetch_spec.PIN.read_text(encoding="utf-8"))
    assert fetch_spec.fetch(spec=spec) is False
