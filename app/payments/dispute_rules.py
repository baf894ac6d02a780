"""Decisions about disputes: what news changes, what money that moves, and who bears what is lost. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from app.ledger.values import RELEASED_TO, AccountRef, Entry, State, Transfer, TransferKind
from app.payments.values import DisputeNews, DisputeStatus

_PENDING: Final = {released: pending for pending, released in RELEASED_TO.items()}
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
        """With what the news adds. Statuses only go up and amounts only grow, so that any order of news comes to the same.

        A bank may think again after it has decided: what was lost is won once all of it came back, and lost again once more is taken.
        """
        higher = max(self.status, news.status, key=_HEIGHT.__getitem__)
        taken, returned = max(self.taken_minor, news.taken_minor), max(self.returned_minor, news.returned_minor)
        if higher is DisputeStatus.LOST and 0 < taken <= returned:
            higher = DisputeStatus.WON
        lost = taken - returned if higher is DisputeStatus.LOST else 0
        due = max(filter(None, (self.due_at, news.due_at)), default=None)
        return replace(self, status=higher, taken_minor=taken, returned_minor=returned, lost_minor=lost, due_at=due)


@dataclass(frozen=True, slots=True)
class Part:
    """What an order brings somebody after commission, and what of it is due and not released."""

    net_minor: int
    unreleased_minor: int = 0


def movements(before: Course, after: Course) -> dict[TransferKind, int]:
    """What moves between two points of a course, by what it tells of: amounts above zero, and below it what is lost no more."""
    moved = {
        TransferKind.DISPUTE: after.taken_minor - before.taken_minor,
        TransferKind.DISPUTE_WON: after.returned_minor - before.returned_minor,
        TransferKind.DISPUTE_LOST: after.lost_minor - before.lost_minor,
    }
    assert moved[TransferKind.DISPUTE] >= 0
    assert moved[TransferKind.DISPUTE_WON] >= 0
    return {kind: amount for kind, amount in moved.items() if amount}


def parts_of(transfers: Sequence[Transfer]) -> dict[AccountRef, Part]:
    """What an order brings each producer and co-operative, by its pending account: the sum over the order's transfers that are not void."""
    net: dict[AccountRef, int] = {}
    unreleased: dict[AccountRef, int] = {}
    for transfer in transfers:
        for entry in transfer.entries if transfer.state is not State.VOID else ():
            kind = _PENDING.get(entry.account.kind, entry.account.kind)
            if kind not in RELEASED_TO:
                continue
            pending = AccountRef(kind, entry.account.owner, entry.account.currency)
            net[pending] = net.get(pending, 0) + entry.amount_minor
            if entry.account == pending and transfer.state is State.POSTED:
                unreleased[pending] = unreleased.get(pending, 0) + entry.amount_minor
    return {pending: Part(amount, max(0, unreleased.get(pending, 0))) for pending, amount in net.items() if amount > 0}


def owed_back_minor(transfers: Sequence[Transfer], account: AccountRef) -> int:
    """What is owed on this account for what the transfers are about, such as to the buyer of a cancelled order; never below zero."""
    told = [transfer for transfer in transfers if transfer.state is not State.VOID]
    return max(0, sum(each.amount_minor for one in told for each in one.entries if each.account == account))


def loss_undone(
    transfers: Sequence[Transfer], disputed: AccountRef, platform: AccountRef, amount_minor: int
) -> tuple[Entry, ...]:
    """What was borne as lost is given back to those who bore it, each its part of it, rounded towards zero; the rest is ours."""
    borne: dict[AccountRef, int] = {}
    for transfer in transfers:
        for entry in transfer.entries if transfer.kind is TransferKind.DISPUTE_LOST else ():
            borne[entry.account] = borne.get(entry.account, 0) + entry.amount_minor
    lost = borne.pop(disputed, 0)
    assert 0 < amount_minor <= lost
    amounts = {account: -amount * amount_minor // lost for account, amount in borne.items() if account != platform}
    amounts[disputed] = -amount_minor
    amounts[platform] = -sum(amounts.values())
    return tuple(Entry(account, amount) for account, amount in amounts.items() if amount)


def loss_shares(lost_minor: int, paid_minor: int, parts: Mapping[AccountRef, Part]) -> dict[AccountRef, int]:
    """What each bears of a loss: as much of its part as is lost of what was paid, rounded down.

    The rest, commission and carriage among it, is borne by the platform.
    """
    assert lost_minor >= 0
    of = max(paid_minor, lost_minor, 1)
    return {pending: part.net_minor * lost_minor // of for pending, part in parts.items()}


def taken_entries(gateway: AccountRef, disputed: AccountRef, amount_minor: int) -> tuple[Entry, ...]:
    """The provider took money back: it holds less of ours, and the banks hold it. With a negative amount: it came back."""
    return (Entry(gateway, amount_minor), Entry(disputed, -amount_minor))


def lost_entries(
    disputed: AccountRef,
    platform: AccountRef,
    amount_minor: int,
    shares: Mapping[AccountRef, int],
    parts: Mapping[AccountRef, Part],
    owed_back: Mapping[AccountRef, int] | None = None,
) -> tuple[Entry, ...]:
    """What banks keep is borne: by producers and co-operatives, out of what is not released and then out of what is available
    (below zero, if need be), and by us. What was owed to the buyer anyway (`owed_back`) has reached it by the bank.
    """
    amounts: dict[AccountRef, int] = {disputed: amount_minor}
    amounts |= {account: -owed for account, owed in (owed_back or {}).items()}
    for pending, share in shares.items():
        waiting = min(share, parts[pending].unreleased_minor)
        amounts[pending] = -waiting
        amounts[AccountRef(RELEASED_TO[pending.kind], pending.owner, pending.currency)] = waiting - share
    amounts[platform] = -sum(amounts.values())
    return tuple(Entry(account, amount) for account, amount in amounts.items() if amount)
