"""Shapes of payees, runs and payouts."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from app.core.money import Money
from app.core.schema import Shape, Time
from app.core.text import PlainText
from app.payouts.values import (
    ACCOUNT_NUMBER_PATTERN,
    PARTY_ID_PATTERN,
    PAYEE_ID,
    PAYOUT_ID,
    REFERENCE_LENGTH_MAX,
    REMARK_ID,
    REMITTANCE_ID,
    RUN_ID,
    Channel,
    Party,
    PayeeStatus,
    PayoutEvent,
    PayoutStatus,
)

_AMOUNT: Final = {"amount": 18236, "currency": "CNY"}
_PAYEE: Final = {
    "id": "pye_01jd0000000000000000000000",
    "party": "prd_01jd0000000000000000000000",
    "kind": "producer",
    "channel": "bank_transfer",
    "channel_text": "Bank transfer",
    "currency": "CNY",
    "account": "···4321",
    "status": "verified",
    "status_text": "Checked",
    "reason": None,
    "created_at": "2026-03-01T08:00:00Z",
    "updated_at": "2026-03-01T09:00:00Z",
}
_PAYOUT: Final = {
    "id": "pyo_01jd0000000000000000000000",
    "run": "run_01jd0000000000000000000000",
    "party": "prd_01jd0000000000000000000000",
    "kind": "producer",
    "channel": "bank_transfer",
    "channel_text": "Bank transfer",
    "carrier": None,
    "account": "···4321",
    "amount": _AMOUNT,
    "status": "paid",
    "status_text": "Paid",
    "order": None,
    "reference": "B2026030300017",
    "reason": None,
    "created_at": "2026-03-03T01:00:00Z",
    "sent_at": "2026-03-03T02:00:00Z",
    "paid_at": "2026-03-03T03:00:00Z",
    "ended_at": None,
}
_SUMS: Final = [{"status": "paid", "status_text": "Paid", "payouts": 1, "amount": _AMOUNT}]


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


PayeeId = Annotated[str, Field(pattern=PAYEE_ID, examples=["pye_01jd0000000000000000000000"])]
RunId = Annotated[str, Field(pattern=RUN_ID, examples=["run_01jd0000000000000000000000"])]
PayoutId = Annotated[str, Field(pattern=PAYOUT_ID, examples=["pyo_01jd0000000000000000000000"])]
PartyId = Annotated[str, Field(pattern=PARTY_ID_PATTERN, examples=["prd_01jd0000000000000000000000"])]
OrderId = Annotated[
    str, Field(pattern=r"^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$", examples=["ord_01jd0000000000000000000000"])
]
CarrierCode = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_-]{1,39}$", examples=["KUNLUN"])]
Reference = Annotated[PlainText, Field(max_length=REFERENCE_LENGTH_MAX, examples=["B2026030300017"])]
Reason = Annotated[PlainText, Field(max_length=500)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["CNY"])]


class NewAccount(Shape):
    """An account at a bank or a wallet. What is sent here is sealed; answers show its last characters only."""

    model_config: ClassVar[ConfigDict] = _example(
        {"holder": "Bagqi date garden", "bank": "Rural Credit Co-operative, Hotan", "number": "6200 0000 0000 4321"}
    )

    holder: Annotated[PlainText, Field(max_length=100)]
    bank: Annotated[
        PlainText | None, Field(max_length=100, description="The bank and its branch; none for a wallet")
    ] = None
    number: Annotated[
        str,
        Field(
            pattern=ACCOUNT_NUMBER_PATTERN,
            repr=False,
            description="The account's number, or the phone or address that the wallet goes by",
        ),
    ]


class NewPayee(Shape):
    model_config: ClassVar[ConfigDict] = _example(
        {
            "party": "prd_01jd0000000000000000000000",
            "channel": "bank_transfer",
            "currency": "CNY",
            "account": {
                "holder": "Bagqi date garden",
                "bank": "Rural Credit Co-operative, Hotan",
                "number": "6200 0000 0000 4321",
            },
        }
    )

    party: Annotated[
        PartyId | None,
        Field(description="One's producer, or one's carrier; without it oneself, for refunds, or the key's carrier"),
    ] = None
    channel: Literal[Channel.BANK_TRANSFER, Channel.WALLET]
    currency: Currency = "CNY"
    account: NewAccount


class NewPayoutAccount(Shape):
    """An account at the card provider. `return_url`: where its holder comes back to from the provider's page."""

    model_config: ClassVar[ConfigDict] = _example({"currency": "HKD", "return_url": "https://shop.example/my-account"})

    currency: Currency = "CNY"
    return_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=500)] | None = None


