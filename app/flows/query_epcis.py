"""The story of asking for events in the words of EPCIS 2.0: captured ones as they came, all others told in the standard's words."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from cryptography.fernet import InvalidToken

from app.core.database import Reader, dump_json
from app.core.errors import Forbidden, Gap
from app.epcis.documents import read_event
from app.epcis.errors import NoSuchResource, QueryNotUnderstood, QueryTooComplex, QueryTooLarge
from app.epcis.matching import matches
from app.epcis.query import Query, read_query
from app.epcis.seen import seen
from app.epcis.times import in_utc
from app.epcis.values import CONTEXT, SCHEMA_VERSION, Event, Fault
from app.flows.ports import Ports
from app.identity.values import Caller, Grant, Scope
from app.shipments.epcis import Stored, as_epcis
from app.shipments.epcis_queries import Mark, Viewer, list_candidates, list_names, list_places, marks_of
from app.shipments.epcis_tokens import end_token, is_ended

PAGE_DEFAULT: Final = 30
PAGE_MAX: Final = 100
POINTER_LENGTH_MAX: Final = 1_000
# So many rows are looked through for one answer; then it ends early, and the next page goes on from there.
LOOKED_THROUGH_MAX: Final = 3_000
BATCH: Final = 500
TOKEN_LIFETIME: Final = timedelta(hours=1)
_TOKEN: Final = {"en": "page token", "zh-Hans": "分页令牌"}
_EVENT: Final = {"en": "event", "zh-Hans": "事件"}


@dataclass(frozen=True, slots=True)
class Found:
    """A page of events with the prefixes of each, the row that each was read from, and the token of the next page."""

    events: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]]
    rows: Sequence[Stored]
    token: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Token:
    """Where to go on: after a row, with so many events left to give (None is all)."""

    mark: Mark
    left: int | None


def viewer_of(caller: Caller) -> Viewer:
    """What this caller may look at. Raises `Forbidden` for a partner's key without the scope."""
    if caller.partner_id is not None and Scope.TRACKING_READ not in caller.scopes:
        scope = Scope.TRACKING_READ.value
        raise Forbidden(
            needs={
                "en": f"a partner's API key with the scope {scope}",
                "zh-Hans": f"具有 {scope} 权限的合作方 API 密钥",
            }
        )
    return Viewer(
        id=caller.id,
        carrier=caller.carrier,
        person=caller.person_id,
        producers=tuple(sorted(caller.granted(Grant.SEE))),
        is_operator=caller.is_operator(),
    )


def understood(asked: Mapping[str, Any]) -> Query:
    """The query that these parameters make. Raises `QueryNotUnderstood` with every fault."""
    query = read_query(asked)
    if isinstance(query, list):
        raise not_understood(query)
    return query


def not_understood(faults: Sequence[Fault]) -> QueryNotUnderstood:
    gaps = [
        Gap(f"/query{fault.pointer}"[:POINTER_LENGTH_MAX], {"en": fault.en, "zh-Hans": fault.zh}) for fault in faults
    ]
    return QueryNotUnderstood(gaps=gaps[:100])


async def find_events(
    ports: Ports, viewer: Viewer, query: Query, *, per_page: int = PAGE_DEFAULT, token: str | None = None
) -> Found:
    """A page of the events that answer the query. It may be shorter than asked for although there are more.

    Raises `QueryTooLarge` or `QueryTooComplex` when `maxEventCount` was given, `QueryNotUnderstood` for a token of another query.
    """
    now = ports.clock.now()
    async with ports.database.read() as reader:
        start = await _opened(ports, reader, viewer, query, token) if token else None
        left = start.left if start else query.count_limit
        whole = query.count_max
        wanted = per_page if left is None else min(per_page, left)
        rows, mark = await _look(
            ports, reader, viewer, query, start.mark if start else None, wanted if whole is None else whole + 1
        )
    if whole is not None:
        if len(rows) > whole:
            raise QueryTooLarge(max=whole)
        if mark is not None:
            raise QueryTooComplex
    remaining = None if left is None else left - len(rows)
    goes_on = mark is not None and remaining != 0
    sealed = _sealed(ports, viewer, query, _Token(mark, remaining), now) if mark is not None and goes_on else None
    return Found([_told(ports, row) for row in rows], rows, sealed, now + TOKEN_LIFETIME)


async def find_event(ports: Ports, viewer: Viewer, event_id: str) -> Found:
    """The event with this id and the declarations of errors in it, the first telling first. Raises `NoSuchResource`."""
    query = replace(understood({"EQ_eventID": [event_id]}), descending=False)
    found = await find_events(ports, viewer, query, per_page=PAGE_MAX)
    if not found.rows:
        raise NoSuchResource(what=_EVENT)
    return found


