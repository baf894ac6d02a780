"""The rural layer: county centres tied to the trunk, and generated townships and villages tied to them. Pure and deterministic.

County centres are real places. Township stations and village points are not: they stand where such places might, their
names and their `source` say "generated", and they are for benchmarks and trials only.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Final

from app.network.rules import HOUR_S, load_defaults
from app.network.seed import County, Structure, hub_point, product_capacity, tariff
from app.network.values import DEPARTURES_PER_DAY_MAX, HubKind, HubPoint, Line, Mode, Temperature, Vehicle
from app.routing import Stop

EARTH_RADIUS_KM: Final = 6_371.009
KM_PER_DEGREE: Final = EARTH_RADIUS_KM * math.pi / 180
GOLDEN_ANGLE: Final = math.pi * (3 - math.sqrt(5))
# Placed within the radius with something to spare, because the plane of the offsets is not quite the sphere.
WITHIN: Final = 0.97
ANCHORS: Final = frozenset({HubKind.HUB, HubKind.CITY, HubKind.COUNTY})
QUARTER_S: Final = 900
DAY_S: Final = 86_400
EVERY_DAY: Final = (0, 1, 2, 3, 4, 5, 6)
TOWNSHIPS_MAX: Final = 99
VILLAGES_MAX: Final = 99


@dataclass(frozen=True, slots=True)
class Settlement:
    """A county with its centre, and each of its generated townships with the villages around it."""

    county: County
    centre: HubPoint
    townships: tuple[tuple[HubPoint, tuple[HubPoint, ...]], ...]


def rural_layer(
    counties: Iterable[County],
    structure: Mapping[str, Structure],
    trunk_hubs: Sequence[HubPoint],
    *,
    townships_per_county: int = 0,
    villages_per_township: int = 0,
    bus_factor: float = 1.0,
) -> tuple[list[HubPoint], list[Line]]:
    """The hubs that the trunk lacks, and the services that tie them to it; `bus_factor` multiplies the buses of a day.

    A county whose centre is a hub of the trunk gets no second one. Every new hub can be reached from the trunk and back.
    """
    assert 0 <= townships_per_county <= TOWNSHIPS_MAX
    assert 0 <= villages_per_township <= VILLAGES_MAX
    by_code = {hub.code: hub for hub in trunk_hubs}
    settled = [
        _settle(county, structure[county.adcode[:2]], by_code, townships_per_county, villages_per_township)
        for county in counties
    ]
    hubs = [hub for each in settled for hub in _new_hubs(each)]
    return hubs, [
        *_to_the_trunk(settled, [hub for hub in trunk_hubs if hub.kind in ANCHORS and hub.adcode]),
        *(line for each in settled for line in _within_the_county(each, bus_factor)),
    ]


def road_km(one: HubPoint, other: HubPoint) -> float:
    """An estimate: the great circle times the road factor of the defaults."""
    terms = load_defaults()["rural"]
    return max(float(terms["hop_km_min"]), great_circle_km(one, other) * float(terms["road_factor"]))


def great_circle_km(one: HubPoint, other: HubPoint) -> float:
    """Haversine, on a sphere."""
    lat, lat2, step = math.radians(one.lat), math.radians(other.lat), math.radians(other.lon - one.lon)
    half = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin(step / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))


def fraction(*words: str | int) -> float:
    """A number from 0 up to 1 that is always the same for these words."""
    text = ":".join(map(str, words)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest()) / 2**64


def _settle(
    county: County, structure: Structure, trunk: Mapping[str, HubPoint], townships: int, villages: int
) -> Settlement:
    centre = trunk[county.hub] if county.hub else _county_centre(county)
    stations = _around(county, "T", centre, townships, structure.county_radius_km, (), HubKind.TOWNSHIP)
    return Settlement(
        county,
        centre,
        tuple(
            (
                station,
                tuple(
                    _around(
                        county,
                        "V",
                        station,
                        villages,
                        structure.township_radius_km,
                        (number,),
                        HubKind.VILLAGE_POINT,
                    )
                ),
            )
            for number, station in enumerate(stations, start=1)
        ),
    )


def _county_centre(county: County) -> HubPoint:
    position = (county.lat, county.lon)
    return hub_point(f"C-{county.adcode}", county.name, HubKind.COUNTY, position, county.adcode, county.source)


_WORDS: Final = {HubKind.TOWNSHIP: ("township", "乡镇站"), HubKind.VILLAGE_POINT: ("village", "村点")}


def _around(
    county: County,
    letter: str,
    middle: HubPoint,
    count: int,
    radius_km: float,
    above: tuple[int, ...],
    kind: HubKind,
) -> Iterator[HubPoint]:
    """So many points spread evenly over a disc (sunflower seeds), turned by what the place is called."""
    turn = 2 * math.pi * fraction("turn", letter, middle.code)
    word, word_zh = _WORDS[kind]
    for number in range(1, count + 1):
        code = "-".join([letter, county.adcode, *(f"{each:02}" for each in (*above, number))])
        km = WITHIN * radius_km * math.sqrt((number - 0.75 + fraction("far", code) / 2) / count)
        angle = turn + number * GOLDEN_ANGLE
        lat = middle.lat + km * math.cos(angle) / KM_PER_DEGREE
        lon = middle.lon + km * math.sin(angle) / (KM_PER_DEGREE * math.cos(math.radians(max(lat, middle.lat))))
        numbers = "-".join(map(str, (*above, number)))
        name = {
            "en": f"{county.name['en']} {word} {numbers} (generated)",
            "zh-Hans": f"{county.name['zh-Hans']}{word_zh}{numbers}（生成）",
        }
        position = (round(lat, 5), round(lon, 5))
        yield hub_point(code, name, kind, position, county.adcode, "generated: not a real place")


def _new_hubs(settled: Settlement) -> Iterator[HubPoint]:
    if settled.county.hub is None:
        yield settled.centre
    for station, villages in settled.townships:
        yield station
        yield from villages


def _to_the_trunk(settled: Iterable[Settlement], anchors: Sequence[HubPoint]) -> Iterator[Line]:
    """A van between each new county centre and the trunk's nearest hub of its province, and feeder tours from those hubs."""
    served: dict[str, list[HubPoint]] = {}
    by_code = {hub.code: hub for hub in anchors}
    for each in settled:
        if each.county.hub is None:
            province = [hub for hub in anchors if (hub.adcode or "")[:2] == each.county.adcode[:2]]
            nearest = min(province, key=lambda hub: (great_circle_km(hub, each.centre), hub.code))
            served.setdefault(nearest.code, []).append(each.centre)
            yield from _vans(nearest, each.centre)
    for code, centres in served.items():
        for calls in _tours(by_code[code], centres):
            if (line := _feeder(by_code[code], calls)) is not None:
                yield line


