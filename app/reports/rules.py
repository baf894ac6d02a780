"""Which months a report is about."""

from datetime import date
from typing import Final

from app.core.errors import Gap, Invalid

MONTHS_MAX: Final = 60


def months_of(first_on: date, last_on: date) -> tuple[date, date]:
    """The first days of the months in which these days lie. Raises `Invalid` when they are none or too many."""
    first, last = first_on.replace(day=1), last_on.replace(day=1)
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if last_on < first_on:
        words = {"en": "The last day is before the first", "zh-Hans": "结束日期早于开始日期"}
        raise Invalid(gaps=[Gap("/query/until", words)])
    if months > MONTHS_MAX:
        words = {
            "en": f"A report covers up to {MONTHS_MAX} months: ask for fewer",
            "zh-Hans": f"报表最长 {MONTHS_MAX} 个月，请缩短期间",
        }
        raise Invalid(gaps=[Gap("/query/until", words)])
    return first, last
