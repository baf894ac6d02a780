"""Claims and policies as people see them."""

from app.claims.models import BuyerClaim
from app.claims.schemas import (
    CancellationShape,
    ClaimPolicyShape,
    ClaimShape,
    DisputePolicyShape,
    DoorRemark,
    Inspection,
    PoliciesShape,
    WeighingShape,
)
from app.claims.service import get_claim, list_claims
from app.claims.values import DISPLAY, ClaimStatus
from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.values import Caller
from app.orders.policies import CarriageBack, Policies
from app.orders.service import lines_by_id
from app.shipments.cold_schemas import PUBLIC_POINTS_MAX, cold_chain_shape
from app.shipments.exception_values import exception_terms
from app.shipments.queries import list_events, list_locked


async def show_claim(ports: Ports, caller: Caller, claim_id: str, language: str) -> ClaimShape:
    """One claim, for its buyer, its producer's members and operators; `NotFound` for anybody else.

    With what instruments told of its goods on the way: evidence that follows from events which nobody can change.
    """
    async with ports.database.read() as connection:
        claim = await get_claim(connection, caller, claim_id)
        line = (await lines_by_id(connection, [(claim.order_id, claim.line_id)])).get(claim.line_id)
        if line is None or not line.consignment_id:
            return claim_shape(claim, language)
        journeys = await list_locked(connection, [line.consignment_id])
        events = (await list_events(connection, [line.consignment_id])).get(line.consignment_id, [])
    cold = [cold_chain_shape(journey, events, exception_terms(), language, PUBLIC_POINTS_MAX) for journey in journeys]
    return claim_shape(claim, language).model_copy(update={"cold_chain": next(iter(cold), None)})


async def show_claims(
    ports: Ports, caller: Caller, status: ClaimStatus | None, cursor: str | None, limit: int, language: str
) -> Page[ClaimShape]:
    """The claims that the caller opened or has to answer (operators: all), the newest first."""
    async with ports.database.read() as connection:
        claims = await list_claims(connection, caller, status, cursor, limit)
    items = [claim_shape(claim, language) for claim in claims[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(claims) > limit else None)


def claim_shape(claim: BuyerClaim, language: str) -> ClaimShape:
    """Everything about one claim. Pure."""

    def money(amount: int | None) -> Money | None:
        return None if amount is None else Money(amount, claim.currency)

    return ClaimShape(
        id=claim.id,
        order=claim.order_id,
        line=claim.line_id,
        producer=claim.producer_id,
        policy=claim.policy,
        kind=claim.kind,
        carriage_back=CarriageBack(claim.carriage_back),
        status=claim.status,
        status_text=pick(DISPLAY[claim.status], language),
        asked=Money(claim.asked_minor, claim.currency),
        offered=money(claim.offered_minor),
        granted=money(claim.granted_minor),
        agreed=money(claim.agreed_minor),
        carriage=money(claim.carriage_minor or None),
        unpaid=money(claim.unpaid_minor or None),
        words=claim.words,
        photos=claim.photos,
        inspection=Inspection.model_validate(claim.inspection) if claim.inspection else None,
        door=DoorRemark.model_validate(claim.door) if claim.door else None,
        answer=claim.answer,
        reasons=claim.reasons,
        due_at=claim.due_at,
        created_at=claim.created_at,
        updated_at=claim.updated_at,
        refunded_at=claim.refunded_at,
    )


def policies_shape(policies: Policies) -> PoliciesShape:
    """The table as it is read, in both languages. Pure."""
    return PoliciesShape(
        version=policies.version,
        claims=[ClaimPolicyShape.model_validate(row.model_dump()) for row in policies.claim],
        cancellations=[
            CancellationShape.model_validate(row.model_dump() | {"by": sorted(row.by), "states": sorted(row.states)})
            for row in policies.cancellation
        ],
        harvest_short=policies.harvest_short,
        refused=policies.refused,
        weighings=[WeighingShape.model_validate(row.model_dump()) for row in policies.weighing],
        disputes=[DisputePolicyShape.model_validate(row.model_dump()) for row in policies.dispute],
    )
