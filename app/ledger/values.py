"""The words of the ledger: accounts, entries and transfers, and the parts of a sale.

A positive amount raises what is owed to the account's owner, a negative one lowers it: a carrier that holds
cash, or a buyer who has not paid yet, has a negative balance.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

PLATFORM: Final = "platform"
TRANSFERS_PER_CALL_MAX: Final = 500
ENTRIES_PER_TRANSFER_MAX: Final = 200
FEE_BPS_MAX: Final = 10_000
SHARE_BPS_MAX: Final = 10_000
# In ISO 4217, no currency at all.
NO_CURRENCY: Final = "XXX"
STATEMENT_DAYS_MAX: Final = 366
STATEMENT_LINES_MAX: Final = 5_000
FINDINGS_MAX: Final = 1_000


class AccountKind(StrEnum):
    BUYER = "buyer"
    CARRIER_CASH = "carrier_cash"
    GATEWAY = "gateway"
    PRODUCER_PENDING = "producer_pending"
    PRODUCER_AVAILABLE = "producer_available"
    CARRIER_FREIGHT = "carrier_freight"
    PACKAGING = "packaging"
    PLATFORM_FEE = "platform_fee"
    SUBSIDY = "subsidy"
    REROUTING = "rerouting"
    CANCELLATIONS = "cancellations"
    BANK = "bank"
    GATEWAY_FEE = "gateway_fee"
    DISPUTED = "disputed"
    COOPERATIVE_PENDING = "cooperative_pending"
    COOPERATIVE_AVAILABLE = "cooperative_available"
    DEPOSIT = "deposit"
    TAX = "tax"
    RETURNS = "returns"


# Where what is pending goes when it is released.
RELEASED_TO: Final[Mapping[AccountKind, AccountKind]] = {
    AccountKind.PRODUCER_PENDING: AccountKind.PRODUCER_AVAILABLE,
    AccountKind.COOPERATIVE_PENDING: AccountKind.COOPERATIVE_AVAILABLE,
}


class TransferKind(StrEnum):
    """What a transfer tells of; its subject is the id of the order, offer, payout, run or remittance that it is about."""

    SALE = "sale"
    REROUTE = "reroute"
    COLLECTION = "collection"
    RELEASE = "release"
    REFUND = "refund"
    REFUND_PAID = "refund_paid"
    CANCELLATION = "cancellation"
    WEIGHING = "weighing"
    DEPOSIT = "deposit"
    DEPOSIT_RETURNED = "deposit_returned"
    DEPOSIT_FORFEITED = "deposit_forfeited"
    REDUCTION = "reduction"
    CARRIER_CLAIM = "carrier_claim"
    PAYOUT = "payout"
    PAYOUT_RETURNED = "payout_returned"
    REMITTANCE = "remittance"
    FREIGHT_PAID = "freight_paid"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    GATEWAY_FEE = "gateway_fee"
    RETURN_CARRIAGE = "return_carriage"
    WRITE_OFF = "write_off"
    REFUND_FAILED = "refund_failed"


# Between the card provider and us alone: what a buyer's payment comes to is not changed by them.
BESIDE_PAYMENTS: Final = frozenset({
    TransferKind.DISPUTE, TransferKind.DISPUTE_WON, TransferKind.DISPUTE_LOST, TransferKind.GATEWAY_FEE,
})  # fmt: skip


# What is pending until the goods are delivered, and void when the order is cancelled.
OWED_ON_DELIVERY: Final = frozenset(
    {TransferKind.SALE, TransferKind.REROUTE, TransferKind.REDUCTION, TransferKind.WEIGHING}
)


class State(StrEnum):
    PENDING = "pending"
    POSTED = "posted"
    VOID = "void"


@dataclass(frozen=True, slots=True, order=True)
class AccountRef:
    """One owner's account of one kind in one currency."""

    kind: AccountKind
    owner: str
    currency: str

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.owner}:{self.currency}"


@dataclass(frozen=True, slots=True)
class Entry:
    account: AccountRef
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Entries that belong together and sum to zero in each currency. `subject` is what it is about, such as an order's id."""

    id: str
    kind: TransferKind
    subject: str
    state: State
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class PriceParts:
    """What makes up the price of an order: goods by producer, carriage by carrier; `subsidy_minor` is taken off."""

    currency: str
    goods_minor: Mapping[str, int]
    carriage_minor: Mapping[str, int]
    packaging_minor: int = 0
    subsidy_minor: int = 0
    duties_minor: int = 0

    @property
    def paid_minor(self) -> int:
        """What the buyer pays."""
        priced = sum(self.goods_minor.values()) + sum(self.carriage_minor.values()) + self.packaging_minor
        return priced + self.duties_minor - self.subsidy_minor


