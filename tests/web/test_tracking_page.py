"""The tracking page in a real browser: on a phone, in both languages, in both colour schemes, without a script."""

import re
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import combinations, product

import pytest

from app.core.clock import rfc3339
from app.shipments.rules import tracking_number
from app.shipments.service import cancel_consignments, create_consignments
from app.web.timeline import EVENTS_SHOWN_MAX
from tests.factories.network import networked, planned
from tests.factories.shipments import BOOKED_AT, a_draft, an_operator, cheapest_legs, hours
from tests.flows.test_record_tracking import booked, told, words

PHONE = {"width": 390, "height": 844}
PAGE_BYTES_MAX = 30_000
template, ports = networked, planned


@pytest.fixture
async def on_the_way(ports, clock):
    """Jujubes from Hotan on the cheapest way to Shanghai, half-way along the third ride; chilled, and on time."""
    legs = await cheapest_legs(ports, "HOTAN", "SHANGHAI")
    end = legs[-1].arrives_at
    draft = a_draft(legs=legs, temperature="chilled", promised_from=end, promised_by=end + timedelta(hours=12))
    (journey,) = await booked(ports, draft)
    clock.at = legs[2].departs_at + (legs[2].arrives_at - legs[2].departs_at) / 2
    reading = {"kind": "temperature", "value": "4.1", "unit": "CEL", "at": rfc3339(legs[1].arrives_at)}
    note = "Handed to Aunt Patima at the blue gate"
    outcome = await words(
        ports,
        an_operator(),
        told(journey, "picked_up", 1, "HOTAN", note=note),
        *(event(journey, "departed", leg.departs_at, leg.from_hub) for leg in legs[:3]),
        *(event(journey, "arrived", leg.arrives_at, leg.to_hub, readings=[reading]) for leg in legs[:2]),
    )
    assert set(outcome) == {"accepted"}
    return journey


def event(journey, kind, at, hub=None, **more):
    return told(journey, kind, 0, hub, id=f"{kind} {hub} {at}".replace(" ", "-"), occurred_at=rfc3339(at), **more)


@pytest.fixture
def visit(browser, address):
    """Opens a page as a phone without scripts would; gives the page and what it asked the network for."""
    opened = []

    async def go(path, *, language="en", scheme="light", viewport=PHONE, scripts=False):
        context = await browser.new_context(
            viewport=viewport, locale=language, color_scheme=scheme, java_script_enabled=scripts
        )
        page = await context.new_page()
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        response = await page.goto(address + path)
        opened.append((context, complaints, response))
        return page, response, asked

    yield go
    for _, complaints, response in opened:
        assert not complaints or response.status == 404


async def test_page_tells_the_whole_journey_in_one_request_without_a_script(visit, on_the_way):
    page, response, asked = await visit(f"/track/{on_the_way.tracking_number}")
    assert response.status == 200
    assert [url for url in asked if not url.startswith("data:")] == [response.url]
    assert len(await response.body()) <= PAGE_BYTES_MAX
    shown = await page.inner_text("body")
    assert await page.inner_text("h1") == "On the way"
    for words_shown in ("Expected", "On time", "Promised by", "Beijing time (UTC+8)", "4.1 °C", "Chilled", "kg CO₂e"):
        assert words_shown in shown
    assert on_the_way.tracking_number in shown
    assert await page.locator("ol .ahead").count() == len(on_the_way.legs) - 2
    assert await page.locator("ol .now").count() == 1


async def test_times_are_written_in_the_legal_time_of_the_country(visit, on_the_way):
    page, _, _ = await visit(f"/track/{on_the_way.tracking_number}")
    first = page.locator("ol time").last
    assert await first.inner_text() == "2 Mar 10:00"  # 02:00 UTC
    assert await first.get_attribute("datetime") == rfc3339(BOOKED_AT)


async def test_language_follows_the_phone_and_can_be_changed_by_a_link(visit, on_the_way):
    page, response, _ = await visit(f"/track/{on_the_way.tracking_number}", language="zh-CN")
    assert await page.inner_text("h1") == "运输中"
    assert await page.get_attribute("html", "lang") == "zh-Hans"
    assert "北京时间" in await page.inner_text("footer")
    assert response.headers["vary"] == "Accept-Language, Accept-Encoding"
    await page.click("nav a")
    assert await page.inner_text("h1") == "On the way"
    assert page.url.endswith("?lang=en")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_names_on_the_map_lie_inside_it_and_never_over_each_other(visit, on_the_way, language):
    page, _, _ = await visit(f"/track/{on_the_way.tracking_number}", language=language)
    drawing = await page.locator(".map svg").bounding_box()
    boxes = [await name.bounding_box() for name in await page.locator(".map text").all()]
    assert len(boxes) >= 4
    for box in boxes:
        assert box["x"] >= drawing["x"]
        assert box["x"] + box["width"] <= drawing["x"] + drawing["width"]
        assert box["y"] >= drawing["y"]
        assert box["y"] + box["height"] <= drawing["y"] + drawing["height"]
    for one, other in combinations(boxes, 2):
        apart_x = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        # A line of text is higher than its letters: three units at its top and foot are empty.
        apart_y = one["y"] + one["height"] - 6 <= other["y"] or other["y"] + other["height"] - 6 <= one["y"]
        assert apart_x or apart_y


