"""Plans kept for as long as nothing that they depend on has changed: timetable, question, and what is booked."""

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Final

from app.routing import Front, Load, NoPlan, Query, SearchTooLarge, Timetable, plan

FRONTS_KEPT: Final = 512
Key = tuple[str, Query, frozenset[object]]


class FrontCache:
    """The latest fronts of this process. Many buyers ask the same: one box, from here to there, now."""

    def __init__(self, kept: int = FRONTS_KEPT) -> None:
        self._kept = kept
        self._fronts: OrderedDict[Key, Front | NoPlan] = OrderedDict()
        self._lock = Lock()

    def plan(self, timetable: Timetable, query: Query, load: Load) -> Front | NoPlan:
        """What `routing.plan` answers, from memory when it was asked before. May be called from any thread.

        Animals whose rests make for too many ways are planned without rests: some way is lost, but none that is wrong is given.
        """
        key: Key = (timetable.version, query, frozenset(load.items()))
        with self._lock:
            if key in self._fronts:
                self._fronts.move_to_end(key)
                return self._fronts[key]
        answer = _plan(timetable, query, load)
        with self._lock:
            self._fronts[key] = answer
            if len(self._fronts) > self._kept:
                self._fronts.popitem(last=False)
        return answer


def _plan(timetable: Timetable, query: Query, load: Load) -> Front | NoPlan:
    try:
        return plan(timetable, query, load)
    except SearchTooLarge:
        if not query.rest_s:
            raise
        return plan(timetable, replace(query, rest_s=0), load)
