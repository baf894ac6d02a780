"""Identifiers: TypeIDs (a prefix and a UUIDv7 in Crockford base 32), sortable by the time they were made."""

import os
import re
import secrets
import time
from datetime import datetime
from hashlib import sha256
from typing import Final

# GS1 keeps the prefix 952 for demonstrations and examples: numbers that begin with it are nobody's.
GS1_EXAMPLE_PREFIX: Final = "9520000"
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
# Ten bits at a time: a hot order makes some thirty ids.
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
# Crockford's letters without those that look alike on a phone.
_NUMBER_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_TYPEID: Final = re.compile(r"^([a-z]{2,4})_([0-7][0-9a-hjkmnp-tv-z]{25})$")


def pattern(prefix: str) -> str:
    """The regular expression of ids with this prefix, for schemas."""
    return rf"^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"


def uuid7(now_ms: int, noise: bytes) -> int:
    """RFC 9562 UUIDv7 as an integer: 48 bits of milliseconds, version, variant and 74 bits of `noise` (10 bytes)."""
    bits = int.from_bytes(noise, "big")
    return (now_ms << 80) | (0x7 << 76) | ((bits >> 62 & 0xFFF) << 64) | (0b10 << 62) | (bits & (1 << 62) - 1)


def encode(prefix: str, value: int) -> str:
    return f"{prefix}_{''.join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])}"


def new_id(prefix: str) -> str:
    """A fresh id such as `lst_01jd…`."""
    return encode(prefix, uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def derived_id(prefix: str, name: str) -> str:
    """The same id for the same name, always: for what somebody else has named. It says nothing of time."""
    return encode(prefix, int.from_bytes(sha256(name.encode()).digest()[:16], "big"))


def new_ids(prefix: str, count: int) -> list[str]:
    """Fresh ids that sort as they are given: what is written with them is read in the same order."""
    return sorted(new_id(prefix) for _ in range(count))


def new_number(now: datetime) -> str:
    """A number that people can read out, such as `26-7KQX-3MPA`: the year and 39 random bits, not a count."""
    letters = "".join(secrets.choice(_NUMBER_LETTERS) for _ in range(8))
    return f"{now:%y}-{letters[:4]}-{letters[4:]}"


def is_id(text: str, prefix: str) -> bool:
    match = _TYPEID.fullmatch(text)
    return match is not None and match[1] == prefix
