"""The demo valley and the main story, played over HTTP like any client would: it needs a running development service and nothing else."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

VALLEY: Final = Path(__file__).with_name("demo_valley.json")
BUYER: Final = "+8610000000123"
DOOR: Final = {"name": "收货人", "phone": BUYER, "country": "CN", "county": "310115", "address": "世纪大道 1 号"}
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


@dataclass(frozen=True, slots=True)
class Stall:
    """A listing on sale and who sells it."""

    seller: Person
    producer: str
    listing: str


def play(url: str, operators: Sequence[str], say: Say) -> None:
    """Fill the valley and play the story once, saying what happens. Says what went wrong instead of raising."""
    try:
        _wait_until_ready(url)
        valley = fill_valley(url)
        say(
            f"\nA demo valley: {len(valley)} listings from Xinjiang, Tibet, Sichuan and Yunnan. The main story, over HTTP:\n"
        )
        for line in tell_story(url, valley, operators):
            say(line)
    except (httpx.HTTPError, RuntimeError, TimeoutError) as error:
        say(f"The demo story stopped: {error}")
    say(f"\nChama is at {url}  (docs: {url}/docs). Ctrl-C stops it.")


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/ready", timeout=5).status_code == 200:
                return
        time.sleep(0.2)
    message = "the service was not ready within a minute"
    raise TimeoutError(message)


def fill_valley(url: str) -> dict[str, Stall]:
    """Producers, listings and lots of the demo valley, made by their own people; what is on sale, by name."""
    stalls = {}
    for producer in orjson.loads(VALLEY.read_bytes()):
        person = Person(url, producer["phone"])
        made = person.post("/v1/producers", producer["producer"])
        for listing in producer["listings"]:
            draft = person.post("/v1/listings", listing["listing"] | {"producer": made["id"]})
            person.post(f"/v1/listings/{draft['id']}/lots", _with_dates(listing["lot"]))
            person.post(f"/v1/listings/{draft['id']}/publish", {})
            stalls[listing["name"]] = Stall(person, made["id"], draft["id"])
    return stalls


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


def tell_story(url: str, valley: Mapping[str, Stall], operators: Sequence[str]) -> Iterator[str]:
    """A buyer in Shanghai orders from two producers; carriers move the goods; the producers are paid on delivery."""
    buyer = Person(url, BUYER)
    jujube, carpet, rug = valley["jujube"], valley["carpet"], valley["rug"]
    quote = ask(buyer, {jujube.listing: "3", carpet.listing: "1"})
    yield "1. A buyer in Shanghai asks for 3 boxes of jujubes and a carpet. The ways there, each bookable as it stands:"
    yield from (f"     {_option(option)}" for option in quote["options"])
    order = place(buyer, quote, "cheapest")
    yield f"2. Order {order['number']} ({_money(order['price']['total'])}, cash on delivery) is two consignments on booked capacity:"
    yield from (f"     {_way(consignment)}" for consignment in order["consignments"])
    if not operators:
        yield "   (Name an operator's phone in CHAMA_OPERATOR_PHONES to see it travel.)"
        return
    desks = Desks(url, Person(url, operators[0]))
    desks.report(order, arrives=True)
    status = _wait_for(lambda: buyer.get(f"/v1/orders/{order['id']}")["status"], "delivered")
    yield f"3. Every carrier reported its legs with its own key. The order is {status}, and paid in cash at the door."
    buyer.post(f"/v1/orders/{order['id']}/confirm-receipt", {})
    yield f"4. The buyer confirmed. The producers can be paid: {_available(jujube)} for the jujubes, {_available(carpet)} for the carpet."
    second = place(buyer, ask(buyer, {rug.listing: "2"}), "fastest")
    desks.report(second, arrives=False)
    yield "5. Two rugs from Shigatse are on their way. Look:"
    yield f"     {url}/track/{second['consignments'][0]['tracking_number']}"
    yield f"     {url}/v1/listings/{jujube.listing}"


def ask(buyer: Machine, quantities: Mapping[str, str]) -> Any:
    lines = [{"listing": listing, "quantity": quantity} for listing, quantity in quantities.items()]
    return buyer.post("/v1/quotes", {"lines": lines, "deliver_to": DOOR, "packaging": "green"})


def place(buyer: Machine, quote: Mapping[str, Any], label: str) -> Any:
    option = next(option for option in quote["options"] if label in option["labels"])
    body = {"quote": quote["id"], "option": option["id"], "payment": {"method": "cash_on_delivery"}}
    return buyer.post("/v1/orders", body, key=quote["id"])


class Desks:
    """The carriers' own systems, each with the key that an operator gave it."""

    def __init__(self, url: str, operator: Person) -> None:
        self._url = url
        self._operator = operator
        self._desks: dict[str, Machine] = {}

    def report(self, order: Mapping[str, Any], *, arrives: bool) -> None:
        for consignment in order["consignments"]:
            for carrier, event in events_of(consignment, arrives=arrives):
                if carrier not in self._desks:
                    self._desks[carrier] = _desk_of(self._url, self._operator, carrier)
                self._desks[carrier].post("/v1/tracking/events", {"events": [event]})


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
    """What each leg's carrier would report, twenty seconds apart: of all legs, or of about half of them."""
    legs = consignment["legs"]
    told: list[tuple[str, str, str | None]] = [(legs[0]["carrier"], "picked_up", legs[0]["from"])]
    for leg in legs if arrives else legs[: max(1, len(legs) // 2)]:
        is_last_mile = leg["mode"] == "courier"
        told.append((leg["carrier"], "out_for_delivery" if is_last_mile else "departed", leg["from"]))
        if not is_last_mile:
            told.append((leg["carrier"], "arrived", leg["to"]))
    if arrives:
        told.append((legs[-1]["carrier"], "delivered", None))
    start = datetime.now(UTC).replace(microsecond=0)
    return [
        (carrier, _event(consignment["tracking_number"], step, kind, hub, start + timedelta(seconds=20 * step)))
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


def _way(consignment: Mapping[str, Any]) -> str:
    legs = consignment["legs"]
    return f"{consignment['tracking_number']}  " + " → ".join(
        [legs[0]["from"], *(f"{leg['to']} ({leg['mode']})" for leg in legs)]
    )


def _available(stall: Stall) -> str:
    balances = stall.seller.get(f"/v1/producers/{stall.producer}/balances")["items"]
    return _money(next(item["posted"] for item in balances if item["account"] == "producer_available"))
