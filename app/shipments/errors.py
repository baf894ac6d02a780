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
