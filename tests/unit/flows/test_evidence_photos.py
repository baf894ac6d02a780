"""Which pictures go to the bank: one for each thing to be proved, of a type and a size that the provider takes."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.photos import Announced
from app.catalogue.schemas import MediaShape
from app.catalogue.values import MediaState
from app.core.limits import EVIDENCE_FILES_BYTES_MAX
from app.flows.answer_dispute import chosen

TYPES = ("image/jpeg", "image/png", "image/webp")


def photo(content_type: str, size: int) -> Announced:
    at = datetime(2026, 3, 3, tzinfo=UTC)
    shape = MediaShape.model_construct(
        id="med_1", content_type=content_type, bytes=size, sha256="0" * 64, state=MediaState.READY, created_at=at
    )
    return Announced(shape, "media/1")


SIZES = st.integers(1, EVIDENCE_FILES_BYTES_MAX * 2)
OFFERED = st.lists(st.builds(photo, st.sampled_from(TYPES), SIZES), max_size=4)


@given(weighing=OFFERED, complaint=OFFERED)
def test_together_they_fit_and_the_first_that_fits_is_taken(weighing, complaint):
    picked = chosen({"weighing": weighing, "complaint": complaint})
    assert sum(each.media.bytes for each in picked.values()) <= EVIDENCE_FILES_BYTES_MAX
    assert all(each.media.content_type != "image/webp" for each in picked.values())
    fit = [e for e in weighing if e.media.content_type != "image/webp" and e.media.bytes <= EVIDENCE_FILES_BYTES_MAX]
    assert picked.get("weighing") is (fit[0] if fit else None)
