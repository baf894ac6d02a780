"""Why an option of a front won its label, in words and figures: what it saves, and what it costs, against the next winner."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from app.orders.values import Combination, Label

HOURS_SHOWN_MAX: Final = 72
# Whom each winner is compared with: the first of these that is another option.
_RIVALS: Final[Mapping[Label, tuple[Label, ...]]] = {
    Label.CHEAPEST: (Label.FASTEST, Label.GREENEST),
    Label.FASTEST: (Label.CHEAPEST, Label.GREENEST),
    Label.GREENEST: (Label.CHEAPEST, Label.FASTEST),
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "alone": "No other way costs less, arrives earlier or emits less",
        "cheapest": "the cheapest",
        "fastest": "the fastest",
        "greenest": "the greenest",
        "cheapest_best": "{much} less than {rival}",
        "fastest_best": "{much} earlier than {rival}",
        "greenest_best": "{much} CO₂e less than {rival}",
        "cheapest_same": "costs the same as {rival}",
        "fastest_same": "arrives together with {rival}",
        "greenest_same": "emits the same as {rival}",
        "cheapest_better": "costs {much} less",
        "cheapest_worse": "costs {much} more",
        "fastest_better": "arrives {much} earlier",
        "fastest_worse": "arrives {much} later",
        "greenest_better": "emits {much} CO₂e less",
        "greenest_worse": "emits {much} CO₂e more",
        "then": "; ",
        "and": ", ",
        "minutes": "{n} min",
        "hours": "{n} h",
        "days": "{days} d {n} h",
        "whole_days": "{days} d",
        "g": "{n} g",
        "kg": "{n} kg",
    },
    "zh-Hans": {
        "alone": "没有更便宜、更快或碳排放更低的方案",
        "cheapest": "最便宜的方案",
        "fastest": "最快的方案",
        "greenest": "最低碳的方案",
        "cheapest_best": "比{rival}便宜 {much}",
        "fastest_best": "比{rival}早到 {much}",
        "greenest_best": "比{rival}少排放 {much} CO₂e",
        "cheapest_same": "与{rival}价格相同",
        "fastest_same": "与{rival}同时到达",
        "greenest_same": "与{rival}排放相同",
        "cheapest_better": "便宜 {much}",
        "cheapest_worse": "贵 {much}",
        "fastest_better": "早到 {much}",
        "fastest_worse": "晚到 {much}",
        "greenest_better": "少排放 {much} CO₂e",
        "greenest_worse": "多排放 {much} CO₂e",
        "then": "；",
        "and": "，",
        "minutes": "{n} 分钟",
        "hours": "{n} 小时",
        "days": "{days} 天 {n} 小时",
        "whole_days": "{days} 天",
        "g": "{n} 克",
        "kg": "{n} 千克",
    },
}


def reasons(front: Sequence[Combination], labels: Sequence[Sequence[Label]], language: str) -> list[dict[Label, str]]:
    """For each option of the front, one sentence for each label that it won. Empty for an option that won none.

    Each winner is compared with the winner of another label; one that won all three has nothing better beside it.
    """
    winner = {label: i for i, won in enumerate(labels) for label in won}
    return [{label: _reason(front, winner, label, language) for label in won} for won in labels]


def _reason(front: Sequence[Combination], winner: Mapping[Label, int], label: Label, language: str) -> str:
    words, own = _WORDS[language], winner[label]
    rival = next((other for other in _RIVALS[label] if winner.get(other, own) != own), None)
    if rival is None:
        return words["alone"]
    gains = _gains(front[own], front[winner[rival]])
    best, named = gains[label], words[rival.value]
    first = words[f"{label}_best" if best > 0 else f"{label}_same"].format(much=_much(label, best, words), rival=named)
    rest = words["and"].join(_differences(gains, label, words))
    return first + words["then"] + rest if rest else first


def _gains(own: Combination, other: Combination) -> Mapping[Label, int]:
    """By how much the one is better than the other: fen, minutes, grams. Worse is negative."""
    return {
        Label.CHEAPEST: other.price_minor - own.price_minor,
        Label.FASTEST: round((other.arrives_at - own.arrives_at) / timedelta(minutes=1)),
        Label.GREENEST: other.co2e_g - own.co2e_g,
    }


def _differences(gains: Mapping[Label, int], own: Label, words: Mapping[str, str]) -> Iterator[str]:
    for label, gain in gains.items():
        if label is not own and gain:
            yield words[f"{label}_better" if gain > 0 else f"{label}_worse"].format(much=_much(label, gain, words))


def _much(label: Label, gain: int, words: Mapping[str, str]) -> str:
    """The size of a difference: `¥12.40`, `25 min`, `31 h`, `4 d 6 h`, `720 g`, `2.3 kg`."""
    size = abs(gain)
    if label is Label.CHEAPEST:
        return f"¥{size / 100:,.2f}"
    if label is Label.GREENEST:
        return words["g"].format(n=size) if size < 1_000 else words["kg"].format(n=f"{size / 1_000:,.1f}")
    if size < 60:
        return words["minutes"].format(n=size)
    hours = (size + 30) // 60
    if hours <= HOURS_SHOWN_MAX:
        return words["hours"].format(n=hours)
    return words["days" if hours % 24 else "whole_days"].format(days=hours // 24, n=hours % 24)
