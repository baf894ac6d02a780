"""What a carrier has to carry: bookings with the tracking numbers under which it reports them."""

from typing import Any

from app.core.database import Reader
from app.core.paging import Page
from app.identity.values import Caller
from app.network.queries import list_bookings
from app.network.schemas import BookingShape
from app.shipments.queries import tracking_numbers


async def show_bookings(reader: Reader, caller: Caller, **wanted: Any) -> Page[BookingShape]:
    """A page of `app.network.queries.list_bookings`, each booking with its consignment's tracking number. Two statements."""
    page = await list_bookings(reader, caller, **wanted)
    numbers = await tracking_numbers(reader, {booking.consignment for booking in page.items})
    named = [booking.model_copy(update={"tracking_number": numbers.get(booking.consignment)}) for booking in page.items]
    return Page(items=named, next_cursor=page.next_cursor)
