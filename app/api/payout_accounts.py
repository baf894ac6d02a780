"""Where a producer gets an account at the card provider."""

from typing import Annotated

from fastapi import Path

from app.api.deps import Language, PortsDep, SignedIn
from app.api.documents import refuses
from app.api.router import story_router
from app.core.errors import Forbidden, Invalid, NotFound, UpstreamFailed
from app.flows.open_payout_account import open_payout_account
from app.identity.errors import NotSignedIn
from app.identity.schemas import ProducerId
from app.payouts.errors import PayoutAccountsUnavailable
from app.payouts.schemas import NewPayoutAccount, PayoutAccountShape

router = story_router("payouts")


@router.post(
    "/producers/{producer_id}/payout-account",
    summary="Open an account at the card provider",
    responses=refuses(NotSignedIn, Forbidden, Invalid, NotFound, PayoutAccountsUnavailable, UpstreamFailed),
)
async def create_payout_account(
    producer_id: Annotated[ProducerId, Path()],
    command: NewPayoutAccount,
    caller: SignedIn,
    ports: PortsDep,
    language: Language,
) -> PayoutAccountShape:
    """For the producer's owner and operators. Open the answered page soon: there the holder says who it is and where its bank is.

    Once the provider accepts it, what sales bring moves there order by order; ask again for a fresh page to the same account.
    """
    return await open_payout_account(ports, caller, producer_id, command, language)
