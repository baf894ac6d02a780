"""The story of queries that are kept by name and of those who want to be told what is new: by webhook, as a stream or on a schedule."""

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from app.core.errors import Forbidden, Problem
from app.core.ids import new_id
from app.epcis.errors import (
    NoSuchQuery,
    NoSuchResource,
    QueryExists,
    QueryTooComplex,
    QueryTooLarge,
    SubscriptionUnclear,
)
from app.epcis.query import Condition, Query
from app.epcis.schedule import Schedule, next_after, read_schedule
from app.flows.ports import Ports
from app.flows.query_epcis import Found, find_events, query_document, understood
from app.notify.errors import DestinationRefused, NoAnswer
from app.shipments.epcis import Stored
from app.shipments.epcis_queries import Viewer
from app.shipments.epcis_subscriptions import (
    add_query,
    add_subscription,
    count_queries,
    count_subscriptions,
    find_query,
    move_on,
    take_due,
)

log = logging.getLogger(__name__)
QUERIES_MAX: Final = 100
SUBSCRIPTIONS_PER_QUERY_MAX: Final = 20
STREAM_EVERY: Final = timedelta(seconds=5)
LEASE: Final = timedelta(minutes=2)
TAKEN_MAX: Final = 20
PER_REPORT: Final = 100
# What was recorded by a transaction that ended late is looked for once more; no transaction lasts as long.
OVERLAP: Final = timedelta(seconds=60)
# How long we wait after the first, second, … failure; after the last one the subscription ends.
RETRIES: Final = tuple(
    timedelta(seconds=each) for each in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
_SUBSCRIPTION: Final = {"en": "subscription", "zh-Hans": "订阅"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription as it is asked for."""

    dest: str
    token: str | None
    stream: bool
    schedule: Mapping[str, str] | None
    report_if_empty: bool
    since: datetime | None


async def keep_query(ports: Ports, viewer: Viewer, name: str, parameters: Mapping[str, Any]) -> None:
    """Keep a query under a name of its owner's. Raises `QueryNotUnderstood`, `QueryExists`, or `Forbidden` beyond the limit."""
    understood(parameters)
    async with ports.begin() as session:
        if await count_queries(session, viewer.id) >= QUERIES_MAX:
            raise Forbidden(needs={"en": f"at most {QUERIES_MAX} queries", "zh-Hans": f"查询不超过 {QUERIES_MAX} 个"})
        if not await add_query(session, viewer.id, name, parameters, ports.clock.now()):
            raise QueryExists(name=name)


async def kept_query(ports: Ports, viewer: Viewer, name: str) -> Any:
    """The owner's query of this name. Raises `NoSuchQuery`."""
    async with ports.database.read() as reader:
        row = await find_query(reader, viewer.id, name)
    if row is None:
        raise NoSuchQuery
    return row


async def subscribe(ports: Ports, viewer: Viewer, name: str, wanted: Wanted) -> str:
    """Report what is new to a query of the caller's, from now on or from the time asked for; answers the subscription's id.

    Raises `NoSuchQuery`, `SubscriptionUnclear`, `DestinationRefused`, or `Forbidden` beyond the limit.
    """
    now = ports.clock.now()
    due_at = first_due(wanted.stream, wanted.schedule, now)
    ports.outside.require_callable(wanted.dest)
    await kept_query(ports, viewer, name)
    subscription = new_id("sub")
    row = {
        "id": subscription,
        "owner": viewer.id,
        "query": name,
        "rights": asdict(viewer),
        "dest": wanted.dest,
        "stream": wanted.stream,
        "schedule": wanted.schedule,
        "report_if_empty": wanted.report_if_empty,
        "created_at": now,
        "initial_record_time": wanted.since,
        "since": wanted.since or now,
        "told": [],
        "due_at": due_at,
        "failures": 0,
    }
    token = None if wanted.token is None else ports.seal.close(wanted.token.encode())
    async with ports.begin() as session:
        if await count_subscriptions(session, viewer.id, name) >= SUBSCRIPTIONS_PER_QUERY_MAX:
            most = SUBSCRIPTIONS_PER_QUERY_MAX
            raise Forbidden(
                needs={"en": f"at most {most} subscriptions to a query", "zh-Hans": f"每个查询最多 {most} 个订阅"}
            )
        await add_subscription(session, row, token)
    return subscription


def first_due(stream: bool, schedule: Mapping[str, str] | None, now: datetime) -> datetime:  # noqa: FBT001 - a word of the standard
    """When to look first. Raises `SubscriptionUnclear` unless it is a stream or has a schedule that comes about, not both."""
    if stream == (schedule is not None):
        raise SubscriptionUnclear(fault="")
    if schedule is None:
        return now
    due_at = next_after(read(schedule), now)
    if due_at is None:
        raise SubscriptionUnclear(fault="schedule")
    return due_at


def read(schedule: Mapping[str, str]) -> Schedule:
    """The schedule. Raises `SubscriptionUnclear` with the name of what is not good."""
    found = read_schedule(schedule)
    if isinstance(found, str):
        raise SubscriptionUnclear(fault=found)
    return found


def no_such_subscription() -> NoSuchResource:
    return NoSuchResource(what=_SUBSCRIPTION)


@dataclass(frozen=True, slots=True)
class News:
    """What is new to a query: the events, and from where to look the next time. `more`: there may be some left."""

    found: Found
    since: datetime
    told: tuple[str, ...]
    more: bool


async def news_for(
    ports: Ports, viewer: Viewer, query: Query, *, since: datetime, told: Sequence[str], floor: datetime
) -> News:
    """The events that were recorded since then, but for those that were told. Nothing is lost when transactions end out of turn."""
    begin = max(since - OVERLAP, floor)
    asked = replace(
        query,
        conditions=(*query.conditions, Condition("GE_recordTime", "GE", (begin,))),
        order_by="recordTime",
        descending=False,
        count_limit=None,
    )
    known, token = set(told), None
    fresh: list[tuple[Stored, Any]] = []
    met: list[Stored] = []
    while True:
        found = await find_events(ports, viewer, asked, per_page=PER_REPORT, token=token)
        met += found.rows
        fresh += [each for each in zip(found.rows, found.events, strict=True) if each[0].id not in known]
        token = found.token
        if token is None or len(fresh) >= PER_REPORT:
            break
    more = token is not None or len(fresh) > PER_REPORT
    fresh = fresh[:PER_REPORT]
    latest = max([since, *(row.recorded_at for row, _ in fresh)])
    # Of what was told, only that is remembered which the next look may meet again.
    mine = {row.id for row, _ in fresh} | known
    kept = mine if more else {row.id for row in met if row.id in mine and row.recorded_at >= latest - OVERLAP}
    page = Found([event for _, event in fresh], [row for row, _ in fresh], None, ports.clock.now())
    return News(page, latest, tuple(sorted(kept)), more)


async def report_subscriptions(ports: Ports) -> None:
    """Periodic: tell those whose time has come. Each is taken for two minutes, so that two workers never tell the same."""
    now = ports.clock.now()
    async with ports.begin() as session:
        due = await take_due(session, now, now + LEASE, TAKEN_MAX)
    for row in due:
        try:
            await _report(ports, row)
        except Exception:
            # One that fails keeps no others back; its lease runs out, and it is tried again.
            log.exception("subscription failed", extra={"subscription": row.id})


async def _report(ports: Ports, row: Any) -> None:
    viewer = Viewer(**row.rights | {"producers": tuple(row.rights["producers"])})
    now = ports.clock.now()
    body: dict[str, Any] | None
    try:
        news = await news_for(
            ports,
            viewer,
            understood(row.parameters),
            since=row.since,
            told=row.told,
            floor=row.initial_record_time or row.created_at,
        )
        since, told, more = news.since, news.told, news.more
        empty = not news.found.rows
        body = query_document(news.found.events, now, name=row.query, subscription=row.id)
        media = "application/json"
    except (QueryTooLarge, QueryTooComplex) as problem:
        since, told, more, empty = now, (), False, False
        body, media = _problem(problem), "application/problem+json"
    due_at = now if more else _next_due(row, now)
    if empty and not (row.schedule and row.report_if_empty):
        await _note(ports, row, due_at=due_at, failures=row.failures, since=since, told=told)
        return
    status = await _send(ports, row, orjson.dumps(body), media)
    if status is not None and 200 <= status < 300:
        await _note(ports, row, due_at=due_at, failures=0, since=since, told=told, notified_at=now)
        return
    # Nothing was taken: the next report begins where this one did. 410: it is not wanted any more.
    gone = status == 410 or row.failures >= len(RETRIES)
    again = None if gone else now + RETRIES[row.failures]
    await _note(ports, row, due_at=again, failures=row.failures + 1, since=row.since, told=row.told)


def _next_due(row: Any, now: datetime) -> datetime | None:
    return now + STREAM_EVERY if row.schedule is None else next_after(read(row.schedule), now)


async def _note(ports: Ports, row: Any, **moved: Any) -> None:
    async with ports.begin() as session:
        await move_on(session, row.id, **moved)


async def _send(ports: Ports, row: Any, body: bytes, media: str) -> int | None:
    """Post the report; None when there was no answer, or the address is one that we do not call."""
    headers = {"content-type": media}
    if row.sealed_token is not None:
        headers["gs1-signature"] = signature(ports.seal.open(bytes(row.sealed_token)), body, ports.clock.now())
    try:
        return (await ports.outside.send(row.dest, body, headers)).status
    except (NoAnswer, DestinationRefused) as refusal:
        log.info("subscription not taken", extra={"subscription": row.id, "why": refusal.slug})
        return None


def signature(token: bytes, body: bytes, at: datetime) -> str:
    """`t=<seconds>,v1=<hex>`: HMAC-SHA256 under the subscriber's token of the seconds, a point and the body."""
    seconds = int(at.timestamp())
    digest = hmac.new(token, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "type": f"epcisException:{getattr(problem, 'exception', 'ImplementationException')}",
        "title": problem.title_in("en"),
        "status": 413,
        "detail": problem.detail_in("en"),
    }
