"""A sheet of services becomes commands; every fault has its row and column."""

import pytest

from app.core.errors import Gap
from app.network.bulk.sheet import COLUMNS, fault_at, read_sheet

SHEET = """\
service,hub,arrive_offset_s,depart_offset_s,distance_m,name_en,name_zh-Hans,mode,weekdays,departs_s,valid_from,temperatures,base_minor,weight_g,volume_mm3
L1,HOTAN,0,0,0,One,一号,road,0 2,43200 50400,2026-12-01,chilled frozen,400,15000000,52000000000
L1,KUQA,50760,52560,636000,,,,,,,,,,
L1,URUMQI,96000,96000,1380000,,,,,,,,,,
L2,HOTAN,0,0,0,Two,,bus,0,0,,ambient,,300000,1500000000
L2,KASHGAR,3600,3600,1000,,,,,,,,,,
"""


def faulty(old, new):
    faults = read_sheet(SHEET.replace(old, new, 1)).faults
    assert all(fault.detail["en"] and fault.detail["zh-Hans"] for fault in faults.kept)
    return [(fault.row, fault.column) for fault in faults.kept]


def test_right_sheet_is_read():
    sheet = read_sheet(SHEET)
    one, two = sheet.entries
    assert not sheet.faults
    assert (one.command.id, one.command.name) == ("L1", {"en": "One", "zh-Hans": "一号"})
    assert (one.command.weekdays, one.command.departs_s) == ([0, 2], [43_200, 50_400])
    assert str(one.command.valid_from) == "2026-12-01"
    assert [stop.hub for stop in one.command.stops] == ["HOTAN", "KUQA", "URUMQI"]
    assert (one.command.tariff.base_minor, two.command.tariff.base_minor) == (400, 0)
    assert [row.number for row in two.rows] == [5, 6]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (",road,", ",rode,", [(2, "mode")]),
        (",road,", ",,", [(2, "mode")]),
        ("0 2,", "0 7,", [(2, "weekdays")]),
        ("43200 50400", "43200;50400", [(2, "departs_s")]),
        ("2026-12-01", "1 December", [(2, "valid_from")]),
        ("chilled frozen", "cold", [(2, "temperatures")]),
        (",400,", ",-4,", [(2, "base_minor")]),
        ("15000000,", ",", [(2, "weight_g")]),
        ("One,一号", ",", [(2, "name_zh-Hans")]),
        ("L1,KUQA,50760", "L1,KUQA,", [(3, "arrive_offset_s")]),
        ("KUQA,50760,52560,636000,", "KUQA,50760,52560,636000,Other", [(3, "name_en")]),
        ("L1,KUQA", "L1,", [(3, "hub")]),
        ("L1,KUQA", "L3,KUQA", [(3, "mode"), (4, "service")]),
        ("L1,KUQA", ",KUQA", [(3, "service"), (4, "service")]),
        ("service,hub", "line,hub", [(1, "service")]),
        ("name_en", "title", [(1, "title")]),
    ],
)
def test_fault_has_its_row_and_column(old, new, expected):
    found = faulty(old, new)
    assert [place for place in expected if place not in found] == []


def test_empty_sheet_is_a_fault():
    faults = read_sheet(",".join(COLUMNS) + "\n").faults
    assert [(fault.row, fault.column) for fault in faults.kept] == [(1, None)]


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("/stops/1/distance_m", (3, "distance_m")),
        ("/stops/2", (4, None)),
        ("/valid_until", (2, "valid_until")),
        ("/capacity/live_places", (2, "live_places")),
        ("/tariff/base_minor", (2, "base_minor")),
        ("/weekdays/0", (2, "weekdays")),
        ("/id", (2, "service")),
        ("/stops", (2, None)),
    ],
)
def test_pointer_of_a_command_is_a_place_of_the_sheet(pointer, place):
    one = read_sheet(SHEET).entries[0]
    fault = fault_at(Gap(pointer, {"en": "wrong"}), one.rows)
    assert (fault.row, fault.column) == place
