"""Decisions about orders: totals, combined fronts, promises, and which status may follow which."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Final

from app.core.errors import StateConflict
from app.core.money import Money, zero
from app.core.quantity import times
from app.orders.values import Candidate, Combination, Label, OrderEvent, OrderStatus, Price, Promise

S, E = OrderStatus, OrderEvent
ALLOWED: Final[Mapping[tuple[OrderStatus, OrderEvent], OrderStatus]] = {
    (S.AWAITING_PAYMENT, E.PAY): S.PLACED,
    (S.AWAITING_PAYMENT, E.CANCEL): S.CANCELLED,
    (S.AWAITING_PAYMENT, E.EXPIRE): S.EXPIRED,
    (S.PLACED, E.CANCEL): S.CANCELLED,
    (S.PLACED, E.DEPART): S.IN_TRANSIT,
    (S.PLACED, E.DELIVER): S.DELIVERED,
    (S.IN_TRANSIT, E.DELIVER): S.DELIVERED,
    (S.DELIVERED, E.COMPLETE): S.COMPLETED,
}
_SORTED_BY: Final = attrgetter("arrives_at", "price_minor", "co2e_g", "plans")
PROMISE_MARGIN_MIN: Final = timedelta(hours=6)


def advance(status: OrderStatus, event: OrderEvent) -> OrderStatus:
    """The status after this event; raises `StateConflict` when the table has no such step."""
    following = ALLOWED.get((status, event))
    if following is None:
        raise StateConflict(state=status.value, verb=event.value)
    return following


def may(status: OrderStatus, event: OrderEvent) -> bool:
    return (status, event) in ALLOWED


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


def pareto(points: Iterable[Combination]) -> list[Combination]:
    """The points that no other point beats or equals in arrival, price and CO2e; one for each equal triple.

    Sorted by arrival, then price, then CO2e, then plans: the same points give the same list.
    """
    front: list[Combination] = []
    # The staircase of what has come so far: prices rise, and the least CO2e for a price falls.
    prices: list[int] = []
    least_co2e: list[int] = []
    for point in sorted(points, key=_SORTED_BY):
        step = bisect_right(prices, point.price_minor)
        if step and least_co2e[step - 1] <= point.co2e_g:
            continue
        front.append(point)
        start = end = bisect_left(prices, point.price_minor)
        while end < len(prices) and least_co2e[end] >= point.co2e_g:
            end += 1
        prices[start:end], least_co2e[start:end] = [point.price_minor], [point.co2e_g]
    return front


def combine(fronts: Sequence[Sequence[Candidate]]) -> list[Combination]:
    """The front of the whole order from the fronts of its consignments.

    The order arrives when its last consignment does; price and CO2e add up. All three grow with their parts, so
    pruning after each consignment loses nothing.
    """
    combined = [Combination(c.arrives_at, c.price_minor, c.co2e_g, (c.plan,)) for c in fronts[0]]
    for front in fronts[1:]:
        combined = pareto(
            Combination(
                max(whole.arrives_at, part.arrives_at),
                whole.price_minor + part.price_minor,
                whole.co2e_g + part.co2e_g,
                (*whole.plans, part.plan),
            )
            for whole in combined
            for part in front
        )
    return pareto(combined)


def labels(front: Sequence[Combination]) -> list[tuple[Label, ...]]:
    """Which option is the cheapest, the fastest and the greenest; ties go to the one that is better in the rest."""
    best = {
        Label.CHEAPEST: min(
            range(len(front)), key=lambda i: (front[i].price_minor, front[i].arrives_at, front[i].co2e_g)
        ),
        Label.FASTEST: min(
            range(len(front)), key=lambda i: (front[i].arrives_at, front[i].price_minor, front[i].co2e_g)
        ),
        Label.GREENEST: min(
            range(len(front)), key=lambda i: (front[i].co2e_g, front[i].price_minor, front[i].arrives_at)
        ),
    }
    return [tuple(label for label, winner in best.items() if winner == i) for i in range(len(front))]


def thin_out(front: Sequence[Combination], most: int) -> list[Combination]:
    """At most `most` options: the three winners, then the best compromises.

    A compromise is as good as the sum of its arrival, price and CO2e is small, each scaled to the front's own range.
    """
    if len(front) <= most:
        return list(front)
    criteria = [(point.arrives_at.timestamp(), point.price_minor, point.co2e_g) for point in front]
    least: list[float] = [min(column) for column in zip(*criteria, strict=True)]
    greatest: list[float] = [max(column) for column in zip(*criteria, strict=True)]

    def regret(i: int) -> float:
        spans = zip(criteria[i], least, greatest, strict=True)
        return sum(((value - low) / (high - low) for value, low, high in spans if high > low), start=0.0)

    winners = [i for i, won in enumerate(labels(front)) if won]
    others = sorted(set(range(len(front))) - set(winners), key=lambda i: (regret(i), i))
    return [front[i] for i in sorted([*winners, *others[: most - len(winners)]])]
