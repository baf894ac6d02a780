"""The service behind a real socket of loopback, in a thread with a loop of its own, by the test's clock."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

from app.core.clock import Clock
from app.core.settings import Settings
from app.flows.ports import open_ports
from app.main import create_app

START_S_MAX = 20


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def running(settings: Settings, clock: Clock) -> Iterator[str]:
    """The address of a running service for the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made: list[_Server] = []
    begun = threading.Event()

    async def serve() -> None:
        async with open_ports(settings) as opened:
            app = create_app(ports=replace(opened, clock=clock))
            config = uvicorn.Config(app, http="httptools", lifespan="off", log_config=None, access_log=False)
            made.append(_Server(config))
            begun.set()
            await made[0].serve(sockets=[listening])

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert begun.wait(START_S_MAX)
        assert made[0].listening.wait(START_S_MAX)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        made[0].should_exit = True
        thread.join(START_S_MAX)
        assert not thread.is_alive()
