"""Requests and answers about the timetables of a service."""

from datetime import date
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from app.core.limits import SERVICE_STOPS_MAX
from app.core.schema import Shape, Time
from app.network.schemas import (
    CapacityShape,
    Cutoff,
    Departures,
    DeparturesShape,
    Months,
    MoreDepartures,
    PieceLength,
    PieceWeight,
    ServiceId,
    ServiceName,
    StopShape,
    TariffShape,
    Temperatures,
    Weekdays,
    example,
)
from app.network.values import ServiceStatus

_TIMETABLE: Final = {
    "id": "TARIM-HOTAN-URUMQI-W26",
    "timetable_of": "TARIM-HOTAN-URUMQI",
    "departures": [
        {"weekdays": [0, 2, 4, 5], "departs_s": [39600], "valid_from": "2026-12-01", "valid_until": "2027-02-28"}
    ],
    "is_live": False,
    "status": "active",
    "status_name": "Running",
    "version": 1,
    "created_at": "2026-11-02T08:00:00Z",
    "updated_at": "2026-11-02T08:00:00Z",
}


class NewTimetable(Shape):
    """Another timetable of a service, from `valid_from` until `valid_until` (both included; without an end it stays).

    What is left out is as in the service. Stops may be others: a new timetable may have other times on the way.
    """

    model_config: ClassVar[ConfigDict] = example(
        {"id": "TARIM-HOTAN-URUMQI-W26", "valid_from": "2026-12-01", "weekdays": [0, 2, 4, 5], "departs_s": [39600]}
    )

    id: ServiceId | None = None
    name: ServiceName | None = None
    stops: Annotated[list[StopShape], Field(min_length=2, max_length=SERVICE_STOPS_MAX)] | None = None
    valid_from: date
    valid_until: date | None = None
    weekdays: Weekdays | None = None
    departs_s: Departures | None = None
    more_departures: MoreDepartures = []
    closed_months: Months | None = None
    cutoff_s: Cutoff | None = None
    temperatures: Temperatures | None = None
    tariff: TariffShape | None = None
    capacity: CapacityShape | None = None
    piece_weight_g_max: PieceWeight | None = None
    piece_length_mm_max: PieceLength | None = None


class TimetableShape(Shape):
    """One of the timetables of a service, which is one itself: `is_live` when goods may ride by it today (UTC).

    `departures` are its weekly patterns with the days that are left to it. The rest of it: `GET /v1/services/{service_id}` with its id.
    """

    model_config: ClassVar[ConfigDict] = example(_TIMETABLE)

    id: str
    timetable_of: str | None
    departures: list[DeparturesShape]
    is_live: bool
    status: ServiceStatus
    status_name: str
    version: int
    created_at: Time
    updated_at: Time
