"""Tables that open in a spreadsheet without running anything there."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.web.csv_text import csv_lines, csv_response


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_what_looks_like_a_formula_is_text(start: str):
    ((cell,),) = csv.reader(io.StringIO(csv_lines([[f"{start}HYPERLINK(1)"]]), newline=""))

    assert cell == f"'{start}HYPERLINK(1)"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (None, ""),
        (True, "true"),
        (-5, "-5"),
        (1.5, "1.5"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("مرحبا", "مرحبا"),
        ("1=1", "1=1"),
    ],
)
def test_cell_is_written_as(cell: str | float | bool | None, written: str):
    assert csv_lines([[cell]]).removesuffix("\r\n") == (written or '""')


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_no_cell_begins_a_formula_and_none_is_lost(rows: list[list[str]]):
    read = list(csv.reader(io.StringIO(csv_lines(rows), newline="")))

    assert len(read) == len(rows)
    for cells, written in zip(rows, read, strict=True):
        assert [cell.removeprefix("'") if cell[:1] == "'" else cell for cell in written] == [
            cell.removeprefix("'") for cell in cells
        ]
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in written)


async def test_pages_are_sent_one_by_one():
    async def pages():
        yield [[1, "a"]]
        yield [[2, "b"], [3, "c"]]

    response = csv_response("numbers.csv", ["number", "name"], pages())

    pieces = [piece async for piece in response.body_iterator]
    assert pieces == ["number,name\r\n", "1,a\r\n", "2,b\r\n3,c\r\n"]
    assert response.headers["content-disposition"] == 'attachment; filename="numbers.csv"'
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
