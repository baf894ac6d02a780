"""Reading CSV text and feed archives within their bounds. Every fault is named; nothing is guessed."""

import csv
import io
import zipfile
import zlib
from collections.abc import Collection
from typing import Final

from app.network.bulk.values import (
    ARCHIVE_FILES_MAX,
    CELL_LENGTH_MAX,
    NEEDED,
    ROWS_MAX,
    UNPACKED_BYTES_MAX,
    Faults,
    Row,
)

_BROKEN: Final = (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError, OSError, ValueError)
_ENCRYPTED: Final = 1


def read_table(text: str, file: str | None, needed: Collection[str], rows_max: int, faults: Faults) -> list[Row]:
    """The rows of a CSV text with a header, blank ones left out. Cells are stripped; row numbers are lines of the file."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[Row] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        if not _is_header(header, needed, file, faults):
            return rows
        begins = reader.line_num + 1
        for cells in reader:
            number, begins = begins, reader.line_num + 1
            if len(rows) >= rows_max:
                faults.add(f"At most {rows_max} rows", f"最多 {rows_max} 行", file=file, row=number)
                break
            row = _row(header, cells, number, file, faults)
            if row is not None:
                rows.append(row)
    except csv.Error as broken:
        faults.add(f"Not CSV: {broken}", f"不是有效的 CSV：{broken}", file=file, row=reader.line_num)
    return rows


def _is_header(header: list[str], needed: Collection[str], file: str | None, faults: Faults) -> bool:
    for name in sorted(set(needed) - set(header)):
        faults.add("This column is needed", "缺少此列", file=file, row=1, column=name)
    for name in sorted({name for name in header if header.count(name) > 1}):
        faults.add("This column is there twice", "此列重复", file=file, row=1, column=name)
    return len(set(header)) == len(header) and set(needed) <= set(header)


def _row(header: list[str], cells: list[str], number: int, file: str | None, faults: Faults) -> Row | None:
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) > len(header):
        faults.add("More cells than columns", "单元格多于列数", file=file, row=number)
        return None
    long = next((name for name, cell in zip(header, cells, strict=False) if len(cell) > CELL_LENGTH_MAX), None)
    if long is not None:
        faults.add(
            f"At most {CELL_LENGTH_MAX} characters",
            f"最多 {CELL_LENGTH_MAX} 个字符",
            file=file,
            row=number,
            column=long,
        )
        return None
    return Row(number, {name: cell.strip() for name, cell in zip(header, cells, strict=False)})


def unpack_feed(content: bytes, faults: Faults) -> dict[str, str]:
    """The texts of a feed's files that matter, from a ZIP archive. No more is unpacked than the bound, whatever the archive says of itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _texts(archive, faults)
    except _BROKEN:
        faults.add("Not a ZIP archive that can be read", "不是可读取的 ZIP 压缩包")
        return {}


def _texts(archive: zipfile.ZipFile, faults: Faults) -> dict[str, str]:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(members) > ARCHIVE_FILES_MAX:
        faults.add(f"At most {ARCHIVE_FILES_MAX} files", f"最多 {ARCHIVE_FILES_MAX} 个文件")
        return {}
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.add("This file is there twice", "文件重复", file=name)
    for name in [name for name in NEEDED if name not in names]:
        faults.add("This file is needed, at the top of the archive", "压缩包根目录缺少此文件", file=name)
    if "calendar.txt" not in names and "calendar_dates.txt" not in names:
        faults.add(
            "It or calendar_dates.txt is needed", "此文件与 calendar_dates.txt 至少需要一个", file="calendar.txt"
        )
    if faults:
        return {}
    texts: dict[str, str] = {}
    left = UNPACKED_BYTES_MAX
    for member in [member for member in members if member.filename in ROWS_MAX]:
        unpacked = _unpacked(archive, member, left, faults)
        if unpacked is None:
            return {}
        left -= len(unpacked)
        texts[member.filename] = _decoded(unpacked, member.filename, faults)
    return texts


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int, faults: Faults) -> bytes | None:
    plain = member.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    if not plain or member.flag_bits & _ENCRYPTED:
        faults.add("Encrypted, or packed in an unusual way", "文件已加密或压缩方式不受支持", file=member.filename)
        return None
    with archive.open(member) as file:
        unpacked = file.read(left + 1)
    if len(unpacked) > left:
        bound = UNPACKED_BYTES_MAX // 10**6
        faults.add(f"More than {bound} MB unpacked", f"解压后超过 {bound} MB", file=member.filename)
        return None
    return unpacked


def _decoded(unpacked: bytes, file: str, faults: Faults) -> str:
    try:
        return unpacked.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        row = unpacked.count(b"\n", 0, broken.start) + 1
        faults.add("Not UTF-8 text", "不是 UTF-8 文本", file=file, row=row)
        return ""
