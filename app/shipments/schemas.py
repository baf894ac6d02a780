"""Shapes of shipments: what partners tell, what anyone may see of a journey, and what producers hand in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from app.core.ids import pattern
from app.core.limits import ORDER_LINES_MAX, READINGS_PER_EVENT_MAX, TRACKING_EVENTS_PER_BATCH_MAX
from app.core.money import Money
from app.core.schema import Shape, Time
from app.core.text import LocalText, PlainText
from app.network.values import CODE_PATTERN, Mode
from app.orders.schemas import Co2eShape, LegShape, PackageShape
from app.shipments.cold_schemas import BETWEEN, ColdChainShape
from app.shipments.notice_schemas import TrackedRecall
from app.shipments.values import (
    EVENT_ID_LENGTH_MAX,
    NOTE_LENGTH_MAX,
    READING_RANGES,
    Condition,
    ConsignmentStatus,
    EventType,
    Journey,
    JourneyLeg,
    LegStatus,
    ReadingKind,
)

LINE_ID: Final = pattern("lin")
CONSIGNMENT_ID: Final = "^con_[0-7][0-9a-hjkmnp-tv-z]{25}$"
_EVENT: Final = {
    "id": "KL-2026-000123",
    "tracking_number": "CM3141592653589",
    "type": "arrived",
    "occurred_at": "2026-03-02T14:20:00Z",
    "hub": "URUMQI",
    "readings": [{"kind": "temperature", "value": "4.1", "unit": "CEL", "at": "2026-03-02T14:00:00Z"}],
}
_LEG: Final = {
    "from": "HOTAN",
    "to": "URUMQI",
    "mode": "road",
    "service": "ROAD-HOTAN-URUMQI",
    "carrier": "KUNLUN",
    "departs_at": "2026-03-01T12:00:00Z",
    "arrives_at": "2026-03-02T14:30:00Z",
    "distance_m": 1480000,
    "price": {"amount": 640, "currency": "CNY"},
    "co2e_g": 703,
    "run_at": "2026-03-01T12:00:00Z",
    "board": 0,
    "alight": 1,
    "status": "done",
    "departed_at": "2026-03-01T12:10:00Z",
    "arrived_at": "2026-03-02T14:20:00Z",
}
_PACKAGE: Final = {
    "type": "carton-m",
    "name": {"zh-Hans": "中号纸箱", "en": "Medium carton"},
    "count": 1,
    "units": 3,
    "weight_g": 16100,
    "own_mass_g": 580,
    "length_mm": 600,
    "width_mm": 400,
    "height_mm": 300,
    "price": {"amount": 350, "currency": "CNY"},
    "co2e_g": 720,
    "reusable": False,
}
_CO2E: Final = {
    "transport": 703,
    "hubs": None,
    "packaging": 720,
    "total": 1423,
    "covers": ["transport", "packaging"],
    "missing": ["hubs"],
}
TRACKING_EXAMPLE: Final[dict[str, Any]] = {
    "tracking_number": "CM3141592653589",
    "status": "at_hub",
    "status_text": "At a hub",
    "hub": "URUMQI",
    "hub_name": "Urumqi",
    "damaged": False,
    "promised_from": "2026-03-02T14:30:00Z",
    "promised_by": "2026-03-02T20:30:00Z",
    "estimated_at": "2026-03-02T14:30:00Z",
    "ended_at": None,
    "cancelled_at": None,
    "replanned_at": None,
    "replan_reason_text": None,
    "promised_by_at_first": None,
    "stranded_at": None,
    "temperature": "ambient",
    "packages": 1,
    "weight_g": 16100,
    "co2e_g": _CO2E,
    "legs": [
        {
            "from": "HOTAN",
            "from_name": "Hotan",
            "to": "URUMQI",
            "to_name": "Urumqi",
            "mode": "road",
            "mode_text": "Truck",
            "carrier": "KUNLUN",
            "status": "done",
            "status_text": "Done",
            "departs_at": "2026-03-01T12:00:00Z",
            "arrives_at": "2026-03-02T14:30:00Z",
            "departed_at": "2026-03-01T12:10:00Z",
            "arrived_at": "2026-03-02T14:20:00Z",
            "distance_m": 1480000,
            "co2e_g": 703,
        }
    ],
    "events": [
        {
            "type": "arrived",
            "type_text": "Arrived",
            "occurred_at": "2026-03-02T14:20:00Z",
            "hub": "URUMQI",
            "hub_name": "Urumqi",
            "estimated_at": None,
            "readings": [{"kind": "temperature", "value": "4.1", "unit": "CEL", "at": "2026-03-02T14:00:00Z"}],
        }
    ],
}
_CONSIGNMENT: Final = {
    "id": "con_01jd0000000000000000000000",
    "order": "ord_01jd0000000000000000000000",
    "producer": "prd_01jd0000000000000000000000",
    "tracking_number": "CM3141592653589",
    "status": "delivered",
    "status_text": "Delivered",
    "hub": "URUMQI",
    "damaged": False,
    "temperature": "ambient",
    "hand_in_by": "2026-03-01T11:00:00Z",
    "hand_in_hub": "HOTAN",
    "promised_from": "2026-03-02T14:30:00Z",
    "promised_by": "2026-03-02T20:30:00Z",
    "estimated_at": None,
    "ended_at": "2026-03-02T16:05:00Z",
    "cancelled_at": None,
    "plan_version": 1,
    "replanned_at": None,
    "replan_reason": None,
    "stranded_at": None,
    "weight_g": 16100,
    "packages": [_PACKAGE],
    "legs": [_LEG],
}


def _example(value: Mapping[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, populate_by_name=True, json_schema_extra={"examples": [dict(value)]})


_EVENT_ID: Final = re.compile(f"[!-~]{{1,{EVENT_ID_LENGTH_MAX}}}")
EventId = Annotated[str, Field(pattern="^[!-~]+$", max_length=EVENT_ID_LENGTH_MAX, examples=["KL-2026-000123"])]


class Position(Shape):
    """WGS 84 degrees."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, examples=[43.8])]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, examples=[87.6])]


