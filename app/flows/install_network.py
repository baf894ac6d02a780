"""The story of a new service: the real network of places and links, and the counties of the west, become hubs and services."""

from datetime import datetime

from app.core.database import Session
from app.network.national import demo_network
from app.network.service import install_seed


async def install_network(session: Session, now: datetime) -> str:
    """Put hubs and services in place where they are missing; answers what is there now, for people to read."""
    hubs, lines = demo_network()
    await install_seed(session, hubs, lines, now)
    return f"{len(hubs)} hubs, {len(lines)} services"
