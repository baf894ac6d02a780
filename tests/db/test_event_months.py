"""The table of events: only ever added to, spread by months of consignments, and never without room."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.ids import encode, uuid7
from app.core.schema_version import alembic_config
from app.flows.keep_events import make_months
from app.shipments.months import first_id, following, make_month, months_ahead, name_of
from app.shipments.service import create_consignments
from tests.factories.network import networked
from tests.factories.shipments import BOOKED_AT, a_draft
from tests.factories.tables import value

template = networked
MAY = datetime(2031, 5, 1, tzinfo=UTC)


def id_made_at(at: datetime, noise: bytes = b"\x80" * 10) -> str:
    return encode("con", uuid7(int(at.timestamp() * 1000), noise))


async def an_event(ports, consignment: str, event: str = "e1", **more) -> None:
    columns = {
        "fingerprint": "",
        "type": "arrived",
        "occurred_at": BOOKED_AT,
        "recorded_at": BOOKED_AT,
        "readings": "[]",
    }
    columns |= {
        "consignment_id": consignment,
        "id": f"evt_{event}{len(more)}",
        "party": "ptn",
        "party_event_id": event,
    } | more
    async with ports.begin() as session:
        names, places = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        await session.execute(text(f"INSERT INTO tracking_event ({names}) VALUES ({places})"), columns)


async def a_consignment(ports, made_at: datetime) -> str:
    async with ports.begin() as session:
        (journey,) = await create_consignments(session, [a_draft()], BOOKED_AT)
        made = id_made_at(made_at)
        await session.execute(
            text(
                "INSERT INTO consignment SELECT (jsonb_populate_record(c, jsonb_build_object('id', CAST(:id AS text), "
                "'tracking_number', right(:id, 20)))).* FROM consignment AS c WHERE c.id = :like"
            ),
            {"id": made, "like": journey.id},
        )
    return made


async def where(ports, consignment: str) -> str:
    return await value(
        ports, "SELECT DISTINCT tableoid::regclass::text FROM tracking_event WHERE consignment_id = :id", id=consignment
    )


@given(st.datetimes(datetime(2020, 1, 1), datetime(2099, 1, 1)), st.binary(min_size=10, max_size=10))  # noqa: DTZ001
def test_consignments_of_a_month_lie_between_its_bounds(at, noise):
    at = at.replace(tzinfo=UTC)
    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert first_id(month) <= id_made_at(at, noise) < first_id(following(month))


def test_month_of_now_and_three_more_are_made_ahead():
    found = [name_of(month)[-8:] for month in months_ahead(datetime(2030, 11, 30, 23, tzinfo=UTC))]
    assert found == ["y2030m11", "y2030m12", "y2031m01", "y2031m02"]


async def test_events_of_a_month_that_nobody_made_are_kept_and_move_when_it_is_made(ports):
    early, late = await a_consignment(ports, MAY + timedelta(days=3)), await a_consignment(ports, following(MAY))
    for consignment in (early, late):
        await an_event(ports, consignment)
        assert await where(ports, consignment) == "tracking_event_rest"
    async with ports.begin() as session:
        assert await make_month(session, MAY)
    assert await where(ports, early) == name_of(MAY)
    assert await where(ports, late) == "tracking_event_rest"
    async with ports.begin() as session:
        assert not await make_month(session, MAY)


async def test_nightly_job_makes_the_months_to_come_and_is_harmless_twice(ports, clock):
    clock.at = MAY
    await make_months(ports)
    await make_months(ports)
    new = await a_consignment(ports, following(following(MAY)))
    await an_event(ports, new)
    assert await where(ports, new) == "tracking_event_y2031m07"


@pytest.mark.parametrize("attempt", ["UPDATE {} SET note = 'x'", "DELETE FROM {}", "TRUNCATE tracking_event"])
async def test_database_refuses_all_but_adding(ports, attempt):
    await an_event(ports, await a_consignment(ports, MAY))
    async with ports.begin() as session:
        await make_month(session, MAY)
    for table in ("tracking_event", name_of(MAY)):
        with pytest.raises(IntegrityError, match="append-only"):
            async with ports.begin() as session:
                await session.execute(text(attempt.format(table)))
    assert await value(ports, "SELECT count(*) FROM tracking_event") == 1


async def test_one_declaration_of_an_event_is_kept_once(ports):
    consignment = await a_consignment(ports, MAY)
    await an_event(ports, consignment)
    await an_event(ports, consignment, declared_at=BOOKED_AT)
    for again in ({}, {"declared_at": BOOKED_AT}):
        with pytest.raises(IntegrityError, match="tracking_event"):
            await an_event(ports, consignment, **again, note="again")
    assert await value(ports, "SELECT count(*) FROM tracking_event") == 2


def test_events_from_before_are_carried_over_and_what_the_former_table_holds_goes_back(database_url):
    config = alembic_config(database_url)
    command.downgrade(config, "0025-1")
    may, old = id_made_at(datetime(2025, 5, 3, tzinfo=UTC)), "con_of_no_month"
    event = (
        "INSERT INTO tracking_event (consignment_id, id, party, party_event_id, fingerprint, type, occurred_at, recorded_at, "
        "readings{more}) VALUES (%s, %s, 'ptn', %s, 'f', %s, '2025-05-04Z', '2025-05-05Z', '[]'{values})"
    )
    with psycopg.connect(database_url) as connection:
        for consignment in (may, old):
            connection.execute(
                "INSERT INTO consignment (id, order_id, producer_id, buyer_id, tracking_number, currency, temperature, hand_in_by, "
                "promised_from, promised_by, created_at, status, damaged, plan_version, extra_carriage_minor) "
                "VALUES (%s, 'o', 'p', 'b', right(%s, 20), 'CNY', 'ambient', now(), now(), now(), '2025-05-03Z', 'booked', false, 1, 0)",
                (consignment, consignment),
            )
            connection.execute(event.format(more="", values=""), (consignment, "evt_1", "1", "arrived"))
    command.upgrade(config, "0025")
    with psycopg.connect(database_url) as connection:
        told = (
            "SELECT tableoid::regclass::text, consignment_id, party_event_id, door, type FROM tracking_event ORDER BY 1"
        )
        assert connection.execute(told).fetchall() == [
            ("tracking_event_rest", old, "1", "native", "arrived"),
            ("tracking_event_y2025m05", may, "1", "native", "arrived"),
        ]
        later = event.format(more=", declared_at, retracted", values=", '2025-06-01Z', %s")
        connection.execute(later, (may, "evt_2", "1", "departed", False))
        connection.execute(later, (old, "evt_2", "1", "arrived", True))
        connection.execute(event.format(more="", values=""), (old, "evt_3", "3", "observed"))
    command.downgrade(config, "0025-1")
    with psycopg.connect(database_url) as connection:
        left = connection.execute("SELECT consignment_id, id, party_event_id, type FROM tracking_event").fetchall()
    assert left == [(may, "evt_2", "1", "departed")]
    command.upgrade(config, "head")
