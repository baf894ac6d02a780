"""From a checked feed to a carrier's bus services, with the terms that it asked for or those of rural buses. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.core.limits import SERVICE_STOPS_MAX, TITLE_LENGTH_MAX
from app.core.text import pick
from app.network.bulk.rules import Pattern, patterns_of
from app.network.bulk.schemas import FeedImport
from app.network.bulk.values import SERVICES_PER_IMPORT_MAX, Faults, Feed, Skipped
from app.network.rules import HOUR_S, load_defaults
from app.network.seed import product_capacity, tariff
from app.network.values import PATTERNS_MAX, RUN_LENGTH_MAX, HubPoint, Line, Mode, Temperature, Vehicle
from app.routing import Capacity, Tariff


def bus_lines(
    feed: Feed,
    hub_of: Mapping[str, str],
    hubs: Mapping[str, HubPoint],
    command: FeedImport,
    carrier: str,
    faults: Faults,
) -> tuple[list[Line], list[Skipped]]:
    """A line for each way of each route, by id, and the trips that carry nothing. No line when there is a fault."""
    patterns, skipped = patterns_of(feed, hub_of, float(load_defaults()["rural"]["road_factor"]))
    _note_faults(patterns, faults)
    if faults:
        return [], skipped
    terms = _terms(command)
    lines = [_line(pattern, feed, hubs, command.feed, carrier, terms) for pattern in patterns]
    return sorted(lines, key=lambda line: line.id), skipped


def _note_faults(patterns: list[Pattern], faults: Faults) -> None:
    if not patterns:
        faults.add(
            "No trip calls at two hubs: name the hubs of its stops in `stops`, or raise `nearest_m`",
            "没有车次经过两个枢纽：请在 stops 中指定站点对应的枢纽，或增大 nearest_m",
            file="trips.txt",
        )
    if len(patterns) > SERVICES_PER_IMPORT_MAX:
        most = SERVICES_PER_IMPORT_MAX
        faults.add(f"At most {most} different ways of routes", f"最多 {most} 条不同走向", file="routes.txt")
    longest_s = int(RUN_LENGTH_MAX / timedelta(seconds=1))
    for each in patterns:
        if len(each.stops) > SERVICE_STOPS_MAX:
            most = SERVICE_STOPS_MAX
            faults.add(f"{each.route}: at most {most} hubs", f"{each.route}：最多 {most} 个枢纽", file="routes.txt")
        if len(each.departures) > PATTERNS_MAX:
            most = PATTERNS_MAX
            faults.add(
                f"{each.route}: its days are too irregular, more than {most} weekly patterns",
                f"{each.route}：运行日过于不规则，超过 {most} 个周期",
                file="calendar_dates.txt",
            )
        if each.stops[-1].arrive_offset_s > longest_s:
            days = RUN_LENGTH_MAX.days
            faults.add(f"{each.route}: longer than {days} days", f"{each.route}：超过 {days} 天", file="stop_times.txt")


def _terms(command: FeedImport) -> dict[str, Any]:
    """What a run carries, takes and costs: as it was asked for, else as the defaults say of rural buses."""
    bus = load_defaults()["rural"]["bus"]
    return {
        "capacity": Capacity(**command.capacity.model_dump()) if command.capacity else product_capacity(bus),
        "tariff": Tariff(**command.tariff.model_dump(exclude={"currency"}))
        if command.tariff
        else tariff(bus["tariff"]),
        "cutoff_s": round(bus["cutoff_h"] * HOUR_S) if command.cutoff_s is None else command.cutoff_s,
        "piece_weight_g_max": command.piece_weight_g_max or bus["piece_kg_max"] * 1_000,
        "piece_length_mm_max": command.piece_length_mm_max or bus["piece_cm_max"] * 10,
    }


def _line(
    pattern: Pattern, feed: Feed, hubs: Mapping[str, HubPoint], name: str, carrier: str, terms: Mapping[str, Any]
) -> Line:
    ends = [hubs[stop.place] for stop in (pattern.stops[0], pattern.stops[-1])]
    first, *more = pattern.departures
    return Line(
        id=pattern.service_id(carrier, name),
        carrier=carrier,
        mode=Mode.BUS,
        vehicle=Vehicle.BUS,
        name={
            tag: f"{feed.routes[pattern.route]} {' – '.join(pick(hub.name, tag) for hub in ends)}"[:TITLE_LENGTH_MAX]
            for tag in ("zh-Hans", "en")
        },
        stops=pattern.stops,
        temperatures=(Temperature.AMBIENT,),
        weekdays=first.weekdays,
        departs_s=first.seconds_of_day,
        valid_from=first.valid_from,
        valid_until=first.valid_until,
        more_departures=tuple(more),
        feed=name,
        **terms,
    )
