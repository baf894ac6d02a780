"""Verbs of reports: add up a month of what was delivered, and read what was added up.

Reads the tables of other rooms in one statement: what a report says is sums over all of them, and no row leaves the database.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import select, text, tuple_
from sqlmodel import col

from app.core.database import Reader, Session
from app.core.money import Money
from app.core.paging import Page, decode_cursor, encode_cursor
from app.orders.proceeds import carriage_bps
from app.reports.models import CarriageMonth
from app.reports.schemas import CarriageRow

ROWS_MAX: Final = 50_000
_COLUMNS: Final = [col(getattr(CarriageMonth, name)) for name in CarriageMonth.model_fields]
_LONG: Final = text("SET LOCAL statement_timeout = '30min'")
_DAY_ZERO: Final = "'-infinity'::timestamptz"
# The months in which something was delivered of which anything has changed since the last sum: every change is a transfer.
_CHANGED: Final = text(
    f"""
    SELECT DISTINCT date_trunc('month', o.delivered_at AT TIME ZONE INTERVAL '8 hours')::date AS month
    FROM transfer JOIN "order" o ON o.id = transfer.subject
    WHERE coalesce(transfer.settled_at, transfer.created_at) >= coalesce((SELECT max(until_at) FROM carriage_month), {_DAY_ZERO})
        AND coalesce(transfer.settled_at, transfer.created_at) < :until AND o.delivered_at IS NOT NULL
    ORDER BY 1
    """  # noqa: S608 - constants of this file
)
_FORGET: Final = text("DELETE FROM carriage_month WHERE month = :month")
# One row for each order and county, then one for each county. The median needs them all, so that sums of sums would not do.
_SUM: Final = text(
    """
    WITH sold AS MATERIALIZED (
        SELECT c.id, c.order_id, c.producer_id, c.currency, coalesce(c.origin, p.county) AS county, c.extra_carriage_minor
        FROM "order" o JOIN consignment c ON c.order_id = o.id JOIN producer p ON p.id = c.producer_id
        WHERE c.cancelled_at IS NULL AND c.return_id IS NULL AND o.delivered_at >= CAST(:month AS date)::timestamp AT TIME ZONE INTERVAL '8 hours'
            AND o.delivered_at < (CAST(:month AS date) + INTERVAL '1 month') AT TIME ZONE INTERVAL '8 hours'
            AND o.delivered_at < :until
    ), part AS (
        SELECT sold.order_id, sold.currency, sold.county, sum(line.goods)::bigint AS goods,
            sum(ridden.carriage - sold.extra_carriage_minor)::bigint AS carriage, sum(packed.packaging)::bigint AS packaging,
            sum(ridden.co2e_g + packed.co2e_g)::bigint AS co2e_g, bool_or(ridden.missing OR packed.missing) AS missing
        FROM sold
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(total_minor), 0) AS goods FROM order_line
            WHERE order_line.order_id = sold.order_id AND order_line.consignment_id = sold.id
        ) AS line
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(price_minor), 0) AS carriage, coalesce(sum(co2e_g), 0) AS co2e_g,
                coalesce(bool_or(co2e_g IS NULL), false) AS missing
            FROM leg WHERE leg.consignment_id = sold.id
        ) AS ridden
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(price_minor), 0) AS packaging, coalesce(sum(co2e_g), 0) AS co2e_g,
                coalesce(bool_or(co2e_g IS NULL), false) AS missing
            FROM package WHERE package.consignment_id = sold.id
        ) AS packed
        GROUP BY 1, 2, 3
    ), owed AS (
        SELECT producer.county, producer.currency, sum(entry.amount_minor)::bigint AS producers
        FROM (SELECT DISTINCT order_id, producer_id, currency, county FROM sold) AS producer
        JOIN transfer ON transfer.subject = producer.order_id AND transfer.state = 'posted'
        JOIN entry ON entry.transfer_id = transfer.id AND entry.account_id IN (
            'producer_pending:' || producer.producer_id || ':' || producer.currency,
            'producer_available:' || producer.producer_id || ':' || producer.currency
        )
        GROUP BY 1, 2
    ), summed AS (
        SELECT county, currency, count(*) AS orders, sum(goods)::bigint AS goods, sum(carriage)::bigint AS carriage,
            sum(goods + carriage + packaging)::bigint AS paid, sum(co2e_g)::bigint AS co2e_g,
            count(*) FILTER (WHERE missing) AS co2e_missing,
            round((percentile_cont(0.5) WITHIN GROUP (
                ORDER BY 10000.0 * carriage / nullif(goods + carriage + packaging, 0)
            ))::numeric) AS median_bps
        FROM part GROUP BY 1, 2
    )
    INSERT INTO carriage_month (month, county, currency, orders, goods_minor, carriage_minor, paid_minor, producers_minor,
        median_bps, co2e_g, co2e_missing, until_at)
    SELECT :month, county, currency, orders, goods, carriage, paid, coalesce(producers, 0), coalesce(median_bps, 0), co2e_g,
        co2e_missing, :until
    FROM summed LEFT JOIN owed USING (county, currency)
    """
)


async def sum_carriage(session: Session, until_at: datetime) -> list[date]:
    """Add up every month of which something changed until this midnight, which has to be closed. Again is harmless.

    Answers the months.
    """
    await session.execute(_LONG)
    months = list((await session.execute(_CHANGED, {"until": until_at})).scalars())
    for month in months:
        await session.execute(_FORGET, {"month": month})
        await session.execute(_SUM, {"month": month, "until": until_at})
    return months


async def list_carriage(
    reader: Reader, first: date, last: date, *, cursor: str | None, limit: int
) -> Page[CarriageRow]:
    """Counties by month, from the first month to the last, both included. One range of the primary key."""
    wanted = (
        select(*_COLUMNS)
        .where(col(CarriageMonth.month).between(first, last))
        .order_by(col(CarriageMonth.month), col(CarriageMonth.county), col(CarriageMonth.currency))
        .limit(limit + 1)
    )
    if after := decode_cursor(cursor, str, str, str):
        key = tuple_(col(CarriageMonth.month), col(CarriageMonth.county), col(CarriageMonth.currency))
        wanted = wanted.where(key > (_day(str(after[0])), after[1], after[2]))
    rows = [CarriageMonth(**row) for row in (await reader.execute(wanted)).mappings()]
    shown = rows[:limit]
    more = len(rows) > limit
    last_key = [shown[-1].month.isoformat(), shown[-1].county, shown[-1].currency] if more else None
    return Page(items=[_shape(row) for row in shown], next_cursor=encode_cursor(last_key) if last_key else None)


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        # Not one that we made: it is past the end of everything.
        return date.max


def _shape(row: CarriageMonth) -> CarriageRow:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor, row.currency)

    return CarriageRow(
        month=f"{row.month:%Y-%m}",
        county=row.county,
        orders=row.orders,
        goods=money(row.goods_minor),
        carriage=money(row.carriage_minor),
        paid=money(row.paid_minor),
        carriage_bps=carriage_bps(row.carriage_minor, row.paid_minor) or 0,
        median_bps=row.median_bps,
        producers=money(row.producers_minor),
        co2e_g=row.co2e_g,
        co2e_missing=row.co2e_missing,
        as_of=row.until_at,
    )
