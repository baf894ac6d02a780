"""Verbs of a weekly capacity: each calendar week of legal time is a lot of what hands can make in it.

The first weeks sell first, so that the lead time grows with the queue; reserving and giving back are those of every lot.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import select, text
from sqlmodel import col

from app.catalogue.models import Listing, Lot
from app.catalogue.presale import load_presale
from app.catalogue.rules import legal_day, week_ends_at, week_of
from app.core.database import Session
from app.core.ids import new_id
from app.core.limits import WEEKS_AHEAD

LISTINGS_PER_SWEEP_MAX: Final = 500
_WEEK: Final = timedelta(days=7)
_FORGET: Final = text(
    "DELETE FROM lot WHERE listing_id = :listing AND made_in < :monday AND reserved = 0 AND consumed = 0 "
    "AND NOT EXISTS (SELECT FROM reservation WHERE reservation.listing_id = lot.listing_id AND reservation.lot_id = lot.id)"
)


async def keep_weeks(session: Session, listing: Listing, now: datetime, *, anew: bool = False) -> None:
    """A locked listing has a lot for each of the next weeks, this one included; unsold ones of weeks that are over go.

    What its seller made of a single week stays, but `anew`: then every week to come is of the present capacity, and of no less than
    is sold. Locks those lots, in the order of all.
    """
    this = week_of(legal_day(now))
    ahead = select(Lot).where(col(Lot.listing_id) == listing.id, col(Lot.made_in) >= this).order_by(col(Lot.id))
    lots = (await session.scalars(ahead.with_for_update(), execution_options={"populate_existing": True})).all()
    capacity = listing.capacity_per_week or Decimal(0)
    if anew:
        for lot in lots:
            _set(lot, capacity)
    policy = load_presale().get(listing.category)
    if capacity > 0 and policy is not None:
        there = {lot.made_in for lot in lots}
        weeks = (this + number * _WEEK for number in range(WEEKS_AHEAD))
        session.add_all(
            Lot(
                id=new_id("lot"),
                listing_id=listing.id,
                quantity=capacity,
                reserved=Decimal(0),
                consumed=Decimal(0),
                available_from=week_ends_at(monday),
                ear_tags=[],
                certificates=[],
                presold_max=capacity,
                presale_policy=policy.version,
                made_in=monday,
                created_from="week",
                created_at=now,
            )
            for monday in weeks
            if monday not in there
        )
    await session.flush()
    await session.execute(_FORGET, {"listing": listing.id, "monday": this})


def _set(lot: Lot, capacity: Decimal) -> None:
    """Of a week that is being confirmed, or was, what came stays."""
    if lot.presold_max is None or lot.harvested is not None:
        return
    lot.presold_max = max(capacity, lot.reserved + lot.consumed)
    if lot.presold_max > 0:
        lot.quantity = lot.presold_max


async def renew_weeks(session: Session, after: str, now: datetime) -> str | None:
    """Do so for the next listings on sale that have a capacity, locked by id; answers the id to go on after, None at the end."""
    wanted = (
        select(Listing)
        .where(col(Listing.id) > after, col(Listing.capacity_per_week) > 0, col(Listing.status) == "published")
        .order_by(col(Listing.id))
        .limit(LISTINGS_PER_SWEEP_MAX)
    )
    listings = (await session.scalars(wanted.with_for_update(), execution_options={"populate_existing": True})).all()
    for listing in listings:
        await keep_weeks(session, listing, now)
    return listings[-1].id if len(listings) == LISTINGS_PER_SWEEP_MAX else None
