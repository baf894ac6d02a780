"""The story of goods on their way reaching their order: under way, delivered, paid at the door, and completed."""

from collections.abc import Sequence

from app.catalogue.reserve import consume
from app.claims.rules import LineSold
from app.claims.service import standings_of
from app.core.database import Session
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.limits import DISPUTE_WINDOW
from app.flows.claim_goods import align_later, releases
from app.flows.ports import Ports
from app.flows.show_order import shown
from app.identity.values import Caller
from app.ledger.rules import collection_entries
from app.ledger.service import record as record_transfers
from app.ledger.service import settle, transfers_of
from app.ledger.values import OWED_ON_DELIVERY, AccountKind, AccountRef, State, Transfer, TransferKind
from app.orders.models import Order, OrderLine
from app.orders.rules import may
from app.orders.schemas import OrderShape
from app.orders.service import list_lines, lock_order, move
from app.orders.values import OrderEvent, OrderStatus
from app.payments.disputes import is_disputed
from app.payments.service import record_collection
from app.shipments.queries import list_of_orders
from app.shipments.rules import order_status
from app.shipments.values import ConsignmentStatus, Journey


async def follow_shipment(ports: Ports, order: str) -> None:
    """Job: a consignment of this order moved. The order follows what all its consignments say together.

    Runs as often as it likes: the order moves forwards only, and what follows a step happens with the step.
    """
    async with ports.begin() as session:
        row = await lock_order(session, order)
        journeys = (await list_of_orders(session, [order]))[order]
        status = order_status([journey.status for journey in journeys])
        if status in (OrderStatus.IN_TRANSIT, OrderStatus.DELIVERED) and may(row.status, OrderEvent.DEPART):
            await move(session, row, OrderEvent.DEPART, ports.clock.now())
            captured = [Job("payment.capture", {"order": order})] if row.terms.get("hold") else []
            await enqueue(session, [Job("order.shipped", {"order": order}), *captured])
        if status is OrderStatus.DELIVERED and may(row.status, OrderEvent.DELIVER):
            await _delivered(session, row, journeys, ports)
        await _hand_over(session, order, journeys)


async def _hand_over(session: Session, order_id: str, journeys: Sequence[Journey]) -> None:
    """What a carrier has taken in has left the producer's stock for good, consignment by consignment."""
    gone = {journey.id for journey in journeys if journey.status is not ConsignmentStatus.BOOKED}
    lines = [line.id for line in await list_lines(session, order_id) if line.consignment_id in gone]
    if lines:
        await consume(session, [order_id], lines)


async def _delivered(session: Session, order: Order, journeys: Sequence[Journey], ports: Ports) -> None:
    """What is owed becomes due; cash was taken at the door; the time to complain begins."""
    now = ports.clock.now()
    await move(session, order, OrderEvent.DELIVER, now)
    owed = [transfer.id for transfer in await transfers_of(session, order.id) if transfer.kind in OWED_ON_DELIVERY]
    await settle(session, owed, State.POSTED, now)
    shares = cash_by_carrier(order, await list_lines(session, order.id), journeys)
    if await record_collection(session, [order.id], min(shares), now):
        accounts = {
            AccountRef(AccountKind.CARRIER_CASH, carrier, order.currency): amount for carrier, amount in shares.items()
        }
        entries = collection_entries(order.buyer_id, order.currency, accounts)
        await record_transfers(
            session, [Transfer(new_id("trf"), TransferKind.COLLECTION, order.id, State.POSTED, entries)], now
        )
    await enqueue(
        session,
        [
            Job("order.delivered", {"order": order.id}),
            Job("order.complete", {"order": order.id}, run_at=now + DISPUTE_WINDOW),
        ],
    )


def cash_by_carrier(order: Order, lines: Sequence[OrderLine], journeys: Sequence[Journey]) -> dict[str, int]:
    """How much cash each last carrier took: for its consignment the goods, the carriage and the packaging as they were ordered.

    Subsidy and duties, which belong to no consignment, go with the first. The shares add up to the order's total.
    """
    shares: dict[str, int] = {}
    for journey in journeys:
        goods = sum(line.total_minor for line in lines if line.consignment_id == journey.id)
        carriage = sum(leg.price_minor for leg in journey.legs) - journey.extra_carriage_minor
        packaging = sum(package.price_minor for package in journey.packages)
        carrier = journey.legs[-1].carrier if journey.legs else "HUB"
        shares[carrier] = shares.get(carrier, 0) + goods + carriage + packaging
    first = next(iter(shares))
    shares[first] += order.total_minor - sum(shares.values())
    return shares


async def confirm_receipt(ports: Ports, caller: Caller, order_id: str, language: str) -> OrderShape:
    """The buyer has the goods and is content: the order is completed at once. Raises `StateConflict` before delivery."""
    async with ports.begin() as session:
        order = await lock_order(session, order_id, caller.id)
        await _complete(session, order, ports)
        return await shown(session, order, language)


async def complete_order(ports: Ports, order: str) -> None:
    """Job: the time to complain is over. Harmless when the buyer confirmed before."""
    async with ports.begin() as session:
        row = await lock_order(session, order)
        if may(row.status, OrderEvent.COMPLETE):
            await _complete(session, row, ports)


async def _complete(session: Session, order: Order, ports: Ports) -> None:
    """The producers' money becomes available to them, but for lines with an open claim: theirs waits for its end.

    While a bank decides about the payment, all of it waits.
    """
    await move(session, order, OrderEvent.COMPLETE, ports.clock.now())
    if await is_disputed(session, order.id):
        return
    lines = [LineSold(line.id, line.producer_id, line.total_minor) for line in await list_lines(session, order.id)]
    claims, transfers = await standings_of(session, order.id), await transfers_of(session, order.id)
    producers = sorted({line.producer for line in lines})
    await record_transfers(session, releases(order, lines, claims, transfers, producers), ports.clock.now())
    await align_later(ports, session, order.id)
