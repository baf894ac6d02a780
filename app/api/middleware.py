"""Around every request: an id, a bound on the body, one log line, and the figures for `/metrics`."""

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

import orjson
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders

from app.api.problems import MEDIA_TYPE, BodyTooLarge, TooLarge, document
from app.core.errors import Broken, Problem
from app.core.limits import BODY_BYTES_MAX, EPCIS_BYTES_MAX, IMPORT_BODY_BYTES_MAX, PHOTO_BYTES_MAX
from app.core.log import request_id
from app.core.text import preferred_language

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("chama.request")
REQUESTS: Final = Counter("chama_http_requests", "Requests answered", ["method", "route", "status"])
DURATION: Final = Histogram(
    "chama_http_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LARGER_BODIES: Final = {
    "/storage/": PHOTO_BYTES_MAX,
    "/v1/services/imports": IMPORT_BODY_BYTES_MAX,
    "/epcis/v2/capture": EPCIS_BYTES_MAX,
    "/epcis/v2/events": EPCIS_BYTES_MAX,
}
QUIET: Final = frozenset({"/health", "/ready", "/metrics"})


class RequestFrame:
    """The outermost layer of the service."""

    def __init__(self, app: App, *, access_log: bool = True) -> None:
        self.app = app
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, method = time.perf_counter(), scope["method"]
        # HEAD is answered wherever GET is (RFC 9110, 9.3.2). A copy: the server goes by its own, and sends no body then.
        if method == "HEAD":
            scope = {**scope, "method": "GET", "headers_only": True}
        mark = uuid.uuid4().hex[:16]
        token = request_id.set(mark)
        status = 500

        async def send_framed(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = mark
                headers["x-content-type-options"] = "nosniff"
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._bounded(scope, receive, send_framed)
        except Exception:
            log.exception("failed: %s %s", scope["method"], scope["path"])
            await _refuse(scope, send_framed, Broken())
        finally:
            self._note(scope, method, status, time.perf_counter() - started)
            request_id.reset(token)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        bound = next((most for start, most in LARGER_BODIES.items() if scope["path"].startswith(start)), BODY_BYTES_MAX)
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > bound:
            await _refuse(scope, send, TooLarge(bytes=bound))
            return
        seen = 0

        async def receive_bounded() -> MutableMapping[str, Any]:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > bound:
                raise BodyTooLarge(bound)
            return message

        await self.app(scope, receive_bounded, send)

    def _note(self, scope: Scope, method: str, status: int, took_s: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        REQUESTS.labels(method, route, str(status)).inc()
        DURATION.labels(route).observe(took_s)
        if self.access_log and scope["path"] not in QUIET:
            log.info(
                "answered",
                extra={
                    "method": method,
                    "route": route,
                    "path": scope["path"],
                    "status": status,
                    "took_ms": round(took_s * 1000, 1),
                },
            )


async def _refuse(scope: Scope, send: Send, problem: Problem) -> None:
    """Answer where no route can any more. When the answer had begun already, the server ends the connection."""
    language = preferred_language(Headers(scope=scope).get("accept-language"))
    shown = document(problem, instance=scope["path"], language=language)
    body = orjson.dumps(shown)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    with suppress(RuntimeError):
        await send({"type": "http.response.start", "status": shown["status"], "headers": headers})
        await send({"type": "http.response.body", "body": body})
