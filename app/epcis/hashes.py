"""The event hash id of CBV 2.0 (8.9): the same id for the same event, however it is written down."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app.epcis.context import declared, expanded, web_uri, word_of
from app.epcis.epcs import canonical
from app.epcis.times import in_utc, read_time
from app.epcis.values import METADATA_FIELDS, Event, Word, listed

ALGORITHM: Final = "ni:///sha-256;{digest}?ver=CBV2.0"
# The order of the reference implementation (GS1 Germany, 2023), by which the hash values of CBV 2.0 were computed that are published.
# Where it differs from the table in the text (`type` before the value, destinations before sources), the values go before the table.
_ORDER: Final = listed(
    "eventTime eventTimeZoneOffset certificationInfo parentID epcList inputEPCList childEPCs quantityList childQuantityList "
    "inputQuantityList outputEPCList outputQuantityList action transformationID bizStep disposition persistentDisposition "
    "readPoint bizLocation sensorElementList bizTransactionList destinationList ilmd sourceList"
)
_REPORT_ORDER: Final = listed(
    "type exception deviceID deviceMetadata rawData dataProcessingMethod time microorganism chemicalSubstance value component "
    "stringValue booleanValue hexBinaryValue uriValue minValue maxValue meanValue sDev percRank percValue uom "
    "coordinateReferenceSystem"
)
_TIMES: Final = frozenset({"eventTime", "time", "startTime", "endTime"})
_LISTS: Final[Mapping[str, str]] = {
    "epcList": "epc",
    "childEPCs": "epc",
    "inputEPCList": "epc",
    "outputEPCList": "epc",
    "quantityList": "quantityElement",
    "childQuantityList": "quantityElement",
    "inputQuantityList": "quantityElement",
    "outputQuantityList": "quantityElement",
}
_TYPED: Final[Mapping[str, tuple[str, Word]]] = {
    "bizTransactionList": ("bizTransaction", Word.TRANSACTION),
    "sourceList": ("source", Word.SOURCE_DEST),
    "destinationList": ("destination", Word.SOURCE_DEST),
}
_PLAIN: Final = frozenset({"eventTime", "eventTimeZoneOffset", "parentID", "action", "transformationID"})
_VOCABULARY: Final[Mapping[str, Word]] = {"bizStep": Word.BIZ_STEP, "disposition": Word.DISPOSITION}
_REPORT_VOCABULARY: Final[Mapping[str, Word]] = {
    "type": Word.MEASUREMENT,
    "exception": Word.ALERT,
    "component": Word.COMPONENT,
}
# Not of the event itself, or said of it afterwards.
_LEFT_OUT: Final = frozenset(
    {"@context", "type", "recordTime", "eventID", "errorDeclaration", "rdfs:comment", "comment"}
)


def hash_id(event: Event) -> str:
    """The `ni` URI (RFC 6920) that names an event by its content."""
    return ALGORITHM.format(digest=hashlib.sha256(pre_hash(event).encode()).hexdigest())


def pre_hash(event: Event) -> str:
    """What is hashed: every field in the standard's order, names brought to one form, lists sorted."""
    body, prefixes = event.body, event.prefixes
    known = "".join(_field(name, body[name], prefixes) for name in _ORDER if name in body)
    return f"eventType={event.kind}{known}{_extensions(body, {*_ORDER, *_LEFT_OUT}, prefixes)}"


