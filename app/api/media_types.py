"""Which of the media types that we have a client wants (RFC 9110, 12.5.1)."""

from collections.abc import Sequence

from app.core.errors import Kind, Problem

ACCEPT_LENGTH_MAX = 1_000


class NotAcceptable(Problem):
    slug = "not-acceptable"
    kind = Kind.MALFORMED
    title = {"en": "We do not have it in that form", "zh-Hans": "没有所要求的格式"}
    detail = {
        "en": "It can be had as {offered}. Ask for one of these in `Accept`, or leave that header out.",
        "zh-Hans": "可提供的格式：{offered}。请在 `Accept` 请求头中选择其一，或不发送该请求头。",
    }
    members = ("offered",)

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__(offered=", ".join(offered))


def wanted_type(accept: str | None, offered: Sequence[str]) -> str:
    """The offered type with the greatest weight, the first of those that are alike. Raises `NotAcceptable`."""
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept[:ACCEPT_LENGTH_MAX].split(",")]
    weights = [_weight(media, ranges) for media in offered]
    if max(weights) <= 0:
        raise NotAcceptable(offered)
    return offered[weights.index(max(weights))]


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
    try:
        return media, min(max(float(weight), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def _weight(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the narrowest range that the type falls into."""
    for wide in (media, f"{media.partition('/')[0]}/*", "*/*"):
        weights = [weight for name, weight in ranges if name == wide]
        if weights:
            return max(weights)
    return 0.0
