"""What tracking is measured on: consignments under way, and as many events of former months as are asked for. Copies, made by the database."""

import asyncio
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import text

from app.core.clock import rfc3339
from app.core.database import Database, driver_url, metadata
from app.core.ids import encode, uuid7
from app.identity.partners import create_key, create_partner
from app.identity.schemas import NewApiKey, NewPartner
from app.packaging.values import Package
from app.shipments.months import make_month
from app.shipments.rules import tracking_number
from app.shipments.service import create_consignments
from app.shipments.values import ConsignmentDraft, JourneyLeg

CARRIER: Final = "BENCH"
MONTHS_BACK: Final = 12
MADE_AT_ONCE: Final = 50_000
# Type, hub, and hours after the booking; ended a day ago.
STORY: Final = (
    ("picked_up", None, 1), ("departed", "HOTAN", 4), ("arrived", "URUMQI", 32), ("loaded", "URUMQI", 40),
    ("departed", "URUMQI", 44), ("arrived", "XIAN", 97), ("departed", "XIAN", 110), ("arrived", "SHANGHAI", 135),
    ("out_for_delivery", "SHANGHAI", 140), ("delivered", None, 146),
)  # fmt: skip
BOOKED_BEFORE: Final = timedelta(hours=170)
_ENDED: Final = (
    "status = 'delivered', hub = 'SHANGHAI', last_event_at = promised_by, ended_at = promised_by, estimated_at = NULL"
)


@dataclass(frozen=True, slots=True)
class Ground:
    """A partner's key, the consignment that all others are copies of, and when it was booked."""

    key: str
    like: str
    booked_at: datetime


def prepare_ground(url: str) -> Ground:
    return asyncio.run(_ground(url))


async def _ground(url: str) -> Ground:
    database = Database(url, pool=1)
    now = datetime.now(UTC)
    booked_at = now - BOOKED_BEFORE
    async with database.begin() as session:
        partner = await create_partner(session, NewPartner(name={"en": CARRIER}, carrier=CARRIER), now)
        key = await create_key(session, partner.id, NewApiKey(scopes=["tracking:write"]), now)
        (journey,) = await create_consignments(session, [_draft(booked_at)], booked_at)
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        for _ in range(MONTHS_BACK):
            month = (month - timedelta(days=1)).replace(day=1)
            await make_month(session, month)
        # No worker runs beside what is measured, and a service is ready only when one was seen.
        await session.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 day')")
        )
    await database.close()
    return Ground(key.secret, journey.id, booked_at)


def _draft(booked_at: datetime) -> ConsignmentDraft:
    def ride(from_hub: str, to_hub: str, mode: str, departs_h: int, arrives_h: int) -> JourneyLeg:
        departs_at, arrives_at = (booked_at + timedelta(hours=hours) for hours in (departs_h, arrives_h))
        service = f"{mode.upper()}-{from_hub}-{to_hub}"
        return JourneyLeg(
            from_hub,
            to_hub,
            mode,
            service,
            departs_at,
            0,
            1,
            CARRIER,
            departs_at,
            arrives_at,
            1_000_000,
            640,
            co2e_g=700,
        )

    carton = Package(
        "carton-m", {"en": "Carton", "zh-Hans": "纸箱"}, 3, 16_100, 600, 400, 300, 500, 350, 720, reusable=False
    )
    return ConsignmentDraft(
        order_id="ord_bench",
        producer_id="prd_bench",
        buyer_id="per_bench",
        currency="CNY",
        temperature="ambient",
        promised_from=booked_at + timedelta(hours=148),
        promised_by=booked_at + timedelta(hours=154),
        packages=(carton,),
        legs=(
            ride("HOTAN", "URUMQI", "road", 4, 31),
            ride("URUMQI", "XIAN", "rail", 44, 96),
            ride("XIAN", "SHANGHAI", "rail", 110, 136),
            ride("SHANGHAI", "310115", "courier", 140, 148),
        ),
    )


