"""Verbs of a changed way: legs that nobody has begun are replaced, what was is kept, and what has no way on is noted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from app.core.database import Session, dump_json
from app.shipments.service import as_rows, columns
from app.shipments.values import Journey, JourneyLeg

_LOCK: Final = text("SELECT id FROM consignment WHERE id = :id FOR UPDATE")
# Events are only ever added, and a new plan has a new version: with these three a consignment is as it was read.
_AS_READ: Final = text(
    "SELECT FROM consignment WHERE id = :id AND plan_version = :version AND cancelled_at IS NOT DISTINCT FROM :cancelled_at "
    "AND (SELECT count(*) FROM tracking_event WHERE consignment_id = :id) = :events"
)
_ADD_LEGS: Final = text(
    "INSERT INTO leg SELECT row.* FROM jsonb_populate_recordset(CAST(NULL AS leg), CAST(:rows AS jsonb)) AS row"
)
_CHANGE: Final = text("""
WITH dropped AS (
    DELETE FROM leg WHERE consignment_id = :id AND seq >= :since
), noted AS (
    INSERT INTO replan (consignment_id, version, disruption_id, reason, made_at, told_at, hub, ready_at, former_legs,
        hand_in_by_before, hand_in_by, promised_by_before, promised_by, extra_carriage_minor)
    SELECT id, plan_version + 1, CAST(:disruption AS text), CAST(:reason AS jsonb), :now,
        CASE WHEN :is_news THEN NULL ELSE CAST(:now AS timestamptz) END, :hub, :ready_at, CAST(:former_legs AS jsonb), hand_in_by, :hand_in_by, promised_by, :promised_by, :extra_minor
    FROM consignment WHERE id = :id
), found AS (
    DELETE FROM stranded WHERE consignment_id = :id
)
UPDATE consignment SET plan_version = plan_version + 1, replanned_at = :now, replan_reason = CAST(:reason AS jsonb),
    stranded_at = NULL, promised_from = :promised_from, promised_by = :promised_by, hand_in_by = :hand_in_by,
    estimated_at = :estimated_at, extra_carriage_minor = extra_carriage_minor + :extra_minor
WHERE id = :id
""")
_STRAND: Final = text("""
WITH listed AS (
    INSERT INTO stranded (consignment_id, disruption_id, disruption_reason, hub, destination, ready_at, reason, stranded_at, tried_at)
    VALUES (:id, CAST(:disruption AS text), CAST(:because AS jsonb), :hub, :destination, :ready_at, :reason, :now, :now)
    ON CONFLICT (consignment_id) DO UPDATE SET hub = EXCLUDED.hub, ready_at = EXCLUDED.ready_at, reason = EXCLUDED.reason,
        tried_at = EXCLUDED.tried_at
)
UPDATE consignment SET stranded_at = coalesce(stranded_at, :now), replan_reason = CAST(:because AS jsonb) WHERE id = :id
""")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a way changes, in the words of whoever said so."""

    disruption_id: str | None
    reason: dict[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """A journey's new rest: the legs from number `since` on, planned from `hub` at `ready_at`."""

    since: int
    legs: tuple[JourneyLeg, ...]
    hub: str
    ready_at: datetime
    hand_in_by: datetime
    promised_from: datetime
    promised_by: datetime
    estimated_at: datetime | None
    extra_minor: int
    is_news: bool


async def lock_as_read(session: Session, journey: Journey, events: int) -> bool:
    """Lock a consignment until the transaction ends; whether it is as it was read, with so many events.

    Two statements: the second sees what the last holder wrote.
    """
    await session.execute(_LOCK, {"id": journey.id})
    read = {"id": journey.id, "version": journey.plan_version, "cancelled_at": journey.cancelled_at, "events": events}
    return (await session.execute(_AS_READ, read)).first() is not None


async def change_way(session: Session, journey: Journey, change: Change, cause: Cause, now: datetime) -> None:
    """Replace the legs from `change.since` on; what they were is kept with the reason. Lock the journey first. Two statements.

    Legs before that, which are executed or under way, are not touched.
    """
    rows = [
        columns(leg) | {"consignment_id": journey.id, "seq": seq} for seq, leg in enumerate(change.legs, change.since)
    ]
    values: dict[str, Any] = {
        "id": journey.id,
        "disruption": cause.disruption_id,
        "reason": dump_json(cause.reason),
        "now": now,
        "former_legs": dump_json([columns(leg) for leg in journey.legs[change.since :]]),
    }
    same = (
        "since",
        "hub",
        "ready_at",
        "hand_in_by",
        "promised_from",
        "promised_by",
        "estimated_at",
        "extra_minor",
        "is_news",
    )
    await session.execute(_CHANGE, values | {name: getattr(change, name) for name in same})
    await session.execute(_ADD_LEGS, as_rows(rows))


async def strand(
    session: Session, journey: Journey, hub: str, ready_at: datetime, reason: str, cause: Cause, now: datetime
) -> None:
    """Note that there is no way on from `hub`, once however often it is found. Lock the journey first. One statement."""
    rides = [leg for leg in journey.legs if leg.mode != "courier"]
    values: dict[str, Any] = {
        "id": journey.id,
        "disruption": cause.disruption_id,
        "because": dump_json(cause.reason),
        "hub": hub,
        "destination": rides[-1].to_hub,
        "ready_at": ready_at,
        "reason": reason,
        "now": now,
    }
    await session.execute(_STRAND, values)