async def test_map_draws_the_ways_done_and_to_come_and_where_the_goods_are(visit, on_the_way):
    page, _, _ = await visit(f"/track/{on_the_way.tracking_number}")
    for part in (".links", ".done", ".ahead", ".here"):
        assert await page.locator(f".map {part}").count() == 1
    links = await page.get_attribute(".map .links", "d")
    assert len(re.findall("M", links)) > 50
    assert re.fullmatch(r"[-Ml0-9 ]+", links)
    done, ahead = await page.get_attribute(".map .done", "d"), await page.get_attribute(".map .ahead", "d")
    assert done.count("l") > 2, "the way follows the stops of the services"
    here = [int(await page.get_attribute(".map .here", name)) for name in ("cx", "cy")]
    assert "M{} {}l".format(*here) in ahead


OUTSIDE = """() => [...document.querySelectorAll('main *')].filter(e => {
  const box = e.getBoundingClientRect();
  return !e.closest('svg *') && box.width && (box.left < -1 || box.right > innerWidth + 1) }).map(e => e.outerHTML)"""


async def test_nothing_sticks_out_at_any_width_in_either_direction(visit, on_the_way):
    page, _, _ = await visit(f"/track/{on_the_way.tracking_number}", scripts=True)
    for direction, width in product(("ltr", "rtl"), (320, 390, 1200)):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.evaluate("direction => document.documentElement.dir = direction", direction)
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await page.evaluate(OUTSIDE) == []


CONTRASTS = """() => {
  const light = c => { const p = c.match(/[\\d.]+/g).slice(0, 3).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * p[0] + .7152 * p[1] + .0722 * p[2] };
  const ground = e => { while (e) { const b = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(b) && b !== 'transparent') return b; e = e.parentElement } };
  return [...document.querySelectorAll('h1,h2,p,b,span,time,dt,dd,a,text')].filter(e => e.textContent.trim()).map(e => {
    const style = getComputedStyle(e), text = light(e.tagName === 'text' ? style.fill : style.color), back = light(ground(e));
    return [(Math.max(text, back) + .05) / (Math.min(text, back) + .05), e.tagName + ' ' + e.textContent.trim()] }).sort((a, b) => a[0] - b[0])[0] }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_word_can_be_read_in_light_and_in_dark(visit, on_the_way, scheme):
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5."""
    page, _, _ = await visit(f"/track/{on_the_way.tracking_number}", scheme=scheme, scripts=True)
    contrast, where = await page.evaluate(CONTRASTS)
    assert contrast >= 4.5, where


