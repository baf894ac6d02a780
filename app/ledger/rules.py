"""Pure rules of the ledger: who gets what of an order, and the entries that say so."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from app.core.clock import LEGAL_TIME
from app.core.errors import Gap, Invalid
from app.core.money import Money
from app.ledger.values import (
    ENTRIES_PER_TRANSFER_MAX,
    FEE_BPS_MAX,
    PLATFORM,
    RELEASED_TO,
    STATEMENT_DAYS_MAX,
    AccountKind,
    AccountRef,
    Entry,
    Period,
    PriceParts,
    Proceeds,
    Share,
    Sold,
    State,
    Transfer,
)


def proceeds(parts: PriceParts, fee_bps: int, shares: Mapping[str, Share] | None = None) -> Proceeds:
    """Divide what the buyer pays, and the subsidy, between producers, their co-operatives, carriers, packaging, platform and the tax office.

    The fee is `fee_bps` ten-thousandths of each producer's goods. Of the rest, a member's co-operative gets its share,
    rounded down; the producer takes the remainder, the odd fen with it, so the parts always add up to
    `parts.paid_minor + parts.subsidy_minor`.
    """
    shares = shares or {}
    assert 0 <= fee_bps <= FEE_BPS_MAX
    # Rounded down for each producer: the odd fen belongs to the village, not to us.
    fees = {
        producer: Money(goods, parts.currency).share_bps(fee_bps).amount
        for producer, goods in parts.goods_minor.items()
    }
    nets = {producer: goods - fees[producer] for producer, goods in parts.goods_minor.items()}
    shared = {producer: shares[producer].of(net) for producer, net in nets.items() if producer in shares}
    cooperatives: dict[str, int] = {}
    for producer, amount in shared.items():
        cooperative = shares[producer].cooperative
        cooperatives[cooperative] = cooperatives.get(cooperative, 0) + amount
    return Proceeds(
        currency=parts.currency,
        producers_minor={producer: net - shared.get(producer, 0) for producer, net in nets.items()},
        cooperatives_minor=cooperatives,
        carriers_minor=dict(parts.carriage_minor),
        packaging_minor=parts.packaging_minor,
        platform_fee_minor=sum(fees.values()),
        subsidy_minor=parts.subsidy_minor,
        paid_minor=parts.paid_minor,
        duties_minor=parts.duties_minor,
    )


def sale_entries(buyer_id: str, split: Proceeds) -> tuple[Entry, ...]:
    """The buyer, and the subsidy, owe; producers and co-operatives (pending), carriers, packaging, platform and, through us, the tax office are owed."""
    amounts = {
        _account(AccountKind.BUYER, buyer_id, split): -split.paid_minor,
        _account(AccountKind.SUBSIDY, PLATFORM, split): -split.subsidy_minor,
        _account(AccountKind.PACKAGING, PLATFORM, split): split.packaging_minor,
        _account(AccountKind.PLATFORM_FEE, PLATFORM, split): split.platform_fee_minor,
        _account(AccountKind.TAX, PLATFORM, split): split.duties_minor,
    }
    for producer, amount in split.producers_minor.items():
        amounts[_account(AccountKind.PRODUCER_PENDING, producer, split)] = amount
    for cooperative, amount in split.cooperatives_minor.items():
        amounts[_account(AccountKind.COOPERATIVE_PENDING, cooperative, split)] = amount
    for carrier, amount in split.carriers_minor.items():
        amounts[_account(AccountKind.CARRIER_FREIGHT, carrier, split)] = amount
    return _entries(amounts)


def collection_entries(buyer_id: str, currency: str, collected_minor: Mapping[AccountRef, int]) -> tuple[Entry, ...]:
    """The buyer's debt is paid into these accounts (`carrier_cash` or `gateway`), whose owners now owe it to us."""
    amounts = {account: -amount for account, amount in collected_minor.items()}
    buyer = AccountRef(AccountKind.BUYER, buyer_id, currency)
    return _entries({buyer: sum(collected_minor.values()), **amounts})


def reroute_entries(
    currency: str, dropped_minor: Mapping[str, int], taken_minor: Mapping[str, int]
) -> tuple[Entry, ...]:
    """Goods go another way: by carrier, what is no longer owed for dropped legs and what is owed for those taken instead.

    The buyer pays what was quoted: the platform bears the difference, and keeps it when the new way costs less. Empty when
    nobody's freight changes.
    """
    changes = {
        carrier: taken_minor.get(carrier, 0) - dropped_minor.get(carrier, 0)
        for carrier in sorted({*dropped_minor, *taken_minor})
    }
    amounts = {
        AccountRef(AccountKind.CARRIER_FREIGHT, carrier, currency): change for carrier, change in changes.items()
    }
    return _entries({AccountRef(AccountKind.REROUTING, PLATFORM, currency): -sum(changes.values()), **amounts})


