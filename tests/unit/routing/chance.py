"""Small random networks in which everything happens within a minute around a Monday midnight, with every constraint on."""

import random
from dataclasses import replace
from datetime import date

from app.routing import Capacity, Load, Place, Query, Service, Stop, Tariff, Used, Weekly

MONDAY = 1_767_571_200
DAY_S = 86_400


def network(chance: random.Random) -> tuple[list[Place], list[Service]]:
    places = [
        Place(
            code,
            dwell_s=chance.choice((0, 0, 1, 1, 3)),
            transfer_price_minor=chance.choice((0, 0, 1, 3)),
            transfer_price_milliminor_per_kg=chance.choice((0, 700)),
            transfer_co2e_mg_per_kg=chance.choice((None, 0, 4)),
        )
        for code in "ABCDEF"[: chance.randint(4, 6)]
    ]
    codes = [place.code for place in places]
    return places, [service(chance, f"S{number}", codes) for number in range(chance.randint(6, 12))]


def service(chance: random.Random, code: str, codes: list[str]) -> Service:
    on_demand = chance.random() < 0.3
    called = [chance.choice(codes)]
    for _ in range(chance.choice((1, 1, 2, 2, 3))):
        called.append(chance.choice([other for other in codes if other != called[-1]]))
    # Fast ones cost more money and CO2e than slow ones, so that fronts have several points.
    slowest, base_minor, intensity = chance.choice(
        ((2, 6, 9_000), (4, 3, 5_000), (8, 0, 2_000), (8, 1, 0), (5, 1, 3_000))
    )
    stops, clock, metres = [], 0, 0
    for number, place in enumerate(called):
        wait = 0 if number == 0 else chance.choice((0, 0, 1, 2))
        stops.append(Stop(place, clock, clock + wait, metres))
        clock += wait + chance.randint(1, slowest)
        metres += chance.choice((300, 1_000, 1_000, 2_500))
    temperatures = frozenset(["ambient", *chance.sample(["chilled", "live", "live", "live"], chance.randint(2, 3))])
    return Service(
        id=code,
        mode=chance.choice(("road", "road", "rail")),
        carrier=chance.choice(("co", "co", "post")),
        stops=tuple(stops),
        tariff=Tariff(
            base_minor=base_minor + chance.choice((0, 0, 1)),
            milliminor_per_kg=chance.choice((0, 0, 400, 1_000)),
            milliminor_per_tkm=chance.choice((0, 0, 500_000)),
            minimum_minor=chance.choice((0, 0, 3)),
        ),
        capacity=Capacity(
            weight_g=chance.choice((2_000, *[5_000] * 8)),
            volume_mm3=chance.choice((50, *[100] * 6)),
            live_places=chance.choice((1, 3, 3, 3)),
            chilled_slots=chance.choice((None, None, 1, 2)),
        ),
        departures=() if on_demand else patterns(chance),
        on_demand=on_demand,
        cutoff_s=chance.choice((0, 0, 1, 3)),
        temperatures=temperatures,
        co2e_mg_per_tkm={
            name: intensity + chance.choice((0, 0, 1_000)) for name in sorted(temperatures) if chance.random() < 0.9
        },
        closures=tuple(closures(chance)),
    )


def patterns(chance: random.Random) -> tuple[Weekly, ...]:
    made = []
    for _ in range(chance.choice((1, 1, 2))):
        seconds = chance.sample(range(45), chance.randint(1, 5))
        before = chance.sample(range(DAY_S - 20, DAY_S), chance.randint(1, 2))
        weekdays = chance.choice(((0,), (0, 6), (0, 6), tuple(range(7))))
        valid_from = chance.choice((None, None, None, date(2026, 1, 5), date(2026, 1, 4)))
        valid_until = chance.choice((None, None, None, date(2026, 1, 4), date(2026, 1, 5)))
        made.append(Weekly(weekdays, tuple(seconds + before), valid_from, valid_until))
    return tuple(made)


