"""The contract of the edge: Stripe's own SDK against the stand-in, over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import Broken, Problem, UpstreamFailed
from app.core.money import Money
from app.core.settings import Settings
from app.payments.errors import (
    AmountNotPayable,
    PaymentDisputed,
    PaymentEventNotGenuine,
    PaymentEventUnreadable,
    PaymentWebhookNotConfigured,
)
from app.payments.providers import StripeProvider, open_provider
from app.payments.values import DisputeStatus, Event, News, PaymentEvent, PaymentStatus
from tests.fakes.stripe.books import fee_of
from tests.fakes.stripe.runner import StripeStandIn, stripe_stand_in

# Stripe's SDK hands httpx its form in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

SECRET = "whsec_of_the_tests"
PRICE = Money(7830, "CNY")
DECLINED = "pm_card_chargeDeclined"
ALL_TIME = (datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1))


@pytest.fixture(scope="module")
def running():
    with stripe_stand_in() as fake:
        yield fake


@pytest.fixture
async def fake(running: StripeStandIn) -> StripeStandIn:
    await running.reset()
    return running


@pytest.fixture
async def cards(fake: StripeStandIn) -> AsyncIterator[StripeProvider]:
    provider = StripeProvider(fake.key, SECRET, api_base=fake.url, timeout_s=2)
    yield provider
    await provider.close()


async def made(fake: StripeStandIn) -> list[str]:
    return [event["data"]["object"]["id"] for event in await fake.events("payment_intent.created")]


async def told(fake: StripeStandIn, cards: StripeProvider, event_type: str) -> list[Event]:
    """The events of this type, as they come through the signature check."""
    return [cards.verify_event(*await fake.signed(event["id"], SECRET)) for event in await fake.events(event_type)]


async def test_an_intent_asks_for_exactly_the_money_under_our_ids(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)

    assert intent.status is PaymentStatus.AWAITING_CUSTOMER
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(intent.ref)
    assert intent.client_secret not in repr(intent)
    [call] = await fake.calls()
    assert (call["path"], call["idempotency_key"]) == ("/v1/payment_intents", "pay_1")
    [created] = await fake.events("payment_intent.created")
    about = created["data"]["object"]
    assert (about["amount"], about["currency"]) == (7830, "cny")
    assert about["metadata"] == {"payment": "pay_1", "order": "ord_1"}


async def test_an_intent_can_be_found_again_with_its_secret(cards: StripeProvider) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    assert await cards.retrieve_intent(intent.ref) == intent


async def test_asking_twice_for_one_payment_is_one_intent(cards: StripeProvider, fake: StripeStandIn) -> None:
    first = await cards.create_intent("pay_1", "ord_1", PRICE)
    assert await cards.create_intent("pay_1", "ord_1", PRICE) == first
    assert await made(fake) == [first.ref]


async def test_two_requests_at_once_for_one_payment_are_one_intent(cards: StripeProvider, fake: StripeStandIn) -> None:
    await fake.fault("hold", "/v1/payment_intents", seconds=0.3)
    first, second = await asyncio.gather(*(cards.create_intent("pay_1", "ord_1", PRICE) for _ in range(2)))
    assert first == second
    assert await made(fake) == [first.ref]


@pytest.mark.parametrize("fault", ["late", "drop_before", "drop_after", "unavailable"])
async def test_one_bad_answer_is_bridged_by_a_repeat_with_the_same_key(
    cards: StripeProvider, fake: StripeStandIn, fault: str
) -> None:
    await fake.fault(fault, "/v1/payment_intents")
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    assert await made(fake) == [intent.ref]
    assert {call["idempotency_key"] for call in await fake.calls() if call["method"] == "POST"} == {"pay_1"}


async def test_after_a_timeout_that_had_succeeded_the_same_call_finds_the_same_intent(
    cards: StripeProvider, fake: StripeStandIn
) -> None:
    await fake.fault("late", "/v1/payment_intents", times=2)
    began = asyncio.get_running_loop().time()
    with pytest.raises(UpstreamFailed, match="Stripe did not answer"):
        await cards.create_intent("pay_1", "ord_1", PRICE)
    assert asyncio.get_running_loop().time() - began < 2.5

    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    assert await made(fake) == [intent.ref]


async def test_a_failure_that_stripe_remembers_stays_one_for_this_payment(
    cards: StripeProvider, fake: StripeStandIn
) -> None:
    await fake.fault("error", "/v1/payment_intents")
    for _ in range(2):
        with pytest.raises(UpstreamFailed):
            await cards.create_intent("pay_1", "ord_1", PRICE)
    assert (await cards.create_intent("pay_2", "ord_2", PRICE)).status is PaymentStatus.AWAITING_CUSTOMER


@pytest.mark.parametrize("amount", [0, 100_000_000])
async def test_an_amount_that_stripe_does_not_take_is_the_buyers_to_change(cards: StripeProvider, amount: int) -> None:
    with pytest.raises(AmountNotPayable):
        await cards.create_intent("pay_1", "ord_1", Money(amount, "CNY"))


async def test_a_wrong_key_is_our_mistake_and_not_worth_the_buyers_repeat(fake: StripeStandIn) -> None:
    provider = StripeProvider("sk_test_wrong", SECRET, api_base=fake.url, timeout_s=2)
    with pytest.raises(Broken):
        await provider.create_intent("pay_1", "ord_1", PRICE)
    await provider.close()


async def test_a_declined_card_is_told_and_another_card_pays(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    await fake.confirm(intent.client_secret, DECLINED)

    assert (await cards.retrieve_intent(intent.ref)).status is PaymentStatus.AWAITING_CUSTOMER
    [declined] = await told(fake, cards, "payment_intent.payment_failed")
    assert declined.news == News(PaymentEvent.DECLINE, "pay_1", intent.ref, PRICE)

    await fake.confirm(intent.client_secret)
    assert (await cards.retrieve_intent(intent.ref)).status is PaymentStatus.PAID
    [paid] = await told(fake, cards, "payment_intent.succeeded")
    assert paid.news == News(PaymentEvent.PAY, "pay_1", intent.ref, PRICE)


async def test_an_intent_that_is_given_up_cannot_be_paid_any_more(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    assert (await cards.cancel_intent("pay_1", intent.ref)).status is PaymentStatus.CANCELLED
    assert (await cards.cancel_intent("pay_1", intent.ref)).status is PaymentStatus.CANCELLED
    [cancelled] = await told(fake, cards, "payment_intent.canceled")
    assert cancelled.news == News(PaymentEvent.CANCEL, "pay_1", intent.ref, PRICE)


async def test_giving_up_too_late_says_that_it_was_paid(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    await fake.confirm(intent.client_secret)
    assert (await cards.cancel_intent("pay_1", intent.ref)).status is PaymentStatus.PAID


async def test_a_refund_goes_out_once_however_often_it_is_asked_for(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    await fake.confirm(intent.client_secret)
    await fake.fault("drop_after", "/v1/refunds")

    await cards.refund("pay_1", "pay_1:refund", intent.ref, PRICE)
    await cards.refund("pay_1", "pay_1:refund", intent.ref, PRICE)
    await cards.refund("pay_1", "by another way", intent.ref, PRICE)

    assert len(await fake.events("refund.created")) == 1
    [returned] = await told(fake, cards, "charge.refunded")
    assert returned.news == News(PaymentEvent.REFUND, "pay_1", intent.ref, PRICE)


async def test_a_part_returned_by_hand_is_not_a_refund_of_the_order(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    await fake.confirm(intent.client_secret)
    await cards.refund("pay_1", "a part", intent.ref, Money(100, "CNY"))
    [partly] = await told(fake, cards, "charge.refunded")
    assert partly.news is None


async def test_what_was_never_paid_cannot_be_returned(cards: StripeProvider) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    with pytest.raises(Broken):
        await cards.refund("pay_1", "pay_1:refund", intent.ref, PRICE)


async def test_events_that_say_nothing_of_money_are_read_as_no_news(cards: StripeProvider, fake: StripeStandIn) -> None:
    await cards.create_intent("pay_1", "ord_1", PRICE)
    [created] = await told(fake, cards, "payment_intent.created")
    assert (created.provider, created.type, created.news) == ("stripe", "payment_intent.created", None)


async def test_only_a_recent_signature_over_the_very_bytes_is_believed(
    cards: StripeProvider, fake: StripeStandIn
) -> None:
    await cards.create_intent("pay_1", "ord_1", PRICE)
    [created] = await fake.events("payment_intent.created")
    body, header = await fake.signed(created["id"], SECRET)
    _, of_another = await fake.signed(created["id"], "whsec_of_somebody_else")
    _, old = await fake.signed(created["id"], SECRET, signed_s_ago=301)

    assert cards.verify_event(body, header).id == created["id"]
    for forged_body, forged_header in [
        (body, of_another),
        (body, old),
        (body, None),
        (body, ""),
        (body, "t=1,v1=ü"),
        (body, "t=x,v1=y"),
        (body, f"t=1,v1={'0' * 3000}"),
        (body + b" ", header),
        (json.dumps(json.loads(body)).encode(), header),
        (b"\xff\xfe", header),
        (b"", header),
    ]:
        with pytest.raises(PaymentEventNotGenuine):
            cards.verify_event(forged_body, forged_header)


async def test_a_signed_message_that_is_no_event_is_refused(cards: StripeProvider) -> None:
    from stripe import WebhookSignature

    for body in (
        "",
        "[]",
        '{"id": "evt_1"}',
        '{"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {}}}',
    ):
        with pytest.raises(PaymentEventUnreadable):
            cards.verify_event(body.encode(), WebhookSignature.generate_signature_header(body, SECRET))


async def test_without_its_secret_no_webhook_is_believed(fake: StripeStandIn) -> None:
    provider = StripeProvider(fake.key, None, api_base=fake.url)
    with pytest.raises(PaymentWebhookNotConfigured):
        provider.verify_event(b"{}", "t=1,v1=2")
    await provider.close()


async def test_settings_without_a_key_open_no_provider(fake: StripeStandIn) -> None:
    assert open_provider(Settings()) is None
    provider = open_provider(
        Settings(stripe_secret_key=fake.key, stripe_webhook_secret=SECRET, stripe_api_base=f"{fake.url}/")
    )
    assert provider is not None
    assert (await provider.create_intent("pay_1", "ord_1", PRICE)).ref.startswith("pi_")
    await provider.close()


def test_every_refusal_says_in_both_languages_what_to_do() -> None:
    for problem in (AmountNotPayable, PaymentEventNotGenuine, PaymentEventUnreadable, PaymentWebhookNotConfigured):
        assert issubclass(problem, Problem)
        assert set(problem.title) == set(problem.detail) == {"en", "zh-Hans"}


async def test_a_card_is_held_and_captured_once_however_often_it_is_asked(
    cards: StripeProvider, fake: StripeStandIn
) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE, hold=True)
    await fake.confirm(intent.ref)
    assert (await cards.retrieve_intent(intent.ref)).status is PaymentStatus.AUTHORISED
    assert [each.kept.amount for each in await cards.list_taken(*ALL_TIME)] == [0]
    (held,) = await told(fake, cards, "payment_intent.amount_capturable_updated")
    assert held.news == News(PaymentEvent.AUTHORISE, "pay_1", intent.ref, PRICE)
    await fake.fault("late", "/v1/payment_intents/*/capture", times=3)
    with pytest.raises(UpstreamFailed):
        await cards.capture("pay_1", intent.ref)
    await fake.reset_faults()
    first, again = await cards.capture("pay_1", intent.ref), await cards.capture("pay_1", intent.ref)
    assert first.status is again.status is PaymentStatus.PAID
    assert len(await fake.events("charge.captured")) == 1


async def test_a_hold_that_expired_or_was_cancelled_is_not_captured(cards: StripeProvider, fake: StripeStandIn) -> None:
    for payment_id, end in (("pay_1", fake.expire), ("pay_2", lambda ref: cards.cancel_intent("pay_2", ref))):
        intent = await cards.create_intent(payment_id, "ord_1", PRICE, hold=True)
        await fake.confirm(intent.ref)
        await end(intent.ref)
        assert (await cards.capture(payment_id, intent.ref)).status is PaymentStatus.CANCELLED


async def test_what_is_released_of_a_hold_is_no_refund(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE, hold=True)
    await fake.confirm(intent.ref)
    await cards.cancel_intent("pay_1", intent.ref)
    (released,) = await told(fake, cards, "charge.refunded")
    assert released.news is None


async def test_a_disputed_payment_is_not_refunded_and_answered_once(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    await fake.confirm(intent.ref)
    (paid,) = await fake.events("charge.succeeded")
    opened = await fake.dispute(paid["data"]["object"]["id"])
    with pytest.raises(PaymentDisputed):
        await cards.refund("pay_1", "ref_1", intent.ref, PRICE)
    evidence = {"tracking_number": "CM0399011687799", "words": "Signed for"}
    for _ in range(2):
        news = await cards.send_evidence("dsp_1", opened["id"], evidence)
        assert news is not None
        assert (news.status, news.intent_ref, news.taken_minor) == (
            DisputeStatus.UNDER_REVIEW,
            intent.ref,
            PRICE.amount,
        )
    answered = await cards.send_evidence("dsp_1", opened["id"], evidence | {"words": "And more"})
    assert answered is not None
    assert answered.status is DisputeStatus.UNDER_REVIEW
    (last,) = await told(fake, cards, "charge.dispute.updated")
    assert last.news == news


async def test_fees_are_listed_with_the_order_that_they_are_of(cards: StripeProvider, fake: StripeStandIn) -> None:
    intent = await cards.create_intent("pay_1", "ord_1", PRICE)
    await fake.confirm(intent.ref)
    await cards.refund("pay_1", "ref_1", intent.ref, Money(100, "CNY"))
    (fee,) = [each async for each in cards.list_fees(*ALL_TIME)]
    assert (fee.order_id, fee.amount) == ("ord_1", Money(fee_of("card", PRICE.amount), "CNY"))
    assert [each async for each in cards.list_fees(*ALL_TIME)] == [fee]


async def test_each_endpoint_signs_with_a_secret_of_its_own(fake: StripeStandIn) -> None:
    cards = StripeProvider(fake.key, [SECRET, "whsec_of_accounts"], api_base=fake.url)
    await cards.create_intent("pay_1", "ord_1", PRICE)
    (created,) = await fake.events("payment_intent.created")
    for secret in (SECRET, "whsec_of_accounts"):
        assert cards.verify_event(*await fake.signed(created["id"], secret)).id == created["id"]
    with pytest.raises(PaymentEventNotGenuine):
        cards.verify_event(*await fake.signed(created["id"], "whsec_of_somebody_else"))
    await cards.close()
