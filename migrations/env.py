"""Alembic's way in: one connection, with waits bounded so that a migration never blocks running code for long."""

import os
from importlib import import_module
from pathlib import Path

from alembic import context
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import make_url

from app.core.database import SEARCH_PATH, metadata

APP = Path(__file__).parents[1] / "app"
for models in sorted([*APP.glob("*/*models.py"), APP / "core/idempotency.py", APP / "core/throttle.py"]):
    import_module(".".join(models.relative_to(APP.parent).with_suffix("").parts))


def _ours(name: str | None, _kind: str, _parents: object) -> bool:
    """The queue's tables are visible on the search path, but the queue's own scripts look after them; months of events come by themselves."""
    return not (name or "").startswith(("procrastinate_", "tracking_event_"))


def run() -> None:
    url = context.config.attributes.get("url") or os.environ.get("CHAMA_DATABASE_URL")
    if not url:
        message = "Set CHAMA_DATABASE_URL, or use `python -m app.cli migrate`, which also knows the embedded database."
        raise SystemExit(message)
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET search_path = {SEARCH_PATH}"))
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '10min'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            include_name=_ours,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
