"""Decisions about offers: which step may follow which, who may take it, until when, and what becomes of the deposit. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from app.core.errors import Gap, StateConflict
from app.core.limits import AMOUNT_MINOR_MAX, GOODS_MINOR_MAX
from app.core.money import Money
from app.core.quantity import as_text, fits_step, times
from app.offers.errors import NotYourTurn
from app.offers.terms import AgreedTerms
from app.offers.values import (
    DEPOSIT_DISPLAY,
    DEPOSIT_VERBS,
    DISPLAY,
    VERBS,
    DepositEvent,
    DepositStatus,
    Fate,
    OfferEvent,
    OfferStatus,
    Side,
)

S, E = OfferStatus, OfferEvent
ALLOWED: Final[Mapping[tuple[OfferStatus, OfferEvent], OfferStatus]] = {
    (S.OPEN, E.COUNTER): S.COUNTERED,
    (S.OPEN, E.ACCEPT): S.ACCEPTED,
    (S.OPEN, E.DECLINE): S.DECLINED,
    (S.OPEN, E.WITHDRAW): S.WITHDRAWN,
    (S.OPEN, E.LAPSE): S.EXPIRED,
    (S.COUNTERED, E.COUNTER): S.OPEN,
    (S.COUNTERED, E.ACCEPT): S.ACCEPTED,
    (S.COUNTERED, E.DECLINE): S.DECLINED,
    (S.COUNTERED, E.WITHDRAW): S.WITHDRAWN,
    (S.COUNTERED, E.LAPSE): S.EXPIRED,
    (S.ACCEPTED, E.WITHDRAW): S.WITHDRAWN,
    (S.ACCEPTED, E.LAPSE): S.EXPIRED,
    (S.ACCEPTED, E.ORDER): S.USED,
    (S.USED, E.REOPEN): S.ACCEPTED,
    (S.USED, E.UNDO): S.WITHDRAWN,
}
# Whose word it is. Steps that stand here for nobody are taken by clocks and by what happens to the order.
TAKEN_BY: Final[Mapping[tuple[OfferStatus, OfferEvent], frozenset[Side]]] = {
    (S.OPEN, E.COUNTER): frozenset({Side.PRODUCER}),
    (S.OPEN, E.ACCEPT): frozenset({Side.PRODUCER}),
    (S.OPEN, E.DECLINE): frozenset({Side.PRODUCER}),
    (S.OPEN, E.WITHDRAW): frozenset({Side.BUYER}),
    (S.COUNTERED, E.COUNTER): frozenset({Side.BUYER}),
    (S.COUNTERED, E.ACCEPT): frozenset({Side.BUYER}),
    (S.COUNTERED, E.DECLINE): frozenset({Side.BUYER}),
    (S.COUNTERED, E.WITHDRAW): frozenset({Side.PRODUCER}),
    (S.ACCEPTED, E.WITHDRAW): frozenset(Side),
}
D, F = DepositStatus, DepositEvent
DEPOSIT_ALLOWED: Final[Mapping[tuple[DepositStatus, DepositEvent], DepositStatus]] = {
    (D.DUE, F.RECEIVE): D.HELD,
    (D.DUE, F.CANCEL): D.CANCELLED,
    # Money may come after we gave it up; it is returned then.
    (D.CANCELLED, F.RECEIVE): D.HELD,
    (D.HELD, F.APPLY): D.APPLIED,
    (D.HELD, F.RETURN): D.RETURNED,
    (D.HELD, F.FORFEIT): D.FORFEITED,
    (D.APPLIED, F.RELEASE): D.HELD,
}
NOTHING_TO_PAY: Final = frozenset({D.NONE, D.HELD})


def advance(status: OfferStatus, event: OfferEvent) -> OfferStatus:
    """The status after this event; raises `StateConflict` when the table has no such step."""
    following = ALLOWED.get((status, event))
    if following is None:
        raise StateConflict(state=DISPLAY[status], verb=VERBS[event])
    return following


def may(status: OfferStatus, event: OfferEvent) -> bool:
    return (status, event) in ALLOWED


def side_for(status: OfferStatus, event: OfferEvent, sides: Collection[Side]) -> Side:
    """As which of their sides somebody takes this step; raises `StateConflict`, or `NotYourTurn` when it is another side's."""
    advance(status, event)
    able = TAKEN_BY.get((status, event), frozenset())
    if not able & set(sides):
        raise NotYourTurn(DISPLAY[status], sorted(able))
    return next(side for side in Side if side in able and side in sides)


