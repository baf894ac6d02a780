"""The words of paying out: who is paid, by which way, how far a payout has come, and what may happen to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.core.ids import pattern
from app.core.money import Money
from app.ledger.values import AccountKind

PAYEE_ID: Final = pattern("pye")
RUN_ID: Final = pattern("run")
PAYOUT_ID: Final = pattern("pyo")
REMITTANCE_ID: Final = pattern("rmt")
REMARK_ID: Final = pattern("rmk")
# A person, a producer, or a carrier's code.
PARTY_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{1,59}$"
# Banks' accounts, IBANs, and the phones and addresses that wallets go by.
ACCOUNT_NUMBER_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9 .@+_-]{3,62}[A-Za-z0-9]$"
REFERENCE_LENGTH_MAX: Final = 60
PAYEES_PER_STEP: Final = 200
# One sheet of a run is one document.
PAYOUTS_PER_SHEET_MAX: Final = 5_000
REFUNDS_PER_BUYER_MAX: Final = 200
CARRIERS_LISTED_MAX: Final = 1_000


class Party(StrEnum):
    """Whom we owe. A co-operative is a producer with members, and has its share of their sales as well."""

    PRODUCER = "producer"
    COOPERATIVE = "cooperative"
    CARRIER = "carrier"
    BUYER = "buyer"


class Channel(StrEnum):
    """How money leaves: by the operator's bank or wallet, by the card provider, or in cash out of a carrier's hand."""

    BANK_TRANSFER = "bank_transfer"
    WALLET = "wallet"
    STRIPE = "stripe"
    CASH = "cash"


class PayeeStatus(StrEnum):
    """Only `VERIFIED` is paid. `REJECTED`: an operator did not accept it, or money came back from it."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    REJECTED = "rejected"
    REPLACED = "replaced"


class PayoutStatus(StrEnum):
    """`PREPARED` and `SENT` are on their way; the others are ends, but that `PAID` may still come back."""

    PREPARED = "prepared"
    SENT = "sent"
    PAID = "paid"
    RETURNED = "returned"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PayoutEvent(StrEnum):
    """`RETURN`: the bank sends it back. `FAIL`: it never left."""

    SEND = "sent"
    PAY = "paid"
    RETURN = "returned"
    FAIL = "failed"
    CANCEL = "cancelled"


class MoveStatus(StrEnum):
    """A movement between the platform and a connected account: written down, done, or refused for good by the provider."""

    PREPARED = "prepared"
    DONE = "done"
    REFUSED = "refused"


# Of these accounts a party is paid. A buyer's refunds are known by order: see `app.payouts.service.owed_by_order`.
ACCOUNTS: Final[Mapping[Party, tuple[AccountKind, ...]]] = {
    Party.PRODUCER: (AccountKind.PRODUCER_AVAILABLE, AccountKind.COOPERATIVE_AVAILABLE),
    Party.COOPERATIVE: (AccountKind.PRODUCER_AVAILABLE, AccountKind.COOPERATIVE_AVAILABLE),
    Party.CARRIER: (AccountKind.CARRIER_FREIGHT,),
    Party.BUYER: (AccountKind.BUYER,),
}
UNDER_WAY: Final = frozenset({PayoutStatus.PREPARED, PayoutStatus.SENT})


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """Where money goes, in full. Kept sealed; shown to nobody but in the sheet for the bank."""

    holder: str = field(repr=False)
    number: str = field(repr=False)
    bank: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a channel that moves money by machine is told: our id makes a repeat harmless."""

    payout_id: str
    payee_ref: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Sent:
    """A channel's answer: its own name for the payout, and what it knows of it by now."""

    ref: str
    news: PayoutEvent


@dataclass(frozen=True, slots=True)
class Link:
    """A page for one visit, soon."""

    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccountState:
    """Whether a connected account takes transfers and pays out; what the provider asks of its holder; the end of its bank account."""

    ready: bool
    asked: tuple[str, ...]
    last4: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Money to or from a connected account; our id makes a repeat harmless."""

    id: str
    account_ref: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Moved:
    """A transfer as the provider tells it: what went, less what came back. `move_id` is ours, as it gives it back."""

    ref: str
    created_at: datetime
    kept: Money
    move_id: str | None


DISPLAY: Final[Mapping[PayoutStatus, Mapping[str, str]]] = {
    PayoutStatus.PREPARED: {"en": "Prepared", "zh-Hans": "待付款"},
    PayoutStatus.SENT: {"en": "Sent", "zh-Hans": "已提交银行"},
    PayoutStatus.PAID: {"en": "Paid", "zh-Hans": "已到账"},
    PayoutStatus.RETURNED: {"en": "Came back", "zh-Hans": "已退回"},
    PayoutStatus.FAILED: {"en": "Failed", "zh-Hans": "付款失败"},
    PayoutStatus.CANCELLED: {"en": "Cancelled", "zh-Hans": "已取消"},
}
VERBS: Final[Mapping[PayoutEvent, Mapping[str, str]]] = {
    PayoutEvent.SEND: {"en": "marked as sent", "zh-Hans": "标记为已提交"},
    PayoutEvent.PAY: {"en": "marked as paid", "zh-Hans": "标记为已到账"},
    PayoutEvent.RETURN: {"en": "marked as returned", "zh-Hans": "标记为已退回"},
    PayoutEvent.FAIL: {"en": "marked as failed", "zh-Hans": "标记为失败"},
    PayoutEvent.CANCEL: {"en": "cancelled", "zh-Hans": "取消"},
}
CHANNEL_DISPLAY: Final[Mapping[Channel, Mapping[str, str]]] = {
    Channel.BANK_TRANSFER: {"en": "Bank transfer", "zh-Hans": "银行转账"},
    Channel.WALLET: {"en": "Mobile wallet", "zh-Hans": "电子钱包"},
    Channel.STRIPE: {"en": "Card provider (Stripe)", "zh-Hans": "支付渠道（Stripe）"},
    Channel.CASH: {"en": "Cash from the carrier", "zh-Hans": "承运人现金"},
}
PARTY_DISPLAY: Final[Mapping[Party, Mapping[str, str]]] = {
    Party.PRODUCER: {"en": "Producer", "zh-Hans": "生产者"},
    Party.COOPERATIVE: {"en": "Co-operative", "zh-Hans": "合作社"},
    Party.CARRIER: {"en": "Carrier", "zh-Hans": "承运人"},
    Party.BUYER: {"en": "Buyer", "zh-Hans": "买家"},
}
PAYEE_DISPLAY: Final[Mapping[PayeeStatus, Mapping[str, str]]] = {
    PayeeStatus.UNVERIFIED: {"en": "Waiting to be checked", "zh-Hans": "待核实"},
    PayeeStatus.VERIFIED: {"en": "Checked", "zh-Hans": "已核实"},
    PayeeStatus.REJECTED: {"en": "Not accepted: give it again", "zh-Hans": "未通过，请重新填写"},
    PayeeStatus.REPLACED: {"en": "Replaced by another", "zh-Hans": "已更换"},
}
