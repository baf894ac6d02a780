"""The demo valley and the main story, played over HTTP like any client would: it needs a running development service and nothing else.

It may be played again and again: the valley has ids of its own, so what stands there already is found, renewed and restocked.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import orjson

VALLEY: Final = Path(__file__).with_name("demo_valley.json")
BUYER: Final = "+8610000000123"
DOOR: Final = {"name": "收货人", "phone": BUYER, "country": "CN", "county": "310115", "address": "世纪大道 1 号"}
# One phone is sent one sign-in code a minute.
CODE_WAIT_S_MAX: Final = 60
PARTNER_PAGES_MAX: Final = 100
Say = Callable[[str], None]


class Refused(RuntimeError):
    """The service said no, and the story has no other way to go on."""

    def __init__(self, answer: httpx.Response) -> None:
        asked = answer.request
        super().__init__(f"{asked.method} {asked.url.path} answered {answer.status_code}: {answer.text}")
        self.slug = (
            answer.json()["type"].rpartition("/")[2] if "problem+json" in answer.headers.get("content-type", "") else ""
        )
        self.wait_s = int(answer.headers.get("retry-after", 0))


class Machine:
    """Somebody who calls the API with a token or a key."""

    def __init__(self, http: httpx.Client, token: str | None = None) -> None:
        self.http = http
        self.headers = {"accept-language": "en"} | ({"authorization": f"Bearer {token}"} if token else {})

    def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Any:
        return self._ask("POST", path, json=body, key=key)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask("PATCH", path, json=body)

    def get(self, path: str, **query: Any) -> Any:
        return self._ask("GET", path, params=query)

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def post_once(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make what has an id of ours; None when it was made before from another body, on another day or by another version."""
        try:
            return self.post(path, body)
        except Refused as refused:
            if refused.slug != "id-taken":
                raise
            return None

    def _ask(self, method: str, path: str, *, key: str | None = None, **content: Any) -> Any:
        headers = self.headers | ({"idempotency-key": key} if key else {})
        answer = self.http.request(method, path, headers=headers, **content)
        if answer.is_error:
            raise Refused(answer)
        return answer.json() if answer.content else None


class Person(Machine):
    """Somebody with a phone, who signs in by the code that comes to it."""

    def __init__(self, http: httpx.Client, phone: str, say: Say) -> None:
        super().__init__(http)
        self._ask_for_code(phone, say)
        code = self._code(phone)
        tokens = self.post("/v1/auth/tokens", {"grant": "code", "phone": phone, "code": code})
        self.headers["authorization"] = f"Bearer {tokens['access_token']}"

    def _ask_for_code(self, phone: str, say: Say) -> None:
        """Have a code sent; when this phone had one within the last minute, wait for the minute to pass."""
        try:
            self.post("/v1/auth/codes", {"phone": phone})
        except Refused as refused:
            if not 0 < refused.wait_s <= CODE_WAIT_S_MAX:
                raise
            say(f"(A phone gets one sign-in code a minute; {phone} waits {refused.wait_s} s for the next.)")
            time.sleep(refused.wait_s)
            self.post("/v1/auth/codes", {"phone": phone})

    def _code(self, phone: str) -> str:
        messages = self.get("/v1/dev/messages", to=phone)["items"]
        return next((message["code"] for message in messages if message.get("code")), "")


@dataclass(frozen=True, slots=True)
class Stall:
    """A listing on sale and who sells it."""

    seller: Person
    producer: str
    listing: str


def play(url: str, operators: Sequence[str], say: Say) -> bool:
    """Fill the valley and play the story once, saying what happens; False, having said why, when it stopped."""
    try:
        with httpx.Client(base_url=url, timeout=60) as http:
            _wait_until_ready(http)
            valley = fill_valley(http, say)
            say(
                f"\nA demo valley: {len(valley)} listings from Xinjiang, Tibet, Sichuan and Yunnan. The main story, over HTTP:\n"
            )
            for line in tell_story(http, valley, operators, say):
                say(line)
    except (httpx.HTTPError, RuntimeError, TimeoutError) as error:
        say(f"The demo story stopped: {error}")
        return False
    return True


