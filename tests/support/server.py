"""The whole server on a free local port, in this process and on this loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from officium.core.tenancy import Caller, operator_of
from officium.main import Parts, build_app, build_parts, server_options
from officium.settings import load_settings
from officium.web.server import make_server
from tests.support.house import WITHOUT_RATE_LIMITS


@dataclass(frozen=True)
class RunningServer:
    """Where it listens, a key that may do everything, and its parts."""

    url: str
    api_key: str
    caller: Caller
    parts: Parts


@asynccontextmanager
async def running_server(data_dir: Path, **settings: Any) -> AsyncIterator[RunningServer]:
    """Serve with these settings until the block ends."""
    parts = build_parts(load_settings(data_dir=data_dir, **{**WITHOUT_RATE_LIMITS, **settings}))
    options = replace(server_options(parts.settings), port=0, drain_timeout_s=1.0)
    serving = make_server(build_app(parts.settings, parts), options)
    task = asyncio.create_task(serving.serve())
    while not serving.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    port = serving.servers[0].sockets[0].getsockname()[1]
    tenant = await parts.tenancy.create_tenant(operator_of(""), "Test")
    key = await parts.keys.create_key(operator_of(tenant.id), "test", scopes=["admin"])
    caller = await parts.authenticator.authenticate(key.secret)
    try:
        yield RunningServer(f"http://127.0.0.1:{port}", key.secret, caller, parts)
    finally:
        serving.should_exit = True
        await task
