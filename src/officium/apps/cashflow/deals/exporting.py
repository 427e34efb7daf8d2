"""Deals as tables to take away: the columns an import understands, as Excel or as cells of CSV."""

import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import xlsxwriter

from officium.apps.cashflow.deals.deal import Deal, shown_history

Cell = str | int | Decimal | date | None

COLUMNS = (
    *("id", "external_id", "title", "pipeline", "stage", "customer", "owner_name", "value", "currency"),
    *("status", "created_on", "stage_changed_on", "expected_close_on", "invoiced_on", "paid_on", "lost_on"),
    *("payment_terms_days", "stage_history"),
)
MOST_EXPORTED = 100_000
_LONGEST_CELL = 32_767


def deal_cells(deal: Deal) -> tuple[Cell, ...]:
    """The cells of a deal's row, under `COLUMNS`."""
    said = {"stage_history": shown_history(deal.stage_changes), "status": deal.status}
    return tuple(said[name] if name in said else getattr(deal, name) for name in COLUMNS)


def workbook_of(heads: Sequence[str], rows: Sequence[Sequence[Cell]], sheet: str) -> bytes:
    """An Excel workbook with one sheet. Texts stay texts, whatever they begin with."""
    file = io.BytesIO()
    options = {
        "in_memory": True,
        "constant_memory": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(file, options) as workbook:
        page = workbook.add_worksheet(sheet)
        bold = workbook.add_format({"bold": True})
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        for place, head in enumerate(heads):
            page.write_string(0, place, head, bold)
        for number, cells in enumerate(rows, 1):
            for place, cell in enumerate(cells):
                if cell is None or cell == "":
                    continue
                if isinstance(cell, str):
                    page.write_string(number, place, cell[:_LONGEST_CELL])
                elif isinstance(cell, date):
                    page.write_datetime(number, place, cell, day)
                else:
                    page.write_number(number, place, cell)
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, len(rows), len(heads) - 1)
    return file.getvalue()
