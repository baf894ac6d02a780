"""Settings: read once from the environment (`CHAMA_…`), with defaults that run a development service on one machine."""

import os
import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.ids import GS1_EXAMPLE_PREFIX
from app.core.limits import SECRET_LENGTH_MIN
from app.core.text import E164_PATTERN


def faults_of(error: ValidationError) -> str:
    """What is wrong with the settings, a line each, without their values."""
    return "\n".join(
        f"{_named(fault['loc'])}{str(fault['msg']).removeprefix('Value error, ')}" for fault in error.errors()
    )


def _named(place: tuple[int | str, ...]) -> str:
    return f"CHAMA_{str(place[0]).upper()}: " if place else ""


class Settings(BaseSettings):
    """Everything an operator may choose. `docs/operations.md` explains each."""

    # What is wrong is said without the value, which may be a secret.
    model_config = SettingsConfigDict(env_prefix="CHAMA_", extra="ignore", hide_input_in_errors=True)

    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path(".chama")
    database_url: str | None = None
    database_pool: int = Field(10, ge=1, le=200)
    database_prepared_statements: bool = True
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    processes: int = Field(1, ge=1, le=64)
    public_url: str | None = None
    worker_inside: bool = True
    worker_concurrency: int = Field(4, ge=1, le=64)
    log_format: Literal["json", "text"] = "text"
    secret: SecretStr | None = None
    operator_phones: Annotated[frozenset[str], NoDecode] = frozenset()
    platform_fee_bps: int = Field(300, ge=0, le=5_000)
    origin_rules: Path | None = None
    policies: Path | None = None
    offer_terms: Path | None = None
    settlement_terms: Path | None = None
    gs1_company_prefix: str = Field(GS1_EXAMPLE_PREFIX, pattern="^[0-9]{7,12}$")
    stripe_secret_key: SecretStr | None = None
    stripe_webhook_secret: SecretStr | None = None
    stripe_connect_webhook_secret: SecretStr | None = None
    stripe_capture: Literal["hand_over", "at_once"] = "hand_over"
    stripe_connect: bool = False
    stripe_country: str = Field("HK", pattern="^[A-Z]{2}$")
    stripe_api_base: str | None = None
    s3_bucket: str | None = None
    s3_endpoint: str | None = None
    s3_public_endpoint: str | None = None
    s3_region: str = "us-east-1"
    s3_access_key_id: SecretStr | None = None
    s3_secret_access_key: SecretStr | None = None
    message_sender: Literal["mailbox", "sns"] = "mailbox"
    sns_region: str = "ap-east-1"
    sns_endpoint: str | None = None
    outside_allowed: Annotated[frozenset[str], NoDecode] = frozenset()
    webhook_concurrency: int = Field(8, ge=1, le=64)

    @field_validator("operator_phones", "outside_allowed", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return frozenset(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("operator_phones")
    @classmethod
    def _are_phones(cls, phones: frozenset[str]) -> frozenset[str]:
        wrong = sorted(phone for phone in phones if not re.fullmatch(E164_PATTERN, phone))
        if wrong:
            raise ValueError(
                f"takes phones with + and the country's code, separated by commas, such as "
                f"+8610000000001; not so: {', '.join(wrong)}"
            )
        return phones

    @field_validator("secret")
    @classmethod
    def _is_not_empty(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not secret.get_secret_value().strip():
            raise ValueError("it is set but empty: give it a value, or leave it out in development to have one made")
        return secret

    @model_validator(mode="after")
    def _fit_for_production(self) -> Self:
        """Refuse a production service in which nobody could sign in, or whose secret would be lost with its disk."""
        if self.environment == "production":
            if self.message_sender == "mailbox":
                raise ValueError(
                    "CHAMA_MESSAGE_SENDER=mailbox shows sign-in codes to nobody in production; set it to sns"
                )
            if self.secret is None:
                raise ValueError(
                    "CHAMA_SECRET is needed in production: every process signs with it, and it must outlive the disk"
                )
            if len(self.secret.get_secret_value()) < SECRET_LENGTH_MIN:
                raise ValueError(
                    f"CHAMA_SECRET needs {SECRET_LENGTH_MIN} characters or more in production, made by chance: openssl rand -hex 24"
                )
        return self

    @property
    def base_url(self) -> str:
        """The address people see, without a slash at the end."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @cached_property
    def key(self) -> bytes:
        """The secret that signs tokens and links: from the setting, else made once and kept in the data directory (0600)."""
        if self.secret:
            return self.secret.get_secret_value().encode()
        path = self.data_dir / "secret"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
        return path.read_bytes()
