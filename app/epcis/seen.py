"""An event as queries look at it: names in their one form, words bare, numbers as decimals, extensions by their full names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.epcis.context import expanded, word_of
from app.epcis.epcs import canonical
from app.epcis.times import read_time
from app.epcis.values import EPC_FIELDS, METADATA_FIELDS, QUANTITY_FIELDS, REPORT_NUMBERS, Event, Word


@dataclass(frozen=True, slots=True)
class Quantity:
    epc_class: str
    amount: Decimal | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """One sensor report with what the metadata around it say for all of them."""

    kind: str
    numbers: Mapping[str, Decimal]
    unit: str | None
    texts: Mapping[str, str]
    flag: bool | None
    times: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Declaration:
    """That an earlier telling of the event was wrong."""

    at: datetime
    reason: str | None
    corrective_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """`fields` are extensions by where they stand: "", `ILMD`, `ERROR_DECLARATION`, `SENSORELEMENT`, `SENSORMETADATA`,
    `SENSORREPORT`, and the same with `INNER_` before it for those further down.
    """

    kind: str
    event_id: str | None
    event_time: datetime
    record_time: datetime
    action: str | None
    biz_step: str | None
    disposition: str | None
    set_dispositions: frozenset[str]
    unset_dispositions: frozenset[str]
    read_point: str | None
    biz_location: str | None
    transformation_id: str | None
    epcs: Mapping[str, frozenset[str]]
    quantities: Mapping[str, tuple[Quantity, ...]]
    transactions: Sequence[tuple[str | None, str]]
    sources: Sequence[tuple[str | None, str]]
    destinations: Sequence[tuple[str | None, str]]
    has_sensors: bool
    reports: Sequence[Report]
    declaration: Declaration | None
    fields: Mapping[str, Sequence[tuple[str, Any]]]


def seen(event: Event, record_time: datetime) -> Seen:
    """The event as it is queried."""
    body, prefixes = event.body, event.prefixes

    def name(value: str) -> str:
        return canonical(expanded(value, prefixes))

    def typed(field: str, key: str, word: Word) -> tuple[tuple[str | None, str], ...]:
        return tuple(
            (word_of(word, each["type"], prefixes) if "type" in each else None, name(each[key]))
            for each in body.get(field, ())
        )

    def place(field: str) -> str | None:
        return name(body[field]["id"]) if field in body else None

    persistent = body.get("persistentDisposition", {})
    elements = body.get("sensorElementList", ())
    return Seen(
        kind=event.kind,
        event_id=body.get("eventID"),
        event_time=event.at,
        record_time=record_time,
        action=body.get("action"),
        biz_step=word_of(Word.BIZ_STEP, body["bizStep"], prefixes) if "bizStep" in body else None,
        disposition=word_of(Word.DISPOSITION, body["disposition"], prefixes) if "disposition" in body else None,
        set_dispositions=_words(persistent.get("set", ()), prefixes),
        unset_dispositions=_words(persistent.get("unset", ()), prefixes),
        read_point=place("readPoint"),
        biz_location=place("bizLocation"),
        transformation_id=body.get("transformationID"),
        epcs={
            field: frozenset(map(name, [body[field]] if isinstance(body[field], str) else body[field]))
            for field in EPC_FIELDS
            if field in body
        },
        quantities={
            field: tuple(_quantity(each, prefixes) for each in body[field])
            for field in QUANTITY_FIELDS
            if field in body
        },
        transactions=typed("bizTransactionList", "bizTransaction", Word.TRANSACTION),
        sources=typed("sourceList", "source", Word.SOURCE_DEST),
        destinations=typed("destinationList", "destination", Word.SOURCE_DEST),
        has_sensors=bool(elements),
        reports=tuple(_report(one, each, prefixes) for each in elements for one in each["sensorReport"]),
        declaration=declaration_of(event),
        fields=_fields(body, prefixes),
    )


def declaration_of(event: Event) -> Declaration | None:
    """What the event says of an earlier telling of itself, if anything."""
    said = event.body.get("errorDeclaration")
    if said is None:
        return None
    at = read_time(said["declarationTime"])
    assert at is not None
    reason = word_of(Word.ERROR_REASON, said["reason"], event.prefixes) if "reason" in said else None
    return Declaration(at, reason, tuple(said.get("correctiveEventIDs", ())))


def _words(written: Sequence[str], prefixes: Mapping[str, str]) -> frozenset[str]:
    return frozenset(word for each in written if (word := word_of(Word.DISPOSITION, each, prefixes)))


def _quantity(value: Mapping[str, Any], prefixes: Mapping[str, str]) -> Quantity:
    amount = Decimal(str(value["quantity"])) if "quantity" in value else None
    return Quantity(canonical(expanded(value["epcClass"], prefixes)), amount, value.get("uom"))


def _report(report: Mapping[str, Any], element: Mapping[str, Any], prefixes: Mapping[str, str]) -> Report:
    around = {key: each for key, each in element.get("sensorMetadata", {}).items() if key in METADATA_FIELDS}
    both = {**around, **report}
    times = {key: at for key in ("time", "startTime", "endTime") if (at := read_time(both.get(key)))}
    texts = {
        key: canonical(expanded(each, prefixes))
        if key.endswith(("ID", "Method", "Rules", "ism", "Substance"))
        else each
        for key, each in both.items()
        if isinstance(each, str) and key not in times
    }
    return Report(
        kind=word_of(Word.MEASUREMENT, report["type"], prefixes) or report["type"],
        numbers={key: Decimal(str(report[key])) for key in REPORT_NUMBERS if key in report},
        unit=report.get("uom"),
        texts=texts,
        flag=report.get("booleanValue"),
        times=times,
    )


def _fields(body: Mapping[str, Any], prefixes: Mapping[str, str]) -> dict[str, list[tuple[str, Any]]]:
    found: dict[str, list[tuple[str, Any]]] = {}

    def collect(where: str, holder: Any) -> None:
        for key, value in holder.items() if isinstance(holder, Mapping) else ():
            full = expanded(key, prefixes)
            if ":" in full and key != "@context":
                found.setdefault(where, []).extend((full, each) for each in _leaves(value))
                inner = f"INNER_{where}".removesuffix("_")
                found.setdefault(inner, []).extend(_nested(value, prefixes))

    collect("", body)
    collect("ILMD", body.get("ilmd"))
    collect("ERROR_DECLARATION", body.get("errorDeclaration"))
    for element in body.get("sensorElementList", ()):
        collect("SENSORELEMENT", element)
        collect("SENSORMETADATA", element.get("sensorMetadata"))
        for report in element["sensorReport"]:
            collect("SENSORREPORT", report)
    return found


def _leaves(value: Any) -> list[Any]:
    return [each for each in value if not isinstance(each, list | Mapping)] if isinstance(value, list) else [value]


def _nested(value: Any, prefixes: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping):
            for key, inside in each.items():
                yield from ((expanded(key, prefixes), leaf) for leaf in _leaves(inside))
                yield from _nested(inside, prefixes)
