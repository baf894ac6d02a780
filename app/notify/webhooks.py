"""Verbs of webhook endpoints: register, change, rotate the secret, end; and of their deliveries: list, send again, replay, test."""

import secrets
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import col

from app.core.database import Reader, Session, Sql
from app.core.errors import IdTaken, NotFound, StateConflict
from app.core.ids import new_id
from app.core.jobs import enqueue
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.schema import fingerprint
from app.core.seal import Seal
from app.identity.models import Partner, Person
from app.identity.values import Caller
from app.notify.announce import SEES, announce, delivery_job
from app.notify.errors import TooManyEndpoints
from app.notify.models import WebhookEndpoint
from app.notify.outside import GuardedSender
from app.notify.webhook_rules import names_meant, new_secret
from app.notify.webhook_schemas import (
    NewWebhookEndpoint,
    Replayed,
    ReplayRequest,
    WebhookDeliveryShape,
    WebhookEndpointChange,
    WebhookEndpointCreated,
    WebhookEndpointShape,
)
from app.notify.webhook_values import (
    ENDPOINTS_PER_OWNER_MAX,
    REPLAY_MAX,
    SECRET_BYTES,
    SECRETS_OVERLAP,
    TEST_NEWS,
    DeliveryState,
    DisabledBecause,
    EndpointState,
    News,
)

ENDPOINT: Final = {"en": "webhook endpoint", "zh-Hans": "推送地址"}
DELIVERY: Final = {"en": "delivery", "zh-Hans": "推送记录"}
_DISABLED: Final = {"en": "Disabled", "zh-Hans": "已停用"}
_SENT: Final = {"en": "sent", "zh-Hans": "发送"}
_COLUMNS: Final = [col(getattr(WebhookEndpoint, name)) for name in WebhookEndpoint.model_fields]
_DELIVERIES: Final = (
    "SELECT delivery.event_id AS event, event.name AS type, event.subject, event.sequence, event.occurred_at, delivery.state, "
    "delivery.attempts, delivery.next_at, delivery.delivered_at, delivery.tries, delivery.position "
    "FROM webhook_delivery AS delivery JOIN webhook_event AS event ON event.id = delivery.event_id "
    "WHERE delivery.endpoint_id = :endpoint "
)
_LIST: Final = Sql(
    _DELIVERIES + "AND delivery.position < :before AND (CAST(:state AS text) IS NULL OR delivery.state = :state) "
    "ORDER BY delivery.position DESC LIMIT :most"
)
_ONE: Final = Sql(_DELIVERIES + "AND delivery.event_id = :event")
_POSITION: Final = Sql("SELECT position FROM webhook_delivery WHERE endpoint_id = :endpoint AND event_id = :event")
_AGAIN: Final = Sql(
    "WITH again AS (SELECT delivery.event_id, delivery.position FROM webhook_delivery AS delivery "
    "JOIN webhook_event AS event ON event.id = delivery.event_id JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id "
    "WHERE delivery.endpoint_id = :endpoint AND delivery.position > :after AND (CAST(:event AS text) IS NULL OR delivery.event_id = :event) "
    "AND (coalesce(event.endpoint_id = endpoint.id, false) OR SEES) ORDER BY delivery.position LIMIT :most), "
    "queued AS (UPDATE webhook_delivery AS delivery SET state = 'queued', attempts = 0, next_at = :now, first_at = NULL, delivered_at = NULL "
    "FROM again WHERE delivery.endpoint_id = :endpoint AND delivery.event_id = again.event_id) "
    "SELECT event_id, position FROM again ORDER BY position".replace("SEES", SEES)
)
_REMOVE: Final = Sql("DELETE FROM webhook_endpoint WHERE id = :id")
_HOLD_BACK: Final = Sql(
    "UPDATE webhook_delivery SET state = 'held', next_at = NULL WHERE endpoint_id = :id AND state = 'queued'"
)
_FIRST: Final = 2**62


