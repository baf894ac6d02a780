"""From places and links to hubs and services: a pure generator over `seed/*.csv` and `seed/defaults.toml`."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.network.rules import HOUR_S, MINOR, SEED, load_defaults, weekly_hours
from app.network.values import HubKind, HubPoint, Line, Mode, ServiceStatus, Temperature, Vehicle
from app.routing import Capacity, Stop, Tariff

ROUTE_NUMBER: Final = re.compile(r"\b[GS][0-9]{1,5}W?\b")
RAILWAY: Final = re.compile(r"[^(),;+]*?railway")
ID_LENGTH_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class County:
    """A county-level unit at its seat. `hub` is the place of the trunk that is its centre; None when it has one of its own."""

    adcode: str
    name: Mapping[str, str]
    lat: float
    lon: float
    hub: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Structure:
    """How a province is settled: townships in a county, and the radius that one of them covers."""

    townships_per_county: float
    township_radius_km: float

    @property
    def county_radius_km(self) -> float:
        """The radius of a disc with the area of all the townships of a county."""
        return self.township_radius_km * math.sqrt(self.townships_per_county)


@dataclass(frozen=True, slots=True)
class Link:
    """A stretch between two hubs that can be travelled both ways; `hours` is moving time."""

    ends: tuple[str, str]
    mode: str
    km: float
    hours: float
    note: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Links end to end: the hubs in order, and kilometres and hours between them."""

    name: str
    hubs: tuple[str, ...]
    km: tuple[float, ...]
    hours: tuple[float, ...]
    note: str

    @property
    def speed_kmh(self) -> float:
        return sum(self.km) / sum(self.hours)

    def backwards(self) -> "Chain":
        return Chain(self.name, self.hubs[::-1], self.km[::-1], self.hours[::-1], self.note)


def read_hubs() -> list[HubPoint]:
    """The places of `nodes.csv` with the defaults of their kind. One that is the centre of a county has that county's code."""
    centres = {county.hub: county.adcode for county in read_counties() if county.hub}
    with (SEED / "nodes.csv").open(encoding="utf-8", newline="") as file:
        return [
            hub_point(
                row["code"],
                {"en": row["name"], "zh-Hans": row["name_zh"]},
                HubKind(row["kind"]),
                (float(row["lat"]), float(row["lon"])),
                centres.get(row["code"]) or row["adcode"] or None,
                row["source"],
            )
            for row in csv.DictReader(file)
        ]


def hub_point(
    code: str, name: Mapping[str, str], kind: HubKind, position: tuple[float, float], adcode: str | None, source: str
) -> HubPoint:
    """A hub with the defaults of its kind, and the hours of its own where there are any."""
    defaults = load_defaults()
    handling, of_kind = defaults["handling"], defaults["hub_kind"][kind]
    return HubPoint(
        code=code,
        name=name,
        kind=kind,
        lat=position[0],
        lon=position[1],
        adcode=adcode,
        dwell_s=round(of_kind["dwell_h"] * HOUR_S),
        handling_minor=minor(handling.get(f"{kind}_cny", handling["base_cny"])),
        handling_milliminor_per_kg=milliminor(handling["per_kg_cny"]),
        source=source,
        opening=_opening(defaults["hours"], code, kind),
        can_rest=of_kind.get("can_rest", False),
        is_cooled=of_kind.get("is_cooled", False),
    )


def _opening(hours: Mapping[str, Any], code: str, kind: HubKind) -> tuple[tuple[int, int], ...]:
    """The hours of this place, else those of its kind, in the UTC week; always open without either."""
    terms = hours["place"].get(code, hours["kind"].get(kind))
    if not terms:
        return ()
    return tuple(weekly_hours(terms.get("weekdays", range(7)), terms["from"], terms["until"], hours["utc_offset_h"]))


def read_counties() -> list[County]:
    """The counties of the twelve western provinces (`counties.csv`), by code."""
    with (SEED / "counties.csv").open(encoding="utf-8", newline="") as file:
        return [
            County(
                row["adcode"],
                {"en": row["name"], "zh-Hans": row["name_zh"]},
                float(row["lat"]),
                float(row["lon"]),
                row["hub"] or None,
                row["source"],
            )
            for row in csv.DictReader(file)
        ]


def read_structure() -> dict[str, Structure]:
    """How densely each province is settled (`rural_structure.csv`), by the first two digits of its code."""
    with (SEED / "rural_structure.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["province_code"][:2]: Structure(
                int(row["townships"]) / int(row["counties"]), float(row["township_radius_km"])
            )
            for row in csv.DictReader(file)
        }


