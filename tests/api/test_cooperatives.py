"""Co-operatives over HTTP: from the invitation to a listing in the member's name, tags, refusals in both languages, one roof."""

import pytest

from app.core.ids import new_id
from tests.api.asking import problem_of, town_clock, town_template
from tests.factories.catalogue import JUJUBE
from tests.factories.cooperatives import inviting
from tests.factories.jobs import work
from tests.factories.tables import nothing_happens

template, clock = town_template, town_clock


@pytest.fixture
def loom(town):
    return f"/v1/producers/{town.village.loom.producer.id}"


async def accepted(door, town, ports, loom, grants):
    """The garden joins the loom's co-operative with these grants; answers the address of the membership."""
    body = inviting(town.village.garden, 500, grants, id=new_id("mbr"))
    made = await door.post(f"{loom}/members", json=body, headers=town.headers["neighbour"])
    assert made.status_code == 201, made.text
    address = f"/v1/memberships/{made.json()['id']}"
    joined = await door.post(f"{address}/accept", headers=town.headers["member"])
    assert joined.status_code == 200, joined.text
    await work(ports)
    return address


async def test_member_joins_and_its_goods_are_sold_under_one_roof_in_its_name(door, town, ports, loom):
    garden, village = town.village.garden.producer.id, town.village
    await accepted(door, town, ports, loom, ["list", "price", "ship", "see"])
    members = (await door.get(f"{loom}/members")).json()["items"]
    assert members[0]["id"] == garden
    assert "phone" not in str(members)
    listing = await door.post("/v1/listings", json=JUJUBE | {"producer": garden}, headers=town.headers["neighbour"])
    assert listing.status_code == 201, listing.text
    roof = {"id": village.loom.producer.id, "name": village.loom.producer.name}
    assert listing.json()["cooperative"] == roof
    asked = {"cooperative": village.loom.producer.id, "sort": "price", "limit": 100}
    page = (await door.get("/v1/listings", params=asked)).json()["items"]
    sold = [
        await door.get("/v1/listings", params={"producer": each, "limit": 100})
        for each in (garden, village.loom.producer.id)
    ]
    assert {item["id"] for each in sold for item in each.json()["items"]} == {item["id"] for item in page}
    assert {village.dates, village.carpets} <= {item["id"] for item in page}
    assert all(item["cooperative"] == roof for item in page)
    assert (await door.get(f"/v1/producers/{garden}")).json()["cooperative"] == roof
    balances = await door.get(f"/v1/producers/{garden}/balances", headers=town.headers["neighbour"])
    assert balances.status_code == 200


@pytest.mark.parametrize(
    ("language", "detail"),
    [
        ("en", "To set prices and answer claims for {garden} you need its grant `price`. Ask its owner for it."),
        ("zh-Hans", "为 {garden} 定价和答复售后，需要其授权 `price`。请联系该生产者的负责人。"),
    ],
)
async def test_refusal_names_the_grant_that_is_missing_in_both_languages(door, town, ports, loom, language, detail):
    garden = town.village.garden.producer.id
    await accepted(door, town, ports, loom, ["list"])
    headers = town.headers["neighbour"] | {"accept-language": language}
    async with nothing_happens(ports):
        answer = await door.post("/v1/listings", json=JUJUBE | {"producer": garden}, headers=headers)
    problem = problem_of(answer, 403, "grant-missing")
    assert (problem["grant"], problem["producer"]) == ("price", garden)
    assert problem["detail"] == detail.format(garden=garden)
    seen = await door.get(f"/v1/accounts/{garden}/statement", headers=headers)
    assert problem_of(seen, 403, "grant-missing")["grant"] == "see"


async def test_grants_are_changed_with_the_tag_that_was_read_and_hold_at_once(door, town, ports, loom):
    garden = town.village.garden.producer.id
    address = await accepted(door, town, ports, loom, ["see"])
    member, neighbour = town.headers["member"], town.headers["neighbour"]
    read = await door.get(address, headers=member)
    tag = {"if-match": read.headers["etag"]}
    changed = await door.patch(address, json={"grants": ["ship", "ship", "list"]}, headers=member | tag)
    assert changed.json()["grants"] == ["list", "ship"]
    problem_of(await door.patch(address, json={"grants": []}, headers=member | tag), 412, "changed-meanwhile")
    again = await door.get(address, headers=member)
    assert (again.json(), again.headers["etag"]) == (changed.json(), changed.headers["etag"])
    answer = await door.get(f"/v1/producers/{garden}/balances", headers=neighbour)
    assert problem_of(answer, 403, "grant-missing")["grant"] == "see"
    lots = await door.get(f"/v1/listings/{town.draft}/lots", headers=neighbour)
    assert lots.status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"share_bps": 10_001}, "/share_bps"),
        ({"share_bps": -1}, "/share_bps"),
        ({"share_bps": 1.5}, "/share_bps"),
        ({"grants": ["everything"]}, "/grants/0"),
        ({"producer": "prd_1"}, "/producer"),
        ({"valid_from": "tomorrow"}, "/valid_from"),
    ],
)
async def test_invitation_that_makes_no_sense_names_what_and_changes_nothing(door, town, ports, loom, body, pointer):
    asked = inviting(town.village.garden) | body
    async with nothing_happens(ports):
        answer = await door.post(f"{loom}/members", json=asked, headers=town.headers["neighbour"])
    assert [e["pointer"] for e in problem_of(answer, 422, "invalid-request")["errors"]] == [pointer]


async def test_memberships_are_listed_for_both_sides_and_by_state(door, town):
    def ids(answer):
        return {item["id"] for item in answer.json()["items"]}

    active = {town.memberships["active"], town.memberships["answer"]}
    for role in ("member", "neighbour"):
        headers = town.headers[role]
        assert ids(await door.get("/v1/memberships", headers=headers)) == set(town.memberships.values())
        assert ids(await door.get("/v1/memberships", params={"state": "active"}, headers=headers)) == active
    assert ids(await door.get("/v1/memberships", headers=town.headers["stranger"])) == set()
    first = await door.get("/v1/memberships", params={"limit": 2}, headers=town.headers["member"])
    rest = {"cursor": first.json()["next_cursor"]}
    assert ids(first) | ids(await door.get("/v1/memberships", params=rest, headers=town.headers["member"])) == set(
        town.memberships.values()
    )


async def test_people_are_told_what_they_may_do_and_may_go_by_themselves(door, town):
    person, address = town.village.buyer, f"/v1/producers/{town.plot}/people"
    owner, theirs = town.headers["member"], person.headers
    body = {"person": person.id, "grants": ["ship", "see"]}
    for _ in range(2):
        added = await door.post(address, json=body, headers=owner)
        assert (added.status_code, added.json()["grants"]) == (201, ["see", "ship"])
    problem_of(await door.post(address, json=body | {"grants": []}, headers=owner), 409, "id-taken")
    mine = (await door.get("/v1/me", headers=theirs)).json()["producers"]
    assert [(each["id"], each["role"], each["grants"]) for each in mine] == [(town.plot, "member", ["see", "ship"])]
    problem_of(await door.get(address, headers=theirs), 403, "forbidden")
    assert (await door.delete(f"{address}/{person.id}", headers=theirs)).status_code == 204
    assert (await door.get("/v1/me", headers=theirs)).json()["producers"] == []
    problem_of(await door.delete(f"{address}/{person.id}", headers=theirs), 404, "not-found")
    alone = (await door.get("/v1/me", headers=owner)).json()["id"]
    problem_of(await door.delete(f"{address}/{alone}", headers=owner), 409, "last-owner")