async def create_endpoint(
    session: Session, caller: Caller, command: NewWebhookEndpoint, outside: GuardedSender, seal: Seal, now: datetime
) -> WebhookEndpointCreated:
    """Register an endpoint; only this answer holds its secret. Locks its owner, so that `TooManyEndpoints` holds.

    Raises `DestinationRefused` for a URL that is never called. The same id and body again answer the first result, without the secret.
    """
    outside.require_callable(command.url)
    owner = Person if caller.person_id else Partner
    await session.execute(select(col(owner.id)).where(col(owner.id) == caller.id).with_for_update())
    if command.id is not None and (earlier := await session.get(WebhookEndpoint, command.id)):
        if not _is_owner(earlier, caller) or earlier.created_from != fingerprint(command):
            raise IdTaken(id=command.id)
        return WebhookEndpointCreated(**shape_of(earlier).model_dump(), secret=None)
    present = select(func.count()).select_from(WebhookEndpoint).where(_owned_by(caller))
    if (await session.execute(present)).scalar_one() >= ENDPOINTS_PER_OWNER_MAX:
        raise TooManyEndpoints(max=ENDPOINTS_PER_OWNER_MAX)
    secret = new_secret(secrets.token_bytes(SECRET_BYTES))
    endpoint = WebhookEndpoint(
        id=command.id or new_id("whe"),
        person_id=caller.person_id,
        partner_id=caller.partner_id,
        url=command.url,
        events=command.events,
        names=names_meant(command.events),
        secret=seal.close(secret.encode()),
        state=EndpointState.ENABLED,
        created_from=fingerprint(command),
        created_at=now,
        updated_at=now,
    )
    session.add(endpoint)
    await session.flush()
    return WebhookEndpointCreated(**shape_of(endpoint).model_dump(), secret=secret)


async def get_endpoint(reader: Reader, caller: Caller, endpoint_id: str) -> WebhookEndpointShape:
    """The caller's own; `NotFound` for anybody else's."""
    wanted = select(*_COLUMNS).where(col(WebhookEndpoint.id) == endpoint_id, _owned_by(caller))
    row = (await reader.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=ENDPOINT)
    return shape_of(WebhookEndpoint(**row))


async def list_endpoints(reader: Reader, caller: Caller, cursor: str | None, limit: int) -> Page[WebhookEndpointShape]:
    """The caller's own, the newest first."""
    wanted = select(*_COLUMNS).where(_owned_by(caller)).order_by(col(WebhookEndpoint.id).desc()).limit(limit + 1)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(WebhookEndpoint.id) < after[0])
    items = [shape_of(WebhookEndpoint(**row)) for row in (await reader.execute(wanted)).mappings()]
    more = len(items) > limit
    return Page(items=items[:limit], next_cursor=encode_cursor([items[limit - 1].id]) if more else None)


