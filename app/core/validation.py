"""From pydantic's faults to ours: a JSON pointer and a sentence in each language."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from app.core.errors import Gap

# What is wrong, for people, by the kind of fault: in English and in Chinese.
_SAID: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("This field is needed", "缺少必填字段"),
    "extra_forbidden": ("There is no such field here", "不接受此字段"),
    "string_type": ("Text is needed, in quotes", "应为文本"),
    "string_too_short": ("At least {min_length} characters are needed", "至少需要 {min_length} 个字符"),
    "string_too_long": ("At most {max_length} characters", "最多 {max_length} 个字符"),
    "int_type": ("A whole number is needed", "应为整数"),
    "int_parsing": ("A whole number is needed", "应为整数"),
    "int_parsing_size": ("The number is too large", "数字过大"),
    "int_from_float": ("A whole number is needed", "应为整数"),
    "float_type": ("A number is needed", "应为数字"),
    "float_parsing": ("A number is needed", "应为数字"),
    "bool_type": ("true or false is needed", "应为 true 或 false"),
    "bool_parsing": ("true or false is needed", "应为 true 或 false"),
    "greater_than": ("More than {gt} is needed", "必须大于 {gt}"),
    "greater_than_equal": ("At least {ge}", "必须大于或等于 {ge}"),
    "less_than": ("Less than {lt} is needed", "必须小于 {lt}"),
    "less_than_equal": ("At most {le}", "必须小于或等于 {le}"),
    "enum": ("One of: {expected}", "应为以下之一：{expected}"),
    "literal_error": ("One of: {expected}", "应为以下之一：{expected}"),
    "dict_type": ("A JSON object is needed, in braces", "应为对象"),
    "model_type": ("A JSON object is needed, in braces", "应为对象"),
    "model_attributes_type": ("A JSON object is needed, in braces", "应为对象"),
    "dataclass_type": ("A JSON object is needed, in braces", "应为对象"),
    "list_type": ("A list is needed, in brackets", "应为数组"),
    "too_short": ("{min_length} or more are needed", "至少需要 {min_length} 项"),
    "too_long": ("No more than {max_length} of them", "最多 {max_length} 项"),
    "date_type": ("A date is needed, such as 2026-03-01", "应为日期，例如 2026-03-01"),
    "date_from_datetime_parsing": ("A date is needed, such as 2026-03-01", "应为日期，例如 2026-03-01"),
    "date_from_datetime_inexact": ("A date is needed, such as 2026-03-01", "应为日期，例如 2026-03-01"),
    "date_parsing": ("A date is needed, such as 2026-03-01", "应为日期，例如 2026-03-01"),
    "timezone_aware": (
        "A time needs its zone, such as 2026-03-01T08:00:00Z",
        "时间必须带时区，例如 2026-03-01T08:00:00Z",
    ),
    "datetime_type": ("A time is needed, such as 2026-03-01T08:00:00Z", "应为时间，例如 2026-03-01T08:00:00Z"),
    "datetime_from_date_parsing": (
        "A time is needed, such as 2026-03-01T08:00:00Z",
        "应为时间，例如 2026-03-01T08:00:00Z",
    ),
    "datetime_parsing": ("A time is needed, such as 2026-03-01T08:00:00Z", "应为时间，例如 2026-03-01T08:00:00Z"),
    "datetime_object_invalid": (
        "A time is needed, such as 2026-03-01T08:00:00Z",
        "应为时间，例如 2026-03-01T08:00:00Z",
    ),
    "union_tag_invalid": ("One of: {expected_tags}", "应为以下之一：{expected_tags}"),
    "union_tag_not_found": ("{discriminator} is needed", "缺少 {discriminator}"),
    "finite_number": ("A finite number is needed", "应为有限数字"),
    "decimal_parsing": ("A decimal number is needed", "应为小数"),
    "base64_decode": ("This is not base 64", "应为 base64 编码"),
    "bytes_too_long": ("At most {max_length} bytes", "最多 {max_length} 字节"),
    "bytes_type": ("Text is needed, in quotes", "应为文本"),
    "string_unicode": ("Text has to be Unicode (UTF-8)", "文本应为 UTF-8 编码"),
}
_UNSAID: Final = "内容不符合要求"
# What our own validators say, in Chinese.
_OURS: Final[Mapping[str, str]] = {
    "A time is text such as 2026-03-01T08:00:00Z": "时间应为文本，例如 2026-03-01T08:00:00Z",
    "A time between the years 2000 and 2100 is needed": "时间应在 2000 年至 2100 年之间",
    'A quantity is a decimal string such as "12.5", with at most 3 decimals': '数量应为十进制数字文本，例如 "12.5"，最多 3 位小数',
    "Control characters are not allowed": "不能包含控制字符",
    "Must not be blank": "不能为空白",
    "A `corrected` event names in `corrects` the id of the event that it withdraws": "corrected 事件须在 corrects 中填写所撤回事件的编号",
    "An event cannot correct itself: it needs an id of its own": "事件不能更正自身，请使用新的编号",
    "Only an `estimated` event has `estimated_at`": "仅 estimated 事件可填写 estimated_at",
}


# What a pattern means, for people: by the pattern itself, whichever field has it.
_MEANT: Final[Mapping[str, Mapping[str, str]]] = {
    r"^\+[1-9][0-9]{7,14}$": {
        "en": "A phone number begins with + and the code of its country, digits only, such as +8610000000123",
        "zh-Hans": "电话号码须以 + 和国家代码开头，只含数字，例如 +8610000000123",
    },
    r"^[+ ][1-9][0-9]{7,14}$": {
        "en": "A phone number begins with + and the code of its country, digits only, such as +8610000000123",
        "zh-Hans": "电话号码须以 + 和国家代码开头，只含数字，例如 +8610000000123",
    },
    r"^[0-9]{18}$": {
        "en": "An SSCC is 18 digits (GS1), the last one a check digit",
        "zh-Hans": "SSCC 为 18 位数字（GS1），末位为校验码",
    },
    r"^(pkg_[0-7][0-9a-hjkmnp-tv-z]{25}|[0-9]{18})$": {
        "en": "The id of a package (it begins with pkg_), or the 18 digits of its SSCC",
        "zh-Hans": "应为包裹编号（以 pkg_ 开头），或其 18 位 SSCC",
    },
    r"^[A-Za-z0-9_-]{43}$": {
        "en": "An Ed25519 public key: 32 bytes in base64url, 43 characters without padding",
        "zh-Hans": "Ed25519 公钥：32 字节的 base64url 文本，43 个字符，不带填充",
    },
    r"^[A-Za-z0-9_-]{86}$": {
        "en": "An Ed25519 signature: 64 bytes in base64url, 86 characters without padding",
        "zh-Hans": "Ed25519 签名：64 字节的 base64url 文本，86 个字符，不带填充",
    },
    r"^(0|[1-9][0-9]?)(\.[0-9]{1,2})?$": {
        "en": 'A percentage as text with at most two decimals, such as "2.4"',
        "zh-Hans": '应为百分数文本，最多两位小数，例如 "2.4"',
    },
    r"^[^\r\n]+$": {"en": "One line of text", "zh-Hans": "应为单行文本"},
    r"^[A-Za-z0-9][A-Za-z0-9 .@+_-]{3,62}[A-Za-z0-9]$": {
        "en": "An account's number is 5 to 64 letters and digits, with spaces, points, hyphens, @ or + between them",
        "zh-Hans": "账号为 5 至 64 个字母或数字，中间可含空格、点、连字符、@ 或 +",
    },
    r"^[0-9]{6}$": {"en": "The code is six digits", "zh-Hans": "验证码为 6 位数字"},
    r"^[1-9][0-9]{5}$": {
        "en": "A county is its six-digit code (GB/T 2260), such as 653201",
        "zh-Hans": "区县应为 6 位行政区划代码（GB/T 2260），例如 653201",
    },
    r"^[1-9][0-9](?:[0-9]{2}(?:[0-9]{2})?)?$": {
        "en": "A place is the code (GB/T 2260) of a province (2 digits), a prefecture (4) or a county (6), such as 65, 6532 or 653201",
        "zh-Hans": "地区应为行政区划代码：省 2 位、地州市 4 位或区县 6 位，例如 65、6532 或 653201",
    },
    r"^[A-Z]{2}$": {
        "en": "A country is two capital letters (ISO 3166), such as CN",
        "zh-Hans": "国家应为两个大写字母（ISO 3166），例如 CN",
    },
    r"^https?://[^\s]+$": {
        "en": "An address begins with https:// and has no spaces, such as https://shop.example/my-account",
        "zh-Hans": "网址应以 https:// 开头且不含空格，例如 https://shop.example/my-account",
    },
    r"^[A-Z]{3}$": {
        "en": "A currency is three capital letters (ISO 4217), such as CNY",
        "zh-Hans": "货币应为三个大写字母（ISO 4217），例如 CNY",
    },
    r"^-?[0-9]{1,2}(\.[0-9]{1,8})?,-?[0-9]{1,3}(\.[0-9]{1,8})?$": {
        "en": "A point is latitude,longitude in degrees, such as 37.11,79.93",
        "zh-Hans": "位置应为“纬度,经度”（度），例如 37.11,79.93",
    },
    r"^[A-Za-z0-9][A-Za-z0-9_-]{1,15}$": {
        "en": "A feed's name is 2 to 16 letters, digits, hyphens or underscores and begins with a letter or digit, such as KASHI-BUS",
        "zh-Hans": "数据源名称为 2 至 16 个字母、数字、连字符或下划线，以字母或数字开头，例如 KASHI-BUS",
    },
    r"^[A-Za-z0-9][A-Za-z0-9_-]{1,39}$": {
        "en": "A code is 2 to 40 letters, digits, hyphens or underscores and begins with a letter or digit, such as HOTAN",
        "zh-Hans": "代码由 2 至 40 个字母、数字、连字符或下划线组成，以字母或数字开头，例如 HOTAN",
    },
    r"^[A-Za-z0-9][A-Za-z0-9_-]{1,59}$": {
        "en": "The owner of an account is the id of a person or producer, the code of a carrier, platform, or stripe",
        "zh-Hans": "账户所有者应为个人或生产者的编号、承运方代码、platform 或 stripe",
    },
    r"^[A-Z0-9][A-Z0-9_-]{1,39}$": {
        "en": "A code is 2 to 40 capital letters, digits, hyphens or underscores and begins with a letter or digit, such as HOTAN",
        "zh-Hans": "代码由 2 至 40 个大写字母、数字、连字符或下划线组成，以字母或数字开头，例如 HOTAN",
    },
    r"^[a-z][a-z_]{1,39}$": {
        "en": "A reason is a code in small letters with underscores, such as changed_mind; see GET /v1/policies",
        "zh-Hans": "原因代码由小写字母和下划线组成，例如 changed_mind，请见 GET /v1/policies",
    },
    r"^[A-Z0-9_-]{2,20}$": {
        "en": "A hub's code is 2 to 20 capital letters, digits, hyphens or underscores, such as SHANGHAI",
        "zh-Hans": "枢纽代码由 2 至 20 个大写字母、数字、连字符或下划线组成，例如 SHANGHAI",
    },
    r"^[123][0-9]{14}$": {
        "en": "An ear tag is 15 digits: 1, 2 or 3 for the species, six for the county, eight for the animal",
        "zh-Hans": "耳标为 15 位数字：首位 1、2 或 3 表示畜种，其后 6 位县区代码和 8 位编号",
    },
    r"^(?:image/jpeg|image/png|image/webp)$": {
        "en": "A photo is image/jpeg, image/png or image/webp",
        "zh-Hans": "照片类型应为 image/jpeg、image/png 或 image/webp",
    },
    r"^[0-9a-f]{64}$": {
        "en": "A SHA-256 is 64 hexadecimal digits in small letters",
        "zh-Hans": "SHA-256 应为 64 位小写十六进制字符",
    },
    r"^-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?$": {
        "en": 'A reading is a decimal number as text, such as "4.1"',
        "zh-Hans": '读数应为十进制数字文本，例如 "4.1"',
    },
    r"^[A-Z0-9]{2,3}$": {
        "en": "A unit is two or three capital letters or digits (UN/ECE Recommendation 20), such as CEL",
        "zh-Hans": "单位应为 2 至 3 个大写字母或数字（UN/ECE 第 20 号建议书），例如 CEL",
    },
    r"^[!-~]+$": {
        "en": "Only letters, digits and signs of ASCII may stand here, without spaces",
        "zh-Hans": "只能使用 ASCII 字母、数字和符号，不含空格",
    },
    r"^[A-Za-z0-9 -]{1,40}$": {
        "en": "A tracking number is letters and digits, with spaces or hyphens where you like, such as CM3141592653589",
        "zh-Hans": "运单号由字母和数字组成，可带空格或连字符，例如 CM3141592653589",
    },
    r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$": {
        "en": "A language is its BCP 47 tag, such as zh-Hans, en or ug",
        "zh-Hans": "语言应为 BCP 47 标签，例如 zh-Hans、en 或 ug",
    },
}
_QUOTED: Final = re.compile("'([^']*)'")
_OF_IDS: Final = re.compile(r"\^([a-z]{2,4})_\[0-7\]")
_OF_DECIMALS: Final = re.compile(r"\^(-\?)?\(\?:0\|")
_LENGTHS: Final = {
    "too_long": ("max_length", {"en": "At most {n} characters", "zh-Hans": "最多 {n} 个字符"}),
    "too_short": ("min_length", {"en": "At least {n} characters are needed", "zh-Hans": "至少需要 {n} 个字符"}),
}


def meant_by(pattern: str) -> Mapping[str, str] | None:
    """In words, what a field with this pattern wants; None for a pattern that nobody has explained."""
    if found := _OF_IDS.match(pattern):
        return {
            "en": f"An id that begins with {found[1]}_ and has 26 small letters and digits after it",
            "zh-Hans": f"应为以 {found[1]}_ 开头、其后 26 个小写字母和数字的编号",
        }
    if _OF_DECIMALS.match(pattern):
        return {"en": 'A decimal number as text, such as "12.5"', "zh-Hans": '应为十进制数字文本，例如 "12.5"'}
    return _MEANT.get(pattern)


def gaps_of(faults: Sequence[Mapping[str, Any]], body: Any = None) -> list[Gap]:
    """One gap for each fault, at most 50. `body` is what was sent, so that a pointer names what is there."""
    return [Gap(pointer_of(_place(fault, body)), _in_words(fault) or _told(fault)) for fault in faults[:50]]


def _in_words(fault: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Where pydantic's own message helps nobody: a regular expression, or a text counted in items."""
    if fault["type"] == "string_pattern_mismatch":
        return meant_by(fault["ctx"]["pattern"])
    if fault["type"] in _LENGTHS and isinstance(fault.get("input"), str):
        bound, words = _LENGTHS[fault["type"]]
        return {language: text.format(n=fault["ctx"][bound]) for language, text in words.items()}
    return None


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


def pointer_of(path: Sequence[Any]) -> str:
    """RFC 6901, from the body's root; other parts of a request are named first: `/query/limit`, `/headers/if-match`."""
    names = {"body": [], "header": ["headers"]}
    parts = [*names.get(path[0], [path[0]]), *path[1:]] if path else []
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _told(fault: Mapping[str, Any]) -> Mapping[str, str]:
    """Our words for this kind of fault, or the ones that came with it: those of our own validators."""
    with suppress(KeyError, IndexError):
        context = fault.get("ctx", {})
        # "'road', 'rail' or 'air'", in the words of no language.
        listed = {n: ", ".join(_QUOTED.findall(context[n])) for n in ("expected", "expected_tags") if n in context}
        english, chinese = (words.format(**context | listed) for words in _SAID[fault["type"]])
        return {"en": english, "zh-Hans": chinese}
    message = str(fault["msg"]).removeprefix("Value error, ")
    said = message[:1].upper() + message[1:]
    return {"en": said, "zh-Hans": _OURS.get(said, _UNSAID if fault["type"] == "value_error" else said)}
