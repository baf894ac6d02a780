"""A small HTTP/1.1 load client: keep-alive connections that each play a script, so cheap that it hardly takes from what it measures.

A script is a generator: it yields what to ask and is sent the answer. It knows `Content-Length` only, which is all that the service uses.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast

import uvloop

CLIENTS: Final = 16
SILENCE_S_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ask:
    """A whole request, and the name under which its time is kept."""

    label: str
    wire: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300 or self.status == 304


Script = Generator[Ask, Answer, None]


@dataclass
class Tally:
    """What a round came to: times of good answers by label, in seconds; the others by label and status."""

    times: dict[str, list[float]] = field(default_factory=dict)
    failures: Counter[tuple[str, int]] = field(default_factory=Counter)
    example: bytes = b""
    seconds: float = 0.0

    def rate(self, label: str) -> float:
        """Good answers a second."""
        return len(self.times.get(label, ())) / self.seconds if self.seconds else 0.0

    def note(self, label: str, took_s: float, answer: Answer) -> None:
        if answer.is_good:
            self.times.setdefault(label, []).append(took_s)
        else:
            self.failures[label, answer.status] += 1
            self.example = self.example or answer.body[:300]


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Client(asyncio.Protocol):
    """One connection with its script; asks again as soon as the answer is whole, until the round is over."""

    def __init__(self, script: Script, tally: Tally, until: float) -> None:
        self.script, self.tally, self.until = script, tally, until
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received = b""
        self.awaited = 0
        self.asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self.ask(next(self.script))

    def ask(self, ask: Ask) -> None:
        self.label = ask.label
        self.asked_at = time.perf_counter()
        self.transport.write(ask.wire)

    def data_received(self, data: bytes) -> None:
        self.received = self.received + data if self.received else data
        if not self.awaited:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            self.awaited = end + 4 + _length(self.received[:end])
        if len(self.received) < self.awaited:
            return
        assert len(self.received) == self.awaited, "an answer longer than it said"
        self.answered()

    def answered(self) -> None:
        whole, self.received, self.awaited = self.received, b"", 0
        now = time.perf_counter()
        answer = Answer(int(whole[9:12]), whole[whole.index(b"\r\n\r\n") + 4 :])
        self.tally.note(self.label, now - self.asked_at, answer)
        try:
            following = self.script.send(answer)
        except StopIteration:
            self.end()
            return
        if now >= self.until:
            self.end()
        else:
            self.ask(following)

    def end(self) -> None:
        self.script.close()
        if not self.finished.done():
            self.finished.set_result(None)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(ConnectionError(f"the service closed the connection: {exc}"))


def _length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def _run(port: int, scripts: Sequence[Script], seconds: float) -> Tally:
    tally = Tally()
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    opened = [
        await loop.create_connection(partial(Client, script, tally, begin + seconds), "127.0.0.1", port)
        for script in scripts
    ]
    async with asyncio.timeout(seconds + SILENCE_S_MAX):
        await asyncio.gather(*(client.finished for _, client in opened))
    tally.seconds = time.perf_counter() - begin
    return tally


def run(port: int, scripts: Sequence[Script], seconds: float = 3_600.0) -> Tally:
    """Play every script on a connection of its own, until they end or the time is over; answers still awaited then count too."""
    return uvloop.run(_run(port, scripts, seconds))
