"""Webhooks that leave: to a real server on loopback that takes them, fails in every way, or is slow; the clock is moved by the test."""

import asyncio
import hashlib
import hmac
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import orjson
import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from app.core.errors import NotFound, StateConflict
from app.core.ids import new_id
from app.identity.partners import revoke_key
from app.identity.values import Scope
from app.notify.announce import announce
from app.notify.errors import DestinationRefused
from app.notify.outside import GuardedSender
from app.notify.webhook_schemas import ReplayRequest
from app.notify.webhook_values import ATTEMPTS_MAX, WAITS
from app.notify.webhooks import (
    replay,
    rotate_secret,
)
from tests.factories.identity import LOOM, OPERATOR_PHONE, a_key, a_partner, a_person, a_producer, an_operator
from tests.factories.jobs import work
from tests.factories.network import networked
from tests.factories.sink import Reply, a_sink
from tests.factories.tables import nothing_happens, rows, value
from tests.factories.webhooks import (
    an_endpoint,
    deliveries,
    enable,
    hooked,
    listener,
    news,
    open_sink,
    own,
    send_again,
    standing,
    tell_news,
    told,
    until_asked,
)

template, ports, sink, buyer = networked, hooked, open_sink, listener
DELIVERIES = "SELECT state, attempts FROM webhook_delivery ORDER BY endpoint_id, position"


# What is sent.


async def test_delivery_verifies_with_the_library_of_the_standard(ports, sink, buyer):
    ports.clock.at = datetime.now(UTC)
    endpoint = await an_endpoint(ports, buyer, sink.url)
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    (got,) = sink.received
    assert Webhook(endpoint.secret).verify(got.body, got.headers)["type"] == "shipment.advanced"
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(got.body + b" ", got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + b64encode(b"another secret of somebody's").decode()).verify(got.body, got.headers)


async def test_signature_is_the_one_that_the_standard_describes(ports, sink, buyer):
    """Made again by hand: HMAC-SHA256 of id, time and body under the bytes behind `whsec_`."""
    endpoint = await an_endpoint(ports, buyer, sink.url)
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    (got,) = sink.received
    key = b64decode(endpoint.secret.removeprefix("whsec_"))
    assert len(key) == 32
    assert got.headers["webhook-timestamp"] == str(int(ports.clock.now().timestamp()))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"


async def test_body_is_thin_ordered_and_names_no_person(ports, sink, buyer):
    await an_endpoint(ports, buyer, sink.url)
    consignment = new_id("con")
    for status in ("picked_up", "in_transit", "delivered"):
        await tell_news(ports, told(ports, buyer, subject=consignment, facts={"status": status}))
    await work(ports)
    bodies = [orjson.loads(got.body) for got in sink.received]
    assert [(body["sequence"], body["data"]["status"]) for body in bodies] == [
        (1, "picked_up"),
        (2, "in_transit"),
        (3, "delivered"),
    ]
    assert bodies[0].keys() == {"id", "type", "timestamp", "subject", "sequence", "data"}
    assert (bodies[0]["id"], bodies[0]["subject"]) == (sink.received[0].headers["webhook-id"], consignment)
    assert bodies[0]["timestamp"] == "2026-03-02T02:00:00Z"
    everything = b"".join(got.body for got in sink.received)
    assert buyer.id.encode() not in everything
    assert buyer.phone.encode() not in everything


async def test_while_a_secret_rotates_both_sign_and_a_day_later_only_the_new_one(ports, sink, buyer):
    ports.clock.at = datetime.now(UTC)
    first = await an_endpoint(ports, buyer, sink.url)
    async with own(ports, buyer, first) as (session, row):
        second = await rotate_secret(session, row, ports.seal, ports.clock.now())
    assert second.secret != first.secret
    assert second.former_secret_until == ports.clock.now() + timedelta(hours=24)
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    for secret in (first.secret, second.secret):
        Webhook(secret).verify(sink.received[0].body, sink.received[0].headers)
    assert len(sink.received[0].headers["webhook-signature"].split()) == 2
    ports.clock.advance(timedelta(hours=25))
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    assert len(sink.received[1].headers["webhook-signature"].split()) == 1


async def test_secret_is_not_readable_in_the_database(ports, buyer):
    endpoint = await an_endpoint(ports, buyer)
    row = await standing(ports, endpoint)
    assert endpoint.secret.encode() not in bytes(row.secret)
    assert ports.seal.open(bytes(row.secret)).decode() == endpoint.secret


