"""The refusals of shipments."""

from app.core.errors import Kind, Problem


class TrackingNumberMistyped(Problem):
    slug = "tracking-number-mistyped"
    kind = Kind.MISSING
    title = {"en": "This tracking number is mistyped", "zh-Hans": "运单号输入有误"}
    detail = {
        "en": "The number is mistyped: its last digit does not fit the others. A tracking number is CM and 13 digits; compare it with your order or the label.",
        "zh-Hans": "运单号输入有误：末位校验码不符。运单号由 CM 加 13 位数字组成，请与订单或面单核对。",
    }


class EventInFuture(Problem):
    slug = "event-in-future"
    kind = Kind.INVALID
    title = {"en": "This has not happened yet", "zh-Hans": "事件时间晚于当前时间"}
    detail = {
        "en": "{field} lies more than {minutes} minutes ahead of our clock. Set the clock of the device, or send an `estimated` event.",
        "zh-Hans": "{field} 比当前时间晚 {minutes} 分钟以上。请校准设备时钟；预计时间请使用 estimated 事件。",
    }


class EventConflict(Problem):
    slug = "event-conflict"
    kind = Kind.CONFLICT
    title = {"en": "This event id was used for something else", "zh-Hans": "该事件编号已用于其他内容"}
    detail = {
        "en": "You sent {id} before with other content, and events are never changed. Send the right one with an id of its own and `corrects`: {id}.",
        "zh-Hans": "编号 {id} 此前已用于不同内容，事件不可修改。请用新的编号重新发送，并填写 corrects：{id}。",
    }


class EventLimitReached(Problem):
    slug = "event-limit-reached"
    kind = Kind.CONFLICT
    title = {"en": "This consignment has too many events", "zh-Hans": "该运单的事件过多"}
    detail = {
        "en": "A consignment holds at most {limit} events. Send only changes of custody or place; ask the operator if it needs more.",
        "zh-Hans": "每个运单最多 {limit} 个事件。请只发送交接或位置变化；如确有需要请联系运营方。",
    }


class WhereaboutsUnknown(Problem):
    """Goods left a hub for somewhere that is not on their way, and nobody has seen them since."""

    slug = "whereabouts-unknown"
    kind = Kind.CONFLICT
    title = {"en": "Nobody knows where the goods are", "zh-Hans": "货物去向不明"}
    detail = {
        "en": "They left their way, and no event says where they are. Ask the carrier, record where they were received, and try again.",
        "zh-Hans": "货物已偏离路线，且没有事件说明其位置。请联系承运人，登记收货地点后再试。",
    }


class NotSoldByWeight(Problem):
    slug = "not-sold-by-weight"
    kind = Kind.CONFLICT
    title = {"en": "These goods are not settled by weight", "zh-Hans": "该商品不按重量结算"}
    detail = {
        "en": "Line {line} has a price for a sales unit, whatever it weighs. Weigh in a line that has `weighing` in its order.",
        "zh-Hans": "商品行 {line} 按销售单位计价，与重量无关。请对订单中含 weighing 的商品行过磅。",
    }
    members = ("line",)


class WeighedAlready(Problem):
    slug = "weighed-already"
    kind = Kind.CONFLICT
    title = {"en": "These goods have been weighed", "zh-Hans": "该商品已过磅"}
    detail = {
        "en": "{weigh_in} stands. It could be corrected until the goods departed or were taken off; tell the operator if it is wrong.",
        "zh-Hans": "{weigh_in} 已生效。仅在货物发出或取消前可更正；如有误请联系平台。",
    }
    members = ("weigh_in",)


class SignatureWrong(Problem):
    slug = "signature-wrong"
    kind = Kind.INVALID
    title = {"en": "The signature does not fit", "zh-Hans": "签名不符"}
    detail = {
        "en": "`signature` must be of the text in `payload`, by the Ed25519 key that is registered with this API key. Sign exactly that text and send it again.",
        "zh-Hans": "signature 须为使用本 API 密钥登记的 Ed25519 密钥对 payload 文本的签名。请对该文本重新签名后提交。",
    }
    members = ("payload",)


class GoodsUnderWay(Problem):
    slug = "goods-under-way"
    kind = Kind.CONFLICT
    title = {"en": "The goods have departed", "zh-Hans": "货物已发出"}
    detail = {
        "en": "Nothing can be taken off any more. Accept the weight, or wait: by itself the line then costs no more than the upper end of the range. After delivery it can be claimed.",
        "zh-Hans": "货物已发出，无法取消该商品。可接受该重量，或等待系统按不超过约定上限结算；签收后可申请售后。",
    }


class WeightDoesNotFit(Problem):
    """Goods that are heavier than planned have no room on a departure that they are booked on."""

    slug = "weight-does-not-fit"
    kind = Kind.CONFLICT
    title = {"en": "There is no room for so much", "zh-Hans": "剩余运力不足"}
    detail = {
        "en": "{service} at {departure_at} has room for {fits_g} g more, and this needs {needs_g} g more. Nothing was recorded: hand back what is too much "
        "and weigh again, or tell the operator.",
        "zh-Hans": "{service} 的 {departure_at} 班次仅剩 {fits_g} 克，此次需增加 {needs_g} 克。未作登记：请退回超出部分后重新过磅，或联系平台。",
    }
    members = ("service", "departure_at", "fits_g", "needs_g")


class NothingRecorded(Problem):
    """Of a batch in DCSA's words, no event could be taken: as that standard has it, only then is the answer an error."""

    slug = "no-event-recorded"
    kind = Kind.INVALID
    title = {"en": "No event was recorded", "zh-Hans": "未登记任何事件"}
    detail = {
        "en": "`feedbackElements` says for each event what is wrong with it. Correct them and send them again.",
        "zh-Hans": "各事件的问题见 feedbackElements，请改正后重新提交。",
    }
    members = ("feedbackElements",)


class NumbersUsedUp(Problem):
    slug = "numbers-used-up"
    kind = Kind.BROKEN
    title = {"en": "No package number is free", "zh-Hans": "包裹编号已用尽"}
    detail = {
        "en": "Nearly every SSCC of the GS1 company prefix of this service is taken. Tell its operator, who needs a shorter prefix.",
        "zh-Hans": "本服务的 GS1 厂商识别代码下的 SSCC 几乎已用尽。请联系运营方更换较短的厂商识别代码。",
    }


class TooManyLabels(Problem):
    slug = "too-many-labels"
    kind = Kind.INVALID
    title = {"en": "Too many labels at once", "zh-Hans": "一次请求的面单过多"}
    detail = {
        "en": "These are {count} packages; at most {labels_max} labels are drawn at once. Ask for them in parts.",
        "zh-Hans": "共 {count} 个包裹，一次最多生成 {labels_max} 张面单。请分批请求。",
    }
    members = ("count", "labels_max")


class ManifestTooLong(Problem):
    slug = "manifest-too-long"
    kind = Kind.INVALID
    title = {"en": "Too many consignments for one manifest", "zh-Hans": "交接清单过长"}
    detail = {
        "en": "More than {consignments_max} consignments are booked on this run from this hub. Read them page by page at `/v1/bookings`.",
        "zh-Hans": "该班次在此站点的预订超过 {consignments_max} 票。请通过 `/v1/bookings` 分页读取。",
    }
    members = ("consignments_max",)
