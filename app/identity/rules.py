"""Pure decisions of identity: tokens and codes as signed text, roles, and who may see what."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from app.core.errors import Forbidden, NotFound, Problem, StateConflict
from app.identity.errors import GrantMissing
from app.identity.values import (
    MEMBERSHIP_DISPLAY,
    MEMBERSHIP_VERBS,
    TOKEN_LENGTH_MAX,
    Agreement,
    Caller,
    Grant,
    KeyMode,
    MembershipEvent,
    MembershipState,
    Role,
)

PRODUCER: Final = {"en": "producer", "zh-Hans": "生产者"}
OWNER: Final = {"en": "an owner of the producer", "zh-Hans": "该生产者负责人的身份"}
_ACCESS: Final = "cha_"
_REFRESH: Final = "chr_"
_MAC_BYTES: Final = 32


def code_mac(key: bytes, phone: str, code: str) -> str:
    """What is kept of a sign-in code: a guess cannot be checked without the service's key."""
    return _mac(key, "sign-in-code", f"{phone}|{code}".encode()).hex()


def codes_match(kept_mac: str, key: bytes, phone: str, code: str) -> bool:
    """Whether this is the code, compared in constant time."""
    return hmac.compare_digest(kept_mac, code_mac(key, phone, code))


def access_token(sign_in_id: str, expires_at: datetime, key: bytes) -> str:
    """`cha_` and base64url of the sign-in's id, the second it expires, and their HMAC-SHA256."""
    return _signed(_ACCESS, sign_in_id, int(expires_at.timestamp()), key)


def read_access_token(token: str, key: bytes, now: datetime) -> str | None:
    """The sign-in's id, when the token is one of ours and has not expired."""
    read = _read(_ACCESS, token, key)
    return read[0] if read and read[1] > now.timestamp() else None


def refresh_token(sign_in_id: str, generation: int, key: bytes) -> str:
    """`chr_` and base64url of the sign-in's id, its generation, and their HMAC-SHA256."""
    return _signed(_REFRESH, sign_in_id, generation, key)


def read_refresh_token(token: str, key: bytes) -> tuple[str, int] | None:
    """The sign-in's id and the generation, when the token is one of ours."""
    return _read(_REFRESH, token, key)


def bearer(authorization: str) -> str | None:
    """The token of an `Authorization` header (RFC 6750, 2.1), when it has one of a sane length."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= TOKEN_LENGTH_MAX and token.isascii() else None


def key_secret(mode: KeyMode, noise: str) -> str:
    return f"chk_{mode}_{noise}"


def key_hash(secret: str) -> str:
    """A plain SHA-256: the secret is 256 random bits, which no dictionary holds."""
    return hashlib.sha256(secret.encode()).hexdigest()


def shown_prefix(secret: str) -> str:
    """Enough of a key to recognise it in a list."""
    return secret[:14]


def roles_of(phone: str, producers: Collection[str], operator_phones: Collection[str]) -> frozenset[Role]:
    """Everybody who signs in may buy; the other roles come from membership and from the settings."""
    held = {Role.BUYER: True, Role.PRODUCER: bool(producers), Role.OPERATOR: phone in operator_phones}
    return frozenset(role for role, holds in held.items() if holds)


def grants_of(
    own: Iterable[tuple[str, Iterable[Grant]]], through: Iterable[tuple[str, Iterable[Grant], Iterable[Grant]]]
) -> dict[str, frozenset[Grant]]:
    """What a person may do, by producer: where they belong to it what they were given there; for a member of a co-operative
    that they belong to, what the member granted to the co-operative and the co-operative gave to them, both.
    """
    grants: dict[str, frozenset[Grant]] = {}
    for producer, given in own:
        grants[producer] = grants.get(producer, frozenset()) | frozenset(given)
    for producer, given, granted in through:
        both = frozenset(given) & frozenset(granted)
        if both:
            grants[producer] = grants.get(producer, frozenset()) | both
    return grants


def may(caller: Caller, producer_id: str, grant: Grant) -> bool:
    """Whether the caller may do this in the producer's name: the one rule that every right to act for a producer goes by."""
    return grant in caller.grants.get(producer_id, ())


def may_any(caller: Caller, producer_id: str) -> bool:
    """Whether the caller may do anything at all in the producer's name: then its drafts, lots and photos are no secret."""
    return bool(caller.grants.get(producer_id))


