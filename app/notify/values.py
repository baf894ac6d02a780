"""The words of notify: message templates in each language, and what a message may become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.core.limits import SIGN_IN_CODE_LIFETIME

NOTICES_PER_CALL_MAX: Final = 500
# So many messages leave side by side.
MESSAGES_PER_JOB_MAX: Final = 20
PARAMETER_LENGTH_MAX: Final = 60
# A link that is cut leads nowhere.
NEVER_CUT: Final = frozenset({"link"})
MESSAGE_KEPT: Final = timedelta(days=30)
MAILBOX_PAGE_MAX: Final = 50


class Template(StrEnum):
    SIGN_IN_CODE = "sign_in_code"
    ORDER_PLACED = "order_placed"
    ORDER_SHIPPED = "order_shipped"
    ORDER_DELIVERED = "order_delivered"
    ORDER_CANCELLED = "order_cancelled"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_FAILED = "payment_failed"
    NEW_ORDER_FOR_PRODUCER = "new_order_for_producer"
    LISTING_PUBLISHED = "listing_published"
    SHIPMENT_REPLANNED = "shipment_replanned"
    HAND_IN_MOVED = "hand_in_moved"
    HARVEST_SHORT = "harvest_short"
    CLAIM_OPENED = "claim_opened"
    CLAIM_OFFERED = "claim_offered"
    CLAIM_DISPUTED = "claim_disputed"
    CLAIM_SETTLED = "claim_settled"
    CLAIM_REFUSED = "claim_refused"
    CLAIM_WITHDRAWN = "claim_withdrawn"
    PAYMENT_LOST = "payment_lost"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_RETURNED = "payout_returned"
    COOPERATIVE_INVITED = "cooperative_invited"
    COOPERATIVE_JOINED = "cooperative_joined"
    COOPERATIVE_DECLINED = "cooperative_declined"
    COOPERATIVE_LEFT = "cooperative_left"
    SHARE_PROPOSED = "share_proposed"
    SHARE_ANSWERED = "share_answered"


class State(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell one person: to which phone, which template, in which language, with what filled in."""

    to: str
    template: Template
    language: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that is ready to leave."""

    id: str
    to: str
    text: str


# Braces name the parameters that a notice gives.
TEXTS: Final[Mapping[Template, Mapping[str, str]]] = {
    Template.SIGN_IN_CODE: {
        "en": "Chama: {code} is your sign-in code. It is good for {minutes} minutes. Tell it to nobody.",
        "zh-Hans": "【茶马】您的登录验证码是 {code}，{minutes} 分钟内有效。请勿告诉他人。",
    },
    Template.ORDER_PLACED: {
        "en": "Chama: your order {number} is placed. It should arrive by {arrives_by}.",
        "zh-Hans": "【茶马】您的订单 {number} 已下单，预计 {arrives_by} 前送达。",
    },
    Template.ORDER_SHIPPED: {
        "en": "Chama: order {number} is on its way. Follow it: {link}",
        "zh-Hans": "【茶马】订单 {number} 已发货，查看物流：{link}",
    },
    Template.ORDER_DELIVERED: {
        "en": "Chama: order {number} was delivered. If anything is wrong, tell us within {hours} hours.",
        "zh-Hans": "【茶马】订单 {number} 已送达。如有问题，请在 {hours} 小时内反馈。",
    },
    Template.ORDER_CANCELLED: {
        "en": "Chama: order {number} is cancelled.",
        "zh-Hans": "【茶马】订单 {number} 已取消。",
    },
    Template.PAYMENT_RECEIVED: {
        "en": "Chama: we received {amount} for order {number}.",
        "zh-Hans": "【茶马】已收到订单 {number} 的付款 {amount}。",
    },
    Template.PAYMENT_FAILED: {
        "en": "Chama: paying for order {number} did not work. Try again or with another card before {until}.",
        "zh-Hans": "【茶马】订单 {number} 付款未成功，请在 {until} 前重试或更换支付方式。",
    },
    Template.NEW_ORDER_FOR_PRODUCER: {
        "en": "Chama: new order {number} for {producer}. Have the goods at {hub} by {hand_in_by}.",
        "zh-Hans": "【茶马】{producer} 有新订单 {number}，请于 {hand_in_by} 前将货物送至{hub}。",
    },
    Template.LISTING_PUBLISHED: {
        "en": "Chama: {title} is now on sale.",
        "zh-Hans": "【茶马】{title} 已上架销售。",
    },
    Template.SHIPMENT_REPLANNED: {
        "en": "Chama: order {number} goes another way ({reason}). It should arrive by {arrives_by}. Follow it: {link}",
        "zh-Hans": "【茶马】订单 {number} 运输有调整（{reason}），预计 {arrives_by} 前送达，查看物流：{link}",
    },
    Template.HAND_IN_MOVED: {
        "en": "Chama: order {number} leaves at another time ({reason}). Have the goods at {hub} by {hand_in_by}.",
        "zh-Hans": "【茶马】订单 {number} 发运时间有变（{reason}），请于 {hand_in_by} 前将货物送至{hub}。",
    },
    Template.HARVEST_SHORT: {
        "en": "Chama: less of {title} was harvested than expected, so order {number} is cancelled. What you paid goes back to you.",
        "zh-Hans": "【茶马】{title} 的实际收成少于预期，订单 {number} 已取消，已付款项将原路退回。",
    },
    Template.CLAIM_OPENED: {
        "en": "Chama: {amount} is claimed for goods of order {number}. The producer's answer is due by {due}.",
        "zh-Hans": "【茶马】订单 {number} 有一笔 {amount} 的售后申请，卖家须于 {due} 前答复。",
    },
    Template.CLAIM_OFFERED: {
        "en": "Chama: the producer offers {amount} for the claim on order {number}. The buyer's word is due by {due}.",
        "zh-Hans": "【茶马】订单 {number} 的售后申请，卖家同意赔付 {amount}，买家须于 {due} 前回复。",
    },
    Template.CLAIM_DISPUTED: {
        "en": "Chama: an operator decides about the claim on order {number} by {due}.",
        "zh-Hans": "【茶马】订单 {number} 的售后申请已转交平台，将于 {due} 前处理。",
    },
    Template.CLAIM_SETTLED: {
        "en": "Chama: the claim on order {number} is settled. {amount} goes back to the buyer.",
        "zh-Hans": "【茶马】订单 {number} 的售后申请已处理，退还买家 {amount}。",
    },
    Template.CLAIM_REFUSED: {
        "en": "Chama: the claim on order {number} was refused. Read the operator's reasons in the claim.",
        "zh-Hans": "【茶马】订单 {number} 的售后申请未获支持，理由见申请详情。",
    },
    Template.CLAIM_WITHDRAWN: {
        "en": "Chama: the claim on order {number} was withdrawn by the buyer.",
        "zh-Hans": "【茶马】订单 {number} 的售后申请已由买家撤回。",
    },
    Template.PAYMENT_LOST: {
        "en": "Chama: the payment that was held for order {number} could not be taken. Please call us to pay another way.",
        "zh-Hans": "【茶马】订单 {number} 的预授权未能扣款，请联系我们以其他方式付款。",
    },
    Template.DISPUTE_OPENED: {
        "en": "Chama: the buyer's bank disputes {amount} of order {number}. What proves the delivery is due by {due}: tell the operator.",
        "zh-Hans": "【茶马】买家银行对订单 {number} 的 {amount} 提出争议，请在 {due} 前向平台提供送达凭证。",
    },
    Template.DISPUTE_WON: {
        "en": "Chama: the dispute over order {number} is won. {amount} is back.",
        "zh-Hans": "【茶马】订单 {number} 的争议已胜诉，{amount} 已返还。",
    },
    Template.DISPUTE_LOST: {
        "en": "Chama: the dispute over order {number} is lost. {amount} stays with the buyer; your account shows your part of it.",
        "zh-Hans": "【茶马】订单 {number} 的争议败诉，{amount} 归买家所有，您承担的部分见账户明细。",
    },
    Template.PAYOUT_PAID: {
        "en": "Chama: {amount} was paid to your account {account}. Reference: {reference}",
        "zh-Hans": "【茶马】已向您的账户 {account} 付款 {amount}，凭证号：{reference}",
    },
    Template.PAYOUT_RETURNED: {
        "en": "Chama: {amount} could not be paid to your account {account} and came back. Please give the account again.",
        "zh-Hans": "【茶马】向您的账户 {account} 付款 {amount} 未成功，款项已退回，请重新填写收款账户。",
    },
    Template.COOPERATIVE_INVITED: {
        "en": "Chama: {cooperative} invites {member} to join, for {share}% of what its goods bring. The owner accepts or declines.",
        "zh-Hans": "【茶马】{cooperative} 邀请 {member} 入社，分成为货款净额的 {share}%，请负责人接受或谢绝。",
    },
    Template.COOPERATIVE_JOINED: {
        "en": "Chama: {member} is now a member of {cooperative}, for {share}% of what its goods bring.",
        "zh-Hans": "【茶马】{member} 已加入 {cooperative}，分成为货款净额的 {share}%。",
    },
    Template.COOPERATIVE_DECLINED: {
        "en": "Chama: the invitation of {member} to {cooperative} is no longer open.",
        "zh-Hans": "【茶马】{cooperative} 对 {member} 的入社邀请已失效。",
    },
    Template.COOPERATIVE_LEFT: {
        "en": "Chama: {member} has left {cooperative}. Orders that were placed before stay as they were agreed.",
        "zh-Hans": "【茶马】{member} 已退出 {cooperative}，此前的订单仍按原约定执行。",
    },
    Template.SHARE_PROPOSED: {
        "en": "Chama: {share}% is proposed as the share of {cooperative} in what {member} sells. The other side agrees or declines.",
        "zh-Hans": "【茶马】{cooperative} 与 {member} 的分成拟改为 {share}%，请对方确认或谢绝。",
    },
    Template.SHARE_ANSWERED: {
        "en": "Chama: {share}% as the share of {cooperative} in what {member} sells: {answer}.",
        "zh-Hans": "【茶马】{cooperative} 与 {member} 的分成 {share}%：{answer}。",
    },
}

# After this a message is not worth sending any more; a code is useless once it has expired.
WORTH_SENDING: Final[Mapping[Template, timedelta]] = {
    template: SIGN_IN_CODE_LIFETIME if template is Template.SIGN_IN_CODE else timedelta(days=1) for template in Template
}
