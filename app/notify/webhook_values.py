"""The words of webhooks out: which news there is and whom it may concern, what an endpoint and a delivery may be, and when they are tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

ENDPOINTS_PER_OWNER_MAX: Final = 10
PATTERNS_MAX: Final = 40
SECRET_BYTES: Final = 32
# The secret from before a rotation signs beside the new one for so long.
SECRETS_OVERLAP: Final = timedelta(hours=24)
# Before each attempt after the first (Standard Webhooks 1.0, its example schedule): 75 hours and 35 minutes in all.
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
ATTEMPTS_MAX: Final = len(WAITS) + 1
RETRY_AFTER_MAX: Final = timedelta(hours=24)
THROTTLED: Final = frozenset({429, 502, 504})
THROTTLE_MIN: Final = timedelta(seconds=30)
GONE: Final = 410
# So many are sent in one go to an endpoint that answers, so many subjects side by side; one alone to an endpoint that fails.
BATCH_MAX: Final = 20
AT_ONCE_MAX: Final = 4
# A go begins nothing new after this; it holds its endpoint for so long at the most.
GO_S: Final = 30.0
HELD: Final = timedelta(seconds=120)
# What takes longer to answer is served in the slow lane, as is what fails.
SLOW_S: Final = 5.0
TRIES_KEPT_MAX: Final = 12
ANSWER_KEPT_MAX: Final = 300
FAN_OUT_MAX: Final = 500
REPLAY_MAX: Final = 10_000
NEWS_KEPT: Final = timedelta(days=30)
TEST_NEWS: Final = "webhook.test"


class Family(StrEnum):
    """The first half of a name of news: what changed."""

    SHIPMENT = "shipment"
    ORDER = "order"
    PAYMENT = "payment"
    CLAIM = "claim"
    PAYOUT = "payout"
    WEBHOOK = "webhook"


# Every name that news may have; a name that is not here is never put. Who hears of it, beside operators, stands with each family.
NAMES: Final[Mapping[Family, tuple[str, ...]]] = {
    # Buyer, producer, and every carrier with a leg.
    Family.SHIPMENT: (
        "shipment.advanced",
        "shipment.delivered",
        "shipment.returned",
        "shipment.replanned",
        "shipment.stranded",
    ),
    # Buyer, and every producer with goods in it.
    Family.ORDER: (
        "order.placed",
        "order.shipped",
        "order.delivered",
        "order.completed",
        "order.cancelled",
        "order.expired",
        "order.cut",
        "order.unpaid",
    ),
    # Buyer.
    Family.PAYMENT: (
        "payment.authorised",
        "payment.paid",
        "payment.failed",
        "payment.cancelled",
        "payment.refunded",
        "payment.part_refunded",
    ),
    # Buyer and the producer that it is made to.
    Family.CLAIM: (
        "claim.open",
        "claim.offered",
        "claim.disputed",
        "claim.returning",
        "claim.settled",
        "claim.refused",
        "claim.withdrawn",
        "claim.lapsed",
    ),
    # Whom it is paid to.
    Family.PAYOUT: ("payout.sent", "payout.paid", "payout.returned", "payout.failed", "payout.cancelled"),
    # The endpoint that asks for it.
    Family.WEBHOOK: (TEST_NEWS,),
}
EVERY_NAME: Final = frozenset(name for names in NAMES.values() for name in names)
# What carriers are not told of the consignments that they carry.
NOT_FOR_CARRIERS: Final = frozenset({"order"})


class EndpointState(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledBecause(StrEnum):
    """`OWNER`: its owner said so. `GONE`: it answered 410. `UNREACHABLE`: a delivery failed for days, and nothing came through since."""

    OWNER = "owner"
    GONE = "gone"
    UNREACHABLE = "unreachable"


class DeliveryState(StrEnum):
    """`HELD`: not sent while the endpoint was disabled; a replay sends it. `WITHHELD`: its owner may not see it any more."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"
    HELD = "held"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to a `subject` (a consignment, order, claim or payout), with ids and states as facts, never a person.

    Whom it concerns: `buyer`, `producers`, `carriers` (codes). What is None is looked up by the order before it is told.
    """

    name: str
    subject: str
    occurred_at: datetime
    facts: Mapping[str, Any]
    order: str | None = None
    buyer: str | None = None
    producers: tuple[str, ...] | None = ()
    carriers: tuple[str, ...] = ()
    endpoint: str | None = None

    def __post_init__(self) -> None:
        assert self.name in EVERY_NAME


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom an order concerns."""

    buyer: str
    producers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """News as it was put."""

    id: str
    subject: str
    order_id: str | None
    buyer_id: str | None
    producers: list[str] | None


@dataclass(frozen=True, slots=True)
class Due:
    """One delivery of a go, with all that it needs."""

    event_id: str
    name: str
    subject: str
    sequence: int
    occurred_at: datetime
    facts: Mapping[str, Any]
    attempts: int
    first_at: datetime | None
    is_seen: bool


@dataclass(frozen=True, slots=True)
class Held:
    """An endpoint that is being served: nobody else serves it meanwhile. `secrets`: the sealed ones that sign, the newest first."""

    id: str
    url: str
    by_carrier: bool
    secrets: tuple[bytes, ...]
    failures: int
    slow: bool
    succeeded_at: datetime | None
    person_id: str | None


@dataclass(frozen=True, slots=True)
class Try:
    """How one attempt ended: a status, or the word for there being none."""

    at: datetime
    status: int | None = None
    error: str | None = None
    answer: str = ""
    duration_ms: int = 0
    retry_after: timedelta | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Ended:
    """What becomes of a delivery after an attempt."""

    state: DeliveryState
    next_at: datetime | None
    attempt: Try
    due: Due


@dataclass(frozen=True, slots=True)
class Health:
    """What becomes of an endpoint after a go. `rests_until`: nothing is sent before."""

    failures: int
    succeeded_at: datetime | None
    rests_until: datetime | None
    slow: bool
    disabled: DisabledBecause | None = None
