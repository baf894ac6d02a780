"""The edge to card providers: what we ask of one, and Stripe through its own SDK. Its news are read in `provider_events.py`."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final, Protocol

import stripe
from pydantic import ValidationError

from app.core.errors import UpstreamFailed
from app.core.limits import OUTSIDE_CALL_TIMEOUT_S
from app.core.money import Money
from app.core.settings import Settings
from app.core.stripe_api import Refusals, StripeApi
from app.payments.errors import (
    AmountNotPayable,
    PaymentDisputed,
    PaymentEventNotGenuine,
    PaymentEventUnreadable,
    PaymentWebhookNotConfigured,
)
from app.payments.provider_events import dispute_news, read_event
from app.payments.values import (
    PROVIDER_PAGES_MAX,
    SIGNATURE_AGE_MAX,
    SIGNATURE_LENGTH_MAX,
    DisputeNews,
    Event,
    Fee,
    Intent,
    PaymentStatus,
    Taken,
)

log = logging.getLogger(__name__)


class PaymentProvider(Protocol):
    """Takes and returns money. Every call may be repeated: our own ids are its idempotency keys.

    Raises `UpstreamFailed` when the provider does not answer in time: it may have acted, and the same call again says so.
    """

    async def create_intent(self, payment_id: str, order_id: str, amount: Money, *, hold: bool = False) -> Intent:
        """Ask for money, to be paid by the buyer's client. Raises `AmountNotPayable`.

        With `hold` a card is only authorised, and captured later; a wallet, which knows no holds, pays at once.
        """

    async def retrieve_intent(self, ref: str) -> Intent: ...

    async def cancel_intent(self, payment_id: str, ref: str) -> Intent:
        """Ask for the money no longer. Answers how the intent now stands: it may have been paid meanwhile."""

    async def capture(self, payment_id: str, ref: str) -> Intent:
        """Take what is held. Answers how the intent now stands: it may have expired or been cancelled meanwhile."""

    async def refund(
        self, payment_id: str, refund_id: str, ref: str, amount: Money, *, after: str | None = None
    ) -> None:
        """Return money that was paid; harmless when all of it went back already. Raises `PaymentDisputed`.

        `after` names the bank's word since which it is asked anew, as a refusal is remembered like any other answer.
        """

    async def upload_evidence(self, upload_id: str, name: str, content: bytes) -> str:
        """Give a file that proves something to the provider; answers its name there. `EVIDENCE_TYPES` says what is taken."""

    async def send_evidence(self, dispute_id: str, ref: str, evidence: Mapping[str, str]) -> DisputeNews | None:
        """Answer a dispute, once and for all. Answers how it now stands; harmless when it was answered before."""

    async def list_taken(self, from_at: datetime, until_at: datetime) -> list[Taken]:
        """What was taken for every intent that was made in this time, as it stands now."""

    def list_fees(self, from_at: datetime, until_at: datetime) -> AsyncIterator[Fee]:
        """What the provider kept for itself in this time, one by one."""

    def verify_event(self, raw_body: bytes, signature_header: str | None) -> Event:
        """Read a message of the provider's. Raises `PaymentEventNotGenuine` unless it is signed and recent."""

    async def close(self) -> None: ...


_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "succeeded": PaymentStatus.PAID,
    "canceled": PaymentStatus.CANCELLED,
    "requires_capture": PaymentStatus.AUTHORISED,
}
# A hold that is no more, or that the bank does not honour.
_NOT_CAPTURED: Final = frozenset({"payment_intent_unexpected_state", "charge_expired_for_capture", "card_declined"})
PAGE_MAX: Final = 100
_AMOUNTS: Final[Refusals] = {
    code: lambda: AmountNotPayable(service="Stripe")
    for code in ("amount_too_small", "amount_too_large", "parameter_invalid_integer")
}
# What evidence goes by at Stripe.
EVIDENCE: Final[Mapping[str, str]] = {
    "goods": "product_description",
    "tracking_number": "shipping_tracking_number",
    "carrier": "shipping_carrier",
    "shipped_on": "shipping_date",
    "address": "shipping_address",
    "name": "customer_name",
    "words": "uncategorized_text",
    "weighing": "shipping_documentation",
    "complaint": "uncategorized_file",
}
EVIDENCE_TYPES: Final[Mapping[str, str]] = {"image/jpeg": "jpg", "image/png": "png"}


