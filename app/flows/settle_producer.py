"""The settlement sheet of a producer, or of a co-operative member by member: what was sold, what was taken off, what was paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.database import Session
from app.core.errors import NotFound
from app.core.money import Money
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.rules import require_grant
from app.identity.service import get_producer
from app.identity.values import Caller, Grant
from app.ledger.balance import list_lines
from app.ledger.errors import StatementTooLong
from app.ledger.service import transfers_by_ids
from app.ledger.values import STATEMENT_LINES_MAX, AccountKind, Line, Period, Share, Sold, Transfer, TransferKind
from app.orders.service import goods_by_producer, orders_by_id
from app.orders.shares import shares_of
from app.payouts.settlement import MemberSheet, SettlementSheet
from app.shipments.queries import list_of_orders
from app.shipments.values import Journey

_OWN = frozenset({AccountKind.PRODUCER_PENDING, AccountKind.PRODUCER_AVAILABLE})
_SHARES = frozenset({AccountKind.COOPERATIVE_PENDING, AccountKind.COOPERATIVE_AVAILABLE})
_PAID = frozenset({TransferKind.PAYOUT, TransferKind.PAYOUT_RETURNED})
# What only changes the account that the money stands on.
_MOVED = _PAID | {TransferKind.RELEASE}
_SOLD = frozenset({TransferKind.SALE, TransferKind.REFUND})


@dataclass(slots=True)
class Tally:
    """What one producer comes to in one currency."""

    orders: set[str] = field(default_factory=set)
    goods: int = 0
    refunded: int = 0
    share: int = 0
    sold_net: int = 0
    other: int = 0
    carriage: int = 0
    paid: int = 0


async def show_settlement(
    ports: Ports, caller: Caller, producer_id: str, period: Period, language: str
) -> SettlementSheet:
    """What was posted in these days for the producer, and for members by whose sales a co-operative has a share.

    For whoever may see the producer's accounts, and operators; `NotFound` or `GrantMissing` for anybody else. Raises `StatementTooLong`.
    """
    if not caller.is_operator():
        require_grant(caller, producer_id, Grant.SEE, NotFound(what={"en": "producer", "zh-Hans": "生产者"}))
    async with ports.begin() as session:
        shown = await get_producer(session, producer_id)
        lines = await _lines(session, producer_id, period)
        transfers = await transfers_by_ids(session, {line.transfer_id for line in lines if line.kind not in _MOVED})
        orders = {transfer.subject for transfer in transfers if transfer.kind is TransferKind.SALE}
        goods, journeys = await goods_by_producer(session, orders), await list_of_orders(session, list(orders))
        placed = await orders_by_id(session, {transfer.subject for transfer in transfers})
        terms = {order.id: order.terms for order in placed.values()}
        tallies = tally(producer_id, transfers, goods, journeys, terms)
        await _add_paid(session, tallies, period)
        names = {member: pick((await get_producer(session, member)).name, language) for member, _ in tallies}
    items = [_member(*key, names[key[0]], tallies[key]) for key in sorted(tallies)]
    share = share_of(lines)
    return SettlementSheet.model_validate(
        {
            "producer": producer_id,
            "name": pick(shown.name, language),
            "from": period.first_on,
            "until": period.last_on,
            "share": [Money(amount, currency) for currency, amount in sorted(share.items())],
            "items": items,
        }
    )


async def _lines(session: Session, owner: str, period: Period) -> list[Line]:
    most = STATEMENT_LINES_MAX
    lines = await list_lines(session, owner, period.from_at, period.until_at, after=None, most=most + 1)
    if len(lines) > most:
        raise StatementTooLong(lines_max=most)
    return lines


def share_of(lines: Sequence[Line]) -> dict[str, int]:
    """The co-operative's share of its members' sales, by currency."""
    share: dict[str, int] = {}
    for line in lines:
        if line.account.kind in _SHARES and line.kind not in _MOVED:
            share[line.account.currency] = share.get(line.account.currency, 0) + line.amount_minor
    return share


def tally(
    owner: str,
    transfers: Sequence[Transfer],
    goods_minor: Mapping[tuple[str, str], int],
    journeys: Mapping[str, Sequence[Journey]],
    terms: Mapping[str, Mapping[str, Any]],
) -> dict[tuple[str, str], Tally]:
    """Add up by producer and currency what these transfers say: of the owner itself, and of its members of then. Pure.

    Who was a member, and for what share, is what the order's terms say.
    """
    tallies: dict[tuple[str, str], Tally] = {}
    for transfer in transfers:
        order = transfer.subject
        shares = shares_of(terms.get(order, {}))
        for (producer, currency), amount in _net_by_producer(transfer).items():
            if owner not in (producer, shares[producer].cooperative if producer in shares else None):
                continue
            mine = tallies.setdefault((producer, currency), Tally())
            mine.orders.add(order)
            if transfer.kind not in _SOLD:
                mine.other += amount
                continue
            mine.sold_net += amount
            sold = Sold(
                producer,
                currency,
                goods_minor.get((order, producer), 0),
                0,
                terms.get(order, {}).get("fee_bps", 0),
                shares.get(producer),
            )
            mine.share += _share_in(transfer, sold, shares)
            if transfer.kind is TransferKind.SALE:
                mine.goods += sold.goods_minor
                mine.carriage += _carriage(journeys.get(order, ()), producer)
            else:
                mine.refunded += sum(e.amount_minor for e in transfer.entries if e.account.kind is AccountKind.BUYER)
    return tallies


def _share_in(transfer: Transfer, sold: Sold, shares: Mapping[str, Share]) -> int:
    """What of a transfer went to the co-operative of this producer for its goods; below zero what was taken back."""
    if sold.share is None:
        return 0
    cooperative = sold.share.cooperative
    members = {key[0] for key in _net_by_producer(transfer) if key[0] in shares}
    if len([member for member in members if shares[member].cooperative == cooperative]) > 1:
        return sold.cooperative_minor()
    return sum(
        entry.amount_minor
        for entry in transfer.entries
        if entry.account.kind in _SHARES and entry.account.owner == cooperative
    )


def _net_by_producer(transfer: Transfer) -> dict[tuple[str, str], int]:
    net: dict[tuple[str, str], int] = {}
    for entry in transfer.entries:
        if entry.account.kind in _OWN:
            key = (entry.account.owner, entry.account.currency)
            net[key] = net.get(key, 0) + entry.amount_minor
    return net


def _carriage(journeys: Sequence[Journey], producer_id: str) -> int:
    """What buyers paid for it: what a changed way costs more or less is the platform's."""
    return sum(
        sum(leg.price_minor for leg in journey.legs) - journey.extra_carriage_minor
        for journey in journeys
        if journey.producer_id == producer_id
    )


async def _add_paid(session: Session, tallies: Mapping[tuple[str, str], Tally], period: Period) -> None:
    for (member, currency), mine in tallies.items():
        for line in await _lines(session, member, period):
            if line.kind in _PAID and line.account.kind in _OWN and line.account.currency == currency:
                mine.paid -= line.amount_minor


def _member(producer: str, currency: str, name: str, mine: Tally) -> MemberSheet:
    def money(amount: int) -> Money:
        return Money(amount, currency)

    return MemberSheet(
        producer=producer,
        name=name,
        orders=len(mine.orders),
        goods=money(mine.goods),
        refunded=money(mine.refunded),
        commission=money(mine.goods - mine.refunded - mine.share - mine.sold_net),
        share=money(mine.share),
        other=money(mine.other),
        net=money(mine.sold_net + mine.other),
        carriage=money(mine.carriage),
        paid=money(mine.paid),
    )
