"""A small network of our own (feeder, two trunks, a bypass), and consignments booked on it as orders book them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.core.ids import new_id, new_number
from app.flows.ports import Ports
from app.flows.replan_consignments import announce_disruption
from app.identity.values import Caller, Role
from app.network.capacity import audit_capacity, book_capacity, release_capacity
from app.network.schemas import DisruptionShape, NewDisruption, NewService
from app.network.seed import read_hubs
from app.network.service import create_service, install_seed
from app.network.values import Want
from app.orders.models import Order, OrderLine
from app.orders.rules import promise_for
from app.orders.service import add_order
from app.orders.values import OrderStatus
from app.routing import NO_LOAD, Query, plan
from app.shipments.onward import room_for
from app.shipments.queries import list_of_orders
from app.shipments.replan import Cause, strand
from app.shipments.service import create_consignments
from app.shipments.values import ConsignmentDraft, Journey, JourneyLeg
from tests.factories.identity import Someone, a_person
from tests.factories.shipments import CARTON
from tests.factories.tables import rows, value

HAULIER = Caller(partner_id="ptn_haulier", carrier="XILU", roles=frozenset({Role.PARTNER}))
OPERATOR = Caller(person_id="per_operator", roles=frozenset({Role.OPERATOR}))
# Every day at noon (UTC) from Hotan; on from Kuqa in the evening, by the cheap trunk or the dear one; or all the way round by Kashgar.
LINES = {
    "FEEDER": (12, ("HOTAN", 0), ("KUQA", 6)),
    "TRUNK": (0, ("KUQA", 0), ("KORLA", 4), ("URUMQI", 10)),
    "DEAR": (3, ("KUQA", 0), ("URUMQI", 9)),
    "BYPASS": (14, ("HOTAN", 0), ("KASHGAR", 8)),
    "ROUND": (4, ("KASHGAR", 0), ("URUMQI", 30)),
}
PRICES = {"FEEDER": 500, "TRUNK": 900, "DEAR": 3_000, "BYPASS": 1_500, "ROUND": 2_500}
BECAUSE = {"en": "Road closed by snow", "zh-Hans": "大雪封路"}


def a_line(name: str, **changes: object) -> NewService:
    starts_h, *stops = LINES[name]
    return NewService.model_validate(
        {
            "id": name,
            "name": {"en": name},
            "mode": "road",
            "stops": [
                {"hub": hub, "arrive_offset_s": h * 3_600, "depart_offset_s": h * 3_600, "distance_m": h * 60_000}
                for hub, h in stops
            ],
            "weekdays": [0, 1, 2, 3, 4, 5, 6],
            "departs_s": [starts_h * 3_600],
            "temperatures": ["ambient", "chilled", "live"],
            "tariff": {"currency": "CNY", "base_minor": PRICES[name]},
            "capacity": {"weight_g": 161_000, "volume_mm3": 10**12, "live_places": 10},
        }
        | changes
    )


async def a_valley(ports: Ports, **changes: dict[str, object]) -> None:
    """The lines, all of one haulier; `changes` by name of the line."""
    # Open day and night and without pens, so that the timetable alone decides what connects.
    named = {"HOTAN", "KUQA", "KORLA", "URUMQI", "KASHGAR"}
    hubs = [replace(hub, opening=(), can_rest=False) for hub in read_hubs() if hub.code in named]
    async with ports.begin() as session:
        await install_seed(session, hubs, [], ports.clock.now())
        for name in LINES:
            line = a_line(name, **changes.get(name, {}))
            await create_service(session, HAULIER, line, ports.clock.now(), "en")


async def a_journey(
    ports: Ports,
    buyer: Someone | None = None,
    *,
    origin: str = "HOTAN",
    packages: tuple = (CARTON,),
    to_door: bool = True,
    without: frozenset[str] = frozenset(),
    temperature: str = "ambient",
    county: str | None = None,
    **goods: object,
) -> Journey:
    """A placed order of one consignment to Urumqi, by the cheapest way without some services, with everything booked.

    `county` is where its goods come from, `goods` the `categories` and `species` that it knows of itself.
    """
    buyer, now = buyer or await a_person(ports, language="en"), ports.clock.now()
    ids = (new_id("ord"), new_id("prd"), buyer.id)
    drafted = replace(ConsignmentDraft(*ids, "CNY", temperature, now, now, tuple(packages), ()), origin=county, **goods)
    way = await _way(ports, drafted, origin, without)
    legs = [_leg(leg) for leg in way.legs]
    if to_door:
        came = legs[-1].arrives_at
        legs.append(
            JourneyLeg(
                "URUMQI",
                "650102",
                "courier",
                "COURIER-URUMQI",
                came,
                0,
                1,
                "COURIER",
                came,
                came + timedelta(hours=6),
                30_000,
                800,
            )
        )
    promise = promise_for(now, legs[-1].arrives_at)
    drafted = replace(drafted, legs=tuple(legs), promised_from=promise.start, promised_by=promise.end)
    async with ports.begin() as session:
        await add_order(session, _order(drafted, now), [_line(drafted)])
        (journey,) = await create_consignments(session, [drafted], now)
        room = room_for(journey)
        wants = [
            Want(
                leg.id,
                journey.id,
                leg.service_id,
                leg.run_at,
                leg.board,
                leg.alight,
                room.weight_g,
                room.volume_mm3,
                room.live_places,
                room.chilled_slots,
            )
            for leg in legs
            if leg.mode != "courier"
        ]
        await book_capacity(session, wants, now)
    return journey


async def _way(ports: Ports, drafted: ConsignmentDraft, origin: str, without: frozenset[str]):
    """Charged by the whole kilogram, as a quote is."""
    weight = -(-sum(package.weight_g for package in drafted.packages) // 1_000) * 1_000
    heads = sum(package.units for package in drafted.packages) if drafted.temperature == "live" else 0
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
    begins = int(ports.clock.now().timestamp())
    kind = {"temperature": drafted.temperature, "live_heads": heads, "excluded_services": without}
    plans = plan(timetable, Query(origin, "URUMQI", begins, weight, **kind), NO_LOAD).plans
    return min(plans, key=lambda way: way.price_minor)


def _leg(leg) -> JourneyLeg:
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
        price_minor=leg.price_minor + leg.handling_price_minor,
        co2e_g=leg.co2e_mg // 1_000 if leg.co2e_mg else None,
    )


def _order(drafted: ConsignmentDraft, now: datetime) -> Order:
    carriage = sum(leg.price_minor for leg in drafted.legs)
    return Order(
        id=drafted.order_id,
        number=new_number(now),
        buyer_id=drafted.buyer_id,
        quote_id=new_id("quo"),
        option_id=new_id("opt"),
        status=OrderStatus.PLACED,
        currency="CNY",
        goods_minor=10_000,
        carriage_minor=carriage,
        packaging_minor=0,
        subsidy_minor=0,
        duties_minor=0,
        total_minor=10_000 + carriage,
        co2e={"transport": None, "hubs": None, "packaging": None, "total": 0, "covers": [], "missing": []},
        deliver_to={"name": "Li", "phone": "+8610000000123", "country": "CN", "county": "650102", "address": "1"},
        terms={"policy": "2026-1", "fee_bps": 300},
        promised_from=drafted.promised_from,
        promised_by=drafted.promised_by,
        created_at=now,
        updated_at=now,
    )


def _line(drafted: ConsignmentDraft) -> OrderLine:
    return OrderLine(
        order_id=drafted.order_id,
        id=new_id("lin"),
        listing_id=new_id("lst"),
        producer_id=drafted.producer_id,
        consignment_id=drafted.id,
        title={"en": "Dates"},
        unit="box",
        quantity=Decimal(3),
        price_minor=3_333,
        total_minor=10_000,
    )


async def disrupt(ports: Ports, caller: Caller = HAULIER, **about: object) -> DisruptionShape:
    """Say it through the flow, with the job that follows."""
    said = {"reason": BECAUSE} | {name.rstrip("_"): value for name, value in about.items()}
    async with ports.begin() as session:
        return await announce_disruption(ports, session, caller, NewDisruption.model_validate(said))


async def a_dead_end(ports: Ports, order_id: str) -> None:
    """The consignments of an order have no way on, as a disruption elsewhere would leave them; the network stays as it is."""
    now = ports.clock.now()
    async with ports.begin() as session:
        for journey in (await list_of_orders(session, [order_id]))[order_id]:
            hub = journey.legs[0].from_hub
            await strand(session, journey, 0, (hub, now, "full"), Cause(None, BECAUSE), now)
            await release_capacity(session, [journey.id])


async def seen(ports: Ports, journey: Journey) -> Journey:
    """The journey as it stands now."""
    async with ports.database.read() as connection:
        (found,) = (await list_of_orders(connection, [journey.order_id]))[journey.order_id]
    return found


async def stored(ports: Ports, journey: Journey) -> list:
    """Every byte of its rows: consignment, packages, legs, bookings, order."""
    return await rows(
        ports,
        "SELECT c::text FROM consignment c WHERE id = :id UNION ALL SELECT l::text FROM leg l WHERE consignment_id = :id "
        "UNION ALL SELECT p::text FROM package p WHERE consignment_id = :id UNION ALL "
        "SELECT b::text FROM booking b WHERE consignment_id = :id UNION ALL "
        'SELECT o::text FROM "order" o WHERE id = :order ORDER BY 1',
        id=journey.id,
        order=journey.order_id,
    )


def ways(journey: Journey) -> list[str]:
    """The journey in short: service and start of each ride."""
    return [f"{leg.service_id} {leg.run_at:%d %H:%M}" for leg in journey.legs]


async def room_taken(ports: Ports) -> dict[str, int]:
    """Grams in use, by run and segment."""
    found = await rows(
        ports, "SELECT service_id, run_at, segment, used_weight_g FROM departure_load WHERE used_weight_g > 0"
    )
    return {f"{service} {run:%d %H:%M} {segment}": used for service, run, segment, used in found}


async def require_sums(ports: Ports) -> None:
    """What departures say is booked is what is booked."""
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == []


async def stranded_count(ports: Ports) -> int:
    return await value(ports, "SELECT count(*) FROM stranded")
