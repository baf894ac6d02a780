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
    LOT_RECALLED = "lot_recalled"
    RECALL_LIFTED = "recall_lifted"
    HAND_IN_MOVED = "hand_in_moved"
    HARVEST_SHORT = "harvest_short"
    HARVEST_CUT = "harvest_cut"
    ORDER_CUT = "order_cut"
    CLAIM_OPENED = "claim_opened"
    CLAIM_OFFERED = "claim_offered"
    CLAIM_DISPUTED = "claim_disputed"
    CLAIM_SETTLED = "claim_settled"
    CLAIM_REFUSED = "claim_refused"
    CLAIM_WITHDRAWN = "claim_withdrawn"
    CLAIM_RETURNING = "claim_returning"
    CLAIM_LAPSED = "claim_lapsed"
    RETURN_BOOKED = "return_booked"
    WEIGHED = "weighed"
    WEIGHT_ASKED = "weight_asked"
    WEIGHT_REFERRED = "weight_referred"
    WEIGHT_DECLINED = "weight_declined"
    PAYMENT_LOST = "payment_lost"
    HAND_IN_WAITS = "hand_in_waits"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    REFUND_FAILED = "refund_failed"
    REFUND_TO_PAY = "refund_to_pay"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_RETURNED = "payout_returned"
    COOPERATIVE_INVITED = "cooperative_invited"
    COOPERATIVE_JOINED = "cooperative_joined"
    COOPERATIVE_DECLINED = "cooperative_declined"
    COOPERATIVE_LEFT = "cooperative_left"
    SHARE_PROPOSED = "share_proposed"
    SHARE_ANSWERED = "share_answered"
    OFFER_MADE = "offer_made"
    OFFER_COUNTERED = "offer_countered"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_DECLINED = "offer_declined"
    OFFER_WITHDRAWN = "offer_withdrawn"
    OFFER_EXPIRED = "offer_expired"
    OFFER_REOPENED = "offer_reopened"
    DEPOSIT_RECEIVED = "deposit_received"
    DEPOSIT_RETURNED = "deposit_returned"
    DEPOSIT_FORFEITED = "deposit_forfeited"
    DEPOSIT_FAILED = "deposit_failed"
    BOX_RETURNED = "box_returned"
    BOX_FORFEITED = "box_forfeited"
    WEBHOOK_GONE = "webhook_gone"
    WEBHOOK_UNREACHABLE = "webhook_unreachable"
    SHIPMENT_EXCEPTION = "shipment_exception"
    EXCEPTIONS_RAISED = "exceptions_raised"


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
    Template.LOT_RECALLED: {
        "en": "Chama: RECALL of {title} in order {number}: {reason}. What to do: {advice}. All of it: {link}",
        "zh-Hans": "【茶马】召回通知：订单 {number} 的 {title}，原因：{reason}。请您：{advice}。详情：{link}",
    },
    Template.RECALL_LIFTED: {
        "en": "Chama: the recall of {title} in order {number} is lifted. See {link}",
        "zh-Hans": "【茶马】订单 {number} 的 {title} 召回已解除，详情：{link}",
    },
    Template.HAND_IN_MOVED: {
        "en": "Chama: order {number} leaves at another time ({reason}). Have the goods at {hub} by {hand_in_by}.",
        "zh-Hans": "【茶马】订单 {number} 发运时间有变（{reason}），请于 {hand_in_by} 前将货物送至{hub}。",
    },
    Template.HARVEST_SHORT: {
        "en": "Chama: less of {title} was harvested than expected, so order {number} is cancelled. What you paid goes back to you.",
        "zh-Hans": "【茶马】{title} 的实际收成少于预期，订单 {number} 已取消，已付款项将原路退回。",
    },
    Template.HARVEST_CUT: {
        "en": "Chama: too little of {title} was harvested. Order {number} now has {quantity} of it and costs {amount} less. "
        "Cancel freely until {until}.",
        "zh-Hans": "【茶马】{title} 的实际收成少于预期，订单 {number} 中该商品现为 {quantity}，少付 {amount}。{until} 前可免费取消整单。",
    },
    Template.ORDER_CUT: {
        "en": "Chama: of {title}, order {number} now has {quantity}. Hand in no more than that.",
        "zh-Hans": "【茶马】订单 {number} 中的 {title} 现为 {quantity}，请按此数量交货。",
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
    Template.CLAIM_RETURNING: {
        "en": "Chama: {amount} for order {number} goes back once the goods are back. They have to be handed in by {due}.",
        "zh-Hans": "【茶马】订单 {number} 的商品退回后退款 {amount}，请于 {due} 前交寄。",
    },
    Template.CLAIM_LAPSED: {
        "en": "Chama: goods of order {number} were not handed in in time. The claim is over, nothing goes back.",
        "zh-Hans": "【茶马】订单 {number} 的商品逾期未交寄，售后申请已关闭，不予退款。",
    },
    Template.RETURN_BOOKED: {
        "en": "Chama: goods of order {number} go back as {tracking}. Handed in at: {hub}, by {hand_in_by}.",
        "zh-Hans": "【茶马】订单 {number} 的退货运单号为 {tracking}，交寄站点：{hub}，截止 {hand_in_by}。",
    },
    Template.WEIGHED: {
        "en": "Chama: {title} of order {number} was weighed: {weight}. It comes to {amount} now.",
        "zh-Hans": "【茶马】订单 {number} 的{title}已过磅：{weight}，金额为 {amount}。",
    },
    Template.WEIGHT_ASKED: {
        "en": "Chama: {title} of order {number} weighs {weight}, not as agreed, and would cost {amount}. The buyer has until {due} to decide.",
        "zh-Hans": "【茶马】订单 {number} 的{title}过磅 {weight}，超出约定范围，金额将为 {amount}，请买家于 {due} 前确认或拒绝。",
    },
    Template.WEIGHT_REFERRED: {
        "en": "Chama: an operator decides about the weight of {title} of order {number}.",
        "zh-Hans": "【茶马】订单 {number} 的{title}重量差异已转交平台处理。",
    },
    Template.WEIGHT_DECLINED: {
        "en": "Chama: the weight of {title} of order {number} was not accepted. The goods are taken off the order and cost nothing.",
        "zh-Hans": "【茶马】订单 {number} 的{title}因重量差异未被接受，已从订单中取消，不收取费用。",
    },
    Template.PAYMENT_LOST: {
        "en": "Chama: the payment that was held for order {number} could not be taken. Please pay again in your order, or call us.",
        "zh-Hans": "【茶马】订单 {number} 的预授权未能扣款，请在订单中重新付款，或联系我们。",
    },
    Template.HAND_IN_WAITS: {
        "en": "Chama: order {number} is not paid any more. Keep the goods until you hear from us that it is paid again.",
        "zh-Hans": "【茶马】订单 {number} 的付款已失效，请暂勿交货，重新付款后将另行通知。",
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
    Template.REFUND_FAILED: {
        "en": "Chama: {amount} of {number} could not be sent back the way you paid. It is still yours: tell us an account, and it is paid there.",
        "zh-Hans": "【茶马】{number} 的退款 {amount} 未能原路退回，款项仍归您所有，请提供收款账户，我们将另行支付。",
    },
    Template.REFUND_TO_PAY: {
        "en": "Chama: the refund of {amount} for {number} failed. Pay it another way: to an account of the buyer, in cash, or from the bank.",
        "zh-Hans": "【茶马】{number} 的退款 {amount} 失败，请另行支付：付至买家账户、现金退还或由银行转账。",
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
    Template.OFFER_MADE: {
        "en": "Chama: offer {number}: {quantity} of {title} at {price} each. The producer's answer is due by {due}.",
        "zh-Hans": "【茶马】议价 {number}：{title} {quantity}，单价 {price}，卖家须于 {due} 前答复。",
    },
    Template.OFFER_COUNTERED: {
        "en": "Chama: offer {number} was countered: {quantity} of {title} at {price} each. The answer is due by {due}.",
        "zh-Hans": "【茶马】议价 {number} 有新报价：{title} {quantity}，单价 {price}，请于 {due} 前答复。",
    },
    Template.OFFER_ACCEPTED: {
        "en": "Chama: offer {number} is agreed: {quantity} of {title} at {price} each. {next}.",
        "zh-Hans": "【茶马】议价 {number} 已成交：{title} {quantity}，单价 {price}。{next}。",
    },
    Template.OFFER_DECLINED: {
        "en": "Chama: offer {number} for {title} was declined.",
        "zh-Hans": "【茶马】{title} 的议价 {number} 已被拒绝。",
    },
    Template.OFFER_WITHDRAWN: {
        "en": "Chama: offer {number} for {title} was withdrawn.",
        "zh-Hans": "【茶马】{title} 的议价 {number} 已撤回。",
    },
    Template.OFFER_EXPIRED: {
        "en": "Chama: offer {number} for {title} has expired.",
        "zh-Hans": "【茶马】{title} 的议价 {number} 已过期。",
    },
    Template.OFFER_REOPENED: {
        "en": "Chama: the order for offer {number} was not paid. It may be ordered again until {due}.",
        "zh-Hans": "【茶马】议价 {number} 的订单未付款，可在 {due} 前重新下单。",
    },
    Template.DEPOSIT_RECEIVED: {
        "en": "Chama: the deposit of {deposit} for offer {number} is held. To be ordered by {due}.",
        "zh-Hans": "【茶马】议价 {number} 的定金 {deposit} 已托管，请于 {due} 前下单。",
    },
    Template.DEPOSIT_RETURNED: {
        "en": "Chama: the deposit of {deposit} for offer {number} goes back to the buyer.",
        "zh-Hans": "【茶马】议价 {number} 的定金 {deposit} 将退还买家。",
    },
    Template.DEPOSIT_FORFEITED: {
        "en": "Chama: the deposit of {deposit} for offer {number} goes to the producer, by the terms of the offer.",
        "zh-Hans": "【茶马】按议价条款，{number} 的定金 {deposit} 归卖家所有。",
    },
    Template.DEPOSIT_FAILED: {
        "en": "Chama: paying the deposit for offer {number} did not work. Try again or another way before {due}.",
        "zh-Hans": "【茶马】议价 {number} 的定金支付未成功，请在 {due} 前重试或更换方式。",
    },
    Template.BOX_RETURNED: {
        "en": "Chama: a box of order {number} came back. Its deposit of {amount} goes back to you.",
        "zh-Hans": "【茶马】订单 {number} 的循环箱已归还，押金 {amount} 将退还给您。",
    },
    Template.BOX_FORFEITED: {
        "en": "Chama: {count} boxes of order {number} did not come back in time. Their deposits of {amount} are kept for new ones.",
        "zh-Hans": "【茶马】订单 {number} 有 {count} 个循环箱逾期未还，押金 {amount} 不予退还。",
    },
    Template.WEBHOOK_GONE: {
        "en": "Chama: {host} answered that it takes no webhooks any more (410). We send it nothing until you enable it again.",
        "zh-Hans": "【茶马】{host} 表示不再接收推送（410），已停止发送。如需恢复请重新启用。",
    },
    Template.WEBHOOK_UNREACHABLE: {
        "en": "Chama: {host} has taken no webhook for three days, so it is disabled. Enable it again, then replay what it missed.",
        "zh-Hans": "【茶马】{host} 三天来未能接收任何推送，已停用。修复后请重新启用并补发。",
    },
    Template.SHIPMENT_EXCEPTION: {
        "en": "Chama: order {number}: {what} ({reason}), since {since}. Follow it: {link}",
        "zh-Hans": "【茶马】订单 {number}：{what}（{reason}），自 {since} 起。查看物流：{link}",
    },
    Template.EXCEPTIONS_RAISED: {
        "en": "Chama: exceptions to look after: {count}. The first: {what} ({reason}), since {since}. {link}",
        "zh-Hans": "【茶马】待处理的运输异常：{count} 条。首条：{what}（{reason}），自 {since} 起。{link}",
    },
}

# After this a message is not worth sending any more; a code is useless once it has expired.
WORTH_SENDING: Final[Mapping[Template, timedelta]] = {
    template: SIGN_IN_CODE_LIFETIME if template is Template.SIGN_IN_CODE else timedelta(days=1) for template in Template
} | {Template.LOT_RECALLED: timedelta(days=7)}
