"""The refusals of bargaining."""

from collections.abc import Mapping, Sequence

from app.core.errors import Kind, Problem
from app.core.text import LANGUAGES

_SIDES = {
    "buyer": {"en": "the buyer", "zh-Hans": "买家"},
    "producer": {"en": "the producer", "zh-Hans": "卖家"},
    "operator": {"en": "an operator", "zh-Hans": "平台"},
}


class NotYourTurn(Problem):
    slug = "not-your-turn"
    kind = Kind.CONFLICT
    title = {"en": "It is the other side's turn", "zh-Hans": "轮到对方答复"}
    detail = {
        "en": "The offer is in the state “{state}”: this step is for {sides}. Wait for their answer, or take back what you proposed.",
        "zh-Hans": "该议价状态为“{state}”，此操作须由{sides}进行。请等待对方答复，或撤回您的报价。",
    }
    members = ("turn",)

    def __init__(self, state: Mapping[str, str], turn: Sequence[str]) -> None:
        sides = {
            language: {"en": " or ", "zh-Hans": "或"}[language].join(_SIDES[side][language] for side in turn)
            for language in LANGUAGES
        }
        super().__init__(state=state, turn=list(turn), sides=sides)


class NotBargained(Problem):
    slug = "not-bargained"
    kind = Kind.CONFLICT
    title = {"en": "These goods have a fixed price", "zh-Hans": "该商品不议价"}
    detail = {
        "en": "No offers are taken for {category} sold by the {unit}. Order at the listing's own price; `GET /v1/offer-terms` says what offers are for.",
        "zh-Hans": "{category} 类、按 {unit} 销售的商品不接受议价，请按标价购买。规则见 `GET /v1/offer-terms`。",
    }


class OfferOpenAlready(Problem):
    slug = "offer-open-already"
    kind = Kind.CONFLICT
    title = {"en": "You have an offer on this listing", "zh-Hans": "您对该商品已有议价"}
    detail = {
        "en": "{offer} is not over yet. Go on with it, or withdraw it and make another.",
        "zh-Hans": "{offer} 尚未结束。请继续该议价，或撤回后重新发起。",
    }
    members = ("offer",)


class OfferRoundsOver(Problem):
    slug = "offer-rounds-over"
    kind = Kind.CONFLICT
    title = {"en": "There was enough bargaining", "zh-Hans": "议价轮次已满"}
    detail = {
        "en": "Prices were named {most} times, which is the most. Accept what is offered, or decline it.",
        "zh-Hans": "报价已达上限 {most} 次，请接受或拒绝当前报价。",
    }


class OfferExpired(Problem):
    slug = "offer-expired"
    kind = Kind.GONE
    title = {"en": "This offer has expired", "zh-Hans": "议价已过期"}
    detail = {
        "en": "{offer} was good until {until}. Make a new one.",
        "zh-Hans": "{offer} 的有效期到 {until}，请重新发起议价。",
    }
    members = ("offer", "until")


class OfferNotOrderable(Problem):
    """`order` is the one that it was ordered with, if it was."""

    slug = "offer-not-orderable"
    kind = Kind.CONFLICT
    title = {"en": "This offer cannot be ordered now", "zh-Hans": "该议价目前不能下单"}
    detail = {
        "en": "{offer} is in the state “{state}”, its deposit “{deposit}”. An agreed offer is ordered once, after its deposit was paid.",
        "zh-Hans": "{offer} 状态为“{state}”，定金为“{deposit}”。议价成交并付清定金后可下单一次。",
    }
    members = ("offer", "order")
