"""Buying over HTTP: quotes with their plans, orders of two lines from two producers, and orders alone from quotes made before."""

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import orjson
import psycopg

from app.core.clock import rfc3339
from app.core.ids import new_id
from bench import bare
from bench.data import Buyer
from bench.load import CLIENTS, Answer, Ask, Script, Tally, request, run
from bench.report import Row, at_least, at_most, complain, say, shown_ms
from bench.service import Service

ROUNDS: Final = 5
ROUND_S: Final = 6.0
# Orders alone: each takes a quote of its own, so a round is a number of them.
QUOTES_PER_ROUND: Final = 400
SETTLE_S_MAX: Final = 30.0
SELLERS: Final = 12
LISTINGS_EACH: Final = 5
# Bought from one producer, and from as many.
SPLIT: Final = 5
WEEK: Final = 7
DESTINATIONS: Final = ("310115", "110105", "440103", "330106", "420106", "410102", "510104", "610113")
# Producers at as many hubs, each with some of what parcels are made of.
_SHELVES: Final = (
    "SELECT producer_id, id FROM (SELECT producer_id, id, row_number() OVER (PARTITION BY producer_id ORDER BY id) AS place "
    "FROM listing WHERE category IN ('produce', 'handicraft') AND producer_id IN "
    "(SELECT min(id) FROM producer GROUP BY hub ORDER BY 1 LIMIT %(sellers)s)) AS shelf WHERE place <= %(each)s"
)
QUOTE, ORDER = "quote with its plan", "order"


class Buying:
    """Buyers who want things from different places brought to different places."""

    def __init__(self, url: str, buyers: Sequence[Buyer]) -> None:
        self.buyers = buyers
        self.chance = random.Random(11)
        with psycopg.connect(url) as connection:
            rows = connection.execute(_SHELVES, {"sellers": SELLERS, "each": LISTINGS_EACH}).fetchall()
        self.shelves: dict[str, list[str]] = {}
        for producer, listing in rows:
            self.shelves.setdefault(producer, []).append(listing)

    def basket(self, producers: int, lines_each: int, days: int = 0) -> bytes:
        """A quote's request: lines of some producers, to a door somewhere, wished for now or on one of so many days."""
        sellers = self.chance.sample(
            [seller for seller, shelf in self.shelves.items() if len(shelf) >= lines_each], producers
        )
        listings = [listing for seller in sellers for listing in self.chance.sample(self.shelves[seller], lines_each)]
        wished = (
            {"depart_after": rfc3339(datetime.now(UTC) + timedelta(days=self.chance.uniform(0.1, days)))}
            if days
            else {}
        )
        return orjson.dumps(
            {
                "lines": [{"listing": listing, "quantity": str(self.chance.randint(1, 5))} for listing in listings],
                "deliver_to": {
                    "name": "收货人",
                    "phone": "+8610000000123",
                    "county": self.chance.choice(DESTINATIONS),
                    "address": "人民路 1 号",
                },
                "packaging": self.chance.choice(("standard", "green", "reusable")),
                **wished,
            }
        )

    def ask_quote(self, buyer: Buyer, producers: int = 2, lines_each: int = 1, days: int = 0) -> Ask:
        return Ask(QUOTE, request("POST", "/v1/quotes", _headers(buyer), self.basket(producers, lines_each, days)))

    def ask_order(self, buyer: Buyer, quote: dict[str, Any]) -> Ask:
        option = self.chance.choice(quote["options"])["id"]
        body = {"quote": quote["id"], "option": option, "payment": {"method": "cash_on_delivery"}}
        headers = _headers(buyer) | {"idempotency-key": new_id("idk")}
        return Ask(ORDER, request("POST", "/v1/orders", headers, orjson.dumps(body)))

    def quoting(
        self, buyers: Iterator[Buyer], kept: list[tuple[Buyer, dict[str, Any]]], number: int, basket: Sequence[int]
    ) -> Script:
        """Ask for quotes of so many producers with so many lines each, and keep them."""
        for buyer in itertools.islice(buyers, number):
            answer: Answer = yield self.ask_quote(buyer, *basket)
            if answer.is_good:
                kept.append((buyer, orjson.loads(answer.body)))

    def buying(self, buyers: Iterator[Buyer]) -> Script:
        """Ask for a quote, order one of its options, and so on."""
        for buyer in buyers:
            answer: Answer = yield self.ask_quote(buyer)
            if answer.is_good:
                yield self.ask_order(buyer, orjson.loads(answer.body))

    def ordering(self, kept: Sequence[tuple[Buyer, dict[str, Any]]]) -> Script:
        """Order what was quoted before."""
        for ask in [self.ask_order(buyer, quote) for buyer, quote in kept]:
            _ = yield ask


