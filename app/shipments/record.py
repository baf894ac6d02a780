"""What partners tell: which events count as new, and what the consignments become with them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from app.core.database import Session, as_rows
from app.core.errors import Gap, Invalid, NotFound, Problem
from app.core.ids import new_id
from app.core.jobs import Job
from app.core.limits import CLOCK_SKEW_MAX, TRACKING_EVENTS_PER_CONSIGNMENT_MAX
from app.core.schema import fingerprint
from app.notify.webhook_values import News
from app.shipments.errors import EventConflict, EventInFuture, EventLimitReached, TrackingNumberMistyped
from app.shipments.queries import CONSIGNMENT, list_events, list_locked
from app.shipments.rules import news_of, read_tracking_number, recompute
from app.shipments.schemas import TrackingEventRequest
from app.shipments.telling import told_of
from app.shipments.values import Condition, EventType, Journey, JourneyEvent, Scan, State

_LOCK: Final = text("SELECT id FROM consignment WHERE tracking_number = ANY(:numbers) ORDER BY id FOR UPDATE")
_APPEND: Final = text(
    "INSERT INTO tracking_event SELECT row.* "
    "FROM jsonb_populate_recordset(CAST(NULL AS tracking_event), CAST(:rows AS jsonb)) AS row ON CONFLICT DO NOTHING"
)
_MOVE: Final = text(
    "UPDATE consignment SET status = now.status, hub = now.hub, damaged = now.damaged, estimated_at = now.estimated_at, "
    "last_event_at = now.last_event_at, ended_at = now.ended_at, condition = now.condition "
    "FROM jsonb_populate_recordset(CAST(NULL AS consignment), CAST(:rows AS jsonb)) AS now WHERE consignment.id = now.id"
)
_MOVE_LEGS: Final = text(
    "UPDATE leg SET status = now.status, departed_at = now.departed_at, arrived_at = now.arrived_at "
    "FROM jsonb_populate_recordset(CAST(NULL AS leg), CAST(:rows AS jsonb)) AS now "
    "WHERE leg.consignment_id = now.consignment_id AND leg.id = now.id"
)
_ESTIMATE_AHEAD_MAX: Final = timedelta(days=120)
_UNKNOWN_HUB: Final = {
    "en": "No hub has this code; GET /v1/hubs lists them",
    "zh-Hans": "没有此编码的站点，全部站点见 GET /v1/hubs",
}
_TOO_FAR: Final = {"en": "An estimate lies at most 120 days ahead", "zh-Hans": "预计时间最多在 120 天之内"}


@dataclass(frozen=True, slots=True)
class Party:
    """Who tells: a partner for the consignments that its carrier carries, an operator for any."""

    id: str
    carrier: str | None
    operator: bool

    def may_write(self, journey: Journey) -> bool:
        return self.operator or any(leg.carrier == self.carrier for leg in journey.legs)


@dataclass(frozen=True, slots=True)
class Locked:
    """The consignments of a batch, held until the transaction ends, with all that is known of them."""

    journeys: Mapping[str, Journey]
    events: Mapping[str, Sequence[JourneyEvent]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One word for each event of a batch, in its order: None is accepted, a problem is refused, `DUPLICATE` was known.

    `fresh` are the rows to be added; `scans` is, for each consignment that gets any, all that is then known of it.
    """

    words: list[Problem | str | None] = field(default_factory=list)
    fresh: list[dict[str, Any]] = field(default_factory=list)
    scans: dict[str, list[Scan]] = field(default_factory=dict)


DUPLICATE: Final = "duplicate"


async def lock_consignments(session: Session, numbers: Collection[str]) -> Locked:
    """Lock the consignments with these tracking numbers in the order of their ids, then read them: three statements."""
    ids = list((await session.execute(_LOCK, {"numbers": list(numbers)})).scalars())
    journeys = await list_locked(session, ids)
    return Locked({journey.tracking_number: journey for journey in journeys}, await list_events(session, ids))


def judge(
    told: Sequence[TrackingEventRequest],
    locked: Locked,
    party: Party,
    hubs: Collection[str],
    returnable: Collection[str],
    now: datetime,
) -> Judgement:
    """Decide on each event by itself: new, known already, or refused. `returnable` are the consignments that go back when they are refused."""
    judgement = Judgement()
    known = {
        (consignment_id, *event.key): event.fingerprint
        for consignment_id, events in locked.events.items()
        for event in events
    }
    for event in told:
        number = read_tracking_number(event.tracking_number)
        journey = locked.journeys.get(number or "")
        if number is None:
            judgement.words.append(TrackingNumberMistyped())
        elif journey is None or not party.may_write(journey):
            judgement.words.append(NotFound(what=CONSIGNMENT))
        else:
            key = (journey.id, party.id, event.id)
            content = fingerprint(event.model_copy(update={"tracking_number": number}))
            word = _known_already(event, known.get(key), content) or fault_of(event, hubs, now)
            if word is None:
                word = _room_for_one_more(judgement, journey, locked)
            if word is None:
                known[key] = content
                _add(judgement, event, journey, party, content, goes_back=journey.id in returnable, now=now)
            judgement.words.append(word)
    return judgement


