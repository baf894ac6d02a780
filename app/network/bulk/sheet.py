"""From a sheet of services, one row for each call, to commands, and from a command's faults back to rows and columns. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from app.core.errors import Gap
from app.core.validation import gaps_of
from app.network.bulk.tables import read_table
from app.network.bulk.values import SHEET_ROWS_MAX, Fault, Faults, Row
from app.network.schemas import NewService

ID: Final = "service"
HUB: Final = "hub"
OF_STOPS: Final = (HUB, "arrive_offset_s", "depart_offset_s", "distance_m")
# The other columns: on the first row of a service, by where they stand in the command.
OF_SERVICE: Final[Mapping[str, tuple[str, ...]]] = {
    "name_zh-Hans": ("name", "zh-Hans"),
    "name_en": ("name", "en"),
    "mode": ("mode",),
    "vehicle": ("vehicle",),
    "on_demand": ("on_demand",),
    "weekdays": ("weekdays",),
    "departs_s": ("departs_s",),
    "valid_from": ("valid_from",),
    "valid_until": ("valid_until",),
    "closed_months": ("closed_months",),
    "cutoff_s": ("cutoff_s",),
    "temperatures": ("temperatures",),
    "base_minor": ("tariff", "base_minor"),
    "milliminor_per_kg": ("tariff", "milliminor_per_kg"),
    "milliminor_per_tkm": ("tariff", "milliminor_per_tkm"),
    "minimum_minor": ("tariff", "minimum_minor"),
    "toll_milliminor_per_tkm": ("tariff", "toll_milliminor_per_tkm"),
    "weight_g": ("capacity", "weight_g"),
    "volume_mm3": ("capacity", "volume_mm3"),
    "live_places": ("capacity", "live_places"),
    "chilled_slots": ("capacity", "chilled_slots"),
    "piece_weight_g_max": ("piece_weight_g_max",),
    "piece_length_mm_max": ("piece_length_mm_max",),
    "status": ("status",),
}
COLUMNS: Final = (ID, *OF_STOPS, *OF_SERVICE)
LISTS: Final = frozenset({"weekdays", "departs_s", "closed_months", "temperatures"})
CURRENCY: Final = "CNY"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read: the services, all faults, and the rows of services with faults, whose hubs nobody has looked at yet."""

    entries: Sequence["Entry"]
    faults: Faults
    unread: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Entry:
    """A service of the sheet with the rows of its stops; the first of them holds what is said of the whole."""

    command: NewService
    rows: tuple[Row, ...]


def read_sheet(text: str) -> Sheet:
    """The services of a sheet, and all that is wrong with it by row and column. Each service stands in rows that follow one another."""
    faults = Faults()
    rows = read_table(text, None, (ID, *OF_STOPS), SHEET_ROWS_MAX, faults)
    for name in sorted({name for row in rows[:1] for name in row.cells} - set(COLUMNS)):
        known = " ".join(COLUMNS)
        faults.add(f"No such column; there are {known}", f"没有此列，可用的列：{known}", row=1, column=name)
    if not rows and not faults:
        faults.add("There is no service in it", "其中没有线路", row=1)
    groups: list[list[Row]] = []
    for row in rows:
        if groups and groups[-1][0].get(ID) == row.get(ID):
            groups[-1].append(row)
        else:
            groups.append([row])
    seen: set[str] = set()
    entries, unread = list[Entry](), list[Row]()
    for group in groups:
        key = group[0].get(ID)
        if not key or key in seen:
            faults.add(
                "Needed, and each service once: its rows together",
                "线路编号必填，同一线路的各行须相邻",
                row=group[0].number,
                column=ID,
            )
            unread += group
        elif (entry := _entry(group, faults)) is not None:
            entries.append(entry)
        else:
            unread += group
        seen.add(key)
    return Sheet(entries, faults, unread)


def _entry(rows: Sequence[Row], faults: Faults) -> Entry | None:
    first = rows[0]
    for row in rows[1:]:
        for column in OF_SERVICE:
            if row.get(column) not in {"", first.get(column)}:
                faults.add(
                    "Only on the first row of the service", "仅在该线路的首行填写", row=row.number, column=column
                )
    try:
        return Entry(NewService.model_validate(_asked(rows)), tuple(rows))
    except ValidationError as refused:
        for gap in gaps_of(refused.errors()):
            faults.put(fault_at(gap, rows))
        return None


def _asked(rows: Sequence[Row]) -> dict[str, Any]:
    """The rows in the shape of a request; empty cells are left out."""
    asked: dict[str, Any] = {"id": rows[0].get(ID), "tariff": {"currency": CURRENCY}, "capacity": {}, "name": {}}
    for column, path in OF_SERVICE.items():
        text = rows[0].get(column)
        if text:
            inside = asked if len(path) == 1 else asked[path[0]]
            inside[path[-1]] = text.split() if column in LISTS else text
    asked["stops"] = [{column: row.get(column) for column in OF_STOPS if row.get(column)} for row in rows]
    return asked


SERVICE_STOPS_MIN: Final = 2
_TOO_FEW_STOPS: Final = {
    "en": "A service calls at two hubs at least: one row for each",
    "zh-Hans": "线路至少停靠两个枢纽，每个枢纽一行",
}


def fault_at(gap: Gap, rows: Sequence[Row]) -> Fault:
    """The row and the column of a fault that a command's pointer names."""
    path = gap.pointer.removeprefix("/").split("/")
    if path[0] == "stops" and len(path) > 1 and path[1].isdigit() and int(path[1]) < len(rows):
        column = path[2] if len(path) > 2 and path[2] in OF_STOPS else None
        return Fault(gap.detail, row=rows[int(path[1])].number, column=column)
    if path == ["stops"] and len(rows) < SERVICE_STOPS_MIN:
        return Fault(_TOO_FEW_STOPS, row=rows[0].number, column=ID)
    named = {path: column for column, path in OF_SERVICE.items()} | {("id",): ID, ("name",): "name_zh-Hans"}
    column = named.get(tuple(path[:2])) or named.get(tuple(path[:1]))
    return Fault(gap.detail, row=rows[0].number, column=column)