class PayeeShape(Shape):
    """Where a party is paid. `reason` is why it was not accepted."""

    model_config: ClassVar[ConfigDict] = _example(_PAYEE)

    id: str
    party: str
    kind: Party
    channel: Channel
    channel_text: str
    currency: str
    account: Annotated[str, Field(description="The end of the account's number")]
    status: PayeeStatus
    status_text: str
    reason: str | None
    created_at: Time
    updated_at: Time


class PayoutAccountShape(Shape):
    """Where a producer is paid by the card provider, and the page, good for one visit soon, on which its holder goes on."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "payee": _PAYEE | {"channel": "stripe", "channel_text": "Card provider (Stripe)"},
            "url": "https://connect.stripe.com/setup/e/acct_1PqXyz/0a1b2c",
            "expires_at": "2026-03-03T08:05:00Z",
        }
    )

    payee: PayeeShape
    url: str
    expires_at: Time


class PayeeVerdict(Shape):
    """An operator has checked whose account it is; or it is not accepted, for a reason that the party reads."""

    model_config: ClassVar[ConfigDict] = _example({"verified": True})

    verified: bool
    reason: Reason | None = None


class NewPayoutRun(Shape):
    """Whom to pay. `net_cash`: carriers keep what they hold, as far as freight is owed to them; without it as the terms say."""

    model_config: ClassVar[ConfigDict] = _example({"parties": ["producer", "cooperative"]})

    parties: Annotated[frozenset[Party], Field(min_length=1)] = frozenset(Party)
    net_cash: bool | None = None


class PayoutShape(Shape):
    """Money on its way to a party. `order` is there for what goes back to a buyer, `carrier` for cash that a carrier hands over."""

    model_config: ClassVar[ConfigDict] = _example(_PAYOUT)

    id: str
    run: str | None
    party: str
    kind: Party
    channel: Channel
    channel_text: str
    carrier: str | None
    account: str
    amount: Money
    status: PayoutStatus
    status_text: str
    order: str | None
    reference: str | None
    reason: str | None
    created_at: Time
    sent_at: Time | None
    paid_at: Time | None
    ended_at: Time | None


class RunSum(Shape):
    """How many payouts of a run are in a status, and how much they come to."""

    model_config: ClassVar[ConfigDict] = _example(_SUMS[0])

    status: PayoutStatus
    status_text: str
    payouts: int
    amount: Money


class PayoutRunSummary(Shape):
    """A run; `done_at` is null while payees are still looked at. `terms` is the version of the table that it goes by."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "id": "run_01jd0000000000000000000000",
            "parties": ["cooperative", "producer"],
            "net_cash": False,
            "terms": "2026-1",
            "by_clock": True,
            "created_at": "2026-03-03T01:00:00Z",
            "done_at": "2026-03-03T01:00:02Z",
        }
    )

    id: str
    parties: list[Party]
    net_cash: bool
    terms: str
    by_clock: bool
    created_at: Time
    done_at: Time | None


class PayoutRunShape(PayoutRunSummary):
    """A run with what its payouts come to, and a page of them."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "id": "run_01jd0000000000000000000000",
            "parties": ["cooperative", "producer"],
            "net_cash": False,
            "terms": "2026-1",
            "by_clock": True,
            "created_at": "2026-03-03T01:00:00Z",
            "done_at": "2026-03-03T01:00:02Z",
            "sums": _SUMS,
            "items": [_PAYOUT],
            "next_cursor": None,
        }
    )

    sums: list[RunSum]
    items: list[PayoutShape]
    next_cursor: str | None


class PayoutMark(Shape):
    """What became of a payout, with the bank's reference: needed for `paid` unless it was given when it was sent."""

    model_config: ClassVar[ConfigDict] = _example({"event": "paid", "reference": "B2026030300017"})

    event: PayoutEvent
    reference: Reference | None = None
    reason: Reason | None = None


class RunSent(Shape):
    """Everything of a run that waits was sent to the bank in one order with this reference."""

    model_config: ClassVar[ConfigDict] = _example({"reference": "BATCH-2026-03-03"})

    reference: Reference


