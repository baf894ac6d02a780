"""Goods follow their pallet while they are in it, through the door of EPCIS, in whatever order it was all told."""

import json
from itertools import count, permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.clock import rfc3339
from app.epcis.errors import EventExists
from app.flows.capture_epcis import capture_event
from app.flows.follow_units import follow_units
from app.flows.query_epcis import find_events, understood, viewer_of
from app.flows.show_tracking import show_tracking
from app.shipments.errors import EventInFuture
from app.shipments.service import create_consignments
from app.shipments.values import ConsignmentStatus
from tests.factories.network import networked
from tests.factories.shipments import BOOKED_AT, a_carrier, a_draft, an_operator, hours
from tests.factories.tables import rows, statements_of, value
from tests.unit.epcis.telling import told

template = networked
SEEDS = {"PALLET": 20, "OTHER": 21, "CONTAINER": 22, "RIDE": 23, "BOX0": 30, "BOX1": 31}


def urn(name):
    return f"urn:epc:id:sscc:952000.1{SEEDS[name]:010d}"


def digits(name, run=0):
    body = f"1952000{run:04d}{SEEDS[name]:06d}"
    odd = sum(int(each) for each in body[::2]) * 3 + sum(int(each) for each in body[1::2])
    return f"{body}{-odd % 10}"


def of_run(event, run):
    """The same, told of units that no other run knows."""
    return json.loads(json.dumps(event).replace("urn:epc:id:sscc:952000.10000", f"urn:epc:id:sscc:952000.1{run:04d}"))


def packing(action, parent, *children, at, event_id=None, **more):
    """An AggregationEvent by which these are put in, or taken out; without children, all of them."""
    return told(
        type="AggregationEvent",
        eventID=event_id or f"urn:test:{action}:{parent}:{at}",
        eventTime=rfc3339(hours(at)),
        action=action,
        parentID=urn(parent),
        childEPCs=[urn(child) for child in children] or None,
        **{"epcList": None, "bizStep": "packing", "disposition": None, "readPoint": None} | more,
    )


def scan(name, step, at, hub, **more):
    return told(
        eventID=f"urn:test:{name}:{step}:{at}",
        eventTime=rfc3339(hours(at)),
        epcList=[urn(name)],
        bizStep=step,
        disposition=None,
        readPoint={"id": f"https://chama.example/v1/hubs/{hub}"},
        **more,
    )


def declared(event, at):
    return event | {"errorDeclaration": {"declarationTime": rfc3339(hours(at)), "reason": "did_not_occur"}}


async def labelled(ports, run=0):
    """Consignments of which each has a package with a number: BOX0, BOX1."""
    async with ports.begin() as session:
        journeys = await create_consignments(session, [a_draft(), a_draft()], BOOKED_AT)
        for number, journey in enumerate(journeys):
            await session.execute(
                text(
                    "UPDATE package SET sscc = :sscc WHERE id = (SELECT min(id) FROM package WHERE consignment_id = :id)"
                ),
                {"sscc": digits(f"BOX{number}", run), "id": journey.id},
            )
    return journeys


@pytest.fixture
async def boxes(ports, clock):
    clock.at = hours(200)
    return await labelled(ports)


async def tell(ports, caller, *events):
    """Each by itself, as the worker follows it."""
    for event in events:
        await capture_event(ports, caller, event)
        await settle(ports)


async def settle(ports):
    async with ports.begin() as session:
        jobs = (
            await session.execute(
                text("DELETE FROM procrastinate_jobs WHERE task_name = 'units.follow' RETURNING args")
            )
        ).all()
    for (args,) in jobs:
        await follow_units(ports, **args)


async def standing(ports, journey):
    """What counts of what was told of these goods, by the ids of the events."""
    found = await rows(
        ports,
        "SELECT DISTINCT ON (party, party_event_id) party_event_id, coalesce(retracted, false) AS gone FROM tracking_event "
        "WHERE consignment_id = :id ORDER BY party, party_event_id, declared_at DESC NULLS LAST",
        id=journey.id,
    )
    return {row.party_event_id for row in found if not row.gone}


