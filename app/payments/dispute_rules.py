"""Decisions about disputes: what news changes, what money that moves, and who bears what is lost. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.ledger.values import AccountKind, AccountRef, Entry, TransferKind
from app.payments.values import DisputeNews, DisputeStatus

_HEIGHT = {status: height for height, status in enumerate(DisputeStatus)}


@dataclass(frozen=True, slots=True)
class Course:
    """How far a dispute has come: its status, and what was taken, given back, and borne for good so far."""

    status: DisputeStatus
    taken_minor: int = 0
    returned_minor: int = 0
    lost_minor: int = 0
    due_at: datetime | None = None

    def after(self, news: DisputeNews) -> "Course":
        """With what the news adds. Statuses only go up and amounts only grow, so that any order of news comes to the same."""
        higher = max(self.status, news.status, key=_HEIGHT.__getitem__)
        taken, returned = max(self.taken_minor, news.taken_minor), max(self.returned_minor, news.returned_minor)
        lost = taken - returned if higher is DisputeStatus.LOST else 0
        due = max(filter(None, (self.due_at, news.due_at)), default=None)
        return replace(self, status=higher, taken_minor=taken, returned_minor=returned, lost_minor=lost, due_at=due)


def movements(before: Course, after: Course) -> dict[TransferKind, int]:
    """What moves between two points of a course: amounts above zero by what they tell of."""
    moved = {
        TransferKind.DISPUTE: after.taken_minor - before.taken_minor,
        TransferKind.DISPUTE_WON: after.returned_minor - before.returned_minor,
        TransferKind.DISPUTE_LOST: after.lost_minor - before.lost_minor,
    }
    assert min(moved.values()) >= 0
    return {kind: amount for kind, amount in moved.items() if amount}


def loss_shares(lost_minor: int, paid_minor: int, nets_minor: Mapping[str, int]) -> dict[str, int]:
    """What each producer bears of a loss: as much of its part of the goods as is lost of what was paid, rounded down.

    The rest, commission and carriage among it, is borne by the platform.
    """
    assert lost_minor >= 0
    of = max(paid_minor, lost_minor, 1)
    return {producer: net * lost_minor // of for producer, net in nets_minor.items() if net > 0}


def taken_entries(gateway: AccountRef, disputed: AccountRef, amount_minor: int) -> tuple[Entry, ...]:
    """The provider took money back: it holds less of ours, and the banks hold it. With a negative amount: it came back."""
    return (Entry(gateway, amount_minor), Entry(disputed, -amount_minor))


def lost_entries(
    disputed: AccountRef, platform: AccountRef, amount_minor: int, borne_minor: Mapping[str, tuple[int, int]]
) -> tuple[Entry, ...]:
    """What banks keep is borne: by producers, out of what they have pending and what is available (below zero, if need be), and by us."""
    amounts: dict[AccountRef, int] = {disputed: amount_minor}
    for producer, (pending, available) in borne_minor.items():
        amounts[AccountRef(AccountKind.PRODUCER_PENDING, producer, disputed.currency)] = -pending
        amounts[AccountRef(AccountKind.PRODUCER_AVAILABLE, producer, disputed.currency)] = -available
    amounts[platform] = -sum(amounts.values())
    return tuple(Entry(account, amount) for account, amount in amounts.items() if amount)
