"""Decisions about orders: totals, combined fronts, promises, and which status may follow which."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import isqrt
from operator import attrgetter
from typing import Any, Final

import numpy as np

from app.core.errors import StateConflict
from app.core.money import Money, zero
from app.core.quantity import times
from app.orders.values import Candidate, Combination, Label, OrderEvent, OrderStatus, Price, Promise

Plans = tuple[int, ...]
Front = Sequence[Combination]
Point = Sequence[Any]
"""Arrival, price and CO2e, and whatever stands behind them."""
S, E = OrderStatus, OrderEvent
ALLOWED: Final[Mapping[tuple[OrderStatus, OrderEvent], OrderStatus]] = {
    (S.AWAITING_PAYMENT, E.PAY): S.PLACED,
    (S.AWAITING_PAYMENT, E.CANCEL): S.CANCELLED,
    (S.AWAITING_PAYMENT, E.EXPIRE): S.EXPIRED,
    (S.PLACED, E.CANCEL): S.CANCELLED,
    # What was held on a card is held no more, and nothing has moved.
    (S.PLACED, E.LOSE): S.AWAITING_PAYMENT,
    (S.PLACED, E.DEPART): S.IN_TRANSIT,
    # Only while it waits to be paid anew: what carriers tell is so.
    (S.AWAITING_PAYMENT, E.DEPART): S.IN_TRANSIT,
    (S.PLACED, E.DELIVER): S.DELIVERED,
    (S.IN_TRANSIT, E.DELIVER): S.DELIVERED,
    (S.DELIVERED, E.COMPLETE): S.COMPLETED,
    # The buyer declined the weight of all that was left of it, before it left its first hub.
    (S.PLACED, E.TAKE_OFF): S.CANCELLED,
    (S.IN_TRANSIT, E.TAKE_OFF): S.CANCELLED,
}
_SORTED_BY: Final = attrgetter("arrives_at", "price_minor", "co2e_g", "plans")
PROMISE_MARGIN_MIN: Final = timedelta(hours=6)
COMBINED_PAIRS_MAX: Final = 20_000
COARSE_CELLS_MAX: Final = 1_024
COMPROMISE_APART_MIN: Final = 0.001


def advance(status: OrderStatus, event: OrderEvent) -> OrderStatus:
    """The status after this event; raises `StateConflict` when the table has no such step."""
    following = ALLOWED.get((status, event))
    if following is None:
        raise StateConflict(state=status.value, verb=event.value)
    return following


def may(status: OrderStatus, event: OrderEvent) -> bool:
    return (status, event) in ALLOWED


def renewal_until(first_departs_at: datetime, now: datetime, waits: timedelta) -> datetime | None:
    """Until when an order waits to be paid anew: no longer than its goods can still leave as planned. None: not at all."""
    until = min(now + waits, first_departs_at)
    return until if until > now else None


def renewable_until(terms: Mapping[str, Any]) -> datetime | None:
    """Until when an order whose held money was lost may be paid anew, as it was written on it then."""
    told = terms.get("renewal")
    return datetime.fromisoformat(told["until"]) if told else None


def is_open(status: OrderStatus) -> bool:
    """Whether goods of such an order may still be on their way."""
    return status in (OrderStatus.AWAITING_PAYMENT, OrderStatus.PLACED, OrderStatus.IN_TRANSIT)


def unpaid_at_door(refused_minor: Mapping[str, int], due_minor: int) -> dict[str, int]:
    """By refused line, what of it is not paid at the door: all that is open of it, as far as anything is due there at all."""
    unpaid: dict[str, int] = {}
    for line, open_minor in sorted(refused_minor.items()):
        unpaid[line] = max(0, min(open_minor, due_minor - sum(unpaid.values())))
    return unpaid


def line_total(quantity: Decimal, price: Money) -> Money:
    """Quantity times unit price, rounded half up to a fen."""
    return Money(times(quantity, price.amount), price.currency)


def price_of(goods: Money, carriage_minor: int, packaging_minor: int) -> Price:
    """The price of an option. Subsidies and duties have no rules yet, so they are zero."""
    nothing = zero(goods.currency)
    return Price(goods, Money(carriage_minor, goods.currency), Money(packaging_minor, goods.currency), nothing, nothing)


def promise_for(starts_at: datetime, arrives_at: datetime) -> Promise:
    """From the planned arrival to a margin after it: a tenth of the journey, at least six hours (our default)."""
    return Promise(arrives_at, arrives_at + max(PROMISE_MARGIN_MIN, (arrives_at - starts_at) / 10))


def latest_arrival(starts_at: datetime, end: datetime) -> datetime:
    """The last planned arrival of which the promise ends by `end`: what `promise_for` makes, backwards. By the second."""
    by_share = starts_at + (end - starts_at) * 10 / 11
    return min(end - PROMISE_MARGIN_MIN, by_share).replace(microsecond=0)


class Staircase:
    """The points seen so far that none of them beats in price and CO2e: dearer and dearer, cleaner and cleaner."""

    def __init__(self) -> None:
        self.points: list[Combination] = []
        self._prices: list[int] = []

    def add(self, point: Combination) -> bool:
        """Keep the point and drop those that it beats; false when one of them is no dearer and no dirtier."""
        step = bisect_right(self._prices, point.price_minor)
        if step and self.points[step - 1].co2e_g <= point.co2e_g:
            return False
        beaten = step
        while beaten < len(self.points) and self.points[beaten].co2e_g >= point.co2e_g:
            beaten += 1
        if step and self._prices[step - 1] == point.price_minor:
            step -= 1
        self.points[step:beaten] = [point]
        self._prices[step:beaten] = [point.price_minor]
        return True


def pareto(points: Iterable[Combination]) -> list[Combination]:
    """The points that no other point beats or equals in arrival, price and CO2e; one for each equal triple.

    Sorted by arrival, then price, then CO2e, then plans: the same points give the same list. In that order a point is
    beaten if and only if an earlier one is no dearer and no dirtier.
    """
    kept = Staircase()
    return [point for point in sorted(points) if kept.add(point)]


def combine(fronts: Sequence[Sequence[Candidate]]) -> list[Combination]:
    """The front of the whole order from the fronts of its consignments.

    The order arrives when its last consignment does; price and CO2e add up. All three grow with their parts, so
    pruning after each consignment loses nothing; nor does it to take what arrives before the order can as arriving
    then. The front is exact as long as no step has more than COMBINED_PAIRS_MAX pairs to look at; after that, `coarse`
    fronts stand for the fronts.
    """
    soonest = max(min(candidate.arrives_at for candidate in front) for front in fronts)
    parts = [
        pareto(Combination(max(c.arrives_at, soonest), c.price_minor, c.co2e_g, (c.plan,)) for c in front)
        for front in fronts
    ]
    combined = parts[0]
    for whole_part in parts[1:]:
        whole, part = _few_enough(combined, whole_part)
        combined = pareto([*_last(whole, part, lambda w, p: w + p), *_last(part, whole, lambda p, w: w + p)])
    return combined


def _few_enough(one: Sequence[Combination], other: Sequence[Combination]) -> tuple[Front, Front]:
    """Both fronts as they are, or so coarse that there are not too many pairs."""
    if len(one) * len(other) <= COMBINED_PAIRS_MAX:
        return one, other
    share = isqrt(COMBINED_PAIRS_MAX)
    if len(one) < len(other):
        few = coarse(one, share)
        return few, coarse(other, COMBINED_PAIRS_MAX // len(few))
    few = coarse(other, share)
    return coarse(one, COMBINED_PAIRS_MAX // len(few)), few


def coarse(front: Front, most: int) -> Front:
    """At most `most` points in place of a front: the three winners, and in each cell of price and CO2e the first to arrive.

    For every point there is one left that arrives no later and is dearer and dirtier by less than a cell. The cells
    are as small as they can be: a power of two of them on each side.
    """
    if len(front) <= most:
        return front
    winners = [point for point, won in zip(front, labels(front), strict=True) if won]
    cells = COARSE_CELLS_MAX
    while cells > 1:
        first_of_cell = _first_in_each_cell(front, cells)
        kept = sorted({*winners, *first_of_cell})
        if len(kept) <= most:
            return kept
        cells //= 2
    return sorted(set(winners))


def _first_in_each_cell(front: Front, cells: int) -> Collection[Combination]:
    prices, grams = [point.price_minor for point in front], [point.co2e_g for point in front]
    cheapest, greenest = min(prices), min(grams)
    wide, high = max(prices) - cheapest + 1, max(grams) - greenest + 1
    first: dict[tuple[int, int], Combination] = {}
    for point in front:
        cell = (point.price_minor - cheapest) * cells // wide, (point.co2e_g - greenest) * cells // high
        first.setdefault(cell, point)
    return first.values()


def _last(
    front: Sequence[Combination], other: Sequence[Combination], plans: Callable[[Plans, Plans], Plans]
) -> Iterator[Combination]:
    """The combinations in which the point of `front` arrives last.

    Beside it stands only what nothing that has arrived by then beats in price and CO2e: the rest would be beaten too.
    """
    arrived, coming = Staircase(), 0
    for point in front:
        while coming < len(other) and other[coming].arrives_at <= point.arrives_at:
            arrived.add(other[coming])
            coming += 1
        for beside in arrived.points:
            price, co2e = point.price_minor + beside.price_minor, point.co2e_g + beside.co2e_g
            yield Combination(point.arrives_at, price, co2e, plans(point.plans, beside.plans))


def winners(points: Sequence[Point]) -> dict[Label, int]:
    """Which of these (arrival, price, CO2e) is the cheapest, the fastest and the greenest; ties go to what is better in the rest."""
    every = range(len(points))
    return {
        Label.CHEAPEST: min(every, key=lambda i: (points[i][1], points[i][0], points[i][2])),
        Label.FASTEST: min(every, key=lambda i: (points[i][0], points[i][1], points[i][2])),
        Label.GREENEST: min(every, key=lambda i: (points[i][2], points[i][1], points[i][0])),
    }


def labels(front: Front) -> list[tuple[Label, ...]]:
    """Which labels each option of a front has won."""
    best = winners(front)
    return [tuple(label for label, winner in best.items() if winner == i) for i in range(len(front))]


def thin_out(front: Front, most: int) -> list[Combination]:
    """At most `most` options: the three winners, then the best compromises, the most different ones first."""
    if len(front) <= most:
        return list(front)
    points = [(point.arrives_at.timestamp(), point.price_minor, point.co2e_g) for point in front]
    return [front[i] for i in spread(points, winners(points).values(), most)]


def spread(points: Sequence[tuple[float, int, int]], first: Iterable[int], most: int) -> list[int]:
    """The numbers of at most `most` of these different points: the `first`, then the best compromises, the most different first.

    A compromise is as good as the sum of its arrival, price and CO2e is small, each scaled to the range of all. It is
    taken when it differs from all that are by half of a range in one of the three; then by a quarter, and so on.
    """
    if len(points) <= most:
        return list(range(len(points)))
    taken = sorted(set(first))
    scaled = np.array(points, dtype=np.float64)
    scaled -= scaled.min(axis=0)
    scaled /= np.maximum(scaled.max(axis=0), 1)
    by_regret = np.argsort(scaled.sum(axis=1), kind="stable")
    scaled = scaled[by_regret]
    rank = np.empty_like(by_regret)
    rank[by_regret] = range(len(points))
    # By how much each differs from the nearest that is taken; zero for these themselves.
    apart = np.full(len(points), np.inf)
    for known in rank[taken]:
        np.minimum(apart, np.abs(scaled - scaled[known]).max(axis=1), out=apart)
    least, place = 0.5, 0
    while len(taken) < most:
        further = int(np.argmax(apart[place:] > least)) + place
        if apart[further] > least:
            taken.append(int(by_regret[further]))
            np.minimum(apart, np.abs(scaled - scaled[further]).max(axis=1), out=apart)
            place = further
        elif least:
            least, place = least / 2 if least > COMPROMISE_APART_MIN else 0.0, 0
        else:
            break
    return sorted(taken)
