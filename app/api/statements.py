"""Statements of accounts, as JSON, as a sheet and on paper; and for operators what the nightly checks found."""

import asyncio
import csv
import io
from datetime import date
from typing import Annotated, Final

from fastapi import Path, Query, Request, Response

from app.api.deps import Known, Language, Operator, PortsDep, Reading
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.media_types import NotAcceptable, wanted_type
from app.api.router import story_router
from app.api.sheets import CSV, JSON, safe
from app.core.clock import LEGAL_TIME
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.money import Money, major
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.flows.show_statement import show_statement
from app.identity.errors import GrantMissing, NotSignedIn
from app.ledger.errors import StatementTooLong
from app.ledger.reconcile import list_reconciliations
from app.ledger.rules import period_of
from app.ledger.schemas import ReconciliationShape, Statement, StatementLine

router = story_router("accounts")
PDF: Final = "application/pdf"
Day = Annotated[date, Query(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
_HEADS: Final = {
    "en": "Date,Account,What,Order,Goods,Commission,Carriage,Share,Amount,Balance,Currency,Transfer",
    "zh-Hans": "日期,账户,事项,订单号,货款,服务费,运费,合作社分成,金额,余额,币种,转账编号",
}
_ENDS: Final = {"en": ("Opening balance", "Closing balance"), "zh-Hans": ("期初余额", "期末余额")}
_TEXT = {"schema": {"type": "string"}}


@router.get(
    "/accounts/{owner}/statement",
    summary="The statement of a party",
    response_model=Statement,
    responses={
        200: {
            "content": {CSV: _TEXT, PDF: {"schema": {"type": "string", "format": "binary"}}},
            "description": "The statement; as JSON page by page, as a sheet and on paper whole",
        }
    }
    | NOT_MODIFIED
    | refuses(NotSignedIn, Forbidden, GrantMissing, NotFound, Invalid, StatementTooLong, NotAcceptable),
)
async def read_statement(
    owner: Annotated[
        str,
        Path(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{1,59}$", description="A person, a producer, or a carrier's code"),
    ],
    request: Request,
    ports: PortsDep,
    caller: Known,
    language: Language,
    from_: Annotated[
        Day | None,
        Query(alias="from", description="The first day, of legal time (UTC+8); else the first of that month"),
    ] = None,
    until: Annotated[Day | None, Query(description="The last day, included; else today")] = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Posted money: what an account began with, every entry with the balance after it, and what it ended with.

    For oneself, the members of a producer, a carrier's key with `statements:read`, and operators. `Accept: text/csv` and
    `Accept: application/pdf` give the whole period in one document, in which `cursor` and `limit` mean nothing.
    """
    media = wanted_type(request.headers.get("accept"), (JSON, CSV, PDF))
    last_on = until or ports.clock.now().astimezone(LEGAL_TIME).date()
    period = period_of(from_ or last_on.replace(day=1), last_on)
    whole = media != JSON
    shown = await show_statement(
        ports,
        caller,
        owner,
        period,
        cursor=None if whole else cursor,
        limit=None if whole else limit,
        language=language,
    )
    told = {"content-language": language}
    vary = "Accept, Accept-Language, Authorization"
    if media == JSON:
        return etagged(request, shown, vary=vary, headers=told)
    ending = media.rpartition("/")[2]
    told["content-disposition"] = f'attachment; filename="statement-{owner}-{shown.from_}-{shown.until}.{ending}"'
    if media == CSV:
        return etagged(request, sheet_of(shown, language), vary=vary, media=f"{CSV}; charset=utf-8", headers=told)
    paper = await asyncio.to_thread(request.app.state.draw_statement, shown, language)
    return etagged(request, paper, vary=vary, media=PDF, headers=told)


@router.get("/reconciliations", summary="Nightly checks", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def read_reconciliations(
    _: Operator, reading: Reading, language: Language, cursor: Cursor | None = None, limit: Limit = DEFAULT_LIMIT
) -> Page[ReconciliationShape]:
    """What each night's check of the books looked at and found, the newest first. For operators."""
    return await list_reconciliations(reading, cursor=cursor, limit=limit, language=language)


def sheet_of(statement: Statement, language: str) -> bytes:
    """The statement as CSV: with a mark by which spreadsheets know UTF-8, and no cell that they would take for a formula."""
    page = io.StringIO()
    write = csv.writer(page)
    write.writerow(_HEADS[language].split(","))
    opening, closing = _ENDS[language]
    for account in statement.accounts:
        name, currency = account.account_name, account.opening.currency
        write.writerow([statement.from_, safe(name), opening, *[""] * 6, major(account.opening), currency, ""])
        for line in statement.items:
            if (line.account, line.amount.currency) == (account.account, currency):
                write.writerow(_row(line))
        write.writerow([statement.until, safe(name), closing, *[""] * 6, major(account.closing), currency, ""])
    return b"\xef\xbb\xbf" + page.getvalue().encode()


def _row(line: StatementLine) -> list[str]:
    sale = line.sale
    parts: tuple[Money | None, ...] = (sale.goods, sale.commission, sale.carriage, sale.share) if sale else (None,) * 4
    return [
        line.posted_at.astimezone(LEGAL_TIME).date().isoformat(),
        safe(line.account_name),
        safe(line.kind_name),
        safe(line.order_number or line.order),
        *("" if part is None else major(part) for part in parts),
        major(line.amount),
        major(line.balance),
        line.amount.currency,
        safe(line.transfer),
    ]
