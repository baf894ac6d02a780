"""The tracking page with a script: small, true without a reload, and a map that moves for those who ask for it."""

import asyncio
import re

import pytest

from tests.factories.network import networked, planned
from tests.factories.shipments import an_operator
from tests.flows.test_record_tracking import words
from tests.web.test_network_page import until
from tests.web.test_tracking_page import PAGE_BYTES_MAX, PHONE, event, on_the_way

__all__ = ["on_the_way"]
template, ports = networked, planned
WAIT_MS = 30_000


@pytest.fixture(autouse=True)
def quick(ports):
    ports.watch._look_every_s = 0.1


@pytest.fixture
def visit(browser, address, on_the_way):
    """Opens the page on a phone with scripts; at the end nobody else was asked and the browser did not complain."""
    asked, complaints = [], []

    async def go(*, ready=None, **context):
        opened = await browser.new_context(**{"viewport": PHONE, "locale": "en"} | context)
        page = await opened.new_page()
        page.on("response", lambda answer: asked.append(answer))  # noqa: PLW0108 - a method of a list takes no marks
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if ready:
            await ready(page)
        await page.goto(f"{address}/track/{on_the_way.tracking_number}")
        await page.wait_for_selector("#live.seen")
        return page

    go.asked, go.complaints = asked, complaints
    yield go
    assert [one.url for one in asked if not one.url.startswith((address, "data:", f"blob:{address}"))] == []
    assert complaints == []


async def moves_on(ports, journey):
    leg = journey.legs[2]
    assert await words(ports, an_operator(), event(journey, "arrived", ports.clock.now(), leg.to_hub)) == ["accepted"]


async def test_first_view_is_small_script_and_all_and_loads_no_map(visit):
    page = await visit()
    await page.wait_for_selector("#live.on", timeout=WAIT_MS)
    files = [one for one in visit.asked if "/stream" not in one.url and not one.url.startswith("data:")]
    assert [re.sub(r"\?.*", "", one.url).rpartition("/")[2] for one in files][1:] == ["track.js"]
    plain = sum([len(await one.body()) for one in files])
    sent = sum([(await one.request.sizes())["responseBodySize"] for one in files])
    assert plain <= PAGE_BYTES_MAX
    assert sent <= PAGE_BYTES_MAX / 2
    assert {(await one.all_headers())["content-encoding"] for one in files} == {"gzip"}


async def test_page_follows_the_goods_without_a_reload(visit, ports, on_the_way):
    page = await visit()
    await page.wait_for_selector("#live.on", timeout=WAIT_MS)
    await page.evaluate("window.same = true")
    assert await page.inner_text("h1") == "On the way"
    before = await page.locator("ol li").count()
    await moves_on(ports, on_the_way)
    await until(page, "document.querySelector('h1').textContent === 'At a hub'")
    assert await page.evaluate("window.same")
    assert await page.locator("ol li").count() == before
    assert await page.locator("ol .now").count() == 1
    assert (await page.title()).startswith("At a hub")
    # Those who do not see it are told.
    assert (await page.text_content("#said")).startswith("At a hub. ")
    assert re.fullmatch(r"Live · looked at \d\d:\d\d", await page.inner_text("#live"))
    # What did not change was left alone; what did says so.
    assert await page.locator("#about.changed").count() == 0
    assert await page.locator("#now.changed").count() == 1
    assert len([one for one in visit.asked if one.url.endswith("/stream?bare=true")]) == 1


async def test_one_line_serves_every_viewer_and_is_let_go_when_nobody_looks(visit, ports, on_the_way):
    pages = [await visit() for _ in range(2)]
    for page in pages:
        await page.wait_for_selector("#live.on", timeout=WAIT_MS)
    assert ports.watch.viewers == 2
    # A page that is not seen holds no line.
    await pages[0].evaluate(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))"
    )
    await pages[1].close()
    for _ in range(200):
        if not ports.watch.viewers:
            break
        await asyncio.sleep(0.1)
    assert ports.watch.viewers == 0
    await moves_on(ports, on_the_way)
    await pages[0].evaluate(
        "Object.defineProperty(document, 'hidden', { value: false, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))"
    )
    await until(pages[0], "document.querySelector('h1').textContent === 'At a hub'")


