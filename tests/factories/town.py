"""Everybody and everything at once: every role, and something of each kind that belongs to one of them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app.catalogue.photos import mark_ready
from app.claims.schemas import ClaimAnswer
from app.flows.bargain import withdraw_offer
from app.flows.claim_goods import answer_claim
from app.flows.keep_producer import register_producer
from app.flows.ports import Ports
from app.identity.rules import refresh_token
from app.identity.schemas import NewProducer
from app.identity.sign_in import open_sign_in
from app.identity.values import Grant, Scope
from app.notify.webhooks import list_deliveries
from app.orders.schemas import QuoteShape
from tests.factories.catalogue import a_cycle, a_draft, a_listing, a_lot, a_photo, a_price_list
from tests.factories.claims import a_claim_for, a_ready_photo, a_recourse, a_return, claiming, recoursing
from tests.factories.cooperatives import a_colleague, a_member, again, invited, proposed
from tests.factories.custody import a_code, a_device
from tests.factories.epcis import Spoken, spoken
from tests.factories.identity import GARDEN, Seller, Someone, a_key, a_partner, a_person, a_phone, an_operator
from tests.factories.jobs import work
from tests.factories.journeys import a_dead_end
from tests.factories.network import a_disruption, a_service
from tests.factories.offers import accepted, an_offer, asked_by_bank, came_in, countered
from tests.factories.orders import a_quote, an_order
from tests.factories.payments import a_dispute
from tests.factories.payouts import Settled, a_transferring_order, settled
from tests.factories.recalls import a_recall
from tests.factories.tracking import events_of, tell
from tests.factories.village import Village, a_village
from tests.factories.webhooks import an_endpoint, news, reaching, tell_news
from tests.factories.weighing import a_photo_of_the_scale, scaled, weigh, weighed_goods

ROLES = ("nobody", "buyer", "stranger", "member", "neighbour", "carrier", "rival", "bare", "operator")
Json = dict[str, Any]


@dataclass(frozen=True)
class Town:
    """`headers` by role; what belongs to the garden is the member's, what was bought is the buyer's, the line is the carrier's."""

    now: datetime
    village: Village
    headers: dict[str, dict[str, str]]
    carrier: Someone
    draft: str
    lot: str
    lots_to_recall: dict[str, str]
    recall: str
    photo: str
    ready_photo: str
    line: str
    disruptions: tuple[str, ...]
    cycles: tuple[str, ...]
    price_lists: tuple[str, ...]
    quote: QuoteShape
    delivered: Json
    claimable: Json
    claims: tuple[str, str]
    offers: dict[str, str]
    box: str
    settled: str
    recourse: str
    goods_return: str
    recoursing: Json
    dispute: str
    placed: tuple[Json, Json]
    to_weigh: Json
    scaled: dict[str, Json]
    weigh_in: str
    phones: dict[str, str]
    refresh_tokens: dict[str, str]
    key: str
    plot: str
    clerk: str
    memberships: dict[str, str]
    agreement: str
    money: Settled
    transferring: Json
    spoken: Spoken
    endpoint: str
    told: str
    code: str
    device_key: str


