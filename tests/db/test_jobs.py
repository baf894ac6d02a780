"""Jobs on a real queue: there if the transaction is, run once, tried again, given up, and rescued from dead workers."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import procrastinate
import psycopg
import pytest
from procrastinate.worker import Worker
from sqlalchemy import text

from app.core.errors import NotFound, UpstreamFailed
from app.core.jobs import QUEUE, Job, enqueue, take_along
from app.core.limits import JOB_ATTEMPTS_MAX
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.worker import HANDLERS, PERIODIC, jobs_app, run_worker
from tests.factories.tables import rows, statements_of, value

PHONE = "+8610000000123"
JOBS = "SELECT task_name, status, attempts FROM procrastinate_jobs ORDER BY id"


@dataclass
class Sender:
    """The edge to the telephone: counts what it is given, and fails when it is told to."""

    problem: Exception | None = None
    refused: str = ""
    slow_s: float = 0
    sent: Counter = field(default_factory=Counter)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    keeps_text = True

    async def send(self, _to: str, words: str) -> None:
        self.begun.set()
        await asyncio.sleep(self.slow_s)
        if self.problem is not None:
            raise self.problem
        if self.refused and f" {self.refused} " in words:
            raise UpstreamFailed(service="SMS")
        self.sent[words] += 1


@pytest.fixture
def sender():
    return Sender()


@pytest.fixture
def ports(ports, sender):
    return replace(ports, sender=sender)


async def put_messages(ports, count=1):
    """Messages with a job each."""
    async with ports.begin() as session:
        for n in range(count):
            notice = Notice(PHONE, Template.ORDER_CANCELLED, "en", {"number": f"26-{n}"})
            await queue_messages(session, [notice], ports.clock.now())


async def until_idle(ports):
    """A worker of its own that goes when nothing is due."""
    app = jobs_app(ports)
    async with app.open_async():
        await app.run_worker_async(
            queues=[QUEUE],
            wait=False,
            install_signal_handlers=False,
            listen_notify=False,
            delete_jobs=procrastinate.jobs.DeleteJobCondition.SUCCESSFUL,
        )


async def eventually(condition, seconds=15):
    for _ in range(seconds * 20):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


@asynccontextmanager
async def working(ports):
    """The worker as the service runs it."""
    worker = asyncio.create_task(run_worker(ports))
    try:
        yield worker
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


# Putting.


async def test_job_is_there_if_and_only_if_the_transaction_commits(ports):
    async def fail():
        async with ports.begin() as session:
            await enqueue(session, [Job("order.placed", {"order": "ord_1"})])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await rows(ports, JOBS) == []
    async with ports.begin() as session:
        await enqueue(session, [Job("order.placed", {"order": "ord_1"})])
        assert await rows(ports, JOBS) == []
    assert await rows(ports, JOBS) == [("order.placed", "todo", 0)]
    assert await value(ports, "SELECT args FROM procrastinate_jobs") == {"order": "ord_1"}


async def test_job_of_a_savepoint_that_was_undone_is_not_put(ports):
    async with ports.begin() as session:
        await enqueue(session, [Job("tidy", {"n": 1})])
        nested = await session.begin_nested()
        await enqueue(session, [Job("tidy", {"n": 2})])
        await nested.rollback()
    assert await value(ports, "SELECT array_agg(args ->> 'n') FROM procrastinate_jobs") == ["1"]


async def test_job_for_later_waits_for_its_time(ports, sender):
    await put_messages(ports)
    async with ports.begin() as session:
        later = datetime.now(UTC) + timedelta(hours=1)
        await enqueue(session, [Job("order.complete", {"order": "ord_1"}, run_at=later)])
    await until_idle(ports)
    assert await rows(ports, JOBS) == [("order.complete", "todo", 0)]
    assert sender.sent.total() == 1


async def test_many_jobs_of_a_name_are_one_statement(ports):
    with statements_of(ports.database) as sent:
        async with ports.begin() as session:
            await enqueue(session, [Job("message.send", {"message": f"msg_{n}"}) for n in range(50)])
    assert len(sent) == 1
    assert await value(ports, "SELECT count(*) FROM procrastinate_jobs") == 50


# Running.


async def test_job_that_is_done_is_gone(ports, sender):
    await put_messages(ports, 3)
    await until_idle(ports)
    assert await rows(ports, JOBS) == []
    assert sorted(sender.sent.values()) == [1, 1, 1]
    assert await value(ports, "SELECT count(*) FROM message WHERE state = 'sent'") == 3


async def test_two_workers_do_each_job_once(ports, sender):
    sender.slow_s = 0.01
    await put_messages(ports, 40)
    await asyncio.gather(until_idle(ports), until_idle(ports))
    assert len(sender.sent) == 40
    assert set(sender.sent.values()) == {1}


async def test_jobs_with_messages_run_together_and_each_is_done_once(ports, sender):
    await put_messages(ports, 30)
    with statements_of(ports.database) as sent:
        await until_idle(ports)
    assert len(sender.sent) == 30
    assert set(sender.sent.values()) == {1}
    assert await rows(ports, JOBS) == []
    assert sum("UPDATE message" in each for each in sent) <= 4


async def test_one_that_fails_among_those_taken_along_ends_alone(ports, sender):
    sender.refused = "26-7"
    await put_messages(ports, 10)
    for _ in range(JOB_ATTEMPTS_MAX + 1):
        await until_idle(ports)
        await come_due(ports)
    assert await rows(ports, JOBS) == [("message.send", "failed", JOB_ATTEMPTS_MAX)]
    assert await value(ports, "SELECT count(*) FROM message WHERE state = 'sent'") == 9
    assert set(sender.sent.values()) == {1}


async def test_jobs_taken_along_by_a_worker_that_died_are_begun_again(ports, sender):
    await put_messages(ports, 3)
    async with ports.begin() as session:
        worker = (
            await session.execute(
                text(
                    "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '2 minutes') RETURNING id"
                )
            )
        ).scalar_one()
        assert len(await take_along(session, "message.send", worker)) == 3
    app = jobs_app(ports)
    async with app.open_async():
        for job in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(job)
    await come_due(ports)
    await until_idle(ports)
    assert sorted(sender.sent.values()) == [1, 1, 1]


async def test_job_that_may_succeed_later_is_tried_again_after_a_while(ports, sender):
    sender.problem = UpstreamFailed(service="SMS")
    await put_messages(ports)
    for attempt in range(1, 4):
        await until_idle(ports)
        assert await rows(ports, JOBS) == [("message.send", "todo", attempt)]
        waits = await value(ports, "SELECT extract(epoch FROM scheduled_at - now()) FROM procrastinate_jobs")
        assert 2**attempt - 2 < waits <= 2**attempt
        await come_due(ports)
    sender.problem = None
    await until_idle(ports)
    assert await rows(ports, JOBS) == []
    assert sender.sent.total() == 1


async def come_due(ports):
    async with ports.begin() as session:
        await session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"))


@pytest.mark.parametrize("problem", [UpstreamFailed(service="SMS"), RuntimeError("a mistake of ours"), OSError("gone")])
async def test_job_that_never_succeeds_becomes_a_dead_letter_that_stays(ports, sender, problem):
    sender.problem = problem
    await put_messages(ports)
    for _ in range(JOB_ATTEMPTS_MAX + 2):
        await until_idle(ports)
        await come_due(ports)
    assert await rows(ports, JOBS) == [("message.send", "failed", JOB_ATTEMPTS_MAX)]


async def test_job_that_is_hopeless_is_not_tried_again(ports, sender):
    sender.problem = NotFound(what={"en": "telephone"})
    await put_messages(ports)
    await until_idle(ports)
    assert await rows(ports, JOBS) == [("message.send", "failed", 1)]


async def test_job_that_nobody_knows_is_a_dead_letter_and_stops_nobody(ports, sender):
    async with ports.begin() as session:
        await enqueue(session, [Job("no.such.job", {})])
    await put_messages(ports)
    await until_idle(ports)
    assert await rows(ports, JOBS) == [("no.such.job", "failed", 1)]
    assert sender.sent.total() == 1


# Rescuing.


async def left_by_a_dead_worker(ports, *, forgotten):
    """A job that was at work when its worker was killed; perhaps others have noticed by now and dropped the worker."""
    await put_messages(ports)
    async with ports.begin() as session:
        worker = await session.scalar(
            text(
                "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '2 minutes') RETURNING id"
            )
        )
        await session.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker"), {"worker": worker}
        )
        if forgotten:
            await session.execute(text("DELETE FROM procrastinate_workers"))


@pytest.mark.parametrize("forgotten", [False, True])
async def test_job_of_a_killed_worker_is_rescued_and_done(ports, sender, forgotten):
    await left_by_a_dead_worker(ports, forgotten=forgotten)
    async with ports.begin() as session:
        await enqueue(session, [Job("jobs.rescue", {"timestamp": 0})])
    await until_idle(ports)
    assert sender.sent.total() == 1
    assert await rows(ports, JOBS) == []


async def test_job_of_a_living_worker_is_left_alone(ports, sender):
    await put_messages(ports)
    async with ports.begin() as session:
        await session.execute(
            text(
                "WITH alive AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id) "
                "UPDATE procrastinate_jobs SET status = 'doing', worker_id = alive.id FROM alive"
            )
        )
        await enqueue(session, [Job("jobs.rescue", {"timestamp": 0})])
    await until_idle(ports)
    assert sender.sent.total() == 0


def test_periodic_jobs_have_their_times(ports):
    tasks = {name: cron for (name, _), cron in periodic_of(jobs_app(ports)).items()}
    assert tasks.keys() == {*PERIODIC, "jobs.rescue"}
    assert tasks["jobs.rescue"] == "* * * * *"
    assert {name: PERIODIC[name][0] for name in PERIODIC}.items() <= tasks.items()


def periodic_of(app):
    return {key: task.cron for key, task in app.periodic_registry.periodic_tasks.items()}


def test_every_handler_is_a_task(ports):
    assert set(HANDLERS) <= set(jobs_app(ports).tasks)


# The worker as the service runs it.


async def test_worker_hears_of_a_job_at_once(ports, sender):
    async with working(ports):
        await eventually(lambda: seen_alive(ports))
        started = asyncio.get_running_loop().time()
        await put_messages(ports)
        await eventually(lambda: sent(sender, 1))
        assert asyncio.get_running_loop().time() - started < 2


async def seen_alive(ports):
    return bool(await rows(ports, "SELECT 1 FROM procrastinate_workers"))


async def sent(sender, count):
    return sender.sent.total() >= count


async def test_worker_that_is_told_to_stop_finishes_what_it_is_at(ports, sender):
    sender.slow_s = 0.7
    await put_messages(ports)
    async with working(ports):
        await asyncio.wait_for(sender.begun.wait(), 15)
    assert sender.sent.total() == 1
    # What runs by the clock may have come in meanwhile, and waits.
    assert [each for each in await rows(ports, JOBS) if each.task_name not in (*PERIODIC, "jobs.rescue")] == []
    assert await rows(ports, "SELECT id FROM procrastinate_workers") == []


async def test_worker_goes_on_after_the_database_cut_every_connection(ports, sender):
    async with working(ports):
        await eventually(lambda: seen_alive(ports))
        with psycopg.connect(ports.database.url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await asyncio.sleep(0.5)
        await ports.database.engine.dispose()
        await put_messages(ports)
        await eventually(lambda: sent(sender, 1), 30)


@pytest.mark.parametrize("side_task", ["_periodic_deferrer", "_update_heartbeat"])
async def test_worker_starts_over_when_the_queue_gave_up_without_an_exception(ports, sender, monkeypatch, side_task):
    """The queue's worker ends quietly when a side task fails, as when the database cuts it off in a commit."""
    own = getattr(Worker, side_task)
    failed = asyncio.Event()

    async def fail_once(worker):
        if failed.is_set():
            return await own(worker)
        failed.set()
        raise procrastinate.exceptions.ConnectorException

    monkeypatch.setattr(Worker, side_task, fail_once)
    async with working(ports):
        await asyncio.wait_for(failed.wait(), 15)
        await put_messages(ports)
        await eventually(lambda: sent(sender, 1))


async def test_worker_that_cannot_sign_off_stops_all_the_same(ports):
    async with working(ports) as worker:
        await eventually(lambda: seen_alive(ports))
        async with ports.begin() as session:
            await session.execute(text("ALTER TABLE procrastinate_workers RENAME TO away"))
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(worker, 15)
        assert worker.done()


async def test_worker_starts_over_when_the_queue_was_away(ports, sender):
    """Anything that stops the queue's own worker, such as a database that is being restored, is over once it is back."""
    async with working(ports):
        await eventually(lambda: seen_alive(ports))
        async with ports.begin() as session:
            await session.execute(text("ALTER TABLE procrastinate_jobs RENAME TO away"))
        await asyncio.sleep(3)
        async with ports.begin() as session:
            await session.execute(text("ALTER TABLE away RENAME TO procrastinate_jobs"))
        await put_messages(ports)
        await eventually(lambda: sent(sender, 1))
