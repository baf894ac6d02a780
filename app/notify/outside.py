"""The guarded sender: posts to a URL that somebody else gave us, and to no address that is not the public's.

Everything that leaves for an address chosen by others goes through here: webhooks, subscriptions.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Protocol

import httpx

from app.notify.errors import NoAnswer
from app.notify.guard import NOTHING_ALLOWED, Address, Allowed, Destination, read_destination, require_public

SEND_TIMEOUT_S: Final = 15.0
LOOKUP_TIMEOUT_S: Final = 5.0
ANSWER_BYTES_MAX: Final = 4_096
ADDRESSES_TRIED_MAX: Final = 4
_AGENT: Final = "Chama"


class Resolver(Protocol):
    """What a name means now: every address, in the order in which they are to be tried. Raises `OSError`."""

    async def __call__(self, host: str, port: int) -> list[Address]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `body` is its beginning, `retry_after` as it was sent."""

    status: int
    body: bytes
    retry_after: str | None = None

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


async def resolve(host: str, port: int) -> list[Address]:
    """By the system's resolver, in a thread."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(ip_address(str(place[0]).partition("%")[0]) for *_, place in found))


class GuardedSender:
    """Posts a body to somebody else's URL. One for each process; closed at its end.

    The name is resolved once, every address that it has is checked, and the connection goes to one that was checked: a name that
    means something else a moment later leads nowhere. TLS is verified for the name. No redirect is followed, no proxy of the
    environment used, no connection kept: one that was verified for a name must not serve another at the same address.
    """

    def __init__(
        self,
        allowed: Allowed = NOTHING_ALLOWED,
        *,
        timeout_s: float = SEND_TIMEOUT_S,
        resolver: Resolver = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed, self._timeout_s, self._resolve = allowed, timeout_s, resolver
        self._client = httpx.AsyncClient(
            verify=True if trust is None else trust,
            trust_env=False,
            follow_redirects=False,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    def require_callable(self, url: str) -> None:
        """Raise `DestinationRefused` for a URL that will never be called, as far as can be said without resolving its name."""
        read_destination(url, self._allowed)

    async def send(
        self, url: str, body: bytes, headers: Mapping[str, str], *, answer_bytes_max: int = ANSWER_BYTES_MAX
    ) -> Answer:
        """POST this body; whatever the server answers, also a refusal or a redirect, is the answer. Never call it in a transaction.

        Raises `DestinationRefused`, or `NoAnswer` when there is none within the time that the whole call may take.
        """
        destination = read_destination(url, self._allowed)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._try_each(destination, body, headers, answer_bytes_max)
        except TimeoutError:
            raise NoAnswer(reason=f"timeout after {self._timeout_s:g} s") from None
        except httpx.TimeoutException:
            raise NoAnswer(reason="timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise NoAnswer(reason=_said(error)) from error

    async def _try_each(self, destination: Destination, body: bytes, headers: Mapping[str, str], most: int) -> Answer:
        """The first address that takes a connection: half of a name may lie in an internet that we have no way to."""
        addresses = (await self._addresses_of(destination))[:ADDRESSES_TRIED_MAX]
        for address in addresses[:-1]:
            with suppress(httpx.ConnectError):
                return await self._post(destination, address, body, headers, most)
        return await self._post(destination, addresses[-1], body, headers, most)

    async def _addresses_of(self, destination: Destination) -> list[Address]:
        try:
            async with asyncio.timeout(LOOKUP_TIMEOUT_S):
                addresses = await self._resolve(destination.host, destination.port)
        except (OSError, UnicodeError):
            raise NoAnswer(reason="the name is not known") from None
        if not self._allowed.has_host(destination.host):
            require_public(addresses, self._allowed)
        if not addresses:
            raise NoAnswer(reason="the name has no address")
        return addresses

    async def _post(
        self, destination: Destination, address: Address, body: bytes, headers: Mapping[str, str], most: int
    ) -> Answer:
        sent = {"user-agent": _AGENT, "accept-encoding": "identity", **headers, "host": destination.host_header}
        extensions = {"sni_hostname": destination.host}
        async with self._client.stream(
            "POST", destination.at(address), content=body, headers=sent, extensions=extensions
        ) as response:
            beginning = bytearray()
            # As it comes, never unpacked: a small answer must not become a large one.
            async for part in response.aiter_raw():
                beginning += part
                if len(beginning) >= most:
                    break
            return Answer(response.status_code, bytes(beginning[:most]), response.headers.get("retry-after"))

    async def close(self) -> None:
        await self._client.aclose()


def _said(error: Exception) -> str:
    """One line of what failed, for the log that its owner reads; it names no address of ours."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__  # type: ignore[assignment]
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not good: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "no TLS"
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused"
    return type(error).__name__
