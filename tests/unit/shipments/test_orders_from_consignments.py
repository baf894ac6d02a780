"""What the consignments of an order make of it, and estimates as they are shown."""

from datetime import UTC, datetime, timedelta

import pytest

from app.orders.values import OrderStatus
from app.shipments.mappings import ORDER_STATUS
from app.shipments.rules import expected_at, order_status
from app.shipments.values import (
    DISPLAY,
    EVENT_DISPLAY,
    LEG_DISPLAY,
    MODE_DISPLAY,
    ConsignmentStatus,
    EventType,
    LegStatus,
    Mode,
)

C = ConsignmentStatus
NOW = datetime(2026, 3, 2, 2, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("consignments", "order"),
    [
        ([C.BOOKED, C.BOOKED], OrderStatus.PLACED),
        ([C.BOOKED, C.PICKED_UP], OrderStatus.IN_TRANSIT),
        ([C.DELIVERED, C.BOOKED], OrderStatus.IN_TRANSIT),
        ([C.DELIVERED, C.OUT_FOR_DELIVERY], OrderStatus.IN_TRANSIT),
        ([C.DELIVERED], OrderStatus.DELIVERED),
        ([C.DELIVERED, C.LOST, C.RETURNED], OrderStatus.DELIVERED),
        ([C.LOST], OrderStatus.IN_TRANSIT),
        ([C.RETURNED, C.RETURNED], OrderStatus.IN_TRANSIT),
        ([C.RETURNING, C.DELIVERED], OrderStatus.IN_TRANSIT),
    ],
)
def test_order_follows_its_consignments(consignments, order):
    assert order_status(consignments) is order


def test_single_consignment_means_what_the_published_table_says():
    assert {status: order_status([status]) for status in C} == dict(ORDER_STATUS)


@pytest.mark.parametrize(
    ("table", "words"),
    [(DISPLAY, C), (LEG_DISPLAY, LegStatus), (EVENT_DISPLAY, EventType), (MODE_DISPLAY, Mode)],
)
def test_every_word_is_shown_in_both_languages(table, words):
    assert set(table) == set(words)
    assert all(shown["en"] and shown["zh-Hans"] for shown in table.values())


def test_estimate_that_has_passed_is_shown_as_the_end_of_the_hour():
    assert expected_at(NOW - timedelta(hours=3), NOW) == NOW.replace(hour=3, minute=0)
    assert expected_at(NOW + timedelta(hours=3), NOW) == NOW + timedelta(hours=3)
    assert expected_at(None, NOW) is None
