"""Text that people write, in several languages, and the choice of one from `Accept-Language`."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from app.core.limits import LANGUAGES_MAX, TEXT_LENGTH_MAX

LANGUAGES: Final = ("zh-Hans", "en")
# An international phone number, by ITU-T E.164.
E164_PATTERN: Final = r"^\+[1-9][0-9]{7,14}$"
_TAG: Final = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_CHINESE: Final = re.compile(r"^zh\b", re.IGNORECASE)


def _clean(text: str) -> str:
    if _CONTROL.search(text):
        message = "Control characters are not allowed"
        raise ValueError(message)
    text = text.strip()
    if not text:
        message = "Must not be blank"
        raise ValueError(message)
    return text


PlainText = Annotated[str, Field(max_length=TEXT_LENGTH_MAX, min_length=1), AfterValidator(_clean)]
Tag = Annotated[str, Field(pattern=_TAG, max_length=35)]
LocalText = Annotated[
    dict[Tag, PlainText],
    Field(
        max_length=LANGUAGES_MAX,
        examples=[{"zh-Hans": "和田大枣", "en": "Hotan jujube"}],
        description="Text by BCP 47 language tag",
    ),
]
NamedText = Annotated[LocalText, Field(min_length=1)]


def pick(text: Mapping[str, Any], language: str) -> str:
    """The text in this language, else in Chinese, else in English, else whatever there is; `""` when there is none."""
    for tag in (language, *LANGUAGES):
        if text.get(tag):
            return str(text[tag])
    return str(next(iter(text.values()), ""))


def preferred_language(accept_language: str | None) -> str:
    """The best of our complete languages for an `Accept-Language` header (RFC 9110, 12.5.4); English by default."""
    best, best_weight = "en", 0.0
    for part in (accept_language or "")[:200].split(","):
        tag, _, parameter = part.strip().partition(";")
        weight = _weight(parameter)
        language = "zh-Hans" if _CHINESE.match(tag) else "en" if tag.lower().startswith("en") else None
        if language and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    match = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", parameter)
    return float(match[1]) if match else 0.0 if parameter.strip() else 1.0
