"""Files: what a shop uploads as evidence. The type is read from the bytes, as Stripe does, not from the name."""

from email import message_from_bytes
from email.message import Message

from tests.fakes.stripe.errors import Json, invalid
from tests.fakes.stripe.forms import Pairs
from tests.fakes.stripe.state import Call, State

BYTES_MAX = 5_000_000
MAGIC = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"%PDF": "pdf"}


def pairs_of_parts(content_type: str, body: bytes) -> Pairs:
    """The parts of a multipart body as pairs; bytes are kept as text, one character for each."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    whole: Message = message_from_bytes(head + body)
    parts = whole.get_payload()
    if not whole.is_multipart() or not isinstance(parts, list):
        raise invalid("Invalid request (the multipart body cannot be read).")
    pairs: Pairs = []
    for part in parts:
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        pairs.append((str(name), content.decode("latin-1")))
    return pairs


def create(state: State, call: Call) -> Json:
    call.require_known("purpose", "file")
    content = call.params["file"].encode("latin-1")
    kind = next((name for magic, name in MAGIC.items() if content.startswith(magic)), None)
    if call.params["purpose"] != "dispute_evidence":
        raise invalid("the stand-in keeps evidence alone", param="purpose")
    if kind is None or len(content) > BYTES_MAX:
        raise invalid("Your file must be a JPEG, a PNG or a PDF of at most 5 MB.", param="file")
    return state.new("file", "file", purpose=call.params["purpose"], size=len(content), type=kind)


def retrieve(state: State, call: Call) -> Json:
    call.require_known()
    return state.get("file", call.path["file"], "file")
