"""Sealing: what must be kept for a while but never readable in the database (answers that hold secrets)."""

import base64
import hashlib

from cryptography.fernet import Fernet


class Seal:
    """Symmetric encryption under a key derived from the service's secret."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"chama-seal:" + key).digest()))

    def close(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        return self._fernet.decrypt(sealed)
