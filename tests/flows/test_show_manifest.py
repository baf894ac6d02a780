"""What goes with a departure: everything booked on the run from a hub, and nothing else."""

from datetime import datetime

import pypdfium2
import pytest

from app.core.errors import Invalid, NotFound
from app.flows.cancel_order import cancel_order
from app.flows.print_labels import print_labels
from app.flows.show_manifest import show_manifest
from app.identity.values import Scope
from app.shipments.label_schemas import LabelsRequest
from app.web.manifest import draw_manifest
from tests.factories.identity import a_partner, an_operator
from tests.factories.network import networked, planned
from tests.factories.orders import an_order
from tests.factories.tables import rows, statements_of
from tests.factories.village import a_village

template, ports = networked, planned


@pytest.fixture
async def ridden(ports):
    """Two orders of the garden that ride the same first run, and where it is boarded."""
    village = await a_village(ports)
    orders = [await an_order(ports, village.buyer, {village.dates: quantity}) for quantity in ("30", "5")]
    leg = orders[0]["consignments"][0]["legs"][0]
    booked = await rows(
        ports,
        "SELECT service_id, run_at, carrier FROM booking WHERE consignment_id = :id AND run_at = :run_at",
        id=orders[0]["consignments"][0]["id"],
        run_at=datetime.fromisoformat(leg["run_at"]),
    )
    return village, orders, booked[0], leg


async def manifest(ports, caller, run, leg, language="en"):
    return await show_manifest(ports, caller, run.service_id, run.run_at, leg["from"], language)


async def test_manifest_names_every_package_with_its_totals(ports, ridden):
    _village, orders, run, leg = ridden
    operator = (await an_operator(ports)).caller
    first, second = (order["consignments"][0] for order in orders)
    await print_labels(ports, operator, LabelsRequest(consignments=[first["id"]]))
    shown = await manifest(ports, operator, run, leg)
    goods = {each.consignment: each for group in shown.groups for each in group.consignments}
    assert set(goods) == {first["id"], second["id"]}
    packages = await rows(ports, "SELECT id, sscc, weight_g, consignment_id FROM package ORDER BY id")
    listed = {package.id: package for each in goods.values() for package in each.packages}
    assert {(p.id, p.sscc, p.weight_g) for p in packages} == {(p.id, p.sscc, p.weight_g) for p in listed.values()}
    assert shown.weight_g == sum(package.weight_g for package in packages)
    assert (shown.consignments, shown.packages) == (2, len(packages))
    assert shown.unlabelled == sum(package.sscc is None for package in packages) > 0
    assert sum(group.weight_g for group in shown.groups) == shown.weight_g
    assert [group.to for group in shown.groups] == [leg["to"]]
    assert shown.departs_at == datetime.fromisoformat(leg["departs_at"])


async def test_what_was_cancelled_does_not_ride(ports, ridden):
    village, orders, run, leg = ridden
    await cancel_order(ports, village.buyer.caller, orders[1]["id"], "en")
    shown = await manifest(ports, (await an_operator(ports)).caller, run, leg)
    assert [each.consignment for group in shown.groups for each in group.consignments] == [
        orders[0]["consignments"][0]["id"]
    ]


async def test_carrier_sees_its_own_runs_only(ports, ridden):
    _, _, run, leg = ridden
    own = await a_partner(ports, run.carrier, Scope.BOOKINGS_READ)
    other = await a_partner(ports, "ELSEWHERE", *Scope)
    assert (await manifest(ports, own.caller, run, leg)).consignments == 2
    with pytest.raises(NotFound):
        await manifest(ports, other.caller, run, leg)


async def test_hub_where_nothing_is_put_on_is_refused(ports, ridden):
    _, _, run, _leg = ridden
    with pytest.raises(Invalid):
        await show_manifest(ports, (await an_operator(ports)).caller, run.service_id, run.run_at, "LHASA", "en")


async def test_three_statements_however_much_is_booked(ports, ridden):
    _, _, run, leg = ridden
    operator = (await an_operator(ports)).caller
    with statements_of(ports.database) as sent:
        await manifest(ports, operator, run, leg)
    assert len(sent) == 3


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
async def test_paper_says_what_the_screen_says(ports, ridden, language):
    _, orders, run, leg = ridden
    operator = (await an_operator(ports)).caller
    await print_labels(ports, operator, LabelsRequest(consignments=[orders[0]["consignments"][0]["id"]]))
    shown = await manifest(ports, operator, run, leg, language)
    said = "".join(
        page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(draw_manifest(shown, language))
    )
    for group in shown.groups:
        assert group.to in said
        for goods in group.consignments:
            assert goods.tracking_number in said
            assert all(package.sscc in said for package in goods.packages if package.sscc)


async def test_empty_run_says_so(ports, ridden):
    _, _, run, leg = ridden
    operator = (await an_operator(ports)).caller
    later = run.run_at.replace(year=run.run_at.year + 1)
    shown = await show_manifest(ports, operator, run.service_id, later, leg["from"], "en")
    assert (shown.groups, shown.packages, shown.departs_at) == ([], 0, None)
    assert draw_manifest(shown, "en").startswith(b"%PDF-")
