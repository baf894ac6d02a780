"""The words of the pages in each language, and how times, distances, weights and counts are written."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from app.core.clock import LEGAL_TIME
from app.network.values import Temperature

RIGHT_TO_LEFT: Final = frozenset({"ug"})
LANGUAGE_NAMES: Final = {"zh-Hans": "中文", "en": "English"}

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Where is it?",
        "languages": "Language",
        "tracking_number": "Tracking number",
        "expected": "Expected",
        "delivered_at": "Delivered",
        "promised": "Promised by {when}",
        "on_time": "On time",
        "late": "Later than promised",
        "damaged": "Damage was reported on the way.",
        "recalled": "RECALL: {title}. {reason}. What to do: {advice}",
        "replanned": "The way or its times have changed: {reason}",
        "stranded": "It cannot go on for now: {reason}. A new way is being looked for.",
        "heard": "Last heard of {when}",
        "plan_changed": "What has changed",
        "before": "Before",
        "now": "Now",
        "by_when": "promised by {when}",
        "temperature": "Temperature",
        "measured_at": "measured {when}",
        "band": "To be kept between {low} and {high}:",
        "band_to": "To be kept at {degrees} or colder:",
        "band_from": "To be kept at {degrees} or warmer:",
        "band_kept": "{asked} kept, in every reading.",
        "band_left": "{asked} left on the way.",
        "excursion": "{began} to {ended}: as far as {worst}",
        "excursion_open": "Since {began}, and still: as far as {worst}",
        "curve": "Curve of {count} readings, from {low} to {high}",
        "measured_by": "As instruments showed it that carriers read.",
        "big_map": "Map to move and zoom",
        "big_map_size": "loads {size} kB",
        "map_loading": "Loading the map …",
        "map_failed": "The map could not be loaded. Try again.",
        "zoom_in": "Zoom in",
        "zoom_out": "Zoom out",
        "here": "Here now",
        "live": "Live",
        "checked": "looked at {when}",
        "offline": "No connection: as it was at {when}.",
        "legal_time": "All times are Beijing time (UTC+8).",
        "map": "Map of the journey",
        "map_note": "The faint lines are the whole network. Between hubs the position is reckoned from the timetable.",
        "journey": "Journey",
        "booked": "Order placed",
        "to_door": "To the door",
        "details": "About this shipment",
        "packages": "Packages",
        "package_count": "{count} · {weight}",
        "kept": "Kept",
        "unit": "Rides in unit (SSCC)",
        "unit_way": "Together with other goods of the order, {from} – {to}.",
        "footprint": "Carbon footprint",
        "co2e": "{amount} CO₂e",
        "co2e_none": "No sourced figure yet",
        "covers": "Counts {part}.",
        "covers_rides": "{known} of {all} rides",
        "covers_all_rides": "every ride",
        "covers_hubs": "handling at hubs",
        "covers_packaging": "packaging",
        "misses": "Not counted, for want of a sourced figure: {part}.",
        "misses_rides": "{missing} of {all} rides",
        "and": ", ",
        "distance": "{km} km",
        "hand_in": "To be handed in at {hub} by {when}",
        "to_first_hub": "On its way to {hub}",
        "between": "From {from} to {to}",
        "last_seen": "Last seen: {hub}",
        "goes_on": "{hub} · goes on {when}",
        "waits": "{hub} · waiting to go on",
        "at_end": "{hub} · ready for the last stretch",
        "whole_way": "{from} – {to} · {distance}",
        "travelled": "Distance travelled",
        "cancelled_text": "The order was cancelled before the goods were handed in.",
        "ask_seller": "Ask the seller what happens next.",
        "missing_title": "No shipment with this number",
        "missing_text": "Every digit fits, but we know no shipment with this number. Compare it with your order.",
        "mistyped_title": "This number is mistyped",
        "mistyped_text": "A tracking number is CM and 13 digits, and the last digit proves the others. Here it does not.",
        "unit_title": "This is the number of a load unit",
        "unit_text": "It carries {count} consignments together, from {from} to {to}. Its number is for the carriers; to see one shipment, type the tracking number from your order or from the label.",
        "find_title": "Where is your shipment?",
        "find_text": "Type the tracking number from your order or from the label: CM and 13 digits.",
        "find": "Find it",
        "source": "Places: GeoNames, CC BY 4.0",
        "picture_from": "from {when}",
        "picture_hand_in": "hand in by {when}",
        "picture_by": "there by {when}",
        "picture_way": "one sensible way",
        "picture_ways": "{count} sensible ways",
        "picture_source": "Beijing time (UTC+8) · Land: Natural Earth · Places: GeoNames, CC BY 4.0",
        "because": "{label}: {why}",
    },
    "zh-Hans": {
        "title": "物流查询",
        "languages": "语言",
        "tracking_number": "运单号",
        "expected": "预计送达",
        "delivered_at": "签收时间",
        "promised": "承诺 {when} 前送达",
        "on_time": "准时",
        "late": "晚于承诺时间",
        "damaged": "运输途中报告有破损。",
        "recalled": "召回通知：{title}。原因：{reason}。请您：{advice}",
        "replanned": "运输路线或时间有调整：{reason}",
        "stranded": "暂时无法继续运输：{reason}。正在安排新的路线。",
        "heard": "最近更新：{when}",
        "plan_changed": "变更说明",
        "before": "原计划",
        "now": "现计划",
        "by_when": "承诺 {when} 前送达",
        "temperature": "温度",
        "measured_at": "{when} 测得",
        "band": "要求保持在 {low} 至 {high}：",
        "band_to": "要求保持在 {degrees} 以下：",
        "band_from": "要求保持在 {degrees} 以上：",
        "band_kept": "{asked}每次测量均符合。",
        "band_left": "{asked}途中曾超出范围。",
        "excursion": "{began} 至 {ended}：最大偏离至 {worst}",
        "excursion_open": "自 {began} 起仍未恢复：最大偏离至 {worst}",
        "curve": "共 {count} 次测量的曲线，{low} 至 {high}",
        "measured_by": "数据来自承运方读取的仪器。",
        "big_map": "可缩放地图",
        "big_map_size": "需加载 {size} kB",
        "map_loading": "正在加载地图……",
        "map_failed": "地图加载失败，请重试。",
        "zoom_in": "放大",
        "zoom_out": "缩小",
        "here": "当前位置",
        "live": "实时",
        "checked": "{when} 已核对",
        "offline": "网络已断开：以下为 {when} 的信息。",
        "legal_time": "所有时间均为北京时间（UTC+8）。",
        "map": "运输路线图",
        "map_note": "浅色线条为整个运输网络；站点之间的位置按时刻表推算。",
        "journey": "物流轨迹",
        "booked": "已下单",
        "to_door": "送货上门",
        "details": "运单详情",
        "packages": "包裹",
        "package_count": "{count} 件 · {weight}",
        "kept": "温度要求",
        "unit": "所在合装单元（SSCC）",
        "unit_way": "与同一订单的其他货物同行：{from} → {to}。",
        "footprint": "碳足迹",
        "co2e": "{amount} CO₂e",
        "co2e_none": "暂无有据可查的数据",
        "covers": "已计入：{part}。",
        "covers_rides": "{all} 段运输中的 {known} 段",
        "covers_all_rides": "全部路段",
        "covers_hubs": "站点作业",
        "covers_packaging": "包装",
        "misses": "因缺少有据可查的数据未计入：{part}。",
        "misses_rides": "{all} 段运输中的 {missing} 段",
        "and": "、",
        "distance": "{km} 公里",
        "hand_in": "待于 {when} 前在{hub}交寄",
        "to_first_hub": "正送往{hub}",
        "between": "{from} → {to}",
        "last_seen": "最近位置：{hub}",
        "goes_on": "{hub} · {when} 继续发运",
        "waits": "{hub} · 等待发运",
        "at_end": "{hub} · 准备末端派送",
        "whole_way": "{from} → {to} · {distance}",
        "travelled": "已行驶里程",
        "cancelled_text": "订单在交寄之前已取消。",
        "ask_seller": "后续处理请联系卖家。",
        "missing_title": "没有找到该运单",
        "missing_text": "号码校验无误，但没有对应的运单。请与订单核对。",
        "mistyped_title": "运单号输入有误",
        "mistyped_text": "运单号由 CM 加 13 位数字组成，末位用于校验，您输入的号码校验不符。",
        "unit_title": "这是合装单元的编号",
        "unit_text": "该单元内有 {count} 票货物，由 {from} 运往 {to}。此编号供承运人使用；查询单个包裹请输入订单或面单上的运单号。",
        "find_title": "查询您的包裹",
        "find_text": "请输入订单或面单上的运单号：CM 加 13 位数字。",
        "find": "查询",
        "source": "地名数据：GeoNames，CC BY 4.0",
        "picture_from": "{when} 之后发运",
        "picture_hand_in": "{when} 之前交货",
        "picture_by": "{when} 之前到达",
        "picture_way": "共 1 种可行方案",
        "picture_ways": "共 {count} 种可行方案",
        "picture_source": "北京时间（UTC+8） · 陆地轮廓：Natural Earth · 地名：GeoNames，CC BY 4.0",
        "because": "{label}：{why}",
    },
}
KEPT: Final[Mapping[Temperature, Mapping[str, str]]] = {
    Temperature.AMBIENT: {"en": "At ambient temperature", "zh-Hans": "常温"},
    Temperature.CHILLED: {"en": "Chilled", "zh-Hans": "冷藏"},
    Temperature.FROZEN: {"en": "Frozen", "zh-Hans": "冷冻"},
    Temperature.LIVE: {"en": "Live animals", "zh-Hans": "活体"},
}
LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "cheapest": {"en": "Cheapest", "zh-Hans": "最便宜"},
    "fastest": {"en": "Fastest", "zh-Hans": "最快"},
    "greenest": {"en": "Greenest", "zh-Hans": "最低碳"},
}
_UNITS: Final = {"en": {"g": "g", "kg": "kg", "t": "t"}, "zh-Hans": {"g": "克", "kg": "千克", "t": "吨"}}
_DAYS: Final = {"en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "zh-Hans": tuple("一二三四五六日")}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(at: datetime, language: str) -> str:
    """A time as people there read it off the wall: `Fri 6 Mar 14:00`, `3月6日周五 14:00`."""
    local = at.astimezone(LEGAL_TIME)
    weekday = _DAYS[language][local.weekday()]
    if language == "zh-Hans":
        return f"{local.month}月{local.day}日周{weekday} {local:%H:%M}"
    return f"{weekday} {local.day} {_MONTHS[local.month - 1]} {local:%H:%M}"


def short_moment(at: datetime, language: str) -> str:
    """The same without the day of the week, for the timeline."""
    local = at.astimezone(LEGAL_TIME)
    if language == "zh-Hans":
        return f"{local.month}月{local.day}日 {local:%H:%M}"
    return f"{local.day} {_MONTHS[local.month - 1]} {local:%H:%M}"


def weight(grams: int, language: str) -> str:
    """Grams as `720 g`, `32.2 kg`, `1,240 kg` or `15 t`."""
    units = _UNITS[language]
    if grams < 1_000:
        return f"{grams} {units['g']}"
    if grams < 100_000:
        return f"{grams / 1_000:.1f}".removesuffix(".0") + f" {units['kg']}"
    if grams < 10_000_000:
        return f"{grams / 1_000:,.0f} {units['kg']}"
    return f"{grams / 1_000_000:,.0f} {units['t']}"


def distance(metres: int, language: str) -> str:
    return WORDS[language]["distance"].format(km=f"{max(1, round(metres / 1_000)):,}")
