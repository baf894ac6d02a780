"""The edge to card providers: what we ask of one, and Stripe through its own SDK. The only file that knows Stripe's words."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Protocol

import stripe
from pydantic import BaseModel, Field, ValidationError

from app.core.errors import Broken, Problem, UpstreamFailed
from app.core.limits import OUTSIDE_CALL_TIMEOUT_S
from app.core.money import Money
from app.core.settings import Settings
from app.payments.errors import (
    AmountNotPayable,
    PaymentEventNotGenuine,
    PaymentEventUnreadable,
    PaymentWebhookNotConfigured,
)
from app.payments.values import (
    PROVIDER_PAGES_MAX,
    PROVIDER_RETRIES_MAX,
    SIGNATURE_AGE_MAX,
    SIGNATURE_LENGTH_MAX,
    Event,
    Intent,
    News,
    PaymentEvent,
    PaymentStatus,
    ProviderId,
    Taken,
)

log = logging.getLogger(__name__)


class PaymentProvider(Protocol):
    """Takes and returns money. Every call may be repeated: our own ids are its idempotency keys.

    Raises `UpstreamFailed` when the provider does not answer in time: it may have acted, and the same call again says so.
    """

    async def create_intent(self, payment_id: str, order_id: str, amount: Money) -> Intent:
        """Ask for money, to be paid by the buyer's client. Raises `AmountNotPayable`."""

    async def retrieve_intent(self, ref: str) -> Intent: ...

    async def cancel_intent(self, payment_id: str, ref: str) -> Intent:
        """Ask for the money no longer. Answers how the intent now stands: it may have been paid meanwhile."""

    async def refund(self, payment_id: str, refund_id: str, ref: str, amount: Money) -> None:
        """Return money that was paid; harmless when all of it went back already."""

    async def list_taken(self, from_at: datetime, until_at: datetime) -> list[Taken]:
        """What was taken for every intent that was made in this time, as it stands now."""

    def verify_event(self, raw_body: bytes, signature_header: str | None) -> Event:
        """Read a message of the provider's. Raises `PaymentEventNotGenuine` unless it is signed and recent."""

    async def close(self) -> None: ...


_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "succeeded": PaymentStatus.PAID,
    "canceled": PaymentStatus.CANCELLED,
}
_Amount = Literal["amount", "amount_received", "amount_refunded"]
# Of an intent's events, those that say something about money; and where each says how much.
_EVENTS: Final[Mapping[str, tuple[PaymentEvent, _Amount]]] = {
    "payment_intent.succeeded": (PaymentEvent.PAY, "amount_received"),
    "payment_intent.payment_failed": (PaymentEvent.DECLINE, "amount"),
    "payment_intent.canceled": (PaymentEvent.CANCEL, "amount"),
    "charge.refunded": (PaymentEvent.REFUND, "amount_refunded"),
}
PAGE_MAX: Final = 100
_AMOUNT_CODES: Final = frozenset({"amount_too_small", "amount_too_large", "parameter_invalid_integer"})
# Repeating the very same call can succeed for these alone; the rest of what Stripe calls invalid is our mistake.
_PASSING_CODES: Final = frozenset({"balance_insufficient", "lock_timeout"})
_OURS: Final = (
    stripe.InvalidRequestError,
    stripe.IdempotencyError,
    stripe.AuthenticationError,
    stripe.PermissionError,
)


