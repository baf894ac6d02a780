"""Requests and answers of the network. A request's shape is the command given to the verb."""

from datetime import date
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from app.core.ids import pattern
from app.core.limits import LENGTH_MM_MAX, SERVICE_STOPS_MAX, TITLE_LENGTH_MAX, WEIGHT_G_MAX
from app.core.schema import Shape, Time
from app.core.text import LocalText, NamedText, PlainText, Tag
from app.network.values import (
    CHILLED_SLOTS_MAX,
    CODE_PATTERN,
    COUNTY_PATTERN,
    CUTOFF_MAX,
    DELAY_MAX,
    DEPARTURES_PER_DAY_MAX,
    DISTANCE_M_MAX,
    LIVE_PLACES_MAX,
    MILLIMINOR_MAX,
    PATTERNS_MAX,
    PRICE_MINOR_MAX,
    RUN_LENGTH_MAX,
    VOLUME_MM3_MAX,
    BookingState,
    DisruptionKind,
    HubKind,
    Mode,
    ServiceStatus,
    Temperature,
    Vehicle,
)

_STOPS: Final = [
    {"hub": "HOTAN", "arrive_offset_s": 0, "depart_offset_s": 0, "distance_m": 0},
    {"hub": "KUQA", "arrive_offset_s": 50760, "depart_offset_s": 52560, "distance_m": 636000},
    {"hub": "URUMQI", "arrive_offset_s": 96000, "depart_offset_s": 96000, "distance_m": 1380000},
]
_TERMS: Final[dict[str, Any]] = {
    "name": {"zh-Hans": "冷链班车 和田—乌鲁木齐", "en": "Refrigerated truck Hotan – Urumqi"},
    "mode": "road",
    "vehicle": "truck",
    "stops": _STOPS,
    "weekdays": [0, 2, 4],
    "departs_s": [43200],
    "cutoff_s": 3600,
    "temperatures": ["chilled", "frozen"],
    "tariff": {
        "currency": "CNY",
        "base_minor": 400,
        "milliminor_per_kg": 0,
        "milliminor_per_tkm": 75000,
        "minimum_minor": 0,
    },
    "capacity": {"weight_g": 15000000, "volume_mm3": 52000000000, "live_places": 0},
}
_SERVICE: Final = _TERMS | {
    "id": "TARIM-HOTAN-URUMQI",
    "carrier": "TARIM-COLD",
    "on_demand": False,
    "valid_from": None,
    "valid_until": None,
    "more_departures": [],
    "timetable_of": None,
    "feed": None,
    "closed_months": [],
    "piece_weight_g_max": None,
    "piece_length_mm_max": None,
    "status": "active",
    "status_name": "Running",
    "version": 1,
    "created_at": "2026-03-01T08:00:00Z",
    "updated_at": "2026-03-01T08:00:00Z",
}
_HUB: Final = {
    "code": "HOTAN",
    "name": {"zh-Hans": "和田", "en": "Hotan"},
    "kind": "city",
    "kind_name": "City",
    "position": {"lat": 37.10927, "lon": 79.93433},
    "county": "653201",
    "dwell_s": 10800,
    "handling": {"currency": "CNY", "base_minor": 20, "milliminor_per_kg": 4000},
    "opening": [{"from_s": 3600, "until_s": 36000}, {"from_s": 90000, "until_s": 122400}],
    "can_rest": True,
    "is_cooled": True,
    "distance_m": 8400,
}
_DISRUPTION: Final = {
    "id": "dis_01jd0000000000000000000000",
    "kind": "close",
    "service": "RAILB-HOTAN-KASHGAR",
    "hub": None,
    "to_hub": None,
    "run_at": None,
    "delay_s": None,
    "capacity": None,
    "from": "2026-03-05T00:00:00Z",
    "until": "2026-03-07T00:00:00Z",
    "reason": {"zh-Hans": "沙尘暴封路", "en": "Road closed by a sandstorm"},
    "created_at": "2026-03-04T18:00:00Z",
    "lifted_at": None,
}
_BOOKING: Final = {
    "id": "bkg_01jd0000000000000000000000",
    "consignment": "con_01jd0000000000000000000000",
    "tracking_number": "CM3141592653589",
    "leg": "leg_01jd0000000000000000000000",
    "service": "TARIM-HOTAN-URUMQI",
    "carrier": "TARIM-COLD",
    "run_at": "2026-03-04T12:00:00Z",
    "from": "HOTAN",
    "to": "URUMQI",
    "departs_at": "2026-03-04T12:00:00Z",
    "arrives_at": "2026-03-05T14:40:00Z",
    "weight_g": 16100,
    "volume_mm3": 72000000,
    "live_places": 0,
    "chilled_slots": 1,
    "state": "booked",
    "state_name": "Booked",
}


