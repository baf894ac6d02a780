"""Routers whose POSTs honour `Idempotency-Key`: the first answer is kept, sealed, and replayed."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from app.api.deps import claim_of, ports_of
from app.core.idempotency import Claim, Earlier, abandon, lease, record, take
from app.flows.ports import Ports

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class OneTransactionRoute(APIRoute):
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


class StoryRoute(APIRoute):
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
    return Response(body, earlier.status, {"idempotent-replayed": "true"}, "application/json" if body else None)


def api_router(tag: str) -> APIRouter:
    """Routes under /v1 that touch one domain."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=OneTransactionRoute)


def story_router(tag: str) -> APIRouter:
    """Routes under /v1 that tell a story of several transactions."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=StoryRoute)
