"""From rows to deals: columns, values in several ways of writing, and errors by row."""

from datetime import date
from decimal import Decimal

import pytest

from officium.apps.cashflow.deals import CashflowConfig, ImportOptions
from officium.apps.cashflow.deals.cell_value import read_amount, read_day
from officium.apps.cashflow.deals.errors import DealImportRejected
from officium.apps.cashflow.deals.importing import ReadImport, checked_deals, read_deals
from officium.apps.cashflow.deals.table_file import read_table
from tests.support.workbooks import a_workbook

TODAY = date(2026, 11, 21)


def read(text: str, **options) -> ReadImport:
    return read_deals(read_table(text.encode(), "csv"), ImportOptions(**options), CashflowConfig(), TODAY)


def test_columns_are_known_by_the_names_that_crms_give_them():
    found = read(
        "Deal Name,Deal Stage,Amount,Company,Deal Owner,Create Date,Payment Terms,Notes\n"
        'Alpha,Order Received,"SAR 1,250.50",Aramco,John,2026-01-05,45,Call them\n'
    )

    (deal,) = checked_deals(found)
    assert deal.note == "Call them"
    draft = deal.draft
    assert (draft.title, draft.customer, draft.owner_name) == ("Alpha", "Aramco", "John")
    assert (draft.value, draft.currency, draft.payment_terms_days) == (Decimal("1250.50"), "SAR", 45)
    assert (draft.created_on, draft.stage_changed_on, draft.status) == (
        date(2026, 1, 5),
        date(2026, 1, 5),
        "open",
    )


def test_mapping_says_what_names_do_not_tell():
    found = read("Vorgang,Lage\nAlpha,Fertig\n", mapping={"title": "Vorgang", "stage": "Lage"})

    assert checked_deals(found)[0].draft.stage == "Fertig"


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({}, "No column says the title"),
        ({"title": "Nothing"}, "no column 'Nothing'"),
        ({"titel": "Vorgang"}, "knows no field"),
    ],
)
def test_wrong_mapping_is_refused(mapping, reason):
    with pytest.raises(DealImportRejected, match=reason):
        read("Vorgang,Lage\nAlpha,Fertig\n", mapping=mapping)


def test_every_wrong_row_is_told_and_nothing_is_taken():
    found = read(
        "title,stage,value,currency,created_on,paid_on,external_id\n"
        "Right,A,1,SAR,2026-01-01,,1\n"
        ",A,1,SAR,2026-01-01,,2\n"
        "Bad value,A,a lot,SAR,2026-01-01,,3\n"
        "Bad currency,A,1,XXQ,2026-01-01,,4\n"
        "Bad day,A,1,SAR,31.02.2026,,5\n"
        "Negative,A,-5,SAR,2026-01-01,,6\n"
        "Twice,A,1,SAR,2026-01-01,,1\n"
        "Future,A,1,SAR,2026-01-01,2027-01-01,7\n"
        "Too,many,1,SAR,2026-01-01,,8,cells\n"
    )

    assert [each.row for each in found.wrong] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert [each.column for each in found.wrong] == [
        *("title", "value", "currency", "created_on", "value", "external_id", "paid_on"),
        None,
    ]
    with pytest.raises(DealImportRejected, match="row 3: The title is missing") as raised:
        checked_deals(found)
    assert len(raised.value.fields["rows"]) == 8


@pytest.mark.parametrize(
    ("days", "order", "notices"),
    [
        pytest.param(["13/02/2026", "03/02/2026"], "dmy", 0, id="day-first-shows"),
        pytest.param(["02/13/2026", "02/03/2026"], "mdy", 0, id="month-first-shows"),
        pytest.param(["03/02/2026"], "dmy", 1, id="nothing-shows"),
        pytest.param(["2026-02-03"], "ymd", 0, id="iso"),
    ],
)
def test_order_of_days_is_found_out_from_the_column(days, order, notices):
    found = read("title,stage,created_on\n" + "".join(f"x,A,{day}\n" for day in days))

    assert (found.date_order, len(found.notices)) == (order, notices)
    assert checked_deals(found)[-1].draft.created_on == date(2026, 2, 3)


@pytest.mark.parametrize(
    ("written", "mark", "value"),
    [
        ("1,234.50", ".", "1234.50"),
        ("1.234,50", ",", "1234.50"),
        ("1 234 567,8", ",", "1234567.8"),
        ("SAR 12,000", ".", "12000"),
        ("12000 SR", ".", "12000"),
        ("$1,000", ".", "1000"),
        ("\u0661\u0662\u0663\u0664\u066b\u0665", ".", "1234.5"),
        ("1'234.00", ".", "1234.00"),
        (0.1, ".", "0.1"),
        (7, ".", "7"),
    ],
)
def test_amounts_are_read_exactly(written, mark, value):
    assert read_amount(written, mark) == Decimal(value)


@pytest.mark.parametrize("written", ["", "12 apples", "1e9", "=1+1", "--5", "NaN", "∞", True])
def test_what_is_no_amount_is_refused(written):
    with pytest.raises(ValueError, match="no amount"):
        read_amount(written, ".")


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-03",
        "03.02.2026",
        "3/2/26",
        "2026/2/3",
        "3 Feb 2026",
        "Feb 3, 2026",
        "03-Feb-26",
        46056,
        "٠٣/٠٢/٢٠٢٦",
    ],
)
def test_days_are_read_in_many_ways(written):
    assert read_day(written, "dmy") == date(2026, 2, 3)


@pytest.mark.parametrize("written", ["", "soon", "32/01/2026", "2026-13-01", 3, 1e12, "0000-01-01"])
def test_what_is_no_day_is_refused(written):
    with pytest.raises(ValueError, match="no day"):
        read_day(written, "dmy")


def test_point_is_thousands_where_the_column_shows_it():
    found = read('title;stage;value\nx;A;1.234\ny;A;"2.000,50"\n')

    assert [each.draft.value for each in checked_deals(found)] == [Decimal(1234), Decimal("2000.50")]


def test_excel_days_and_amounts_are_read_as_excel_means_them():
    content = a_workbook(
        ["title", "stage", "value", "created_on", "external_id"],
        ["Alpha", "A", 1250.1, date(2026, 2, 3), 17.0],
    )

    found = read_deals(read_table(content, "xlsx"), ImportOptions(), CashflowConfig(), TODAY)

    draft = checked_deals(found)[0].draft
    assert (draft.value, draft.created_on, draft.external_id) == (Decimal("1250.1"), date(2026, 2, 3), "17")


def test_stage_that_ends_a_deal_brings_its_date():
    found = read("title,stage,stage_changed_on\na,Invoiced,2026-11-01\nb,Closed Lost,2026-11-02\n")

    first, second = (each.draft for each in checked_deals(found))
    assert (first.status, first.invoiced_on) == ("invoiced", date(2026, 11, 1))
    assert (second.status, second.lost_on) == ("lost", date(2026, 11, 2))
