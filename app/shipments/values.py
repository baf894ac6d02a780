"""The words of shipments: consignments, legs and events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Protocol

from app.core.ids import new_id
from app.core.text import pick
from app.network.values import Mode
from app.packaging.values import Package

LEGS_PER_CONSIGNMENT_MAX: Final = 40
PACKAGES_PER_CONSIGNMENT_MAX: Final = 1_000
CONSIGNMENTS_PER_ORDER_MAX: Final = 50
PUBLIC_EVENTS_MAX: Final = 200
EVENT_ID_LENGTH_MAX: Final = 100
# Events of other doors are named by URIs, and say in terms of a vocabulary what the native door says in words.
DECLARED_ID_LENGTH_MAX: Final = 255
TERM_LENGTH_MAX: Final = 200
NOTE_LENGTH_MAX: Final = 500


class ConsignmentStatus(StrEnum):
    """Where a consignment stands for the people who wait for it."""

    BOOKED = "booked"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    AT_HUB = "at_hub"
    HELD = "held"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    RETURNING = "returning"
    RETURNED = "returned"
    LOST = "lost"


class LegStatus(StrEnum):
    """One ride's own machine: it never goes back."""

    PLANNED = "planned"
    UNDER_WAY = "under_way"
    DONE = "done"


class EventType(StrEnum):
    """What a carrier tells us."""

    PICKED_UP = "picked_up"
    RECEIVED = "received"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    LOADED = "loaded"
    UNLOADED = "unloaded"
    HELD = "held"
    CUSTOMS_SUBMITTED = "customs_submitted"
    CUSTOMS_RELEASED = "customs_released"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_ATTEMPTED = "delivery_attempted"
    DELIVERED = "delivered"
    RETURNED = "returned"
    DAMAGED = "damaged"
    LOST = "lost"
    ESTIMATED = "estimated"
    CORRECTED = "corrected"
    OBSERVED = "observed"


class Door(StrEnum):
    """By which standard a party told us."""

    NATIVE = "native"
    EPCIS = "epcis"
    DCSA = "dcsa"


class Condition(StrEnum):
    """What the receiver said at the door. None of it: nobody noted anything."""

    ACCEPTED = "accepted"
    ACCEPTED_WITH_REMARKS = "accepted_with_remarks"
    REFUSED = "refused"


class ReadingKind(StrEnum):
    TEMPERATURE = "temperature"
    RELATIVE_HUMIDITY = "relative_humidity"


# Once here, only a correction of the event that led here moves a consignment again.
FINAL: Final = frozenset({ConsignmentStatus.DELIVERED, ConsignmentStatus.RETURNED})
ENDED: Final = FINAL | {ConsignmentStatus.LOST}

# Reading kind -> unit (UNECE Recommendation 20) -> the values that a working instrument can show.
READING_RANGES: Final[Mapping[ReadingKind, Mapping[str, tuple[Decimal, Decimal]]]] = {
    ReadingKind.TEMPERATURE: {
        "CEL": (Decimal(-100), Decimal(150)),
        "FAH": (Decimal(-148), Decimal(302)),
        "KEL": (Decimal(173), Decimal(424)),
    },
    ReadingKind.RELATIVE_HUMIDITY: {"P1": (Decimal(0), Decimal(100))},
}


@dataclass(frozen=True, slots=True)
class JourneyPackage:
    """A package as it is handed in. `weight_g` is gross; `co2e_g` None: its making has no sourced figure.

    `sscc` is None until its label is asked for.
    """

    id: str
    type: str
    name: Mapping[str, str]
    units: int
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    own_mass_g: int
    price_minor: int
    co2e_g: int | None
    reusable: bool
    deposit_minor: int | None = None
    return_days: int | None = None
    returned_at: datetime | None = None
    returned_hub: str | None = None
    forfeited_at: datetime | None = None
    sent_back_at: datetime | None = None
    sscc: str | None = None