def _wait_until_ready(http: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if http.get("/ready", timeout=5).status_code == 200:
                return
        time.sleep(0.2)
    message = "the service was not ready within a minute"
    raise TimeoutError(message)


def fill_valley(http: httpx.Client, say: Say) -> dict[str, Stall]:
    """Producers, listings and lots of the demo valley, made by their own people once; what is on sale, by name."""
    stalls = {}
    for producer in orjson.loads(VALLEY.read_bytes()):
        person = Person(http, producer["phone"], say)
        home = producer["producer"]["id"]
        person.post_once("/v1/producers", producer["producer"])
        for listing in producer["listings"]:
            goods = f"/v1/listings/{listing['listing']['id']}"
            person.post_once("/v1/listings", listing["listing"] | {"producer": home})
            _stock(person, goods, _with_dates(listing["lot"]))
            person.post(f"{goods}/publish", {})
            stalls[listing["name"]] = Stall(person, home, listing["listing"]["id"])
    return stalls


def _stock(person: Person, goods: str, lot: Mapping[str, Any]) -> None:
    """Put the lot on the stall; one that stands there from an earlier day gets today's dates, and what was sold is replaced."""
    stands = person.post_once(f"{goods}/lots", lot)
    if stands is None:
        renewed = {name: lot[name] for name in ("harvested_on", "certificates") if name in lot}
        stands = person.patch(f"{goods}/lots/{lot['id']}", renewed)
    sold = Decimal(stands["reserved"]) + Decimal(stands["consumed"])
    # Animals are counted by their ear tags, which nobody makes more of.
    if sold and not stands["ear_tags"]:
        person.patch(f"{goods}/lots/{lot['id']}", {"quantity": str(Decimal(lot["quantity"]) + sold)})


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


def tell_story(http: httpx.Client, valley: Mapping[str, Stall], operators: Sequence[str], say: Say) -> Iterator[str]:
    """A buyer in Shanghai orders from two producers; carriers move the goods; the producers are paid on delivery."""
    buyer = Person(http, BUYER, say)
    jujube, carpet, rug = valley["jujube"], valley["carpet"], valley["rug"]
    quote = ask(buyer, {jujube.listing: "3", carpet.listing: "1"})
    yield "1. A buyer in Shanghai asks for 3 boxes of jujubes and a carpet. The ways there, each bookable as it stands:"
    yield from (f"     {_option(option)}" for option in quote["options"])
    yield from (f"   {line}" for line in _savings(_option_of(quote, "cheapest")))
    order = place(buyer, quote, "cheapest")
    yield f"2. Order {order['number']} ({_money(order['price']['total'])}, cash on delivery) is two consignments on booked capacity:"
    yield from (f"     {_way(consignment)}" for consignment in order["consignments"])
    if not operators:
        yield "   (Name an operator's phone in CHAMA_OPERATOR_PHONES to see it travel.)"
        return
    with Desks(Person(http, operators[0], say)) as desks:
        desks.report(order, arrives=True)
        status = _wait_for(lambda: buyer.get(f"/v1/orders/{order['id']}")["status"], "delivered")
        yield f"3. Every carrier reported its legs with its own key. The order is {status}, and paid in cash at the door."
        buyer.post(f"/v1/orders/{order['id']}/confirm-receipt", {})
        yield f"4. The buyer confirmed. The producers can be paid: {_available(jujube)} for the jujubes, {_available(carpet)} for the carpet."
        second = place(buyer, ask(buyer, {rug.listing: "2"}), "fastest")
        desks.report(second, arrives=False)
    url = str(http.base_url).rstrip("/")
    yield "5. Two rugs from Shigatse are on their way. Look:"
    yield f"     {url}/track/{second['consignments'][0]['tracking_number']}"
    yield f"     {url}/v1/listings/{jujube.listing}"


def ask(buyer: Machine, quantities: Mapping[str, str]) -> Any:
    lines = [{"listing": listing, "quantity": quantity} for listing, quantity in quantities.items()]
    return buyer.post("/v1/quotes", {"lines": lines, "deliver_to": DOOR, "packaging": "green"})


def place(buyer: Machine, quote: Mapping[str, Any], label: str) -> Any:
    option = _option_of(quote, label)
    body = {"quote": quote["id"], "option": option["id"], "payment": {"method": "cash_on_delivery"}}
    return buyer.post("/v1/orders", body, key=quote["id"])


def _option_of(quote: Mapping[str, Any], label: str) -> Any:
    return next(option for option in quote["options"] if label in option["labels"])


class Desks:
    """The carriers' own systems, each with the key that an operator gave it, and takes back when the block ends."""

    def __init__(self, operator: Person) -> None:
        self._operator = operator
        self._desks: dict[str, Machine] = {}
        self._keys: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for key in self._keys:
            # What stopped the story is what people should read, not that the keys outlived it.
            with suppress(httpx.HTTPError, *((Refused,) if error else ())):
                self._operator.delete(key)

    def report(self, order: Mapping[str, Any], *, arrives: bool) -> None:
        for consignment in order["consignments"]:
            for carrier, event in events_of(consignment, arrives=arrives):
                if carrier not in self._desks:
                    self._desks[carrier] = self._desk_of(carrier)
                self._desks[carrier].post("/v1/tracking/events", {"events": [event]})

    def _desk_of(self, carrier: str) -> Machine:
        partner = _partner_of(self._operator, carrier)
        key = self._operator.post(f"/v1/partners/{partner}/keys", {"mode": "test", "scopes": ["tracking:write"]})
        self._keys.append(f"/v1/partners/{partner}/keys/{key['id']}")
        return Machine(self._operator.http, key["secret"])


def _partner_of(operator: Person, carrier: str) -> str:
    """The id of the partner behind a carrier's code, registered now when there is none."""
    try:
        name = {"en": f"Carrier {carrier}", "zh-Hans": f"承运人 {carrier}"}
        return str(operator.post("/v1/partners", {"name": name, "carrier": carrier})["id"])
    except Refused as refused:
        if refused.slug != "carrier-taken":
            raise
    query: dict[str, Any] = {"limit": 100}
    for _ in range(PARTNER_PAGES_MAX):
        page = operator.get("/v1/partners", **query)
        for partner in page["items"]:
            if partner["carrier"] == carrier:
                return str(partner["id"])
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    message = f"no partner of the carrier {carrier} was found, though its code is taken"
    raise RuntimeError(message)


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


def _savings(option: Mapping[str, Any]) -> Iterator[str]:
    """What riding together takes off the cheapest way: with the rest of this order, and with the orders of others."""
    together, sharing = option.get("consolidation"), option.get("sharing")
    for unit in together["units"] if together else ():
        yield f"The goods of {len(unit['producers'])} producers ride as one from {unit['hub']} on: {_money(unit['saved'])} saved, already in the cheapest price."
    if sharing:
        yield f"Others have booked the same departures: {_money(sharing['saved'])} saved, already in the cheapest price."


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
