"""Routers whose POSTs honour `Idempotency-Key`: the first answer is kept, sealed, and replayed."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from app.api.deps import claim_of, ports_of
from app.core.errors import Gap, Invalid, Malformed
from app.core.idempotency import Claim, Earlier, abandon, lease, record, take
from app.core.validation import pointer_of
from app.flows.ports import Ports

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class BodilessRoute(APIRoute):
    """A POST that takes no body says so to a client who sends one, instead of doing less than was asked."""

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()
        if "POST" not in (self.methods or ()) or self.body_field or (self.openapi_extra or {}).get("requestBody"):
            return original

        async def handler(request: Request) -> Response:
            _require_empty(await request.body())
            return await original(request)

        return handler


def _require_empty(body: bytes) -> None:
    """Nothing, or `{}`; raises `Invalid` for fields, `Malformed` for what is no JSON."""
    if not body.strip():
        return
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed(what={"en": "The body is not valid JSON.", "zh-Hans": "请求体不是有效的 JSON。"}) from None
    if sent == {} and isinstance(sent, dict):
        return
    words = {"en": "No body is taken here: leave it out", "zh-Hans": "此操作不接受请求体，请去掉"}
    fields = {"en": "No fields are taken here: leave it out", "zh-Hans": "此操作不接受任何字段，请去掉"}
    gaps = [Gap(pointer_of(["body", name]), fields) for name in sent][:50] if isinstance(sent, dict) else []
    raise Invalid(gaps=gaps or [Gap("", words)])


class OneTransactionRoute(BodilessRoute):
    """For routes that touch one domain through `Tx`: work and answer are kept in the same transaction."""

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()

        async def handler(request: Request) -> Response:
            claim = await claim_of(request) if request.method == "POST" else None
            if claim is None:
                return await original(request)
            ports = ports_of(request)
            async with ports.begin() as session:
                earlier = await take(session, claim, ports.clock.now())
                if earlier is not None:
                    return replayed(ports, earlier)
                request.state.session = session
                response = await original(request)
                await record(session, claim, response.status_code, ports.seal.close(bytes(response.body)))
            return response

        return handler


class StoryRoute(BodilessRoute):
    """For routes whose flow has transactions of its own: the key is held by a lease while the story runs."""

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()

        async def handler(request: Request) -> Response:
            claim = await claim_of(request) if request.method == "POST" else None
            if claim is None:
                return await original(request)
            ports = ports_of(request)
            async with ports.begin() as session:
                earlier = await lease(session, claim, ports.clock.now())
            if earlier is not None:
                return replayed(ports, earlier)
            return await _run_story(ports, claim, original, request)

        return handler


async def _run_story(ports: Ports, claim: Claim, original: Handler, request: Request) -> Response:
    try:
        response = await original(request)
    except Exception:
        async with ports.begin() as session:
            await abandon(session, claim)
        raise
    async with ports.begin() as session:
        await record(session, claim, response.status_code, ports.seal.close(bytes(response.body)))
    return response


def replayed(ports: Ports, earlier: Earlier) -> Response:
    """The first answer again, marked as a replay."""
    assert earlier.status is not None
    body = ports.seal.open(earlier.body or b"")
    media = "application/pdf" if body.startswith(b"%PDF-") else "application/json" if body else None
    return Response(body, earlier.status, {"idempotent-replayed": "true"}, media)


def api_router(tag: str) -> APIRouter:
    """Routes under /v1 that touch one domain."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=OneTransactionRoute)


def story_router(tag: str) -> APIRouter:
    """Routes under /v1 that tell a story of several transactions."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=StoryRoute)
