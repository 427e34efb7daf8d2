"""Forecasts for public data sets, made by the code that serves tenants, in the form their scorer reads.

A data set is a folder with `ar_invoices.csv` (payment, weekly), `billing_*.csv` (stage) or `fines.csv`
(collect). Every forecast knows what was known on its day and nothing later; only in the stage task, where the
cases and not the days are split, the cases of the other part are known whole.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from officium.apps.cashflow.statistics import (
    CashflowModel,
    ClosedDeal,
    DealHistory,
    OpenDeal,
    fit,
    simulate,
)

Task = Literal["payment", "weekly", "stage", "collect"]
Row = Mapping[str, str]
Answer = dict[str, str | int | float]

_DAY = timedelta(days=1)
_WEEKS = 8
_WITHIN_DAYS = 365
_INVOICED, _DELETED = "BILLED", "DELETE"


def forecasts_for(task: Task, folder: Path) -> Iterator[Answer]:
    """The rows of the answer to `task`, from the files in `folder`.

    Raises OSError where a file cannot be read, KeyError and ValueError where one has not the form expected.
    """
    answers: Mapping[Task, Callable[[Path], Iterator[Answer]]] = {
        "payment": _payments,
        "weekly": _weeks,
        "stage": _stages,
        "collect": _collections,
    }
    return answers[task](folder)


def _payments(folder: Path) -> Iterator[Answer]:
    """When each invoice of the test part is paid, as it looked on the day it was issued."""
    rows = _read(folder / "ar_invoices.csv")
    invoices = _Bills.of_invoices(rows)
    for issued, places in _test_days(rows, "invoice_date"):
        model = invoices.model_before(issued)
        for place in places:
            paid = model.predict(invoices.to_be_issued(place)).payment
            yield {
                "invoice_id": rows[place]["invoice_id"],
                "d10": (paid.p10 - issued).days,
                "d50": (paid.p50 - issued).days,
                "d90": (paid.p90 - issued).days,
                "confidence": round(paid.within_week, 4),
            }


def _weeks(folder: Path) -> Iterator[Answer]:
    """The cash of the eight weeks after each Monday in the months of the test part."""
    rows = _read(folder / "ar_invoices.csv")
    history = _Bills.of_invoices(rows).history
    issued = sorted(_day(row["invoice_date"]) for row in rows if row["split"] == "test")
    origin = issued[0].replace(day=1)
    origin += timedelta(days=-origin.weekday() % 7)
    after = (issued[-1].replace(day=1) + timedelta(days=32)).replace(day=1)
    while origin < after:
        known = history.as_of(origin)
        model = fit(known.closed, known.open, origin)
        table = simulate(model, known.open, origin + _DAY, 7 * _WEEKS, seed=origin.toordinal())
        rows_of_all = [row.cash for cash in table.currencies.values() for row in cash.rows]
        for week in range(1, _WEEKS + 1):
            cash = rows_of_all[week - 1] if rows_of_all else None
            yield {
                "origin": origin.isoformat(),
                "week": week,
                "amount": float(cash.mean) if cash else 0.0,
                "p10": float(cash.p10) if cash else 0.0,
                "p90": float(cash.p90) if cash else 0.0,
            }
        origin += 7 * _DAY


def _stages(folder: Path) -> Iterator[Answer]:
    """When the case behind each snapshot of the test part is billed."""
    snapshots = _read(folder / "billing_snapshots_test.csv")
    cases, today = _cases(folder, {row["case_id"] for row in snapshots})
    model = fit(cases.closed, cases.open, today)
    types = {row["case_id"]: row["casetype"] for row in _read(folder / "billing_cases.csv")}
    for row in snapshots:
        entered = today - timedelta(days=int(float(row["days_in_stage"])))
        pipeline = row.get("casetype") or types.get(row["case_id"], "")
        deal = OpenDeal(
            0,
            "",
            pipeline,
            Decimal(1),
            "",
            entered,
            ((entered, row["stage"]),),
            row["stage"],
            entered,
            None,
            None,
        )
        soon = model.invoiced_within(deal, _WITHIN_DAYS + 1)
        # a snapshot is taken as its day begins, a forecast is made as the day before it ends
        days = [day - 1 for day in soon.quantiles]
        yield {
            "snap_id": row["snap_id"],
            "d10": days[0],
            "d50": days[1],
            "d90": days[2],
            **{f"p{within}": round(soon.probability(within + 1), 6) for within in (30, 60, 90)},
        }


def _collections(folder: Path) -> Iterator[Answer]:
    """How probable it is that each bill of the test part is paid, as it looked when it was issued."""
    rows = _read(folder / "fines.csv")
    fines = _Bills.of_fines(rows)
    for issued, places in _test_days(rows, "issued"):
        model = fines.model_before(issued)
        for place in places:
            paid = model.outlook(fines.to_be_issued(place)).paid.cumsum()
            # a forecast is made as the day before ends
            soon = {f"p{within}": round(float(paid[within + 1]), 6) for within in (30, 90, 365)}
            yield {"case_id": rows[place]["case_id"], **soon}


class _Bills:
    """Bills as deals that begin with their invoice."""

    def __init__(self, deals: Sequence[ClosedDeal]) -> None:
        self._deals = deals
        self.history = DealHistory(tuple(deals))

    @classmethod
    def of_invoices(cls, rows: Sequence[Row]) -> "_Bills":
        terms = [_terms(row) for row in rows]
        # terms that are the same for everybody say nothing about an invoice
        agreed = len(set(terms) - {None}) > 1
        return cls(
            [
                _bill(
                    place,
                    row["customer_id"],
                    row.get("paperless_bill", ""),
                    row["amount"],
                    row["invoice_date"],
                    row["paid_date"],
                    terms[place] if agreed else None,
                )
                for place, row in enumerate(rows)
            ]
        )

    @classmethod
    def of_fines(cls, rows: Sequence[Row]) -> "_Bills":
        return cls(
            [
                _bill(place, row["case_id"], "", row["amount"], row["issued"], row["paid_date"], None)
                for place, row in enumerate(rows)
            ]
        )

    def model_before(self, day: date) -> CashflowModel:
        """What was learned by the end of the day before `day`."""
        known = self.history.as_of(day - _DAY)
        return fit(known.closed, known.open, day - _DAY)

    def to_be_issued(self, place: int) -> OpenDeal:
        """The bill as it looked on the day before it was issued."""
        deal = self._deals[place]
        assert deal.invoiced_on is not None
        return OpenDeal(
            deal.deal_id,
            deal.customer,
            deal.pipeline,
            deal.amount,
            deal.currency,
            deal.created_on,
            (),
            "",
            deal.created_on,
            deal.invoiced_on,
            deal.terms_days,
        )


def _terms(row: Row) -> int | None:
    due = row.get("due_date")
    return (_day(due) - _day(row["invoice_date"])).days if due else None


def _bill(
    place: int, customer: str, pipeline: str, amount: str, issued: str, paid: str, terms: int | None
) -> ClosedDeal:
    day = _day(issued)
    paid_on = _day(paid) if paid else None
    return ClosedDeal(place, customer, pipeline, Decimal(amount), "", day, (), day, paid_on, None, terms)


def _cases(folder: Path, left_out: set[str]) -> tuple[DealHistory, date]:
    """The cases that are not left out, as far as the log goes, and the log's last day."""
    events: dict[str, list[tuple[date, str]]] = defaultdict(list)
    last = date.min
    for row in _read(folder / "billing_events.csv"):
        day = _day(row["timestamp"])
        last = max(last, day)
        if row["case_id"] not in left_out:
            events[row["case_id"]].append((day, row["activity"]))
    types = {row["case_id"]: row["casetype"] for row in _read(folder / "billing_cases.csv")}
    deals: list[ClosedDeal] = []
    for number, (case, steps) in enumerate(sorted(events.items())):
        billed = min((day for day, activity in steps if activity == _INVOICED), default=None)
        deleted = min((day for day, activity in steps if activity == _DELETED), default=None)
        changes = tuple(step for step in steps if step[1] not in (_INVOICED, _DELETED))
        lost = deleted if billed is None else None
        deals.append(
            ClosedDeal(
                number,
                "",
                types.get(case, ""),
                Decimal(1),
                "",
                steps[0][0],
                changes,
                billed,
                None,
                lost,
                None,
            )
        )
    return DealHistory(tuple(deals)).as_of(last), last


def _test_days(rows: Sequence[Row], column: str) -> Iterator[tuple[date, list[int]]]:
    """The places of the test rows by their day, in the order of the days."""
    days: dict[date, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if row["split"] == "test":
            days[_day(row[column])].append(place)
    yield from sorted(days.items())


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])
