"""Measure the cash-flow forecast: how good on public data, how fast and large with many deals.

python -m bench.cashflow quality [--data ../shared/cashflow]
python -m bench.cashflow little [--data ../shared/cashflow]
taskset -c 0 python -m bench.cashflow speed [--open 10000] [--closed 100000] [--runs 2000]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from officium.apps.cashflow import evaluation
from officium.apps.cashflow.statistics import (
    CashflowModel,
    ClosedDeal,
    OpenDeal,
    WorkingCalendar,
    fit,
    simulate,
)

TODAY = date(2026, 11, 16)
STAGES = ("Order Received", "Under Progress", "Production/Supplying", "Awaiting GR")
FILES = {
    "payment": "ar_invoices.csv",
    "weekly": "ar_invoices.csv",
    "stage": "billing_snapshots_test.csv",
    "collect": "fines.csv",
}


def quality(data: Path) -> None:
    """Print what the data's own scorer says of our forecasts, task by task."""
    for task, file in FILES.items():
        with tempfile.TemporaryDirectory() as folder:
            forecasts = Path(folder) / "forecasts.csv"
            command = [sys.executable, "-m", "officium.cli", "cashflow", "eval", "--data", str(data)]
            began = time.perf_counter()
            subprocess.run([*command, "--task", task, "--out", str(forecasts)], check=True)
            took = time.perf_counter() - began
            score = [sys.executable, str(data / "score.py"), task, "--data", str(data / file), "--pred"]
            told = subprocess.run([*score, str(forecasts)], check=True, capture_output=True, text=True).stdout
        print(f"{task} ({took:.0f} s)")
        for name, value in json.loads(told).items():
            if name != "task":
                print(f"    {name:<32}{value}")


def little(data: Path) -> None:
    """Print how good forecasts are with few closed deals, drawn at random from the training parts."""
    bills = evaluation._Bills.of_invoices(rows := evaluation._read(data / "ar_invoices.csv"))
    first = min(row["invoice_date"] for row in rows if row["split"] == "test")
    day = date.fromisoformat(first) - timedelta(days=1)
    known = list(bills.history.as_of(day).closed)
    asked = [place for place, row in enumerate(rows) if row["split"] == "test" and row["paid_date"]]
    issued = [replace(bills.to_be_issued(place), invoiced_on=day + timedelta(days=1)) for place in asked]
    took = [_days(rows[place]["invoice_date"], rows[place]["paid_date"]) for place in asked]
    test = evaluation._read(data / "billing_snapshots_test.csv")
    cases, today = evaluation._cases(data, {row["case_id"] for row in test})
    everyone = [*cases.closed, *cases.open]
    print("closed deals   payment MAE   stage Brier 60 d")
    for count in (0, 5, 20, 100, 1000):
        errors, scores = [], []
        for seed in range(5 if count else 1):
            random = np.random.default_rng(seed)
            some = [known[place] for place in random.choice(len(known), count, replace=False)]
            paid = fit(some, [], day).predict_all(issued)
            ahead = [(one.payment.p50 - day).days - 1 for one in paid]
            errors.append(np.mean(np.abs(np.subtract(ahead, took))))
            drawn = [everyone[place] for place in random.choice(len(everyone), count, replace=False)]
            closed = [deal for deal in drawn if isinstance(deal, ClosedDeal)]
            model = fit(closed, [deal for deal in drawn if isinstance(deal, OpenDeal)], today)
            scores.append(np.mean([_brier(model, row, today) for row in test[::10]]))
        print(f"{count:>12}{np.mean(errors):>14.2f}{np.mean(scores):>19.4f}")


def _days(begin: str, end: str) -> int:
    return (date.fromisoformat(end) - date.fromisoformat(begin)).days


def _brier(model: CashflowModel, row: Mapping[str, str], today: date) -> float:
    entered = today - timedelta(days=int(float(row["days_in_stage"])))
    deal = OpenDeal(0, "", row["casetype"], Decimal(1), "", entered, (), row["stage"], entered, None, None)
    billed = float(bool(row["days"]) and float(row["days"]) <= 60)
    return (model.invoiced_within(deal, 400).probability(61) - billed) ** 2


