"""What a disruption does to goods: who is hit goes another way from where it is, and nobody else notices."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.flows.audit_bookings import audit_bookings
from app.flows.find_routes import find_routes
from app.flows.follow_shipment import cash_by_carrier
from app.flows.record_tracking import record_tracking
from app.flows.replan_consignments import replan_consignments, retry_stranded
from app.flows.show_tracking import show_ground, show_tracking, tracking_shape
from app.network.errors import RouteUnavailable
from app.network.route_schemas import RouteRequest
from app.network.service import create_service
from app.orders.service import get_order, list_lines
from app.packaging.values import Package
from app.shipments.schemas import TrackingEventRequest
from app.shipments.stranded import page_of_stranded
from app.shipments.values import LegStatus
from app.web.view import tracking_page
from app.web.words import moment
from tests.conftest import NOW
from tests.factories.identity import a_person, a_producer, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.journeys import (
    BECAUSE,
    HAULIER,
    OPERATOR,
    a_journey,
    a_line,
    a_valley,
    disrupt,
    require_sums,
    room_taken,
    seen,
    stored,
    stranded_count,
    ways,
)
from tests.factories.shipments import CARTON
from tests.factories.tables import changed, contents, rows, value

TONIGHT = NOW.replace(day=3, hour=0)  # when the cheap trunk leaves Kuqa
FEEDER = NOW.replace(hour=12)
DAY = timedelta(days=1)
AS_PLANNED = ["FEEDER 02 12:00", "TRUNK 03 00:00", "COURIER-URUMQI 03 10:00"]
BY_THE_DEAR_ONE = ["FEEDER 02 12:00", "DEAR 03 03:00", "COURIER-URUMQI 03 12:00"]


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)


async def told(ports, journey, *events):
    """Events of type, hub and hours from now, as an operator tells them; the clock goes along."""
    operator = await an_operator(ports)
    said = [
        TrackingEventRequest.model_validate(
            {
                "id": f"{kind}-{at}",
                "tracking_number": journey.tracking_number,
                "type": kind,
                "occurred_at": NOW + timedelta(hours=at),
            }
            | ({"hub": hub} if hub else {})
        )
        for kind, hub, at in events
    ]
    ports.clock.at = max(ports.clock.now(), *(event.occurred_at for event in said))
    outcomes = await record_tracking(ports, operator.caller, said)
    assert {outcome.status for outcome in outcomes} == {"accepted"}
    await work(ports)


async def messages(ports, template):
    return [
        row.text for row in await rows(ports, "SELECT text FROM message WHERE template = :t ORDER BY id", t=template)
    ]


async def test_what_is_not_hit_is_not_touched(ports, valley):
    hit, other = await a_journey(ports), await a_journey(ports, origin="KASHGAR")
    before = await stored(ports, other)
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    assert ways(await seen(ports, hit)) == BY_THE_DEAR_ONE
    assert await stored(ports, other) == before
    # A closure far from everybody changes nothing at all.
    everything = await contents(ports)
    await disrupt(ports, service="DEAR", from_=NOW + 20 * DAY, until=NOW + 21 * DAY)
    await work(ports)
    assert await changed(ports, everything) == {
        'public."disruption"': 1,
        'public."timetable_version"': 0,
        "jobs.procrastinate_jobs": 2,
    }


async def test_cancelled_departure_is_gone_round_within_the_promise(ports, valley):
    journey = await a_journey(ports)
    assert ways(journey) == AS_PLANNED
    feeder = "SELECT b::text FROM booking b WHERE service_id = 'FEEDER'"
    kept = await rows(ports, feeder)
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    now = await seen(ports, journey)
    assert ways(now) == BY_THE_DEAR_ONE
    assert (now.promised_by, now.plan_version, now.replan_reason) == (journey.promised_by, 2, BECAUSE)
    assert now.estimated_at == TONIGHT + timedelta(hours=18)
    assert now.legs[-1].id == journey.legs[-1].id
    # The booking of the leg that stays is the same one; exactly the other one's room is free again.
    assert await rows(ports, feeder) == kept
    assert await room_taken(ports) == {"FEEDER 02 12:00 0": 16_100, "DEAR 03 03:00 0": 16_100}
    await require_sums(ports)


async def test_the_buyer_pays_what_was_agreed_and_the_platform_bears_the_rest(ports, valley):
    journey = await a_journey(ports)
    before = await value(ports, 'SELECT total_minor FROM "order"')
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    now = await seen(ports, journey)
    assert now.extra_carriage_minor == sum(leg.price_minor for leg in now.legs) - sum(
        leg.price_minor for leg in journey.legs
    )
    assert now.extra_carriage_minor == 2_100
    assert await value(ports, 'SELECT total_minor FROM "order"') == before
    async with ports.begin() as session:
        order = await get_order(session, journey.order_id, None)
        assert cash_by_carrier(order, await list_lines(session, order.id), [now]) == {"COURIER": before}


async def test_the_buyer_hears_the_promise_and_the_reason_and_tracking_shows_them(ports, valley):
    buyer = await a_person(ports, language="zh-Hans")
    journey = await a_journey(ports, buyer)
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    ran = await work(ports)
    assert "shipment.replanned" in ran
    (message,) = await messages(ports, "shipment_replanned")
    assert "大雪封路" in message
    assert "2026-03-04 06:00" in message  # the promise, in Beijing's time
    assert journey.tracking_number in message
    shown = await show_tracking(ports, journey.tracking_number)
    tracking = tracking_shape(shown, "en")
    assert [leg.from_ for leg in tracking.legs] == ["HOTAN", "KUQA", "URUMQI"]
    assert tracking.replan_reason_text == "Road closed by snow"
    assert tracking.estimated_at == TONIGHT + timedelta(hours=18)
    page = tracking_page(shown, await show_ground(ports), "zh-Hans")
    assert page.change == "运输路线或时间有调整：大雪封路"
    assert tracking.promised_by_at_first == journey.promised_by
    # Another run of the same way is no other way.
    assert (page.before, page.now) == ("", "")


async def test_tracking_shows_the_way_and_the_promise_before_and_now(ports, valley):
    journey = await a_journey(ports)
    await disrupt(ports, OPERATOR, hub="KUQA", from_=NOW, until=NOW + 2 * DAY)
    await work(ports)
    shown = await show_tracking(ports, journey.tracking_number)
    assert journey.promised_by < shown.journey.promised_by
    assert tracking_shape(shown, "en").promised_by_at_first == journey.promised_by
    page = tracking_page(shown, await show_ground(ports), "en")
    assert page.before == f"promised by {moment(journey.promised_by, 'en')} · Hotan – Kuqa – Urumqi"
    assert page.now == f"promised by {moment(shown.journey.promised_by, 'en')} · Hotan – Kashgar – Urumqi"
    # Changed once more, it is told by what was promised at first.
    await disrupt(ports, kind="cancel", service="ROUND", run_at=TONIGHT + timedelta(hours=4))
    await work(ports)
    again = await show_tracking(ports, journey.tracking_number)
    assert again.version != shown.version
    assert tracking_shape(again, "en").promised_by_at_first == journey.promised_by


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-Hans", ["发运时间有变（大雪封路）", "请于 2026-03-02 22:00 前将货物送至和田。"]),
        ("en", ["leaves at another time (Road closed by snow)", "Have the goods at Hotan by 2026-03-02 22:00."]),
    ],
)
async def test_the_producer_hears_where_and_when_to_hand_in_now_and_why(ports, valley, language, words):
    seller = await a_producer(ports)
    journey = await a_journey(ports)
    async with ports.begin() as session:
        about = {"producer": seller.producer.id, "person": seller.person.id, "id": journey.id, "language": language}
        await session.execute(text("UPDATE consignment SET producer_id = :producer WHERE id = :id"), about)
        await session.execute(text("UPDATE person SET language = :language WHERE id = :person"), about)
    await disrupt(ports, OPERATOR, hub="KUQA", from_=NOW, until=NOW + 2 * DAY)
    await work(ports)
    (message,) = await messages(ports, "hand_in_moved")
    for each in words:
        assert each in message


async def test_former_legs_are_kept_with_the_reason(ports, valley):
    journey = await a_journey(ports)
    made = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    (kept,) = await rows(ports, "SELECT * FROM replan")
    assert (kept.version, kept.disruption_id, kept.reason, kept.hub) == (2, made.id, BECAUSE, "HOTAN")
    assert [leg["id"] for leg in kept.former_legs] == [leg.id for leg in journey.legs]
    assert (kept.promised_by_before, kept.promised_by) == (journey.promised_by, journey.promised_by)


async def test_delay_that_breaks_nothing_only_moves_times(ports, valley):
    journey = await a_journey(ports)
    await disrupt(ports, kind="delay", service="FEEDER", run_at=FEEDER, delay_s=3_600)
    ran = await work(ports)
    now = await seen(ports, journey)
    assert ways(now) == ["FEEDER 02 13:00", *AS_PLANNED[1:]]
    assert [leg.id for leg in now.legs] == [leg.id for leg in journey.legs]
    assert now.legs[0].arrives_at == journey.legs[0].arrives_at + timedelta(hours=1)
    assert now.legs[1:] == journey.legs[1:]
    assert (now.promised_by, now.estimated_at, now.extra_carriage_minor) == (
        journey.promised_by,
        journey.estimated_at,
        0,
    )
    assert await room_taken(ports) == {
        "FEEDER 02 13:00 0": 16_100,
        "TRUNK 03 00:00 0": 16_100,
        "TRUNK 03 00:00 1": 16_100,
    }
    assert await value(ports, "SELECT count(*) FROM booking") == 2
    # It leaves later, so that it may be handed in later: that is news for the producer.
    assert now.hand_in_by == journey.hand_in_by + timedelta(hours=1)
    assert ran.count("shipment.replanned") == 1
    await require_sums(ports)


async def test_delayed_feeder_breaks_the_connection_and_the_rest_goes_another_way(ports, valley):
    journey = await a_journey(ports)
    await disrupt(ports, kind="delay", service="FEEDER", run_at=FEEDER, delay_s=4 * 3_600)
    await work(ports)
    now = await seen(ports, journey)
    assert ways(now) == ["FEEDER 02 16:00", *BY_THE_DEAR_ONE[1:]]
    assert now.legs[0].id == journey.legs[0].id
    assert await room_taken(ports) == {"FEEDER 02 16:00 0": 16_100, "DEAR 03 03:00 0": 16_100}
    await require_sums(ports)


async def test_leg_under_way_is_frozen_and_the_rest_begins_where_it_ends(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("received", "HOTAN", 2), ("departed", "HOTAN", 10.5))
    leg = "SELECT l::text FROM leg l WHERE seq = 0"
    frozen = await rows(ports, leg)
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    now = await seen(ports, journey)
    assert ways(now) == BY_THE_DEAR_ONE
    assert await rows(ports, leg) == frozen
    (kept,) = await rows(ports, "SELECT hub, ready_at FROM replan")
    # It left half an hour late, so it arrives half an hour late.
    assert (kept.hub, kept.ready_at) == ("KUQA", FEEDER + timedelta(hours=6.5))
    # Its own leg's run being closed afterwards changes nothing: it is on the road.
    before = await stored(ports, journey)
    await disrupt(ports, service="FEEDER", from_=FEEDER - DAY, until=FEEDER + DAY)
    await work(ports)
    assert await stored(ports, journey) == before
    await require_sums(ports)


async def test_goods_at_a_hub_wait_there_for_the_next_way_with_a_new_promise(ports, valley):
    journey = await a_journey(ports)
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 16))
    for name, run_at in (("TRUNK", TONIGHT), ("DEAR", TONIGHT + timedelta(hours=3))):
        await disrupt(ports, kind="cancel", service=name, run_at=run_at)
    await work(ports)
    now = await seen(ports, journey)
    assert ways(now) == ["FEEDER 02 12:00", "TRUNK 04 00:00", "COURIER-URUMQI 04 10:00"]
    assert now.legs[0] == (await seen(ports, journey)).legs[0]
    assert now.legs[0].status is LegStatus.DONE
    arrives = TONIGHT + DAY + timedelta(hours=16)
    assert (now.promised_from, now.promised_by > journey.promised_by) == (arrives, True)
    (order,) = await rows(ports, 'SELECT promised_by, total_minor FROM "order"')
    assert order.promised_by == now.promised_by
    assert len(await messages(ports, "shipment_replanned")) >= 1


async def test_closed_hub_and_closed_border_post_are_gone_round(ports, valley):
    journey = await a_journey(ports)
    await disrupt(ports, OPERATOR, hub="KUQA", from_=NOW, until=NOW + 2 * DAY)
    await work(ports)
    now = await seen(ports, journey)
    assert ways(now) == ["BYPASS 02 14:00", "ROUND 03 04:00", "COURIER-URUMQI 04 10:00"]
    assert now.hand_in_by == FEEDER + timedelta(hours=2)
    await require_sums(ports)


async def test_closed_link_stops_only_who_rides_between_its_ends(ports, valley):
    trunk, dear = await a_journey(ports), await a_journey(ports, without=frozenset({"TRUNK"}))
    assert (ways(trunk), ways(dear)) == (AS_PLANNED, BY_THE_DEAR_ONE)
    before = await stored(ports, dear)
    # Both directions of a link; the direct line does not call at Korla.
    await disrupt(ports, OPERATOR, hub="KORLA", to_hub="KUQA", from_=TONIGHT, until=TONIGHT + timedelta(hours=1))
    await work(ports)
    assert ways(await seen(ports, trunk)) == BY_THE_DEAR_ONE
    assert await stored(ports, dear) == before
    await require_sums(ports)


async def test_last_booked_gives_way_first_when_a_run_carries_less(ports, valley):
    three = [await a_journey(ports, packages=(CARTON,) * 3) for _ in range(3)]
    first, second, third = three
    untouched = [await stored(ports, each) for each in (first, second)]
    made = await disrupt(ports, kind="capacity", service="TRUNK", run_at=TONIGHT, capacity={"weight_g": 100_000})
    await work(ports)
    assert ways(await seen(ports, third)) == BY_THE_DEAR_ONE
    assert [await stored(ports, each) for each in (first, second)] == untouched
    assert await rows(
        ports,
        "SELECT DISTINCT used_weight_g, capacity_weight_g FROM departure_load WHERE service_id = 'TRUNK' AND run_at = :at",
        at=TONIGHT,
    ) == [(96_600, 100_000)]
    await disrupt(ports, kind="capacity", service="TRUNK", run_at=TONIGHT, capacity={"weight_g": 50_000})
    await work(ports)
    assert [ways(await seen(ports, each)) for each in three] == [AS_PLANNED, BY_THE_DEAR_ONE, BY_THE_DEAR_ONE]
    before = await contents(ports)
    await replan_consignments(ports, made.id)
    assert await changed(ports, before) == {}
    await require_sums(ports)


async def test_smaller_runs_of_a_period_take_no_more_new_orders(ports, valley):
    await disrupt(
        ports, kind="capacity", service="TRUNK", from_=NOW, until=NOW + 3 * DAY, capacity={"weight_g": 20_000}
    )
    await work(ports)
    big, small = await a_journey_as_planned(ports, (CARTON, CARTON)), await a_journey_as_planned(ports, (CARTON,))
    assert big != AS_PLANNED
    assert small == AS_PLANNED


async def a_journey_as_planned(ports, packages):
    """The services of the cheapest way that the network of now has for these packages, with what is booked."""
    asked = {
        "from": "HOTAN",
        "to": "URUMQI",
        "weight_g": sum(package.weight_g for package in packages),
        "volume_mm3": 1,
    }
    found = await find_routes(ports, RouteRequest.model_validate(asked))
    cheapest = min(found.options, key=lambda option: option.price.amount)
    legs = [f"{leg.service} {leg.departs_at:%d %H:%M}" for leg in cheapest.legs]
    return [*legs, f"COURIER-URUMQI {cheapest.arrives_at:%d %H:%M}"]


async def test_departure_that_fills_meanwhile_is_left_out_and_planned_again(ports):
    await a_valley(ports, DEAR={"capacity": {"weight_g": 33_000, "volume_mm3": 10**12, "live_places": 10}})
    five = [await a_journey(ports) for _ in range(5)]
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    # Exactly the room that there is; the others the next best. Four are written at once, so who of them is first is open.
    found = sorted([ways(await seen(ports, each))[1] for each in five])
    assert found == ["DEAR 03 03:00"] * 2 + ["TRUNK 04 00:00"] * 3
    await require_sums(ports)


async def test_again_is_the_same(ports, valley):
    for _ in range(3):
        await a_journey(ports)
    made = await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    before = await contents(ports)
    await replan_consignments(ports, made.id)
    assert await changed(ports, before) == {}


async def test_booking_made_while_the_run_was_closing_is_found_by_the_second_look(ports, valley):
    journey = await a_journey(ports)
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    # The first look came before this booking was committed.
    async with ports.begin() as session:
        await session.execute(text("DELETE FROM procrastinate_jobs WHERE scheduled_at IS NULL"))
    assert [name for name, _ in await waiting(ports)] == ["network.disrupted"]
    assert await work(ports) == []
    ports.clock.advance(timedelta(minutes=2))
    await work(ports)
    assert ways(await seen(ports, journey)) == BY_THE_DEAR_ONE


async def test_audit_names_who_waits_for_a_run_that_does_not_run(ports, valley):
    journey = await a_journey(ports)

    async def audit():
        async with ports.database.read() as connection:
            return await audit_bookings(connection, ports.clock.now())

    assert await audit() == ([], [])
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    mismatches, lost = await audit()
    assert (mismatches, [(held.service_id, held.consignment_id) for held in lost]) == ([], [("TRUNK", journey.id)])
    await work(ports)
    assert await audit() == ([], [])


async def test_batches_follow_each_other_until_everybody_has_a_way(ports, valley, monkeypatch):
    monkeypatch.setattr("app.flows.replan_consignments.AFFECTED_READ_MAX", 2)
    five = [await a_journey(ports) for _ in range(5)]
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    ran = await work(ports)
    assert ran.count("network.disrupted") == 3
    assert {ways(await seen(ports, each))[1] for each in five} == {"DEAR 03 03:00"}
    await require_sums(ports)


async def test_animals_keep_the_hours_that_they_have_spent(ports, valley):
    sheep = Package(
        "animal", {"en": "Sheep"}, 1, 45_000, 1_000, 500, 900, own_mass_g=0, price_minor=0, co2e_g=None, reusable=False
    )
    journey = await a_journey(ports, packages=(sheep, sheep), temperature="live", to_door=False)
    assert ways(journey) == AS_PLANNED[:2]
    await told(ports, journey, ("departed", "HOTAN", 10))
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    # Noon to noon is within 29 hours; the day after is not.
    assert ways(await seen(ports, journey)) == BY_THE_DEAR_ONE[:2]
    await disrupt(ports, kind="cancel", service="DEAR", run_at=TONIGHT + timedelta(hours=3))
    await work(ports)
    (row,) = await rows(ports, "SELECT reason, hub FROM stranded")
    assert (row.reason, row.hub) == ("journey_limit", "KUQA")
    assert await room_taken(ports) == {"FEEDER 02 12:00 0": 90_000}
    await require_sums(ports)


async def test_what_has_no_way_is_listed_tried_again_and_found(ports, valley):
    journey = await a_journey(ports)
    operator = await an_operator(ports)
    for name in ("TRUNK", "DEAR", "ROUND"):
        await disrupt(ports, service=name, from_=NOW, until=NOW + 60 * DAY)
    await work(ports)
    async with ports.database.read() as connection:
        (listed,) = (await page_of_stranded(connection, None, 10)).items
    assert (listed.consignment_id, listed.hub, listed.destination, listed.reason) == (
        journey.id,
        "HOTAN",
        "URUMQI",
        "cut_off",
    )
    assert await room_taken(ports) == {}
    shown = await show_tracking(ports, journey.tracking_number)
    assert shown.estimated_at is None
    assert tracking_page(shown, await show_ground(ports), "en").change.startswith(
        "It cannot go on for now: Road closed"
    )
    with pytest.raises(RouteUnavailable):
        await retry_stranded(ports, operator.caller, journey.id)
    async with ports.begin() as session:
        again = a_line("TRUNK", id="DETOUR")
        await create_service(session, HAULIER, again, ports.clock.now(), "en")
    found = await retry_stranded(ports, operator.caller, journey.id)
    assert ways(found) == ["FEEDER 02 12:00", "DETOUR 03 00:00", "COURIER-URUMQI 03 10:00"]
    assert (found.stranded_at, await stranded_count(ports)) == (None, 0)
    await require_sums(ports)


async def test_extra_run_takes_those_that_had_no_way(ports, valley):
    journey = await a_journey(ports)
    for name in ("DEAR", "ROUND"):
        await disrupt(ports, service=name, from_=NOW, until=NOW + 60 * DAY)
    await disrupt(ports, service="TRUNK", from_=NOW, until=NOW + 30 * DAY)
    await work(ports)
    assert await stranded_count(ports) == 1
    async with ports.begin() as session:
        await create_service(
            session, HAULIER, a_line("TRUNK", id="SPARE", weekdays=[0], valid_until="2026-03-02"), NOW, "en"
        )
    await disrupt(ports, kind="extra", service="SPARE", run_at=TONIGHT + timedelta(hours=1))
    await work(ports)
    assert ways(await seen(ports, journey))[1] == "SPARE 03 01:00"
    assert await stranded_count(ports) == 0


async def test_what_has_ended_or_is_out_of_our_hands_is_left_alone(ports, valley):
    cancelled, lost, at_the_door = [await a_journey(ports) for _ in range(3)]
    await told(ports, lost, ("departed", "HOTAN", 1), ("lost", None, 2))
    await told(ports, at_the_door, ("out_for_delivery", "URUMQI", 3))
    async with ports.begin() as session:
        await session.execute(
            text("UPDATE consignment SET cancelled_at = :now WHERE id = :id"), {"now": NOW, "id": cancelled.id}
        )
    before = [await stored(ports, each) for each in (cancelled, lost, at_the_door)]
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    assert [await stored(ports, each) for each in (cancelled, lost, at_the_door)] == before
    assert await stranded_count(ports) == 0


async def test_goods_that_left_their_way_are_planned_from_where_they_were_seen(ports, valley):
    astray, unknown = await a_journey(ports), await a_journey(ports)
    await told(ports, astray, ("received", "KASHGAR", 3))
    await told(ports, unknown, ("departed", "KASHGAR", 4))
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)
    assert ways(await seen(ports, astray))[0].startswith("ROUND")
    (row,) = await rows(ports, "SELECT consignment_id, reason FROM stranded")
    assert row == (unknown.id, "whereabouts_unknown")
    await require_sums(ports)
