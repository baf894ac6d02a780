"""Listings of goods that are settled by weight: what they have to say, and which weight their price is for."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.catalogue.rules import wrong_facts
from app.catalogue.values import Category, Facts, Parcel
from app.catalogue.weighed import price_weight, weighed_gaps
from app.core.money import Money
from app.core.quantity import Unit
from app.network.values import Temperature

BULK = Facts(
    category=Category.PRODUCE,
    unit=Unit.KG,
    title={"en": "Jujubes in bulk"},
    attributes={},
    price=Money(2_400, "CNY"),
    package=Parcel(1_050, 200, 150, 100),
    temperature=Temperature.AMBIENT,
    min_quantity=Decimal(1),
    step=Decimal(1),
    weighed=True,
)
SHEEP = replace(
    BULK,
    category=Category.LIVESTOCK,
    unit=Unit.HEAD,
    package=Parcel(42_000, 1_100, 400, 800),
    temperature=Temperature.LIVE,
    price_per=Unit.KG,
    net_weight_g=40_000,
)


@pytest.mark.parametrize(
    ("facts", "per"),
    [
        (BULK, Unit.KG),
        (replace(BULK, price_per=Unit.KG), Unit.KG),
        (replace(BULK, unit=Unit.JIN), Unit.JIN),
        (SHEEP, Unit.KG),
        (replace(BULK, weighed=False), None),
    ],
)
def test_price_is_for_the_weight_that_goods_are_sold_by_or_that_is_named(facts, per):
    assert weighed_gaps(facts) == []
    assert price_weight(facts) is per
    assert wrong_facts(facts) == []


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        (replace(BULK, weighed=False, price_per=Unit.KG), ["/price_per"]),
        (replace(BULK, price_per=Unit.JIN), ["/price_per"]),
        (replace(BULK, category=Category.HANDICRAFT, unit=Unit.PIECE), ["/weighed"]),
        (replace(SHEEP, price_per=None), ["/price_per"]),
        (replace(SHEEP, price_per=Unit.HEAD, net_weight_g=None), ["/price_per", "/net_weight_g"]),
        (replace(SHEEP, net_weight_g=None), ["/net_weight_g"]),
    ],
)
def test_every_gap_is_pointed_at(facts, where):
    assert [gap.pointer for gap in weighed_gaps(facts)] == where
    assert {"en", "zh-Hans"} <= set(weighed_gaps(facts)[0].detail)


def test_a_head_has_a_net_weight_only_when_it_is_weighed():
    assert [gap.pointer for gap in wrong_facts(replace(SHEEP, weighed=False, price_per=None))] == ["/net_weight_g"]
    assert [gap.pointer for gap in wrong_facts(replace(SHEEP, net_weight_g=50_000))] == ["/net_weight_g"]
