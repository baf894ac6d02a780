"""Settings that cannot be meant are refused when they are read, in words, and without showing a secret."""

import pytest
from pydantic import ValidationError

from app.core.settings import Settings, faults_of

PRODUCTION = {"environment": "production", "message_sender": "sns"}


def refused(**chosen):
    with pytest.raises(ValidationError) as caught:
        Settings(**chosen)
    assert chosen.get("secret", "no secret") not in str(caught.value)
    return faults_of(caught.value)


@pytest.mark.parametrize("secret", ["only-a-few", "x" * 31])
def test_production_needs_a_long_secret(secret):
    assert "32 characters or more" in refused(**PRODUCTION, secret=secret)
    assert Settings(**PRODUCTION, secret="x" * 32).key == b"x" * 32


@pytest.mark.parametrize("more", [{}, PRODUCTION])
@pytest.mark.parametrize("secret", ["", "  "])
def test_empty_secret_is_an_error_everywhere(more, secret):
    with pytest.raises(ValidationError) as caught:
        Settings(**more, secret=secret)
    assert faults_of(caught.value).startswith("CHAMA_SECRET: it is set but empty")


def test_empty_secret_from_the_environment_is_no_silent_fall_back(monkeypatch):
    monkeypatch.setenv("CHAMA_SECRET", "")
    with pytest.raises(ValidationError):
        Settings()


def test_development_does_with_a_short_secret():
    assert Settings(secret="tests only").key == b"tests only"


@pytest.mark.parametrize(
    "phones", ["13800000000, abc", "+8610000000001,abc", "8610000000001", "+0610000000001", "+86 10"]
)
def test_operators_phones_are_international(phones):
    told = refused(operator_phones=phones)
    assert told.startswith("CHAMA_OPERATOR_PHONES: takes phones with +")
    assert "+8610000000001;" in told


def test_operators_phones_are_split_at_commas():
    phones = Settings(operator_phones=" +8610000000001, +8610000000002,,").operator_phones
    assert phones == {"+8610000000001", "+8610000000002"}
    assert Settings(operator_phones="").operator_phones == frozenset()
