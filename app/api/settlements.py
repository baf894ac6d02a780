"""Cash that carriers hand over, their freight and what they remark to it, and what producers and members of co-operatives sold."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from fastapi import Depends, Path, Query, Request, Response

from app.api.deps import Known, Language, Operator, PortsDep, Reading, RequiredClaim, Tx, partner_with
from app.api.documents import NOT_MODIFIED, Responses, refuses
from app.api.etags import etagged
from app.api.media_types import NotAcceptable, wanted_type
from app.api.router import api_router
from app.api.sheets import CSV, JSON, sheet
from app.core.clock import LEGAL_TIME
from app.core.errors import Forbidden, IdTaken, Invalid, NotFound, StateConflict
from app.core.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from app.core.money import Money, major
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.ports import Ports
from app.flows.receive_cash import announce_remittance, confirm_remittance, show_cash_held, show_remittances
from app.flows.settle_freight import answer_remark, remark, show_freight, show_remarks
from app.flows.settle_producer import show_settlement
from app.identity.errors import GrantMissing, NotSignedIn
from app.identity.schemas import ProducerId
from app.identity.values import CARRIER_PATTERN, Caller, Scope
from app.ledger.errors import StatementTooLong
from app.ledger.rules import period_of
from app.ledger.values import Period
from app.payouts.errors import RemittanceKnown
from app.payouts.schemas import (
    CashHeldList,
    NewRemark,
    NewRemittance,
    RemarkAnswer,
    RemarkId,
    RemarkShape,
    RemittanceId,
    RemittanceReceived,
    RemittanceShape,
)
from app.payouts.settlement import CarriedOrder, FreightSheet, MemberSheet, SettlementSheet

router = api_router("settlements")
Settling = Annotated[Caller, Depends(partner_with(Scope.SETTLEMENTS_WRITE))]
Day = Annotated[date, Query(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
First = Annotated[
    Day | None, Query(alias="from", description="The first day, of legal time (UTC+8); else the first of that month")
]
Last = Annotated[Day | None, Query(description="The last day, included; else today")]
PDF: Final = "application/pdf"
_FREIGHT_TITLES: Final = {"en": "Freight of a carrier", "zh-Hans": "承运人运费结算单"}
_MEMBER_TITLES: Final = {"en": "Settlement sheet", "zh-Hans": "结算单"}
_FREIGHT_HEADS: Final = {
    "en": "Date,Order,Legs,Weight kg,Booked,Rerouted,Other,Earned,Currency",
    "zh-Hans": "日期,订单号,运段,重量（千克）,订舱运费,改线差额,其他,应得运费,币种",
}
_MEMBER_HEADS: Final = {
    "en": "Producer,Name,Orders,Goods,Refunded,Commission,Share of the co-operative,Other,Net,Carriage,Paid,Currency",
    "zh-Hans": "生产者,名称,订单数,货款,退款,服务费,合作社分成,其他,净额,运费,已付款,币种",
}


@dataclass(frozen=True, slots=True)
class _Table:
    """A sheet as it is written down or drawn: its file, its title, its head and its cells."""

    name: str
    title: str
    head: str
    rows: Sequence[Sequence[str]]


def _period(ports: Ports, first: date | None, last: date | None) -> Period:
    last_on = last or ports.clock.now().astimezone(LEGAL_TIME).date()
    return period_of(first or last_on.replace(day=1), last_on)


def _sheets(description: str) -> Responses:
    content = {CSV: {"schema": {"type": "string"}}, PDF: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"content": content, "description": description}} | NOT_MODIFIED


async def _answered(
    request: Request, shown: FreightSheet | SettlementSheet, language: str, about: str, table: _Table
) -> Response:
    """As JSON, as a sheet or on paper."""
    vary, told = "Accept, Accept-Language, Authorization", {"content-language": language}
    media = wanted_type(request.headers.get("accept"), (JSON, CSV, PDF))
    if media == JSON:
        return etagged(request, shown, vary=vary, headers=told)
    name = f"{table.name}-{shown.from_}-{shown.until}.{media.rpartition('/')[2]}"
    told["content-disposition"] = f'attachment; filename="{name}"'
    if media == CSV:
        body = sheet(table.head, table.rows)
        return etagged(request, body, vary=vary, media=f"{CSV}; charset=utf-8", headers=told)
    draw = request.app.state.draw_sheet
    words = f"{about}  ·  {shown.from_} – {shown.until}"
    paper = await asyncio.to_thread(draw, table.title, words, table.head, table.rows, language)
    return etagged(request, paper, vary=vary, media=PDF, headers=told)


@router.post(
    "/remittances",
    status_code=201,
    summary="Announce cash that is handed over",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, IdTaken, RemittanceKnown),
)
async def create_remittance(command: NewRemittance, caller: Settling, session: Tx, ports: PortsDep) -> RemittanceShape:
    """For a carrier's key with `settlements:write`: how much, with which reference, when. Operators name the `carrier`."""
    return await announce_remittance(ports, session, caller, command)


