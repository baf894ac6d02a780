"""The story of partners who speak EPCIS 2.0: a document is taken in as a job, and what it tells is recorded like any other word."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.core.database import Session
from app.core.errors import Gap, Problem
from app.core.ids import new_id
from app.epcis.documents import Document, read_event
from app.epcis.errors import DocumentInvalid, EventExists, EventNamesNothing
from app.epcis.seen import declaration_of
from app.epcis.values import Event, Fault
from app.flows.follow_units import keep_unit_events, sender_of
from app.flows.ports import Ports
from app.flows.query_epcis import POINTER_LENGTH_MAX
from app.flows.record_events import Outcome, record_events
from app.identity.values import Caller
from app.shipments.captures import (
    Sender,
    add_capture,
    ends_of,
    finish_capture,
    go_on,
    known_versions,
    note_failing,
    numbers_in_units,
    take_capture,
)
from app.shipments.epcis import READINGS_MAX, event_id_of, fingerprint_of, named_by, packed_by, told_by_epcis
from app.shipments.told import ToldEvent, fault_of_time
from app.shipments.values import DECLARED_ID_LENGTH_MAX

CHUNK: Final = 100
PROCEED: Final = "proceed"
Word = Problem | None | str
DUPLICATE: Final = "duplicate"


async def accept_capture(ports: Ports, caller: Caller, document: Document, behaviour: str) -> str:
    """Take a document in as a job, and answer the job's id. With `rollback`, an event that is not valid refuses the document.

    Raises `DocumentInvalid`.
    """
    if behaviour != PROCEED:
        faults = [fault for place, event in _placed(document) for fault in _faults_of(event, document, place)]
        if faults:
            raise invalid(faults)
    capture_id = new_id("cap")
    kept = {"events": list(document.events), "prefixes": dict(document.prefixes), "at": document.at}
    sender = Sender(caller.id, caller.carrier, caller.is_operator())
    async with ports.begin() as session:
        await add_capture(session, capture_id, sender, behaviour, kept, ports.clock.now())
    return capture_id


async def capture_event(ports: Ports, caller: Caller, told: Any) -> dict[str, Any]:
    """Record one event at once, and answer it with its id. Raises `DocumentInvalid`, `EventExists`, or why it was refused."""
    event = _read(told, {}, "")
    if isinstance(event, list):
        raise invalid(event)
    async with ports.begin() as session:
        (word,) = await _store(ports, session, caller, [event], whole=True)
    if isinstance(word, Problem):
        raise word
    if word == DUPLICATE:
        raise EventExists(id=event_id_of(event))
    return {**told, "eventID": event_id_of(event)}


async def run_capture(ports: Ports, capture: str) -> None:
    """Job `epcis.capture`: capture the document. Run twice it does nothing twice: events that are known change nothing."""
    async with ports.begin() as session:
        row = await take_capture(session, capture)
    if row is None or not row.running:
        return
    document = Document(row.document["events"], row.document["prefixes"], row.document["at"])
    caller = sender_of(row.owner, row.carrier, is_operator=row.is_operator)
    if row.behaviour == PROCEED:
        await _proceed(ports, caller, capture, document, row.taken)
    else:
        await _all_or_none(ports, caller, capture, document)


async def _proceed(ports: Ports, caller: Caller, capture: str, document: Document, taken: int) -> None:
    """As many as are good, a hundred in a transaction: what is done stays done when we stop in between."""
    placed = _placed(document)
    for start in range(taken, len(placed), CHUNK):
        chunk = placed[start : start + CHUNK]
        read = [(place, _read(told, document.prefixes, place)) for place, told in chunk]
        good = [event for _, event in read if isinstance(event, Event)]
        async with ports.begin() as session:
            words = iter(await _store(ports, session, caller, good, whole=False))
            errors = [
                _error(place, invalid(event) if isinstance(event, list) else next(words)) for place, event in read
            ]
            await go_on(session, capture, start + len(chunk), [error for error in errors if error])
    async with ports.begin() as session:
        await finish_capture(session, capture, ports.clock.now())


class _Undo(Exception):
    """Leaves the transaction so that nothing has happened, with what was refused."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors


