"""A shop with Stripe's stand-in behind it: orders paid by card, and what Stripe tells of them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from app.flows.ports import Ports
from app.flows.record_payment_event import receive_payment_event
from app.payments.providers import StripeProvider
from app.payouts.stripe_channel import StripeChannel
from app.payouts.values import Channel
from tests.factories.jobs import work
from tests.factories.orders import an_order
from tests.factories.village import Village
from tests.fakes.stripe.runner import StripeStandIn

SECRET = "whsec_of_the_tests"
CARD = "pm_card_visa"


@asynccontextmanager
async def card_shop(ports: Ports, fake: StripeStandIn, **settings: Any) -> AsyncIterator[Ports]:
    """The ports with a card provider that keeps accounts as well."""
    cards = StripeProvider(fake.key, SECRET, api_base=fake.url, timeout_s=4)
    connect = StripeChannel(fake.key, country="HK", api_base=fake.url, timeout_s=4)
    yield replace(
        ports,
        cards=cards,
        connect=connect,
        channels={Channel.STRIPE: connect},
        settings=ports.settings.model_copy(update=settings),
    )
    await cards.close()
    await connect.close()


async def hear(shop: Ports, fake: StripeStandIn, events: Iterable[dict[str, Any]], times: int = 1) -> None:
    """Take in these signed events, each so often."""
    for event in events:
        body, header = await fake.signed(event["id"], SECRET)
        for _ in range(times):
            await receive_payment_event(shop, body, header)


async def hear_all(shop: Ports, fake: StripeStandIn, *accounts: str) -> None:
    """Everything that Stripe has to tell, of the platform and of these accounts, in order; and what follows."""
    await hear(shop, fake, await fake.events())
    for account in accounts:
        await hear(shop, fake, await fake.events(account=account))
    await work(shop)


async def paid_order(
    shop: Ports, fake: StripeStandIn, village: Village, method: str = CARD, goods: dict[str, str] | None = None
) -> dict[str, Any]:
    """An order whose buyer has confirmed the payment, by card or wallet, and what Stripe told of it is taken in."""
    order = await an_order(shop, village.buyer, goods or village.basket, "stripe")
    intent = await fake.confirm(order["payment"]["client_secret"], method)
    if intent["status"] == "requires_action":
        await fake.authenticate(intent["id"])
    await hear_all(shop, fake)
    return order


async def charge_of(shop: Ports, fake: StripeStandIn, order: dict[str, Any]) -> str:
    """Stripe's name of the charge by which an order was paid."""
    events: Sequence[dict[str, Any]] = await fake.events("charge.succeeded")
    (mine,) = {each["data"]["object"]["id"] for each in events if _of(each, order)}
    return str(mine)


def _of(event: dict[str, Any], order: dict[str, Any]) -> bool:
    return bool(event["data"]["object"]["metadata"].get("order") == order["id"])
