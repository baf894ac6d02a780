"""Photos over HTTP: announced, uploaded through a signed link, completed, shown."""

import hashlib
from datetime import timedelta

import pytest

from app.core.ids import new_id
from app.core.limits import PHOTO_BYTES_MAX
from app.flows.add_photo import forget_photos
from tests.factories.catalogue import HARVEST, a_draft, a_lot, publish
from tests.factories.identity import a_person, a_producer
from tests.factories.network import networked

template = networked
PICTURE = b"\xff\xd8\xff a photo of dates"
TOLD = {"content_type": "image/jpeg", "bytes": len(PICTURE), "sha256": hashlib.sha256(PICTURE).hexdigest()}


@pytest.fixture
async def seller(ports):
    return await a_producer(ports)


async def announced(client, who, **changes):
    answer = await client.post("/v1/media", json=TOLD | changes, headers=who.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def uploaded(client, who, content=PICTURE):
    media = await announced(client, who)
    upload = media["upload"]
    answer = await client.request(upload["method"], upload["url"], headers=upload["headers"], content=content)
    return media["id"], answer


async def ready(client, who):
    media_id, _ = await uploaded(client, who)
    answer = await client.post(f"/v1/media/{media_id}/complete", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return media_id


async def test_from_the_phone_to_the_listing(client, ports, seller):
    media_id = await ready(client, seller)
    listing_id = await a_draft(ports, seller)
    answer = await client.patch(f"/v1/listings/{listing_id}", json={"photos": [media_id]}, headers=seller.headers)
    photo = answer.json()["photos"][0]
    assert photo == {"id": media_id, "url": f"/v1/media/{media_id}/content"}
    assert (await client.get(photo["url"])).status_code == 404
    await a_lot(ports, seller, listing_id, "1", **HARVEST)
    await publish(ports, seller, listing_id)
    onward = await client.get(photo["url"])
    assert onward.status_code == 307
    picture = await client.get(onward.headers["location"])
    assert (picture.content, picture.headers["content-type"]) == (PICTURE, "image/jpeg")
    shown = (await client.get(f"/v1/media/{media_id}")).json()
    assert (shown["state"], shown["listing"], shown["sha256"]) == ("ready", listing_id, TOLD["sha256"])


async def test_completing_checks_what_arrived_and_may_be_repeated(client, ports, seller):
    media = await announced(client, seller)
    address = f"/v1/media/{media['id']}/complete"
    early = await client.post(address, headers=seller.headers)
    assert (early.status_code, early.json()["type"]) == (409, "/problems/upload-missing")
    ports.storage.write(f"media/{media['id']}.jpg", b"something else")
    other = await client.post(address, headers=seller.headers)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/upload-differs")
    ports.storage.write(f"media/{media['id']}.jpg", PICTURE)
    for _ in range(2):
        done = await client.post(address, headers=seller.headers)
        assert (done.status_code, done.json()["state"]) == (200, "ready")


async def test_other_bytes_are_refused_at_the_door(client, seller):
    for content in (PICTURE[:-1], PICTURE + b"!", PICTURE[:-1] + b"!", b""):
        _, refused = await uploaded(client, seller, content)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/upload-refused")


async def test_an_upload_address_expires_and_the_same_id_gives_a_fresh_one(client, ports, seller):
    told = {"id": new_id("med")}
    first = (await announced(client, seller, **told))["upload"]
    ports.clock.advance(timedelta(minutes=16))
    late = await client.put(first["url"], headers=first["headers"], content=PICTURE)
    assert (late.status_code, late.json()["type"]) == (403, "/problems/link-refused")
    seller_again = await a_person(ports, seller.person.phone)
    second = (await announced(client, seller_again, **told))["upload"]
    assert (await client.put(second["url"], headers=second["headers"], content=PICTURE)).status_code == 200
    taken = await client.post("/v1/media", json=TOLD | told | {"bytes": 1}, headers=seller_again.headers)
    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/id-taken")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"content_type": "image/svg+xml"}, "/content_type"),
        ({"bytes": PHOTO_BYTES_MAX + 1}, "/bytes"),
        ({"bytes": 0}, "/bytes"),
        ({"sha256": "0" * 63}, "/sha256"),
        ({"sha256": "0" * 64 + "\n"}, "/sha256"),
        ({"name": "photo.jpg"}, "/name"),
    ],
)
async def test_only_pictures_of_some_size_are_taken(client, seller, wrong, pointer):
    refused = await client.post("/v1/media", json=TOLD | wrong, headers=seller.headers)
    assert (refused.status_code, [error["pointer"] for error in refused.json()["errors"]]) == (422, [pointer])


async def test_photos_are_their_persons_own_until_shown(client, ports, seller):
    media_id, stranger = await ready(client, seller), await a_person(ports)
    for headers, read, complete in (({}, 404, 401), (stranger.headers, 404, 404), (seller.headers, 200, 200)):
        assert (await client.get(f"/v1/media/{media_id}", headers=headers)).status_code == read
        assert (await client.post(f"/v1/media/{media_id}/complete", headers=headers)).status_code == complete
    assert (await client.post("/v1/media", json=TOLD)).status_code == 401
    mine = await client.patch(
        f"/v1/listings/{await a_draft(ports, other := await a_producer(ports))}",
        json={"photos": [media_id]},
        headers=other.headers,
    )
    assert [error["pointer"] for error in mine.json()["errors"]] == ["/photos/0"]


async def test_the_content_of_a_photo_that_never_came_is_not_found(client, seller):
    media = await announced(client, seller)
    assert (await client.get(f"/v1/media/{media['id']}/content", headers=seller.headers)).status_code == 404
    shown = await client.get(f"/v1/media/{media['id']}", headers=seller.headers)
    assert (shown.json()["state"], shown.json()["url"]) == ("awaited", None)


async def test_unused_photos_go_after_a_day_with_their_files(client, ports, seller):
    media_id = await ready(client, seller)
    path = ports.storage.path(f"media/{media_id}.jpg")
    await forget_photos(ports)
    assert path.exists()
    ports.clock.advance(timedelta(days=1, seconds=1))
    await forget_photos(ports)
    assert not path.exists()
    seller_again = await a_person(ports, seller.person.phone)
    assert (await client.get(f"/v1/media/{media_id}", headers=seller_again.headers)).status_code == 404