def _known_already(event: TrackingEventRequest, earlier: str | None, content: str) -> Problem | str | None:
    if earlier is None:
        return None
    return DUPLICATE if earlier == content else EventConflict(id=event.id)


def fault_of(event: TrackingEventRequest, hubs: Collection[str], now: datetime) -> Problem | None:
    """What is wrong with a well-formed event: a place that is not there, or a time that has not come."""
    if event.hub is not None and event.hub not in hubs:
        return Invalid(gaps=[Gap("/hub", _UNKNOWN_HUB)])
    expects = event.type is EventType.ESTIMATED
    latest = now + CLOCK_SKEW_MAX
    times = {f"readings/{i}/at": reading.at for i, reading in enumerate(event.readings)}
    if not expects or event.estimated_at is not None:
        times["occurred_at"] = event.occurred_at
    for name, at in times.items():
        if at > latest:
            return EventInFuture(field=name, minutes=int(CLOCK_SKEW_MAX.total_seconds()) // 60)
    if expects and (event.estimated_at or event.occurred_at) > now + _ESTIMATE_AHEAD_MAX:
        return Invalid(gaps=[Gap("/estimated_at", _TOO_FAR)])
    return None


def _room_for_one_more(judgement: Judgement, journey: Journey, locked: Locked) -> Problem | None:
    held = judgement.scans.setdefault(journey.id, [event.scan for event in locked.events.get(journey.id, ())])
    limit = TRACKING_EVENTS_PER_CONSIGNMENT_MAX
    return EventLimitReached(limit=limit) if len(held) >= limit else None


def _add(
    judgement: Judgement,
    event: TrackingEventRequest,
    journey: Journey,
    party: Party,
    content: str,
    *,
    goes_back: bool,
    now: datetime,
) -> None:
    occurred_at, estimated_at = event.occurred_at, event.estimated_at
    if event.type is EventType.ESTIMATED and estimated_at is None:
        # An estimate with one time only: it is what is expected, and it was said just now.
        occurred_at, estimated_at = now, event.occurred_at
    corrects = None if event.corrects is None else (party.id, event.corrects)
    judgement.scans[journey.id].append(
        Scan(
            (party.id, event.id), event.type, occurred_at, event.hub, estimated_at, corrects, event.condition, goes_back
        )
    )
    judgement.fresh.append(
        {
            "consignment_id": journey.id,
            "id": new_id("evt"),
            "party": party.id,
            "party_event_id": event.id,
            "fingerprint": content,
            "type": event.type,
            "occurred_at": occurred_at,
            "recorded_at": now,
            "hub": event.hub,
            "latitude": event.position and event.position.lat,
            "longitude": event.position and event.position.lon,
            "readings": [reading.model_dump(mode="json") for reading in event.readings],
            "note": event.note,
            "estimated_at": estimated_at,
            "corrects": event.corrects,
            "condition": event.condition,
            "goes_back": goes_back if event.condition is Condition.REFUSED else None,
        }
    )


async def append(session: Session, judgement: Judgement, locked: Locked, now: datetime) -> tuple[list[Job], list[News]]:
    """Add the new events and write what the consignments become with them, in three statements; answers the news of it: for us, for the world."""
    if not judgement.fresh:
        return [], []
    touched = {row["consignment_id"] for row in judgement.fresh}
    moved = [
        (journey, recompute(judgement.scans[journey.id], journey.legs, now))
        for journey in locked.journeys.values()
        if journey.id in touched
    ]
    await session.execute(_APPEND, {"rows": as_rows(judgement.fresh)})
    await session.execute(_MOVE, {"rows": as_rows([_state_row(journey, state) for journey, state in moved])})
    await session.execute(
        _MOVE_LEGS, {"rows": as_rows([row for journey, state in moved for row in _leg_rows(journey, state)])}
    )
    named = [(name, journey, state) for journey, state in moved if (name := news_of(journey.state, state))]
    return (
        [Job(name, {"order": journey.order_id}) for name, journey, _ in named],
        [told_of(journey, name, state, now) for name, journey, state in named],
    )


def _state_row(journey: Journey, state: State) -> dict[str, Any]:
    return {
        "id": journey.id,
        "status": state.status,
        "hub": state.hub,
        "damaged": state.damaged,
        "estimated_at": state.estimated_at,
        "last_event_at": state.last_event_at,
        "ended_at": state.ended_at,
        "condition": state.condition,
    }


def _leg_rows(journey: Journey, state: State) -> list[dict[str, Any]]:
    return [
        {
            "consignment_id": journey.id,
            "id": leg.id,
            "status": now.status,
            "departed_at": now.departed_at,
            "arrived_at": now.arrived_at,
        }
        for leg, before, now in zip(journey.legs, journey.state.legs, state.legs, strict=True)
        if before != now
    ]
