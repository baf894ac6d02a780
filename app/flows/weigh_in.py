"""The story of goods that are settled by weight: the hub weighs, the line follows or the buyer is asked, and silence has a meaning."""

from datetime import datetime
from decimal import Decimal

from app.catalogue.photos import keep_for_weigh_in
from app.core.database import Session
from app.core.errors import Forbidden, Gap, IdTaken, Invalid, NotFound, StateConflict
from app.core.jobs import Job, enqueue
from app.core.limits import GOODS_MINOR_MAX
from app.core.money import Money, priced
from app.core.schema import fingerprint
from app.core.sign import Signer, is_signed
from app.core.text import pick
from app.flows.ports import Ports
from app.flows.reweigh import estimate_of
from app.flows.settle_weight import Scene, lock_scene, settle_by_weight, settle_under_way, take_line_off
from app.flows.show_weigh_ins import weigh_in_shape
from app.flows.tell_people import local_time
from app.identity.service import parties_of
from app.identity.values import Caller
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.models import Order, OrderLine
from app.orders.policies import Lapse
from app.orders.values import DISPLAY as ORDER_DISPLAY
from app.orders.values import OrderStatus
from app.orders.weighing import Estimate, Terms, weighed_total
from app.shipments.errors import GoodsUnderWay, NotSoldByWeight, SignatureWrong, WeighedAlready
from app.shipments.models import WeighIn
from app.shipments.queries import CONSIGNMENT, list_locked
from app.shipments.values import Journey
from app.shipments.weigh_in_schemas import NewWeighIn, WeighInDecision, WeighInShape, Word
from app.shipments.weigh_ins import (
    add_weigh_in,
    change_weigh_in,
    find_standing,
    find_weigh_in,
    get_weigh_in,
    lock_weigh_in,
)
from app.shipments.weighing import (
    DISPLAY,
    SignedBy,
    WeighInEvent,
    WeighInStatus,
    advance,
    charged_g,
    is_over,
    is_under_way,
    may,
    payload_of,
    settled_at_once,
    weight_gaps,
)

LINE = {"en": "line of this consignment", "zh-Hans": "该运单的商品行"}
_WEIGHED = {"en": "weighed", "zh-Hans": "过磅"}
_TOLD = {
    WeighInStatus.SETTLED: Template.WEIGHED,
    WeighInStatus.WAITING: Template.WEIGHT_ASKED,
    WeighInStatus.REFERRED: Template.WEIGHT_REFERRED,
    WeighInStatus.DECLINED: Template.WEIGHT_DECLINED,
}


async def record_weigh_in(
    ports: Ports, session: Session, caller: Caller, consignment_id: str, command: NewWeighIn, language: str
) -> WeighInShape:
    """What the scale of the first hub showed for a line. Within the tolerance, or under way, the line is settled at once.

    Raises `NotFound` for another carrier's consignment, `StateConflict`, `NotSoldByWeight`, `WeighedAlready`, `SignatureWrong`,
    `WeightDoesNotFit` or `Invalid`. The same id and body again answer the weigh-in as it stands.
    """
    now = ports.clock.now()
    seen = await _weighable(session, caller, consignment_id)
    scene = await lock_scene(session, seen.order_id, consignment_id)
    known = await find_weigh_in(session, command.id)
    if known is not None:
        if (known.consignment_id, known.party, known.created_from) != (
            consignment_id,
            caller.id,
            fingerprint(command),
        ):
            raise IdTaken(id=known.id)
        return _shown(scene, caller, known, language)
    line = _line_meant(scene, consignment_id, command)
    estimate = _require_possible(scene, line, command, now)
    weigh_in = _signed(ports, caller, scene, line, command, estimate, now)
    await _supersede(session, weigh_in, under_way=is_under_way(scene.journey(consignment_id)), now=now)
    await add_weigh_in(session, weigh_in)
    await _keep_photo(session, caller, weigh_in)
    if weigh_in.settled_g is not None:
        await settle_by_weight(session, scene, weigh_in, weigh_in.settled_g, now)
    else:
        await enqueue(session, [Job("weigh_in.lapse", {"weigh_in": weigh_in.id}, run_at=weigh_in.due_at)])
    await _tell(session, scene, weigh_in, now)
    return _shown(scene, caller, await lock_weigh_in(session, weigh_in.id), language)


async def _weighable(session: Session, caller: Caller, consignment_id: str) -> Journey:
    """A consignment for the carrier of its first ride, who takes it in, or an operator; `NotFound` for anybody else."""
    found = await list_locked(session, [consignment_id])
    if not found or not (caller.is_operator() or (found[0].legs and found[0].legs[0].carrier == caller.carrier)):
        raise NotFound(what=CONSIGNMENT)
    return found[0]


