"""Stripe Connect: accounts of parties, transfers to them out of charges and back, and payouts to their banks."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import stripe

from app.core.errors import UpstreamFailed
from app.core.limits import OUTSIDE_CALL_TIMEOUT_S
from app.core.money import Money
from app.core.settings import Settings
from app.core.stripe_api import StripeApi
from app.payouts.channels import ConnectedAccounts
from app.payouts.values import AccountState, Instruction, Link, Move, Moved, PayoutEvent, Sent

log = logging.getLogger(__name__)
PAGE_MAX: Final = 100
PAGES_MAX: Final = 500
_NEWS: Final = {
    "paid": PayoutEvent.PAY,
    "failed": PayoutEvent.RETURN,
    "canceled": PayoutEvent.RETURN,
}
_NEVER: Final = frozenset({"insufficient_capabilities_for_transfer", "account_invalid", "resource_missing"})
_NOT_THERE: Final = "balance_insufficient"


class StripeChannel:
    """Separate charges and transfers: the buyer pays the platform, and what is released moves on, order by order.

    Accounts pay out only when we ask, so that each payout of ours is one of theirs.
    """

    def __init__(
        self,
        secret_key: str,
        *,
        country: str,
        api_base: str | None = None,
        timeout_s: float = OUTSIDE_CALL_TIMEOUT_S,
    ) -> None:
        self._api = StripeApi(secret_key, api_base=api_base, timeout_s=timeout_s)
        self._v1 = self._api.client.v1
        self._country = country

    async def open_account(self, party_id: str, currency: str) -> str:
        asked: Any = {
            "country": self._country,
            "default_currency": currency.lower(),
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            "metadata": {"party": party_id, "currency": currency},
        }
        async with self._api.call():
            made = await self._v1.accounts.create_async(asked, {"idempotency_key": f"{party_id}:{currency}:account"})
        return made.id

    async def link_to(self, account_ref: str, return_url: str) -> Link:
        asked: Any = {
            "account": account_ref,
            "type": "account_onboarding",
            "refresh_url": return_url,
            "return_url": return_url,
        }
        async with self._api.call():
            made = await self._v1.account_links.create_async(asked)
        return Link(made.url, datetime.fromtimestamp(made.expires_at, UTC))

    async def look_at(self, account_ref: str) -> AccountState:
        async with self._api.call():
            seen = (await self._v1.accounts.retrieve_async(account_ref)).to_dict()
        takes = (seen.get("capabilities") or {}).get("transfers") == "active"
        asked = tuple((seen.get("requirements") or {}).get("currently_due") or ())
        banks = (seen.get("external_accounts") or {}).get("data") or []
        return AccountState(
            ready=takes and bool(seen.get("payouts_enabled")),
            asked=asked,
            last4=banks[0].get("last4") if banks else None,
        )

    async def transfer(self, move: Move, order_id: str, intent_ref: str) -> str | None:
        async with self._api.call():
            intent = await self._v1.payment_intents.retrieve_async(intent_ref)
            asked: Any = {
                "amount": move.amount.amount,
                "currency": move.amount.currency.lower(),
                "destination": move.account_ref,
                "source_transaction": intent.latest_charge,
                "transfer_group": order_id,
                "metadata": {"move": move.id, "order": order_id},
            }
            try:
                return (await self._v1.transfers.create_async(asked, {"idempotency_key": move.id})).id
            except stripe.InvalidRequestError as error:
                # More than is left of the charge says no code, only what is wrong.
                if error.code in _NEVER or (error.code is None and error.param == "amount"):
                    log.warning("transfer refused", extra={"move": move.id, "code": error.code})
                    return None
                raise

    async def reverse(self, move: Move, transfer_ref: str) -> str | None:
        asked: Any = {"amount": move.amount.amount, "metadata": {"move": move.id}}
        async with self._api.call():
            try:
                return (
                    await self._v1.transfers.reversals.create_async(transfer_ref, asked, {"idempotency_key": move.id})
                ).id
            except stripe.InvalidRequestError as error:
                if error.code == _NOT_THERE or (error.code is None and error.param == "amount"):
                    return None
                raise

    async def send(self, payout: Instruction) -> Sent:
        amount = payout.amount
        ref = f"{payout.payee_ref}/{payout.payout_id}/{amount.amount}/{amount.currency}"
        return Sent(ref, await self.look(ref))

    async def look(self, ref: str) -> PayoutEvent:
        """What became of it; what could not leave yet, since a charge had not matured, leaves now if it can."""
        account, payout_id, minor, currency = ref.split("/")
        amount = Money(int(minor), currency)
        found = await self._find(account, payout_id)
        if found is not None:
            return _NEWS.get(found, PayoutEvent.SEND)
        if not await self._is_there(account, payout_id, amount):
            return PayoutEvent.SEND
        asked: Any = {
            "amount": amount.amount,
            "currency": currency.lower(),
            "metadata": {"payout": payout_id},
        }
        async with self._api.call():
            try:
                made = await self._v1.payouts.create_async(
                    asked, {"idempotency_key": payout_id, "stripe_account": account}
                )
            except stripe.InvalidRequestError as error:
                if error.code == _NOT_THERE:
                    return PayoutEvent.SEND
                log.warning("payout refused", extra={"payout": payout_id, "code": error.code})
                return PayoutEvent.FAIL
        return _NEWS.get(made.status, PayoutEvent.SEND)

    async def _find(self, account: str, payout_id: str) -> str | None:
        """The status of our payout on an account; None when it was never made there."""
        asked: Any = {"limit": PAGE_MAX}
        for _ in range(PAGES_MAX):
            async with self._api.call():
                page = await self._v1.payouts.list_async(asked, {"stripe_account": account})
            for each in page.data:
                if _told(each).get("payout") == payout_id:
                    return each.status
            if not page.has_more:
                return None
            asked["starting_after"] = page.data[-1].id
        raise UpstreamFailed(service="Stripe")

    async def _is_there(self, account: str, payout_id: str, amount: Money) -> bool:
        """Whether an account can pay this out now. What it lacks, such as what was paid in cash, comes out of our own balance."""
        async with self._api.call():
            balance = await self._v1.balance.retrieve_async(options={"stripe_account": account})
        currency = amount.currency.lower()
        available = sum(each.amount for each in balance.available if each.currency == currency)
        coming = sum(each.amount for each in balance.pending if each.currency == currency)
        lacking = amount.amount - available - coming
        if lacking <= 0:
            return available >= amount.amount
        asked: Any = {
            "amount": lacking,
            "currency": currency,
            "destination": account,
            "metadata": {"payout": payout_id},
        }
        async with self._api.call():
            try:
                await self._v1.transfers.create_async(
                    asked, {"idempotency_key": f"{payout_id}:{lacking}:{available + coming}"}
                )
            except stripe.InvalidRequestError as error:
                if error.code != _NOT_THERE and error.code not in _NEVER:
                    raise
                log.warning("our balance does not cover a payout yet", extra={"payout": payout_id, "code": error.code})
                return False
        return not coming

    async def list_transfers(self, from_at: datetime, until_at: datetime) -> AsyncIterator[Moved]:
        asked: Any = {
            "created": {"gte": int(from_at.timestamp()), "lt": int(until_at.timestamp())},
            "limit": PAGE_MAX,
        }
        for _ in range(PAGES_MAX):
            async with self._api.call():
                page = await self._v1.transfers.list_async(asked)
            for each in page.data:
                told = _told(each)
                if "payout" not in told:
                    kept = Money(each.amount - each.amount_reversed, each.currency.upper())
                    yield Moved(each.id, datetime.fromtimestamp(each.created, UTC), kept, told.get("move"))
            if not page.has_more:
                return
            asked["starting_after"] = page.data[-1].id
        raise UpstreamFailed(service="Stripe")

    async def close(self) -> None:
        await self._api.close()


def _told(about: Any) -> dict[str, str]:
    """Our own names, as Stripe gives them back."""
    return dict(about.metadata.to_dict()) if about.metadata else {}


def open_connect(settings: Settings) -> ConnectedAccounts | None:
    """Stripe Connect when Stripe's key is set and the operator has chosen it; None otherwise."""
    if settings.stripe_secret_key is None or not settings.stripe_connect:
        return None
    return StripeChannel(
        settings.stripe_secret_key.get_secret_value(),
        country=settings.stripe_country,
        api_base=settings.stripe_api_base,
    )
