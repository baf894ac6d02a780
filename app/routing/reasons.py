"""Why there is no plan: the constraints are put back one after the other, in one order, until nothing is left."""

import numpy as np

from app.routing.floods import is_connected
from app.routing.timetable import Timetable
from app.routing.values import Query, Reason


def unreachable_because(timetable: Timetable, query: Query) -> Reason | None:
    """The constraint, apart from time and load, without which services would lead to the destination."""
    net, shut = timetable.net, timetable.kind(query).shut
    origin, target = timetable.numbers[query.origin], timetable.numbers[query.destination]
    goes = np.ones(len(timetable.services), np.bool_)
    if not is_connected(net, goes, np.zeros_like(shut), origin, target):
        return Reason.NO_SERVICE
    if not is_connected(net, goes, shut, origin, target):
        return Reason.FORBIDDEN
    for reason, usable in timetable.refusals(query).items():
        goes = goes & usable
        if not is_connected(net, goes, shut, origin, target):
            return reason
    return None
