"""Timetables drawn as text, and plans told as one readable line.

A place line:    `place U 2h handling=200fen+5fen/kg co2e=30mg/kg` (two hours to turn round)
A service line:  `T1 rail: H1 08:00 > U +6h 400km > M wait 1h +2h; 100fen 3fen/kg 45fen/tkm min=50fen 70g/tkm cutoff=1h Mon,Thu`
(it waits an hour at U before the ride to M). A service without a time is on demand; without weekdays it runs daily; a ride
without kilometres has 100. Whatever else is not named is nothing, but every service carries 30 t, 80 m3 and 100 heads.
"""

import re
from datetime import date

from app.routing import Capacity, Front, NoPlan, Place, Plan, Query, Service, Stop, Tariff, Timetable, Weekly, plan
from app.routing.values import NO_LOAD, Load

MONDAY = 1_767_571_200
MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
UNITS = {"h": HOUR_S, "min": MINUTE_S, "d": DAY_S}


def seconds(text: str) -> int:
    """`6h`, `30min`, `2d`."""
    number, unit = re.fullmatch(r"(\d+)(h|min|d)", text).groups()
    return int(number) * UNITS[unit]


def clock(text: str) -> int:
    """`08:00` as seconds of the day."""
    hours, minutes = text.split(":")
    return int(hours) * HOUR_S + int(minutes) * MINUTE_S


def moment(text: str) -> int:
    """`Tue 08:00` of the first week, `Tue+1 08:00` of the second, as seconds since the epoch."""
    day, at = text.split()
    name, _, week = day.partition("+")
    return MONDAY + (DAYS.index(name) + 7 * int(week or 0)) * DAY_S + clock(at)


def told(at: int) -> str:
    days, second = divmod(at - MONDAY, DAY_S)
    week, day = divmod(days, 7)
    return f"{DAYS[day]}{f'{week:+d}' if week else ''} {second // HOUR_S:02d}:{second % HOUR_S // MINUTE_S:02d}"


def draw(text: str) -> Timetable:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    places = {place.code: place for place in (_place(line) for line in lines if line.startswith("place "))}
    services = [_service(line) for line in lines if not line.startswith("place ")]
    for stop in (stop for service in services for stop in service.stops):
        places.setdefault(stop.place, Place(stop.place))
    return Timetable(places.values(), services, "drawn")


def _place(line: str) -> Place:
    terms = {"dwell_s": 0}
    for word in line.split()[2:]:
        name, _, value = word.rpartition("=")
        if name == "handling":
            for part in value.split("+"):
                if part.endswith("fen/kg"):
                    terms["transfer_price_milliminor_per_kg"] = int(float(part.removesuffix("fen/kg")) * 1000)
                else:
                    terms["transfer_price_minor"] = int(part.removesuffix("fen"))
        elif word == "rest":
            terms["can_rest"] = True
        elif name == "open":
            since, until = (clock(part) for part in value.split("-"))
            terms["opening"] = tuple((day * 86_400 + since, day * 86_400 + until) for day in range(7))
        elif name == "co2e":
            terms["transfer_co2e_mg_per_kg"] = int(value.removesuffix("mg/kg"))
        else:
            terms["dwell_s"] = seconds(value)
    return Place(line.split()[1], **terms)


