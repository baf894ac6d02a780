"""Checks of attributes: is each known to its category, well written and in its range. Pure.

Never-listed materials follow CITES Appendix I and the national list of protected wildlife.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from app.catalogue.attributes import ATTRIBUTES, BY_NAME, MATERIALS_MAX, Attribute, Form, decimal_pattern
from app.catalogue.values import Category, Words
from app.core.errors import Gap
from app.core.limits import LANGUAGES_MAX, TITLE_LENGTH_MAX
from app.core.text import PlainText, Tag

_ShortText = Annotated[PlainText, Field(max_length=TITLE_LENGTH_MAX)]
_SHORT_TEXT: Final = TypeAdapter[Any](_ShortText)
_SHORT_TEXTS: Final = TypeAdapter[Any](Annotated[dict[Tag, _ShortText], Field(max_length=LANGUAGES_MAX)])
Path = tuple[str | int, ...]


def _words(en: str, zh: str) -> Words:
    return {"en": en, "zh-Hans": zh}


# Materials that are never sold here, by the words that tell of them; then harmless names that contain such a word.
FORBIDDEN_MATERIALS: Final[tuple[tuple[Words, str], ...]] = (
    (_words("ivory", "象牙"), r"\bivory\b|elephant tusks?\b|mammoth tusks?\b|象牙"),
    (_words("rhinoceros horn", "犀牛角"), r"\brhino(ceros)?\b|犀角|犀牛"),
    (_words("tiger parts", "虎制品"), r"\btiger (bone|skin|claw|tooth|teeth|fur)s?\b|虎骨|虎皮|虎牙|虎爪"),
    (_words("pangolin", "穿山甲"), r"\bpangolins?\b|穿山甲"),
    (_words("shahtoosh (Tibetan antelope)", "藏羚羊绒"), r"\bshahtoosh\b|\bchiru\b|tibetan antelope|藏羚|沙图什"),
    (_words("saiga horn", "高鼻羚羊角"), r"\bsaiga\b|赛加羚羊|高鼻羚羊|羚羊角"),
    (_words("snow leopard", "雪豹"), r"\bsnow leopards?\b|雪豹|豹皮|豹骨"),
    (_words("hornbill casque", "盔犀鸟头骨"), r"\bhornbills?\b|犀鸟"),
    (_words("wild musk", "天然麝香"), r"\bmusk\b|麝香"),
)
_FORBIDDEN: Final = tuple((shown, re.compile(words)) for shown, words in FORBIDDEN_MATERIALS)
_HARMLESS: Final = re.compile(
    r"vegetable ivory|ivory nuts?|ivory[- ](white|colou?red)|(synthetic|artificial) musk|象牙果|象牙白|人工麝香"
)


def attribute_gaps(category: Category, given: Mapping[str, Any]) -> list[Gap]:
    """What is wrong with the attributes that are there; what is missing is `missing_attributes`."""
    known = BY_NAME[category]
    gaps = [
        _gap(
            (name,),
            f"Not an attribute of {category}. GET /v1/categories lists them",
            "该类目没有此属性，见 GET /v1/categories",
        )
        for name in list(given)[:50]
        if name not in known
    ]
    for name, value in given.items():
        if name in known:
            gaps += _CHECKS[known[name].form](known[name], value)
    return gaps or _between_attributes(given)


def missing_attributes(category: Category, given: Mapping[str, Any]) -> list[Gap]:
    """What the category needs to be published and is not there."""
    return [
        _gap(
            (attribute.name,),
            f"{attribute.label['en']} is needed to publish",
            f"发布前请填写{attribute.label['zh-Hans']}",
        )
        for attribute in ATTRIBUTES[category]
        if attribute.required and attribute.name not in given
    ]


def _between_attributes(given: Mapping[str, Any]) -> list[Gap]:
    if "storage_min_c" in given and "storage_max_c" in given:
        low, high = Decimal(given["storage_min_c"]), Decimal(given["storage_max_c"])
        if low > high:
            return [_gap(("storage_max_c",), "Must not be below storage_min_c", "不得低于 storage_min_c")]
    return []


def _text_gaps(attribute: Attribute, value: Any) -> list[Gap]:
    return _model_gaps((attribute.name,), _SHORT_TEXT, value, "text of 1 to 200 characters", "1 至 200 个字符的文本")


def _local_text_gaps(attribute: Attribute, value: Any) -> list[Gap]:
    return _local_gaps((attribute.name,), value)


def _local_gaps(path: Path, value: Any) -> list[Gap]:
    if value == {}:
        return [_gap(path, "Give it in one language at least", "请至少填写一种语言")]
    return _model_gaps(
        path,
        _SHORT_TEXTS,
        value,
        'text by language, such as {"zh-Hans": "…"}',
        '按语言填写的文本，例如 {"zh-Hans": "…"}',
    )


def _model_gaps(path: Path, shape: TypeAdapter[Any], value: Any, en: str, zh: str) -> list[Gap]:
    try:
        shape.validate_python(value, strict=True)
    except ValidationError:
        return [_gap(path, f"Must be {en}", f"应为{zh}")]
    return []


def _integer_gaps(attribute: Attribute, value: Any) -> list[Gap]:
    low, high = attribute.low, attribute.high
    if type(value) is int and low <= value <= high:
        return []
    return [_gap((attribute.name,), f"Must be a whole number from {low} to {high}", f"应为 {low} 至 {high} 的整数")]


def _decimal_gaps(attribute: Attribute, value: Any) -> list[Gap]:
    low, high, digits = attribute.low, attribute.high, attribute.decimals
    written = type(value) is int or (isinstance(value, str) and re.fullmatch(decimal_pattern(attribute), value))
    if written and low <= Decimal(value) <= high:
        return []
    en = f'Must be a decimal from {low} to {high}, written as text with at most {digits} decimals, such as "{low}.5"'
    return [_gap((attribute.name,), en, f'应为 {low} 至 {high} 的小数文本，最多 {digits} 位小数，例如 "{low}.5"')]


def _choice_gaps(attribute: Attribute, value: Any) -> list[Gap]:
    if isinstance(value, str) and value in attribute.choices:
        return []
    listed = ", ".join(attribute.choices)
    return [_gap((attribute.name,), f"Must be one of {listed}", f"应为以下之一：{listed}")]


def _flag_gaps(attribute: Attribute, value: Any) -> list[Gap]:
    return [] if isinstance(value, bool) else [_gap((attribute.name,), "Must be true or false", "应为 true 或 false")]


def _materials_gaps(attribute: Attribute, value: Any) -> list[Gap]:
    path = (attribute.name,)
    if not isinstance(value, list) or not 1 <= len(value) <= MATERIALS_MAX:
        return [
            _gap(path, f"Must be a list of 1 to {MATERIALS_MAX} materials", f"应为 1 至 {MATERIALS_MAX} 项材质的数组")
        ]
    gaps = [gap for i, material in enumerate(value) for gap in _material_gaps((*path, i), material)]
    if not gaps and sum(material["share_pct"] for material in value) != 100:
        gaps = [_gap(path, "The shares must add up to 100", "各材质占比之和应为 100")]
    return gaps


def _material_gaps(path: Path, material: Any) -> list[Gap]:
    if not isinstance(material, dict) or set(material) != {"name", "share_pct"}:
        return [_gap(path, 'Must be {"name": {…}, "share_pct": …}', '应为 {"name": {…}, "share_pct": …}')]
    gaps = _local_gaps((*path, "name"), material["name"])
    share = material["share_pct"]
    if type(share) is not int or not 1 <= share <= 100:
        gaps.append(_gap((*path, "share_pct"), "Must be a whole number from 1 to 100", "应为 1 至 100 的整数"))
    if not gaps and (found := forbidden_material(material["name"].values())):
        en = f"Goods with {found['en']} may not be sold here: the species is protected"
        gaps.append(_gap((*path, "name"), en, f"禁止销售含{found['zh-Hans']}的商品（受保护物种）"))
    return gaps


def forbidden_material(names: Iterable[str]) -> Words | None:
    """The protected material that one of these names tells of; None when all are harmless."""
    told = " ".join(_HARMLESS.sub(" ", name.casefold()) for name in names)
    return next((shown for shown, words in _FORBIDDEN if words.search(told)), None)


def _gap(path: Path, en: str, zh: str) -> Gap:
    steps = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return Gap("/attributes/" + "/".join(steps), {"en": en, "zh-Hans": zh})


_CHECKS: Final[Mapping[Form, Callable[[Attribute, Any], list[Gap]]]] = {
    Form.TEXT: _text_gaps,
    Form.LOCAL_TEXT: _local_text_gaps,
    Form.INTEGER: _integer_gaps,
    Form.DECIMAL: _decimal_gaps,
    Form.CHOICE: _choice_gaps,
    Form.FLAG: _flag_gaps,
    Form.MATERIALS: _materials_gaps,
}
