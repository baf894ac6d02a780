"""The stand-in as an ASGI app: keys, idempotency, parameters, the verb, the check of the answer, and the faults asked for.

The order is Stripe's: what validation refuses, or a key still in use, is not remembered under the idempotency key.
"""

import asyncio
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.fakes.stripe import (
    accounts,
    books,
    charges,
    checkout,
    control,
    disputes,
    files,
    forms,
    intents,
    methods,
    payouts,
    refunds,
    transfers,
    webhooks,
)
from tests.fakes.stripe.errors import Json, NotInStandInError, StripeError, invalid
from tests.fakes.stripe.state import Answer, Call, Fault, State, expand, new_id

BROKEN = 599
HANG_UP = "stand_in.hang_up"
UNKNOWN_URL = "Unrecognized request URL ({method}: {path})."

Verb = Callable[[State, Call], Json]
VERBS: dict[tuple[str, str], Verb] = {
    ("POST", "/v1/payment_intents"): intents.create,
    ("GET", "/v1/payment_intents"): intents.listing,
    ("GET", "/v1/payment_intents/{intent}"): intents.retrieve,
    ("POST", "/v1/payment_intents/{intent}"): intents.update,
    ("POST", "/v1/payment_intents/{intent}/confirm"): intents.confirm,
    ("POST", "/v1/payment_intents/{intent}/capture"): intents.capture,
    ("POST", "/v1/payment_intents/{intent}/cancel"): intents.cancel,
    ("GET", "/v1/payment_methods/{payment_method}"): methods.retrieve,
    ("GET", "/v1/charges"): charges.listing,
    ("GET", "/v1/charges/{charge}"): charges.retrieve,
    ("POST", "/v1/charges/{charge}"): charges.update,
    ("POST", "/v1/refunds"): refunds.create,
    ("GET", "/v1/refunds"): refunds.listing,
    ("GET", "/v1/refunds/{refund}"): refunds.retrieve,
    ("POST", "/v1/refunds/{refund}"): refunds.update,
    ("POST", "/v1/accounts"): accounts.create,
    ("GET", "/v1/accounts"): accounts.listing,
    ("GET", "/v1/accounts/{account}"): accounts.retrieve,
    ("POST", "/v1/accounts/{account}"): accounts.update,
    ("POST", "/v1/account_links"): accounts.link,
    ("POST", "/v1/transfers"): transfers.create,
    ("GET", "/v1/transfers"): transfers.listing,
    ("GET", "/v1/transfers/{transfer}"): transfers.retrieve,
    ("POST", "/v1/transfers/{transfer}"): transfers.update,
    ("POST", "/v1/transfers/{id}/reversals"): transfers.reverse,
    ("GET", "/v1/transfers/{id}/reversals"): transfers.reversals,
    ("GET", "/v1/transfers/{transfer}/reversals/{id}"): transfers.retrieve_reversal,
    ("POST", "/v1/payouts"): payouts.create,
    ("GET", "/v1/payouts"): payouts.listing,
    ("GET", "/v1/payouts/{payout}"): payouts.retrieve,
    ("POST", "/v1/payouts/{payout}"): payouts.update,
    ("POST", "/v1/payouts/{payout}/cancel"): payouts.cancel,
    ("GET", "/v1/balance"): books.balance,
    ("GET", "/v1/balance_transactions"): books.listing,
    ("GET", "/v1/balance_transactions/{id}"): books.retrieve,
    ("GET", "/v1/disputes"): disputes.listing,
    ("GET", "/v1/disputes/{dispute}"): disputes.retrieve,
    ("POST", "/v1/disputes/{dispute}"): disputes.update,
    ("POST", "/v1/disputes/{dispute}/close"): disputes.close,
    ("POST", "/v1/files"): files.create,
    ("GET", "/v1/files/{file}"): files.retrieve,
    ("POST", "/v1/checkout/sessions"): checkout.create,
    ("GET", "/v1/checkout/sessions"): checkout.listing,
    ("GET", "/v1/checkout/sessions/{session}"): checkout.retrieve,
    ("POST", "/v1/checkout/sessions/{session}/expire"): checkout.expire,
    ("GET", "/v1/events"): webhooks.listing,
    ("GET", "/v1/events/{id}"): webhooks.retrieve,
}
# What the publishable key of a buyer's client may do.
PUBLIC: tuple[Verb, ...] = (intents.retrieve, intents.confirm)
# What the platform may ask in the name of a connected account, as far as the stand-in goes.
ON_ACCOUNT: tuple[Verb, ...] = (
    payouts.create, payouts.listing, payouts.retrieve, payouts.update, payouts.cancel, books.balance, books.listing,
    books.retrieve, charges.retrieve, webhooks.listing, webhooks.retrieve,
)  # fmt: skip


