"""Reports are of whole months, not too many."""

from datetime import date

import pytest

from app.core.errors import Invalid
from app.reports.rules import MONTHS_MAX, months_of


def test_days_stand_for_their_months():
    assert months_of(date(2026, 1, 31), date(2026, 3, 1)) == (date(2026, 1, 1), date(2026, 3, 1))
    assert months_of(date(2026, 3, 5), date(2026, 3, 5)) == (date(2026, 3, 1), date(2026, 3, 1))


@pytest.mark.parametrize("until", [date(2026, 3, 4), date(2026 + MONTHS_MAX // 12, 3, 1)])
def test_none_or_too_many_are_refused(until):
    with pytest.raises(Invalid) as refused:
        months_of(date(2026, 3, 5), until)
    assert [gap.pointer for gap in refused.value.gaps] == ["/query/until"]
