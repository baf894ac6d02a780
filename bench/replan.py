"""A closed pass: how long until everybody whom it hits has another way, booked and told. `python -m bench replan`."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import text

from app.core.clock import FixedClock, rfc3339
from app.core.ids import new_id, new_number
from app.core.settings import Settings
from app.flows.ports import Ports, open_ports
from app.flows.record_tracking import record_tracking
from app.flows.replan_consignments import announce_disruption
from app.identity.sign_in import open_sign_in
from app.identity.values import Caller, Role
from app.network.capacity import audit_capacity, book_capacity
from app.network.runs import link_closures
from app.network.schemas import NewDisruption
from app.network.values import Want
from app.orders.models import Order, OrderLine
from app.orders.rules import promise_for
from app.orders.service import add_order
from app.orders.values import OrderStatus
from app.packaging.values import Package
from app.routing import NO_LOAD, Leg, NoPlan, Plan, Query, Timetable, plan
from app.shipments.onward import room_for
from app.shipments.schemas import TrackingEventRequest
from app.shipments.service import create_consignments
from app.shipments.values import ConsignmentDraft, Journey, JourneyLeg
from app.worker import HANDLERS
from bench.report import Row, at_most, say

HIT: Final = 1_000
BYSTANDERS: Final = 200
BAR_S: Final = 30.0
BEGIN: Final = datetime(2026, 6, 1, 2, tzinfo=UTC)
CLOSES: Final = BEGIN + timedelta(days=2)
# The Lanxin railway over the border of Xinjiang and Gansu.
PASS: Final = ("HAMI", "JIAYUGUAN")
CLOSED_FOR: Final = timedelta(days=6)
WEST: Final = ("HOTAN", "KASHGAR", "AKSU", "KORLA", "TURPAN", "HAMI", "YINING")
EAST: Final = ("SHANGHAI", "BEIJING", "GUANGZHOU", "CHENGDU", "XIAN", "WUHAN")
KILOGRAMS: Final = (12, 45)
DAYS: Final = (0, 1, 3)
BUYERS: Final = 20
PER_TRANSACTION: Final = 50
COURIER_H: Final = 8
EVENTS_TOGETHER: Final = 200
OPERATOR: Final = Caller(person_id="per_operator", roles=frozenset({Role.OPERATOR}))


@dataclass(frozen=True, slots=True)
class Kind:
    """Consignments that go the same way: what they weigh, when they are ready, and how they were planned."""

    weight_g: int
    ready_at: datetime
    way: Plan


def measure(url: str) -> list[Row]:
    """On a database with the network: place the orders, let the first goods leave, close the pass, and wait."""
    return asyncio.run(_measure(url))


async def _measure(url: str) -> list[Row]:
    settings = Settings(database_url=url, secret="only for benchmarks")
    async with open_ports(settings) as opened:
        clock = FixedClock(BEGIN)
        ports = replace(opened, clock=clock)
        hit, missed = await _kinds(ports)
        say(f"  {len(hit)} kinds of consignments go over the pass while it is closed, {len(missed)} do not")
        buyers = await _buyers(ports)
        chosen = [*itertools.islice(itertools.cycle(hit), HIT), *itertools.islice(itertools.cycle(missed), BYSTANDERS)]
        random.Random(5).shuffle(chosen)
        journeys = [journey for some in _batches(chosen) for journey in await _place(ports, some, buyers)]
        clock.at = CLOSES
        await _depart(ports, journeys)
        await _work(ports, [])
        before = await _bytes(ports)
        taken, processor, told, ran = await _close(ports)
        await _require_right(ports, before)
        return await _figures(ports, taken, processor, told, ran)


async def _kinds(ports: Ports) -> tuple[list[Kind], list[Kind]]:
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
    hit: list[Kind] = []
    missed: list[Kind] = []
    for origin, end, day, kg in itertools.product(WEST, EAST, DAYS, KILOGRAMS):
        ready = BEGIN + timedelta(days=day)
        query = Query(
            origin,
            end,
            int(ready.timestamp()),
            kg * 1_000,
            excluded_services=ports.timetable.crossing,
            window_s=5 * 86_400,
            epsilon_bps=200,
        )
        found = await asyncio.to_thread(plan, timetable, query, NO_LOAD)
        assert not isinstance(found, NoPlan), (origin, end)
        kind = Kind(kg * 1_000, ready, min(found.plans, key=lambda way: way.price_minor))
        (hit if any(_is_hit(timetable, leg) for leg in kind.way.legs) else missed).append(kind)
    return hit, missed


def _is_hit(timetable: Timetable, leg: Leg) -> bool:
    """Whether the leg is yet to begin when the pass closes, and its run would ride over it."""
    stops = timetable.services[timetable.service_numbers[leg.service]].stops
    since, until = int(CLOSES.timestamp()), int((CLOSES + CLOSED_FOR).timestamp())
    closures = link_closures(stops, PASS, since, until)
    return leg.departs_at > since and any(first <= leg.departure_at < last for first, last in closures)


async def _buyers(ports: Ports) -> list[str]:
    async with ports.begin() as session:
        return [
            (await open_sign_in(session, f"+8610000002{n:03}", language="zh-Hans", now=ports.clock.now())).person_id
            for n in range(BUYERS)
        ]


def _batches(kinds: Sequence[Kind]) -> Iterator[Sequence[Kind]]:
    for first in range(0, len(kinds), PER_TRANSACTION):
        yield kinds[first : first + PER_TRANSACTION]


async def _place(ports: Ports, kinds: Sequence[Kind], buyers: Sequence[str]) -> list[Journey]:
    """Orders with everything booked, as `place_order` leaves them, some in each transaction."""
    now = ports.clock.now()
    drafts = [_draft(kind, buyer) for kind, buyer in zip(kinds, itertools.cycle(buyers), strict=False)]
    async with ports.begin() as session:
        for draft in drafts:
            await add_order(session, _order(draft, now), [_line(draft)])
        journeys = await create_consignments(session, drafts, now)
        await book_capacity(session, [want for journey in journeys for want in _wants(journey)], now)
    return journeys


def _draft(kind: Kind, buyer: str) -> ConsignmentDraft:
    legs = [_leg(leg) for leg in kind.way.legs]
    last = legs[-1]
    legs.append(
        replace(
            last,
            id=new_id("leg"),
            from_hub=last.to_hub,
            to_hub="310115",
            mode="courier",
            service_id=f"COURIER-{last.to_hub}",
            carrier="COURIER",
            run_at=last.arrives_at,
            departs_at=last.arrives_at,
            arrives_at=last.arrives_at + timedelta(hours=COURIER_H),
        )
    )
    promise = promise_for(kind.ready_at, legs[-1].arrives_at)
    package = Package(
        "carton-m", {"zh-Hans": "中号纸箱"}, 1, kind.weight_g, 600, 400, 300, 500, 350, 720, reusable=False
    )
    return ConsignmentDraft(
        order_id=new_id("ord"),
        producer_id=new_id("prd"),
        buyer_id=buyer,
        currency="CNY",
        temperature="ambient",
        promised_from=promise.start,
        promised_by=promise.end,
        packages=(package,),
        legs=tuple(legs),
    )


def _leg(leg: Leg) -> JourneyLeg:
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


def _order(draft: ConsignmentDraft, now: datetime) -> Order:
    carriage = sum(leg.price_minor for leg in draft.legs)
    return Order(
        id=draft.order_id,
        number=new_number(now),
        buyer_id=draft.buyer_id,
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
        co2e={},
        deliver_to={},
        terms={"policy": "2026-1", "fee_bps": 300},
        promised_from=draft.promised_from,
        promised_by=draft.promised_by,
        created_at=now,
        updated_at=now,
    )


def _line(draft: ConsignmentDraft) -> OrderLine:
    return OrderLine(
        order_id=draft.order_id,
        id=new_id("lin"),
        listing_id=new_id("lst"),
        producer_id=draft.producer_id,
        consignment_id=draft.id,
        title={"zh-Hans": "大枣"},
        unit="box",
        quantity=Decimal(1),
        price_minor=10_000,
        total_minor=10_000,
    )


def _wants(journey: Journey) -> list[Want]:
    room = room_for(journey)
    return [
        Want(
            leg_id=leg.id,
            consignment_id=journey.id,
            service_id=leg.service_id,
            run_at=leg.run_at,
            board=leg.board,
            alight=leg.alight,
            weight_g=room.weight_g,
            volume_mm3=room.volume_mm3,
        )
        for leg in journey.legs
        if leg.mode != "courier"
    ]


async def _depart(ports: Ports, journeys: Sequence[Journey]) -> None:
    """Everything that the timetable says has happened by now has."""
    told = [event for journey in journeys for event in _story(journey)]
    for first in range(0, len(told), EVENTS_TOGETHER):
        await record_tracking(ports, OPERATOR, told[first : first + EVENTS_TOGETHER])
    begun = len({event.tracking_number for event in told})
    say(f"  {begun} of {len(journeys)} consignments are on their way when it closes")


def _story(journey: Journey) -> Iterator[TrackingEventRequest]:
    for leg in journey.legs:
        for kind, hub, at in (("departed", leg.from_hub, leg.departs_at), ("arrived", leg.to_hub, leg.arrives_at)):
            if at <= CLOSES and leg.mode != "courier":
                said = {"id": f"{kind}-{hub}", "type": kind, "hub": hub, "occurred_at": rfc3339(at)}
                yield TrackingEventRequest.model_validate(said | {"tracking_number": journey.tracking_number})


async def _close(ports: Ports) -> tuple[float, float, float, Counter[str]]:
    """Seconds until all have another way, of them on the processor in this process, seconds until all are told, and what ran."""
    closed = {
        "hub": PASS[0],
        "to_hub": PASS[1],
        "from": CLOSES,
        "until": CLOSES + CLOSED_FOR,
        "reason": {"zh-Hans": "大雪封山"},
    }
    ran: list[str] = []
    begin, processor = time.perf_counter(), time.process_time()
    async with ports.begin() as session:
        await announce_disruption(ports, session, OPERATOR, NewDisruption.model_validate(closed))
    await _work(ports, ran, only="network.disrupted")
    planned, processor = time.perf_counter() - begin, time.process_time() - processor
    await _work(ports, ran)
    return planned, processor, time.perf_counter() - begin, Counter(ran)


async def _work(ports: Ports, ran: list[str], only: str = "%") -> None:
    """Run the jobs that are due, as the worker does, one after the other."""
    take = text(
        "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name LIKE :only AND task_name <> 'message.send' "
        "AND (scheduled_at IS NULL OR scheduled_at <= :now) RETURNING id, task_name, args"
    )
    while True:
        async with ports.begin() as session:
            due = (await session.execute(take, {"only": only, "now": ports.clock.now()})).all()
        if not due:
            return
        for job in sorted(due):
            await HANDLERS[job.task_name](ports, **job.args)
            ran.append(job.task_name)


_ROWS: Final = text(
    "SELECT c.id, md5(string_agg(x.row, '' ORDER BY x.row)) FROM consignment c JOIN ("
    "SELECT id, c::text AS row FROM consignment c UNION ALL SELECT consignment_id, l::text FROM leg l "
    "UNION ALL SELECT consignment_id, b::text FROM booking b) AS x ON x.id = c.id GROUP BY c.id"
)


async def _bytes(ports: Ports) -> dict[str, str]:
    async with ports.database.read() as connection:
        return {row[0]: row[1] for row in await connection.execute(_ROWS)}


async def _require_right(ports: Ports, before: dict[str, str]) -> None:
    """A figure counts only when the work was done: sums right, nobody else touched, nobody left on the pass."""
    after = await _bytes(ports)
    changed = sum(after[each] != digest for each, digest in before.items())
    async with ports.database.read() as connection:
        assert await audit_capacity(connection) == [], "the sums are wrong"
    assert changed == HIT, f"{changed} consignments changed, {HIT} were hit"


async def _figures(ports: Ports, taken: float, processor: float, told: float, ran: Counter[str]) -> list[Row]:
    asked = text(
        "SELECT count(*) FILTER (WHERE plan_version > 1), count(*) FILTER (WHERE stranded_at IS NOT NULL), "
        "(SELECT count(*) FROM replan WHERE promised_by > promised_by_before), "
        "(SELECT coalesce(sum(extra_carriage_minor), 0) FROM replan), (SELECT count(*) FROM message) FROM consignment"
    )
    async with ports.database.read() as connection:
        moved, stranded, later, extra, messages = (await connection.execute(asked)).one()
    return [
        at_most(f"a closed pass: {HIT:,} consignments planned anew and booked", taken, BAR_S, "s"),
        Row("  of them on the processor, PostgreSQL's own left out", f"{processor:.2f} s"),
        Row("  another way found / none / promised later", f"{moved:,} / {stranded:,} / {later:,}"),
        Row("  borne by the platform", f"{extra / 100:,.2f} CNY"),
        Row("  with everybody told", f"{told:.2f} s, {messages:,} messages queued, {sum(ran.values())} jobs"),
    ]