def weighing_entries(
    buyer_id: str, before: Proceeds, after: Proceeds, *, extra_before_minor: int = 0, extra_after_minor: int = 0
) -> tuple[Entry, ...]:
    """Goods weigh other than they were estimated: what everybody is owed now, less what everybody was owed.

    `extra_…`: what carriers are owed beyond what the buyer pays for carriage, because goods went another way; the platform's. Empty
    when nothing changes.
    """
    amounts: dict[AccountRef, int] = {}
    for sign, split, extra in ((1, after, extra_after_minor), (-1, before, extra_before_minor)):
        borne = {
            _account(AccountKind.BUYER, buyer_id, split): extra,
            _account(AccountKind.REROUTING, PLATFORM, split): -extra,
        }
        owed = [*sale_entries(buyer_id, split), *_entries(borne)]
        for entry in owed:
            amounts[entry.account] = amounts.get(entry.account, 0) + sign * entry.amount_minor
    return _entries(amounts)


def release_entries(
    owner: str, amount: Money, pending_kind: AccountKind = AccountKind.PRODUCER_PENDING
) -> tuple[Entry, ...]:
    """What a producer, or a co-operative as such, had pending becomes available for payout."""
    pending = AccountRef(pending_kind, owner, amount.currency)
    available = AccountRef(RELEASED_TO[pending_kind], owner, amount.currency)
    return _entries({pending: -amount.amount, available: amount.amount})


def refund_entries(
    buyer_id: str, sold: Sold, amount_minor: int, pending_minor: int, cooperative_pending_minor: int = 0
) -> tuple[Entry, ...]:
    """A part of what a producer sold goes back to the buyer, to whom it is owed from now on.

    Commission and a co-operative's share go back in proportion: what is kept of them is what the remaining goods would have
    cost, so that refunds in any parts come to the same. The producer's part comes out of `pending_minor`, what is not
    released of these goods, the co-operative's out of `cooperative_pending_minor`; the rest out of what is released.
    """
    assert 0 < amount_minor <= sold.goods_minor - sold.refunded_minor
    earned = sold.earned_minor() - sold.earned_minor(amount_minor)
    amounts = {
        AccountRef(AccountKind.PLATFORM_FEE, PLATFORM, sold.currency): earned - amount_minor,
        AccountRef(AccountKind.BUYER, buyer_id, sold.currency): amount_minor,
    }
    net = sold.net_minor() - sold.net_minor(amount_minor)
    amounts |= _taken_back(AccountKind.PRODUCER_PENDING, sold.producer, sold.currency, net, pending_minor)
    if sold.share:
        owner, kind = sold.share.cooperative, AccountKind.COOPERATIVE_PENDING
        amounts |= _taken_back(kind, owner, sold.currency, earned - net, cooperative_pending_minor)
    return _entries(amounts)


def _taken_back(
    kind: AccountKind, owner: str, currency: str, amount_minor: int, pending_minor: int
) -> dict[AccountRef, int]:
    """Out of what is pending as far as there is something, the rest out of what was released."""
    pending = min(amount_minor, max(pending_minor, 0))
    released = AccountRef(RELEASED_TO[kind], owner, currency)
    return {AccountRef(kind, owner, currency): -pending, released: pending - amount_minor}


def holder_of(method: str, currency: str) -> AccountRef:
    """The account of whoever holds what is paid in this way: the operator's bank, or a card provider."""
    if method == "bank_transfer":
        return AccountRef(AccountKind.BANK, PLATFORM, currency)
    return AccountRef(AccountKind.GATEWAY, method, currency)


def deposit_entries(buyer_id: str, holder: AccountRef, amount: Money) -> tuple[Entry, ...]:
    """A deposit came in: whoever took it owes it to us, and we hold it for the buyer."""
    return _entries({holder: -amount.amount, _deposit(buyer_id, amount): amount.amount})


def deposit_applied_entries(buyer_id: str, amount: Money) -> tuple[Entry, ...]:
    """A deposit counts towards what the buyer owes for an order; reversed when the order is not to be."""
    buyer = AccountRef(AccountKind.BUYER, buyer_id, amount.currency)
    return _entries({_deposit(buyer_id, amount): -amount.amount, buyer: amount.amount})


