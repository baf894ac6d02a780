"""The refusals of paying."""

from collections.abc import Sequence

from app.core.errors import Gap, Kind, Problem


class PaymentMethodUnavailable(Problem):
    slug = "payment-method-unavailable"
    kind = Kind.INVALID
    title = {"en": "This way of paying is not offered here", "zh-Hans": "暂不支持该付款方式"}
    detail = {
        "en": "{method} is not set up on this service. Choose one of: {choices}.",
        "zh-Hans": "本服务未开通 {method}。可选：{choices}。",
    }
    members = ("methods",)

    def __init__(self, method: str, methods: Sequence[str], at: str = "/payment/method") -> None:
        choices = ", ".join(methods)
        gap = Gap(at, {"en": f"Choose one of: {choices}", "zh-Hans": f"可选：{choices}"})
        super().__init__(gaps=[gap], method=method, methods=list(methods), choices=choices)


class AmountNotPayable(Problem):
    slug = "amount-not-payable"
    kind = Kind.INVALID
    title = {"en": "This amount cannot be paid this way", "zh-Hans": "该金额无法以此方式支付"}
    detail = {
        "en": "{service} takes no payment this small or this large. Change the order, or pay cash on delivery.",
        "zh-Hans": "{service} 不接受过小或过大的金额。请调整订单，或选择货到付款。",
    }


class RenewalTooLate(Problem):
    slug = "renewal-too-late"
    kind = Kind.CONFLICT
    title = {"en": "It is too late to pay this order anew", "zh-Hans": "已超过重新付款期限"}
    detail = {
        "en": "{order} could be paid anew until {until}; its goods are free again. Ask for a new quote: POST /v1/quotes.",
        "zh-Hans": "{order} 的重新付款期限为 {until}，已截止，商品不再保留。请重新询价：POST /v1/quotes。",
    }


class NothingToPay(Problem):
    slug = "nothing-to-pay"
    kind = Kind.CONFLICT
    title = {"en": "Nothing is owed for this order", "zh-Hans": "该订单无需付款"}
    detail = {
        "en": "What {order} came to is settled already, by a claim or in another way. GET /v1/accounts/{{owner}}/statement shows how.",
        "zh-Hans": "{order} 的款项已通过理赔或其他方式结清。可通过 GET /v1/accounts/{{owner}}/statement 查看明细。",
    }


class PaymentDisputed(Problem):
    slug = "payment-disputed"
    kind = Kind.CONFLICT
    title = {"en": "The buyer's bank is deciding about this payment", "zh-Hans": "该付款正由买家银行处理争议"}
    detail = {
        "en": "Money of a disputed payment cannot go back another way. Wait for the bank's decision: GET /v1/disputes shows it.",
        "zh-Hans": "争议中的款项不能再以其他方式退回。请等待银行裁决，可通过 GET /v1/disputes 查看进展。",
    }


class EvidenceTooLate(Problem):
    slug = "evidence-too-late"
    kind = Kind.CONFLICT
    title = {"en": "This dispute takes no answer any more", "zh-Hans": "该争议已不再接受答复"}
    detail = {
        "en": "It was answered before, its deadline is over, or the bank has decided. GET /v1/disputes shows how it stands.",
        "zh-Hans": "该争议已答复、已过截止时间或银行已裁决。可通过 GET /v1/disputes 查看进展。",
    }


class PaymentWebhookNotConfigured(Problem):
    slug = "payment-webhook-not-configured"
    kind = Kind.MISSING
    title = {"en": "Card payments are not set up here", "zh-Hans": "本服务未开通银行卡支付"}
    detail = {
        "en": "Nobody listens here. The operator sets CHAMA_STRIPE_SECRET_KEY and CHAMA_STRIPE_WEBHOOK_SECRET.",
        "zh-Hans": "此地址尚未启用。请运营方设置 CHAMA_STRIPE_SECRET_KEY 和 CHAMA_STRIPE_WEBHOOK_SECRET。",
    }


class PaymentEventNotGenuine(Problem):
    slug = "payment-event-not-genuine"
    kind = Kind.MALFORMED
    title = {"en": "The signature does not fit", "zh-Hans": "签名不符"}
    detail = {
        "en": (
            "The message is not signed with this endpoint's secret, or it is older than five minutes. "
            "Send the body exactly as it was signed, and check CHAMA_STRIPE_WEBHOOK_SECRET."
        ),
        "zh-Hans": "消息未用本端点的密钥签名，或已超过五分钟。请原样发送已签名的内容，并核对 CHAMA_STRIPE_WEBHOOK_SECRET。",
    }


class PaymentEventUnreadable(Problem):
    slug = "payment-event-unreadable"
    kind = Kind.MALFORMED
    title = {"en": "The event cannot be read", "zh-Hans": "无法读取该事件"}
    detail = {
        "en": "It is signed as it should be, but it is not an event that we know how to read. Set the endpoint to an API version of Stripe's that this service was made for, and send it again.",
        "zh-Hans": "签名有效，但无法识别事件内容。请将该端点设为本服务支持的 Stripe API 版本后重新发送。",
    }


class ReceiptKnown(Problem):
    slug = "receipt-known"
    kind = Kind.CONFLICT
    title = {"en": "This reference was entered before", "zh-Hans": "该凭证号已登记"}
    detail = {
        "en": "Money with the reference {reference} is entered already, for another payment or amount. Look at the bank's statement again.",
        "zh-Hans": "凭证号 {reference} 已登记，但付款或金额不同。请核对银行流水。",
    }


class NotPaidByTransfer(Problem):
    slug = "not-paid-by-transfer"
    kind = Kind.CONFLICT
    title = {"en": "This order is not paid by transfer", "zh-Hans": "该订单不是转账付款"}
    detail = {
        "en": "It is paid by {method}. Send the money back, or ask the buyer which order it is for.",
        "zh-Hans": "该订单的付款方式为 {method}。请将款项退回，或向买家确认对应订单。",
    }
