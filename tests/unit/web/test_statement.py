"""A statement on paper and as a sheet."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from app.api.statements import safe, sheet_of
from app.core.money import Money, major
from app.ledger.schemas import SaleShape, Statement
from app.ledger.values import AccountKind
from app.web.statement import draw_statement, drawn_name

NAMES = {"en": "Date garden", "zh-Hans": "和田枣园"}


def money(amount, currency="CNY"):
    return {"amount": amount, "currency": currency}


def a_statement(lines=2, language="en", name=None):
    begun = datetime(2026, 3, 1, tzinfo=UTC)
    items = [
        {
            "account": "producer_pending",
            "account_name": "Sold, not yet released",
            "posted_at": begun + timedelta(hours=n),
            "transfer": f"trf_{n}",
            "kind": "sale",
            "kind_name": "Sale",
            "order": f"ord_{n}",
            "order_number": "CH-7KQ2-M4XD",
            "amount": money(9_700),
            "balance": money(9_700 * (n + 1)),
            "sale": {"goods": money(10_000), "commission": money(300), "carriage": money(800), "share": money(0)},
        }
        for n in range(lines)
    ]
    account = {
        "account": "producer_pending",
        "account_name": "Sold, not yet released",
        "opening": money(0),
        "closing": money(9_700 * lines),
    }
    return Statement.model_validate(
        {
            "owner": "prd_1",
            "name": name or NAMES[language],
            "from": date(2026, 3, 1),
            "until": date(2026, 3, 31),
            "accounts": [account],
            "items": items,
            "next_cursor": None,
        }
    )


def pages_of(paper):
    return len(re.findall(rb"/Type /Page\b", paper))


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_paper_is_a_pdf_of_a4_with_its_letters_inside(language):
    paper = draw_statement(a_statement(language=language), language)
    assert paper.startswith(b"%PDF-")
    assert b"/MediaBox [0 0 595.28 841.89]" in paper
    assert b"NotoSansSC" in paper
    assert b"/FontFile3" in paper or b"/FontFile2" in paper
    assert len(paper) < 200_000


def test_paper_has_as_many_pages_as_its_lines_need():
    assert pages_of(draw_statement(a_statement(1), "en")) == 1
    assert pages_of(draw_statement(a_statement(100), "en")) >= 5


def test_paper_of_nothing_can_be_read_too():
    nothing = a_statement(0).model_copy(update={"accounts": [], "items": []})
    assert pages_of(draw_statement(nothing, "zh-Hans")) == 1


@pytest.mark.parametrize(
    ("name", "names", "drawn"),
    [
        ("和田枣园", {}, "和田枣园"),
        ("خوتەن چىلان بېغى", {"ug": "خوتەن چىلان بېغى", "zh-Hans": "和田枣园"}, "خوتەن چىلان بېغى"),
        ("ཤིང་འབྲས།", {"bo": "ཤིང་འབྲས།", "en": "Apple garden"}, "Apple garden"),
        ("خوتەن چىلان بېغى", {"ug": "خوتەن چىلان بېغى"}, "خوتەن چىلان بېغى"),
        ("ཤིང་འབྲས།", {"bo": "ཤིང་འབྲས།"}, None),
    ],
)
def test_name_is_drawn_in_letters_that_the_paper_has_and_never_as_boxes(name, names, drawn):
    statement = a_statement().model_copy(update={"name": name, "names": names})
    assert drawn_name(statement, "en") == drawn
    assert pages_of(draw_statement(statement, "en")) == 1


def test_sheet_begins_with_its_mark_and_says_everything():
    sheet = sheet_of(a_statement(), "zh-Hans")
    assert sheet.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"))))
    assert rows[0][:4] == ["日期", "账户", "事项", "订单号"]
    assert [row[2] for row in rows[1:]] == ["期初余额", "Sale", "Sale", "期末余额"]
    assert rows[2][3:11] == ["CH-7KQ2-M4XD", "100.00", "3.00", "8.00", "0.00", "97.00", "97.00", "CNY"]
    assert {len(row) for row in rows} == {12}


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_paper_and_sheet_tell_the_share_of_a_cooperative_to_both_of_them(language):
    told = a_statement(language=language)
    sale = SaleShape.model_validate(
        {"goods": money(10_000), "commission": money(300), "carriage": money(0), "share": money(485)}
    )
    member = told.items[0].model_copy(update={"sale": sale, "amount": Money(9_215, "CNY")})
    cooperative = member.model_copy(update={"account": AccountKind.COOPERATIVE_PENDING, "amount": Money(485, "CNY")})
    shared = told.model_copy(update={"items": [member, cooperative]})
    assert draw_statement(shared, language) != draw_statement(told, language)
    rows = list(csv.reader(io.StringIO(sheet_of(shared, language).decode("utf-8-sig"))))
    assert rows[2][4:9] == ["100.00", "3.00", "0.00", "4.85", "92.15"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "  =1"])
def test_no_cell_is_a_formula(text):
    assert safe(text) == f"'{text}"
    assert safe("和田枣园") == "和田枣园"


@pytest.mark.parametrize(
    ("money", "plain", "grouped"),
    [
        (Money(123_456, "CNY"), "1234.56", "1,234.56"),
        (Money(-5, "CNY"), "-0.05", "-0.05"),
        (Money(0, "CNY"), "0.00", "0.00"),
        (Money(1_234, "JPY"), "1234", "1,234"),
        (Money(-1_234_567, "KWD"), "-1234.567", "-1,234.567"),
    ],
)
def test_amounts_are_written_in_major_units_exactly(money, plain, grouped):
    assert (major(money), major(money, grouped=True)) == (plain, grouped)