def deposit_returned_entries(buyer_id: str, amount: Money) -> tuple[Entry, ...]:
    """A deposit is no longer held: it is owed to the buyer, until it is sent."""
    return deposit_applied_entries(buyer_id, amount)


def deposit_forfeited_entries(buyer_id: str, producer_id: str, amount: Money) -> tuple[Entry, ...]:
    """A deposit goes to the producer who kept the goods for nothing: all of it, without commission."""
    producer = AccountRef(AccountKind.PRODUCER_AVAILABLE, producer_id, amount.currency)
    return _entries({_deposit(buyer_id, amount): -amount.amount, producer: amount.amount})


def deposit_kept_entries(buyer_id: str, amount: Money) -> tuple[Entry, ...]:
    """The deposit of a box that did not come back: the pool buys another one with it."""
    pool = AccountRef(AccountKind.PACKAGING, PLATFORM, amount.currency)
    return _entries({_deposit(buyer_id, amount): -amount.amount, pool: amount.amount})


def deposit_sent_entries(buyer_id: str, holder: AccountRef, amount: Money) -> tuple[Entry, ...]:
    """A returned deposit has left for the buyer the way it came."""
    buyer = AccountRef(AccountKind.BUYER, buyer_id, amount.currency)
    return _entries({buyer: -amount.amount, holder: amount.amount})


def _deposit(buyer_id: str, amount: Money) -> AccountRef:
    return AccountRef(AccountKind.DEPOSIT, buyer_id, amount.currency)


def refund_paid_entries(buyer_id: str, gateway: str, amount: Money) -> tuple[Entry, ...]:
    """What was owed to the buyer has been sent back by the card provider."""
    buyer = AccountRef(AccountKind.BUYER, buyer_id, amount.currency)
    provider = AccountRef(AccountKind.GATEWAY, gateway, amount.currency)
    return _entries({buyer: -amount.amount, provider: amount.amount})


def cancellation_entries(owed_minor: Mapping[tuple[AccountRef, AccountRef], int]) -> tuple[Entry, ...]:
    """Who owes whom for a cancelled order: amounts by (who pays, who is owed), put together by account."""
    amounts: dict[AccountRef, int] = {}
    for (pays, to), amount in owed_minor.items():
        amounts[pays] = amounts.get(pays, 0) - amount
        amounts[to] = amounts.get(to, 0) + amount
    return _entries(amounts)


def reduction_entries(
    buyer_id: str, before: Proceeds, after: Proceeds, extra_before_minor: int, extra_after_minor: int
) -> tuple[Entry, ...]:
    """What an order owes less than before, to be added to what was entered: the sale as it would have been, less the sale as it was.

    The carriers' parts are what their legs cost by now; `extra_…` is what of that the platform bears instead of the buyer.
    """
    amounts: dict[AccountRef, int] = {}
    for sign, split, extra_minor in ((-1, before, extra_before_minor), (1, after, extra_after_minor)):
        borne = (
            Entry(_account(AccountKind.REROUTING, PLATFORM, split), -extra_minor),
            Entry(_account(AccountKind.BUYER, buyer_id, split), extra_minor),
        )
        for entry in (*sale_entries(buyer_id, split), *borne):
            amounts[entry.account] = amounts.get(entry.account, 0) + sign * entry.amount_minor
    return _entries(amounts)


def carrier_claim_entries(carrier: str, producer: str, amount: Money, fee_bps: int) -> tuple[Entry, ...]:
    """A carrier bears a loss: what the producer and we gave back for it comes out of its freight, in the parts in which we bore it."""
    fee = amount.share_bps(fee_bps).amount
    return _entries(
        {
            AccountRef(AccountKind.CARRIER_FREIGHT, carrier, amount.currency): -amount.amount,
            AccountRef(AccountKind.PRODUCER_AVAILABLE, producer, amount.currency): amount.amount - fee,
            AccountRef(AccountKind.PLATFORM_FEE, PLATFORM, amount.currency): fee,
        }
    )


def return_carriage_entries(
    currency: str, carried_minor: Mapping[str, int], borne_minor: Mapping[AccountRef, int]
) -> tuple[Entry, ...]:
    """Goods came back: by carrier what it is owed for their way, and by account who bears it. Empty when the way cost nothing."""
    amounts = {
        AccountRef(AccountKind.CARRIER_FREIGHT, carrier, currency): amount for carrier, amount in carried_minor.items()
    }
    for account, amount in borne_minor.items():
        amounts[account] = amounts.get(account, 0) - amount
    return _entries(amounts)


