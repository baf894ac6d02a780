"""Signatures that anybody can check: Ed25519 over a text, by a partner's registered key or by the service's own."""

import base64
import hashlib
from binascii import Error
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_PATTERN: Final = r"^[A-Za-z0-9_-]{86}$"


class Signer:
    """The service's own key, derived from its secret: it stays the same for as long as the secret does."""

    def __init__(self, key: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"chama-signature:" + key).digest())

    @property
    def public_key(self) -> str:
        return encoded(self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        return encoded(self._key.sign(text.encode()))


def is_signed(text: str, signature: str, public_key: str) -> bool:
    """Whether the holder of this key signed exactly this text. False for what is no key or no signature."""
    try:
        Ed25519PublicKey.from_public_bytes(_decoded(public_key)).verify(_decoded(signature), text.encode())
    except (InvalidSignature, ValueError, Error):
        return False
    return True


def encoded(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
