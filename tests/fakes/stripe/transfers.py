"""Transfers to connected accounts out of a charge or of the balance, and their reversals, in part or whole."""

from tests.fakes.stripe import accounts, books, charges
from tests.fakes.stripe.errors import Json, invalid
from tests.fakes.stripe.state import Call, State, merge_metadata, page


def create(state: State, call: Call) -> Json:
    """Move money to a connected account: at most what is left of the charge that it comes from, or of the balance."""
    call.require_known(
        "amount", "currency", "destination", "source_transaction", "transfer_group", "description", "metadata"
    )
    given = call.params
    amount: int = given.get("amount", 0)
    currency: str = given["currency"].lower()
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid(message, code="parameter_invalid_integer", param="amount")
    account = accounts.find(state, given["destination"], "destination")
    accounts.require_transfers(account)
    group = given.get("transfer_group")
    matures: int | None = None
    if "source_transaction" in given:
        charge = _source(state, given["source_transaction"], amount, currency)
        group = _group(charge, group)
        funds = state.objects[charge["balance_transaction"]]
        matures = funds["available_on"] if funds["status"] == "pending" else None
    else:
        books.require_funds(state, books.PLATFORM, currency, amount)
    transfer = state.new(
        "transfer",
        "tr",
        amount=amount,
        amount_reversed=0,
        currency=currency,
        description=given.get("description"),
        destination=account["id"],
        metadata=given.get("metadata") or {},
        reversed=False,
        source_transaction=given.get("source_transaction"),
        source_type="card",
        transfer_group=group,
    )
    transfer["reversals"] = _reversals(state, transfer["id"], {})
    booked = books.book(state, books.PLATFORM, "transfer", transfer, -amount, pending_until=matures)
    arrived = charges.arrival(state, transfer, account["id"])
    received = books.book(state, account["id"], "payment", arrived, amount, pending_until=matures)
    arrived["balance_transaction"] = received["id"]
    transfer |= {"balance_transaction": booked["id"], "destination_payment": arrived["id"]}
    state.emit("transfer.created", transfer)
    state.emit("payment.created", arrived, account=account["id"])
    return transfer


def _source(state: State, charge_id: str, amount: int, currency: str) -> Json:
    """The captured charge that pays for a transfer; all its transfers together stay within what is left of it."""
    charge = state.get("charge", charge_id, "source_transaction")
    if charge["balance_transaction"] is None:
        message = f"Charge {charge_id} cannot be used as a source_transaction: it has not been captured."
        raise invalid(message, param="source_transaction")
    if charge["currency"] != currency:
        message = f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the same "
        raise invalid(f"{message}as the transfer currency ({currency})", param="currency")
    used = sum(each["amount"] - each["amount_reversed"] for each in state.of("transfer", source_transaction=charge_id))
    if used + amount > charges.kept(state, charge):
        message = "Transfers using this transaction as a source must not exceed the source amount of "
        message += f"{charges.kept(state, charge)}. (There are existing transfers for a total of {used}.)"
        raise invalid(message, param="amount")
    return charge


def _group(charge: Json, wanted: str | None) -> str:
    if charge["transfer_group"] is None:
        charge["transfer_group"] = wanted or f"group_{charge['id'].removeprefix('ch_')}"
    elif wanted not in (None, charge["transfer_group"]):
        message = "The transfer_group of the transfer must be that of its source_transaction."
        raise invalid(message, param="transfer_group")
    return str(charge["transfer_group"])


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("transfer", call.path["transfer"], "transfer")


def update(state: State, call: Call) -> Json:
    call.require_known("metadata", "description")
    transfer = state.get("transfer", call.path["transfer"], "transfer")
    merge_metadata(transfer, call.params)
    transfer["description"] = call.params.get("description", transfer["description"])
    state.emit("transfer.updated", transfer)
    return transfer


def listing(state: State, call: Call) -> Json:
    call.require_known("destination", "transfer_group", "created", "limit", "starting_after", "ending_before")
    match = {name: call.params.get(name) for name in ("destination", "transfer_group")}
    return page(state.of("transfer", **match), call.params, "/v1/transfers")


def reverse(state: State, call: Call) -> Json:
    """Take back part or all of a transfer, as far as its account still has the money: paid out is gone."""
    call.require_known("amount", "description", "metadata")
    transfer = state.get("transfer", call.path["id"], "id")
    left: int = transfer["amount"] - transfer["amount_reversed"]
    amount: int = call.params.get("amount", left)
    if transfer["reversed"]:
        raise invalid(f"Transfer {transfer['id']} is already fully reversed.")
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid(message, code="parameter_invalid_integer", param="amount")
    if amount > left:
        message = f"Transfer reversal amount ({amount}) is greater than the unreversed amount ({left})."
        raise invalid(message, param="amount")
    account: str = transfer["destination"]
    books.require_funds(state, account, transfer["currency"], amount, pending=True)
    reversal = state.new(
        "transfer_reversal",
        "trr",
        amount=amount,
        currency=transfer["currency"],
        metadata=call.params.get("metadata") or {},
        transfer=transfer["id"],
    )
    reversal["balance_transaction"] = books.book(state, books.PLATFORM, "transfer_refund", reversal, amount)["id"]
    books.book(state, account, "payment_refund", reversal, -amount)
    previous = {"amount_reversed": transfer["amount_reversed"], "reversed": False}
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"] = _reversals(state, transfer["id"], {})
    state.emit("transfer.reversed", transfer, previous)
    return reversal


def _reversals(state: State, transfer_id: str, params: Json) -> Json:
    return page(state.of("transfer_reversal", transfer=transfer_id), params, f"/v1/transfers/{transfer_id}/reversals")


def reversals(state: State, call: Call) -> Json:
    call.require_known("limit", "starting_after", "ending_before")
    transfer = state.get("transfer", call.path["id"], "id")
    return _reversals(state, transfer["id"], call.params)


def retrieve_reversal(state: State, call: Call) -> Json:
    call.require_known()
    reversal = state.get("transfer_reversal", call.path["id"], "id")
    if reversal["transfer"] != call.path["transfer"]:
        raise invalid(f"No such transfer reversal: '{call.path['id']}'", status=404, code="resource_missing")
    return reversal
