"""Partners tell what happened: against PostgreSQL, in every order, twice, at once."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.core.clock import rfc3339
from app.core.limits import TRACKING_EVENTS_PER_CONSIGNMENT_MAX
from app.flows.record_tracking import record_tracking
from app.flows.show_tracking import show_tracking
from app.shipments.rules import tracking_number
from app.shipments.schemas import TrackingEventRequest
from app.shipments.service import create_consignments
from app.shipments.values import ConsignmentStatus, LegStatus
from tests.factories.network import networked
from tests.factories.shipments import BOOKED_AT, a_carrier, a_draft, an_operator, hours, to_shanghai
from tests.factories.tables import statements_of

template = networked


@pytest.fixture
async def on_the_way(ports, clock):
    """A booked consignment on the real hubs; the clock stands after all that it will go through."""
    clock.at = hours(200)
    return (await booked(ports))[0]


async def booked(ports, *drafts):
    async with ports.begin() as session:
        return await create_consignments(session, drafts or [a_draft()], BOOKED_AT)


def told(journey, kind, at_h, hub=None, **more):
    body = {
        "id": more.pop("id", f"{kind}-{at_h}"),
        "tracking_number": getattr(journey, "tracking_number", journey),
        "type": kind,
        "occurred_at": rfc3339(hours(at_h)),
        "hub": hub,
    }
    return TrackingEventRequest.model_validate(body | more)


def whole_journey(journey):
    return [
        told(journey, "picked_up", 1),
        told(journey, "departed", 4, "HOTAN"),
        told(journey, "arrived", 32, "URUMQI"),
        told(journey, "departed", 44, "URUMQI"),
        told(journey, "arrived", 97, "XIAN"),
        told(journey, "departed", 110, "XIAN"),
        told(journey, "arrived", 135, "SHANGHAI"),
        told(journey, "out_for_delivery", 140, "SHANGHAI"),
        told(journey, "delivered", 146),
    ]


async def words(ports, caller, *events):
    outcomes = await record_tracking(ports, caller, events)
    return [outcome.problem.slug if outcome.problem else outcome.status for outcome in outcomes]


async def now_of(ports, journey):
    return (await show_tracking(ports, journey.tracking_number)).journey


async def jobs_of(ports):
    async with ports.database.read() as connection:
        rows = await connection.execute(text("SELECT task_name, args FROM procrastinate_jobs ORDER BY id"))
        return [(name, args) for name, args in rows]


async def test_whole_journey_in_one_batch_delivers_and_tells_the_worker(ports, on_the_way):
    assert await words(ports, an_operator(), *whole_journey(on_the_way)) == ["accepted"] * 9
    journey = await now_of(ports, on_the_way)
    assert journey.status is ConsignmentStatus.DELIVERED
    assert journey.ended_at == hours(146)
    assert journey.estimated_at is None
    assert [leg.status for leg in journey.legs] == [LegStatus.DONE] * 4
    assert journey.legs[0].departed_at == hours(4)
    assert await jobs_of(ports) == [("shipment.delivered", {"order": on_the_way.order_id})]


async def test_same_batch_again_changes_nothing_and_tells_nobody(ports, on_the_way):
    operator = an_operator()
    await words(ports, operator, *whole_journey(on_the_way))
    before = await show_tracking(ports, on_the_way.tracking_number)
    assert await words(ports, operator, *whole_journey(on_the_way)) == ["duplicate"] * 9
    assert await show_tracking(ports, on_the_way.tracking_number) == before
    assert len(await jobs_of(ports)) == 1


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(9)), cuts=st.lists(st.integers(0, 9), max_size=3))
async def test_any_order_and_any_cut_into_batches_ends_in_the_same_state(ports, on_the_way, order, cuts):
    (journey,) = await booked(ports)
    story, operator = whole_journey(journey), an_operator()
    shuffled = [story[i] for i in order]
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 9], strict=True):
        await words(ports, operator, *shuffled[start:end])
    after = await now_of(ports, journey)
    assert after.status is ConsignmentStatus.DELIVERED
    assert [(leg.departed_at, leg.arrived_at) for leg in after.legs] == [
        (hours(4), hours(32)),
        (hours(44), hours(97)),
        (hours(110), hours(135)),
        (hours(140), hours(146)),
    ]


async def test_each_bad_event_is_refused_by_itself(ports, on_the_way):
    mistyped = on_the_way.tracking_number[:-1] + str((int(on_the_way.tracking_number[-1]) + 1) % 10)
    carrier = a_carrier()
    assert await words(
        ports,
        carrier,
        told(mistyped, "departed", 4, "HOTAN", id="1"),
        told(tracking_number("000000000001"), "departed", 4, "HOTAN", id="2"),
        told(on_the_way, "departed", 4, "ATLANTIS", id="3"),
        told(on_the_way, "departed", 201, "HOTAN", id="4"),
        told(on_the_way, "departed", 4, "HOTAN", id="5"),
        told(on_the_way, "departed", 4, "HOTAN", id="5"),
        told(on_the_way, "departed", 5, "HOTAN", id="5"),
    ) == [
        "tracking-number-mistyped",
        "not-found",
        "invalid-request",
        "event-in-future",
        "accepted",
        "duplicate",
        "event-conflict",
    ]
    assert await words(ports, carrier, told(on_the_way, "departed", 5, "HOTAN", id="5")) == ["event-conflict"]
    assert (await now_of(ports, on_the_way)).legs[0].departed_at == hours(4)


async def test_partner_tells_only_of_consignments_that_its_carrier_carries(ports, on_the_way):
    stranger, last_mile = a_carrier("NOBODY"), a_carrier("COURIER")
    assert await words(ports, stranger, told(on_the_way, "lost", 4)) == ["not-found"]
    assert await words(ports, last_mile, told(on_the_way, "delivered", 146)) == ["accepted"]


async def test_ids_of_two_parties_never_meet(ports, on_the_way):
    event = told(on_the_way, "departed", 4, "HOTAN", id="1")
    other = told(on_the_way, "arrived", 97, "XIAN", id="1")
    assert await words(ports, a_carrier("KUNLUN"), event) == ["accepted"]
    assert await words(ports, a_carrier("LONGHAI"), other) == ["accepted"]


async def test_same_event_written_differently_is_a_duplicate(ports, on_the_way):
    carrier = a_carrier()
    spaced = f"{on_the_way.tracking_number[:6]} {on_the_way.tracking_number[6:]}".lower()
    in_beijing = (hours(4) + timedelta(hours=8)).replace(tzinfo=None).isoformat() + "+08:00"
    assert await words(ports, carrier, told(on_the_way, "departed", 4, id="1")) == ["accepted"]
    assert await words(ports, carrier, told(spaced, "departed", 4, id="1", occurred_at=in_beijing)) == ["duplicate"]


async def test_correction_supersedes_and_the_timeline_forgets_what_it_corrected(ports, on_the_way):
    carrier = a_carrier()
    await words(ports, carrier, told(on_the_way, "delivered", 20, id="oops"))
    assert (await now_of(ports, on_the_way)).status is ConsignmentStatus.DELIVERED
    await words(ports, carrier, told(on_the_way, "arrived", 30, "URUMQI", id="right", corrects="oops"))
    shown = await show_tracking(ports, on_the_way.tracking_number)
    assert shown.journey.status is ConsignmentStatus.AT_HUB
    assert [event.party_event_id for event in shown.events] == ["right"]
    # The correction may have taken readings away.
    follows = ["shipment.delivered", "shipment.advanced", "shipment.measured"]
    assert [name for name, _ in await jobs_of(ports)] == follows


async def test_estimate_may_be_told_with_one_time_or_with_two(ports, on_the_way, clock):
    clock.at = hours(5)
    carrier = a_carrier()
    assert await words(ports, carrier, told(on_the_way, "estimated", 170, id="1")) == ["accepted"]
    assert (await now_of(ports, on_the_way)).estimated_at == hours(170)
    two = told(on_the_way, "estimated", 5.1, "URUMQI", id="2", estimated_at=rfc3339(hours(50)))
    assert await words(ports, carrier, two) == ["accepted"]
    assert (await now_of(ports, on_the_way)).estimated_at == hours(154)
    far = told(on_the_way, "estimated", 5, id="3", estimated_at=rfc3339(hours(24 * 130)))
    assert await words(ports, carrier, far) == ["invalid-request"]


async def test_full_consignment_takes_no_more_events(ports, on_the_way):
    carrier = a_carrier()
    async with ports.begin() as session:
        await session.execute(
            text(
                "INSERT INTO tracking_event (consignment_id, id, party, party_event_id, fingerprint, type, occurred_at, recorded_at, readings) "
                "SELECT :id, 'evt_' || n, 'ptn', n, '', 'arrived', :at, :at, '[]' FROM generate_series(1, :most) AS n"
            ),
            {"id": on_the_way.id, "at": hours(1), "most": TRACKING_EVENTS_PER_CONSIGNMENT_MAX - 1},
        )
    two = [told(on_the_way, "departed", 4, "HOTAN"), told(on_the_way, "departed", 44, "URUMQI")]
    assert await words(ports, carrier, *two) == ["accepted", "event-limit-reached"]


async def test_number_of_statements_does_not_depend_on_the_batch(ports, on_the_way):
    journeys = await booked(ports, *(a_draft() for _ in range(30)))
    operator, counts = an_operator(), []
    for batch in ([told(on_the_way, "departed", 4, "HOTAN")], [e for j in journeys for e in whole_journey(j)[:5]]):
        with statements_of(ports.database) as sent:
            await words(ports, operator, *batch)
        counts.append(len(sent))
    # Known hubs, lock, legs, events; add, move, move the legs; jobs.
    assert counts == [8, 8]


async def test_batches_that_meet_from_both_ends_do_not_deadlock(ports, on_the_way):
    journeys = await booked(ports, *(a_draft() for _ in range(12)))
    operators = [an_operator() for _ in range(6)]

    async def tell(operator, batch):
        return await words(ports, operator, *(told(journey, "departed", 4, "HOTAN") for journey in batch))

    batches = [journeys if i % 2 else journeys[::-1] for i in range(6)]
    answers = await asyncio.gather(*(tell(o, batch) for o, batch in zip(operators, batches, strict=True)))
    assert answers == [["accepted"] * 12] * 6


async def test_events_told_at_once_by_many_are_all_in_the_state(ports, on_the_way):
    story = whole_journey(on_the_way)
    operators = [an_operator() for _ in story]
    await asyncio.gather(*(words(ports, o, event) for o, event in zip(operators, story, strict=True)))
    journey = await now_of(ports, on_the_way)
    assert journey.status is ConsignmentStatus.DELIVERED
    assert all(leg.departed_at and leg.arrived_at for leg in journey.legs)


async def test_same_event_told_twice_at_once_is_kept_once(ports, on_the_way):
    carrier, event = a_carrier(), told(on_the_way, "departed", 4, "HOTAN")
    answers = await asyncio.gather(*(words(ports, carrier, event) for _ in range(5)))
    assert sorted(word for (word,) in answers) == ["accepted", *["duplicate"] * 4]


async def test_plan_and_prices_stay_as_they_were_booked(ports, on_the_way):
    await words(ports, an_operator(), *whole_journey(on_the_way))
    journey = await now_of(ports, on_the_way)
    assert [(leg.departs_at, leg.arrives_at, leg.price_minor) for leg in journey.legs] == [
        (leg.departs_at, leg.arrives_at, leg.price_minor) for leg in to_shanghai()
    ]
