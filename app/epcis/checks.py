"""What each form of value must look like: every fault of an event, with its place."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from app.epcis.context import URI, URI_LENGTH_MAX, expanded, is_extension, word_of
from app.epcis.times import OFFSET, read_time
from app.epcis.values import (
    METADATA_FIELDS,
    REPORT_FIELDS,
    REPORT_NUMBERS,
    REPORT_URIS,
    Action,
    Fault,
    Form,
    Word,
)

Prefixes = Mapping[str, str]
Check = Callable[[Any, str, Prefixes], Iterator[Fault]]
LIST_LENGTH_MAX: Final = 10_000
TEXT_LENGTH_MAX: Final = 4_000
DEPTH_MAX: Final = 20
_UNIT: Final = re.compile(r"[A-Z0-9]{2,3}", re.ASCII)
_HEX: Final = re.compile(r"[A-Fa-f0-9]+", re.ASCII)
_WORDS: Final = {Form.BIZ_STEP: Word.BIZ_STEP, Form.DISPOSITION: Word.DISPOSITION}


def check(form: Form, value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    """The faults of a value that is to be of this form. Places are JSON pointers below `at`."""
    if form in _WORDS:
        yield from check_word(_WORDS[form], value, at, prefixes)
    else:
        yield from _CHECKS[form](value, at, prefixes)


def escaped(name: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def check_word(kind: Word, value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    """A word of a vocabulary of the standard in any of its forms, or somebody's own URI."""
    if not isinstance(value, str) or word_of(kind, value, prefixes) is None:
        yield Fault(at, "A word of CBV 2.0 or a URI of your own is needed", "应为 CBV 2.0 词汇或自有 URI")


