"""The stream of a journey over a real socket, as a browser or a partner reads it."""

import asyncio
import json
import time

import httpx
import pytest

from app.shipments.rules import tracking_number
from app.shipments.watch import TrackingWatch
from tests.api.test_tracking import EVENTS, booked, partner, told
from tests.factories.network import networked
from tests.factories.running import running
from tests.factories.service import a_service
from tests.factories.shipments import hours

template = networked


@pytest.fixture
async def consignment(ports, clock):
    clock.at = hours(50)
    return await booked(ports)


@pytest.fixture
async def service(settings, clock):
    with running(settings, clock) as url:
        async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client:
            yield client


def address_of(consignment):
    return f"/v1/tracking/{consignment.tracking_number}/stream"


async def events_of(answer):
    """Each event as its fields, the word on retrying left out."""
    fields = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield fields
            fields = {}
        else:
            assert fields == {"retry": "5000"}
            fields = {}


async def test_stream_tells_the_state_in_the_language_of_who_asks_and_each_change(service, client, ports, consignment):
    async with service.stream("GET", address_of(consignment), headers={"accept-language": "zh-CN"}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
        events = events_of(answer)
        first = await anext(events)
        shown = await client.get(f"/v1/tracking/{consignment.tracking_number}", headers={"accept-language": "zh-CN"})
        assert (first["event"], json.loads(first["data"])) == ("state", shown.json())
        headers = await partner(ports)
        posted = await client.post(
            EVENTS, json={"events": [told(consignment, "departed", 4, hub="HOTAN")]}, headers=headers
        )
        assert posted.json()["accepted"] == 1
        started = time.monotonic()
        second = await anext(events)
        assert time.monotonic() - started < 10
        assert json.loads(second["data"])["status_text"] == "运输中"
        assert second["id"] != first["id"]


async def test_who_comes_back_with_the_last_id_is_told_nothing_twice(service, consignment):
    once = await service.get(address_of(consignment), params={"lasts_s": 0, "bare": True})
    assert once.text.startswith("retry: 5000\n\nid: ")
    assert once.text.endswith("\nevent: state\ndata: {}\n\n")
    known = once.text.split("id: ")[1].split("\n")[0]
    again = await service.get(address_of(consignment), params={"lasts_s": 0}, headers={"last-event-id": known})
    assert again.text == "retry: 5000\n\nevent: alive\ndata: {}\n\n"


async def test_who_asks_for_the_headers_alone_holds_no_line(service, consignment):
    answer = await service.head(address_of(consignment))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    # The same connection serves the next question: the answer has ended.
    assert (await service.get(address_of(consignment), params={"lasts_s": 0})).status_code == 200


async def test_what_is_refused_is_refused_with_a_problem_and_no_stream(client, ports, consignment):
    unknown = await client.get(f"/v1/tracking/{tracking_number('123456789012')}/stream")
    mistyped = await client.get("/v1/tracking/CM1/stream")
    assert [(answer.status_code, answer.json()["type"]) for answer in (unknown, mistyped)] == [
        (404, "/problems/not-found"),
        (404, "/problems/tracking-number-mistyped"),
    ]
    assert (await client.get(address_of(consignment), params={"lasts_s": 1_801})).status_code == 422
    watch = ports.watch
    assert isinstance(watch, TrackingWatch)
    watch.end()
    full = await client.get(address_of(consignment), headers={"accept-language": "zh-CN"})
    assert (full.status_code, full.json()["type"]) == (429, "/problems/too-many-streams")
    assert full.headers["retry-after"] == "60"
    assert consignment.tracking_number in full.json()["detail"]


async def test_service_that_is_told_to_stop_ends_its_streams_and_goes(database_url, tmp_path, ports, consignment):
    with a_service(database_url, tmp_path) as process:
        async with httpx.AsyncClient(base_url=process.url, timeout=20, trust_env=False) as client:
            async with client.stream("GET", address_of(consignment)) as answer:
                events = events_of(answer)
                assert (await anext(events))["event"] == "state"
                process.process.terminate()
                started = time.monotonic()
                # Whole: the client is not cut off, and knows that it may come again.
                left = [event async for event in events]
            assert [event["event"] for event in left] in ([], ["alive"])
        await asyncio.to_thread(process.process.wait, 30)
        # Without that, the server waits fifteen seconds for the stream before it cuts it off.
        assert time.monotonic() - started < 12
        assert process.process.returncode == 0