def read_links() -> list[Link]:
    """The links of `links.csv` and those of our own in `links_added.csv`."""
    return [link for name in ("links.csv", "links_added.csv") for link in _links(SEED / name)]


def _links(path: Path) -> Iterator[Link]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Link((row["from"], row["to"]), row["mode"], float(row["km"]), float(row["hours"]), row["note"])


def services_from_links(links: Sequence[Link], hubs: Mapping[str, HubPoint], defaults: Mapping[str, Any]) -> list[Line]:
    """Every product of the defaults on every chain or link that it applies to, in both directions, in a fixed order."""
    lines: list[Line] = []
    taken: set[str] = set()
    for product in defaults["product"]:
        chosen = [link for link in links if _carries(product, link, hubs, defaults)]
        chains = [chain for chain in join_lines(chosen, hubs, defaults) if _suits(product, chain)]
        for number, chain in enumerate(chains):
            for way in (chain, chain.backwards()):
                lines.append(_line(product, way, number, hubs, defaults, taken))
                taken.add(lines[-1].id)
    return lines


def named_line(link: Link) -> str | None:
    """The railway or the road number that a link belongs to; None for a link that stands alone."""
    if link.mode == "rail":
        before = link.note.split(" via ")[0]
        match = RAILWAY.search(before)
        return (match[0] if match else before.split("(")[0]).strip()
    if link.mode == "road":
        numbers = ROUTE_NUMBER.findall(link.note)
        return next((number for number in numbers if number.startswith("G")), numbers[0] if numbers else None)
    return None


def join_lines(links: Iterable[Link], hubs: Mapping[str, HubPoint], defaults: Mapping[str, Any]) -> list[Chain]:
    """Links of one line joined end to end, no hub twice in a chain; each link is in exactly one chain.

    Links abroad, and those that a season or a plan keeps apart, stay alone.
    """
    named: dict[tuple[str, str], list[Link]] = {}
    alone: list[Chain] = []
    for link in links:
        name = named_line(link)
        apart = _is_abroad(link, hubs) or _season(link.note, defaults) or _is_planned(link.note, defaults)
        if name is None or apart:
            alone.append(_chain(name or link.note, [link.ends[0], link.ends[1]], [link]))
        else:
            named.setdefault((link.mode, name), []).append(link)
    joined = [chain for (_, name), group in named.items() for chain in _trails(name, group, defaults)]
    return joined + alone


def _trails(name: str, group: list[Link], defaults: Mapping[str, Any]) -> Iterator[Chain]:
    left = list(group)
    while left:
        ends = [end for link in left for end in link.ends]
        start = next((end for end in ends if ends.count(end) % 2), ends[0])
        hubs, used = [start], list[Link]()
        while len(hubs) < defaults["line"]["stops_max"]:
            step = next((link for link in left if hubs[-1] in link.ends and _other(link, hubs[-1]) not in hubs), None)
            if step is None:
                break
            left.remove(step)
            used.append(step)
            hubs.append(_other(step, hubs[-1]))
        yield _chain(name, hubs, used)


def _chain(name: str, hubs: list[str], links: list[Link]) -> Chain:
    return Chain(
        name,
        tuple(hubs),
        tuple(link.km for link in links),
        tuple(link.hours for link in links),
        "; ".join(link.note for link in links),
    )


def _other(link: Link, end: str) -> str:
    return link.ends[1] if end == link.ends[0] else link.ends[0]


def _is_abroad(link: Link, hubs: Mapping[str, HubPoint]) -> bool:
    return any(hubs[end].kind is HubKind.FOREIGN for end in link.ends)


def _is_planned(note: str, defaults: Mapping[str, Any]) -> bool:
    return any(word in note for word in defaults["note"]["planned"])


def _season(note: str, defaults: Mapping[str, Any]) -> tuple[int, ...]:
    return next(
        (tuple(season["closed_months"]) for season in defaults["note"]["season"] if season["words"] in note), ()
    )


def _carries(product: Mapping[str, Any], link: Link, hubs: Mapping[str, HubPoint], defaults: Mapping[str, Any]) -> bool:
    is_shuttle = any(word in link.note for word in defaults["note"]["shuttle"]) and link.mode == "road"
    return (
        link.mode in product["link_modes"]
        and is_shuttle == product.get("shuttle", False)
        and (product.get("abroad", False) or not _is_abroad(link, hubs))
    )


