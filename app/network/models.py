"""The tables of the network. Rows of `departure_load` are the only hot ones: one for each segment of a run that is in use."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.network.values import BookingState, DisruptionKind, HubKind, Mode, ServiceStatus


class Hub(SQLModel, table=True):
    """A place where goods change hands. `dwell_s` passes from arriving to being ready to go on.

    `opening`: pairs of seconds from Monday midnight, UTC, between which it takes goods in; none is always.
    """

    __tablename__ = "hub"
    __table_args__ = (
        CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="position"),
        CheckConstraint("dwell_s >= 0 AND handling_minor >= 0 AND handling_milliminor_per_kg >= 0", name="terms"),
    )

    code: str = Field(primary_key=True, max_length=40)
    name: dict[str, str] = Field(sa_type=JSONB)
    kind: HubKind = Field(sa_type=enum_type(HubKind))
    lat: float
    lon: float
    adcode: str | None = Field(default=None, max_length=6)
    dwell_s: int
    handling_minor: int
    handling_milliminor_per_kg: int
    source: str
    opening: list[list[int]] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": text("'[]'::jsonb")})
    can_rest: bool = Field(sa_column_kwargs={"server_default": text("false")})
    is_cooled: bool = Field(sa_column_kwargs={"server_default": text("false")})


class Service(SQLModel, table=True):
    """A line of a carrier: by weekly patterns, or on demand. The stops of one that was booked never change; everything else may.

    `timetable_of` is the service that this one is another timetable of; `feed` is what imports made it and keep it.
    """

    __tablename__ = "service"
    __table_args__ = (
        CheckConstraint("on_demand = (cardinality(weekdays) = 0 AND cardinality(departs_s) = 0)", name="pattern"),
        CheckConstraint("NOT on_demand OR more_departures = '[]'::jsonb", name="more_departures"),
        CheckConstraint("capacity_weight_g > 0 AND capacity_volume_mm3 > 0 AND live_places >= 0", name="capacity"),
        CheckConstraint("chilled_slots >= 0", name="chilled_slots"),
        CheckConstraint(
            "base_minor >= 0 AND minimum_minor >= 0 AND milliminor_per_kg >= 0 AND milliminor_per_tkm >= 0",
            name="tariff",
        ),
        CheckConstraint("toll_milliminor_per_tkm BETWEEN 0 AND milliminor_per_tkm", name="toll"),
        CheckConstraint("cutoff_s >= 0", name="cutoff"),
        CheckConstraint("piece_weight_g_max > 0 AND piece_length_mm_max > 0", name="piece"),
        Index("ix_service_carrier_id", "carrier", "id"),
    )

    id: str = Field(primary_key=True, max_length=40)
    carrier: str = Field(max_length=40)
    partner_id: str | None = Field(default=None, max_length=40)
    mode: Mode = Field(sa_type=enum_type(Mode))
    vehicle: str = Field(max_length=40)
    name: dict[str, str] = Field(sa_type=JSONB)
    on_demand: bool
    weekdays: list[int] = Field(sa_type=ARRAY(SmallInteger))
    departs_s: list[int] = Field(sa_type=ARRAY(Integer))
    valid_from: date | None = None
    valid_until: date | None = None
    more_departures: list[dict[str, Any]] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": text("'[]'::jsonb")}
    )
    timetable_of: str | None = Field(default=None, foreign_key="service.id", index=True, max_length=40)
    feed: str | None = Field(default=None, max_length=40)
    closed_months: list[int] = Field(sa_type=ARRAY(SmallInteger))
    cutoff_s: int
    temperatures: list[str] = Field(sa_type=ARRAY(Text))
    base_minor: int = Field(sa_type=BigInteger)
    minimum_minor: int = Field(sa_type=BigInteger)
    milliminor_per_kg: int = Field(sa_type=BigInteger)
    milliminor_per_tkm: int = Field(sa_type=BigInteger)
    toll_milliminor_per_tkm: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    capacity_weight_g: int = Field(sa_type=BigInteger)
    capacity_volume_mm3: int = Field(sa_type=BigInteger)
    live_places: int
    chilled_slots: int | None = None
    piece_weight_g_max: int | None = Field(default=None, sa_type=BigInteger)
    piece_length_mm_max: int | None = None
    status: ServiceStatus = Field(sa_type=enum_type(ServiceStatus))
    version: int = 1
    created_from: str | None = Field(default=None, max_length=64)
    created_at: datetime
    updated_at: datetime


class ServiceStop(SQLModel, table=True):
    """A call: seconds after the start of the run, metres from the first stop."""

    __tablename__ = "service_stop"
    __table_args__ = (
        CheckConstraint("0 <= arrive_offset_s AND arrive_offset_s <= depart_offset_s", name="offsets"),
        CheckConstraint("distance_m >= 0", name="distance"),
    )

    service_id: str = Field(primary_key=True, foreign_key="service.id", max_length=40)
    seq: int = Field(primary_key=True)
    hub: str = Field(foreign_key="hub.code", index=True, max_length=40)
    arrive_offset_s: int
    depart_offset_s: int
    distance_m: int


class TimetableVersion(SQLModel, table=True):
    """One row. It goes up in the transaction of every change to hubs, services or disruptions."""

    __tablename__ = "timetable_version"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    version: int = Field(sa_type=BigInteger)
    changed_at: datetime


class Disruption(SQLModel, table=True):
    """What is not as usual. A hub, a pair of hubs (the link between them) or a service is closed from `from_at` until before `until_at`;
    or one run, which starts at `run_at`, is cancelled, `delay_s` late, or an extra one; or runs carry no more than `capacity_…`.

    For what is about one run the period is the second of its start. `lifted_at`: its end was brought forward then; a period of
    nothing ended before it began. A delay that was lifted closes the second to which its run had been put off.
    """

    __tablename__ = "disruption"
    __table_args__ = (
        CheckConstraint("(service_id IS NULL) <> (hub IS NULL)", name="subject"),
        CheckConstraint("until_at > from_at OR until_at = from_at AND lifted_at IS NOT NULL", name="period"),
        CheckConstraint("to_hub IS NULL OR hub IS NOT NULL AND to_hub <> hub", name="link"),
        CheckConstraint("kind = 'close' OR service_id IS NOT NULL", name="of_service"),
        CheckConstraint("kind NOT IN ('cancel', 'delay', 'extra') OR run_at IS NOT NULL", name="of_run"),
        CheckConstraint("(kind = 'delay') = (delay_s IS NOT NULL) AND delay_s <> 0", name="delay"),
        CheckConstraint(
            "capacity_weight_g >= 0 AND capacity_volume_mm3 >= 0 AND capacity_live_places >= 0", name="capacity"
        ),
        CheckConstraint("capacity_chilled_slots >= 0", name="chilled_slots"),
    )

    id: str = Field(primary_key=True, max_length=40)
    kind: DisruptionKind = Field(sa_type=enum_type(DisruptionKind), default=DisruptionKind.CLOSE)
    service_id: str | None = Field(default=None, foreign_key="service.id", index=True, max_length=40)
    hub: str | None = Field(default=None, foreign_key="hub.code", index=True, max_length=40)
    to_hub: str | None = Field(default=None, foreign_key="hub.code", index=True, max_length=40)
    run_at: datetime | None = None
    delay_s: int | None = None
    capacity_weight_g: int | None = Field(default=None, sa_type=BigInteger)
    capacity_volume_mm3: int | None = Field(default=None, sa_type=BigInteger)
    capacity_live_places: int | None = None
    capacity_chilled_slots: int | None = None
    from_at: datetime
    until_at: datetime = Field(index=True)
    reason: dict[str, Any] = Field(sa_type=JSONB)
    made_by: str = Field(max_length=40)
    created_from: str = Field(max_length=64)
    created_at: datetime
    lifted_at: datetime | None = None


class DepartureLoad(SQLModel, table=True):
    """What is booked on one segment of one scheduled run, and what it takes at most.

    Written only by `capacity.py`; runs on demand are vehicles of their own and have no row.
    """

    __tablename__ = "departure_load"
    __table_args__ = (
        CheckConstraint("used_weight_g BETWEEN 0 AND capacity_weight_g", name="weight"),
        CheckConstraint("used_volume_mm3 BETWEEN 0 AND capacity_volume_mm3", name="volume"),
        CheckConstraint("used_live_places BETWEEN 0 AND capacity_live_places", name="live_places"),
        CheckConstraint(
            "used_chilled_slots >= 0 AND used_chilled_slots <= capacity_chilled_slots", name="chilled_slots"
        ),
    )

    service_id: str = Field(primary_key=True, max_length=40)
    run_at: datetime = Field(primary_key=True, index=True)
    segment: int = Field(primary_key=True)
    used_weight_g: int = Field(sa_type=BigInteger)
    used_volume_mm3: int = Field(sa_type=BigInteger)
    used_live_places: int
    capacity_weight_g: int = Field(sa_type=BigInteger)
    capacity_volume_mm3: int = Field(sa_type=BigInteger)
    capacity_live_places: int
    used_chilled_slots: int = Field(sa_column_kwargs={"server_default": text("0")})
    capacity_chilled_slots: int | None = None


class Booking(SQLModel, table=True):
    """A consignment's place on one run, from stop `board` to stop `alight`."""

    __tablename__ = "booking"
    __table_args__ = (
        CheckConstraint("0 <= board AND board < alight", name="stops"),
        CheckConstraint("weight_g > 0 AND volume_mm3 >= 0 AND live_places >= 0", name="load"),
        CheckConstraint("chilled_slots >= 0", name="chilled_slots"),
        Index("ix_booking_carrier_run_at_id", "carrier", "run_at", "id"),
        Index("ix_booking_service_id_run_at", "service_id", "run_at"),
    )

    id: str = Field(primary_key=True, max_length=40)
    leg_id: str = Field(max_length=40)
    consignment_id: str = Field(index=True, max_length=40)
    service_id: str = Field(max_length=40)
    carrier: str = Field(max_length=40)
    run_at: datetime
    board: int
    alight: int
    weight_g: int = Field(sa_type=BigInteger)
    volume_mm3: int = Field(sa_type=BigInteger)
    live_places: int
    chilled_slots: int = Field(sa_column_kwargs={"server_default": text("0")})
    state: BookingState = Field(sa_type=enum_type(BookingState))
    created_at: datetime
