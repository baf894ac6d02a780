"""Requests and answers of identity."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema
from pydantic.config import JsonDict

from app.core.ids import pattern
from app.core.limits import LANGUAGES_MAX, TITLE_LENGTH_MAX
from app.core.schema import Shape, Time
from app.core.text import LocalText, PlainText, Tag
from app.identity.values import (
    CARRIER_PATTERN,
    CODE_PATTERN,
    COUNTY_PATTERN,
    HUB_PATTERN,
    PHONE_PATTERN,
    TOKEN_LENGTH_MAX,
    Grant,
    KeyMode,
    MemberRole,
    ProducerKind,
    Role,
    Scope,
)

Phone = Annotated[str, Field(pattern=PHONE_PATTERN, description="E.164", examples=["+8610000000123"])]
ProducerId = Annotated[str, Field(pattern=pattern("prd"), examples=["prd_01jd3zq9k2e8gv5w7x4c6b8n1m"])]
PartnerId = Annotated[str, Field(pattern=pattern("ptn"), examples=["ptn_01jd3zq9k2e8gv5w7x4c6b8n1m"])]
KeyId = Annotated[str, Field(pattern=pattern("key"), examples=["key_01jd3zq9k2e8gv5w7x4c6b8n1m"])]
County = Annotated[
    str, Field(pattern=COUNTY_PATTERN, description="County: six-digit adcode (GB/T 2260)", examples=["653201"])
]
HubCode = Annotated[
    str, Field(pattern=HUB_PATTERN, description="Code of the hub where goods are handed in", examples=["HOTAN"])
]
Carrier = Annotated[str, Field(pattern=CARRIER_PATTERN, examples=["TARIM-COLD"])]

ShortText = Annotated[PlainText, Field(max_length=TITLE_LENGTH_MAX)]
Name = Annotated[
    dict[Tag, ShortText],
    Field(
        min_length=1,
        max_length=LANGUAGES_MAX,
        description="A name by BCP 47 language tag",
        examples=[{"zh-Hans": "和田枣园", "en": "Hotan date garden"}],
    ),
]


def _as_map(text: Any) -> Any:
    """A bare text is kept under `und`, the tag of an undetermined language (BCP 47)."""
    return {"und": text} if isinstance(text, str) else text


Village = Annotated[
    Name,
    BeforeValidator(_as_map),
    WithJsonSchema(
        {
            "description": "Text by BCP 47 language tag, or bare text",
            "anyOf": [
                TypeAdapter(Name).json_schema(),
                {"type": "string", "minLength": 1, "maxLength": TITLE_LENGTH_MAX},
            ],
            "examples": [{"zh-Hans": "巴格其镇", "en": "Bagqi"}],
        }
    ),
]


class AskForCode(Shape):
    model_config = ConfigDict(json_schema_extra={"examples": [{"phone": "+8610000000123"}]})

    phone: Phone


class CodeSent(Shape):
    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_in_s": 600}]})

    expires_in_s: int


class CodeGrant(Shape):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"grant": "code", "phone": "+8610000000123", "code": "314159"}]}
    )

    grant: Literal["code"]
    phone: Phone
    code: Annotated[str, Field(pattern=CODE_PATTERN, examples=["314159"])]


class RefreshGrant(Shape):
    model_config = ConfigDict(json_schema_extra={"examples": [{"grant": "refresh", "refresh_token": "chr_c2duXzAx…"}]})

    grant: Literal["refresh"]
    refresh_token: Annotated[str, Field(min_length=1, max_length=TOKEN_LENGTH_MAX)]


class PersonShape(Shape):
    id: str
    phone: str
    roles: list[Role]


class Tokens(Shape):
    """What signs a person's requests. The refresh token works once; the answer to its use holds the next."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "cha_c2duXzAx…",
                    "refresh_token": "chr_c2duXzAx…",
                    "token_type": "bearer",
                    "expires_in_s": 1800,
                    "person": {
                        "id": "per_01jd3zq9k2e8gv5w7x4c6b8n1m",
                        "phone": "+8610000000123",
                        "roles": ["buyer", "producer"],
                    },
                }
            ]
        }
    )

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"]
    expires_in_s: int
    person: PersonShape


class MembershipShape(Shape):
    """A producer that a person belongs to, and what the person may do in its name."""

    id: str
    name: LocalText
    role: MemberRole
    grants: list[Grant]


