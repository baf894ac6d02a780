"""The step of telling people that something is not as it should be: producers and buyers of their goods, operators of all together."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.core.database import Session
from app.core.text import pick
from app.flows.ports import Ports
from app.flows.tell_people import local_time
from app.identity.service import contacts_of_persons, contacts_of_producers
from app.identity.values import Contact
from app.notify.service import queue_messages
from app.notify.values import NOTICES_PER_CALL_MAX, Notice, Template
from app.orders.service import orders_by_id
from app.shipments.exception_values import EXCEPTION_DISPLAY, Audience, Raised, Terms


class About(Protocol):
    """Whose goods they are."""

    @property
    def order_id(self) -> str: ...
    @property
    def producer_id(self) -> str: ...
    @property
    def buyer_id(self) -> str: ...
    @property
    def tracking_number(self) -> str: ...


async def tell_exceptions(
    ports: Ports, session: Session, raised: Sequence[Raised], about: Mapping[str, About], terms: Terms
) -> None:
    """Queue the messages with the exceptions, in the caller's transaction. The same number of statements for however many.

    Carriers have no phones: they see theirs in `GET /v1/exceptions`. Operators get one message of all.
    """
    if not raised:
        return
    now = ports.clock.now()
    for_producers = {
        about[each.consignment_id].producer_id for each in raised if _goes_to(each, Audience.PRODUCER, terms)
    }
    for_buyers = {about[each.consignment_id].buyer_id for each in raised if _goes_to(each, Audience.BUYER, terms)}
    orders = await orders_by_id(session, {about[each.consignment_id].order_id for each in raised})
    producers = await contacts_of_producers(session, for_producers) if for_producers else {}
    buyers = await contacts_of_persons(session, for_buyers) if for_buyers else {}
    notices: list[Notice] = []
    for each in raised:
        whose = about[each.consignment_id]
        order = orders.get(whose.order_id)
        told = {contact.phone: contact for contact in _people(each, whose, producers, buyers, terms)}
        for contact in told.values() if order else ():
            params = _params(ports, each, whose, contact.language) | {"number": order.number if order else ""}
            notices.append(Notice(contact.phone, Template.SHIPMENT_EXCEPTION, contact.language, params))
    notices += _to_operators(ports, [each for each in raised if _goes_to(each, Audience.OPERATOR, terms)], about)
    for first in range(0, len(notices), NOTICES_PER_CALL_MAX):
        await queue_messages(session, notices[first : first + NOTICES_PER_CALL_MAX], now)


def _goes_to(raised: Raised, audience: Audience, terms: Terms) -> bool:
    return audience in terms.audience[raised.kind]


def _people(
    raised: Raised,
    whose: About,
    producers: Mapping[str, Sequence[Contact]],
    buyers: Mapping[str, Contact],
    terms: Terms,
) -> list[Contact]:
    people = list(producers.get(whose.producer_id, ())) if _goes_to(raised, Audience.PRODUCER, terms) else []
    if _goes_to(raised, Audience.BUYER, terms) and whose.buyer_id in buyers:
        people.append(buyers[whose.buyer_id])
    return people


def _to_operators(ports: Ports, raised: Sequence[Raised], about: Mapping[str, About]) -> list[Notice]:
    if not raised:
        return []
    first = min(raised, key=lambda each: (each.began_at, each.consignment_id))
    params = _params(ports, first, about[first.consignment_id], "zh-Hans") | {"count": str(len(raised))}
    phones = sorted(ports.settings.operator_phones)
    return [Notice(phone, Template.EXCEPTIONS_RAISED, "zh-Hans", params) for phone in phones]


def _params(ports: Ports, raised: Raised, whose: About, language: str) -> dict[str, str]:
    return {
        "what": pick(EXCEPTION_DISPLAY[raised.kind], language),
        "reason": pick(raised.reason, language),
        "since": local_time(raised.began_at),
        "link": f"{ports.settings.base_url}/track/{whose.tracking_number}",
    }
