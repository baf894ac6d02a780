"""How long a service takes that was set up before: from the command to the first `ready`, its PostgreSQL included."""

import time
from pathlib import Path
from statistics import median
from typing import Final

from app.core.postgres import embedded_postgres
from bench.report import Row, at_most, say
from bench.service import prepare, running

STARTS: Final = 3


def measure(folder: Path) -> list[Row]:
    """The median of some starts of `python -m app.cli run` on a folder of its own."""
    home = folder / "warm"
    home.mkdir(mode=0o755)
    with embedded_postgres(home / "postgres") as cluster:
        prepare(cluster.url)
    taken = []
    for _ in range(STARTS):
        begin = time.perf_counter()
        with running("run", home, None, processes=1):
            taken.append(time.perf_counter() - begin)
        say(f"  ready after {taken[-1]:.2f} s")
    return [at_most("start of a warm service, with its PostgreSQL", median(taken), 5, "s")]
