"""Tables in files that people bring: CSV in whatever encoding, and Excel workbooks, within limits."""

import csv
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Literal

import msgspec
from msgspec import Struct
from python_calamine import CalamineError, CalamineWorkbook

from officium.apps.cashflow.deals.errors import DealImportRejected

FileFormat = Literal["csv", "xlsx", "json"]
Cell = str | int | float | bool | date | None

LARGEST_FILE_BYTES = 10 * 1024 * 1024
LARGEST_UNPACKED_BYTES = 80 * 1024 * 1024
"""Of all parts of a workbook together: files that unpack to more are not opened."""
MOST_PARTS = 500
MOST_ROWS = 50_000
MOST_COLUMNS = 100
LONGEST_CELL = 20_000
ENCODINGS = ("utf-8", "utf-16", "cp1252", "cp1256", "iso-8859-1", "iso-8859-15", "mac-roman", "gb18030")
"""What a caller may say a CSV file is written in."""
_DELIMITERS = ",;\t|"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_PLACES = re.compile(rb"""\s(?:r|ref)\s*=\s*["']([^"']{1,64})["']""")
_PLACE = re.compile(rb"([A-Za-z]{1,3})([0-9]{1,10})")


class TableFile(Struct, frozen=True, kw_only=True):
    """A table: the names of its columns, and its rows with their numbers as a spreadsheet counts them.

    `encoding` and `delimiter` are those a CSV file was read with; `sheets` are the names of a workbook's.
    """

    columns: tuple[str, ...]
    rows: list[tuple[int, tuple[Cell, ...]]]
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()


def read_table(
    content: bytes, kind: FileFormat, *, sheet: str | None = None, encoding: str | None = None
) -> TableFile:
    """The table in a file; its first line that is not empty names the columns. Takes seconds at most.

    Raises DealImportRejected.
    """
    if len(content) > LARGEST_FILE_BYTES:
        raise DealImportRejected(f"A file has at most {LARGEST_FILE_BYTES // 1024**2} MB. Send it in parts.")
    if kind == "csv":
        text, used = _decode(content, encoding)
        return _read_csv(text, used)
    return _read_json(content) if kind == "json" else _read_workbook(content, sheet)


def _decode(content: bytes, said: str | None) -> tuple[str, str]:
    """The text, and the encoding that it was written in, as far as that can be told."""
    if content[:4] == b"PK\x03\x04":
        raise DealImportRejected("This is a workbook. Send it with the content type of Excel files.")
    if said is not None and said.lower() not in ENCODINGS:
        raise DealImportRejected(f"`encoding` is one of {', '.join(ENCODINGS)}.", param="encoding")
    marked = next((name for bom, name in _BOMS if content.startswith(bom)), None)
    for name in (marked or said or "utf-8", "utf-8", *(() if said or marked else (_guess(content),))):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            if said is not None or marked is not None:
                raise DealImportRejected(f"The file is not written in {name}.", param="encoding") from None
            continue
        if "\0" in text:
            raise DealImportRejected("The file is no text: it contains the character NUL.")
        return text, name
    raise DealImportRejected("Nobody can tell how the file is written. Save it as CSV in UTF-8.")


def _guess(content: bytes) -> str:
    """Windows-1256 where letters above 127 come in words, as in Arabic; else Windows-1252."""
    high = sum(byte >= 0xC0 for byte in content)
    in_words = sum(len(run) for run in re.findall(rb"[\xc0-\xff]{3,}", content))
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "cp1256"
    return "cp1256" if high and in_words > high / 2 else "cp1252"


def _read_csv(text: str, encoding: str) -> TableFile:
    delimiter = _delimiter(text)
    lines: Iterator[list[str]] = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        numbered = (
            (number, tuple(line))
            for number, line in enumerate(lines, 1)
            if any(cell.strip() for cell in line)
        )
        columns, rows = _table(numbered)
    except csv.Error as error:
        raise DealImportRejected(f"The file is no CSV: {error}.") from error
    return TableFile(columns=columns, rows=rows, encoding=encoding, delimiter=delimiter)


