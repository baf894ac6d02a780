"""GS1 Digital Links of ours: `/00/{SSCC}` and `/401/{GINC}` lead to the tracking page, which is what a scanned label is for."""

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import RedirectResponse, Response

from app.core.errors import NotFound
from app.core.text import pick
from app.flows.ports import Ports
from app.flows.resolve_number import Resolved, resolve_ginc, resolve_sscc
from app.web.pages import SECURITY, TYPED_MAX, Accepted, Asked, find_page, language_of
from app.web.words import WORDS

router = APIRouter(include_in_schema=False)
LINKSET: Final = "application/linkset+json"
VOCABULARY: Final = "https://ref.gs1.org/voc/"
_ALL: Final = frozenset({"linkset", "all"})
LinkType = Annotated[str | None, Query(alias="linkType", max_length=60)]


@router.get("/00/{sscc}")
async def follow_sscc(
    sscc: str,
    request: Request,
    link_type: LinkType = None,
    accept: Annotated[str | None, Header()] = None,
    lang: Asked = None,
    accept_language: Accepted = None,
) -> Response:
    """A package's code: on to its tracking page, to its traces, or what links there are. A load unit's: what it is."""
    ports: Ports = request.app.state.ports
    language = language_of(lang, accept_language)
    try:
        found = await resolve_sscc(ports, sscc)
    except NotFound:
        return find_page(request, language, "missing", sscc[:TYPED_MAX], status=404)
    if found.tracking_number is None:
        words = WORDS[language]
        ends = {
            name: pick(hub.name, language) if hub else "…" for name, hub in (("from", found.start), ("to", found.goal))
        }
        return find_page(request, language, "unit", "", said=words["unit_text"].format(count=found.count, **ends))
    return _led(ports, request, found, link_type, accept)


@router.get("/401/{ginc}")
async def follow_ginc(
    ginc: str,
    request: Request,
    link_type: LinkType = None,
    accept: Annotated[str | None, Header()] = None,
    lang: Asked = None,
    accept_language: Accepted = None,
) -> Response:
    """A consignment's code: on to its tracking page."""
    ports: Ports = request.app.state.ports
    try:
        found = await resolve_ginc(ports, ginc)
    except NotFound:
        return find_page(request, language_of(lang, accept_language), "missing", ginc[:TYPED_MAX], status=404)
    return _led(ports, request, found, link_type, accept)


def _led(ports: Ports, request: Request, found: Resolved, link_type: str | None, accept: str | None) -> Response:
    """Where the default link leads, or another one by `linkType`; the whole set of them when that is asked for."""
    base = ports.settings.base_url
    links = {"defaultLink": f"/track/{found.tracking_number}"}
    if found.package:
        links["traceability"] = f"/v1/packages/{found.package}/trace"
    if link_type in _ALL or LINKSET in (accept or ""):
        linkset: dict[str, Any] = {"anchor": f"{base}{request.url.path}"}
        linkset |= {f"{VOCABULARY}{kind}": [{"href": f"{base}{path}"}] for kind, path in links.items()}
        return Response(orjson.dumps({"linkset": [linkset]}), headers={"vary": "Accept"}, media_type=LINKSET)
    named = (link_type or "").rpartition(":")[2].rpartition("/")[2]
    return RedirectResponse(links.get(named, links["defaultLink"]), 307, {**SECURITY, "cache-control": "no-cache"})
