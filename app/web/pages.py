"""Pages for people: where is my shipment. Useful without a script, on a small phone, in one request."""

from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.core.errors import NotFound
from app.core.text import LANGUAGES, preferred_language
from app.flows.ports import Ports
from app.flows.show_tracking import Ground, show_ground, show_tracking
from app.network.route_schemas import RouteRequest, RoutesShape
from app.shipments.errors import TrackingNumberMistyped
from app.web.picture import routes_picture
from app.web.view import tracking_page
from app.web.words import LANGUAGE_NAMES, RIGHT_TO_LEFT, WORDS

router = APIRouter(include_in_schema=False)
TYPED_MAX: Final = 40
SECURITY: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "vary": "Accept-Language",
}
TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
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
    return _page("track.html", request, language, {"page": page})


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


def _page(template: str, request: Request, language: str, content: dict[str, Any], status: int = 200) -> Response:
    html = TEMPLATES.get_template(template).render(
        **content,
        words=WORDS[language],
        language=language,
        direction="rtl" if language in RIGHT_TO_LEFT else "ltr",
        languages=[(tag, LANGUAGE_NAMES[tag], f"{request.url.path}?lang={tag}") for tag in LANGUAGES],
    )
    cache = "public, max-age=30" if status == 200 else "no-store"
    return HTMLResponse(html, status, {**SECURITY, "content-language": language, "cache-control": cache})
