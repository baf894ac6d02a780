"""The story of a card payment: intent, the buyer's client, signed webhooks over HTTP, and what the order is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import procrastinate
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select, text

from app.api import payments as payments_api
from app.api.problems import install
from app.core.database import metadata
from app.core.errors import UpstreamFailed
from app.core.money import Money
from app.flows.ports import Ports
from app.flows.record_payment_event import record_payment_event
from app.payments.models import Payment, ProviderEvent
from app.payments.providers import StripeProvider
from app.payments.service import get_payment_of, note_intent, record_refund, start_payment
from app.payments.values import Intent, Outcome, PaymentMethod, PaymentStatus
from tests.fakes.stripe.runner import StripeStandIn

# Stripe's SDK hands httpx its form in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

SECRET = "whsec_of_the_tests"
PRICE = Money(7830, "CNY")
DECLINED = "pm_card_chargeDeclined"


@pytest.fixture
async def fake(running: StripeStandIn) -> StripeStandIn:
    """Without an endpoint: each test names the one that is served."""
    await running.reset()
    return running


@pytest.fixture(autouse=True)
async def tables(database) -> None:
    async with database.engine.begin() as connection:
        wanted = [metadata.tables["payment"], metadata.tables["provider_event"]]
        await connection.run_sync(metadata.create_all, tables=wanted)
        if not (await connection.execute(text("SELECT to_regclass('jobs.procrastinate_jobs')"))).scalar():
            raw = (await connection.get_raw_connection()).driver_connection
            await raw.execute("CREATE SCHEMA jobs; SET search_path = jobs, public")
            await raw.execute(procrastinate.schema.SchemaManager.get_schema())


@pytest.fixture
async def shop(ports: Ports, fake: StripeStandIn) -> AsyncIterator[Ports]:
    """The ports with a card provider."""
    cards = StripeProvider(fake.key, SECRET, api_base=fake.url, timeout_s=2)
    yield replace(ports, cards=cards)
    await cards.close()


def service(ports: Ports) -> FastAPI:
    app = FastAPI()
    app.state.ports = ports
    app.include_router(payments_api.router)
    install(app)
    return app


@pytest.fixture
async def webhook(shop: Ports) -> AsyncIterator[str]:
    """The address of the webhook, served over HTTP."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(service(shop), ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1/webhooks/stripe"
    server.should_exit = True
    await serving


async def post(ports: Ports, body: bytes, header: str | None) -> httpx.Response:
    transport = httpx.ASGITransport(service(ports))
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as client:
        headers = {"stripe-signature": header} if header else {}
        return await client.post("/v1/webhooks/stripe", content=body, headers=headers)


async def start(shop: Ports) -> None:
    async with shop.begin() as session:
        await start_payment(session, "pay_1", "ord_1", PaymentMethod.STRIPE, PRICE, shop.clock.now())


async def ask(shop: Ports) -> Intent:
    assert shop.cards is not None
    return await shop.cards.create_intent("pay_1", "ord_1", PRICE)


async def note(shop: Ports, intent: Intent) -> None:
    async with shop.begin() as session:
        await note_intent(session, "pay_1", intent.ref, shop.clock.now())


async def begin(shop: Ports) -> Intent:
    await start(shop)
    intent = await ask(shop)
    await note(shop, intent)
    return intent


async def present(shop: Ports) -> Payment:
    async with shop.begin() as session:
        return await get_payment_of(session, "ord_1")


async def outcomes(shop: Ports) -> dict[str, Outcome | None]:
    async with shop.begin() as session:
        kept = await session.scalars(select(ProviderEvent))
        return {event.type: event.outcome for event in kept if event.outcome is not Outcome.IGNORED}


async def jobs(shop: Ports, name: str) -> list[dict[str, Any]]:
    async with shop.begin() as session:
        found = await session.execute(
            text("SELECT args FROM procrastinate_jobs WHERE task_name = :name ORDER BY id"), {"name": name}
        )
        return list(found.scalars())


async def work(shop: Ports) -> None:
    for job in await jobs(shop, "payment.event"):
        await record_payment_event(shop, **job)


def statuses(sent: Sequence[dict[str, Any]]) -> set[int]:
    return {each["status"] for each in sent}


async def test_a_paid_intent_makes_the_payment_paid_and_the_order_hears_of_it_once(
    shop: Ports, fake: StripeStandIn, webhook: str
) -> None:
    await fake.set_webhook(webhook, SECRET)
    intent = await begin(shop)
    assert (await present(shop)).status is PaymentStatus.AWAITING_CUSTOMER
    assert intent.client_secret is not None
    await fake.confirm(intent.client_secret)

    sent = await fake.deliver(copies=3, together=True)
    assert statuses(sent) == {200}
    assert {each["answer"] for each in sent} == {'{"received":true}'}
    assert len(await jobs(shop, "payment.event")) == 1

    await work(shop)
    await work(shop)
    assert (await present(shop)).status is PaymentStatus.PAID
    assert await jobs(shop, "payment.paid") == [{"order": "ord_1"}]
    assert await outcomes(shop) == {"payment_intent.succeeded": Outcome.APPLIED}


async def test_what_is_kept_of_an_event_holds_no_secret(shop: Ports, fake: StripeStandIn, webhook: str) -> None:
    await fake.set_webhook(webhook, SECRET)
    intent = await begin(shop)
    await fake.confirm(intent.ref)
    await fake.deliver()
    async with shop.begin() as session:
        kept = (
            await session.execute(text("SELECT string_agg(provider_event::text, ' ') FROM provider_event"))
        ).scalar()
    assert intent.ref in kept
    assert "_secret_" not in kept