def _headers(buyer: Buyer) -> dict[str, str]:
    return {"authorization": f"Bearer {buyer.token}", "accept-language": "zh-Hans"}


def measure(service: Service, folder: Path, url: str, buyers: Sequence[Buyer]) -> list[Row]:
    """Quote and order at CLIENTS clients; then orders alone, beside their bare limit and split. The worker runs inside all the while."""
    buying = Buying(url, buyers)
    run(service.port, [buying.buying(buyer) for buyer in _hands(buyers)], 2.0)
    both = []
    for _ in range(ROUNDS):
        tally = run(service.port, [buying.buying(buyer) for buyer in _hands(buyers)], ROUND_S)
        both.append(tally)
        say(f"  quote, then order: {tally.rate(ORDER):,.0f} orders/s; {_waiting(url):,} jobs wait")
        complain(tally)
    quoted, alone = zip(*(_alone(service, buying, url, (2, 1)) for _ in range(ROUNDS)), strict=True)
    times = _times(alone, ORDER)
    rates = [tally.rate(ORDER) for tally in alone]
    # The bare limit leaves rows and jobs of its own behind: it comes last.
    split = _split(service, buying, url)
    return [
        at_least("orders: quote with its plan, then order; two lines", [tally.rate(ORDER) for tally in both], 60),
        Row("  quote answered in", shown_ms(_times(both, QUOTE))),
        Row("  order answered in", shown_ms(_times(both, ORDER))),
        at_least("orders alone", rates, 200),
        Row("  answered in", shown_ms(times)),
        at_most("  95 % of them within", quantiles(times, n=20)[-1] * 1000, 120, "ms"),
        *bare.measure(folder, url, median(rates)),
        split,
        Row("quotes alone, each with its plan", f"{median(tally.rate(QUOTE) for tally in quoted):,.0f}/s"),
    ]


def _alone(service: Service, buying: Buying, url: str, basket: Sequence[int]) -> tuple[Tally, Tally]:
    """Quotes made ahead, and then their orders alone."""
    made, kept = _quotes(service, buying, basket)
    _settle(url)
    tally = run(service.port, [buying.ordering(kept[n::CLIENTS]) for n in range(CLIENTS)])
    say(
        f"  orders alone: {tally.rate(ORDER):,.0f}/s (quotes alone before: {made.rate(QUOTE):,.0f}/s); {_waiting(url):,} jobs wait"
    )
    complain(tally)
    return made, tally


def _split(service: Service, buying: Buying, url: str) -> Row:
    """How much more an order costs when its lines come from as many producers, in rounds by turns.

    Wished for on the days of a week: on one day the departures fill, and what it costs to find other ways would be compared.
    """
    say(f"  {SPLIT} lines of one producer, then of {SPLIT}:")
    costs = []
    for _ in range(ROUNDS):
        _, one = _alone(service, buying, url, (1, SPLIT, WEEK))
        _, many = _alone(service, buying, url, (SPLIT, 1, WEEK))
        costs.append(one.rate(ORDER) / many.rate(ORDER))
    return at_most(f"an order of {SPLIT} producers costs of one with as many lines", median(costs), 1.5, "x")


def _quotes(
    service: Service, buying: Buying, basket: Sequence[int]
) -> tuple[Tally, list[tuple[Buyer, dict[str, Any]]]]:
    kept: list[tuple[Buyer, dict[str, Any]]] = []
    scripts = [buying.quoting(buyer, kept, QUOTES_PER_ROUND // CLIENTS, basket) for buyer in _hands(buying.buyers)]
    tally = run(service.port, scripts)
    complain(tally)
    return tally, kept


def _hands(buyers: Sequence[Buyer]) -> list[Iterator[Buyer]]:
    """The buyers dealt out to the clients, over and over."""
    return [itertools.cycle(buyers[n::CLIENTS]) for n in range(CLIENTS)]


def _times(tallies: Sequence[Tally], label: str) -> list[float]:
    return list(itertools.chain.from_iterable(tally.times.get(label, ()) for tally in tallies))


def _settle(url: str) -> None:
    """Let the worker finish what the orders before have given it, so that every round starts alike."""
    deadline = time.monotonic() + SETTLE_S_MAX
    while _waiting(url) and time.monotonic() < deadline:
        time.sleep(0.2)


def _waiting(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM jobs.procrastinate_jobs WHERE status IN ('todo', 'doing')"
        ).fetchone()
    return int(row[0]) if row else 0
