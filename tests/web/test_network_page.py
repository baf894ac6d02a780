"""The operators' map in a real browser: behind its door, from this origin alone, in both languages, on a desk and on a phone."""

import asyncio
import re

import pytest
from sqlalchemy import text

from app.web.assets import asset
from tests.api.test_hubs_and_routes import OPERATOR, bearer
from tests.factories.network import networked, planned
from tests.web.test_tracking_page import CONTRASTS

template, ports = networked, planned
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
DAY = "2026-03-05"
SOMEBODY = "+8610000000123"
IN_VIEW = "layers => document.getElementById('map').map.queryRenderedFeatures({layers}).map(one => one.properties)"


@pytest.fixture
def visit(browser, address):
    """Opens the page; gives it, and fails at the end when the browser complained or asked anybody else."""
    contexts, asked, complaints = [], [], []

    async def go(*, language="en", scheme="light", viewport=DESK, lang=""):
        context = await browser.new_context(viewport=viewport, locale=language, color_scheme=scheme)
        contexts.append(context)
        page = await context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{address}/operate/network?on={DAY}{lang}")
        return page

    go.asked, go.complaints = asked, complaints
    yield go
    assert asked
    assert {url for url in asked if not url.startswith((address, "data:", f"blob:{address}"))} == set()
    # A refusal is told by the browser too; it is what some tests are about.
    assert [told for told in complaints if "401" not in told and "403" not in told] == []


async def until(page, expression):
    """Wait for this to be true. The page's own policy lets no string be evaluated in it, as `wait_for_function` would."""
    for _ in range(300):
        if await page.evaluate(expression):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"never true: {expression}")


async def sign_in(page, client, phone=OPERATOR):
    await page.fill("#phone", phone)
    await page.click("#enter")
    await page.wait_for_selector("#code-part:not([hidden])")
    messages = (await client.get("/v1/dev/messages", params={"to": phone})).json()["items"]
    await page.fill("#code", messages[0]["code"])
    await page.click("#enter")


async def drawn(page, client):
    await sign_in(page, client)
    await page.wait_for_selector("html[data-drawn]", timeout=60_000)


async def close(client, ports, **what):
    closed = {"from": "2026-03-01T00:00:00Z", "until": "2026-03-20T00:00:00Z"}
    reason = {"en": "Flood in <b>the yard</b>", "zh-Hans": "货场积水"}
    headers = await bearer(ports, OPERATOR)
    period = {} if "run_at" in what else closed
    answer = await client.post("/v1/disruptions", json=period | {"reason": reason} | what, headers=headers)
    assert answer.status_code == 201, answer.text


async def fill(ports, service, permille):
    async with ports.begin() as session:
        await session.execute(
            text(
                "INSERT INTO departure_load SELECT id, timestamptz '2026-03-05 02:00Z', 0, capacity_weight_g * :fill / 1000, "
                "0, 0, capacity_weight_g, capacity_volume_mm3, live_places FROM service WHERE id = :service"
            ),
            {"service": service, "fill": permille},
        )


async def test_without_signing_in_there_is_land_and_a_door_and_nothing_else(visit):
    page = await visit()
    await until(page, "document.getElementById('map').map?.loaded()")
    assert await page.is_visible("#door")
    assert not await page.is_visible("#panel")
    assert not [url for url in visit.asked if "/v1/" in url]
    assert await page.evaluate(IN_VIEW, ["hubs"]) == []
    assert len(await page.evaluate(IN_VIEW, ["land"])) > 0


async def test_whoever_is_no_operator_is_told_so_and_sees_nothing(visit, client):
    page = await visit()
    await sign_in(page, client, SOMEBODY)
    await until(page, "document.getElementById('refusal').textContent")
    assert "an operator of this service" in await page.inner_text("#refusal")
    assert not await page.is_visible("#panel")
    assert await page.evaluate("sessionStorage.length") == 0


async def test_wrong_code_is_refused_in_words(visit, client):
    page = await visit(language="zh-CN")
    await page.fill("#phone", OPERATOR)
    await page.click("#enter")
    await page.wait_for_selector("#code-part:not([hidden])")
    await page.fill("#code", "000000")
    await page.click("#enter")
    await until(page, "document.getElementById('refusal').textContent")
    assert re.search("[一-龥]", await page.inner_text("#refusal"))
    visit.complaints[:] = [told for told in visit.complaints if "Failed to load resource" not in told]


