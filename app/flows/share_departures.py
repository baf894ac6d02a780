"""Goods of different orders share a departure's fixed cost: the fuller it is when one asks, the less of its base one pays.

The plans are those of the full tariff; the rebate comes after the choice, so that it never makes an option dearer than planned.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from app.core.money import Money
from app.flows.plan_ways import Around
from app.network.fill import FillRebates, Fills, Run
from app.network.values import CURRENCY
from app.orders.rules import labels, pareto
from app.orders.schemas import DepartureSharing, LegShape, OptionShape
from app.orders.values import Combination

NOTHING: Final = Money(0, CURRENCY)
Shares = list[tuple[int, int]]


def runs_of(options: Sequence[OptionShape]) -> set[Run]:
    """Every timetabled run of these options."""
    legs = (leg for option in options for each in option.consignments for leg in each.legs)
    return {(leg.service, leg.run_at) for leg in legs if leg.run_at}


def share_departures(
    around: Around, options: Sequence[OptionShape], fills: Fills, rebates: FillRebates
) -> list[OptionShape]:
    """The options with what the bookings of others take off them: those that are still a front, with their labels anew.

    Each leg's rebate is deducted from its price, and the carriage is still the sum of the legs. Pure.
    """
    shared = [_shared(around, option, fills, rebates) for option in options]
    points = [
        Combination(option.arrives_by, option.price.total.amount, option.co2e_g.total, (i,))
        for i, option in enumerate(shared)
    ]
    front = pareto(points)
    return [
        shared[point.plans[0]].model_copy(update={"labels": list(won)})
        for point, won in zip(front, labels(front), strict=True)
    ]


def _shared(around: Around, option: OptionShape, fills: Fills, rebates: FillRebates) -> OptionShape:
    off = _rebates(around, option, fills, rebates)
    saved = Money(sum(off.values()), CURRENCY)
    if not saved.amount:
        return option
    consignments = [
        each.model_copy(update={"legs": [_cheaper(leg, off.get((i, seq), 0)) for seq, leg in enumerate(each.legs)]})
        for i, each in enumerate(option.consignments)
    ]
    price = option.price
    return option.model_copy(
        update={
            "price": price.model_copy(update={"carriage": price.carriage - saved, "total": price.total - saved}),
            "sharing": DepartureSharing(saved=saved, rule=rebates.version),
            "consignments": consignments,
        }
    )


def _rebates(around: Around, option: OptionShape, fills: Fills, rebates: FillRebates) -> Mapping[tuple[int, int], int]:
    """The rebate of each leg, by consignment and leg. A unit pays its base once, so it has one rebate, split by weight."""
    rides: dict[tuple[object, ...], Shares] = defaultdict(list)
    for i, each in enumerate(option.consignments):
        for seq, leg in enumerate(each.legs):
            if leg.run_at is not None:
                together = (leg.unit, leg.service, leg.run_at, leg.board) if leg.unit else (i, seq)
                rides[together].append((i, seq))
    off: dict[tuple[int, int], int] = {}
    for shares in rides.values():
        first, seq = shares[0]
        leg = option.consignments[first].legs[seq]
        rebate = Money(rebates.rebate_minor(around.service(leg.service).tariff.base_minor, _fill(leg, fills)), CURRENCY)
        if not rebate.amount:
            continue
        parts = rebate.split([option.consignments[i].weight_g for i, _ in shares])
        for (i, at), part in zip(shares, parts, strict=True):
            off[i, at] = min(part.amount, option.consignments[i].legs[at].price.amount)
    return off


def _fill(leg: LegShape, fills: Fills) -> int:
    """The fill of the emptiest segment of the leg, in hundredths of a per cent."""
    assert leg.run_at is not None
    segments = range(leg.board or 0, leg.alight or 1)
    return min(fills.get((leg.service, leg.run_at, segment), 0) for segment in segments)


def _cheaper(leg: LegShape, off: int) -> LegShape:
    if not off:
        return leg
    rebate = Money(off, CURRENCY)
    return leg.model_copy(update={"price": leg.price - rebate, "rebate": rebate})
