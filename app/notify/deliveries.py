"""Verbs of deliveries: hold an endpoint while it is served, note what came of it, and send again what is asked for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from app.core.database import Reader, Session, Sql, as_rows
from app.core.jobs import enqueue
from app.notify.announce import SEES, delivery_job
from app.notify.webhook_values import (
    ANSWER_KEPT_MAX,
    BATCH_MAX,
    HELD,
    TRIES_KEPT_MAX,
    DeliveryState,
    DisabledBecause,
    Due,
    Ended,
    Health,
    Held,
)

_HOLD: Final = Sql(
    "UPDATE webhook_endpoint SET busy_until = :until WHERE id = :id AND state = 'enabled' "
    "AND (busy_until IS NULL OR busy_until <= :now) AND (rests_until IS NULL OR rests_until <= :now) "
    "RETURNING id, url, partner_id IS NOT NULL AS by_carrier, secret, CASE WHEN former_until > :now THEN former_secret END AS former, "
    "failures, slow, succeeded_at, person_id"
)
_DUE: Final = Sql(
    "SELECT delivery.event_id, event.name, event.subject, event.sequence, event.occurred_at, event.facts, delivery.attempts, "
    "delivery.first_at, coalesce(event.endpoint_id = endpoint.id, false) OR SEES AS is_seen "
    "FROM webhook_delivery AS delivery JOIN webhook_event AS event ON event.id = delivery.event_id "
    "JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id "
    "WHERE delivery.endpoint_id = :id AND delivery.state = 'queued' AND delivery.next_at <= :now "
    "ORDER BY delivery.position LIMIT :most".replace("SEES", SEES)
)
_RELEASE: Final = Sql(
    "UPDATE webhook_endpoint SET busy_until = NULL, failures = :failures, succeeded_at = :succeeded_at, rests_until = :rests_until, "
    "slow = :slow WHERE id = :id RETURNING state"
)
_DISABLE: Final = Sql(
    "UPDATE webhook_endpoint SET state = 'disabled', disabled_because = :because, disabled_at = :now, updated_at = :now "
    "WHERE id = :id AND state = 'enabled' RETURNING id"
)
_HOLD_BACK: Final = Sql(
    "UPDATE webhook_delivery SET state = 'held', next_at = NULL WHERE endpoint_id = :id AND state = 'queued'"
)
_NOTE: Final = Sql(
    "UPDATE webhook_delivery AS delivery SET state = told.state, next_at = told.next_at, attempts = delivery.attempts + told.made, "
    "first_at = coalesce(delivery.first_at, told.at), delivered_at = CASE WHEN told.state = 'delivered' THEN told.at END, "
    "tries = CASE WHEN told.made = 0 THEN delivery.tries ELSE (SELECT jsonb_agg(each ORDER BY place) FROM (SELECT each, place FROM "
    "jsonb_array_elements(delivery.tries || jsonb_build_array(told.attempt)) WITH ORDINALITY AS one (each, place) "
    "ORDER BY place DESC LIMIT :kept) AS last) END "
    "FROM json_to_recordset(CAST(:rows AS json)) AS told (event_id text, state text, next_at timestamptz, made int, at timestamptz, attempt jsonb) "
    "WHERE delivery.endpoint_id = :id AND delivery.event_id = told.event_id"
)
_NEXT: Final = Sql("SELECT min(next_at) AS at FROM webhook_delivery WHERE endpoint_id = :id AND state = 'queued'")
_FORGOTTEN: Final = Sql(
    "SELECT endpoint.id, endpoint.slow FROM webhook_endpoint AS endpoint WHERE endpoint.state = 'enabled' "
    "AND (endpoint.busy_until IS NULL OR endpoint.busy_until <= :now) AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= :now) "
    "AND EXISTS (SELECT FROM webhook_delivery AS delivery WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'queued' "
    "AND delivery.next_at <= :before) ORDER BY endpoint.id LIMIT 1000"
)
_UNTOLD: Final = Sql(
    "SELECT id FROM webhook_event WHERE sequence IS NULL AND noted_at < clock_timestamp() - interval '1 minute' ORDER BY id LIMIT 500"
)


async def hold_endpoint(session: Session, endpoint_id: str, now: datetime) -> Held | None:
    """Serve this endpoint; None when it is not to be served now: somebody else does, or it rests, is disabled or gone."""
    row = await _HOLD.first(session, {"id": endpoint_id, "now": now, "until": now + HELD})
    if row is None:
        return None
    secrets = tuple(bytes(secret) for secret in (row.secret, row.former) if secret is not None)
    return Held(row.id, row.url, row.by_carrier, secrets, row.failures, row.slow, row.succeeded_at, row.person_id)


async def list_due(session: Session, held: Held, operators: Sequence[str], now: datetime) -> list[Due]:
    """What is to be sent to it now, in its order; to one that failed last time, one alone."""
    most = 1 if held.failures else BATCH_MAX
    rows = await _DUE.all(session, {"id": held.id, "operators": list(operators), "now": now, "most": most})
    return [Due(**row._asdict()) for row in rows]


async def release_endpoint(
    session: Session, held: Held, ended: Sequence[Ended], health: Health, now: datetime
) -> DisabledBecause | None:
    """Note what came of a go, let the endpoint go, and put the job for what is next. Answers why it was disabled, when it was just now."""
    row = await _RELEASE.first(
        session,
        {
            "id": held.id,
            "failures": health.failures,
            "succeeded_at": health.succeeded_at,
            "rests_until": health.rests_until,
            "slow": health.slow,
        },
    )
    if row is None:
        # It was taken away meanwhile, with its deliveries.
        return None
    await _NOTE.tell(
        session, {"id": held.id, "kept": TRIES_KEPT_MAX, "rows": as_rows([_noted(each) for each in ended])}
    )
    if row.state != "enabled" or health.disabled is not None:
        told = health.disabled and await _DISABLE.first(
            session, {"id": held.id, "because": health.disabled, "now": now}
        )
        await _HOLD_BACK.tell(session, {"id": held.id})
        return health.disabled if told else None
    # After the row was let go: whoever found it busy has put its delivery before.
    waiting = await _NEXT.first(session, {"id": held.id})
    if waiting.at is not None:
        at = max(waiting.at, health.rests_until or waiting.at)
        await enqueue(session, [delivery_job(held.id, slow=health.slow, at=at if at > now else None)])
    return None


def _noted(ended: Ended) -> dict[str, Any]:
    attempt = ended.attempt
    tried = ended.state is not DeliveryState.WITHHELD
    return {
        "event_id": ended.due.event_id,
        "state": ended.state,
        "next_at": ended.next_at,
        "made": int(tried),
        "at": attempt.at if tried else None,
        "attempt": {
            "at": attempt.at,
            "status": attempt.status,
            "error": attempt.error,
            "answer": attempt.answer[:ANSWER_KEPT_MAX],
            "duration_ms": attempt.duration_ms,
        },
    }


async def list_forgotten(reader: Reader, now: datetime, before: datetime) -> list[tuple[str, bool]]:
    """Endpoints that nobody serves although something has been due since `before`: their worker died."""
    return [(row.id, row.slow) for row in await _FORGOTTEN.all(reader, {"now": now, "before": before})]


async def list_untold(reader: Reader) -> list[str]:
    """News that has waited for long to be handed out: its job died."""
    return [row.id for row in await _UNTOLD.all(reader, {})]