async def test_a_decline_is_told_and_another_card_still_pays(shop: Ports, fake: StripeStandIn, webhook: str) -> None:
    await fake.set_webhook(webhook, SECRET)
    intent = await begin(shop)
    await fake.confirm(intent.ref, DECLINED)
    await fake.deliver()
    await work(shop)
    assert (await present(shop)).status is PaymentStatus.FAILED
    assert await jobs(shop, "payment.failed") == [{"order": "ord_1"}]

    await fake.confirm(intent.ref)
    await fake.deliver()
    await work(shop)
    assert (await present(shop)).status is PaymentStatus.PAID
    assert await jobs(shop, "payment.paid") == [{"order": "ord_1"}]


async def test_events_that_come_backwards_end_in_the_same_state(shop: Ports, fake: StripeStandIn, webhook: str) -> None:
    await fake.set_webhook(webhook, SECRET)
    intent = await begin(shop)
    await fake.confirm(intent.ref, DECLINED)
    await fake.confirm(intent.ref)
    assert statuses(await fake.deliver(backwards=True)) == {200}
    await work(shop)
    assert (await present(shop)).status is PaymentStatus.PAID
    assert await jobs(shop, "payment.failed") == []
    assert await outcomes(shop) == {
        "payment_intent.succeeded": Outcome.APPLIED,
        "payment_intent.payment_failed": Outcome.LATE,
    }


async def test_an_event_that_overtakes_our_own_note_is_not_lost(shop: Ports, fake: StripeStandIn, webhook: str) -> None:
    await fake.set_webhook(webhook, SECRET)
    await start(shop)
    intent = await ask(shop)
    await fake.confirm(intent.ref)
    await fake.deliver()
    await work(shop)
    await note(shop, intent)
    assert (await present(shop)).status is PaymentStatus.PAID
    assert await jobs(shop, "payment.paid") == [{"order": "ord_1"}]


async def test_after_a_timeout_the_payment_is_still_started_and_the_repeat_takes_it_up(
    shop: Ports, fake: StripeStandIn
) -> None:
    await start(shop)
    await fake.fault("late", "/v1/payment_intents", times=2)
    with pytest.raises(UpstreamFailed):
        await ask(shop)
    assert (await present(shop)).status is PaymentStatus.STARTED

    await note(shop, await ask(shop))
    assert (await present(shop)).status is PaymentStatus.AWAITING_CUSTOMER
    assert len(await fake.events("payment_intent.created")) == 1


async def test_an_event_of_other_money_changes_nothing(shop: Ports, fake: StripeStandIn, webhook: str) -> None:
    await fake.set_webhook(webhook, SECRET)
    await start(shop)
    assert shop.cards is not None
    intent = await shop.cards.create_intent("pay_1", "ord_1", Money(1, "CNY"))
    await fake.confirm(intent.ref)
    await fake.deliver()
    await work(shop)
    assert (await present(shop)).status is PaymentStatus.STARTED
    assert await jobs(shop, "payment.paid") == []
    assert await outcomes(shop) == {"payment_intent.succeeded": Outcome.REFUSED}


async def test_a_refund_of_ours_is_known_before_stripe_tells_of_it(
    shop: Ports, fake: StripeStandIn, webhook: str
) -> None:
    await fake.set_webhook(webhook, SECRET)
    intent = await begin(shop)
    await fake.confirm(intent.ref)
    await fake.deliver()
    await work(shop)
    assert shop.cards is not None
    await shop.cards.refund("pay_1", "pay_1:refund", intent.ref, PRICE)
    async with shop.begin() as session:
        await record_refund(session, "pay_1", shop.clock.now())
    await fake.deliver()
    await work(shop)
    payment = await present(shop)
    assert (payment.status, payment.refunded_minor) == (PaymentStatus.REFUNDED, 7830)
    assert (await outcomes(shop))["charge.refunded"] is Outcome.LATE
    assert await jobs(shop, "payment.failed") == []


async def test_only_stripes_signature_opens_the_door(shop: Ports, fake: StripeStandIn) -> None:
    intent = await begin(shop)
    await fake.confirm(intent.ref)
    [paid] = await fake.events("payment_intent.succeeded")
    body, header = await fake.signed(paid["id"], SECRET)
    _, foreign = await fake.signed(paid["id"], "whsec_of_somebody_else")

    for wrong_body, wrong_header in [(body, foreign), (body, None), (body.replace(b"7830", b"1"), header)]:
        refused = await post(shop, wrong_body, wrong_header)
        assert refused.status_code == 400
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "/problems/payment-event-not-genuine"
    assert await jobs(shop, "payment.event") == []
    assert await outcomes(shop) == {}

    assert (await post(shop, body, header)).json() == {"received": True}
    assert len(await jobs(shop, "payment.event")) == 1


async def test_where_no_provider_is_set_up_nobody_listens(shop: Ports) -> None:
    refused = await post(replace(shop, cards=None), b"{}", "t=1,v1=2")
    assert refused.status_code == 404
    assert refused.json()["type"] == "/problems/payment-webhook-not-configured"
    assert "CHAMA_STRIPE_WEBHOOK_SECRET" in refused.json()["detail"]


async def test_a_job_for_an_event_that_is_not_there_does_nothing(shop: Ports) -> None:
    await record_payment_event(shop, provider="stripe", event="evt_unknown")
    assert await jobs(shop, "payment.paid") == []
