"""Verbs of a changed way: legs that nobody has begun are replaced, what was is kept, and what has no way on is noted."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from app.core.database import Session, as_rows, dump_json
from app.notify.announce import announce
from app.shipments.service import columns
from app.shipments.telling import told_of_way
from app.shipments.values import Journey, JourneyLeg

_LOCK: Final = text("SELECT id FROM consignment WHERE id = :id FOR UPDATE")
# Events are only ever added, and a new plan has a new version: with these three a consignment is as it was read.
_AS_READ: Final = (
    "id = :id AND plan_version = :version AND cancelled_at IS NOT DISTINCT FROM CAST(:cancelled_at AS timestamptz) "
    "AND (SELECT count(*) FROM tracking_event WHERE consignment_id = :id) = :events RETURNING id"
)
_ADD_LEGS: Final = text(
    "INSERT INTO leg SELECT row.* FROM jsonb_populate_recordset(CAST(NULL AS leg), CAST(:rows AS jsonb)) AS row"
)
_CHANGE: Final = text(
    """
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
WHERE AS_READ
""".replace("AS_READ", _AS_READ)
)
_STRAND: Final = text(
    """
WITH listed AS (
    INSERT INTO stranded (consignment_id, disruption_id, disruption_reason, hub, destination, ready_at, reason, rule, stranded_at, tried_at)
    VALUES (:id, CAST(:disruption AS text), CAST(:because AS jsonb), :hub, :destination, :ready_at, :reason, :rule, :now, :now)
    ON CONFLICT (consignment_id) DO UPDATE SET hub = EXCLUDED.hub, ready_at = EXCLUDED.ready_at, reason = EXCLUDED.reason,
        rule = EXCLUDED.rule, tried_at = EXCLUDED.tried_at
)
UPDATE consignment SET stranded_at = coalesce(stranded_at, :now), replan_reason = CAST(:because AS jsonb)
WHERE AS_READ
""".replace("AS_READ", _AS_READ)
)


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


class JourneyMoved(Exception):
    """The consignment is not as it was read: look again."""


async def lock_journey(session: Session, consignment_id: str) -> None:
    """Lock a consignment until the transaction ends. What follows sees what the last holder wrote."""
    await session.execute(_LOCK, {"id": consignment_id})


async def change_way(
    session: Session, journey: Journey, events: int, change: Change, cause: Cause, now: datetime
) -> None:
    """Replace the legs from `change.since` on; what they were is kept with the reason. Lock the journey first. Three statements, with the news.

    Legs before that, which are executed or under way, are not touched. Raises `JourneyMoved`, which leaves the transaction to be
    undone, when it is not as it was read with so many events.
    """
    rows = [
        columns(leg) | {"consignment_id": journey.id, "seq": seq} for seq, leg in enumerate(change.legs, change.since)
    ]
    values: dict[str, Any] = _read(journey, events) | {
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
    changed = await session.execute(_CHANGE, values | {name: getattr(change, name) for name in same})
    if changed.first() is None:
        raise JourneyMoved
    await session.execute(_ADD_LEGS, {"rows": as_rows(rows)})
    told = {
        "promised_by": change.promised_by,
        "estimated_at": change.estimated_at,
        "plan_version": journey.plan_version + 1,
    }
    legs = (*journey.legs[: change.since], *change.legs)
    await announce(session, [told_of_way(replace(journey, legs=legs), "shipment.replanned", now, told)])


async def strand(
    session: Session,
    journey: Journey,
    events: int,
    found: tuple[str, datetime, str],
    cause: Cause,
    now: datetime,
    rule: str | None = None,
) -> None:
    """Note that from a hub, at a time, there is no way on for a reason; once, however often it is found; the first time with the news.

    `rule` is the number of the one that forbids it. Lock the journey first. Raises `JourneyMoved` as above.
    """
    rides = [leg for leg in journey.legs if leg.mode != "courier"]
    hub, ready_at, reason = found
    values: dict[str, Any] = _read(journey, events) | {
        "disruption": cause.disruption_id,
        "because": dump_json(cause.reason),
        "hub": hub,
        "destination": rides[-1].to_hub,
        "ready_at": ready_at,
        "reason": reason,
        "rule": rule,
        "now": now,
    }
    if (await session.execute(_STRAND, values)).first() is None:
        raise JourneyMoved
    if journey.stranded_at is None:
        told = {"hub": hub, "ready_at": ready_at, "reason": reason}
        await announce(session, [told_of_way(journey, "shipment.stranded", now, told)])


def _read(journey: Journey, events: int) -> dict[str, Any]:
    return {
        "id": journey.id,
        "version": journey.plan_version,
        "cancelled_at": journey.cancelled_at,
        "events": events,
    }
