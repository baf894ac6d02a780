"""Webhooks out: where one wants to be told, and what was delivered there."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.deps import HookOwner, PortsDep, Reading, Tx
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged, require_match
from app.api.router import api_router
from app.core.errors import Changed, Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.identity.errors import NotSignedIn
from app.notify import webhooks
from app.notify.errors import DestinationRefused, TooManyEndpoints
from app.notify.webhook_schemas import (
    ENDPOINT_ID,
    EVENT_ID,
    NewWebhookEndpoint,
    Replayed,
    ReplayRequest,
    WebhookDeliveryShape,
    WebhookEndpointChange,
    WebhookEndpointCreated,
    WebhookEndpointShape,
    WebhookTestSent,
)
from app.notify.webhook_values import DeliveryState

router = api_router("webhooks")
AnEndpointId = Annotated[str, Path(pattern=ENDPOINT_ID)]
AnEventId = Annotated[str, Path(pattern=EVENT_ID)]
_OWN = (NotSignedIn, Forbidden, Invalid, NotFound)


@router.post(
    "/webhook-endpoints",
    status_code=201,
    summary="Be told of news",
    responses=refuses(NotSignedIn, Forbidden, Invalid, DestinationRefused, TooManyEndpoints, IdTaken),
)
async def create_webhook_endpoint(
    command: NewWebhookEndpoint, caller: HookOwner, session: Tx, ports: PortsDep
) -> WebhookEndpointCreated:
    """For persons, and partners with the scope `tracking:read`. `secret` is shown this once.

    News is posted by Standard Webhooks 1.0: verify `webhook-signature` with the secret, take each `webhook-id` once, answer any 2xx within
    15 seconds. Order the news of one `subject` by its `sequence`. Buyers and producers hear of their own orders, shipments, payments, claims and
    payouts; partners of what they carry; operators of everything. What is not taken is sent again for three days.
    """
    return await webhooks.create_endpoint(session, caller, command, ports.outside, ports.seal, ports.clock.now())


@router.get("/webhook-endpoints", summary="My webhook endpoints", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_webhook_endpoints(
    caller: HookOwner, connection: Reading, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[WebhookEndpointShape]:
    """One's own, the newest first; never a secret."""
    return await webhooks.list_endpoints(connection, caller, cursor, limit)


@router.get(
    "/webhook-endpoints/{endpoint_id}",
    summary="Read a webhook endpoint",
    response_model=WebhookEndpointShape,
    responses=refuses(*_OWN) | NOT_MODIFIED,
)
async def get_webhook_endpoint(
    request: Request, endpoint_id: AnEndpointId, caller: HookOwner, connection: Reading
) -> Response:
    """One's own: whether it is enabled, and how it fares."""
    return etagged(request, await webhooks.get_endpoint(connection, caller, endpoint_id))


@router.patch(
    "/webhook-endpoints/{endpoint_id}",
    summary="Change a webhook endpoint",
    responses=refuses(*_OWN, DestinationRefused, Changed),
)
async def change_webhook_endpoint(
    request: Request,
    endpoint_id: AnEndpointId,
    command: WebhookEndpointChange,
    caller: HookOwner,
    session: Tx,
    ports: PortsDep,
) -> WebhookEndpointShape:
    """Another URL, other news, disabled, or enabled again. Honours `If-Match`."""
    endpoint = await webhooks.lock_endpoint(session, caller, endpoint_id)
    require_match(request, webhooks.shape_of(endpoint))
    return await webhooks.change_endpoint(session, endpoint, command, ports.outside, ports.clock.now())


@router.delete(
    "/webhook-endpoints/{endpoint_id}", status_code=204, summary="End a webhook endpoint", responses=refuses(*_OWN)
)
async def delete_webhook_endpoint(endpoint_id: AnEndpointId, caller: HookOwner, session: Tx) -> None:
    """With everything that waits for it, and its log."""
    await webhooks.remove_endpoint(session, await webhooks.lock_endpoint(session, caller, endpoint_id))


@router.post("/webhook-endpoints/{endpoint_id}/secret", summary="Take a new secret", responses=refuses(*_OWN))
async def rotate_webhook_secret(
    endpoint_id: AnEndpointId, caller: HookOwner, session: Tx, ports: PortsDep
) -> WebhookEndpointCreated:
    """`secret` is shown this once. For a day everything is signed by both, so that nothing is refused while you change over."""
    endpoint = await webhooks.lock_endpoint(session, caller, endpoint_id)
    return await webhooks.rotate_secret(session, endpoint, ports.seal, ports.clock.now())


@router.post(
    "/webhook-endpoints/{endpoint_id}/test",
    status_code=202,
    summary="Send a test",
    responses=refuses(*_OWN, StateConflict),
)
async def test_webhook_endpoint(
    endpoint_id: AnEndpointId, caller: HookOwner, session: Tx, ports: PortsDep
) -> WebhookTestSent:
    """The news `webhook.test`, signed and retried as any other."""
    await webhooks.send_test(session, await webhooks.lock_endpoint(session, caller, endpoint_id), ports.clock.now())
    return WebhookTestSent(queued=True)


@router.get("/webhook-endpoints/{endpoint_id}/deliveries", summary="What was delivered", responses=refuses(*_OWN))
async def list_webhook_deliveries(
    endpoint_id: AnEndpointId,
    caller: HookOwner,
    connection: Reading,
    status: DeliveryState | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[WebhookDeliveryShape]:
    """The news of the last 30 days for this endpoint with its attempts, the newest first."""
    await webhooks.get_endpoint(connection, caller, endpoint_id)
    return await webhooks.list_deliveries(connection, endpoint_id, status, cursor, limit)


@router.post(
    "/webhook-endpoints/{endpoint_id}/deliveries/{event_id}/resend",
    summary="Send one again",
    responses=refuses(*_OWN, StateConflict),
)
async def resend_webhook_delivery(
    endpoint_id: AnEndpointId, event_id: AnEventId, caller: HookOwner, session: Tx, ports: PortsDep
) -> WebhookDeliveryShape:
    """Under the same `webhook-id`, from the first attempt on."""
    endpoint = await webhooks.lock_endpoint(session, caller, endpoint_id)
    operators = sorted(ports.settings.operator_phones)
    return await webhooks.resend(session, endpoint, event_id, operators, ports.clock.now())


@router.post(
    "/webhook-endpoints/{endpoint_id}/replay",
    status_code=202,
    summary="Send everything since again",
    responses=refuses(*_OWN, StateConflict),
)
async def replay_webhook_deliveries(
    endpoint_id: AnEndpointId, command: ReplayRequest, caller: HookOwner, session: Tx, ports: PortsDep
) -> Replayed:
    """Everything after one delivery, in its order and under its ids, also what was held while the endpoint was disabled."""
    endpoint = await webhooks.lock_endpoint(session, caller, endpoint_id)
    operators = sorted(ports.settings.operator_phones)
    return await webhooks.replay(session, endpoint, command, operators, ports.clock.now())