async def test_page_asks_now_and_then_where_there_is_no_stream(visit, ports, on_the_way):
    ports.watch.end()
    page = await visit(ready=lambda page: page.clock.install())
    await until(page, "!document.getElementById('live').classList.contains('on')")
    await asyncio.sleep(0.5)
    await page.clock.fast_forward(61_000)
    for _ in range(100):
        asked = [one for one in visit.asked if re.search(r"/track/CM\d+$", one.url)]
        if len(asked) == 2:
            break
        await asyncio.sleep(0.1)
    # Nothing has changed: nothing is sent again but the headers.
    assert (await asked[1].request.sizes())["responseBodySize"] == 0
    await moves_on(ports, on_the_way)
    await page.clock.fast_forward(61_000)
    await until(page, "document.querySelector('h1').textContent === 'At a hub'")
    visit.complaints[:] = [told for told in visit.complaints if "429" not in told]


async def test_who_saves_data_holds_no_line_and_asks_less_often(visit):
    saves = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
    page = await visit(ready=lambda page: page.add_init_script(saves))
    await asyncio.sleep(1)
    assert not [one for one in visit.asked if "/stream" in one.url]
    assert re.fullmatch(r"looked at \d\d:\d\d", await page.inner_text("#live"))
    assert re.search(r"loads \d+ kB", await page.inner_text("#open-map"))


async def test_page_without_a_connection_says_as_of_when_it_is(visit):
    page = await visit(locale="zh-CN")
    await page.wait_for_selector("#live.on", timeout=WAIT_MS)
    await page.context.set_offline(True)
    await page.wait_for_selector("#live.off", timeout=WAIT_MS)
    assert re.fullmatch(r"网络已断开：以下为 \d\d:\d\d 的信息。", await page.inner_text("#live"))
    await page.context.set_offline(False)
    await page.wait_for_selector("#live.on", timeout=WAIT_MS)
    visit.complaints.clear()


SHOWN = "layers => document.querySelector('.live-map').map.queryRenderedFeatures({layers}).map(one => one.properties)"


@pytest.mark.parametrize(
    ("locale", "ends", "here"), [("en", ["Hotan", "Shanghai"], "Here now"), ("zh-CN", ["和田", "上海"], "当前位置")]
)
async def test_map_that_moves_comes_on_a_tap_and_follows_the_goods(visit, ports, on_the_way, locale, ends, here):
    page = await visit(locale=locale)
    await page.wait_for_selector("#live.on", timeout=WAIT_MS)
    told = await page.get_attribute("#map svg", "aria-label")
    await page.click("#open-map")
    await page.wait_for_selector("#map svg", state="detached", timeout=2 * WAIT_MS)
    await page.evaluate(
        "new Promise(done => document.querySelector('.live-map').map.once('idle', done).triggerRepaint())"
    )
    stops = {stop["name"]: stop["passed"] for stop in await page.evaluate(SHOWN, ["stops"])}
    assert set(ends) <= set(stops)
    assert [stops[name] for name in ends] == [True, False]
    assert await page.evaluate(SHOWN, ["done"])
    assert await page.evaluate(SHOWN, ["ahead"])
    assert (await page.evaluate(SHOWN, ["here"]))[0]["name"] == here
    names = await page.evaluate("document.querySelector('.live-map').map.listImages()")
    assert {f"name:{ends[0]}", f"name:{ends[1]}", f"name:{here}"} <= set(names)
    assert await page.get_attribute(".live-map", "aria-label") == told
    assert await page.locator("#open-map").count() == 0
    await moves_on(ports, on_the_way)
    await page.wait_for_selector("#now.changed", timeout=WAIT_MS)
    assert await page.locator(".live-map canvas").count() == 1
    for _ in range(100):
        if len([one for one in visit.asked if "/map?lang=" in one.url]) == 2:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("the map was not told")


async def test_map_that_cannot_be_loaded_leaves_the_drawing_and_says_so(visit):
    async def without_library(page):
        await page.route("**/maplibre-gl.js*", lambda route: route.abort())

    page = await visit(ready=without_library)
    await page.click("#open-map")
    await until(page, "document.getElementById('open-map').textContent.includes('could not be loaded')")
    assert await page.is_visible("#map svg")
    assert await page.is_enabled("#open-map")
    visit.complaints.clear()
