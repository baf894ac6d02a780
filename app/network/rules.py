"""Decisions of the network: which hub serves a county, the way to the door, and when a service rests. Pure."""

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from app.core.errors import Gap, Invalid
from app.core.limits import CLOCK_SKEW_MAX
from app.emissions import FactorTable, LegFootprint, intensity_mg_per_tkm, leg_co2e
from app.network.values import (
    DEPART_AHEAD_MAX,
    LAST_MILE_KINDS,
    VEHICLE_CLASSES,
    CourierLeg,
    CourierRates,
    HubKind,
    Line,
    Located,
    Mode,
    Temperature,
    Vehicle,
)
from app.routing import Place as PlannedPlace
from app.routing import Service as PlannedService
from app.routing import Stop, Weekly
from app.routing.calendar import MONDAY_S, WEEK_S
from app.routing.packed import week_pieces

SEED: Final = Path(__file__).parent / "seed"
MUNICIPALITIES: Final = ("11", "12", "31", "50")
HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S
MINOR: Final = 100
# Goods are handed in by the quarter of an hour.
HAND_IN_S: Final = 900
# A hub that is not open for so long before a departure takes nothing for it.
WAIT_S_MAX: Final = 4 * DAY_S
Period = tuple[int, int]
Place = TypeVar("Place", bound=Located)


@lru_cache(maxsize=1)
def load_defaults() -> Mapping[str, Any]:
    """The configurable defaults of the network (`seed/defaults.toml`)."""
    return tomllib.loads((SEED / "defaults.toml").read_text(encoding="utf-8"))


def closeness(hub_adcode: str, county: str) -> int:
    """0 the same county, 1 the same prefecture (or the seat of the same municipality), 2 the same province, 3 farther."""
    if hub_adcode == county:
        return 0
    if hub_adcode[:2] != county[:2]:
        return 3
    seat = county[:2] in MUNICIPALITIES and hub_adcode.endswith("0000")
    return 1 if hub_adcode[:4] == county[:4] or seat else 2


def hub_for_county(hubs: Iterable[Located], county: str) -> str | None:
    """The code of the hub that serves a county: one with a courier before ports and airports, then the closest by code.

    Among equals the kind decides (hub, city, buyers' city, county), then the provincial capital, then the alphabet.
    None when its province has no hub; a foreign hub never serves a county.
    """
    serving = hubs_serving(hubs, county)
    return serving[0].code if serving else None


def hubs_serving(hubs: Iterable[Place], county: str) -> list[Place]:
    """The hubs of the county's province, the one that serves it first (see `hub_for_county`)."""
    near = [hub for hub in hubs if hub.adcode and hub.kind is not HubKind.FOREIGN and hub.adcode[:2] == county[:2]]
    return sorted(near, key=lambda hub: _rank(hub, county))


def _rank(hub: Located, county: str) -> tuple[bool, int, int, bool, str]:
    adcode = hub.adcode or ""
    capital = adcode[2:4] in {"00", "01"}
    has_courier = hub.kind in LAST_MILE_KINDS
    return not has_courier, closeness(adcode, county), list(HubKind).index(hub.kind), not capital, hub.code


