"""A feed is read whole, or refused with the file, row and column of every fault."""

import io
import struct
import zipfile
from datetime import date, timedelta

import pytest

from app.network.bulk import tables, values
from app.network.bulk.feed import read_feed
from app.network.bulk.tables import read_table, unpack_feed
from app.network.bulk.values import Call, Faults
from tests.factories.feed import as_archive, as_texts, calls, village_feed

SINCE, UNTIL = date(2026, 1, 1), date(2027, 12, 31)


def read(tables, **texts):
    return read_feed(as_texts(tables) | texts, SINCE, UNTIL)


def places(faults):
    return [(fault.file, fault.row, fault.column) for fault in faults.kept]


def with_row(file, number, **cells):
    """The village's feed with other cells in one row, numbered as a spreadsheet does."""
    feed = village_feed()
    feed[file][number - 2] |= cells
    return feed


def with_rows(file, *rows):
    feed = village_feed()
    feed.setdefault(file, []).extend(rows)
    return feed


def test_right_feed_is_read():
    feed, faults = read(village_feed())
    assert not faults
    assert feed.utc_offset_h == 8
    assert [trip.id for trip in feed.trips] == ["OUT", "BACK"]
    assert feed.trips[1].calls == (Call("S3", 61_200, 61_200), Call("S2", 85_800, 86_100), Call("S1", 90_600, 90_600))
    assert feed.trips[0].starts_s == (7 * 3_600 + 600,)
    weekdays = {SINCE + timedelta(days=n) for n in range(365)}
    assert feed.days["WORK"] == {day for day in weekdays if day.weekday() < 5 and day >= date(2026, 1, 5)}


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        (with_row("agency.txt", 2, agency_timezone="Europe/Paris"), [("agency.txt", 2, "agency_timezone")]),
        (
            with_rows("agency.txt", {"agency_id": "B", "agency_timezone": "Asia/Urumqi"}),
            [("agency.txt", 3, "agency_timezone")],
        ),
        (with_row("stops.txt", 3, stop_lat="95"), [("stops.txt", 3, "stop_lat")]),
        (with_row("stops.txt", 3, stop_lon="nan"), [("stops.txt", 3, "stop_lon")]),
        (with_row("stops.txt", 3, stop_lon=""), [("stops.txt", 3, "stop_lon")]),
        (with_row("stops.txt", 4, stop_id="S1"), [("stops.txt", 4, "stop_id"), ("stop_times.txt", 4, "stop_id"), ("stop_times.txt", 5, "stop_id")]),
        (with_row("stops.txt", 4, parent_station="NONE"), [("stops.txt", 4, "parent_station")]),
        (with_row("routes.txt", 2, route_type="2"), [("routes.txt", 2, "route_type")]),
        (with_row("routes.txt", 2, route_type="bus"), [("routes.txt", 2, "route_type")]),
        (with_row("trips.txt", 3, route_id="R9"), [("trips.txt", 3, "route_id")]),
        (with_row("trips.txt", 3, service_id="SUN"), [("trips.txt", 3, "service_id")]),
        (with_rows("trips.txt", {"route_id": "R1", "service_id": "WORK", "trip_id": "GHOST"}), [("trips.txt", 4, "trip_id")]),
        (with_row("stop_times.txt", 3, stop_id="S9"), [("stop_times.txt", 3, "stop_id")]),
        (with_row("stop_times.txt", 3, trip_id="T9"), [("stop_times.txt", 3, "trip_id")]),
        (with_row("stop_times.txt", 3, stop_sequence="1"), [("stop_times.txt", 3, "stop_sequence")]),
        (with_row("stop_times.txt", 3, stop_sequence="-1"), [("stop_times.txt", 3, "stop_sequence")]),
        (with_row("stop_times.txt", 3, arrival_time="8am"), [("stop_times.txt", 3, "arrival_time")]),
        (with_row("stop_times.txt", 3, arrival_time="07:00:00"), [("stop_times.txt", 3, "arrival_time")]),
        (with_row("stop_times.txt", 3, departure_time="07:59:00"), [("stop_times.txt", 3, "departure_time")]),
        (with_row("stop_times.txt", 4, arrival_time="", departure_time=""), [("stop_times.txt", 4, "arrival_time")]),
        (with_row("calendar.txt", 2, monday="2"), [("calendar.txt", 2, "monday")]),
        (with_row("calendar.txt", 2, start_date="20260230"), [("calendar.txt", 2, "start_date")]),
        (with_row("calendar.txt", 2, end_date="2026-12-31"), [("calendar.txt", 2, "end_date")]),
        (with_row("calendar.txt", 2, end_date="20250101"), [("calendar.txt", 2, "end_date")]),
        (
            with_rows("calendar_dates.txt", {"service_id": "WORK", "date": "20260309", "exception_type": "3"}),
            [("calendar_dates.txt", 2, "exception_type")],
        ),
        (
            with_rows("calendar_dates.txt", *[{"service_id": "WORK", "date": "20260309", "exception_type": "1"}] * 2),
            [("calendar_dates.txt", 3, "date")],
        ),
        (
            with_rows("frequencies.txt", {"trip_id": "OUT", "start_time": "08:00:00", "end_time": "07:00:00", "headway_secs": "600"}),
            [("frequencies.txt", 2, "end_time")],
        ),
        (
            with_rows("frequencies.txt", {"trip_id": "T9", "start_time": "", "end_time": "9", "headway_secs": "1"}),
            [("frequencies.txt", 2, column) for column in ("trip_id", "end_time", "headway_secs", "start_time")],
        ),
    ],
)  # fmt: skip
def test_fault_is_named_by_file_row_and_column(feed, expected):
    _, faults = read(feed)
    assert places(faults) == expected
    assert all(fault.detail["en"] and fault.detail["zh-Hans"] for fault in faults.kept)


