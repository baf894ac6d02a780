"""Everything at once for a while, over HTTP, with two services, three workers and a card provider: no 5xx, no deadlock, and the books agree.

`make chaos` is the same with processes that are killed, and `KILLS=0 make chaos` for minutes.
"""

import os

from app.routing import warm_up
from tests.chaos.stage import Plan, play

# `MINUTES=3 pytest tests/flows/test_mixed_load.py` for longer.
SECONDS = round(float(os.environ.get("MINUTES", "0.25")) * 60)


def test_mixed_load_meets_no_failure_and_no_deadlock_and_leaves_the_books_right():
    # Compiled here, where nobody counts the seconds that a service takes to start.
    warm_up()
    outcome = play(Plan(seed=2026, kills=0, seconds=SECONDS), print)
    assert outcome.proof.findings == []
    assert not {status for status in outcome.journal.answers if status >= 500}
    # Of a load there can be no talk otherwise, on however slow a machine.
    assert outcome.proof.figures["orders there"] >= 5
