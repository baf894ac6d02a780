"""The story of a loss that a carrier has to bear: an operator books it with the evidence, the carrier answers, and it may be taken back."""

from typing import Any

from app.claims.errors import ClaimAmountTooHigh
from app.claims.models import BuyerClaim, Recourse
from app.claims.recourse import (
    add_recourse,
    change_recourse,
    find_recourse,
    get_recourse,
    list_recourses,
    passed_on_minor,
)
from app.claims.recourse_schemas import NewRecourse, RecourseAnswer, RecourseReversal, RecourseShape
from app.claims.service import get_claim, lock_claim
from app.claims.values import ANSWERED_AS, DISPLAY, RECOURSE_DISPLAY, ClaimStatus, RecourseStatus
from app.core.database import Session
from app.core.errors import Forbidden, Gap, IdTaken, Invalid, StateConflict
from app.core.ids import new_id
from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.schema import fingerprint
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.values import Caller, Scope
from app.ledger.rules import carrier_claim_entries, reversed_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import State, Transfer, TransferKind
from app.orders.models import Order
from app.orders.service import list_lines, lock_order
from app.shipments.queries import list_events, list_of_orders
from app.shipments.values import Journey, JourneyLeg


async def pass_on(
    ports: Ports, session: Session, caller: Caller, claim_id: str, command: NewRecourse, language: str
) -> RecourseShape:
    """An operator has the carrier of a ride bear what of a settled claim happened there, as the named tracking events show.

    Raises `NotFound`, `StateConflict` unless the claim is settled, `Invalid` for a ride or an event that is not of these goods, or
    `ClaimAmountTooHigh`. The same id and body again answer it as it stands.
    """
    now = ports.clock.now()
    seen = await get_claim(session, caller, claim_id)
    order = await lock_order(session, seen.order_id)
    claim = await lock_claim(session, claim_id)
    known = await find_recourse(session, command.id) if command.id else None
    if known is not None:
        if (known.claim_id, known.created_from) != (claim_id, fingerprint(command)):
            raise IdTaken(id=known.id)
        return recourse_shape(known, language)
    if claim.status is not ClaimStatus.SETTLED or claim.granted_minor is None:
        raise StateConflict(state=DISPLAY[claim.status], verb={"en": "passed on", "zh-Hans": "追偿"})
    journey, leg = await _require_evidence(session, order, claim, command)
    most = claim.granted_minor - await passed_on_minor(session, claim.id)
    if command.amount.currency != claim.currency or not 0 < command.amount.amount <= most:
        raise ClaimAmountTooHigh(most, claim.currency)
    recourse = Recourse(
        id=command.id or new_id("rcs"),
        claim_id=claim.id,
        order_id=order.id,
        consignment_id=journey.id,
        leg_id=leg.id,
        carrier=leg.carrier,
        producer_id=claim.producer_id,
        status=RecourseStatus.BOOKED,
        currency=claim.currency,
        amount_minor=command.amount.amount,
        reasons=command.reasons,
        events=command.events,
        decided_by=caller.id,
        created_from=fingerprint(command),
        created_at=now,
        updated_at=now,
    )
    await add_recourse(session, recourse)
    entries = carrier_claim_entries(leg.carrier, claim.producer_id, command.amount, order.terms["fee_bps"])
    loss = Transfer(new_id("trf"), TransferKind.CARRIER_CLAIM, order.id, State.POSTED, entries)
    await record_transfers(session, [loss], now)
    return recourse_shape(recourse, language)


async def _require_evidence(
    session: Session, order: Order, claim: BuyerClaim, command: NewRecourse
) -> tuple[Journey, JourneyLeg]:
    """The ride of the claimed goods that is meant; raises `Invalid` for another's, and for events that are not of these goods."""
    line = next(each for each in await list_lines(session, order.id) if each.id == claim.line_id)
    journeys = (await list_of_orders(session, [order.id]))[order.id]
    journey = next(each for each in journeys if each.id == line.consignment_id)
    leg = next((each for each in journey.legs if each.id == command.leg), None)
    told = {event.id for event in (await list_events(session, [journey.id])).get(journey.id, ())}
    words = {"en": "No tracking event of the claimed goods", "zh-Hans": "不是该商品的物流事件"}
    gaps = [Gap(f"/events/{i}", words) for i, event in enumerate(command.events) if event not in told]
    if leg is None:
        gaps.insert(0, Gap("/leg", {"en": "No ride of the claimed goods", "zh-Hans": "不是该商品的运段"}))
    if gaps or leg is None:
        raise Invalid(gaps=gaps)
    return journey, leg


