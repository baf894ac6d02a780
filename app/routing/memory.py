"""Working memory of searches, which is used again: making it anew would cost more than most searches."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

import numpy as np

from app.routing.labels import STAIRS_FULL, Labels, Stairs, make_labels, make_stairs
from app.routing.packed import Numbers

FOUND_MAX: Final = 1_024
STAIRS_WIDTH: Final = 64


class Memory:
    """What one search writes to. It grows when a search says that it came to its end."""

    def __init__(self) -> None:
        self.labels: Labels = make_labels(1)
        self.stairs: Stairs = make_stairs(0, STAIRS_WIDTH)
        self.kept: Numbers = np.empty(0, np.int64)
        self.found: Numbers = np.empty(FOUND_MAX, np.int64)

    def fit(self, places: int, labels: int) -> None:
        if len(self.labels.rows) < labels:
            self.labels = make_labels(labels)
        if len(self.kept) < places:
            self.stairs = make_stairs(places, self.stairs.steps.shape[1])
            self.kept = np.empty(places, np.int64)

    def widen(self, full: int) -> None:
        """Make room where a search said that it was full."""
        if full == STAIRS_FULL:
            places, width = self.stairs.steps.shape
            self.stairs = make_stairs(places, 2 * width)
        else:
            self.found = np.empty(2 * len(self.found), np.int64)


_idle: list[Memory] = []
_taking = Lock()


@contextmanager
def memory() -> Iterator[Memory]:
    """Memory of one's own for the duration of the block."""
    with _taking:
        mine = _idle.pop() if _idle else Memory()
    try:
        yield mine
    finally:
        with _taking:
            _idle.append(mine)