class Me(Shape):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "per_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    "phone": "+8610000000123",
                    "roles": ["buyer", "producer"],
                    "language": "zh-Hans",
                    "producers": [
                        {
                            "id": "prd_01jd3zq9k2e8gv5w7x4c6b8n1m",
                            "name": {"zh-Hans": "和田枣园", "en": "Hotan date garden"},
                            "role": "owner",
                            "grants": ["list", "price", "see", "ship"],
                        }
                    ],
                }
            ]
        }
    )

    id: str
    phone: str
    roles: list[Role]
    language: str
    producers: list[MembershipShape]


_PRODUCER_EXAMPLE: Final[JsonDict] = {
    "name": {"zh-Hans": "和田枣园", "en": "Hotan date garden"},
    "kind": "household",
    "county": "653201",
    "village": {"zh-Hans": "巴格其镇", "en": "Bagqi"},
    "hub": "HOTAN",
}


ROOF_EXAMPLE: Final[JsonDict] = {
    "id": "prd_01jd3zq9k2e8gv5w7x4c6b8n2n",
    "name": {"zh-Hans": "巴格其红枣合作社", "en": "Bagqi jujube co-operative"},
}


class NewProducer(Shape):
    model_config = ConfigDict(json_schema_extra={"examples": [_PRODUCER_EXAMPLE]})

    id: ProducerId | None = None
    name: Name
    kind: ProducerKind
    county: County
    village: Village | None = None
    hub: HubCode


class ProducerChange(Shape):
    """What is left out, or null, stays as it is; but `village: null` takes the village away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": {"zh-Hans": "和田老枣园"}}]})

    name: Name | None = None
    kind: ProducerKind | None = None
    county: County | None = None
    village: Village | None = None
    hub: HubCode | None = None


class RoofShape(Shape):
    """The co-operative under whose roof goods are sold."""

    model_config = ConfigDict(json_schema_extra={"examples": [ROOF_EXAMPLE]})

    id: str
    name: LocalText


class ProducerShape(Shape):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "prd_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    **_PRODUCER_EXAMPLE,
                    "created_at": "2026-03-01T08:00:00Z",
                    "cooperative": ROOF_EXAMPLE,
                }
            ]
        }
    )

    id: str
    name: LocalText
    kind: ProducerKind
    county: str
    village: LocalText | None
    hub: str
    created_at: Time
    cooperative: Annotated[RoofShape | None, Field(description="The co-operative that it is a member of")] = None


class NewPartner(Shape):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": {"zh-Hans": "塔里木冷链", "en": "Tarim Cold Chain"}, "carrier": "TARIM-COLD"}]
        }
    )

    id: PartnerId | None = None
    name: Name
    carrier: Carrier


class PartnerShape(Shape):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "ptn_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    "name": {"zh-Hans": "塔里木冷链", "en": "Tarim Cold Chain"},
                    "carrier": "TARIM-COLD",
                    "created_at": "2026-03-01T08:00:00Z",
                }
            ]
        }
    )

    id: str
    name: LocalText
    carrier: str
    created_at: Time


class NewApiKey(Shape):
    """Keys in test mode are refused by a service that runs in production."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scopes": ["tracking:write", "bookings:read"], "mode": "live"}]}
    )

    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    mode: KeyMode = KeyMode.LIVE


class ApiKeyShape(Shape):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "key_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    "prefix": "chk_live_Zk3vQ",
                    "mode": "live",
                    "scopes": ["tracking:write"],
                    "created_at": "2026-03-01T08:00:00Z",
                    "revoked_at": None,
                }
            ]
        }
    )

    id: str
    prefix: Annotated[str, Field(description="The beginning of the secret, to recognise it by")]
    mode: KeyMode
    scopes: list[Scope]
    created_at: Time
    revoked_at: Time | None


class ApiKeyCreated(ApiKeyShape):
    """The only answer that ever holds the secret."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "key_01jd3zq9k2e8gv5w7x4c6b8n1m",
                    "prefix": "chk_live_Zk3vQ",
                    "mode": "live",
                    "scopes": ["tracking:write"],
                    "created_at": "2026-03-01T08:00:00Z",
                    "revoked_at": None,
                    "secret": "chk_live_Zk3vQ…",
                }
            ]
        }
    )

    secret: str
