"""Readings of goods on their way: excursions are found whatever the order, told once, and stand as evidence."""

import asyncio
import random
from datetime import timedelta

import pytest

from app.core.clock import rfc3339
from app.core.errors import NotFound
from app.flows.keep_cold import keep_cold
from app.flows.record_tracking import record_tracking
from app.flows.show_claims import show_claim
from app.flows.show_cold_chain import show_cold_chain
from app.flows.show_tracking import show_tracking, tracking_shape
from app.identity.values import Scope
from app.shipments.schemas import TrackingEventRequest
from tests.factories.catalogue import JUJUBE, a_listing
from tests.factories.claims import a_claim_for, a_ready_photo, claiming
from tests.factories.identity import a_partner, a_person, a_producer, an_operator
from tests.factories.jobs import waiting, work
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import nothing_happens, rows, statements_of, value

template, ports = networked, planned
KEPT_COLD = {"storage_min_c": "0", "storage_max_c": "4"}


@pytest.fixture
async def garden(ports):
    return await a_producer(ports)


@pytest.fixture
async def buyer(ports):
    return await a_person(ports, language="en")


@pytest.fixture
async def melons(ports, garden):
    return await a_listing(ports, garden, JUJUBE, attributes=JUJUBE["attributes"] | KEPT_COLD)


@pytest.fixture
async def consignment(ports, buyer, melons):
    order = await an_order(ports, buyer, {melons: "1"})
    await work(ports)
    ports.clock.advance(timedelta(days=2))
    return order["consignments"][0] | {"order": order}


def read(ports, consignment, name, *readings, kind="observed", unit="CEL", **more):
    """An event with readings: (minutes from now, value)."""
    now = ports.clock.now() - timedelta(hours=24)
    told = [
        {"kind": "temperature", "value": value, "unit": unit, "at": rfc3339(now + timedelta(minutes=minute))}
        for minute, value in readings
    ]
    body = {
        "id": name,
        "tracking_number": consignment["tracking_number"],
        "type": kind,
        "occurred_at": rfc3339(now),
        "readings": told,
    }
    return TrackingEventRequest.model_validate(body | more)


async def tell(ports, *events, caller=None):
    teller = caller or (await an_operator(ports)).caller
    outcomes = await record_tracking(ports, teller, list(events))
    assert {outcome.status for outcome in outcomes} <= {"accepted", "duplicate"}, outcomes


