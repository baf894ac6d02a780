"""A buyer in Shanghai asks what it costs, and orders: through the flows, so that everything else comes with it."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.core.idempotency import Claim
from app.core.ids import new_id
from app.flows.place_order import place_order
from app.flows.ports import Ports
from app.flows.quote_order import quote_order
from app.orders.schemas import OptionShape, OrderRequest, QuoteRequest, QuoteShape
from app.orders.values import Label
from tests.factories.identity import Someone

ADDRESS = {"name": "收货人", "phone": "+8610000000123", "county": "310115", "address": "世纪大道 1 号"}


def asked_for(goods: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """The body of a quote for these quantities by listing, to a door in Pudong."""
    lines = [{"listing": listing, "quantity": quantity} for listing, quantity in goods.items()]
    return {"lines": lines, "deliver_to": ADDRESS} | more


async def a_quote(ports: Ports, buyer: Someone, goods: Mapping[str, str], **more: Any) -> QuoteShape:
    return await quote_order(ports, buyer.caller, QuoteRequest.model_validate(asked_for(goods, **more)))


def best(quote: QuoteShape, label: Label = Label.CHEAPEST) -> OptionShape:
    return next(option for option in quote.options if label in option.labels)


def ordering(quote: QuoteShape | Mapping[str, Any], method: str = "cash_on_delivery", **more: Any) -> dict[str, Any]:
    """The body of an order for the cheapest option of a quote, as a shape or as JSON."""
    seen = quote if isinstance(quote, QuoteShape) else QuoteShape.model_validate(quote)
    return {"quote": seen.id, "option": best(seen).id, "payment": {"method": method}} | more


def a_claim(buyer: Someone, key: str | None = None) -> Claim:
    return Claim(buyer.id, key or new_id("key"), "the same request")


async def place(ports: Ports, buyer: Someone, body: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
    """Order, and answer the body that the buyer sees."""
    command = OrderRequest.model_validate(body)
    answer = await place_order(ports, buyer.caller, command, a_claim(buyer, key), "en")
    return dict(orjson.loads(answer.body))


async def an_order(
    ports: Ports, buyer: Someone, goods: Mapping[str, str], method: str = "cash_on_delivery", **more: Any
) -> dict[str, Any]:
    """A placed order for these quantities by listing."""
    return await place(ports, buyer, ordering(await a_quote(ports, buyer, goods, **more), method))
