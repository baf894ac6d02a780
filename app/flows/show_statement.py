"""The story of a statement: everything that happened on a party's accounts in some days, told so that the party can follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text

from app.core.database import Session
from app.core.errors import Forbidden, NotFound
from app.core.money import Money
from app.core.paging import decode_cursor, encode_cursor
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.partners import partner_by_carrier
from app.identity.rules import may, require_grant
from app.identity.service import contacts_of_persons, get_producer
from app.identity.values import Caller, Grant, Scope
from app.ledger.balance import balances, list_lines
from app.ledger.errors import StatementTooLong
from app.ledger.schemas import SaleShape, Statement, StatementAccount, StatementLine
from app.ledger.values import (
    ACCOUNT_DISPLAY,
    KIND_DISPLAY,
    RELEASED_TO,
    STATEMENT_LINES_MAX,
    AccountKind,
    AccountRef,
    Line,
    Period,
    Sold,
    TransferKind,
)
from app.orders.service import goods_by_producer, orders_by_id
from app.orders.shares import shares_of
from app.shipments.queries import list_of_orders

_ONE_SNAPSHOT: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_SELLERS: Final = frozenset(RELEASED_TO)


@dataclass(frozen=True, slots=True)
class _Sold:
    """What the lines of a statement need to know of their orders."""

    numbers: dict[str, str]
    terms: dict[str, dict[str, Any]]
    goods_minor: dict[tuple[str, str], int]
    carriage_minor: dict[tuple[str, str], int]


async def show_statement(
    ports: Ports, caller: Caller, owner: str, period: Period, *, cursor: str | None, limit: int | None, language: str
) -> Statement:
    """A party's statement, from one snapshot: the party itself may see it, a carrier with the scope for it, and operators.

    With a `limit` a page of lines; without one all of them, or `StatementTooLong`. Balances count posted money only.
    """
    _require_party(caller, owner)
    after = decode_cursor(cursor, str, int, str, int)
    most = limit or STATEMENT_LINES_MAX
    async with ports.begin() as session:
        await session.execute(_ONE_SNAPSHOT)
        name = await _name_of(session, owner, language)
        before = {each.account: each.posted_minor for each in await balances(session, owner, period.from_at)}
        then = {each.account: each.posted_minor for each in await balances(session, owner, period.until_at)}
        lines = await list_lines(session, owner, period.from_at, period.until_at, after=after, most=most + 1)
        if limit is None and len(lines) > most:
            raise StatementTooLong(lines_max=most)
        sold = await _sold(session, lines[:most])
    return Statement.model_validate(
        {
            "owner": owner,
            "name": name,
            "from": period.first_on,
            "until": period.last_on,
            "accounts": [_account(ref, before.get(ref, 0), then[ref], language) for ref in then],
            "items": [_line(line, before.get(line.account, 0), sold, language) for line in lines[:most]],
            "next_cursor": _key(lines[most - 1]) if len(lines) > most else None,
        }
    )


def _require_party(caller: Caller, owner: str) -> None:
    """Raises `NotFound` for somebody else's accounts, `GrantMissing` for those who may do other things for a producer,
    `Forbidden` for a carrier's key without the scope.
    """
    if caller.is_operator() or caller.person_id == owner or may(caller, owner, Grant.SEE):
        return
    if caller.carrier is None or caller.carrier != owner:
        require_grant(caller, owner, Grant.SEE, NotFound(what={"en": "account", "zh-Hans": "账户"}))
    if Scope.STATEMENTS_READ not in caller.scopes:
        scope = Scope.STATEMENTS_READ.value
        raise Forbidden(needs={"en": f"an API key with the scope {scope}", "zh-Hans": f"具有 {scope} 权限的 API 密钥"})


async def _name_of(session: Session, owner: str, language: str) -> str:
    """What the party calls itself; of a person, who has no name here, the end of the phone number."""
    if owner.startswith("prd_"):
        return pick((await get_producer(session, owner)).name, language)
    if owner.startswith("per_"):
        known = (await contacts_of_persons(session, [owner])).get(owner)
        if known is None:
            raise NotFound(what={"en": "account", "zh-Hans": "账户"})
        return f"···{known.phone[-4:]}"
    partner = await partner_by_carrier(session, owner)
    return pick(partner.name, language) if partner else owner


async def _sold(session: Session, lines: Sequence[Line]) -> _Sold:
    """Numbers of the orders, and for a producer's sales what goods and carriage came to. At most three statements."""
    orders = await orders_by_id(session, {line.subject for line in lines})
    numbers = {order.id: order.number for order in orders.values()}
    sales = {line.subject for line in lines if _is_sale(line)} & numbers.keys()
    terms = {order_id: orders[order_id].terms for order_id in sales}
    if not sales:
        return _Sold(numbers, terms, {}, {})
    carriage: dict[tuple[str, str], int] = {}
    for order_id, journeys in (await list_of_orders(session, sales)).items():
        for journey in journeys:
            # What the buyer paid: what a changed way costs more or less is the platform's.
            paid = sum(leg.price_minor for leg in journey.legs) - journey.extra_carriage_minor
            key = (order_id, journey.producer_id)
            carriage[key] = carriage.get(key, 0) + paid
    return _Sold(numbers, terms, await goods_by_producer(session, sales), carriage)


