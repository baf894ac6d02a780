"""The story of placing an order: read the quote, decide, write everything in one transaction, then ask for the money."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from app.catalogue.errors import OfferChanged, OutOfStock
from app.catalogue.queries import stocks
from app.catalogue.reserve import StockWant, reserve
from app.core.clock import rfc3339
from app.core.database import Session, together
from app.core.errors import IdTaken
from app.core.idempotency import Claim, Earlier, find_earlier, record, take
from app.core.jobs import Job, enqueue
from app.core.limits import PAYMENT_LIFETIME, PLANS_TRIED_MAX
from app.core.money import Money
from app.flows.draft_order import Draft, chosen_option, decide, free_wants, stock_wants
from app.flows.order_offers import order_offers
from app.flows.plan_again import Departure, fresh_options, has_left, plan_again
from app.flows.ports import Ports
from app.flows.show_order import order_shape, show_order
from app.flows.tell_people import placed_notices
from app.identity.service import parties_of
from app.identity.values import Caller, Parties
from app.ledger.service import record as record_transfers
from app.ledger.values import Transfer
from app.network.capacity import book_capacity
from app.network.errors import CapacityFull
from app.notify.service import queue_messages
from app.orders.models import Order, OrderLine, Quote
from app.orders.payment_schemas import PaymentShape
from app.orders.schemas import OptionShape, OrderRequest
from app.orders.service import add_order, find_placed, get_order, get_quote, news_of
from app.payments.models import Payment
from app.payments.rules import may_hold, require_offered
from app.payments.service import amount_of, get_payment_of, note_intent, start_payment
from app.payments.values import PaymentMethod, PaymentStatus
from app.payouts.terms import TransferTerms
from app.shipments.service import create_consignments


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a 201, and whether it is the first answer again."""

    body: bytes
    replayed: bool = False


async def place_order(ports: Ports, caller: Caller, command: OrderRequest, claim: Claim, language: str) -> Answer:
    """Place the order that a quote's option describes, whole or not at all.

    Raises `NotFound`, `QuoteExpired`, `QuoteUsed`, `OutOfStock`, `OfferChanged`, `OfferNotOrderable`, `OfferExpired`, `PlanChanged` or `PaymentMethodUnavailable`;
    then nothing has happened, but that `PlanChanged` brings a quote. A repeat with the same key answers the first result, or takes up a payment that was cut off.
    """
    now = ports.clock.now()
    method = PaymentMethod(command.payment.method)
    require_offered(method, cards=ports.cards is not None, transfers=bool(ports.terms.transfer.pay_to))
    async with ports.database.read() as connection:
        earlier = await find_earlier(connection, claim)
        placed = await _find_placed(ports, caller, command, method) if command.id and not earlier else None
        if not (earlier or placed):
            quote = await get_quote(connection, command.quote, caller.id)
            quoted = chosen_option(quote, command.option, now)
            await _require_stock(connection, free_wants(quote, stock_wants(quote)), now)
            parties = await parties_of(connection, caller.id, {each.producer for each in quoted.consignments}, now)
    if placed:
        return Answer(await _show_placed(ports, caller, placed.id, language), replayed=True)
    if not earlier:
        earlier, body = await _book(ports, caller, quote, quoted, parties, command, claim, language, now)
        if body is not None:
            return Answer(body)
    return await _finish(ports, caller, claim, earlier, language)


async def _find_placed(ports: Ports, caller: Caller, command: OrderRequest, method: PaymentMethod) -> Order | None:
    """What this client has placed before under the id that it chose; `IdTaken` when that was another order."""
    assert command.id
    async with ports.begin() as session:
        placed = await find_placed(session, command.id, caller.id, command.quote, command.option)
        if placed and (await get_payment_of(session, placed.id)).method is not method:
            raise IdTaken(id=placed.id)
    return placed


