"""The refusals of buying."""

from collections.abc import Sequence

from app.core.errors import Gap, Kind, Problem


class QuoteExpired(Problem):
    slug = "quote-expired"
    kind = Kind.GONE
    title = {"en": "This quote has expired", "zh-Hans": "报价已过期"}
    detail = {
        "en": "Prices and departures may have changed. Ask for a new quote.",
        "zh-Hans": "价格与班次可能已变化，请重新询价。",
    }


class QuoteUsed(Problem):
    slug = "quote-used"
    kind = Kind.CONFLICT
    title = {"en": "This quote has been ordered already", "zh-Hans": "该报价已下单"}
    detail = {
        "en": "One quote makes one order: {order}. For more of the same, ask for a new quote.",
        "zh-Hans": "每个报价只能下一次单：{order}。如需再购，请重新询价。",
    }
    members = ("order",)


class PlanChanged(Problem):
    """No other way keeps the quoted price and promise; `quote` are fresh options, absent when no way is left at all."""

    slug = "plan-changed"
    kind = Kind.CONFLICT
    title = {"en": "The planned way is no longer possible", "zh-Hans": "原定运输方案已不可行"}
    detail = {
        "en": "A departure of this option is full or gone, and no other way keeps its price and promise. Nothing was ordered: "
        "choose among the fresh options in `quote`, or ask for a new one.",
        "zh-Hans": "该方案中的班次已满或已发车，且没有其他方案能保持原价格与承诺时间。未下单，请在 quote 的新方案中选择，或重新询价。",
    }
    members = ("quote",)


class NotForSale(Problem):
    slug = "not-for-sale"
    kind = Kind.CONFLICT
    title = {"en": "This listing is not for sale now", "zh-Hans": "该商品当前不可购买"}
    detail = {
        "en": "{listing} is not published. Choose another listing.",
        "zh-Hans": "{listing} 未上架，请选择其他商品。",
    }
    members = ("listing",)


class AlreadyShipped(Problem):
    slug = "already-shipped"
    kind = Kind.CONFLICT
    title = {"en": "The goods are on their way", "zh-Hans": "货物已发出"}
    detail = {
        "en": "A consignment of this order has been handed in, so it cannot be cancelled any more.",
        "zh-Hans": "该订单已有货物交运，无法取消。",
    }


class CancelReasonUnusable(Problem):
    slug = "cancel-reason-unusable"
    kind = Kind.INVALID
    title = {"en": "This reason cannot be given here", "zh-Hans": "不能使用该取消原因"}
    detail = {
        "en": "{reason} is not a reason that you may give for an order in its present state. Choose one of: {choices}.",
        "zh-Hans": "您不能以 {reason} 为由取消当前状态的订单。可选：{choices}。",
    }
    members = ("reason", "reasons")

    def __init__(self, reason: str, reasons: Sequence[str]) -> None:
        choices = ", ".join(reasons)
        gap = Gap("/reason", {"en": f"Choose one of: {choices}", "zh-Hans": f"可选：{choices}"})
        super().__init__(gaps=[gap], reason=reason, reasons=list(reasons), choices=choices)


class OptionMissing(Problem):
    slug = "option-missing"
    kind = Kind.INVALID
    title = {"en": "The quote has no such option", "zh-Hans": "报价中没有该方案"}
    detail = {
        "en": "{option} is not an option of this quote. Choose one that it lists.",
        "zh-Hans": "该报价不含方案 {option}，请从报价列出的方案中选择。",
    }
