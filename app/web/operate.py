"""Pages for operators: the network on a map. The page itself holds nothing; what it shows comes from the API, after signing in."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse, Response

from app.core.text import LANGUAGES, pick, preferred_language
from app.network.values import DISRUPTION_KIND_DISPLAY, HUB_KIND_DISPLAY
from app.shipments.values import MODE_DISPLAY
from app.web.assets import address_of
from app.web.network_words import NETWORK_WORDS
from app.web.pages import TEMPLATES
from app.web.words import LANGUAGE_NAMES

router = APIRouter(include_in_schema=False)
SECURITY: Final = {
    # MapLibre starts its worker from a blob and draws its buttons from data addresses; nothing comes from elsewhere.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "worker-src blob:; child-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
    "vary": "Accept-Language",
}


@router.get("/operate/network")
async def network_page(
    request: Request,
    asked: Annotated[str | None, Query(alias="lang")] = None,
    accepted: Annotated[str | None, Header(alias="accept-language")] = None,
) -> Response:
    """The network on a map, for operators. Whoever has not signed in sees the land and a door."""
    language = asked if asked in LANGUAGES else preferred_language(accepted)
    html = TEMPLATES.get_template("network.html").render(
        words=NETWORK_WORDS[language],
        told=_told(language),
        language=language,
        address_of=address_of,
        languages=[(tag, LANGUAGE_NAMES[tag], f"{request.url.path}?lang={tag}") for tag in LANGUAGES],
    )
    return HTMLResponse(html, 200, {**SECURITY, "content-language": language})


def _told(language: str) -> dict[str, Any]:
    """What the script has to know: the language, its words, and the names of modes, places and disruptions."""
    return {
        "language": language,
        "words": NETWORK_WORDS[language],
        "modes": {mode.value: pick(text, language) for mode, text in MODE_DISPLAY.items() if mode != "courier"},
        "kinds": {kind.value: pick(text, language) for kind, text in HUB_KIND_DISPLAY.items()},
        "disruptions": {kind.value: pick(text, language) for kind, text in DISRUPTION_KIND_DISPLAY.items()},
        "land": address_of("land.json"),
    }
