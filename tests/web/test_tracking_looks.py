"""How the tracking page looks and reads: from right to left, in large type, on paper, without motion, and for those who do not see it."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.core.clock import rfc3339
from app.flows.show_tracking import show_ground, show_tracking
from app.recalls.queries import Standing
from app.shipments.seen import Band, FormerLeg, Rerouting
from app.web.pages import policy, render, tracking_parts
from app.web.view import tracking_page
from app.web.words import WORDS
from tests.factories.network import networked, planned
from tests.web.test_tracking_page import CONTRASTS, OUTSIDE, PAGE_BYTES_MAX, on_the_way

__all__ = ["on_the_way"]
template, ports = networked, planned
NARROW = {"width": 320, "height": 700}
COLD = Band(Decimal(0), Decimal(4))
# Words of Uyghur, which is written from right to left; the service has no complete set of them yet.
UYGHUR = {
    "promised": "{when} غىچە يەتكۈزۈشكە ۋەدە قىلىنغان",
    "journey": "يۈك يولى",
    "details": "يۈك ھەققىدە",
    "temperature": "تېمپېراتۇرا",
    "on_time": "ۋاقتىدا",
    "expected": "مۆلچەرلەنگەن",
}


def everything(shown):
    """The journey with all that can be told of one: called back, gone another way, and too warm for a while."""
    start = shown.journey.created_at
    readings = [
        {
            "kind": "temperature",
            "value": str(Decimal(3 + (5 if 12 < hour < 18 else 0)) + Decimal(hour % 5) / 10),
            "unit": "CEL",
            "at": rfc3339(start + timedelta(hours=hour)),
        }
        for hour in range(48)
    ]
    events = [replace(event, readings=readings if event is shown.events[0] else []) for event in shown.events]
    first = shown.journey.legs[0]
    former = (FormerLeg(first.from_hub, first.to_hub, "road"), FormerLeg(first.to_hub, "SHANGHAI", "rail"))
    promised = shown.journey.promised_by - timedelta(days=1)
    return replace(
        shown,
        journey=replace(
            shown.journey, replanned_at=start, replan_reason={"en": "Road closed by snow", "zh-Hans": "大雪封路"}
        ),
        rerouting=Rerouting(first.from_hub, start, former, promised),
        events=events,
        band=COLD,
        recalls=[
            Standing(
                {"en": "Hotan jujube", "zh-Hans": "和田大枣"}, {"en": "Too much sulphur dioxide", "zh-Hans": "二氧化硫超标"},
                {"en": "do not eat it; ask the seller", "zh-Hans": "勿食用，并联系卖家"}, start,
            ),
        ],
    )  # fmt: skip


@pytest.fixture
async def shown(ports, on_the_way):
    return everything(await show_tracking(ports, on_the_way.tracking_number))


@pytest.fixture
def visit(browser, address, ports, shown, on_the_way, tmp_path):
    """Opens this very state as the page at its address, with its own policy."""

    async def go(*, language="en", said_in=None, words=None, name="page", change=lambda page: page, **context):
        made = change(tracking_page(shown, await show_ground(ports), language))
        path = f"/track/{on_the_way.tracking_number}"
        html = render("track.html", path, said_in or language, tracking_parts(made), words)
        assert len(html.encode()) <= PAGE_BYTES_MAX
        opened = await browser.new_context(**{"viewport": {"width": 360, "height": 740}} | context)
        page = await opened.new_page()
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy("track.html")}
        await page.route(f"**{path}", lambda route: route.fulfill(body=html, headers=headers))
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        await page.goto(address + path)
        await page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        return page

    return go


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ["RECALL: Hotan jujube. Too much sulphur dioxide. What to do: do not eat it; ask the seller", "Road closed by snow", "Before", "Now",
                "Hotan – Ruoqiang – Shanghai", "8.2 °C", "To be kept between 0 °C and 4 °C: left on the way.", "as far as 8.4 °C", "Last heard of", "CO₂e"]),
        ("zh-Hans", ["召回通知：和田大枣。原因：二氧化硫超标。请您：勿食用，并联系卖家", "大雪封路", "原计划", "现计划",
                     "和田 – 若羌 – 上海", "要求保持在 0 °C 至 4 °C：途中曾超出范围。", "最大偏离至 8.4 °C", "最近更新", "碳足迹"]),
    ],
)  # fmt: skip
async def test_everything_that_happened_is_told_in_words(visit, language, told):
    page = await visit(language=language, java_script_enabled=False, name=language)
    read = await page.inner_text("body")
    for words in (each for each in told if each != "8.2 °C"):
        assert words in read
    first = await page.locator("main section").first.get_attribute("id")
    assert first == "recall", "what may hurt comes first"
    assert await page.inner_text("#warmth .latest b") == "3.2 °C"
    assert await page.locator(".curve .band").count() == 1
    assert await page.locator(".curve .outside").count() == 1
    if language == "zh-Hans":
        assert not re.search(r"\b(Before|Now|Journey|Temperature|Live|Map)\b", read)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_of_a_script_from_right_to_left_is_laid_out_from_right_to_left(visit, scheme):
    page = await visit(
        said_in="ug",
        words={**WORDS["en"], **UYGHUR},
        name=f"ug-{scheme}",
        color_scheme=scheme,
        change=lambda page: replace(page, headline="يولدا", subline="خوتەندىن شاڭخەيگە"),
    )
    assert await page.evaluate("[document.documentElement.dir, document.documentElement.lang]") == ["rtl", "ug"]
    for width in (320, 360, 1200):
        await page.set_viewport_size({"width": width, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await page.evaluate(OUTSIDE) == []
    card, headline = await page.locator("#now").bounding_box(), await page.locator("#now h1").bounding_box()
    assert headline["x"] + headline["width"] > card["x"] + card["width"] - 40
    # Of a line of the timeline, the words stand at the right and the time at the left.
    line = page.locator("ol li").last
    words, time = await line.locator("b").bounding_box(), await line.locator("time").bounding_box()
    assert words["x"] > time["x"]
    # The bar fills from the right. Maps and curves stay as they are: east is right.
    assert "matrix(-1" in await page.evaluate("getComputedStyle(document.querySelector('.bar')).transform")
    assert await page.evaluate(
        "['.map svg', '.curve'].map(each => getComputedStyle(document.querySelector(each)).direction)"
    ) == ["ltr", "ltr"]
    # Numbers and times of the other direction are set apart from the words around them.
    assert await page.locator("time:not(:has(bdi)):not(.soft time)").count() == 0
    contrast, where = await page.evaluate(CONTRASTS)
    assert contrast >= 4.5, where


async def test_styles_know_no_left_and_no_right():
    sheets = re.findall("<style>(.*?)</style>", render("track.html", "/", "en", _Anything()), re.DOTALL)
    assert not re.search(
        r"(?<![-\w])(left|right|margin-left|margin-right|padding-left|padding-right)\s*:|text-align:\s*(left|right)|float:",
        sheets[0],
    )


class _Anything(dict):
    """Of the page only its styles are looked at."""

    def __init__(self):
        page = tracking_page.__annotations__ and _Page()
        super().__init__(
            page=page,
            script="",
            map_script="",
            map_kb=0,
            map_files=dict.fromkeys(("maplibre-gl.js", "maplibre-gl.css", "land.json"), ""),
        )


class _Page:
    def __getattr__(self, name):
        return () if name in ("steps", "facts") else ""


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
async def test_type_may_be_twice_as_large_on_the_narrowest_phone(visit, language, tmp_path):
    """WCAG 2.2, 1.4.4 and 1.4.10: nothing is cut off, and nobody scrolls sideways."""
    page = await visit(language=language, viewport=NARROW, name=f"large-{language}")
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    await page.screenshot(path=tmp_path / "twice.png", full_page=True)
    assert await page.evaluate(OUTSIDE) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    cut = "[...document.querySelectorAll('main h1, main p, main b, main dd, main dt, main li, main time, main .chip')].filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline' && !e.classList.contains('unseen')).map(e => [e.scrollWidth, e.clientWidth, e.textContent])"
    assert await page.evaluate(cut) == []


async def test_nothing_moves_for_those_who_asked_for_that(visit):
    moving = "document.getAnimations().length"
    assert await (await visit(reduced_motion="no-preference")).evaluate(moving) > 0
    assert await (await visit(reduced_motion="reduce")).evaluate(moving) == 0


async def test_on_paper_it_is_black_on_white_and_whole(visit, tmp_path):
    page = await visit(color_scheme="dark")
    await page.emulate_media(media="print")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert await page.evaluate("getComputedStyle(document.querySelector('h1')).color") != "rgb(236, 234, 227)"
    for unprinted in ("nav", "#live", "#open-map"):
        assert not await page.is_visible(unprinted)
    for printed in ("#recall", "#now", "#map svg", "#way", "#warmth", "#about"):
        assert await page.is_visible(printed)
    await page.screenshot(path=tmp_path / "paper.png", full_page=True)


READ_ALOUD = """() => ({
  landmarks: ['header', 'nav', 'main', 'footer'].map(each => document.querySelectorAll(each).length),
  headings: [...document.querySelectorAll('h1,h2,h3,h4')].map(each => +each.tagName[1]),
  unnamed: [...document.querySelectorAll('main section:not([role=alert]), nav, [role=img], [role=progressbar], button, a')].filter(each =>
    !(each.getAttribute('aria-label') || document.getElementById(each.getAttribute('aria-labelledby'))?.textContent.trim() || each.matches('button,a') && each.textContent.trim())).map(each => each.outerHTML.slice(0, 80)),
  unhidden: [...document.querySelectorAll('svg')].filter(each => !each.getAttribute('aria-hidden') && !each.getAttribute('role')).length,
  doubled: [...document.querySelectorAll('[id]')].map(each => each.id).filter((id, i, all) => all.indexOf(id) !== i),
  dated: [...document.querySelectorAll('time')].filter(each => !/^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$/.test(each.getAttribute('datetime'))).length,
  small: [...document.querySelectorAll('a, button')].filter(each => each.getBoundingClientRect().height < 24).map(each => each.textContent),
})"""


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
async def test_those_who_do_not_see_it_find_their_way(visit, language):
    page = await visit(language=language)
    found = await page.evaluate(READ_ALOUD)
    assert found["landmarks"] == [1, 1, 1, 1]
    assert found["headings"][0] == 1
    assert set(found["headings"][1:]) == {2}
    assert (found["unnamed"], found["unhidden"], found["doubled"], found["dated"], found["small"]) == ([], 0, [], 0, [])
    assert await page.get_attribute("ol [aria-current=step]", "class") == "now"
    assert await page.get_attribute("#said", "role") == "status"
    # By the keyboard alone: the language, then the map.
    reached = []
    for _ in range(2):
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate(
                "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    assert reached == [["A", "solid"], ["BUTTON", "solid"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_word_of_the_whole_page_can_be_read(visit, scheme):
    page = await visit(color_scheme=scheme, name=f"all-{scheme}")
    contrast, where = await page.evaluate(CONTRASTS.replace("h1,h2,p,b", "h1,h2,p,b,li,del,small,button"))
    assert contrast >= 4.5, where


async def test_page_that_did_not_change_is_not_sent_again_and_is_packed(client, on_the_way):
    address = f"/track/{on_the_way.tracking_number}"
    packed = await client.get(address, headers={"accept-encoding": "gzip"})
    plain = await client.get(address, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    again = await client.get(address, headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    chinese = await client.get(address, headers={"if-none-match": plain.headers["etag"], "accept-language": "zh-CN"})
    assert chinese.status_code == 200
