"""Custody: goods change hands by a signed code, and who had them; and the keys of the devices that sign."""

from typing import Annotated

from fastapi import Depends, Path, Request, Response

from app.api.deps import Language, PortsDep, Reading, SignedIn, Tx, anyone_with
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.router import api_router
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound
from app.core.ids import pattern
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.hand_over import record_hand_over, show_custody
from app.identity import device_keys
from app.identity.device_keys import DeviceKeyShape, NewDeviceKey
from app.identity.errors import NotSignedIn, TooManyDeviceKeys
from app.identity.values import Caller, Scope
from app.shipments.custody_schemas import CustodyShape, HandOverShape, NewHandOver
from app.shipments.errors import CodeUnreadable, HandOverNotSigned
from app.shipments.schemas import CONSIGNMENT_ID

router = api_router("custody")
AConsignmentId = Annotated[str, Path(pattern=CONSIGNMENT_ID)]


Teller = Annotated[Caller, Depends(anyone_with(Scope.TRACKING_WRITE))]
Reader = Annotated[Caller, Depends(anyone_with(Scope.TRACKING_READ))]


@router.post(
    "/consignments/{consignment_id}/hand-overs",
    status_code=201,
    summary="Hand goods over by a signed code",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, CodeUnreadable, HandOverNotSigned, IdTaken),
)
async def create_hand_over(
    consignment_id: AConsignmentId,
    command: NewHandOver,
    caller: Teller,
    session: Tx,
    ports: PortsDep,
) -> HandOverShape:
    """For either side, or an operator: the code that the giver's device showed and the taker's scanned, within seven days. Order and repetition change nothing."""
    return await record_hand_over(ports, session, caller, consignment_id, command)


@router.get(
    "/consignments/{consignment_id}/custody",
    summary="Who had the goods?",
    response_model=CustodyShape,
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound) | NOT_MODIFIED,
)
async def get_custody(
    request: Request,
    consignment_id: AConsignmentId,
    caller: Reader,
    ports: PortsDep,
    language: Language,
) -> Response:
    """From when to when, package by package, with the hand-overs that say so: for its buyer, its producer's people, the carriers of its legs and operators."""
    return etagged(request, await show_custody(ports, caller, consignment_id, language))


@router.post(
    "/device-keys",
    status_code=201,
    summary="Register the key of a device",
    responses=refuses(NotSignedIn, Forbidden, Invalid, TooManyDeviceKeys, IdTaken),
)
async def create_device_key(command: NewDeviceKey, caller: SignedIn, session: Tx, ports: PortsDep) -> DeviceKeyShape:
    """The device makes an Ed25519 key and keeps it; with its public half here, what it signs without a network is believed later. The same key again answers the first result."""
    return await device_keys.add_device_key(session, caller, command, ports.clock.now())


@router.get("/device-keys", summary="My devices' keys", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_device_keys(
    caller: SignedIn, connection: Reading, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[DeviceKeyShape]:
    """Withdrawn ones too, the newest first."""
    return await device_keys.list_device_keys(connection, caller, cursor, limit)


@router.delete(
    "/device-keys/{device_key_id}",
    status_code=204,
    summary="Withdraw the key of a device",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound),
)
async def delete_device_key(
    device_key_id: Annotated[str, Path(pattern=pattern("dvk"))], caller: SignedIn, session: Tx, ports: PortsDep
) -> None:
    """At once, as when it is lost: nothing that says it was signed later is believed."""
    await device_keys.revoke_device_key(session, caller, device_key_id, ports.clock.now())
