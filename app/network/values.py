"""The words of the network: hubs, services, departures with capacity, bookings, disruptions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from app.core.ids import new_id
from app.routing import Capacity, Stop, Tariff, Weekly

CURRENCY: Final = "CNY"
CODE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{1,39}$"
COUNTY_PATTERN: Final = r"^[1-9][0-9]{5}$"
RUN_LENGTH_MAX: Final = timedelta(days=21)
DEPARTURES_PER_DAY_MAX: Final = 48
PATTERNS_MAX: Final = 200
TIMETABLES_MAX: Final = 50
CUTOFF_MAX: Final = timedelta(days=7)
CLOSURES_READ_MAX: Final = 10_000
WANTS_MAX: Final = 400
MISMATCHES_MAX: Final = 100
HUBS_READ_MAX: Final = 5_000
MILLIMINOR_MAX: Final = 10**9
PRICE_MINOR_MAX: Final = 10**9
VOLUME_MM3_MAX: Final = 10**15
LIVE_PLACES_MAX: Final = 100_000
CHILLED_SLOTS_MAX: Final = 1_000_000
DISRUPTION_MAX: Final = timedelta(days=366)
DELAY_MAX: Final = timedelta(days=7)
LATE_WORD_MAX: Final = timedelta(days=1)
CUT_SEGMENTS_MAX: Final = 20_000
AFFECTED_READ_MAX: Final = 200
RUN_BOOKINGS_MAX: Final = 20_000
# No transaction of an order lives longer: statements end after 25 seconds.
SWEEP_AFTER: Final = timedelta(minutes=2)
DEPART_AHEAD_MAX: Final = timedelta(days=90)
SEASONS_AHEAD_YEARS: Final = 10
DISTANCE_M_MAX: Final = 40_000_000


class HubKind(StrEnum):
    HUB = "hub"
    CITY = "city"
    BUYER_CITY = "buyer_city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE_POINT = "village_point"
    RAIL_TERMINAL = "rail_terminal"
    AIRPORT = "airport"
    RIVER_PORT = "river_port"
    SEA_PORT = "sea_port"
    LAND_PORT = "land_port"
    FOREIGN = "foreign"


# Where goods begin; between all others lies the trunk.
LOCAL_KINDS: Final = frozenset({HubKind.COUNTY, HubKind.TOWNSHIP, HubKind.VILLAGE_POINT})
# Where a courier starts for the buyer's door, the best first.
LAST_MILE_KINDS: Final = (HubKind.HUB, HubKind.CITY, HubKind.BUYER_CITY, HubKind.COUNTY)


class Mode(StrEnum):
    ROAD = "road"
    RAIL = "rail"
    AIR = "air"
    WATER = "water"
    BUS = "bus"
    COURIER = "courier"


class Temperature(StrEnum):
    AMBIENT = "ambient"
    CHILLED = "chilled"
    FROZEN = "frozen"
    LIVE = "live"


class Vehicle(StrEnum):
    """The classes of vehicle that emission factors are known for; for a bus there is none yet."""

    TRUCK = "truck"
    SMALL_TRUCK = "small_truck"
    VAN = "van"
    TRAIN = "train"
    AIRCRAFT = "aircraft"
    SHIP = "ship"
    BARGE = "barge"
    BUS = "bus"


# The factor's vehicle class for each; None is the usual one of the mode (for aircraft it depends on the distance).
VEHICLE_CLASSES: Final[Mapping[Vehicle, str | None]] = {
    Vehicle.TRUCK: None,
    Vehicle.SMALL_TRUCK: "rigid_over_17t",
    Vehicle.VAN: None,
    Vehicle.TRAIN: None,
    Vehicle.AIRCRAFT: None,
    Vehicle.SHIP: None,
    Vehicle.BARGE: "inland_vessel",
    Vehicle.BUS: None,
}
DEFAULT_VEHICLES: Final[Mapping[Mode, Vehicle]] = {
    Mode.ROAD: Vehicle.TRUCK,
    Mode.RAIL: Vehicle.TRAIN,
    Mode.AIR: Vehicle.AIRCRAFT,
    Mode.WATER: Vehicle.BARGE,
    Mode.BUS: Vehicle.BUS,
    Mode.COURIER: Vehicle.VAN,
}


class ServiceStatus(StrEnum):
    ACTIVE = "active"
    PLANNED = "planned"
    WITHDRAWN = "withdrawn"


class BookingState(StrEnum):
    BOOKED = "booked"
    RELEASED = "released"


class DisruptionKind(StrEnum):
    """What becomes of a part of the network: shut for a while, or one date of a timetable that is not as usual."""

    CLOSE = "close"
    CANCEL = "cancel"
    DELAY = "delay"
    EXTRA = "extra"
    CAPACITY = "capacity"


DISRUPTION_KIND_DISPLAY: Final[Mapping[DisruptionKind, Mapping[str, str]]] = {
    DisruptionKind.CLOSE: {"en": "Closed", "zh-Hans": "关闭"},
    DisruptionKind.CANCEL: {"en": "Departure cancelled", "zh-Hans": "班次取消"},
    DisruptionKind.DELAY: {"en": "Departure late", "zh-Hans": "班次晚点"},
    DisruptionKind.EXTRA: {"en": "Extra departure", "zh-Hans": "加开班次"},
    DisruptionKind.CAPACITY: {"en": "Less room", "zh-Hans": "运力减少"},
}

HUB_KIND_DISPLAY: Final[Mapping[HubKind, Mapping[str, str]]] = {
    HubKind.HUB: {"en": "Hub", "zh-Hans": "枢纽"},
    HubKind.CITY: {"en": "City", "zh-Hans": "城市"},
    HubKind.BUYER_CITY: {"en": "Buyers' city", "zh-Hans": "消费城市"},
    HubKind.COUNTY: {"en": "County", "zh-Hans": "县城"},
    HubKind.TOWNSHIP: {"en": "Township station", "zh-Hans": "乡镇综合运输服务站"},
    HubKind.VILLAGE_POINT: {"en": "Village point", "zh-Hans": "村级服务点"},
    HubKind.RAIL_TERMINAL: {"en": "Rail terminal", "zh-Hans": "铁路货场"},
    HubKind.AIRPORT: {"en": "Airport", "zh-Hans": "机场"},
    HubKind.RIVER_PORT: {"en": "River port", "zh-Hans": "内河港口"},
    HubKind.SEA_PORT: {"en": "Sea port", "zh-Hans": "海港"},
    HubKind.LAND_PORT: {"en": "Land port", "zh-Hans": "陆路口岸"},
    HubKind.FOREIGN: {"en": "Foreign gateway", "zh-Hans": "境外节点"},
}
SERVICE_STATUS_DISPLAY: Final[Mapping[ServiceStatus, Mapping[str, str]]] = {
    ServiceStatus.ACTIVE: {"en": "Running", "zh-Hans": "运营中"},
    ServiceStatus.PLANNED: {"en": "Planned", "zh-Hans": "计划中"},
    ServiceStatus.WITHDRAWN: {"en": "Withdrawn", "zh-Hans": "已停运"},
}
BOOKING_STATE_DISPLAY: Final[Mapping[BookingState, Mapping[str, str]]] = {
    BookingState.BOOKED: {"en": "Booked", "zh-Hans": "已订舱"},
    BookingState.RELEASED: {"en": "Released", "zh-Hans": "已释放"},
}


class Located(Protocol):
    """What choosing a hub for a county needs to know of each."""

    @property
    def code(self) -> str: ...
    @property
    def kind(self) -> HubKind: ...
    @property
    def adcode(self) -> str | None: ...


class Positioned(Protocol):
    """What looking for the nearest hub needs to know of each."""

    @property
    def code(self) -> str: ...
    @property
    def kind(self) -> HubKind: ...
    @property
    def lat(self) -> float: ...
    @property
    def lon(self) -> float: ...


@dataclass(frozen=True, slots=True)
class HubPoint:
    """A place where goods change hands. `adcode` is its county code, None abroad.

    `opening`: half-open periods of the week in seconds from Monday midnight, UTC, in which it takes goods in; () is always.
    """

    code: str
    name: Mapping[str, str]
    kind: HubKind
    lat: float
    lon: float
    adcode: str | None
    dwell_s: int
    handling_minor: int
    handling_milliminor_per_kg: int
    source: str
    opening: tuple[tuple[int, int], ...] = ()
    can_rest: bool = False
    is_cooled: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A service as its carrier describes it: by weekly patterns, or on demand. `closed_months` are its seasons of rest.

    `weekdays`, `departs_s` and the two dates are its first pattern, `more_departures` the others. A line that is another timetable
    of a service names it in `timetable_of`; `feed` names the imported feed that it comes from.

    `piece_…_max` bound each single piece of the goods, such as a rural bus sets them; None is no limit.
    """

    id: str
    carrier: str
    mode: Mode
    vehicle: Vehicle
    name: Mapping[str, str]
    stops: tuple[Stop, ...]
    temperatures: tuple[Temperature, ...]
    tariff: Tariff
    capacity: Capacity
    on_demand: bool = False
    weekdays: tuple[int, ...] = ()
    departs_s: tuple[int, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    closed_months: tuple[int, ...] = ()
    cutoff_s: int = 0
    piece_weight_g_max: int | None = None
    piece_length_mm_max: int | None = None
    status: ServiceStatus = ServiceStatus.ACTIVE
    more_departures: tuple[Weekly, ...] = ()
    timetable_of: str | None = None
    feed: str | None = None

    @property
    def departures(self) -> tuple[Weekly, ...]:
        """All its patterns; none when it runs on demand."""
        if self.on_demand:
            return ()
        return (Weekly(self.weekdays, self.departs_s, self.valid_from, self.valid_until), *self.more_departures)


@dataclass(frozen=True, slots=True)
class Want:
    """A place on one run, from stop `board` to stop `alight`, for one leg of a consignment. `run_at` is the start of the run."""

    leg_id: str
    consignment_id: str
    service_id: str
    run_at: datetime
    board: int
    alight: int
    weight_g: int
    volume_mm3: int
    live_places: int = 0
    chilled_slots: int = 0
    booking_id: str = field(default_factory=lambda: new_id("bkg"))


@dataclass(frozen=True, slots=True)
class Held:
    """A booking that still holds room. `is_closed`: its run is closed, cancelled or withdrawn by now."""

    id: str
    leg_id: str
    consignment_id: str
    service_id: str
    run_at: datetime
    board: int
    alight: int
    weight_g: int
    volume_mm3: int
    live_places: int
    chilled_slots: int
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class CourierLeg:
    """From the last hub to the buyer's door; distance and duration are estimates."""

    carrier: str
    price_minor: int
    duration_s: int
    distance_m: int


@dataclass(frozen=True, slots=True)
class CourierRates:
    """What the courier asks by weight: a base, a rate for each gram up to `parcel_g`, and one for what is beyond.

    In 10^-12 minor units, so that all of it is rounded together.
    """

    base_scaled: int
    parcel_g: int
    parcel_rate: int
    bulk_rate: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A segment whose booked sums differ from the sum of its bookings."""

    service_id: str
    run_at: datetime
    segment: int
    recorded: tuple[int, int, int, int]
    booked: tuple[int, int, int, int]