async def test_only_news_that_was_asked_for_is_sent(ports, sink, buyer):
    await an_endpoint(ports, buyer, sink.url, "order.*", "shipment.delivered")
    for name in ("shipment.advanced", "shipment.delivered", "order.placed", "payment.paid"):
        await tell_news(ports, told(ports, buyer, name=name))
    await work(ports)
    assert [orjson.loads(got.body)["type"] for got in sink.received] == ["shipment.delivered", "order.placed"]


async def test_nothing_is_noted_while_nobody_listens(ports, buyer):
    async with nothing_happens(ports):
        await tell_news(ports, told(ports, buyer))


async def test_news_of_a_transaction_that_failed_never_was(ports, buyer):
    await an_endpoint(ports, buyer)

    async def news_that_fails():
        async with ports.begin() as session:
            await announce(session, [told(ports, buyer)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await news_that_fails()
    assert await value(ports, "SELECT count(*) FROM webhook_event") == 0
    assert await work(ports) == []


async def test_no_transaction_is_open_while_somebody_elses_server_is_asked(ports, sink, buyer):
    await an_endpoint(ports, buyer, sink.url)
    await tell_news(ports, told(ports, buyer))
    sink.reply = Reply(wait_s=0.3)
    working = asyncio.create_task(work(ports))
    await until_asked(sink)
    open_now = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    assert await value(ports, open_now) == 0
    await working
    assert await rows(ports, DELIVERIES) == [("delivered", 1)]


# Who is told.


async def test_each_owner_gets_only_what_it_may_see(ports, buyer):
    sinks = {}
    async with a_sink() as one, a_sink() as two, a_sink() as three, a_sink() as four, a_sink() as five, a_sink() as six:
        garden, loom = await a_producer(ports), await a_producer(ports, **LOOM)
        people = {
            "buyer": (buyer, one),
            "stranger": (await a_person(ports), two),
            "garden": (garden.person, three),
            "loom": (loom.person, four),
            "carrier": (await a_partner(ports, "KUNLUN"), five),
            "operator": (await an_operator(ports), six),
        }
        for role, (who, sink) in people.items():
            sinks[role] = sink
            await an_endpoint(ports, who, sink.url)
        mine = {"buyer": buyer.id, "producers": (garden.producer.id,), "carriers": ("KUNLUN", "LONGHAI")}
        now = ports.clock.now()
        await tell_news(
            ports,
            news("shipment.advanced", "con_1", at=now, **mine),
            news("order.placed", "ord_1", at=now, **mine | {"carriers": ()}),
            news("payment.paid", "ord_1", at=now, buyer=buyer.id),
            news("claim.open", "clm_1", at=now, buyer=buyer.id, producers=(loom.producer.id,)),
            news("payout.paid", "pyt_1", at=now, producers=(garden.producer.id,)),
            news("payout.paid", "pyt_2", at=now, carriers=("KUNLUN",)),
            news("shipment.advanced", "con_2", at=now, carriers=("LONGHAI",)),
        )
        await work(ports)
        heard = {
            role: sorted(orjson.loads(got.body)["subject"] for got in sink.received) for role, sink in sinks.items()
        }
        assert heard == {
            "buyer": ["clm_1", "con_1", "ord_1", "ord_1"],
            "stranger": [],
            "garden": ["con_1", "ord_1", "pyt_1"],
            "loom": ["clm_1"],
            "carrier": ["con_1", "pyt_2"],
            "operator": ["clm_1", "con_1", "con_2", "ord_1", "ord_1", "pyt_1", "pyt_2"],
        }
        seen = {role: orjson.loads(sinks[role].received[0].body)["data"] for role in ("buyer", "carrier")}
        assert "order" in seen["buyer"]
        assert "order" not in seen["carrier"]


async def test_partner_without_a_key_for_it_hears_nothing_any_more(ports, sink):
    carrier = await a_partner(ports, "KUNLUN", Scope.TRACKING_READ)
    await an_endpoint(ports, carrier, sink.url)
    carried = {"at": ports.clock.now(), "carriers": ("KUNLUN",)}
    await tell_news(ports, news("shipment.advanced", "con_1", **carried), news("payout.paid", "pyt_1", **carried))
    await work(ports)
    # What it may not read over HTTP, it is not told either: statements need another scope.
    assert [orjson.loads(got.body)["subject"] for got in sink.received] == ["con_1"]
    await a_key(ports, carrier.id, Scope.STATEMENTS_READ)
    await tell_news(ports, news("payout.paid", "pyt_2", **carried))
    await work(ports)
    assert len(sink.received) == 2
    async with ports.begin() as session:
        for (key,) in await rows(ports, "SELECT id FROM api_key"):
            await revoke_key(session, carrier.id, key, ports.clock.now())
    await tell_news(ports, news("shipment.advanced", "con_1", **carried))
    await work(ports)
    assert len(sink.received) == 2


async def test_what_an_owner_may_not_see_any_more_is_withheld_though_it_was_queued(ports, sink):
    garden = await a_producer(ports)
    endpoint = await an_endpoint(ports, garden.person, sink.url)
    sink.reply = Reply(500)
    await tell_news(ports, news(at=ports.clock.now(), producers=(garden.producer.id,)))
    await work(ports)
    async with ports.begin() as session:
        await session.execute(text("UPDATE membership SET grants = '[\"list\"]'"))
    sink.reply = Reply()
    ports.clock.advance(timedelta(seconds=6))
    await work(ports)
    assert len(sink.received) == 1
    assert [(each.state, each.attempts) for each in await deliveries(ports, endpoint)] == [("withheld", 1)]
    with pytest.raises(NotFound):
        await send_again(ports, garden.person, endpoint, sink.ids()[0])


# What fails.


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(500), "500"),
        (Reply(404), "404"),
        (Reply(301, {"location": "http://127.0.0.1:1/"}), "301"),
        (Reply(wait_s=3), "did not answer"),
        (Reply(hang_up=True), "did not answer"),
        (Reply(raw=b"nonsense\r\n\r\n"), "did not answer"),
    ],
    ids=["500", "404", "redirect", "slow", "hangs up", "nonsense"],
)
async def test_what_is_not_taken_is_tried_again_after_five_seconds_under_the_same_id(ports, sink, buyer, reply, said):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    sink.reply = reply
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    (delivery,) = await deliveries(ports, endpoint)
    assert (delivery.state, delivery.attempts) == ("queued", 1)
    assert delivery.next_at == ports.clock.now() + timedelta(seconds=5)
    assert said in (delivery.tries[0].error or str(delivery.tries[0].status))
    sink.reply = Reply()
    ports.clock.advance(timedelta(seconds=4))
    await work(ports)
    assert len(sink.received) == 1
    ports.clock.advance(timedelta(seconds=1))
    await work(ports)
    assert len(set(sink.ids())) == 1
    assert len(sink.received) == 2
    (delivery,) = await deliveries(ports, endpoint)
    assert (delivery.state, delivery.attempts, delivery.tries[1].status) == ("delivered", 2, 204)