def closures(chance: random.Random, likelihood: float = 0.2) -> list[tuple[int, int]]:
    made = []
    while chance.random() < likelihood:
        begin = MONDAY + chance.randint(-20, 30)
        made.append((begin, begin + chance.randint(1, 12)))
    return made


def question(chance: random.Random, places: list[Place], *, is_live: bool = False) -> Query:
    origin, destination = chance.sample([place.code for place in places], 2)
    depart_after = MONDAY + chance.randint(-12, 4)
    horizon_s = chance.randint(20, 30) if is_live else chance.randint(22, 34)
    return Query(
        origin,
        destination,
        depart_after,
        weight_g=chance.choice((501, 1_000, 1_999, 3_001)),
        volume_mm3=chance.choice((0, 40, 60)),
        temperature="live" if is_live else chance.choice(("ambient", "ambient", "chilled")),
        live_heads=chance.randint(1, 2) if is_live else 0,
        max_journey_s=chance.randint(4, 16) if is_live else None,
        arrive_by=chance.choice((None, None, None, depart_after + chance.randint(10, 40))),
        horizon_s=horizon_s,
        excluded_modes=frozenset(["rail"]) if chance.random() < 0.05 else frozenset(),
        excluded_carriers=frozenset(["post"]) if chance.random() < 0.05 else frozenset(),
        excluded_services=frozenset(["S1"]) if chance.random() < 0.1 else frozenset(),
        excluded_departures=frozenset(
            (f"S{chance.randrange(6)}", MONDAY + second) for second in chance.sample(range(45), 5)
        ),
    )


def load(chance: random.Random, services: list[Service]) -> Load:
    used = {}
    for each in services:
        for pattern in each.departures:
            for second in pattern.seconds_of_day:
                start = MONDAY + second - (DAY_S if second > DAY_S // 2 else 0)
                for segment in range(len(each.stops) - 1):
                    if chance.random() < 0.3:
                        used[each.id, start, segment] = Used(
                            chance.choice((500, 2_000, 4_500)),
                            chance.choice((0, 30, 70)),
                            chance.randint(0, 3),
                            chance.choice((0, 0, 1)),
                        )
    return used


def hours(chance: random.Random) -> tuple[tuple[int, int], ...]:
    """Opening hours around the Monday midnight, some of which pass the end of the week."""
    if chance.random() < 0.5:
        return ()
    week_s, made = 7 * DAY_S, []
    for _ in range(chance.randint(1, 3)):
        since = chance.choice((chance.randint(0, 40), chance.randint(week_s - 20, week_s - 1)))
        made.append((since, since + chance.randint(2, 25)))
    return tuple(made)


def constrained(
    chance: random.Random, places: list[Place], services: list[Service], query: Query
) -> tuple[list[Place], list[Service], Query]:
    """The same with everything else that may stand in the way: opening hours, pieces, forbidden places, rests, the cold, a window."""
    places = [
        replace(place, opening=hours(chance), can_rest=chance.random() < 0.5, is_cooled=chance.random() < 0.5)
        for place in places
    ]
    services = [
        replace(
            service,
            piece_weight_g_max=chance.choice((None, None, None, 900)),
            piece_length_mm_max=chance.choice((None, None, None, 700)),
        )
        for service in services
    ]
    is_live = query.temperature == "live"
    is_exposed = not is_live and chance.random() < 0.6
    inner = [place.code for place in places if place.code not in {query.origin, query.destination}]
    query = replace(
        query,
        piece_weight_g=chance.choice((0, 500, 901)) if chance.random() < 0.4 else 0,
        piece_length_mm=chance.choice((0, 700, 701)) if chance.random() < 0.4 else 0,
        max_exposure_s=chance.randint(1, 14) if is_exposed else None,
        rest_s=chance.choice((0, 1, 3, 6)) if is_live else 0,
        spent_s=chance.choice((None, 0, 2, 5)) if is_live or is_exposed else chance.choice((None, None, 0)),
        window_s=chance.choice((None, None, 0, 3, 8)),
        excluded_places=frozenset(chance.sample(inner, 1)) if chance.random() < 0.2 else frozenset(),
    )
    return places, services, query
