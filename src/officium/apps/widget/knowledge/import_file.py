"""Entries in a file: CSV with a head line, JSON, JSON lines, or Markdown.

All of it is right, or nothing is taken.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Literal

import msgspec
from msgspec import Struct

from officium.apps.widget.knowledge.entry import EntryDraft, checked_entry, folded
from officium.apps.widget.knowledge.errors import ImportRefused, InvalidEntry

FileFormat = Literal["csv", "json", "jsonl", "markdown"]

LARGEST_FILE_BYTES = 10 * 1024 * 1024
MOST_ROWS = 10_000
MOST_TOLD = 50
"""How many of the wrong rows are told."""
COLUMNS = ("question", "answer", "tags", "language", "source_url", "valid_from", "valid_to", "state")
"""The columns of an exported file, and those an imported one may have. Further phrasings stand in
`question_2`, `question_3` and so on, or behind a bar in the same cell."""
_ARCHIVES = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; save the sheet as CSV (UTF-8)",
    b"\x1f\x8b": "compressed; unpack it",
    b"%PDF": "a PDF; save its text as Markdown",
    b"\xd0\xcf\x11\xe0": "an old Office file; save the sheet as CSV (UTF-8)",
}
_QUESTIONS = frozenset(("question", "questions", "phrasings", "phrasing", "variants"))
_NAMES = {
    "url": "source_url",
    "source": "source_url",
    "link": "source_url",
    "lang": "language",
    "tag": "tags",
}
_BAR = r"\s*(?<!\\)[|\n]\s*"
_IGNORED = frozenset(("id", "version", "created_at", "updated_at", "updated_by", "widget_id"))
_NUMBERED = re.compile(r"(question|phrasing|variant)_?\d{1,3}")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_CODE = re.compile(r" {0,3}(```+|~~~+)")
_SPOKEN = re.compile(
    r"(?:\*\*|__)?(Q|Question|A|Answer)(?:\*\*|__)?\s*[:.)]\s*(?:\*\*|__)?\s*(.*)", re.IGNORECASE
)


class ImportedEntry(Struct, frozen=True, kw_only=True):
    """An entry, and where it stood: its row in a table, its place in JSON, its line in a text."""

    row: int
    draft: EntryDraft


def read_entries(content: bytes, kind: FileFormat) -> list[ImportedEntry]:
    """The entries of a file, each question once. Raises ImportRefused, which lists what is wrong by row.

    Rows count as in a spreadsheet: of a CSV file the head is row 1; in JSON the first entry is; in Markdown
    and JSON lines they are lines.
    """
    text = decode(content)
    match kind:
        case "csv":
            rows: Iterable[tuple[int, Mapping[str, Any]]] = _csv_rows(text)
        case "json":
            rows = _json_rows(text)
        case "jsonl":
            rows = _json_lines(text)
        case "markdown":
            rows = _markdown_rows(text)
    return collect(rows)


def decode(content: bytes) -> str:
    """The file's text: UTF-8, or UTF-16 that says so. Raises ImportRefused."""
    if len(content) > LARGEST_FILE_BYTES:
        raise ImportRefused(f"A file has at most {LARGEST_FILE_BYTES // 1024**2} MB. Send it in parts.")
    for start, what in _ARCHIVES.items():
        if content.startswith(start):
            raise ImportRefused(f"Nothing was imported. The file is {what}.")
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ImportRefused(
            f"Nothing was imported. The file is not UTF-8: line {line} has other bytes. Save it as UTF-8."
        ) from error
    if "\0" in text:
        raise ImportRefused("Nothing was imported. The file has the character NUL in it: it is no text.")
    return text


def collect(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> list[ImportedEntry]:
    """The entries in rows, each question once. Raises ImportRefused."""
    found: dict[str, int] = {}
    entries: list[ImportedEntry] = []
    wrong: list[dict[str, object]] = []
    for number, row in rows:
        try:
            draft = _read(row)
            question = folded(draft.question)
            if question in found:
                raise InvalidEntry(f"Row {found[question]} has the same question.")
        except InvalidEntry as error:
            wrong.append({"row": number, "problem": error.message})
            continue
        found[question] = number
        entries.append(ImportedEntry(row=number, draft=draft))
        if len(entries) + len(wrong) > MOST_ROWS:
            raise ImportRefused(f"A file has at most {MOST_ROWS:,} entries. Send it in parts.")
    if wrong:
        told = "; ".join(f"row {each['row']}: {each['problem']}" for each in wrong[:3])
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ImportRefused(f"Nothing was imported. {told}{more}", rows=wrong[:MOST_TOLD])
    if not entries:
        raise ImportRefused("Nothing was imported: there is no question with an answer in it.")
    return entries


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    head_line = text.split("\n", 1)[0]
    comma = max(",;\t", key=head_line.count)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=comma)
        head = [_name(cell) for cell in next(lines, [])]
        if len(set(head)) != len(head) or "answer" not in head or not any(map(_is_question, head)):
            raise ImportRefused(
                "Nothing was imported. The first line names the columns, each once; `question` and `answer` "
                f"are among them. Known are {', '.join(COLUMNS)}."
            )
        unknown = [name for name in head if not _is_known(name)]
        if unknown:
            raise ImportRefused(f"Nothing was imported. There is no column {unknown[0][:50]!r}.")
        for number, cells in enumerate(lines, 2):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(head):
                yield number, {"": "more cells than columns"}
                continue
            yield (
                number,
                {name: _unquoted(cell) for name, cell in zip(head, cells, strict=False) if cell.strip()},
            )
    except csv.Error as error:
        raise ImportRefused(f"Nothing was imported. The file is no CSV: {error}.") from error


