"""Whether an event answers a query: every condition holds, and of its values one is enough (EPCIS 2.0, 8.2.7.1)."""

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app.epcis.epcs import ancestors
from app.epcis.query import Condition, Query, Value
from app.epcis.seen import Report, Seen
from app.epcis.times import read_time
from app.epcis.units import converted
from app.epcis.values import listed

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "EQ": operator.eq,
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
}
_EPC_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "MATCH_epc": ("epcList", "childEPCs"),
    "MATCH_parentID": ("parentID",),
    "MATCH_inputEPC": ("inputEPCList",),
    "MATCH_outputEPC": ("outputEPCList",),
    "MATCH_anyEPC": ("epcList", "childEPCs", "parentID", "inputEPCList", "outputEPCList"),
}
_CLASS_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "MATCH_epcClass": ("quantityList", "childQuantityList"),
    "MATCH_inputEPCClass": ("inputQuantityList",),
    "MATCH_outputEPCClass": ("outputQuantityList",),
    "MATCH_anyEPCClass": ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"),
}
_REPORT_TEXTS: Final = frozenset(
    listed(
        "EQ_deviceID EQ_dataProcessingMethod EQ_microorganism EQ_chemicalSubstance EQ_bizRules EQ_stringValue "
        "EQ_hexBinaryValue EQ_uriValue"
    )
)
_REPORT_TIMES: Final = ("time", "startTime", "endTime")
_PLAIN: Final[Mapping[str, Callable[[Seen], Iterable[Value | None]]]] = {
    "eventType": lambda event: [event.kind],
    "EQ_action": lambda event: [event.action],
    "EQ_bizStep": lambda event: [event.biz_step],
    "EQ_disposition": lambda event: [event.disposition],
    "EQ_persistentDisposition_set": lambda event: event.set_dispositions,
    "EQ_persistentDisposition_unset": lambda event: event.unset_dispositions,
    "EQ_readPoint": lambda event: [event.read_point],
    "EQ_bizLocation": lambda event: [event.biz_location],
    "EQ_transformationID": lambda event: [event.transformation_id],
    "EQ_eventID": lambda event: [event.event_id],
    "EQ_errorReason": lambda event: [event.declaration.reason] if event.declaration else [],
    "EQ_correctiveEventID": lambda event: event.declaration.corrective_ids if event.declaration else (),
    "EQ_type": lambda event: [report.kind for report in event.reports],
    "EQ_booleanValue": lambda event: [report.flag for report in event.reports],
}
_TYPED: Final[Mapping[str, Callable[[Seen], Iterable[tuple[str | None, str]]]]] = {
    "bizTransaction": lambda event: event.transactions,
    "source": lambda event: event.sources,
    "destination": lambda event: event.destinations,
}


def matches(query: Query, event: Seen) -> bool:
    """Whether the event answers the query."""
    return all(_holds(condition, event) for condition in query.conditions)


def _holds(condition: Condition, event: Seen) -> bool:
    name, wanted = condition.name, condition.values
    if name in _PLAIN:
        return any(value in wanted for value in _PLAIN[name](event))
    if name in _TYPED:
        return any(kind == condition.part and each in wanted for kind, each in _TYPED[name](event))
    if name in _EXISTS:
        return _EXISTS[name](event) or wanted != (True,)
    if name.startswith("MATCH_"):
        return any(each in wanted for name in _names(name, event) for each in ancestors(name))
    if name.startswith("WD_"):
        return any(is_within(place, str(each)) for place in _names(name, event) for each in wanted)
    return _holds_of_values(condition, event)


_EXISTS: Final[Mapping[str, Callable[[Seen], bool]]] = {
    "EXISTS_errorDeclaration": lambda event: event.declaration is not None,
    "EXISTS_sensorElementList": lambda event: event.has_sensors,
}


def _names(name: str, event: Seen) -> Iterable[str]:
    if name.startswith("WD_"):
        place = event.read_point if name == "WD_readPoint" else event.biz_location
        return () if place is None else (place,)
    if name in _EPC_FIELDS:
        return [each for field in _EPC_FIELDS[name] for each in event.epcs.get(field, ())]
    return [each.epc_class for field in _CLASS_FIELDS[name] for each in event.quantities.get(field, ())]


def _holds_of_values(condition: Condition, event: Seen) -> bool:
    name, wanted = condition.name, condition.values
    if name in _REPORT_TEXTS:
        return any(report.texts.get(name.removeprefix("EQ_")) in wanted for report in event.reports)
    if name == "quantity":
        return any(_measures(condition, each.amount, each.unit) for some in event.quantities.values() for each in some)
    if name.startswith("field:"):
        return _holds_of_field(condition, event)
    if name.startswith(("GE_", "LT_")):
        return any(_COMPARE[condition.operator](at, wanted[0]) for at in _times(name[3:], event))
    return any(_measures(condition, *_number(name, report)) for report in event.reports)


def is_within(place: str, wanted: str) -> bool:
    """Whether a place is another one or inside it: a location with an extension is inside the one without (SGLN), and a path
    inside the path that it begins with. Both in their one form.
    """
    return place == wanted or place.startswith(wanted.rstrip("/") + "/")


def _times(field: str, event: Seen) -> Iterable[datetime]:
    if field == "eventTime":
        return [event.event_time]
    if field == "recordTime":
        return [event.record_time]
    if field == "errorDeclarationTime":
        return [event.declaration.at] if event.declaration else []
    return [report.times[field] for report in event.reports if field in report.times]


def _number(name: str, report: Report) -> tuple[Decimal | None, str | None]:
    # A rank among others has no unit.
    return report.numbers.get(name), None if name == "percRank" else report.unit


def _measures(condition: Condition, value: Decimal | None, unit: str | None) -> bool:
    """A value in another unit of the same quantity counts as what it is in the unit that is asked for."""
    if value is not None and condition.part is not None:
        value = None if unit is None else converted(value, unit, condition.part)
    compare = _COMPARE[condition.operator]
    return value is not None and any(compare(value, each) for each in condition.values)


def _holds_of_field(condition: Condition, event: Seen) -> bool:
    place = condition.name.removeprefix("field:")
    held = [
        value
        for name, value in event.fields.get(place, ())
        if name in (condition.part, str(condition.part).replace("#", ""))
    ]
    if condition.operator == "EXISTS":
        return bool(held)
    return any(_compares(condition.operator, value, each) for value in held for each in condition.values)


def _compares(how: str, held: Any, wanted: Value) -> bool:
    """As numbers or as times where both are, else as text; text is only ever equal or not."""
    for read in (_as_number, read_time):
        left, right = read(held), read(wanted)
        if left is not None and right is not None:
            return _COMPARE[how](left, right)
    return how == "EQ" and (held == wanted or str(held) == str(wanted))


def _as_number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
