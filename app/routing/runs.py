"""Which run of a service the goods can take: the first that still has room and is not excluded."""

from app.routing.network import LegKey
from app.routing.timetable import Timetable
from app.routing.values import Load, Query, Used

NOTHING_USED = Used()


class Runs:
    """The runs of a timetable as one query sees them. `are_all_free` tells that every run may be taken."""

    def __init__(self, timetable: Timetable, query: Query, load: Load) -> None:
        self.are_all_free = not load and not query.excluded_departures
        self._services = timetable.services
        self._calendars = timetable.calendars
        self._query = query
        self._load = load
        self._known: dict[tuple[LegKey, int], int] = {}

    def first_free(self, start: int, key: LegKey, latest: int) -> int:
        """The first start, from this one on, with room on every segment of the leg; one after `latest` may have none."""
        asked = (key, start)
        run = self._known.get(asked)
        if run is not None:
            return run
        calendar = self._calendars[key[0]]
        run = start
        if not calendar.on_demand:
            while run <= latest and not self._is_free(run, key):
                run = calendar.first(run + 1)
        # Beyond `latest` nothing was looked at, and another search of the leg may have a later one.
        if run <= latest:
            self._known[asked] = run
        return run

    def _is_free(self, start: int, key: LegKey) -> bool:
        number, board, alight = key
        service = self._services[number]
        query, room = self._query, service.capacity
        if (service.id, start) in query.excluded_departures:
            return False
        for segment in range(board, alight):
            used = self._load.get((service.id, start, segment), NOTHING_USED)
            if (
                used.weight_g + query.weight_g > room.weight_g
                or used.volume_mm3 + query.volume_mm3 > room.volume_mm3
                or used.live_places + query.live_heads > room.live_places
            ):
                return False
        return True