def _unquoted(cell: str) -> str:
    """The cell as it was before an export made formulas harmless."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "\t", "\r", "\n") else cell


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    said = _json(text, "The file")
    if isinstance(said, dict):
        said = said.get("entries")
    if not isinstance(said, list):
        raise ImportRefused('Nothing was imported. The file is a list of entries, or `{"entries": [...]}`.')
    for number, row in enumerate(said, 1):
        yield number, row if isinstance(row, dict) else {"": "no object"}


def _json_lines(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            row = _json(line, f"Line {number}")
            yield number, row if isinstance(row, dict) else {"": "no object"}


def _json(text: str, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ImportRefused(f"Nothing was imported. {what} is no JSON.") from error


def _markdown_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Headings are questions, and what stands below them is the answer; `Q:` and `A:` do as well.

    Headings of one level without text between them ask the same. A heading with nothing below it but deeper
    headings is the title of a part.
    """
    questions: list[str] = []
    body: list[str] = []
    first, level, fence = 0, 0, ""

    def entry() -> Iterator[tuple[int, Mapping[str, Any]]]:
        if questions and any(line.strip() for line in body):
            yield first, {"phrasings": list(questions), "answer": "\n".join(body)}

    for number, line in enumerate(text.splitlines(), 1):
        mark = _CODE.match(line)
        if fence or mark:
            fence = "" if fence and mark and mark[1].startswith(fence) else fence or (mark[1] if mark else "")
            body.append(line)
            continue
        heading, spoken = _HEADING.fullmatch(line), _SPOKEN.fullmatch(line.strip())
        if heading is None and spoken is not None and spoken[1][0] in "aA" and questions:
            body.append(spoken[2].removesuffix("**"))
            continue
        is_question = heading is not None or (spoken is not None and spoken[1][0] in "qQ")
        if not is_question:
            body.append(line)
            continue
        its_level = len(heading[1]) if heading else 7
        words = (heading[2] if heading else spoken[2] if spoken else "").strip().strip("*_").strip()
        has_answer = any(line.strip() for line in body)
        if has_answer or its_level != level:
            yield from entry()
            questions, first, level = [], number, its_level
        body = []
        if words:
            questions.append(words)
    yield from entry()


def _read(row: Mapping[str, Any]) -> EntryDraft:
    """The entry in a row. Raises InvalidEntry."""
    if "" in row:
        raise InvalidEntry(f"The row has {row['']}.")
    phrasings: list[str] = []
    values: dict[str, Any] = {}
    for said_name, said in row.items():
        name = _name(said_name)
        if said is None or name in _IGNORED:
            continue
        if _is_question(name):
            phrasings += [each.replace(r"\|", "|") for each in _several(name, said, _BAR)]
        elif name == "tags":
            values["tags"] = tuple(_several(name, said, r"\s*[,;|\n]\s*"))
        elif name in ("valid_from", "valid_to"):
            values[name] = _moment(name, said)
        elif name in COLUMNS:
            values[name] = _text(name, said)
        else:
            raise InvalidEntry(f"There is no field `{name[:50]}`.")
    if values.setdefault("state", "live") not in ("live", "draft"):
        raise InvalidEntry("`state` is live or draft.")
    if "answer" not in values or not phrasings:
        raise InvalidEntry(f"`{'answer' if phrasings else 'question'}` is missing.")
    return checked_entry(EntryDraft(phrasings=tuple(phrasings), **values))


def _name(said: str) -> str:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", said.strip()).lower().replace(" ", "_").replace("-", "_")
    return _NAMES.get(name, name)


def _is_question(name: str) -> bool:
    return name in _QUESTIONS or _NUMBERED.fullmatch(name) is not None


def _is_known(name: str) -> bool:
    return name in COLUMNS or name in _IGNORED or _is_question(name)


def _several(name: str, said: object, border: str) -> list[str]:
    if isinstance(said, list) and all(isinstance(each, str) for each in said):
        return [str(each) for each in said]
    return [part for part in re.split(border, _text(name, said)) if part]


def _text(name: str, said: object) -> str:
    if not isinstance(said, str):
        raise InvalidEntry(f"`{name}` is a text.")
    return said.strip()


def _moment(name: str, said: object) -> datetime:
    text = _text(name, said)
    try:
        if len(text) <= 10:
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidEntry(f"`{name}` is a day such as 2026-11-20, or a moment.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
