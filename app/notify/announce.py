"""News for webhooks: put in the transaction that makes it, and handed out by the worker to whom it concerns."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.core.database import Session, Sql, as_rows
from app.core.ids import new_ids
from app.core.jobs import WEBHOOKS, WEBHOOKS_SLOW, Job, enqueue
from app.notify.webhook_values import FAN_OUT_MAX, NEWS_KEPT, Concerned, News, Noted

# Nothing is written while nobody has an endpoint. Jobs of the caller's go with it, so that news costs no statement of its own.
_ANNOUNCE: Final = Sql(
    "WITH noted AS (INSERT INTO webhook_event (id, name, subject, order_id, buyer_id, producers, carriers, endpoint_id, facts, "
    "occurred_at, noted_at) SELECT id, name, subject, order_id, buyer_id, producers, carriers, endpoint_id, facts, occurred_at, "
    "clock_timestamp() FROM jsonb_populate_recordset(CAST(NULL AS webhook_event), CAST(:news AS jsonb)) "
    "WHERE EXISTS (SELECT FROM webhook_endpoint) RETURNING id) "
    "INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at) SELECT queue, name, payload, run_at "
    "FROM json_to_recordset(CAST(:jobs AS json)) AS job (queue text, name text, payload jsonb, run_at timestamptz) "
    "UNION ALL SELECT CAST(:webhooks AS text), 'webhook.fan_out', jsonb_build_object('events', jsonb_agg(id)), NULL "
    "FROM noted HAVING count(*) > 0"
)
# Whoever hands out news of a subject holds it, so that its news keeps the order in which it was noted.
_HOLD_SUBJECTS: Final = Sql(
    "INSERT INTO webhook_subject (subject, sequence, updated_at) SELECT DISTINCT subject, 0, CAST(:now AS timestamptz) "
    "FROM webhook_event WHERE id = ANY(:events) ORDER BY subject "
    "ON CONFLICT (subject) DO UPDATE SET updated_at = EXCLUDED.updated_at RETURNING subject"
)
_WAITING: Final = Sql(
    "SELECT id, subject, order_id, buyer_id, producers FROM webhook_event "
    "WHERE subject = ANY(:subjects) AND sequence IS NULL ORDER BY noted_at, id LIMIT :most"
)
_NUMBER: Final = Sql(
    "WITH told AS (SELECT event.*, row_number() OVER (PARTITION BY event.subject ORDER BY stored.noted_at, stored.id) AS place "
    "FROM json_to_recordset(CAST(:rows AS json)) AS event (id text, subject text, buyer_id text, producers text[]) "
    "JOIN webhook_event AS stored ON stored.id = event.id), "
    "numbered AS (UPDATE webhook_event AS event SET sequence = held.sequence + told.place, buyer_id = told.buyer_id, "
    "producers = told.producers FROM told JOIN webhook_subject AS held ON held.subject = told.subject WHERE event.id = told.id) "
    "UPDATE webhook_subject AS held SET sequence = held.sequence + counted.places "
    "FROM (SELECT subject, count(*) AS places FROM told GROUP BY subject) AS counted WHERE counted.subject = held.subject"
)
# What the owner of an endpoint may see of news, at this moment: an operator all of it, a buyer and a producer's people their own, a
# partner what its carrier carries. Words of `app.identity.service.authenticate`.
SEES: Final = """(
    (endpoint.person_id IS NOT NULL AND (
        event.buyer_id = endpoint.person_id
        OR EXISTS (SELECT FROM person WHERE person.id = endpoint.person_id AND person.phone = ANY(:operators))
        OR EXISTS (SELECT FROM membership AS mine WHERE mine.person_id = endpoint.person_id
            AND mine.producer_id = ANY(event.producers) AND mine.grants ? 'see')
        OR EXISTS (SELECT FROM membership AS mine
            JOIN cooperative_membership AS joined ON joined.cooperative_id = mine.producer_id AND joined.state = 'active'
            WHERE mine.person_id = endpoint.person_id AND joined.producer_id = ANY(event.producers)
            AND mine.grants ? 'see' AND joined.grants ? 'see')))
    OR (endpoint.partner_id IS NOT NULL AND EXISTS (SELECT FROM partner
        JOIN api_key ON api_key.partner_id = partner.id AND api_key.revoked_at IS NULL AND api_key.scopes ?
            CASE WHEN event.name LIKE 'payout.%' THEN 'statements:read' ELSE 'tracking:read' END
        WHERE partner.id = endpoint.partner_id AND partner.carrier = ANY(event.carriers)))
)"""
_MATCH: Final = Sql(
    "SELECT endpoint.id AS endpoint_id, event.id AS event_id FROM webhook_event AS event JOIN webhook_endpoint AS endpoint "
    "ON event.name = ANY(endpoint.names) OR event.endpoint_id = endpoint.id "
    "WHERE event.id = ANY(:events) AND CASE WHEN event.endpoint_id IS NULL THEN SEES "
    "ELSE event.endpoint_id = endpoint.id END ORDER BY endpoint.id, event.noted_at, event.id".replace("SEES", SEES)
)
_HOLD_ENDPOINTS: Final = Sql(
    "SELECT id, position, state, slow FROM webhook_endpoint WHERE id = ANY(:endpoints) ORDER BY id FOR UPDATE"
)
_DELIVER: Final = Sql(
    "WITH told AS (SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS told (endpoint_id text, event_id text, position bigint, state text)), "
    "moved AS (UPDATE webhook_endpoint SET position = last.position "
    "FROM (SELECT endpoint_id, max(position) AS position FROM told GROUP BY endpoint_id) AS last WHERE id = last.endpoint_id) "
    "INSERT INTO webhook_delivery (endpoint_id, event_id, position, state, attempts, next_at, tries, created_at) "
    "SELECT endpoint_id, event_id, position, state, 0, CASE WHEN state = 'queued' THEN CAST(:now AS timestamptz) END, '[]', "
    "CAST(:now AS timestamptz) FROM told"
)
_FORGET_NEWS: Final = Sql(
    "DELETE FROM webhook_event WHERE id IN (SELECT id FROM webhook_event WHERE noted_at < :before ORDER BY noted_at LIMIT 10000)"
)
_FORGET_SUBJECTS: Final = Sql(
    "DELETE FROM webhook_subject WHERE subject IN "
    "(SELECT subject FROM webhook_subject WHERE updated_at < :before ORDER BY updated_at LIMIT 10000)"
)


async def announce(session: Session, news: Sequence[News], jobs: Sequence[Job] = ()) -> None:
    """Put news, and jobs of the caller's with it, so that they are there if and only if the transaction commits. One statement."""
    if news:
        ids = new_ids("wev", len(news))
        rows = [_row(event_id, each) for event_id, each in zip(ids, news, strict=True)]
        await _ANNOUNCE.tell(session, {"news": as_rows(rows), "jobs": as_rows(jobs), "webhooks": WEBHOOKS})
    else:
        await enqueue(session, jobs)


