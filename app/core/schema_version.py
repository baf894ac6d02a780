"""Which migration this code needs: the head of the Alembic scripts beside it."""

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

ROOT = Path(__file__).parents[2]


def alembic_config(url: str) -> Config:
    """Alembic's settings for the database at `url`."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["url"] = url
    return config


@cache
def head_revision() -> str | None:
    return ScriptDirectory(str(ROOT / "migrations")).get_current_head()
