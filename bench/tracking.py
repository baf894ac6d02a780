"""Tracking over HTTP: partners' batches and single events, and the public page's answer, with few stored events and with many.

`python -m bench.tracking [--stored 1000000] [--seconds 5] [--rounds 3]`. Jobs are queued, and no worker runs: what follows is measured elsewhere.
"""

import argparse
import itertools
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import orjson
import psycopg
from psycopg.sql import SQL

from app.api.etags import etag_of
from app.core.database import driver_url
from app.core.postgres import Cluster
from bench import tracked
from bench.load import CLIENTS, Answer, Ask, Script, Tally, request, run
from bench.report import Row, at_least, at_most, complain, say, show, shown_ms
from bench.service import Service, machine, prepare, running, server, tree

STORED: Final = 100_000
MANY: Final = 1_000_000
UNDER_WAY: Final = 24_000
BATCH: Final = 100
PARTNERS: Final = 4
EVENTS, READ = "events", "read"
ROUNDS: Final = 3
ROUND_S: Final = 5.0
BARE_ROWS: Final = 20_000
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass
class Round:
    """What rounds of one kind came to: their tallies, and microseconds of processor time for each thing done."""

    each: int
    tallies: list[Tally] = field(default_factory=list)
    service_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)

    def rates(self) -> list[float]:
        return [self.each * sum(map(len, tally.times.values())) / tally.seconds for tally in self.tallies]

    def times(self) -> list[float]:
        return list(itertools.chain.from_iterable(t for tally in self.tallies for t in tally.times.values()))

    def cost(self) -> Row:
        service, postgres = median(self.service_us), median(self.postgres_us)
        return Row("  processor time of each, service + PostgreSQL", f"{service:,.0f} + {postgres:,.0f} µs")


class Telling:
    """Consignments under way, dealt out to partners: each tells the next step of a hundred others, and begins again further on."""

    def __init__(self, key: str, numbers: Sequence[str], booked_at: datetime) -> None:
        self.headers = {"authorization": f"Bearer {key}", "accept-language": "en"}
        self.booked_at = booked_at
        self.steps = [iter(self._steps(numbers[n::CLIENTS])) for n in range(CLIENTS)]

    def _steps(self, numbers: Sequence[str]) -> Iterator[tuple[str, int]]:
        for step in range(len(tracked.STORY)):
            for number in numbers:
                yield number, step

    def script(self, hands: Sequence[int], size: int) -> Script:
        """Batches of `size`, from the shares of these hands in turn."""
        for hand in itertools.cycle(hands):
            events = [tracked.told(*each, self.booked_at) for each in itertools.islice(self.steps[hand], size)]
            assert events, "the consignments under way have all arrived: put in more of them"
            body = orjson.dumps({"events": events})
            answer: Answer = yield Ask(EVENTS, request("POST", "/v1/tracking/events", self.headers, body))
            if answer.is_good:
                assert orjson.loads(answer.body)["accepted"] == len(events), answer.body[:500]


def reading(numbers: Sequence[str], chance: random.Random) -> Script:
    """People who look again and again: the first time for the answer, then with its ETag."""
    known: dict[str, str] = {}
    while True:
        number = chance.choice(numbers)
        headers = {"accept-language": "zh-Hans"}
        if number in known:
            headers["if-none-match"] = known[number]
        answer: Answer = yield Ask(READ, request("GET", f"/v1/tracking/{number}", headers))
        if answer.status == 200:
            known[number] = etag_of(answer.body)


def processor_s(pid: int) -> float:
    """Seconds of processor time of a tree of processes, those that have ended below it included."""
    total = 0
    for each in tree(pid):
        try:
            words = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, words[11:15]))
    return total / _TICKS


@dataclass(frozen=True)
class Bench:
    service: Service
    cluster: Cluster
    rounds: int
    seconds: float

    def play(self, scripts: Callable[[], list[Script]], each: int) -> Round:
        """Some rounds of these scripts, of which every answer is `each` things done."""
        played = Round(each)
        for _ in range(self.rounds):
            before = processor_s(self.service.pid), processor_s(self.cluster.pid)
            tally = run(self.service.port, scripts(), self.seconds)
            after = processor_s(self.service.pid), processor_s(self.cluster.pid)
            complain(tally)
            done = each * sum(map(len, tally.times.values()))
            played.tallies.append(tally)
            played.service_us.append((after[0] - before[0]) / done * 1e6)
            played.postgres_us.append((after[1] - before[1]) / done * 1e6)
        return played


