"""The story of webhooks that leave: news is handed out to endpoints, and each endpoint is served by itself."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from urllib.parse import urlsplit

from app.core.database import Session
from app.core.jobs import WEBHOOKS, Job, enqueue
from app.flows.ports import Ports
from app.identity.service import contacts_of_persons, contacts_of_phones
from app.notify.announce import delivery_job, hand_out, hold_news
from app.notify.deliveries import hold_endpoint, list_due, list_forgotten, list_untold, release_endpoint
from app.notify.errors import DestinationRefused, NoAnswer
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.notify.webhook_rules import after_go, after_try, body_of, headers_of, read_retry_after
from app.notify.webhook_values import (
    AT_ONCE_MAX,
    GO_S,
    Concerned,
    DeliveryState,
    DisabledBecause,
    Due,
    Ended,
    Held,
    Try,
)
from app.orders.service import orders_by_id
from app.shipments.queries import list_of_orders

log = logging.getLogger(__name__)
_FORGOTTEN_AFTER = timedelta(minutes=1)


async def fan_out(ports: Ports, events: Sequence[str]) -> None:
    """Job: hand this news, and what else waits of the same subjects, to every endpoint that asked for it and whose owner may see it."""
    now = ports.clock.now()
    async with ports.begin() as session:
        noted = await hold_news(session, events, now)
        asked = {each.order_id for each in noted if each.order_id and (each.buyer_id is None or each.producers is None)}
        orders = await orders_by_id(session, asked) if asked else {}
        journeys = await list_of_orders(session, sorted(orders)) if orders else {}
        concerned = {
            order.id: Concerned(order.buyer_id, tuple(sorted({each.producer_id for each in journeys[order.id]})))
            for order in orders.values()
        }
        await hand_out(session, noted, concerned, sorted(ports.settings.operator_phones), now)


async def deliver(ports: Ports, endpoint: str) -> None:
    """Job: send what is due to this endpoint, some at a time; nobody else serves it meanwhile. Whatever is left has a job of its own.

    Each at least once: if we stop between sending and noting it, it is sent again, under the same id.
    """
    operators = sorted(ports.settings.operator_phones)
    now = ports.clock.now()
    async with ports.begin() as session:
        held = await hold_endpoint(session, endpoint, now)
        if held is None:
            return
        due = await list_due(session, held, operators, now)
    ended = await _send(ports, held, due)
    now = ports.clock.now()
    health = after_go(held, [each for each in ended if each.state is not DeliveryState.WITHHELD], now)
    async with ports.begin() as session:
        because = await release_endpoint(session, held, ended, health, now)
        if because is not None:
            await queue_messages(session, await _notices(ports, session, held, because), now)
    if because is not None:
        log.warning("webhook endpoint disabled", extra={"endpoint": endpoint, "because": because})


async def _send(ports: Ports, held: Held, due: Sequence[Due]) -> list[Ended]:
    """Subjects side by side, the news of one subject in its order; what a failure or the time leaves is not begun, and due again."""
    side_by_side = asyncio.Semaphore(AT_ONCE_MAX)
    until = time.monotonic() + GO_S
    secrets = [ports.seal.open(secret).decode() for secret in held.secrets]

    async def one_subject(news: Sequence[Due]) -> list[Ended]:
        ended: list[Ended] = []
        async with side_by_side:
            for each in news:
                if time.monotonic() > until:
                    break
                ended.append(await _send_one(ports, held, secrets, each))
                if ended[-1].state in (DeliveryState.QUEUED, DeliveryState.FAILED):
                    break
        return ended

    by_subject = [list(news) for _, news in groupby(sorted(due, key=lambda one: one.subject), lambda one: one.subject)]
    return [ended for some in await asyncio.gather(*map(one_subject, by_subject)) for ended in some]


async def _send_one(ports: Ports, held: Held, secrets: Sequence[str], due: Due) -> Ended:
    now = ports.clock.now()
    if not due.is_seen:
        return Ended(DeliveryState.WITHHELD, None, Try(now), due)
    body = body_of(due, by_carrier=held.by_carrier)
    begun = time.monotonic()
    status, error, words, retry_after = None, None, b"", None
    try:
        answer = await ports.outside.send(held.url, body, headers_of(due.event_id, body, secrets, now))
        status, words, retry_after = answer.status, answer.body, answer.retry_after
    except (NoAnswer, DestinationRefused) as problem:
        error = problem.detail_in("en")
    took_ms = int((time.monotonic() - begun) * 1_000)
    # PostgreSQL's text holds no zero bytes.
    shown = words.decode(errors="replace").replace("\x00", "")
    return after_try(due, Try(now, status, error, shown, took_ms, read_retry_after(retry_after, now)))


async def _notices(ports: Ports, session: Session, held: Held, because: DisabledBecause) -> list[Notice]:
    """To the person whose endpoint it was; of a partner's, which has no phone, to the operators."""
    if held.person_id is not None:
        people = list((await contacts_of_persons(session, [held.person_id])).values())
    else:
        people = await contacts_of_phones(session, ports.settings.operator_phones)
    template = Template.WEBHOOK_GONE if because is DisabledBecause.GONE else Template.WEBHOOK_UNREACHABLE
    host = urlsplit(held.url).hostname or ""
    return [Notice(one.phone, template, one.language, {"host": host}) for one in people]


async def look_after_webhooks(ports: Ports) -> None:
    """Periodic: serve endpoints whose worker died, and hand out news whose job did."""
    now = ports.clock.now()
    async with ports.begin() as session:
        forgotten = await list_forgotten(session, now, now - _FORGOTTEN_AFTER)
        untold = await list_untold(session)
        jobs = [delivery_job(endpoint, slow=slow) for endpoint, slow in forgotten]
        jobs += [Job("webhook.fan_out", {"events": untold}, queue=WEBHOOKS)] if untold else []
        await enqueue(session, jobs)