async def test_retries_last_for_days_and_then_the_endpoint_is_disabled_with_notice(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(500, body=b"out of order")
    began = ports.clock.now()
    await tell_news(ports, told(ports, buyer))
    times = []
    for wait in (timedelta(), *WAITS):
        ports.clock.advance(wait)
        await work(ports)
        times.append(ports.clock.now() - began)
        assert len(sink.received) == len(times), times
    assert len(times) == ATTEMPTS_MAX
    assert times[-1] == timedelta(hours=75, minutes=35, seconds=5)
    (delivery,) = await deliveries(ports, endpoint)
    assert (delivery.state, delivery.attempts, delivery.tries[-1].answer) == ("failed", 10, "out of order")
    row = await standing(ports, endpoint)
    assert (row.state, row.disabled_because) == ("disabled", "unreachable")
    (message,) = await rows(ports, 'SELECT "to", text FROM message')
    assert (message.to, "127.0.0.1" in message.text) == (buyer.phone, True)
    ports.clock.advance(timedelta(days=1))
    assert await work(ports) == []
    assert len(sink.received) == ATTEMPTS_MAX


async def test_one_that_fails_does_not_disable_an_endpoint_that_takes_others(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    sink.reply = lambda got: Reply(500 if b"con_bad" in got.body else 204)
    await tell_news(ports, told(ports, buyer, subject="con_bad"))
    for wait in (timedelta(), *WAITS):
        ports.clock.advance(wait)
        await tell_news(ports, told(ports, buyer, subject="con_good"))
        await work(ports)
    states = [each.state for each in await deliveries(ports, endpoint)]
    assert states.count("failed") == 1
    assert (await standing(ports, endpoint)).state == "enabled"


async def test_gone_disables_at_once_and_what_comes_after_is_held_for_a_replay(ports, sink, buyer):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(410)
    await tell_news(ports, told(ports, buyer, subject="con_1"))
    await work(ports)
    assert (await standing(ports, endpoint)).disabled_because == "gone"
    assert "410" in await value(ports, "SELECT text FROM message")
    await tell_news(ports, told(ports, buyer, subject="con_2"), told(ports, buyer, subject="con_3"))
    await work(ports)
    assert [each.state for each in await deliveries(ports, endpoint)] == ["held", "held", "failed"]
    with pytest.raises(StateConflict):
        async with own(ports, buyer, endpoint) as (session, row):
            await replay(session, row, ReplayRequest(), [], ports.clock.now())
    sink.reply = Reply()
    await enable(ports, buyer, endpoint)
    await work(ports)
    assert len(sink.received) == 1
    async with own(ports, buyer, endpoint) as (session, row):
        again = await replay(session, row, ReplayRequest(after=sink.ids()[0]), [], ports.clock.now())
    assert (again.queued, again.more) == (2, False)
    await work(ports)
    assert [orjson.loads(got.body)["subject"] for got in sink.received] == ["con_1", "con_2", "con_3"]
    assert again.last == sink.ids()[-1]


async def test_notice_of_a_partners_endpoint_goes_to_the_operators(ports, sink):
    await an_operator(ports)
    carrier = await a_partner(ports, "KUNLUN")
    await an_endpoint(ports, carrier, sink.url)
    sink.reply = Reply(410)
    await tell_news(ports, news(at=ports.clock.now(), carriers=("KUNLUN",)))
    await work(ports)
    assert await rows(ports, 'SELECT "to", template FROM message') == [(OPERATOR_PHONE, "webhook_gone")]


@pytest.mark.parametrize("status", [429, 502, 504, 503])
async def test_retry_after_is_honoured_for_all_that_the_endpoint_is_sent(ports, sink, buyer, status):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(status, {"retry-after": "3600"})
    await tell_news(ports, told(ports, buyer, subject="con_1"))
    await work(ports)
    assert (await deliveries(ports, endpoint))[0].next_at == ports.clock.now() + timedelta(hours=1)
    sink.reply = Reply()
    await tell_news(ports, told(ports, buyer, subject="con_2"))
    ports.clock.advance(timedelta(minutes=59))
    await work(ports)
    assert len(sink.received) == 1
    ports.clock.advance(timedelta(minutes=1))
    await work(ports)
    assert len(sink.received) == 3


@pytest.mark.parametrize("status", [429, 502, 504])
async def test_endpoint_that_is_overloaded_rests_though_it_did_not_say_for_how_long(ports, sink, buyer, status):
    endpoint = await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(status)
    await tell_news(ports, told(ports, buyer))
    await work(ports)
    assert (await standing(ports, endpoint)).rests_until == ports.clock.now() + timedelta(seconds=30)


async def test_dead_endpoint_with_a_backlog_is_asked_one_at_a_time_and_then_rests(ports, sink, buyer):
    await an_endpoint(ports, buyer, sink.url)
    sink.reply = Reply(500)
    await tell_news(ports, *(told(ports, buyer) for _ in range(50)))
    await work(ports)
    # Twenty in the first go, of which each subject is its own; then one, then one, and a rest.
    assert len(sink.received) == 22
    assert await work(ports) == []


async def test_name_that_leads_into_our_own_network_is_not_called(ports, buyer):
    """It was good when it was registered; what it means now is another matter."""

    async def rebound(host, port):
        return [ip_address("169.254.169.254")]

    endpoint = await an_endpoint(ports, buyer, "https://farm.example/hooks")
    inside = replace(ports, outside=GuardedSender(resolver=rebound))
    await tell_news(inside, told(ports, buyer))
    await work(inside)
    (delivery,) = await deliveries(ports, endpoint)
    assert (delivery.state, delivery.tries[0].status) == ("queued", None)
    assert "public address" in delivery.tries[0].error
    await inside.outside.close()


@pytest.mark.parametrize(
    "url", ["http://farm.example/", "https://10.0.0.1/", "https://localhost:22/", "https://u:p@farm.example/"]
)
async def test_url_that_is_never_called_is_refused_when_it_is_given(ports, buyer, url):
    async with nothing_happens(ports):
        with pytest.raises(DestinationRefused):
            await an_endpoint(ports, buyer, url)
    endpoint = await an_endpoint(ports, buyer)
    with pytest.raises(DestinationRefused):
        await enable(ports, buyer, endpoint, url=url)
