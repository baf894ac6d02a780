"""The story of carriers telling in DCSA's words what happened: the same as every door's, with feedback as that standard gives it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError

from app.core.errors import Invalid, Problem
from app.core.validation import gaps_of
from app.flows.ports import Ports
from app.flows.record_events import Outcome, record_events
from app.identity.values import Caller
from app.shipments.dcsa import Unfit, hub_of, told_by_dcsa
from app.shipments.dcsa_schemas import DcsaEvent
from app.shipments.errors import EventConflict, EventInFuture, NothingRecorded
from app.shipments.told import ToldEvent

_PATHS: Final = {
    "occurred_at": ".eventDateTime",
    "declared_at": ".eventUpdatedDateTime",
    "estimated_at": ".eventDateTime",
    "hub": ".eventLocation.facility.facilityCode",
}
_KNOWN: Final = {"en": "This version of the event was known", "zh-Hans": "该版本事件此前已收到"}
_OTHER_CONTENT: Final = {
    "en": "This version of the event was sent before with other content; send it with a later eventUpdatedDateTime",
    "zh-Hans": "该版本事件此前内容不同，请以更晚的 eventUpdatedDateTime 重新发送",
}
_ELSEWHERE: Final = {
    "en": "The place is not named by our hubs' codes (codeListProvider ZZZ): it is read along the planned way",
    "zh-Hans": "地点未使用本平台站点编码（codeListProvider 为 ZZZ），将按计划线路理解",
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """`path` is a JSONPath in the request; what is said there, in words or by a problem."""

    severity: Literal["ERROR", "WARN", "INFO"]
    path: str
    words: Mapping[str, str] | Problem


async def record_dcsa(ports: Ports, caller: Caller, sent: Sequence[Mapping[str, Any]]) -> list[Feedback]:
    """Record what can be read of a batch, in one transaction; what cannot is told in the feedback.

    Raises `NothingRecorded`, with the feedback, when no event was taken and none was known.
    """
    feedback: list[Feedback] = []
    told: list[tuple[str, ToldEvent]] = []
    for index, document in enumerate(sent):
        path = f"$.events[{index}]"
        for read in _read(document, path):
            if isinstance(read, Feedback):
                feedback.append(read)
            else:
                told.append((path, read))
    outcomes: list[Outcome] = []
    if told:
        async with ports.begin() as session:
            outcomes = await record_events(ports, session, caller, [event for _, event in told])
    for (path, _), outcome in zip(told, outcomes, strict=True):
        if outcome.problem is not None:
            words = _OTHER_CONTENT if isinstance(outcome.problem, EventConflict) else outcome.problem
            feedback.append(Feedback("ERROR", _place(path, outcome.problem), words))
        elif outcome.status == "duplicate":
            feedback.append(Feedback("INFO", path, _KNOWN))
    if all(outcome.problem is not None for outcome in outcomes):
        raise NothingRecorded(feedback=feedback)
    return feedback


def _read(document: Mapping[str, Any], path: str) -> Iterator[Feedback | ToldEvent]:
    """The events of ours that one of theirs is, with what is to be said about it. Pure."""
    try:
        event = DcsaEvent.model_validate(document)
    except ValidationError as refused:
        faults = refused.errors(include_url=False, include_context=True)
        for gap in gaps_of([fault | {"loc": ("body", *fault["loc"])} for fault in faults]):
            yield Feedback("ERROR", path + gap.pointer.replace("/", "."), gap.detail)
        return
    told = told_by_dcsa(event, document)
    if isinstance(told, Unfit):
        yield Feedback("ERROR", path + told.path, told.words)
        return
    if event.eventLocation is not None and hub_of(event.eventLocation) is None:
        yield Feedback("WARN", f"{path}.eventLocation", _ELSEWHERE)
    yield from told


def _place(path: str, problem: Problem) -> str:
    field = str(problem.fields.get("field", "")) if isinstance(problem, EventInFuture) else ""
    if isinstance(problem, Invalid) and problem.gaps:
        field = problem.gaps[0].pointer.lstrip("/")
    return path + _PATHS.get(field, "")
