"""From the rows of a file to deals: which column is what, what is wrong where, and nothing by halves."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from officium.apps.cashflow.deals.cell_value import (
    DateOrder,
    DecimalMark,
    date_order_of,
    decimal_mark_of,
    read_amount,
    read_currency,
    read_day,
    read_history,
    read_text,
    read_whole,
)
from officium.apps.cashflow.deals.config import CashflowConfig
from officium.apps.cashflow.deals.deal import DealDraft, DealFields, make_draft
from officium.apps.cashflow.deals.errors import DealImportRejected, InvalidDeal
from officium.apps.cashflow.deals.table_file import Cell, TableFile
from officium.apps.cashflow.prediction import LONGEST_NOTE

MOST_TOLD = 100
"""How many of the wrong rows are told."""
_DAYS = (
    *("created_on", "stage_changed_on", "expected_close_on"),
    *("invoiced_on", "paid_on", "lost_on"),
)
_TEXTS = ("title", "stage", "pipeline", "customer", "owner_name", "external_id", "note")
FIELDS = (*_TEXTS, "value", "currency", *_DAYS, "payment_terms_days", "stage_history")
"""What a column can be mapped to."""
_NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("deal", "deal name", "deal title", "name", "opportunity", "opportunity name", "project"),
    "stage": ("deal stage", "status", "phase", "pipeline stage"),
    "pipeline": ("pipeline name", "funnel", "board"),
    "customer": ("client", "company", "account", "account name", "organization", "customer name"),
    "owner_name": ("owner", "deal owner", "sales rep", "salesperson", "responsible"),
    "external_id": ("id", "deal id", "record id", "opportunity id", "number", "no"),
    "note": ("notes", "comment", "comments", "remarks", "description"),
    "value": ("amount", "deal value", "value sar", "total", "price", "contract value", "invoice value"),
    "currency": ("currency code", "ccy"),
    "created_on": ("created", "create date", "created at", "creation date", "date created", "deal created"),
    "stage_changed_on": ("stage changed", "stage change date", "stage since", "date entered stage"),
    "expected_close_on": ("expected close", "close date", "expected close date", "expected invoice date"),
    "invoiced_on": ("invoiced", "invoice date", "billed", "billing date", "date invoiced"),
    "paid_on": ("paid", "payment date", "paid date", "date paid", "settled"),
    "lost_on": ("lost", "lost date", "cancelled on", "lost time"),
    "payment_terms_days": ("payment terms", "terms", "terms days", "credit days", "net days"),
    "stage_history": ("stage changes", "history"),
}


class ImportOptions(Struct, frozen=True, kw_only=True):
    """How to read a file, where that is not to be found out from the file."""

    mapping: Mapping[str, str] = {}
    date_order: DateOrder | None = None
    decimal_mark: DecimalMark | None = None


class WrongRow(Struct, frozen=True, kw_only=True):
    """What is wrong with a row; `row` counts as the spreadsheet does."""

    row: int
    column: str | None
    problem: str


class ImportedDeal(Struct, frozen=True, kw_only=True):
    """A row that was read: the deal, and the note that comes with it."""

    row: int
    draft: DealDraft
    note: str | None


class ReadImport(Struct, frozen=True, kw_only=True):
    """What a file holds: the deals of its right rows, what is wrong with the others, and how it was read."""

    deals: list[ImportedDeal]
    wrong: list[WrongRow]
    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    date_order: DateOrder
    decimal_mark: DecimalMark
    notices: tuple[str, ...]
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    sheets: tuple[str, ...]


def read_deals(table: TableFile, options: ImportOptions, config: CashflowConfig, today: date) -> ReadImport:
    """The deals in a table. Raises DealImportRejected where no column can be the title or the stage."""
    mapping = _mapping(table.columns, options.mapping)
    places = {field: table.columns.index(column) for field, column in mapping.items()}
    order, mark, notices = _ways(table, places, options)
    row_reader = _RowReader(places, order, mark, config, today)
    deals: list[ImportedDeal] = []
    wrong: list[WrongRow] = []
    seen: dict[str, int] = {}
    for number, cells in table.rows:
        try:
            deal = row_reader.read(number, cells, len(table.columns))
            if (id := deal.draft.external_id) is not None:
                if id in seen:
                    raise _Wrong("external_id", f"Row {seen[id]} has the same id.")
                seen[id] = number
            deals.append(deal)
        except _Wrong as error:
            column = mapping.get(error.field or "", error.field)
            wrong.append(WrongRow(row=number, column=column, problem=error.problem))
    return ReadImport(
        deals=deals,
        wrong=wrong,
        columns=table.columns,
        mapping=mapping,
        date_order=order,
        decimal_mark=mark,
        notices=tuple(notices),
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet,
        sheets=table.sheets,
    )


def checked_deals(read: ReadImport) -> list[ImportedDeal]:
    """All deals of a file that is right throughout. Raises DealImportRejected."""
    if read.wrong:
        told = "; ".join(f"row {each.row}: {each.problem}" for each in read.wrong[:3])
        more = f"; and {len(read.wrong) - 3} more" if len(read.wrong) > 3 else ""
        rows = [
            {"row": each.row, "column": each.column, "problem": each.problem}
            for each in read.wrong[:MOST_TOLD]
        ]
        raise DealImportRejected(f"Nothing was imported. {told}{more}", rows=rows)
    if not read.deals:
        raise DealImportRejected("The file has no deals.")
    return read.deals


class _Wrong(Exception):
    def __init__(self, field: str | None, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


class _RowReader:
    def __init__(
        self,
        places: Mapping[str, int],
        order: DateOrder,
        mark: DecimalMark,
        config: CashflowConfig,
        today: date,
    ) -> None:
        self._places = places
        self._config = config
        self._today = today
        readers: dict[str, Callable[[object], Any]] = dict.fromkeys(_TEXTS, read_text)
        readers |= dict.fromkeys(_DAYS, lambda cell: read_day(cell, order))
        readers["value"] = lambda cell: read_amount(cell, mark)
        readers["currency"] = read_currency
        readers["payment_terms_days"] = read_whole
        readers["stage_history"] = read_history
        self._readers = readers

    def read(self, number: int, cells: Sequence[Cell], width: int) -> ImportedDeal:
        """The deal in a row. Raises _Wrong."""
        if len(cells) > width and any(cell not in ("", None) for cell in cells[width:]):
            raise _Wrong(None, "The row has more cells than there are columns.")
        said: dict[str, Any] = {}
        for field, place in self._places.items():
            cell = cells[place] if place < len(cells) else None
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                continue
            try:
                said[field] = self._readers[field](cell)
            except ValueError as error:
                raise _Wrong(field, f"{str(cell)[:60]!r} {_first_sentence(error)}.") from error
        note = said.pop("note", None)
        if note is not None and len(note) > LONGEST_NOTE:
            raise _Wrong("note", f"A note has at most {LONGEST_NOTE:,} characters.")
        if "stage_history" in said:
            said["stage_changes"] = said.pop("stage_history")
        return ImportedDeal(row=number, draft=self._draft(said), note=note)

    def _draft(self, said: Mapping[str, Any]) -> DealDraft:
        for field in ("title", "stage"):
            if field not in said:
                raise _Wrong(field, f"The {field} is missing.")
        try:
            return make_draft(DealFields.model_validate(said), self._config, self._today)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise _Wrong(str(detail["loc"][0]) if detail["loc"] else None, f"{detail['msg']}.") from error
        except InvalidDeal as error:
            raise _Wrong(str(error.fields.get("param") or "") or None, error.message) from error


def _mapping(columns: Sequence[str], said: Mapping[str, str]) -> dict[str, str]:
    """Field → column: what was said, and for the other fields the column whose name tells.

    A field that was said to have no column, "", gets none.
    """
    for field, column in said.items():
        if field not in FIELDS:
            raise DealImportRejected(
                f"`mapping` knows no field {field[:50]!r}. The fields are {', '.join(FIELDS)}.",
                param="mapping",
            )
        if column and column not in columns:
            raise DealImportRejected(f"There is no column {column[:100]!r}.", param="mapping")
    found = dict(said)
    free = {_folded(column): column for column in reversed(columns) if column not in said.values()}
    for field in FIELDS:
        if field in found:
            continue
        for name in (_folded(field), *_NAMES.get(field, ())):
            if name in free:
                found[field] = free.pop(name)
                break
    for field in ("title", "stage"):
        if not found.get(field):
            raise DealImportRejected(
                f"No column says the {field} of a deal. Say which one does with `mapping`, "
                f'such as {{"{field}": "{columns[0][:50]}"}}.',
                param="mapping",
                columns=list(columns),
                mapping=found,
            )
    return {field: column for field, column in found.items() if column}


def _ways(
    table: TableFile, places: Mapping[str, int], options: ImportOptions
) -> tuple[DateOrder, DecimalMark, list[str]]:
    """How days and amounts are written: as was said, else as the cells show, else as is usual."""

    def column(field: str) -> list[Cell]:
        place = places[field]
        return [cells[place] for _, cells in table.rows if place < len(cells)]

    days = [cell for field in _DAYS if field in places for cell in column(field)]
    order = options.date_order or date_order_of(days)
    amounts = column("value") if "value" in places else []
    mark = options.decimal_mark or decimal_mark_of(amounts)
    notices = []
    if order is None and any(isinstance(cell, str) and cell.strip() for cell in days):
        notices.append("Days are read as day/month/year; if that is wrong, say `date_order=mdy`.")
    if mark is None and any(isinstance(cell, str) and re.search(r"[.,]", cell) for cell in amounts):
        notices.append("A point is read as the decimal mark; if that is wrong, say `decimal_mark=,`.")
    return order or "dmy", mark or ".", notices


def _folded(name: str) -> str:
    return " ".join(re.sub(r"[_\-()]+", " ", name.casefold()).split())


def _first_sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "is not acceptable"
    return str(error)
