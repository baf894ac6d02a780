"""Somebody who wants to be told of news, and news to be told."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from app.core.ids import new_id
from app.flows.ports import Ports
from app.notify.announce import announce
from app.notify.outside import GuardedSender
from app.notify.webhook_schemas import NewWebhookEndpoint, WebhookEndpointChange, WebhookEndpointCreated
from app.notify.webhook_values import EndpointState, News
from app.notify.webhooks import change_endpoint, create_endpoint, list_deliveries, lock_endpoint, resend
from tests.db.test_jobs import eventually
from tests.factories.identity import Someone, a_person
from tests.factories.sink import LOOPBACK, a_sink
from tests.factories.tables import rows

NOWHERE = "http://127.0.0.1:9/hooks"


def reaching(ports: Ports, timeout_s: float = 1.0) -> Ports:
    """Ports whose sender may call the sink on loopback."""
    return replace(ports, outside=GuardedSender(LOOPBACK, timeout_s=timeout_s))


async def an_endpoint(ports: Ports, owner: Someone, url: str = NOWHERE, *events: str) -> WebhookEndpointCreated:
    """An endpoint of this person or partner; of all news unless some is named."""
    command = NewWebhookEndpoint(url=url, events=list(events or ("*",)))
    async with ports.begin() as session:
        outside = reaching(ports).outside
        created = await create_endpoint(session, owner.caller, command, outside, ports.seal, ports.clock.now())
        await outside.close()
    return created


def news(name: str = "shipment.advanced", subject: str | None = None, **more: Any) -> News:
    """News of a consignment that concerns nobody unless somebody is named."""
    at: datetime = more.pop("at")
    subject = subject or new_id("con")
    facts = {"consignment": subject, "order": "ord_1", "status": "in_transit"} | more.pop("facts", {})
    return News(name, subject, at, facts, **more)


async def tell_news(ports: Ports, *told: News) -> None:
    async with ports.begin() as session:
        await announce(session, told)


@pytest.fixture
async def open_sink():
    async with a_sink() as sink:
        yield sink


@pytest.fixture
async def hooked(ports):
    """Ports whose sender may call the sink, and waits for two seconds."""
    opened = reaching(ports, timeout_s=2.0)
    yield opened
    await opened.outside.close()


@pytest.fixture
async def listener(ports):
    return await a_person(ports)


def told(ports, buyer, **more):
    return news(at=ports.clock.now(), buyer=buyer.id, **more)


async def deliveries(ports, endpoint):
    async with ports.database.read() as connection:
        return (await list_deliveries(connection, endpoint.id, None, None, 100)).items


async def standing(ports, endpoint):
    (row,) = await rows(ports, "SELECT * FROM webhook_endpoint WHERE id = :id", id=endpoint.id)
    return row


@asynccontextmanager
async def own(ports, owner, endpoint):
    """The owner's endpoint, locked, with the session that holds it."""
    async with ports.begin() as session:
        yield session, await lock_endpoint(session, owner.caller, endpoint.id)


async def enable(ports, owner, endpoint, state=EndpointState.ENABLED, **changes):
    async with own(ports, owner, endpoint) as (session, row):
        command = WebhookEndpointChange(state=state, **changes)
        return await change_endpoint(session, row, command, ports.outside, ports.clock.now())


async def send_again(ports, owner, endpoint, event):
    async with own(ports, owner, endpoint) as (session, row):
        return await resend(session, row, event, [], ports.clock.now())


async def until_asked(sink):
    async def asked():
        return bool(sink.received)

    await eventually(asked)


async def without_jobs(ports, *more):
    """As after a queue that was lost."""
    async with ports.begin() as session:
        for statement in ("DELETE FROM procrastinate_jobs", *more):
            await session.execute(text(statement))
