"""Categories as data: what may be said of goods of each, in which units, and what their lots need."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from app.catalogue.attributes import Form
from app.catalogue.values import Category
from app.core.quantity import Unit
from app.core.schema import Shape
from app.core.text import LocalText
from app.network.values import Temperature


class Choice(Shape):
    value: str
    label: LocalText


class AttributeShape(Shape):
    """How one attribute is asked for and checked. `minimum` and `maximum` for numbers, `choices` for choices."""

    name: str
    form: Form
    label: LocalText
    needed_to_publish: bool
    unit: str | None
    minimum: int | None
    maximum: int | None
    decimals: int | None
    choices: list[Choice]


class CategoryShape(Shape):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "produce",
                    "name": {"zh-Hans": "农产品", "en": "Produce"},
                    "units": ["kg", "jin", "tonne", "box"],
                    "temperatures": ["ambient", "chilled", "frozen"],
                    "attributes": [
                        {
                            "name": "storage_min_c",
                            "form": "integer",
                            "label": {"zh-Hans": "最低贮存温度", "en": "Coldest storage"},
                            "needed_to_publish": False,
                            "unit": "°C",
                            "minimum": -40,
                            "maximum": 40,
                            "decimals": 0,
                            "choices": [],
                        }
                    ],
                    "lots_need": ["harvested_on"],
                    "certificates": [
                        {
                            "value": "produce_compliance",
                            "label": {"zh-Hans": "承诺达标合格证", "en": "Produce compliance"},
                        }
                    ],
                }
            ]
        }
    )

    code: Category
    name: LocalText
    units: list[Unit]
    temperatures: list[Temperature]
    attributes: list[AttributeShape]
    lots_need: Annotated[list[str], Field(description="What each lot needs to be sold")]
    certificates: list[Choice]