def _is_sale(line: Line) -> bool:
    return line.kind is TransferKind.SALE and line.account.kind in _SELLERS


def _account(ref: AccountRef, opening_minor: int, closing_minor: int, language: str) -> StatementAccount:
    return StatementAccount(
        account=ref.kind,
        account_name=pick(ACCOUNT_DISPLAY[ref.kind], language),
        opening=Money(opening_minor, ref.currency),
        closing=Money(closing_minor, ref.currency),
    )


def _line(line: Line, opening_minor: int, sold: _Sold, language: str) -> StatementLine:
    ref = line.account
    return StatementLine(
        account=ref.kind,
        account_name=pick(ACCOUNT_DISPLAY[ref.kind], language),
        posted_at=line.posted_at,
        transfer=line.transfer_id,
        kind=line.kind,
        kind_name=pick(KIND_DISPLAY[line.kind], language),
        order=line.subject,
        order_number=sold.numbers.get(line.subject),
        amount=Money(line.amount_minor, ref.currency),
        balance=Money(opening_minor + line.balance_minor, ref.currency),
        sale=_sale(line, sold),
    )


def _sale(line: Line, sold: _Sold) -> SaleShape | None:
    if not _is_sale(line) or line.subject not in sold.terms:
        return None
    terms, owner, currency = sold.terms[line.subject], line.account.owner, line.account.currency
    shares = shares_of(terms)
    if line.account.kind is AccountKind.COOPERATIVE_PENDING:
        sellers = [producer for producer, share in shares.items() if share.cooperative == owner]
    else:
        sellers = [owner]
    keys = [(line.subject, seller) for seller in sellers if (line.subject, seller) in sold.goods_minor]
    if not keys:
        return None
    parts = [
        Sold(seller, currency, sold.goods_minor[order, seller], 0, terms["fee_bps"], shares.get(seller))
        for order, seller in keys
    ]
    return SaleShape(
        goods=Money(sum(part.goods_minor for part in parts), currency),
        commission=Money(sum(part.goods_minor - part.earned_minor() for part in parts), currency),
        carriage=Money(sum(sold.carriage_minor.get(key, 0) for key in keys), currency),
        share=Money(sum(part.cooperative_minor() for part in parts), currency),
    )


def _key(line: Line) -> str:
    seconds = int(line.posted_at.replace(microsecond=0).timestamp())
    return encode_cursor(
        [line.account.id, seconds * 1_000_000 + line.posted_at.microsecond, line.transfer_id, line.seq]
    )
