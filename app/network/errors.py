"""The refusals of the network."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from app.core.clock import rfc3339
from app.core.errors import Kind, Problem
from app.network.origin_rules import OriginRule
from app.routing import Reason

_WHY: Final[Mapping[Reason, Mapping[str, str]]] = {
    Reason.UNKNOWN_PLACE: {
        "en": "One of the two hubs is not known. GET /v1/hubs lists them all",
        "zh-Hans": "起点或终点不在枢纽列表中，请在 GET /v1/hubs 中选择",
    },
    Reason.NO_SERVICE: {
        "en": "No service that runs now connects the two places. Choose another hub nearby, or try again when one has opened",
        "zh-Hans": "目前没有线路连接两地。请选择附近的其他枢纽，或待线路开通后再试",
    },
    Reason.FORBIDDEN: {
        "en": "The rules of the destination do not let goods of this origin in. Choose another destination",
        "zh-Hans": "目的地的规定不允许该产地的货物进入。请选择其他目的地",
    },
    Reason.EXCLUDED: {
        "en": "Only services that were excluded, or that leave the country on the way, go there. Allow more modes or carriers, or choose another hub",
        "zh-Hans": "能到达的线路都被排除了，或需途经境外。请放宽运输方式或承运人的限制，或选择其他枢纽",
    },
    Reason.TEMPERATURE: {
        "en": "No service takes {temperature} there. Choose another hub, or another way of handling the goods",
        "zh-Hans": "没有线路可运送{temperature}到该地。请选择其他枢纽或其他温控方式",
    },
    Reason.TOO_HEAVY: {
        "en": "It is too heavy or too large for every service there. Send it in smaller parts",
        "zh-Hans": "货物过重或过大，沿途没有线路可以承运。请分批发送",
    },
    Reason.PIECE_TOO_LARGE: {
        "en": "One of the pieces is too heavy or too long for every way there. Pack it in smaller pieces, or hand it in at a larger hub",
        "zh-Hans": "有单件超重或超长，没有线路可以承运。请拆成较小的包件，或到较大的枢纽交货",
    },
    Reason.CUT_OFF: {
        "en": "The cut-off of every departure that would arrive in time has passed. Ask for a later arrival or a later start",
        "zh-Hans": "能按时到达的班次均已截止收货。请放宽到达时间或改为之后发货",
    },
    Reason.JOURNEY_LIMIT: {
        "en": "Every way there takes longer than the goods may be on the road. Choose a nearer hub",
        "zh-Hans": "所有路线的在途时间都超过该货物的上限。请选择更近的枢纽",
    },
    Reason.EXPOSURE_LIMIT: {
        "en": "On every way there the goods would be without cooling for too long. Choose a nearer hub, or one with a cold store",
        "zh-Hans": "所有路线上货物脱离冷链的时间都超过上限。请选择更近或有冷库的枢纽",
    },
    Reason.FULL: {
        "en": "Every departure that would arrive in time is full. Send less, or start later",
        "zh-Hans": "能按时到达的班次均已订满。请减少数量或改为之后发货",
    },
}
_BY_RULE: Final[Mapping[str, str]] = {
    "en": "By rule {number} these goods may not go that way: {what} ({source}). Choose another destination",
    "zh-Hans": "按规则 {number}，该产地的货物不得运往或途经该地：{what}（{source}）。请选择其他目的地",
}
_TEMPERATURES: Final[Mapping[str, Mapping[str, str]]] = {
    "ambient": {"en": "goods without cooling", "zh-Hans": "常温货物"},
    "chilled": {"en": "chilled goods", "zh-Hans": "冷藏货物"},
    "frozen": {"en": "frozen goods", "zh-Hans": "冷冻货物"},
    "live": {"en": "live animals", "zh-Hans": "活畜禽"},
}


class RouteUnavailable(Problem):
    """There is no way to carry the goods; `reason` says what stands against it, and `rule` by which rule they may not go there."""

    slug = "route-unavailable"
    kind = Kind.CONFLICT
    title = {"en": "There is no way to carry this", "zh-Hans": "没有可行的运输路线"}
    detail = {"en": "From {from} to {to}: {why}.", "zh-Hans": "从 {from} 到 {to}：{why}。"}
    members = ("reason", "from", "to", "rule")

    def __init__(
        self,
        reason: Reason,
        origin: str,
        destination: str,
        temperature: str = "ambient",
        rule: OriginRule | None = None,
    ) -> None:
        kept = _TEMPERATURES[temperature]
        why = {language: text.format(temperature=kept[language]) for language, text in _WHY[reason].items()}
        fields: dict[str, Any] = {"from": origin, "to": destination, "reason": reason.value, "why": why}
        if rule is not None:
            fields["why"] = {
                language: text.format(number=rule.number, what=rule.what[language], source=rule.source[language])
                for language, text in _BY_RULE.items()
            }
            fields["rule"] = {"number": rule.number, "what": rule.what, "source": rule.source}
        super().__init__(**fields)


class NoHubForCounty(Problem):
    slug = "county-not-served"
    kind = Kind.CONFLICT
    title = {"en": "No hub serves this county", "zh-Hans": "该县暂无服务枢纽"}
    detail = {
        "en": "There is no hub in the province of {county} yet. Name a hub yourself, from GET /v1/hubs.",
        "zh-Hans": "{county} 所在省份还没有枢纽。请在 GET /v1/hubs 中自行选择枢纽。",
    }
    members = ("county",)

    def __init__(self, county: str) -> None:
        super().__init__(county=county)


class CapacityFull(Problem):
    """A departure filled up between the plan and its booking: plan again without it."""

    slug = "departure-full"
    kind = Kind.CONFLICT
    title = {"en": "A departure has filled up", "zh-Hans": "班次已满"}
    detail = {
        "en": "The run of {service} on {run_at} has no room left for this. Ask for a new quote: it will go another way.",
        "zh-Hans": "{service} 于 {run_at} 的班次已无剩余舱位。请重新询价，系统会改用其他班次。",
    }
    members = ("service", "run_at")

    def __init__(self, service: str, run_at: datetime) -> None:
        self.service = service
        self.departure_at = run_at
        super().__init__(service=service, run_at=rfc3339(run_at))


class DepartureClosed(CapacityFull):
    """A departure was withdrawn or closed between the plan and its booking: plan again without it."""

    slug = "departure-closed"
    title = {"en": "A departure no longer runs", "zh-Hans": "班次已停运"}
    detail = {
        "en": "The run of {service} on {run_at} is closed or withdrawn. Ask for a new quote: it will go another way.",
        "zh-Hans": "{service} 于 {run_at} 的班次已关闭或停运。请重新询价，系统会改用其他班次。",
    }


class DisruptionOver(Problem):
    slug = "disruption-over"
    kind = Kind.CONFLICT
    title = {"en": "The disruption is over", "zh-Hans": "中断已结束"}
    detail = {
        "en": "It has ended by itself, or its run was due to start: there is nothing left to lift. A run that is less late than was said: `delay` with `delay_s` below zero.",
        "zh-Hans": "该中断已自行结束，或相关班次的发车时间已过，无需撤回。如班次延误缩短，请上报 delay 并填写负的 delay_s。",
    }


class CannotLift(Problem):
    """A disruption that is taken back in another way, or not yet."""

    slug = "cannot-be-lifted"
    kind = Kind.CONFLICT
    title = {"en": "This cannot be lifted", "zh-Hans": "无法撤回"}
    detail = {"en": "{why}.", "zh-Hans": "{why}。"}


class ImportRefused(Problem):
    """A sheet or a feed with faults: nothing of it was taken."""

    slug = "import-refused"
    kind = Kind.INVALID
    title = {"en": "The file has faults, nothing was imported", "zh-Hans": "文件有误，未导入任何内容"}
    detail = {
        "en": "Correct every row listed in `errors` and send it again; `more_faults` were left off. With `dry_run` nothing is ever changed.",
        "zh-Hans": "请改正 errors 中列出的每一行后重新提交；另有 more_faults 处未列出。使用 dry_run 可先检查而不作更改。",
    }
    members = ("more_faults",)


class TooManyWays(Problem):
    """The exact front was larger than a search may hold; nothing is left out silently."""

    slug = "too-many-ways"
    kind = Kind.CONFLICT
    title = {"en": "There are too many ways to compare", "zh-Hans": "可选路线过多"}
    detail = {
        "en": "From {from} to {to} there are more ways than can be compared exactly. Choose a nearer hub.",
        "zh-Hans": "从 {from} 到 {to} 的可选路线过多，无法逐一比较。请选择更近的枢纽。",
    }
    members = ("from", "to")

    def __init__(self, origin: str, destination: str) -> None:
        named: dict[str, Any] = {"from": origin, "to": destination}
        super().__init__(**named)
