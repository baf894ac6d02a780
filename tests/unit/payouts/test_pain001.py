"""The message to the bank: names and order of pain.001.001.09, control sums, and nothing longer than the standard lets it be."""

from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money
from app.payouts.pain001 import NAMESPACE, BankAccount, CreditTransfer, message_of

# Of the standard's schema, in its order, what may stand under each element that we use: (name, must it stand, may it be repeated).
SEQUENCES = {
    "Document": [("CstmrCdtTrfInitn", True, False)],
    "CstmrCdtTrfInitn": [("GrpHdr", True, False), ("PmtInf", True, True), ("SplmtryData", False, True)],
    "GrpHdr": [
        ("MsgId", True, False), ("CreDtTm", True, False), ("Authstn", False, True), ("NbOfTxs", True, False),
        ("CtrlSum", False, False), ("InitgPty", True, False), ("FwdgAgt", False, False),
    ],
    "PmtInf": [
        ("PmtInfId", True, False), ("PmtMtd", True, False), ("BtchBookg", False, False), ("NbOfTxs", False, False),
        ("CtrlSum", False, False), ("PmtTpInf", False, False), ("ReqdExctnDt", True, False), ("PoolgAdjstmntDt", False, False),
        ("Dbtr", True, False), ("DbtrAcct", True, False), ("DbtrAgt", True, False), ("DbtrAgtAcct", False, False),
        ("InstrForDbtrAgt", False, False), ("UltmtDbtr", False, False), ("ChrgBr", False, False), ("ChrgsAcct", False, False),
        ("ChrgsAcctAgt", False, False), ("CdtTrfTxInf", True, True),
    ],
    "CdtTrfTxInf": [
        ("PmtId", True, False), ("PmtTpInf", False, False), ("Amt", True, False), ("XchgRateInf", False, False),
        ("ChrgBr", False, False), ("MndtRltdInf", False, False), ("ChqInstr", False, False), ("UltmtDbtr", False, False),
        ("CdtrAgt", False, False), ("CdtrAgtAcct", False, False), ("Cdtr", False, False), ("CdtrAcct", False, False),
        ("UltmtCdtr", False, False), ("Purp", False, False), ("RmtInf", False, False),
    ],
    "PmtId": [("InstrId", False, False), ("EndToEndId", True, False), ("UETR", False, False)],
    "Amt": [("InstdAmt", True, False)],
    "ReqdExctnDt": [("Dt", True, False)],
    "InitgPty": [("Nm", False, False)],
    "Dbtr": [("Nm", False, False)],
    "Cdtr": [("Nm", False, False)],
    "DbtrAcct": [("Id", True, False)],
    "CdtrAcct": [("Id", True, False)],
    "DbtrAgt": [("FinInstnId", True, False)],
    "CdtrAgt": [("FinInstnId", True, False)],
    "FinInstnId": [("BICFI", False, False), ("ClrSysMmbId", False, False), ("LEI", False, False), ("Nm", False, False)],
    "Othr": [("Id", True, False), ("SchmeNm", False, False), ("Issr", False, False)],
    "RmtInf": [("Ustrd", False, True)],
}  # fmt: skip
LONGEST = {"MsgId": 35, "PmtInfId": 35, "EndToEndId": 35, "Nm": 140, "Ustrd": 140, "IBAN": 34, "NbOfTxs": 15}
DEBTOR = BankAccount("Chama", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX")
AT = datetime(2026, 3, 3, 2, tzinfo=UTC)


def faults(element: ET.Element, under: str = "") -> list[str]:
    """Where a message departs from the standard's structure."""
    name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    children = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
    if name == "Id":
        # A choice of an account's number, or the number itself.
        if under == "Othr":
            return [] if not children and 1 <= len(element.text or "") <= 34 else ["Othr/Id"]
        rule = [("IBAN", False, False), ("Othr", False, False)]
        found = [] if len(children) == 1 else ["Id is a choice"]
    elif name not in SEQUENCES:
        longest = LONGEST.get(name, 34)
        return [] if not children and 1 <= len(element.text or "") <= longest else [f"{name}: {element.text!r}"]
    else:
        rule, found = SEQUENCES[name], []
    order = [each for each, _, _ in rule]
    found += [f"{name}/{each} is not known" for each in children if each not in order]
    places = [order.index(each) for each in children if each in order]
    found += [f"{name}: out of order"] if places != sorted(places) else []
    found += [f"{name}/{each} is missing" for each, must, _ in rule if must and each not in children]
    found += [f"{name}/{each} is repeated" for each, _, many in rule if not many and children.count(each) > 1]
    return found + [fault for child in element for fault in faults(child, name)]


words = st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=200).filter(str.strip)
transfers = st.lists(
    st.builds(
        CreditTransfer,
        id=st.from_regex(r"pyo_[0-9a-z]{26}", fullmatch=True),
        amount=st.builds(Money, st.integers(1, 10**12), st.sampled_from(["CNY", "HKD", "JPY"])),
        to=st.builds(
            BankAccount, holder=words, number=st.from_regex(r"[0-9]{6,40}", fullmatch=True), bank=st.just("") | words
        ),
        told=words,
    ),
    min_size=1,
    max_size=5,
)


@given(transfers)
def test_every_message_is_built_as_the_standard_says_and_its_control_sums_hold(sent: list[CreditTransfer]) -> None:
    message = ET.fromstring(message_of("run_01jd0000000000000000000000", DEBTOR, sent, AT, date(2026, 3, 4)))
    assert faults(message) == []
    at = {"p": NAMESPACE}
    told = message.findall(".//p:CdtTrfTxInf", at)
    assert message.findtext(".//p:GrpHdr/p:NbOfTxs", None, at) == str(len(sent)) == str(len(told))
    for payment in message.findall(".//p:PmtInf", at):
        amounts = payment.findall(".//p:InstdAmt", at)
        currency = str(payment.findtext("p:PmtInfId", "", at))[-3:]
        assert {each.get("Ccy") for each in amounts} == {currency}
        assert Decimal(payment.findtext("p:CtrlSum", "", at)) == sum(Decimal(each.text or "") for each in amounts)
        assert payment.findtext("p:NbOfTxs", None, at) == str(len(amounts))
    assert sorted(each.findtext(".//p:EndToEndId", "", at) for each in told) == sorted(each.id for each in sent)


def test_accounts_go_by_iban_or_number_and_banks_by_bic_or_name() -> None:
    to = BankAccount("巴格其枣园", "6200 0000 0000 4321", "和田农村信用合作社")
    sent = [CreditTransfer("pyo_1", Money(123_456, "CNY"), to, "Chama pyo_1")]
    text = message_of("run_1", DEBTOR, sent, AT, date(2026, 3, 4)).decode()
    assert "<IBAN>DE89370400440532013000</IBAN>" in text
    assert "<BICFI>COBADEFFXXX</BICFI>" in text
    assert "<Othr><Id>6200000000004321</Id></Othr>" in text
    assert "<Nm>和田农村信用合作社</Nm>" in text
    assert '<InstdAmt Ccy="CNY">1234.56</InstdAmt>' in text


def test_what_breaks_the_structure_is_found() -> None:
    sent = [CreditTransfer("pyo_1", Money(1, "CNY"), DEBTOR, "x")]
    message = ET.fromstring(message_of("run_1", DEBTOR, sent, AT, date(2026, 3, 4)))
    payment = message.find(f".//{{{NAMESPACE}}}PmtInf")
    assert payment is not None
    payment.remove(payment[0])
    assert faults(message) == ["PmtInf/PmtInfId is missing"]
