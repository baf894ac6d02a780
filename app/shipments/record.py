"""What is told of consignments: which events count as new, and what the consignments become with them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from app.core.database import Session, Sql, as_rows, inserting, together
from app.core.errors import NotFound, Problem
from app.core.ids import new_id
from app.core.jobs import Job
from app.core.limits import TRACKING_EVENTS_PER_CONSIGNMENT_MAX
from app.notify.announce import announce
from app.shipments.errors import EventConflict, EventLimitReached, TrackingNumberMistyped
from app.shipments.missed import may_miss
from app.shipments.queries import CONSIGNMENT
from app.shipments.rules import news_of, recompute
from app.shipments.telling import told_of
from app.shipments.told import ToldEvent, fault_of, fault_of_lines
from app.shipments.values import Condition, ConsignmentStatus, EventType, LegState, LegStatus, Scan, State

# What a row that was locked in between says is read anew with the lock; legs and events are read after it, so that they
# are what the last holder left. A plan is kept from when the month's partition was empty, where reading the whole of it cost
# nothing: for the rest of this transaction, everything is looked up.
_LOCK: Final = Sql(
    "SELECT id, order_id, tracking_number, buyer_id, producer_id, status, hub, damaged, estimated_at, last_event_at, ended_at, condition, refused_lines, "
    "EXISTS (SELECT FROM shipment_exception AS e WHERE e.consignment_id = consignment.id AND e.kind = 'silent' "
    "AND e.ended_at IS NULL) AS is_silent, "
    "set_config('enable_seqscan', 'off', true) AS looked_up FROM consignment WHERE tracking_number = ANY(:numbers) ORDER BY id FOR UPDATE"
)
_RIDES: Final = Sql(
    "SELECT consignment_id, id, from_hub, to_hub, mode, carrier, departs_at, arrives_at, status, departed_at, arrived_at "
    "FROM leg WHERE consignment_id = ANY(:ids) ORDER BY consignment_id, seq"
)
# Consignment by consignment, so that each is looked for in the partition of its month alone, and between the first and the last, so that
# no others are opened. The fingerprint only of those that may be told again: it is most of what there is to read.
_EVENTS: Final = Sql(
    "SELECT event.* FROM unnest(CAST(:ids AS text[])) AS wanted (id) CROSS JOIN LATERAL "
    "(SELECT consignment_id, party, party_event_id, declared_at, type, occurred_at, hub, estimated_at, corrects, condition, "
    "goes_back, retracted, refused_lines, CASE WHEN party = :party AND party_event_id = ANY(:told) THEN fingerprint END AS fingerprint "
    "FROM tracking_event WHERE consignment_id = wanted.id AND consignment_id BETWEEN :first AND :last OFFSET 0) AS event"
)
_APPEND: Final = Sql(inserting("tracking_event"))
_MOVE: Final = Sql(
    "UPDATE consignment SET status = now.status, hub = now.hub, damaged = now.damaged, estimated_at = now.estimated_at, "
    "last_event_at = now.last_event_at, ended_at = now.ended_at, condition = now.condition, refused_lines = now.refused_lines "
    "FROM jsonb_populate_recordset(CAST(NULL AS consignment), CAST(:rows AS jsonb)) AS now WHERE consignment.id = now.id"
)
_MOVE_LEGS: Final = Sql(
    "UPDATE leg SET status = now.status, departed_at = now.departed_at, arrived_at = now.arrived_at "
    "FROM jsonb_populate_recordset(CAST(NULL AS leg), CAST(:rows AS jsonb)) AS now "
    "WHERE leg.consignment_id = now.consignment_id AND leg.id = now.id"
)
_END_SILENCE: Final = Sql(
    "UPDATE shipment_exception SET ended_at = greatest(began_at, CAST(:now AS timestamptz)) "
    "WHERE consignment_id = ANY(:ids) AND kind = 'silent' AND ended_at IS NULL"
)
DUPLICATE: Final = "duplicate"
# Of an event, what is written as it was told.
_AS_TOLD: Final = tuple(
    each.name for each in fields(ToldEvent) if each.name not in ("id", "tracking_number", "read_at")
)


@dataclass(frozen=True, slots=True)
class Ride:
    """A leg as the fold and the right to tell of it need it."""

    id: str
    from_hub: str
    to_hub: str
    mode: str
    carrier: str
    departs_at: datetime
    arrives_at: datetime
    state: LegState


@dataclass(slots=True)
class Held:
    """A consignment that is locked, with all that was told of it. `versions` are fingerprints by (party, id, declared at)."""

    id: str
    order_id: str
    tracking_number: str
    buyer_id: str
    producer_id: str
    state: State
    legs: tuple[Ride, ...] = ()
    scans: list[Scan] = field(default_factory=list)
    versions: dict[tuple[str, str, datetime | None], str | None] = field(default_factory=dict)
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Party:
    """Who tells: a partner for the consignments that its carrier carries, an operator for any."""

    id: str
    carrier: str | None
    operator: bool

    def may_write(self, held: Held) -> bool:
        return self.operator or any(ride.carrier == self.carrier for ride in held.legs)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One word for each event of a batch, in its order: None is accepted, a problem is refused, `DUPLICATE` was known.

    `fresh` are the rows to be added, `touched` the consignments that get any, with what is then known of them.
    """

    words: list[Problem | str | None] = field(default_factory=list)
    fresh: list[dict[str, Any]] = field(default_factory=list)
    touched: dict[str, Held] = field(default_factory=dict)


