"""The words of identity: who may call, in which roles, and what a sign-in hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.core.text import E164_PATTERN

PHONE_PATTERN: Final = E164_PATTERN
CODE_PATTERN: Final = r"^[0-9]{6}$"
COUNTY_PATTERN: Final = r"^[1-9][0-9]{5}$"
HUB_PATTERN: Final = r"^[A-Z0-9][A-Z0-9_-]{1,39}$"
# Ed25519, 32 bytes, in base64url without padding.
PUBLIC_KEY_PATTERN: Final = r"^[A-Za-z0-9_-]{43}$"
CARRIER_PATTERN: Final = r"^[A-Z0-9][A-Z0-9_-]{1,39}$"
PRODUCERS_PER_PERSON_MAX: Final = 20
KEYS_PER_PARTNER_MAX: Final = 20
PEOPLE_PER_PRODUCER_MAX: Final = 50
MEMBERS_PER_COOPERATIVE_MAX: Final = 500
INVITATIONS_PER_PRODUCER_MAX: Final = 20
AGREEMENTS_PER_MEMBERSHIP_MAX: Final = 100
SHARE_BPS_MAX: Final = 10_000
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


class Grant(StrEnum):
    """What somebody may do in a producer's name.

    `LIST`: make, change, publish and end its listings and order cycles. `PRICE`: say what they cost, and answer claims for
    money back. `SHIP`: stock and lots, harvests, what is to be handed in. `SEE`: its orders, claims and accounts.
    """

    LIST = "list"
    PRICE = "price"
    SHIP = "ship"
    SEE = "see"


EVERY_GRANT: Final = frozenset(Grant)


class MembershipState(StrEnum):
    """How a producer stands to a co-operative. The last three are ends."""

    INVITED = "invited"
    ACTIVE = "active"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LEFT = "left"


class MembershipEvent(StrEnum):
    """`WITHDRAW` is the co-operative's, `ACCEPT` and `DECLINE` are the member's; either side may `LEAVE`."""

    ACCEPT = "accepted"
    DECLINE = "declined"
    WITHDRAW = "withdrawn"
    LEAVE = "ended"


class AgreementState(StrEnum):
    PROPOSED = "proposed"
    AGREED = "agreed"
    DECLINED = "declined"


class Side(StrEnum):
    """Who of the two proposed an agreement."""

    COOPERATIVE = "cooperative"
    MEMBER = "member"


MEMBERSHIP_DISPLAY: Final[Mapping[MembershipState, Mapping[str, str]]] = {
    MembershipState.INVITED: {"en": "Invited", "zh-Hans": "已邀请"},
    MembershipState.ACTIVE: {"en": "Member", "zh-Hans": "社员"},
    MembershipState.DECLINED: {"en": "Declined", "zh-Hans": "已谢绝"},
    MembershipState.WITHDRAWN: {"en": "Withdrawn", "zh-Hans": "邀请已撤回"},
    MembershipState.LEFT: {"en": "Left", "zh-Hans": "已退社"},
}
MEMBERSHIP_VERBS: Final[Mapping[MembershipEvent, Mapping[str, str]]] = {
    MembershipEvent.ACCEPT: {"en": "accepted", "zh-Hans": "接受"},
    MembershipEvent.DECLINE: {"en": "declined", "zh-Hans": "谢绝"},
    MembershipEvent.WITHDRAW: {"en": "withdrawn", "zh-Hans": "撤回"},
    MembershipEvent.LEAVE: {"en": "left", "zh-Hans": "退社"},
}
AGREEMENT_DISPLAY: Final[Mapping[AgreementState, Mapping[str, str]]] = {
    AgreementState.PROPOSED: {"en": "Proposed", "zh-Hans": "待对方确认"},
    AgreementState.AGREED: {"en": "Agreed", "zh-Hans": "已约定"},
    AgreementState.DECLINED: {"en": "Declined", "zh-Hans": "已谢绝"},
}
GRANT_DISPLAY: Final[Mapping[Grant, Mapping[str, str]]] = {
    Grant.LIST: {"en": "make and change listings", "zh-Hans": "发布和修改商品"},
    Grant.PRICE: {"en": "set prices and answer claims", "zh-Hans": "定价和答复售后"},
    Grant.SHIP: {"en": "keep stock and hand goods in", "zh-Hans": "管理库存和交货"},
    Grant.SEE: {"en": "see orders and accounts", "zh-Hans": "查看订单和账目"},
}


class Scope(StrEnum):
    """What a partner's key may do."""

    TRACKING_WRITE = "tracking:write"
    TRACKING_READ = "tracking:read"
    SERVICES_WRITE = "services:write"
    BOOKINGS_READ = "bookings:read"
    DISRUPTIONS_WRITE = "disruptions:write"
    STATEMENTS_READ = "statements:read"
    WEIGH_INS_WRITE = "weigh_ins:write"
    SETTLEMENTS_WRITE = "settlements:write"


class KeyMode(StrEnum):
    LIVE = "live"
    TEST = "test"


@dataclass(frozen=True)
class Caller:
    """Who is calling: a person with an access token, or a partner with an API key; never both.

    `producers` are those that the person belongs to, `owned` those as owner, `cooperatives` those that one of them is a
    member of. `grants` says what may be done in whose name, in the names of members of the person's co-operatives too.
    """

    person_id: str | None = None
    partner_id: str | None = None
    carrier: str | None = None
    roles: frozenset[Role] = frozenset()
    producers: frozenset[str] = frozenset()
    owned: frozenset[str] = frozenset()
    cooperatives: frozenset[str] = frozenset()
    grants: Mapping[str, frozenset[Grant]] = field(default_factory=dict, hash=False)
    scopes: frozenset[str] = frozenset()
    sign_in_id: str | None = None
    # Of a partner's key: with which Ed25519 key its holder signs.
    public_key: str | None = None

    @property
    def id(self) -> str:
        caller_id = self.person_id or self.partner_id
        assert caller_id is not None
        return caller_id

    def is_operator(self) -> bool:
        return Role.OPERATOR in self.roles

    def granted(self, grant: Grant) -> frozenset[str]:
        """The producers for which the caller may do this."""
        return frozenset(producer for producer, grants in self.grants.items() if grant in grants)


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
    """Whom to tell of an order: its buyer and, by producer, everybody who belongs to it; what the producers call themselves.

    `shares` has those producers that are members of a co-operative, with what they agreed on.
    """

    buyer: Contact
    members: Mapping[str, Sequence[Contact]]
    names: Mapping[str, Mapping[str, str]]
    shares: Mapping[str, "AgreedShare"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgreedShare:
    """So many ten-thousandths of a member's net proceeds are the co-operative's, by this version of their agreement."""

    cooperative: str
    agreement: str
    version: int
    share_bps: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """A version of what both sides agreed on, as far as deciding which one holds goes."""

    id: str
    version: int
    share_bps: int
    valid_from: datetime
