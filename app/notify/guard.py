"""Which addresses of others the service may call: no way from a URL that somebody gave us into our own network. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from app.notify.errors import DestinationRefused

URL_LENGTH_MAX: Final = 500
PORTS: Final = frozenset({443, 8443})
USUAL_PORTS: Final = {"https": 443, "http": 80}
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
# Beyond what is not global by IANA's registries: ways into IPv4 through IPv6, old anycast, and a cloud's own services.
_CLOSED: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in ("192.88.99.0/24", "168.63.129.16/32", "::/96", "64:ff9b:1::/48", "2001::/23", "2002::/16", "fec0::/10")
)
_TRANSLATED: Final = ip_network("64:ff9b::/96")
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,62}(?<!-))?(\.[a-z0-9_]([a-z0-9_-]{0,62}(?<!-))?)*\.?")
_PRINTABLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be called although it is ours: hosts by name, and networks. At any port, and without TLS."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def has_host(self, host: str) -> bool:
        return host in self.hosts or self.has_address(read_address(host))

    def has_address(self, address: Address | None) -> bool:
        return address is not None and any(
            plain(address) in network for network in self.networks if network.version == plain(address).version
        )


NOTHING_ALLOWED: Final = Allowed()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call goes: `target` is the path with its query, as it is sent."""

    scheme: str
    host: str
    port: int
    target: str

    def at(self, address: Address) -> str:
        """The URL by which this very address is called, whatever the name means a moment later."""
        shown = f"[{address}]" if address.version == 6 else str(address)
        return f"{self.scheme}://{shown}:{self.port}{self.target}"

    @property
    def host_header(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == USUAL_PORTS[self.scheme] else f"{shown}:{self.port}"


def read_allowed(entries: Collection[str]) -> Allowed:
    """The allow-list from a setting: each entry a name, an address or a network such as `10.0.0.0/8`. `ValueError` when it is none."""
    hosts, networks = set(), []
    for entry in entries:
        name = entry.strip().lower()
        try:
            networks.append(ip_network(name))
        except ValueError:
            if "/" in name or not _HOST.fullmatch(name):
                message = f"takes names, addresses and networks such as 10.0.0.0/8; not so: {entry}"
                raise ValueError(message) from None
            hosts.add(name.rstrip("."))
    return Allowed(frozenset(hosts), tuple(networks))


def read_destination(url: str, allowed: Allowed = NOTHING_ALLOWED) -> Destination:
    """Take a URL apart; raises `DestinationRefused` for what may never be called. Addresses behind a name are checked when it is called.

    https at port 443 or 8443; http and other ports only where the allow-list has the host. No name or password in it.
    """
    destination = _taken_apart(url)
    literal = read_address(destination.host)
    if literal is None and not _HOST.fullmatch(destination.host):
        raise DestinationRefused(reason=_UNREADABLE)
    if allowed.has_host(destination.host):
        return destination
    if destination.scheme != "https":
        raise DestinationRefused(reason=_SCHEME)
    if destination.port not in PORTS:
        raise DestinationRefused(reason=_PORT)
    if literal is not None:
        require_public([literal])
    return destination


def _taken_apart(url: str) -> Destination:
    if len(url) > URL_LENGTH_MAX or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise DestinationRefused(reason=_UNREADABLE)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise DestinationRefused(reason=_UNREADABLE) from None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower().rstrip(".")
    if scheme not in USUAL_PORTS or not host:
        raise DestinationRefused(reason=_SCHEME)
    if "@" in parts.netloc:
        raise DestinationRefused(reason=_USERINFO)
    if "#" in url:
        raise DestinationRefused(reason=_FRAGMENT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(scheme, host, port or USUAL_PORTS[scheme], target)


def require_public(addresses: Sequence[Address], allowed: Allowed = NOTHING_ALLOWED) -> None:
    """Raise `DestinationRefused` when any of these, even one among good ones, lies where the public cannot reach."""
    if not addresses or not all(allowed.has_address(address) or is_public(address) for address in addresses):
        raise DestinationRefused(reason=_PRIVATE)


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may be meant by this address, looking into what it wraps."""
    address = plain(address)
    if any(address in network for network in _CLOSED if network.version == address.version):
        return False
    if address in _TRANSLATED:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast and not address.is_reserved


def plain(address: Address) -> Address:
    """An IPv4 address that was written as IPv6 is the IPv4 one; zones name our own interfaces."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def read_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


_UNREADABLE: Final = {
    "en": f"it is no absolute URL of at most {URL_LENGTH_MAX} plain characters (punycode and percent-encoding for others)",
    "zh-Hans": f"不是完整的网址，或超过 {URL_LENGTH_MAX} 个字符，或含有未编码的字符",
}
_SCHEME: Final = {"en": "it must begin with https:// and name a host", "zh-Hans": "必须以 https:// 开头并包含主机名"}
_USERINFO: Final = {
    "en": "it must hold no name or password; what we send is signed instead",
    "zh-Hans": "不能包含用户名或密码；请改为验证签名",
}
_FRAGMENT: Final = {"en": "it must hold no #fragment", "zh-Hans": "不能包含 # 片段"}
_PORT: Final = {"en": "only the ports 443 and 8443 are called", "zh-Hans": "只能使用 443 或 8443 端口"}
_PRIVATE: Final = {
    "en": "it does not lead to a public address of the internet",
    "zh-Hans": "没有指向互联网上的公共地址",
}
