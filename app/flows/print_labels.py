"""The story of labels: whoever hands goods in or carries them asks for one a package, which gets its number by that."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy.exc import IntegrityError

from app.core.errors import Gap, Invalid, NotFound, StateConflict
from app.flows.ports import Ports
from app.identity.rules import may
from app.identity.service import names_of_producers
from app.identity.values import Caller, Grant, Scope
from app.network.queries import hubs_by_code
from app.network.values import HubPoint
from app.orders.models import Order
from app.orders.service import orders_by_id
from app.shipments.errors import TooManyLabels
from app.shipments.label_schemas import LabelsRequest
from app.shipments.labels import (
    LABELS_PER_REQUEST_MAX,
    Label,
    Mark,
    find_packages,
    first_letter,
    give_ssccs,
    routing_marks,
)
from app.shipments.queries import CONSIGNMENT, list_locked
from app.shipments.values import Journey, JourneyPackage

TRIES: Final = 3
_NO_PACKAGE: Final = {
    "en": "There is no such package that you hand in or carry",
    "zh-Hans": "没有由您交寄或承运的该包裹",
}
_NO_CONSIGNMENT: Final = {
    "en": "There is no such consignment that you hand in or carry",
    "zh-Hans": "没有由您交寄或承运的该运单",
}


async def print_labels(ports: Ports, caller: Caller, command: LabelsRequest) -> list[Label]:
    """One label for each package, in the order in which they were asked for; each package once, and with the same number for ever.

    For those who may `ship` for the producer, carriers with a leg of the consignment and `bookings:read`, and operators.
    Raises `NotFound` when nothing of it is the caller's, `Invalid` with what is not, `TooManyLabels`, or `StateConflict`.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            return await _print(ports, caller, command)
        except IntegrityError:
            # Two packages drew one number at the same moment: nothing was written, and it is drawn again.
            if not tries_left:
                raise
    raise AssertionError


async def _print(ports: Ports, caller: Caller, command: LabelsRequest) -> list[Label]:
    async with ports.begin() as session:
        named = await find_packages(session, command.packages) if command.packages else []
        by_name = {name: row for row in named for name in (row.id, row.sscc) if name}
        wanted = {*command.consignments, *(row.consignment_id for row in named)}
        journeys = {each.id: each for each in await list_locked(session, wanted) if may_label(caller, each)}
        _require_all(command, {name: row.consignment_id for name, row in by_name.items()}, journeys)
        whole = set(command.consignments)
        single = {row.id for row in named if row.consignment_id not in whole}
        chosen = [
            (journey.id, package.id)
            for journey in journeys.values()
            for package in journey.packages
            if journey.id in whole or package.id in single
        ]
        if len(chosen) > LABELS_PER_REQUEST_MAX:
            raise TooManyLabels(count=len(chosen), labels_max=LABELS_PER_REQUEST_MAX)
        prefix = ports.settings.gs1_company_prefix
        await give_ssccs(session, journeys, {package for _, package in chosen}, prefix)
        numbered = {each.id: each for each in await list_locked(session, journeys)}
        orders = await orders_by_id(session, {each.order_id for each in numbered.values()})
        names = await names_of_producers(session, {each.producer_id for each in numbered.values()})
        hubs = await hubs_by_code(session, _codes(numbered.values(), orders))
    asked = [*command.consignments, *(by_name[name].consignment_id for name in command.packages)]
    picked = {package for _, package in chosen}
    return [
        _label(ports, numbered[con], number, package, orders[numbered[con].order_id], names, hubs)
        for con in dict.fromkeys(asked)
        for number, package in enumerate(numbered[con].packages, 1)
        if package.id in picked
    ]


def may_label(caller: Caller, journey: Journey) -> bool:
    """Whether this is somebody who hands the goods in, or carries them."""
    carries = Scope.BOOKINGS_READ in caller.scopes and caller.carrier in {leg.carrier for leg in journey.legs}
    return caller.is_operator() or may(caller, journey.producer_id, Grant.SHIP) or carries


def _require_all(command: LabelsRequest, packages: Mapping[str, str], journeys: Mapping[str, Journey]) -> None:
    if not journeys:
        raise NotFound(what=CONSIGNMENT)
    gaps = [
        Gap(f"/consignments/{i}", _NO_CONSIGNMENT) for i, con in enumerate(command.consignments) if con not in journeys
    ]
    gaps += [
        Gap(f"/packages/{i}", _NO_PACKAGE)
        for i, name in enumerate(command.packages)
        if packages.get(name) not in journeys
    ]
    if gaps:
        raise Invalid(gaps=gaps[:50])
    if any(journey.cancelled_at for journey in journeys.values()):
        raise StateConflict(state="cancelled", verb="labelled")


def _codes(journeys: Collection[Journey], orders: Mapping[str, Order]) -> set[str]:
    ends = {code for each in journeys for leg in each.legs for code in (leg.from_hub, leg.to_hub)}
    return ends | {order.deliver_to["hub"] for order in orders.values() if order.deliver_to.get("hub")}


def _label(
    ports: Ports,
    journey: Journey,
    number: int,
    package: JourneyPackage,
    order: Order,
    names: Mapping[str, Mapping[str, str]],
    hubs: Mapping[str, HubPoint],
) -> Label:
    assert package.sscc is not None
    to = order.deliver_to
    coming, final, departs_at = routing_marks(journey, to.get("hub"))
    start = journey.legs[0].from_hub if journey.legs else final
    return Label(
        sscc=package.sscc,
        link=f"{ports.settings.base_url}/00/{package.sscc}",
        tracking_number=journey.tracking_number,
        order_number=order.number,
        number=number,
        count=len(journey.packages),
        weight_g=package.weight_g,
        temperature=journey.temperature,
        next_hub=_mark(hubs, coming) if coming is not None else None,
        final_hub=_mark(hubs, final),
        departs_at=departs_at,
        sender=names.get(journey.producer_id, {}),
        sent_from=_mark(hubs, start),
        receiver=first_letter(to["name"]),
        phone_end=to["phone"][-4:],
        address=None if to.get("hub") else to["address"],
    )


def _mark(hubs: Mapping[str, HubPoint], code: str) -> Mark:
    return Mark(code, hubs[code].name if code in hubs else {})