def _line_meant(scene: Scene, consignment_id: str, command: NewWeighIn) -> OrderLine:
    """The line that was named, or the only one of the consignment that is settled by weight. `NotFound`, or `Invalid` for several."""
    own = [line for line in scene.lines if line.consignment_id == consignment_id]
    named = [line for line in own if (line.id == command.line if command.line else line.price_per is not None)]
    if len(named) > 1:
        several = ", ".join(line.id for line in named)
        words = {
            "en": f"Several lines are settled by weight: {several}",
            "zh-Hans": f"有多个按重量结算的商品行：{several}",
        }
        raise Invalid(gaps=[Gap("/line", words)])
    if not named:
        raise NotFound(what=LINE)
    return named[0]


def _require_possible(scene: Scene, line: OrderLine, command: NewWeighIn, now: datetime) -> Estimate:
    """The estimate of the line that was weighed, or why it cannot be settled by weight (any more)."""
    order, journey = scene.order, scene.journey(line.consignment_id)
    if order.status not in (OrderStatus.PLACED, OrderStatus.IN_TRANSIT):
        raise StateConflict(state=ORDER_DISPLAY[order.status], verb=_WEIGHED)
    if is_over(journey):
        state = {tag: journey.status_text(tag) for tag in ("en", "zh-Hans")}
        raise StateConflict(state=state, verb=_WEIGHED)
    estimate = estimate_of(order, line)
    if estimate is None:
        raise NotSoldByWeight(line=line.id)
    gaps = weight_gaps(command, estimate.terms, order.created_at, now)
    if gaps:
        raise Invalid(gaps=gaps)
    return estimate


def _signed(
    ports: Ports,
    caller: Caller,
    scene: Scene,
    line: OrderLine,
    command: NewWeighIn,
    estimate: Estimate,
    now: datetime,
) -> WeighIn:
    """The row of a weigh-in, settled or waiting; `SignatureWrong` when its signature is missing or not of its text."""
    journey = scene.journey(line.consignment_id)
    payload = payload_of(journey.id, command)
    key, signature = caller.public_key, command.signature
    if (key is None) != (signature is None) or (key and signature and not is_signed(payload, signature, key)):
        raise SignatureWrong(payload=payload)
    signer = Signer(ports.settings.key)
    charged = charged_g(command, estimate.terms)
    if not charged > 0 or weighed_total(charged, estimate.price_minor, estimate.per) > GOODS_MINOR_MAX:
        words = {"en": "Too little, or too much, for one order", "zh-Hans": "重量过小或过大，无法在一个订单中结算"}
        raise Invalid(gaps=[Gap("/net_g", words)])
    settled = settled_at_once(charged, estimate.allowed, under_way=is_under_way(journey))
    told = command.model_dump(
        include={"id", "gross_g", "tare_g", "net_g", "weighed_at", "instrument", "ticket", "photo"}
    )
    return WeighIn(
        **told,
        order_id=scene.order.id,
        consignment_id=journey.id,
        line_id=line.id,
        buyer_id=scene.order.buyer_id,
        producer_id=line.producer_id,
        party=caller.id,
        status=WeighInStatus.WAITING if settled is None else WeighInStatus.SETTLED,
        estimated_g=estimate.estimated_g,
        trash_pct=_percent(command.trash_pct),
        regain_pct=_percent(command.regain_pct),
        charged_g=charged,
        settled_g=settled,
        payload=payload,
        signed_by=SignedBy.PARTNER if key else SignedBy.SERVICE,
        public_key=key or signer.public_key,
        signature=signature or signer.sign(payload),
        due_at=now + estimate.terms.answer if settled is None else None,
        created_from=fingerprint(command),
        created_at=now,
        updated_at=now,
    )


def _percent(told: str | None) -> Decimal | None:
    return None if told is None else Decimal(told)


async def _supersede(session: Session, weigh_in: WeighIn, *, under_way: bool, now: datetime) -> None:
    """A correction takes the place of what was weighed before, which stays written. `WeighedAlready` once the goods departed."""
    former = await find_standing(session, weigh_in.line_id)
    if former is None:
        return
    if under_way or not may(former.status, WeighInEvent.SUPERSEDE):
        raise WeighedAlready(weigh_in=former.id)
    await change_weigh_in(session, former.id, now, status=WeighInStatus.SUPERSEDED, due_at=None)
    weigh_in.supersedes = former.id


async def _keep_photo(session: Session, caller: Caller, weigh_in: WeighIn) -> None:
    parties = {weigh_in.buyer_id, weigh_in.producer_id}
    if not await keep_for_weigh_in(session, caller, weigh_in.photo, weigh_in.id, parties):
        words = {
            "en": "No photo of yours that is uploaded and unused: upload it with POST /v1/media",
            "zh-Hans": "未找到您已上传且未使用的照片，请先通过 POST /v1/media 上传",
        }
        raise Invalid(gaps=[Gap("/photo", words)])


