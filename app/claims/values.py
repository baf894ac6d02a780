"""The words of claims: what a buyer asks for, how far it has come, and what may happen to it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from app.core.ids import pattern

CLAIM_ID: Final = pattern("clm")
LINE_ID: Final = pattern("lin")
RECOURSE_ID: Final = pattern("rcs")
EVENTS_PER_RECOURSE_MAX: Final = 20
PHOTOS_PER_CLAIM_MAX: Final = 12
CLAIMS_PER_ORDER_MAX: Final = 200


class ClaimStatus(StrEnum):
    """`OPEN` waits for the producer, `OFFERED` for the buyer, `DISPUTED` for an operator; the others are ends."""

    OPEN = "open"
    OFFERED = "offered"
    DISPUTED = "disputed"
    SETTLED = "settled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ClaimEvent(StrEnum):
    """`LAPSE`: the clock ran out. `GRANT` and `REJECT` are an operator's."""

    ACCEPT = "accepted"
    OFFER = "offered"
    CONTEST = "contested"
    LAPSE = "lapsed"
    TAKE = "taken"
    DISPUTE = "disputed"
    WITHDRAW = "withdrawn"
    GRANT = "granted"
    REJECT = "rejected"


class Answer(StrEnum):
    """The producer's."""

    ACCEPT = "accept"
    PARTLY = "partly"
    REFUSE = "refuse"


class Reply(StrEnum):
    """The buyer's."""

    TAKE = "take"
    DISPUTE = "dispute"
    WITHDRAW = "withdraw"


class RecourseStatus(StrEnum):
    """Booked at once by an operator; the carrier may answer, once; an operator may take it back."""

    BOOKED = "booked"
    ACCEPTED = "accepted"
    CONTESTED = "contested"
    REVERSED = "reversed"


class CarrierAnswer(StrEnum):
    ACCEPT = "accept"
    CONTEST = "contest"


WAITING: Final = frozenset({ClaimStatus.OPEN, ClaimStatus.OFFERED, ClaimStatus.DISPUTED})
ANSWERED_BY: Final[Mapping[Answer, ClaimEvent]] = {
    Answer.ACCEPT: ClaimEvent.ACCEPT,
    Answer.PARTLY: ClaimEvent.OFFER,
    Answer.REFUSE: ClaimEvent.CONTEST,
}
REPLIED_BY: Final[Mapping[Reply, ClaimEvent]] = {
    Reply.TAKE: ClaimEvent.TAKE,
    Reply.DISPUTE: ClaimEvent.DISPUTE,
    Reply.WITHDRAW: ClaimEvent.WITHDRAW,
}
DISPLAY: Final[Mapping[ClaimStatus, Mapping[str, str]]] = {
    ClaimStatus.OPEN: {"en": "Waiting for the producer", "zh-Hans": "待卖家答复"},
    ClaimStatus.OFFERED: {"en": "A part is offered", "zh-Hans": "卖家同意部分赔付"},
    ClaimStatus.DISPUTED: {"en": "With an operator", "zh-Hans": "平台处理中"},
    ClaimStatus.SETTLED: {"en": "Settled", "zh-Hans": "已赔付"},
    ClaimStatus.REFUSED: {"en": "Refused", "zh-Hans": "未获支持"},
    ClaimStatus.WITHDRAWN: {"en": "Withdrawn", "zh-Hans": "已撤回"},
}
ANSWERED_AS: Final[Mapping[CarrierAnswer, RecourseStatus]] = {
    CarrierAnswer.ACCEPT: RecourseStatus.ACCEPTED,
    CarrierAnswer.CONTEST: RecourseStatus.CONTESTED,
}
RECOURSE_DISPLAY: Final[Mapping[RecourseStatus, Mapping[str, str]]] = {
    RecourseStatus.BOOKED: {"en": "Booked against the carrier", "zh-Hans": "已向承运人追偿"},
    RecourseStatus.ACCEPTED: {"en": "Accepted by the carrier", "zh-Hans": "承运人已确认"},
    RecourseStatus.CONTESTED: {"en": "Contested by the carrier", "zh-Hans": "承运人有异议"},
    RecourseStatus.REVERSED: {"en": "Taken back", "zh-Hans": "已撤销"},
}
VERBS: Final[Mapping[ClaimEvent, Mapping[str, str]]] = {
    ClaimEvent.ACCEPT: {"en": "accepted", "zh-Hans": "接受"},
    ClaimEvent.OFFER: {"en": "answered with an offer", "zh-Hans": "部分接受"},
    ClaimEvent.CONTEST: {"en": "contested", "zh-Hans": "拒绝"},
    ClaimEvent.LAPSE: {"en": "passed on", "zh-Hans": "转交平台"},
    ClaimEvent.TAKE: {"en": "taken as offered", "zh-Hans": "接受部分赔付"},
    ClaimEvent.DISPUTE: {"en": "disputed", "zh-Hans": "申请平台处理"},
    ClaimEvent.WITHDRAW: {"en": "withdrawn", "zh-Hans": "撤回"},
    ClaimEvent.GRANT: {"en": "granted", "zh-Hans": "裁定赔付"},
    ClaimEvent.REJECT: {"en": "rejected", "zh-Hans": "裁定驳回"},
}
