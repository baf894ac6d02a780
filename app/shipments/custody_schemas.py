"""Shapes of custody: the code of a hand-over as it was scanned, and the chain of those who had the goods."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.core.schema import Shape, Time
from app.shipments.custody import CODE_LENGTH_MAX
from app.shipments.schemas import Position
from app.shipments.weigh_in_schemas import SignatureShape

_HAND_OVER: Final[dict[str, Any]] = {
    "id": "hov_01jd0000000000000000000000",
    "consignment": "con_01jd0000000000000000000000",
    "packages": ["pkg_01jd0000000000000000000000"],
    "weight_g": 16100,
    "at": "2026-03-01T09:40:00Z",
    "hub": "HOTAN",
    "from": "producer:prd_01jd0000000000000000000000",
    "to": "carrier:KUNLUN",
    "signature": {"by": "partner", "public_key": "k" * 43, "value": "q" * 86, "payload": "chama-hand-over-1|…"},
    "position": None,
    "recorded_at": "2026-03-01T15:20:00Z",
}
_CODE: Final = (
    "chama-hand-over-1|hov_01jd0000000000000000000000|con_01jd0000000000000000000000|pkg_01jd0000000000000000000000|16100|"
    "2026-03-01T09:40:00Z|HOTAN|producer:prd_01jd0000000000000000000000|carrier:KUNLUN|" + "q" * 86
)


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, populate_by_name=True, json_schema_extra={"examples": [value]})


class NewHandOver(Shape):
    """What was scanned. The giver's device made it, without a network if need be: ten fields with a bar (`|`) between them,
    `chama-hand-over-1`, an id of its own (`hov_…`), the consignment, packages (sorted, with commas; none are all of them), grams, the time (UTC, to the
    second), the hub or nothing, from, to (`producer:prd_…`, `carrier:CODE` or `buyer`), and the signature.

    The signature is Ed25519, base64url without padding, over everything before the last bar, by a key of the giver's: of a carrier one that is registered
    with its API key, of a person one of `POST /v1/device-keys`. It may be empty only while the giver has no key.
    """

    model_config: ClassVar[ConfigDict] = _example({"code": _CODE})

    code: Annotated[str, Field(min_length=1, max_length=CODE_LENGTH_MAX)]
    position: Annotated[Position | None, Field(description="Where it was scanned")] = None


class HandOverShape(Shape):
    """Goods changed hands. `signature.by` is `partner` when the giver signed, `service` when we took in what the taker said."""

    model_config: ClassVar[ConfigDict] = _example(_HAND_OVER)

    id: str
    consignment: str
    packages: list[str]
    weight_g: int
    at: Time
    hub: str | None
    from_: Annotated[str, Field(alias="from")]
    to: str
    signature: SignatureShape
    position: Position | None
    recorded_at: Time


class CustodyStep(Shape):
    """One party had the goods. `since` is null where nobody said when it got them: the chain is broken there. `hand_over`: by which it got them."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "holder": "carrier:KUNLUN",
            "holder_text": "carrier",
            "since": "2026-03-01T09:40:00Z",
            "until": None,
            "hand_over": _HAND_OVER["id"],
        }
    )

    holder: str
    holder_text: str
    since: Time | None
    until: Time | None
    hand_over: str | None


class CustodyChain(Shape):
    """Packages with the same story, and who had them in order."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "packages": ["pkg_01jd0000000000000000000000"],
            "unbroken": True,
            "steps": [
                {
                    "holder": "producer:prd_01jd0000000000000000000000",
                    "holder_text": "producer",
                    "since": "2026-03-01T08:00:00Z",
                    "until": "2026-03-01T09:40:00Z",
                    "hand_over": None,
                }
            ],
        }
    )

    packages: list[str]
    unbroken: bool
    steps: list[CustodyStep]


class CustodyShape(Shape):
    """Who had a consignment from when to when, and the hand-overs that say so. It names no person."""

    model_config: ClassVar[ConfigDict] = _example(
        {"consignment": _HAND_OVER["consignment"], "chains": [], "hand_overs": [_HAND_OVER]}
    )

    consignment: str
    chains: list[CustodyChain]
    hand_overs: list[HandOverShape]
