"""The public answer is kept while nothing has changed: one statement, the same bytes, and never a stale one."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.core.clock import rfc3339
from app.shipments.answers import KEPT_MAX, Answers
from tests.api.test_tracking import EVENTS, booked, partner, told
from tests.conftest import NOW
from tests.factories.network import networked
from tests.factories.shipments import hours
from tests.factories.tables import statements_of

template = networked


@pytest.fixture
async def consignment(ports, clock):
    clock.at = hours(50)
    return await booked(ports)


async def look(client, consignment, etag=None, language="en"):
    headers = {"accept-language": language} | ({"if-none-match": etag} if etag else {})
    return await client.get(f"/v1/tracking/{consignment.tracking_number}", headers=headers)


async def test_second_look_takes_one_statement_and_answers_the_same(client, ports, consignment):
    first = await look(client, consignment)
    with statements_of(ports.database) as sent:
        second = await look(client, consignment)
        unchanged = await look(client, consignment, first.headers["etag"])
    assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
    assert unchanged.status_code == 304
    assert len(sent) == 2
    chinese = await look(client, consignment, language="zh-Hans")
    assert chinese.json()["status_text"] != first.json()["status_text"]


async def test_every_event_is_seen_at_once_also_one_that_moves_nothing(client, ports, consignment):
    key, etag = await partner(ports), (await look(client, consignment)).headers["etag"]
    for event in (
        told(consignment, "departed", 4, hub="HOTAN"),
        told(consignment, "observed", 5)
        | {"readings": [{"kind": "temperature", "value": "4", "unit": "CEL", "at": rfc3339(hours(5))}]},
        told(consignment, "damaged", 4, id="damaged"),
        told(consignment, "damaged", 4, id="damaged-again"),
    ):
        answer = (await client.post(EVENTS, json={"events": [event]}, headers=key)).json()
        assert answer["accepted"] == 1, answer
        seen = await look(client, consignment, etag)
        assert seen.status_code == 200
        etag = seen.headers["etag"]
    assert len(seen.json()["events"]) == 4


@pytest.mark.parametrize(
    "change",
    ["UPDATE leg SET co2e_g = 1 WHERE consignment_id = :id", "UPDATE package SET weight_g = 9 WHERE consignment_id = :id",
     "UPDATE consignment SET stranded_at = now() WHERE id = :id"],
)  # fmt: skip
async def test_every_change_of_what_is_shown_is_seen_at_once(client, ports, consignment, change):
    before = await look(client, consignment)
    async with ports.begin() as session:
        await session.execute(text(change), {"id": consignment.id})
    assert (await look(client, consignment)).content != before.content


async def test_estimate_that_has_passed_is_shown_as_the_hour_that_it_is(client, clock, consignment):
    first = (await look(client, consignment)).json()["estimated_at"]
    clock.at = hours(300)
    later = (await look(client, consignment)).json()["estimated_at"]
    clock.advance(timedelta(hours=1))
    last = (await look(client, consignment)).json()["estimated_at"]
    assert first < later < last


def test_kept_answers_are_bounded_and_end_in_time():
    answers = Answers()
    for number in range(KEPT_MAX + 1):
        answers.keep(str(number), "en", "1", b"x", now=NOW, until=None)
    assert answers.find("0", "en", "1", NOW) is None
    assert answers.find("1", "en", "1", NOW) == b"x"
    assert answers.find("1", "en", "2", NOW) is None
    assert answers.find("1", "en", "1", NOW + timedelta(minutes=5)) is None
    answers.keep("a", "en", "1", b"x", now=NOW, until=NOW + timedelta(seconds=1))
    assert answers.find("a", "en", "1", NOW + timedelta(seconds=1)) is None
