"""Shapes of disputes: how one stands, and what an operator answers."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from app.core.money import Money
from app.core.schema import Shape, Time
from app.core.text import PlainText
from app.payments.values import DISPUTE_ID, DisputeStatus

DisputeId = Annotated[str, Field(pattern=DISPUTE_ID, examples=["dsp_01jd0000000000000000000000"])]


class DisputeShape(Shape):
    """A payment that the buyer's bank disputes. `taken`: withdrawn from us; `returned`: given back; `lost`: borne for good."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "dsp_01jd0000000000000000000000",
                    "order": "ord_01jd0000000000000000000000",
                    "payment": "pay_01jd0000000000000000000000",
                    "status": "needs_response",
                    "status_text": "Disputed: evidence is due",
                    "reason": "product_not_received",
                    "amount": {"amount": 7830, "currency": "CNY"},
                    "taken": {"amount": 7830, "currency": "CNY"},
                    "returned": {"amount": 0, "currency": "CNY"},
                    "lost": {"amount": 0, "currency": "CNY"},
                    "evidence_due_at": "2026-03-16T23:59:59Z",
                    "evidence": None,
                    "evidence_sent_at": None,
                    "created_at": "2026-03-07T08:00:00Z",
                    "updated_at": "2026-03-07T08:00:00Z",
                }
            ]
        },
    )

    id: DisputeId
    order: str
    payment: str
    status: DisputeStatus
    status_text: str
    reason: Annotated[str, Field(description="What the buyer told the bank, in the card provider's words")]
    amount: Money
    taken: Money
    returned: Money
    lost: Money
    evidence_due_at: Time | None
    evidence: str | None
    evidence_sent_at: Time | None
    created_at: Time
    updated_at: Time


class DisputeEvidence(Shape):
    """What an operator has to say. Goods, tracking numbers, carriers and all that carriers told are added by the service."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"words": "Signed for at the buyer's door on 6 March, as the carrier's events show"}]
        },
    )

    words: Annotated[PlainText, Field(max_length=10_000)]