def _service(line: str) -> Service:
    head, _, rest = line.partition(":")
    way, _, terms = rest.partition(";")
    name, mode = head.split()
    stops, times = _stops(way)
    words = terms.split()
    named = dict(word.split("=") for word in words if "=" in word)
    temperatures = frozenset(named.get("takes", "ambient").split(","))
    weekdays = next((word for word in words if word.split(",")[0] in DAYS), ",".join(DAYS))
    co2e = next((word.removesuffix("g/tkm") for word in words if re.fullmatch(r"[\d.]+g/tkm", word)), None)
    return Service(
        id=name,
        mode=mode,
        carrier=named.get("by", "chama"),
        stops=tuple(stops),
        tariff=Tariff(
            base_minor=_fen(words, "fen"),
            milliminor_per_kg=_fen(words, "fen/kg") * 1000,
            milliminor_per_tkm=_fen(words, "fen/tkm") * 1000,
            minimum_minor=int(named.get("min", "0fen").removesuffix("fen")),
        ),
        capacity=Capacity(
            weight_g=int(named.get("cap", "30000kg").removesuffix("kg")) * 1000,
            volume_mm3=int(named.get("room", "80m3").removesuffix("m3")) * 10**9,
            live_places=int(named.get("heads", "100")),
            chilled_slots=int(named["slots"]) if "slots" in named else None,
        ),
        departures=tuple(_weeklies(weekdays, times, named)),
        on_demand=not times,
        cutoff_s=seconds(named.get("cutoff", "0h")),
        temperatures=temperatures,
        co2e_mg_per_tkm={} if co2e is None else dict.fromkeys(temperatures, int(float(co2e) * 1000)),
        closures=tuple(_closure(part) for part in named.get("closed", "").split("|") if part),
    )


def _stops(way: str) -> tuple[list[Stop], list[int]]:
    origin, *others = (part.split() for part in way.split(">"))
    stops, at, metres = [Stop(origin[0], 0, 0, 0)], 0, 0
    for place, *words in others:
        if "wait" in words:
            wait = seconds(words[words.index("wait") + 1])
            before = stops.pop()
            at += wait
            stops.append(Stop(before.place, before.arrive_offset_s, at, before.distance_m))
        at += next(seconds(word[1:]) for word in words if word.startswith("+"))
        metres += next((int(word.removesuffix("km")) * 1000 for word in words if word.endswith("km")), 100_000)
        stops.append(Stop(place, at, at, metres))
    return stops, [clock(word) for word in origin[1:]]


def _fen(words: list[str], unit: str) -> int:
    return next((int(word.removesuffix(unit)) for word in words if re.fullmatch(rf"\d+{unit}", word)), 0)


def _weeklies(weekdays: str, times: list[int], named: dict[str, str]) -> list[Weekly]:
    if not times:
        return []
    valid = [date.fromisoformat(named[key]) if key in named else None for key in ("from", "until")]
    return [Weekly(tuple(DAYS.index(day) for day in weekdays.split(",")), tuple(times), *valid)]


def _closure(text: str) -> tuple[int, int]:
    since, until = (moment(part.replace("_", " ")) for part in text.split(".."))
    return since, until


def ask(way: str, at: str = "Mon 00:00", *, kg: int = 100, **terms: object) -> Query:
    origin, destination = way.split(" > ")
    for name in ("max_journey_s", "horizon_s"):
        if isinstance(terms.get(name), str):
            terms[name] = seconds(terms[name])
    if isinstance(terms.get("arrive_by"), str):
        terms["arrive_by"] = moment(terms["arrive_by"])
    return Query(origin, destination, moment(at), weight_g=kg * 1000, **terms)


def tell(chosen: Plan) -> str:
    """`H1 Mon 08:00 T1 Mon 14:00 U Mon 18:00 T2 Mon 20:00 M | 300 fen | 7000 mg`."""
    words = []
    for leg in chosen.legs:
        words += [leg.from_place, told(leg.departs_at), leg.service, told(leg.arrives_at)]
    words += [chosen.legs[-1].to_place, f"| {chosen.price_minor} fen | {chosen.co2e_mg} mg"]
    return " ".join(words)


def routes(timetable: Timetable, query: Query, load: Load = NO_LOAD) -> list[str]:
    """The front as lines, or the one word that says why it is empty."""
    match plan(timetable, query, load):
        case Front(plans=plans):
            return [tell(chosen) for chosen in plans]
        case NoPlan(reason=reason):
            return [str(reason)]