def multiply(url: str, ground: Ground, count: int, *, ended: bool) -> list[str]:
    """So many copies, with whole stories spread over a year when they have `ended`; the numbers of those that have not."""
    numbers: list[str] = []
    with psycopg.connect(driver_url(url)) as connection:
        connection.execute("CREATE TEMP TABLE made (id text, number text)")
        for start in range(0, count, MADE_AT_ONCE):
            some = [*_made(min(MADE_AT_ONCE, count - start), ended=ended)]
            with connection.cursor().copy("COPY made FROM STDIN") as copy:
                copy.write("".join(f"{consignment}\t{number}\n" for consignment, number in some))
            _copy(connection, ground, ended=ended)
            connection.execute("TRUNCATE made")
            numbers += [] if ended else [number for _, number in some]
            connection.commit()
    return numbers


def _made(count: int, *, ended: bool) -> Iterator[tuple[str, str]]:
    now = time.time()
    for _ in range(count):
        at = now - random.uniform(32, 365) * 86_400 if ended else now
        digits = f"{random.randrange(10**12):012d}"
        yield encode("con", uuid7(int(at * 1000), os.urandom(10))), tracking_number(digits)


def _copy(connection: psycopg.Connection[Any], ground: Ground, *, ended: bool) -> None:
    own = {
        "consignment": {"id": "made.id", "tracking_number": "made.number", "order_id": "'ord_' || substr(made.id, 5)"}
    }
    own |= {table: {"consignment_id": "made.id"} for table in ("package", "leg")}
    for table, values in own.items():
        names = [column.name for column in metadata.tables[table].columns]
        taken = SQL(", ").join(SQL(values[name]) if name in values else Identifier("of", name) for name in names)
        where = SQL("id" if table == "consignment" else "consignment_id")
        connection.execute(
            SQL("INSERT INTO {} ({}) SELECT {} FROM made, {} AS of WHERE of.{} = %s").format(
                Identifier(table), SQL(", ").join(map(Identifier, names)), taken, Identifier(table), where
            ),
            (ground.like,),
        )
    if not ended:
        return
    connection.execute(f"UPDATE consignment SET {_ENDED} FROM made WHERE consignment.id = made.id")
    connection.execute(
        "UPDATE leg SET status = 'done', departed_at = departs_at, arrived_at = arrives_at FROM made WHERE consignment_id = made.id"
    )
    story = ", ".join(f"({place}, '{kind}', '{hub or ''}', {hours})" for place, (kind, hub, hours) in enumerate(STORY))
    connection.execute(
        "INSERT INTO tracking_event (consignment_id, id, party, party_event_id, fingerprint, type, occurred_at, recorded_at, hub, readings, door) "
        "SELECT made.id, 'evt_' || substr(made.id, 5, 24) || lpad(place::text, 2, '0'), 'ptn_bench', 'KL-' || substr(made.id, 20) || place, "
        "md5(made.id) || md5(made.number), kind, %s + hours * interval '1 hour', %s + hours * interval '1 hour', nullif(place_hub, ''), '[]', 'native' "
        f"FROM made, (VALUES {story}) AS story (place, kind, place_hub, hours)",
        (ground.booked_at, ground.booked_at),
    )


def told(number: str, step: int, booked_at: datetime) -> dict[str, Any]:
    """The event of a step of the story, as a partner tells it."""
    kind, hub, hours = STORY[step]
    event = {"id": f"KL-{number[2:]}-{step}", "tracking_number": number, "type": kind}
    event["occurred_at"] = rfc3339((booked_at + timedelta(hours=hours)).replace(microsecond=0))
    return event | ({"hub": hub} if hub else {})


def count_events(url: str) -> int:
    with psycopg.connect(driver_url(url)) as connection:
        row = connection.execute("SELECT count(*) FROM tracking_event").fetchone()
    return int(row[0]) if row else 0


def settle(url: str) -> None:
    """Statistics and visibility of what was just filled, as autovacuum would leave it."""
    with psycopg.connect(driver_url(url), autocommit=True) as connection:
        for table in ("consignment", "leg", "package", "tracking_event"):
            connection.execute(SQL("VACUUM (ANALYZE) {}").format(Identifier(table)))


def some_rows(url: str, number: int) -> Sequence[bytes]:
    """Stored events, as COPY gives them."""
    with psycopg.connect(driver_url(url)) as connection, connection.cursor() as cursor:
        query = SQL("COPY (SELECT * FROM tracking_event ORDER BY consignment_id DESC LIMIT {}) TO STDOUT").format(
            number
        )
        with cursor.copy(query) as copy:
            return [bytes(row) for row in copy]