def check_extension(name: str, value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    """A field of somebody's own: its name is a full URI or has a declared prefix, its value any JSON of a bounded size."""
    if not is_extension(name, prefixes):
        yield Fault(
            at, "There is no such field here; one of your own needs a declared prefix", "没有此字段；自有字段须声明前缀"
        )
    elif _too_deep(value):
        yield Fault(at, f"It is nested deeper than {DEPTH_MAX}, or too large", f"嵌套超过 {DEPTH_MAX} 层或内容过大")


def _too_deep(value: Any, depth: int = 0) -> bool:
    if depth > DEPTH_MAX:
        return True
    if isinstance(value, Mapping):
        keys = any("\x00" in key or len(key) > TEXT_LENGTH_MAX for key in value)
        return keys or any(_too_deep(each, depth + 1) for each in value.values())
    if isinstance(value, list):
        return len(value) > LIST_LENGTH_MAX or any(_too_deep(each, depth + 1) for each in value)
    return isinstance(value, str) and (len(value) > TEXT_LENGTH_MAX or "\x00" in value)


def _time(value: Any, at: str, _prefixes: Prefixes) -> Iterator[Fault]:
    moment = read_time(value)
    if moment is None or not 1900 <= moment.year <= 2200:
        yield Fault(at, "A time with its zone is needed, such as 2026-03-01T08:00:00Z", "应为带时区的时间")


def _offset(value: Any, at: str, _prefixes: Prefixes) -> Iterator[Fault]:
    if not isinstance(value, str) or not OFFSET.fullmatch(value):
        yield Fault(at, "The zone's offset from UTC is needed, such as +08:00", "应为与 UTC 的时差，例如 +08:00")


def _uri(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    is_one = isinstance(value, str) and len(value) <= URI_LENGTH_MAX and URI.fullmatch(expanded(value, prefixes))
    if not is_one:
        yield Fault(at, "A URI is needed, such as urn:epc:id:sscc:… or https://…", "应为 URI")


def _action(value: Any, at: str, _prefixes: Prefixes) -> Iterator[Fault]:
    if value not in set(Action):
        yield Fault(at, "One of: ADD, OBSERVE, DELETE", "应为 ADD、OBSERVE 或 DELETE")


def _items(value: Any, at: str) -> Iterator[Fault | tuple[str, Any]]:
    """The items of a list, each with its place; or the fault that it is none."""
    if not isinstance(value, list):
        yield Fault(at, "A list is needed, in brackets", "应为数组")
        return
    if len(value) > LIST_LENGTH_MAX:
        yield Fault(at, f"No more than {LIST_LENGTH_MAX} of them", f"最多 {LIST_LENGTH_MAX} 项")
        return
    yield from ((f"{at}/{index}", each) for index, each in enumerate(value))


def _each(value: Any, at: str, prefixes: Prefixes, one: Check) -> Iterator[Fault]:
    for item in _items(value, at):
        if isinstance(item, Fault):
            yield item
        else:
            yield from one(item[1], item[0], prefixes)


def _uris(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    yield from _each(value, at, prefixes, _uri)
    if isinstance(value, list) and all(isinstance(each, str) for each in value) and len(set(value)) != len(value):
        yield Fault(at, "Each one once only", "不能重复")


def _uri_or_uris(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    yield from (_uris if isinstance(value, list) else _uri)(value, at, prefixes)


def _number(value: Any, at: str) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e18:
        yield Fault(at, "A number is needed", "应为数字")


def _fields(
    value: Any, at: str, required: tuple[str, ...], known: Mapping[str, Check], prefixes: Prefixes, *, open_: bool
) -> Iterator[Fault]:
    """The faults of an object with these fields; what else it holds has to be an extension, where it may be extended at all."""
    if not isinstance(value, Mapping):
        yield Fault(at, "A JSON object is needed, in braces", "应为对象")
        return
    for name in required:
        if name not in value:
            yield Fault(f"{at}/{name}", "This field is needed", "缺少必填字段")
    for name, each in value.items():
        place = f"{at}/{escaped(name)}"
        if name in known:
            yield from known[name](each, place, prefixes)
        elif open_:
            yield from check_extension(name, each, place, prefixes)
        else:
            yield Fault(place, "There is no such field here", "不接受此字段")


def _place(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    yield from _fields(value, at, ("id",), {"id": _uri}, prefixes, open_=True)


def _quantity(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    known: dict[str, Check] = {"epcClass": _uri, "quantity": lambda each, place, _: _number(each, place), "uom": _unit}
    yield from _fields(value, at, ("epcClass",), known, prefixes, open_=False)
    if isinstance(value, Mapping) and "uom" in value and "quantity" not in value:
        yield Fault(f"{at}/quantity", "A unit needs a quantity", "有单位则须有数量")


def _unit(value: Any, at: str, _prefixes: Prefixes) -> Iterator[Fault]:
    if not isinstance(value, str) or not _UNIT.fullmatch(value):
        yield Fault(
            at, "A unit of UNECE Recommendation 20 is needed, such as CEL", "应为 UNECE 第 20 号建议书的单位代码"
        )


def _typed(name: str, word: Word, *, needs_type: bool) -> Check:
    known: dict[str, Check] = {
        "type": lambda value, at, prefixes: check_word(word, value, at, prefixes),
        name: _uri,
    }
    required = ("type", name) if needs_type else (name,)

    def one(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
        yield from _fields(value, at, required, known, prefixes, open_=False)

    return lambda value, at, prefixes: _each(value, at, prefixes, one)


def _persistent(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    def words(each: Any, place: str, prefixes: Prefixes) -> Iterator[Fault]:
        yield from _each(
            each, place, prefixes, lambda one, where, known: check_word(Word.DISPOSITION, one, where, known)
        )
        if each == []:
            yield Fault(place, "One or more are needed", "至少需要一项")

    yield from _fields(value, at, (), {"set": words, "unset": words}, prefixes, open_=False)
    if value == {}:
        yield Fault(at, "`set` or `unset` is needed", "须有 set 或 unset")


def _ilmd(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    yield from _fields(value, at, (), {}, prefixes, open_=True)


def _error(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    known: dict[str, Check] = {
        "declarationTime": _time,
        "reason": lambda each, place, inside: check_word(Word.ERROR_REASON, each, place, inside),
        "correctiveEventIDs": _uris,
    }
    yield from _fields(value, at, ("declarationTime",), known, prefixes, open_=True)


def _context(value: Any, at: str, _prefixes: Prefixes) -> Iterator[Fault]:
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str | Mapping) for part in parts) or len(parts) > 50 or _too_deep(value):
        yield Fault(at, "A JSON-LD context is an address, an object or a list of them", "应为 JSON-LD 上下文")


def _sensors(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    known: dict[str, Check] = {"sensorMetadata": _metadata, "sensorReport": _reports}

    def one(each: Any, place: str, inside: Prefixes) -> Iterator[Fault]:
        yield from _fields(each, place, ("sensorReport",), known, inside, open_=True)

    yield from _each(value, at, prefixes, one)


def _metadata(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    yield from _fields(
        value, at, (), {name: _CHECKS[form] for name, form in METADATA_FIELDS.items()}, prefixes, open_=True
    )
    if isinstance(value, Mapping) and (first := read_time(value.get("startTime"))):
        last = read_time(value.get("endTime"))
        if last is not None and last < first:
            yield Fault(f"{at}/endTime", "It ends before it begins", "结束时间早于开始时间")


def _reports(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    yield from _each(value, at, prefixes, _report)
    if value == []:
        yield Fault(at, "One or more are needed", "至少需要一项")


def _report(value: Any, at: str, prefixes: Prefixes) -> Iterator[Fault]:
    yield from _fields(value, at, ("type",), _REPORT, prefixes, open_=True)


def _text(value: Any, at: str, _prefixes: Prefixes) -> Iterator[Fault]:
    if not isinstance(value, str) or _too_deep(value):
        yield Fault(at, "Text is needed, in quotes", "应为文本")


def _flag(value: Any, at: str, _prefixes: Prefixes) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield Fault(at, "true or false is needed", "应为 true 或 false")


def _hex(value: Any, at: str, _prefixes: Prefixes) -> Iterator[Fault]:
    if not isinstance(value, str) or not _HEX.fullmatch(value) or len(value) > TEXT_LENGTH_MAX:
        yield Fault(at, "Hexadecimal digits are needed", "应为十六进制字符")


_REPORT: Final[Mapping[str, Check]] = {
    **dict.fromkeys(REPORT_URIS, _uri),
    **{name: lambda value, at, _: _number(value, at) for name in REPORT_NUMBERS},
    "type": lambda value, at, prefixes: check_word(Word.MEASUREMENT, value, at, prefixes),
    "exception": lambda value, at, prefixes: check_word(Word.ALERT, value, at, prefixes),
    "component": lambda value, at, prefixes: check_word(Word.COMPONENT, value, at, prefixes),
    "time": _time,
    "uom": _unit,
    "stringValue": _text,
    "booleanValue": _flag,
    "hexBinaryValue": _hex,
}
assert _REPORT.keys() == REPORT_FIELDS
_CHECKS: Final[Mapping[Form, Check]] = {
    Form.TIME: _time,
    Form.OFFSET: _offset,
    Form.URI: _uri,
    Form.URIS: _uris,
    Form.URI_OR_URIS: _uri_or_uris,
    Form.ACTION: _action,
    Form.PERSISTENT: _persistent,
    Form.PLACE: _place,
    Form.QUANTITIES: lambda value, at, prefixes: _each(value, at, prefixes, _quantity),
    Form.TRANSACTIONS: _typed("bizTransaction", Word.TRANSACTION, needs_type=False),
    Form.SOURCES: _typed("source", Word.SOURCE_DEST, needs_type=True),
    Form.DESTINATIONS: _typed("destination", Word.SOURCE_DEST, needs_type=True),
    Form.SENSORS: _sensors,
    Form.ILMD: _ilmd,
    Form.ERROR: _error,
    Form.CONTEXT: _context,
}
