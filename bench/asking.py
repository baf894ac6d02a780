"""Ways between the places of the demo network, asked over HTTP by one client: what a quote waits for. No question is asked twice."""

import random
import sys
from collections.abc import Sequence
from statistics import median
from typing import Final

import orjson
import psycopg

from app.network.national import demo_network
from app.network.values import HubKind
from bench.load import Answer, Ask, Script, Tally, request, run
from bench.report import Row, at_most, complain, show, shown_ms
from bench.service import machine, prepare, running, server

BAR_MS: Final = 40
WARM_UP: Final = 20
CHANGES: Final = 3
SOLD_AT: Final = frozenset({HubKind.HUB, HubKind.CITY, HubKind.COUNTY})
BOUGHT_AT: Final = frozenset({HubKind.HUB, HubKind.CITY, HubKind.BUYER_CITY})
WAYS: Final = "ways"


def _asking(pairs: Sequence[tuple[str, str]], chance: random.Random) -> Script:
    for origin, end in pairs:
        weight_g = chance.randint(1, 300) * 1_000 + chance.randint(0, 999)
        body = orjson.dumps({"from": origin, "to": end, "weight_g": weight_g})
        _: Answer = yield Ask(WAYS, request("POST", "/v1/routes", {"accept-language": "zh-Hans"}, body))


def measure(queries: int) -> list[Row]:
    """The latency of `POST /v1/routes`, the whole horizon, from county centres to the cities of buyers."""
    hubs, _ = demo_network()
    sold = [hub.code for hub in hubs if hub.kind in SOLD_AT]
    bought = [hub.code for hub in hubs if hub.kind in BOUGHT_AT]
    chance = random.Random(30)
    pairs = [
        (origin, end)
        for origin, end in zip(chance.choices(sold, k=4 * queries), chance.choices(bought, k=4 * queries), strict=True)
        if origin != end
    ]
    with server() as (folder, cluster):
        prepare(cluster.url)
        with running("serve", folder, cluster.url, processes=1) as service:
            run(service.port, [_asking(pairs[:WARM_UP], chance)])
            tally: Tally = run(service.port, [_asking(pairs[WARM_UP : WARM_UP + queries], chance)])
            changed = []
            for step in range(CHANGES):
                with psycopg.connect(cluster.url) as connection:
                    connection.execute("UPDATE timetable_version SET version = version + 1, changed_at = now()")
                first = run(service.port, [_asking(pairs[step : step + 1], chance)])
                changed += first.times.get(WAYS, [])
    complain(tally)
    times = sorted(tally.times.get(WAYS, [1.0]))
    p95_ms = times[len(times) * 95 // 100] * 1_000
    return [
        at_most("a changed timetable of the demo network, first answer after it", median(changed), 1, "s"),
        Row("ways on the demo network, over HTTP", shown_ms(times), f"p95 ≤ {BAR_MS} ms", p95_ms <= BAR_MS),
    ]


if __name__ == "__main__":
    show(
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100),
        f"{machine()}, elapsed time, one client and one process",
    )
