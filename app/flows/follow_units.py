"""The story of goods that follow their pallet: what is told of a unit is told of what lies in it, in whatever order it all came in."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.core.database import Session
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.limits import UNIT_EVENTS_MAX
from app.epcis.documents import read_event
from app.epcis.seen import declaration_of
from app.epcis.values import Event
from app.flows.ports import Ports
from app.flows.record_events import record_events
from app.identity.values import Caller, Role
from app.shipments.aggregation import Action, Packing, are_concerned
from app.shipments.captures import ends_of
from app.shipments.epcis import event_id_of, fingerprint_of, named_by, packed_by, told_by_epcis
from app.shipments.told import ToldEvent
from app.shipments.unit_events import (
    Followed,
    Key,
    add_unit_events,
    first_told,
    goods_in,
    lock_unit_events,
    standing_in,
    told_of_goods,
)
from app.shipments.values import Door

log = logging.getLogger(__name__)


async def keep_unit_events(ports: Ports, session: Session, caller: Caller, events: Iterable[Event]) -> set[str]:
    """Keep those that name a unit, and queue the job that tells it of what is inside. The ids of those that are new."""
    prefix = ports.settings.gs1_company_prefix
    rows = [_row(event, caller, prefix, ports.clock.now()) for event in events if named_by(event, prefix).ssccs]
    if not rows:
        return set()
    added = {event_id for event_id, _ in await add_unit_events(session, rows)}
    names = sorted({name for row in rows if row["party_event_id"] in added for name in row["names"]})
    if names:
        await enqueue(session, [Job("units.follow", {"names": names})])
    return added


def _row(event: Event, caller: Caller, prefix: str, now: datetime) -> dict[str, Any]:
    named, said, packed = named_by(event, prefix), declaration_of(event), packed_by(event, prefix)
    return {
        "id": new_id("uev"),
        "party": caller.id,
        "carrier": caller.carrier,
        "is_operator": caller.is_operator(),
        "party_event_id": event_id_of(event),
        "declared_at": said.at if said else None,
        "fingerprint": fingerprint_of(event),
        "occurred_at": event.at,
        "recorded_at": now,
        "action": packed and packed.action,
        "parent": packed and packed.parent,
        "children": packed and packed.children,
        "names": sorted(named.ssccs | named.numbers),
        "document": {"event": dict(event.told), "prefixes": dict(event.prefixes)},
    }


async def follow_units(ports: Ports, names: Sequence[str]) -> None:
    """Job `units.follow`: record what was told of units with everything that lay in them then, and take back where it did not. Twice is once."""
    async with ports.begin() as session:
        await lock_unit_events(session)
        followed = await goods_in(session, names)
        rows = await told_of_goods(session, [each.goods for each in followed])
        if len(rows) == UNIT_EVENTS_MAX:
            log.error("more was told of units than is looked at", extra={"names": list(names[:10])})
        standing = _standing(rows)
        by_sender = await _missing(ports, session, followed, list(standing.values()))
        for sender, told in by_sender.items():
            for outcome in await record_events(ports, session, sender, told):
                if outcome.problem:
                    log.warning("not told of what is inside: %s", outcome.problem.slug)


def _standing(rows: Iterable[Any]) -> dict[Key, Any]:
    """The latest version of each event."""
    ordered = sorted(rows, key=lambda row: (row.declared_at is not None, row.declared_at or row.occurred_at))
    return {(row.party, row.party_event_id): row for row in ordered}


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What is recorded already: by consignment the latest word of each event, and by event what was first recorded of it."""

    words: Mapping[str, Mapping[Key, Any]]
    first: Mapping[Key, Any]
    ends: Mapping[str, str]