def example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        json_schema_extra={"examples": [value]},
    )


Code = Annotated[str, Field(pattern=CODE_PATTERN, examples=["HOTAN"])]
ServiceId = Annotated[str, Field(pattern=CODE_PATTERN, examples=["TARIM-HOTAN-URUMQI"])]
DisruptionId = Annotated[str, Field(pattern=pattern("dis"), examples=["dis_01jd0000000000000000000000"])]
County = Annotated[str, Field(pattern=COUNTY_PATTERN, description="County: six-digit adcode", examples=["653201"])]
Near = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]{1,2}(\.[0-9]{1,8})?,-?[0-9]{1,3}(\.[0-9]{1,8})?$",
        description="A position, `lat,lon` in degrees (WGS-84)",
        examples=["37.1,79.9"],
    ),
]
ServiceName = Annotated[dict[Tag, Annotated[PlainText, Field(max_length=TITLE_LENGTH_MAX)]], Field(min_length=1)]
Second = Annotated[int, Field(ge=0, le=int(RUN_LENGTH_MAX.total_seconds()))]
Milliminor = Annotated[int, Field(ge=0, le=MILLIMINOR_MAX)]
PriceMinor = Annotated[int, Field(ge=0, le=PRICE_MINOR_MAX)]
Weekdays = Annotated[
    list[Annotated[int, Field(ge=0, le=6)]], Field(max_length=7, description="0 is Monday, in UTC", examples=[[0, 2]])
]
Departures = Annotated[
    list[Annotated[int, Field(ge=0, lt=86_400)]],
    Field(max_length=DEPARTURES_PER_DAY_MAX, description="Seconds of the UTC day at which runs start"),
]
Months = Annotated[
    list[Annotated[int, Field(ge=1, le=12)]], Field(max_length=11, description="Months without any run, every year")
]
Cutoff = Annotated[int, Field(ge=0, le=int(CUTOFF_MAX.total_seconds()), description="Goods are ready so long before")]
PieceWeight = Annotated[int, Field(ge=1, le=WEIGHT_G_MAX, description="No piece is heavier; null is no limit")]
PieceLength = Annotated[int, Field(ge=1, le=LENGTH_MM_MAX, description="No piece is longer; null is no limit")]
_DELAY_S_MAX: Final = int(DELAY_MAX.total_seconds())
_LESS_LATE: Final = "Below zero: a run that was put off is less late than was said last"
Delay = Annotated[int, Field(ge=-_DELAY_S_MAX, le=_DELAY_S_MAX, description=_LESS_LATE)]
Temperatures = Annotated[list[Temperature], Field(min_length=1, max_length=len(Temperature))]


class Position(Shape):
    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class HandlingShape(Shape):
    """What one transfer at a hub costs: a part for each consignment and a part by weight (thousandths of a fen a kg)."""

    currency: str
    base_minor: int
    milliminor_per_kg: int


class OpeningShape(Shape):
    """A period of every week, in seconds from Monday midnight, UTC; it ends before `until_s`, which may lie in the next week."""

    from_s: int
    until_s: int


class HubShape(Shape):
    """A place where goods change hands. `county` is null abroad; `distance_m` comes with `near`.

    It takes goods in while it is open (`opening`; an empty list is always). Animals may be rested where `can_rest`; goods
    wait in the cold where `is_cooled`.
    """

    model_config: ClassVar[ConfigDict] = example(_HUB)

    code: str
    name: LocalText
    kind: HubKind
    kind_name: str
    position: Position
    county: str | None
    dwell_s: int
    handling: HandlingShape
    opening: list[OpeningShape]
    can_rest: bool
    is_cooled: bool
    distance_m: int | None = None


class StopShape(Shape):
    """A call: seconds after the start of the run, metres from the first stop."""

    hub: Code
    arrive_offset_s: Second
    depart_offset_s: Second
    distance_m: Annotated[int, Field(ge=0, le=DISTANCE_M_MAX)]


