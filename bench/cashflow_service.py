"""Measure the cash-flow room end to end: a database full of deals, and the service that forecasts them.

OMP_NUM_THREADS=1 taskset -c 1 python -m bench.cashflow_service [--open 10000] [--closed 100000]
"""

import argparse
import asyncio
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from bench.cashflow import closed_deals, open_deals
from officium.apps.cashflow.cash_forecast import CashForecastInput
from officium.apps.cashflow.deals import DealChanges, DealFilter, DealService, DealStore
from officium.apps.cashflow.deals.deal import DealDraft, StageChange
from officium.apps.cashflow.deals.importing import ImportedDeal
from officium.apps.cashflow.runs import RunStore
from officium.apps.cashflow.service import CashflowService
from officium.apps.cashflow.statistics import ClosedDeal, OpenDeal
from officium.core.tenancy import AuditEntry, Tenant, TenantStore, operator_of
from officium.kit.clock import SystemClock
from officium.kit.database import Database
from officium.kit.schema import upgrade

CALLER = operator_of("ten_bench")
NOBODY = cast("Any", None)
"""Stands in for the gateway: no model is asked here."""


def measure(still_open: int, closed: int) -> None:
    """Print processor time and peak memory, in fresh processes of growing size."""
    heads = ("open", "closed", "first s", "again s", "changed s", "dates s", "peak MiB", "before MiB")
    print("".join(f"{head:>11}" for head in heads), flush=True)
    for share in (0.25, 0.5, 1.0):
        sizes = [str(round(share * still_open)), str(round(share * closed))]
        with tempfile.TemporaryDirectory() as folder:
            for step in ("fill", "serve"):
                command = [sys.executable, "-m", "bench.cashflow_service", "--step", step, "--folder", folder]
                subprocess.run([*command, "--open", sizes[0], "--closed", sizes[1]], check=True)


async def fill(database: Database, still_open: int, closed: int) -> None:
    """Put so many deals into a new database."""
    now, store = datetime.now(UTC) - timedelta(hours=1), DealStore(database)
    await TenantStore(database).add_for_all_tenants(Tenant(id=CALLER.tenant_id, name="Bench", created_at=now))
    deals = itertools.chain(closed_deals(closed), open_deals(still_open))
    rows = map(_imported, itertools.count(), deals)
    while chunk := list(itertools.islice(rows, 20_000)):
        entry = AuditEntry(at=now, action="deals.imported", thing="deal", thing_id="")
        await store.import_deals(CALLER, chunk, now, entry)


async def serve(database: Database, still_open: int, closed: int) -> None:
    """Forecast for the first time, again, and after a deal has changed; then with every deal's dates."""
    store, clock = DealStore(database), SystemClock()
    service = CashflowService(store, RunStore(database), NOBODY, NOBODY, NOBODY, clock)
    before, asked = _peak_mib(), CashForecastInput(horizon_days=180)
    seconds: list[float] = []

    async def take_time(work: Awaitable[object]) -> None:
        began = time.process_time()
        await work
        seconds.append(time.process_time() - began)

    await take_time(service.forecast(CALLER, asked, keep=False))
    await take_time(service.forecast(CALLER, asked, keep=False))
    deals = DealService(store, clock)
    (one,) = await deals.list_deals(CALLER, DealFilter(status="open"), limit=1)
    await deals.update_deal(CALLER, one.id, DealChanges(value=Decimal(7)))
    await take_time(service.forecast(CALLER, asked, keep=False))
    await take_time(service.look(CALLER, asked))
    seconds[-1] -= seconds[1]
    print(
        f"{still_open:>11}{closed:>11}{''.join(f'{one:>11.2f}' for one in seconds)}"
        f"{_peak_mib():>11.0f}{before:>11.0f}",
        flush=True,
    )


def _imported(number: int, deal: ClosedDeal | OpenDeal) -> ImportedDeal:
    paid_on = deal.paid_on if isinstance(deal, ClosedDeal) else None
    lost_on = deal.lost_on if isinstance(deal, ClosedDeal) else None
    changes = tuple(StageChange(entered_on=day, stage=stage) for day, stage in deal.stage_changes)
    draft = DealDraft(
        title=f"Deal {number}",
        stage=changes[-1].stage,
        value=deal.amount,
        currency=deal.currency,
        pipeline=deal.pipeline,
        customer=deal.customer,
        owner_name="",
        external_id=None,
        created_on=deal.created_on,
        stage_changed_on=changes[-1].entered_on,
        expected_close_on=None,
        invoiced_on=deal.invoiced_on,
        paid_on=paid_on,
        lost_on=lost_on,
        payment_terms_days=None,
        stage_changes=changes,
    )
    return ImportedDeal(row=number, draft=draft, note=None)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _step(step: str, folder: Path, still_open: int, closed: int) -> None:
    database = Database.open(f"sqlite+aiosqlite:///{folder / 'bench.db'}")
    await upgrade(database)
    await (fill if step == "fill" else serve)(database, still_open, closed)
    await database.close()


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=10_000, dest="still_open")
    parser.add_argument("--closed", type=int, default=100_000)
    parser.add_argument("--step", choices=("fill", "serve"))
    parser.add_argument("--folder", type=Path)
    told = parser.parse_args()
    if told.step is None:
        measure(told.still_open, told.closed)
    else:
        asyncio.run(_step(told.step, told.folder, told.still_open, told.closed))


if __name__ == "__main__":
    main()
