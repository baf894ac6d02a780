"""Pure decisions of paying out: which step may follow, what may be paid, and the entries that say so."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.core.errors import StateConflict
from app.ledger.values import PLATFORM, AccountKind, AccountRef, Disagreement, Entry, Finding
from app.payouts.values import DISPLAY, VERBS, Channel, PayoutEvent, PayoutStatus

S, E = PayoutStatus, PayoutEvent
ALLOWED: Final[Mapping[tuple[PayoutStatus, PayoutEvent], PayoutStatus]] = {
    (S.PREPARED, E.SEND): S.SENT,
    (S.PREPARED, E.FAIL): S.FAILED,
    (S.PREPARED, E.CANCEL): S.CANCELLED,
    (S.SENT, E.PAY): S.PAID,
    (S.SENT, E.RETURN): S.RETURNED,
    (S.SENT, E.FAIL): S.FAILED,
    # A bank may send back what it had told of as paid.
    (S.PAID, E.RETURN): S.RETURNED,
}


def advance(status: PayoutStatus, event: PayoutEvent) -> PayoutStatus:
    """The status after this event; raises `StateConflict` when the table has no such step."""
    following = ALLOWED.get((status, event))
    if following is None:
        raise StateConflict(state=DISPLAY[status], verb=VERBS[event])
    return following


def payable(available_minor: Mapping[AccountRef, int], minimum_minor: int) -> dict[AccountRef, int]:
    """What is taken from each account of a party, one currency: all of it, when together it is enough; else nothing.

    An account below zero is netted: it takes its part, so that nothing is paid until the sum is above zero.
    """
    whole = sum(available_minor.values())
    if whole < max(minimum_minor, 1):
        return {}
    return {account: amount for account, amount in available_minor.items() if amount}


def payout_entries(taken_minor: Mapping[AccountRef, int], source: AccountRef) -> tuple[Entry, ...]:
    """What was owed to a party leaves by `source`: the bank, the card provider, or the cash that a carrier holds."""
    owed = tuple(Entry(account, -amount) for account, amount in taken_minor.items() if amount)
    return (*owed, Entry(source, sum(taken_minor.values())))


def source_of(channel: Channel, currency: str, carrier: str | None = None) -> AccountRef:
    """The account that money leaves by."""
    if channel is Channel.STRIPE:
        return AccountRef(AccountKind.GATEWAY, Channel.STRIPE.value, currency)
    if channel is Channel.CASH:
        assert carrier is not None
        return AccountRef(AccountKind.CARRIER_CASH, carrier, currency)
    return AccountRef(AccountKind.BANK, PLATFORM, currency)


def offset_minor(freight_minor: int, cash_minor: int) -> int:
    """How much of the freight that a carrier is owed is settled with cash that it holds."""
    return max(0, min(freight_minor, cash_minor))


def offset_entries(carrier: str, currency: str, amount_minor: int) -> tuple[Entry, ...]:
    """A carrier keeps cash that it holds, as freight that it is owed."""
    return (
        Entry(AccountRef(AccountKind.CARRIER_FREIGHT, carrier, currency), -amount_minor),
        Entry(AccountRef(AccountKind.CARRIER_CASH, carrier, currency), amount_minor),
    )


def bank_findings(
    holds: Mapping[str, int], came_in: Sequence[Mapping[str, int]], paid_out: Mapping[str, int]
) -> list[Finding]:
    """Currencies in which the bank account is not what came in less what was paid out."""
    findings = []
    for currency in sorted({*holds, *paid_out, *(each for one in came_in for each in one)}):
        expected = sum(one.get(currency, 0) for one in came_in) - paid_out.get(currency, 0)
        found = holds.get(currency, 0)
        if found != expected:
            findings.append(Finding(Disagreement.BANK, "bank", currency, expected, found))
    return findings


def masked(number: str) -> str:
    """The end of an account's number, by which its owner knows it: four characters, or two of a short one."""
    plain = "".join(number.split())
    shown = 4 if len(plain) >= 8 else 2
    return f"···{plain[-shown:]}"