async def _all_or_none(ports: Ports, caller: Caller, capture: str, document: Document) -> None:
    placed = _placed(document)
    try:
        async with ports.begin() as session:
            await _store_all(
                ports, session, caller, [(place, _read(told, document.prefixes, place)) for place, told in placed]
            )
            await finish_capture(session, capture, ports.clock.now())
    except _Undo as undone:
        # What must be seen although everything else is undone: first that it failed, then with what, and that it is over.
        async with ports.begin() as session:
            await note_failing(session, capture)
        async with ports.begin() as session:
            await go_on(session, capture, len(placed), undone.errors)
            await finish_capture(session, capture, ports.clock.now())


async def _store_all(
    ports: Ports, session: Session, caller: Caller, read: Sequence[tuple[str, Event | list[Fault]]]
) -> None:
    """Record all of them, or raise `_Undo`."""
    errors = [error for place, event in read if isinstance(event, list) and (error := _error(place, invalid(event)))]
    if not errors:
        events = [event for _, event in read if isinstance(event, Event)]
        words = await _store(ports, session, caller, events, whole=True)
        errors = [error for (place, _), word in zip(read, words, strict=True) if (error := _error(place, word))]
    if errors:
        raise _Undo(errors)


async def _store(ports: Ports, session: Session, caller: Caller, events: Sequence[Event], *, whole: bool) -> list[Word]:
    """Record events; one word for each, in their order: None was taken, `DUPLICATE` was known, a problem is why not.

    An event of several consignments is taken for all of them or not at all. With `whole`, nothing is taken when one is refused.
    """
    words: list[Word] = await _words_of_known(session, caller, events)
    told = await _told(ports, session, events, words)
    # Each round leaves out whole events that were refused for a part of them; without any refusal it is the last.
    while told and not (whole and any(isinstance(word, Problem) for word in words)):
        flat = [one for some in told.values() for one in some]
        outcomes = await record_events(ports, session, caller, flat, whole=True)
        refused = _refused(told, outcomes)
        if not refused:
            _note_repeated(told, outcomes, words)
            break
        for index, problem in refused.items():
            words[index] = problem
            del told[index]
    if not (whole and any(isinstance(word, Problem) for word in words)):
        await _keep_units(ports, session, caller, events, words, set(told))
    return words


async def _keep_units(
    ports: Ports, session: Session, caller: Caller, events: Sequence[Event], words: list[Word], told: set[int]
) -> None:
    """Keep what was taken and names a unit. What names nothing else was known when it was kept before, and must not lie ahead."""
    taken = {index: event for index, event in enumerate(events) if words[index] is None}
    for index in list(taken):
        if index not in told and (fault := fault_of_time(taken[index].at, ports.clock.now())):
            words[index] = fault
            del taken[index]
    added = await keep_unit_events(ports, session, caller, taken.values())
    for index, event in taken.items():
        if index not in told and event_id_of(event) not in added:
            words[index] = DUPLICATE


async def _words_of_known(session: Session, caller: Caller, events: Sequence[Event]) -> list[Word]:
    """Whether an id was used before: for the same event it is known, for another one it is taken."""
    known = await known_versions(session, caller.id, {event_id_of(event) for event in events})
    words: list[Word] = []
    for event in events:
        said = declaration_of(event)
        fingerprint = fingerprint_of(event)
        earlier = known.setdefault((event_id_of(event), said.at if said else None), fingerprint)
        # The same again is found out further on, consignment by consignment.
        words.append(None if earlier == fingerprint else EventExists(id=event_id_of(event)))
    return words