def speed(still_open: int, closed: int, runs: int) -> None:
    """Print how long a forecast takes, from the deals to the table, in fresh processes of growing size."""
    heads = ("open", "closed", "fit s", "deals s", "table s", "all s", "peak MiB", "input MiB")
    print("".join(f"{head:>10}" for head in heads), flush=True)
    for share in (0.25, 0.5, 1.0, 2.0):
        sizes = [str(round(share * still_open)), str(round(share * closed)), str(runs)]
        subprocess.run([sys.executable, "-m", "bench.cashflow", "once", *sizes], check=True)


def once(still_open: int, closed: int, runs: int) -> None:
    """Forecast 180 days in weeks, for one number of deals, and print a row."""
    history = list(closed_deals(closed))
    deals = list(open_deals(still_open))
    calendar = WorkingCalendar("SA")
    calendar.is_working_day(TODAY)
    before = _peak_mib()
    began = time.process_time()
    model = fit(history, deals, TODAY)
    fitted = time.process_time()
    forecasts = model.predict_all(deals)
    predicted = time.process_time()
    table = simulate(model, deals, TODAY + timedelta(days=1), 180, runs=runs, seed=1, calendar=calendar)
    ended = time.process_time()
    assert len(forecasts) == len(deals)
    assert sum(len(cash.rows) for cash in table.currencies.values()) == 2 * 26
    seconds = (fitted - began, predicted - fitted, ended - predicted, ended - began)
    print(
        f"{still_open:>10}{closed:>10}{''.join(f'{one:>10.2f}' for one in seconds)}"
        f"{_peak_mib():>10.0f}{before:>10.0f}"
    )


def closed_deals(count: int) -> Iterator[ClosedDeal]:
    """Deals of 1,000 customers in 5 pipelines and 2 currencies, three stages each, one in ten lost."""
    random = np.random.default_rng(1)
    habits = random.gamma(9, 4, 1000)
    customers = random.integers(1000, size=count)
    stays = random.gamma(2, 8, (count, 3)).astype(int) + 1
    delays = np.maximum(habits[customers] + random.normal(0, 8, count), 1).astype(int)
    begun = random.integers(60, 1000, count)
    lost = random.random(count) < 0.1
    for number in range(count):
        day = TODAY - timedelta(days=int(begun[number]))
        changes = []
        for stage, days in zip(STAGES, stays[number], strict=False):
            changes.append((day, stage))
            day += timedelta(days=int(days))
        customer = int(customers[number])
        paid = day + timedelta(days=int(delays[number]))
        yield ClosedDeal(
            deal_id=number,
            customer=f"Customer {customer}",
            pipeline=f"Pipeline {customer % 5}",
            amount=Decimal(int(begun[number]) * 100 + 1),
            currency="SAR" if customer % 4 else "USD",
            created_on=changes[0][0],
            stage_changes=tuple(changes),
            invoiced_on=None if lost[number] else day,
            paid_on=None if lost[number] else paid,
            lost_on=day if lost[number] else None,
            terms_days=None,
        )


def open_deals(count: int) -> Iterator[OpenDeal]:
    """Open deals of the same kind; four in ten are invoiced."""
    random = np.random.default_rng(2)
    for number in range(count):
        customer = int(random.integers(1000))
        entered = TODAY - timedelta(days=int(random.integers(0, 60)))
        stage = STAGES[int(random.integers(3))]
        invoiced = random.random() < 0.4
        yield OpenDeal(
            deal_id=1_000_000 + number,
            customer=f"Customer {customer}",
            pipeline=f"Pipeline {customer % 5}",
            amount=Decimal(int(random.integers(1000, 100_000))),
            currency="SAR" if customer % 4 else "USD",
            created_on=entered,
            stage_changes=((entered, stage),),
            stage=stage,
            stage_entered_on=entered,
            invoiced_on=entered if invoiced else None,
            terms_days=None,
        )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    for name in ("quality", "little"):
        what.add_parser(name).add_argument("--data", type=Path, default=Path("../shared/cashflow"))
    of_speed = what.add_parser("speed")
    of_speed.add_argument("--open", type=int, default=10_000, dest="still_open")
    of_speed.add_argument("--closed", type=int, default=100_000)
    of_speed.add_argument("--runs", type=int, default=2000)
    of_once = what.add_parser("once")
    for name in ("still_open", "closed", "runs"):
        of_once.add_argument(name, type=int)
    told = vars(parser.parse_args())
    {"quality": quality, "little": little, "speed": speed, "once": once}[told.pop("what")](**told)


if __name__ == "__main__":
    main()
