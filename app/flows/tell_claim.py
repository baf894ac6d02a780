"""The news of a claim: both sides hear of every step, each in their language."""

from datetime import datetime
from typing import Final

from app.claims.models import BuyerClaim
from app.claims.values import ClaimStatus
from app.core.database import Session
from app.core.money import Money, priced
from app.flows.tell_people import local_time
from app.identity.service import parties_of
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.models import Order

_TOLD: Final = {
    ClaimStatus.OPEN: Template.CLAIM_OPENED,
    ClaimStatus.OFFERED: Template.CLAIM_OFFERED,
    ClaimStatus.DISPUTED: Template.CLAIM_DISPUTED,
    ClaimStatus.SETTLED: Template.CLAIM_SETTLED,
    ClaimStatus.REFUSED: Template.CLAIM_REFUSED,
    ClaimStatus.WITHDRAWN: Template.CLAIM_WITHDRAWN,
    ClaimStatus.RETURNING: Template.CLAIM_RETURNING,
    ClaimStatus.LAPSED: Template.CLAIM_LAPSED,
}


async def tell_claim(session: Session, order: Order, claim: BuyerClaim, now: datetime) -> None:
    """Both sides hear of every step, each in their language."""
    parties = await parties_of(session, claim.buyer_id, {claim.producer_id}, now)
    amount = claim.granted_minor or claim.agreed_minor or claim.offered_minor or claim.asked_minor
    told = {
        "number": order.number,
        "amount": priced(Money(amount, claim.currency)),
        "due": local_time(claim.due_at) if claim.due_at else "",
    }
    people = [parties.buyer, *parties.members.get(claim.producer_id, ())]
    notices = [Notice(one.phone, _TOLD[claim.status], one.language, told) for one in people]
    await queue_messages(session, notices, now)
