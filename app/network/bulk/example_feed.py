"""A whole feed for the example of an import: a daily bus between Hotan and Kashgar, which the demo network takes as it stands."""

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Final

_TABLES: Final[Mapping[str, str]] = {
    "agency.txt": "agency_name,agency_url,agency_timezone\nBus,https://bus.example,Asia/Shanghai\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\nS1,和田,37.1,79.9\nS2,喀什,39.47066,75.98951\n",
    "routes.txt": "route_id,route_short_name,route_type\nR1,7,3\n",
    "trips.txt": "route_id,service_id,trip_id\nR1,DAILY,T1\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "T1,07:00:00,07:10:00,S1,1\nT1,15:00:00,15:00:00,S2,2\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "DAILY,1,1,1,1,1,1,1,20260101,20991231\n",
}


def example_feed() -> str:
    """Its ZIP archive in base 64, the same bytes everywhere: not compressed, and with one date."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, text in _TABLES.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            archive.writestr(entry, text)
    return base64.b64encode(packed.getvalue()).decode()