class TariffShape(Shape):
    """A ride costs `max(minimum, base + per kg + per tonne-km)`; the latter two in thousandths of a minor unit.

    `toll_milliminor_per_tkm` is what of the part per tonne-km is toll. Goods of the green channel (fresh produce, live
    animals) do not pay it when they fill four fifths of a vehicle on demand.
    """

    currency: Literal["CNY"]
    base_minor: PriceMinor = 0
    milliminor_per_kg: Milliminor = 0
    milliminor_per_tkm: Milliminor = 0
    minimum_minor: PriceMinor = 0
    toll_milliminor_per_tkm: Milliminor = 0


class CapacityShape(Shape):
    """What one run carries at most on each stretch between two stops.

    A chilled slot is room for an insulated box of 100 litres; null: all its room may be cold.
    """

    weight_g: Annotated[int, Field(ge=1, le=10 * WEIGHT_G_MAX)]
    volume_mm3: Annotated[int, Field(ge=1, le=VOLUME_MM3_MAX)]
    live_places: Annotated[int, Field(ge=0, le=LIVE_PLACES_MAX)] = 0
    chilled_slots: Annotated[int, Field(ge=0, le=CHILLED_SLOTS_MAX)] | None = None


class DeparturesShape(Shape):
    """A weekly pattern: runs start on these weekdays at these seconds of the UTC day, between two dates, both included."""

    weekdays: Annotated[Weekdays, Field(min_length=1)]
    departs_s: Annotated[Departures, Field(min_length=1)]
    valid_from: date | None = None
    valid_until: date | None = None


MoreDepartures = Annotated[
    list[DeparturesShape],
    Field(max_length=PATTERNS_MAX - 1, description="Further weekly patterns: it runs by each of them"),
]


class NewService(Shape):
    """A line: by weekly timetable (`weekdays` and `departs_s`) or `on_demand`. An operator names the carrier."""

    model_config: ClassVar[ConfigDict] = example({"id": "TARIM-HOTAN-URUMQI"} | _TERMS)

    id: ServiceId | None = None
    carrier: Code | None = None
    name: ServiceName
    mode: Mode
    vehicle: Annotated[Vehicle, Field(description="For CO2e; without it the usual one of the mode")] | None = None
    stops: Annotated[list[StopShape], Field(min_length=2, max_length=SERVICE_STOPS_MAX)]
    on_demand: bool = False
    weekdays: Weekdays = []
    departs_s: Departures = []
    valid_from: date | None = None
    valid_until: date | None = None
    more_departures: MoreDepartures = []
    closed_months: Months = []
    cutoff_s: Cutoff = 0
    temperatures: Temperatures
    tariff: TariffShape
    capacity: CapacityShape
    piece_weight_g_max: PieceWeight | None = None
    piece_length_mm_max: PieceLength | None = None
    status: Literal[ServiceStatus.ACTIVE, ServiceStatus.PLANNED] = ServiceStatus.ACTIVE


class ServiceChange(Shape):
    """What is left out stays as it is; null ends a date or a limit of pieces. The stops of a service never change: withdraw it and make another."""

    model_config: ClassVar[ConfigDict] = example({"weekdays": [1, 3, 5], "status": "active"})

    name: ServiceName | None = None
    weekdays: Weekdays | None = None
    departs_s: Departures | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    more_departures: MoreDepartures | None = None
    closed_months: Months | None = None
    cutoff_s: Cutoff | None = None
    temperatures: Temperatures | None = None
    tariff: TariffShape | None = None
    capacity: CapacityShape | None = None
    piece_weight_g_max: PieceWeight | None = None
    piece_length_mm_max: PieceLength | None = None
    status: ServiceStatus | None = None


class FillRebateShape(Shape):
    """From this fill on (per cent of the capacity in weight, at the emptiest stretch of a ride), so many per cent off its base."""

    from_fill_pct: int
    rebate_pct: int


class SharingShape(Shape):
    """How goods of different orders share a departure's fixed cost: what a quote takes off the tariff's base, by fill."""

    rule: str
    steps: list[FillRebateShape]


class ServiceShape(Shape):
    """`timetable_of`: the service that this one is another timetable of; `feed`: the import that made it and keeps it."""

    model_config: ClassVar[ConfigDict] = example(_SERVICE)

    id: str
    carrier: str
    name: LocalText
    mode: Mode
    vehicle: Vehicle
    stops: list[StopShape]
    on_demand: bool
    weekdays: list[int]
    departs_s: list[int]
    valid_from: date | None
    valid_until: date | None
    more_departures: list[DeparturesShape]
    timetable_of: str | None
    feed: str | None
    closed_months: list[int]
    cutoff_s: int
    temperatures: list[Temperature]
    tariff: TariffShape
    sharing: SharingShape | None = None
    capacity: CapacityShape
    piece_weight_g_max: int | None
    piece_length_mm_max: int | None
    status: ServiceStatus
    status_name: str
    version: int
    created_at: Time
    updated_at: Time