async def excursions(ports):
    found = await rows(
        ports,
        "SELECT kind, ended_at - began_at AS lasted, worst, limit_value, id FROM shipment_exception ORDER BY began_at",
    )
    return [
        (row.kind, row.lasted and int(row.lasted.total_seconds() // 60), row.worst, row.limit_value) for row in found
    ]


async def messages(ports):
    return await rows(
        ports,
        "SELECT \"to\", text FROM message WHERE template IN ('shipment_exception', 'exceptions_raised') ORDER BY id",
    )


async def test_band_of_the_listing_is_frozen_with_the_order(ports, garden, consignment, melons):
    stored = await value(ports, "SELECT storage FROM consignment WHERE id = :id", id=consignment["id"])
    assert stored == {"min_c": "0", "max_c": "4"}


async def test_excursion_is_told_within_the_job_of_its_reading_and_once(ports, garden, buyer, consignment):
    await tell(ports, read(ports, consignment, "a", (0, "3"), (10, "6.5")))
    assert await waiting(ports) == [("shipment.measured", {"consignments": [consignment["id"]]})]
    await work(ports)
    assert await excursions(ports) == [("temperature_above", None, 6.5, 4)]
    told = {message.to: message.text for message in await messages(ports)}
    operator = next(iter(ports.settings.operator_phones))
    assert set(told) == {garden.person.phone, buyer.phone, operator}
    number = consignment["order"]["number"]
    assert told[buyer.phone].startswith(f"Chama: order {number}: Too warm (6.5 °C; at most 4 °C), since ")
    assert "温度过高（6.5 °C，上限 4 °C）" in told[garden.person.phone]
    assert f"/track/{consignment['tracking_number']}" in told[operator]
    await tell(ports, read(ports, consignment, "b", (20, "9")))
    await tell(ports, read(ports, consignment, "b", (20, "9")))
    await tell(ports, read(ports, consignment, "c", (50, "3")))
    await work(ports)
    assert await excursions(ports) == [("temperature_above", 40, 9, 4)]
    assert len(await messages(ports)) == 3
    await tell(ports, read(ports, consignment, "d", (90, "8")))
    await work(ports)
    assert len(await messages(ports)) == 6


async def test_job_may_run_twice_and_two_at_once(ports, consignment):
    await tell(ports, read(ports, consignment, "a", (0, "3"), (10, "6.5")))
    await asyncio.gather(*(keep_cold(ports, [consignment["id"]] * 2) for _ in range(4)))
    assert len(await excursions(ports)) == 1
    assert len(await messages(ports)) == 3
    async with nothing_happens(ports):
        await keep_cold(ports, [consignment["id"], "con_01jd0000000000000000000000"])


async def test_readings_in_any_order_end_in_the_same_excursions(ports, consignment):
    series = [
        (0, "3"),
        (10, "5"),
        (20, "7"),
        (30, "2"),
        (60, "-1"),
        (75, "3"),
        (120, "8"),
        (125, "3.5"),
        (130, "9"),
        (200, "1"),
    ]
    events = [read(ports, consignment, f"r{minute}", (minute, value)) for minute, value in series]
    chance = random.Random(7)
    for _ in range(2):
        chance.shuffle(events)
        for event in events:
            await tell(ports, event)
            await work(ports)
    assert [each[:3] for each in await excursions(ports)] == [
        ("temperature_above", 20, 7),
        ("temperature_below", 15, -1),
        ("temperature_above", 80, 9),
    ]


async def test_what_is_corrected_or_retracted_takes_its_excursion_along(ports, consignment):
    await tell(ports, read(ports, consignment, "hot", (0, "3"), (10, "30")))
    await work(ports)
    assert len(await excursions(ports)) == 1
    await tell(ports, read(ports, consignment, "right", (10, "3"), corrects="hot"))
    await work(ports)
    assert await excursions(ports) == []


async def test_reading_in_fahrenheit_counts_in_celsius(ports, consignment):
    await tell(ports, read(ports, consignment, "f", (0, "41"), unit="FAH"))
    await work(ports)
    assert await excursions(ports) == [("temperature_above", None, 5, 4)]


async def test_consignments_without_readings_cost_no_job_and_no_statement_more(ports, consignment):
    operator = (await an_operator(ports)).caller
    with statements_of(ports.database) as sent:
        await tell(ports, read(ports, consignment, "seen"), caller=operator)
    assert await waiting(ports) == []
    assert not [text for text in sent if "shipment_exception" in text and "SELECT id, order_id" not in text]


async def test_curve_and_excursions_are_shown_to_those_whom_it_concerns(ports, garden, buyer, consignment):
    await tell(ports, read(ports, consignment, "a", (0, "3"), (10, "6.5"), (40, "3.5")))
    carrier = await a_partner(ports, consignment["legs"][0]["carrier"], Scope.TRACKING_READ)
    blind = await a_partner(ports, "BLIND", Scope.TRACKING_WRITE)
    for caller in (buyer.caller, garden.caller, carrier.caller):
        shown = await show_cold_chain(ports, caller, consignment["id"], "en")
        (band,), (curve,), (one,) = shown.bands, shown.curves, shown.excursions
        assert (band.low, band.high, band.source) == ("0", "4", "listing")
        assert [point.value for point in curve.points] == ["3", "6.5", "3.5"]
        assert (one.duration_s, one.worst, one.kind_text) == (1_800, "6.5", "Too warm")
        assert (shown.outside_s, shown.measured_s, shown.livestock) == (1_800, 2_400, None)
    for stranger in (blind.caller, (await a_person(ports)).caller, (await a_partner(ports, "NOBODY")).caller):
        with pytest.raises(NotFound):
            await show_cold_chain(ports, stranger, consignment["id"], "en")


async def test_public_page_of_data_has_the_curve_and_no_person(ports, buyer, consignment):
    quiet = tracking_shape(await show_tracking(ports, consignment["tracking_number"]), "en")
    assert quiet.cold_chain is None
    many = [
        read(ports, consignment, f"e{n}", *((n * 100 + i, "20" if (n, i) == (2, 50) else "2") for i in range(100)))
        for n in range(4)
    ]
    await tell(ports, *many)
    public = tracking_shape(await show_tracking(ports, consignment["tracking_number"]), "en")
    (curve,) = public.cold_chain.curves
    assert (curve.readings, len(curve.points) <= 96) == (400, True)
    assert "20" in {point.value for point in curve.points}
    assert [(each.worst, each.duration_s) for each in public.cold_chain.excursions] == [("20", 60)]
    body = public.model_dump_json()
    assert buyer.id not in body
    assert buyer.phone not in body


async def test_claim_shows_how_the_goods_were_kept(ports, buyer, consignment):
    handed_over = rfc3339(ports.clock.now() - timedelta(hours=23))
    await tell(ports, read(ports, consignment, "a", (0, "3"), (10, "6.5"), (40, "3.5"), (90, "25")))
    await tell(ports, read(ports, consignment, "end", kind="delivered", occurred_at=handed_over))
    await work(ports)
    photos = [await a_ready_photo(ports, buyer)]
    claim = await a_claim_for(
        ports, buyer, consignment["order"], **claiming(consignment["order"], 0, 1_000, "damage", photos=photos)
    )
    shown = await show_claim(ports, buyer.caller, claim.id, "en")
    assert [(each.kind, each.duration_s, each.worst) for each in shown.cold_chain.excursions] == [
        ("temperature_above", 1_800, "6.5")
    ], "what was read after the hand-over is not the carrier's"
