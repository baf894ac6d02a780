"""Run the stand-in on a free loopback port and speak to it over HTTP, as a shop, a buyer's client and a test do."""

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.fakes.stripe.cards import WALLETS
from tests.fakes.stripe.errors import Json
from tests.fakes.stripe.server import HANG_UP, Keys, StandIn
from tests.fakes.stripe.spec import load_spec
from tests.fakes.stripe.state import State

START_S_MAX = 10.0
RETURN_URL = "https://shop.example/paid"


class _HangUpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which lets the app close the connection without any answer."""

    def on_headers_complete(self) -> None:
        extensions: Json = {HANG_UP: self.transport.close}
        self.scope["extensions"] = extensions
        super().on_headers_complete()


class StripeStandIn:
    """A running stand-in: `url`, `key` and `publishable_key` for the SDK; every helper goes over HTTP.

    Use it with `async with` or `with`. Leaving it fails when any answer departed from Stripe's published document.
    """

    def __init__(self) -> None:
        self.key = f"sk_test_{secrets.token_hex(12)}"
        self.publishable_key = f"pk_test_{secrets.token_hex(12)}"
        self.url = ""
        self._state = State(load_spec())

    def __enter__(self) -> Self:
        listening = socket.create_server(("127.0.0.1", 0))
        # asyncio overlooks sockets made like this one, and every answer would wait 40 ms for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = StandIn(self._state, Keys(self.key, self.publishable_key)).app()
        config = uvicorn.Config(
            app, http=_HangUpProtocol, ws="none", lifespan="off", loop="asyncio", log_config=None, log_level=None,
            access_log=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        give_up_at = time.monotonic() + START_S_MAX
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > give_up_at:
                raise RuntimeError("the Stripe stand-in did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(START_S_MAX)
        if kind is None and self._state.broken:
            raise AssertionError("the Stripe stand-in was broken: " + "\n".join(self._state.broken))

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    @property
    def state(self) -> State:
        """Everything that it remembers, for who looks at it as a whole."""
        return self._state

    def go_by(self, now: Callable[[], float]) -> None:
        """Make objects by another clock than the one on the wall."""
        self._state.now = now

    async def _send(
        self, method: str, path: str, key: str | None = None, *, account: str | None = None, **content: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {"Stripe-Account": account} if account else {}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, verify=False, timeout=70) as client:
            return await client.request(method, path, headers=headers, **content)

    async def _control(self, path: str, method: str = "POST", /, **given: Any) -> Any:
        answer = await self._send(method, f"/_control/{path}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def confirm(self, intent: str, method: str = "pm_card_visa", *, return_url: str | None = RETURN_URL) -> Json:
        """Confirm as the buyer's client does, by client secret, or by intent id with the secret key.

        `method` is a test id (`pm_card_...`), `alipay` or `wechat_pay`. Answers the intent, declined or not.
        """
        intent_id, secret, _ = intent.partition("_secret_")
        form = {"return_url": return_url} if return_url else {}
        if method in WALLETS:
            form["payment_method_data[type]"] = method
            form |= {"payment_method_options[wechat_pay][client]": "web"} if method == "wechat_pay" else {}
        else:
            form["payment_method"] = method
        form |= {"client_secret": intent} if secret else {}
        key = self.publishable_key if secret else self.key
        answer = await self._send("POST", f"/v1/payment_intents/{intent_id}/confirm", key, data=form)
        assert answer.status_code in (200, 402), answer.text
        body: Json = answer.json()
        intent_seen: Json = body if answer.status_code == 200 else body["error"]["payment_intent"]
        return intent_seen

    async def authenticate(self, intent: str, *, succeed: bool = True) -> None:
        """Approve or refuse on the page of the bank or wallet, after `requires_action`; a declined card may follow."""
        intent_id = intent.partition("_secret_")[0]
        answer = await self._send("POST", f"/_control/authenticate/{intent_id}", json={"succeed": succeed})
        assert answer.status_code in (200, 402), answer.text

    async def settle_refund(self, refund_id: str, *, succeed: bool = True) -> Json:
        """Let the bank or wallet settle a refund, or fail it."""
        return dict(await self._control(f"settle/{refund_id}", succeed=succeed))

    async def expire(self, intent: str) -> Json:
        """Seven days pass without a capture."""
        return dict(await self._control(f"expire/{intent}"))

    async def onboard(self, account: str, **bank: Any) -> Json:
        """The holder of a connected account fills in what Stripe asks for; `last4` and `currency` of the bank account."""
        return dict(await self._control(f"onboard/{account}", **bank))

    async def require(self, account: str, due: list[str], *, transfers: bool = True) -> Json:
        """Stripe asks the holder for more (or, with nothing due, is content): payouts stop, transfers too when told."""
        return dict(await self._control(f"require/{account}", due=due, transfers=transfers))

    async def mature(self, account: str | None = None) -> None:
        """Days pass: what is pending may be spent. An empty `account` is the platform, None everybody."""
        await self._control("mature", account=account)

    async def pay_out(self, account: str, currency: str) -> Json:
        """The account's own schedule sends out everything that it may spend."""
        return dict(await self._control("payout", account_id=account, currency=currency))

    async def move_payout(self, payout: str, status: str, **why: Any) -> Json:
        """The bank's word on a payout: in_transit, paid, failed (after paid: returned)."""
        return dict(await self._control(f"payout/{payout}", status=status, **why))

    async def dispute(self, charge: str, **plan: Any) -> Json:
        """The buyer complains at the bank: `amount`, `reason`, `inquiry`, `due_in_s`."""
        return dict(await self._control("dispute", charge_id=charge, **plan))

    async def escalate(self, dispute: str) -> Json:
        return dict(await self._control(f"dispute/{dispute}/escalate"))

    async def decide(self, dispute: str, *, won: bool) -> Json:
        return dict(await self._control(f"dispute/{dispute}/decide", won=won))

    async def overturn(self, dispute: str) -> Json:
        """The network thinks again about a dispute that was lost: won after all."""
        return dict(await self._control(f"dispute/{dispute}/overturn"))

    async def pay_checkout(self, session: str, method: str = "pm_card_visa") -> Json:
        """The buyer pays on the page of a Checkout Session, by a test card, `alipay` or `wechat_pay`."""
        return dict(await self._control(f"checkout/{session}/pay", method=method))

    async def end_checkout(self, session: str) -> Json:
        return dict(await self._control(f"checkout/{session}/end"))

    async def set_webhook(
        self, url: str, secret: str | None = None, types: list[str] | None = None, *, connect: bool = False
    ) -> str:
        """Owe events from now on to `url`; answers the signing secret. Several endpoints may be set.

        What happens on connected accounts goes to endpoints with `connect` alone.
        """
        made = await self._control("webhooks", url=url, secret=secret, types=types, connect=connect)
        return str(made["secret"])

    async def clear_webhooks(self) -> None:
        await self._control("webhooks", "DELETE")

    async def deliver(self, **plan: Any) -> list[Json]:
        """Send owed events now, by `webhooks.Plan` (copies=2, backwards, together, types, events, signed_s_ago).

        Answers one `{event, type, endpoint, status, answer}` a delivery; status 0 when nobody answered.
        """
        return list(await self._control("deliver", **plan))

    async def signed(self, event_id: str, secret: str, *, signed_s_ago: int = 0) -> tuple[bytes, str]:
        """The body and `Stripe-Signature` of one event, for a test that posts it by itself."""
        made = await self._control(f"sign/{event_id}", secret=secret, signed_s_ago=signed_s_ago)
        return made["body"].encode(), made["header"]

    async def events(self, event_type: str | None = None, *, account: str | None = None) -> list[Json]:
        """The newest hundred events, oldest first: the platform's own, or those of a connected account."""
        params = {"limit": "100"} | ({"type": event_type} if event_type else {})
        answer = await self._send("GET", "/v1/events", self.key, account=account, params=params)
        return list(reversed(answer.json()["data"]))

    async def fault(
        self, kind: str, path: str = "*", *, method: str = "POST", times: int = 1, seconds: float = 10.0
    ) -> None:
        """Order a fault for the next call of `path` (a glob such as `/v1/payment_intents/*/capture`).

        late: done, but never answered; error: 500, remembered under its key; unavailable: 503, nothing done;
        drop_before, drop_after: the connection closes before or after it is done; hold: waits for `release()`.
        """
        await self._control("fault", kind=kind, path=path, method=method, times=times, seconds=seconds)

    async def reset_faults(self) -> None:
        """Take back the faults that were ordered and have not happened."""
        await self._control("fault", "DELETE")

    async def held(self) -> None:
        """Wait until a call stands still under the `hold` ordered last."""
        await self._control("held")

    async def release(self) -> None:
        await self._control("release")

    async def calls(self) -> list[Json]:
        """Every call to `/v1`, oldest first: method, path, idempotency_key, status (None unanswered), fault."""
        return list(await self._control("calls", "GET"))

    async def broken(self) -> list[str]:
        """Where the stand-in departed from the published document, or was asked for what it lacks."""
        return list(await self._control("broken", "GET"))

    async def reset(self) -> None:
        """Forget objects, events, endpoints, keys, faults and calls; what was broken stays."""
        await self._control("reset")


def stripe_stand_in() -> StripeStandIn:
    return StripeStandIn()
