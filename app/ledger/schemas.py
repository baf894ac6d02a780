"""The ledger's answers."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.core.money import Money
from app.core.schema import Shape, Time
from app.ledger.values import AccountKind, State, TransferKind


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
