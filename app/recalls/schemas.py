"""Shapes of recalls: what is called back and why, and the goods that it concerns."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.core.ids import pattern
from app.core.schema import Shape, Time
from app.core.text import LocalText, NamedText

RECALL_ID: Final = pattern("rcl")
# Ids of lots are made by their sellers: two of them may have one in common.
LOT_ID: Final = pattern("lot")
_REASON: Final = {"en": "Pesticide above the limit", "zh-Hans": "农药残留超标"}
_ADVICE: Final = {"en": "Do not eat it; keep it for collection", "zh-Hans": "请勿食用，留待上门回收"}
_ASKED: Final = {"reason": _REASON, "advice": _ADVICE}
_RECALL: Final = {
    "id": "rcl_01jd0000000000000000000000",
    "lot": "lot_01jd0000000000000000000000",
    "listing": "lst_01jd0000000000000000000000",
    "producer": "prd_01jd0000000000000000000000",
    "title": {"en": "Hotan jujube", "zh-Hans": "和田大枣"},
    **_ASKED,
    "by_operator": False,
    "created_at": "2026-03-05T08:00:00Z",
    "lifted_at": None,
    "lift_reason": None,
    "orders": 12,
    "consignments": 12,
    "told": 12,
}
_GOODS: Final = {
    "order": "ord_01jd0000000000000000000000",
    "order_number": "26-7KQX-3MPA",
    "line": "lin_01jd0000000000000000000000",
    "quantity": "3",
    "consignment": "con_01jd0000000000000000000000",
    "tracking_number": "CM3141592653589",
    "status": "in_transit",
    "hub": "URUMQI",
    "buyer": None,
    "told_at": "2026-03-05T08:00:01Z",
    "lift_told_at": None,
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


RecallId = Annotated[str, Field(pattern=RECALL_ID, examples=[_RECALL["id"]])]
LotId = Annotated[str, Field(pattern=LOT_ID, examples=[_RECALL["lot"]])]


class NewRecall(Shape):
    """Why a lot is called back, and what its buyers should do with what they have."""

    model_config: ClassVar[ConfigDict] = _example(_ASKED)

    id: RecallId | None = None
    reason: NamedText
    advice: NamedText


class LiftRecall(Shape):
    """Why a recall is over."""

    model_config: ClassVar[ConfigDict] = _example({"reason": {"en": "The second analysis found nothing"}})

    reason: NamedText


class RecallShape(Shape):
    """A recall of a lot. `orders` and `consignments` have goods of it; of so many orders the buyer has been `told`."""

    model_config: ClassVar[ConfigDict] = _example(_RECALL)

    id: str
    lot: str
    listing: str
    producer: str
    title: LocalText
    reason: LocalText
    advice: LocalText
    by_operator: bool
    created_at: Time
    lifted_at: Time | None
    lift_reason: LocalText | None
    orders: int
    consignments: int
    told: int


class RecalledGoods(Shape):
    """A line with goods of the lot, and where they are now. The buyer is named to operators only."""

    model_config: ClassVar[ConfigDict] = _example(_GOODS)

    order: str
    order_number: str
    line: str
    quantity: str
    consignment: str
    tracking_number: str
    status: str
    hub: str | None
    buyer: Annotated[str | None, Field(description="For operators")]
    told_at: Time | None
    lift_told_at: Time | None
