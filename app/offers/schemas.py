"""Shapes of bargaining: offers, their rounds, deposits, and the table that they go by."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from app.catalogue.values import Category
from app.core.money import Money
from app.core.quantity import Quantity, Unit
from app.core.schema import Shape, Time
from app.core.text import LocalText, PlainText
from app.offers.values import OFFER_ID, WORDS_LENGTH_MAX, DepositStatus, Fate, OfferStatus, Side

_PRICE: Final = {"amount": 310000, "currency": "CNY"}
_ROUND: Final = {
    "by": "buyer",
    "quantity": "40",
    "price": {"amount": 300000, "currency": "CNY"},
    "words": "We take the whole lot",
    "at": "2026-03-01T08:00:00Z",
}
_DEPOSIT: Final = {
    "amount": {"amount": 1860000, "currency": "CNY"},
    "status": "due",
    "status_text": "Due",
    "method": "bank_transfer",
    "reference": "26-7KQX-3MPA",
}
_OFFER: Final = {
    "id": "off_01jd0000000000000000000000",
    "number": "26-7KQX-3MPA",
    "listing": "lst_01jd0000000000000000000000",
    "producer": "prd_01jd0000000000000000000000",
    "title": {"zh-Hans": "细绒棉", "en": "Upland cotton"},
    "unit": "bale",
    "status": "accepted",
    "status_text": "Agreed",
    "turn": "buyer",
    "quantity": "40",
    "price": _PRICE,
    "goods": {"amount": 12400000, "currency": "CNY"},
    "rounds": [_ROUND, _ROUND | {"by": "producer", "price": _PRICE, "words": None, "at": "2026-03-01T09:00:00Z"}],
    "due_at": "2026-03-03T09:30:00Z",
    "deposit": _DEPOSIT,
    "order": None,
    "terms": {
        "version": "2026-1",
        "rounds_max": 10,
        "answer_h": 48,
        "answer_h_max": 168,
        "deposit_bps": 1500,
        "deposit_h": 48,
        "order_h": 120,
        "on_lapse": "forfeited",
    },
    "created_at": "2026-03-01T08:00:00Z",
    "updated_at": "2026-03-01T09:30:00Z",
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


OfferId = Annotated[str, Field(pattern=OFFER_ID, examples=["off_01jd0000000000000000000000"])]
Words = Annotated[PlainText, Field(max_length=WORDS_LENGTH_MAX)]
Until = Annotated[Time, Field(description="Until when the other side may answer; left out, as long as the terms say")]


class NewOffer(Shape):
    model_config: ClassVar[ConfigDict] = _example(
        {"quantity": "40", "price": {"amount": 300000, "currency": "CNY"}, "words": "We take the whole lot"}
    )

    id: OfferId | None = None
    quantity: Quantity
    price: Annotated[Money, Field(description="For one unit")]
    words: Words | None = None
    valid_until: Until | None = None


class CounterOffer(Shape):
    """Another price, another quantity, or both; what is left out stays."""

    model_config: ClassVar[ConfigDict] = _example({"price": _PRICE})

    quantity: Quantity | None = None
    price: Annotated[Money, Field(description="For one unit")] | None = None
    words: Words | None = None
    valid_until: Until | None = None


class DepositRequest(Shape):
    model_config: ClassVar[ConfigDict] = _example({"method": "bank_transfer"})

    method: Literal["bank_transfer", "stripe"]


class BankNote(Shape):
    """What an operator saw on the bank account: the amount, exactly, and the bank's own number of the transfer."""

    model_config: ClassVar[ConfigDict] = _example(
        {"amount": {"amount": 1860000, "currency": "CNY"}, "bank_reference": "20260301-000042"}
    )

    amount: Money
    bank_reference: Annotated[PlainText, Field(max_length=100)]


class RoundShape(Shape):
    by: Side
    quantity: Quantity
    price: Money
    words: str | None = None
    at: Time


class DepositShape(Shape):
    """`reference` is to be written on a bank transfer. `client_secret` only while a card payment waits for the buyer's client."""

    amount: Money
    status: DepositStatus
    status_text: str
    method: str | None = None
    reference: str | None = None
    client_secret: str | None = None
    sent_back_at: Annotated[Time | None, Field(description="When a returned deposit left for the buyer")] = None


class AgreedTermsShape(Shape):
    """What held when the offer was made."""

    version: str
    rounds_max: int
    answer_h: int
    answer_h_max: int
    deposit_bps: int
    deposit_h: int
    order_h: int
    on_lapse: Fate


class OfferShape(Shape):
    """`turn` is who has to act by `due_at`. An agreed offer holds its goods; it is ordered by naming it in the line of a quote."""

    model_config: ClassVar[ConfigDict] = _example(_OFFER)

    id: str
    number: str
    listing: str
    producer: str
    title: LocalText
    unit: Unit
    status: OfferStatus
    status_text: str
    turn: Side | None = None
    quantity: Quantity
    price: Money
    goods: Money
    rounds: list[RoundShape]
    due_at: Time | None = None
    deposit: DepositShape
    order: Annotated[str | None, Field(description="Told to its buyer and to operators")] = None
    terms: AgreedTermsShape
    created_at: Time
    updated_at: Time


class TermsRowShape(Shape):
    category: Category
    what: LocalText
    source: LocalText
    min_quantity: Annotated[dict[Unit, Quantity], Field(description="By the unit that goods are sold in")]
    rounds_max: int
    answer_h: int
    answer_h_max: int
    deposit_bps: int
    deposit_h: int
    order_h: int
    on_lapse: Fate


class OfferTermsShape(Shape):
    """The table that offers made now go by. An offer keeps what stood here when it was made."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "version": "2026-1",
            "items": [
                {
                    "category": "cotton",
                    "what": {"en": "Offers on cotton lots", "zh-Hans": "棉花大宗议价"},
                    "source": {"en": "Custom of the trade", "zh-Hans": "行业惯例"},
                    "min_quantity": {"bale": "10"},
                    "rounds_max": 10,
                    "answer_h": 48,
                    "answer_h_max": 168,
                    "deposit_bps": 1500,
                    "deposit_h": 48,
                    "order_h": 120,
                    "on_lapse": "forfeited",
                }
            ],
        }
    )

    version: str
    items: list[TermsRowShape]