@dataclass(frozen=True)
class Keys:
    secret: str
    publishable: str

    def is_public(self, request: Request) -> bool:
        """Whether the publishable key asks; any key but our two is refused."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            given = b64decode(given).decode().partition(":")[0]
        if not given:
            raise invalid(
                "You did not provide an API key. You need to provide it in the Authorization header.", status=401
            )
        if given not in (self.secret, self.publishable):
            raise invalid(f"Invalid API Key provided: {given[:8]}****{given[-4:]}", status=401)
        return given == self.publishable


class Silence(Response):
    """No answer at all: the connection is closed, or kept waiting until the client gives up or `seconds` are over."""

    def __init__(self, seconds: float = 0) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(_client_gone(receive), self._seconds)
        scope["extensions"][HANG_UP]()
        await _client_gone(receive)


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class StandIn:
    def __init__(self, state: State, keys: Keys) -> None:
        self.state = state
        self.keys = keys

    def app(self) -> Starlette:
        calls = [Route(path, self._endpoint(path, verb), methods=[method]) for (method, path), verb in VERBS.items()]
        rest = Route("/{path:path}", self._unknown, methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
        # Whatever the stand-in cannot do must fail the test; it must never look like an answer of Stripe's.
        handlers = {NotInStandInError: self._crashed, ClientDisconnect: self._gone, Exception: self._crashed}
        return Starlette(routes=[*control.routes(self.state), *calls, rest], exception_handlers=handlers)

    def _endpoint(self, template: str, verb: Verb) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await self._serve(request, template, verb)

        return endpoint

    async def _unknown(self, request: Request) -> Response:
        method, path = request.method, request.url.path
        if self.state.spec.publishes(method, path):
            return self._broken(f"not in the stand-in yet: {method} {path}")
        return _json(404, invalid(UNKNOWN_URL.format(method=method, path=path)).body)

    async def _serve(self, request: Request, template: str, verb: Verb) -> Response:
        """Answer one call, with the fault that the test has ordered for it, if any."""
        method, path = request.method, request.url.path
        key = request.headers.get("idempotency-key") if method == "POST" else None
        fault = self.state.take_fault(method, path)
        kind = fault.kind if fault else None
        seen: Json = {"method": method, "path": path, "idempotency_key": key, "fault": kind, "status": None}
        self.state.calls.append(seen)
        if kind == "drop_before":
            return Silence()
        headers: dict[str, str] = {}
        if kind == "unavailable":
            body = StripeError(503, "api_error", "Stripe is down for a moment (ordered by the test).").body
            status = 503
        else:
            status, body, headers = await self._run(request, template, verb, fault)
        seen["status"] = status
        found = self.state.spec.operation(method, template).answer_problems(status, body)
        if found:
            return self._broken(f"{method} {path} {status}: {'; '.join(found)}")
        if kind == "drop_after":
            return Silence()
        if fault and kind == "late":
            return Silence(fault.seconds)
        return _json(status, body, headers)

    async def _run(
        self, request: Request, template: str, verb: Verb, fault: Fault | None
    ) -> tuple[int, Json, dict[str, str]]:
        """Run the verb, once per idempotency key; answers status, body and headers."""
        request_id, bound = new_id("req"), ""
        headers = {"Request-Id": request_id, "Stripe-Version": self.state.spec.version}
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        claimed: Answer | None = None
        try:
            call, pairs = await self._read(request, template, verb)
            call.request_id, call.idempotency_key = request_id, key
            if key is not None:
                headers["Idempotency-Key"] = key
                # Each account has keys of its own.
                bound = f"{call.account}:{key}"
                claimed = self._claim(bound, Answer(request.method, request.url.path, pairs, request_id))
                if claimed.body is not None:
                    replayed = {"Idempotent-Replayed": "true", "Original-Request": claimed.request_id}
                    return claimed.status, deepcopy(claimed.body), headers | replayed | _no_retry(claimed.status)
        except StripeError as refusal:
            return refusal.status, deepcopy(refusal.body), headers
        try:
            if fault and fault.kind == "hold":
                self.state.held.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.state.released.wait(), fault.seconds)
            status, body = self._execute(verb, call, fault)
        except BaseException:
            self.state.answers.pop(bound, None)
            raise
        if claimed is not None:
            claimed.status, claimed.body = status, deepcopy(body)
        return status, body, headers | _no_retry(status)

    async def _read(self, request: Request, template: str, verb: Verb) -> tuple[Call, tuple[tuple[str, str], ...]]:
        account = request.headers.get("stripe-account", "")
        if account and verb not in ON_ACCOUNT:
            raise NotInStandInError(f"{request.url.path} for a connected account (Stripe-Account)")
        if account and self.state.objects.get(account, {}).get("object") != "account":
            message = f"The provided key does not have access to account '{account}' (or that account does not exist)."
            raise invalid(message, status=403, code="account_invalid")
        public = self.keys.is_public(request)
        if public and verb not in PUBLIC:
            message = "This API call cannot be made with a publishable API key. Please use a secret API key."
            raise invalid(message, status=403, code="secret_key_required")
        body = await request.body()
        kind, wanted = request.headers.get("content-type", ""), "application/x-www-form-urlencoded"
        wanted = "multipart/form-data" if verb is files.create else wanted
        if body and not kind.startswith(wanted):
            raise invalid(f"Invalid request (check that your POST content type is {wanted}).")
        if body and verb is files.create:
            pairs = files.pairs_of_parts(kind, body)
        else:
            pairs = forms.pairs_of(body.decode() if request.method == "POST" else request.url.query)
        params = forms.read(pairs, self.state.spec.operation(request.method, template))
        return Call(params, dict(request.path_params), public, account), tuple(sorted(pairs))

    def _claim(self, key: str, mine: Answer) -> Answer:
        """Bind the key to this request, or give back the answer of the first one that used it."""
        if len(key.partition(":")[2]) > 255:
            raise StripeError(400, "idempotency_error", "Idempotency keys have up to 255 characters.")
        first = self.state.answers.setdefault(key, mine)
        if first is mine:
            return mine
        if (first.method, first.path, first.pairs) != (mine.method, mine.path, mine.pairs):
            what = "with the same parameters they were first used with"
            if first.path != mine.path:
                what = f"for the same endpoint they were first used for ('{mine.path}' vs '{first.path}')"
            message = f"Keys for idempotent requests can only be used {what}. "
            message += (
                f"Try using a key other than '{key.partition(':')[2]}' if you meant to execute a different request."
            )
            raise StripeError(400, "idempotency_error", message)
        if first.body is None:
            message = (
                f"There is currently another in-progress request using this Idempotent Key: {key.partition(':')[2]}. "
            )
            message += "Please try again later."
            raise StripeError(409, "idempotency_error", message, code="idempotency_key_in_use")
        return first

    def _execute(self, verb: Verb, call: Call, fault: Fault | None) -> tuple[int, Json]:
        """Do it, in one step of the loop; the body is a copy, expanded as asked, and cut down for a buyer's client."""
        self.state.asking = call
        try:
            body = deepcopy((_fail if fault and fault.kind == "error" else verb)(self.state, call))
            for path in call.params.get("expand", []):
                expand(self.state, body, path)
            status = 200
        except StripeError as refusal:
            status, body = refusal.status, deepcopy(refusal.body)
        finally:
            self.state.asking = None
        return status, intents.public_view(body) if call.public else body

    async def _gone(self, _request: Request, _error: Exception) -> Response:
        """Who asked was killed before all of the question was there: nothing was done, and nobody is there to be answered."""
        return Silence()

    async def _crashed(self, request: Request, error: Exception) -> Response:
        return self._broken(f"{request.method} {request.url.path}: {error!r}")

    def _broken(self, reason: str) -> Response:
        self.state.broken.append(reason)
        return _json(
            BROKEN,
            {"error": {"type": "api_error", "message": f"stand-in: {reason}"}},
            _no_retry(BROKEN) | {"Connection": "close"},
        )


def _fail(state: State, call: Call) -> Json:
    raise StripeError(500, "api_error", "An unknown error occurred (ordered by the test).")


def _no_retry(status: int) -> dict[str, str]:
    """Stripe asks clients not to repeat a remembered 500, as its key would only replay it."""
    return {"Stripe-Should-Retry": "false"} if status >= 500 else {}


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body, indent=2).encode(), status, headers, "application/json")
