"""The story of telling people what became of an order: buyer and producers, each in their own language."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.core.clock import LEGAL_TIME
from app.core.database import Session
from app.core.limits import PAYMENT_LIFETIME
from app.core.money import Money, priced
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.service import contacts_of_persons, contacts_of_producers, parties_of
from app.identity.values import Parties
from app.network.queries import hubs_by_code
from app.network.values import HubPoint
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.models import Order
from app.orders.policies import window_of
from app.orders.rules import renewable_until
from app.orders.service import get_order, list_lines
from app.orders.values import OrderStatus
from app.shipments.queries import list_of_orders
from app.shipments.rules import going
from app.shipments.values import Journey


async def order_placed(ports: Ports, order: str) -> None:
    """Job: an order is paid, so that it goes ahead; one without a card is told of where it is placed."""
    now = ports.clock.now()
    async with ports.begin() as session:
        row = await get_order(session, order, None)
        journeys = (await list_of_orders(session, [order]))[order]
        parties = await parties_of(session, row.buyer_id, {journey.producer_id for journey in journeys}, now)
        hubs = await hubs_by_code(session, {journey.legs[0].from_hub for journey in journeys if journey.legs})
        await queue_messages(session, placed_notices(row, journeys, parties, hubs), now)


def placed_notices(
    order: Order, journeys: Sequence[Journey], parties: Parties, hubs: Mapping[str, HubPoint]
) -> list[Notice]:
    """To the buyer when to expect the goods, to every producer what to hand in, where, by when."""
    buyer, arrives_by = parties.buyer, local_time(order.promised_by)
    told = {"number": order.number, "arrives_by": arrives_by}
    notices = [Notice(buyer.phone, Template.ORDER_PLACED, buyer.language, told)]
    for journey in journeys:
        for contact in parties.members.get(journey.producer_id, ()):
            name = pick(parties.names[journey.producer_id], contact.language)
            params = _hand_in(order, journey, hubs, contact.language) | {"producer": name}
            notices.append(Notice(contact.phone, Template.NEW_ORDER_FOR_PRODUCER, contact.language, params))
    return notices


async def order_shipped(ports: Ports, order: str) -> None:
    """Job: the first goods are on their way."""
    async with ports.begin() as session:
        row = await get_order(session, order, None)
        journeys = going((await list_of_orders(session, [order]))[order])
        link = f"{ports.settings.base_url}/track/{journeys[0].tracking_number}"
        await queue_messages(
            session, [await _to_buyer(session, row, Template.ORDER_SHIPPED, {"link": link})], ports.clock.now()
        )


async def order_delivered(ports: Ports, order: str) -> None:
    """Job: everything has arrived."""
    async with ports.begin() as session:
        row = await get_order(session, order, None)
        # What has to be said soonest: animals are looked at when they are handed over.
        soonest = min(window_of(row.terms, [line.id]) for line in await list_lines(session, order))
        hours = str(soonest // timedelta(hours=1))
        await queue_messages(
            session, [await _to_buyer(session, row, Template.ORDER_DELIVERED, {"hours": hours})], ports.clock.now()
        )


async def order_cancelled(ports: Ports, order: str) -> None:
    """Job: the order is not to be; the producers who prepared for it are told as well."""
    async with ports.begin() as session:
        row = await get_order(session, order, None)
        notices = [await _to_buyer(session, row, Template.ORDER_CANCELLED, {})]
        notices += await _not_to_be(session, row)
        await queue_messages(session, notices, ports.clock.now())


async def order_unserved(ports: Ports, order: str, listing: str) -> None:
    """Job: the harvest of this listing was too small for the order; its buyer hears why it is cancelled."""
    async with ports.begin() as session:
        row = await get_order(session, order, None)
        buyer = (await contacts_of_persons(session, [row.buyer_id]))[row.buyer_id]
        title = next(line.title for line in await list_lines(session, order) if line.listing_id == listing)
        params = {"number": row.number, "title": pick(title, buyer.language)}
        notices = [Notice(buyer.phone, Template.HARVEST_SHORT, buyer.language, params)]
        notices += await _not_to_be(session, row)
        await queue_messages(session, notices, ports.clock.now())


async def order_cut(ports: Ports, order: str, number: int) -> None:
    """Job: an order was cut down; its buyer hears by how much and until when all of it may be left, its producer what to hand in."""
    async with ports.begin() as session:
        row = await get_order(session, order, None)
        cut = (row.reductions or [])[number]
        journeys = (await list_of_orders(session, [order]))[order]
        producer = next((line.producer_id for line in await list_lines(session, order) if line.id == cut["line"]), None)
        producers = {producer} if producer else {journey.producer_id for journey in journeys}
        parties = await parties_of(session, row.buyer_id, producers, ports.clock.now())
        told = {"number": row.number, "quantity": cut["to"], "amount": priced(Money(**cut["refund"]))}
        told["until"] = local_time(row.cancel_free_until or ports.clock.now())
        buyer = parties.buyer
        title = {"title": pick(cut["title"], buyer.language)}
        notices = [Notice(buyer.phone, Template.HARVEST_CUT, buyer.language, told | title)]
        for contact in (contact for people in parties.members.values() for contact in people):
            named = {"title": pick(cut["title"], contact.language)}
            notices.append(Notice(contact.phone, Template.ORDER_CUT, contact.language, told | named))
        await queue_messages(session, notices, ports.clock.now())


async def _not_to_be(session: Session, order: Order) -> list[Notice]:
    return await _to_producers(session, order, Template.ORDER_CANCELLED)


async def _to_producers(session: Session, order: Order, template: Template) -> list[Notice]:
    """To the producers who prepared for an order."""
    journeys = (await list_of_orders(session, [order.id]))[order.id]
    contacts = await contacts_of_producers(session, {journey.producer_id for journey in journeys})
    return [
        Notice(contact.phone, template, contact.language, {"number": order.number})
        for people in contacts.values()
        for contact in people
    ]


async def payment_failed(ports: Ports, order: str) -> None:
    """Job: a try to pay failed. Nothing is decided by that: the buyer may try again until the order expires."""
    async with ports.begin() as session:
        row = await get_order(session, order, None)
        if row.status is OrderStatus.AWAITING_PAYMENT:
            until = local_time(renewable_until(row.terms) or row.created_at + PAYMENT_LIFETIME)
            await queue_messages(
                session, [await _to_buyer(session, row, Template.PAYMENT_FAILED, {"until": until})], ports.clock.now()
            )


async def unpaid_notices(session: Session, order: Order, until: datetime) -> list[Notice]:
    """An order waits to be paid anew: its buyer hears until when, its producers that they keep the goods until then."""
    notices = [await _to_buyer(session, order, Template.PAYMENT_FAILED, {"until": local_time(until)})]
    return notices + await _to_producers(session, order, Template.HAND_IN_WAITS)


async def payment_lost_notices(session: Session, order: Order) -> list[Notice]:
    """To the buyer of goods that are on their way, when what was held for them could not be taken."""
    return [await _to_buyer(session, order, Template.PAYMENT_LOST, {})]


async def _to_buyer(session: Session, order: Order, template: Template, params: dict[str, str]) -> Notice:
    buyer = (await contacts_of_persons(session, [order.buyer_id]))[order.buyer_id]
    return Notice(buyer.phone, template, buyer.language, {"number": order.number} | params)


def _hand_in(order: Order, journey: Journey, hubs: Mapping[str, HubPoint], language: str) -> dict[str, str]:
    hub = hub_named(hubs, journey.legs[0].from_hub, language) if journey.legs else ""
    return {"number": order.number, "hub": hub, "hand_in_by": local_time(journey.hand_in_by)}


def hub_named(hubs: Mapping[str, HubPoint], code: str, language: str) -> str:
    """A hub as people call it; its code is for machines, and stands in only where the hub is not known."""
    hub = hubs.get(code)
    return pick(hub.name, language) if hub else code


def local_time(at: datetime) -> str:
    """Legal time in all of China (UTC+8), as people write it."""
    return f"{at.astimezone(LEGAL_TIME):%Y-%m-%d %H:%M}"