class Reading(Shape):
    """What an instrument showed; units are codes of UNECE Recommendation 20."""

    kind: ReadingKind
    value: Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?$", examples=["4.1"])]
    unit: Annotated[str, Field(pattern="^[A-Z0-9]{2,3}$", examples=["CEL"])]
    at: Time

    @model_validator(mode="after")
    def _possible(self) -> Self:
        units = READING_RANGES[self.kind]
        if self.unit not in units:
            raise ValueError(f"A {self.kind.value} is given in {' or '.join(units)}")
        least, most = units[self.unit]
        if not least <= Decimal(self.value) <= most:
            raise ValueError(f"A {self.kind.value} in {self.unit} lies between {least} and {most}")
        return self


class TrackingEventRequest(Shape):
    """One thing that happened. `id` is the partner's own, and sending it again changes nothing.

    `corrects` names an earlier event of yours, for the same consignment, that this one replaces; an event of type
    `corrected` only withdraws it. `estimated_at` goes with the type `estimated`: the arrival you now expect, at `hub` or else
    at the end of the journey. `condition` goes with the type `delivered`: what the receiver said at the door, in the words of `note`
    unless all was well. Who takes a consignment but for some lines names them in `refused_lines`.
    """

    model_config: ClassVar[ConfigDict] = _example(_EVENT)

    id: EventId
    tracking_number: Annotated[str, Field(pattern=r"^[A-Za-z0-9 -]{1,40}$", examples=["CM3141592653589"])]
    type: EventType
    occurred_at: Time
    hub: Annotated[str, Field(pattern=CODE_PATTERN, examples=["URUMQI"])] | None = None
    position: Position | None = None
    readings: Annotated[list[Reading], Field(max_length=READINGS_PER_EVENT_MAX)] = []
    note: Annotated[PlainText, Field(max_length=NOTE_LENGTH_MAX)] | None = None
    corrects: EventId | None = None
    estimated_at: Time | None = None
    # Left out of what tells one event from another where it is not given: those from before it was known stay the same.
    condition: Annotated[
        Condition | None,
        Field(
            exclude_if=lambda given: given is None,
            description="What the receiver said: anything but `accepted` opens a claim where the policy of the goods has one for the hand-over",
        ),
    ] = None

    refused_lines: Annotated[
        list[Annotated[str, Field(pattern=LINE_ID, examples=["lin_01jd0000000000000000000000"])]],
        Field(
            max_length=ORDER_LINES_MAX,
            exclude_if=lambda given: not given,
            description="With `accepted_with_remarks`: the lines that the receiver refused, out of a consignment that was taken",
        ),
    ] = []

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.type is EventType.CORRECTED and self.corrects is None:
            raise ValueError("A `corrected` event names in `corrects` the id of the event that it withdraws")
        if self.corrects == self.id:
            raise ValueError("An event cannot correct itself: it needs an id of its own")
        if self.estimated_at is not None and self.type is not EventType.ESTIMATED:
            raise ValueError("Only an `estimated` event has `estimated_at`")
        if self.condition is not None and self.type is not EventType.DELIVERED:
            raise ValueError("Only a `delivered` event has a `condition`")
        if self.condition in (Condition.ACCEPTED_WITH_REMARKS, Condition.REFUSED) and not (self.note or "").strip():
            raise ValueError("A remark or a refusal says in `note` what the receiver said")
        if self.refused_lines and self.condition is not Condition.ACCEPTED_WITH_REMARKS:
            raise ValueError(
                "`refused_lines` go with `accepted_with_remarks`; a consignment that is refused whole is `refused`"
            )
        if len(set(self.refused_lines)) < len(self.refused_lines):
            raise ValueError("`refused_lines` names each line once")
        return self


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that is not one: its id when it has a proper one, and pydantic's faults."""

    id: str | None
    faults: Sequence[Any]