async def lock_endpoint(session: Session, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
    """The caller's own, locked."""
    endpoint = await session.get(WebhookEndpoint, endpoint_id, with_for_update=True, populate_existing=True)
    if endpoint is None or not _is_owner(endpoint, caller):
        raise NotFound(what=ENDPOINT)
    return endpoint


async def change_endpoint(
    session: Session, endpoint: WebhookEndpoint, command: WebhookEndpointChange, outside: GuardedSender, now: datetime
) -> WebhookEndpointShape:
    """Write what was sent, on a locked one. Enabled, it begins anew; disabled, what waits is held until a replay."""
    if command.url is not None and command.url != endpoint.url:
        outside.require_callable(command.url)
        endpoint.url = command.url
    if command.events is not None:
        endpoint.events, endpoint.names = command.events, names_meant(command.events)
    if command.state is EndpointState.ENABLED and endpoint.state is EndpointState.DISABLED:
        endpoint.state, endpoint.disabled_because, endpoint.disabled_at = EndpointState.ENABLED, None, None
        endpoint.failures, endpoint.slow, endpoint.rests_until = 0, False, None
    if command.state is EndpointState.DISABLED and endpoint.state is EndpointState.ENABLED:
        endpoint.state, endpoint.disabled_because = EndpointState.DISABLED, DisabledBecause.OWNER
        endpoint.disabled_at = now
        await _HOLD_BACK.tell(session, {"id": endpoint.id})
    endpoint.updated_at = now
    await session.flush()
    return shape_of(endpoint)


async def rotate_secret(
    session: Session, endpoint: WebhookEndpoint, seal: Seal, now: datetime
) -> WebhookEndpointCreated:
    """A new secret for a locked endpoint, shown once; the one before signs beside it for a day, an older one no more."""
    secret = new_secret(secrets.token_bytes(SECRET_BYTES))
    endpoint.former_secret, endpoint.former_until = endpoint.secret, now + SECRETS_OVERLAP
    endpoint.secret, endpoint.updated_at = seal.close(secret.encode()), now
    await session.flush()
    return WebhookEndpointCreated(**shape_of(endpoint).model_dump(), secret=secret)


async def remove_endpoint(session: Session, endpoint: WebhookEndpoint) -> None:
    """End a locked endpoint with everything that it was sent."""
    await _REMOVE.tell(session, {"id": endpoint.id})


async def list_deliveries(
    reader: Reader, endpoint_id: str, state: DeliveryState | None, cursor: str | None, limit: int
) -> Page[WebhookDeliveryShape]:
    """What an endpoint was sent, the newest first. One statement."""
    position, _ = decode_cursor(cursor, int, str) or (_FIRST, "")
    values = {"endpoint": endpoint_id, "state": state, "before": min(int(position), _FIRST), "most": limit + 1}
    rows = await _LIST.all(reader, values)
    more = len(rows) > limit
    return Page(
        items=[_delivery(row) for row in rows[:limit]],
        next_cursor=encode_cursor([rows[limit - 1].position, rows[limit - 1].event]) if more else None,
    )


async def resend(
    session: Session, endpoint: WebhookEndpoint, event_id: str, operators: list[str], now: datetime
) -> WebhookDeliveryShape:
    """Send one again under its id, from the first attempt on; what its owner may not see any more is `NotFound`."""
    _require_enabled(endpoint)
    if not await _again(session, endpoint, operators, now, event=event_id):
        raise NotFound(what=DELIVERY)
    row = await _ONE.first(session, {"endpoint": endpoint.id, "event": event_id})
    return _delivery(row)


async def replay(
    session: Session, endpoint: WebhookEndpoint, command: ReplayRequest, operators: list[str], now: datetime
) -> Replayed:
    """Send again everything after one delivery, in its order, as far as its owner may see it; so many at a time."""
    _require_enabled(endpoint)
    after = 0
    if command.after is not None:
        row = await _POSITION.first(session, {"endpoint": endpoint.id, "event": command.after})
        if row is None:
            raise NotFound(what=DELIVERY)
        after = row.position
    again = await _again(session, endpoint, operators, now, after=after, most=REPLAY_MAX)
    return Replayed(queued=len(again), last=again[-1] if again else command.after, more=len(again) == REPLAY_MAX)


async def _again(
    session: Session,
    endpoint: WebhookEndpoint,
    operators: list[str],
    now: datetime,
    *,
    event: str | None = None,
    after: int = 0,
    most: int = 1,
) -> list[str]:
    values = {
        "endpoint": endpoint.id,
        "event": event,
        "after": after,
        "operators": operators,
        "most": most,
        "now": now,
    }
    rows = await _AGAIN.all(session, values)
    if rows:
        await enqueue(session, [delivery_job(endpoint.id, slow=endpoint.slow)])
    return [row.event_id for row in rows]


async def send_test(session: Session, endpoint: WebhookEndpoint, now: datetime) -> None:
    """Put the news `webhook.test` for this endpoint alone."""
    _require_enabled(endpoint)
    facts = {"endpoint": endpoint.id}
    await announce(session, [News(TEST_NEWS, endpoint.id, now, facts, endpoint=endpoint.id)])


def _require_enabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.state is EndpointState.DISABLED:
        raise StateConflict(state=_DISABLED, verb=_SENT)


def _is_owner(endpoint: WebhookEndpoint, caller: Caller) -> bool:
    return caller.id in (endpoint.person_id, endpoint.partner_id)


def _owned_by(caller: Caller) -> Any:
    column = WebhookEndpoint.person_id if caller.person_id else WebhookEndpoint.partner_id
    return col(column) == caller.id


def shape_of(endpoint: WebhookEndpoint) -> WebhookEndpointShape:
    names = [name for name in WebhookEndpointShape.model_fields if name != "former_secret_until"]
    told = {name: getattr(endpoint, name) for name in names}
    return WebhookEndpointShape(**told, former_secret_until=endpoint.former_until)


def _delivery(row: Any) -> WebhookDeliveryShape:
    return WebhookDeliveryShape(**{name: getattr(row, name) for name in WebhookDeliveryShape.model_fields})
