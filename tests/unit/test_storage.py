"""One contract for every object storage: a directory behind signed links, and S3 over real HTTP.

moto's server tells how S3 behaves but looks at no signature; rclone's looks at them. Neither compares a body with its
checksum, as Amazon's does: rclone's believes it, moto's forgets it.
"""

import asyncio
import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import boto3
import httpx
import pytest
from fastapi import FastAPI
from moto.server import ThreadedMotoServer

from app.api import storage as served
from app.api.problems import install
from app.core import storage as storages
from app.core.errors import UpstreamFailed
from app.core.settings import Settings
from app.core.storage import DirectoryStorage, ObjectStorage, S3Storage, Stored, open_storage

PICTURE = b"\x89PNG\r\n a picture of dates"
DIGEST = hashlib.sha256(PICTURE).hexdigest()
KEY = "media/med_01jd3zq9k2e8gv5w7x4c6b8n1m.png"
ACCESS, SECRET, BUCKET = "access", "secret-of-tests", "chama"


@dataclass
class Place:
    """A storage, a client that reaches it, and what this one is known not to look at."""

    storage: ObjectStorage
    client: httpx.AsyncClient
    at: float = 1_772_400_000.0
    looks_at_bytes: bool = False
    keeps_checksums: bool = True
    with_secret: Callable[[str], ObjectStorage] | None = None

    async def put(self, content: bytes = PICTURE, key: str = KEY, **changes: str) -> httpx.Response:
        upload = await self.storage.presign_put(key, "image/png", len(PICTURE), DIGEST)
        return await self.client.request(upload.method, upload.url, headers=upload.headers | changes, content=content)

    async def get(self, key: str = KEY) -> httpx.Response:
        return await self.client.get(await self.storage.presign_get(key))


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Place]:
    def over(secret: str) -> DirectoryStorage:
        return DirectoryStorage(tmp_path / "objects", "http://storage.test", secret.encode(), lambda: place.at)

    app = FastAPI()
    app.include_router(served.router)
    install(app)
    storage = over(SECRET)
    app.state.ports = SimpleNamespace(storage=storage)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://storage.test") as client:
        place = Place(storage, client, looks_at_bytes=True, with_secret=over)
        yield place


def _s3(endpoint: str, secret: str = SECRET) -> S3Storage:
    return S3Storage(BUCKET, endpoint=endpoint, region="us-east-1", access_key=ACCESS, secret_key=secret)


