"""The refusals of the catalogue."""

from datetime import datetime
from decimal import Decimal

from app.catalogue.values import UPLOADS_WAITING_MAX
from app.core.clock import rfc3339
from app.core.errors import Kind, Problem
from app.core.quantity import as_text

NO_LISTING = {"en": "listing", "zh-Hans": "商品"}
NO_LOT = {"en": "lot", "zh-Hans": "批次"}
NO_MEDIA = {"en": "photo", "zh-Hans": "照片"}
OWN_PRODUCER = {"en": "membership of the producer that sells it", "zh-Hans": "该商品所属生产者的成员身份"}


class ListingIncomplete(Problem):
    slug = "listing-incomplete"
    kind = Kind.INVALID
    title = {"en": "The listing is not complete yet", "zh-Hans": "商品信息尚不完整"}
    detail = {
        "en": "Fill in everything listed in `errors`, then publish again.",
        "zh-Hans": "请补全 errors 中列出的全部内容，然后重新发布。",
    }


class OrderCycleClosed(Problem):
    """Outside the windows of an order cycle; `opens_at` is when the next one opens, null when no departure is known."""

    slug = "order-cycle-closed"
    kind = Kind.CONFLICT
    title = {"en": "Orders are not being taken now", "zh-Hans": "目前不在接单时段"}
    detail = {
        "en": "{listing} is ordered in windows, each for one departure. {next}.",
        "zh-Hans": "{listing} 按班次分时段接单。{next}。",
    }
    members = ("listing", "cycle", "opens_at")

    def __init__(self, listing: str, cycle: str, opens_at: datetime | None) -> None:
        at = rfc3339(opens_at) if opens_at else None
        following = {
            "en": f"Orders open again at {at}: come back then"
            if at
            else "No departure is known: choose another listing",
            "zh-Hans": f"下次接单开始时间：{at}，请届时再来" if at else "目前没有可用班次，请选择其他商品",
        }
        super().__init__(listing=listing, cycle=cycle, opens_at=at, next=following)


class OutOfStock(Problem):
    """`available` is what could be had when it was refused."""

    slug = "out-of-stock"
    kind = Kind.CONFLICT
    title = {"en": "Not enough left", "zh-Hans": "库存不足"}
    detail = {
        "en": "Only {available} of {listing} can be had now. Ask for a new quote with less, or choose another listing.",
        "zh-Hans": "{listing} 目前仅余 {available}。请减少数量后重新询价，或选择其他商品。",
    }
    members = ("listing", "available")

    def __init__(self, listing: str, available: Decimal) -> None:
        super().__init__(listing=listing, available=as_text(available))


class GoodsWouldSpoil(Problem):
    """They could be carried there, but on no way would enough of them still be good: `good_until` is when they no longer are."""

    slug = "goods-would-spoil"
    kind = Kind.CONFLICT
    title = {"en": "It would spoil on the way", "zh-Hans": "到货前将过保质期"}
    detail = {
        "en": "{listing} is good until {good_until}, and every way there arrives later. Choose a nearer place, less of it, or other goods.",
        "zh-Hans": "{listing} 的保质期到 {good_until}，所有路线都会更晚到达。请选择更近的收货地、减少数量或选购其他商品。",
    }
    members = ("listing", "good_until")

    def __init__(self, listing: str, good_until: datetime) -> None:
        self.listing, self.until = listing, good_until
        super().__init__(listing=listing, good_until=rfc3339(good_until))


class OfferChanged(Problem):
    slug = "offer-changed"
    kind = Kind.CONFLICT
    title = {"en": "The offer has changed", "zh-Hans": "商品信息已变更"}
    detail = {
        "en": "{listing} has changed or is no longer on sale since the quote was made. Ask for a new quote.",
        "zh-Hans": "报价后 {listing} 已变更或停止销售。请重新询价。",
    }
    members = ("listing",)

    def __init__(self, listing: str) -> None:
        super().__init__(listing=listing)


class StockTaken(Problem):
    slug = "stock-taken"
    kind = Kind.CONFLICT
    title = {"en": "Part of this lot is sold already", "zh-Hans": "该批次已有部分售出"}
    detail = {
        "en": "{taken} of this lot are reserved or delivered: its quantity cannot be less.",
        "zh-Hans": "该批次已有 {taken} 被预订或交付，数量不能更少。",
    }
    members = ("taken",)


class AnimalSold(Problem):
    slug = "animal-sold"
    kind = Kind.CONFLICT
    title = {"en": "An animal of this lot is sold", "zh-Hans": "该批次中有牲畜已售出"}
    detail = {
        "en": "The animal with ear tag {tag} is ordered or handed over: its tag stays in this lot. Cancel that order first.",
        "zh-Hans": "耳标为 {tag} 的牲畜已被订购或交付，耳标须保留在该批次。请先取消相应订单。",
    }
    members = ("tag",)


class UploadMissing(Problem):
    slug = "upload-missing"
    kind = Kind.CONFLICT
    title = {"en": "Nothing has been uploaded yet", "zh-Hans": "尚未上传文件"}
    detail = {
        "en": "Send the file to the upload address first. If that has expired, repeat POST /v1/media with the same id.",
        "zh-Hans": "请先把文件上传到给定地址。若地址已过期，请用相同编号重新请求 POST /v1/media。",
    }


class UploadDiffers(Problem):
    slug = "upload-differs"
    kind = Kind.CONFLICT
    title = {"en": "The file is not the one that was announced", "zh-Hans": "上传的文件与申报不符"}
    detail = {
        "en": "Its size or SHA-256 differs from what POST /v1/media was told. Upload that file again, or announce this one.",
        "zh-Hans": "文件大小或 SHA-256 与 POST /v1/media 中申报的不同。请重新上传，或重新申报此文件。",
    }


class TooManyUploads(Problem):
    slug = "too-many-uploads"
    kind = Kind.CONFLICT
    title = {"en": "Many uploads are waiting", "zh-Hans": "待用的上传过多"}
    detail = {
        "en": "You have {max} photos that no listing shows. Put them on a listing, or wait a day until they are forgotten.",
        "zh-Hans": "您有 {max} 张照片尚未用于商品。请先用于商品，或等待一天后自动清除。",
    }

    def __init__(self) -> None:
        super().__init__(max=UPLOADS_WAITING_MAX)


class GoodsRecalled(Problem):
    slug = "goods-recalled"
    kind = Kind.CONFLICT
    title = {"en": "These goods are recalled", "zh-Hans": "商品已被召回"}
    detail = {
        "en": "The goods of {listing} that were kept for you are recalled and cannot be ordered. Ask the producer, or withdraw the offer.",
        "zh-Hans": "为您保留的 {listing} 商品已被召回，不能下单。请联系卖家，或撤回议价。",
    }
    members = ("listing",)
