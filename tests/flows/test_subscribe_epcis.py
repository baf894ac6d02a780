"""Who subscribed to a query is told what is new to it: once, signed, on time, again when it was not taken, and never of others' goods."""

import asyncio
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.epcis.schedule import Schedule, next_after, read_schedule
from app.flows.capture_epcis import capture_event
from app.flows.query_epcis import viewer_of
from app.flows.subscribe_epcis import RETRIES, STREAM_EVERY, Wanted, keep_query, report_subscriptions, subscribe
from app.identity.values import Caller
from app.shipments.epcis_subscriptions import find_subscription
from tests.factories.network import networked
from tests.factories.shipments import an_operator, hours
from tests.factories.sink import Reply, a_sender, a_sink
from tests.flows.test_capture_epcis import booked, seen_at

template = networked
TOKEN = "a token of mine"


@pytest.fixture
async def on_the_way(ports, clock):
    clock.at = hours(200)
    return (await booked(ports))[0]


@pytest.fixture
async def sink():
    async with a_sink() as server:
        yield server


@pytest.fixture
async def told(ports, sink):
    """The ports with a sender that may call the sink."""
    async with a_sender() as sender:
        yield replace(ports, outside=sender)


async def subscribed(ports, caller, url, *, stream=True, query=None, **more):
    viewer = viewer_of(caller)
    await keep_query(ports, viewer, "mine", query or {})
    wanted = Wanted(url, TOKEN, stream, more.get("schedule"), more.get("report_if_empty", False), more.get("since"))
    return await subscribe(ports, viewer, "mine", wanted)


async def row_of(ports, caller, subscription):
    async with ports.database.read() as reader:
        return await find_subscription(reader, caller.id, "mine", subscription)


def ids_in(received):
    results = orjson.loads(received.body)["epcisBody"]["queryResults"]
    return [event["eventID"] for event in results["resultsBody"]["eventList"]]


async def passes(ports, step=STREAM_EVERY):
    """Time goes by, and the worker looks."""
    ports.clock.advance(step)
    await report_subscriptions(ports)


