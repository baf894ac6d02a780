"""The story of telling people that goods go another way: the buyer the new promise, the producers a new time to hand in."""

from app.core.text import pick
from app.flows.ports import Ports
from app.flows.tell_people import local_time
from app.identity.service import contacts_of_persons, contacts_of_producers
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.service import get_order
from app.shipments.stranded import find_change
from app.shipments.values import ConsignmentStatus


async def tell_replanned(ports: Ports, consignment: str, version: int) -> None:
    """Job: tell of one change of way, with its reason, each in their own language."""
    async with ports.begin() as session:
        change = await find_change(session, consignment, version)
        if change is None:
            return
        order = await get_order(session, change.order_id, None)
        buyer = (await contacts_of_persons(session, [order.buyer_id]))[order.buyer_id]
        told = {
            "number": order.number,
            "reason": pick(change.reason, buyer.language),
            "arrives_by": local_time(change.promised_by),
            "link": f"{ports.settings.base_url}/track/{change.tracking_number}",
        }
        notices = [Notice(buyer.phone, Template.SHIPMENT_REPLANNED, buyer.language, told)]
        if change.status == ConsignmentStatus.BOOKED and change.hand_in_by != change.hand_in_by_before:
            when = {"number": order.number, "hub": change.hub, "hand_in_by": local_time(change.hand_in_by)}
            contacts = await contacts_of_producers(session, [change.producer_id])
            notices += [
                Notice(
                    each.phone,
                    Template.HAND_IN_MOVED,
                    each.language,
                    when | {"reason": pick(change.reason, each.language)},
                )
                for each in contacts.get(change.producer_id, [])
            ]
        await queue_messages(session, notices, ports.clock.now())