@dataclass(frozen=True, slots=True)
class JourneyLeg:
    """A ride: run `run_at` of the service, from its stop `board` to its stop `alight`, and what became of it.

    A courier's way to the door is a run of its own. `co2e_g` is the ride, `hub_co2e_g` the handling before it; None is not
    covered by any figure. `sscc` is the unit that the consignment rides in beside others of its order; None: it rides by itself.
    """

    from_hub: str
    to_hub: str
    mode: str
    service_id: str
    run_at: datetime
    board: int
    alight: int
    carrier: str
    departs_at: datetime
    arrives_at: datetime
    distance_m: int
    price_minor: int
    co2e_g: int | None = None
    hub_co2e_g: int | None = None
    sscc: str | None = None
    id: str = field(default_factory=lambda: new_id("leg"))
    status: LegStatus = LegStatus.PLANNED
    departed_at: datetime | None = None
    arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConsignmentDraft:
    """What one producer sends to one buyer, as planned; legs in the order of the journey.

    `hand_in_by` None means by the first departure. `units` names for each leg the unit of its order that it is ridden in, by a
    number; () or None is no unit. `origin` is the county where the goods come from; it, `categories` and `species` are None when
    nobody knows.
    """

    order_id: str
    producer_id: str
    buyer_id: str
    currency: str
    temperature: str
    promised_from: datetime
    promised_by: datetime
    packages: tuple[Package, ...]
    legs: tuple[JourneyLeg, ...]
    hand_in_by: datetime | None = None
    units: tuple[int | None, ...] = ()
    origin: str | None = None
    categories: tuple[str, ...] | None = None
    species: tuple[str, ...] | None = None
    storage: Mapping[str, str] | None = None
    id: str = field(default_factory=lambda: new_id("con"))
    return_id: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """One event as the fold reads it. `key` is the party and the party's own id; `corrects` is a key of the same party.

    Of those with the same key, the one that was declared last counts; when it is `retracted`, none does.

    `condition` is what the receiver said at a delivery; `goes_back`: goods that are refused there are sent back. `refused_lines`: of goods
    that were taken, what was not.
    """

    key: tuple[str, str]
    type: EventType
    occurred_at: datetime
    hub: str | None = None
    estimated_at: datetime | None = None
    corrects: tuple[str, str] | None = None
    condition: Condition | None = None
    goes_back: bool = False
    declared_at: datetime | None = None
    retracted: bool = False
    refused_lines: tuple[str, ...] = ()


class Version(Protocol):
    """An event as it was declared once; those that share a key are one event."""

    @property
    def key(self) -> tuple[str, str]: ...
    @property
    def declared_at(self) -> datetime | None: ...
    @property
    def retracted(self) -> bool | None: ...