def _within_the_county(settled: Settlement, bus_factor: float) -> Iterator[Line]:
    """A van between each township and the county centre, and buses around township and villages, both ways round."""
    centre = settled.centre
    for station, _ in settled.townships:
        yield from _vans(centre, station)
    groups = [[station, *villages] for station, villages in settled.townships]
    if all(len(group) == 1 for group in groups):
        alone = [station for station, _ in settled.townships]
        groups = [sorted(alone, key=lambda hub: (_bearing(centre, hub), hub.code))]
    stops_max = load_defaults()["rural"]["bus"]["stops_max"]
    for group in groups:
        for first in range(0, len(group), stops_max):
            calls = group[first : first + stops_max]
            yield _bus(settled.county, "", [centre, *calls, centre], bus_factor)
            if len(calls) > 1:
                yield _bus(settled.county, "R", [centre, *reversed(calls), centre], bus_factor)


def _vans(hub: HubPoint, other: HubPoint) -> Iterator[Line]:
    product = load_defaults()["rural"]["van"]
    for way in ((hub, other), (other, hub)):
        yield _line(
            product,
            f"{product['code']}-{way[0].code}-{way[1].code}",
            _titled(product, *way),
            _stops(way, _terrain(other)["truck_kmh"]),
            on_demand=True,
        )


def _tours(hub: HubPoint, centres: Iterable[HubPoint]) -> Iterator[list[HubPoint]]:
    """Neighbours by bearing share a tour as long as it is short enough."""
    terms = load_defaults()["rural"]["feeder"]
    tour: list[HubPoint] = []
    for centre in sorted(centres, key=lambda place: (_bearing(hub, place), place.code)):
        longer = [*tour, centre]
        if tour and (len(longer) > terms["stops_max"] or _tour_h(hub, longer) > terms["shared_h_max"]):
            yield tour
            longer = [centre]
        tour = longer
    if tour:
        yield tour


def _tour_h(hub: HubPoint, calls: Sequence[HubPoint]) -> float:
    return _stops([hub, *calls, hub], _terrain(calls[0])["truck_kmh"])[-1].arrive_offset_s / HOUR_S


