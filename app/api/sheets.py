"""Tables as CSV that spreadsheets and banks take: with a mark of UTF-8, and no cell that would be run as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

JSON: Final = "application/json"
CSV: Final = "text/csv"


def sheet(head: str, rows: Iterable[Sequence[str]]) -> bytes:
    """The document: `head` names its columns, separated by commas."""
    page = io.StringIO()
    write = csv.writer(page)
    write.writerow(head.split(","))
    write.writerows([[safe(cell) if not _is_number(cell) else cell for cell in row] for row in rows])
    return b"\xef\xbb\xbf" + page.getvalue().encode()


def safe(text: str) -> str:
    """Text that a spreadsheet shows as it is: what it would run as a formula begins with an apostrophe."""
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdecimal()
