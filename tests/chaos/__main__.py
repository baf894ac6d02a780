"""`python -m tests.chaos [--kills 50] [--seconds 120] [--seed …]`: kill everything under load, then count what is there.

Ends with 1 when anything that was answered is not there, is there twice, or does not add up.
"""

import argparse
import logging
import secrets
import signal
import sys

from app.cli import warm_planner
from tests.chaos.stage import Outcome, Plan, play


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="0: the same load without any")
    parser.add_argument("--seconds", type=float, default=120, help="how long the load lasts without kills")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    logging.disable(logging.ERROR)
    # So that what we started is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    say(f"seed {seed}")
    warm_planner()
    outcome = play(Plan(seed, kills=given.kills, seconds=given.seconds), say)
    say(table(outcome))
    sys.exit(1 if outcome.proof.findings else 0)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def table(outcome: Outcome) -> str:
    journal, proof = outcome.journal, outcome.proof
    figures = {f"kills of {kind}": number for kind, number in sorted(outcome.killed.items())}
    figures |= {"kills in all": outcome.killed.total(), "seconds": round(outcome.seconds)}
    figures |= {f"answers {status}": number for status, number in sorted(journal.answers.items())}
    figures |= {"calls cut off, and sent again": journal.cut, "first answers replayed": journal.replayed}
    figures |= {f"refused: {slug}": number for slug, number in sorted(journal.refused.items())}
    figures |= proof.figures | {"findings": len(proof.findings)}
    width = max(map(len, figures))
    lines = [f"{name.ljust(width)}  {number:>12,}" for name, number in figures.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
