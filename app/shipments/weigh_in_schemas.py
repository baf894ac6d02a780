"""Shapes of weigh-ins: what a hub tells, what the buyer says to it, and what is shown."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from app.catalogue.schemas import MediaId
from app.core.ids import pattern
from app.core.limits import WEIGHT_G_MAX
from app.core.money import Money
from app.core.schema import Shape, Time
from app.core.sign import SIGNATURE_PATTERN
from app.core.text import PlainText
from app.shipments.weighing import INSTRUMENT_LENGTH_MAX, WEIGH_IN_ID, SignedBy, WeighInStatus

_TOLD: Final = {
    "id": "wgh_01jd0000000000000000000000",
    "line": "lin_01jd0000000000000000000000",
    "gross_g": 103800,
    "tare_g": 6500,
    "net_g": 97300,
    "weighed_at": "2026-03-01T09:40:00Z",
    "instrument": "HOTAN-SCALE-2",
    "ticket": "20260301-0117",
    "photo": "med_01jd0000000000000000000000",
}
_SIGNATURE: Final = "q" * 86
_PUBLIC_KEY: Final = "k" * 43


def _example(*values: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(values)})


WeighInId = Annotated[str, Field(pattern=WEIGH_IN_ID, examples=[_TOLD["id"]])]
Grams = Annotated[int, Field(ge=0, le=WEIGHT_G_MAX)]
Words = Annotated[PlainText, Field(min_length=1, max_length=INSTRUMENT_LENGTH_MAX, pattern=r"^[^\r\n]+$")]
Percent = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]?)(\.[0-9]{1,2})?$", examples=["2.4"])]


class NewWeighIn(Shape):
    """What the scale showed for one line of a consignment, whole grams. `photo` is one of yours that is uploaded: of scale and goods.

    Cotton comes with its trash and moisture regain: what is paid for is the conditioned weight. `signature` is needed when a public key is
    registered with your API key: Ed25519 over thirteen lines of text, joined by a line feed: `chama-weigh-in-1`, the consignment, then
    `id`, `line`, `gross_g`, `tare_g`, `net_g`, `trash_pct`, `regain_pct`, `weighed_at` (UTC, to the second), `instrument`, `ticket`, `photo`;
    what is left out is an empty line. A refusal shows the text.
    """

    model_config: ClassVar[ConfigDict] = _example(
        _TOLD, _TOLD | {"trash_pct": "2.1", "regain_pct": "7.9", "signature": _SIGNATURE}
    )

    id: WeighInId
    line: Annotated[
        str | None,
        Field(pattern=pattern("lin"), description="May be left out where only one line is settled by weight"),
    ] = None
    gross_g: Grams
    tare_g: Grams
    net_g: Grams
    trash_pct: Percent | None = None
    regain_pct: Percent | None = None
    weighed_at: Time
    instrument: Annotated[Words, Field(description="Which scale or weighbridge")]
    ticket: Annotated[Words, Field(description="The number of the weighing ticket")]
    photo: MediaId
    signature: (
        Annotated[str, Field(pattern=SIGNATURE_PATTERN, description="Ed25519, base64url without padding")] | None
    ) = None


class Word(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"


class WeighInDecision(Shape):
    """The buyer's word, or an operator's, on a weight outside the tolerance."""

    model_config: ClassVar[ConfigDict] = _example({"decision": "accept"})

    decision: Word


class SignatureShape(Shape):
    """Who signed which text: `partner` by the key that was registered for it, `service` by ours when we took it in.

    Ed25519; key and value are base64url without padding.
    """

    model_config: ClassVar[ConfigDict] = _example(
        {"by": "service", "public_key": _PUBLIC_KEY, "value": _SIGNATURE, "payload": "chama-weigh-in-1\n…"}
    )

    by: SignedBy
    public_key: str
    value: str
    payload: str


class WeighInShape(Shape):
    """A weigh-in and how far it has come. `charged_g` is to be paid for, `settled_g` was: null while it waits, or was declined.

    `cost` is what the line costs at `charged_g`; it is not told to carriers. A correction names what it `supersedes`.
    """

    model_config: ClassVar[ConfigDict] = _example(
        _TOLD
        | {
            "order": "ord_01jd0000000000000000000000",
            "consignment": "con_01jd0000000000000000000000",
            "status": "settled",
            "status_text": "Settled",
            "estimated_g": 100000,
            "trash_pct": None,
            "regain_pct": None,
            "charged_g": 97300,
            "settled_g": 97300,
            "cost": {"amount": 58380, "currency": "CNY"},
            "signature": {"by": "service", "public_key": _PUBLIC_KEY, "value": _SIGNATURE, "payload": "…"},
            "supersedes": None,
            "due_at": None,
            "decided_at": None,
            "created_at": "2026-03-01T09:41:00Z",
            "updated_at": "2026-03-01T09:41:00Z",
        }
    )

    id: WeighInId
    order: str
    consignment: str
    line: str
    status: WeighInStatus
    status_text: str
    estimated_g: int
    gross_g: int
    tare_g: int
    net_g: int
    trash_pct: str | None
    regain_pct: str | None
    charged_g: int
    settled_g: int | None
    cost: Money | None
    weighed_at: Time
    instrument: str
    ticket: str
    photo: MediaId
    signature: SignatureShape
    supersedes: str | None
    due_at: Annotated[Time | None, Field(description="Until when the buyer may accept or decline")]
    decided_at: Time | None
    created_at: Time
    updated_at: Time
