"""The query language of EPCIS 2.0 (8.2.7): from parameters to conditions that are understood, with every fault.

What conditions mean is in `matching`. A parameter that is not known is refused, never ignored.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app.epcis.context import URI, expanded, word_of
from app.epcis.epcs import canonical
from app.epcis.times import read_time
from app.epcis.values import Action, EventKind, Fault, Word, listed

CONDITIONS_MAX: Final = 50
VALUES_MAX: Final = 500
EVENTS_MAX: Final = 10_000
Value = str | bool | Decimal | datetime
_WORDS: Final[Mapping[str, Word]] = {
    "EQ_bizStep": Word.BIZ_STEP,
    "EQ_disposition": Word.DISPOSITION,
    "EQ_persistentDisposition_set": Word.DISPOSITION,
    "EQ_persistentDisposition_unset": Word.DISPOSITION,
    "EQ_errorReason": Word.ERROR_REASON,
    "EQ_type": Word.MEASUREMENT,
}
_NAMES: Final = frozenset(
    listed(
        "EQ_readPoint WD_readPoint EQ_bizLocation WD_bizLocation MATCH_epc MATCH_parentID MATCH_inputEPC MATCH_outputEPC "
        "MATCH_anyEPC MATCH_epcClass MATCH_inputEPCClass MATCH_outputEPCClass MATCH_anyEPCClass EQ_deviceID "
        "EQ_dataProcessingMethod EQ_microorganism EQ_chemicalSubstance EQ_bizRules"
    )
)
_TEXTS: Final = frozenset(
    listed("EQ_eventID EQ_correctiveEventID EQ_transformationID EQ_stringValue EQ_hexBinaryValue EQ_uriValue")
)
_TIMES: Final = frozenset(
    f"{operator}_{field}"
    for operator in ("GE", "LT")
    for field in ("eventTime", "recordTime", "errorDeclarationTime", "time", "startTime", "endTime")
)
_TIME_ALIASES: Final = {
    "GE_errorDeclaration_Time": "GE_errorDeclarationTime",
    "LT_errorDeclaration_Time": "LT_errorDeclarationTime",
    "EXISTS_sensorElement": "EXISTS_sensorElementList",
}
_FLAGS: Final = frozenset({"EXISTS_errorDeclaration", "EXISTS_sensorElementList", "EQ_booleanValue"})
_MEASURED: Final = re.compile(
    r"(EQ|GT|GE|LT|LE)_(value|minValue|maxValue|meanValue|sDev|percRank|percValue)(?:_([A-Z0-9]{2,3}))?", re.ASCII
)
_QUANTITY: Final = re.compile(r"(EQ|GT|GE|LT|LE)_quantity(?:_([A-Z0-9]{2,3}))?", re.ASCII)
_TYPED: Final = re.compile(r"EQ_(bizTransaction|source|destination)_(.+)", re.DOTALL)
_OWN: Final = re.compile(
    r"(EQ|GT|GE|LT|LE|EXISTS)_(INNER_)?(?:(ILMD|ERROR_DECLARATION|SENSORELEMENT|SENSORMETADATA|SENSORREPORT)_)?(.+:.+)",
    re.DOTALL,
)
_CONTROLS: Final = frozenset({"orderBy", "orderDirection", "eventCountLimit", "maxEventCount"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One parameter: what is looked at, how it is compared, and with which values (one of them is enough).

    `part` is a unit, the type of a transaction, source or destination, or the full name of an extension.
    """

    name: str
    operator: str
    values: tuple[Value, ...]
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions have to hold. `count_limit` cuts the result short, `count_max` refuses a longer one."""

    conditions: tuple[Condition, ...] = ()
    order_by: str = "recordTime"
    descending: bool = True
    ordered: bool = False
    count_limit: int | None = None
    count_max: int | None = None

    def values(self, name: str) -> list[tuple[Value, ...]]:
        """What was asked for under this name, once for each parameter that asks."""
        return [condition.values for condition in self.conditions if condition.name == name]


def read_query(asked: Mapping[str, Any]) -> Query | list[Fault]:
    """The query that these parameters make; or what is wrong with them. A list may also be written `a|b`."""
    prefixes = _prefixes(asked.get("@context"))
    faults: list[Fault] = []
    conditions: list[Condition] = []
    for name, raw in asked.items():
        if name in _CONTROLS or name == "@context":
            continue
        values = _values(raw)
        found = _condition(_TIME_ALIASES.get(name, name), values, prefixes) if 0 < len(values) <= VALUES_MAX else None
        if found is None and not 0 < len(values) <= VALUES_MAX:
            found = Fault("", f"One to {VALUES_MAX} values are needed", f"须有 1 至 {VALUES_MAX} 个值")
        if isinstance(found, Fault):
            faults.append(Fault(f"/{name}", found.en, found.zh))
        elif found is not None:
            conditions.append(found)
    if len(conditions) > CONDITIONS_MAX:
        faults.append(Fault("", f"At most {CONDITIONS_MAX} parameters", f"最多 {CONDITIONS_MAX} 个参数"))
    query = _controlled(asked, tuple(conditions), faults)
    return faults or query


def _prefixes(context: Any) -> dict[str, str]:
    parts = context if isinstance(context, list) else [context]
    return {
        name: where
        for part in parts
        if isinstance(part, Mapping)
        for name, where in part.items()
        if isinstance(where, str) and URI.fullmatch(where)
    }


def _values(raw: Any) -> list[Any]:
    if isinstance(raw, str):
        return [each for each in raw.split("|") if each]
    if isinstance(raw, Sequence):
        return [piece for each in raw for piece in (_values(each) if isinstance(each, str) else [each])]
    return [raw]


def _condition(name: str, values: list[Any], prefixes: Mapping[str, str]) -> Condition | Fault:
    operator = name.partition("_")[0]
    readers: tuple[tuple[Container[str], Callable[[Any], Value | None]], ...] = (
        ({"eventType"}, lambda each: _member(each, EventKind)),
        ({"EQ_action"}, lambda each: _member(each, Action)),
        (_WORDS, lambda each: _word(_WORDS[name], each, prefixes)),
        (_NAMES, lambda each: _name(each, prefixes)),
        (_TEXTS, lambda each: each if isinstance(each, str) and "\x00" not in each else None),
        (_TIMES, read_time),
        (_FLAGS, _flag),
    )
    for names, read in readers:
        if name in names:
            single = name in _TIMES or name in _FLAGS
            return _all(name, "EQ" if name == "eventType" else operator, [read(each) for each in values], single=single)
    return _flexible(name, values, prefixes) or Fault("", "There is no such parameter", "没有此查询参数")


def _flexible(name: str, values: list[Any], prefixes: Mapping[str, str]) -> Condition | Fault | None:
    if match := _QUANTITY.fullmatch(name):
        return _all("quantity", match[1], [_decimal(each) for each in values], part=match[2])
    if match := _MEASURED.fullmatch(name):
        return _all(match[2], match[1], [_decimal(each) for each in values], part=match[3])
    if match := _TYPED.fullmatch(name):
        word = Word.TRANSACTION if match[1] == "bizTransaction" else Word.SOURCE_DEST
        kind = word_of(word, match[2], prefixes)
        if kind is None:
            return Fault("", "There is no such type in CBV 2.0", "CBV 2.0 中没有此类型")
        return _all(match[1], "EQ", [_name(each, prefixes) for each in values], part=kind)
    match = _OWN.fullmatch(name)
    return _own(match, values, prefixes) if match else None


def _own(match: re.Match[str], values: list[Any], prefixes: Mapping[str, str]) -> Condition | Fault:
    """A condition on somebody's own field. Its name is compact, or full with a `#` before the local part if one likes."""
    full = match[4].replace("#", "") if "://" in match[4] else expanded(match[4], prefixes)
    place = f"{match[2] or ''}{match[3] or ''}".removesuffix("_")
    if match[1] == "EXISTS":
        return Condition(f"field:{place}", "EXISTS", (True,), full)
    return _all(f"field:{place}", match[1], [_scalar(each) for each in values], part=full)