@dataclass(frozen=True, slots=True)
class Proceeds:
    """Who gets what of an order: parts that add up to what the buyer paid plus the subsidy."""

    currency: str
    producers_minor: Mapping[str, int]
    carriers_minor: Mapping[str, int]
    packaging_minor: int
    platform_fee_minor: int
    subsidy_minor: int
    paid_minor: int
    duties_minor: int = 0
    cooperatives_minor: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """So many ten-thousandths of what a member gets for its goods, after the commission, are its co-operative's."""

    cooperative: str
    bps: int

    def of(self, net_minor: int) -> int:
        """The co-operative's part, rounded down: the odd fen is the member's."""
        assert 0 <= self.bps <= SHARE_BPS_MAX
        return net_minor * self.bps // 10_000


@dataclass(frozen=True, slots=True)
class Sold:
    """What a producer sold in an order, how much of that was refunded before, and what was frozen: commission and share."""

    producer: str
    currency: str
    goods_minor: int
    refunded_minor: int
    fee_bps: int
    share: Share | None = None

    def earned_minor(self, back_minor: int = 0) -> int:
        """What is left of the goods after the commission, once `back_minor` more has gone back: the next two together."""
        left = self.goods_minor - self.refunded_minor - back_minor
        assert 0 <= left <= self.goods_minor
        return left - left * self.fee_bps // 10_000

    def net_minor(self, back_minor: int = 0) -> int:
        """The producer's own part of it."""
        return self.earned_minor(back_minor) - self.cooperative_minor(back_minor)

    def cooperative_minor(self, back_minor: int = 0) -> int:
        """Its co-operative's part of it; nothing when it had none."""
        return self.share.of(self.earned_minor(back_minor)) if self.share else 0


@dataclass(frozen=True, slots=True)
class Balance:
    """Sums of one account: what is posted, and what pending transfers would add. Void ones count nowhere."""

    account: AccountRef
    posted_minor: int
    pending_minor: int


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of legal time, the last one included, as moments: from `from_at` until before `until_at`."""

    first_on: date
    last_on: date
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A posted entry of an account: its transfer, when it was posted, and what the account held after it."""

    account: AccountRef
    transfer_id: str
    seq: int
    kind: TransferKind
    subject: str
    posted_at: datetime
    amount_minor: int
    balance_minor: int


class Disagreement(StrEnum):
    """What a reconciliation may find: `subject` is an account, a transfer, an order, a payout or the provider's name of a payment."""

    BALANCE = "balance"
    TRANSFER = "transfer"
    PAYMENT_UNKNOWN = "payment_unknown"
    PAYMENT_MISSING = "payment_missing"
    PAYMENT_AMOUNT = "payment_amount"
    PAYMENT_LEDGER = "payment_ledger"
    PROVIDER_SILENT = "provider_silent"
    MOVE_AMOUNT = "move_amount"
    PAYOUT = "payout"
    BANK = "bank"


@dataclass(frozen=True, slots=True)
class Finding:
    """`expected_minor` is what the records add up to, `found_minor` what stands beside them."""

    what: Disagreement
    subject: str
    currency: str
    expected_minor: int
    found_minor: int


