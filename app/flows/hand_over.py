"""The story of goods that change hands by a signed code, told when there is a network again; and who had them from when to when."""

from datetime import datetime

from app.core.database import Reader, Session
from app.core.errors import Gap, IdTaken, Invalid, NotFound
from app.core.limits import CLOCK_SKEW_MAX
from app.core.sign import Signer, is_signed
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.rules import may
from app.identity.values import Caller, Grant
from app.network.queries import known_hubs
from app.shipments.custody import (
    BUYER,
    PARTY_DISPLAY,
    Chain,
    HandOverCode,
    Holder,
    PartyKind,
    chains,
    read_code,
    signed_text,
    time_gaps,
)
from app.shipments.custody_schemas import CustodyChain, CustodyShape, CustodyStep, HandOverShape, NewHandOver
from app.shipments.errors import HandOverNotSigned
from app.shipments.hand_overs import add_hand_over, as_told, find_hand_over, keys_of, list_hand_overs
from app.shipments.models import HandOverRow
from app.shipments.queries import CONSIGNMENT, list_locked
from app.shipments.replan import lock_journey
from app.shipments.schemas import Position
from app.shipments.values import Journey
from app.shipments.weigh_in_schemas import SignatureShape
from app.shipments.weighing import SignedBy


async def record_hand_over(
    ports: Ports, session: Session, caller: Caller, consignment_id: str, command: NewHandOver
) -> HandOverShape:
    """Take in a hand-over, in whatever order and however late within seven days they come. The same code again answers the first result.

    For either side of it, or an operator; `NotFound` for anybody else. Raises `CodeUnreadable`, `HandOverNotSigned`, `IdTaken`, or `Invalid` for what does
    not belong to this consignment.
    """
    now = ports.clock.now()
    code = read_code(command.code)
    await lock_journey(session, consignment_id)
    journey = await _journey(session, consignment_id)
    if not any(_is_side(caller, journey, side) for side in (code.giver, code.taker)):
        raise NotFound(what=CONSIGNMENT)
    known = await find_hand_over(session, code.id)
    if known is not None:
        if (known.consignment_id, known.code) != (consignment_id, command.code):
            raise IdTaken(id=code.id)
        return _shape(known)
    await _require_fitting(session, journey, code, now)
    row = await _signed(ports, session, caller, journey, code, command, now)
    await add_hand_over(session, row)
    return _shape(row)


async def _journey(reader: Reader, consignment_id: str) -> Journey:
    found = await list_locked(reader, [consignment_id])
    if not found:
        raise NotFound(what=CONSIGNMENT)
    return found[0]


def _is_side(caller: Caller, journey: Journey, side: Holder) -> bool:
    """Whether the caller speaks for this side of a hand-over of this consignment; operators speak for every side."""
    if caller.is_operator():
        return True
    if side.kind is PartyKind.CARRIER:
        return side.id == caller.carrier and _carries(journey, side.id)
    if side.kind is PartyKind.PRODUCER:
        return side.id == journey.producer_id and may(caller, side.id, Grant.SHIP)
    return caller.person_id is not None and caller.person_id == journey.buyer_id


def _carries(journey: Journey, carrier: str | None) -> bool:
    return any(leg.carrier == carrier for leg in journey.legs)


async def _require_fitting(session: Session, journey: Journey, code: HandOverCode, now: datetime) -> None:
    """Raise `Invalid` for a code of another consignment, of packages, parties or a hub that are not its own, or of a time that cannot be."""
    unknown = set(code.packages) - {package.id for package in journey.packages}
    parties = [side for side in (code.giver, code.taker) if not _belongs(journey, side)]
    gaps = [] if code.consignment == journey.id else [Gap("/code", _OTHER)]
    gaps += [Gap("/code", _PACKAGES)] if unknown else []
    gaps += [Gap("/code", _PARTIES)] if parties else []
    gaps += time_gaps(code, journey.created_at, now)
    if code.hub is not None and not await known_hubs(session, [code.hub]):
        gaps.append(Gap("/code", _HUB))
    if gaps:
        raise Invalid(gaps=gaps)


def _belongs(journey: Journey, side: Holder) -> bool:
    if side.kind is PartyKind.CARRIER:
        return _carries(journey, side.id)
    return side in (BUYER, Holder(PartyKind.PRODUCER, journey.producer_id))


