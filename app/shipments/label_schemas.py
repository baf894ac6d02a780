"""Shapes of labels: which are asked for, on what paper."""

from typing import Annotated, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from app.core.schema import Shape
from app.shipments.labels import LABELS_PER_REQUEST_MAX, LabelSize
from app.shipments.schemas import CONSIGNMENT_ID

PACKAGE_NAME = r"^(pkg_[0-7][0-9a-hjkmnp-tv-z]{25}|[0-9]{18})$"
Size = Annotated[LabelSize, Field(description=LabelSize.__doc__)]


class LabelsRequest(Shape):
    """A batch of labels: of whole consignments, of single packages by id or SSCC, or both. 500 labels at the most."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"consignments": ["con_01jd0000000000000000000000"], "size": "a6"}]},
    )

    consignments: Annotated[
        list[Annotated[str, Field(pattern=CONSIGNMENT_ID)]], Field(max_length=LABELS_PER_REQUEST_MAX)
    ] = []
    packages: Annotated[
        list[Annotated[str, Field(pattern=PACKAGE_NAME, description="The id of a package, or its SSCC")]],
        Field(max_length=LABELS_PER_REQUEST_MAX),
    ] = []
    size: Size = LabelSize.A6

    @model_validator(mode="after")
    def _asks_for_some(self) -> Self:
        if not self.consignments and not self.packages:
            message = "Name at least one of `consignments` or `packages`"
            raise ValueError(message)
        return self