def write_off_entries(buyer_id: str, amount: Money) -> tuple[Entry, ...]:
    """What a buyer owes for goods that he refused is owed no more: the platform bears it."""
    buyer = AccountRef(AccountKind.BUYER, buyer_id, amount.currency)
    return _entries({buyer: amount.amount, AccountRef(AccountKind.RETURNS, PLATFORM, amount.currency): -amount.amount})


def unreleased_minor(
    transfers: Sequence[Transfer], owner: str, kind: AccountKind = AccountKind.PRODUCER_PENDING
) -> int:
    """What of these transfers of an order a producer, or a co-operative as such, has posted and not released yet."""
    return sum(
        entry.amount_minor
        for transfer in transfers
        if transfer.state is State.POSTED
        for entry in transfer.entries
        if entry.account.kind is kind and entry.account.owner == owner
    )


def available_by_owner(transfers: Sequence[Transfer]) -> dict[str, int]:
    """What of these transfers of an order has come to be available to producers and co-operatives, less what they had to give back."""
    sums: dict[str, int] = {}
    for transfer in transfers:
        for entry in transfer.entries if transfer.state is State.POSTED else ():
            if entry.account.kind in (AccountKind.PRODUCER_AVAILABLE, AccountKind.COOPERATIVE_AVAILABLE):
                sums[entry.account.owner] = sums.get(entry.account.owner, 0) + entry.amount_minor
    return sums


def reversed_entries(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries that undo these."""
    return tuple(Entry(entry.account, -entry.amount_minor) for entry in entries)


def imbalances(entries: Sequence[Entry]) -> dict[str, int]:
    """Sums by currency that are not zero; empty when the entries balance."""
    sums: dict[str, int] = {}
    for entry in entries:
        sums[entry.account.currency] = sums.get(entry.account.currency, 0) + entry.amount_minor
    return {currency: amount for currency, amount in sums.items() if amount}


def check_zero_sum(transfer: Transfer) -> None:
    """Money neither appears nor vanishes: a transfer that does not balance is our mistake."""
    assert 2 <= len(transfer.entries) <= ENTRIES_PER_TRANSFER_MAX, f"{transfer.id} has {len(transfer.entries)} entries"
    assert all(entry.amount_minor for entry in transfer.entries), f"{transfer.id} has an entry of nothing"
    assert not imbalances(transfer.entries), f"{transfer.id} is off by {imbalances(transfer.entries)}"


def account_of(account_id: str) -> AccountRef:
    """The account behind an id `kind:owner:currency`."""
    kind, _, rest = account_id.partition(":")
    owner, _, currency = rest.rpartition(":")
    return AccountRef(AccountKind(kind), owner, currency)


def day_starts_at(day: date) -> datetime:
    """Midnight of legal time, with which a day begins."""
    return datetime.combine(day, time(), LEGAL_TIME).astimezone(UTC)


def period_of(first_on: date, last_on: date) -> Period:
    """The days from one to the other, both included. Raises `Invalid` when they are none or too many."""
    days = (last_on - first_on).days + 1
    if days < 1:
        words = {"en": "The last day is before the first", "zh-Hans": "结束日期早于开始日期"}
        raise Invalid(gaps=[Gap("/query/until", words)])
    if days > STATEMENT_DAYS_MAX:
        words = {
            "en": f"A statement covers up to {STATEMENT_DAYS_MAX} days: ask for a shorter period",
            "zh-Hans": f"对账单最长 {STATEMENT_DAYS_MAX} 天，请缩短期间",
        }
        raise Invalid(gaps=[Gap("/query/until", words)])
    return Period(first_on, last_on, day_starts_at(first_on), day_starts_at(last_on + timedelta(days=1)))


def last_midnight(now: datetime) -> datetime:
    """The midnight of legal time with which the present day began."""
    return day_starts_at(now.astimezone(LEGAL_TIME).date())


def _account(kind: AccountKind, owner: str, split: Proceeds) -> AccountRef:
    return AccountRef(kind, owner, split.currency)


def _entries(amounts: Mapping[AccountRef, int]) -> tuple[Entry, ...]:
    """One entry for each amount that is not nothing."""
    return tuple(Entry(account, amount) for account, amount in amounts.items() if amount)
