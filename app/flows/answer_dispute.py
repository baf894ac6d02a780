"""The story of an answer to a buyer's bank: an operator's words, and what of the order proves that the goods arrived."""

import logging
from collections.abc import Mapping, Sequence
from operator import attrgetter

from app.catalogue.photos import Announced, photos_named
from app.claims.service import claims_of_lines
from app.core.clock import LEGAL_TIME
from app.core.database import Session
from app.core.errors import Problem, UpstreamFailed
from app.core.ids import is_id
from app.core.jobs import Job, enqueue
from app.core.limits import EVIDENCE_FILES_BYTES_MAX
from app.core.text import pick
from app.flows.follow_dispute import take_in_dispute
from app.flows.ports import Ports
from app.flows.tell_people import local_time
from app.identity.values import Caller
from app.offers.service import lock_offer
from app.orders.service import get_order, list_lines, lock_order
from app.payments.disputes import answer, get_dispute, lock_dispute
from app.payments.models import Dispute
from app.payments.providers import EVIDENCE_TYPES
from app.payments.values import ANSWERABLE
from app.shipments.hand_overs import list_hand_overs
from app.shipments.models import HandOverRow
from app.shipments.queries import list_events, list_of_orders
from app.shipments.values import EVENT_DISPLAY, Journey, JourneyEvent
from app.shipments.weigh_ins import photos_of_scales

log = logging.getLogger(__name__)

EVIDENCE_LENGTH_MAX = 20_000


async def answer_dispute(ports: Ports, session: Session, caller: Caller, dispute_id: str, words: str) -> Dispute:
    """An operator answers: what proves the delivery goes to the bank with these words, by a job, once and for all.

    Raises `NotFound`, or `EvidenceTooLate` when it was answered before or nobody hears it any more.
    """
    seen = await get_dispute(session, caller, dispute_id)
    # The deposit of an offer is disputed as well: then it is the offer that is locked.
    await (lock_offer if is_id(seen.order_id, "off") else lock_order)(session, seen.order_id)
    dispute = await lock_dispute(session, dispute_id)
    await answer(session, dispute, words, caller.id, ports.clock.now())
    await enqueue(session, [Job("dispute.answer", {"dispute": dispute.id})])
    return dispute


async def send_evidence(ports: Ports, dispute: str) -> None:
    """Job: send the answer to a dispute. May run twice: the provider takes one answer."""
    async with ports.begin() as session:
        row = await lock_dispute(session, dispute)
        if ports.cards is None or row.evidence is None or row.status not in ANSWERABLE:
            return
        evidence = await _evidence(session, row)
        photos = await _photos_of(session, row.order_id)
    evidence = await with_files(ports, row.id, evidence, photos)
    news = await ports.cards.send_evidence(row.id, row.provider_ref, evidence)
    if news is None or (news.status in ANSWERABLE and news.due_at and news.due_at > ports.clock.now()):
        raise UpstreamFailed(service="Stripe")
    async with ports.begin() as session:
        await take_in_dispute(ports, session, "stripe", news)


async def _evidence(session: Session, dispute: Dispute) -> dict[str, str]:
    """What of the order proves that the goods were sent and arrived: no more about the buyer than where they went.

    A deposit has no goods to prove: what an operator says of the agreement stands alone.
    """
    if is_id(dispute.order_id, "off"):
        return {"words": dispute.evidence or ""}
    order = await get_order(session, dispute.order_id, None)
    lines = await list_lines(session, order.id)
    journeys = (await list_of_orders(session, [order.id]))[order.id]
    events = await list_events(session, [journey.id for journey in journeys])
    told = [dispute.evidence or "", *(_course_of(journey, events.get(journey.id, [])) for journey in journeys)]
    signed = [row for journey in journeys for row in await list_hand_overs(session, journey.id)]
    told += ["Signed hand-overs:\n" + "\n".join(map(_signed, signed))] if signed else []
    departed = [leg.departed_at for journey in journeys for leg in journey.legs if leg.departed_at]
    to = order.deliver_to
    evidence = {
        "goods": "; ".join(f"{line.quantity} {line.unit} {pick(line.title, 'en')}" for line in lines),
        "tracking_number": ", ".join(journey.tracking_number for journey in journeys),
        "carrier": ", ".join(sorted({leg.carrier for journey in journeys for leg in journey.legs})),
        "name": str(to.get("name", "")),
        "address": f"{to.get('address', '')}, {to.get('county', '')}",
        "words": "\n\n".join(told),
    }
    if departed:
        evidence["shipped_on"] = f"{min(departed).astimezone(LEGAL_TIME):%Y-%m-%d}"
    return {name: text[:EVIDENCE_LENGTH_MAX] for name, text in evidence.items() if text}


