"""Signed webhooks, sent when the test says so: in order, doubled, backwards, late, or all at once."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.fakes.stripe.errors import Json, invalid
from tests.fakes.stripe.state import Call, Endpoint, State, new_id, page

WAIT_S = 10.0
COPIES_MAX = 10


@dataclass(frozen=True)
class Plan:
    """How to deliver: which of the owed events (or which events again), how often, in which order, how old the signature."""

    events: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    copies: int = 1
    backwards: bool = False
    together: bool = False
    signed_s_ago: int = 0


def set_endpoint(state: State, url: str, secret: str | None, types: list[str], *, connect: bool = False) -> Json:
    secret = secret or f"whsec_{secrets.token_hex(16)}"
    endpoint = Endpoint(new_id("we"), url, secret, tuple(types) or ("*",), connect)
    state.endpoints[endpoint.id] = endpoint
    return {"id": endpoint.id, "url": endpoint.url, "secret": endpoint.secret}


def signed(event: Json, secret: str, signed_s_ago: int = 0) -> tuple[bytes, str]:
    """The body and the `Stripe-Signature` header: v1 is the HMAC-SHA256 of `<t>.<body>` under the endpoint's secret."""
    body = json.dumps(event, indent=2, ensure_ascii=False).encode()
    at = int(time.time()) - signed_s_ago
    digest = hmac.new(secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
    return body, f"t={at},v1={digest}"


def published(state: State, event_id: str) -> Json:
    """An event as it is sent, after a check against the published document."""
    event = deepcopy(state.get("event", event_id, "id"))
    found = state.spec.object_problems(event) + state.spec.object_problems(event["data"]["object"])
    if found:
        state.broken.append(f"{event['type']}: {'; '.join(found)}")
    return event


async def deliver(state: State, plan: Plan) -> list[Json]:
    """Send what is owed, or `plan.events` again, and say what each endpoint answered; owed until it answers 2xx."""
    if plan.events:
        due = [
            (each, endpoint.id)
            for each in plan.events
            for endpoint in state.endpoints.values()
            if endpoint.connect == bool(state.owner_of(each))
        ]
    else:
        due = [each for each in state.owed if not plan.types or state.objects[each[0]]["type"] in plan.types]
    if plan.backwards:
        due.reverse()
    due = [each for each in due for _ in range(min(plan.copies, COPIES_MAX))]
    async with httpx.AsyncClient(timeout=WAIT_S, trust_env=False, verify=False) as client:
        posts = [_post(state, client, event, state.endpoints[endpoint], plan.signed_s_ago) for event, endpoint in due]
        if plan.together:
            return list(await asyncio.gather(*posts))
        return [await each for each in posts]


async def _post(state: State, client: httpx.AsyncClient, event_id: str, endpoint: Endpoint, signed_s_ago: int) -> Json:
    event = published(state, event_id)
    body, signature = signed(event, endpoint.secret, signed_s_ago)
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
    try:
        answer = await client.post(endpoint.url, content=body, headers=headers)
        status, text = answer.status_code, answer.text
    except httpx.HTTPError as error:
        status, text = 0, repr(error)
    if 200 <= status < 300 and (event_id, endpoint.id) in state.owed:
        state.owed.remove((event_id, endpoint.id))
        state.objects[event_id]["pending_webhooks"] -= 1
    return {"event": event_id, "type": event["type"], "endpoint": endpoint.id, "status": status, "answer": text[:2000]}


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("event", call.path["id"], "id")


def listing(state: State, call: Call) -> Json:
    call.require_known("type", "types", "created", "limit", "starting_after", "ending_before")
    if "type" in call.params and "types" in call.params:
        raise invalid("You may only specify one of these parameters: type, types.")
    types: Any = call.params.get("types") or ([call.params["type"]] if "type" in call.params else None)
    found = [each for each in state.of("event") if types is None or each["type"] in types]
    return page(found, call.params, "/v1/events")