async def a_town(ports: Ports) -> Town:
    """Build it through the same verbs and flows that clients use; the clock ends after the first delivery."""
    village = await a_village(ports)
    stranger, operator = await a_person(ports), await an_operator(ports)
    carrier = await a_partner(ports, "KUNLUN")
    await a_key(ports, carrier.id, Scope.TRACKING_WRITE)
    rival = await a_partner(ports, "LONGHAI")
    bare = await a_partner(ports, "XIBU", Scope.TRACKING_READ)
    money = await settled(ports, village, operator.caller, carrier.caller)
    delivered = await an_order(ports, village.buyer, village.basket)
    claimable = await an_order(ports, village.buyer, {village.carpets: "1"})
    unwanted = await an_order(ports, village.buyer, {village.carpets: "1"})
    boxed = await an_order(ports, await a_person(ports), {village.dates: "2"}, packaging="reusable")
    for consignment in (c for order in (delivered, claimable, unwanted, boxed) for c in order["consignments"]):
        await tell(ports, operator.caller, events_of(consignment))
    await work(ports)
    claims = await _claims(ports, village, delivered)
    offers = await _offers(ports, village)
    photo, ready = await a_photo(ports, village.garden), await a_photo(ports, village.garden, b"another")
    async with ports.begin() as session:
        await mark_ready(session, ready)
    line = await a_service(ports, carrier.caller)
    phones = {role: a_phone() for role in ROLES}
    draft = await a_draft(ports, village.garden)
    await a_dead_end(ports, (await an_order(ports, await a_person(ports), village.basket))["id"])
    to_weigh, scaled, weigh_in = await _by_weight(ports, village, {"carrier": carrier, "operator": operator})
    return Town(
        now=ports.clock.now(),
        village=village,
        headers={
            "nobody": {},
            **_headers(village, stranger=stranger, carrier=carrier, rival=rival, bare=bare, operator=operator),
        },
        carrier=carrier,
        draft=draft,
        lot=await a_lot(ports, village.garden, village.dates, "5", harvested_on="2026-02-20"),
        **await _recalls(ports, village),
        photo=photo,
        ready_photo=ready,
        line=line.id,
        disruptions=tuple([(await a_disruption(ports, carrier.caller, line.id)).id for _ in range(2)]),
        cycles=tuple([await a_cycle(ports, village.garden, line.id) for _ in range(2)]),
        price_lists=tuple([await a_price_list(ports, village.loom) for _ in range(2)]),
        quote=await a_quote(ports, village.buyer, village.basket),
        delivered=delivered,
        claimable=claimable,
        claims=claims,
        goods_return=await a_return(ports, village, unwanted),
        offers=offers,
        box=boxed["consignments"][0]["packages"][0]["ids"][0],
        **await _recourse(ports, village, claimable, operator),
        dispute=await a_dispute(ports, await an_order(ports, await a_person(ports), {village.dates: "1"})),
        to_weigh=to_weigh,
        scaled={role: scaled.get(role, scaled["carrier"]) for role in ROLES},
        weigh_in=weigh_in,
        phones=phones,
        refresh_tokens={role: await _a_refresh_token(ports, phones[role]) for role in ROLES},
        key=await _key_of(ports, carrier),
        **await _roof(ports, village),
        money=money,
        transferring=await a_transferring_order(ports, village),
        spoken=await spoken(ports, carrier.caller, to_weigh["consignments"][0]["tracking_number"]),
        **await _told(ports, village),
        **await _placed(ports, village),
    )


def _headers(village: Village, **others: Someone) -> dict[str, dict[str, str]]:
    """Who asks as whom."""
    asking = {"buyer": village.buyer, "member": village.garden, "neighbour": village.loom, **others}
    return {role: one.headers for role, one in asking.items()}


async def _told(ports: Ports, village: Village) -> dict[str, str]:
    """Where the buyer is told of news, and the news that was sent there last; nobody answers there."""
    endpoint = await an_endpoint(ports, village.buyer)
    await an_endpoint(ports, village.buyer)
    at = ports.clock.now()
    await tell_news(ports, *(news(at=at, buyer=village.buyer.id) for _ in range(2)))
    await work(reaching(ports))
    async with ports.database.read() as connection:
        page = await list_deliveries(connection, endpoint.id, None, None, 1)
    return {"endpoint": endpoint.id, "told": page.items[0].event}


async def _placed(ports: Ports, village: Village) -> dict[str, Any]:
    """Two orders; what the garden's phone shows the first carrier of the first one, and the key of that phone beside that of another."""
    placed = tuple([await an_order(ports, village.buyer, village.basket) for _ in range(2)])
    consignment = next(each for each in placed[0]["consignments"] if each["producer"] == village.garden.producer.id)
    await a_device(ports, village.garden.person, b"an older phone")
    signer, key = await a_device(ports, village.garden.person)
    giver, taker = f"producer:{village.garden.producer.id}", f"carrier:{consignment['legs'][0]['carrier']}"
    code = a_code(consignment["id"], giver, taker, ports.clock.now().replace(microsecond=0), signer)
    return {"placed": placed, "code": code, "device_key": key.id}


async def _recalls(ports: Ports, village: Village) -> dict[str, Any]:
    """Two recalls by the garden, and a lot to recall for each who may."""
    lots = {
        role: await a_lot(ports, village.garden, village.dates, "5", harvested_on="2026-02-20")
        for role in ("member", "operator")
    }
    first, _ = [await a_recall(ports, village.garden) for _ in range(2)]
    return {"lots_to_recall": lots, "recall": first}


async def _roof(ports: Ports, village: Village) -> dict[str, Any]:
    """The garden's owner has plots beside it: members of the loom's co-operative, or invited; by what is asked of each."""
    plots = {}
    for name in ("active", "accept", "decline", "withdraw", "answer"):
        async with ports.begin() as session:
            command = NewProducer.model_validate(GARDEN | {"name": {"en": f"Plot to {name}"}})
            plots[name] = Seller(
                village.garden.person,
                await register_producer(session, village.garden.caller, command, ports.clock.now()),
            )
    owner = await again(ports, village.garden.person)
    memberships = {}
    for name, plot in plots.items():
        member = Seller(owner, plot.producer)
        if name in ("active", "answer"):
            memberships[name] = await a_member(ports, village.loom, member, grants=[])
        else:
            memberships[name] = (await invited(ports, village.loom, member, grants=[])).id
    waiting = await proposed(ports, village.loom, memberships["answer"], 300)
    plot = Seller(owner, plots["active"].producer)
    clerk = await a_colleague(ports, plot, await a_person(ports), Grant.SEE)
    await work(ports)
    return {
        "plot": plot.producer.id,
        "clerk": clerk.person.id,
        "memberships": memberships,
        "agreement": waiting.id,
    }


