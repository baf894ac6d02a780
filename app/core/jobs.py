"""Jobs: rows in PostgreSQL, queued in the caller's transaction. What each job does is named in `app/worker.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.core.database import Session, Sql, as_rows

QUEUE: Final = "chama"
# A row of the queue's own table, which it keeps from version to version: through its client this costs five times as much.
_ENQUEUE: Final = Sql(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at) SELECT :queue, name, payload, run_at "
    "FROM json_to_recordset(CAST(:jobs AS json)) AS job (name text, payload jsonb, run_at timestamptz)"
)


@dataclass(frozen=True, slots=True)
class Job:
    """News for the worker: a name such as `shipment.delivered` and what it is about (ids, not documents)."""

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    run_at: datetime | None = None


async def enqueue(session: Session, jobs: Sequence[Job]) -> None:
    """Queue jobs so that they exist if and only if the caller's transaction commits. One statement, whatever their number."""
    if jobs:
        await _ENQUEUE.all(session, {"queue": QUEUE, "jobs": as_rows(jobs)})