def _field(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    if name in _PLAIN:
        return _pair(name, value, prefixes)
    if name in _VOCABULARY:
        return _pair(name, _in_full(_VOCABULARY[name], value, prefixes), prefixes)
    if name in _LISTS:
        return _section(name, sorted(_listed(_LISTS[name], each, prefixes) for each in value))
    if name in _TYPED:
        return _section(name, sorted(_typed(name, each, prefixes) for each in value))
    return _NESTED[name](name, value, prefixes)


def _place(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    return f"{name}{_pair('id', value['id'], prefixes)}{_extensions(value, {'id'}, prefixes)}"


def _persistent(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    def words(key: str) -> list[str]:
        return sorted(_pair(key, _in_full(Word.DISPOSITION, each, prefixes), prefixes) for each in value.get(key, ()))

    return name + "".join([*words("set"), *words("unset")])


def _sensors(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    return _section(name, sorted(_sensor(each, prefixes) for each in value))


def _certificates(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    return "".join(sorted(_pair(name, each, prefixes) for each in (value if isinstance(value, list) else [value])))


def _ilmd(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    return f"{name}{_extensions(value, set(), prefixes)}"


_NESTED: Final[Mapping[str, Callable[[str, Any, Mapping[str, str]], str]]] = {
    "readPoint": _place,
    "bizLocation": _place,
    "persistentDisposition": _persistent,
    "sensorElementList": _sensors,
    "certificationInfo": _certificates,
    "ilmd": _ilmd,
}


def _section(name: str, parts: Iterable[str]) -> str:
    inside = "".join(parts)
    return f"{name}{inside}" if inside else ""


def _listed(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    if not isinstance(value, Mapping):
        return _pair(name, value, prefixes)
    return name + "".join(_pair(key, value[key], prefixes) for key in ("epcClass", "quantity", "uom") if key in value)


def _typed(name: str, value: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    key, word = _TYPED[name]
    kind = _pair("type", _in_full(word, value["type"], prefixes), prefixes) if "type" in value else ""
    return kind + _pair(key, value[key], prefixes)


def _sensor(value: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    parts = ""
    if meta := value.get("sensorMetadata"):
        fields = "".join(_pair(key, meta[key], prefixes) for key in METADATA_FIELDS if key in meta)
        parts += f"sensorMetadata{fields}{_extensions(meta, METADATA_FIELDS.keys(), prefixes)}"
    parts += "".join(sorted(_report(each, prefixes) for each in value["sensorReport"]))
    return f"sensorElement{parts}{_extensions(value, {'sensorMetadata', 'sensorReport'}, prefixes)}"


def _report(value: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    fields = "".join(
        _pair(
            key,
            _in_full(_REPORT_VOCABULARY[key], value[key], prefixes) if key in _REPORT_VOCABULARY else value[key],
            prefixes,
        )
        for key in _REPORT_ORDER
        if key in value
    )
    return f"sensorReport{fields}{_extensions(value, {*_REPORT_ORDER, 'bizRules'}, prefixes)}"


def _in_full(kind: Word, written: str, prefixes: Mapping[str, str]) -> str:
    word = word_of(kind, written, prefixes)
    return written if word is None else web_uri(kind, word)


def _extensions(value: Mapping[str, Any], known: Iterable[str], prefixes: Mapping[str, str]) -> str:
    """Fields of somebody's own, by their full names in braces, sorted."""
    known = set(known)
    return "".join(
        sorted(part for key, each in value.items() if key not in known for part in _open(key, each, prefixes))
    )


def _open(key: str, value: Any, prefixes: Mapping[str, str]) -> list[str]:
    if key in _LEFT_OUT:
        return []
    name = _braced(key, prefixes)
    if isinstance(value, list):
        return [part for each in value for part in _open(key, each, prefixes)]
    if isinstance(value, Mapping):
        inner = {**prefixes, **declared(value.get("@context"))}
        return [name + "".join(sorted(part for each in value for part in _open(each, value[each], inner)))]
    return [_pair(name, value, prefixes)] if _canonical_value(value, prefixes) else [name]


def _braced(key: str, prefixes: Mapping[str, str]) -> str:
    prefix, colon, local = key.partition(":")
    full = expanded(key, prefixes)
    return f"{{{full[: -len(local)]}}}{local}" if colon and full != key and prefix else key


def _pair(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    if name in _TIMES:
        moment = read_time(value)
        return f"{name}={in_utc(moment) if moment else value}"
    return f"{name}={_canonical_value(value, prefixes)}"


def _canonical_value(value: Any, prefixes: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    text = str(value).strip()
    try:
        return _number(Decimal(text))
    except InvalidOperation:
        return canonical(expanded(text, prefixes))


def _number(value: Decimal) -> str:
    if not value.is_finite():
        return str(value)
    return format(value.normalize(), "f") if value else "0"
