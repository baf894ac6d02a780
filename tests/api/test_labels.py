"""Labels over HTTP, and what happens when somebody scans one."""

import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import text

from app.shipments.labels import LabelSize
from app.shipments.rules import sscc
from tests.api.asking import problem_of, town_clock, town_template
from tests.factories.tables import rows, value

template, clock = town_template, town_clock


def scanned(paper):
    """Per page what a scanner reads: the SSCC and the link."""
    read = []
    for page in pypdfium2.PdfDocument(paper):
        found = {each.format.name: each.text for each in zxingcpp.read_barcodes(page.render(scale=203.2 / 72).to_pil())}
        read.append((found["Code128"].removeprefix("(00)"), found["QRCode"]))
    return read


@pytest.fixture
def garden_goods(town):
    return next(each for each in town.placed[0]["consignments"] if each["producer"] == town.village.garden.producer.id)


@pytest.mark.parametrize("size", list(LabelSize))
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
async def test_labels_of_a_consignment_lead_to_its_page(door, town, ports, garden_goods, size, language):
    headers = town.headers["member"] | {"accept-language": language}
    path = f"/v1/consignments/{garden_goods['id']}/labels"
    answer = await door.get(path, params={"size": size}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert (answer.headers["content-language"], answer.headers["cache-control"]) == (language, "no-store")
    kept = await rows(ports, "SELECT sscc FROM package WHERE consignment_id = :id ORDER BY id", id=garden_goods["id"])
    read = scanned(answer.content)
    assert [number for number, _ in read] == [row.sscc for row in kept]
    for number, link in read:
        assert link.endswith(f"/00/{number}")
        led = await door.get(f"/00/{number}")
        assert (led.status_code, led.headers["location"]) == (307, f"/track/{garden_goods['tracking_number']}")
        assert (await door.get(led.headers["location"])).status_code == 200


async def test_a_batch_is_one_document_and_a_repeat_of_its_key_the_same(door, town):
    ids = [each["id"] for order in town.placed for each in order["consignments"]]
    headers = town.headers["operator"] | {"idempotency-key": "labels of today"}
    first = await door.post("/v1/labels", json={"consignments": ids}, headers=headers)
    again = await door.post("/v1/labels", json={"consignments": ids}, headers=headers)
    assert first.status_code == 200
    assert again.content == first.content
    assert (again.headers["content-type"], again.headers["idempotent-replayed"]) == ("application/pdf", "true")
    assert len({number for number, _ in scanned(first.content)}) == len(scanned(first.content)) >= len(ids)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"consignments": []},
        {"consignments": ["con_1"]},
        {"packages": ["12"]},
        {"consignments": ["con_01jd0000000000000000000000"] * 501},
    ],
)
async def test_what_names_nothing_or_too_much_is_refused(door, town, body):
    problem_of(await door.post("/v1/labels", json=body, headers=town.headers["operator"]), 422, "invalid-request")


async def test_links_of_a_code_are_told_to_machines(door, town, garden_goods, ports):
    await door.get(f"/v1/consignments/{garden_goods['id']}/labels", headers=town.headers["member"])
    code = await value(
        ports, "SELECT sscc FROM package WHERE consignment_id = :id ORDER BY id LIMIT 1", id=garden_goods["id"]
    )
    traced = await door.get(f"/00/{code}", params={"linkType": "gs1:traceability"})
    assert (traced.status_code, traced.headers["location"]) == (307, f"/v1/packages/{code}/trace")
    for asked in ({"params": {"linkType": "linkset"}}, {"headers": {"accept": "application/linkset+json"}}):
        told = await door.get(f"/00/{code}", **asked)
        assert told.headers["content-type"] == "application/linkset+json"
        (links,) = told.json()["linkset"]
        assert links["anchor"].endswith(f"/00/{code}")
        (default,) = links["https://ref.gs1.org/voc/defaultLink"]
        assert default["href"].endswith(f"/track/{garden_goods['tracking_number']}")
        assert links["https://ref.gs1.org/voc/traceability"]


async def test_a_consignments_code_leads_to_its_page(door, town, ports, garden_goods):
    code = ports.settings.gs1_company_prefix + garden_goods["tracking_number"]
    led = await door.get(f"/401/{code}")
    assert (led.status_code, led.headers["location"]) == (307, f"/track/{garden_goods['tracking_number']}")


@pytest.mark.parametrize("path", ["/00/123", "/00/952000000000000018", "/401/952000CM1", "/401/x"])
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
async def test_a_code_that_leads_nowhere_shows_a_way_on(door, path, language):
    shown = await door.get(path, headers={"accept-language": language})
    assert (shown.status_code, shown.headers["content-language"]) == (404, language)
    assert 'action="/track"' in shown.text


async def test_a_load_unit_says_what_it_is_and_gives_no_number_away(door, town, ports):
    riding = [each["id"] for each in town.placed[0]["consignments"]]
    unit = sscc(ports.settings.gs1_company_prefix, 424_242)
    async with ports.begin() as session:
        told = text("UPDATE leg SET sscc = :unit WHERE seq = 0 AND consignment_id = ANY(:riding)")
        await session.execute(told, {"unit": unit, "riding": riding})
    for language, word in (("en", "load unit"), ("zh-Hans", "合装单元")):
        shown = await door.get(f"/00/{unit}", headers={"accept-language": language})
        assert shown.status_code == 200
        assert word in shown.text
        assert str(len(riding)) in shown.text
        assert not any(each["tracking_number"] in shown.text for each in town.placed[0]["consignments"])
