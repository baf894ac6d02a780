"""What each category says of its goods: the attributes as a table, and what follows from them. Pure.

Grades and classes of cotton by GB 1103.1-2023; the ranges keep out slips of the pen.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from app.catalogue.values import SPECIES_NAMES, Category, Storage, Words
from app.core.limits import LANGUAGES_MAX, TITLE_LENGTH_MAX

MATERIALS_MAX: Final = 20


class Form(StrEnum):
    """How a value is written in JSON."""

    TEXT = "text"
    LOCAL_TEXT = "local_text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    CHOICE = "choice"
    FLAG = "flag"
    MATERIALS = "materials"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a category. `required` ones are needed to publish; `low` and `high` are included."""

    name: str
    form: Form
    label: Words
    required: bool = False
    low: int = 0
    high: int = 0
    decimals: int = 0
    unit: str = ""
    choices: Mapping[str, Words] = field(default_factory=dict)


def _words(en: str, zh: str) -> Words:
    return {"en": en, "zh-Hans": zh}


def _colour_grades() -> dict[str, Words]:
    """The 13 grades of upland cotton: first digit the level, second the type (GB 1103.1-2023)."""
    kinds = (
        ("1", 5, "White", "白棉"),
        ("2", 3, "Light spotted", "淡点污棉"),
        ("3", 3, "Light yellow-stained", "淡黄染棉"),
        ("4", 2, "Yellow-stained", "黄染棉"),
    )
    return {
        f"{level}{kind}": _words(f"{en} {level}", f"{zh}{'一二三四五'[level - 1]}级")
        for kind, levels, en, zh in kinds
        for level in range(1, levels + 1)
    }


_GINNING: Final = {"P1": _words("Good", "好"), "P2": _words("Medium", "中"), "P3": _words("Poor", "差")}
_SEXES: Final = {"female": _words("Female", "母"), "male": _words("Male", "公"), "castrated": _words("Castrated", "阉")}
_GRADES: Final = {
    "extra": _words("Extra", "特级"),
    "1": _words("Grade 1", "一级"),
    "2": _words("Grade 2", "二级"),
    "3": _words("Grade 3", "三级"),
}

ATTRIBUTES: Final[Mapping[Category, tuple[Attribute, ...]]] = {
    Category.COTTON: (
        Attribute("season", Form.INTEGER, _words("Season (year)", "年度"), required=True, low=2000, high=2100),
        Attribute("colour_grade", Form.CHOICE, _words("Colour grade", "颜色级"), True, choices=_colour_grades()),
        Attribute("length_mm", Form.INTEGER, _words("Length", "长度"), True, low=25, high=32, unit="mm"),
        Attribute("micronaire", Form.DECIMAL, _words("Micronaire", "马克隆值"), True, low=2, high=7, decimals=1),
        Attribute(
            "strength_cn_tex",
            Form.DECIMAL,
            _words("Strength", "断裂比强度"),
            low=15,
            high=50,
            decimals=1,
            unit="cN/tex",
        ),
        Attribute(
            "uniformity_pct",
            Form.DECIMAL,
            _words("Length uniformity", "长度整齐度"),
            low=60,
            high=95,
            decimals=1,
            unit="%",
        ),
        Attribute("ginning_quality", Form.CHOICE, _words("Ginning quality", "轧工质量"), choices=_GINNING),
        Attribute("moisture_pct", Form.DECIMAL, _words("Moisture regain", "回潮率"), high=20, decimals=2, unit="%"),
        Attribute("trash_pct", Form.DECIMAL, _words("Trash", "含杂率"), high=20, decimals=2, unit="%"),
        Attribute("batch_number", Form.TEXT, _words("Batch number", "批号")),
    ),
    Category.PRODUCE: (
        Attribute("variety", Form.LOCAL_TEXT, _words("Variety", "品种"), required=True),
        Attribute("grade", Form.CHOICE, _words("Grade", "等级"), required=True, choices=_GRADES),
        Attribute(
            "storage_min_c",
            Form.DECIMAL,
            _words("Store at least at", "最低贮藏温度"),
            low=-40,
            high=40,
            decimals=1,
            unit="°C",
        ),
        Attribute(
            "storage_max_c",
            Form.DECIMAL,
            _words("Store at most at", "最高贮藏温度"),
            low=-40,
            high=40,
            decimals=1,
            unit="°C",
        ),
        Attribute(
            "storage_min_rh_pct",
            Form.DECIMAL,
            _words("Relative humidity of storage, least", "最低贮藏相对湿度"),
            high=99,
            decimals=1,
            unit="%",
        ),
        Attribute(
            "storage_max_rh_pct",
            Form.DECIMAL,
            _words("Relative humidity of storage, most", "最高贮藏相对湿度"),
            high=99,
            decimals=1,
            unit="%",
        ),
    ),
    Category.LIVESTOCK: (
        Attribute(
            "species",
            Form.CHOICE,
            _words("Species", "畜种"),
            True,
            choices={s.value: w for s, w in SPECIES_NAMES.items()},
        ),
        Attribute("breed", Form.LOCAL_TEXT, _words("Breed", "品种"), required=True),
        Attribute("age_months", Form.INTEGER, _words("Age in months", "月龄"), required=True, high=600),
        Attribute("sex", Form.CHOICE, _words("Sex", "性别"), choices=_SEXES),
        Attribute("live_weight_g", Form.INTEGER, _words("Live weight", "活重"), low=20, high=2_000_000, unit="g"),
    ),
    Category.HANDICRAFT: (
        Attribute("materials", Form.MATERIALS, _words("Materials", "材质"), required=True),
        Attribute("technique", Form.LOCAL_TEXT, _words("Technique", "工艺"), required=True),
        Attribute("maker", Form.TEXT, _words("Maker", "制作者")),
        Attribute("made_to_order", Form.FLAG, _words("Made to order", "接受定制")),
        Attribute("heritage_item", Form.FLAG, _words("Intangible heritage item", "非遗项目")),
    ),
}
_STORAGE: Final = tuple(each.name for each in fields(Storage))
BY_NAME: Final = {category: {a.name: a for a in listed} for category, listed in ATTRIBUTES.items()}


