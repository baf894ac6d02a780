"""The words of identity: who may call, in which roles, and what a sign-in hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.core.text import E164_PATTERN

PHONE_PATTERN: Final = E164_PATTERN
CODE_PATTERN: Final = r"^[0-9]{6}$"
COUNTY_PATTERN: Final = r"^[1-9][0-9]{5}$"
HUB_PATTERN: Final = r"^[A-Z0-9][A-Z0-9_-]{1,39}$"
CARRIER_PATTERN: Final = r"^[A-Z0-9][A-Z0-9_-]{1,39}$"
PRODUCERS_PER_PERSON_MAX: Final = 20
KEYS_PER_PARTNER_MAX: Final = 20
TOKEN_LENGTH_MAX: Final = 300
CODES_FORGOTTEN_AFTER: Final = timedelta(days=1)
SIGN_INS_FORGOTTEN_AFTER: Final = timedelta(days=30)


class Role(StrEnum):
    BUYER = "buyer"
    PRODUCER = "producer"
    PARTNER = "partner"
    OPERATOR = "operator"


class ProducerKind(StrEnum):
    HOUSEHOLD = "household"
    FAMILY_FARM = "family_farm"
    COOPERATIVE = "cooperative"
    COMPANY = "company"


class MemberRole(StrEnum):
    OWNER = "owner"
    MEMBER = "member"


class Scope(StrEnum):
    """What a partner's key may do."""

    TRACKING_WRITE = "tracking:write"
    TRACKING_READ = "tracking:read"
    SERVICES_WRITE = "services:write"
    BOOKINGS_READ = "bookings:read"
    DISRUPTIONS_WRITE = "disruptions:write"
    STATEMENTS_READ = "statements:read"
    SETTLEMENTS_WRITE = "settlements:write"


class KeyMode(StrEnum):
    LIVE = "live"
    TEST = "test"


@dataclass(frozen=True)
class Caller:
    """Who is calling: a person with an access token, or a partner with an API key; never both."""

    person_id: str | None = None
    partner_id: str | None = None
    carrier: str | None = None
    roles: frozenset[Role] = frozenset()
    producers: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    sign_in_id: str | None = None

    @property
    def id(self) -> str:
        caller_id = self.person_id or self.partner_id
        assert caller_id is not None
        return caller_id

    def is_operator(self) -> bool:
        return Role.OPERATOR in self.roles

    def speaks_for(self, producer_id: str) -> bool:
        return producer_id in self.producers


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in just opened or rotated: what the tokens are made of, and whose they are."""

    sign_in_id: str
    generation: int
    person_id: str
    phone: str
    producers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a person wants to be told, and in which language."""

    person_id: str
    phone: str
    language: str


@dataclass(frozen=True, slots=True)
class Parties:
    """Whom to tell of an order: its buyer and, by producer, every member; and what the producers call themselves."""

    buyer: Contact
    members: Mapping[str, Sequence[Contact]]
    names: Mapping[str, Mapping[str, str]]