class CutShape(Shape):
    """What a run carries at most on each stretch for now; what is left out stays as it is."""

    weight_g: Annotated[int, Field(ge=0, le=10 * WEIGHT_G_MAX)] | None = None
    volume_mm3: Annotated[int, Field(ge=0, le=VOLUME_MM3_MAX)] | None = None
    live_places: Annotated[int, Field(ge=0, le=LIVE_PLACES_MAX)] | None = None
    chilled_slots: (
        Annotated[
            int,
            Field(
                ge=0,
                le=CHILLED_SLOTS_MAX,
                description="Insulated boxes of 100 litres; bounds a service that carries cold without a bound, too",
            ),
        ]
        | None
    ) = None


class NewDisruption(Shape):
    """What is not as usual; `kind` says what the rest means. Nothing is closed without an end: at most a year at a time.

    `close`: a `service`, a `hub` (a border post too), or the link between `hub` and `to_hub`, from `from` until before `until`.
    `cancel`, `delay` (by `delay_s`), `extra`: one run of a `service`, which starts at `run_at` as its timetable stands now.
    `capacity`: a `service` carries no more than `capacity`, on the run that starts at `run_at`, or on all from `from` until before `until`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        json_schema_extra={
            "examples": [
                {
                    "service": "RAILB-HOTAN-KASHGAR",
                    "from": "2036-03-05T00:00:00Z",
                    "until": "2036-03-07T00:00:00Z",
                    "reason": {"zh-Hans": "沙尘暴封路", "en": "Line closed by a sandstorm"},
                },
                {
                    "kind": "delay",
                    "service": "RAILB-HOTAN-KASHGAR",
                    "run_at": "2036-03-04T21:00:00Z",
                    "delay_s": 14400,
                    "reason": {"zh-Hans": "机车故障", "en": "The engine broke down"},
                },
            ]
        },
    )

    id: DisruptionId | None = None
    kind: DisruptionKind = DisruptionKind.CLOSE
    service: ServiceId | None = None
    hub: Code | None = None
    to_hub: Annotated[Code, Field(description="With `hub`, the other end of a link; both directions")] | None = None
    run_at: Annotated[Time, Field(description="When the run starts at its first stop")] | None = None
    delay_s: Delay | None = None
    capacity: CutShape | None = None
    from_: Annotated[Time | None, Field(alias="from")] = None
    until: Annotated[Time | None, Field(description="Needed with `from`, unless `run_at` names one run")] = None
    reason: NamedText


class DisruptionShape(Shape):
    """For what is about one run, `from` and `until` are the second of its start.

    `lifted_at`: its end was brought forward then. When `until` is `from` it never was; of a delay, these are the second to which the
    run had been put off.
    """

    model_config: ClassVar[ConfigDict] = example(_DISRUPTION)

    id: str
    kind: DisruptionKind
    service: str | None
    hub: str | None
    to_hub: str | None
    run_at: Time | None
    delay_s: int | None
    capacity: CutShape | None
    from_: Annotated[Time, Field(alias="from")]
    until: Time
    reason: LocalText
    created_at: Time
    lifted_at: Time | None


class LiftDisruption(Shape):
    """Without `until`, a disruption ends at once."""

    model_config: ClassVar[ConfigDict] = example({"until": "2026-03-06T00:00:00Z"})

    until: Annotated[Time | None, Field(description="An end before its end, of what has one")] = None


class BookingShape(Shape):
    """A consignment's place on a run: from and to are hubs, `run_at` is when the run starts at its first stop."""

    model_config: ClassVar[ConfigDict] = example(_BOOKING)

    id: str
    consignment: str
    tracking_number: Annotated[str | None, Field(description="What to report its events under")] = None
    leg: str
    service: str
    carrier: str
    run_at: Time
    from_: Annotated[str, Field(alias="from")]
    to: str
    departs_at: Time
    arrives_at: Time
    weight_g: int
    volume_mm3: int
    live_places: int
    chilled_slots: int
    state: BookingState
    state_name: str