def normal_attributes(category: Category, checked: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes without gaps in their one way of writing: decimals as text, in the order of the table."""
    return {
        a.name: str(checked[a.name]) if a.form is Form.DECIMAL else checked[a.name]
        for a in ATTRIBUTES[category]
        if a.name in checked
    }


def storage_of(attributes: Mapping[str, Any]) -> Storage | None:
    """How the seller says that goods are to be kept; None when nothing of it is said."""
    told = {name: Decimal(attributes[key]) for name in _STORAGE if (key := f"storage_{name}") in attributes}
    return Storage(**told) if told else None


def common_storage(several: Iterable[Storage | None]) -> Storage | None:
    """What all goods of one load bear: the tightest ends. None where there are no such, or nobody says anything."""
    said = [storage for storage in several if storage is not None]
    ends: list[Decimal | None] = []
    for low_name, high_name in (("min_c", "max_c"), ("min_rh_pct", "max_rh_pct")):
        low = max((end for storage in said if (end := getattr(storage, low_name)) is not None), default=None)
        high = min((end for storage in said if (end := getattr(storage, high_name)) is not None), default=None)
        meets = low is None or high is None or low <= high
        ends += [low, high] if meets else [None, None]
    return Storage(*ends) if ends != [None] * 4 else None


def derived_attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    """What follows from the attributes: the classes that cotton is traded by."""
    derived = {}
    if "micronaire" in attributes:
        derived["micronaire_class"] = micronaire_class(Decimal(attributes["micronaire"]))
    if "strength_cn_tex" in attributes:
        derived["strength_class"] = strength_class(Decimal(attributes["strength_cn_tex"]))
    return derived


def micronaire_class(micronaire: Decimal) -> str:
    """A 3.7-4.2, B1 3.5-3.6, B2 4.3-4.9, C1 to 3.4, C2 from 5.0 (GB 1103.1-2023)."""
    bounds = (("3.5", "C1"), ("3.7", "B1"), ("4.3", "A"), ("5.0", "B2"))
    return next((name for below, name in bounds if micronaire < Decimal(below)), "C2")


def strength_class(cn_tex: Decimal) -> str:
    """Very weak below 24.0 cN/tex, then weak, medium from 26.0, strong from 29.0, very strong from 31.0 (GB 1103.1-2023)."""
    bounds = (("24.0", "very_weak"), ("26.0", "weak"), ("29.0", "medium"), ("31.0", "strong"))
    return next((name for below, name in bounds if cn_tex < Decimal(below)), "very_strong")


def attribute_texts(category: Category, attributes: Mapping[str, Any]) -> Iterator[str]:
    """Every text in the attributes that somebody may search for, choices by their labels."""
    for name, value in attributes.items():
        attribute = BY_NAME[category][name]
        if attribute.form is Form.CHOICE:
            yield from attribute.choices[value].values()
        elif attribute.form is Form.LOCAL_TEXT:
            yield from value.values()
        elif attribute.form is Form.TEXT:
            yield value
        elif attribute.form is Form.MATERIALS:
            for material in value:
                yield from material["name"].values()


def attributes_schema(category: Category) -> dict[str, Any]:
    """The attributes of a category as JSON Schema, for the OpenAPI document."""
    return {
        "type": "object",
        "title": f"{category.value.capitalize()}Attributes",
        "description": f"Needed to publish: {', '.join(a.name for a in ATTRIBUTES[category] if a.required)}",
        "properties": {a.name: {"title": a.label["en"], **_schema(a)} for a in ATTRIBUTES[category]},
        "additionalProperties": False,
    }


def _schema(attribute: Attribute) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": TITLE_LENGTH_MAX}
    texts = {"type": "object", "additionalProperties": text, "minProperties": 1, "maxProperties": LANGUAGES_MAX}
    integer = {"type": "integer", "minimum": attribute.low, "maximum": attribute.high}
    share = {"type": "integer", "minimum": 1, "maximum": 100}
    material = {
        "type": "object",
        "properties": {"name": texts, "share_pct": share},
        "required": ["name", "share_pct"],
        "additionalProperties": False,
    }
    schemas: dict[Form, dict[str, Any]] = {
        Form.TEXT: text,
        Form.LOCAL_TEXT: texts,
        Form.INTEGER: integer,
        Form.DECIMAL: {"anyOf": [{"type": "string", "pattern": decimal_pattern(attribute)}, integer]},
        Form.CHOICE: {"type": "string", "enum": list(attribute.choices)},
        Form.FLAG: {"type": "boolean"},
        Form.MATERIALS: {"type": "array", "items": material, "minItems": 1, "maxItems": MATERIALS_MAX},
    }
    return schemas[attribute.form]


def decimal_pattern(attribute: Attribute) -> str:
    """How a decimal of this attribute is written: up to two digits before the point, a sign only where it may fall below zero."""
    return rf"^{'-?' if attribute.low < 0 else ''}(?:0|[1-9][0-9]?)(?:\.[0-9]{{1,{attribute.decimals}}})?$"