def _all(
    name: str, operator: str, values: Sequence[Value | None], *, part: str | None = None, single: bool = False
) -> Condition | Fault:
    good = tuple(value for value in values if value is not None)
    if len(good) != len(values) or (single and len(values) != 1):
        return Fault("", "This value cannot be read here", "此处的值无法识别")
    return Condition(name, operator, good, part)


def _member(value: Any, words: type[EventKind] | type[Action]) -> str | None:
    return str(words(value)) if value in set(words) else None


def _word(kind: Word, value: Any, prefixes: Mapping[str, str]) -> str | None:
    return word_of(kind, value, prefixes) if isinstance(value, str) else None


def _name(value: Any, prefixes: Mapping[str, str]) -> str | None:
    if not isinstance(value, str):
        return None
    full = canonical(expanded(value, prefixes))
    return full if URI.fullmatch(full) else None


def _flag(value: Any) -> bool | None:
    return {"true": True, "false": False, "True": True, "False": False}.get(str(value))


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() and abs(number) < 10**18 else None


def _scalar(value: Any) -> Value | None:
    if isinstance(value, bool | str):
        return value
    return _decimal(value)


def _controlled(asked: Mapping[str, Any], conditions: tuple[Condition, ...], faults: list[Fault]) -> Query:
    order_by, direction = asked.get("orderBy", "recordTime"), asked.get("orderDirection", "DESC")
    if order_by not in ("eventTime", "recordTime"):
        faults.append(Fault("/orderBy", "One of: eventTime, recordTime", "应为 eventTime 或 recordTime"))
    if direction not in ("ASC", "DESC"):
        faults.append(Fault("/orderDirection", "One of: ASC, DESC", "应为 ASC 或 DESC"))
    counts: dict[str, int] = {}
    for name, count in _counts(asked):
        if count is None:
            faults.append(Fault(f"/{name}", f"A whole number from 1 to {EVENTS_MAX}", f"应为 1 至 {EVENTS_MAX} 的整数"))
        else:
            counts[name] = count
    if "eventCountLimit" in asked and "maxEventCount" in asked:
        faults.append(Fault("/maxEventCount", "Not together with eventCountLimit", "不能与 eventCountLimit 同时使用"))
    if "eventCountLimit" in asked and "orderBy" not in asked:
        faults.append(Fault("/orderBy", "eventCountLimit needs an order", "eventCountLimit 须配合 orderBy"))
    return Query(
        conditions,
        str(order_by),
        direction == "DESC",
        "orderBy" in asked,
        counts.get("eventCountLimit"),
        counts.get("maxEventCount"),
    )


def _counts(asked: Mapping[str, Any]) -> Iterator[tuple[str, int | None]]:
    for name in ("eventCountLimit", "maxEventCount"):
        if name in asked:
            text = str(asked[name])
            good = text.isdecimal() and text.isascii() and len(text) < 9 and 1 <= int(text) <= EVENTS_MAX
            yield name, int(text) if good else None
