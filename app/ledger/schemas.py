"""The ledger's answers."""

from datetime import date
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from app.core.money import Money
from app.core.schema import Shape, Time
from app.ledger.values import AccountKind, Disagreement, State, TransferKind


class BalanceShape(Shape):
    """A positive amount is owed to the account's owner."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account": "producer_pending",
                    "account_name": "Sold, not yet released",
                    "posted": {"amount": 18236, "currency": "CNY"},
                    "pending": {"amount": 0, "currency": "CNY"},
                }
            ]
        }
    )

    account: AccountKind
    account_name: str
    posted: Money
    pending: Annotated[Money, Field(description="What transfers that are not posted yet would add")]


class Balances(Shape):
    items: list[BalanceShape]


class EntryShape(Shape):
    """One line of an account. `subject` is the order it is about."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "transfer": "trf_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    "kind": "sale",
                    "kind_name": "Sale",
                    "subject": "ord_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    "amount": {"amount": 18236, "currency": "CNY"},
                    "state": "posted",
                    "state_name": "Posted",
                    "created_at": "2026-03-01T08:00:00Z",
                }
            ]
        }
    )

    transfer: str
    kind: TransferKind
    kind_name: str
    subject: str
    amount: Money
    state: State
    state_name: str
    created_at: Time


_EXAMPLE_ACCOUNT: Final[dict[str, Any]] = {
    "account": "producer_pending",
    "account_name": "Sold, not yet released",
    "opening": {"amount": 0, "currency": "CNY"},
    "closing": {"amount": 18236, "currency": "CNY"},
}
_EXAMPLE_LINE: Final[dict[str, Any]] = {
    "account": "producer_pending",
    "account_name": "Sold, not yet released",
    "posted_at": "2026-03-05T08:00:00Z",
    "transfer": "trf_01jd3zq9k2e8gv5w7x4c6b8n1m",
    "kind": "sale",
    "kind_name": "Sale",
    "order": "ord_01jd3zq9k2e8gv5w7x4c6b8n1m",
    "order_number": "CH-7KQ2-M4XD",
    "amount": {"amount": 18236, "currency": "CNY"},
    "balance": {"amount": 18236, "currency": "CNY"},
    "sale": {
        "goods": {"amount": 18800, "currency": "CNY"},
        "commission": {"amount": 564, "currency": "CNY"},
        "carriage": {"amount": 2100, "currency": "CNY"},
        "share": {"amount": 0, "currency": "CNY"},
    },
}


class StatementAccount(Shape):
    """What an account held when the period began and when it ended, posted money only."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_ACCOUNT]})

    account: AccountKind
    account_name: str
    opening: Money
    closing: Money


class SaleShape(Shape):
    """What became of a producer's goods in an order: their price, our commission, the carriage that the buyer paid for them,
    and the share of the co-operative that it is a member of. On the co-operative's account, of all its members' goods in the order.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_LINE["sale"]]})

    goods: Money
    commission: Money
    carriage: Money
    share: Money


class StatementLine(Shape):
    """One posted entry, and what its account held after it. `sale` is there for sales of a producer, or of a co-operative's members."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_LINE]})

    account: AccountKind
    account_name: str
    posted_at: Time
    transfer: str
    kind: TransferKind
    kind_name: str
    order: str
    order_number: str | None
    amount: Money
    balance: Money
    sale: SaleShape | None


class Statement(Shape):
    """Every posted entry of a party in whole days of legal time (UTC+8), by account and time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "owner": "prd_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    "name": "Date garden",
                    "from": "2026-03-01",
                    "until": "2026-03-31",
                    "accounts": [_EXAMPLE_ACCOUNT],
                    "items": [_EXAMPLE_LINE],
                    "next_cursor": None,
                }
            ]
        },
    )

    owner: str
    name: str
    from_: Annotated[date, Field(alias="from")]
    until: Annotated[date, Field(description="The last day, included")]
    accounts: list[StatementAccount]
    items: list[StatementLine]
    next_cursor: str | None


class FindingShape(Shape):
    """What did not agree. `expected` is what the records add up to, `found` what stands beside them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "what": "payment_amount",
                    "what_name": "Paid or returned otherwise than we recorded",
                    "subject": "pi_3QX",
                    "expected": {"amount": 7830, "currency": "CNY"},
                    "found": {"amount": 0, "currency": "CNY"},
                }
            ]
        }
    )

    what: Disagreement
    what_name: str
    subject: str
    expected: Money
    found: Money


class ReconciliationShape(Shape):
    """One nightly check of everything before `until`. `payments` is null where no card provider is set up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "rec_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    "made_at": "2026-03-05T19:30:00Z",
                    "until": "2026-03-04T16:00:00Z",
                    "clean": True,
                    "accounts": 41,
                    "transfers": 96,
                    "payments": 12,
                    "findings": [],
                }
            ]
        }
    )

    id: str
    made_at: Time
    until: Time
    clean: bool
    accounts: int
    transfers: int
    payments: int | None
    findings: list[FindingShape]
