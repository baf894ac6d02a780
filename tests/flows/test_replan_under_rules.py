"""Goods that are planned anew keep to the rules of their origin, and animals to the hours of their species."""

from dataclasses import replace

import pytest

from app.flows.replan_consignments import retry_stranded
from app.network.errors import RouteUnavailable
from app.network.origin_rules import OriginRules
from app.packaging.values import Package
from app.shipments.stranded import page_of_stranded
from tests.conftest import NOW
from tests.factories.identity import an_operator
from tests.factories.jobs import work
from tests.factories.journeys import a_journey, a_valley, disrupt, require_sums, room_taken, seen, ways
from tests.flows.test_replan import told

TONIGHT = NOW.replace(day=3, hour=0)  # when the cheap trunk leaves Kuqa
BY_THE_DEAR_ONE = ["FEEDER 02 12:00", "DEAR 03 03:00"]
BY_KASHGAR = ["BYPASS 02 14:00", "ROUND 03 04:00"]
WORDS = {"en": "said", "zh-Hans": "说明"}
BEAST = Package(
    "animal", {"en": "Animal"}, 1, 45_000, 1_000, 500, 900, own_mass_g=0, price_minor=0, co2e_g=None, reusable=False
)
LIVE = {"packages": (BEAST, BEAST), "temperature": "live", "to_door": False}
FRUIT = {"county": "653221", "categories": ("produce",), "species": (), "to_door": False}


@pytest.fixture
async def valley(ports, compiled):
    await a_valley(ports)


def under(ports, **rule):
    """The same service with one rule in force."""
    row = {"number": "N-1", "what": WORDS, "source": WORDS, "origin": ["65"], "categories": ["produce"]} | rule
    return replace(ports, origin_rules=OriginRules.model_validate({"version": "t", "rule": [row]}))


async def no_trunk(ports):
    await disrupt(ports, kind="cancel", service="TRUNK", run_at=TONIGHT)
    await work(ports)


async def listed(ports):
    async with ports.database.read() as connection:
        return (await page_of_stranded(connection, None, 10)).items


@pytest.mark.parametrize(
    ("species", "goes_on"),
    [(("sheep",), True), (("pig",), True), (("camel",), False), (("sheep", "camel"), False), ((), True), (None, True)],
)
async def test_animals_go_on_within_the_hours_of_their_species(ports, valley, species, goes_on):
    """By the dear one it is 24 hours from noon to noon. Those of before, of which nobody noted the species, are sheep."""
    journey = await a_journey(ports, **LIVE, species=species)
    await no_trunk(ports)
    if goes_on:
        assert ways(await seen(ports, journey)) == BY_THE_DEAR_ONE
    else:
        (stranded,) = await listed(ports)
        assert (stranded.reason, stranded.rule) == ("journey_limit", None)
        assert await room_taken(ports) == {}
    await require_sums(ports)


async def test_closed_transit_is_gone_round(ports, valley):
    strict = under(ports, to=["652902"], transit=True)  # Kuqa
    assert strict.timetable is ports.timetable
    held, free = await a_journey(ports, **FRUIT), await a_journey(ports, **FRUIT | {"categories": ("handicraft",)})
    await no_trunk(strict)
    assert ways(await seen(ports, free)) == BY_THE_DEAR_ONE
    assert ways(await seen(ports, held)) == BY_KASHGAR


async def test_goods_that_may_not_go_there_any_more_are_stranded_by_the_rule(ports, valley):
    strict = under(ports, to=["6501"], since="2026-03-02")
    operator = await an_operator(ports)
    journey = await a_journey(ports, **FRUIT)
    await no_trunk(strict)
    (stranded,) = await listed(ports)
    assert (stranded.consignment_id, stranded.reason, stranded.rule) == (journey.id, "forbidden", "N-1")
    with pytest.raises(RouteUnavailable) as caught:
        await retry_stranded(strict, operator.caller, journey.id)
    assert caught.value.fields["rule"] == {"number": "N-1", "what": WORDS, "source": WORDS}
    # When the rule has gone, it finds its way, and nothing of the rule is left.
    found = await retry_stranded(ports, operator.caller, journey.id)
    assert ways(found) == BY_THE_DEAR_ONE
    assert await listed(ports) == []


async def test_transit_that_leaves_no_way_is_told_with_its_rule(ports, valley):
    strict = under(ports, to=["652902", "6531"], transit=True)  # Kuqa and Kashgar
    await a_journey(ports, **FRUIT)
    await no_trunk(strict)
    (stranded,) = await listed(ports)
    assert (stranded.reason, stranded.rule) == ("forbidden", "N-1")


async def test_goods_that_are_inside_may_leave(ports, valley):
    """They are at Kuqa when the rule closes it."""
    strict = under(ports, to=["652902"], transit=True, since="2026-03-02")
    journey = await a_journey(ports, **FRUIT)
    await told(ports, journey, ("departed", "HOTAN", 10), ("arrived", "KUQA", 16))
    await no_trunk(strict)
    assert ways(await seen(ports, journey))[1:] == ["DEAR 03 03:00"]


@pytest.mark.parametrize("goods", [{}, {"county": "653221"}, {"categories": ("produce",)}])
async def test_consignment_that_does_not_know_its_goods_goes_on_as_before(ports, valley, goods):
    strict = under(ports, to=["6501"], transit=True)
    journey = await a_journey(ports, to_door=False, **goods)
    await no_trunk(strict)
    assert ways(await seen(ports, journey)) == BY_THE_DEAR_ONE


async def test_way_that_holds_is_left_alone_whatever_the_rules(ports, valley):
    strict = under(ports, to=["6501"], transit=True)
    journey = await a_journey(ports, **FRUIT, without=frozenset({"TRUNK"}))
    before = ways(await seen(ports, journey))
    await no_trunk(strict)
    assert ways(await seen(ports, journey)) == before
