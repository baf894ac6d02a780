"""Custody: the code by which goods change hands, also offline, and who had them from when to when. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.core.clock import rfc3339
from app.core.errors import Gap
from app.core.ids import is_id
from app.core.limits import CLOCK_SKEW_MAX, WEIGHT_G_MAX
from app.core.sign import SIGNATURE_PATTERN
from app.shipments.errors import CodeUnreadable

VERSION: Final = "chama-hand-over-1"
CODE_LENGTH_MAX: Final = 2_900
PACKAGES_PER_CODE_MAX: Final = 80
# Scanners come back from where there is no network within so long; what is older cannot be told from what was made with a lost device.
TOLD_WITHIN: Final = timedelta(days=7)
_FIELDS: Final = 10
_PLACE: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{1,39}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_SIGNATURE: Final = re.compile(SIGNATURE_PATTERN)


class PartyKind(StrEnum):
    """Who may hold goods. Of a buyer nothing more is said: a consignment has one."""

    PRODUCER = "producer"
    CARRIER = "carrier"
    BUYER = "buyer"


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """`producer:prd_…`, `carrier:KUNLUN` or `buyer`."""

    kind: PartyKind
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else str(self.kind)


BUYER: Final = Holder(PartyKind.BUYER)


@dataclass(frozen=True, slots=True)
class HandOverCode:
    """What the handing party's device says. No packages named are all of them."""

    id: str
    consignment: str
    packages: tuple[str, ...]
    weight_g: int
    at: datetime
    hub: str | None
    giver: Holder
    taker: Holder
    signature: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class HandOver:
    """A hand-over as it was recorded, as far as custody goes."""

    at: datetime
    id: str
    giver: Holder
    taker: Holder
    hub: str | None
    weight_g: int
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One party had the goods. `since` is null where nobody said when it got them, `until` while it has them, or nobody said when it gave them away.

    `hand_over` is the one by which it got them.
    """

    holder: Holder
    since: datetime | None
    until: datetime | None
    hand_over: HandOver | None


@dataclass(frozen=True, slots=True)
class Chain:
    """Who had these packages, in order. Unbroken: each party got them from the one before it."""

    packages: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def is_unbroken(self) -> bool:
        return all(step.since is not None for step in self.steps)


def read_holder(text: str) -> Holder | None:
    kind, _, name = text.partition(":")
    if kind == PartyKind.PRODUCER and is_id(name, "prd"):
        return Holder(PartyKind.PRODUCER, name)
    if kind == PartyKind.CARRIER and _PLACE.fullmatch(name):
        return Holder(PartyKind.CARRIER, name)
    return BUYER if text == PartyKind.BUYER else None


def signed_text(code: HandOverCode) -> str:
    """The text that is signed: nine fields with a bar between them. Times are UTC to the second, weights whole grams."""
    fields = (
        VERSION,
        code.id,
        code.consignment,
        ",".join(code.packages),
        str(code.weight_g),
        rfc3339(code.at.replace(microsecond=0)),
        code.hub or "",
        str(code.giver),
        str(code.taker),
    )
    return "|".join(fields)


def text_of(code: HandOverCode) -> str:
    """What the QR code holds: the signed text and, behind one more bar, its signature."""
    return f"{signed_text(code)}|{code.signature or ''}"


def read_code(text: str) -> HandOverCode:
    """The opposite of `text_of`; raises `CodeUnreadable` for whatever is not exactly that."""
    parts = text.split("|")
    if len(text) > CODE_LENGTH_MAX or len(parts) != _FIELDS or parts[0] != VERSION:
        raise CodeUnreadable(field="version")
    _, hand_over, consignment, listed, weight, at, hub, giver, taker, signature = parts
    packages = tuple(listed.split(",")) if listed else ()
    from_, to = read_holder(giver), read_holder(taker)
    checks = {
        "id": is_id(hand_over, "hov"),
        "consignment": is_id(consignment, "con"),
        "packages": len(packages) <= PACKAGES_PER_CODE_MAX
        and all(is_id(package, "pkg") for package in packages)
        and list(packages) == sorted(set(packages)),
        "weight_g": re.fullmatch(r"[1-9][0-9]{0,9}", weight) is not None and int(weight) <= WEIGHT_G_MAX,
        "at": _TIME.fullmatch(at) is not None and _moment(at) is not None,
        "hub": not hub or _PLACE.fullmatch(hub) is not None,
        "from": from_ is not None,
        "to": to is not None and from_ != to,
        "signature": not signature or _SIGNATURE.fullmatch(signature) is not None,
    }
    wrong = next((name for name, is_good in checks.items() if not is_good), None)
    moment = _moment(at)
    if wrong is not None or moment is None or from_ is None or to is None:
        raise CodeUnreadable(field=wrong or "at")
    return HandOverCode(
        hand_over, consignment, packages, int(weight), moment, hub or None, from_, to, signature or None
    )


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def time_gaps(code: HandOverCode, booked_at: datetime, now: datetime) -> list[Gap]:
    """What is wrong with the time of a code: not yet, before the goods were booked, or too long ago to be believed."""
    if code.at > now + CLOCK_SKEW_MAX:
        return [Gap("/code", _AHEAD)]
    if code.at < booked_at - CLOCK_SKEW_MAX:
        return [Gap("/code", _BEFORE)]
    return [Gap("/code", _LATE)] if now - code.at > TOLD_WITHIN else []


def chains(
    packages: Collection[str], producer: str, booked_at: datetime, hand_overs: Iterable[HandOver]
) -> list[Chain]:
    """Who had which packages from when to when, in whatever order, and however often, the hand-overs came in.

    Goods begin with their producer. Where a party hands on what nobody gave it, it has a step without a beginning, and the one before it has none that
    ends. Packages with the same story share a chain.
    """
    known = sorted({each.id: each for each in sorted(hand_overs)}.values())
    by_story: dict[tuple[HandOver, ...], list[str]] = {}
    for package in sorted(packages):
        mine = tuple(each for each in known if not each.packages or package in each.packages)
        by_story.setdefault(mine, []).append(package)
    return [
        Chain(tuple(same), _steps(Holder(PartyKind.PRODUCER, producer), booked_at, story))
        for story, same in by_story.items()
    ]


def _steps(first: Holder, booked_at: datetime, story: Sequence[HandOver]) -> tuple[Step, ...]:
    steps = [Step(first, booked_at, None, None)]
    for each in story:
        last = steps[-1]
        if last.holder == each.giver:
            steps[-1] = Step(last.holder, last.since, each.at, last.hand_over)
        else:
            steps.append(Step(each.giver, None, each.at, None))
        steps.append(Step(each.taker, each.at, None, each))
    return tuple(steps)


PARTY_DISPLAY: Final[Mapping[PartyKind, Mapping[str, str]]] = {
    PartyKind.PRODUCER: {"en": "producer", "zh-Hans": "生产者"},
    PartyKind.CARRIER: {"en": "carrier", "zh-Hans": "承运人"},
    PartyKind.BUYER: {"en": "buyer", "zh-Hans": "买家"},
}
_AHEAD: Final = {
    "en": f"Its time lies more than {CLOCK_SKEW_MAX // timedelta(minutes=1)} minutes ahead: set the clock of the device that made it",
    "zh-Hans": f"交接码时间比当前晚 {CLOCK_SKEW_MAX // timedelta(minutes=1)} 分钟以上，请校准出码设备的时钟",
}
_BEFORE: Final = {"en": "Its time lies before the goods were booked", "zh-Hans": "交接码时间早于运单生成时间"}
_LATE: Final = {
    "en": f"It is older than {TOLD_WITHIN.days} days: let the handing party make a new one, or tell the operator",
    "zh-Hans": f"交接码已超过 {TOLD_WITHIN.days} 天，请交出方重新出码，或联系平台",
}
