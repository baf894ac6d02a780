"""What the parts hand back, and the one table that is printed at the end."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.load import Tally


@dataclass(frozen=True, slots=True)
class Row:
    """A figure; `met` is None where there is no bar."""

    figure: str
    value: str
    bar: str = ""
    met: bool | None = None


def at_least(figure: str, rates: Sequence[float], bar: float) -> Row:
    """The median of some rounds, in a second, held against a bar."""
    reached = median(rates)
    spread = f"{reached:,.0f}/s  ({min(rates):,.0f} to {max(rates):,.0f})"
    return Row(figure, spread, f"≥ {bar:,.0f}/s", reached >= bar)


def at_most(figure: str, value: float, bar: float, unit: str) -> Row:
    return Row(figure, f"{value:.2f} {unit}".rstrip(), f"≤ {bar:g} {unit}".rstrip(), value <= bar)


def shown_ms(seconds: Sequence[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(seconds)
    if not ordered:
        return "none"
    return f"{median(ordered) * 1000:.1f} ms, 95 % within {ordered[len(ordered) * 95 // 100] * 1000:.1f} ms"


def say(line: str) -> None:
    print(line, flush=True)


def complain(tally: Tally) -> None:
    """Name the answers of a round that were refusals or faults."""
    if tally.failures:
        told = ", ".join(f"{count} x {label} {status}" for (label, status), count in sorted(tally.failures.items()))
        say(f"    ! not counted: {told}; such as {tally.example.decode(errors='replace')}")


def show(rows: Sequence[Row], machine: str) -> bool:
    """Print the table; answers whether every bar was met."""
    words = {True: "yes", False: "NO", None: ""}
    table = [("Figure", "Measured", "Bar", "Met?"), *((row.figure, row.value, row.bar, words[row.met]) for row in rows)]
    widths = [max(_width(line[column]) for line in table) for column in range(4)]
    say(f"\n{machine}")
    for number, line in enumerate(table):
        say("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            say("  ".join("-" * width for width in widths))
    return all(row.met is not False for row in rows)


def _width(cell: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in cell)
