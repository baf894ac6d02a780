"""The demo valley and the main story, played over HTTP like any client would: it needs a running development service and nothing else."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

VALLEY: Final = Path(__file__).with_name("demo_valley.json")
BUYER: Final = "+8610000000123"
Say = Callable[[str], None]


class Machine:
    """Somebody who calls the API with a token or a key."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, headers={"accept-language": "en"})
        if token:
            self.http.headers["authorization"] = f"Bearer {token}"

    def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Any:
        answer = self.http.post(path, json=body, headers={"idempotency-key": key} if key else {})
        if answer.is_error:
            message = f"POST {path} answered {answer.status_code}: {answer.text}"
            raise RuntimeError(message)
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()


class Person(Machine):
    """Somebody with a phone, who signs in by the code that comes to it."""

    def __init__(self, url: str, phone: str) -> None:
        super().__init__(url)
        self.post("/v1/auth/codes", {"phone": phone})
        code = self._code(phone)
        tokens = self.post("/v1/auth/tokens", {"grant": "code", "phone": phone, "code": code})
        self.http.headers["authorization"] = f"Bearer {tokens['access_token']}"

    def _code(self, phone: str) -> str:
        messages = self.get("/v1/dev/messages", to=phone)["items"]
        return next((message["code"] for message in messages if message.get("code")), "")


def play(url: str, operators: Sequence[str], say: Say) -> None:
    """Fill the valley and play the story once, saying what happens. Says what went wrong instead of raising."""
    try:
        _wait_until_ready(url)
        listings = fill_valley(url)
        say(
            f"\nA demo valley: {len(listings)} listings by producers in Xinjiang, Tibet, Gansu, Yunnan and Sichuan. The main story, over HTTP:\n"
        )
        for line in tell_story(url, listings, operators):
            say(line)
    except (httpx.HTTPError, RuntimeError, TimeoutError) as error:
        say(f"The demo story stopped: {error}")
    say(f"\nChama is at {url}  (docs: {url}/docs). Ctrl-C stops it.")


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    message = "the service was not ready within a minute"
    raise TimeoutError(message)


def fill_valley(url: str) -> dict[str, dict[str, Any]]:
    """Producers, listings and lots of the demo valley, made by their own people; answers the published listings by name."""
    published = {}
    for producer in orjson.loads(VALLEY.read_bytes()):
        person = Person(url, producer["phone"])
        made = person.post("/v1/producers", producer["producer"])
        for listing in producer["listings"]:
            draft = person.post("/v1/listings", listing["listing"] | {"producer": made["id"]})
            person.post(f"/v1/listings/{draft['id']}/lots", _with_dates(listing["lot"]))
            published[listing["name"]] = person.post(f"/v1/listings/{draft['id']}/publish", {})
    return published


def _with_dates(lot: Mapping[str, Any]) -> dict[str, Any]:
    """Dates in the valley's file are days from today: `"harvested_on": -3`."""
    today = datetime.now(UTC).date()

    def dated(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: str(today + timedelta(days=part)) if key.endswith("_on") else dated(part)
                for key, part in value.items()
            }
        return [dated(part) for part in value] if isinstance(value, list) else value

    return dict(dated(lot))


def tell_story(url: str, listings: Mapping[str, dict[str, Any]], operators: Sequence[str]) -> list[str]:
    """A buyer in Shanghai orders from two producers; carriers move the goods; the producers are paid on delivery."""
    lines = []
    buyer = Person(url, BUYER)
    jujube, carpet = listings["jujube"], listings["carpet"]
    quote = buyer.post(
        "/v1/quotes",
        {
            "lines": [{"listing": jujube["id"], "quantity": "3"}, {"listing": carpet["id"], "quantity": "1"}],
            "deliver_to": {
                "name": "收货人",
                "phone": BUYER,
                "country": "CN",
                "county": "310115",
                "address": "世纪大道 1 号",
            },
            "packaging": "green",
        },
    )
    lines.append(
        f"1. A buyer in Shanghai asks for 3 boxes of jujubes and a carpet: {len(quote['options'])} ways, by price, arrival and CO2e:"
    )
    lines += [f"     {_option(option)}" for option in quote["options"][:6]]
    option = next(option for option in quote["options"] if "cheapest" in option["labels"])
    order = buyer.post(
        "/v1/orders",
        {"quote": quote["id"], "option": option["id"], "payment": {"method": "cash_on_delivery"}},
        key=quote["id"],
    )
    lines.append(
        f"2. Order {order['number']} is placed: {_money(order['price']['total'])}, two consignments on booked capacity:"
    )
    for consignment in order["consignments"]:
        way = " → ".join(
            [consignment["legs"][0]["from"], *(f"{leg['to']} ({leg['mode']})" for leg in consignment["legs"])]
        )
        lines.append(f"     {consignment['tracking_number']}  {way}")
    if operators:
        lines += _carry(url, operators[0], buyer, order)
    lines.append(f"   A listing:      {url}/v1/listings/{jujube['id']}")
    lines.append(f"   The API:        {url}/docs")
    return lines


