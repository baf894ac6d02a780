"""The worker of tests: runs the jobs that are due by the test's clock, as the handlers of `app.worker` do them."""

import asyncio

from sqlalchemy import text

from app.flows.ports import Ports
from app.worker import HANDLERS

ROUNDS_MAX = 20


async def waiting(ports: Ports) -> list[tuple[str, dict[str, str]]]:
    """Name and payload of every job that has not run, the oldest first."""
    async with ports.database.read() as connection:
        rows = await connection.execute(
            text("SELECT task_name, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
        )
        return [(row.task_name, row.args) for row in rows]


async def work(ports: Ports) -> list[str]:
    """Run what is due until nothing is; answers the names of what ran. A job that fails fails the test."""
    ran = []
    for _ in range(ROUNDS_MAX):
        async with ports.begin() as session:
            due = (
                await session.execute(
                    text(
                        "UPDATE procrastinate_jobs SET status = 'succeeded' WHERE status = 'todo' "
                        "AND (scheduled_at IS NULL OR scheduled_at <= :now) RETURNING id, task_name, args"
                    ),
                    {"now": ports.clock.now()},
                )
            ).all()
        if not due:
            return ran
        for job in sorted(due):
            async with asyncio.timeout(30):
                await HANDLERS[job.task_name](ports, **job.args)
            ran.append(job.task_name)
    raise AssertionError(f"jobs make jobs without end: {ran[-10:]}")
