"""Accounts that parties are paid to, checked by an operator, and money that is paid."""

from dataclasses import dataclass, replace
from typing import Any

from app.flows.follow_shipment import confirm_receipt
from app.flows.give_payee import check_payee, give_payee
from app.flows.mark_payout import mark_payout
from app.flows.pay_out import ask_for_run
from app.flows.ports import Ports
from app.flows.receive_cash import announce_remittance
from app.flows.receive_transfer import receive_transfer
from app.flows.settle_freight import remark
from app.identity.values import Caller
from app.payments.schemas import NewReceipt, ReceiptShape
from app.payouts.moves import plan_moves
from app.payouts.schemas import (
    NewPayee,
    NewPayoutRun,
    NewRemark,
    NewRemittance,
    PayeeShape,
    PayeeVerdict,
    PayoutMark,
    RemarkShape,
    RemittanceShape,
)
from app.payouts.terms import read_terms
from tests.factories.identity import a_partner
from tests.factories.jobs import work
from tests.factories.orders import an_order
from tests.factories.tables import rows
from tests.factories.tracking import events_of, tell
from tests.factories.village import Village

NUMBER = "6200 0000 0000 4321"
ACCOUNT = {"holder": "巴格其枣园", "bank": "和田农村信用合作社", "number": NUMBER}


def paid_at(party: str | None = None, **more: Any) -> dict[str, Any]:
    """The body of a payee: a bank account."""
    return {"party": party, "channel": "bank_transfer", "account": ACCOUNT} | more


async def a_payee(ports: Ports, caller: Caller, party: str | None = None, **more: Any) -> PayeeShape:
    """An account that an operator has checked."""
    async with ports.begin() as session:
        given = await give_payee(ports, session, caller, NewPayee.model_validate(paid_at(party, **more)), "en")
        return await check_payee(ports, session, given.id, PayeeVerdict(verified=True), "en")


async def a_run(ports: Ports, operator: Caller, **asked: Any) -> str:
    """A run whose job has worked; its id."""
    async with ports.begin() as session:
        run = await ask_for_run(ports, session, operator, NewPayoutRun.model_validate(asked))
    await work(ports)
    return run.id


async def payouts(ports: Ports, **of: str) -> list[Any]:
    """Every payout, or those whose columns are as said: the oldest first."""
    where = " AND ".join(f"{name} = :{name}" for name in of) or "true"
    return await rows(ports, f"SELECT * FROM payout WHERE {where} ORDER BY id", **of)


async def mark(ports: Ports, payout_id: str, *events: str, reference: str | None = "B2026030300017") -> None:
    """What the bank says, one after another."""
    for event in events:
        command = PayoutMark.model_validate({"event": event, "reference": reference})
        async with ports.begin() as session:
            await mark_payout(ports, session, payout_id, command)


PAY_TO = 'version = "t"\n[transfer]\npay_to = { en = "Chama, Hotan bank, 1234", zh-Hans = "茶马，和田银行，1234" }\n'


def selling_by_transfer(ports: Ports) -> Ports:
    """A service that tells its buyers where to transfer to."""
    return replace(ports, terms=read_terms(PAY_TO))


async def a_receipt(ports: Ports, operator: Caller, payment: str, amount: int, reference: str) -> ReceiptShape:
    """Money that arrived at the bank."""
    body = {"amount": {"amount": amount, "currency": "CNY"}, "reference": reference}
    async with ports.begin() as session:
        return await receive_transfer(ports, session, operator, payment, NewReceipt.model_validate(body))


async def a_remittance(ports: Ports, caller: Caller, amount: int, reference: str, **more: Any) -> RemittanceShape:
    """Cash that a carrier says it hands over."""
    body = {"amount": {"amount": amount, "currency": "CNY"}, "reference": reference}
    command = NewRemittance.model_validate(body | {"handed_over_at": ports.clock.now()} | more)
    async with ports.begin() as session:
        return await announce_remittance(ports, session, caller, command)


async def a_remark(ports: Ports, operator: Caller, order: dict[str, Any], carrier: str) -> RemarkShape:
    """A carrier's word on its freight, written down by an operator."""
    command = NewRemark(carrier=carrier, order=order["id"], words="Two pallets were carried, one is paid")
    async with ports.begin() as session:
        return await remark(ports, session, operator, command)


async def a_transferring_order(ports: Ports, village: Village) -> dict[str, Any]:
    """A box of dates that waits for a transfer."""
    return await an_order(selling_by_transfer(ports), village.buyer, {village.dates: "1"}, "bank_transfer")


@dataclass(frozen=True)
class Settled:
    """Money on its way of every kind: the first payee and payout are the garden's, the remittances are the carrier's."""

    order: dict[str, Any]
    carrier: str
    payees: tuple[str, ...]
    run: str
    payouts: tuple[str, ...]
    remittances: tuple[str, ...]
    remarks: tuple[str, ...]


async def settled(ports: Ports, village: Village, operator: Caller, carrier: Caller) -> Settled:
    """An order delivered, confirmed and paid out; cash and words of carriers."""
    order = await an_order(ports, village.buyer, village.basket)
    for consignment in order["consignments"]:
        await tell(ports, operator, events_of(consignment))
    await work(ports)
    await confirm_receipt(ports, village.buyer.caller, order["id"], "en")
    sellers = (village.garden, village.loom)
    payees = [(await a_payee(ports, seller.caller, seller.producer.id)).id for seller in sellers]
    run = await a_run(ports, operator, parties=["producer", "cooperative"])
    await a_run(ports, operator, parties=["carrier"])
    carried = order["consignments"][0]["legs"][0]["carrier"]
    await a_partner(ports, carried)
    return Settled(
        order=order,
        carrier=carried,
        payees=tuple(payees),
        run=run,
        payouts=tuple(row.id for row in await payouts(ports, party_id=village.garden.producer.id)),
        remittances=tuple([(await a_remittance(ports, carrier, 100, f"K{n}")).id for n in range(2)]),
        remarks=tuple([(await a_remark(ports, operator, order, carried)).id for _ in range(2)]),
    )


async def moves_for(ports: Ports, order_id: str, party_id: str) -> None:
    """Money of an order that is to move to a party's account, and a part of it that is to come back."""
    for due in (1_000, 400):
        async with ports.begin() as session:
            await plan_moves(
                session,
                order_id=order_id,
                party_id=party_id,
                account_ref="acct_tests",
                currency="CNY",
                due_minor=due,
                now=ports.clock.now(),
            )