async def drop_token(ports: Ports, token: str) -> None:
    """Nobody goes on from this token any more. Raises `NoSuchResource` for what is no token of ours."""
    try:
        ports.seal.open(token.encode())
    except InvalidToken:
        raise NoSuchResource(what=_TOKEN) from None
    async with ports.begin() as session:
        await end_token(session, _hash(token), ports.clock.now() + TOKEN_LIFETIME)


async def _look(
    ports: Ports, reader: Reader, viewer: Viewer, query: Query, after: Mark | None, wanted: int
) -> tuple[list[Stored], Mark | None]:
    """So many events that answer, and where to go on when there may be more; None when there are none."""
    found: list[Stored] = []
    looked = 0
    prefix = ports.settings.gs1_company_prefix
    while looked < LOOKED_THROUGH_MAX:
        size = min(BATCH, max(wanted + 1, 50))
        rows = await list_candidates(reader, viewer, query, company_prefix=prefix, after=after, limit=size)
        looked += len(rows)
        for row in rows:
            if _answers(ports, query, row):
                if len(found) == wanted:
                    return found, marks_of(found, query)
                found.append(row)
            after = marks_of([row], query)
        if len(rows) < size:
            return found, None
    return found, after


def _answers(ports: Ports, query: Query, row: Stored) -> bool:
    told, prefixes = _told(ports, row)
    event = read_event(told, prefixes)
    # What was captured was good then; ours are told well.
    assert isinstance(event, Event), event
    return matches(query, seen(event, row.recorded_at))


def _told(ports: Ports, row: Stored) -> tuple[dict[str, Any], dict[str, str]]:
    return as_epcis(row, ports.settings.base_url, ports.settings.gs1_company_prefix)


def query_document(
    events: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]],
    now: datetime,
    *,
    name: str = "SimpleEventQuery",
    subscription: str | None = None,
) -> dict[str, Any]:
    """The EPCISQueryDocument that holds these events. A prefix that two of them use for different things stands in the second's own context."""
    common: dict[str, str] = {}
    listed = []
    for event, prefixes in events:
        own = {prefix: where for prefix, where in prefixes.items() if common.setdefault(prefix, where) != where}
        listed.append(event if not own or "@context" in event else {"@context": [CONTEXT, own], **event})
    results: dict[str, Any] = {"queryName": name, "resultsBody": {"eventList": listed}}
    if subscription is not None:
        results["subscriptionID"] = subscription
    return {
        "@context": [CONTEXT, *([common] if common else [])],
        "type": "EPCISQueryDocument",
        "schemaVersion": SCHEMA_VERSION,
        "creationDate": in_utc(now),
        "epcisBody": {"queryResults": results},
    }


def _sealed(ports: Ports, viewer: Viewer, query: Query, token: _Token, now: datetime) -> str:
    body = [
        token.mark.at.timestamp(),
        token.mark.at.microsecond,
        token.mark.id,
        token.left,
        (now + TOKEN_LIFETIME).timestamp(),
        _meaning(viewer, query),
    ]
    return ports.seal.close(dump_json(body).encode()).decode()


async def _opened(ports: Ports, reader: Reader, viewer: Viewer, query: Query, token: str) -> _Token:
    """Raises `QueryNotUnderstood` for what is no token of this query, ran out, or was ended."""
    fault = Fault("/nextPageToken", "Not a token of this query, or it has run out", "不是该查询的令牌，或已失效")
    try:
        seconds, micro, last, left, expires, meaning = orjson.loads(ports.seal.open(token.encode()))
    except (InvalidToken, ValueError):
        raise not_understood([fault]) from None
    over = ports.clock.now().timestamp() > expires or meaning != _meaning(viewer, query)
    if over or await is_ended(reader, _hash(token)):
        raise not_understood([fault])
    return _Token(Mark(datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=micro), last), left)


def _meaning(viewer: Viewer, query: Query) -> str:
    return hashlib.sha256(repr((viewer.id, query)).encode()).hexdigest()[:32]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def members_of(ports: Ports, viewer: Viewer, resource: str, *, after: str, limit: int) -> list[str]:
    """Names of EPCs or places in the events that may be seen, in order, after a name: as they are asked for."""
    settings = ports.settings
    async with ports.database.read() as reader:
        if resource == "epcs":
            prefix = settings.gs1_company_prefix
            return await list_names(reader, viewer, company_prefix=prefix, after=after, limit=limit)
        field = "readPoint" if resource == "readPoints" else "bizLocation"
        return await list_places(reader, viewer, field, base_url=settings.base_url, after=after, limit=limit)
