"""The story of a carrier's freight: a sheet with every booking that it is paid for, and what the carrier remarks to it."""

from collections.abc import Mapping, Sequence

from app.core.database import Reader, Session
from app.core.errors import Forbidden, NotFound
from app.core.ids import new_id
from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.schema import fingerprint
from app.flows.ports import Ports
from app.flows.receive_cash import CARRIER, carrier_for
from app.identity.partners import partner_by_carrier
from app.identity.values import Caller, Scope
from app.ledger.balance import balances, list_lines
from app.ledger.errors import StatementTooLong
from app.ledger.values import STATEMENT_LINES_MAX, AccountKind, Line, Period, TransferKind
from app.orders.service import ORDER, orders_by_id
from app.payouts.models import SettlementRemark
from app.payouts.remarks import add_remark, answer, list_remarks
from app.payouts.schemas import NewRemark, RemarkAnswer, RemarkShape
from app.payouts.settlement import CarriedLeg, CarriedOrder, FreightSheet, FreightSum
from app.shipments.queries import list_of_orders
from app.shipments.values import Journey

_PAID = frozenset({TransferKind.PAYOUT, TransferKind.PAYOUT_RETURNED})
_NOT_EARNED = _PAID | {TransferKind.FREIGHT_PAID}


async def show_freight(ports: Ports, caller: Caller, carrier: str, period: Period) -> FreightSheet:
    """What a carrier earned in these days, order by order with its legs, and what was paid. For itself and operators.

    Raises `NotFound`, `Forbidden` for a key without the scope, or `StatementTooLong`.
    """
    async with ports.begin() as session:
        await _require_carrier(session, caller, carrier)
        lines = [
            line
            for line in await list_lines(
                session, carrier, period.from_at, period.until_at, after=None, most=STATEMENT_LINES_MAX + 1
            )
            if line.account.kind is AccountKind.CARRIER_FREIGHT
        ]
        if len(lines) > STATEMENT_LINES_MAX:
            raise StatementTooLong(lines_max=STATEMENT_LINES_MAX)
        then = await balances(session, carrier, period.until_at)
        held = {
            each.account.currency: each.posted_minor
            for each in then
            if each.account.kind is AccountKind.CARRIER_FREIGHT
        }
        earned = _by_order([line for line in lines if line.kind not in _NOT_EARNED])
        numbers = {order.id: order.number for order in (await orders_by_id(session, earned)).values()}
        journeys = await list_of_orders(session, list(earned))
    items = [_carried(carrier, lines, numbers, journeys) for lines in earned.values()]
    sums = [_sum(currency, lines, balance) for currency, balance in sorted(held.items())]
    about = {"carrier": carrier, "from": period.first_on, "until": period.last_on}
    return FreightSheet.model_validate(about | {"sums": sums, "items": items})


async def _require_carrier(reader: Reader, caller: Caller, carrier: str) -> None:
    if not caller.is_operator():
        if caller.carrier != carrier:
            raise NotFound(what=CARRIER)
        if Scope.STATEMENTS_READ not in caller.scopes:
            scope = Scope.STATEMENTS_READ.value
            raise Forbidden(
                needs={"en": f"an API key with the scope {scope}", "zh-Hans": f"具有 {scope} 权限的 API 密钥"}
            )
    elif await partner_by_carrier(reader, carrier) is None and not await balances(reader, carrier):
        raise NotFound(what=CARRIER)


def _by_order(lines: Sequence[Line]) -> dict[str, list[Line]]:
    orders: dict[str, list[Line]] = {}
    for line in lines:
        orders.setdefault(line.subject, []).append(line)
    return orders


def _carried(
    carrier: str, lines: Sequence[Line], numbers: Mapping[str, str], journeys: Mapping[str, Sequence[Journey]]
) -> CarriedOrder:
    order_id, currency = lines[0].subject, lines[0].account.currency

    def money(*kinds: TransferKind) -> Money:
        return Money(sum(line.amount_minor for line in lines if line.kind in kinds), currency)

    earned = Money(sum(line.amount_minor for line in lines), currency)
    booked, rerouted = money(TransferKind.SALE), money(TransferKind.REROUTE)
    return CarriedOrder(
        order=order_id,
        order_number=numbers.get(order_id),
        posted_at=max(line.posted_at for line in lines),
        legs=[leg for journey in journeys.get(order_id, ()) for leg in _legs(carrier, journey)],
        booked=booked,
        rerouted=rerouted,
        other=earned - booked - rerouted,
        earned=earned,
    )


def _legs(carrier: str, journey: Journey) -> list[CarriedLeg]:
    weight = sum(package.weight_g for package in journey.packages)
    return [
        CarriedLeg.model_validate(
            {
                "consignment": journey.id,
                "from": leg.from_hub,
                "to": leg.to_hub,
                "service": leg.service_id,
                "departs_at": leg.departs_at,
                "weight_g": weight,
                "price": Money(leg.price_minor, journey.currency),
            }
        )
        for leg in journey.legs
        if leg.carrier == carrier
    ]


def _sum(currency: str, lines: Sequence[Line], balance_minor: int) -> FreightSum:
    mine = [line for line in lines if line.account.currency == currency]

    def money(amount: int) -> Money:
        return Money(amount, currency)

    return FreightSum(
        earned=money(sum(line.amount_minor for line in mine if line.kind not in _NOT_EARNED)),
        paid=money(-sum(line.amount_minor for line in mine if line.kind in _PAID)),
        settled_with_cash=money(-sum(line.amount_minor for line in mine if line.kind is TransferKind.FREIGHT_PAID)),
        balance=money(balance_minor),
    )


async def remark(ports: Ports, session: Session, caller: Caller, command: NewRemark) -> RemarkShape:
    """A carrier does not agree with its freight for an order that it carried. Raises `NotFound` for an order that it has no part in."""
    carrier = await carrier_for(session, caller, command.carrier)
    journeys = (await list_of_orders(session, [command.order]))[command.order]
    if not any(leg.carrier == carrier for journey in journeys for leg in journey.legs):
        raise NotFound(what=ORDER)
    row = SettlementRemark(
        id=command.id or new_id("rmk"),
        carrier=carrier,
        order_id=command.order,
        words=command.words,
        created_from=fingerprint(command),
        created_at=ports.clock.now(),
    )
    return remark_shape(await add_remark(session, row))


async def answer_remark(
    ports: Ports, session: Session, caller: Caller, remark_id: str, command: RemarkAnswer
) -> RemarkShape:
    """An operator answers. What freight has to change by it is entered by the stories that change freight, not here."""
    return remark_shape(await answer(session, remark_id, command.answer, caller.id, ports.clock.now()))


async def show_remarks(
    reader: Reader, caller: Caller, cursor: str | None, limit: int, *, waiting: bool
) -> Page[RemarkShape]:
    """A carrier's own, all for operators, the newest first."""
    rows = await list_remarks(reader, caller, cursor, limit, waiting=waiting)
    items = [remark_shape(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(rows) > limit else None)


def remark_shape(row: SettlementRemark) -> RemarkShape:
    return RemarkShape(
        id=row.id,
        carrier=row.carrier,
        order=row.order_id,
        words=row.words,
        answer=row.answer,
        created_at=row.created_at,
        answered_at=row.answered_at,
    )
