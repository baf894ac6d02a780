"""Decisions about money between us and connected accounts: how much has to move, what is short, and what does not agree. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.money import Money
from app.ledger.values import Disagreement, Finding
from app.payouts.values import Moved


def compare_moves(
    told: Sequence[Moved], ours: Mapping[str, tuple[str, Money, datetime]], *, from_at: datetime, until_at: datetime
) -> list[Finding]:
    """What a provider tells otherwise than we recorded of what moved to accounts. `ours`: name there, what is kept, and when, by our id.

    Both may reach beyond the period: it decides what is asked about, not what is known.
    """
    findings, seen = [], set()
    for each in told:
        known = ours.get(each.move_id or "")
        seen.add(each.ref)
        if not from_at <= each.created_at < until_at:
            continue
        expected = known[1] if known and known[0] == each.ref else Money(0, each.kept.currency)
        if expected != each.kept:
            findings.append(_found(each.ref, expected, each.kept))
    for ref, kept, created_at in ours.values():
        if ref not in seen and from_at <= created_at < until_at:
            findings.append(_found(ref, kept, Money(0, kept.currency)))
    return findings


def _found(ref: str, expected: Money, found: Money) -> Finding:
    return Finding(Disagreement.MOVE_AMOUNT, ref, expected.currency, expected.amount, found.amount)


@dataclass(frozen=True, slots=True)
class Due:
    """By how much what a party was sent for an order has to change, and what it was sent too much for others before."""

    change_minor: int
    outstanding_minor: int

    @property
    def to_withhold_minor(self) -> int:
        return max(0, min(self.change_minor, self.outstanding_minor))

    @property
    def to_send_minor(self) -> int:
        return max(0, self.change_minor - self.to_withhold_minor)


def spread_back(back_minor: int, left_minor: Sequence[tuple[str, int]]) -> tuple[dict[str, int], int]:
    """What to take back of which transfers, in this order, and what none of them has left."""
    taken: dict[str, int] = {}
    for transfer, left in left_minor:
        if part := min(left, back_minor):
            taken[transfer] = part
            back_minor -= part
    return taken, back_minor
