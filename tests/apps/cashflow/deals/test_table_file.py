"""Files as people bring them, and as attackers do."""

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.cashflow.deals import table_file
from officium.apps.cashflow.deals.errors import DealImportRejected
from officium.apps.cashflow.deals.table_file import read_table
from tests.support.workbooks import a_workbook, with_part

SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        pytest.param("title,stage\nÜnïcode,A\n", "utf-8", "utf-8", id="utf-8"),
        pytest.param("title,stage\nمشروع,A\n", "utf-8-sig", "utf-8-sig", id="with-a-mark"),
        pytest.param("title\tstage\nمشروع\tA\n", "utf-16", "utf-16", id="excel-unicode-text"),
        pytest.param("title;stage\nBüro für Straßenbau;A\n", "cp1252", "cp1252", id="western"),
        pytest.param("title;stage\nمشروع أرامكو الجديد;A\n", "cp1256", "cp1256", id="arabic"),
    ],
)
def test_encoding_and_delimiter_are_found_out(text: str, encoding: str, told: str):
    table = read_table(text.encode(encoding), "csv")

    assert table.encoding == told
    assert table.columns == ("title", "stage")
    assert table.rows[0][1][0] == text.splitlines()[1][: -len(",A")]


def test_said_encoding_is_used_and_must_fit():
    assert (
        read_table("title,stage\nمشروع,A".encode("cp1256"), "csv", encoding="cp1256").rows[0][1][0] == "مشروع"
    )
    with pytest.raises(DealImportRejected, match="not written in utf-8"):
        read_table("title,stage\nمشروع,A".encode("cp1256"), "csv", encoding="utf-8")
    with pytest.raises(DealImportRejected, match="is one of"):
        read_table(b"title,stage\n", "csv", encoding="rot13")


def test_rows_count_as_in_a_spreadsheet():
    table = read_table(b'\ntitle,stage\n"a\nb",X\n\nc,Y\n', "csv")

    assert [number for number, _ in table.rows] == [3, 5]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "no line", id="empty"),
        pytest.param(b"title,stage\n\0,x", "NUL", id="nul"),
        pytest.param(b'title,stage\n"open', "no CSV", id="open-quote"),
        pytest.param(b",".join([b"c"] * 101) + b"\n", "100 columns", id="wide"),
        pytest.param(b"title,stage\n" + b"a,b\n" * 50_001, "50,000 rows", id="long"),
        pytest.param(b"title,stage\n" + b"x" * 20_001 + b",b\n", "row 2", id="large-cell"),
        pytest.param(b"x" * (10 * 1024 * 1024 + 1), "10 MB", id="large"),
        pytest.param(b"PK\x03\x04....", "workbook", id="workbook-as-csv"),
    ],
)
def test_unacceptable_csv_is_refused(content: bytes, reason: str):
    with pytest.raises(DealImportRejected, match=reason):
        read_table(content, "csv")


def test_workbook_is_read_from_the_sheet_that_is_named():
    content = a_workbook(["title", "value"], ["Alpha", 12.5], sheet="Pipeline")

    table = read_table(content, "xlsx", sheet="Pipeline")

    assert (table.columns, table.rows) == (("title", "value"), [(2, ("Alpha", 12.5))])
    with pytest.raises(DealImportRejected, match="It has: Pipeline"):
        read_table(content, "xlsx", sheet="Other")


def _bomb(size: int) -> bytes:
    return with_part(a_workbook(["a"]), "xl/media/x.bin", b"\0" * size)


def test_workbook_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(table_file, "LARGEST_UNPACKED_BYTES", 1024**2)

    with pytest.raises(DealImportRejected, match="unpacks to more"):
        read_table(_bomb(2 * 1024**2), "xlsx")


def test_size_that_a_workbook_says_of_itself_is_not_believed(monkeypatch):
    monkeypatch.setattr(table_file, "LARGEST_UNPACKED_BYTES", 1024**2)
    size = 2 * 1024**2
    content = _bomb(size).replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little"))

    with pytest.raises(DealImportRejected, match="unpacks to more"):
        read_table(content, "xlsx")


@pytest.mark.parametrize(
    "sheet",
    [
        b'<worksheet><sheetData><row r="1"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>',
        b"<worksheet><sheetData><row r='1'><c  r = 'A1048576'><v>1</v></c></row></sheetData></worksheet>",
        b'<worksheet><sheetData><row r="1"><c r="&#88;FD1"><v>1</v></c></row></sheetData></worksheet>',
        b'<worksheet><sheetData><row r="1048576"><c><v>1</v></c></row></sheetData></worksheet>',
        b'<worksheet><dimension ref="A1:XFD1048576"/><sheetData/></worksheet>',
        b'<x:worksheet><x:sheetData><x:row r="1"><x:c r="ZZZ9"/></x:row></x:sheetData></x:worksheet>',
    ],
)
def test_cell_in_the_far_corner_is_refused_before_a_reader_fills_the_rest(sheet: bytes):
    with pytest.raises(DealImportRejected):
        read_table(with_part(a_workbook(["title"]), SHEET, sheet), "xlsx")


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18, a_workbook(["a"])[:500], b"\xd0\xcf\x11\xe0" + b"\0" * 600],
)
def test_what_is_no_workbook_is_refused(content: bytes):
    with pytest.raises(DealImportRejected):
        read_table(content, "xlsx")


def test_archive_with_too_many_parts_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(501):
            archive.writestr(str(number), b"")

    with pytest.raises(DealImportRejected, match="too many parts"):
        read_table(file.getvalue(), "xlsx")


@given(content=st.binary(max_size=300), kind=st.sampled_from(["csv", "xlsx", "json"]))
def test_any_bytes_are_read_or_refused(content, kind):
    with suppress(DealImportRejected):
        read_table(content, kind)


@given(place=st.integers(0, 5_000), byte=st.integers(0, 255))
def test_damaged_workbook_is_read_or_refused(place, byte):
    content = bytearray(a_workbook(["title", "stage"], ["a", "b"]))
    content[place % len(content)] = byte

    with suppress(DealImportRejected):
        read_table(bytes(content), "xlsx")