async def _told(
    ports: Ports, session: Session, events: Sequence[Event], words: list[Word]
) -> dict[int, list[ToldEvent]]:
    """What each of the events says of each consignment; those that say nothing of ours get their word."""
    prefix = ports.settings.gs1_company_prefix
    named = {index: named_by(event, prefix) for index, event in enumerate(events) if words[index] is None}
    riding, labelled = await numbers_in_units(session, {sscc for each in named.values() for sscc in each.ssccs})
    numbers = {
        index: each.numbers
        | {number for sscc in each.ssccs for number in labelled.get(sscc, ())}
        | {number for sscc in each.ssccs - _unit_of(events[index], prefix) for number in riding.get(sscc, ())}
        for index, each in named.items()
    }
    ends = await ends_of(session, {number for some in numbers.values() for number in some})
    told = {}
    for index, some in numbers.items():
        if some:
            told[index] = told_by_epcis(events[index], sorted(some), ends, new_id("egr"))
        elif not named[index].ssccs:
            words[index] = EventNamesNothing()
    return told


def _unit_of(event: Event, prefix: str) -> set[str]:
    """The unit into which some are put, or out of which: the others in it are not concerned."""
    packed = packed_by(event, prefix)
    return {packed.parent} if packed and packed.children is not None else set()


def _refused(told: Mapping[int, list[ToldEvent]], outcomes: Sequence[Outcome]) -> dict[int, Problem]:
    left = iter(outcomes)
    refused: dict[int, Problem] = {}
    for index, some in told.items():
        problems = [outcome.problem for outcome in (next(left) for _ in some) if outcome.problem]
        if problems:
            refused[index] = problems[0]
    return refused


def _note_repeated(told: Mapping[int, list[ToldEvent]], outcomes: Sequence[Outcome], words: list[Word]) -> None:
    left = iter(outcomes)
    for index, some in told.items():
        statuses = {next(left).status for _ in some}
        if statuses == {"duplicate"}:
            words[index] = DUPLICATE


def _placed(document: Document) -> list[tuple[str, Any]]:
    return [(f"{document.at}/{index}", event) for index, event in enumerate(document.events)]


def _read(told: Any, prefixes: Mapping[str, str], at: str) -> Event | list[Fault]:
    """One event, with what we ask of it beyond the standard."""
    event = read_event(told, prefixes, at)
    if isinstance(event, list):
        return event
    faults = []
    if len(event_id_of(event)) > DECLARED_ID_LENGTH_MAX:
        faults.append(Fault(f"{at}/eventID", f"At most {DECLARED_ID_LENGTH_MAX} characters", "编号过长"))
    if sum(len(each["sensorReport"]) for each in event.body.get("sensorElementList", ())) > READINGS_MAX:
        faults.append(Fault(f"{at}/sensorElementList", f"At most {READINGS_MAX} reports in an event", "传感数据过多"))
    return faults or event


def _faults_of(told: Any, document: Document, at: str) -> list[Fault]:
    read = _read(told, document.prefixes, at)
    return read if isinstance(read, list) else []


def invalid(faults: Sequence[Fault]) -> DocumentInvalid:
    """The refusal with these faults."""
    return DocumentInvalid(
        gaps=[Gap(fault.pointer[:POINTER_LENGTH_MAX], {"en": fault.en, "zh-Hans": fault.zh}) for fault in faults[:100]]
    )


def _error(place: str, word: Word) -> dict[str, Any] | None:
    """A refused event as the job keeps it: enough to make the problem document of it again."""
    if not isinstance(word, Problem):
        return None
    return {
        "at": place,
        "slug": word.slug,
        "kind": word.kind,
        "title": dict(word.title),
        "detail": {language: word.detail_in(language) for language in word.detail},
        "exception": getattr(word, "exception", None),
        "gaps": [{"pointer": gap.pointer, "detail": dict(gap.detail)} for gap in word.gaps],
    }
