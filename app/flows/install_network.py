"""The story of a new service: the real network of places and links becomes hubs and services."""

from datetime import datetime

from app.core.database import Session
from app.network.rules import load_defaults
from app.network.seed import read_hubs, read_links, services_from_links
from app.network.service import install_seed


async def install_network(session: Session, now: datetime) -> str:
    """Put hubs and services in place where they are missing; answers what is there now, for people to read."""
    hubs = read_hubs()
    lines = services_from_links(read_links(), {hub.code: hub for hub in hubs}, load_defaults())
    await install_seed(session, hubs, lines, now)
    return f"{len(hubs)} hubs, {len(lines)} services"