async def test_network_is_drawn_with_what_is_disrupted_and_how_full_it_is(visit, client, ports):
    await close(client, ports, hub="LANZHOU")
    await close(client, ports, service="RAILB-HOTAN-KASHGAR")
    await fill(ports, "RAILB-KASHGAR-TURPAN", 970)
    await fill(ports, "TRUCK-HOTAN-AKSU", 300)
    page = await visit()
    await drawn(page, client)
    assert re.match(
        r"1,299 hubs · 4,082 services · [\d,]+ links · \d+ services rest now", await page.inner_text("#count")
    )
    hubs = await page.evaluate(IN_VIEW, ["hubs"])
    assert len(hubs) > 1_000
    assert {hub["code"] for hub in hubs if hub["disrupted"]} == {"LANZHOU"}
    for mode in ("road", "rail", "water", "air"):
        assert await page.evaluate(IN_VIEW, [f"line-{mode}"]), mode
    assert await page.evaluate(IN_VIEW, ["planned"])
    closed = await page.evaluate(IN_VIEW, ["closed"])
    assert any("LANZHOU" in (line["from"], line["to"]) for line in closed)
    fills = {(line["from"], line["to"]): line["fill"] for line in await page.evaluate(IN_VIEW, ["fills"])}
    assert fills[("HOTAN", "AKSU")] == 300
    assert 970 in fills.values()
    told = await page.inner_text("#disruptions")
    for words in ("Lanzhou", "Flood in <b>the yard</b>", "now", "until 20 Mar", "RAILB-HOTAN-KASHGAR"):
        assert words in told
    assert await page.locator("#disruptions b b").count() == 0
    departures = await page.locator("#departures .percent").all_inner_texts()
    assert departures == ["97%", "30%"]


async def test_click_tells_of_a_place_and_a_departure(visit, client, ports):
    await close(client, ports, hub="LANZHOU")
    await fill(ports, "TRUCK-HOTAN-AKSU", 300)
    page = await visit()
    await drawn(page, client)
    await page.click("#disruptions button")
    await page.wait_for_selector("#detail li .soft")
    assert await page.inner_text("#detail h2") == "Lanzhou"
    assert "Flood in <b>the yard</b>" in await page.inner_text("#detail")
    assert "closed until" in await page.inner_text("#detail li >> nth=0")
    await page.click("#detail .close")
    assert not await page.is_visible("#detail")
    await page.click("#departures button")
    assert "Hotan → Aksu" in await page.inner_text("#detail h2")
    assert "30 % full" in await page.inner_text("#detail")
    spot = await page.evaluate(
        "async () => { const map = document.getElementById('map').map; map.jumpTo({center: [79.93, 37.11], zoom: 8});"
        " await map.once('idle'); const at = map.project([79.93433, 37.10927]), box = map.getCanvas().getBoundingClientRect();"
        " return [at.x + box.x, at.y + box.y] }"
    )
    await page.mouse.click(*spot)
    await until(page, "document.querySelector('#detail h2').textContent === 'Hotan'")


WAYS_IT_GOES_WRONG = [
    {"hub": "LANZHOU", "to_hub": "DINGXI"},
    {"kind": "delay", "service": "TRUCK-HOTAN-AKSU", "run_at": "2026-03-05T13:30:00Z", "delay_s": 5_400},
    {"kind": "capacity", "service": "TRUCK-HOTAN-AKSU", "run_at": "2026-03-06T13:30:00Z", "capacity": {"weight_g": 1}},
]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["Lanzhou – Dingxi", "Link · Closed", "Service · 90 min late", "departure of 5 Mar, 21:30", "Less room"],
        ),
        ("zh-CN", ["兰州 – 定西", "区间 · 关闭", "线路 · 晚点 90 分钟", "3月5日 21:30 发车", "运力减少"]),
    ],
)
async def test_every_disruption_is_told_in_words_and_a_link_by_both_its_ends(visit, client, ports, language, words):
    for what in WAYS_IT_GOES_WRONG:
        await close(client, ports, **what)
    page = await visit(language=language)
    await drawn(page, client)
    told = await page.inner_text("#disruptions")
    for each in words:
        assert each in told
    assert not re.search(r"\b(close|delay|capacity)\b", told)
    # Neither end of the link is closed itself.
    assert not [hub for hub in await page.evaluate(IN_VIEW, ["hubs"]) if hub["disrupted"]]
    await page.click("#disruptions li:last-child button")
    await page.wait_for_selector("#detail li .soft")
    assert await page.inner_text("#detail h2") == words[0]
    assert words[1].split(" · ")[1] in await page.inner_text("#detail p.bad")