async def _require_stock(connection: AsyncConnection, wants: Sequence[StockWant], now: datetime) -> None:
    """Refuse at once what is sold out already, without a lock: of many buyers of the last goods, few then wait for each other."""
    present = await stocks(connection, [want.listing_id for want in wants], now)
    for want in wants:
        version, available = present.get(want.listing_id, (None, Decimal(0)))
        if version != want.version:
            raise OfferChanged(want.listing_id)
        if available < want.quantity:
            raise OutOfStock(want.listing_id, available)


async def _book(
    ports: Ports,
    caller: Caller,
    quote: Quote,
    quoted: OptionShape,
    parties: Parties,
    command: OrderRequest,
    claim: Claim,
    language: str,
    now: datetime,
) -> tuple[Earlier | None, bytes | None]:
    """Write the order as quoted or, when a departure has no room any more, by another way that is as good for the buyer.

    Each try is a transaction of its own that leaves nothing behind when it fails. Raises `PlanChanged` with fresh options.
    """
    method = PaymentMethod(command.payment.method)
    refused: Counter[Departure] = Counter()
    option: OptionShape | None = quoted
    for _ in range(PLANS_TRIED_MAX):
        if option is None:
            break
        if not has_left(option, now):
            fee_bps = ports.settings.platform_fee_bps
            draft = decide(quote, option, command, method, fee_bps, ports.policies, now, parties.shares)
            draft.order.terms["hold"] = _holds(ports, method, option, now)
            _freeze_transfer(draft, ports.terms.transfer, now)
            try:
                return await _write(ports, draft, parties, claim, language, now)
            except CapacityFull as full:
                refused[full.service, full.departure_at] += 1
        option = await plan_again(ports, quote, quoted, option, refused, now)
    raise await fresh_options(ports, caller, quote)


def _holds(ports: Ports, method: PaymentMethod, option: OptionShape, now: datetime) -> bool:
    """Whether a card is only authorised for this order, and captured when the first goods are handed over."""
    if method is not PaymentMethod.STRIPE or ports.settings.stripe_capture != "hand_over":
        return False
    departures = [quoted.legs[0].departs_at for quoted in option.consignments if quoted.legs]
    return may_hold(min(departures, default=option.arrives_by), now)


async def _write(
    ports: Ports, draft: Draft, parties: Parties, claim: Claim, language: str, now: datetime
) -> tuple[Earlier | None, bytes | None]:
    """The one transaction. Hot rows (stock, then departures) come last, so that their locks are held briefly.

    Agreed offers come first, and hand their goods over; then stock with animals: it is not hot, and which animals they are is written on the lines and answered.
    Answers the body when the order is complete without a provider; an `Earlier` when another request was first.
    Raises `CapacityFull`.
    """
    order = draft.order
    async with ports.begin() as session:
        earlier = await take(session, claim, now, subject=order.id)
        if earlier:
            return earlier, None
        named, applied = await order_offers(session, order, draft.bargains, now)
        if draft.with_animals:
            for part in await reserve(session, order.id, draft.stock, now):
                named.setdefault(part.line_id, []).extend(part.ear_tags)
            _name_animals(draft.lines, named)
        async with together(session):
            body = await _write_order(ports, session, draft, applied, parties, claim, language, now)
            if not draft.with_animals:
                await reserve(session, order.id, draft.stock, now)
            await book_capacity(session, draft.capacity, now)
    return None, body


