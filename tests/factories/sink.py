"""A server of somebody else's on loopback: keeps what it is sent, and answers as a test wishes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from app.notify.guard import read_allowed
from app.notify.outside import GuardedSender

LOOPBACK = read_allowed(["127.0.0.1"])


@dataclass
class Received:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """`drip_s`: how long between the parts of an endless body."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    wait_s: float = 0
    drip_s: float | None = None
    hang_up: bool = False
    raw: bytes | None = None


class Sink:
    """`answers` decides on each request; a plain reply serves for all."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.reply: Reply | Callable[[Received], Reply] = Reply()
        self.port = 0
        self.at_once = self.at_once_max = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?of=village"

    def ids(self) -> list[str]:
        return [each.headers["webhook-id"] for each in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(await _read(reader), writer)
        finally:
            self.at_once -= 1
            writer.close()

    async def _answer(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.received.append(received)
        reply = self.reply(received) if callable(self.reply) else self.reply
        await asyncio.sleep(reply.wait_s)
        if reply.hang_up:
            return
        if reply.raw is not None:
            writer.write(reply.raw)
            await writer.drain()
            return
        length = {} if reply.drip_s is not None else {"content-length": str(len(reply.body))}
        lines = [f"{name}: {value}" for name, value in {**length, "connection": "close", **reply.headers}.items()]
        writer.write("\r\n".join([f"HTTP/1.1 {reply.status} Word", *lines, "", ""]).encode() + reply.body)
        await writer.drain()
        while reply.drip_s is not None:
            await asyncio.sleep(reply.drip_s)
            writer.write(b"x")
            await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
    method, target, _ = first.split(" ")
    return Received(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def a_sink() -> AsyncIterator[Sink]:
    sink = Sink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        server.close_clients() if hasattr(server, "close_clients") else None


@asynccontextmanager
async def a_sender(**options: object) -> AsyncIterator[GuardedSender]:
    """The real sender, which may call the sink."""
    sender = GuardedSender(LOOPBACK, **options)  # type: ignore[arg-type]
    try:
        yield sender
    finally:
        await sender.close()