def deposit_after(status: DepositStatus, event: DepositEvent) -> DepositStatus:
    """The deposit's status after this event; raises `StateConflict` when the table has no such step."""
    following = DEPOSIT_ALLOWED.get((status, event))
    if following is None:
        raise StateConflict(state=DEPOSIT_DISPLAY[status], verb=DEPOSIT_VERBS[event])
    return following


def due_after(status: OfferStatus, deposit: DepositStatus, terms: AgreedTerms, now: datetime) -> datetime | None:
    """Until when somebody has to act on an offer that has just come to this status; None when nobody has to."""
    if status in (S.OPEN, S.COUNTERED):
        return now + terms.answer
    if status is S.ACCEPTED:
        return now + (terms.deposit if deposit is D.DUE else terms.order)
    return None


def lapse_of(fault: Side, terms: AgreedTerms) -> Fate:
    """What becomes of a held deposit when this side lets an agreed offer come to nothing."""
    return terms.on_lapse if fault is Side.BUYER else Fate.RETURNED


def goods_minor(quantity: Decimal, price: Money) -> int:
    """What so much costs at this price, rounded half up to a fen, as the line of its order will be."""
    return times(quantity, price.amount)


def deposit_minor(goods: int, terms: AgreedTerms) -> int:
    """The deposit for goods of this worth, rounded down."""
    return goods * terms.deposit_bps // 10_000


def proposal_gaps(
    quantity: Decimal, price: Money, currency: str, *, min_quantity: Decimal, step: Decimal, bulk: Decimal
) -> list[Gap]:
    """Everything that is wrong with a proposed quantity and price."""
    gaps = []
    if quantity < bulk:
        least = as_text(bulk)
        words = {
            "en": f"Offers are for {least} or more; order less at the listing's own price",
            "zh-Hans": f"议价数量不得少于 {least}，少量请按标价购买",
        }
        gaps.append(Gap("/quantity", words))
    elif not fits_step(quantity, min_quantity, step):
        least, each = as_text(min_quantity), as_text(step)
        words = {"en": f"At least {least}, in steps of {each}", "zh-Hans": f"最少 {least}，每次增减 {each}"}
        gaps.append(Gap("/quantity", words))
    if price.currency != currency or not 0 < price.amount <= AMOUNT_MINOR_MAX:
        words = {"en": f"An amount above zero in {currency}", "zh-Hans": f"须为大于零的 {currency} 金额"}
        gaps.append(Gap("/price", words))
    elif goods_minor(quantity, price) > GOODS_MINOR_MAX:
        most = GOODS_MINOR_MAX // 100
        words = {
            "en": f"Goods for more than {most:,} yuan cannot be one order; offer for less at a time",
            "zh-Hans": f"单笔订单货款不得超过 {most:,} 元，请分次议价",
        }
        gaps.append(Gap("/quantity", words))
    return gaps


def until_gaps(until: datetime | None, terms: AgreedTerms, now: datetime) -> list[Gap]:
    """What is wrong with how long an offer is to stand."""
    latest = now + terms.answer_max
    if until is None or now + timedelta(minutes=1) <= until <= latest:
        return []
    hours = terms.answer_max // timedelta(hours=1)
    words = {"en": f"Later than now, at most {hours} hours ahead", "zh-Hans": f"须晚于当前时间，且不超过 {hours} 小时"}
    return [Gap("/valid_until", words)]
