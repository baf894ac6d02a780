"""Object storage for photos and documents: an S3-compatible service, or a directory served through signed links."""

import asyncio
import base64
import hashlib
import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.core.errors import UpstreamFailed
from app.core.limits import DOWNLOAD_LIFETIME, OUTSIDE_CALL_TIMEOUT_S, UPLOAD_LIFETIME
from app.core.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Upload:
    """How a client puts its bytes: one request with exactly these headers, before it expires."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    bytes: int
    sha256: str | None


class ObjectStorage(Protocol):
    """Presigned PUT, a look at what arrived, presigned GET, the bytes for ourselves, delete. Keys are ours, never a user's."""

    async def presign_put(self, key: str, content_type: str, size: int, sha256: str) -> Upload: ...
    async def presign_get(self, key: str) -> str: ...
    async def find(self, key: str) -> Stored | None: ...
    async def read(self, key: str) -> bytes | None: ...
    async def delete(self, key: str) -> None: ...


class DirectoryStorage:
    """Files below a directory; links are signed by the service and served by `api/storage.py`."""

    def __init__(self, root: Path, base_url: str, key: bytes, now: Callable[[], float] = time.time) -> None:
        self.root = root
        self._base_url = base_url
        self._key = hmac.digest(key, b"storage", "sha256")
        self._now = now

    async def presign_put(self, key: str, content_type: str, size: int, sha256: str) -> Upload:
        url = self._link(
            "PUT", key, UPLOAD_LIFETIME.total_seconds(), {"type": content_type, "bytes": str(size), "sha256": sha256}
        )
        return Upload("PUT", url, {"content-type": content_type, "x-amz-checksum-sha256": _base64_of(sha256)})

    async def presign_get(self, key: str) -> str:
        return self._link("GET", key, DOWNLOAD_LIFETIME.total_seconds(), {})

    async def find(self, key: str) -> Stored | None:
        path = self.path(key)
        return await asyncio.to_thread(_look, path)

    async def read(self, key: str) -> bytes | None:
        return await asyncio.to_thread(_bytes_of, self.path(key))

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    def path(self, key: str) -> Path:
        path = (self.root / key).resolve()
        assert path.is_relative_to(self.root.resolve())
        return path

    def allows(self, method: str, key: str, query: dict[str, str]) -> bool:
        """Whether this is a link that we signed for this method and that has not expired."""
        given = query.get("signature", "")
        terms = {name: value for name, value in query.items() if name != "signature"}
        fresh = (
            terms.get("expires", "").isdecimal() and len(terms["expires"]) < 15 and int(terms["expires"]) >= self._now()
        )
        return fresh and hmac.compare_digest(given.encode(), self._signature(method, key, terms).encode())

    def write(self, key: str, content: bytes) -> None:
        """Put the whole file in place at once, durably."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}.partial")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    def _link(self, method: str, key: str, lifetime_s: float, terms: dict[str, str]) -> str:
        terms = terms | {"expires": str(int(self._now() + lifetime_s))}
        return f"{self._base_url}/storage/{quote(key)}?{urlencode(terms | {'signature': self._signature(method, key, terms)})}"

    def _signature(self, method: str, key: str, terms: dict[str, str]) -> str:
        said = "\n".join([method, key, *(f"{name}={terms[name]}" for name in sorted(terms))])
        return hmac.new(self._key, said.encode(), "sha256").hexdigest()


class S3Storage:
    """An S3-compatible service through boto3, whose blocking calls run in threads. Presigning is local."""

    def __init__(
        self,
        bucket: str,
        *,
        endpoint: str | None,
        public_endpoint: str | None = None,
        region: str,
        access_key: str | None,
        secret_key: str | None,
    ) -> None:
        """`public_endpoint` is where clients reach the store, when that is not where we do; links are signed for it."""
        self._bucket = bucket
        self._client = _s3_client(endpoint, region, access_key, secret_key)
        self._signer = _s3_client(public_endpoint, region, access_key, secret_key) if public_endpoint else self._client

    async def presign_put(self, key: str, content_type: str, size: int, sha256: str) -> Upload:
        checksum = _base64_of(sha256)
        terms = {
            "Bucket": self._bucket,
            "Key": key,
            "ContentType": content_type,
            "ContentLength": size,
            "ChecksumSHA256": checksum,
        }
        url = self._signer.generate_presigned_url(
            "put_object", Params=terms, ExpiresIn=int(UPLOAD_LIFETIME.total_seconds())
        )
        return Upload("PUT", url, {"content-type": content_type, "x-amz-checksum-sha256": checksum})

    async def presign_get(self, key: str) -> str:
        lifetime_s = int(DOWNLOAD_LIFETIME.total_seconds())
        return self._signer.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=lifetime_s
        )

    async def find(self, key: str) -> Stored | None:
        try:
            head = await asyncio.to_thread(
                self._client.head_object, Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"
            )
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return None
            raise UpstreamFailed(service="S3") from error
        except BotoCoreError as error:
            raise UpstreamFailed(service="S3") from error
        checksum = head.get("ChecksumSHA256")
        return Stored(head["ContentLength"], base64.b64decode(checksum).hex() if checksum else None)

    async def read(self, key: str) -> bytes | None:
        try:
            return await asyncio.to_thread(self._whole, key)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return None
            raise UpstreamFailed(service="S3") from error
        except BotoCoreError as error:
            raise UpstreamFailed(service="S3") from error

    def _whole(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    async def delete(self, key: str) -> None:
        try:
            await asyncio.to_thread(self._client.delete_object, Bucket=self._bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            raise UpstreamFailed(service="S3") from error


def _s3_client(endpoint: str | None, region: str, access_key: str | None, secret_key: str | None) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=OUTSIDE_CALL_TIMEOUT_S,
            retries={"max_attempts": 2},
            s3={"addressing_style": "path" if endpoint else "auto"},
        ),
    )


def _base64_of(sha256_hex: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256_hex)).decode()


def _look(path: Path) -> Stored | None:
    content = _bytes_of(path)
    return None if content is None else Stored(len(content), hashlib.sha256(content).hexdigest())


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def open_storage(settings: Settings) -> ObjectStorage:
    """The storage that the settings ask for."""
    if not settings.s3_bucket:
        return DirectoryStorage(settings.data_dir / "objects", settings.base_url, settings.key)
    access, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    return S3Storage(
        settings.s3_bucket,
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        region=settings.s3_region,
        access_key=access.get_secret_value() if access else None,
        secret_key=secret.get_secret_value() if secret else None,
    )
