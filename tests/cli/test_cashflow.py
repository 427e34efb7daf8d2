"""cashflow."""

import csv
import io
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Run

INVOICES = """invoice_id,customer_id,invoice_date,due_date,amount,disputed,paid_date,split
{rows}
"""


def a_folder(path: Path, *, history: bool = True) -> Path:
    """Invoices of two customers, paid 20 and 60 days after; the last of each is to be forecast."""
    rows = []
    for number in range(12 if history else 0):
        for customer, paid in (("A", 20), ("B", 60)):
            day = date(2026, 1, 1 + number)
            due, when = day + timedelta(days=30), day + timedelta(days=paid)
            rows.append(f"{customer}{number},{customer},{day},{due},100.00,No,{when},train")
    rows += [f"{c},{c},2026-06-01,2026-07-01,100.00,No,2026-07-15,test" for c in "AB"]
    (path / "ar_invoices.csv").write_text(INVOICES.format(rows="\n".join(rows)))
    return path


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_payments_are_forecast_from_what_each_customer_did(run: Run, tmp_path: Path):
    outcome = run("cashflow", "eval", "--data", str(a_folder(tmp_path)), "--task", "payment")

    prompt, slow = rows_of(outcome.out)
    assert list(prompt) == ["invoice_id", "d10", "d50", "d90", "confidence"]
    assert 15 <= int(prompt["d50"]) <= 30
    assert 50 <= int(slow["d50"]) <= 70
    assert int(slow["d10"]) <= int(slow["d50"]) <= int(slow["d90"])


def test_with_no_history_the_constant_comes_out(run: Run, tmp_path: Path):
    folder = a_folder(tmp_path, history=False)

    outcome = run("cashflow", "eval", "--data", str(folder), "--task", "payment")

    assert [row["d50"] for row in rows_of(outcome.out)] == ["37", "37"]


def test_the_future_in_the_file_is_not_used(run: Run, tmp_path: Path):
    first = run("cashflow", "eval", "--data", str(a_folder(tmp_path)), "--task", "payment").out
    file = tmp_path / "ar_invoices.csv"
    file.write_text(file.read_text().replace("2026-07-15,test", "2026-06-09,test"))

    second = run("cashflow", "eval", "--data", str(tmp_path), "--task", "payment").out

    assert first == second


def test_weeks_hold_what_is_open_on_the_monday(run: Run, tmp_path: Path):
    out = tmp_path / "weekly.csv"

    run("cashflow", "eval", "--data", str(a_folder(tmp_path)), "--task", "weekly", "--out", str(out))

    rows = rows_of(out.read_text())
    assert sorted({row["origin"] for row in rows}) == [f"2026-06-{day:02}" for day in (1, 8, 15, 22, 29)]
    first = {int(row["week"]): row for row in rows if row["origin"] == "2026-06-01"}
    assert list(first) == list(range(1, 9))
    assert max(first, key=lambda week: float(first[week]["amount"])) == 3
    assert 100 < sum(float(row["amount"]) for row in first.values()) < 200
    assert all(float(row["p10"]) <= float(row["p90"]) for row in rows)


def test_stages_and_collections_are_forecast(run: Run, tmp_path: Path):
    (tmp_path / "billing_events.csv").write_text(
        "case_id,activity,timestamp,resource\n"
        + "".join(
            f"C{n},NEW,2026-01-{n + 1:02}T08:00:00,\nC{n},BILLED,2026-03-{n + 1:02}T08:00:00,\n"
            for n in range(20)
        )
        + "D,NEW,2026-12-30T08:00:00,\n"
    )
    cases = "".join(f"C{n},2026-01-{n + 1:02} 08:00:00,A,,\n" for n in range(20))
    (tmp_path / "billing_cases.csv").write_text("case_id,opened,casetype,speciality,diagnosis\n" + cases)
    (tmp_path / "billing_snapshots_test.csv").write_text(
        "snap_id,case_id,at,stage,days_in_stage,age,casetype,days\nD@1,D,2027-01-09,NEW,9.6,9.6,A,50\n"
    )
    (tmp_path / "fines.csv").write_text(
        "case_id,issued,paid_date,amount,split\n"
        + "".join(f"F{n},2025-01-{n + 1:02},2025-02-{n + 1:02},50.0,train\n" for n in range(20))
        + "G,2026-01-01,,50.0,test\n"
    )

    stage = rows_of(run("cashflow", "eval", "--data", str(tmp_path), "--task", "stage").out)[0]
    collect = rows_of(run("cashflow", "eval", "--data", str(tmp_path), "--task", "collect").out)[0]

    assert 47 <= int(stage["d50"]) <= 51
    assert float(stage["p30"]) < 0.2
    assert float(stage["p60"]) > 0.8
    assert float(collect["p30"]) < 0.3
    assert float(collect["p90"]) > 0.9


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("invoice_id,split\n1,test\n", "no column"),
        (INVOICES.format(rows="1,A,tomorrow,2026-03-01,5,No,,test"), "not in the form expected"),
        (INVOICES.format(rows="1,A,2026-01-01,2026-03-01,5,No,,train"), "nothing to forecast"),
    ],
    ids=["no file", "no column", "no date", "no test rows"],
)
def test_a_folder_without_the_right_files_is_explained(
    run: Run, tmp_path: Path, content: str | None, said: str
):
    if content is not None:
        (tmp_path / "ar_invoices.csv").write_text(content)

    outcome = run("cashflow", "eval", "--data", str(tmp_path), "--task", "payment")

    assert outcome.status != 0
    assert said in " ".join(outcome.err.replace("│", " ").split())


def test_sample_is_imported_once(run: Run, installed: dict[str, str]):
    first, second = (run("cashflow", "sample", "--json") for _ in range(2))

    assert first.json["added"] == 288
    assert second.json["added"] == 0
