"""Sealing: what must be kept for a while but never readable in the database (answers that hold secrets)."""

import base64
import hashlib
import zlib
from typing import Final

from cryptography.fernet import Fernet

# What is sealed cannot be made smaller any more: a compressed answer costs a third to store. JSON does not begin with this.
_COMPRESSED: Final = b"\x01"


class Seal:
    """Symmetric encryption under a key derived from the service's secret."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"chama-seal:" + key).digest()))

    def close(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(_COMPRESSED + zlib.compress(plain, 1))

    def open(self, sealed: bytes) -> bytes:
        opened = self._fernet.decrypt(sealed)
        # What was sealed before it was compressed is as it was.
        return zlib.decompress(opened[1:]) if opened.startswith(_COMPRESSED) else opened
