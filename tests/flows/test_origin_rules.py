"""Rules on where goods may not go, and the species of animals, through quotes, orders, planning again and re-planning."""

from dataclasses import replace

import pytest

from app.catalogue.rules import legal_day
from app.flows.find_routes import find_routes
from app.network.errors import RouteUnavailable
from app.network.origin_rules import OriginRules
from app.network.route_schemas import RouteRequest
from app.orders.errors import PlanChanged
from tests.factories.catalogue import JUJUBE, SHEEP, a_draft, a_listing, a_lot, flock, publish
from tests.factories.identity import a_partner, a_person, a_producer
from tests.factories.network import a_service, fill_up, networked, planned
from tests.factories.orders import ADDRESS, a_quote, best, ordering, place
from tests.factories.tables import changed, contents, rows

template, ports = networked, planned
AT_KASHGAR = {"deliver_to": ADDRESS | {"county": "653101", "hub": "KASHGAR"}}
CHEAP = {"tariff": {"currency": "CNY", "base_minor": 10}}
WORDS = {"en": "said", "zh-Hans": "说明"}


def under(ports, **rule):
    """The same service with one rule in force."""
    row = {"number": "N-1", "what": WORDS, "source": WORDS, "origin": ["65"]} | rule
    return replace(ports, origin_rules=OriginRules.model_validate({"version": "t", "rule": [row]}))


@pytest.fixture
async def garden(ports):
    return await a_producer(ports)


@pytest.fixture
async def buyer(ports):
    return await a_person(ports)


async def animals(ports, seller, species, tag=None):
    """Two of them on sale, each with its tag, where there are tags for them."""
    listing = await a_draft(ports, seller, SHEEP | {"attributes": SHEEP["attributes"] | {"species": species}})
    lot = flock(today=legal_day(ports.clock.now()))
    tags = [tag + each[1:] for each in lot["ear_tags"]] if tag else []
    await a_lot(ports, seller, listing, "2", **lot | {"ear_tags": tags})
    await publish(ports, seller, listing)
    return listing


async def refused(ports, buyer, goods, **more):
    """The refusal of a quote, which leaves nothing behind."""
    before = await contents(ports)
    with pytest.raises(RouteUnavailable) as caught:
        await a_quote(ports, buyer, goods, **more)
    assert await changed(ports, before) == {}
    return caught.value


async def test_pigs_are_not_quoted_out_of_their_region_and_the_rule_is_named(ports, garden, buyer):
    pigs = await animals(ports, garden, "pig", "1")
    problem = await refused(ports, buyer, {pigs: "1"})
    assert problem.fields["rule"]["number"] == "PIG-NORTHWEST"
    assert "MARA 2021 No. 12" in problem.detail_in("en")
    assert "农牧发〔2021〕12号" in problem.detail_in("zh-Hans")
    # Within it they are, and sheep may leave as far as the rules go.
    assert (await a_quote(ports, buyer, {pigs: "1"}, **AT_KASHGAR)).options
    sheep = await a_listing(ports, garden, SHEEP)
    assert (await refused(ports, buyer, {sheep: "1"})).fields["reason"] != "forbidden"


async def test_origin_is_the_producers_county_and_not_that_of_the_hub(ports, buyer):
    dates = [await a_listing(ports, await a_producer(ports, county=county)) for county in ("653221", "653201")]
    strict = under(ports, origin=["653201"], to=["31"], categories=["produce"])
    assert (await a_quote(strict, buyer, {dates[0]: "1"})).options
    assert (await refused(strict, buyer, {dates[1]: "1"})).fields["rule"]["number"] == "N-1"
    # One that may not go keeps the whole order from it: it is quoted as one.
    await refused(strict, buyer, {dates[0]: "1", dates[1]: "1"})


async def test_rule_begins_on_the_day_that_goods_are_handed_in(ports, garden, buyer):
    dates = await a_listing(ports, garden)
    soon = under(ports, to=["31"], since="2026-03-05")
    assert (await a_quote(soon, buyer, {dates: "1"})).options
    await refused(soon, buyer, {dates: "1"}, depart_after="2026-03-04T16:00:00Z")


async def test_cold_and_warm_goods_are_told_apart(ports, garden, buyer):
    warm = await a_listing(ports, garden)
    cold = await a_listing(ports, garden, JUJUBE, handling={"temperature": "chilled", "shelf_life_h": 4_320})
    strict = under(ports, to=["31"], categories=["produce"], temperatures=["chilled"])
    assert (await a_quote(strict, buyer, {warm: "1"})).options
    await refused(strict, buyer, {cold: "1"})


async def test_ways_without_an_order_know_the_hubs_county_the_category_and_the_species(ports):
    async def asked(ports, **more):
        command = {"from": "HOTAN", "to": "KASHGAR", "weight_g": 90_000} | more
        return (await find_routes(ports, RouteRequest.model_validate(command))).options

    strict = under(ports, origin=["6532"], to=["6531"], categories=["produce"])
    assert await asked(strict)
    assert await asked(strict, category="handicraft")
    with pytest.raises(RouteUnavailable):
        await asked(strict, category="produce")
    held = under(ports, to=["6531"], species=["goat"])
    assert await asked(held, temperature="live", species="sheep")
    with pytest.raises(RouteUnavailable):
        await asked(held, temperature="live", species="goat")


