"""Pure rules of messages: their text, and whether they are still worth sending."""

from collections.abc import Mapping
from datetime import datetime

from app.core.text import pick
from app.notify.values import NEVER_CUT, PARAMETER_LENGTH_MAX, TEXTS, WORTH_SENDING, Template


def render(template: Template, language: str, params: Mapping[str, str]) -> str:
    """The text of a message. Long parameters, such as titles, are cut so that the whole stays short."""
    shown = {name: value if name in NEVER_CUT else _clipped(value) for name, value in params.items()}
    return pick(TEXTS[template], language).format_map(shown)


def is_worth_sending(template: Template, created_at: datetime, now: datetime) -> bool:
    return now - created_at <= WORTH_SENDING[template]


def masked(phone: str) -> str:
    """A phone for logs: the country and the last two digits."""
    return f"{phone[:3]}…{phone[-2:]}"


def _clipped(value: str) -> str:
    return value if len(value) <= PARAMETER_LENGTH_MAX else value[: PARAMETER_LENGTH_MAX - 1] + "…"
