"""The engine: what a failed statement says of itself."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

PHONE = "+8610000000123"


async def test_failed_statement_does_not_show_its_values(database):
    with pytest.raises(DBAPIError) as caught:
        async with database.begin() as session:
            await session.execute(text("SELECT CAST(:phone AS varchar), 1 / 0"), {"phone": PHONE})
    assert PHONE not in str(caught.value)
    assert "hidden due to hide_parameters" in str(caught.value)
