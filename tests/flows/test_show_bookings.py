"""What a carrier has to carry, and under which number it reports it."""

from app.flows.show_bookings import show_bookings
from tests.factories.identity import an_operator
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.village import a_village

template, ports = networked, planned


async def test_every_booking_has_the_tracking_number_of_its_consignment(ports):
    village = await a_village(ports)
    order = await an_order(ports, village.buyer, village.basket)
    operator = (await an_operator(ports)).caller
    window = dict.fromkeys(("service", "from_at", "until_at", "cursor"))
    async with ports.database.read() as connection:
        page = await show_bookings(connection, operator, limit=100, language="en", **window)
    numbers = {(booking.consignment, booking.tracking_number) for booking in page.items}
    assert numbers == {(c["id"], c["tracking_number"]) for c in order["consignments"]}
