"""One door to Stripe's SDK: a client in one event loop, every call bounded, and failures in our words. What is asked is said elsewhere."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import stripe

from app.core.errors import Broken, Problem, UpstreamFailed
from app.core.limits import OUTSIDE_CALL_TIMEOUT_S

log = logging.getLogger(__name__)
RETRIES_MAX: Final = 2
# Repeating the very same call can succeed for these alone; the rest of what Stripe calls invalid is our mistake.
_PASSING_CODES: Final = frozenset({"balance_insufficient", "lock_timeout"})
_OURS: Final = (
    stripe.InvalidRequestError,
    stripe.IdempotencyError,
    stripe.AuthenticationError,
    stripe.PermissionError,
)
Refusals = Mapping[str, Callable[[], Problem]]


class StripeApi:
    """Stripe, over its SDK's async calls. One for each process, used in one event loop."""

    def __init__(
        self, secret_key: str, *, api_base: str | None = None, timeout_s: float = OUTSIDE_CALL_TIMEOUT_S
    ) -> None:
        self._timeout_s = timeout_s
        # A silent try ends early enough for a second one within the whole.
        self._http = stripe.HTTPXClient(timeout=timeout_s * 0.45)
        self.client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base.rstrip("/"), "files": api_base.rstrip("/")} if api_base else {},
            http_client=self._http,
            max_network_retries=RETRIES_MAX,
        )

    @asynccontextmanager
    async def call(self, refusals: Refusals | None = None) -> AsyncIterator[None]:
        """Bound the whole of a call, its repeats included, and put failures into our words.

        `refusals` are our problems by Stripe's codes. Raises `UpstreamFailed` when the same call may succeed later.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError as error:
            raise UpstreamFailed(service="Stripe") from error
        except stripe.StripeError as error:
            raise _refusal(error, refusals or {}) from error

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it without types


def _refusal(error: stripe.StripeError, refusals: Refusals) -> Problem:
    log.warning(
        "stripe refused",
        extra={"kind": type(error).__name__, "code": error.code, "stripe_request": error.request_id},
    )
    if error.code is not None and error.code in refusals:
        return refusals[error.code]()
    if isinstance(error, _OURS) and error.code not in _PASSING_CODES:
        return Broken()
    return UpstreamFailed(service="Stripe")