def _signed(row: HandOverRow) -> str:
    """A hand-over as its code says it, with the signature by which anybody can check it."""
    return f"{local_time(row.happened_at)} {row.giver} to {row.taker} {row.hub or ''}, {row.signature}"


def _course_of(journey: Journey, events: Sequence[JourneyEvent]) -> str:
    """A consignment's way as its carriers told it."""
    ordered = sorted(events, key=lambda each: each.occurred_at)
    lines = [
        f"{local_time(each.occurred_at)} {pick(EVENT_DISPLAY[each.type], 'en')} {each.hub or ''}".rstrip()
        for each in ordered
    ]
    return "\n".join([f"Consignment {journey.tracking_number}: {journey.status_text('en')}", *lines])


async def _photos_of(session: Session, subject: str) -> dict[str, list[Announced]]:
    """What we hold of an order as pictures, by what they prove, each in the order in which they are offered; a deposit has none."""
    if is_id(subject, "off"):
        return {}
    claims = sorted(await claims_of_lines(session, subject), key=attrgetter("created_at"), reverse=True)
    wanted = {
        "weighing": await photos_of_scales(session, subject),
        "complaint": [photo for claim in claims for photo in claim.photos],
    }
    there = await photos_named(session, [photo for photos in wanted.values() for photo in photos])
    return {what: [there[photo] for photo in photos if photo in there] for what, photos in wanted.items()}


def chosen(photos: Mapping[str, Sequence[Announced]]) -> dict[str, Announced]:
    """One picture for each thing to be proved, as the provider takes no more: the first that it takes and that still fits. Pure."""
    picked: dict[str, Announced] = {}
    left = EVIDENCE_FILES_BYTES_MAX
    for what, offered in photos.items():
        fit = (each for each in offered if each.media.content_type in EVIDENCE_TYPES and each.media.bytes <= left)
        first = next(fit, None)
        if first is not None:
            picked[what], left = first, left - first.media.bytes
    return picked


async def with_files(
    ports: Ports, dispute_id: str, evidence: Mapping[str, str], photos: Mapping[str, Sequence[Announced]]
) -> dict[str, str]:
    """The evidence with what could be uploaded, and with how many pictures there are besides. What cannot is left out: words arrive in any case."""
    assert ports.cards is not None
    told = dict(evidence)
    for what, photo in chosen(photos).items():
        name = f"{what}.{EVIDENCE_TYPES[photo.media.content_type]}"
        try:
            content = await ports.storage.read(photo.key)
            if content is not None and len(content) <= EVIDENCE_FILES_BYTES_MAX:
                told[what] = await ports.cards.upload_evidence(f"{dispute_id}:{photo.media.id}", name, content)
        except Problem as problem:
            log.warning(
                "evidence not uploaded", extra={"dispute": dispute_id, "photo": photo.media.id, "slug": problem.slug}
            )
    lines = [
        f"{_PROVES[what]}: {len(each)} held, {int(what in told)} attached" for what, each in photos.items() if each
    ]
    if lines:
        words = "\n\n".join([told.get("words", ""), "Photos.\n" + "\n".join(lines)])
        told["words"] = words if len(words) <= EVIDENCE_LENGTH_MAX else told["words"]
    return told


_PROVES = {"weighing": "The scale at the hub", "complaint": "What the buyer complained of"}
