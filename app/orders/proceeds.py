"""Who gets what of what a buyer pays, and how much of it is carriage: the number that is to come down. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from app.core.money import Money
from app.ledger.rules import proceeds
from app.ledger.values import PriceParts, Share
from app.orders.proceeds_schemas import ProceedsShape

WHOLE_BPS: Final = 10_000


def carriage_bps(carriage_minor: int, paid_minor: int) -> int | None:
    """Carriage as ten-thousandths of what the buyer pays, rounded half up; None of nothing."""
    return (2 * carriage_minor * WHOLE_BPS + paid_minor) // (2 * paid_minor) if paid_minor > 0 else None


def goods_of(sold: Iterable[tuple[str, int]]) -> dict[str, int]:
    """What each producer sold, from (producer, total) by line."""
    goods: dict[str, int] = {}
    for producer, total_minor in sold:
        goods[producer] = goods.get(producer, 0) + total_minor
    return goods


def proceeds_shape(parts: PriceParts, fee_bps: int, shares: Mapping[str, Share] | None = None) -> ProceedsShape:
    """The parts as the ledger divides them: producers, carriage, packaging, platform and duties are the total and the subsidy."""
    split = proceeds(parts, fee_bps, shares)
    carriage_minor = sum(split.carriers_minor.values())

    def money(amount_minor: int) -> Money:
        return Money(amount_minor, split.currency)

    return ProceedsShape(
        producers=money(sum(split.producers_minor.values())),
        cooperatives=money(sum(split.cooperatives_minor.values())),
        carriage=money(carriage_minor),
        packaging=money(split.packaging_minor),
        platform=money(split.platform_fee_minor),
        duties=money(split.duties_minor),
        subsidy=money(split.subsidy_minor),
        carriage_bps=carriage_bps(carriage_minor, split.paid_minor),
    )
