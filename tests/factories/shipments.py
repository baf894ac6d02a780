"""A consignment of jujubes from Hotan to a door in Pudong, by truck, train and courier."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.core.ids import new_id
from app.identity.values import Caller, Role
from app.packaging.values import Package
from app.routing import NO_LOAD, Query, plan
from app.shipments.values import ConsignmentDraft, JourneyLeg

BOOKED_AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
CARTON = Package(
    type="carton-m",
    name={"en": "Medium carton", "zh-Hans": "中号纸箱"},
    units=3,
    weight_g=16_100,
    length_mm=600,
    width_mm=400,
    height_mm=300,
    own_mass_g=500,
    price_minor=350,
    co2e_g=720,
    reusable=False,
)


def hours(count: float) -> datetime:
    return BOOKED_AT + timedelta(hours=count)


def a_leg(from_hub, to_hub, departs_h, arrives_h, *, mode="road", carrier="KUNLUN", km=400, co2e_g=700, **more):
    return JourneyLeg(
        from_hub=from_hub,
        to_hub=to_hub,
        mode=mode,
        service_id=f"{mode.upper()}-{from_hub}-{to_hub}",
        run_at=hours(departs_h),
        board=0,
        alight=1,
        carrier=carrier,
        departs_at=hours(departs_h),
        arrives_at=hours(arrives_h),
        distance_m=km * 1_000,
        price_minor=640,
        co2e_g=co2e_g,
        **more,
    )


def to_shanghai():
    return (
        a_leg("HOTAN", "URUMQI", 4, 31, km=1480, co2e_g=2231),
        a_leg("URUMQI", "XIAN", 44, 96, mode="rail", carrier="LONGHAI", km=2532, co2e_g=1414),
        a_leg("XIAN", "SHANGHAI", 110, 136, mode="rail", carrier="LONGHAI", km=1509, co2e_g=843),
        a_leg("SHANGHAI", "310115", 140, 148, mode="courier", carrier="COURIER", km=30, co2e_g=None),
    )


def a_draft(**more) -> ConsignmentDraft:
    drafted = ConsignmentDraft(
        order_id=new_id("ord"),
        producer_id=new_id("prd"),
        buyer_id=new_id("per"),
        currency="CNY",
        temperature="ambient",
        promised_from=hours(148),
        promised_by=hours(162),
        packages=(CARTON, CARTON),
        legs=to_shanghai(),
    )
    return replace(drafted, **more)


def a_carrier(carrier="KUNLUN", **more) -> Caller:
    return Caller(partner_id=new_id("ptn"), carrier=carrier, roles=frozenset({Role.PARTNER}), **more)


def an_operator() -> Caller:
    return Caller(person_id=new_id("per"), roles=frozenset({Role.BUYER, Role.OPERATOR}))


async def cheapest_legs(ports, origin, destination, weight_g=32_200):
    """The legs of the cheapest way on the real network, as they would be booked, and a courier at their end."""
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
    asked = Query(origin, destination, int(hours(4).timestamp()), weight_g, excluded_services=ports.timetable.crossing)
    cheapest = min(plan(timetable, asked, NO_LOAD).plans, key=lambda found: found.price_minor)
    legs = [_booked(leg) for leg in cheapest.legs]
    door = a_leg(destination, "310115", 0, 1, mode="courier", carrier="COURIER", km=30, co2e_g=260)
    came = legs[-1].arrives_at
    return (*legs, replace(door, run_at=came, departs_at=came, arrives_at=came + timedelta(hours=6)))


def _booked(leg) -> JourneyLeg:
    return JourneyLeg(
        from_hub=leg.from_place,
        to_hub=leg.to_place,
        mode=leg.mode,
        service_id=leg.service,
        run_at=datetime.fromtimestamp(leg.departure_at, UTC),
        board=leg.board_stop,
        alight=leg.alight_stop,
        carrier=leg.carrier,
        departs_at=datetime.fromtimestamp(leg.departs_at, UTC),
        arrives_at=datetime.fromtimestamp(leg.arrives_at, UTC),
        distance_m=leg.distance_m,
        price_minor=leg.price_minor,
        co2e_g=leg.co2e_mg // 1_000 if leg.co2e_mg else None,
    )
