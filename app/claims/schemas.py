"""Shapes of claims and of the policies that they go by."""

from datetime import date
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.catalogue.schemas import MediaId
from app.catalogue.values import Category
from app.claims.values import CLAIM_ID, LINE_ID, PHOTOS_PER_CLAIM_MAX, Answer, ClaimStatus, Reply
from app.core.money import Money
from app.core.quantity import Quantity
from app.core.schema import Shape, Time
from app.core.text import LocalText, PlainText
from app.orders.policies import Base, Canceller, CarriageBack, ClaimKind, Evidence, HarvestShort, Lapse, Party, Refused
from app.orders.values import OrderStatus
from app.shipments.cold_schemas import ColdChainShape
from app.shipments.values import Condition

_ASKED: Final = {"amount": 1880, "currency": "CNY"}
_DOOR: Final = {
    "event": "evt_01jd0000000000000000000000",
    "condition": "accepted_with_remarks",
    "words": "One sheep is lame",
    "at": "2026-03-07T08:00:00Z",
}
_CLAIM: Final = {
    "id": "clm_01jd0000000000000000000000",
    "order": "ord_01jd0000000000000000000000",
    "line": "lin_01jd0000000000000000000000",
    "producer": "prd_01jd0000000000000000000000",
    "policy": "PRODUCE-DAMAGE",
    "kind": "damage",
    "carriage_back": "none",
    "status": "offered",
    "status_text": "A part is offered",
    "asked": _ASKED,
    "offered": {"amount": 940, "currency": "CNY"},
    "granted": None,
    "words": "One box of three was wet",
    "photos": ["med_01jd0000000000000000000000"],
    "answer": "Half of it can still be sold",
    "due_at": "2026-03-08T09:00:00Z",
    "created_at": "2026-03-07T08:00:00Z",
    "updated_at": "2026-03-07T09:00:00Z",
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


ClaimId = Annotated[str, Field(pattern=CLAIM_ID, examples=["clm_01jd0000000000000000000000"])]
Words = Annotated[PlainText, Field(max_length=2_000)]


class Inspection(Shape):
    """An inspection result: its number, its day, and a photo of the paper."""

    model_config: ClassVar[ConfigDict] = _example(
        {"number": "F-2026-0301", "issued_on": "2026-03-01", "photo": "med_01jd0000000000000000000000"}
    )

    number: Annotated[PlainText, Field(max_length=100)]
    issued_on: date
    photo: MediaId


class DoorRemark(Shape):
    """What the receiver said when the goods were handed over, as the carrier told it."""

    model_config: ClassVar[ConfigDict] = _example(_DOOR)

    event: Annotated[str, Field(description="The tracking event that tells it")]
    condition: Condition
    words: str
    at: Time
    refused_lines: Annotated[list[str], Field(description="The lines that were refused, of goods that were taken")] = []


class NewClaim(Shape):
    model_config: ClassVar[ConfigDict] = _example(
        {
            "line": "lin_01jd0000000000000000000000",
            "kind": "damage",
            "words": "One box of three was wet",
            "photos": ["med_01jd0000000000000000000000"],
            "amount": _ASKED,
        }
    )

    id: ClaimId | None = None
    line: Annotated[str, Field(pattern=LINE_ID)]
    kind: ClaimKind
    words: Words
    photos: Annotated[list[MediaId], Field(max_length=PHOTOS_PER_CLAIM_MAX)] = []
    inspection: Inspection | None = None
    amount: Annotated[Money, Field(description="What is asked back of what was paid for the line")]


class ClaimAnswer(Shape):
    """The producer's answer. `amount` is for `partly` only: what is offered."""

    model_config: ClassVar[ConfigDict] = _example(
        {"answer": "partly", "amount": {"amount": 940, "currency": "CNY"}, "words": "Half of it can still be sold"}
    )

    answer: Answer
    amount: Money | None = None
    words: Words | None = None
    keep: Annotated[
        bool,
        Field(
            exclude_if=lambda given: not given,
            description="With `accept`: the goods need not go back, whatever the policy says",
        ),
    ] = False


class ClaimReply(Shape):
    """The buyer's word: take what is offered, have an operator decide, or withdraw the claim."""

    model_config: ClassVar[ConfigDict] = _example({"reply": "take"})

    reply: Reply


class ClaimDecision(Shape):
    """An operator's decision. An amount of nothing refuses the claim."""

    model_config: ClassVar[ConfigDict] = _example(
        {"amount": {"amount": 940, "currency": "CNY"}, "reasons": "The photos show one of two layers wet"}
    )

    amount: Money
    reasons: Words
    keep: Annotated[
        bool,
        Field(exclude_if=lambda given: not given, description="The goods need not go back, whatever the policy says"),
    ] = False


class ClaimShape(Shape):
    """`refunded_at`: when the money went back by card, or, for an order paid in cash, when it became owed to the buyer."""

    model_config: ClassVar[ConfigDict] = _example(_CLAIM)

    id: str
    order: str
    line: str
    producer: str
    policy: str
    kind: ClaimKind
    carriage_back: CarriageBack
    status: ClaimStatus
    status_text: str
    asked: Money
    offered: Money | None = None
    granted: Money | None = None
    agreed: Annotated[Money | None, Field(description="What goes back once the goods are back")] = None
    carriage: Annotated[Money | None, Field(description="What of the grant pays the way back of the goods")] = None
    unpaid: Annotated[
        Money | None, Field(description="What of the grant was not paid at the door, so that it need not go back")
    ] = None
    words: str
    photos: list[str]
    inspection: Inspection | None = None
    door: Annotated[
        DoorRemark | None,
        Field(description="What the receiver said at the hand-over; a claim without photos was opened by it"),
    ] = None
    cold_chain: Annotated[
        ColdChainShape | None,
        Field(description="What instruments told of the goods on the way; only when one claim is asked for"),
    ] = None
    answer: str | None = None
    reasons: Annotated[str | None, Field(description="The operator's, when one decided")] = None
    due_at: Annotated[Time | None, Field(description="Until when the next word is due")] = None
    created_at: Time
    updated_at: Time
    refunded_at: Time | None = None


class ClaimPolicyShape(Shape):
    """What may be claimed for goods of a category, until when, with what evidence, and who pays the way back."""

    number: str
    category: Category
    kind: ClaimKind
    made_to_order: bool | None = None
    what: LocalText
    source: LocalText
    window_h: int
    evidence: list[Evidence]
    carriage_back: CarriageBack
    answer_h: int
    decide_h: int
    hand_in_h: int


class CancellationShape(Shape):
    """A reason to cancel: by whom, in which states, who bears what it cost, and what is owed to whom for each consignment."""

    code: str
    what: LocalText
    by: list[Canceller]
    states: list[OrderStatus]
    pays: Party
    to: Party | None = None
    of: Base | None = None
    bps: int


class WeighingShape(Shape):
    """How goods of a category that are sold by weight are settled. With the standard trash and regain, by conditioned weight."""

    number: str
    category: Category
    what: LocalText
    source: LocalText
    tolerance_bps: Annotated[int, Field(description="Ten-thousandths of the estimate, both ways")]
    answer_h: int
    lapse: Lapse
    trash_pct: Quantity | None = None
    regain_pct: Quantity | None = None


class DisputePolicyShape(Shape):
    """Who bears what is lost when a buyer's bank decides for the buyer of goods that were paid by card, by the bank's reason."""

    reason: str
    bears: Party
    what: LocalText


class PoliciesShape(Shape):
    """The table that orders placed now go by. What holds for an order is what stood here when it was placed."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "version": "2026-3",
            "claims": [
                {
                    "number": "PRODUCE-DAMAGE",
                    "category": "produce",
                    "kind": "damage",
                    "what": {"en": "Damage is refunded when claimed with photos", "zh-Hans": "凭照片申请坏果赔付"},
                    "source": {"en": "Custom of the trade", "zh-Hans": "行业惯例"},
                    "window_h": 48,
                    "evidence": ["photos"],
                    "carriage_back": "none",
                    "answer_h": 24,
                    "decide_h": 72,
                    "hand_in_h": 168,
                }
            ],
            "disputes": [
                {
                    "reason": "product_unacceptable",
                    "bears": "producer",
                    "what": {"en": "The goods were not as described", "zh-Hans": "商品与描述不符"},
                }
            ],
            "cancellations": [
                {
                    "code": "pickup_late",
                    "what": {"en": "The carrier did not come in time", "zh-Hans": "承运人未按时揽收"},
                    "by": ["operator"],
                    "states": ["placed"],
                    "pays": "carrier",
                    "to": "producer",
                    "of": "packaging",
                    "bps": 10000,
                }
            ],
            "harvest_short": {"cancel_h": 48},
            "refused": {"write_off_h": 720},
            "weighings": [
                {
                    "number": "PRODUCE-WEIGHT",
                    "category": "produce",
                    "what": {
                        "en": "Produce in bulk may weigh 5 per cent more or less",
                        "zh-Hans": "散装农产品可浮动 5%",
                    },
                    "source": {"en": "Custom of the trade", "zh-Hans": "行业惯例"},
                    "tolerance_bps": 500,
                    "answer_h": 12,
                    "lapse": "decline",
                    "trash_pct": None,
                    "regain_pct": None,
                }
            ],
        }
    )

    version: str
    claims: list[ClaimPolicyShape]
    cancellations: list[CancellationShape]
    weighings: list[WeighingShape]
    harvest_short: HarvestShort | None = None
    refused: Refused | None = None
    disputes: list[DisputePolicyShape]