async def test_mode_can_be_hidden_and_the_day_changed(visit, client, ports):
    await fill(ports, "TRUCK-HOTAN-AKSU", 300)
    page = await visit()
    await drawn(page, client)
    assert await page.evaluate(IN_VIEW, ["line-air"])
    await page.get_by_label("Air").uncheck()
    await until(page, "() => document.getElementById('map').map.getLayoutProperty('line-air', 'visibility') === 'none'")
    await until(page, "document.getElementById('map').map.queryRenderedFeatures({layers: ['line-air']}).length === 0")
    await page.fill("#day", "2026-03-06")
    await until(page, "document.querySelector('#departures .none')")
    assert await page.inner_text("#departures") == "Nothing is booked on any departure of this day."


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_chinese_page_says_everything_in_chinese_and_nothing_sticks_out(visit, client, ports, viewport):
    await close(client, ports, hub="LANZHOU")
    page = await visit(language="zh-CN", scheme="dark", viewport=viewport)
    await drawn(page, client)
    assert await page.get_attribute("html", "lang") == "zh-Hans"
    shown = await page.inner_text("body")
    for words in ("运输网络", "1,299 个节点", "运行异常", "兰州", "货场积水", "正在发生"):
        assert words in shown
    assert not re.search("Disruptions|Departures|Legend|hubs", shown)
    assert await page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert (await page.inner_text(".maplibregl-ctrl-scale")).split() in [["500", "公里"], ["1000", "公里"]]
    assert await page.get_attribute(".maplibregl-ctrl-zoom-in", "title") == "放大"
    signs = await page.text_content("#signs")
    for words in ("线路", "已订舱占运力比例", "节点", "当前停运", "规划中，尚未开通", "异常", "陆路口岸"):
        assert words in signs
    assert "name:兰州!" in await page.evaluate("document.getElementById('map').map.listImages()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_word_can_be_read_in_light_and_in_dark(visit, client, ports, scheme):
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5."""
    await close(client, ports, hub="LANZHOU")
    await fill(ports, "TRUCK-HOTAN-AKSU", 300)
    page = await visit(scheme=scheme)
    await drawn(page, client)
    await page.click("#disruptions button")
    await page.wait_for_selector("#detail li .soft")
    contrast, where = await page.evaluate(CONTRASTS.replace("h1,h2,p", "button,label,li,h3,h1,h2,p"))
    assert contrast >= 4.5, where


async def test_signing_out_forgets_everything(visit, client, ports):
    page = await visit()
    await drawn(page, client)
    assert await page.evaluate("sessionStorage.length") == 1
    await page.click("#leave")
    await page.wait_for_selector("#door:not([hidden])")
    assert await page.evaluate("sessionStorage.length") == 0
    assert not await page.is_visible("#panel")


async def test_page_says_what_it_may_load_and_holds_nothing_of_the_network(client):
    answer = await client.get("/operate/network")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert len(answer.content) < 12_000
    assert "HOTAN" not in answer.text
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text):
        assert (await client.get(address)).status_code == 200, address


async def test_files_are_kept_by_their_tag_and_come_packed(client):
    address = f"/static/maplibre-gl.js?v={asset('maplibre-gl.js').tag}"
    answer = await client.get(address, headers={"accept-encoding": "gzip"})
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.text.startswith("/**\n * MapLibre GL JS\n * @license 3-Clause BSD")
    plain = await client.get("/static/network.js", headers={"accept-encoding": "identity"})
    assert plain.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in plain.headers
    again = await client.get("/static/network.js", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["make_land.py", "..%2Fpages.py", "network.js%00", "maplibre-gl.js.map", "x"])
async def test_nothing_but_the_named_files_is_served(client, name):
    assert (await client.get(f"/static/{name}")).status_code == 404