def test_every_fault_is_named_at_once_within_a_bound():
    feed = village_feed()
    feed["stops.txt"] += [{"stop_id": f"X{n}", "stop_lat": "far", "stop_lon": "0"} for n in range(150)]
    feed["routes.txt"][0]["route_type"] = "0"
    _, faults = read(feed)
    assert len(faults.kept) == values.FAULTS_MAX
    assert faults.left_off == 151 - values.FAULTS_MAX


def test_stops_without_times_lie_between_those_with():
    feed = village_feed()
    feed["stop_times.txt"] = [
        *calls("OUT", ("S1", "08:00:00", "08:00:00"), ("S2", "", ""), ("S2", "", ""), ("S3", "08:30:00", "08:40:00")),
        *calls("BACK", ("S3", "09:00:00", ""), ("S1", "", "10:00:00")),
    ]
    read_in, faults = read(feed)
    assert not faults
    assert [(call.arrives_s - 28_800) // 60 for call in read_in.trips[0].calls] == [0, 10, 20, 30]
    assert read_in.trips[1].calls == (Call("S3", 32_400, 32_400), Call("S1", 36_000, 36_000))


def test_days_are_added_and_removed():
    feed = village_feed()
    feed["calendar_dates.txt"] = [
        {"service_id": "WORK", "date": "20260307", "exception_type": "1"},
        {"service_id": "WORK", "date": "20260309", "exception_type": "2"},
        {"service_id": "FAIR", "date": "20260401", "exception_type": "1"},
        {"service_id": "FAIR", "date": "20300401", "exception_type": "1"},
    ]
    read_in, faults = read(feed)
    assert not faults
    assert date(2026, 3, 7) in read_in.days["WORK"]
    assert date(2026, 3, 9) not in read_in.days["WORK"]
    assert read_in.days["FAIR"] == {date(2026, 4, 1)}


def test_trip_may_run_every_so_often():
    feed = village_feed()
    feed["frequencies.txt"] = [
        {"trip_id": "OUT", "start_time": "08:00:00", "end_time": "09:00:00", "headway_secs": "1200"},
        {"trip_id": "OUT", "start_time": "10:00:00", "end_time": "10:00:01", "headway_secs": "1200", "exact_times": "1"},
    ]  # fmt: skip
    read_in, faults = read(feed)
    assert not faults
    assert read_in.trips[0].starts_s == (28_800, 30_000, 31_200, 36_000)
    assert read_in.trips[1].starts_s == (61_200,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "stop_id"), (1, "stop_lat"), (1, "stop_lon")]),
        ("stop_id,stop_lat\nS1,37\n", [(1, "stop_lon")]),
        ("stop_id,stop_lat,stop_lon,stop_lat\nS1,37,80,37\n", [(1, "stop_lat")]),
        ("stop_id,stop_lat,stop_lon\nS1,37,80,9\n", [(2, None)]),
        ('stop_id,stop_lat,stop_lon\nS1,"37"x,80\n', [(2, None)]),
        (f"stop_id,stop_lat,stop_lon\n{'S' * 2_001},37,80\n", [(2, "stop_id")]),
    ],
)
def test_table_that_cannot_be_read_is_a_fault(text, expected):
    faults = Faults()
    read_table(text, "stops.txt", ("stop_id", "stop_lat", "stop_lon"), 9, faults)
    assert [(fault.row, fault.column) for fault in faults.kept] == expected


