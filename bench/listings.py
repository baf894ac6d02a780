"""Listing pages and single listings over HTTP: how many a second, and whether a page stays as fast when listings grow."""

import itertools
import random
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final
from urllib.parse import quote

import orjson
import psycopg

from bench.data import PLACES
from bench.load import CLIENTS, Answer, Ask, Script, Tally, request, run
from bench.report import Row, at_least, complain, say, shown_ms
from bench.service import Service

FEW: Final = 1_000
MANY: Final = 200_000
WARM_S: Final = 2.0
ROUNDS: Final = 5
ROUND_S: Final = 3.0
ALONE_ROUNDS: Final = 6
ALONE_S: Final = 1.0
WORDS: Final = ("核桃", "和田大枣", "高山苹果", "wool", "dried apricot", "地毯 礼盒", "Dunhuang", "普洱茶")
LANGUAGE: Final = {"accept-language": "zh-Hans"}


def measure(service: Service, url: str) -> list[Row]:
    """Pages of 24 and single listings among MANY, at CLIENTS clients."""
    pages, searches, singles = page_paths(service), search_paths(), listing_paths(url)
    run(service.port, scripts("warm", pages + singles), WARM_S)
    rows = []
    for label, paths, bar in (
        ("listing page of 24", pages, 800),
        ("one listing", singles, 1_000),
        ("search page of 24", searches, None),
    ):
        rounds = [_round(service, label, paths) for _ in range(ROUNDS)]
        rates = [tally.rate(label) for tally in rounds]
        took = list(itertools.chain.from_iterable(tally.times.get(label, ()) for tally in rounds))
        figure = f"{label}, {MANY:,} listings"
        rows.append(at_least(figure, rates, bar) if bar else Row(figure, f"{median(rates):,.0f}/s"))
        rows.append(Row(f"  answered in, at {CLIENTS} clients", shown_ms(took)))
    return rows


def compare(few: Service, many: Service) -> list[Row]:
    """The median time of a page for one client, FEW listings against MANY, in rounds that take turns.

    Both have served many clients before: a service that was just started has one connection only, and that one hot.
    """
    rows = []
    for label, paths, bar in (
        ("listing page", {few: page_paths(few), many: page_paths(many)}, 1.5),
        ("search page", {few: search_paths(), many: search_paths()}, None),
    ):
        for service in (few, many):
            run(service.port, scripts("warm", paths[service]), WARM_S)
        took: dict[Service, list[float]] = {few: [], many: []}
        for _ in range(ALONE_ROUNDS):
            for service in (few, many):
                tally = run(service.port, scripts(label, paths[service], clients=1), ALONE_S)
                complain(tally)
                took[service].append(median(tally.times[label]))
        small, large = median(took[few]), median(took[many])
        say(f"  {label}: {small * 1000:.2f} ms among {FEW:,}, {large * 1000:.2f} ms among {MANY:,}")
        figure = f"{label}, {MANY:,} against {FEW:,} listings"
        value = f"{large / small:.2f}  ({large * 1000:.2f} / {small * 1000:.2f} ms)"
        rows.append(Row(figure, value, f"≤ {bar}" if bar else "", large / small <= bar if bar else None))
    return rows


def _round(service: Service, label: str, paths: Sequence[str]) -> Tally:
    tally = run(service.port, scripts(label, paths), ROUND_S)
    say(f"  {label}: {tally.rate(label):,.0f}/s")
    complain(tally)
    return tally


def page_paths(service: Service) -> list[str]:
    """What people look at: all, a category, a place, cheap things, and some pages further on."""
    chance = random.Random(3)
    counties = [county for _, county, _, _ in PLACES]
    first = [
        "/v1/listings",
        "/v1/listings?sort=price",
        *(f"/v1/listings?category={category}" for category in ("produce", "cotton", "livestock", "handicraft")),
        *(f"/v1/listings?county={county}" for county in counties),
        *(f"/v1/listings?county={county[:2]}&category=produce" for county in counties),
        *(f"/v1/listings?county={county[:4]}&sort=price" for county in counties),
        *(f"/v1/listings?max_price={price}&sort=price" for price in (2_000, 10_000, 50_000)),
    ]
    following: list[str] = []
    run(service.port, [_leaf(first[:6], following)])
    chance.shuffle(first)
    return first + following


def _leaf(paths: Sequence[str], found: list[str]) -> Script:
    """Turn some pages of some lists, and keep where they were."""
    for path in paths:
        here = path
        for _ in range(5):
            answer: Answer = yield Ask("leafing", request("GET", here, LANGUAGE))
            cursor = orjson.loads(answer.body).get("next_cursor")
            if cursor is None:
                break
            here = f"{path}{'&' if '?' in path else '?'}cursor={cursor}"
            found.append(here)


def search_paths() -> list[str]:
    return [f"/v1/listings?q={quote(words)}" for words in WORDS]


def listing_paths(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT id FROM listing TABLESAMPLE SYSTEM (5) LIMIT 4000").fetchall()
    return [f"/v1/listings/{row[0]}" for row in rows]


def scripts(label: str, paths: Sequence[str], clients: int = CLIENTS) -> list[Script]:
    """Every client goes round the same requests, each from a place of its own."""
    asks = [Ask(label, request("GET", path, LANGUAGE)) for path in paths]
    return [_browse(itertools.cycle(asks), n * len(asks) // clients) for n in range(clients)]


def _browse(asks: Iterator[Ask], skipped: int) -> Script:
    for ask in itertools.islice(asks, skipped, None):
        _ = yield ask