async def test_page_loads_nothing_from_elsewhere_and_is_framed_by_nobody(client, on_the_way):
    answer = await client.get(f"/track/{on_the_way.tracking_number}")
    rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";"))
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    hashed = b64encode(sha256(style.encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'self' 'sha256-{hashed}'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "img-src": "data: blob:",
        "worker-src": "blob:",
        "child-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|javascript:", answer.text)
    field = await client.get("/track")
    assert "script-src" not in field.headers["content-security-policy"]
    assert "'unsafe" not in field.headers["content-security-policy"] + answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "public, max-age=30"
    assert answer.headers["referrer-policy"] == "no-referrer"
    for private in ("Patima", on_the_way.buyer_id, on_the_way.producer_id, on_the_way.order_id, "310115"):
        assert private not in answer.text


async def test_mistyped_number_is_put_right_without_a_script(visit, on_the_way):
    number = on_the_way.tracking_number
    page, response, _ = await visit(f"/track/{number[:-1]}{(int(number[-1]) + 1) % 10}")
    assert response.status == 404
    assert await page.inner_text("h1") == "This number is mistyped"
    await page.fill("input[name=number]", f" {number[:6].lower()} {number[6:]} ")
    await page.click("button")
    assert await page.inner_text("h1") == "On the way"


async def test_unknown_number_is_told_apart_and_nothing_typed_becomes_markup(client, ports):
    unknown = await client.get(f"/track/{tracking_number('123456789012')}", headers={"accept-language": "zh-CN"})
    assert unknown.status_code == 404
    assert "没有找到该运单" in unknown.text
    assert unknown.headers["cache-control"] == "no-store"
    hostile = await client.get("/track/%3Cscript%3Ealert(1)%3C/script%3E" + "x" * 500)
    assert hostile.status_code == 404
    assert "<script" not in hostile.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in hostile.text
    assert len(hostile.content) < PAGE_BYTES_MAX


async def test_field_leads_to_the_page_of_its_number(client):
    assert (await client.get("/track")).status_code == 200
    found = await client.get("/track", params={"number": " CM 123/4 ", "lang": "en"})
    assert (found.status_code, found.headers["location"]) == (303, "/track/CM%20123%2F4?lang=en")
    blank = await client.get("/track", params={"number": "  ", "lang": "xx"})
    assert blank.status_code == 200


async def test_longest_journey_still_fits(client, ports, clock, on_the_way):
    clock.at = hours(2_000)
    many = [told(on_the_way, "held", i / 10, "LANZHOU", id=f"h{i}") for i in range(400)]
    await words(ports, an_operator(), *many)
    answer = await client.get(f"/track/{on_the_way.tracking_number}")
    assert answer.text.count('<li class="past"') == EVENTS_SHOWN_MAX
    assert len(answer.content) <= PAGE_BYTES_MAX


@pytest.mark.parametrize(
    ("kind", "hub", "headline"),
    [
        ("held", "HOTAN", "Held on the way"),
        ("out_for_delivery", None, "Out for delivery"),
        ("delivered", None, "Delivered"),
        ("returned", "URUMQI", "On its way back"),
        ("returned", None, "Returned to the sender"),
        ("lost", None, "Lost"),
        ("arrived", "SHANGHAI", "At a hub"),
        ("arrived", "BEIJING", "At a hub"),
        ("picked_up", None, "Picked up"),
    ],
)
async def test_every_status_has_its_page(client, ports, clock, kind, hub, headline):
    clock.at = hours(150)
    (journey,) = await booked(ports)
    await words(ports, an_operator(), told(journey, kind, 5, hub))
    for language in ("en", "zh-Hans"):
        answer = await client.get(f"/track/{journey.tracking_number}?lang={language}")
        assert answer.status_code == 200
        assert (f"<h1>{headline}</h1>" in answer.text) == (language == "en")


async def test_consignments_before_and_beside_a_journey_have_a_page_too(client, ports):
    fetched = a_draft(legs=(), packages=())
    flown = a_draft(legs=(replace(a_draft().legs[0], mode="air", co2e_g=None), *a_draft().legs[3:]))
    cancelled = a_draft()
    journeys = await booked(ports, fetched, flown, cancelled)
    async with ports.begin() as session:
        await cancel_consignments(session, [cancelled.order_id], BOOKED_AT)
    pages = [(await client.get(f"/track/{journey.tracking_number}")).text for journey in journeys]
    assert ["<svg viewBox" in page for page in pages] == [False, True, True]
    assert "To be handed in at Hotan by Mon 2 Mar 14:00" in pages[1]
    assert "<h1>Booked, then cancelled</h1>" in pages[2]
    assert "Expected" not in pages[2]


@pytest.mark.parametrize(
    ("language", "label", "remark"),
    [
        ("en", "Rides in unit (SSCC)", "Together with other goods of the order, Urumqi – Shanghai."),
        ("zh-CN", "所在合装单元（SSCC）", "与同一订单的其他货物同行：乌鲁木齐 → 上海。"),
    ],
)
async def test_unit_is_shown_by_the_code_on_its_label(visit, ports, language, label, remark):
    drafts = [a_draft(units=(None, 1, 1, None)), a_draft(units=(None, 1, 1, None)), a_draft()]
    async with ports.begin() as session:
        together = await create_consignments(session, drafts[:2], BOOKED_AT)
    (alone,) = await booked(ports, drafts[2])
    (sscc,) = {leg.sscc for journey in together for leg in journey.legs if leg.sscc}
    for journey in together:
        page, _, _ = await visit(f"/track/{journey.tracking_number}", language=language)
        assert await page.locator(f"dt:has-text('{label}') + dd").inner_text() == sscc
        assert await page.locator(f"dt:has-text('{label}') + dd + .remark").inner_text() == remark
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page, _, _ = await visit(f"/track/{alone.tracking_number}", language=language)
    assert "SSCC" not in await page.inner_text("body")
