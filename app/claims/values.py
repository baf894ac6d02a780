"""The words of claims: what a buyer asks for, how far it has come, and what may happen to it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from app.core.ids import pattern

CLAIM_ID: Final = pattern("clm")
RETURN_ID: Final = pattern("rtn")
LINE_ID: Final = pattern("lin")
RECOURSE_ID: Final = pattern("rcs")
EVENTS_PER_RECOURSE_MAX: Final = 20
PHOTOS_PER_CLAIM_MAX: Final = 12
CLAIMS_PER_ORDER_MAX: Final = 200


class ClaimStatus(StrEnum):
    """`OPEN` waits for the producer, `OFFERED` for the buyer, `DISPUTED` for an operator, `RETURNING` for the goods; the others are ends."""

    OPEN = "open"
    OFFERED = "offered"
    DISPUTED = "disputed"
    RETURNING = "returning"
    SETTLED = "settled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class ClaimEvent(StrEnum):
    """`LAPSE`: the clock ran out. `GRANT` and `REJECT` are an operator's. `SEND_BACK`: granted, once the goods are back; then `COME_BACK`, or
    `EXPIRE` when nobody handed them in.
    """

    ACCEPT = "accepted"
    OFFER = "offered"
    CONTEST = "contested"
    LAPSE = "lapsed"
    TAKE = "taken"
    DISPUTE = "disputed"
    WITHDRAW = "withdrawn"
    GRANT = "granted"
    REJECT = "rejected"
    SEND_BACK = "send_back"
    COME_BACK = "come_back"
    EXPIRE = "expired"


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


class ReturnStatus(StrEnum):
    """How far goods are that go back: `PLANNING` looks for a way, `NO_WAY` found none; `KEPT`: they need not come back after all."""

    PLANNING = "planning"
    NO_WAY = "no_way"
    BOOKED = "booked"
    UNDER_WAY = "under_way"
    BACK = "back"
    LAPSED = "lapsed"
    KEPT = "kept"
    LOST = "lost"


class ReturnEvent(StrEnum):
    """`EXPIRE`: nobody handed them in. `CALL_OFF`: the claim is withdrawn. `KEEP`: they stay where they are, and are paid back."""

    BOOK = "book"
    FIND_NONE = "find_none"
    LEAVE = "leave"
    ARRIVE = "arrive"
    LOSE = "lose"
    EXPIRE = "expire"
    CALL_OFF = "call_off"
    KEEP = "keep"


class CarrierAnswer(StrEnum):
    ACCEPT = "accept"
    CONTEST = "contest"


WAITING: Final = frozenset({ClaimStatus.OPEN, ClaimStatus.OFFERED, ClaimStatus.DISPUTED, ClaimStatus.RETURNING})
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
    ClaimStatus.RETURNING: {"en": "Granted once the goods are back", "zh-Hans": "待退货，退回后退款"},
    ClaimStatus.SETTLED: {"en": "Settled", "zh-Hans": "已赔付"},
    ClaimStatus.REFUSED: {"en": "Refused", "zh-Hans": "未获支持"},
    ClaimStatus.WITHDRAWN: {"en": "Withdrawn", "zh-Hans": "已撤回"},
    ClaimStatus.LAPSED: {"en": "The goods were not handed in", "zh-Hans": "逾期未退货"},
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
    ClaimEvent.SEND_BACK: {"en": "granted against the goods", "zh-Hans": "同意退货退款"},
    ClaimEvent.COME_BACK: {"en": "settled by goods that came back", "zh-Hans": "因退回到货而退款"},
    ClaimEvent.EXPIRE: {"en": "lapsed", "zh-Hans": "因逾期未退货而关闭"},
}
RETURN_DISPLAY: Final[Mapping[ReturnStatus, Mapping[str, str]]] = {
    ReturnStatus.PLANNING: {"en": "A way back is looked for", "zh-Hans": "正在安排退回路线"},
    ReturnStatus.NO_WAY: {"en": "No way back was found", "zh-Hans": "暂无退回路线"},
    ReturnStatus.BOOKED: {"en": "To be handed in", "zh-Hans": "待交寄退回"},
    ReturnStatus.UNDER_WAY: {"en": "On its way back", "zh-Hans": "退回途中"},
    ReturnStatus.BACK: {"en": "Back", "zh-Hans": "已退回"},
    ReturnStatus.LAPSED: {"en": "Not handed in", "zh-Hans": "逾期未交寄"},
    ReturnStatus.KEPT: {"en": "The goods stay where they are", "zh-Hans": "无需退回"},
    ReturnStatus.LOST: {"en": "Lost on the way back", "zh-Hans": "退回途中丢失"},
}
RETURN_VERBS: Final[Mapping[ReturnEvent, Mapping[str, str]]] = {
    ReturnEvent.BOOK: {"en": "booked", "zh-Hans": "预订退回路线"},
    ReturnEvent.FIND_NONE: {"en": "left without a way", "zh-Hans": "标记为无路线"},
    ReturnEvent.LEAVE: {"en": "handed in", "zh-Hans": "交寄"},
    ReturnEvent.ARRIVE: {"en": "received back", "zh-Hans": "收回"},
    ReturnEvent.LOSE: {"en": "lost", "zh-Hans": "标记为丢失"},
    ReturnEvent.EXPIRE: {"en": "lapsed", "zh-Hans": "按逾期关闭"},
    ReturnEvent.CALL_OFF: {"en": "called off", "zh-Hans": "取消"},
    ReturnEvent.KEEP: {"en": "left where it is", "zh-Hans": "改为无需退回"},
}