async def _write_order(
    ports: Ports,
    session: Session,
    draft: Draft,
    applied: Sequence[Transfer],
    parties: Parties,
    claim: Claim,
    language: str,
    now: datetime,
) -> bytes | None:
    """The rows of an order, its payment, its entries and its news; answers its body when it is complete without a provider."""
    order = draft.order
    await add_order(session, order, draft.lines)
    journeys = await create_consignments(
        session, draft.consignments, now, company_prefix=ports.settings.gs1_company_prefix
    )
    due = Money(draft.due_minor, order.currency)
    hold = order.terms["hold"]
    await start_payment(session, draft.payment_id, order.id, draft.method, due, now, hold=hold)
    await record_transfers(session, [draft.sale, *applied], now)
    if draft.method is not PaymentMethod.CASH_ON_DELIVERY:
        await enqueue(session, [Job("order.expire", {"order": order.id}, run_at=_unpaid_until(order, now))])
        return None
    told = replace(news_of(order, "order.placed", now), producers=tuple({each.producer_id for each in journeys}))
    await queue_messages(session, placed_notices(order, journeys, parties, ports.timetable.hubs), now, [told])
    payment = PaymentShape(id=draft.payment_id, method=draft.method, status=PaymentStatus.PENDING_CASH)
    body = order_shape(order, draft.lines, journeys, payment, language).model_dump_json(by_alias=True).encode()
    await record(session, claim, 201, ports.seal.close(body))
    return body


def _freeze_transfer(draft: Draft, terms: TransferTerms, now: datetime) -> None:
    """An order that is paid by transfer keeps where to, and until when."""
    if draft.method is PaymentMethod.BANK_TRANSFER:
        until = rfc3339(now + terms.deadline)
        draft.order.terms = draft.order.terms | {"transfer": {"pay_to": terms.pay_to, "until": until}}


def _unpaid_until(order: Order, now: datetime) -> datetime:
    """When an order that is not paid expires."""
    transfer = order.terms.get("transfer")
    return datetime.fromisoformat(transfer["until"]) if transfer else now + PAYMENT_LIFETIME


def _name_animals(lines: Sequence[OrderLine], named: Mapping[str, Sequence[str]]) -> None:
    """Write on each line which animals it took, lot by lot in the order in which they were taken."""
    for line in lines:
        line.ear_tags = list(named.get(line.id, ()))


async def _finish(ports: Ports, caller: Caller, claim: Claim, earlier: Earlier | None, language: str) -> Answer:
    """Answer what an earlier request did, or go on where it (or we, a moment ago) stopped: at the payment provider."""
    if earlier is not None and earlier.status is not None:
        return Answer(ports.seal.open(earlier.body or b""), replayed=True)
    async with ports.begin() as session:
        known = await find_earlier(session, claim)
        assert known is not None
        assert known.subject is not None
    body = await _show_placed(ports, caller, known.subject, language)
    async with ports.begin() as session:
        await record(session, claim, 201, ports.seal.close(body))
    return Answer(body)


async def _show_placed(ports: Ports, caller: Caller, order_id: str, language: str) -> bytes:
    """The buyer's order as it is answered: with the secret of a payment that is still open, taken up where it was cut off."""
    async with ports.begin() as session:
        order = await get_order(session, order_id, caller.id)
        payment = await get_payment_of(session, order.id)
    by_card = payment.method is PaymentMethod.STRIPE
    is_open = by_card and payment.status in (PaymentStatus.STARTED, PaymentStatus.AWAITING_CUSTOMER)
    secret = await ask_provider(ports, payment) if is_open else None
    shape = await show_order(ports, order.id, caller, language, client_secret=secret)
    return shape.model_dump_json(by_alias=True).encode()


async def ask_provider(ports: Ports, payment: Payment) -> str | None:
    """Open the provider's side of a payment, or find it again; answers the secret for the buyer's client.

    Outside any transaction: when it fails, the payment stays started and the same key takes it up again.
    """
    assert ports.cards is not None
    if payment.provider_ref:
        intent = await ports.cards.retrieve_intent(payment.provider_ref)
    else:
        intent = await ports.cards.create_intent(payment.id, payment.order_id, amount_of(payment), hold=payment.hold)
    async with ports.begin() as session:
        noted = await note_intent(session, payment.id, intent.ref, ports.clock.now())
        if noted.status is PaymentStatus.CANCELLED:
            await enqueue(session, [Job("payment.return", {"order": payment.order_id})])
    return intent.client_secret
