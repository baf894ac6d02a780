"""Decisions about claims: which step may follow which, what may be asked, and what of a producer's money waits meanwhile."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.claims.errors import NotClaimable
from app.claims.values import DISPLAY, VERBS, WAITING, ClaimEvent, ClaimStatus
from app.core.errors import Gap, StateConflict
from app.ledger.values import Share, Sold
from app.orders.policies import Claimable, ClaimKind, Evidence

S, E = ClaimStatus, ClaimEvent
ALLOWED: Final[Mapping[tuple[ClaimStatus, ClaimEvent], ClaimStatus]] = {
    (S.OPEN, E.ACCEPT): S.SETTLED,
    (S.OPEN, E.OFFER): S.OFFERED,
    (S.OPEN, E.CONTEST): S.DISPUTED,
    (S.OPEN, E.LAPSE): S.DISPUTED,
    (S.OPEN, E.WITHDRAW): S.WITHDRAWN,
    (S.OFFERED, E.TAKE): S.SETTLED,
    (S.OFFERED, E.DISPUTE): S.DISPUTED,
    (S.OFFERED, E.LAPSE): S.DISPUTED,
    (S.OFFERED, E.WITHDRAW): S.WITHDRAWN,
    (S.DISPUTED, E.ACCEPT): S.SETTLED,
    (S.DISPUTED, E.WITHDRAW): S.WITHDRAWN,
    (S.DISPUTED, E.GRANT): S.SETTLED,
    (S.DISPUTED, E.REJECT): S.REFUSED,
    (S.OPEN, E.SEND_BACK): S.RETURNING,
    (S.DISPUTED, E.SEND_BACK): S.RETURNING,
    (S.RETURNING, E.COME_BACK): S.SETTLED,
    (S.RETURNING, E.EXPIRE): S.LAPSED,
    (S.RETURNING, E.WITHDRAW): S.WITHDRAWN,
}
_NEEDED: Final[Mapping[Evidence, tuple[str, Mapping[str, str]]]] = {
    Evidence.PHOTOS: ("/photos", {"en": "This claim needs at least one photo", "zh-Hans": "此类申请至少需要一张照片"}),
    Evidence.INSPECTION: (
        "/inspection",
        {"en": "This claim needs an inspection result with its photo", "zh-Hans": "此类申请需要检验结果及其照片"},
    ),
}


@dataclass(frozen=True, slots=True)
class LineSold:
    """A line as far as money goes: whose, for how much."""

    id: str
    producer: str
    total_minor: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A claim as far as money goes: of which line, how far it is, and what was granted."""

    line: str
    status: ClaimStatus
    granted_minor: int


def advance(status: ClaimStatus, event: ClaimEvent) -> ClaimStatus:
    """The status after this event; raises `StateConflict` when the table has no such step."""
    following = ALLOWED.get((status, event))
    if following is None:
        raise StateConflict(state=DISPLAY[status], verb=VERBS[event])
    return following


def may(status: ClaimStatus, event: ClaimEvent) -> bool:
    return (status, event) in ALLOWED


def policy_for(policies: Collection[Claimable], kind: ClaimKind) -> Claimable:
    """The policy of this kind among those of a line; raises `NotClaimable`, which names the kinds there are."""
    found = next((policy for policy in policies if policy.kind is kind), None)
    if found is None:
        raise NotClaimable(kind, [policy.kind for policy in policies])
    return found


def due_after(status: ClaimStatus, policy: Claimable, now: datetime) -> datetime | None:
    """Until when somebody has to act on a claim that has just come to this status; None when nobody has to."""
    clocks: Mapping[ClaimStatus, timedelta] = {
        S.OPEN: policy.answer,
        S.OFFERED: policy.answer,
        S.DISPUTED: policy.decide,
        S.RETURNING: policy.hand_in,
    }
    return now + clocks[status] if status in clocks else None


def missing_evidence(policy: Claimable, *, photos: int, inspection: bool) -> list[Gap]:
    """What a claim under this policy cannot do without, and has not."""
    given = {Evidence.PHOTOS: photos > 0, Evidence.INSPECTION: inspection}
    return [Gap(*_NEEDED[each]) for each in Evidence if each in policy.evidence and not given[each]]


def refundable_minor(line: LineSold, claims: Iterable[Standing], paid_minor: int) -> int:
    """The most that may still go back for a line: no more than was paid for it, nor, with all others, for the order."""
    claims = list(claims)
    of_line = sum(claim.granted_minor for claim in claims if claim.line == line.id)
    of_order = sum(claim.granted_minor for claim in claims)
    return max(0, min(line.total_minor - of_line, paid_minor - of_order))


def unpaid_minor(uncollected_minor: int, granted_minor: int, line: str, claims: Iterable[Standing]) -> int:
    """What of a grant had not been paid for its line in the first place: so much less goes back.

    Of what was left unpaid at the door, earlier grants for the line took their part.
    """
    earlier = sum(claim.granted_minor for claim in claims if claim.line == line)
    return min(granted_minor, max(0, uncollected_minor - earlier))


def sold_by(
    producer: str,
    currency: str,
    fee_bps: int,
    lines: Iterable[LineSold],
    claims: Iterable[Standing],
    share: Share | None = None,
) -> Sold:
    """What a producer sold in an order, what of it was refunded, and what of it is its co-operative's."""
    own = {line.id: line.total_minor for line in lines if line.producer == producer}
    refunded = sum(claim.granted_minor for claim in claims if claim.line in own)
    return Sold(producer, currency, sum(own.values()), refunded, fee_bps, share)


def held_minor(sold: Sold, lines: Iterable[LineSold], claims: Iterable[Standing]) -> int:
    """What of a producer's money is not released: the producer's part of all that is left of lines with an open claim."""
    return sold.net_minor() - sold.net_minor(_claimed_minor(sold, lines, claims))


def held_shared_minor(sold: Sold, lines: Iterable[LineSold], claims: Iterable[Standing]) -> int:
    """The same of its co-operative's money."""
    return sold.cooperative_minor() - sold.cooperative_minor(_claimed_minor(sold, lines, claims))


def _claimed_minor(sold: Sold, lines: Iterable[LineSold], claims: Iterable[Standing]) -> int:
    """All that is left of a producer's lines with an open claim."""
    claims = list(claims)
    waiting = {claim.line for claim in claims if claim.status in WAITING}
    granted: dict[str, int] = {}
    for claim in claims:
        granted[claim.line] = granted.get(claim.line, 0) + claim.granted_minor
    return sum(
        line.total_minor - granted.get(line.id, 0)
        for line in lines
        if line.producer == sold.producer and line.id in waiting
    )


def pending_for(
    line_id: str,
    sold: Sold,
    lines: Iterable[LineSold],
    claims: Iterable[Standing],
    unreleased_minor: int,
    *,
    completed: bool,
) -> int:
    """How much of a refund for this line may come out of what is not released: all of it, but for what waits for other claims.

    Before the order is completed nothing was released, so nothing need be left for others: their parts are there.
    """
    if not completed:
        return unreleased_minor
    return max(0, unreleased_minor - held_minor(sold, lines, others_than(line_id, claims)))


def others_than(line_id: str, claims: Iterable[Standing]) -> list[Standing]:
    """The claims but for the one that is open for this line."""
    return [claim for claim in claims if claim.line != line_id or claim.status not in WAITING]