async def state_of(ports, journey):
    now = (await show_tracking(ports, journey.tracking_number)).journey
    return now.status, now.hub


DEPARTED = scan("PALLET", "departing", 4, "HOTAN")
ARRIVED = scan("PALLET", "arriving", 32, "URUMQI")
PUT_IN = packing("ADD", "PALLET", "BOX0", "BOX1", at=2)
TAKEN = packing("DELETE", "PALLET", "BOX1", at=10)


@pytest.mark.parametrize("order", list(permutations([PUT_IN, TAKEN, DEPARTED, ARRIVED])), ids=lambda _: "")
async def test_child_follows_its_pallet_only_while_inside_whatever_came_first(ports, boxes, order):
    stays, leaves = boxes
    await tell(ports, an_operator(), *order)
    assert await standing(ports, stays) == {PUT_IN["eventID"], DEPARTED["eventID"], ARRIVED["eventID"]}
    assert await standing(ports, leaves) == {PUT_IN["eventID"], DEPARTED["eventID"], TAKEN["eventID"]}
    assert await state_of(ports, stays) == (ConsignmentStatus.AT_HUB, "URUMQI")
    assert (await state_of(ports, leaves))[0] is ConsignmentStatus.IN_TRANSIT


EVENTS = (
    PUT_IN,
    TAKEN,
    DEPARTED,
    ARRIVED,
    packing("ADD", "CONTAINER", "PALLET", at=33),
    packing("ADD", "OTHER", "BOX1", at=12),
    scan("CONTAINER", "departing", 44, "URUMQI"),
    packing("DELETE", "CONTAINER", at=96),
    scan("CONTAINER", "arriving", 97, "XIAN"),
    scan("OTHER", "arriving", 34, "URUMQI"),
    declared(TAKEN, 50),
)


RUNS = count(1)


@given(order=st.permutations(range(len(EVENTS))), again=st.sets(st.integers(0, len(EVENTS) - 1)))
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_order_and_any_repetition_end_the_same(ports, clock, order, again):
    clock.at = hours(200)
    run = next(RUNS)
    pair, operator = await labelled(ports, run), an_operator()
    events = [of_run(event, run) for event in EVENTS]
    await tell(ports, operator, *(events[index] for index in order))
    for index in again:
        with pytest.raises(EventExists):
            await capture_event(ports, operator, events[index])
    await settle(ports)
    loaded, emptied = EVENTS[4]["eventID"], EVENTS[7]["eventID"]
    first, second = [await standing(ports, each) for each in pair]
    assert first == {
        PUT_IN["eventID"],
        DEPARTED["eventID"],
        ARRIVED["eventID"],
        loaded,
        EVENTS[6]["eventID"],
        emptied,
    }
    # The unpacking did not occur, but being put into another one is leaving the first.
    assert second == {PUT_IN["eventID"], DEPARTED["eventID"], EVENTS[5]["eventID"], EVENTS[9]["eventID"]}


async def test_each_event_is_told_once_to_each(ports, boxes):
    await tell(ports, an_operator(), DEPARTED, PUT_IN)
    for _ in range(2):
        await follow_units(ports, [digits("PALLET"), digits("BOX0"), digits("BOX1")])
    told_of = "SELECT count(*) FROM tracking_event WHERE party_event_id = :id"
    assert await value(ports, told_of, id=DEPARTED["eventID"]) == 2


async def test_event_comes_back_once_and_equal(ports, boxes):
    operator = an_operator()
    one_by_one = [packing("ADD", "PALLET", f"BOX{n}", at=2, event_id=f"urn:test:in:{n}") for n in (0, 1)]
    await tell(ports, operator, DEPARTED, *one_by_one)
    found = await find_events(ports, viewer_of(operator), understood({"EQ_bizStep": ["departing"]}), per_page=10)
    assert [{name: value for name, value in event.items() if name != "recordTime"} for event, _ in found.events] == [
        DEPARTED
    ]


