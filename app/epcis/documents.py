"""Reading EPCIS documents whole: the envelope, then each event by itself, with every fault and its place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.epcis.checks import check, check_extension, escaped
from app.epcis.context import declared, expanded, tidied
from app.epcis.times import read_time
from app.epcis.values import EPCIS_NAMESPACE, FIELDS, REQUIRED, Action, Event, EventKind, Fault, Form

DOCUMENT: Final = "EPCISDocument"
QUERY_DOCUMENT: Final = "EPCISQueryDocument"
FAULTS_MAX: Final = 100
_ENVELOPE: Final = frozenset(
    {"@context", "id", "type", "schemaVersion", "creationDate", "instanceIdentifier", "sender", "receiver"}
    | {"epcisHeader", "epcisBody"}
)


@dataclass(frozen=True, slots=True)
class Document:
    """The events of a document as they were sent, each with where it stood, and the prefixes that hold for all of them."""

    events: Sequence[Mapping[str, Any]]
    prefixes: Mapping[str, str]
    at: str


def read_document(sent: Any) -> Document | list[Fault]:
    """The events of an EPCISDocument or an EPCISQueryDocument, not looked into yet; or what is wrong with the envelope."""
    if not isinstance(sent, Mapping):
        return [Fault("", "A JSON object is needed, in braces", "应为对象")]
    prefixes = declared(sent.get("@context"))
    envelope = tidied(dict.fromkeys(sent), prefixes)
    kind = str(sent.get("type", sent.get("@type", ""))).removeprefix("epcis:").removeprefix(EPCIS_NAMESPACE)
    faults = list(_envelope_faults(sent, kind, envelope, prefixes))
    path = ("epcisBody", "eventList") if kind == DOCUMENT else ("epcisBody", "queryResults", "resultsBody", "eventList")
    events: Any = sent
    for name in path:
        events = _get(events, name, prefixes)
    at = "/" + "/".join(path)
    if kind in (DOCUMENT, QUERY_DOCUMENT) and not isinstance(events, list):
        faults.append(Fault(at, "A list of events is needed", "应为事件数组"))
    return faults[:FAULTS_MAX] or Document(events, prefixes, at)


def _get(value: Any, name: str, prefixes: Mapping[str, str]) -> Any:
    if not isinstance(value, Mapping):
        return None
    return next(
        (each for key, each in value.items() if name in (key, expanded(key, prefixes).removeprefix(EPCIS_NAMESPACE))),
        None,
    )


def _envelope_faults(
    sent: Mapping[str, Any], kind: str, names: Mapping[str, Any], prefixes: Mapping[str, str]
) -> Iterator[Fault]:
    if kind not in (DOCUMENT, QUERY_DOCUMENT):
        yield Fault(
            "/type", "EPCISDocument or EPCISQueryDocument is needed", "应为 EPCISDocument 或 EPCISQueryDocument"
        )
    needed = ("@context", "schemaVersion", "creationDate") if kind == DOCUMENT else ("@context",)
    for name in needed:
        if name not in names:
            yield Fault(f"/{name}", "This field is needed", "缺少必填字段")
    if "@context" in sent:
        yield from check(Form.CONTEXT, sent["@context"], "/@context", prefixes)
    version = _get(sent, "schemaVersion", prefixes)
    if version is not None and (not isinstance(version, str) or version.split(".")[:2] != ["2", "0"]):
        yield Fault("/schemaVersion", "Documents of EPCIS 2.0 are taken", "仅接受 EPCIS 2.0 文档")
    created = _get(sent, "creationDate", prefixes)
    if created is not None:
        yield from check(Form.TIME, created, "/creationDate", prefixes)
    for name in sent:
        if (
            name not in _ENVELOPE
            and expanded(name, prefixes).removeprefix(EPCIS_NAMESPACE) not in _ENVELOPE
            and name not in ("@type", "@id")
        ):
            yield from check_extension(name, sent[name], f"/{escaped(name)}", prefixes)


def read_event(told: Any, outer: Mapping[str, str], at: str = "") -> Event | list[Fault]:
    """One event, whole and good; or everything that is wrong with it. `outer` are the prefixes of the document around it."""
    if not isinstance(told, Mapping):
        return [Fault(at, "A JSON object is needed, in braces", "应为对象")]
    prefixes = {**outer, **declared(told.get("@context"))}
    body = tidied(told, prefixes)
    named = str(body.get("type")).removeprefix("epcis:").removeprefix(EPCIS_NAMESPACE)
    if named not in set(EventKind):
        words = ", ".join(EventKind)
        return [Fault(f"{at}/type", f"One of: {words}", f"应为以下之一：{words}")]
    kind = EventKind(named)
    body["type"] = kind.value
    faults = [*_missing(kind, body, at), *_field_faults(kind, body, at, prefixes)]
    faults += _rule_faults(kind, body, at)
    if faults:
        return faults[:FAULTS_MAX]
    moment = read_time(body["eventTime"])
    assert moment is not None
    return Event(kind, moment, body, prefixes, told)


def _missing(kind: EventKind, body: Mapping[str, Any], at: str) -> Iterator[Fault]:
    for name in REQUIRED[kind]:
        if name not in body:
            yield Fault(f"{at}/{name}", "This field is needed", "缺少必填字段")


def _field_faults(kind: EventKind, body: Mapping[str, Any], at: str, prefixes: Mapping[str, str]) -> Iterator[Fault]:
    known = FIELDS[kind]
    everywhere = {name for fields in FIELDS.values() for name in fields}
    for name, value in body.items():
        place = f"{at}/{escaped(name)}"
        if name in known:
            yield from check(known[name], value, place, prefixes)
        elif name in everywhere:
            yield Fault(place, f"A {kind} has no such field", f"{kind} 没有此字段")
        elif name != "type":
            yield from check_extension(name, value, place, prefixes)


def _rule_faults(kind: EventKind, body: Mapping[str, Any], at: str) -> Iterator[Fault]:
    """What must be there together, or must not: EPCIS 2.0, 7.4.2 to 7.4.7."""
    rules = {
        EventKind.OBJECT: _object_faults,
        EventKind.AGGREGATION: _nesting_faults,
        EventKind.ASSOCIATION: _nesting_faults,
        EventKind.TRANSACTION: _transaction_faults,
        EventKind.TRANSFORMATION: _transformation_faults,
    }
    yield from rules[kind](body, at)


def _object_faults(body: Mapping[str, Any], at: str) -> Iterator[Fault]:
    sensed = body.get("sensorElementList") and "readPoint" in body
    if not ("epcList" in body or body.get("quantityList") or sensed):
        yield Fault(
            f"{at}/epcList",
            "It names what it is about: epcList, quantityList, or sensorElementList with readPoint",
            "须有 epcList、quantityList，或 sensorElementList 加 readPoint",
        )
    if "ilmd" in body and body.get("action") in (Action.OBSERVE, Action.DELETE):
        yield Fault(f"{at}/ilmd", "Only an ObjectEvent with the action ADD has it", "仅 action 为 ADD 时可用")


def _nesting_faults(body: Mapping[str, Any], at: str) -> Iterator[Fault]:
    action = body.get("action")
    if not (body.get("childEPCs") or body.get("childQuantityList") or action == Action.DELETE):
        yield Fault(
            f"{at}/childEPCs", "childEPCs or childQuantityList is needed", "须有 childEPCs 或 childQuantityList"
        )
    if body["type"] != EventKind.ASSOCIATION and "parentID" not in body and action in (Action.ADD, Action.DELETE):
        yield Fault(f"{at}/parentID", "This field is needed", "缺少必填字段")


def _transaction_faults(body: Mapping[str, Any], at: str) -> Iterator[Fault]:
    if body.get("bizTransactionList") == []:
        yield Fault(f"{at}/bizTransactionList", "One or more are needed", "至少需要一项")
    if not ("epcList" in body or body.get("quantityList") or body.get("action") == Action.DELETE):
        yield Fault(f"{at}/epcList", "epcList or quantityList is needed", "须有 epcList 或 quantityList")


def _transformation_faults(body: Mapping[str, Any], at: str) -> Iterator[Fault]:
    goes_in = body.get("inputEPCList") or body.get("inputQuantityList")
    comes_out = body.get("outputEPCList") or body.get("outputQuantityList")
    joined = "transformationID" in body and (goes_in or comes_out)
    if not joined and not (goes_in and comes_out):
        yield Fault(
            f"{at}/{'outputEPCList' if goes_in else 'inputEPCList'}",
            "Inputs and outputs are needed, or one of them with a transformationID",
            "须同时有输入和输出，或其一加 transformationID",
        )