def _row(event_id: str, news: News) -> dict[str, Any]:
    return {
        "id": event_id,
        "name": news.name,
        "subject": news.subject,
        "order_id": news.order,
        "buyer_id": news.buyer,
        "producers": None if news.producers is None else list(news.producers),
        "carriers": list(news.carriers),
        "endpoint_id": news.endpoint,
        "facts": news.facts,
        "occurred_at": news.occurred_at,
    }


async def hold_news(session: Session, events: Sequence[str], now: datetime) -> list[Noted]:
    """All news of the subjects of these that nobody has handed out, in the order in which it was noted; held until the transaction ends.

    Two statements: what the first waits for, the second sees.
    """
    subjects = [row.subject for row in await _HOLD_SUBJECTS.all(session, {"events": list(events), "now": now})]
    rows = await _WAITING.all(session, {"subjects": subjects, "most": FAN_OUT_MAX})
    return [Noted(row.id, row.subject, row.order_id, row.buyer_id, row.producers) for row in rows]


async def hand_out(
    session: Session,
    noted: Sequence[Noted],
    concerned: Mapping[str, Concerned],
    operators: Sequence[str],
    now: datetime,
) -> None:
    """Number held news, make a delivery of each for every endpoint that asked for it and whose owner may see it, and put the jobs.

    `concerned` by order, for news that did not say whom it concerns.
    """
    if not noted:
        return
    rows = [_told(each, concerned.get(each.order_id or "")) for each in noted]
    await _NUMBER.tell(session, {"rows": as_rows(rows)})
    ids = [each.id for each in noted]
    matches = await _MATCH.all(session, {"events": ids, "operators": list(operators)})
    if matches:
        held = await _HOLD_ENDPOINTS.all(session, {"endpoints": sorted({match.endpoint_id for match in matches})})
        positions = {row.id: row.position for row in held}
        states = {row.id: "queued" if row.state == "enabled" else "held" for row in held}
        deliveries = []
        for match in matches:
            if match.endpoint_id in positions:
                positions[match.endpoint_id] += 1
                deliveries.append(
                    {
                        "endpoint_id": match.endpoint_id,
                        "event_id": match.event_id,
                        "position": positions[match.endpoint_id],
                        "state": states[match.endpoint_id],
                    }
                )
        await _DELIVER.tell(session, {"rows": as_rows(deliveries), "now": now})
        await enqueue(session, [delivery_job(row.id, slow=row.slow) for row in held if row.state == "enabled"])
    if len(noted) == FAN_OUT_MAX:
        await enqueue(session, [Job("webhook.fan_out", {"events": _one_of_each(noted)}, queue=WEBHOOKS)])


def _one_of_each(noted: Sequence[Noted]) -> list[str]:
    """One event of each subject, by which what is left of them is found again."""
    return sorted({each.subject: each.id for each in noted}.values())


def delivery_job(endpoint: str, *, slow: bool, at: datetime | None = None) -> Job:
    """An endpoint is to be served. Those that fail or take long have workers of their own, and hold up none of the others."""
    return Job("webhook.deliver", {"endpoint": endpoint}, run_at=at, queue=WEBHOOKS_SLOW if slow else WEBHOOKS)


def _told(noted: Noted, concerned: Concerned | None) -> dict[str, Any]:
    buyer, producers = noted.buyer_id, noted.producers
    if concerned is not None:
        buyer = buyer or concerned.buyer
        producers = list(concerned.producers) if producers is None else producers
    return {"id": noted.id, "subject": noted.subject, "buyer_id": buyer, "producers": producers}


async def forget_old(session: Session, now: datetime) -> None:
    """Delete news past its keeping time with its deliveries, and counters of subjects that have long been silent; some at a time."""
    await _FORGET_NEWS.tell(session, {"before": now - NEWS_KEPT})
    await _FORGET_SUBJECTS.tell(session, {"before": now - 12 * NEWS_KEPT})