async def test_who_carries_none_of_it_says_neither_what_it_lies_in_nor_what_became_of_it(ports, boxes):
    stranger, carrier = a_carrier("NOBODY"), a_carrier()
    inside = packing("ADD", "PALLET", "CONTAINER", at=1)
    await tell(ports, stranger, inside, scan("CONTAINER", "departing", 5, "HOTAN"))
    await tell(ports, carrier, packing("ADD", "CONTAINER", "BOX0", at=2))
    assert len(await standing(ports, boxes[0])) == 1
    # Emptied by a stranger: the carrier's own word stands.
    await tell(ports, stranger, packing("DELETE", "CONTAINER", at=3))
    await tell(ports, carrier, scan("CONTAINER", "departing", 4, "HOTAN"))
    assert len(await standing(ports, boxes[0])) == 2


async def test_goods_ride_in_the_unit_of_their_leg_until_they_are_taken_out(ports, boxes):
    operator = an_operator()
    async with ports.begin() as session:
        for journey in boxes:
            await session.execute(
                text("UPDATE leg SET sscc = :sscc WHERE consignment_id = :id AND seq = 1"),
                {"sscc": digits("RIDE"), "id": journey.id},
            )
    departed, arrived = scan("RIDE", "departing", 4, "HOTAN"), scan("CONTAINER", "arriving", 32, "URUMQI")
    loaded, gone = packing("ADD", "CONTAINER", "RIDE", at=5), packing("DELETE", "RIDE", "BOX1", at=20)
    # The second package of that consignment has no label: it is taken out by the number of all.
    all_of_it = f"urn:epc:id:ginc:9520000.{boxes[1].tracking_number}"
    await tell(ports, operator, arrived, departed, loaded, gone | {"childEPCs": [all_of_it]})
    assert await standing(ports, boxes[0]) == {departed["eventID"], loaded["eventID"], arrived["eventID"]}
    assert await standing(ports, boxes[1]) == {departed["eventID"], loaded["eventID"], gone["eventID"]}


async def test_taken_back_by_its_teller_it_is_taken_back_everywhere(ports, boxes):
    operator = an_operator()
    await tell(ports, operator, PUT_IN, DEPARTED, declared(DEPARTED, 60))
    assert await standing(ports, boxes[0]) == {PUT_IN["eventID"]}
    assert (await state_of(ports, boxes[0]))[0] is ConsignmentStatus.BOOKED


async def test_nesting_that_was_declared_wrong_takes_its_events_along(ports, boxes):
    operator = an_operator()
    await tell(ports, operator, PUT_IN, DEPARTED, declared(PUT_IN, 60))
    assert await standing(ports, boxes[0]) == set()


async def test_event_of_an_unknown_unit_that_lies_ahead_is_refused(ports, boxes):
    with pytest.raises(EventInFuture):
        await capture_event(ports, an_operator(), scan("PALLET", "departing", 300, "HOTAN"))


async def test_event_that_names_no_unit_costs_no_statement_more(ports, boxes):
    number = boxes[0].tracking_number
    event = scan("PALLET", "departing", 4, "HOTAN") | {"epcList": [f"urn:epc:id:ginc:9520000.{number}"]}
    with statements_of(ports.database) as sent:
        await capture_event(ports, an_operator(), event)
    assert not [each for each in sent if "unit_event" in each and "UNION" not in each]


@pytest.mark.parametrize("attempt", ["UPDATE unit_event SET names = '{}'", "DELETE FROM unit_event"])
async def test_database_refuses_all_but_adding(ports, boxes, attempt):
    await tell(ports, an_operator(), DEPARTED)
    with pytest.raises(IntegrityError, match="append-only"):
        async with ports.begin() as session:
            await session.execute(text(attempt))
