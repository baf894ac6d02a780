"""The story of telling people that goods go another way: the buyer the new promise, the producers a new time to hand in."""

from collections.abc import Iterator, Mapping, Sequence

from app.core.jobs import Job, enqueue
from app.core.text import pick
from app.flows.ports import Ports
from app.flows.tell_people import hub_named, local_time
from app.identity.service import contacts_of_persons, contacts_of_producers
from app.identity.values import Contact
from app.network.queries import hubs_by_code
from app.network.values import HubPoint
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.models import Order
from app.orders.service import orders_by_id
from app.shipments.stranded import UNTOLD_READ_MAX, ToldChange, take_untold
from app.shipments.values import ConsignmentStatus


async def tell_replanned(ports: Ports, disruption: str | None = None, consignments: Sequence[str] = ()) -> None:
    """Job: tell of the changes that this disruption made and nobody has told yet, some in each transaction, each in their own language.

    Without a disruption, of those that a delay of these consignments made. The same number of statements for however many.
    """
    async with ports.begin() as session:
        changes = await take_untold(session, disruption, ports.clock.now(), consignments=consignments)
        orders = await orders_by_id(session, {change.order_id for change in changes})
        buyers = await contacts_of_persons(session, {order.buyer_id for order in orders.values()})
        producers = await contacts_of_producers(
            session, {each.producer_id for each in changes if _is_for_producers(each)}
        )
        hubs = await hubs_by_code(session, {each.hub for each in changes if _is_for_producers(each)})
        notices = [notice for each in changes for notice in _notices(ports, each, orders, buyers, producers, hubs)]
        for first in range(0, len(notices), UNTOLD_READ_MAX):
            await queue_messages(session, notices[first : first + UNTOLD_READ_MAX], ports.clock.now())
        if len(changes) == UNTOLD_READ_MAX:
            about = {"disruption": disruption} if disruption else {"consignments": list(consignments)}
            await enqueue(session, [Job("shipment.replanned", about)])


def _is_for_producers(change: ToldChange) -> bool:
    return change.status == ConsignmentStatus.BOOKED and change.hand_in_by != change.hand_in_by_before


def _notices(
    ports: Ports,
    change: ToldChange,
    orders: Mapping[str, Order],
    buyers: Mapping[str, Contact],
    producers: Mapping[str, Sequence[Contact]],
    hubs: Mapping[str, HubPoint],
) -> Iterator[Notice]:
    order = orders[change.order_id]
    buyer = buyers[order.buyer_id]
    told = {
        "number": order.number,
        "reason": pick(change.reason, buyer.language),
        "arrives_by": local_time(change.promised_by),
        "link": f"{ports.settings.base_url}/track/{change.tracking_number}",
    }
    yield Notice(buyer.phone, Template.SHIPMENT_REPLANNED, buyer.language, told)
    if _is_for_producers(change):
        when = {"number": order.number, "hand_in_by": local_time(change.hand_in_by)}
        for each in producers.get(change.producer_id, []):
            told = {"reason": pick(change.reason, each.language), "hub": hub_named(hubs, change.hub, each.language)}
            yield Notice(each.phone, Template.HAND_IN_MOVED, each.language, when | told)
