"""The manner of the EPCIS door: its headers, what it can be asked for, and the standard's names for refusals."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Request, Response

from app.api.etags import etagged
from app.core.limits import EPCIS_BYTES_MAX, EPCIS_EVENTS_MAX
from app.epcis.context import expanded
from app.epcis.epcs import canonical
from app.epcis.errors import AddressTooLong, DocumentInvalid, MediaTypeUnsupported, NotInThatForm
from app.epcis.values import CBV_VERSION, EPC_FIELDS, EPCIS_VERSION, QUANTITY_FIELDS
from app.flows.ports import Ports
from app.flows.query_epcis import Found, query_document

QUERY_LENGTH_MAX: Final = 6_000
MEDIA_TYPES: Final = ("application/json", "application/ld+json")
ALWAYS_LINK: Final = "Always_GS1_Digital_Link"
EPC_FORMATS: Final = ("No_Preference", "Never_Translates", ALWAYS_LINK)
HEADERS: Final = {
    "gs1-epcis-version": EPCIS_VERSION,
    "gs1-cbv-version": CBV_VERSION,
    "gs1-extensions": "chama=urn:chama:epcis:",
}
DISCOVERY: Final = HEADERS | {
    "gs1-epcis-min": EPCIS_VERSION,
    "gs1-epcis-max": EPCIS_VERSION,
    "gs1-cbv-min": CBV_VERSION,
    "gs1-cbv-max": CBV_VERSION,
    "gs1-epc-format": "No_Preference",
    "gs1-cbv-xml-format": "Never_Translates",
    "gs1-vendor-version": "chama-0.1.0",
}
CAPTURE_LIMITS: Final = {
    "gs1-epcis-capture-limit": str(EPCIS_EVENTS_MAX),
    "gs1-epcis-capture-file-size-limit": str(EPCIS_BYTES_MAX),
}


async def _asked_well(request: Request) -> str:
    """The media type to answer in. Raises `AddressTooLong`, or `NotInThatForm` for what we do not have."""
    if len(request.url.query) > QUERY_LENGTH_MAX:
        raise AddressTooLong(max=QUERY_LENGTH_MAX)
    headers = request.headers
    for name, ours in (("epcis", EPCIS_VERSION), ("cbv", CBV_VERSION)):
        _require_version(headers.get(f"gs1-{name}-version"), ours, exact=True)
        _require_version(headers.get(f"gs1-{name}-min"), ours, at_most=True)
        _require_version(headers.get(f"gs1-{name}-max"), ours, at_least=True)
    if headers.get("gs1-epc-format", EPC_FORMATS[0]) not in EPC_FORMATS:
        raise NotInThatForm(header="GS1-EPC-Format", offered=", ".join(EPC_FORMATS))
    return _media_type(headers.get("accept"))


def _require_version(
    asked: str | None, ours: str, *, exact: bool = False, at_most: bool = False, at_least: bool = False
) -> None:
    if asked is None:
        return
    try:
        wanted = tuple(int(part) for part in asked.split(".")[:2])
    except ValueError:
        wanted = (-1,) if not at_least else (0,)
    have = tuple(int(part) for part in ours.split(".")[:2])
    if (exact and wanted != have[: len(wanted)]) or (at_most and wanted > have) or (at_least and wanted < have):
        raise NotInThatForm(header="GS1-*-Version", offered=f"EPCIS {EPCIS_VERSION}, CBV {CBV_VERSION}")


def _media_type(accept: str | None) -> str:
    if accept is None or not accept.strip():
        return MEDIA_TYPES[0]
    for part in accept[:1_000].split(","):
        name, *rest = (piece.strip().lower() for piece in part.split(";"))
        refused = any(piece in ("q=0", "q=0.0") for piece in rest)
        if name in (*MEDIA_TYPES, "*/*", "application/*") and not refused:
            return name if name in MEDIA_TYPES else MEDIA_TYPES[0]
    raise NotInThatForm(header="Accept", offered=", ".join(MEDIA_TYPES))


Media = Annotated[str, Depends(_asked_well)]


async def sent_json(request: Request) -> Any:
    """The body, which has to be JSON of a media type that we take. Raises `MediaTypeUnsupported` or `DocumentInvalid`."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in MEDIA_TYPES:
        raise MediaTypeUnsupported
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise DocumentInvalid from None


def answer(body: Any, media: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A good answer with the headers of the standard."""
    return Response(orjson.dumps(body), status, {**HEADERS, "vary": "Authorization", **(headers or {})}, media)


def answer_single(request: Request, body: Any, media: str, headers: Mapping[str, str] | None = None) -> Response:
    """A good answer of a single resource: with its ETag, or 304 when the client has it already."""
    sent = {**HEADERS, **(headers or {})}
    return etagged(request, orjson.dumps(body), vary="Accept, Authorization", media=media, headers=sent)


def discovery(methods: str, further: Mapping[str, str] | None = None) -> Response:
    """What OPTIONS answers."""
    return Response(status_code=204, headers={**DISCOVERY, "allow": methods, **(further or {})})


def events_answer(
    request: Request, ports: Ports, found: Found, media: str, *, single: bool = False, **more: Any
) -> Response:
    """A page of events as an EPCISQueryDocument, with the link to the next one. Of a `single` event, the same as long as nothing is said of it."""
    links = request.headers.get("gs1-epc-format") == ALWAYS_LINK
    events = [(in_links(event, prefixes), prefixes) if links else (event, prefixes) for event, prefixes in found.events]
    headers = {"gs1-epc-format": ALWAYS_LINK} if links else {}
    if found.token:
        url = request.url.include_query_params(nextPageToken=found.token)
        headers["link"] = f'<{url}>; rel="next"'
        headers["gs1-next-page-token-expires"] = found.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    if single:
        return answer_single(request, query_document(events, found.rows[-1].recorded_at), media, headers)
    return answer(query_document(events, ports.clock.now(), **more), media, headers=headers)


def in_links(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> dict[str, Any]:
    """The event with its EPCs, classes and places as GS1 Digital Links."""

    def name(value: Any) -> Any:
        return canonical(expanded(value, prefixes)) if isinstance(value, str) else value

    told = dict(event)
    for field in EPC_FIELDS:
        if field in told:
            told[field] = [name(each) for each in told[field]] if isinstance(told[field], list) else name(told[field])
    for field in QUANTITY_FIELDS:
        if field in told:
            told[field] = [{**each, "epcClass": name(each.get("epcClass"))} for each in told[field]]
    for field in ("readPoint", "bizLocation"):
        if field in told:
            told[field] = {**told[field], "id": name(told[field].get("id"))}
    return told
