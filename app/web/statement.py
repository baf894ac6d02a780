"""A statement on paper: A4, letters embedded, large enough to be read by somebody without glasses. Drawn, not printed from a page."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from fontTools.ttLib import TTFont
from fpdf import FPDF
from pylopdf_fonts_zh_cn import sans_path

from app.core.clock import LEGAL_TIME
from app.core.money import major, priced
from app.core.text import LANGUAGES, pick
from app.ledger.schemas import Statement, StatementAccount, StatementLine
from app.ledger.values import AccountKind

FONT: Final = "statement"
MARGIN_MM: Final = 16
COLUMNS_MM: Final = (34, 40, 38, 33, 33)
ROW_MM: Final = 7
ASIDE_MM: Final = 5.5
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Statement",
        "period": "{first} to {last}, both days included (UTC+8)",
        "opening": "At the beginning",
        "closing": "At the end",
        "head": "Date|What|Order|Amount|Balance",
        "sale": "Goods {goods}  −  commission {commission}  =  {amount}.  Carriage paid by the buyer: {carriage}",
        "shared": "Goods {goods}  −  commission {commission}  −  co-operative {share}  =  {amount}.  Carriage: {carriage}",
        "share": "Members' goods {goods}  −  commission {commission};  of that, your share {amount}",
        "nothing": "Nothing happened on this account in these days.",
        "empty": "There is no account yet: it opens with the first sale or purchase.",
        "sign": "An amount above zero is owed to you; below zero, you owe it.",
        "letters": "The name is written in letters that this document does not have.",
        "page": "Page {page} of {{nb}}",
    },
    "zh-Hans": {
        "title": "对账单",
        "period": "{first} 至 {last}（含首尾两日，北京时间）",
        "opening": "期初余额",
        "closing": "期末余额",
        "head": "日期|事项|订单号|金额|余额",
        "sale": "货款 {goods}  −  服务费 {commission}  =  {amount}　买家另付运费：{carriage}",
        "shared": "货款 {goods}  −  服务费 {commission}  −  合作社分成 {share}  =  {amount}　买家另付运费：{carriage}",
        "share": "社员货款 {goods}  −  服务费 {commission}，其中贵社分成 {amount}",
        "nothing": "该账户在此期间没有变动。",
        "empty": "尚无账户：首次买卖后自动开立。",
        "sign": "正数为应付给您的款项，负数为您应付的款项。",
        "letters": "该名称所用文字暂不能在本文件中显示。",
        "page": "第 {page} 页，共 {{nb}} 页",
    },
}


class _Paper(FPDF):
    """A page with the party and the page number at its foot."""

    def __init__(self, statement: Statement, language: str) -> None:
        super().__init__(format="A4")
        self.words = WORDS[language]
        self.name = drawn_name(statement, language)
        self.foot = f"{self.name or statement.owner}  {statement.from_} – {statement.until}"
        self.set_title(f"{self.words['title']} {self.foot}")
        self.set_lang("zh-CN" if language == "zh-Hans" else "en")
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 6)
        self.set_draw_color(190)
        self.add_font(FONT, "", str(sans_path()))

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FONT, size=9)
        self.set_text_color(90)
        self.cell(self.epw / 2, 5, self.foot)
        self.cell(self.epw / 2, 5, self.words["page"].format(page=self.page_no()), align="R")
        self.set_text_color(0)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    """What the font has a picture for."""
    with TTFont(sans_path()) as font:
        return frozenset(font.getBestCmap())


def has_letters(text: str) -> bool:
    """Whether the font has a picture for every letter."""
    return all(ord(letter) in _letters() for letter in text)


def drawn_name(statement: Statement, language: str) -> str | None:
    """The party's name in this language, else in the first in which the font has all of its letters; None when there is none.

    Uyghur and Tibetan are not in it, and would be drawn as boxes.
    """
    names = [statement.name, *(pick(statement.names, tag) for tag in (language, *LANGUAGES)), *statement.names.values()]
    return next((name for name in names if name and all(ord(letter) in _letters() for letter in name)), None)


def draw_statement(statement: Statement, language: str) -> bytes:
    """The whole statement as a PDF: who, which days, and for each account where it began, what happened, where it ended."""
    paper = _Paper(statement, language)
    words = paper.words
    paper.add_page()
    _line(paper, words["title"], size=24, height=12)
    _line(paper, paper.name or statement.owner, size=17, height=9)
    if paper.name is None:
        _line(paper, words["letters"], size=9, height=5, grey=90)
    period = words["period"].format(first=_day(statement.from_, language), last=_day(statement.until, language))
    _line(paper, period, size=12, height=7)
    _line(paper, statement.owner, size=9, height=5, grey=90)
    _line(paper, words["sign"], size=10, height=7, grey=90)
    if not statement.accounts:
        paper.ln(6)
        _line(paper, words["empty"], size=12, height=8)
    for account in statement.accounts:
        mine = [
            line
            for line in statement.items
            if (line.account, line.amount.currency) == (account.account, account.opening.currency)
        ]
        _account(paper, account, mine, language)
    return bytes(paper.output())


def _account(paper: _Paper, account: StatementAccount, lines: list[StatementLine], language: str) -> None:
    # A heading never stands alone at the foot of a page.
    if paper.will_page_break(46):
        paper.add_page()
    paper.ln(5)
    _line(paper, f"{account.account_name}  ·  {account.opening.currency}", size=14, height=9)
    _figures(paper, account)
    if not lines:
        _line(paper, paper.words["nothing"], size=11, height=9, grey=90)
        return
    _head(paper)
    for line in lines:
        if paper.will_page_break(ROW_MM + (ASIDE_MM if line.sale else 0)):
            paper.add_page()
            _head(paper)
        _entry(paper, line, language)


def _figures(paper: _Paper, account: StatementAccount) -> None:
    """Where it began and where it ended, as large as they matter."""
    half = paper.epw / 2
    paper.set_fill_color(240)
    for size, height, texts in (
        (10, 6, (paper.words["opening"], paper.words["closing"])),
        (20, 11, (priced(account.opening), priced(account.closing))),
    ):
        paper.set_font(FONT, size=size)
        paper.cell(half, height, texts[0], fill=True)
        paper.cell(half, height, texts[1], fill=True, new_x="LMARGIN", new_y="NEXT")
    paper.ln(2)


def _head(paper: _Paper) -> None:
    paper.set_font(FONT, size=9)
    paper.set_text_color(90)
    for number, (width, word) in enumerate(zip(COLUMNS_MM, paper.words["head"].split("|"), strict=True)):
        paper.cell(width, 6, word, border="B", align="R" if number > 2 else "L")
    paper.set_text_color(0)
    paper.ln(6)


def _entry(paper: _Paper, line: StatementLine, language: str) -> None:
    day = line.posted_at.astimezone(LEGAL_TIME).date()
    texts = (
        _day(day, language),
        line.kind_name,
        line.order_number or "",
        major(line.amount, grouped=True),
        major(line.balance, grouped=True),
    )
    paper.set_font(FONT, size=11)
    for number, (width, word) in enumerate(zip(COLUMNS_MM, texts, strict=True)):
        paper.cell(width, ROW_MM, word, align="R" if number > 2 else "L", border=0 if line.sale else "B")
    paper.ln(ROW_MM)
    if line.sale:
        own = "shared" if line.sale.share.amount else "sale"
        words = "share" if line.account is AccountKind.COOPERATIVE_PENDING else own
        aside = paper.words[words].format(
            share=major(line.sale.share, grouped=True),
            goods=major(line.sale.goods, grouped=True),
            commission=major(line.sale.commission, grouped=True),
            amount=major(line.amount, grouped=True),
            carriage=major(line.sale.carriage, grouped=True),
        )
        paper.set_font(FONT, size=9)
        paper.set_text_color(90)
        paper.cell(COLUMNS_MM[0], ASIDE_MM, "", border="B")
        paper.cell(sum(COLUMNS_MM[1:]), ASIDE_MM, aside, border="B", new_x="LMARGIN", new_y="NEXT")
        paper.set_text_color(0)


def _line(paper: _Paper, text: str, *, size: float, height: float, grey: int = 0) -> None:
    """Text from margin to margin, in as many lines as it needs."""
    paper.set_font(FONT, size=size)
    paper.set_text_color(grey)
    paper.multi_cell(paper.epw, height, text, align="L", new_x="LMARGIN", new_y="NEXT")
    paper.set_text_color(0)


def _day(day: date, language: str) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh-Hans" else f"{day:%d %b %Y}".lstrip("0")
