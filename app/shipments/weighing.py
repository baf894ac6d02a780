"""Weigh-ins: their words, what is signed, and what may follow what. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from app.core.clock import rfc3339
from app.core.errors import Gap, StateConflict
from app.core.ids import pattern
from app.core.limits import CLOCK_SKEW_MAX
from app.orders.weighing import Allowed, Terms, conditioned_g
from app.shipments.values import ENDED, ConsignmentStatus, Journey, LegStatus

WEIGH_IN_ID: Final = pattern("wgh")
INSTRUMENT_LENGTH_MAX: Final = 60
PERCENT_MAX: Final = 50
_ON_THE_WAY: Final = frozenset({ConsignmentStatus.IN_TRANSIT, ConsignmentStatus.OUT_FOR_DELIVERY})


class WeighInStatus(StrEnum):
    """`WAITING` waits for the buyer, `REFERRED` for an operator. `SUPERSEDED`: another one took its place."""

    SETTLED = "settled"
    WAITING = "waiting"
    REFERRED = "referred"
    DECLINED = "declined"
    SUPERSEDED = "superseded"


class WeighInEvent(StrEnum):
    ACCEPT = "accepted"
    DECLINE = "declined"
    REFER = "referred"
    SUPERSEDE = "superseded"


class SignedBy(StrEnum):
    """`PARTNER`: by the key that was registered with the partner's API key. `SERVICE`: by ours, when we took it in."""

    PARTNER = "partner"
    SERVICE = "service"


S, E = WeighInStatus, WeighInEvent
ALLOWED: Final[Mapping[tuple[WeighInStatus, WeighInEvent], WeighInStatus]] = {
    (S.WAITING, E.ACCEPT): S.SETTLED,
    (S.WAITING, E.DECLINE): S.DECLINED,
    (S.WAITING, E.REFER): S.REFERRED,
    (S.REFERRED, E.ACCEPT): S.SETTLED,
    (S.REFERRED, E.DECLINE): S.DECLINED,
    (S.WAITING, E.SUPERSEDE): S.SUPERSEDED,
    (S.REFERRED, E.SUPERSEDE): S.SUPERSEDED,
    (S.SETTLED, E.SUPERSEDE): S.SUPERSEDED,
}
OPEN: Final = frozenset({S.WAITING, S.REFERRED})
DISPLAY: Final[Mapping[WeighInStatus, Mapping[str, str]]] = {
    S.SETTLED: {"en": "Settled", "zh-Hans": "已按重量结算"},
    S.WAITING: {"en": "Waiting for the buyer", "zh-Hans": "待买家确认"},
    S.REFERRED: {"en": "With an operator", "zh-Hans": "平台处理中"},
    S.DECLINED: {"en": "Declined", "zh-Hans": "买家不接受"},
    S.SUPERSEDED: {"en": "Replaced by a later one", "zh-Hans": "已被更正"},
}
_VERBS: Final[Mapping[WeighInEvent, Mapping[str, str]]] = {
    E.ACCEPT: {"en": "accepted", "zh-Hans": "接受"},
    E.DECLINE: {"en": "declined", "zh-Hans": "拒绝"},
    E.REFER: {"en": "passed on", "zh-Hans": "转交平台"},
    E.SUPERSEDE: {"en": "corrected", "zh-Hans": "更正"},
}
_TOO_LATE: Final = {
    "en": f"Lies more than {CLOCK_SKEW_MAX // timedelta(minutes=1)} minutes ahead: set the clock of the device",
    "zh-Hans": f"比当前时间晚 {CLOCK_SKEW_MAX // timedelta(minutes=1)} 分钟以上，请校准设备时钟",
}
_TOO_EARLY: Final = {"en": "Before the goods were ordered", "zh-Hans": "早于下单时间"}
_NET: Final = {"en": "Gross less tare, and above zero", "zh-Hans": "须等于毛重减皮重，且大于零"}
_PERCENT: Final = {"en": f"From 0 to {PERCENT_MAX}", "zh-Hans": f"应在 0 至 {PERCENT_MAX} 之间"}
_NEEDED: Final = {
    "en": "Cotton is paid by conditioned weight: this is needed",
    "zh-Hans": "棉花按公定重量结算，此项必填",
}
_NOT_HERE: Final = {
    "en": "Only for cotton, which is paid by conditioned weight",
    "zh-Hans": "仅适用于按公定重量结算的棉花",
}


