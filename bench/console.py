"""How long the console's pages take on SQLite with a long usage log. `python -m bench.console`."""

import argparse
import asyncio
import random
import statistics
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from bench.console_pages import measure_pages
from officium.core.tenancy import Caller, operator_of
from officium.core.usage import UsageRecord, UsageStore
from officium.core.usage.search import Wanted
from officium.main import Parts, build_parts, running
from officium.settings import Settings

TIMES = 7
_APPS = ("gateway", "personas", "widget", "writer")
_OF_WIDGETS = _APPS.index("widget")


def records(tenant_id: str, count: int) -> Iterator[list[UsageRecord]]:
    """Thirty days of calls, in batches: four apps, six models, forty clients with a widget each."""
    dice, now = random.Random(3), datetime.now(UTC)
    step = timedelta(days=30) / count
    for start in range(0, count, 2000):
        yield [
            UsageRecord(
                created_at=now - (count - number) * step,
                request_id=f"req_{number}",
                attempt=1,
                is_last=True,
                tenant_id=tenant_id,
                actor=f"key:ak_{number % 50}",
                user=None,
                app=_APPS[number % 4],
                prompt=None,
                prompt_version=None,
                provider=("openai", "groq")[number % 2],
                requested_model="m",
                model=f"model-{number % 6}",
                is_stream=False,
                input_tokens=800,
                output_tokens=200,
                total_tokens=1000,
                usage_source="provider",
                cost_nano_usd=dice.randrange(9_000_000),
                price_source="price-list",
                ttft_ms=300,
                duration_ms=1200,
                status="failed" if (is_bad := number % 100_000 == 7) else "success",
                error_code="timeout" if is_bad else None,
                client_id=(client := number // 4 % 40 + 1),
                widget_id=client if number % 4 == _OF_WIDGETS else None,
            )
            for number in range(start, min(start + 2000, count))
        ]


async def measure(parts: Parts, caller: Caller) -> None:
    """What each page asks of the services, several times over."""
    since = datetime.now(UTC) - timedelta(days=20)
    pages = {
        "overview, 30 days": lambda: parts.overviews.get_overview(caller, "30-days"),
        "overview, 7 days": lambda: parts.overviews.get_overview(caller, "7-days"),
        "needs attention": lambda: parts.attention.list_concerns(caller),
        "request log": lambda: parts.searches.search(caller, Wanted()),
        "request log, one model": lambda: parts.searches.search(
            caller, Wanted(provider="openai", model="model-2")
        ),
        "request log, ten failures in all": lambda: parts.searches.search(caller, Wanted(status="failed")),
        "request log, an unknown key": lambda: parts.searches.search(caller, Wanted(actor="key:none")),
        "request log, twenty days ago": lambda: parts.searches.search(caller, Wanted(until=since)),
        "a request": lambda: parts.searches.list_attempts(caller, "req_500"),
    }
    for name, ask in pages.items():
        took = []
        for _ in range(TIMES):
            began = perf_counter()
            await ask()
            took.append((perf_counter() - began) * 1000)
        print(f"{name:34} median {statistics.median(took):7.1f} ms   most {max(took):7.1f} ms", flush=True)


async def run(count: int) -> None:
    """Fill a log and measure."""
    with tempfile.TemporaryDirectory() as folder:
        parts = build_parts(Settings(data_dir=Path(folder), knowledge_encoder="none"))
        async with running(parts):
            tenant = await parts.tenancy.create_tenant(operator_of(""), "Bench")
            store, began = UsageStore(parts.database), perf_counter()
            for batch in records(tenant.id, count):
                await store.append_for_all_tenants(batch)
            took = perf_counter() - began
            print(f"{count:,} lines and their tallies: {took:.0f} s, {took / count * 1e6:.1f} us each")
            await measure(parts, operator_of(tenant.id))
            await measure_pages(parts, tenant.id)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    asyncio.run(run(parser.parse_args().lines))
