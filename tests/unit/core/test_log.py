"""Logs: one line each, for machines or people, and nobody's phone in it."""

import logging

import orjson
import pytest

from app.core.log import JsonFormatter, TextFormatter

PHONE = "+8610000000123"


def record_of(message, *, error=None, **extra):
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("chama.tests", logging.ERROR, __file__, 1, message, (), info)
    vars(record).update(extra)
    return record


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter("%(levelname)s %(name)s: %(message)s")])
def test_phone_is_masked_wherever_it_stands(formatter):
    error = ValueError(f"DETAIL:  Key (phone)=({PHONE}) already exists.")
    line = formatter.format(record_of(f"to {PHONE}", error=error, to=PHONE))
    assert PHONE not in line
    assert "Key (phone)=(+…) already exists" in line


def test_json_line_stays_json():
    line = orjson.loads(JsonFormatter().format(record_of("1e+10 of +8610000000123", took_ms=1.5)))
    assert (line["message"], line["took_ms"], line["level"]) == ("1e+10 of +…", 1.5, "error")