class _File(BytesIO):
    """Bytes with the name that the SDK sends with them."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


class StripeProvider:
    """Stripe, over its SDK's async calls. One for each process, used in one event loop."""

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str | Sequence[str] | None,
        *,
        api_base: str | None = None,
        timeout_s: float = OUTSIDE_CALL_TIMEOUT_S,
    ) -> None:
        """Each endpoint that the operator has set up at Stripe signs with a secret of its own."""
        secrets = [webhook_secret] if isinstance(webhook_secret, str) else webhook_secret or ()
        self._webhook_secrets = [each for each in secrets if each]
        self._api = StripeApi(secret_key, api_base=api_base, timeout_s=timeout_s)
        self._v1 = self._api.client.v1

    async def create_intent(self, payment_id: str, order_id: str, amount: Money, *, hold: bool = False) -> Intent:
        asked: Any = {
            "amount": amount.amount,
            "currency": amount.currency.lower(),
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"payment": payment_id, "order": order_id},
            "transfer_group": order_id,
        }
        if hold:
            # For the intent as a whole it would shut out the wallets.
            asked["payment_method_options"] = {"card": {"capture_method": "manual"}}
        async with self._api.call(_AMOUNTS):
            return _intent(await self._v1.payment_intents.create_async(asked, {"idempotency_key": payment_id}))

    async def retrieve_intent(self, ref: str) -> Intent:
        async with self._api.call(_AMOUNTS):
            return _intent(await self._v1.payment_intents.retrieve_async(ref))

    async def cancel_intent(self, payment_id: str, ref: str) -> Intent:
        async with self._api.call(_AMOUNTS):
            try:
                ended = await self._v1.payment_intents.cancel_async(
                    ref, options={"idempotency_key": f"{payment_id}:cancel"}
                )
            except stripe.InvalidRequestError as error:
                if error.code != "payment_intent_unexpected_state":
                    raise
                ended = await self._v1.payment_intents.retrieve_async(ref)
        return _intent(ended)

    async def capture(self, payment_id: str, ref: str) -> Intent:
        async with self._api.call():
            try:
                taken = await self._v1.payment_intents.capture_async(
                    ref, options={"idempotency_key": f"{payment_id}:capture"}
                )
            except (stripe.InvalidRequestError, stripe.CardError) as error:
                if error.code not in _NOT_CAPTURED:
                    raise
                taken = await self._v1.payment_intents.retrieve_async(ref)
        return _intent(taken)

    async def refund(
        self, payment_id: str, refund_id: str, ref: str, amount: Money, *, after: str | None = None
    ) -> None:
        async with self._api.call({**_AMOUNTS, "charge_disputed": PaymentDisputed}):
            if after and await self._refunded_before(refund_id, ref):
                return
            try:
                await self._v1.refunds.create_async(
                    {
                        "payment_intent": ref,
                        "amount": amount.amount,
                        "metadata": {"payment": payment_id, "refund": refund_id},
                    },
                    {"idempotency_key": f"{refund_id}:{after}" if after else refund_id},
                )
            except stripe.InvalidRequestError as error:
                if error.code != "charge_already_refunded":
                    raise

    async def _refunded_before(self, refund_id: str, ref: str) -> bool:
        """Whether this refund was made under another key, and only its answer was lost."""
        asked: Any = {"payment_intent": ref, "limit": PAGE_MAX}
        made = await self._v1.refunds.list_async(asked)
        return any(each.to_dict().get("metadata", {}).get("refund") == refund_id for each in made.data)

    async def list_taken(self, from_at: datetime, until_at: datetime) -> list[Taken]:
        taken: list[Taken] = []
        asked: Any = {
            "created": {"gte": int(from_at.timestamp()), "lt": int(until_at.timestamp())},
            "limit": PAGE_MAX,
            "expand": ["data.latest_charge"],
        }
        for _ in range(PROVIDER_PAGES_MAX):
            async with self._api.call(_AMOUNTS):
                page = await self._v1.payment_intents.list_async(asked)
            taken += [_taken(intent) for intent in page.data]
            if not page.has_more:
                return taken
            asked["starting_after"] = page.data[-1].id
        raise UpstreamFailed(service="Stripe")

    async def upload_evidence(self, upload_id: str, name: str, content: bytes) -> str:
        asked: Any = {"purpose": "dispute_evidence", "file": _File(name, content)}
        async with self._api.call():
            return (await self._v1.files.create_async(asked, {"idempotency_key": upload_id})).id

    async def send_evidence(self, dispute_id: str, ref: str, evidence: Mapping[str, str]) -> DisputeNews | None:
        told: Any = {"evidence": {EVIDENCE[name]: text for name, text in evidence.items()}, "submit": True}
        async with self._api.call():
            try:
                sent = await self._v1.disputes.update_async(ref, told, {"idempotency_key": f"{dispute_id}:evidence"})
            except (stripe.InvalidRequestError, stripe.IdempotencyError):
                # Answered before (with fewer events, perhaps), decided meanwhile, or too late: the dispute itself says which.
                sent = await self._v1.disputes.retrieve_async(ref)
        return dispute_news(sent.to_dict())

    async def list_fees(self, from_at: datetime, until_at: datetime) -> AsyncIterator[Fee]:
        asked: Any = {
            "created": {"gte": int(from_at.timestamp()), "lt": int(until_at.timestamp())},
            "limit": PAGE_MAX,
            "expand": ["data.source"],
        }
        for _ in range(PROVIDER_PAGES_MAX):
            async with self._api.call():
                page = await self._v1.balance_transactions.list_async(asked)
            for each in page.data:
                if each.fee:
                    yield _fee(each)
            if not page.has_more:
                return
            asked["starting_after"] = page.data[-1].id
        raise UpstreamFailed(service="Stripe")

    def verify_event(self, raw_body: bytes, signature_header: str | None) -> Event:
        if not self._webhook_secrets:
            raise PaymentWebhookNotConfigured
        header = signature_header or ""
        # The SDK compares signatures as ASCII text and would fail on anything else.
        if not header.isascii() or len(header) > SIGNATURE_LENGTH_MAX:
            raise PaymentEventNotGenuine
        if not any(_signed(raw_body, header, secret) for secret in self._webhook_secrets):
            raise PaymentEventNotGenuine
        try:
            return read_event(raw_body)
        except ValidationError as error:
            raise PaymentEventUnreadable from error

    async def close(self) -> None:
        await self._api.close()


