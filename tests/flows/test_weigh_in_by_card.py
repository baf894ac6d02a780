"""A card pays what weighed goods may come to at most; what is not needed goes back once, and nobody pays more without his word."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from app.core.errors import UpstreamFailed
from app.flows.cancel_order import cancel_order
from app.flows.ports import Ports
from app.flows.return_part import return_part
from app.flows.show_order import show_order
from app.ledger.balance import balances
from app.ledger.reconcile import held_by_provider
from app.ledger.values import AccountKind
from app.main import create_app
from app.orders.values import OrderStatus
from app.payments.providers import StripeProvider
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.identity import an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked
from tests.factories.orders import a_quote, ordering, place
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.tracking import events_of, tell
from tests.factories.village import a_village
from tests.factories.weighing import say, weigh, weighed_goods
from tests.fakes.stripe.runner import StripeStandIn, stripe_stand_in

# Stripe's SDK hands httpx its form in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
template = networked
SECRET = "whsec_of_the_tests"


@pytest.fixture(scope="module")
def running():
    with stripe_stand_in() as fake:
        yield fake


@pytest.fixture
async def fake(running: StripeStandIn) -> StripeStandIn:
    await running.reset()
    await running.set_webhook("http://unused.test/", SECRET)
    return running


@pytest.fixture
async def shop(planned: Ports, fake: StripeStandIn) -> AsyncIterator[Ports]:
    cards = StripeProvider(fake.key, SECRET, api_base=fake.url, timeout_s=2)
    yield replace(planned, cards=cards)
    await cards.close()


@pytest.fixture
async def village(shop):
    return await a_village(shop)


@pytest.fixture
async def operator(shop):
    return await an_operator(shop)


@pytest.fixture
async def bulk(shop, village):
    return await weighed_goods(shop, village.garden)


async def paid(shop, fake, village, goods):
    """An order that a card has paid, and what it was asked for at most."""
    quote = await a_quote(shop, village.buyer, goods)
    made = await place(shop, village.buyer, ordering(quote, "stripe"))
    ref = await value(shop, "SELECT provider_ref FROM payment WHERE order_id = :o", o=made["id"])
    await fake.succeed(ref)
    transport = httpx.ASGITransport(create_app(ports=shop))
    async with httpx.AsyncClient(transport=transport, base_url="http://chama.test") as door:
        for event in await fake.list_events():
            body, header = await fake.signed_event(event["id"])
            headers = {"stripe-signature": header, "content-type": "application/json"}
            assert (await door.post("/v1/webhooks/stripe", content=body, headers=headers)).status_code == 200
    await work(shop)
    return made, ref


async def shown(shop, village, order):
    return await show_order(shop, order["id"], village.buyer.caller, "en")


async def refunds(fake, ref):
    return await fake.refunds_of(ref)


async def settled(shop, village):
    """The buyer owes nothing and is owed nothing."""
    async with shop.database.read() as connection:
        return {b.account.kind: b.posted_minor for b in await balances(connection, village.buyer.id)}[AccountKind.BUYER]
