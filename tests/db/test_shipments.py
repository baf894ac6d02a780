"""Consignments in PostgreSQL: written whole in a fixed number of statements, found, listed, cancelled."""

import secrets
from dataclasses import replace

import pytest
from psycopg import IntegrityError
from sqlalchemy import text

from app.core.errors import Invalid, NotFound
from app.core.ids import new_id
from app.identity.values import Caller, Grant
from app.shipments.queries import find_tracked, get_journey_for, list_of_orders, list_to_hand_in
from app.shipments.rules import read_tracking_number
from app.shipments.service import cancel_consignments, create_consignments
from app.shipments.values import ConsignmentStatus
from tests.factories.shipments import BOOKED_AT, CARTON, a_draft, a_leg, an_operator, hours
from tests.factories.tables import statements_of


async def written(database, *drafts):
    async with database.begin() as session:
        return await create_consignments(session, drafts, BOOKED_AT)


async def test_consignment_is_read_as_it_was_written(database):
    (made,) = await written(database, a_draft())
    async with database.read() as connection:
        tracked = await find_tracked(connection, made.tracking_number)
        journey, events = tracked.journey, tracked.events
    assert journey == made
    assert events == []
    assert read_tracking_number(made.tracking_number) == made.tracking_number
    assert (journey.status, journey.hand_in_by, journey.estimated_at) == (
        ConsignmentStatus.BOOKED,
        hours(4),
        hours(148),
    )


async def test_two_statements_write_any_number_of_consignments(database):
    counts = []
    for drafts in ([a_draft()], [a_draft(packages=(CARTON,) * 40) for _ in range(10)]):
        with statements_of(database) as sent:
            await written(database, *drafts)
        counts.append(len(sent))
    assert counts == [2, 2]


async def test_tracking_number_that_is_taken_is_drawn_again(database, monkeypatch):
    (first,) = await written(database, a_draft())
    taken = int(first.tracking_number[2:14])
    drawn = iter([taken, taken + 1, taken + 2])
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(drawn))
    drafts = [a_draft(), a_draft()]
    made = await written(database, *drafts)
    assert [journey.id for journey in made] == [draft.id for draft in drafts]
    assert len({first.tracking_number, *(journey.tracking_number for journey in made)}) == 3


async def test_goods_fetched_at_the_hub_where_they_are_need_no_leg(database):
    (made,) = await written(database, a_draft(legs=()))
    assert (made.hand_in_by, made.estimated_at) == (made.promised_from, made.promised_from)


async def test_consignments_of_orders_come_by_order(database):
    order = new_id("ord")
    one, two, other = await written(database, a_draft(order_id=order), a_draft(order_id=order), a_draft())
    async with database.read() as connection:
        found = await list_of_orders(connection, [order, other.order_id, "ord_none"])
    assert {journey.id for journey in found[order]} == {one.id, two.id}
    assert [journey.id for journey in found[other.order_id]] == [other.id]
    assert found["ord_none"] == []


async def test_hand_in_list_is_paged_by_time_without_the_cancelled(database):
    producer = new_id("prd")
    drafts = [
        a_draft(producer_id=producer, legs=(a_leg("HOTAN", "URUMQI", departs_h, 40),)) for departs_h in (9, 4, 4, 30, 7)
    ]
    made = await written(database, *drafts, a_draft())
    async with database.begin() as session:
        assert await cancel_consignments(session, [made[4].order_id], BOOKED_AT) == [made[4].id]
    seen, cursor = [], None
    async with database.read() as connection:
        while True:
            page = await list_to_hand_in(connection, [producer], ConsignmentStatus.BOOKED, cursor=cursor, limit=1)
            seen += [journey.id for journey in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        moving = await list_to_hand_in(connection, [producer], ConsignmentStatus.IN_TRANSIT, cursor=None, limit=9)
        nobody = await list_to_hand_in(connection, [], None, cursor=None, limit=9)
        with pytest.raises(Invalid):
            await list_to_hand_in(connection, [producer], None, cursor="bm9uc2Vuc2U", limit=9)
    assert seen == [*sorted([made[1].id, made[2].id]), made[0].id, made[3].id]
    assert moving.items == nobody.items == []


async def test_only_what_was_not_handed_in_can_be_cancelled_and_only_once(database):
    (waiting,), (moving,) = await written(database, a_draft()), await written(database, a_draft())
    orders = [waiting.order_id, moving.order_id]
    async with database.begin() as session:
        await session.execute(text("UPDATE consignment SET status = 'picked_up' WHERE id = :id"), {"id": moving.id})
        assert await cancel_consignments(session, orders, BOOKED_AT) == [waiting.id]
        assert await cancel_consignments(session, orders, BOOKED_AT) == []
    async with database.read() as connection:
        journey = (await find_tracked(connection, waiting.tracking_number)).journey
    assert (journey.status_text("en"), journey.status_text("zh-Hans")) == ("Booked, then cancelled", "已预订，后取消")


async def test_consignment_is_shown_to_its_people_alone(database):
    (made,) = await written(database, a_draft())
    buyer = Caller(person_id=made.buyer_id)
    member = Caller(person_id=new_id("per"), grants={made.producer_id: frozenset({Grant.SEE})})
    strangers = [Caller(person_id=new_id("per")), Caller(partner_id=new_id("ptn"), carrier="KUNLUN")]
    async with database.read() as connection:
        for caller in (buyer, member, an_operator()):
            assert (await get_journey_for(connection, caller, made.id)).id == made.id
        for caller in strangers:
            with pytest.raises(NotFound):
                await get_journey_for(connection, caller, made.id)
        with pytest.raises(NotFound):
            await get_journey_for(connection, buyer, new_id("con"))


@pytest.mark.parametrize(
    "broken",
    [
        a_draft(promised_from=hours(2), promised_by=hours(1)),
        a_draft(legs=(a_leg("HOTAN", "URUMQI", 4, 4),)),
        a_draft(legs=(replace(a_leg("HOTAN", "URUMQI", 4, 5), price_minor=-1),)),
        a_draft(packages=(replace(CARTON, units=0),)),
    ],
)
async def test_database_itself_refuses_what_cannot_be(database, broken):
    with pytest.raises(IntegrityError):
        await written(database, broken)