async def test_transit_is_gone_round_in_quotes(ports, garden, buyer):
    dates = await a_listing(ports, garden)
    through = {leg.to for o in (await a_quote(ports, buyer, {dates: "1"})).options for leg in o.consignments[0].legs}
    assert any(hub in through for hub in ("URUMQI", "A-URC", "R-URUMQI"))
    strict = under(ports, to=["6501"], transit=True)
    options = (await a_quote(strict, buyer, {dates: "1"})).options
    inside = {code for code, hub in ports.timetable.hubs.items() if (hub.adcode or "").startswith("6501")}
    assert inside
    for leg in (leg for option in options for leg in option.consignments[0].legs):
        assert not {leg.from_, leg.to} & inside
        service = strict.timetable._timetable.service_numbers.get(leg.service)
        if service is not None:
            stops = strict.timetable._timetable.services[service].stops
            assert not {stop.place for stop in stops[1:-1]} & inside


async def test_order_keeps_origin_category_and_species_on_its_consignments(ports, garden, buyer):
    camels, dates = await animals(ports, garden, "camel"), await a_listing(ports, garden)
    # A camel bears eight hours.
    carrier = (await a_partner(ports, "KUNLUN")).caller
    await a_service(
        ports,
        carrier,
        id="PENS",
        temperatures=["live"],
        capacity={"weight_g": 10**7, "volume_mm3": 10**11, "live_places": 9},
    )
    quote = await a_quote(ports, buyer, {camels: "1", dates: "1"}, **AT_KASHGAR)
    told = {c.temperature: (c.origin, c.categories, c.species) for c in best(quote).consignments}
    assert told == {"ambient": ("653221", ["produce"], []), "live": ("653221", ["livestock"], ["camel"])}
    await place(ports, buyer, ordering(quote))
    kept = await rows(ports, "SELECT temperature, origin, categories, species FROM consignment ORDER BY 1")
    assert [tuple(row) for row in kept] == [
        ("ambient", "653221", ["produce"], []),
        ("live", "653221", ["livestock"], ["camel"]),
    ]


@pytest.mark.parametrize("is_strict", [False, True])
async def test_planning_again_at_order_keeps_to_the_rules(ports, garden, buyer, is_strict):
    carrier = (await a_partner(ports, "KUNLUN")).caller
    await a_service(ports, carrier, id="ONLY", **CHEAP)
    dates = await a_listing(ports, garden)
    quote = await a_quote(ports, buyer, {dates: "1"}, **AT_KASHGAR)
    (leg,) = best(quote).consignments[0].legs
    await fill_up(ports, leg.service, leg.run_at)
    stops = [("HOTAN", 0), ("AKSU", 10_000), ("KASHGAR", 28_800)]
    detour = [{"hub": h, "arrive_offset_s": s, "depart_offset_s": s, "distance_m": s * 20} for h, s in stops]
    await a_service(ports, carrier, id="DETOUR", stops=detour, tariff={"currency": "CNY", "base_minor": 5})
    through = under(ports, to=["6529"], transit=True) if is_strict else ports
    if is_strict:
        with pytest.raises(PlanChanged) as caught:
            await place(through, buyer, ordering(quote))
        again = caught.value.fields["quote"]["options"]
        assert "DETOUR" not in {leg["service"] for o in again for c in o["consignments"] for leg in c["legs"]}
    else:
        order = await place(through, buyer, ordering(quote))
        assert [leg["service"] for leg in order["consignments"][0]["legs"]] == ["DETOUR"]


async def test_animals_planned_again_bear_what_their_species_does(ports, garden, buyer):
    """The only way that is as good takes twelve hours: sheep bear that, camels do not."""
    carrier = (await a_partner(ports, "KUNLUN")).caller
    pens = {"temperatures": ["live"], "capacity": {"weight_g": 10**7, "volume_mm3": 10**11, "live_places": 9}}
    line = [("HOTAN", 0), ("KASHGAR", 43_200)]
    stops = [{"hub": h, "arrive_offset_s": s, "depart_offset_s": s, "distance_m": s * 12} for h, s in line]
    await a_service(ports, carrier, id="ONLY", **pens | CHEAP)
    quotes = {}
    for species, tag in (("sheep", "3"), ("camel", None)):
        listing = await animals(ports, garden, species, tag)
        quotes[species] = await a_quote(ports, buyer, {listing: "1"}, **AT_KASHGAR)
    (leg,) = best(quotes["camel"]).consignments[0].legs
    assert leg.service == "ONLY"
    await fill_up(ports, leg.service, leg.run_at)
    await a_service(ports, carrier, id="SLOW", stops=stops, departs_s=[25_200], **pens | CHEAP)
    order = await place(ports, buyer, ordering(quotes["sheep"]))
    assert [leg["service"] for leg in order["consignments"][0]["legs"]] == ["SLOW"]
    with pytest.raises(PlanChanged):
        await place(ports, buyer, ordering(quotes["camel"]))