async def _signed(
    ports: Ports,
    session: Session,
    caller: Caller,
    journey: Journey,
    code: HandOverCode,
    command: NewHandOver,
    now: datetime,
) -> HandOverRow:
    """The row of a hand-over with who signed it: the giver's device, or we, while the giver has no key. Raises `HandOverNotSigned`."""
    payload = signed_text(code)
    keys = await keys_of(session, code.giver, journey.buyer_id, code.at, code.at + CLOCK_SKEW_MAX)
    key = next((each for each in keys if code.signature and is_signed(payload, code.signature, each)), None)
    if key is None and (keys or code.signature):
        raise HandOverNotSigned(payload=payload, giver=str(code.giver))
    signer = Signer(ports.settings.key)
    return HandOverRow(
        consignment_id=journey.id,
        id=code.id,
        code=command.code,
        packages=list(code.packages),
        weight_g=code.weight_g,
        happened_at=code.at,
        hub=code.hub,
        giver=str(code.giver),
        taker=str(code.taker),
        signed_by=SignedBy.PARTNER if key else SignedBy.SERVICE,
        public_key=key or signer.public_key,
        signature=code.signature or signer.sign(payload),
        latitude=command.position.lat if command.position else None,
        longitude=command.position.lon if command.position else None,
        told_by=caller.id,
        recorded_at=now,
    )


async def show_custody(ports: Ports, caller: Caller, consignment_id: str, language: str) -> CustodyShape:
    """Who had it from when to when: for its buyer, its producer's people who see or ship, the carriers of its legs, and operators."""
    async with ports.database.read() as connection:
        journey = await _journey(connection, consignment_id)
        own = (caller.person_id is not None and caller.person_id == journey.buyer_id) or (
            may(caller, journey.producer_id, Grant.SEE) or may(caller, journey.producer_id, Grant.SHIP)
        )
        carries = caller.carrier is not None and _carries(journey, caller.carrier)
        if not (own or carries or caller.is_operator()):
            raise NotFound(what=CONSIGNMENT)
        rows = await list_hand_overs(connection, consignment_id)
    packages = [package.id for package in journey.packages]
    found = chains(packages, journey.producer_id, journey.created_at, map(as_told, rows))
    return CustodyShape(
        consignment=journey.id,
        chains=[_chain(chain, language) for chain in found],
        hand_overs=[_shape(row) for row in rows],
    )


def _chain(chain: Chain, language: str) -> CustodyChain:
    steps = [
        CustodyStep(
            holder=str(step.holder),
            holder_text=pick(PARTY_DISPLAY[step.holder.kind], language),
            since=step.since,
            until=step.until,
            hand_over=step.hand_over and step.hand_over.id,
        )
        for step in chain.steps
    ]
    return CustodyChain(packages=list(chain.packages), unbroken=chain.is_unbroken, steps=steps)


def _shape(row: HandOverRow) -> HandOverShape:
    payload = row.code.rpartition("|")[0]
    place = (row.latitude, row.longitude)
    return HandOverShape(
        id=row.id,
        consignment=row.consignment_id,
        packages=row.packages,
        weight_g=row.weight_g,
        at=row.happened_at,
        hub=row.hub,
        from_=row.giver,
        to=row.taker,
        signature=SignatureShape(by=row.signed_by, public_key=row.public_key, value=row.signature, payload=payload),
        position=None if None in place else Position(lat=place[0] or 0.0, lon=place[1] or 0.0),
        recorded_at=row.recorded_at,
    )


_OTHER = {"en": "It is the code of another consignment", "zh-Hans": "该交接码属于其他运单"}
_PACKAGES = {"en": "It names packages that are not of this consignment", "zh-Hans": "交接码包含不属于该运单的包裹"}
_PARTIES = {
    "en": "Both sides must be the producer, a carrier with a leg, or the buyer of this consignment",
    "zh-Hans": "交接双方须为该运单的生产者、承运路段的承运人或买家",
}
_HUB = {"en": "No hub has this code; GET /v1/hubs lists them", "zh-Hans": "没有此编码的站点，全部站点见 GET /v1/hubs"}
