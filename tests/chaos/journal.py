"""What clients were told: every final answer, on disk before anybody acts on it, so that afterwards it can be asked for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

Json = dict[str, Any]
What = Literal["order", "cancel", "payment", "tracking", "claim", "refund", "receipt"]


@dataclass(frozen=True, slots=True)
class Told:
    """A final answer: about which order, under which key, with which body."""

    what: What
    order: str
    key: str
    body: Json


@dataclass
class Journal:
    """`faults` are what no client may ever see; `answers` counts statuses, `cut` the calls that nobody answered."""

    path: Path
    told: list[Told] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    cut: int = 0
    faults: list[str] = field(default_factory=list)
    scans: set[tuple[str, str]] = field(default_factory=set)

    def keep(self, what: What, order: str, key: str, body: Json) -> None:
        told = Told(what, order, key, body)
        with self.path.open("ab") as file:
            file.write(orjson.dumps({"what": what, "order": order, "key": key, "body": body}) + b"\n")
        self.told.append(told)

    def scanned(self, scans: Sequence[tuple[str, str]]) -> None:
        """These scans (tracking number, id) were acknowledged. No sign of life for those who kill: there are too many of them."""
        with self.path.open("ab") as file:
            file.write(orjson.dumps({"what": "scans", "scans": scans}) + b"\n")
        self.scans.update(scans)

    def of(self, what: What) -> Iterator[Told]:
        return (each for each in self.told if each.what == what)