def test_rows_are_numbered_as_lines_and_bounded():
    faults = Faults()
    text = '\ufeffid,name\r\n1,"two\r\nlines"\r\n,\r\n\r\n2, b \r\n3,c\r\n'
    rows = read_table(text, None, ("id",), 2, faults)
    assert [(row.number, dict(row.cells)) for row in rows] == [
        (2, {"id": "1", "name": "two\r\nlines"}),
        (6, {"id": "2", "name": "b"}),
    ]
    assert [fault.row for fault in faults.kept] == [7]


def unpacked(content):
    faults = Faults()
    return unpack_feed(content, faults), places(faults)


def test_archive_holds_the_needed_files_at_its_top():
    feed = village_feed()
    texts, faults = unpacked(as_archive(feed | {"shapes.txt": "left alone", "calendar_dates.txt": "service_id\n"}))
    assert (faults, set(texts)) == ([], {*feed, "calendar_dates.txt"})
    del feed["calendar.txt"], feed["trips.txt"]
    assert unpacked(as_archive(feed)) == ({}, [("trips.txt", None, None), ("calendar.txt", None, None)])
    assert unpacked(as_archive({f"feed/{name}": rows for name, rows in village_feed().items()}))[0] == {}


@pytest.mark.parametrize(
    "content", [b"", b"no archive", as_archive(village_feed())[:-30], as_archive(village_feed())[40:]]
)
def test_what_is_no_archive_is_refused(content):
    texts, faults = unpacked(content)
    assert texts == {}
    assert faults == [(None, None, None)]


def test_text_in_another_encoding_is_refused_with_its_row():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in as_texts(village_feed()).items():
            archive.writestr(name, text.encode("gb18030" if name == "stops.txt" else "utf-8"))
    assert unpacked(packed.getvalue())[1] == [("stops.txt", 2, None)]


def test_archive_that_unpacks_to_too_much_is_refused_even_when_it_lies(monkeypatch):
    monkeypatch.setattr(tables, "UNPACKED_BYTES_MAX", 100_000)
    bomb = as_archive(as_texts(village_feed()) | {"stop_times.txt": "trip_id\n" + "0" * 50_000_000})
    assert len(bomb) < 100_000
    assert unpacked(bomb) == ({}, [("stop_times.txt", None, None)])
    # The same, with a directory that claims ten bytes.
    at = bomb.rindex(b"stop_times.txt") - 46
    lying = bomb[: at + 24] + struct.pack("<L", 10) + bomb[at + 28 :]
    assert unpacked(lying)[0] == {}


def test_archive_with_very_many_or_double_files_is_refused():
    many = as_archive(as_texts(village_feed()) | {f"{n}.txt": "" for n in range(60)})
    assert unpacked(many) == ({}, [(None, None, None)])
    packed = io.BytesIO(as_archive(village_feed()))
    with zipfile.ZipFile(packed, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("stops.txt", "again")
    assert unpacked(packed.getvalue()) == ({}, [("stops.txt", None, None)])


def test_encrypted_or_oddly_packed_file_is_refused():
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", method) as archive:
            for name, text in as_texts(village_feed()).items():
                archive.writestr(name, text)
        assert unpacked(packed.getvalue()) == ({}, [("agency.txt", None, None)])
