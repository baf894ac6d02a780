"""What the stand-in remembers: objects by id, its events and to whom they are owed, faults to come, calls received.

It lives in one event loop and its verbs never wait, so that each request is one step.
"""

import asyncio
import fnmatch
import secrets
import time
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.stripe.cards import Instrument
from tests.fakes.stripe.errors import Json, NotInStandInError, invalid, missing
from tests.fakes.stripe.spec import Spec

CALLS_MAX = 10_000
OBJECTS_MAX = 100_000
PAGE_DEFAULT = 10
PAGE_MAX = 100
COMPARE = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


@dataclass
class Call:
    """One request as a verb sees it: typed parameters, the ids in its path, and who asks under which names.

    `account` is the connected account in whose name the platform asks; empty for the platform itself.
    """

    params: Json
    path: dict[str, str]
    public: bool = False
    account: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None

    def require_known(self, *known: str) -> None:
        """Refuse what Stripe knows and the stand-in would ignore, so that no test passes on it."""
        if unknown := sorted(set(self.params) - set(known) - {"expand"}):
            raise NotInStandInError(f"parameters not in the stand-in yet: {', '.join(unknown)}")


@dataclass
class Fault:
    """What goes wrong with the next `times` calls of `method` to a path matching `path`."""

    kind: str
    method: str = "*"
    path: str = "*"
    times: int = 1
    seconds: float = 10.0


@dataclass(frozen=True)
class Endpoint:
    id: str
    url: str
    secret: str
    types: tuple[str, ...]
    # Stripe tells of connected accounts at endpoints of their own, with a secret of their own.
    connect: bool = False

    def wants(self, event_type: str, account: str) -> bool:
        fits = any(fnmatch.fnmatchcase(event_type, each) for each in self.types)
        return fits and self.connect == bool(account)


@dataclass
class Answer:
    """What an idempotency key is bound to; `body` is None while the first request is still running."""

    method: str
    path: str
    pairs: tuple[tuple[str, str], ...]
    request_id: str
    status: int = 0
    body: Json | None = None


@dataclass
class State:
    spec: Spec
    objects: dict[str, Json] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, Json] = field(default_factory=dict)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    owed: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: deque[Json] = field(default_factory=lambda: deque(maxlen=CALLS_MAX))
    broken: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    asking: Call | None = None
    # When objects are made; a test that moves its clock moves this one with it. Signatures go by the real time.
    now: Callable[[], float] = time.time

    def new(self, kind: str, prefix: str, *, owner: str = "", **fields: Any) -> Json:
        """Make and keep an object of the published shape: null wherever null may stand, `fields` elsewhere.

        It belongs to the connected account `owner`, or to the platform.
        """
        assert len(self.objects) < OBJECTS_MAX, "the stand-in is full; call reset()"
        made = self.spec.blank(kind) | {"id": new_id(prefix), "object": kind}
        made |= self.spec.known(kind, {"created": int(self.now()), "livemode": False}) | fields
        self.objects[made["id"]] = made
        if owner:
            self.owners[made["id"]] = owner
        return made

    def owner_of(self, key: str) -> str:
        return self.owners.get(key, "")

    def _may_see(self, key: str) -> bool:
        """Whoever asks over the API sees one account's objects; the test's own orders see all."""
        return self.asking is None or self.owner_of(key) == self.asking.account

    def get(self, kind: str, key: str, param: str) -> Json:
        found = self.objects.get(key)
        if found is None or found["object"] != kind or not self._may_see(key):
            raise missing(kind, key, param)
        return found

    def of(self, kind: str, **match: Any) -> list[Json]:
        """All objects of a kind whose fields equal `match`, newest first; a None in `match` matches all."""
        wanted = {name: value for name, value in match.items() if value is not None}
        return [
            each
            for each in reversed(self.objects.values())
            if each["object"] == kind
            and self._may_see(each["id"])
            and all(each[name] == value for name, value in wanted.items())
        ]

    def emit(self, event_type: str, about: Json, previous: Json | None = None, account: str = "") -> Json:
        """Record an event with a copy of the object as it is now, owed to every endpoint that wants it.

        `account` is the connected account that it happened on.
        """
        asked = self.asking
        request = {"id": asked.request_id, "idempotency_key": asked.idempotency_key} if asked else None
        owed_to = [each.id for each in self.endpoints.values() if each.wants(event_type, account)]
        event = self.new(
            "event",
            "evt",
            owner=account,
            api_version=self.spec.version,
            type=event_type,
            data={"object": deepcopy(about)} | ({"previous_attributes": previous} if previous else {}),
            request=request,
            pending_webhooks=len(owed_to),
            **({"account": account} if account else {}),
        )
        self.owed += [(event["id"], endpoint) for endpoint in owed_to]
        return event

    def take_fault(self, method: str, path: str) -> Fault | None:
        for each in self.faults:
            if each.method in ("*", method) and fnmatch.fnmatchcase(path, each.path):
                each.times -= 1
                if each.times <= 0:
                    self.faults.remove(each)
                return each
        return None


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def page(found: list[Json], params: Json, url: str) -> Json:
    """One page of `found`, which is newest first, by Stripe's cursors (ids) and `created` bounds."""
    created = params.get("created", {})
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    kept = [each for each in found if all(COMPARE[word](each["created"], at) for word, at in bounds.items())]
    limit = params.get("limit", PAGE_DEFAULT)
    if not 1 <= limit <= PAGE_MAX:
        raise invalid(f"This value must be between 1 and {PAGE_MAX}.", code="parameter_invalid_integer", param="limit")
    ids = [each["id"] for each in kept]
    if after := params.get("starting_after"):
        first = _position(ids, after, "starting_after") + 1
        rows, more = kept[first : first + limit], len(kept) > first + limit
    elif before := params.get("ending_before"):
        last = _position(ids, before, "ending_before")
        rows, more = kept[max(0, last - limit) : last], last > limit
    else:
        rows, more = kept[:limit], len(kept) > limit
    return {"object": "list", "url": url, "has_more": more, "data": rows}


def _position(ids: list[str], key: str, param: str) -> int:
    if key not in ids:
        raise invalid(f"No such object: '{key}'", code="resource_missing", param=param)
    return ids.index(key)


def expand(state: State, node: Json, path: str) -> None:
    """Replace the id at `path` inside `node` (already a copy) by its object, as `expand[]` asks."""
    head, _, rest = path.partition(".")
    value = node.get(head)
    if head == "refunds" and node["object"] == "charge":
        url = f"/v1/charges/{node['id']}/refunds"
        node[head] = deepcopy(page(state.of("refund", charge=node["id"]), {}, url))
    elif isinstance(value, str) and value in state.objects and head != "id":
        node[head] = deepcopy(state.objects[value])
    elif head not in node or not (value is None or isinstance(value, dict | list)):
        raise invalid(f"This property cannot be expanded ({head}).", param="expand")
    if rest:
        below = node[head]
        for each in below if isinstance(below, list) else [below]:
            if isinstance(each, dict):
                expand(state, each, rest)


def merge_metadata(target: Json, params: Json) -> None:
    """Apply `metadata` as Stripe does: given keys are set, empty values unset their key, an empty string unsets all."""
    given = params.get("metadata")
    if given == "":
        target["metadata"] = {}
    elif given:
        target["metadata"] = {k: v for k, v in (target["metadata"] | given).items() if v != ""}