@router.get("/remittances", summary="Cash that was handed over", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_remittances(
    caller: Settling,
    reading: Reading,
    *,
    waiting: Annotated[bool, Query(description="Only those that nobody has confirmed yet")] = False,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[RemittanceShape]:
    """A carrier's own, all for operators, the newest first."""
    return await show_remittances(reading, caller, cursor, limit, waiting=waiting)


@router.post(
    "/remittances/{remittance_id}/confirm",
    summary="Say how much arrived",
    responses=refuses(
        NotSignedIn,
        Forbidden,
        Invalid,
        NotFound,
        StateConflict,
        IdempotencyKeyRequired,
        IdempotencyKeyReused,
        RequestInProgress,
    ),
)
async def confirm_remittance_received(
    remittance_id: Annotated[RemittanceId, Path()],
    command: RemittanceReceived,
    caller: Operator,
    session: Tx,
    ports: PortsDep,
    _: RequiredClaim,
) -> RemittanceShape:
    """For operators, once. What arrived may differ from what was announced: the difference stays with the carrier and is shown."""
    return await confirm_remittance(ports, session, caller, remittance_id, command)


@router.get("/cash-held", summary="Cash that carriers hold", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def read_cash_held(caller: Settling, reading: Reading, ports: PortsDep) -> CashHeldList:
    """How much a carrier holds, and how much of it for longer than the terms allow. A carrier's own, all for operators."""
    return await show_cash_held(ports, reading, caller)


@router.get(
    "/carriers/{carrier}/freight",
    summary="The settlement sheet of a carrier",
    response_model=FreightSheet,
    responses=_sheets("The sheet, as JSON, CSV or PDF")
    | refuses(NotSignedIn, Forbidden, NotFound, Invalid, StatementTooLong, NotAcceptable),
)
async def read_freight(
    carrier: Annotated[str, Path(pattern=CARRIER_PATTERN)],
    request: Request,
    caller: Known,
    ports: PortsDep,
    language: Language,
    from_: First = None,
    until: Last = None,
) -> Response:
    """What was earned in these days, order by order with every leg, its weight and price, and what changed ways added or took away.

    For the carrier's key with `statements:read` and operators. `Accept: text/csv` gives a sheet, `application/pdf` one on paper.
    """
    shown = await show_freight(ports, caller, carrier, _period(ports, from_, until))
    rows = [_freight_cells(item) for item in shown.items]
    table = _Table(f"freight-{carrier}", _FREIGHT_TITLES[language], _FREIGHT_HEADS[language], rows)
    return await _answered(request, shown, language, carrier, table)


@router.get(
    "/producers/{producer_id}/settlement",
    summary="The settlement sheet of a producer or co-operative",
    response_model=SettlementSheet,
    responses=_sheets("The sheet, as JSON, CSV or PDF")
    | refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid, StatementTooLong, NotAcceptable),
)
async def read_settlement(
    producer_id: Annotated[ProducerId, Path()],
    request: Request,
    caller: Known,
    ports: PortsDep,
    language: Language,
    from_: First = None,
    until: Last = None,
) -> Response:
    """What was sold in these days and what became of it; for a co-operative, member by member with its share of their sales.

    For whoever may see the producer's accounts, and operators. `Accept: text/csv` gives a sheet, `application/pdf` one on paper.
    """
    shown = await show_settlement(ports, caller, producer_id, _period(ports, from_, until), language)
    rows = [_member_cells(item) for item in shown.items]
    table = _Table(f"settlement-{producer_id}", _MEMBER_TITLES[language], _MEMBER_HEADS[language], rows)
    return await _answered(request, shown, language, producer_id, table)


@router.post(
    "/freight-remarks",
    status_code=201,
    summary="Remark something to one's freight",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, IdTaken),
)
async def create_remark(command: NewRemark, caller: Settling, session: Tx, ports: PortsDep) -> RemarkShape:
    """For a carrier's key with `settlements:write`: what is not right with the freight of an order that it carried."""
    return await remark(ports, session, caller, command)


@router.get("/freight-remarks", summary="Remarks to freight", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def list_remarks(
    caller: Settling,
    reading: Reading,
    *,
    waiting: Annotated[bool, Query(description="Only those that nobody has answered yet")] = False,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[RemarkShape]:
    """A carrier's own, all for operators, the newest first."""
    return await show_remarks(reading, caller, cursor, limit, waiting=waiting)


@router.post(
    "/freight-remarks/{remark_id}/answer",
    summary="Answer a remark",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, StateConflict),
)
async def create_remark_answer(
    remark_id: Annotated[RemarkId, Path()], command: RemarkAnswer, caller: Operator, session: Tx, ports: PortsDep
) -> RemarkShape:
    """For operators, once. An answer moves no money."""
    return await answer_remark(ports, session, caller, remark_id, command)


def _freight_cells(item: CarriedOrder) -> list[str]:
    day = item.posted_at.astimezone(LEGAL_TIME).date().isoformat()
    legs = "; ".join(f"{leg.from_} – {leg.to} ({leg.service})" for leg in item.legs)
    weights = {leg.consignment: leg.weight_g for leg in item.legs}
    weight = f"{sum(weights.values()) / 1000:.3f}"
    amounts = [major(each) for each in (item.booked, item.rerouted, item.other, item.earned)]
    return [day, item.order_number or item.order, legs, weight, *amounts, item.earned.currency]


def _member_cells(item: MemberSheet) -> list[str]:
    amounts: tuple[Money, ...] = (
        item.goods,
        item.refunded,
        item.commission,
        item.share,
        item.other,
        item.net,
        item.carriage,
        item.paid,
    )
    return [item.producer, item.name, str(item.orders), *map(major, amounts), item.net.currency]
