"""Until when an order whose held money was lost waits to be paid anew."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import rfc3339
from app.orders.rules import renewable_until, renewal_until

NOW = datetime(2026, 3, 3, tzinfo=UTC)


@given(leaves=st.integers(-50, 50), waits=st.integers(0, 50))
def test_it_waits_no_longer_than_the_terms_say_and_the_goods_can_still_leave(leaves: int, waits: int) -> None:
    until = renewal_until(NOW + timedelta(hours=leaves), NOW, timedelta(hours=waits))
    assert until == (NOW + timedelta(hours=min(leaves, waits)) if min(leaves, waits) > 0 else None)


def test_what_is_written_on_the_order_is_read_again() -> None:
    assert renewable_until({"renewal": {"until": rfc3339(NOW)}}) == NOW
    assert renewable_until({}) is None
