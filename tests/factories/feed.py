"""GTFS feeds of a small bus company, as text and as an archive; and a sheet of one service."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

Tables = dict[str, list[dict[str, Any]]]


def village_feed() -> Tables:
    """One bus on working days between Hotan and two stops that are near other places, out in the morning and back after midnight."""
    return {
        "agency.txt": [
            {
                "agency_id": "A",
                "agency_name": "Bus",
                "agency_url": "https://bus.example",
                "agency_timezone": "Asia/Shanghai",
            }
        ],
        "stops.txt": [
            {"stop_id": "S1", "stop_name": "和田", "stop_lat": "37.10927", "stop_lon": "79.93433"},
            {"stop_id": "S2", "stop_name": "路口", "stop_lat": "37.3", "stop_lon": "79.6"},
            {"stop_id": "S3", "stop_name": "喀什", "stop_lat": "39.47066", "stop_lon": "75.98951"},
        ],
        "routes.txt": [{"route_id": "R1", "agency_id": "A", "route_short_name": "7", "route_type": "3"}],
        "trips.txt": [
            {"route_id": "R1", "service_id": "WORK", "trip_id": "OUT"},
            {"route_id": "R1", "service_id": "WORK", "trip_id": "BACK"},
        ],
        "stop_times.txt": [
            *calls(
                "OUT", ("S1", "07:00:00", "07:10:00"), ("S2", "08:00:00", "08:05:00"), ("S3", "15:00:00", "15:00:00")
            ),
            *calls(
                "BACK", ("S3", "17:00:00", "17:00:00"), ("S2", "23:50:00", "23:55:00"), ("S1", "25:10:00", "25:10:00")
            ),
        ],
        "calendar.txt": [
            {"service_id": "WORK", "monday": "1", "tuesday": "1", "wednesday": "1", "thursday": "1", "friday": "1"}
            | {"saturday": "0", "sunday": "0", "start_date": "20260105", "end_date": "20261231"}
        ],
    }


def calls(trip: str, *stops: tuple[str, str, str]) -> list[dict[str, str]]:
    """The rows of a trip: stop, arrival, departure."""
    return [
        {"trip_id": trip, "arrival_time": arrives, "departure_time": departs, "stop_id": stop, "stop_sequence": str(n)}
        for n, (stop, arrives, departs) in enumerate(stops, start=1)
    ]


def as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """A CSV table with every column that a row has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(columns), *(",".join(str(row.get(name, "")) for name in columns) for row in rows)]
    return "\n".join(lines) + "\n"


def as_texts(tables: Tables) -> dict[str, str]:
    return {name: as_text(rows) for name, rows in tables.items()}


def as_archive(tables: Tables | Mapping[str, str]) -> bytes:
    """The ZIP archive of a feed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in tables.items():
            archive.writestr(name, rows if isinstance(rows, str) else as_text(rows))
    return packed.getvalue()


def a_sheet(service: str) -> str:
    """A daily lorry from Hotan to Kashgar, as a CSV sheet."""
    head = "service,hub,arrive_offset_s,depart_offset_s,distance_m,name_en,mode,weekdays,departs_s,temperatures,weight_g,volume_mm3"
    first = f"{service},HOTAN,0,0,0,Lorry,road,0 1 2 3 4 5 6,43200,ambient chilled,8000000,30000000000"
    return f"{head}\n{first}\n{service},KASHGAR,28800,28800,510000,,,,,,,\n"