def last_mile(hub: Located, county: str, weight_g: int, temperature: Temperature) -> CourierLeg | None:
    """The courier from this hub to a door in this county, by the defaults' tariff; rounded up to the fen.

    None where no courier goes: live animals are handed over at the hub, and ports have no couriers.
    """
    if temperature is Temperature.LIVE or hub.kind not in LAST_MILE_KINDS or hub.adcode is None:
        return None
    terms, distance_m = load_defaults()["courier"], _to_the_door_m(hub.adcode, county)
    rates = courier_rates(hub.adcode, county, temperature)
    parcel_g = min(weight_g, rates.parcel_g)
    scaled = rates.base_scaled + parcel_g * rates.parcel_rate + (weight_g - parcel_g) * rates.bulk_rate
    return CourierLeg(
        carrier=terms["carrier"],
        price_minor=-(-scaled // 10**12),
        duration_s=terms["handling_h"] * HOUR_S + distance_m * HOUR_S // (terms["speed_kmh"] * 1_000),
        distance_m=distance_m,
    )


def courier_rates(adcode: str, county: str, temperature: Temperature) -> CourierRates:
    """The courier's tariff from a hub in this county to a door in that one, by the defaults."""
    terms = load_defaults()["courier"]
    base, per_kg, per_tkm = (round(terms[name] * MINOR) for name in ("base_cny", "per_kg_cny", "per_tkm_cny"))
    pct = terms["cold_pct"] if temperature in {Temperature.CHILLED, Temperature.FROZEN} else 100
    return CourierRates(
        base_scaled=base * pct * 10**10,
        parcel_g=terms["parcel_kg_max"] * 1_000,
        parcel_rate=per_kg * pct * 10**7,
        bulk_rate=_to_the_door_m(adcode, county) * per_tkm * pct * 10,
    )


def _to_the_door_m(adcode: str, county: str) -> int:
    terms = load_defaults()["courier"]
    level = ("county", "prefecture", "province", "province")[closeness(adcode, county)]
    distance: int = terms["distance_km"][level] * 1_000 * (2 if county[:2] in terms["sparse_provinces"] else 1)
    return distance


@lru_cache(maxsize=1)
def load_factors() -> FactorTable:
    """The emission factors that come with the code."""
    return FactorTable.load()


def intensities(mode: Mode, vehicle: Vehicle, distance_m: int) -> dict[str, int]:
    """Milligrams of CO2e for a tonne-kilometre by temperature class; absent where no factor has a source."""
    table, vehicle_class = load_factors(), VEHICLE_CLASSES[vehicle]
    found = {
        kept.value: intensity_mg_per_tkm(table, mode.value, kept.value, distance_m, vehicle_class)
        for kept in Temperature
    }
    return {temperature: intensity for temperature, intensity in found.items() if intensity is not None}


@lru_cache(maxsize=4_096)
def ride_footprint(
    mode: Mode, vehicle: Vehicle, temperature: Temperature, weight_g: int, distance_m: int
) -> LegFootprint:
    """The grams of CO2e of one ride (goods and packaging), and what the figure leaves out."""
    return leg_co2e(load_factors(), mode.value, temperature.value, weight_g, distance_m, VEHICLE_CLASSES[vehicle])


def season_closures(closed_months: Sequence[int], years: Iterable[int]) -> list[Period]:
    """The months in which a service rests, as half-open periods of seconds (UTC) in these years."""
    return [
        (_month_s(year, month), _month_s(year + month // 12, month % 12 + 1))
        for month in sorted(set(closed_months))
        for year in years
    ]


def midnight_s(day: date) -> int:
    """The first second of this day, UTC."""
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp())


def weekly(
    weekdays: Iterable[int],
    departs_s: Iterable[int],
    valid_from: date | str | None = None,
    valid_until: date | str | None = None,
) -> Weekly:
    """A pattern as the planner takes it: days and seconds in order, each once. Dates may be ISO 8601 texts."""
    since, until = (date.fromisoformat(day) if isinstance(day, str) else day for day in (valid_from, valid_until))
    return Weekly(tuple(sorted(set(weekdays))), tuple(sorted(set(departs_s))), since, until)


def is_toll_free(category: str, temperature: str, shelf_life_h: int | None) -> bool:
    """Whether goods are of the green channel: live animals, and produce that is neither frozen nor keeps for long (dried).

    How much of a vehicle they must fill is the planner's rule; to register each trip is the carrier's affair.
    """
    if category == "livestock":
        return temperature == Temperature.LIVE
    is_fresh = shelf_life_h is not None and shelf_life_h <= load_defaults()["green_channel"]["shelf_life_h_max"]
    return category == "produce" and temperature in {Temperature.AMBIENT, Temperature.CHILLED} and is_fresh


def weekly_hours(days: Iterable[int], since: str, until: str, utc_offset_h: float) -> list[Period]:
    """These hours (`09:00`, `19:00`) of these local weekdays as periods of the UTC week; they may reach into the next one.

    An `until` that is not after `since` is on the next day.
    """
    opens_s, closes_s = clock_s(since), clock_s(until)
    lasts_s = closes_s - opens_s if closes_s > opens_s else closes_s + DAY_S - opens_s
    starts = sorted((day * DAY_S + opens_s - round(utc_offset_h * HOUR_S)) % WEEK_S for day in set(days))
    return [(start, start + lasts_s) for start in starts]


def clock_s(text: str) -> int:
    """Seconds of the day of `HH:MM`, up to and including 24:00."""
    hours, minutes = text.split(":")
    return int(hours) * HOUR_S + int(minutes) * 60


def open_from(opening: Sequence[Period], at: datetime) -> datetime:
    """The first moment from `at` on at which a place is open; `opening` are periods of the UTC week from Monday, none is always."""
    if not opening:
        return at
    week_s = 7 * 24 * HOUR_S
    midnight = datetime.combine(at.date(), datetime.min.time(), UTC)
    second = int((at - midnight).total_seconds()) + at.weekday() * 24 * HOUR_S
    waits = [
        max(since + turn - second, 0)
        for since, until in opening
        for turn in (-week_s, 0, week_s)
        if second < until + turn
    ]
    return at + timedelta(seconds=min(waits))


def hub_closure(stop: Stop, since: int, until: int) -> Period:
    """The starts of run that would call at this stop while its hub is closed from `since` until before `until`."""
    return since - stop.depart_offset_s, until - stop.arrive_offset_s


def ready_to_board(place: PlannedPlace, at: int) -> int:
    """When goods that come to a place at this second are ready for a ride from it: its dwell, begun while it is open."""
    pieces = week_pieces(place.opening)
    if not pieces:
        return at + place.dwell_s
    week_s = (at - MONDAY_S) % WEEK_S
    opens_in = next(
        (max(0, since - week_s) for since, until in pieces if week_s < until), WEEK_S - week_s + pieces[0][0]
    )
    return at + opens_in + place.dwell_s


def last_hand_in(place: PlannedPlace, ready_by: int) -> int | None:
    """The last quarter of an hour at which goods can be handed in so that they are ready by then; None when it is not open before."""
    last = (ready_by - place.dwell_s) // HAND_IN_S * HAND_IN_S
    quarters = range(last, last - WAIT_S_MAX, -HAND_IN_S)
    return next((at for at in quarters if ready_to_board(place, at) <= ready_by), None)


def starts_between(service: PlannedService, since: int, until: int) -> Iterator[int]:
    """The starts of a service's runs in these seconds, both included, in order: its patterns without its closures."""
    day = since // DAY_S * DAY_S
    while day <= until:
        on = datetime.fromtimestamp(day, UTC).date()
        for start in sorted(
            {day + at for pattern in service.departures if _runs_on(pattern, on) for at in pattern.seconds_of_day}
        ):
            if since <= start <= until and not any(begin <= start < end for begin, end in service.closures):
                yield start
        day += DAY_S


def _runs_on(pattern: Weekly, on: date) -> bool:
    begun = pattern.valid_from is None or pattern.valid_from <= on
    ended = pattern.valid_until is not None and pattern.valid_until < on
    return on.weekday() in pattern.weekdays and begun and not ended


def parse_position(near: str) -> tuple[float, float]:
    """Latitude and longitude of a `lat,lon` text; `Invalid` when it is nowhere on Earth."""
    lat, lon = (float(part) for part in near.split(","))
    if abs(lat) > 90 or abs(lon) > 180:
        raise Invalid(
            gaps=[
                Gap(
                    "/query/near",
                    {
                        "en": "Latitude first (-90 to 90), then longitude (-180 to 180)",
                        "zh-Hans": "请先写纬度（-90 至 90），再写经度（-180 至 180）",
                    },
                )
            ]
        )
    return lat, lon


def line_faults(line: Line, known_hubs: Collection[str]) -> list[Gap]:
    """Everything that keeps a service from running as described, each with its pointer."""
    return [*_stop_faults(line.stops, known_hubs), *_pattern_faults(line), *_load_faults(line)]


def no_such_hub(code: str) -> dict[str, str]:
    return {"en": f"There is no hub {code}; see GET /v1/hubs", "zh-Hans": f"没有枢纽 {code}，请见 GET /v1/hubs"}


def start_faults(depart_after: datetime | None, now: datetime, pointer: str) -> Iterator[Gap]:
    """When goods may be asked to leave: not before now (as far as clocks of clients may be slow), and not too far ahead."""
    if depart_after is None:
        return
    if depart_after < now - CLOCK_SKEW_MAX:
        yield Gap(
            pointer,
            {"en": "It has passed; leave it out to leave from now on", "zh-Hans": "该时间已过；从现在起发运请勿填写"},
        )
    if depart_after > now + DEPART_AHEAD_MAX:
        yield Gap(
            pointer,
            {
                "en": f"At most {DEPART_AHEAD_MAX.days} days ahead",
                "zh-Hans": f"最多提前 {DEPART_AHEAD_MAX.days} 天",
            },
        )


def _stop_faults(stops: Sequence[Stop], known_hubs: Collection[str]) -> Iterator[Gap]:
    for number, stop in enumerate(stops):
        here = f"/stops/{number}"
        if stop.place not in known_hubs:
            yield Gap(f"{here}/hub", no_such_hub(stop.place))
        if number == 0 and (stop.arrive_offset_s, stop.depart_offset_s, stop.distance_m) != (0, 0, 0):
            yield Gap(here, {"en": "The first stop is at second 0 and metre 0", "zh-Hans": "首站的时间和距离均应为 0"})
        if stop.depart_offset_s < stop.arrive_offset_s:
            yield Gap(f"{here}/depart_offset_s", {"en": "It departs before it arrives", "zh-Hans": "发车早于到达"})
        if number and stop.arrive_offset_s <= stops[number - 1].depart_offset_s:
            yield Gap(
                f"{here}/arrive_offset_s",
                {"en": "It arrives no later than the stop before departs", "zh-Hans": "到达时间应晚于上一站的发车时间"},
            )
        if number and stop.distance_m <= stops[number - 1].distance_m:
            yield Gap(
                f"{here}/distance_m",
                {"en": "Distances grow from stop to stop", "zh-Hans": "里程应逐站增加"},
            )
        if number and stop.place == stops[number - 1].place:
            yield Gap(f"{here}/hub", {"en": "The same hub twice in a row", "zh-Hans": "相邻两站不能相同"})


def _pattern_faults(line: Line) -> Iterator[Gap]:
    for pointer, given in (("/weekdays", line.weekdays), ("/departs_s", line.departs_s)):
        if line.on_demand and given:
            yield Gap(pointer, {"en": "A service on demand has no timetable", "zh-Hans": "按需线路不能设置班次"})
        if not line.on_demand and not given:
            yield Gap(pointer, {"en": "Needed, unless it runs on demand", "zh-Hans": "非按需线路必须填写"})
    if line.on_demand and line.more_departures:
        yield Gap("/more_departures", {"en": "A service on demand has no timetable", "zh-Hans": "按需线路不能设置班次"})
    validities = [(line.valid_from, line.valid_until)]
    validities += [(each.valid_from, each.valid_until) for each in line.more_departures]
    for number, (since, until) in enumerate(validities):
        if since and until and until < since:
            pointer = f"/more_departures/{number - 1}/valid_until" if number else "/valid_until"
            yield Gap(pointer, {"en": "It ends before it begins", "zh-Hans": "结束日期早于开始日期"})


def without_period(patterns: Iterable[Weekly], since: date, until: date | None) -> list[Weekly]:
    """The same patterns but for these days (both included; None is for ever): what begins before ends, what outlasts it resumes."""
    kept = []
    for pattern in patterns:
        begins, ends = pattern.valid_from or date.min, pattern.valid_until or date.max
        if ends < since or (until is not None and begins > until):
            kept.append(pattern)
            continue
        if begins < since:
            kept.append(replace(pattern, valid_until=since - timedelta(days=1)))
        if until is not None and ends > until:
            kept.append(replace(pattern, valid_from=until + timedelta(days=1)))
    return kept


def _load_faults(line: Line) -> Iterator[Gap]:
    if line.tariff.toll_milliminor_per_tkm > line.tariff.milliminor_per_tkm:
        yield Gap(
            "/tariff/toll_milliminor_per_tkm",
            {"en": "The toll is a part of `milliminor_per_tkm`", "zh-Hans": "通行费应包含在 milliminor_per_tkm 之内"},
        )
    is_live = Temperature.LIVE in line.temperatures
    if is_live and line.mode in {Mode.AIR, Mode.BUS, Mode.COURIER}:
        yield Gap(
            "/temperatures",
            {"en": f"Live animals do not travel by {line.mode.value}", "zh-Hans": "该运输方式不能运送活畜禽"},
        )
    if is_live != (line.capacity.live_places > 0):
        yield Gap(
            "/capacity/live_places",
            {
                "en": "Places for animals are given exactly when `live` is among the temperatures",
                "zh-Hans": "仅当 temperatures 含 live 时填写活畜位数",
            },
        )
    if line.capacity.chilled_slots is not None and not {Temperature.CHILLED, Temperature.FROZEN} & {*line.temperatures}:
        yield Gap(
            "/capacity/chilled_slots",
            {
                "en": "Chilled slots only where `chilled` or `frozen` is among the temperatures",
                "zh-Hans": "仅当 temperatures 含 chilled 或 frozen 时填写冷藏位数",
            },
        )
    if line.mode is Mode.COURIER:
        yield Gap("/mode", {"en": "Couriers are not timetabled", "zh-Hans": "快递配送不设班次"})


def _month_s(year: int, month: int) -> int:
    return midnight_s(date(year, month, 1))