class Weighed(Protocol):
    """What a scale showed, as it is told."""

    @property
    def id(self) -> str: ...
    @property
    def line(self) -> str | None: ...
    @property
    def gross_g(self) -> int: ...
    @property
    def tare_g(self) -> int: ...
    @property
    def net_g(self) -> int: ...
    @property
    def weighed_at(self) -> datetime: ...
    @property
    def instrument(self) -> str: ...
    @property
    def ticket(self) -> str: ...
    @property
    def photo(self) -> str: ...
    @property
    def trash_pct(self) -> str | None: ...
    @property
    def regain_pct(self) -> str | None: ...


def advance(status: WeighInStatus, event: WeighInEvent) -> WeighInStatus:
    """The status after this event; raises `StateConflict` when the table has no such step."""
    following = ALLOWED.get((status, event))
    if following is None:
        raise StateConflict(state=DISPLAY[status], verb=_VERBS[event])
    return following


def may(status: WeighInStatus, event: WeighInEvent) -> bool:
    return (status, event) in ALLOWED


def payload_of(consignment: str, told: Weighed) -> str:
    """The text that is signed: thirteen lines in this order, each with one thing that was told; nothing is an empty line.

    Times are UTC to the second (`2026-03-01T08:00:00Z`), weights whole grams, percentages as they were sent.
    """
    lines = (
        "chama-weigh-in-1",
        consignment,
        told.id,
        told.line or "",
        str(told.gross_g),
        str(told.tare_g),
        str(told.net_g),
        told.trash_pct or "",
        told.regain_pct or "",
        rfc3339(told.weighed_at),
        told.instrument,
        told.ticket,
        told.photo,
    )
    return "\n".join(lines)


def weight_gaps(told: Weighed, terms: Terms, ordered_at: datetime, now: datetime) -> list[Gap]:
    """What is wrong in what was told, all at once."""
    gaps = []
    if told.net_g <= 0 or told.tare_g < 0 or told.gross_g - told.tare_g != told.net_g:
        gaps.append(Gap("/net_g", _NET))
    if told.weighed_at > now + CLOCK_SKEW_MAX:
        gaps.append(Gap("/weighed_at", _TOO_LATE))
    if told.weighed_at < ordered_at - CLOCK_SKEW_MAX:
        gaps.append(Gap("/weighed_at", _TOO_EARLY))
    for name, given in (("trash_pct", told.trash_pct), ("regain_pct", told.regain_pct)):
        if (given is not None) != terms.is_conditioned:
            gaps.append(Gap(f"/{name}", _NEEDED if terms.is_conditioned else _NOT_HERE))
        elif given is not None and Decimal(given) > PERCENT_MAX:
            gaps.append(Gap(f"/{name}", _PERCENT))
    return gaps


def charged_g(told: Weighed, terms: Terms) -> int:
    """The weight that is to be paid for: the net one, or of cotton the conditioned one."""
    if told.trash_pct is None or told.regain_pct is None:
        return told.net_g
    return conditioned_g(told.net_g, Decimal(told.trash_pct), Decimal(told.regain_pct), terms)


def is_under_way(journey: Journey) -> bool:
    """Whether the goods have left their first hub, so that nothing can be taken off any more."""
    return journey.status in _ON_THE_WAY or any(leg.status is not LegStatus.PLANNED for leg in journey.legs)


def is_over(journey: Journey) -> bool:
    """Whether there is nothing left to be weighed: delivered, lost, on its way back, or taken off."""
    return journey.cancelled_at is not None or journey.status in ENDED | {ConsignmentStatus.RETURNING}


def settled_at_once(charged: int, span: Allowed, *, under_way: bool) -> int | None:
    """The weight by which a line is settled without anybody's word; None when its buyer is asked.

    Of goods that are under way nothing can be taken off: they are settled as they are, but by no more than the buyer had
    to expect. What he has against that is a claim.
    """
    if span.holds(charged):
        return charged
    return min(charged, span.most_g) if under_way else None