async def lock_consignments(session: Session, told: Sequence[ToldEvent], party: Party) -> dict[str, Held]:
    """Lock the consignments that are told of, in the order of their ids, then read what is known of them: three statements, of which two leave together."""
    numbers = {event.tracking_number for event in told} - {None}
    rows = await _LOCK.all(session, {"numbers": list(numbers)})
    if not rows:
        return {}
    ids = [row.id for row in rows]
    rides: dict[str, list[Ride]] = {each: [] for each in ids}
    asked = {
        "ids": ids,
        "first": ids[0],
        "last": ids[-1],
        "party": party.id,
        "told": list({event.id for event in told}),
    }
    async with together(session):
        legs, events = await _RIDES.ask(session, {"ids": ids}), await _EVENTS.ask(session, asked)
        leg_rows, event_rows = await legs.fetchall(), await events.fetchall()
    for row in leg_rows:
        state = LegState(LegStatus(row.status), row.departed_at, row.arrived_at)
        rides[row.consignment_id].append(
            Ride(row.id, row.from_hub, row.to_hub, row.mode, row.carrier, row.departs_at, row.arrives_at, state)
        )
    held = {row.id: _held(row, tuple(rides[row.id])) for row in rows}
    for row in event_rows:
        consignment = held[row.consignment_id]
        consignment.scans.append(_scan(row))
        consignment.versions[row.party, row.party_event_id, row.declared_at] = row.fingerprint
    return {row.tracking_number: held[row.id] for row in rows}


def _held(row: Any, legs: tuple[Ride, ...]) -> Held:
    state = State(
        status=ConsignmentStatus(row.status),
        legs=tuple(leg.state for leg in legs),
        hub=row.hub,
        damaged=row.damaged,
        estimated_at=row.estimated_at,
        last_event_at=row.last_event_at,
        ended_at=row.ended_at,
        condition=row.condition and Condition(row.condition),
        refused_lines=tuple(row.refused_lines or ()),
    )
    return Held(
        row.id,
        row.order_id,
        row.tracking_number,
        row.buyer_id,
        row.producer_id,
        state,
        legs,
        is_silent=row.is_silent,
    )


def _scan(row: Any) -> Scan:
    return Scan(
        (row.party, row.party_event_id),
        EventType(row.type),
        row.occurred_at,
        row.hub,
        row.estimated_at,
        None if row.corrects is None else (row.party, row.corrects),
        row.condition and Condition(row.condition),
        bool(row.goes_back),
        row.declared_at,
        bool(row.retracted),
        tuple(row.refused_lines or ()),
    )