class PlannedLeg(Protocol):
    """A leg as the fold reads it: where and when it was planned."""

    @property
    def from_hub(self) -> str: ...
    @property
    def to_hub(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def departs_at(self) -> datetime: ...
    @property
    def arrives_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class LegState:
    """Where a leg stands; the times are what happened, None while nobody has said."""

    status: LegStatus = LegStatus.PLANNED
    departed_at: datetime | None = None
    arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """All that the events of a consignment amount to. `hub` is where it was seen last, `condition` what the receiver said at the door."""

    status: ConsignmentStatus
    legs: tuple[LegState, ...]
    hub: str | None = None
    damaged: bool = False
    estimated_at: datetime | None = None
    last_event_at: datetime | None = None
    ended_at: datetime | None = None
    condition: Condition | None = None
    refused_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Journey:
    """A consignment as it is stored, with its packages and its legs in the order of the journey.

    `origin`, `categories` and `species` are None for consignments from before they were kept. `planned_weight_g`: what it was to weigh,
    once goods of it have been weighed.
    """

    id: str
    order_id: str
    producer_id: str
    buyer_id: str
    tracking_number: str
    currency: str
    temperature: str
    hand_in_by: datetime
    promised_from: datetime
    promised_by: datetime
    created_at: datetime
    cancelled_at: datetime | None
    status: ConsignmentStatus
    hub: str | None
    damaged: bool
    estimated_at: datetime | None
    last_event_at: datetime | None
    ended_at: datetime | None
    packages: tuple[JourneyPackage, ...]
    legs: tuple[JourneyLeg, ...]
    plan_version: int = 1
    replanned_at: datetime | None = None
    replan_reason: Mapping[str, str] | None = None
    stranded_at: datetime | None = None
    extra_carriage_minor: int = 0
    planned_weight_g: int | None = None
    origin: str | None = None
    categories: tuple[str, ...] | None = None
    species: tuple[str, ...] | None = None
    condition: Condition | None = None
    refused_lines: tuple[str, ...] | None = None
    return_id: str | None = None
    storage: Mapping[str, str] | None = None

    def refuses(self, line: str) -> bool:
        """Whether the receiver refused goods of this line at the door: with all the others, or by themselves."""
        return self.refused or line in (self.refused_lines or ())

    @property
    def refused(self) -> bool:
        """Whether the receiver refused it at the door."""
        return self.condition is Condition.REFUSED

    def status_text(self, language: str) -> str:
        """The status in words; a consignment whose order was cancelled stays booked, and says what came then."""
        if self.cancelled_at is None:
            refused = self.refused and self.status is ConsignmentStatus.DELIVERED
            return pick(REFUSED if refused else DISPLAY[self.status], language)
        return pick(CANCELLED if self.status is ConsignmentStatus.BOOKED else TAKEN_OFF, language)

    @property
    def weight_g(self) -> int:
        """Gross, of all packages: as planned, until goods of it have been weighed."""
        return sum(package.weight_g for package in self.packages)

    @property
    def carriage_minor(self) -> int:
        """What the buyer pays for its way: what its legs cost, but for what a changed way costs more or less."""
        return sum(leg.price_minor for leg in self.legs) - self.extra_carriage_minor

    @property
    def state(self) -> State:
        return State(
            status=self.status,
            legs=tuple(LegState(leg.status, leg.departed_at, leg.arrived_at) for leg in self.legs),
            hub=self.hub,
            damaged=self.damaged,
            estimated_at=self.estimated_at,
            last_event_at=self.last_event_at,
            ended_at=self.ended_at,
            condition=self.condition,
            refused_lines=self.refused_lines or (),
        )


@dataclass(frozen=True, slots=True)
class JourneyEvent:
    """An event as it is stored."""

    id: str
    party: str
    party_event_id: str
    fingerprint: str
    type: EventType
    occurred_at: datetime
    hub: str | None
    readings: Sequence[Mapping[str, Any]]
    estimated_at: datetime | None
    corrects: str | None
    note: str | None = None
    condition: Condition | None = None
    goes_back: bool | None = None
    declared_at: datetime | None = None
    retracted: bool | None = None
    refused_lines: tuple[str, ...] | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.party, self.party_event_id

    @property
    def scan(self) -> Scan:
        corrects = None if self.corrects is None else (self.party, self.corrects)
        return Scan(
            self.key,
            self.type,
            self.occurred_at,
            self.hub,
            self.estimated_at,
            corrects,
            self.condition,
            bool(self.goes_back),
            self.declared_at,
            bool(self.retracted),
            self.refused_lines or (),
        )


DISPLAY: Final[Mapping[ConsignmentStatus, Mapping[str, str]]] = {
    ConsignmentStatus.BOOKED: {"en": "Waiting to be handed in", "zh-Hans": "待交寄"},
    ConsignmentStatus.PICKED_UP: {"en": "Picked up", "zh-Hans": "已揽收"},
    ConsignmentStatus.IN_TRANSIT: {"en": "On the way", "zh-Hans": "运输中"},
    ConsignmentStatus.AT_HUB: {"en": "At a hub", "zh-Hans": "已到达中转站"},
    ConsignmentStatus.HELD: {"en": "Held on the way", "zh-Hans": "暂时滞留"},
    ConsignmentStatus.OUT_FOR_DELIVERY: {"en": "Out for delivery", "zh-Hans": "派送中"},
    ConsignmentStatus.DELIVERED: {"en": "Delivered", "zh-Hans": "已签收"},
    ConsignmentStatus.RETURNING: {"en": "On its way back", "zh-Hans": "退回途中"},
    ConsignmentStatus.RETURNED: {"en": "Returned to the sender", "zh-Hans": "已退回寄件方"},
    ConsignmentStatus.LOST: {"en": "Lost", "zh-Hans": "已丢失"},
}
REFUSED: Final = {"en": "Refused at the door", "zh-Hans": "收货时被拒收"}
TAKEN_OFF: Final = {"en": "Handed in, then taken off", "zh-Hans": "已交寄，后取消"}
CANCELLED: Final = {"en": "Booked, then cancelled", "zh-Hans": "已预订，后取消"}
DOOR: Final = {"en": "the door", "zh-Hans": "收货地址"}
LEG_DISPLAY: Final[Mapping[LegStatus, Mapping[str, str]]] = {
    LegStatus.PLANNED: {"en": "Planned", "zh-Hans": "计划中"},
    LegStatus.UNDER_WAY: {"en": "Under way", "zh-Hans": "行驶中"},
    LegStatus.DONE: {"en": "Done", "zh-Hans": "已完成"},
}
MODE_DISPLAY: Final[Mapping[Mode, Mapping[str, str]]] = {
    Mode.ROAD: {"en": "Truck", "zh-Hans": "公路"},
    Mode.RAIL: {"en": "Rail", "zh-Hans": "铁路"},
    Mode.AIR: {"en": "Air", "zh-Hans": "航空"},
    Mode.WATER: {"en": "Ship", "zh-Hans": "水运"},
    Mode.BUS: {"en": "Bus", "zh-Hans": "客运班车"},
    Mode.COURIER: {"en": "Courier", "zh-Hans": "快递员"},
}
EVENT_DISPLAY: Final[Mapping[EventType, Mapping[str, str]]] = {
    EventType.PICKED_UP: {"en": "Picked up", "zh-Hans": "已揽收"},
    EventType.RECEIVED: {"en": "Received at the hub", "zh-Hans": "站点已收货"},
    EventType.DEPARTED: {"en": "Departed", "zh-Hans": "已发出"},
    EventType.ARRIVED: {"en": "Arrived", "zh-Hans": "已到达"},
    EventType.LOADED: {"en": "Loaded", "zh-Hans": "已装车"},
    EventType.UNLOADED: {"en": "Unloaded", "zh-Hans": "已卸车"},
    EventType.HELD: {"en": "Held", "zh-Hans": "滞留"},
    EventType.CUSTOMS_SUBMITTED: {"en": "Declared to customs", "zh-Hans": "已申报海关"},
    EventType.CUSTOMS_RELEASED: {"en": "Released by customs", "zh-Hans": "海关已放行"},
    EventType.OUT_FOR_DELIVERY: {"en": "Out for delivery", "zh-Hans": "派送中"},
    EventType.DELIVERY_ATTEMPTED: {"en": "Delivery was tried", "zh-Hans": "派送未成功"},
    EventType.DELIVERED: {"en": "Delivered", "zh-Hans": "已签收"},
    EventType.RETURNED: {"en": "Sent back", "zh-Hans": "退回"},
    EventType.DAMAGED: {"en": "Damage was reported", "zh-Hans": "发现破损"},
    EventType.LOST: {"en": "Reported lost", "zh-Hans": "报告丢失"},
    EventType.ESTIMATED: {"en": "New estimate", "zh-Hans": "更新预计到达时间"},
    EventType.OBSERVED: {"en": "Seen", "zh-Hans": "状态上报"},
    EventType.CORRECTED: {"en": "An earlier report was withdrawn", "zh-Hans": "撤回先前的报告"},
}
