"""A history of events as facts, from lines of JSON or from a table; read one at a time."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.errors import InvalidHistory

HistoryFormat = Literal["jsonl", "csv"]
MOST_EVENTS = 2_000_000
_MOST_ROWS_TOLD = 50
_TIMES = ("at", "time", "timestamp", "ts")
_FACTS = ("facts", "context")
_EVENTS = ("trigger", "event")
_MILLISECONDS = 1e11
"""A moment beyond this is in milliseconds since 1970: in seconds it would be the year 5138."""


class Event(Struct, frozen=True):
    """One line: its row, from 1; when it was, in seconds since 1970; what had happened; and the facts."""

    row: int
    at: float | None
    name: str | None
    facts: Mapping[str, Any]


class Skipped:
    """The rows that could not be read: how many, and why the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self.rows: list[dict[str, Any]] = []

    def add(self, row: int, problem: str) -> None:
        """Note a row."""
        self.count += 1
        if len(self.rows) < _MOST_ROWS_TOLD:
            self.rows.append({"row": row, "problem": problem})


def read_history(
    content: bytes, kind: HistoryFormat, catalogue: Catalogue, skipped: Skipped
) -> Iterator[Event]:
    """The events in their order; rows that cannot be read are noted in `skipped`.

    A line of JSON is the facts themselves, or has them under `facts` or `context`; `at`, `time`, `timestamp`
    or `ts` says when it was (ISO 8601, or seconds or milliseconds since 1970), `trigger` or `event` what had
    happened. A table's first line names the paths. Raises InvalidHistory for too many events.
    """
    return _read_lines(content, skipped) if kind == "jsonl" else _read_table(content, catalogue, skipped)


def moment_of(said: object) -> float | None:
    """Seconds since 1970, or `None` where it is no moment."""
    if isinstance(said, bool):
        return None
    if isinstance(said, int | float):
        return said / 1000 if abs(said) > _MILLISECONDS else float(said)
    if isinstance(said, str):
        try:
            moment = datetime.fromisoformat(said)
        except ValueError:
            try:
                return moment_of(float(said))
            except ValueError:
                return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def _read_lines(content: bytes, skipped: Skipped) -> Iterator[Event]:
    decode = msgspec.json.Decoder().decode
    row = 0
    for line in io.BytesIO(content):
        row += 1
        if row > MOST_EVENTS:
            raise _too_many()
        if line.isspace():
            continue
        try:
            said = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            skipped.add(row, "this is no JSON")
            continue
        if type(said) is not dict:
            skipped.add(row, "this is no object")
            continue
        yield _event(row, said)


def _event(row: int, said: dict[str, Any]) -> Event:
    at = name = None
    for key in _TIMES:
        if key in said:
            at = moment_of(said[key])
            break
    for key in _EVENTS:
        if isinstance(said.get(key), str):
            name = said[key]
            break
    for key in _FACTS:
        inner = said.get(key)
        if type(inner) is dict:
            return Event(row, at, name, inner)
    return Event(row, at, name, said)


def _read_table(content: bytes, catalogue: Catalogue, skipped: Skipped) -> Iterator[Event]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidHistory("A table of events is text in UTF-8.", param="history") from error
    rows = csv.reader(io.StringIO(text))
    try:
        head = next(rows, None)
        if not head:
            raise InvalidHistory("The table's first line names the paths.", param="history")
        columns = [name.strip().removeprefix("$") for name in head]
        readers = [_reader(name, catalogue) for name in columns]
        for row, cells in enumerate(rows, 2):
            if row > MOST_EVENTS:
                raise _too_many()
            if len(cells) != len(columns):
                if cells:
                    skipped.add(row, f"there are {len(cells)} cells, not {len(columns)}")
                continue
            event = _row(row, cells, columns, readers, skipped)
            if event is not None:
                yield event
    except csv.Error as error:
        raise InvalidHistory(f"This is no table: {error}.", param="history") from error


def _row(
    row: int,
    cells: list[str],
    columns: list[str],
    readers: list[Callable[[str], object]],
    skipped: Skipped,
) -> Event | None:
    facts: dict[str, Any] = {}
    at = name = None
    for column, cell, read in zip(columns, cells, readers, strict=True):
        if column in _TIMES:
            at = moment_of(cell)
        elif column in _EVENTS and cell:
            name = cell
        elif cell != "":
            try:
                value = read(cell)
            except ValueError:
                skipped.add(row, f"{cell[:40]!r} does not fit {column}")
                return None
            holder = facts
            *above, last = column.split(".")
            for step in above:
                holder = holder.setdefault(step, {})
                if type(holder) is not dict:
                    skipped.add(row, f"{column} lies below a value")
                    return None
            holder[last] = value
    return Event(row, at, name, facts)


def _reader(column: str, catalogue: Catalogue) -> Callable[[str], object]:
    fact = catalogue.fact_by_path.get(column)
    if fact is None or fact.type == "any":
        return _anything
    if fact.type == "integer":
        return int
    if fact.type == "number":
        return float
    if fact.type == "boolean":
        return _truth
    if fact.type == "list":
        return lambda cell: [part.strip() for part in cell.split(";")]
    return str


def _anything(cell: str) -> object:
    if cell in ("true", "false"):
        return cell == "true"
    try:
        number = float(cell)
    except ValueError:
        return cell
    return int(number) if number.is_integer() and "." not in cell and "e" not in cell.lower() else number


def _truth(cell: str) -> bool:
    word = cell.casefold()
    if word not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError(cell)
    return word in ("true", "1", "yes")


def _too_many() -> InvalidHistory:
    return InvalidHistory(f"A history has at most {MOST_EVENTS:,} events.", param="history")
