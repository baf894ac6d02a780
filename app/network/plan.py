"""Plans kept for as long as nothing that they depend on has changed: timetable, question, and what is booked."""

import asyncio
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final, ParamSpec, TypeVar

from app.routing import LABELS_MAX, Front, Latest, Load, NoPlan, Query, Reason, SearchTooLarge, Timetable, plan

P = ParamSpec("P")
R = TypeVar("R")
_PLANNER: Final = ThreadPoolExecutor(1, "planner")
FRONTS_KEPT: Final = 2_048
Key = tuple[str, Query, frozenset[object]]


async def in_turn(work: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
    """Plan beside the event loop, one question after another.

    Threads that plan side by side take the interpreter from each other and from the loop: with one, two processes place a
    quarter more orders. More is planned at once by more processes.
    """
    return await asyncio.get_running_loop().run_in_executor(_PLANNER, partial(work, *given, **named))


class FrontCache:
    """The latest fronts of this process. Many buyers ask the same: one box, from here to there, now."""

    def __init__(self, kept: int = FRONTS_KEPT, *, labels_max: int = LABELS_MAX) -> None:
        self._labels_max = labels_max
        self._fronts: Latest[Key, Front | NoPlan] = Latest(kept)
        self._of_version = ""

    def plan(self, timetable: Timetable, query: Query, load: Load) -> Front | NoPlan:
        """What `routing.plan` answers, from memory when it was asked before. May be called from any thread.

        Raises `SearchTooLarge` rather than lose a way. Fronts of a former timetable would only keep that alive: they are forgotten.
        """
        if timetable.version != self._of_version:
            self._fronts.clear()
            self._of_version = timetable.version
        query = _of_its_class(timetable, query, is_empty=not load)
        key: Key = (timetable.version, query, frozenset(load.items()))
        answer = self._fronts.get(key)
        if answer is None:
            answer = plan(timetable, query, load, labels_max=self._labels_max)
            self._fronts.put(key, answer)
        return answer

    def why_none(self, timetable: Timetable, query: Query, load: Load) -> Reason | None:
        """Why there is no way; None when there is one, or too many to be compared."""
        try:
            found = self.plan(timetable, replace(query, window_s=0), load)
        except SearchTooLarge:
            return None
        return found.reason if isinstance(found, NoPlan) else None


def _of_its_class(timetable: Timetable, query: Query, *, is_empty: bool) -> Query:
    """The same question of the largest pieces and volume that just as many services take: the same answer, and asked more often.

    The volume itself counts where it meets what is booked, fills a chilled slot, or earns the green channel.
    """
    weights, lengths, volumes = _limits(timetable)
    is_dry = is_empty and not query.chilled_slots and not query.toll_free
    return replace(
        query,
        piece_weight_g=_at_most(weights, query.piece_weight_g),
        piece_length_mm=_at_most(lengths, query.piece_length_mm),
        volume_mm3=_at_most(volumes, query.volume_mm3) if is_dry else query.volume_mm3,
    )


@lru_cache(maxsize=2)
def _limits(timetable: Timetable) -> tuple[list[int], list[int], list[int]]:
    """What services bound the weight and the length of a single piece to, and the volume of all, each limit once."""
    weights = {each.piece_weight_g_max for each in timetable.services if each.piece_weight_g_max is not None}
    lengths = {each.piece_length_mm_max for each in timetable.services if each.piece_length_mm_max is not None}
    return sorted(weights), sorted(lengths), sorted({each.capacity.volume_mm3 for each in timetable.services})


def _at_most(limits: list[int], size: int) -> int:
    """The smallest limit that a piece of this size keeps, or more than any."""
    place = bisect_left(limits, size)
    return limits[place] if place < len(limits) else limits[-1] + 1 if limits else 0
