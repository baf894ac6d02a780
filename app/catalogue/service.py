"""Verbs on listings: create, change, move between states. Stock is in `stock.py`, lots in `lots.py`, photos in `photos.py`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, Text, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.catalogue.attributes import normal_attributes
from app.catalogue.errors import NO_LISTING, OWN_PRODUCER, ListingIncomplete
from app.catalogue.models import EarTag, Listing, Lot, Media
from app.catalogue.queries import Reader, find_listing
from app.catalogue.rendering import columns_of, document_of, facts_of, lot_facts_of, tokens_of
from app.catalogue.rules import is_public, legal_day, missing_facts, missing_stock, next_status, spoils_at, wrong_facts
from app.catalogue.schemas import ListingChange, NewListing
from app.catalogue.values import CURRENCY, LISTINGS_PER_REFRESH_MAX, ListingEvent, ListingStatus, MediaState, Rendered
from app.core.database import Session
from app.core.errors import Changed, Forbidden, Gap, IdTaken, Invalid, NotFound
from app.core.ids import new_id
from app.core.limits import LOTS_PER_LISTING_MAX
from app.core.schema import fingerprint
from app.identity import service as identity
from app.identity.schemas import ProducerShape
from app.identity.values import Caller