async def answer_recourse(
    ports: Ports, session: Session, caller: Caller, recourse_id: str, command: RecourseAnswer, language: str
) -> RecourseShape:
    """The carrier accepts or contests, once, in its words. Nothing moves by that: an operator who is convinced takes it back."""
    if caller.carrier is None:
        raise Forbidden(needs={"en": "an API key of the carrier", "zh-Hans": "承运人的 API 密钥"})
    recourse = await _locked(session, caller, recourse_id)
    if recourse.status is not RecourseStatus.BOOKED:
        raise _conflict(recourse, {"en": "answered", "zh-Hans": "答复"})
    changed = {"status": ANSWERED_AS[command.answer], "answer": command.words}
    return recourse_shape(await change_recourse(session, recourse, ports.clock.now(), **changed), language)


async def reverse_recourse(
    ports: Ports, session: Session, caller: Caller, recourse_id: str, command: RecourseReversal, language: str
) -> RecourseShape:
    """An operator takes it back, with reasons: the carrier's freight is whole again. Raises `StateConflict` when it was before."""
    now = ports.clock.now()
    recourse = await _locked(session, caller, recourse_id)
    if recourse.status is RecourseStatus.REVERSED:
        raise _conflict(recourse, {"en": "taken back", "zh-Hans": "撤销"})
    order = await lock_order(session, recourse.order_id)
    amount = Money(recourse.amount_minor, recourse.currency)
    entries = carrier_claim_entries(recourse.carrier, recourse.producer_id, amount, order.terms["fee_bps"])
    back = Transfer(new_id("trf"), TransferKind.CARRIER_CLAIM, order.id, State.POSTED, reversed_entries(entries))
    await record_transfers(session, [back], now)
    changed: dict[str, Any] = {"status": RecourseStatus.REVERSED, "reversed_at": now, "reversal": command.reasons}
    return recourse_shape(await change_recourse(session, recourse, now, **changed), language)


async def _locked(session: Session, caller: Caller, recourse_id: str) -> Recourse:
    """The order first, as in every story; then it as it stands now."""
    seen = await get_recourse(session, caller, recourse_id)
    await lock_order(session, seen.order_id)
    found = await find_recourse(session, recourse_id)
    assert found is not None
    return found


def _conflict(recourse: Recourse, verb: dict[str, str]) -> StateConflict:
    return StateConflict(state=RECOURSE_DISPLAY[recourse.status], verb=verb)


async def show_recourse(ports: Ports, caller: Caller, recourse_id: str, language: str) -> RecourseShape:
    """One, for its carrier, its producer's members and operators; `NotFound` for anybody else, `Forbidden` for a key without the scope."""
    _require_scope(caller)
    async with ports.database.read() as connection:
        return recourse_shape(await get_recourse(connection, caller, recourse_id), language)


async def show_recourses(
    ports: Ports, caller: Caller, cursor: str | None, limit: int, language: str
) -> Page[RecourseShape]:
    """Those that the caller may see, the newest first."""
    _require_scope(caller)
    async with ports.database.read() as connection:
        found = await list_recourses(connection, caller, cursor, limit)
    items = [recourse_shape(each, language) for each in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(found) > limit else None)


def _require_scope(caller: Caller) -> None:
    if caller.partner_id is not None and Scope.STATEMENTS_READ not in caller.scopes:
        scope = Scope.STATEMENTS_READ.value
        raise Forbidden(needs={"en": f"an API key with the scope {scope}", "zh-Hans": f"具有 {scope} 权限的 API 密钥"})


def recourse_shape(recourse: Recourse, language: str) -> RecourseShape:
    """Everything about one. Pure."""
    return RecourseShape(
        id=recourse.id,
        claim=recourse.claim_id,
        order=recourse.order_id,
        consignment=recourse.consignment_id,
        leg=recourse.leg_id,
        carrier=recourse.carrier,
        producer=recourse.producer_id,
        status=recourse.status,
        status_text=pick(RECOURSE_DISPLAY[recourse.status], language),
        amount=Money(recourse.amount_minor, recourse.currency),
        events=recourse.events,
        reasons=recourse.reasons,
        answer=recourse.answer,
        reversal=recourse.reversal,
        created_at=recourse.created_at,
        updated_at=recourse.updated_at,
    )