def measure(folder: Path, cluster: Cluster, stored: int, rounds: int = ROUNDS, seconds: float = ROUND_S) -> list[Row]:
    """At STORED stored events, and at `stored`; then the bare limit of the same rows."""
    url = cluster.url
    prepare(url)
    ground = tracked.prepare_ground(url)
    rows: list[Row] = []
    costs: list[dict[str, Round]] = []
    for size in (STORED, stored):
        missing = max(0, size - tracked.count_events(url)) // len(tracked.STORY)
        say(f"  {size:,} stored events: {missing:,} more consignments that have ended, {UNDER_WAY:,} under way …")
        tracked.multiply(url, ground, missing, ended=True)
        numbers = tracked.multiply(url, ground, UNDER_WAY, ended=False)
        tracked.settle(url)
        with running("serve", folder, url, WORKER_INSIDE="false") as service:
            found = _at(
                Bench(service, cluster, rounds, seconds), Telling(ground.key, numbers, ground.booked_at), numbers
            )
        costs.append(found)
        rows += _shown(found, f"at {tracked.count_events(url):,} stored events")
    few, many = costs
    rows += [
        at_most(
            f"{name} cost at many stored events of at few, processor time",
            _cost(many[name]) / _cost(few[name]),
            1.3,
            "x",
        )
        for name in few
    ]
    return rows + _bare(url, median(many["batches"].rates()))


def _cost(played: Round) -> float:
    return median(a + b for a, b in zip(played.service_us, played.postgres_us, strict=True))


def _at(bench: Bench, telling: Telling, numbers: Sequence[str]) -> dict[str, Round]:
    hands = range(CLIENTS)
    shares = [hands[n::PARTNERS] for n in range(PARTNERS)]
    run(bench.service.port, [telling.script(share, BATCH) for share in shares], 1.0)
    batches = bench.play(lambda: [telling.script(share, BATCH) for share in shares], BATCH)
    singles = bench.play(lambda: [telling.script([hand], 1) for hand in hands], 1)
    few = random.Random(7).sample(numbers, 2_000)
    reads = bench.play(lambda: [reading(few, random.Random(n)) for n in hands], 1)
    return {"batches": batches, "single events": singles, "reads": reads}


def _shown(found: dict[str, Round], where: str) -> list[Row]:
    batches, singles, reads = found["batches"], found["single events"], found["reads"]
    return [
        at_least(f"events in batches of {BATCH}, {where}", batches.rates(), 5_000),
        Row("  a batch answered in", shown_ms(batches.times())),
        at_most("  95 % of batches within", quantiles(batches.times(), n=20)[-1] * 1000, 150, "ms"),
        batches.cost(),
        at_least(f"single events, {where}", singles.rates(), 400),
        singles.cost(),
        at_least(f"public tracking read with its ETag, {where}", reads.rates(), 1_500),
        reads.cost(),
    ]


def _bare(url: str, rate: float) -> list[Row]:
    """The same rows by COPY, in transactions of a batch, by two connections, into a table with the same indexes."""
    rows = tracked.some_rows(url, BARE_ROWS)
    with psycopg.connect(driver_url(url), autocommit=True) as connection:
        connection.execute("CREATE TABLE bare_event (LIKE tracking_event INCLUDING ALL)")
    begin = time.perf_counter()
    hands = [threading.Thread(target=_copy_in, args=(url, rows[n::2])) for n in range(2)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    bare = len(rows) / (time.perf_counter() - begin)
    with psycopg.connect(driver_url(url), autocommit=True) as connection:
        connection.execute("DROP TABLE bare_event")
    return [
        Row("  bare limit: the same rows by COPY, in batches", f"{bare:,.0f}/s"),
        Row("  events in batches are of it", f"{rate / bare:.0%}"),
    ]


def _copy_in(url: str, rows: Sequence[bytes]) -> None:
    with psycopg.connect(driver_url(url)) as connection:
        for start in range(0, len(rows), BATCH):
            with connection.cursor().copy(SQL("COPY bare_event FROM STDIN")) as copy:
                copy.write(b"".join(rows[start : start + BATCH]))
            connection.commit()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.tracking", description=__doc__)
    parser.add_argument("--stored", type=int, default=MANY, help="events at which everything is measured again")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=ROUND_S)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with server() as (folder, cluster):
        rows = measure(folder, cluster, given.stored, given.rounds, given.seconds)
    show(rows, f"{machine()}; 2 service processes, PostgreSQL with fsync on beside them; medians of rounds")


if __name__ == "__main__":
    main()
