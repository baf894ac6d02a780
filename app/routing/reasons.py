"""Why there is no plan: the constraints are put back one after the other, in one order, until nothing is left."""

from collections.abc import Callable

from app.routing.rules import fits_when_empty, is_excluded, takes_piece, takes_temperature
from app.routing.timetable import Timetable
from app.routing.values import Query, Reason, Service


def unreachable_because(timetable: Timetable, query: Query) -> Reason | None:
    """The constraint, apart from time and load, without which services would lead to the destination."""
    origin, target = timetable.numbers[query.origin], timetable.numbers[query.destination]

    def is_allowed(service: Service) -> bool:
        return not is_excluded(service, query)

    def is_fit(service: Service) -> bool:
        return is_allowed(service) and takes_temperature(service, query)

    def is_large_enough(service: Service) -> bool:
        return is_fit(service) and fits_when_empty(service, query)

    steps: list[tuple[Reason, Callable[[Service], bool]]] = [
        (Reason.EXCLUDED, is_allowed),
        (Reason.TEMPERATURE, is_fit),
        (Reason.TOO_HEAVY, is_large_enough),
        (Reason.PIECE_TOO_LARGE, lambda service: is_large_enough(service) and takes_piece(service, query)),
    ]
    if target not in timetable.reachable(origin, lambda _: True):
        return Reason.NO_SERVICE
    shut = query.excluded_places
    if query.origin in shut or target not in timetable.reachable(origin, lambda _: True, shut):
        return Reason.FORBIDDEN
    return next((reason for reason, usable in steps if target not in timetable.reachable(origin, usable, shut)), None)
