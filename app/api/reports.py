"""Reports for operators, as JSON page by page and as a sheet."""

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import Depends, Query, Request, Response

from app.api.deps import Language, Operator, PortsDep, Reading, partner_with
from app.api.documents import NOT_MODIFIED, refuses
from app.api.etags import etagged
from app.api.media_types import NotAcceptable, wanted_type
from app.api.router import story_router
from app.api.sheets import CSV, JSON
from app.core.clock import LEGAL_TIME
from app.core.errors import Forbidden, Invalid
from app.core.money import major
from app.core.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from app.core.schema import Time
from app.identity.errors import NotSignedIn
from app.identity.values import Caller, Scope
from app.ledger.errors import StatementTooLong
from app.network.values import CODE_PATTERN
from app.reports.bottleneck_schemas import HubHourShape, Waiting
from app.reports.bottlenecks import list_waiting, page_of_hub_hours
from app.reports.rules import months_of
from app.reports.schemas import CarriageRow
from app.reports.service import ROWS_MAX, list_carriage

router = story_router("reports")
Day = Annotated[date, Query(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
_HEADS: Final = {
    "en": "Month,County,Orders,Goods,Carriage,Paid,Carriage bps,Median bps,Producers,CO2e g,CO2e missing,Currency",
    "zh-Hans": "月份,县区,订单数,货款,运费,实付,运费占比（万分之）,运费占比中位数（万分之）,生产者所得,碳排放（克）,缺碳排放数据的订单,币种",
}
Watcher = Annotated[Caller, Depends(partner_with(Scope.TRACKING_READ))]
Hub = Annotated[str, Query(pattern=CODE_PATTERN, description="Only this hub")]
_A_DAY: Final = timedelta(days=1)
_TEXT = {"schema": {"type": "string"}}


@router.get(
    "/reports/carriage",
    summary="What carriage took",
    response_model=Page[CarriageRow],
    responses={
        200: {"content": {CSV: _TEXT}, "description": "Counties by month; as JSON page by page, as a sheet whole"}
    }
    | NOT_MODIFIED
    | refuses(NotSignedIn, Forbidden, Invalid, StatementTooLong, NotAcceptable),
)
async def read_carriage(
    request: Request,
    ports: PortsDep,
    _: Operator,
    language: Language,
    from_: Annotated[
        Day | None,
        Query(alias="from", description="A day (UTC+8) of the first month; else a year before `until`"),
    ] = None,
    until: Annotated[Day | None, Query(description="A day of the last month, which is included; else today")] = None,
    by: Annotated[Literal["county"], Query(description="By the county where the goods come from")] = "county",  # noqa: ARG001 - one way so far
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """By county and month of delivery: orders, goods, carriage and its part of what was paid, what producers have, and CO2e.

    Whole months, as they stood at the last midnight that was closed. For operators. `Accept: text/csv` gives all in one
    document, in which `cursor` and `limit` mean nothing.
    """
    media = wanted_type(request.headers.get("accept"), (JSON, CSV))
    last_on = until or ports.clock.now().astimezone(LEGAL_TIME).date()
    first, last = months_of(from_ or last_on.replace(year=last_on.year - 1, day=1), last_on)
    whole = media == CSV
    async with ports.database.read() as connection:
        shown = await list_carriage(
            connection, first, last, cursor=None if whole else cursor, limit=ROWS_MAX if whole else limit
        )
    told = {"content-language": language}
    vary = "Accept, Accept-Language, Authorization"
    if not whole:
        return etagged(request, shown, vary=vary, headers=told)
    if shown.next_cursor:
        raise StatementTooLong(lines_max=ROWS_MAX)
    told["content-disposition"] = f'attachment; filename="carriage-{first:%Y-%m}-{last:%Y-%m}.csv"'
    return etagged(request, sheet_of(shown.items, language), vary=vary, media=f"{CSV}; charset=utf-8", headers=told)


def sheet_of(rows: Sequence[CarriageRow], language: str) -> bytes:
    """The report as CSV, with a mark by which spreadsheets know UTF-8. Every cell is a figure or a code of ours."""
    page = io.StringIO()
    write = csv.writer(page)
    write.writerow(_HEADS[language].split(","))
    for row in rows:
        money = [major(each) for each in (row.goods, row.carriage, row.paid)]
        shares = [row.carriage_bps, row.median_bps]
        rest = [major(row.producers), row.co2e_g, row.co2e_missing, row.goods.currency]
        write.writerow([row.month, row.county, row.orders, *money, *shares, *rest])
    return b"\xef\xbb\xbf" + page.getvalue().encode()


@router.get("/reports/bottlenecks", summary="Where goods waited", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def read_bottlenecks(
    caller: Watcher,
    ports: PortsDep,
    reading: Reading,
    from_: Annotated[Time | None, Query(alias="from", description="The first hour; else a day before `to`")] = None,
    to: Annotated[Time | None, Query(description="Hours before this; else now")] = None,
    hub: Hub | None = None,
    cursor: Cursor | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[HubHourShape]:
    """By hub and hour: what arrived and left, and how long what left had waited; added up each hour from the events, two days back.

    Operators see all carriers together, a carrier (`tracking:read`) what it brought and took on.
    """
    end = to or ports.clock.now()
    first = from_ or end - _A_DAY
    return await page_of_hub_hours(reading, first, end, hub=hub, carrier=_own(caller), cursor=cursor, limit=limit)


@router.get("/reports/waiting", summary="Where goods wait now", responses=refuses(NotSignedIn, Forbidden, Invalid))
async def read_waiting(caller: Watcher, ports: PortsDep, reading: Reading, hub: Hub | None = None) -> Waiting:
    """Consignments that wait at hubs for their next ride at this moment; where the most wait comes first, 500 hubs at most.

    Operators see all, a carrier (`tracking:read`) what it is to take on.
    """
    now = ports.clock.now()
    return Waiting(as_of=now, items=await list_waiting(reading, now, hub=hub, carrier=_own(caller)))


def _own(caller: Caller) -> str | None:
    return None if caller.is_operator() else caller.carrier or "-"