async def _claims(ports: Ports, village: Village, order: Json) -> tuple[str, str]:
    """One for the dates, that the garden has to answer; one for the carpet, that an operator has to decide."""
    photos = [await a_ready_photo(ports, village.buyer)]
    wet = await a_claim_for(ports, village.buyer, order, **claiming(order, 0, 1_000, "damage", photos=photos))
    unwanted = await a_claim_for(ports, village.buyer, order, **claiming(order, 1, 5_000))
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.caller, unwanted.id, ClaimAnswer(answer="refuse"), "en")
    return wet.id, unwanted.id


async def _by_weight(ports: Ports, village: Village, weighers: dict[str, Someone]) -> tuple[Json, dict[str, Json], str]:
    """Orders that the carrier takes in: one to be weighed, with what each scale says, one that was, and one whose weight waits for the buyer."""
    bulk = await weighed_goods(ports, village.garden)
    to_weigh, weighed, light = [await an_order(ports, village.buyer, {bulk: "10"}) for _ in range(3)]
    async with ports.begin() as session:
        for order in (to_weigh, weighed, light):
            first = {"consignment": order["consignments"][0]["id"]}
            await session.execute(
                text("UPDATE leg SET carrier = 'KUNLUN' WHERE consignment_id = :consignment AND seq = 0"), first
            )
    line = to_weigh["lines"][0]["id"]
    scales = {
        role: scaled(ports, line, 9_800, await a_photo_of_the_scale(ports, weigher))
        for role, weigher in weighers.items()
    }
    await weigh(ports, weighers["carrier"], light, 9_900)
    return to_weigh, scales, (await weigh(ports, weighers["carrier"], weighed, 8_000)).id


async def _offers(ports: Ports, village: Village) -> dict[str, str]:
    """Of the buyer to the garden, one for each state that steps are taken in. Each is on a listing of its own."""
    states = ("open", "countered", "agreed", "asked", "returned")
    listings = [village.dates] + [await a_listing(ports, village.garden) for _ in states[1:]]
    made = [await an_offer(ports, village.buyer, listing, "50", 8_000) for listing in listings]
    offers = dict(zip(states, made, strict=True))
    await countered(ports, village.garden, offers["countered"], price={"amount": 8_500, "currency": "CNY"})
    for state in ("agreed", "asked", "returned"):
        offers[state] = await accepted(ports, village.garden, offers[state])
    for state in ("asked", "returned"):
        await asked_by_bank(ports, village.buyer, offers[state])
    await came_in(ports, offers["returned"])
    async with ports.begin() as session:
        await withdraw_offer(ports, session, village.garden.caller, offers["returned"].id, "en")
    await work(ports)
    return {state: offer.id for state, offer in offers.items()}


async def _recourse(ports: Ports, village: Village, order: Json, operator: Someone) -> dict[str, Any]:
    """A settled claim, of which a carrier bears a part, and the body that passes on some more."""
    claim = await a_claim_for(ports, village.buyer, order, **claiming(order, 0, 1_000))
    async with ports.begin() as session:
        await answer_claim(ports, session, village.loom.caller, claim.id, ClaimAnswer(answer="accept"), "en")
    loom = next(n for n, each in enumerate(order["consignments"]) if each["producer"] == village.loom.producer.id)
    recourse = await a_recourse(ports, operator, claim.id, order, loom)
    more = await recoursing(ports, order["consignments"][loom]["id"], 100)
    return {"settled": claim.id, "recourse": recourse.id, "recoursing": more}


async def _a_refresh_token(ports: Ports, phone: str) -> str:
    async with ports.begin() as session:
        opened = await open_sign_in(session, phone, language="en", now=ports.clock.now())
    return refresh_token(opened.sign_in_id, opened.generation, ports.settings.key)


async def _key_of(ports: Ports, partner: Someone) -> str:
    secret = partner.headers["authorization"].removeprefix("Bearer ")
    async with ports.database.read() as connection:
        found = await connection.execute(
            text("SELECT id FROM api_key WHERE hash = :hash"), {"hash": hashlib.sha256(secret.encode()).hexdigest()}
        )
        return str(found.scalar_one())