def _carry(url: str, operator_phone: str, buyer: Person, order: Mapping[str, Any]) -> list[str]:
    """Each carrier reports its own legs by its own key: all of the first consignment, half of the second."""
    operator = Person(url, operator_phone)
    first, second = order["consignments"]
    carriers = {leg["carrier"] for leg in (*first["legs"], *second["legs"])}
    desks = {carrier: _desk_of(url, operator, carrier) for carrier in sorted(carriers)}
    for consignment, arrives in ((first, True), (second, False)):
        for carrier, event in events_of(consignment, arrives=arrives):
            desks[carrier].post("/v1/tracking/events", {"events": [event]})
    status = _wait_for(lambda: buyer.get(f"/v1/orders/{order['id']}")["status"], "in_transit")
    return [
        f"3. {len(carriers)} carriers reported every leg with their own keys. The order is {status.replace('_', ' ')}; follow it as its buyer would:",
        f"     {url}/track/{second['tracking_number']}   (on its way)",
        f"     {url}/track/{first['tracking_number']}   (delivered)",
    ]


def _desk_of(url: str, operator: Person, carrier: str) -> Machine:
    partner = operator.post(
        "/v1/partners", {"name": {"en": f"Carrier {carrier}", "zh-Hans": f"承运人 {carrier}"}, "carrier": carrier}
    )
    key = operator.post(f"/v1/partners/{partner['id']}/keys", {"mode": "test", "scopes": ["tracking:write"]})
    return Machine(url, key["secret"])


def _wait_for(look: Callable[[], str], wanted: str) -> str:
    """What is seen, as soon as it is what is wanted, or after ten seconds whatever it is."""
    for _ in range(100):
        if look() == wanted:
            break
        time.sleep(0.1)
    return look()


def events_of(consignment: Mapping[str, Any], *, arrives: bool) -> list[tuple[str, dict[str, Any]]]:
    """What each leg's carrier would report, spread over the last hours: of all legs, or of about half of them."""
    legs = consignment["legs"]
    told: list[tuple[str, str, str | None]] = [(legs[0]["carrier"], "picked_up", legs[0]["from"])]
    for leg in legs if arrives else legs[: max(1, len(legs) // 2)]:
        is_last_mile = leg["mode"] == "courier"
        told.append((leg["carrier"], "out_for_delivery" if is_last_mile else "departed", leg["from"]))
        if not is_last_mile:
            told.append((leg["carrier"], "arrived", leg["to"]))
    if arrives:
        told.append((legs[-1]["carrier"], "delivered", None))
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=7 * len(told))
    return [
        (carrier, _event(consignment["tracking_number"], step, kind, hub, start + timedelta(minutes=7 * step)))
        for step, (carrier, kind, hub) in enumerate(told)
    ]


def _event(number: str, step: int, kind: str, hub: str | None, at: datetime) -> dict[str, Any]:
    event = {
        "id": f"demo-{step}",
        "tracking_number": number,
        "type": kind,
        "occurred_at": at.isoformat().replace("+00:00", "Z"),
    }
    return event | ({"hub": hub} if hub else {})


def _option(option: Mapping[str, Any]) -> str:
    modes = "+".join(
        dict.fromkeys(leg["mode"] for consignment in option["consignments"] for leg in consignment["legs"])
    )
    labels = ", ".join(option["labels"]) or "between"
    return f"{_money(option['price']['total']):>12}   by {option['arrives_by'][:16].replace('T', ' ')}   {option['co2e_g']['total'] / 1000:8.1f} kg CO2e   {labels}  ({modes})"


def _money(money: Mapping[str, Any]) -> str:
    return f"¥{money['amount'] / 100:,.2f}"
