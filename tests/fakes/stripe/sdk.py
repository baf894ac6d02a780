"""Stripe's own SDK, pointed at a running stand-in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stripe
from tests.fakes.stripe.runner import StripeStandIn


@asynccontextmanager
async def sdk(
    fake: StripeStandIn, *, key: str | None = None, retries: int = 0, wait_s: float = 5
) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.HTTPXClient(timeout=wait_s, verify_ssl_certs=False)
    yield stripe.StripeClient(
        key or fake.key, base_addresses={"api": fake.url}, http_client=http, max_network_retries=retries
    )
    await http.close_async()