def _signed(raw_body: bytes, header: str, secret: str) -> bool:
    with suppress(stripe.SignatureVerificationError, UnicodeDecodeError):
        stripe.WebhookSignature.verify_header(raw_body, header, secret, int(SIGNATURE_AGE_MAX.total_seconds()))
        return True
    return False


def _intent(intent: stripe.PaymentIntent) -> Intent:
    return Intent(intent.id, _STATUS.get(intent.status, PaymentStatus.AWAITING_CUSTOMER), intent.client_secret)


def _taken(intent: stripe.PaymentIntent) -> Taken:
    charge = intent.latest_charge
    # Of an intent that only holds money, what is released counts as returned there: nothing was taken.
    returned = charge.amount_refunded if isinstance(charge, stripe.Charge) and charge.captured else 0
    kept = max(0, intent.amount_received - returned) if intent.status == "succeeded" else 0
    created_at = datetime.fromtimestamp(intent.created, UTC)
    return Taken(intent.id, created_at, Money(kept, intent.currency.upper()))


def _fee(movement: stripe.BalanceTransaction) -> Fee:
    source: Any = movement.source
    told = {} if source is None or isinstance(source, str) else (source.to_dict().get("metadata") or {})
    at = datetime.fromtimestamp(movement.created, UTC)
    return Fee(movement.id, at, Money(movement.fee, movement.currency.upper()), told.get("order"))


def open_provider(settings: Settings) -> PaymentProvider | None:
    """Stripe when its key is set; None otherwise."""
    if settings.stripe_secret_key is None:
        return None
    webhooks = [settings.stripe_webhook_secret, settings.stripe_connect_webhook_secret]
    secrets = [each.get_secret_value() for each in webhooks if each is not None]
    if settings.stripe_webhook_secret is None:
        log.warning("CHAMA_STRIPE_WEBHOOK_SECRET is not set: card payments will never be seen as paid")
    return StripeProvider(settings.stripe_secret_key.get_secret_value(), secrets, api_base=settings.stripe_api_base)