def _suits(product: Mapping[str, Any], chain: Chain) -> bool:
    return bool(product.get("speed_min", 0) <= chain.speed_kmh < product.get("speed_max", 10_000))


def _line(
    product: Mapping[str, Any],
    chain: Chain,
    number: int,
    hubs: Mapping[str, HubPoint],
    defaults: Mapping[str, Any],
    taken: set[str],
) -> Line:
    on_demand = product.get("on_demand", False)
    first, last = hubs[chain.hubs[0]], hubs[chain.hubs[-1]]
    weekdays, departs_h = ((), ()) if on_demand else _pattern(product, number)
    return Line(
        id=_id(product["code"], first.code, last.code, taken),
        carrier=product["carrier"],
        mode=Mode(product["mode"]),
        vehicle=Vehicle(product["vehicle"]),
        name={tag: f"{word} {first.name[tag]} – {last.name[tag]}" for tag, word in product["name"].items()},
        stops=tuple(_stops(chain, hubs, defaults)),
        temperatures=tuple(Temperature(name) for name in product["temperatures"]),
        tariff=_tariff(product, first, last),
        capacity=product_capacity(product),
        on_demand=on_demand,
        weekdays=tuple(weekdays),
        departs_s=tuple(sorted(round(hour * HOUR_S) for hour in departs_h)),
        closed_months=_season(chain.note, defaults),
        cutoff_s=round(product["cutoff_h"] * HOUR_S),
        status=ServiceStatus.PLANNED if _is_planned(chain.note, defaults) else ServiceStatus.ACTIVE,
    )


def _pattern(product: Mapping[str, Any], number: int) -> tuple[Sequence[int], Sequence[float]]:
    """The weekdays and hours of the line with this number: the choices are dealt out in turn."""
    weekdays: Sequence[int] = product["weekdays"][number % len(product["weekdays"])]
    hours = product["departs_h"][number % len(product["departs_h"])]
    return weekdays, hours if isinstance(hours, list) else [hours]


def _id(code: str, first: str, last: str, taken: set[str]) -> str:
    plain = f"{code}-{first}-{last}"[:ID_LENGTH_MAX]
    return next(name for n in range(1, 100) if (name := plain if n == 1 else f"{plain[:37]}-{n}") not in taken)


def _stops(chain: Chain, hubs: Mapping[str, HubPoint], defaults: Mapping[str, Any]) -> Iterator[Stop]:
    arrives_s, distance_m = 0, 0
    for number, code in enumerate(chain.hubs):
        within = 0 < number < len(chain.hubs) - 1
        aboard_s = round(defaults["hub_kind"][hubs[code].kind]["aboard_h"] * HOUR_S) if within else 0
        yield Stop(code, arrives_s, arrives_s + aboard_s, distance_m)
        if number < len(chain.km):
            arrives_s += aboard_s + round(chain.hours[number] * HOUR_S)
            distance_m += round(chain.km[number] * 1_000)


def _tariff(product: Mapping[str, Any], first: HubPoint, last: HubPoint) -> Tariff:
    terms = dict(product["tariff"])
    remote = product.get("remote", {"provinces": []})
    if any((hub.adcode or "")[:2] in remote["provinces"] for hub in (first, last)):
        terms["per_kg"] = remote["per_kg"]
    return tariff(terms)


def product_capacity(product: Mapping[str, Any]) -> Capacity:
    """What a run of this product of the defaults carries."""
    terms = product["capacity"]
    return Capacity(
        round(terms["weight_t"] * 10**6),
        round(terms["volume_m3"] * 10**9),
        terms.get("live_places", 0),
        terms.get("chilled_slots"),
    )


def tariff(terms: Mapping[str, float]) -> Tariff:
    """A tariff of the defaults (CNY) in thousandths of a fen."""
    return Tariff(
        base_minor=minor(terms.get("base", 0)),
        milliminor_per_kg=milliminor(terms.get("per_kg", 0)),
        milliminor_per_tkm=milliminor(terms.get("per_tkm", 0)),
        minimum_minor=minor(terms.get("minimum", 0)),
        toll_milliminor_per_tkm=milliminor(terms.get("toll_per_tkm", 0)),
    )


def minor(cny: float) -> int:
    return round(cny * MINOR)


def milliminor(cny: float) -> int:
    return round(cny * MINOR * 1_000)