async def test_stream_tells_each_event_once_and_signed(told, sink, on_the_way):
    operator = an_operator()
    subscription = await subscribed(told, operator, sink.url)
    for number, step in enumerate(("departing", "arriving", "unloading")):
        await capture_event(told, operator, seen_at(on_the_way, step, 10 + number, "URUMQI"))
        await passes(told)
    await passes(told)
    assert [ids_in(each) for each in sink.received] == [
        ["urn:test:departing:10"],
        ["urn:test:arriving:11"],
        ["urn:test:unloading:12"],
    ]
    first = sink.received[0]
    seconds, _, given_hex = first.headers["gs1-signature"].removeprefix("t=").partition(",v1=")
    signed = hmac.new(TOKEN.encode(), f"{seconds}.".encode() + first.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(given_hex, signed)
    results = orjson.loads(first.body)["epcisBody"]["queryResults"]
    assert (results["queryName"], results["subscriptionID"]) == ("mine", subscription)
    assert (await row_of(told, operator, subscription)).last_notified_at is not None


async def test_only_what_answers_the_query_is_told(told, sink, on_the_way):
    operator = an_operator()
    await subscribed(told, operator, sink.url, query={"EQ_bizStep": ["arriving"]})
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    await capture_event(told, operator, seen_at(on_the_way, "arriving", 11, "URUMQI"))
    await passes(told)
    assert [ids_in(each) for each in sink.received] == [["urn:test:arriving:11"]]


async def test_others_goods_are_not_told(told, sink, on_the_way):
    stranger = Caller(partner_id="ptn_x", carrier="NOBODY", scopes=frozenset({"tracking:read"}))
    await subscribed(told, stranger, sink.url)
    await capture_event(told, an_operator(), seen_at(on_the_way, "arriving", 11, "URUMQI"))
    await passes(told)
    assert sink.received == []


async def test_what_was_recorded_before_is_told_only_when_asked_for(told, sink, on_the_way):
    operator = an_operator()
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    told.clock.advance(timedelta(seconds=10))
    await subscribed(told, operator, sink.url)
    await passes(told)
    assert sink.received == []
    viewer = viewer_of(operator)
    since = told.clock.now() - timedelta(hours=1)
    await subscribe(told, viewer, "mine", Wanted(sink.url, None, True, None, False, since))
    await passes(told)
    assert [ids_in(each) for each in sink.received] == [["urn:test:departing:10"]]
    assert "gs1-signature" not in sink.received[0].headers


async def test_event_of_a_transaction_that_ended_late_is_told_all_the_same(told, sink, on_the_way):
    operator = an_operator()
    await subscribed(told, operator, sink.url)
    told.clock.advance(timedelta(seconds=20))
    earlier = told.clock.now() - timedelta(seconds=10)
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    await passes(told)
    clock = told.clock.at
    told.clock.at = earlier
    await capture_event(told, operator, seen_at(on_the_way, "arriving", 11, "URUMQI"))
    told.clock.at = clock
    await passes(told)
    assert [ids_in(each) for each in sink.received] == [["urn:test:departing:10"], ["urn:test:arriving:11"]]


async def test_report_that_is_not_taken_comes_again_until_nobody_believes_in_it(told, sink, on_the_way):
    operator = an_operator()
    subscription = await subscribed(told, operator, sink.url)
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    sink.reply = Reply(503)
    await passes(told)
    for wait in RETRIES:
        assert (await row_of(told, operator, subscription)).due_at == told.clock.now() + wait
        await passes(told, wait)
    assert (await row_of(told, operator, subscription)).due_at is None
    assert {tuple(ids_in(each)) for each in sink.received} == {("urn:test:departing:10",)}
    assert len(sink.received) == len(RETRIES) + 1


async def test_failure_loses_nothing_and_repeats_nothing_that_was_taken(told, sink, on_the_way):
    operator = an_operator()
    await subscribed(told, operator, sink.url)
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    sink.reply = Reply(500)
    await passes(told)
    sink.reply = Reply(200)
    await capture_event(told, operator, seen_at(on_the_way, "arriving", 11, "URUMQI"))
    await passes(told, RETRIES[0])
    await passes(told)
    assert [ids_in(each) for each in sink.received[1:]] == [["urn:test:departing:10", "urn:test:arriving:11"]]


async def test_410_ends_it_at_once(told, sink, on_the_way):
    operator = an_operator()
    subscription = await subscribed(told, operator, sink.url)
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    sink.reply = Reply(410)
    await passes(told)
    assert (await row_of(told, operator, subscription)).due_at is None


async def test_schedule_reports_on_time_also_of_nothing_when_asked(told, sink, on_the_way):
    operator = an_operator()
    schedule = {"hour": "1", "minute": "5"}
    await subscribed(told, operator, sink.url, stream=False, schedule=schedule, report_if_empty=True)
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    start = told.clock.now()
    at = start.replace(hour=1, minute=5, second=0, microsecond=0)
    at += timedelta(days=1) if at <= start else timedelta()
    await passes(told, at - start - timedelta(seconds=1))
    assert sink.received == []
    await passes(told, timedelta(seconds=1))
    await passes(told, timedelta(days=1))
    assert [ids_in(each) for each in sink.received] == [["urn:test:departing:10"], []]


async def test_two_workers_do_not_tell_the_same(told, sink, on_the_way):
    operator = an_operator()
    await subscribed(told, operator, sink.url)
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    told.clock.advance(STREAM_EVERY)
    await asyncio.gather(report_subscriptions(told), report_subscriptions(told))
    assert len(sink.received) == 1


async def test_subscription_ends_with_its_query(told, sink, on_the_way):
    operator = an_operator()
    await subscribed(told, operator, sink.url)
    async with told.begin() as session:
        await session.execute(text("DELETE FROM epcis_query"))
    await capture_event(told, operator, seen_at(on_the_way, "departing", 10, "HOTAN"))
    await passes(told)
    assert sink.received == []


@pytest.mark.parametrize(
    ("fields", "after", "expected"),
    [
        ({"hour": "1", "minute": "5"}, "2026-03-01T01:05:00", "2026-03-02T01:05:00"),
        ({"second": "0,30"}, "2026-03-01T01:05:00", "2026-03-01T01:05:30"),
        ({"minute": "[10-12]"}, "2026-03-01T01:12:00", "2026-03-01T02:10:00"),
        ({"dayOfWeek": "1"}, "2026-03-01T12:00:00", "2026-03-02T00:00:00"),
        ({"dayOfMonth": "29", "month": "2"}, "2026-03-01T00:00:00", "2028-02-29T00:00:00"),
        ({"dayOfMonth": "31", "month": "2"}, "2026-03-01T00:00:00", None),
    ],
)
def test_schedule_says_when(fields, after, expected):
    schedule = read_schedule(fields)
    assert isinstance(schedule, Schedule)
    found = next_after(schedule, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == (expected and datetime.fromisoformat(expected).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "fields", [{}, {"hour": "24"}, {"hour": "5-7"}, {"hour": "[7-5]"}, {"day": "1"}, {"minute": ""}]
)
def test_schedule_that_means_nothing_is_refused(fields):
    assert isinstance(read_schedule(fields), str)


@given(st.integers(0, 59), st.integers(0, 23), st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001
def test_next_time_is_the_first_that_fits(minute, hour, after):
    schedule = read_schedule({"hour": str(hour), "minute": str(minute)})
    assert isinstance(schedule, Schedule)
    at = after.replace(tzinfo=UTC)
    found = next_after(schedule, at)
    assert at < found <= at + timedelta(days=1, seconds=1)
    assert (found.hour, found.minute, found.second) == (hour, minute, 0)