def judge(
    told: Sequence[ToldEvent],
    held: Mapping[str, Held],
    party: Party,
    hubs: Collection[str],
    returnable: Collection[str],
    now: datetime,
    lines: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Judgement:
    """Decide on each event by itself: new, known already, or refused. `returnable` are the consignments that go back when they are refused.

    `lines` are the goods in those of which some are said to be refused by themselves.
    """
    judgement = Judgement()
    for event in told:
        consignment = held.get(event.tracking_number or "")
        if event.tracking_number is None:
            judgement.words.append(TrackingNumberMistyped())
        elif consignment is None or not party.may_write(consignment):
            judgement.words.append(NotFound(what=CONSIGNMENT))
        else:
            word = _word(event, consignment, party, hubs, now)
            if word is None and event.refused_lines:
                word = fault_of_lines(event.refused_lines, lines.get(consignment.id, ()))
            if word is None:
                _add(judgement, event, consignment, party, goes_back=consignment.id in returnable, now=now)
            judgement.words.append(word)
    return judgement


def _word(
    event: ToldEvent, consignment: Held, party: Party, hubs: Collection[str], now: datetime
) -> Problem | str | None:
    version = (party.id, event.id, event.declared_at)
    if version in consignment.versions:
        same = consignment.versions[version] == event.fingerprint
        return DUPLICATE if same else EventConflict(id=event.id)
    fault = fault_of(event, hubs, now)
    if fault is None and len(consignment.scans) >= TRACKING_EVENTS_PER_CONSIGNMENT_MAX:
        return EventLimitReached(limit=TRACKING_EVENTS_PER_CONSIGNMENT_MAX)
    return fault


def _add(
    judgement: Judgement, event: ToldEvent, consignment: Held, party: Party, *, goes_back: bool, now: datetime
) -> None:
    consignment.scans.append(event.scan(party.id, goes_back=goes_back))
    consignment.versions[party.id, event.id, event.declared_at] = event.fingerprint
    judgement.touched[consignment.id] = consignment
    row = {name: value for name in _AS_TOLD if (value := getattr(event, name)) is not None}
    row |= {
        "consignment_id": consignment.id,
        "id": new_id("evt"),
        "party": party.id,
        "party_event_id": event.id,
        "recorded_at": now,
    }
    if event.condition is Condition.REFUSED:
        row["goes_back"] = goes_back
    judgement.fresh.append(row)


async def append(session: Session, judgement: Judgement, now: datetime) -> None:
    """Add the new events, write what the consignments become with them, and put the news of it: five statements at most, in one packet.

    The fifth ends a silence.
    """
    if not judgement.fresh:
        return
    after = {held.id: recompute(held.scans, held.legs, now) for held in judgement.touched.values()}
    moved = [held for held in judgement.touched.values() if after[held.id] != held.state]
    legs = [row for held in moved for row in _leg_rows(held, after[held.id])]
    news = [told_of(held, name, after[held.id], now) for held in moved if (name := news_of(held.state, after[held.id]))]
    silent = [held.id for held in judgement.touched.values() if held.is_silent]
    async with together(session):
        await _APPEND.tell(session, {"rows": as_rows(judgement.fresh)})
        if moved:
            await _MOVE.tell(session, {"rows": as_rows([_state_row(held, after[held.id]) for held in moved])})
        if legs:
            await _MOVE_LEGS.tell(session, {"rows": as_rows(legs)})
        if silent:
            await _END_SILENCE.tell(session, {"ids": silent, "now": now})
        await announce(session, news, _jobs(judgement, moved, after))


def _jobs(judgement: Judgement, moved: Sequence[Held], after: Mapping[str, State]) -> list[Job]:
    """The news: one job for each order, and for the whole batch one of readings and one of delays that may cost a connection."""
    news = {}
    for held in moved:
        if name := news_of(held.state, after[held.id]):
            news[name, held.order_id] = Job(name, {"order": held.order_id})
    jobs = list(news.values())
    expected = _expected(judgement.fresh)
    delayed = [
        held.id
        for held in judgement.touched.values()
        if may_miss(held.legs, held.state, after[held.id], expected.get(held.id, {}))
    ]
    if delayed:
        jobs.append(Job("shipment.delayed", {"consignments": delayed}))
    if measured := _measured(judgement.fresh):
        jobs.append(Job("shipment.measured", {"consignments": measured}))
    return jobs


def _expected(fresh: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, datetime]]:
    """When the goods reach a hub, by what these events say of it; by consignment and hub."""
    told: dict[str, dict[str, datetime]] = {}
    for row in fresh:
        if row.get("estimated_at") and row.get("hub"):
            told.setdefault(row["consignment_id"], {})[row["hub"]] = row["estimated_at"]
    return told


def _measured(fresh: Sequence[Mapping[str, Any]]) -> list[str]:
    """The consignments whose readings these events add to, or may take something from."""
    return sorted(
        {row["consignment_id"] for row in fresh if row.get("readings") or row.get("corrects") or row.get("declared_at")}
    )


def _state_row(held: Held, state: State) -> dict[str, Any]:
    return {
        "id": held.id,
        "status": state.status,
        "hub": state.hub,
        "damaged": state.damaged,
        "estimated_at": state.estimated_at,
        "last_event_at": state.last_event_at,
        "ended_at": state.ended_at,
        "condition": state.condition,
        "refused_lines": list(state.refused_lines) or None,
    }


def _leg_rows(held: Held, state: State) -> list[dict[str, Any]]:
    return [
        {
            "consignment_id": held.id,
            "id": ride.id,
            "status": now.status,
            "departed_at": now.departed_at,
            "arrived_at": now.arrived_at,
        }
        for ride, now in zip(held.legs, state.legs, strict=True)
        if ride.state != now
    ]
