"""Requests and answers of imports: a sheet of services, or a bus company's feed."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import Base64Bytes, ConfigDict, Field

from app.core.schema import Shape
from app.network.bulk.example_feed import example_feed
from app.network.bulk.values import ARCHIVE_BYTES_MAX, NEAREST_M_MAX, SHEET_LENGTH_MAX
from app.network.schemas import CapacityShape, Code, Cutoff, PieceLength, PieceWeight, TariffShape

_SHEET: Final = (
    "service,hub,arrive_offset_s,depart_offset_s,distance_m,name_en,mode,weekdays,departs_s,temperatures,base_minor,"
    "milliminor_per_tkm,weight_g,volume_mm3\n"
    "TARIM-HOTAN-URUMQI,HOTAN,0,0,0,Refrigerated truck,road,0 2 4,43200,chilled frozen,400,75000,15000000,52000000000\n"
    "TARIM-HOTAN-URUMQI,URUMQI,96000,96000,1380000,,,,,,,,,\n"
)
_DONE: Final[dict[str, Any]] = {
    "dry_run": True,
    "created": ["TARIM-HOTAN-URUMQI"],
    "changed": [],
    "unchanged": 0,
    "withdrawn": [],
    "skipped_trips": [],
    "faults": [{"file": None, "row": 3, "column": "hub", "detail": "There is no hub URUMKI; see GET /v1/hubs"}],
    "more_faults": 0,
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


class SheetImport(Shape):
    """Services in a CSV sheet: one row for each call; what is said of the whole service stands on its first row.

    Columns `service`, `hub`, `arrive_offset_s`, `depart_offset_s`, `distance_m` on every row; further columns as in the service:
    `name_zh-Hans`, `name_en`, `mode`, `vehicle`, `on_demand`, `weekdays`, `departs_s`, `valid_from`, `valid_until`, `closed_months`,
    `cutoff_s`, `temperatures` (lists with spaces between), the five parts of the tariff, the four of the capacity, the two limits
    of pieces, `status`.
    """

    model_config: ClassVar[ConfigDict] = _example({"dry_run": True, "csv": _SHEET})

    dry_run: Annotated[bool, Field(description="Only say what would happen, with every fault")] = False
    carrier: Annotated[Code, Field(description="For operators: whose services they are")] | None = None
    csv: Annotated[str, Field(max_length=SHEET_LENGTH_MAX, description="The text of the sheet")]


class FeedImport(Shape):
    """A bus company's GTFS feed (a ZIP archive in base 64): each way of a route becomes a bus service that carries parcels.

    A stop is a hub when `stops` names it, or when a hub that a bus can serve lies within `nearest_m`; trips that call at fewer than two
    hubs are left out. Capacity, tariff, cut-off and pieces are those of rural buses unless they are given. Rules for
    passengers (`pickup_type`, `drop_off_type`) do not bind parcels. Sent again under the same `feed`, it changes its
    services in place, and withdraws those that are no longer in it. Service days are read for this year and the next.
    """

    model_config: ClassVar[ConfigDict] = _example(
        {"dry_run": True, "feed": "HOTAN-BUS", "archive": example_feed(), "stops": {"S1": "HOTAN"}}
    )

    dry_run: Annotated[bool, Field(description="Only say what would happen, with every fault")] = False
    carrier: Annotated[Code, Field(description="For operators: whose services they are")] | None = None
    feed: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,15}$", description="The feed's name")]
    archive: Annotated[Base64Bytes, Field(description="The ZIP archive in base 64", max_length=ARCHIVE_BYTES_MAX)]
    stops: Annotated[
        dict[Annotated[str, Field(max_length=200)], Code], Field(max_length=5_000, description="Hubs by `stop_id`")
    ] = {}
    nearest_m: Annotated[int, Field(ge=0, le=NEAREST_M_MAX, description="0: only what `stops` names")] = 1_000
    capacity: CapacityShape | None = None
    tariff: TariffShape | None = None
    cutoff_s: Cutoff | None = None
    piece_weight_g_max: PieceWeight | None = None
    piece_length_mm_max: PieceLength | None = None


class FaultShape(Shape):
    """What is wrong at a row (1 is the header) and a column; null is the whole."""

    file: str | None
    row: int | None
    column: str | None
    detail: str


class SkippedTrip(Shape):
    """A trip that carries nothing: it calls at fewer than two hubs."""

    trip: str
    row: int


class ImportShape(Shape):
    """What was done, or would be done. With faults, which only a dry run answers, nothing would be."""

    model_config: ClassVar[ConfigDict] = _example(_DONE)

    dry_run: bool
    created: list[str]
    changed: list[str]
    unchanged: int
    withdrawn: list[str]
    skipped_trips: list[SkippedTrip]
    faults: list[FaultShape]
    more_faults: int
