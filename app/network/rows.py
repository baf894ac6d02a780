"""Between requests, lines and rows of services: one mapping each way. Decides nothing."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.core.ids import new_id
from app.network.rules import weekly
from app.network.schemas import NewService, ServiceShape
from app.network.values import DEFAULT_VEHICLES, Line, Vehicle
from app.routing import Capacity, Stop, Tariff, Weekly


def line_of(row: Any) -> Line:
    """What a row of `queries.SERVICE` says."""
    return Line(
        id=row.id,
        carrier=row.carrier,
        mode=row.mode,
        vehicle=Vehicle(row.vehicle),
        name=row.name,
        stops=tuple(Stop(*stop) for stop in row.stops),
        temperatures=tuple(row.temperatures),
        tariff=Tariff(
            row.base_minor,
            row.milliminor_per_kg,
            row.milliminor_per_tkm,
            row.minimum_minor,
            row.toll_milliminor_per_tkm,
        ),
        capacity=Capacity(row.capacity_weight_g, row.capacity_volume_mm3, row.live_places, row.chilled_slots),
        on_demand=row.on_demand,
        weekdays=tuple(row.weekdays),
        departs_s=tuple(row.departs_s),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        closed_months=tuple(row.closed_months),
        cutoff_s=row.cutoff_s,
        piece_weight_g_max=row.piece_weight_g_max,
        piece_length_mm_max=row.piece_length_mm_max,
        status=row.status,
        more_departures=tuple(weekly(**pattern) for pattern in row.more_departures),
        timetable_of=row.timetable_of,
        feed=row.feed,
    )


def line_asked(terms: NewService | ServiceShape, carrier: str) -> Line:
    """What a request describes, as this carrier's line."""
    tariff = terms.tariff.model_dump(exclude={"currency"})
    return Line(
        id=terms.id or new_id("svc"),
        carrier=carrier,
        mode=terms.mode,
        vehicle=terms.vehicle or DEFAULT_VEHICLES[terms.mode],
        name=terms.name,
        stops=tuple(Stop(s.hub, s.arrive_offset_s, s.depart_offset_s, s.distance_m) for s in terms.stops),
        temperatures=tuple(dict.fromkeys(terms.temperatures)),
        tariff=Tariff(**tariff),
        capacity=Capacity(**terms.capacity.model_dump()),
        on_demand=terms.on_demand,
        weekdays=tuple(sorted(set(terms.weekdays))),
        departs_s=tuple(sorted(set(terms.departs_s))),
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        closed_months=tuple(sorted(set(terms.closed_months))),
        cutoff_s=terms.cutoff_s,
        piece_weight_g_max=terms.piece_weight_g_max,
        piece_length_mm_max=terms.piece_length_mm_max,
        status=terms.status,
        more_departures=tuple(weekly(**pattern.model_dump()) for pattern in terms.more_departures),
        timetable_of=terms.timetable_of if isinstance(terms, ServiceShape) else None,
        feed=terms.feed if isinstance(terms, ServiceShape) else None,
    )


def row_of(line: Line, partner_id: str | None, created_from: str | None, now: datetime) -> dict[str, Any]:
    """The columns of a line that is written now; its first version."""
    plain = {
        name: getattr(line, name) for name in ("id", "carrier", "mode", "vehicle", "name", "on_demand", "cutoff_s")
    }
    lists = {name: list(getattr(line, name)) for name in ("weekdays", "departs_s", "closed_months", "temperatures")}
    return (
        plain
        | lists
        | asdict(line.tariff)
        | {
            "capacity_weight_g": line.capacity.weight_g,
            "capacity_volume_mm3": line.capacity.volume_mm3,
            "live_places": line.capacity.live_places,
            "chilled_slots": line.capacity.chilled_slots,
            "piece_weight_g_max": line.piece_weight_g_max,
            "piece_length_mm_max": line.piece_length_mm_max,
            "more_departures": [pattern_row(pattern) for pattern in line.more_departures],
            "timetable_of": line.timetable_of,
            "feed": line.feed,
            "valid_from": line.valid_from,
            "valid_until": line.valid_until,
            "status": line.status,
            "partner_id": partner_id,
            "created_from": created_from,
            "version": 1,
            "created_at": now,
            "updated_at": now,
        }
    )


def stop_rows(line: Line) -> Iterator[dict[str, Any]]:
    """The rows of its stops, in order."""
    for seq, stop in enumerate(line.stops):
        yield {
            "service_id": line.id,
            "seq": seq,
            "hub": stop.place,
            "arrive_offset_s": stop.arrive_offset_s,
            "depart_offset_s": stop.depart_offset_s,
            "distance_m": stop.distance_m,
        }


def pattern_row(pattern: Weekly) -> dict[str, Any]:
    """A weekly pattern as it is kept in `more_departures`."""
    return {
        "weekdays": list(pattern.weekdays),
        "departs_s": list(pattern.seconds_of_day),
        "valid_from": pattern.valid_from.isoformat() if pattern.valid_from else None,
        "valid_until": pattern.valid_until.isoformat() if pattern.valid_until else None,
    }