FINDING_DISPLAY: Final[Mapping[Disagreement, Mapping[str, str]]] = {
    Disagreement.BALANCE: {"en": "The kept balance is not the sum of the entries", "zh-Hans": "结存余额与分录合计不符"},
    Disagreement.TRANSFER: {"en": "The entries do not sum to zero", "zh-Hans": "分录合计不为零"},
    Disagreement.PAYMENT_UNKNOWN: {
        "en": "The provider has a payment that we do not know",
        "zh-Hans": "支付渠道有未登记的付款",
    },
    Disagreement.PAYMENT_MISSING: {
        "en": "The provider does not list a payment of ours",
        "zh-Hans": "支付渠道没有列出该付款",
    },
    Disagreement.PAYMENT_AMOUNT: {
        "en": "Paid or returned otherwise than we recorded",
        "zh-Hans": "收款或退款与登记不符",
    },
    Disagreement.PAYMENT_LEDGER: {
        "en": "The ledger holds other money than the provider",
        "zh-Hans": "账本与支付渠道金额不符",
    },
    Disagreement.MOVE_AMOUNT: {
        "en": "Moved to a producer's account otherwise than we recorded",
        "zh-Hans": "转入生产者账户的金额与登记不符",
    },
    Disagreement.PAYOUT: {
        "en": "The ledger does not say what the payout says",
        "zh-Hans": "付款记录与账本不符",
    },
    Disagreement.BANK: {
        "en": "The bank account is not what came in less what was paid out",
        "zh-Hans": "银行账户余额与收付记录不符",
    },
    Disagreement.PROVIDER_SILENT: {
        "en": "The provider did not answer: payments were not checked",
        "zh-Hans": "支付渠道无响应，未核对付款",
    },
}
KIND_DISPLAY: Final[Mapping[TransferKind, Mapping[str, str]]] = {
    TransferKind.SALE: {"en": "Sale", "zh-Hans": "销售"},
    TransferKind.REROUTE: {"en": "Carried another way", "zh-Hans": "改线"},
    TransferKind.COLLECTION: {"en": "Payment received", "zh-Hans": "收款"},
    TransferKind.RELEASE: {"en": "Released for payout", "zh-Hans": "转为可提现"},
    TransferKind.REFUND: {"en": "Refund", "zh-Hans": "退款"},
    TransferKind.REFUND_PAID: {"en": "Refund sent back", "zh-Hans": "退款已退回"},
    TransferKind.WEIGHING: {"en": "Settled by weight", "zh-Hans": "按重量结算差额"},
    TransferKind.CANCELLATION: {"en": "Cost of a cancelled order", "zh-Hans": "取消订单费用"},
    TransferKind.DEPOSIT: {"en": "Deposit", "zh-Hans": "定金"},
    TransferKind.DEPOSIT_RETURNED: {"en": "Deposit returned", "zh-Hans": "退还定金"},
    TransferKind.DEPOSIT_FORFEITED: {"en": "Deposit forfeited", "zh-Hans": "没收定金"},
    TransferKind.REDUCTION: {"en": "Order cut down", "zh-Hans": "订单减量"},
    TransferKind.CARRIER_CLAIM: {"en": "Loss borne by a carrier", "zh-Hans": "承运人赔付"},
    TransferKind.PAYOUT: {"en": "Paid out", "zh-Hans": "付款"},
    TransferKind.PAYOUT_RETURNED: {"en": "Payout came back", "zh-Hans": "付款退回"},
    TransferKind.REMITTANCE: {"en": "Cash handed over", "zh-Hans": "上缴代收货款"},
    TransferKind.FREIGHT_PAID: {"en": "Freight settled with cash held", "zh-Hans": "运费抵扣代收现金"},
    TransferKind.DISPUTE: {"en": "Disputed by the buyer's bank", "zh-Hans": "买家银行拒付"},
    TransferKind.DISPUTE_WON: {"en": "Dispute won", "zh-Hans": "拒付争议胜诉"},
    TransferKind.DISPUTE_LOST: {"en": "Dispute lost", "zh-Hans": "拒付争议败诉"},
    TransferKind.RETURN_CARRIAGE: {"en": "Carriage of goods that came back", "zh-Hans": "退货运费"},
    TransferKind.WRITE_OFF: {"en": "Debt for refused goods written off", "zh-Hans": "拒收欠款核销"},
    TransferKind.REFUND_FAILED: {"en": "Refund did not arrive", "zh-Hans": "退款未到账"},
    TransferKind.GATEWAY_FEE: {"en": "Fee of the card provider", "zh-Hans": "支付渠道手续费"},
}
STATE_DISPLAY: Final[Mapping[State, Mapping[str, str]]] = {
    State.PENDING: {"en": "Pending", "zh-Hans": "待入账"},
    State.POSTED: {"en": "Posted", "zh-Hans": "已入账"},
    State.VOID: {"en": "Cancelled", "zh-Hans": "已作废"},
}
ACCOUNT_DISPLAY: Final[Mapping[AccountKind, Mapping[str, str]]] = {
    AccountKind.BUYER: {"en": "Buyer", "zh-Hans": "买家"},
    AccountKind.CARRIER_CASH: {"en": "Cash held by the carrier", "zh-Hans": "承运人代收现金"},
    AccountKind.GATEWAY: {"en": "Card provider", "zh-Hans": "支付渠道"},
    AccountKind.PRODUCER_PENDING: {"en": "Sold, not yet released", "zh-Hans": "待结算货款"},
    AccountKind.PRODUCER_AVAILABLE: {"en": "Available for payout", "zh-Hans": "可提现货款"},
    AccountKind.CARRIER_FREIGHT: {"en": "Freight earned", "zh-Hans": "运费"},
    AccountKind.PACKAGING: {"en": "Packaging", "zh-Hans": "包装费"},
    AccountKind.PLATFORM_FEE: {"en": "Platform fee", "zh-Hans": "平台服务费"},
    AccountKind.SUBSIDY: {"en": "Subsidy", "zh-Hans": "补贴"},
    AccountKind.REROUTING: {"en": "Cost of going another way", "zh-Hans": "改线差额"},
    AccountKind.GATEWAY_FEE: {"en": "Fees of the card provider", "zh-Hans": "支付渠道手续费"},
    AccountKind.DISPUTED: {"en": "Held by buyers' banks in disputes", "zh-Hans": "拒付争议冻结款"},
    AccountKind.COOPERATIVE_PENDING: {"en": "Share of members' sales, not yet released", "zh-Hans": "待结算社员分成"},
    AccountKind.COOPERATIVE_AVAILABLE: {
        "en": "Share of members' sales, available for payout",
        "zh-Hans": "可提现社员分成",
    },
    AccountKind.CANCELLATIONS: {"en": "Costs of cancelled orders", "zh-Hans": "取消订单费用"},
    AccountKind.RETURNS: {"en": "Costs of goods that came back or were refused", "zh-Hans": "退货与拒收费用"},
    AccountKind.DEPOSIT: {"en": "Deposits held", "zh-Hans": "托管定金"},
    AccountKind.TAX: {"en": "Duties and taxes collected", "zh-Hans": "代收税费"},
    AccountKind.BANK: {"en": "Bank account of the service", "zh-Hans": "平台银行账户"},
}