def _feeder(hub: HubPoint, calls: Sequence[HubPoint]) -> Line | None:
    """None when the tour is longer than any feeder's."""
    product = load_defaults()["rural"]["feeder"]
    stops = _stops([hub, *calls, hub], _terrain(calls[0])["truck_kmh"])
    hours = stops[-1].arrive_offset_s / HOUR_S
    pattern = next((each for each in product["tours"] if hours <= each["hours_max"]), None)
    if pattern is None:
        return None
    code = f"{product['code']}-{hub.code}-{calls[0].code}"
    later_s = int(fraction(code) * load_defaults()["rural"]["spread_minutes"] * 60) // QUARTER_S * QUARTER_S
    departs_s = sorted((round(hour * HOUR_S) + later_s) % DAY_S for hour in pattern["departs_h"])
    return _line(product, code, _titled(product, hub, *calls), stops, pattern["weekdays"], departs_s)


def _bus(county: County, way: str, places: Sequence[HubPoint], factor: float) -> Line:
    """Between the first hour and the last call of the defaults, evenly; a tour too long for that, three times a week."""
    product, terrain = load_defaults()["rural"]["bus"], _terrain(places[1])
    stops = _stops(places, terrain["bus_kmh"])
    code = f"{product['code']}{way}-{min(place.code for place in places[1:-1])}"
    first_s = round(product["first_h"] * HOUR_S)
    room_s = round(product["last_call_h"] * HOUR_S) - stops[-2].depart_offset_s - first_s
    weekdays, departs_s = product["remote_weekdays"], [first_s]
    if room_s > 0:
        fewest, most = terrain["buses_per_day"]
        runs = round((fewest + int(fraction("buses", county.adcode) * (most - fewest + 1))) * factor)
        runs = max(1, min(runs, DEPARTURES_PER_DAY_MAX))
        weekdays = EVERY_DAY
        departs_s = [first_s + round(room_s * (run + fraction(code) * 0.5) / runs) // 60 * 60 for run in range(runs)]
    line_name = _titled(product, *places[:-1])
    return _line(product, code, line_name, stops, weekdays, departs_s)


def _line(
    product: Mapping[str, Any],
    code: str,
    name: Mapping[str, str],
    stops: tuple[Stop, ...],
    weekdays: Sequence[int] = (),
    departs_s: Sequence[int] = (),
    *,
    on_demand: bool = False,
) -> Line:
    return Line(
        id=code,
        carrier=product["carrier"],
        mode=Mode(product["mode"]),
        vehicle=Vehicle(product["vehicle"]),
        name=name,
        stops=stops,
        temperatures=tuple(Temperature(each) for each in product["temperatures"]),
        tariff=tariff(product["tariff"]),
        capacity=product_capacity(product),
        on_demand=on_demand,
        weekdays=tuple(weekdays),
        departs_s=tuple(departs_s),
        cutoff_s=round(product["cutoff_h"] * HOUR_S),
        piece_weight_g_max=product["piece_kg_max"] * 1_000 if "piece_kg_max" in product else None,
        piece_length_mm_max=product["piece_cm_max"] * 10 if "piece_cm_max" in product else None,
    )


def _stops(places: Sequence[HubPoint], kmh: float) -> tuple[Stop, ...]:
    kinds = load_defaults()["hub_kind"]
    stops = [Stop(places[0].code, 0, 0, 0)]
    for number, (before, place) in enumerate(pairwise(places), start=1):
        km = road_km(before, place)
        arrives_s = stops[-1].depart_offset_s + math.ceil(km / kmh * HOUR_S)
        aboard_s = round(kinds[place.kind]["aboard_h"] * HOUR_S) if number < len(places) - 1 else 0
        stops.append(Stop(place.code, arrives_s, arrives_s + aboard_s, stops[-1].distance_m + round(km * 1_000)))
    return tuple(stops)


def _titled(product: Mapping[str, Any], *places: HubPoint) -> dict[str, str]:
    return {tag: f"{word} {' – '.join(place.name[tag] for place in places)}" for tag, word in product["name"].items()}


def _terrain(place: HubPoint) -> Mapping[str, Any]:
    province = (place.adcode or "")[:2]
    found: Mapping[str, Any] = next(
        each for each in load_defaults()["rural"]["terrain"] if province in each["provinces"]
    )
    return found


def _bearing(start: HubPoint, end: HubPoint) -> float:
    """The direction of travel in radians; good enough to sort neighbours by."""
    return math.atan2((end.lon - start.lon) * math.cos(math.radians(start.lat)), end.lat - start.lat)
