"""Decisions about goods that go back: whether they have to, which step may follow which, whether they are there, and who pays their way. Pure."""

from collections.abc import Mapping
from typing import Final

from app.claims.values import RETURN_DISPLAY, RETURN_VERBS, ReturnEvent, ReturnStatus
from app.core.errors import StateConflict
from app.ledger.values import PLATFORM, AccountKind, AccountRef
from app.orders.policies import CarriageBack, ClaimKind
from app.shipments.values import ConsignmentStatus, Journey

S, E = ReturnStatus, ReturnEvent
ALLOWED: Final[Mapping[tuple[ReturnStatus, ReturnEvent], ReturnStatus]] = {
    (S.PLANNING, E.BOOK): S.BOOKED,
    (S.NO_WAY, E.BOOK): S.BOOKED,
    (S.BOOKED, E.BOOK): S.BOOKED,
    (S.PLANNING, E.FIND_NONE): S.NO_WAY,
    (S.NO_WAY, E.FIND_NONE): S.NO_WAY,
    (S.BOOKED, E.LEAVE): S.UNDER_WAY,
    # Who refuses goods at the door may see them go back under the number that they came with.
    (S.PLANNING, E.ARRIVE): S.BACK,
    (S.NO_WAY, E.ARRIVE): S.BACK,
    (S.BOOKED, E.ARRIVE): S.BACK,
    (S.UNDER_WAY, E.ARRIVE): S.BACK,
    (S.BOOKED, E.LOSE): S.LOST,
    (S.UNDER_WAY, E.LOSE): S.LOST,
    (S.BOOKED, E.EXPIRE): S.LAPSED,
    (S.PLANNING, E.CALL_OFF): S.KEPT,
    (S.NO_WAY, E.CALL_OFF): S.KEPT,
    (S.BOOKED, E.CALL_OFF): S.KEPT,
    (S.PLANNING, E.KEEP): S.KEPT,
    (S.NO_WAY, E.KEEP): S.KEPT,
    (S.BOOKED, E.KEEP): S.KEPT,
}
ENDS: Final = frozenset({S.BACK, S.LAPSED, S.KEPT, S.LOST})
UNSTARTED: Final = frozenset({S.PLANNING, S.NO_WAY, S.BOOKED})
# Goods that nobody complained of can be sold again.
_AS_NEW: Final = frozenset({ClaimKind.NO_REASON, ClaimKind.REFUSAL})


def advance_return(status: ReturnStatus, event: ReturnEvent) -> ReturnStatus:
    """The status after this event; raises `StateConflict` when the table has no such step."""
    following = ALLOWED.get((status, event))
    if following is None:
        raise StateConflict(state=RETURN_DISPLAY[status], verb=RETURN_VERBS[event])
    return following


def has_to_go_back(carriage_back: CarriageBack, granted_minor: int, left_minor: int, *, at_door: bool) -> bool:
    """Whether goods go back before their money does: when all that is left of a line is granted, by a policy that sends them back.

    A part that is granted leaves them where they are, and what was refused at the door is not the buyer's to hand in.
    """
    return carriage_back is not CarriageBack.NONE and granted_minor >= left_minor and not at_door


def ends_of_way(journey: Journey) -> tuple[str, str] | None:
    """The hub where goods of this consignment are handed in to go back, and the one where their producer gets them; None when they never rode."""
    if not journey.legs:
        return None
    last = journey.legs[-1]
    return (last.from_hub if last.mode == "courier" else last.to_hub), journey.legs[0].from_hub


def has_come_back(way: Journey) -> bool:
    """Whether goods are with their producer, or at the hub where the producer fetches them."""
    if way.status in (ConsignmentStatus.DELIVERED, ConsignmentStatus.RETURNED):
        return True
    home = way.legs[-1].to_hub if way.legs else None
    return way.status is ConsignmentStatus.AT_HUB and (home is None or way.hub == home)


def can_be_sold_again(kinds: frozenset[ClaimKind], way: Journey | None) -> bool:
    """Whether goods that came back go to their producer's stock: nobody found fault with them, and they were not damaged on the way."""
    return bool(kinds) and kinds <= _AS_NEW and not (way is not None and way.damaged)


def carriage_of_claim(pays: CarriageBack, left_minor: int, back_minor: int) -> int:
    """What of `left_minor` of a way back comes out of what goes back to the buyer for one claim: never more than that."""
    return min(max(left_minor, 0), max(back_minor, 0)) if pays is CarriageBack.BUYER else 0


def borne_by(
    pays: CarriageBack,
    accounts: Mapping[CarriageBack, AccountRef],
    booked_minor: int,
    cost_minor: int,
    buyer_minor: int,
) -> dict[AccountRef, int]:
    """Who bears what a way back cost: whoever the policy names, up to what it was booked for; the platform all else.

    `buyer_minor` is what came out of the buyer's refunds. The parts add up to `cost_minor`.
    """
    platform = AccountRef(AccountKind.RETURNS, PLATFORM, accounts[CarriageBack.PLATFORM].currency)
    asked = buyer_minor if pays is CarriageBack.BUYER else booked_minor
    named = min(asked, cost_minor)
    payer = accounts.get(pays, platform)
    borne = {payer: named}
    borne[platform] = borne.get(platform, 0) + cost_minor - named
    return {account: amount for account, amount in borne.items() if amount}
