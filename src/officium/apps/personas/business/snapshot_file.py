"""Snapshots in a file: CSV with a head line, or JSON. All of it is right, or nothing is taken."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from officium.apps.personas.business.errors import ImportRejected, InvalidSnapshot
from officium.apps.personas.business.snapshot import (
    COUNTS,
    MEASURES,
    Snapshot,
    check_snapshot,
    moment_of,
)
from officium.kit.errors import OfficiumError

FileFormat = Literal["csv", "json"]

LARGEST_FILE_BYTES = 1024 * 1024
MOST_ROWS = 10_000
MOST_TOLD = 50
"""How many of the wrong rows are told."""
_AS_OF = ("as_of", "asof", "date")


def read_snapshots(content: bytes, kind: FileFormat, now: datetime) -> list[Snapshot]:
    """The snapshots in a file. Raises ImportRejected, which lists what is wrong by row.

    Rows count as in a spreadsheet: of a CSV file the head is row 1; in JSON the first snapshot is. A column,
    or a field, that is none of ours is a figure of the tenant's own.
    """
    if len(content) > LARGEST_FILE_BYTES:
        raise ImportRejected(f"A file has at most {LARGEST_FILE_BYTES // 1024} KB. Send it in parts.")
    rows = _csv_rows(content) if kind == "csv" else _json_rows(content)
    found: dict[datetime, int] = {}
    snapshots: list[Snapshot] = []
    wrong: list[dict[str, object]] = []
    for number, row in rows:
        try:
            snapshot = _read(row, now)
            if snapshot.as_of in found:
                raise InvalidSnapshot(f"Row {found[snapshot.as_of]} is of the same moment.")
        except OfficiumError as error:
            wrong.append({"row": number, "problem": error.message})
            continue
        found[snapshot.as_of] = number
        snapshots.append(snapshot)
        if len(snapshots) + len(wrong) > MOST_ROWS:
            raise ImportRejected(f"A file has at most {MOST_ROWS:,} rows. Send it in parts.")
    if wrong:
        raise _rejected(wrong)
    if not snapshots:
        raise ImportRejected("The file has no snapshot.")
    return snapshots


def _rejected(wrong: list[dict[str, object]]) -> ImportRejected:
    told = "; ".join(f"row {each['row']}: {each['problem']}" for each in wrong[:3])
    more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return ImportRejected(f"Nothing was imported. {told}{more}", rows=wrong[:MOST_TOLD])


def _csv_rows(content: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        head = [name.strip() for name in next(lines, [])]
        if not {_folded(name) for name in head} & set(_AS_OF) or len(set(head)) != len(head):
            raise ImportRejected("The first line names the columns, each once, and one of them is `asOf`.")
        for number, cells in enumerate(lines, 2):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(head):
                yield number, {"": "more cells than columns"}
                continue
            yield (
                number,
                {name: cell.strip() for name, cell in zip(head, cells, strict=False) if cell.strip()},
            )
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportRejected("The file is no CSV in UTF-8.") from error


def _json_rows(content: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        said = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImportRejected("The file is no JSON.") from error
    if isinstance(said, dict):
        said = said.get("snapshots")
    if not isinstance(said, list):
        raise ImportRejected('The file is a list of snapshots, or `{"snapshots": [...]}`.')
    for number, row in enumerate(said, 1):
        yield number, row if isinstance(row, dict) else {"": "no object"}


def _read(row: Mapping[str, Any], now: datetime) -> Snapshot:
    """The snapshot in a row. Raises InvalidSnapshot."""
    if "" in row:
        raise InvalidSnapshot(f"The row has {row['']}.")
    values: dict[str, Any] = {"extra": {}}
    for name, said in _fields(row):
        kind = _folded(name)
        if kind in _AS_OF:
            values["as_of"] = _moment(said)
        elif kind in COUNTS:
            values[kind] = _count(kind, said)
        elif kind in MEASURES:
            values[kind] = _number(kind, said)
        else:
            values["extra"][name] = _number(name, said)
    if "as_of" not in values:
        raise InvalidSnapshot("`asOf` is missing.")
    snapshot = Snapshot(**values)
    check_snapshot(snapshot, now)
    return snapshot


def _fields(row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, said in row.items():
        if name == "extra" and isinstance(said, dict):
            yield from said.items()
        elif said is not None:
            yield name, said


def _folded(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _moment(said: object) -> datetime:
    try:
        text = str(said)
        return moment_of(date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidSnapshot("`asOf` is a day such as 2026-11-20, or a moment.") from error


def _count(name: str, said: object) -> int:
    number = _number(name, said)
    if number != int(number):
        raise InvalidSnapshot(f"`{name}` is a whole number.")
    return int(number)


def _number(name: str, said: object) -> float:
    if isinstance(said, int | float) and not isinstance(said, bool):
        return said
    if isinstance(said, str) and said.isascii():
        try:
            return int(said) if said.lstrip("+-").isdecimal() and len(said) < 20 else float(said)
        except ValueError:
            pass
    raise InvalidSnapshot(f"`{name[:64]}` is no number. Write it like 12500.50.")
