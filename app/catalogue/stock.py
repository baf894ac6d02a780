"""Which lots give: what spoils first goes first, of what is there when it is handed in and still good when it arrives. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.catalogue.errors import OfferChanged, OutOfStock
from app.catalogue.values import Held, LotStock, StockWant, Taken


@dataclass(frozen=True, slots=True)
class Supply:
    """When the lots that a line takes can be handed in together, and from when the last of them is there."""

    ready_at: datetime
    since: datetime | None


def first_expired(lots: Iterable[LotStock]) -> list[LotStock]:
    """What spoils first, then what is there first, then what came first."""
    return sorted(lots, key=lambda lot: (lot.expires_at is None, lot.expires_at, _since(lot), lot.id))


def choose_lots(wants: Iterable[StockWant], lots: Iterable[LotStock]) -> list[Taken]:
    """Take from the lots that spoil first of those that keep the promise of the line.

    Raises `OutOfStock` for the first line that lacks, or `OfferChanged` when there is enough, but not in time or not good
    for long enough: then another promise has to be made.
    """
    by_listing: dict[str, list[LotStock]] = {}
    for lot in first_expired(lots):
        by_listing.setdefault(lot.listing_id, []).append(lot)
    free = {(lot.listing_id, lot.id): lot.free for listed in by_listing.values() for lot in listed}
    taken = []
    for want in wants:
        listed = by_listing.get(want.listing_id, [])
        fitting = [lot for lot in listed if _keeps(lot, want)]
        missing = want.quantity
        available = sum((free[lot.listing_id, lot.id] for lot in fitting), Decimal(0))
        if missing > available:
            if missing <= sum((free[lot.listing_id, lot.id] for lot in listed), Decimal(0)):
                raise OfferChanged(want.listing_id)
            raise OutOfStock(want.listing_id, available)
        for lot in fitting:
            part = min(missing, free[lot.listing_id, lot.id])
            if part > 0:
                taken.append(Taken(want.line_id, want.listing_id, lot.id, part))
                free[lot.listing_id, lot.id] -= part
                missing -= part
    return taken


def supply(
    lots: Sequence[LotStock],
    quantity: Decimal,
    start: datetime,
    until: datetime | None = None,
    spoilt_by: datetime | None = None,
) -> Supply:
    """When so much can be handed in, from `start` on and by `until`, out of the lots that spoil first.

    Lots that have spoilt by `spoilt_by`, or before they could be handed in, are passed over. Raises `OutOfStock`.
    """
    from_then = max(start, spoilt_by or start)
    usable = [
        lot
        for lot in first_expired(lots)
        if (lot.expires_at is None or lot.expires_at > max(from_then, lot.available_from or start))
        and (until is None or lot.available_from is None or lot.available_from <= until)
    ]
    since: datetime | None = None
    missing = quantity
    for lot in usable:
        if missing <= 0:
            break
        since = max(filter(None, (since, lot.available_from)), default=None)
        missing -= lot.free
    if missing > 0:
        raise OutOfStock(lots[0].listing_id, quantity - missing)
    return Supply(max(start, since or start), since)


def good_until(
    lots: Iterable[LotStock], quantity: Decimal, ready_at: datetime, spoilt_by: datetime | None = None
) -> datetime | None:
    """The last moment at which so much is good, of what `supply` may take by `ready_at`; None when it keeps."""
    missing = quantity
    there = [lot for lot in lots if _is_there(lot, ready_at)]
    for lot in reversed(first_expired(there)):
        if spoilt_by is not None and lot.expires_at is not None and lot.expires_at <= spoilt_by:
            break
        missing -= lot.free
        if missing <= 0:
            return lot.expires_at
    raise AssertionError("supply found enough")


def share_out(held: Iterable[Held], harvested: Decimal, may_change: Collection[str]) -> dict[str, Decimal]:
    """The orders that a harvest is too small for, with what their line comes to: cut down to what is left, or nothing.

    First ordered, first served; what cannot change any more is served before all. A line is cut to whole steps and never below the
    least that is sold; what is left over serves whoever ordered later, so that as little as possible stays.
    """
    left, cut = harvested, {}
    for each in sorted(held, key=lambda one: (one.order_id in may_change, one.created_at, one.order_id)):
        if each.order_id not in may_change or each.quantity <= left:
            left -= each.quantity
            continue
        cut[each.order_id] = total = _most_of(each, max(left, Decimal(0)))
        left -= max(total - each.other, Decimal(0))
    return cut


def _most_of(held: Held, left: Decimal) -> Decimal:
    """The most that the line may still hold, with so much left of this lot."""
    total = (held.other + min(held.quantity, left)) // held.step * held.step
    return total if total >= held.least else Decimal(0)


def _since(lot: LotStock) -> float:
    return lot.available_from.timestamp() if lot.available_from else 0.0


def _is_there(lot: LotStock, at: datetime) -> bool:
    return lot.available_from is None or lot.available_from <= at


def _keeps(lot: LotStock, want: StockWant) -> bool:
    in_time = want.ready_at is None or _is_there(lot, want.ready_at)
    return in_time and (want.arrives_at is None or lot.expires_at is None or lot.expires_at >= want.arrives_at)
