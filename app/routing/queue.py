"""A queue of places by time, price or whatever a kernel counts: a binary heap in two arrays."""

from typing import NamedTuple

import numpy as np

from app.routing.jit import inner
from app.routing.packed import Numbers


class Queue(NamedTuple):
    """Keys, least first, with what each belongs to; `size` has one element."""

    keys: Numbers
    items: Numbers
    size: Numbers


@inner
def make_queue(most: int) -> Queue:
    return Queue(np.empty(most, np.int64), np.empty(most, np.int64), np.zeros(1, np.int64))


@inner
def put(queue: Queue, key: int, item: int) -> None:
    hole = queue.size[0]
    queue.size[0] = hole + 1
    while hole > 0:
        above = (hole - 1) >> 1
        if queue.keys[above] <= key:
            break
        queue.keys[hole] = queue.keys[above]
        queue.items[hole] = queue.items[above]
        hole = above
    queue.keys[hole] = key
    queue.items[hole] = item


@inner
def take(queue: Queue) -> tuple[int, int]:
    """The least key and its item."""
    keys, items = queue.keys, queue.items
    key, item = keys[0], items[0]
    size = queue.size[0] - 1
    queue.size[0] = size
    last, last_item = keys[size], items[size]
    hole, below = 0, 1
    while below < size:
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= last:
            break
        keys[hole] = keys[below]
        items[hole] = items[below]
        hole = below
        below = 2 * hole + 1
    keys[hole] = last
    items[hole] = last_item
    return key, item