def _each_by_itself(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """One event at a time, so that a bad one is refused in `results` and never spoils the batch."""
    try:
        return read(value)
    except ValidationError as refused:
        given = value.get("id") if isinstance(value, dict) else None
        proper = isinstance(given, str) and _EVENT_ID.fullmatch(given)
        return Unreadable(given if proper else None, refused.errors(include_url=False, include_context=True))


class TrackingEventsRequest(Shape):
    model_config: ClassVar[ConfigDict] = _example({"events": [_EVENT]})

    events: Annotated[
        list[
            Annotated[
                Annotated[TrackingEventRequest, WrapValidator(_each_by_itself)] | Any,
                # Documented as an event, or anything else: the latter never gets past the first member.
                Field(union_mode="left_to_right"),
            ]
        ],
        Field(min_length=1, max_length=TRACKING_EVENTS_PER_BATCH_MAX),
    ]


class TrackedLeg(Shape):
    """A ride as anyone may see it: planned times, and what happened (null while nobody has said)."""

    model_config: ClassVar[ConfigDict] = _example(TRACKING_EXAMPLE["legs"][0])

    from_: Annotated[str, Field(alias="from")]
    from_name: str
    to: str
    to_name: str
    mode: Mode
    mode_text: str
    carrier: str
    status: LegStatus
    status_text: str
    departs_at: Time
    arrives_at: Time
    departed_at: Time | None
    arrived_at: Time | None
    distance_m: int
    co2e_g: int | None
    sscc: Annotated[
        str | None, Field(description="The GS1 number of the unit in which it rides beside others of the same order")
    ] = None


class TrackedEvent(Shape):
    """What was reported, and still stands: no person, no address, no free text."""

    type: EventType
    type_text: str
    occurred_at: Time
    hub: str | None
    hub_name: str | None
    estimated_at: Time | None
    readings: list[Reading]


class Tracking(Shape):
    """The public journey of one consignment. `ended_at` is when it was delivered, returned or lost.

    When a disruption changed its way, `replanned_at` and `replan_reason_text` say so, and `promised_by_at_first` what was promised
    before; while it has no way on, `stranded_at` does, and nothing is estimated.
    """

    model_config: ClassVar[ConfigDict] = _example(TRACKING_EXAMPLE)

    tracking_number: str
    status: ConsignmentStatus
    status_text: str
    hub: str | None
    hub_name: str | None
    damaged: bool
    promised_from: Time
    promised_by: Time
    estimated_at: Time | None
    estimated_from: Annotated[Time | None, Field(description=BETWEEN)] = None
    estimated_to: Annotated[Time | None, Field(description=BETWEEN)] = None
    ended_at: Time | None
    cancelled_at: Annotated[
        Time | None,
        Field(
            description="When its order was cancelled before the hand-in (`status` stays `booked` then), or its goods were taken off"
        ),
    ]
    replanned_at: Time | None
    replan_reason_text: str | None
    promised_by_at_first: Time | None
    stranded_at: Time | None
    temperature: str
    packages: int
    weight_g: int
    co2e_g: Co2eShape
    legs: list[TrackedLeg]
    events: list[TrackedEvent]
    recalls: list[TrackedRecall] = []
    cold_chain: Annotated[ColdChainShape | None, Field(description="What instruments told; null while none did")] = None


class ConsignmentLegShape(LegShape):
    """A booked ride and what became of it."""

    model_config: ClassVar[ConfigDict] = _example(_LEG)

    status: LegStatus
    departed_at: Time | None
    arrived_at: Time | None


class ConsignmentShape(Shape):
    """What one producer hands in for one order: the packages, by when and where, and the way they go.

    `plan_version` goes up whenever a disruption changes the way or its times, or a weigh-in the weight.
    """

    model_config: ClassVar[ConfigDict] = _example(_CONSIGNMENT)

    id: str
    order: str
    producer: str
    tracking_number: str
    status: ConsignmentStatus
    status_text: str
    hub: str | None
    damaged: bool
    condition: Annotated[Condition | None, Field(description="What the receiver said at the door")] = None
    refused_lines: Annotated[list[str], Field(description="What was refused of a consignment that was taken")] = []
    temperature: str
    hand_in_by: Time
    hand_in_hub: str | None
    promised_from: Time
    promised_by: Time
    estimated_at: Time | None
    ended_at: Time | None
    cancelled_at: Annotated[
        Time | None,
        Field(
            description="When its order was cancelled before the hand-in (`status` stays `booked` then), or its goods were taken off"
        ),
    ]
    plan_version: int
    replanned_at: Time | None
    replan_reason: LocalText | None
    stranded_at: Time | None
    weight_g: Annotated[int, Field(description="Gross, of all packages: as planned, or as weighed")]
    planned_weight_g: Annotated[
        int | None, Field(description="What it was to weigh, once goods of it have been weighed")
    ] = None
    packages: list[PackageShape]
    legs: list[ConsignmentLegShape]


def consignment_shape(journey: Journey, language: str) -> ConsignmentShape:
    """A consignment as its people see it. Pure."""
    same = ("id", "tracking_number", "status", "hub", "damaged", "condition", "temperature", "hand_in_by")
    also = ("promised_from", "promised_by", "ended_at", "cancelled_at", "plan_version", "replanned_at", "stranded_at")
    return ConsignmentShape(
        **{name: getattr(journey, name) for name in (*same, *also)},
        estimated_at=None if journey.stranded_at else journey.estimated_at,
        replan_reason=dict(journey.replan_reason) if journey.replan_reason else None,
        refused_lines=list(journey.refused_lines or ()),
        order=journey.order_id,
        producer=journey.producer_id,
        status_text=journey.status_text(language),
        hand_in_hub=journey.legs[0].from_hub if journey.legs else None,
        weight_g=journey.weight_g,
        planned_weight_g=journey.planned_weight_g,
        packages=package_shapes(journey),
        legs=[_leg_shape(leg, journey.currency) for leg in journey.legs],
    )


def package_shapes(journey: Journey) -> list[PackageShape]:
    """The packages of a consignment, those of exactly one kind together."""
    figures = ("type", "units", "weight_g", "own_mass_g", "length_mm", "width_mm", "height_mm", "co2e_g", "reusable")
    shapes = [
        PackageShape(
            **{name: getattr(package, name) for name in figures},
            count=1,
            name=dict(package.name),
            price=Money(package.price_minor, journey.currency),
            deposit=Money(package.deposit_minor, journey.currency) if package.deposit_minor else None,
            return_days=package.return_days,
        )
        for package in journey.packages
    ]
    alike: dict[str, tuple[PackageShape, list[str]]] = {}
    for shape, package in zip(shapes, journey.packages, strict=True):
        alike.setdefault(shape.model_dump_json(), (shape, []))[1].append(package.id)
    return [
        shape.model_copy(update={"count": len(ids), "ids": ids if shape.deposit else []})
        for shape, ids in alike.values()
    ]


def _leg_shape(leg: JourneyLeg, currency: str) -> ConsignmentLegShape:
    same = (
        "mode",
        "carrier",
        "departs_at",
        "arrives_at",
        "distance_m",
        "co2e_g",
        "sscc",
        "status",
        "departed_at",
        "arrived_at",
    )
    run = ("run_at", "board", "alight") if leg.mode != Mode.COURIER else ()
    return ConsignmentLegShape(
        **{name: getattr(leg, name) for name in (*same, *run)},
        from_=leg.from_hub,
        to=leg.to_hub,
        service=leg.service_id,
        price=Money(leg.price_minor, currency),
    )
