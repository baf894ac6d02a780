"""A buyer and a producer who talk about a price: offers, agreements, and deposits that are paid."""

from typing import Any

from app.flows.bargain import accept_offer, counter_offer, make_offer
from app.flows.pay_deposit import receive_deposit, start_deposit
from app.flows.ports import Ports
from app.offers.schemas import BankNote, CounterOffer, DepositRequest, NewOffer, OfferShape
from tests.factories.identity import Seller, Someone, an_operator


def fen(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "CNY"}


async def an_offer(ports: Ports, buyer: Someone, listing: str, quantity: str, price: int, **more: Any) -> OfferShape:
    """An offer that its producer has to answer."""
    command = NewOffer.model_validate({"quantity": quantity, "price": fen(price)} | more)
    async with ports.begin() as session:
        return await make_offer(ports, session, buyer.caller, listing, command, "en")


async def countered(ports: Ports, who: Someone | Seller, offer: OfferShape | str, **more: Any) -> OfferShape:
    command = CounterOffer.model_validate(more)
    async with ports.begin() as session:
        return await counter_offer(ports, session, who.caller, _id(offer), command, "en")


async def accepted(ports: Ports, who: Someone | Seller, offer: OfferShape | str) -> OfferShape:
    async with ports.begin() as session:
        return await accept_offer(ports, session, who.caller, _id(offer), "en")


async def an_agreement(
    ports: Ports, buyer: Someone, seller: Seller, listing: str, quantity: str, price: int
) -> OfferShape:
    """An offer that was accepted, whose deposit is not paid yet."""
    return await accepted(ports, seller, await an_offer(ports, buyer, listing, quantity, price))


async def asked_by_bank(ports: Ports, buyer: Someone, offer: OfferShape | str) -> OfferShape:
    """The deposit is to come by bank transfer."""
    return await start_deposit(ports, buyer.caller, _id(offer), DepositRequest(method="bank_transfer"), "en")


async def came_in(ports: Ports, offer: OfferShape, operator: Someone | None = None, **told: Any) -> OfferShape:
    """An operator has seen the deposit on the bank account."""
    command = BankNote.model_validate({"amount": offer.deposit.amount, "bank_reference": "B-1"} | told)
    operator = operator or await an_operator(ports)
    async with ports.begin() as session:
        return await receive_deposit(ports, session, operator.caller, offer.id, command, "en")


async def a_held_offer(
    ports: Ports, buyer: Someone, seller: Seller, listing: str, quantity: str, price: int
) -> OfferShape:
    """Agreed, with its deposit on the bank account."""
    agreed = await an_agreement(ports, buyer, seller, listing, quantity, price)
    await asked_by_bank(ports, buyer, agreed)
    return await came_in(ports, agreed)


def _id(offer: OfferShape | str) -> str:
    return offer if isinstance(offer, str) else offer.id
