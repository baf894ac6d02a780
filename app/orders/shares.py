"""What of a member's proceeds is its co-operative's, as it was frozen on an order when it was placed. Pure."""

from collections.abc import Mapping
from typing import Any

from app.identity.values import AgreedShare
from app.ledger.values import Share


def frozen_shares(agreed: Mapping[str, AgreedShare]) -> dict[str, Any]:
    """What an order keeps of the agreements of its producers; nothing for those that are no members."""
    kept = {
        producer: {
            "cooperative": share.cooperative,
            "agreement": share.agreement,
            "version": share.version,
            "share_bps": share.share_bps,
        }
        for producer, share in sorted(agreed.items())
    }
    return {"shares": kept} if kept else {}


def shares_of(terms: Mapping[str, Any]) -> dict[str, Share]:
    """The shares that an order goes by, by member. Orders from before there were any have none."""
    return {producer: Share(row["cooperative"], row["share_bps"]) for producer, row in terms.get("shares", {}).items()}
