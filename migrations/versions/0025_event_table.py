"""The one table of events: append-only, spread by months of consignments, with what every door tells

Revision ID: 0025
Revises: 0024
"""

from datetime import UTC, datetime

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TYPES = (
    "picked_up", "received", "departed", "arrived", "loaded", "unloaded", "held", "customs_submitted", "customs_released",
    "out_for_delivery", "delivery_attempted", "delivered", "returned", "damaged", "lost", "estimated", "corrected",
)  # fmt: skip
CONDITIONS = ("accepted", "accepted_with_remarks", "refused")
DOORS = ("native", "epcis", "dcsa")
FORMER = (
    "consignment_id, id, party, party_event_id, fingerprint, type, occurred_at, recorded_at, hub, latitude, longitude, readings, "
    "note, estimated_at, corrects, condition, goes_back, refused_lines"
)
MONTHS_AHEAD = 3
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def first_id(month: datetime) -> str:
    """Below every id of a consignment that is made in this month or later (a TypeID of a UUIDv7), above every earlier one."""
    value = int(month.timestamp() * 1000) << 80
    return "con_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def following(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=nullable)


def words(name: str, length: int, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def kind(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def make_room(unique: str) -> None:
    """The former table steps aside under another name, and its constraints with it."""
    op.execute("ALTER TABLE tracking_event RENAME TO tracking_event_former")
    for constraint in ("pk_tracking_event", "fk_tracking_event_consignment_id", unique):
        op.execute(f"ALTER TABLE tracking_event_former RENAME CONSTRAINT {constraint} TO {constraint}_former")


def make_table(event_id_length: int, types: tuple[str, ...], *further: sa.Column | sa.UniqueConstraint, **how: str) -> None:
    collation = "C" if how else None
    op.create_table(
        "tracking_event",
        sa.Column("consignment_id", sa.String(length=40, collation=collation), nullable=False),
        words("id", 40), words("party", 40), words("party_event_id", event_id_length), words("fingerprint", 64),
        sa.Column("type", kind("eventtype", types), nullable=False),
        moment("occurred_at"), moment("recorded_at"), words("hub", 40, nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True), sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("readings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        words("note", 500, nullable=True), moment("estimated_at", nullable=True),
        words("corrects", event_id_length, nullable=True),
        sa.Column("condition", kind("condition", CONDITIONS), nullable=True),
        sa.Column("goes_back", sa.Boolean(), nullable=True),
        sa.Column("refused_lines", postgresql.ARRAY(sa.Text()), nullable=True),
        *further,
        sa.ForeignKeyConstraint(["consignment_id"], ["consignment.id"], name=op.f("fk_tracking_event_consignment_id")),
        sa.PrimaryKeyConstraint("consignment_id", "id", name=op.f("pk_tracking_event")),
        **how,
    )  # fmt: skip


def make_months() -> None:
    """A partition for every month of which there are events, and for some to come; the rest catches whatever fits none."""
    bind = op.get_bind()
    now = datetime.now(UTC)
    last = month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(MONTHS_AHEAD):
        last = following(last)
    oldest = bind.execute(
        sa.text(
            "SELECT min(created_at) FROM consignment WHERE EXISTS "
            "(SELECT FROM tracking_event_former AS event WHERE event.consignment_id = consignment.id)"
        )
    ).scalar()
    if oldest is not None and oldest < month:
        month = oldest.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    op.execute("CREATE TABLE tracking_event_rest PARTITION OF tracking_event DEFAULT")
    while month <= last:
        op.execute(
            f"CREATE TABLE tracking_event_y{month:%Y}m{month:%m} PARTITION OF tracking_event "
            f"FOR VALUES FROM ('{first_id(month)}') TO ('{first_id(following(month))}')"
        )
        month = following(month)


def upgrade() -> None:
    make_room("uq_tracking_event_party_event_id")
    make_table(
        255,
        (*TYPES, "observed"),
        # Null where code from before this table wrote the row: the native door, not retracted.
        sa.Column("door", kind("door", DOORS), nullable=True),
        moment("declared_at", nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=True),
        words("declaration_reason", 200, nullable=True),
        sa.Column("corrective_ids", postgresql.ARRAY(sa.Text()), nullable=True),
        words("event_group", 40, nullable=True),
        sa.Column("epcs", postgresql.ARRAY(sa.Text()), nullable=True),
        words("biz_step", 200, nullable=True),
        words("disposition", 200, nullable=True),
        sa.Column("document", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.UniqueConstraint(
            "consignment_id", "party", "party_event_id", "declared_at",
            name="uq_tracking_event_declaration", postgresql_nulls_not_distinct=True,
        ),
        postgresql_partition_by="RANGE (consignment_id)",
    )  # fmt: skip
    make_months()
    op.execute(f"INSERT INTO tracking_event ({FORMER}, door) SELECT {FORMER}, 'native' FROM tracking_event_former")
    op.execute("DROP TABLE tracking_event_former")
    op.execute(
        """
        CREATE FUNCTION tracking_event_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'tracking events are append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER tracking_event_is_final BEFORE UPDATE OR DELETE ON tracking_event
        FOR EACH ROW EXECUTE FUNCTION tracking_event_is_final()
        """
    )
    op.execute(
        """
        CREATE TRIGGER tracking_event_stays BEFORE TRUNCATE ON tracking_event
        FOR EACH STATEMENT EXECUTE FUNCTION tracking_event_is_final()
        """
    )
    # A plan is kept from when a month was empty, where reading the whole of it cost nothing: events are looked up all the same.
    op.execute(
        """
        CREATE FUNCTION events_of(consignment text) RETURNS SETOF tracking_event LANGUAGE sql STABLE SET enable_seqscan = off
        AS $$ SELECT * FROM tracking_event WHERE consignment_id = consignment $$
        """
    )


def downgrade() -> None:
    """What the former table can hold stays: of each event the latest full telling, of types and ids that it knows."""
    op.execute("DROP FUNCTION events_of(text)")
    make_room("uq_tracking_event_declaration")
    make_table(
        100, TYPES, sa.UniqueConstraint("consignment_id", "party", "party_event_id", name="uq_tracking_event_party_event_id")
    )
    op.execute(
        f"""
        INSERT INTO tracking_event ({FORMER}) SELECT {FORMER} FROM (
            SELECT DISTINCT ON (consignment_id, party, party_event_id) * FROM tracking_event_former
            ORDER BY consignment_id, party, party_event_id, declared_at DESC NULLS LAST
        ) AS latest
        WHERE retracted IS NOT TRUE AND type <> 'observed' AND length(party_event_id) <= 100
            AND coalesce(length(corrects), 0) <= 100
        """
    )
    op.execute("DROP TABLE tracking_event_former")
    op.execute("DROP FUNCTION tracking_event_is_final()")
