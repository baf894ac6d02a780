"""Webhooks side by side: slow endpoints, two workers, workers that die; and what an owner may do with its endpoints."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from app.core.errors import NotFound
from app.core.ids import new_id
from app.flows.send_webhooks import deliver, fan_out, look_after_webhooks
from app.flows.tidy import tidy
from app.notify.errors import TooManyEndpoints
from app.notify.outside import GuardedSender
from app.notify.webhook_schemas import ReplayRequest
from app.notify.webhook_values import ENDPOINTS_PER_OWNER_MAX, EndpointState
from app.notify.webhooks import (
    list_endpoints,
    remove_endpoint,
    replay,
    send_test,
)
from tests.db.test_jobs import eventually, put_messages, working
from tests.factories.identity import a_person, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked
from tests.factories.sink import LOOPBACK, Reply, a_sink
from tests.factories.tables import rows, value
from tests.factories.webhooks import (
    NOWHERE,
    an_endpoint,
    deliveries,
    enable,
    hooked,
    listener,
    open_sink,
    own,
    send_again,
    standing,
    tell_news,
    told,
    until_asked,
    without_jobs,
)

template, ports, sink, buyer = networked, hooked, open_sink, listener
DELIVERIES = "SELECT state, attempts FROM webhook_delivery ORDER BY endpoint_id, position"


# One does not hold up the others.


async def test_slow_endpoint_moves_to_a_lane_of_its_own(ports, sink, buyer):
    slow = await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(wait_s=3)
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    assert (await standing(ports, slow)).slow
    assert await rows(ports, "SELECT queue_name FROM procrastinate_jobs WHERE status = 'todo'") == [("webhooks_slow",)]


async def test_worker_serves_others_and_does_its_other_jobs_while_endpoints_hang(ports, sink, buyer):
    hanging = replace(ports, outside=GuardedSender(LOOPBACK, timeout_s=20))
    async with a_sink() as tar:
        tar.reply = Reply(wait_s=60)
        await an_endpoint(ports, buyer, tar.url)
        await an_endpoint(ports, buyer, sink.url)
        phone = "+8610000000123"
        async with working(replace(hanging, settings=ports.settings.model_copy(update={"worker_concurrency": 1}))):
            await tell_news(ports, told(ports, buyer))

            async def both_asked():
                return bool(tar.received and sink.received)

            await eventually(both_asked)
            await put_messages(ports)

            async def message_sent():
                return (
                    await value(ports, "SELECT count(*) FROM message WHERE \"to\" = :to AND state = 'sent'", to=phone)
                    == 1
                )

            await eventually(message_sent)
            assert tar.at_once == 1
            tar.reply = Reply()


async def test_news_of_one_subject_goes_in_its_order_and_subjects_side_by_side(ports, sink, buyer):
    await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(wait_s=0.05)
    for _ in range(3):
        await tell_news(ports, *(told(ports, buyer, subject=f"con_{n}") for n in range(5)))
    await work(ports)
    for n in range(5):
        bodies = [orjson.loads(got.body) for got in sink.received]
        assert [body["sequence"] for body in bodies if body["subject"] == f"con_{n}"] == [1, 2, 3]
    assert 1 < sink.at_once_max <= 4


# Twice, at once, and cut off.


async def test_two_workers_serve_an_endpoint_one_after_the_other(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    await tell_news(ports, *(told(ports, buyer, subject=f"con_{n}") for n in range(10)))
    (events,) = await rows(ports, "SELECT args FROM procrastinate_jobs WHERE task_name = 'webhook.fan_out'")
    await asyncio.gather(*(fan_out(ports, **events.args) for _ in range(4)))
    assert await value(ports, "SELECT count(*) FROM webhook_delivery") == 10
    sink.reply = Reply(wait_s=0.05)
    await asyncio.gather(*(deliver(ports, endpoint.id) for _ in range(4)))
    assert len(sink.received) == len(set(sink.ids())) == 10
    assert {each.state for each in await deliveries(ports, endpoint)} == {"delivered"}


async def test_news_put_at_once_is_numbered_without_gaps_and_told_once(ports, sink, buyer):
    await an_endpoint(ports, buyer, sink.url)
    await asyncio.gather(*(tell_news(ports, told(ports, buyer, subject="con_1")) for _ in range(12)))
    jobs = await rows(ports, "SELECT args FROM procrastinate_jobs WHERE task_name = 'webhook.fan_out'")
    await asyncio.gather(*(fan_out(ports, **job.args) for job in jobs))
    await work(ports)
    sequences = [orjson.loads(got.body)["sequence"] for got in sink.received]
    assert sorted(sequences) == list(range(1, 13))
    assert len(set(sink.ids())) == 12


async def test_worker_that_died_between_sending_and_noting_is_followed_by_another(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    await tell_news(ports, told(ports, buyer))

    class Dies(GuardedSender):
        async def send(self, *args, **more):
            await super().send(*args, **more)
            raise SystemError

    dying = replace(ports, outside=Dies(LOOPBACK))
    await fan_out(ports, (await rows(ports, "SELECT args FROM procrastinate_jobs"))[0].args["events"])
    with pytest.raises(SystemError):
        await deliver(dying, endpoint.id)
    await without_jobs(ports)
    # Its hold has not run out yet: nobody else begins.
    await deliver(ports, endpoint.id)
    assert len(sink.received) == 1
    ports.clock.advance(timedelta(minutes=3))
    await look_after_webhooks(ports)
    await work(ports)
    assert len(sink.received) == 2
    assert len(set(sink.ids())) == 1
    await dying.outside.close()


async def test_news_whose_job_was_lost_is_handed_out_by_the_sweep(ports, sink, buyer):
    await an_endpoint(ports, buyer, sink.url)
    await tell_news(ports, told(ports, buyer))
    await without_jobs(ports, "UPDATE webhook_event SET noted_at = noted_at - interval '2 minutes'")
    await look_after_webhooks(ports)
    await work(ports)
    assert len(sink.received) == 1


# What its owner may do.


async def test_test_news_goes_to_this_endpoint_alone(ports, sink, buyer):
    mine = await an_endpoint(ports, buyer, sink.url, "order.*")
    other = await an_endpoint(ports, await an_operator(ports), sink.url)
    async with own(ports, buyer, mine) as (session, row):
        await send_test(session, row, ports.clock.now())
    await work(ports)
    (got,) = sink.received
    assert orjson.loads(got.body)["type"] == "webhook.test"
    assert await deliveries(ports, other) == []


async def test_resend_goes_out_again_under_its_id(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    shown = await send_again(ports, buyer, endpoint, sink.ids()[0])
    assert (shown.state, shown.attempts) == ("queued", 0)
    await work(ports)
    assert len(sink.received) == 2
    assert len(set(sink.ids())) == 1


async def test_replay_begins_after_the_cursor_and_an_unknown_one_is_refused(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    for n in range(5):
        await tell_news(ports, told(ports, buyer, subject="con_1", facts={"n": n}))
    await work(ports)
    second = sink.ids()[1]
    async with own(ports, buyer, endpoint) as (session, row):
        await replay(session, row, ReplayRequest(after=second), [], ports.clock.now())
    await work(ports)
    assert [orjson.loads(got.body)["data"]["n"] for got in sink.received] == [0, 1, 2, 3, 4, 2, 3, 4]
    with pytest.raises(NotFound):
        async with own(ports, buyer, endpoint) as (session, row):
            await replay(session, row, ReplayRequest(after=new_id("wev")), [], ports.clock.now())


async def test_disabled_by_its_owner_sends_nothing_and_holds_what_waits(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(500)
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    shown = await enable(ports, buyer, endpoint, EndpointState.DISABLED)
    assert shown.disabled_because == "owner"
    ports.clock.advance(timedelta(days=1))
    await work(ports)
    assert len(sink.received) == 1
    assert [each.state for each in await deliveries(ports, endpoint)] == ["held"]


async def test_endpoint_that_was_taken_away_in_the_middle_is_no_fault(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(wait_s=0.3)
    await tell_news(ports, told(ports, buyer))
    working = asyncio.create_task(work(ports))
    await until_asked(sink)
    async with own(ports, buyer, endpoint) as (session, row):
        await remove_endpoint(session, row)
    await working
    assert await value(ports, "SELECT count(*) FROM webhook_delivery") == 0


async def test_others_endpoints_are_not_there(ports, buyer):
    endpoint = await an_endpoint(ports, buyer)
    stranger = await a_person(ports)
    with pytest.raises(NotFound):
        async with own(ports, stranger, endpoint):
            pass
    async with ports.database.read() as connection:
        assert (await list_endpoints(connection, stranger.caller, None, 10)).items == []
        assert len((await list_endpoints(connection, buyer.caller, None, 10)).items) == 1


async def test_one_has_so_many_endpoints_and_no_more_also_at_once(ports, buyer):
    made = await asyncio.gather(
        *(an_endpoint(ports, buyer, NOWHERE) for _ in range(ENDPOINTS_PER_OWNER_MAX + 3)), return_exceptions=True
    )
    assert sum(isinstance(each, TooManyEndpoints) for each in made) == 3
    assert await value(ports, "SELECT count(*) FROM webhook_endpoint") == ENDPOINTS_PER_OWNER_MAX


async def test_old_news_is_forgotten_with_its_deliveries(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    ports.clock.at = datetime.now(UTC) + timedelta(days=29)
    await tidy(ports)
    assert len(await deliveries(ports, endpoint)) == 1
    ports.clock.at = datetime.now(UTC) + timedelta(days=31)
    await tidy(ports)
    assert await deliveries(ports, endpoint) == []