class NewCashRefund(Shape):
    """A carrier gives a buyer what is owed for an order, out of the cash that it holds."""

    model_config: ClassVar[ConfigDict] = _example({"order": "ord_01jd0000000000000000000000", "carrier": "KUNLUN"})

    order: OrderId
    carrier: CarrierCode


_REMITTANCE: Final = {
    "id": "rmt_01jd0000000000000000000000",
    "carrier": "KUNLUN",
    "announced": {"amount": 194400, "currency": "CNY"},
    "received": {"amount": 194000, "currency": "CNY"},
    "open": {"amount": 400, "currency": "CNY"},
    "reference": "KL-2026-0303",
    "handed_over_at": "2026-03-03T09:00:00Z",
    "created_at": "2026-03-03T09:05:00Z",
    "confirmed_at": "2026-03-04T02:00:00Z",
}
RemittanceId = Annotated[str, Field(pattern=REMITTANCE_ID, examples=["rmt_01jd0000000000000000000000"])]
RemarkId = Annotated[str, Field(pattern=REMARK_ID, examples=["rmk_01jd0000000000000000000000"])]


class NewRemittance(Shape):
    """Cash collected at doors is handed over: paid in at the bank, or given to the operator. `carrier` is for operators only."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "amount": {"amount": 194400, "currency": "CNY"},
            "reference": "KL-2026-0303",
            "handed_over_at": "2026-03-03T09:00:00Z",
        }
    )

    id: RemittanceId | None = None
    carrier: CarrierCode | None = None
    amount: Money
    reference: Reference
    handed_over_at: Time


class RemittanceReceived(Shape):
    """What arrived. Another amount than was announced is taken as it is: the rest stays with the carrier."""

    model_config: ClassVar[ConfigDict] = _example({"received": {"amount": 194000, "currency": "CNY"}})

    received: Money


class RemittanceShape(Shape):
    """`open` is what was announced and did not arrive, or below zero what arrived beyond; null until it is confirmed."""

    model_config: ClassVar[ConfigDict] = _example(_REMITTANCE)

    id: str
    carrier: str
    announced: Money
    received: Money | None
    open: Money | None
    reference: str
    handed_over_at: Time
    created_at: Time
    confirmed_at: Time | None


class CashHeld(Shape):
    """Cash that a carrier holds. `overdue` was collected longer ago than the terms allow; `announced` is said to be handed over."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "carrier": "KUNLUN",
            "held": {"amount": 194400, "currency": "CNY"},
            "overdue": {"amount": 26400, "currency": "CNY"},
            "announced": {"amount": 0, "currency": "CNY"},
        }
    )

    carrier: str
    held: Money
    overdue: Money
    announced: Money


class CashHeldList(Shape):
    """`due_days`: days after the collection in which cash is handed over."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "due_days": 3,
            "items": [
                {
                    "carrier": "KUNLUN",
                    "held": {"amount": 194400, "currency": "CNY"},
                    "overdue": {"amount": 26400, "currency": "CNY"},
                    "announced": {"amount": 0, "currency": "CNY"},
                }
            ],
        }
    )

    due_days: int
    items: list[CashHeld]


class NewRemark(Shape):
    """What a carrier does not agree with in its freight for an order."""

    model_config: ClassVar[ConfigDict] = _example(
        {"order": "ord_01jd0000000000000000000000", "words": "Two pallets were carried, one is paid"}
    )

    id: RemarkId | None = None
    carrier: CarrierCode | None = None
    order: OrderId
    words: Annotated[PlainText, Field(max_length=2_000)]


class RemarkAnswer(Shape):
    model_config: ClassVar[ConfigDict] = _example({"answer": "The booking was for one pallet; see the quote"})

    answer: Annotated[PlainText, Field(max_length=2_000)]


class RemarkShape(Shape):
    """A remark and an operator's answer. It moves no money by itself."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "id": "rmk_01jd0000000000000000000000",
            "carrier": "KUNLUN",
            "order": "ord_01jd0000000000000000000000",
            "words": "Two pallets were carried, one is paid",
            "answer": None,
            "created_at": "2026-03-03T09:00:00Z",
            "answered_at": None,
        }
    )

    id: str
    carrier: str
    order: str
    words: str
    answer: str | None
    created_at: Time
    answered_at: Time | None