class StripeProvider:
    """Stripe, over its SDK's async calls. One for each process, used in one event loop."""

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str | None,
        *,
        api_base: str | None = None,
        timeout_s: float = OUTSIDE_CALL_TIMEOUT_S,
    ) -> None:
        self._webhook_secret = webhook_secret
        self._timeout_s = timeout_s
        # A silent try ends early enough for a second one within the whole.
        self._http = stripe.HTTPXClient(timeout=timeout_s * 0.45)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base.rstrip("/")} if api_base else {},
            http_client=self._http,
            max_network_retries=PROVIDER_RETRIES_MAX,
        )

    async def create_intent(self, payment_id: str, order_id: str, amount: Money) -> Intent:
        async with self._call():
            intent = await self._client.v1.payment_intents.create_async(
                {
                    "amount": amount.amount,
                    "currency": amount.currency.lower(),
                    "automatic_payment_methods": {"enabled": True},
                    "metadata": {"payment": payment_id, "order": order_id},
                },
                {"idempotency_key": payment_id},
            )
        return _intent(intent)

    async def retrieve_intent(self, ref: str) -> Intent:
        async with self._call():
            return _intent(await self._client.v1.payment_intents.retrieve_async(ref))

    async def cancel_intent(self, payment_id: str, ref: str) -> Intent:
        async with self._call():
            try:
                ended = await self._client.v1.payment_intents.cancel_async(
                    ref, options={"idempotency_key": f"{payment_id}:cancel"}
                )
            except stripe.InvalidRequestError as error:
                if error.code != "payment_intent_unexpected_state":
                    raise
                ended = await self._client.v1.payment_intents.retrieve_async(ref)
        return _intent(ended)

    async def refund(self, payment_id: str, refund_id: str, ref: str, amount: Money) -> None:
        async with self._call():
            try:
                await self._client.v1.refunds.create_async(
                    {
                        "payment_intent": ref,
                        "amount": amount.amount,
                        "metadata": {"payment": payment_id, "refund": refund_id},
                    },
                    {"idempotency_key": refund_id},
                )
            except stripe.InvalidRequestError as error:
                if error.code != "charge_already_refunded":
                    raise

    async def list_taken(self, from_at: datetime, until_at: datetime) -> list[Taken]:
        taken: list[Taken] = []
        asked: Any = {
            "created": {"gte": int(from_at.timestamp()), "lt": int(until_at.timestamp())},
            "limit": PAGE_MAX,
            "expand": ["data.latest_charge"],
        }
        for _ in range(PROVIDER_PAGES_MAX):
            async with self._call():
                page = await self._client.v1.payment_intents.list_async(asked)
            taken += [_taken(intent) for intent in page.data]
            if not page.has_more:
                return taken
            asked["starting_after"] = page.data[-1].id
        raise UpstreamFailed(service="Stripe")

    def verify_event(self, raw_body: bytes, signature_header: str | None) -> Event:
        if not self._webhook_secret:
            raise PaymentWebhookNotConfigured
        header = signature_header or ""
        # The SDK compares signatures as ASCII text and would fail on anything else.
        if not header.isascii() or len(header) > SIGNATURE_LENGTH_MAX:
            raise PaymentEventNotGenuine
        try:
            stripe.WebhookSignature.verify_header(
                raw_body, header, self._webhook_secret, int(SIGNATURE_AGE_MAX.total_seconds())
            )
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise PaymentEventNotGenuine from error
        try:
            return read_event(raw_body)
        except ValidationError as error:
            raise PaymentEventUnreadable from error

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it without types

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        """Bound the whole of a call, its repeats included, and put failures into our words."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError as error:
            raise UpstreamFailed(service="Stripe") from error
        except stripe.StripeError as error:
            raise _refusal(error) from error


def _intent(intent: stripe.PaymentIntent) -> Intent:
    return Intent(intent.id, _STATUS.get(intent.status, PaymentStatus.AWAITING_CUSTOMER), intent.client_secret)


def _taken(intent: stripe.PaymentIntent) -> Taken:
    charge = intent.latest_charge
    # Of an intent that only holds money, what is released counts as returned there: nothing was taken.
    returned = charge.amount_refunded if isinstance(charge, stripe.Charge) and charge.captured else 0
    kept = max(0, intent.amount_received - returned) if intent.status == "succeeded" else 0
    created_at = datetime.fromtimestamp(intent.created, UTC)
    return Taken(intent.id, created_at, Money(kept, intent.currency.upper()))


def _refusal(error: stripe.StripeError) -> Problem:
    log.warning(
        "stripe refused",
        extra={"kind": type(error).__name__, "code": error.code, "stripe_request": error.request_id},
    )
    if error.code in _AMOUNT_CODES:
        return AmountNotPayable(service="Stripe")
    if isinstance(error, _OURS) and error.code not in _PASSING_CODES:
        return Broken()
    return UpstreamFailed(service="Stripe")


class _Told(BaseModel):
    """The parts that we read of an intent or a charge."""

    id: ProviderId
    currency: Annotated[str, Field(pattern="^[a-z]{3}$")]
    amount: int
    amount_received: int = 0
    amount_refunded: int = 0
    refunded: bool = False
    payment_intent: ProviderId | None = None
    metadata: dict[str, str] = {}


class _About(BaseModel):
    object: dict[str, Any]


class _Envelope(BaseModel):
    id: ProviderId
    type: ProviderId
    data: _About


def read_event(raw_body: bytes) -> Event:
    """Stripe's event in our words; raises pydantic's `ValidationError` when it is none."""
    envelope = _Envelope.model_validate_json(raw_body)
    return Event("stripe", envelope.id, envelope.type, _news(envelope))


def _news(envelope: _Envelope) -> News | None:
    if envelope.type not in _EVENTS:
        return None
    event, amount_field = _EVENTS[envelope.type]
    told = _Told.model_validate(envelope.data.object)
    # A part returned by hand in the provider's dashboard is between the operator and the buyer.
    partly = event is PaymentEvent.REFUND and not told.refunded
    ref = told.payment_intent if event is PaymentEvent.REFUND else told.id
    if ref is None or partly:
        return None
    amount = Money(getattr(told, amount_field), told.currency.upper())
    return News(event, told.metadata.get("payment"), ref, amount)


def open_provider(settings: Settings) -> PaymentProvider | None:
    """Stripe when its key is set; None otherwise."""
    if settings.stripe_secret_key is None:
        return None
    webhook = settings.stripe_webhook_secret
    if webhook is None:
        log.warning("CHAMA_STRIPE_WEBHOOK_SECRET is not set: card payments will never be seen as paid")
    return StripeProvider(
        settings.stripe_secret_key.get_secret_value(),
        webhook.get_secret_value() if webhook else None,
        api_base=settings.stripe_api_base,
    )
