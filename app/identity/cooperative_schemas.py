"""Requests and answers about members of co-operatives, what they grant and share, and about people who act for a producer."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from app.core.ids import pattern
from app.core.schema import Shape, Time
from app.core.text import LocalText
from app.identity.schemas import ROOF_EXAMPLE, ProducerId, RoofShape
from app.identity.values import (
    SHARE_BPS_MAX,
    AgreementState,
    Grant,
    MemberRole,
    MembershipState,
    ProducerKind,
    Side,
)

_MEMBERSHIP: Final = "mbr_01jd3zq9k2e8gv5w7x4c6b8n1m"
_AGREEMENT: Final = "agr_01jd3zq9k2e8gv5w7x4c6b8n1m"
_PERSON: Final = "per_01jd3zq9k2e8gv5w7x4c6b8n1m"
_GARDEN: Final = {"id": "prd_01jd3zq9k2e8gv5w7x4c6b8n1m", "name": {"zh-Hans": "和田枣园", "en": "Hotan date garden"}}
_AGREED: Final = {
    "id": _AGREEMENT,
    "version": 1,
    "share_bps": 500,
    "valid_from": "2026-03-02T08:00:00Z",
    "state": "agreed",
    "state_text": "Agreed",
    "proposed_by": "cooperative",
    "proposed_at": "2026-03-01T08:00:00Z",
    "answered_at": "2026-03-02T08:00:00Z",
}


def _once(grants: list[Grant]) -> list[Grant]:
    """Each grant once, in one order, so that equal grants look alike."""
    return sorted(set(grants))


def _examples(*examples: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


MembershipId = Annotated[str, Field(pattern=pattern("mbr"), examples=[_MEMBERSHIP])]
AgreementId = Annotated[str, Field(pattern=pattern("agr"), examples=[_AGREEMENT])]
PersonId = Annotated[str, Field(pattern=pattern("per"), examples=[_PERSON])]
Grants = Annotated[
    list[Grant],
    AfterValidator(_once),
    Field(
        max_length=len(Grant),
        description="`list`: make and change listings. `price`: set prices, answer claims. `ship`: stock, harvests, "
        "what is to be handed in. `see`: orders, claims and accounts",
    ),
]
ShareBps = Annotated[
    int,
    Field(
        ge=0,
        le=SHARE_BPS_MAX,
        description="Ten-thousandths of what a member gets for its goods after our fee; 500 is 5%",
    ),
]


class NewMember(Shape):
    """An invitation: what the co-operative asks to be granted, and the share that it proposes."""

    model_config: ClassVar[ConfigDict] = _examples(
        {"producer": _GARDEN["id"], "grants": ["list", "price", "ship", "see"], "share_bps": 500}
    )

    id: MembershipId | None = None
    producer: ProducerId
    grants: Grants = []
    share_bps: ShareBps
    valid_from: Annotated[Time | None, Field(description="From then on the share is due; else from the acceptance")] = (
        None
    )


class MembershipChange(Shape):
    """What the member grants to the co-operative from now on."""

    model_config: ClassVar[ConfigDict] = _examples({"grants": ["ship", "see"]})

    grants: Grants


class NewAgreement(Shape):
    """Another share, which holds once the other side has agreed; no order that was placed before changes."""

    model_config: ClassVar[ConfigDict] = _examples({"share_bps": 400, "valid_from": "2026-06-01T00:00:00Z"})

    id: AgreementId | None = None
    share_bps: ShareBps
    valid_from: Annotated[Time | None, Field(description="Else from the answer on")] = None


class AgreementAnswer(Shape):
    """`agree` is the other side's; `decline` may also take one's own proposal back."""

    model_config: ClassVar[ConfigDict] = _examples({"answer": "agree"})

    answer: Literal["agree", "decline"]


class AgreementShape(Shape):
    model_config: ClassVar[ConfigDict] = _examples(_AGREED)

    id: AgreementId
    version: int
    share_bps: int
    valid_from: Time
    state: AgreementState
    state_text: str
    proposed_by: Side
    proposed_at: Time
    answered_at: Time | None


class CooperativeMembershipShape(Shape):
    """A producer's membership in a co-operative, as both sides see it, with every agreement that there was."""

    model_config: ClassVar[ConfigDict] = _examples(
        {
            "id": _MEMBERSHIP,
            "cooperative": ROOF_EXAMPLE,
            "producer": _GARDEN,
            "state": "active",
            "state_text": "Member",
            "grants": ["list", "price", "see", "ship"],
            "share_bps": 500,
            "agreements": [_AGREED],
            "invited_at": "2026-03-01T08:00:00Z",
            "joined_at": "2026-03-02T08:00:00Z",
            "left_at": None,
            "updated_at": "2026-03-02T08:00:00Z",
        }
    )

    id: MembershipId
    cooperative: RoofShape
    producer: RoofShape
    state: MembershipState
    state_text: str
    grants: list[Grant]
    share_bps: Annotated[
        int | None, Field(description="What holds now; null when nothing is agreed on yet, or no more")
    ]
    agreements: list[AgreementShape]
    invited_at: Time
    joined_at: Time | None
    left_at: Time | None
    updated_at: Time


class MemberShape(Shape):
    """A member of a co-operative, as everybody may see it."""

    model_config: ClassVar[ConfigDict] = _examples(
        {
            **_GARDEN,
            "kind": "household",
            "county": "653201",
            "village": {"zh-Hans": "巴格其镇", "en": "Bagqi"},
            "hub": "HOTAN",
            "joined_at": "2026-03-02T08:00:00Z",
        }
    )

    id: ProducerId
    name: LocalText
    kind: ProducerKind
    county: str
    village: LocalText | None
    hub: str
    joined_at: Time


class NewColleague(Shape):
    """Somebody who shall act for a producer, by the id that `GET /v1/me` tells them. Owners may do everything."""

    model_config: ClassVar[ConfigDict] = _examples({"person": _PERSON, "role": "member", "grants": ["ship", "see"]})

    person: PersonId
    role: MemberRole = MemberRole.MEMBER
    grants: Grants = list(Grant)


class ColleagueChange(Shape):
    """What is left out, or null, stays as it is."""

    model_config: ClassVar[ConfigDict] = _examples({"grants": ["list", "see"]})

    role: MemberRole | None = None
    grants: Grants | None = None


class ColleagueShape(Shape):
    model_config: ClassVar[ConfigDict] = _examples({"person": _PERSON, "role": "member", "grants": ["see", "ship"]})

    person: PersonId
    role: MemberRole
    grants: list[Grant]
