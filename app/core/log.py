"""Structured logs: one JSON object a line, with the request id; phones and secrets never go in."""

import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


# PostgreSQL itself repeats values in what it says of a refused row.
_PHONE: Final = re.compile(r"\+[1-9][0-9]{7,14}\b")


def _without_phones(line: str) -> str:
    return _PHONE.sub("+…", line)


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _without_phones(super().format(record))


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _without_phones(orjson.dumps(line, default=str).decode())


def configure(log_format: str) -> None:
    """Send every logger to standard error: `json` tells of each request, `text` (for people) of what went wrong only."""
    level = logging.INFO if log_format == "json" else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter() if log_format == "json" else TextFormatter("%(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("httpx", "botocore", "procrastinate", "uvicorn.access", "stripe", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
