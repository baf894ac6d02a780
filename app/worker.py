"""The worker: takes jobs from PostgreSQL and runs the flow named for each. `python -m app.worker` runs it alone."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import procrastinate
from procrastinate import App, PsycopgConnector
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job as StoredJob
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from psycopg_pool import AsyncConnectionPool
from pydantic import ValidationError

from app.core.database import SEARCH_PATH
from app.core.errors import Kind, Problem
from app.core.jobs import QUEUE, WEBHOOKS, WEBHOOKS_SLOW, finish, put_back, take_along
from app.core.limits import JOB_ATTEMPTS_MAX
from app.core.log import configure
from app.core.settings import Settings, faults_of
from app.flows import (
    add_photo,
    answer_dispute,
    bargain,
    bring_back,
    cancel_order,
    capture_epcis,
    catch_connections,
    claim_goods,
    confirm_harvest,
    follow_payment,
    follow_shipment,
    follow_units,
    keep_books,
    keep_cold,
    keep_events,
    keep_history,
    keep_producer,
    mark_payout,
    move_released,
    pay_deposit,
    pay_out,
    plan_back,
    publish_listing,
    record_payment_event,
    renew_payment,
    replan_consignments,
    return_boxes,
    return_part,
    send_message,
    send_webhooks,
    subscribe_epcis,
    tell_people,
    tell_recalled,
    tell_replanned,
    tidy,
    watch_shipments,
    weigh_in,
    write_off,
)
from app.flows.ports import Ports, fault_of_tables, open_ports

log = logging.getLogger(__name__)
Handler = Callable[..., Awaitable[None]]

HANDLERS: Final[Mapping[str, Handler]] = {
    "harvest.short": confirm_harvest.share_harvest,
    "box.refund": return_boxes.refund_box,
    "boxes.forfeit": return_boxes.forfeit_boxes,
    "claim.lapse": claim_goods.lapse_claim,
    "claim.refund": claim_goods.refund_claim,
    "epcis.capture": capture_epcis.run_capture,
    "refusal.write_off": write_off.write_off,
    "return.lapse": bring_back.lapse_return,
    "return.plan": plan_back.plan_return,
    "return.settle": bring_back.settle_return,
    "deposit.failed": pay_deposit.deposit_failed,
    "deposit.paid": pay_deposit.deposit_paid,
    "deposit.return": pay_deposit.return_deposit,
    "listing.published": publish_listing.tell_sellers,
    "lot.recall_lifted": tell_recalled.tell_recalled,
    "lot.recalled": tell_recalled.tell_recalled,
    "message.send": send_message.send_messages,
    "network.disrupted": replan_consignments.replan_consignments,
    "network.restored": replan_consignments.retry_all_stranded,
    "offer.lapse": bargain.lapse_offer,
    "order.released": move_released.align_order,
    "order.placed": tell_people.order_placed,
    "order.shipped": tell_people.order_shipped,
    "order.delivered": tell_people.order_delivered,
    "order.cancelled": tell_people.order_cancelled,
    "order.unserved": tell_people.order_unserved,
    "order.expire": cancel_order.expire_order,
    "order.cut": tell_people.order_cut,
    "order.release": follow_shipment.release_producer,
    "order.complete": follow_shipment.complete_order,
    "dispute.answer": answer_dispute.send_evidence,
    "payment.event": record_payment_event.record_payment_event,
    "payment.authorised": follow_payment.payment_paid,
    "payment.capture": follow_payment.capture_payment,
    "payment.lost": follow_payment.payment_lost,
    "payment.paid": follow_payment.payment_paid,
    "payment.failed": tell_people.payment_failed,
    "payment.return": cancel_order.return_payment,
    "payment.return_former": renew_payment.return_former,
    "payment.part_refund": return_part.return_part,
    "payout.run": pay_out.make_payouts,
    "payout.send": mark_payout.send_payout,
    "producer.changed": keep_producer.producer_changed,
    "shipment.advanced": follow_shipment.follow_shipment,
    "shipment.delayed": catch_connections.catch_connections,
    "shipment.delivered": follow_shipment.follow_shipment,
    "shipment.measured": keep_cold.keep_cold,
    "shipment.replanned": tell_replanned.tell_replanned,
    "shipment.returned": follow_shipment.follow_shipment,
    "units.follow": follow_units.follow_units,
    "webhook.deliver": send_webhooks.deliver,
    "webhook.fan_out": send_webhooks.fan_out,
    "weigh_in.lapse": weigh_in.lapse_weigh_in,
}
# Jobs with lists for payloads, of which those that wait run as one.
TOGETHER: Final = frozenset({"message.send", "shipment.delayed", "shipment.measured"})
# Name of the job, when it runs (cron, UTC), and the story.
PERIODIC: Final[Mapping[str, tuple[str, Callable[[Ports], Awaitable[None]]]]] = {
    "books.close": ("30 19 * * *", keep_books.close_books),
    # A moment after the midnight of legal time.
    "capacities.renew": ("5 16 * * *", publish_listing.renew_capacities),
    "payments.capture": ("20 * * * *", follow_payment.capture_in_time),
    "epcis.reports": ("* * * * * */5", subscribe_epcis.report_subscriptions),
    "events.months": ("10 19 * * *", keep_events.make_months),
    "history.sum": ("25 19 * * *", keep_history.add_up),
    "hubs.sum": ("5 * * * *", keep_history.add_up_hubs),
    "moves.align": ("50 * * * *", move_released.align_waiting),
    "payouts.begin": ("0 1 * * *", pay_out.pay_on_their_days),
    "payouts.look": ("*/20 * * * *", mark_payout.look_after_payouts),
    "photos.forget": ("45 * * * *", add_photo.forget_photos),
    "shipments.watch": ("*/10 * * * *", watch_shipments.watch_shipments),
    "tidy": ("15 19 * * *", tidy.tidy),
    "webhooks.look": ("* * * * *", send_webhooks.look_after_webhooks),
}
START_OVER_S: Final = 2.0
LOOKS_EVERY_S: Final = 0.25
_WORTH_ANOTHER_TRY: Final = frozenset({Kind.UPSTREAM, Kind.LIMITED, Kind.BROKEN, Kind.CONFLICT})


class Retry(BaseRetryStrategy):
    """Again after 2, 4, 8 … seconds (at most an hour) when it may help; else the job is a dead letter at once."""

    def get_retry_decision(self, *, exception: BaseException, job: StoredJob) -> RetryDecision | None:
        hopeless = isinstance(exception, Problem) and exception.kind not in _WORTH_ANOTHER_TRY
        if hopeless or job.attempts + 1 >= JOB_ATTEMPTS_MAX:
            log.error("dead letter", extra={"job": job.task_name, "job_id": job.id, "attempts": job.attempts + 1})
            return None
        return RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), 3_600)})


def jobs_app(ports: Ports) -> App:
    """The queue with a task for every handler; tasks get `ports` and their payload."""
    connector = PsycopgConnector(
        pool_factory=_pool,
        conninfo=ports.database.url,
        kwargs={"options": f"-c search_path={SEARCH_PATH}"},
        min_size=1,
        max_size=8,
    )
    app = App(connector=connector)
    for name, handler in HANDLERS.items():
        if name in TOGETHER:
            app.task(name=name, queue=QUEUE, retry=Retry(), pass_context=True)(_bound_together(name, handler, ports))
        else:
            app.task(name=name, queue=QUEUE, retry=Retry())(_bound(handler, ports))
    for name, (cron, sweep) in PERIODIC.items():
        app.periodic(cron=cron)(app.task(name=name, queue=QUEUE, queueing_lock=name)(_swept(sweep, ports)))
    app.periodic(cron="* * * * *")(app.task(name="jobs.rescue", queue=QUEUE, queueing_lock="jobs.rescue")(_rescue(app)))
    return app


def _pool(**options: Any) -> AsyncConnectionPool:
    """Connections that are used without being tried first: when one is lost, the worker starts over anyhow."""
    return AsyncConnectionPool(**options | {"check": None})


def _bound(handler: Handler, ports: Ports) -> Handler:
    async def run(**payload: Any) -> None:
        await handler(ports, **payload)

    return run


def _bound_together(name: str, handler: Handler, ports: Ports) -> Handler:
    """Run a job together with those of its name that wait: the handler takes lists, and gets them put together.

    A job that failed before runs alone.
    """

    async def run(context: JobContext, **payload: list[Any]) -> None:
        job = context.job
        async with ports.begin() as session:
            others = await take_along(session, name, job.worker_id) if job.attempts == 0 else {}
        together = {
            key: [*some, *(each for other in others.values() for each in other[key])] for key, some in payload.items()
        }
        try:
            await handler(ports, **together)
            async with ports.begin() as session:
                await finish(session, list(others))
        except Exception:
            async with ports.begin() as session:
                await put_back(session, list(others))
            raise

    return run


def _swept(sweep: Callable[[Ports], Awaitable[None]], ports: Ports) -> Handler:
    async def run(timestamp: int) -> None:  # noqa: ARG001 - the queue passes when it was due
        await sweep(ports)

    return run


def _rescue(app: App) -> Handler:
    """Jobs of a worker that died run again: every handler may run twice."""

    async def run(timestamp: int) -> None:  # noqa: ARG001 - the queue passes when it was due
        for job in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(job)

    return run


async def run_worker(ports: Ports) -> None:
    """Run jobs until cancelled; jobs that are running may finish. Starts over when the database was away.

    The queue's own worker ends without an exception when one of its side tasks failed, so that its end says nothing
    about our wanting it.
    """
    while not _cancelled():
        try:
            await _work(ports)
            log.error("the worker ended by itself; starting over in %s s", START_OVER_S)
        except Exception:
            log.exception("the worker stopped; starting over in %s s", START_OVER_S)
        if not _cancelled():
            await asyncio.sleep(START_OVER_S)


def _cancelled() -> bool:
    """Whether we were told to stop; a database that is gone can hide that behind its own exception."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _work(ports: Ports) -> None:
    """A lane for each queue: what waits for the servers of others takes no place from what does not, nor the slow ones from the others."""
    webhooks = ports.settings.webhook_concurrency
    lanes = {QUEUE: ports.settings.worker_concurrency, WEBHOOKS: webhooks, WEBHOOKS_SLOW: webhooks}
    app = jobs_app(ports)
    async with app.open_async():
        running = [asyncio.create_task(_lane(app, queue, at_once)) for queue, at_once in lanes.items()]
        try:
            # One that ends by itself, or fails, ends all of them: they begin anew together.
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for lane in running:
                lane.cancel()
            ends = await asyncio.gather(*running, return_exceptions=True)
        for lane, end in zip(running, ends, strict=True):
            if lane in ended and isinstance(end, Exception):
                raise end


async def _lane(app: App, queue: str, at_once: int) -> None:
    await app.run_worker_async(
        queues=[queue],
        name=queue,
        concurrency=at_once,
        install_signal_handlers=False,
        # Looking costs a millisecond; being told would make every transaction with a job wait for the others.
        listen_notify=False,
        fetch_job_polling_interval=LOOKS_EVERY_S,
        shutdown_graceful_timeout=10,
        delete_jobs=procrastinate.jobs.DeleteJobCondition.SUCCESSFUL,
    )


async def _alone() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        raise SystemExit(faults_of(error)) from None
    configure(settings.log_format)
    if settings.database_url is None:
        raise SystemExit(
            "A worker on its own needs CHAMA_DATABASE_URL; with the embedded database the service runs one inside."
        )
    if fault := fault_of_tables(settings):
        raise SystemExit(fault)
    async with open_ports(settings) as ports:
        worker = asyncio.create_task(run_worker(ports))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.cancel)
        with suppress(asyncio.CancelledError):
            await worker


if __name__ == "__main__":
    asyncio.run(_alone())