async def decide_weigh_in(
    ports: Ports, session: Session, caller: Caller, weigh_in_id: str, command: WeighInDecision, language: str
) -> WeighInShape:
    """The buyer accepts the weight, or declines it and the goods with it; an operator decides what was referred to one.

    Raises `NotFound`, `Forbidden`, `StateConflict` when the caller is not asked (any more), `GoodsUnderWay`, or `WeightDoesNotFit`.
    """
    seen = await get_weigh_in(session, caller, weigh_in_id)
    if caller.id != seen.buyer_id and not caller.is_operator():
        raise Forbidden(needs={"en": "the buyer of the goods", "zh-Hans": "该商品买家的身份"})
    scene = await lock_scene(session, seen.order_id, seen.consignment_id)
    weigh_in = await lock_weigh_in(session, weigh_in_id)
    asked = caller.is_operator() if weigh_in.status is WeighInStatus.REFERRED else caller.id == seen.buyer_id
    if not asked:
        whose = {"en": "decided by you", "zh-Hans": "由您决定"}
        raise StateConflict(state=DISPLAY[weigh_in.status], verb=whose)
    event = WeighInEvent.ACCEPT if command.decision is Word.ACCEPT else WeighInEvent.DECLINE
    await _decide(ports, session, scene, weigh_in, event, caller.id)
    return _shown(scene, caller, await lock_weigh_in(session, weigh_in_id), language)


async def _decide(
    ports: Ports, session: Session, scene: Scene, weigh_in: WeighIn, event: WeighInEvent, by: str | None
) -> None:
    """Take a locked weigh-in that waits to its end, with the money and the news of it; all or nothing."""
    now = ports.clock.now()
    status = advance(weigh_in.status, event)
    if event is WeighInEvent.DECLINE and is_under_way(scene.journey(weigh_in.consignment_id)):
        raise GoodsUnderWay
    settled = weigh_in.charged_g if status is WeighInStatus.SETTLED else None
    given = {"status": status, "due_at": None, "decided_by": by, "decided_at": now, "settled_g": settled}
    await change_weigh_in(session, weigh_in.id, now, **given)
    if status is WeighInStatus.SETTLED:
        await settle_by_weight(session, scene, weigh_in, weigh_in.charged_g, now)
    elif status is WeighInStatus.DECLINED:
        await take_line_off(session, scene, weigh_in, now)
    await _tell(session, scene, await lock_weigh_in(session, weigh_in.id), now)


async def lapse_weigh_in(ports: Ports, weigh_in: str) -> None:
    """Job: the buyer's word has not come in time. Its terms say what that means; goods that are under way are settled as they are.

    Harmless when the word came, or another weigh-in did.
    """
    now = ports.clock.now()
    async with ports.begin() as session:
        seen = await find_weigh_in(session, weigh_in)
        if seen is None:
            return
        scene = await lock_scene(session, seen.order_id, seen.consignment_id)
        row = await lock_weigh_in(session, weigh_in)
        journey, line = scene.journey(row.consignment_id), scene.line(row.line_id)
        assert line is not None
        is_due = row.due_at is not None and row.due_at <= now
        if not (is_due and may(row.status, WeighInEvent.REFER)) or is_over(journey):
            return
        if is_under_way(journey):
            await settle_under_way(session, scene, row, now)
            await _tell(session, scene, await lock_weigh_in(session, weigh_in), now)
            return
        declines = _terms(scene.order, line).lapse is Lapse.DECLINE
        await _decide(ports, session, scene, row, WeighInEvent.DECLINE if declines else WeighInEvent.REFER, None)


def _terms(order: Order, line: OrderLine) -> Terms:
    estimate = estimate_of(order, line)
    assert estimate is not None
    return estimate.terms


async def _tell(session: Session, scene: Scene, weigh_in: WeighIn, now: datetime) -> None:
    """Buyer and producer hear of every step, each in their language."""
    line = scene.line(weigh_in.line_id)
    assert line is not None
    parties = await parties_of(session, weigh_in.buyer_id, {weigh_in.producer_id}, now)
    grams = weigh_in.charged_g if weigh_in.settled_g is None else weigh_in.settled_g
    cost = weighed_total(grams, line.price_minor, line.price_per) if line.price_per else 0
    told = {
        "number": scene.order.number,
        "weight": f"{Decimal(grams) / 1_000:,f} kg",
        "amount": priced(Money(cost, scene.order.currency)),
        "due": local_time(weigh_in.due_at) if weigh_in.due_at else "",
    }
    people = [parties.buyer, *parties.members.get(weigh_in.producer_id, ())]
    template = _TOLD[weigh_in.status]
    notices = [
        Notice(one.phone, template, one.language, told | {"title": pick(line.title, one.language)}) for one in people
    ]
    await queue_messages(session, notices, now)


def _shown(scene: Scene, caller: Caller, weigh_in: WeighIn, language: str) -> WeighInShape:
    line = scene.line(weigh_in.line_id)
    assert line is not None
    return weigh_in_shape(weigh_in, line, scene.order.currency, caller, language)