def _make_bucket(endpoint: str) -> None:
    keys = {"aws_access_key_id": ACCESS, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    _make_bucket(f"http://{host}:{port}")
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def rclone_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("rclone")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    program = Path(sys.executable).with_name("rclone")
    command = [program, "serve", "s3", "--config", root / "none.conf", "--addr", f"127.0.0.1:{port}"]
    command += ["--auth-key", f"{ACCESS},{SECRET}", "--vfs-cache-mode", "off", root]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_port(port)
        _make_bucket(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError


@pytest.fixture
async def moto(moto_endpoint: str) -> AsyncIterator[Place]:
    async with httpx.AsyncClient() as client:
        place = Place(_s3(moto_endpoint), client, keeps_checksums=False)
        await place.storage.delete(KEY)
        yield place


@pytest.fixture
async def rclone(rclone_endpoint: str) -> AsyncIterator[Place]:
    async with httpx.AsyncClient() as client:
        place = Place(_s3(rclone_endpoint), client)
        place.with_secret = lambda secret: _s3(rclone_endpoint, secret)
        await place.storage.delete(KEY)
        yield place


@pytest.fixture(params=["directory", "moto", "rclone"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["directory", "rclone"])
def signed(request: pytest.FixtureRequest) -> Place:
    """A storage that looks at its links."""
    found: Place = request.getfixturevalue(request.param)
    return found


def tampered(url: str, **terms: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | terms)))


async def test_what_is_put_is_found_and_given_back(place):
    assert (await place.put()).status_code == 200
    assert await place.storage.find(KEY) == Stored(len(PICTURE), DIGEST if place.keeps_checksums else None)
    assert await place.storage.read(KEY) == PICTURE
    got = await place.get()
    assert (got.status_code, got.content) == (200, PICTURE)
    assert got.headers["content-type"] == "image/png"


async def test_putting_again_changes_nothing(place):
    for _ in range(2):
        assert (await place.put()).status_code == 200
    assert (await place.get()).content == PICTURE


async def test_what_is_not_there_is_not_found(place):
    assert await place.storage.find("media/none.png") is None
    assert await place.storage.read("media/none.png") is None
    assert (await place.get("media/none.png")).status_code == 404


async def test_what_is_deleted_is_gone_and_deleting_twice_is_fine(place):
    await place.put()
    for _ in range(2):
        await place.storage.delete(KEY)
    assert await place.storage.find(KEY) is None
    assert (await place.get()).status_code == 404


async def test_other_bytes_than_announced_never_pass_for_them(place):
    """Refused at once, or else told by their size."""
    if place.looks_at_bytes:
        assert (await place.put(PICTURE[:-1] + b"!")).status_code == 422
        assert await place.storage.find(KEY) is None
    longer = await place.put(PICTURE + b" and more")
    stored = await place.storage.find(KEY)
    assert longer.status_code >= 400 or (stored is not None and stored.bytes != len(PICTURE))


async def test_a_link_for_one_file_is_no_link_for_another(signed):
    upload = await signed.storage.presign_put(KEY, "image/png", len(PICTURE), DIGEST)
    elsewhere = upload.url.replace("n1m.png", "n1n.png")
    refused = await signed.client.put(elsewhere, headers=upload.headers, content=PICTURE)
    assert 400 <= refused.status_code < 500
    assert await signed.storage.find(KEY.replace("n1m", "n1n")) is None
    await signed.put()
    url = await signed.storage.presign_get(KEY)
    for wrong in (
        url.split("?")[0],
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        tampered(url, expires="9999999999", **{"X-Amz-Expires": "86400"}),
    ):
        assert 400 <= (await signed.client.get(wrong)).status_code < 500


async def test_a_link_to_read_is_no_link_to_write(signed):
    url = await signed.storage.presign_get(KEY)
    assert 400 <= (await signed.client.put(url, content=PICTURE)).status_code < 500
    assert await signed.storage.find(KEY) is None


async def test_another_type_than_announced_is_refused(signed):
    assert 400 <= (await signed.put(**{"content-type": "text/html"})).status_code < 500
    assert await signed.storage.find(KEY) is None


async def test_links_signed_with_another_secret_are_refused(signed):
    await signed.put()
    forged = await signed.with_secret("another").presign_get(KEY)
    assert 400 <= (await signed.client.get(forged)).status_code < 500


async def test_links_expire(signed, monkeypatch):
    await signed.put()
    monkeypatch.setattr(storages, "UPLOAD_LIFETIME", timedelta(seconds=1))
    monkeypatch.setattr(storages, "DOWNLOAD_LIFETIME", timedelta(seconds=1))
    upload = await signed.storage.presign_put(KEY, "image/png", len(PICTURE), DIGEST)
    url = await signed.storage.presign_get(KEY)
    assert (await signed.client.get(url)).status_code == 200
    signed.at += 2.1
    if isinstance(signed.storage, S3Storage):
        await asyncio.sleep(2.1)
    assert 400 <= (await signed.client.get(url)).status_code < 500
    assert 400 <= (await signed.client.put(upload.url, headers=upload.headers, content=PICTURE)).status_code < 500


async def test_a_storage_that_does_not_answer_is_an_upstream_problem():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gone = _s3(f"http://127.0.0.1:{port}")
    with pytest.raises(UpstreamFailed):
        await gone.find(KEY)
    with pytest.raises(UpstreamFailed):
        await gone.read(KEY)
    with pytest.raises(UpstreamFailed):
        await gone.delete(KEY)


async def test_a_file_is_only_ever_shown_as_a_picture(directory):
    await directory.put()
    got = await directory.get()
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "content-disposition" not in got.headers
    directory.storage.write("notes.html", b"<script>alert(1)</script>")
    page = await directory.get("notes.html")
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["content-disposition"] == "attachment"


async def test_a_body_that_goes_on_is_given_up_at_its_announced_size(directory):
    sent = 0

    async def endless():
        nonlocal sent
        for _ in range(1_000):
            sent += 1
            yield b"x" * 1_000

    upload = await directory.storage.presign_put(KEY, "image/png", len(PICTURE), DIGEST)
    refused = await directory.client.put(upload.url, headers=upload.headers, content=endless())
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/upload-refused"
    assert sent < 1_000 or await directory.storage.find(KEY) is None


@pytest.mark.parametrize(
    "key", ["../outside.png", "media/../../outside.png", "%2e%2e/outside.png", "/etc/hostname", "media/\x00.png"]
)
async def test_no_link_leads_out_of_the_directory(directory, key):
    url = f"http://storage.test/storage/{key}?expires=9999999999&signature=00"
    try:
        answer = await directory.client.get(url)
    except httpx.InvalidURL:
        return
    assert answer.status_code in (403, 404)


@pytest.mark.parametrize(
    "query",
    ["", "expires=x&signature=y", "expires=٣&signature=ü", "signature=", "expires=99999999999999999999&signature=a"],
)
async def test_a_nonsense_link_is_a_problem_document(directory, query):
    for method in ("GET", "PUT"):
        refused = await directory.client.request(method, f"/storage/{KEY}?{query}")
        assert refused.status_code == 403
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "/problems/link-refused"


async def test_with_another_storage_no_file_is_served(directory, moto):
    await directory.put()
    url = await directory.storage.presign_get(KEY)
    directory.client._transport.app.state.ports.storage = moto.storage
    assert (await directory.client.get(url)).status_code == 404


async def test_links_are_signed_for_the_address_that_phones_use(rclone_endpoint: str) -> None:
    """The service reaches the store by one name, phones by another: each signature covers the name that is used."""
    for_phones = rclone_endpoint.replace("127.0.0.1", "localhost")
    storage = open_storage(
        Settings(
            s3_bucket=BUCKET,
            s3_endpoint=rclone_endpoint,
            s3_public_endpoint=for_phones,
            s3_access_key_id=ACCESS,
            s3_secret_access_key=SECRET,
        )
    )
    key = "media/med_01jd3zq9k2e8gv5w7x4c6b8n2m.png"
    upload = await storage.presign_put(key, "image/png", len(PICTURE), DIGEST)
    assert upload.url.startswith(f"{for_phones}/{BUCKET}/{key}?")
    async with httpx.AsyncClient(trust_env=False) as phone:
        elsewhere = upload.url.replace("localhost", "127.0.0.1")
        assert (await phone.put(elsewhere, content=PICTURE, headers=upload.headers)).status_code == 403
        assert (await phone.put(upload.url, content=PICTURE, headers=upload.headers)).status_code == 200
        seen = await storage.find(key)
        assert seen is not None
        assert seen.bytes == len(PICTURE)
        shown = await storage.presign_get(key)
        assert shown.startswith(for_phones)
        assert (await phone.get(shown)).content == PICTURE
    await storage.delete(key)
    assert await storage.find(key) is None
