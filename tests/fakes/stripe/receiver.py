"""A receiver of webhooks in the test's own loop: it keeps what arrives and answers as told."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


@asynccontextmanager
async def webhook_receiver(*statuses: int) -> AsyncIterator[tuple[str, list[tuple[bytes, str]]]]:
    """Receive at the url given; each arrival is a body and its signature, answered by `statuses` in turn, then 200."""
    got: list[tuple[bytes, str]] = []
    answers = iter(statuses)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        got.append((await request.body(), request.headers["stripe-signature"]))
        await Response(status_code=next(answers, 200))(scope, receive, send)

    # Already listening: what arrives before the server runs waits in the queue of the socket.
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, log_level=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks", got
    finally:
        server.should_exit = True
        await serving
