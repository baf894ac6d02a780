"""Jobs: rows in PostgreSQL, queued in the caller's transaction. What each job does is named in `app/worker.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from procrastinate import App, PsycopgConnector

from app.core.database import Session, driver_of

QUEUE = "chama"


@dataclass(frozen=True, slots=True)
class Job:
    """News for the worker: a name such as `shipment.delivered` and what it is about (ids, not documents)."""

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    run_at: datetime | None = None


# Only used to put rows in through connections that callers own, so it is never opened itself.
_putting = App(connector=PsycopgConnector())


async def enqueue(session: Session, jobs: Sequence[Job]) -> None:
    """Queue jobs so that they exist if and only if the caller's transaction commits. One statement for each name and time."""
    connection = await driver_of(session)
    together: dict[tuple[str, datetime | None], list[dict[str, Any]]] = {}
    for job in jobs:
        together.setdefault((job.name, job.run_at), []).append(dict(job.payload))
    for (name, run_at), payloads in together.items():
        deferrer = _putting.configure_task(
            name, allow_unknown=True, queue=QUEUE, schedule_at=run_at, connection=connection
        )
        await deferrer.batch_defer_async(*payloads)
