"""Tables as comma-separated values, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence

from fastapi.responses import StreamingResponse

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
Cell = str | int | float | bool | None


def csv_lines(rows: Iterable[Sequence[Cell]]) -> str:
    """Lines as RFC 4180 has them. What a spreadsheet would take for a formula gets a quote in front."""
    text = io.StringIO()
    csv.writer(text).writerows([_written(cell) for cell in row] for row in rows)
    return text.getvalue()


def csv_response(
    name: str, heads: Sequence[str], pages: AsyncIterable[Iterable[Sequence[Cell]]]
) -> StreamingResponse:
    """A file to download, sent page by page as the pages are made."""

    async def stream() -> AsyncIterator[str]:
        yield csv_lines([heads])
        async for page in pages:
            yield csv_lines(page)

    return StreamingResponse(
        stream(),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
    return str(cell)
