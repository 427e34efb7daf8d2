"""How long whole pages of the console take: from a request over HTTP until the HTML is there."""

import asyncio
import re
import statistics
from dataclasses import replace
from time import perf_counter, process_time

from officium.apps.widget import WidgetSettings
from officium.core.config import ConfigDraft
from officium.core.tenancy import operator_of
from officium.kit.secrets import Secret
from officium.main import Parts, build_app, server_options
from officium.web.server import make_server
from officium.web.tiers import TIERS

LIMIT_MS = 100
TIMES = 5
_CLIENTS = 40
_PASSWORD = "a password for the bench"
_EMAIL = "bench@example.com"
_NO_PAGES = re.compile(r"/assets/|/events$|/export|\.csv$|/sign-in(?:/|$)|/\{rest\}$|/list$|/new$|/case$")
_ASKED = (
    "/console?period=30-days",
    "/console?period=today",
    "/console/requests?model=openai%2Fmodel-2&period=all",
    "/console/requests?status=failed",
)
"""Pages in which the log is asked for more than usual."""


async def furnish(parts: Parts, tenant_id: str) -> dict[str, str]:
    """Put some of everything into the tenant; what the places in paths stand for."""
    caller = operator_of(tenant_id)
    await parts.members.create_member(caller, _EMAIL, name="Bench", role="owner", password=_PASSWORD)
    for number in range(_CLIENTS):
        client = await parts.clients.create_client(caller, f"Client {number}")
        widget = await parts.clients.create_widget(caller, client.id, WidgetSettings(name=f"Chat {number}"))
        await parts.keys.create_key(caller, f"program {number}")
    draft = ConfigDraft(provider="openai", api_key=Secret("sk-bench-0123456789"), is_default=True)
    config = await parts.configs.create_config(caller, draft)
    return {
        "/console/providers/{id}": config.id,
        "/console/requests/{id}": "req_500",
        "/console/clients/{id}": str(client.id),
        "/console/widgets/{id}": str(widget.id),
        "/console/prompts/named/{name}": (await parts.prompts.list_prompts(caller))[0].name,
    }


def pages(places: dict[str, str]) -> list[str]:
    """The paths of all pages that can be shown with what there is."""
    found = []
    for method, path in TIERS:
        if method != "GET" or not path.startswith("/console") or _NO_PAGES.search(path):
            continue
        for beginning, value in places.items():
            if path == beginning or path.startswith(f"{beginning}/"):
                path = path.replace("{id}", value).replace("{name}", value)
        if "{" not in path:
            found.append(path)
    return [*found, *_ASKED]


async def measure_pages(parts: Parts, tenant_id: str) -> int:
    """Print what each page takes, the slowest first; how many are over `LIMIT_MS` in the median.

    What counts is how long the processor is busy with it, for which it does not matter what else the machine
    does; with a log that is in memory, as here, nothing else is waited for.
    """
    places = await furnish(parts, tenant_id)
    serving = make_server(build_app(parts.settings, parts), replace(server_options(parts.settings), port=0))
    task = asyncio.create_task(serving.serve())
    while not serving.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    port: int = serving.servers[0].sockets[0].getsockname()[1]
    session = await parts.sign_in.sign_in(_EMAIL, _PASSWORD, address="127.0.0.1", user_agent="bench")
    took: dict[str, list[tuple[float, float]]] = {}
    for path in pages(places):
        for turn in range(TIMES + 1):
            began, busy = perf_counter(), process_time()
            status, size = await _get(port, path, session.token)
            if status != 200 or not size:
                raise SystemExit(f"{path} answered {status}.")
            if turn:  # the first one builds routes and templates
                spent = ((process_time() - busy) * 1000, (perf_counter() - began) * 1000)
                took.setdefault(path, []).append(spent)
    serving.should_exit = True
    await task
    medians = {
        path: (statistics.median(one[0] for one in times), statistics.median(one[1] for one in times))
        for path, times in took.items()
    }
    for path, (busy, passed) in sorted(medians.items(), key=lambda item: -item[1][0]):
        mark = "   over" if busy > LIMIT_MS else ""
        print(f"{path:60} busy {busy:7.1f} ms   passed {passed:7.1f} ms{mark}", flush=True)
    slow = sum(busy > LIMIT_MS for busy, _ in medians.values())
    print(f"{len(took)} pages, {slow} over {LIMIT_MS} ms")
    return slow


async def _get(port: int, path: str, token: str) -> tuple[int, int]:
    """Ask over a connection of its own; the status and how many bytes came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = [f"GET {path} HTTP/1.1", "host: 127.0.0.1", f"cookie: officium={token}", "connection: close"]
        writer.write("\r\n".join([*head, "", ""]).encode())
        answer = await reader.read()
    finally:
        writer.close()
    return int(answer.split(b" ", 2)[1]), len(answer.partition(b"\r\n\r\n")[2])
