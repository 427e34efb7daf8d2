"""What an export and an erasure of a tenant cost. `python -m bench.export`."""

import argparse
import asyncio
import resource
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import insert

from bench.console import records
from officium.core.conversations.tables import conversations, messages
from officium.core.tenancy import operator_of
from officium.core.usage import UsageStore
from officium.kit.database import Database
from officium.main import Parts, build_parts, running
from officium.settings import Settings

_BATCH = 1000
_WORDS = (
    "The offer of last week still stands, and the invoice is due on Friday; say so if it should be later. "
)


async def fill(parts: Parts, tenant_id: str, lines: int, said: int) -> None:
    """Give a tenant lines of the usage log, and messages of some hundred characters."""
    store = UsageStore(parts.database)
    for batch in records(tenant_id, lines):
        await store.append_for_all_tenants(batch)
    await _add(parts.database, tenant_id, conversations, [_row(conversations, tenant_id, 0)])
    for start in range(0, said, _BATCH):
        rows = [_row(messages, tenant_id, number) for number in range(start, min(start + _BATCH, said))]
        await _add(parts.database, tenant_id, messages, rows)


async def _add(database: Database, tenant_id: str, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    async with database.writing(tenant_id) as connection:
        await connection.execute(insert(table), rows)


def _row(table: Any, tenant_id: str, number: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    own: dict[str, Any] = {"id": number + 1, "tenant_id": tenant_id, "created_at": now}
    if table is conversations:
        return own | {
            "owner": "member:mem_1",
            "app": "personas",
            "title": "Offer",
            "folded_title": "offer",
            "message_count": 0,
            "updated_at": now,
        }
    text = f"{number}. {_WORDS * (1 + number % 8)}"
    return own | {
        "conversation_id": 1,
        "role": ("user", "assistant")[number % 2],
        "content": text,
        "folded": text.casefold(),
        "status": "complete",
        "metadata": {},
    }


class _Watch:
    """Says what the processor was busy with since it was made, and the most memory ever in use."""

    def __init__(self) -> None:
        self._cpu_s, self._began = process_time(), perf_counter()

    def say(self, what: str) -> None:
        most_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{what:42} {process_time() - self._cpu_s:6.1f} s of the processor, "
            f"{perf_counter() - self._began:6.1f} s, most memory {most_mib:.0f} MiB",
            flush=True,
        )


async def run(lines: int, said: int, url: str | None) -> None:
    """Fill a tenant, take it along in both ways, then erase it."""
    with tempfile.TemporaryDirectory() as folder:
        parts = build_parts(Settings(data_dir=Path(folder), database_url=url, knowledge_encoder="none"))
        async with running(parts):
            await parts.clockwork.close()
            tenant = await parts.tenancy.create_tenant(operator_of(""), "Bench")
            await parts.tenancy.create_tenant(operator_of(""), "Other")
            operator, watch = operator_of(tenant.id), _Watch()
            await fill(parts, tenant.id, lines, said)
            watch.say(f"filled: {lines:,} lines, {said:,} messages")
            watch, size = _Watch(), 0
            async for piece in parts.exports.write_export(operator):
                size += len(piece)
            watch.say(f"written at once: {size / 1e6:.1f} MB")
            watch = _Watch()
            await parts.exports.request_export(operator)
            await parts.exports.run()
            [export] = await parts.exports.list_exports(operator)
            watch.say(f"made by the job: {export.state}, {export.size_bytes / 1e6:.1f} MB")
            watch, (_, pieces) = _Watch(), await parts.exports.open_export(operator, export.id)
            async for _piece in pieces:
                pass
            watch.say("downloaded")
            await parts.erasures.close_tenant(operator, grace_days=0)
            watch = _Watch()
            await parts.erasures.erase_tenant(operator)
            watch.say("erased")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--database-url", default=None)
    asked = parser.parse_args()
    asyncio.run(run(asked.lines, asked.messages, asked.database_url))
