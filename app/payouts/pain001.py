"""A run's bank transfers as a message that banks take up: ISO 20022 pain.001.001.09, CustomerCreditTransferInitiation. Pure.

Elements stand in the order of the standard's schema. Accounts that are no IBAN go as `Othr`, and banks without a BIC by their name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from xml.etree import ElementTree as ET

from app.core.clock import rfc3339
from app.core.money import Money, major

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
NAME_LENGTH_MAX: Final = 140
ACCOUNT_LENGTH_MAX: Final = 34
REMITTANCE_LENGTH_MAX: Final = 140
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Za-z0-9]{11,30}")
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Whose account it is, its number, and its bank by BIC or by name."""

    holder: str = field(repr=False)
    number: str = field(repr=False)
    bank: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """One payout: by its id all along the way (`EndToEndId`), and what the payee reads of it."""

    id: str
    amount: Money
    to: BankAccount
    told: str


def message_of(
    message_id: str, debtor: BankAccount, transfers: Sequence[CreditTransfer], made_at: datetime, execute_on: date
) -> bytes:
    """The message: one `PmtInf` for each currency, sums and counts as control. There is at least one transfer."""
    assert transfers
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(_tag("Document"))
    body = _under(root, "CstmrCdtTrfInitn")
    head = _under(body, "GrpHdr")
    _under(head, "MsgId", message_id)
    _under(head, "CreDtTm", rfc3339(made_at))
    _under(head, "NbOfTxs", str(len(transfers)))
    if len({each.amount.currency for each in transfers}) == 1:
        _under(head, "CtrlSum", _sum(transfers))
    _under(_under(head, "InitgPty"), "Nm", debtor.holder[:NAME_LENGTH_MAX])
    for currency in sorted({each.amount.currency for each in transfers}):
        _payment(body, message_id, debtor, [each for each in transfers if each.amount.currency == currency], execute_on)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _payment(
    body: ET.Element, message_id: str, debtor: BankAccount, transfers: Sequence[CreditTransfer], execute_on: date
) -> None:
    payment = _under(body, "PmtInf")
    _under(payment, "PmtInfId", f"{message_id}-{transfers[0].amount.currency}")
    _under(payment, "PmtMtd", "TRF")
    _under(payment, "NbOfTxs", str(len(transfers)))
    _under(payment, "CtrlSum", _sum(transfers))
    _under(_under(payment, "ReqdExctnDt"), "Dt", execute_on.isoformat())
    _under(_under(payment, "Dbtr"), "Nm", debtor.holder[:NAME_LENGTH_MAX])
    _account(_under(payment, "DbtrAcct"), debtor)
    _agent(_under(payment, "DbtrAgt"), debtor)
    for each in transfers:
        told = _under(payment, "CdtTrfTxInf")
        _under(_under(told, "PmtId"), "EndToEndId", each.id)
        amount = _under(_under(told, "Amt"), "InstdAmt", major(each.amount))
        amount.set("Ccy", each.amount.currency)
        if each.to.bank:
            _agent(_under(told, "CdtrAgt"), each.to)
        _under(_under(told, "Cdtr"), "Nm", each.to.holder[:NAME_LENGTH_MAX])
        _account(_under(told, "CdtrAcct"), each.to)
        _under(_under(told, "RmtInf"), "Ustrd", each.told[:REMITTANCE_LENGTH_MAX])


def _account(at: ET.Element, account: BankAccount) -> None:
    number = "".join(account.number.split())
    named = _under(at, "Id")
    if _IBAN.fullmatch(number):
        _under(named, "IBAN", number)
    else:
        _under(_under(named, "Othr"), "Id", number[:ACCOUNT_LENGTH_MAX])


def _agent(at: ET.Element, account: BankAccount) -> None:
    bank = _under(at, "FinInstnId")
    if _BIC.fullmatch(account.bank):
        _under(bank, "BICFI", account.bank)
    else:
        _under(bank, "Nm", account.bank[:NAME_LENGTH_MAX])


def _sum(transfers: Sequence[CreditTransfer]) -> str:
    currency = transfers[0].amount.currency
    return major(Money(sum(each.amount.amount for each in transfers), currency))


def _under(parent: ET.Element, name: str, words: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, _tag(name))
    child.text = words
    return child


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