def is_related(caller: Caller, producer_id: str) -> bool:
    """Whether the caller knows the producer from inside, whatever they may do there: then a refusal may name what is missing."""
    return producer_id in caller.producers or may_any(caller, producer_id)


def require_grant(caller: Caller, producer_id: str, grant: Grant, otherwise: Problem) -> None:
    """Raise `GrantMissing`, which names it, for those who know the producer from inside; `otherwise` for anybody else."""
    if may(caller, producer_id, grant):
        return
    raise GrantMissing(producer_id, grant) if is_related(caller, producer_id) else otherwise


def require_insight(caller: Caller, producer_id: str) -> None:
    """Only who may see its accounts, and operators, pass; to strangers a producer's private side does not exist (`NotFound`)."""
    if not caller.is_operator():
        require_grant(caller, producer_id, Grant.SEE, NotFound(what=PRODUCER))


def require_belonging(caller: Caller, producer_id: str) -> None:
    """A producer itself is changed by its own people who may list, and by operators: nobody grants that to a co-operative."""
    if caller.is_operator():
        return
    if producer_id not in caller.producers:
        raise NotFound(what=PRODUCER)
    require_grant(caller, producer_id, Grant.LIST, NotFound(what=PRODUCER))


def require_owner(caller: Caller, producer_id: str) -> None:
    """Only owners pass: `Forbidden` for the producer's other people, to others its private side does not exist (`NotFound`)."""
    if producer_id in caller.owned:
        return
    if is_related(caller, producer_id):
        raise Forbidden(needs=OWNER)
    raise NotFound(what=PRODUCER)


_STEPS: Final[Mapping[tuple[MembershipState, MembershipEvent], MembershipState]] = {
    (MembershipState.INVITED, MembershipEvent.ACCEPT): MembershipState.ACTIVE,
    (MembershipState.INVITED, MembershipEvent.DECLINE): MembershipState.DECLINED,
    (MembershipState.INVITED, MembershipEvent.WITHDRAW): MembershipState.WITHDRAWN,
    (MembershipState.ACTIVE, MembershipEvent.LEAVE): MembershipState.LEFT,
}


def next_membership(state: MembershipState, event: MembershipEvent) -> MembershipState:
    """The state after this event; raises `StateConflict` when the table has no such step."""
    following = _STEPS.get((state, event))
    if following is None:
        raise StateConflict(state=MEMBERSHIP_DISPLAY[state], verb=MEMBERSHIP_VERBS[event])
    return following


def agreement_at(agreements: Iterable[Agreement], now: datetime) -> Agreement | None:
    """The agreement that holds: of those that both sides agreed on and whose day has come, the last version."""
    begun = [each for each in agreements if each.valid_from <= now]
    return max(begun, key=lambda each: each.version, default=None)


def throttled_as(address: str) -> str:
    """The address that limits count by: IPv6 by its /64, of which one household has every address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def is_loopback(address: str) -> bool:
    """Whether a caller's address is this very machine."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def _mac(key: bytes, purpose: str, said: bytes) -> bytes:
    """Each purpose signs with a key of its own, so that no text of one can pass for another's."""
    return hmac.digest(hmac.digest(key, purpose.encode(), "sha256"), said, "sha256")


def _signed(prefix: str, sign_in_id: str, number: int, key: bytes) -> str:
    said = f"{sign_in_id}|{number}".encode()
    return prefix + base64.urlsafe_b64encode(said + _mac(key, prefix, said)).decode().rstrip("=")


def _read(prefix: str, token: str, key: bytes) -> tuple[str, int] | None:
    if not token.startswith(prefix) or len(token) > TOKEN_LENGTH_MAX:
        return None
    text = token.removeprefix(prefix)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        sign_in_id, _, number = raw[:-_MAC_BYTES].decode().partition("|")
    except (ValueError, binascii.Error):
        return None
    if not (number.isascii() and number.isdecimal() and len(number) <= 15):
        return None
    # Made again and compared whole: only the one spelling that we issue is taken.
    genuine = _signed(prefix, sign_in_id, int(number), key)
    return (sign_in_id, int(number)) if hmac.compare_digest(genuine.encode(), token.encode()) else None
