"""Tables of shipments. Events are only ever added; what they amount to is kept beside them and can be computed again."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.shipments.custody import CODE_LENGTH_MAX
from app.shipments.exception_values import ExceptionKind
from app.shipments.values import (
    DECLARED_ID_LENGTH_MAX,
    NOTE_LENGTH_MAX,
    TERM_LENGTH_MAX,
    Condition,
    ConsignmentStatus,
    Door,
    EventType,
    LegStatus,
)
from app.shipments.weighing import INSTRUMENT_LENGTH_MAX, SignedBy, WeighInStatus

# Ids in the order of their bytes, in which those of a month lie together.
_BYTEWISE: Final = String(length=40, collation="C")


class Consignment(SQLModel, table=True):
    """What one producer sends to one buyer. `status` and what follows it until `ended_at` are the fold of its events.

    `extra_carriage_minor`: what its legs cost by now beyond what the buyer paid for them; the platform's, and below zero when it saved.
    `planned_weight_g`: what its packages were to weigh, once goods of it have been weighed.
    `refused_lines`: what was refused at the door of a consignment that was taken. `return_id`: it brings goods of its order back to their producer.
    `origin` is the county where the goods come from; it, `categories` and `species` are null where nobody noted them.
    """

    __table_args__ = (
        Index("ix_consignment_producer_id_status_hand_in_by_id", "producer_id", "status", "hand_in_by", "id"),
        CheckConstraint("promised_from <= promised_by", name="promise_in_order"),
        # Who looks at the clock finds what is under way here. None of its columns changes with a mere event.
        Index("ix_consignment_id_open", "id", postgresql_where=text("ended_at IS NULL AND cancelled_at IS NULL")),
    )

    id: str = Field(primary_key=True, max_length=40)
    order_id: str = Field(max_length=40, index=True)
    producer_id: str = Field(max_length=40)
    buyer_id: str = Field(max_length=40)
    tracking_number: str = Field(unique=True, max_length=20)
    currency: str = Field(max_length=3)
    temperature: str = Field(max_length=20)
    hand_in_by: datetime
    promised_from: datetime
    promised_by: datetime
    created_at: datetime
    cancelled_at: datetime | None = None
    status: ConsignmentStatus = Field(sa_type=enum_type(ConsignmentStatus))
    hub: str | None = Field(default=None, max_length=40)
    damaged: bool = False
    estimated_at: datetime | None = None
    last_event_at: datetime | None = None
    ended_at: datetime | None = None
    plan_version: int = 1
    replanned_at: datetime | None = None
    replan_reason: dict[str, str] | None = Field(default=None, sa_type=JSONB)
    stranded_at: datetime | None = None
    extra_carriage_minor: int = Field(default=0, sa_type=BigInteger)
    planned_weight_g: int | None = Field(default=None, sa_type=BigInteger)
    origin: str | None = Field(default=None, max_length=6)
    categories: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    species: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    condition: Condition | None = Field(default=None, sa_type=enum_type(Condition))
    refused_lines: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    return_id: str | None = Field(default=None, max_length=40)
    # At what its goods are to be kept, as their listings said when they were ordered.
    storage: dict[str, str] | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class ConsignmentPackage(SQLModel, table=True):
    """A box, crate, bale or animal as it travels. `sscc` is the number on its label, null until one is asked for."""

    __tablename__ = "package"
    __table_args__ = (
        CheckConstraint("units > 0 AND weight_g > 0", name="positive"),
        CheckConstraint("deposit_minor > 0 AND return_days > 0", name="deposit"),
        CheckConstraint("returned_at IS NULL OR forfeited_at IS NULL", name="one_end"),
        CheckConstraint("(returned_at IS NULL) = (returned_hub IS NULL)", name="returned_somewhere"),
        CheckConstraint("sscc ~ '^[0-9]{18}$'", name="sscc"),
        Index(None, "id"),
        Index("uq_package_sscc", "sscc", unique=True, postgresql_where=text("sscc IS NOT NULL")),
    )

    consignment_id: str = Field(primary_key=True, max_length=40, foreign_key="consignment.id")
    id: str = Field(primary_key=True, max_length=40)
    type: str = Field(max_length=40)
    name: dict[str, str] = Field(sa_type=JSONB)
    units: int
    weight_g: int = Field(sa_type=BigInteger)
    length_mm: int
    width_mm: int
    height_mm: int
    own_mass_g: int
    price_minor: int = Field(sa_type=BigInteger)
    co2e_g: int | None = None
    reusable: bool
    # Of a box that comes back: its deposit, kept after so many days; and how that ended. `sent_back_at`: when the money left.
    deposit_minor: int | None = Field(default=None, sa_type=BigInteger)
    return_days: int | None = None
    returned_at: datetime | None = None
    returned_hub: str | None = Field(default=None, max_length=40)
    forfeited_at: datetime | None = None
    sent_back_at: datetime | None = None
    sscc: str | None = Field(default=None, max_length=18)


class ConsignmentLeg(SQLModel, table=True):
    """One ride: as it was planned, and what became of it."""

    __tablename__ = "leg"
    __table_args__ = (
        UniqueConstraint("consignment_id", "seq", name="uq_leg_consignment_id_seq"),
        CheckConstraint("departs_at < arrives_at", name="takes_time"),
        CheckConstraint("distance_m >= 0 AND price_minor >= 0", name="not_negative"),
        CheckConstraint("sscc ~ '^[0-9]{18}$'", name="sscc"),
        Index("ix_leg_sscc", "sscc", postgresql_where=text("sscc IS NOT NULL")),
    )

    consignment_id: str = Field(primary_key=True, max_length=40, foreign_key="consignment.id")
    id: str = Field(primary_key=True, max_length=40)
    seq: int
    from_hub: str = Field(max_length=40)
    to_hub: str = Field(max_length=40)
    mode: str = Field(max_length=20)
    service_id: str = Field(max_length=80)
    run_at: datetime
    board: int
    alight: int
    carrier: str = Field(max_length=40)
    departs_at: datetime
    arrives_at: datetime
    distance_m: int
    price_minor: int = Field(sa_type=BigInteger)
    co2e_g: int | None = None
    hub_co2e_g: int | None = None
    sscc: str | None = Field(default=None, max_length=18)
    status: LegStatus = Field(sa_type=enum_type(LegStatus))
    departed_at: datetime | None = None
    arrived_at: datetime | None = None


class TrackingEvent(SQLModel, table=True):
    """What a party said happened, as it said it, through whichever door. Only ever added: the database refuses all else.

    Spread by ranges of `consignment_id`, which are months of consignments (`app.shipments.months`). Of one (party, party_event_id) the
    row with the latest `declared_at` counts (null, the first telling, is the earliest); when that one is `retracted`, none does.
    `corrects` is the party's own id of another event that this one replaces. Rows that share an `event_group` are one event of
    several consignments. `epcs`, `biz_step`, `disposition` and `document` are the event in the words of its door; the native one has none.
    `condition` is the receiver's word at a delivery; `goes_back`: by the terms of their order, goods that are refused there are sent back.
    """

    __tablename__ = "tracking_event"
    __table_args__ = (
        UniqueConstraint(
            "consignment_id",
            "party",
            "party_event_id",
            "declared_at",
            name="uq_tracking_event_declaration",
            postgresql_nulls_not_distinct=True,
        ),
        # For queries over all consignments. The last two hold only what came by the doors of standards.
        Index("ix_tracking_event_recorded_at_id", "recorded_at", "id"),
        Index("ix_tracking_event_epcs", "epcs", postgresql_using="gin", postgresql_where=text("epcs IS NOT NULL")),
        Index("ix_tracking_event_party_event_id", "party_event_id", postgresql_where=text("door = 'epcis'")),
        {"postgresql_partition_by": "RANGE (consignment_id)"},
    )

    consignment_id: str = Field(primary_key=True, sa_type=_BYTEWISE, foreign_key="consignment.id")
    id: str = Field(primary_key=True, max_length=40)
    party: str = Field(max_length=40)
    party_event_id: str = Field(max_length=DECLARED_ID_LENGTH_MAX)
    fingerprint: str = Field(max_length=64)
    type: EventType = Field(sa_type=enum_type(EventType))
    occurred_at: datetime
    recorded_at: datetime
    hub: str | None = Field(default=None, max_length=40)
    latitude: float | None = None
    longitude: float | None = None
    readings: list[dict[str, Any]] = Field(sa_type=JSONB)
    note: str | None = Field(default=None, max_length=NOTE_LENGTH_MAX)
    estimated_at: datetime | None = None
    corrects: str | None = Field(default=None, max_length=DECLARED_ID_LENGTH_MAX)
    condition: Condition | None = Field(default=None, sa_type=enum_type(Condition))
    goes_back: bool | None = None
    door: Door | None = Field(default=None, sa_type=enum_type(Door))
    declared_at: datetime | None = None
    retracted: bool | None = None
    declaration_reason: str | None = Field(default=None, max_length=TERM_LENGTH_MAX)
    corrective_ids: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    event_group: str | None = Field(default=None, max_length=40)
    epcs: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    biz_step: str | None = Field(default=None, max_length=TERM_LENGTH_MAX)
    disposition: str | None = Field(default=None, max_length=TERM_LENGTH_MAX)
    document: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    refused_lines: list[str] | None = Field(default=None, sa_type=ARRAY(Text))


class ShipmentException(SQLModel, table=True):
    """Something that is not as it should be: an excursion of the cold chain, a journey too long, silence, lateness.

    Excursions are the fold of all readings, written anew with each, as far as they overlap under the same id. `ended_at` is null while it
    goes on, `told_at` until people have been told. `carrier`: in whose hands the goods are or were.
    """

    __tablename__ = "shipment_exception"
    __table_args__ = (
        CheckConstraint("ended_at >= began_at", name="ends_after_it_began"),
        Index(
            "uq_shipment_exception_open",
            "consignment_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_shipment_exception_id", "id"),
        Index("ix_shipment_exception_carrier_id", "carrier", "id"),
    )

    consignment_id: str = Field(primary_key=True, max_length=40, foreign_key="consignment.id")
    id: str = Field(primary_key=True, max_length=40)
    kind: ExceptionKind = Field(sa_type=enum_type(ExceptionKind))
    began_at: datetime
    ended_at: datetime | None = None
    raised_at: datetime
    told_at: datetime | None = None
    carrier: str = Field(max_length=40)
    hub: str | None = Field(default=None, max_length=40)
    reason: dict[str, str] = Field(sa_type=JSONB)
    worst: Decimal | None = Field(default=None, sa_type=Numeric(9, 2))
    worst_at: datetime | None = None
    limit_value: Decimal | None = Field(default=None, sa_type=Numeric(9, 2))


class LegHistory(SQLModel, table=True):
    """How late the runs of a ride were in the last months; added up anew each night. With `service_id` "", those of a whole mode.

    Of a hundred runs, the tenth and the ninetieth: seconds of the departure, thousandths of the planned time on the way.
    """

    __tablename__ = "leg_history"
    __table_args__ = (CheckConstraint("runs > 0", name="has_runs"),)

    service_id: str = Field(primary_key=True, max_length=80)
    from_hub: str = Field(primary_key=True, max_length=40)
    to_hub: str = Field(primary_key=True, max_length=40)
    mode: str = Field(primary_key=True, max_length=20)
    runs: int
    departs_low_s: int
    departs_high_s: int
    takes_low_pml: int
    takes_high_pml: int
    until_at: datetime


class WeighIn(SQLModel, table=True):
    """What the hub's scale showed for one line, with who signed it. Facts are only ever added: a correction is a row of its own.

    `charged_g` is what is to be paid for (of cotton the conditioned weight), `settled_g` what was. `payload` is the very text that
    `signature` is of. `transfer_id` is the money that it moved.
    """

    __tablename__ = "weigh_in"
    __table_args__ = (
        CheckConstraint("gross_g = tare_g + net_g AND tare_g >= 0 AND net_g > 0 AND charged_g > 0", name="weights"),
        CheckConstraint("(due_at IS NOT NULL) = (status = 'waiting')", name="clock_while_waiting"),
        CheckConstraint("status <> 'settled' OR settled_g IS NOT NULL", name="settled_with_weight"),
        CheckConstraint("(trash_pct IS NULL) = (regain_pct IS NULL)", name="conditioned_by_both"),
        Index("ix_weigh_in_buyer_id_id", "buyer_id", "id"),
        Index("ix_weigh_in_producer_id_id", "producer_id", "id"),
        Index("ix_weigh_in_party_id", "party", "id"),
        Index("uq_weigh_in_line_id_standing", "line_id", unique=True, postgresql_where=text("status <> 'superseded'")),
        Index("ix_weigh_in_transfer_id", "transfer_id", postgresql_where=text("transfer_id IS NOT NULL")),
    )

    id: str = Field(primary_key=True, max_length=40)
    order_id: str = Field(index=True, max_length=40)
    consignment_id: str = Field(max_length=40, foreign_key="consignment.id")
    line_id: str = Field(max_length=40)
    buyer_id: str = Field(max_length=40)
    producer_id: str = Field(max_length=40)
    party: str = Field(max_length=40)
    status: WeighInStatus = Field(sa_type=enum_type(WeighInStatus))
    estimated_g: int = Field(sa_type=BigInteger)
    gross_g: int = Field(sa_type=BigInteger)
    tare_g: int = Field(sa_type=BigInteger)
    net_g: int = Field(sa_type=BigInteger)
    trash_pct: Decimal | None = Field(default=None, sa_type=Numeric(4, 2))
    regain_pct: Decimal | None = Field(default=None, sa_type=Numeric(4, 2))
    charged_g: int = Field(sa_type=BigInteger)
    settled_g: int | None = Field(default=None, sa_type=BigInteger)
    weighed_at: datetime
    instrument: str = Field(max_length=INSTRUMENT_LENGTH_MAX)
    ticket: str = Field(max_length=INSTRUMENT_LENGTH_MAX)
    photo: str = Field(max_length=40)
    payload: str = Field(max_length=1_000)
    signed_by: SignedBy = Field(sa_type=enum_type(SignedBy))
    public_key: str = Field(max_length=43)
    signature: str = Field(max_length=86)
    supersedes: str | None = Field(default=None, max_length=40)
    due_at: datetime | None = None
    decided_by: str | None = Field(default=None, max_length=40)
    decided_at: datetime | None = None
    transfer_id: str | None = Field(default=None, max_length=40)
    created_from: str = Field(max_length=64)
    created_at: datetime
    updated_at: datetime


class HandOverRow(SQLModel, table=True):
    """Goods changed hands: the code as the giver's device made it, who signed it, and who told us. Only ever added.

    `giver` and `taker` as in the code (`app.shipments.custody.Holder`). No packages named are all of them.
    """

    __tablename__ = "hand_over"
    __table_args__ = (
        CheckConstraint("giver <> taker", name="two_sides"),
        CheckConstraint("weight_g > 0", name="weight_positive"),
    )

    consignment_id: str = Field(primary_key=True, max_length=40, foreign_key="consignment.id")
    id: str = Field(primary_key=True, unique=True, max_length=40)
    code: str = Field(max_length=CODE_LENGTH_MAX)
    packages: list[str] = Field(sa_type=ARRAY(Text))
    weight_g: int = Field(sa_type=BigInteger)
    happened_at: datetime
    hub: str | None = Field(default=None, max_length=40)
    giver: str = Field(max_length=60)
    taker: str = Field(max_length=60)
    signed_by: SignedBy = Field(sa_type=enum_type(SignedBy))
    public_key: str = Field(max_length=43)
    signature: str = Field(max_length=86)
    latitude: float | None = None
    longitude: float | None = None
    told_by: str = Field(max_length=40)
    recorded_at: datetime


class Replan(SQLModel, table=True):
    """One change of way: why, from where, which legs went (as they stood) and what had been promised.

    Only ever added; `told_at` is null until the people whom it concerns have been told.
    """

    __table_args__ = (CheckConstraint("version > 1", name="after_the_first"),)

    consignment_id: str = Field(primary_key=True, max_length=40, foreign_key="consignment.id")
    version: int = Field(primary_key=True)
    disruption_id: str | None = Field(default=None, max_length=40, index=True)
    reason: dict[str, str] = Field(sa_type=JSONB)
    made_at: datetime
    told_at: datetime | None = None
    hub: str = Field(max_length=40)
    ready_at: datetime
    former_legs: list[dict[str, Any]] = Field(sa_type=JSONB)
    hand_in_by_before: datetime
    hand_in_by: datetime
    promised_by_before: datetime
    promised_by: datetime
    extra_carriage_minor: int = Field(sa_type=BigInteger)


class Stranded(SQLModel, table=True):
    """A consignment for which there is no way on, until somebody finds one. `reason` is the planner's; `rule` the number of the one that forbids it."""

    consignment_id: str = Field(primary_key=True, max_length=40, foreign_key="consignment.id")
    disruption_id: str | None = Field(default=None, max_length=40, index=True)
    disruption_reason: dict[str, str] = Field(sa_type=JSONB)
    hub: str = Field(max_length=40)
    destination: str = Field(max_length=40)
    ready_at: datetime
    reason: str = Field(max_length=40)
    rule: str | None = Field(default=None, max_length=40)
    stranded_at: datetime
    tried_at: datetime
