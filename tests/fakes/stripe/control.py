"""`/_control/...`: what a test orders from the stand-in and asks of it, in JSON and without a key."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.fakes.stripe import accounts, books, checkout, disputes, intents, payouts, refunds, webhooks
from tests.fakes.stripe.errors import Json, StripeError
from tests.fakes.stripe.state import Fault, State

FAULTS = ("late", "error", "unavailable", "drop_before", "drop_after", "hold")
WAIT_S_MAX = 60.0


def routes(state: State) -> list[Route]:
    """The control surface over this state."""

    def verb(path: str, act: Callable[..., Any], method: str = "POST") -> Route:
        async def endpoint(request: Request) -> JSONResponse:
            given = await request.json() if await request.body() else {}
            try:
                made = act(state, **request.path_params, **given)
                return JSONResponse(await made if isinstance(made, Awaitable) else made)
            except StripeError as refusal:
                return JSONResponse(refusal.body, refusal.status)
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": {"type": "invalid_request_error", "message": repr(error)}}, 400)

        return Route(f"/_control/{path}", endpoint, methods=[method])

    return [
        verb("webhooks", _add_webhook),
        verb("webhooks", _clear_webhooks, "DELETE"),
        verb("deliver", _deliver),
        verb("sign/{event}", _sign),
        verb("fault", _fault),
        verb("fault", _no_faults, "DELETE"),
        verb("held", _held),
        verb("release", _release),
        verb("authenticate/{intent}", _authenticate),
        verb("settle/{refund}", _settle),
        verb("expire/{intent_id}", intents.expire),
        verb("onboard/{account_id}", accounts.onboard),
        verb("require/{account_id}", accounts.require),
        verb("mature", books.mature),
        verb("payout", payouts.automatic),
        verb("payout/{payout_id}", payouts.move),
        verb("dispute", disputes.open_dispute),
        verb("dispute/{dispute_id}/escalate", disputes.escalate),
        verb("dispute/{dispute_id}/decide", disputes.decide),
        verb("dispute/{dispute_id}/overturn", disputes.overturn),
        verb("checkout/{session_id}/pay", checkout.pay),
        verb("checkout/{session_id}/end", checkout.end),
        verb("calls", lambda state: list(state.calls), "GET"),
        verb("broken", lambda state: state.broken, "GET"),
        verb("reset", _reset),
    ]


def _add_webhook(
    state: State, url: str, secret: str | None = None, types: list[str] | None = None, *, connect: bool = False
) -> Json:
    return webhooks.set_endpoint(state, url, secret, types or [], connect=connect)


def _clear_webhooks(state: State) -> Json:
    state.endpoints.clear()
    state.owed.clear()
    return {}


async def _deliver(state: State, **plan: Any) -> list[Json]:
    return await webhooks.deliver(state, webhooks.Plan(**plan))


def _sign(state: State, event: str, secret: str, signed_s_ago: int = 0) -> Json:
    body, header = webhooks.signed(webhooks.published(state, event), secret, signed_s_ago)
    return {"body": body.decode(), "header": header}


def _fault(state: State, **fault: Any) -> Json:
    ordered = Fault(**fault)
    if ordered.kind not in FAULTS or not 0 <= ordered.seconds <= WAIT_S_MAX:
        raise ValueError(f"a fault is one of {FAULTS}, for up to {WAIT_S_MAX} s")
    state.faults.append(ordered)
    if ordered.kind == "hold":
        state.held.clear()
        state.released.clear()
    return {}


def _no_faults(state: State) -> Json:
    state.faults.clear()
    return {}


async def _held(state: State) -> Json:
    await asyncio.wait_for(state.held.wait(), WAIT_S_MAX)
    return {}


def _release(state: State) -> Json:
    state.released.set()
    return {}


def _authenticate(state: State, intent: str, *, succeed: bool = True) -> Json:
    return intents.authenticate(state, intent, succeed=succeed)


def _settle(state: State, refund: str, *, succeed: bool = True) -> Json:
    return refunds.settle(state, refund, succeed=succeed)


def _reset(state: State) -> Json:
    """Forget everything but what was found broken: that must still fail the test run."""
    state.released.set()
    for each in (
        state.objects,
        state.owners,
        state.hidden,
        state.instruments,
        state.endpoints,
        state.owed,
        state.answers,
        state.faults,
        state.calls,
    ):
        each.clear()
    return {}
