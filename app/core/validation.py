"""From pydantic's faults to ours: a JSON pointer and a sentence in each language."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.core.errors import Gap

_CHINESE: Final[Mapping[str, str]] = {
    "missing": "缺少必填字段",
    "extra_forbidden": "不接受此字段",
    "string_type": "应为文本",
    "string_too_short": "至少需要 {min_length} 个字符",
    "string_too_long": "最多 {max_length} 个字符",
    "string_pattern_mismatch": "格式不正确，应符合 {pattern}",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "greater_than": "必须大于 {gt}",
    "greater_than_equal": "必须大于或等于 {ge}",
    "less_than": "必须小于 {lt}",
    "less_than_equal": "必须小于或等于 {le}",
    "enum": "应为以下之一：{expected}",
    "literal_error": "应为以下之一：{expected}",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "dataclass_type": "应为对象",
    "list_type": "应为数组",
    "too_short": "至少需要 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "date_from_datetime_parsing": "应为日期，例如 2026-03-01",
    "date_parsing": "应为日期，例如 2026-03-01",
    "timezone_aware": "时间必须带时区，例如 2026-03-01T08:00:00Z",
    "datetime_from_date_parsing": "应为时间，例如 2026-03-01T08:00:00Z",
    "datetime_parsing": "应为时间，例如 2026-03-01T08:00:00Z",
    "union_tag_invalid": "应为以下之一：{expected_tags}",
    "union_tag_not_found": "缺少 {discriminator}",
    "value_error": "内容不符合要求",
    "finite_number": "应为有限数字",
    "decimal_parsing": "应为小数",
}


def gaps_of(faults: Sequence[Mapping[str, Any]], body: Any = None) -> list[Gap]:
    """One gap for each fault, at most 50. `body` is what was sent, so that a pointer names what is there."""
    return [
        Gap(_pointer(_place(fault, body)), {"en": _english(fault), "zh-Hans": _chinese(fault)}) for fault in faults[:50]
    ]


def _place(fault: Mapping[str, Any], body: Any) -> Sequence[Any]:
    """Where the fault is, without the names of our own types, which pydantic puts between when there is a choice."""
    path: Sequence[Any] = fault["loc"]
    if body is None or not path or path[0] != "body":
        return path
    kept, node = ["body"], body
    for part in path[1:]:
        inside = isinstance(node, dict) and part in node
        if inside or (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            node = node[part]
            kept.append(part)
    return [*kept, path[-1]] if fault["type"] == "missing" else kept


def _pointer(path: Sequence[Any]) -> str:
    """RFC 6901, from the body's root; other parts of a request are named first: `/query/limit`, `/headers/if-match`."""
    names = {"body": [], "header": ["headers"]}
    parts = [*names.get(path[0], [path[0]]), *path[1:]] if path else []
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _english(fault: Mapping[str, Any]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    return message[:1].upper() + message[1:]


def _chinese(fault: Mapping[str, Any]) -> str:
    template = _CHINESE.get(fault["type"])
    if template is None:
        return _english(fault)
    try:
        return template.format(**fault.get("ctx", {}))
    except (KeyError, IndexError):
        return _english(fault)
