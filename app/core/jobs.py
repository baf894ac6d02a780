"""Jobs: rows in PostgreSQL, queued in the caller's transaction. What each job does is named in `app/worker.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.core.database import Session, Sql, as_rows

QUEUE: Final = "chama"
# What waits for servers of others has workers of its own, and what waits for the slow ones among them others again.
WEBHOOKS: Final = "webhooks"
WEBHOOKS_SLOW: Final = "webhooks_slow"
# A row of the queue's own table, which it keeps from version to version: through its client this costs five times as much.
_ENQUEUE: Final = Sql(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at) SELECT queue, name, payload, run_at "
    "FROM json_to_recordset(CAST(:jobs AS json)) AS job (queue text, name text, payload jsonb, run_at timestamptz)"
)
# Jobs that failed before run alone, so that one that fails keeps no others back twice.
_TAKE_ALONG: Final = Sql(
    "WITH fresh AS (SELECT id FROM procrastinate_jobs WHERE task_name = :name AND status = 'todo' AND attempts = 0 "
    "AND scheduled_at IS NULL ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED) "
    "UPDATE procrastinate_jobs AS job SET status = 'doing', worker_id = :worker FROM fresh WHERE job.id = fresh.id "
    "RETURNING job.id, job.args"
)
_FINISH: Final = Sql("DELETE FROM procrastinate_jobs WHERE id = ANY(:ids) AND status = 'doing'")
_PUT_BACK: Final = Sql(
    "UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, worker_id = NULL, "
    "scheduled_at = now() + interval '2 seconds' WHERE id = ANY(:ids) AND status = 'doing'"
)
TAKEN_ALONG_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Job:
    """News for the worker: a name such as `shipment.delivered` and what it is about (ids, not documents)."""

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    run_at: datetime | None = None
    queue: str = QUEUE


async def enqueue(session: Session, jobs: Sequence[Job]) -> None:
    """Queue jobs so that they exist if and only if the caller's transaction commits. One statement, whatever their number."""
    if jobs:
        await _ENQUEUE.tell(session, {"jobs": as_rows(jobs)})


async def take_along(session: Session, name: str, worker: int | None) -> dict[int, dict[str, Any]]:
    """Begin other jobs of this name that wait and were never tried, in the name of a worker: their payloads by id.

    Like its own: when the worker dies they are begun again. One statement.
    """
    rows = await _TAKE_ALONG.all(session, {"name": name, "worker": worker, "most": TAKEN_ALONG_MAX})
    return {row.id: row.args for row in rows}


async def finish(session: Session, ids: Sequence[int]) -> None:
    """What was taken along is done."""
    if ids:
        await _FINISH.tell(session, {"ids": list(ids)})


async def put_back(session: Session, ids: Sequence[int]) -> None:
    """What was taken along failed together: each is tried again by itself."""
    if ids:
        await _PUT_BACK.tell(session, {"ids": list(ids)})