async def _missing(
    ports: Ports, session: Session, followed: Sequence[Followed], rows: Sequence[Any]
) -> dict[Caller, list[ToldEvent]]:
    """By who told it, what is to be recorded so that each event stands with exactly the goods that it is of."""
    ids = {row.party_event_id for row in rows}
    recorded = _Recorded(
        await standing_in(session, [each.id for each in followed], ids),
        await first_told(session, ids),
        await ends_of(session, {each.goods.number for each in followed}),
    )
    missing: dict[Caller, list[ToldEvent]] = {}
    for row in rows:
        changes = [change for each in followed if (change := _change(each, row, rows, recorded)) is not None]
        if changes:
            told = _told(row, changes, recorded, ports.clock.now())
            missing.setdefault(sender_of(row.party, row.carrier, is_operator=row.is_operator), []).extend(told)
    return missing


def _change(each: Followed, row: Any, rows: Sequence[Any], recorded: _Recorded) -> tuple[str, bool, Any] | None:
    """The number of goods with which this event is to be recorded, or taken back, and the last word of it there; None when all is as it should be."""
    goods = each.goods
    # What names the goods themselves was recorded, or refused, with them when it came in.
    if not _may_speak(row, each) or {goods.number, *goods.packages} & set(row.names):
        return None
    packings = [
        packing for other in rows if other is not row and _may_speak(other, each) for packing in _packings(other)
    ]
    wanted = row.declared_at is None and are_concerned(goods, _told_of(row), packings, row.occurred_at)
    word = recorded.words[each.id].get((row.party, row.party_event_id))
    stands = word is not None and not word.retracted
    return None if wanted == stands else (goods.number, wanted, word)


def _may_speak(row: Any, each: Followed) -> bool:
    """Whoever carries the goods may say what they lie in, and what happened to that."""
    return bool(row.is_operator) or row.carrier in each.carriers


def _told_of(row: Any) -> set[str]:
    """What an event is of: of children that are put in or taken out by name, and not of all the others in that unit."""
    return set(row.names) - ({row.parent} if row.children is not None else set())


def _packings(row: Any) -> list[Packing]:
    if row.action not in Action.__members__ or row.declared_at is not None:
        return []
    key = f"{row.party} {row.party_event_id}"
    children = row.children if row.children is not None else [None]
    return [Packing(row.occurred_at, Action[row.action], key, row.parent, child) for child in children]


def _told(row: Any, changes: Sequence[tuple[str, bool, Any]], recorded: _Recorded, now: datetime) -> list[ToldEvent]:
    """The event for each of the goods that are new in it; where they turn out not to have been in it, or to have been after all, a later word of it."""
    event = read_event(row.document["event"], row.document["prefixes"], "")
    assert isinstance(event, Event)
    first = recorded.first.get((row.party, row.party_event_id))
    group = (first and first.event_group) or new_id("egr")
    told = {
        one.tracking_number: one for one in told_by_epcis(event, [each for each, _, _ in changes], recorded.ends, group)
    }
    found = []
    for number, wanted, word in changes:
        one = told[number]
        if first and first.numbers and one.document:
            # What is asked for by the standard's queries is answered once, with the first of these.
            one = replace(one, document={**one.document, "numbers": first.numbers})
        last = word and word.declared_at
        if word is None or (one.declared_at and (last is None or one.declared_at > last)):
            found.append(one)
        else:
            found.append(_again(one, wanted=wanted, at=max(now, last + timedelta(microseconds=1)) if last else now))
    return found


def _again(one: ToldEvent, *, wanted: bool, at: datetime) -> ToldEvent:
    """A word of ours on an event of theirs: that it counts for these goods, or does not."""
    return replace(
        one,
        door=Door.NATIVE,
        declared_at=at,
        retracted=not wanted,
        declaration_reason=None,
        corrective_ids=None,
        event_group=None,
        epcs=None,
        biz_step=None,
        disposition=None,
        document=None,
    )


def sender_of(owner: str, carrier: str | None, *, is_operator: bool) -> Caller:
    """Who sent something, as far as recording goes."""
    roles = frozenset({Role.OPERATOR}) if is_operator else frozenset({Role.PARTNER})
    person = owner if owner.startswith("per_") else None
    return Caller(person_id=person, partner_id=None if person else owner, carrier=carrier, roles=roles)
