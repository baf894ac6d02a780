"""What is sealed comes back as it was, is smaller than it was, and cannot be read or changed on the way."""

import base64
import hashlib

import pytest
from cryptography.fernet import Fernet, InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from app.core.seal import Seal

KEY = b"a secret of this service"


@given(st.binary(max_size=5_000))
def test_what_was_sealed_comes_back_as_it_was(plain: bytes) -> None:
    seal = Seal(KEY)
    assert seal.open(seal.close(plain)) == plain


def test_an_answer_takes_less_room_sealed_than_open() -> None:
    answer = b'{"legs":[' + b",".join(b'{"from":"HOTAN","to":"URUMQI","mode":"road"}' for _ in range(50)) + b"]}"
    assert len(Seal(KEY).close(answer)) < len(answer) / 2


def test_what_was_sealed_before_it_was_compressed_can_still_be_opened() -> None:
    key = base64.urlsafe_b64encode(hashlib.sha256(b"chama-seal:" + KEY).digest())
    assert Seal(KEY).open(Fernet(key).encrypt(b'{"id": "ord_1"}')) == b'{"id": "ord_1"}'


def test_another_key_opens_nothing() -> None:
    sealed = Seal(KEY).close(b"{}")
    with pytest.raises(InvalidToken):
        Seal(b"another").open(sealed)
