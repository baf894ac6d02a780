"""The JSON-LD of a document as far as it is needed to read one: prefixes, aliases of keys, and the forms of a vocabulary's words."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.epcis.values import (
    CBV_NAMESPACE,
    EPCIS_NAMESPACE,
    GS1_NAMESPACE,
    RESERVED_STARTS,
    STANDARD_PREFIXES,
    URN_STARTS,
    VOCABULARIES,
    Word,
)

URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", re.ASCII)
_PREFIX: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
URI_LENGTH_MAX: Final = 2_000
WORD_LENGTH_MAX: Final = 200
_ALIASES: Final[Mapping[str, str]] = {"@type": "type", "@id": "id"}


def declared(context: Any) -> dict[str, str]:
    """The prefixes that a `@context` declares; what it names by address is not fetched, the standard's own is known."""
    prefixes: dict[str, str] = {}
    for part in context if isinstance(context, list) else [context]:
        if isinstance(part, Mapping):
            prefixes |= {
                name: where
                for name, where in part.items()
                if isinstance(where, str) and _PREFIX.fullmatch(name) and URI.fullmatch(where)
            }
    return prefixes


def expanded(name: str, prefixes: Mapping[str, str]) -> str:
    """A compact name (`example:field`) as the full one; a name whose prefix nobody declared stays as it is."""
    prefix, colon, local = name.partition(":")
    if not colon or local.startswith("//"):
        return name
    namespace = prefixes.get(prefix) or STANDARD_PREFIXES.get(prefix)
    return name if namespace is None else namespace + local


def is_extension(name: str, prefixes: Mapping[str, str]) -> bool:
    """Whether a key is somebody's own: a full URI, or a compact one whose prefix is declared."""
    full = expanded(name, prefixes)
    if full != name:
        return URI.fullmatch(full) is not None
    scheme, colon, rest = name.partition(":")
    return bool(colon) and (rest.startswith("//") or scheme in ("urn", "tag", "ni")) and URI.fullmatch(name) is not None


def tidied(value: Any, prefixes: Mapping[str, str]) -> Any:
    """The same with the standard's own keys in their plain form: `epcis:bizStep` and `@type` are `bizStep` and `type`."""
    if isinstance(value, list):
        return [tidied(each, prefixes) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {_plain(name, prefixes): tidied(each, prefixes) for name, each in value.items()}


def _plain(name: str, prefixes: Mapping[str, str]) -> str:
    if name in _ALIASES:
        return _ALIASES[name]
    full = expanded(name, prefixes)
    return full.removeprefix(EPCIS_NAMESPACE) if full.startswith(EPCIS_NAMESPACE) else name


def word_of(kind: Word, written: str, prefixes: Mapping[str, str]) -> str | None:
    """The bare word for any form of one of the standard's (bare, URN, web URI, compact), or somebody's own URI as it is.

    None when it is neither: a word that the vocabulary does not have.
    """
    if written in VOCABULARIES[kind]:
        return written
    full = expanded(written, prefixes)
    for start in _starts(kind):
        if full.startswith(start):
            bare = full.removeprefix(start)
            return bare if bare in VOCABULARIES[kind] else None
    reserved = full.startswith(RESERVED_STARTS)
    return full if not reserved and URI.fullmatch(full) and len(full) <= WORD_LENGTH_MAX else None


def _starts(kind: Word) -> Iterable[str]:
    if kind is Word.MEASUREMENT:
        return (GS1_NAMESPACE, "http://gs1.org/voc/", "https://www.gs1.org/voc/")
    if kind is Word.ALERT:
        return (f"{GS1_NAMESPACE}SensorAlertType-", f"{GS1_NAMESPACE}")
    return (URN_STARTS.get(kind, "\n"), CBV_NAMESPACE + kind.value, f"https://ns.gs1.org/cbv/{kind.value}")


def web_uri(kind: Word, word: str) -> str:
    """The web URI of a bare word; somebody's own URI as it is."""
    if word not in VOCABULARIES[kind]:
        return word
    return f"{GS1_NAMESPACE}{word}" if kind in (Word.MEASUREMENT, Word.ALERT) else f"{CBV_NAMESPACE}{kind.value}{word}"
