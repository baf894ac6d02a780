"""The refusals of claims."""

from collections.abc import Sequence

from app.core.errors import Gap, Kind, Problem


class NotClaimable(Problem):
    slug = "not-claimable"
    kind = Kind.CONFLICT
    title = {"en": "These goods cannot be claimed for that", "zh-Hans": "该商品不支持此类申请"}
    detail = {
        "en": "By the terms of this order, {claim} cannot be claimed for this line; what can: {choices}. `GET /v1/policies` says what holds.",
        "zh-Hans": "按下单时的条款，该商品不支持 {claim} 类申请；可申请：{choices}。规则见 `GET /v1/policies`。",
    }
    members = ("kinds",)

    def __init__(self, claim: str, kinds: Sequence[str]) -> None:
        choices = ", ".join(kinds)
        shown = {"en": choices or "nothing", "zh-Hans": choices or "无"}
        super().__init__(claim=claim, kinds=list(kinds), choices=shown)


class ClaimWindowClosed(Problem):
    slug = "claim-window-closed"
    kind = Kind.CONFLICT
    title = {"en": "It is too late for this claim", "zh-Hans": "已超过申请期限"}
    detail = {
        "en": "By the terms of this order it could be claimed until {until}. Ask the producer, or tell the operator.",
        "zh-Hans": "按下单时的条款，申请期限为 {until}。请与卖家协商或联系平台。",
    }
    members = ("until",)


class ClaimOpenAlready(Problem):
    slug = "claim-open-already"
    kind = Kind.CONFLICT
    title = {"en": "A claim for this line is open", "zh-Hans": "该商品已有处理中的申请"}
    detail = {
        "en": "{claim} is not decided yet. Wait for its end, or withdraw it and open another.",
        "zh-Hans": "{claim} 尚未处理完毕。请等待结果，或撤回后重新申请。",
    }
    members = ("claim",)


class ClaimAmountTooHigh(Problem):
    slug = "claim-amount-too-high"
    kind = Kind.INVALID
    title = {"en": "More than can be refunded", "zh-Hans": "超出可退金额"}
    detail = {
        "en": "At most {most} fen of {currency} can go back here: no more than was paid, nor than was asked. Lower the amount.",
        "zh-Hans": "此处最多可退 {most} 分（{currency}）：不超过实付金额及申请金额。请调低金额。",
    }
    members = ("most", "currency")

    def __init__(self, most: int, currency: str) -> None:
        gap = Gap("/amount", {"en": f"At most {most} in {currency}", "zh-Hans": f"最多 {most}（{currency}）"})
        super().__init__(gaps=[gap], most=most, currency=currency)
