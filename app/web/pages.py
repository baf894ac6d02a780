"""Pages for people: where is my shipment. Useful without a script, on a small phone, in one request."""

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.core.errors import NotFound
from app.core.text import LANGUAGES, preferred_language
from app.flows.ports import Ports
from app.flows.show_tracking import Ground, show_ground, show_tracking
from app.network.route_schemas import RouteRequest, RoutesShape
from app.shipments.errors import TrackingNumberMistyped
from app.web.answer import tagged
from app.web.assets import address_of, asset
from app.web.picture import routes_picture
from app.web.view import TrackingPage, journey_geo, tracking_page
from app.web.words import LANGUAGE_NAMES, RIGHT_TO_LEFT, WORDS

router = APIRouter(include_in_schema=False)
TYPED_MAX: Final = 40
HTML: Final = "text/html; charset=utf-8"
SECURITY: Final = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "cross-origin-opener-policy": "same-origin",
    "vary": "Accept-Language, Accept-Encoding",
}
# Styles are in the page, known by their hash; the script of the tracking page and the map that it may load are files of this origin.
# MapLibre starts its worker from a blob and draws its buttons from data addresses (decision 19).
_POLICY: Final = "default-src 'none'; style-src {styles}; img-src data:{more}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_SCRIPTED: Final = " blob:; script-src 'self'; connect-src 'self'; worker-src blob:; child-src blob:"
MAP_FILES: Final = ("maplibre-gl.js", "maplibre-gl.css", "land.json", "track-map.js", "map-names.js")
FOLDER: Final = Path(__file__).parent / "templates"
TEMPLATES: Final = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
Asked = Annotated[str | None, Query(alias="lang")]
Accepted = Annotated[str | None, Header(alias="accept-language")]


@router.get("/")
async def find_docs() -> Response:
    """Whoever opens the bare address is shown what there is."""
    return RedirectResponse("/docs", 303)


@router.get("/track")
async def find_shipment(
    request: Request, number: str | None = None, lang: Asked = None, accept_language: Accepted = None
) -> Response:
    """A field for the number; with one, on to its page."""
    if number and number.strip():
        asked = f"?lang={lang}" if lang in LANGUAGES else ""
        return RedirectResponse(f"/track/{quote(number.strip()[:TYPED_MAX], safe='')}{asked}", 303, SECURITY)
    return find_page(request, language_of(lang, accept_language), "find", "")


@router.get("/track/{tracking_number}/map")
async def map_shipment(
    tracking_number: str, request: Request, lang: Asked = None, accept_language: Accepted = None
) -> Response:
    """What the map that moves is drawn from: asked for only by those who open it."""
    ports: Ports = request.app.state.ports
    language = language_of(lang, accept_language)
    shown = await show_tracking(ports, tracking_number[:TYPED_MAX])
    body = orjson.dumps(journey_geo(shown, await show_ground(ports), language))
    headers = {"cache-control": "no-cache", "vary": SECURITY["vary"], "content-language": language}
    return tagged(request, body, "application/json", 200, headers)


@router.get("/track/{tracking_number:path}")
async def track_shipment(
    tracking_number: str, request: Request, lang: Asked = None, accept_language: Accepted = None
) -> Response:
    """The journey with this number, or a friendly way to another one."""
    ports: Ports = request.app.state.ports
    language = language_of(lang, accept_language)
    typed = tracking_number[:TYPED_MAX]
    try:
        shown = await show_tracking(ports, typed)
    except TrackingNumberMistyped:
        return find_page(request, language, "mistyped", typed, status=404)
    except NotFound:
        return find_page(request, language, "missing", typed, status=404)
    page = tracking_page(shown, await show_ground(ports), language)
    return _page("track.html", request, language, tracking_parts(page))


def tracking_parts(page: TrackingPage) -> dict[str, Any]:
    """What the template of a journey is filled with."""
    return {
        "page": page,
        "script": address_of("track.js"),
        "map_script": address_of("track-map.js"),
        "map_files": {name: address_of(name) for name in ("maplibre-gl.js", "maplibre-gl.css", "land.json")},
        "map_kb": round(sum(len(asset(name).packed) for name in MAP_FILES) / 1000),
    }


def draw_routes(found: RoutesShape, asked: RouteRequest, ground: Ground, language: str, width: int) -> bytes:
    """The picture of a front as a self-contained SVG: no script, no font, nothing from elsewhere."""
    picture = routes_picture(found, asked, ground, language, width)
    return TEMPLATES.get_template("routes.svg").render(p=picture, words=WORDS[language], language=language).encode()


def find_page(
    request: Request, language: str, case: str, typed: str, *, status: int = 200, said: str | None = None
) -> Response:
    """The field for a number under the words of this case, or other words."""
    return _page("find.html", request, language, {"case": case, "typed": typed, "said": said}, status=status)


def language_of(asked: str | None, accepted: str | None) -> str:
    """The language of a page: the one that was chosen on it, else what the browser prefers."""
    return asked if asked in LANGUAGES else preferred_language(accepted)


def render(
    template: str, path: str, language: str, content: dict[str, Any], words: Mapping[str, str] | None = None
) -> str:
    """A page as HTML, in the direction of its language: what is laid out here knows only beginnings and ends."""
    return TEMPLATES.get_template(template).render(
        **content,
        css=Markup(_styles(template)),  # noqa: S704 - a file of ours
        words=words or WORDS[language],
        language=language,
        direction="rtl" if language in RIGHT_TO_LEFT else "ltr",
        languages=[(tag, LANGUAGE_NAMES[tag], f"{path}?lang={tag}") for tag in LANGUAGES],
    )


@cache
def _styles(template: str) -> str:
    """The styles of a page, with those that all have, without what only those who write them need."""
    sheets = [FOLDER / name for name in ("base.css", template.replace(".html", ".css"))]
    return "".join(re.sub(r"/\*.*?\*/|\n\s*", "", sheet.read_text(encoding="utf-8")) for sheet in sheets)


@cache
def policy(template: str) -> str:
    """What this page may load: nothing that is not named."""
    styles = f"'sha256-{b64encode(sha256(_styles(template).encode()).digest()).decode()}'"
    if template == "track.html":
        return _POLICY.format(styles=f"'self' {styles}", more=_SCRIPTED)
    return _POLICY.format(styles=styles, more="")


def _page(template: str, request: Request, language: str, content: dict[str, Any], status: int = 200) -> Response:
    html = render(template, request.url.path, language, content)
    headers = {
        **SECURITY,
        "content-security-policy": policy(template),
        "content-language": language,
        "cache-control": "public, max-age=30" if status == 200 else "no-store",
    }
    return tagged(request, html.encode(), HTML, status, headers)