def _delimiter(text: str) -> str:
    """The sign that most often stands in the first line outside quotes; a comma where none does."""
    head = next((line for line in text.splitlines()[:50] if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", head)
    return max(_DELIMITERS, key=lambda sign: bare.count(sign))


def _read_json(content: bytes) -> TableFile:
    """A list of objects, whose names are the columns; its first object is row 1."""
    try:
        said = msgspec.json.decode(content, type=list[dict[str, str | int | float | bool | None]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DealImportRejected("The file is no JSON list of objects with plain values.") from error
    columns = tuple(dict.fromkeys(name for row in said[:MOST_ROWS] for name in row))
    if not columns or len(columns) > MOST_COLUMNS:
        raise DealImportRejected(f"The objects have 1 to {MOST_COLUMNS} names.")
    lines = ((number, tuple(row.get(name) for name in columns)) for number, row in enumerate(said, 1))
    return TableFile(columns=columns, rows=_rows(lines))


def _read_workbook(content: bytes, sheet: str | None) -> TableFile:
    _check_parts(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = tuple(workbook.sheet_names)
        if not names:
            raise DealImportRejected("The workbook has no sheet.")
        chosen = names[0] if sheet is None else sheet
        if chosen not in names:
            known = ", ".join(names[:20])
            raise DealImportRejected(f"There is no sheet {chosen[:100]!r}. It has: {known}.", param="sheet")
        loaded = workbook.get_sheet_by_name(chosen)
        first = 1 if loaded.start is None else loaded.start[0] + 1
        numbered = (
            (number, tuple(map(_plain, line)))
            for number, line in enumerate(loaded.to_python(skip_empty_area=True), first)
            if any(cell not in ("", None) for cell in line)
        )
        columns, rows = _table(numbered)
    except CalamineError as error:
        raise DealImportRejected("The file is no workbook of Excel (.xlsx).") from error
    return TableFile(columns=columns, rows=rows, sheet=chosen, sheets=names)


def _table(
    lines: Iterator[tuple[int, tuple[Cell, ...]]],
) -> tuple[tuple[str, ...], list[tuple[int, tuple[Cell, ...]]]]:
    """Columns and rows. Raises DealImportRejected where there are too many."""
    _, head = next(lines, (0, ()))
    columns = tuple(str("" if cell is None else cell).strip()[:200] for cell in head)
    while columns and not columns[-1]:
        columns = columns[:-1]
    if not columns:
        raise DealImportRejected("The file has no line that names the columns.")
    if len(columns) > MOST_COLUMNS:
        raise DealImportRejected(f"A table has at most {MOST_COLUMNS} columns.")
    return columns, _rows(lines)


def _rows(lines: Iterator[tuple[int, tuple[Cell, ...]]]) -> list[tuple[int, tuple[Cell, ...]]]:
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    for number, cells in lines:
        if len(rows) >= MOST_ROWS:
            raise DealImportRejected(f"A file has at most {MOST_ROWS:,} rows. Send it in parts.")
        if any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in cells):
            raise DealImportRejected(f"A cell in row {number} has more than {LONGEST_CELL:,} characters.")
        rows.append((number, cells))
    return rows


def _plain(cell: object) -> Cell:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, time | timedelta):
        return str(cell)
    return cell if isinstance(cell, str | int | float | bool | date) else None


def _check_parts(content: bytes) -> None:
    """Raise DealImportRejected for what is no workbook, and for one that would unpack to too much.

    Its own head may lie about sizes, and one cell at the far corner makes a reader fill in all the others,
    so everything is unpacked once, a piece at a time, and the cells' places are looked at.
    """
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError) as error:
        raise DealImportRejected(
            "The file is no workbook of Excel (.xlsx). Older ones can be saved as such."
        ) from error
    if len(parts) > MOST_PARTS:
        raise DealImportRejected("The workbook has too many parts.")
    if not any(part.filename == "[Content_Types].xml" for part in parts):
        raise DealImportRejected("The file is no workbook of Excel (.xlsx).")
    left = LARGEST_UNPACKED_BYTES
    for part in parts:
        # What is left of a piece's end is looked at again, so that no place hides on an edge.
        rest = b""
        for piece in _unpacked(content, part):
            left -= len(piece)
            if left < 0:
                most = LARGEST_UNPACKED_BYTES // 1024**2
                raise DealImportRejected(f"The workbook unpacks to more than {most} MB.")
            _check_places(rest + piece)
            rest = piece[-128:]


def _unpacked(content: bytes, part: zipfile.ZipInfo) -> Iterator[bytes]:
    start = part.header_offset
    head = content[start : start + 30]
    if len(head) < 30 or head[:4] != b"PK\x03\x04" or part.flag_bits & 1:
        raise DealImportRejected("The workbook is damaged, or locked with a password.")
    name_length, extra_length = struct.unpack("<HH", head[26:30])
    data_start = start + 30 + name_length + extra_length
    data = content[data_start : data_start + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        yield data
        return
    if part.compress_type != zipfile.ZIP_DEFLATED:
        raise DealImportRejected("The workbook is packed in a way nobody uses for workbooks.")
    unpacker = zlib.decompressobj(-15)
    try:
        while data and not unpacker.eof:
            yield unpacker.decompress(data, 256 * 1024)
            data = unpacker.unconsumed_tail
    except zlib.error as error:
        raise DealImportRejected("The workbook is damaged.") from error


def _check_places(piece: bytes) -> None:
    for match in _PLACES.finditer(piece):
        said = match[1]
        if b"&" in said:
            raise DealImportRejected("The workbook says in a strange way where its cells are.")
        if said.isdigit() and int(said) > MOST_ROWS + 1_000:
            raise DealImportRejected(f"A sheet has at most {MOST_ROWS:,} rows.")
        for letters, digits in _PLACE.findall(said):
            if _column(letters) > MOST_COLUMNS or int(digits) > MOST_ROWS + 1_000:
                raise DealImportRejected(
                    f"A sheet has at most {MOST_ROWS:,} rows and {MOST_COLUMNS} columns, "
                    f"but one has a cell {said[:20].decode('ascii', 'replace')}."
                )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
