"""No route is open to strangers, and none shows a tenant what is another's.

Every route of the app has an entry here, by which it is tried as a stranger, as its owner, with too few
scopes and as another tenant. A route without an entry fails the first test: write one, and say in it what a
tenant could have that another must not see.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from officium.core.config import ConfigDraft, ConfigStore
from officium.core.config.llm_config import make_config
from officium.core.tenancy import SCOPES, AuditEntry, operator_of
from officium.core.usage.alerts import Destination, DestinationStore
from officium.core.usage.budgets import BudgetStore
from officium.core.usage.ledger.budget import Budget, Subject
from officium.kit.clock import SystemClock
from officium.kit.database import Database
from officium.kit.secrets import ServerSecret
from officium.main import build_key_ring, known_providers
from tests.support.house import House, Resident, open_house
from tests.support.mail import Mailbox, mail_server
from tests.support.web import Reply, an_app, ask

OPEN = {
    ("GET", "/health"),
    ("HEAD", "/health"),
    ("GET", "/health/ready"),
    ("HEAD", "/health/ready"),
    ("GET", "/docs"),
    ("GET", "/docs/start.js"),
    ("GET", "/docs/{name}"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
}
"""What anybody may see: it is the same for everybody and tells of no tenant."""
METRICS = ("GET", "/metrics")
"""Not for tenants at all; it has its own tests below."""

ALIAS = "fast"
TARGET = "alpha-target"
USER = "alpha-user"
REQUEST = "alpha-request"
PRICED = "alpha-priced"
CONFIG = "llc_alpha"
CONFIG_MODEL = "alpha-model"
DESTINATION = "dest_alpha"
ADDRESS = "alpha-address@example.com"
CLIENT = "alpha-client"
WIDGET = "alpha-widget"
MODULE = "alpha-crm"
INSIGHT = "alpha-insight"
INDUSTRY = "alpha-industry"
BUDGET = "bud_alpha"
MEMBER = "alpha-member"
POLICY = "key:alpha-key"
PATTERN = "mock/alpha-models-*"
PROMPT = "alpha.prompt"
WORDING = "Alpha wording."
SECRETS = (
    *(WORDING, PATTERN, TARGET, USER, REQUEST, CONFIG_MODEL, ADDRESS, MEMBER, CLIENT, WIDGET),
    *(INSIGHT, INDUSTRY),
)
"""Words of the first tenant that stand in its aliases, usage log, configuration and alert destination."""

HELLO = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How to try a route.

    `path` and `body` ask for a thing of the first tenant, who is served. `scopes` are those of which any
    one suffices; without them any key does. `other` is the status for another tenant who asks for the same:
    404, or 200 where it gets only what is its own.
    """

    path: str
    body: Any = None
    scopes: tuple[str, ...]
    other: int


ENTRIES: dict[tuple[str, str], Entry] = {
    ("POST", "/v1/chat/completions"): Entry(
        path="/v1/chat/completions",
        body={"model": ALIAS, "messages": HELLO, "user": USER},
        scopes=("inference",),
        other=404,
    ),
    ("POST", "/v1/responses"): Entry(
        path="/v1/responses", body={"model": ALIAS, "input": "Hello"}, scopes=("inference",), other=404
    ),
    ("POST", "/v1/messages"): Entry(
        path="/v1/messages",
        body={"model": ALIAS, "max_tokens": 9, "messages": HELLO},
        scopes=("inference",),
        other=404,
    ),
    ("POST", "/v1/messages/count_tokens"): Entry(
        path="/v1/messages/count_tokens",
        body={"model": ALIAS, "messages": HELLO},
        scopes=("inference",),
        other=404,
    ),
    ("POST", "/v1/embeddings"): Entry(
        path="/v1/embeddings", body={"model": ALIAS, "input": ["Hello"]}, scopes=("inference",), other=404
    ),
    ("GET", "/v1/models"): Entry(path="/v1/models", scopes=("inference",), other=200),
    ("GET", "/v1/models/{id}"): Entry(path=f"/v1/models/{ALIAS}", scopes=("inference",), other=404),
    ("GET", "/providers"): Entry(path="/providers", scopes=(), other=200),
    ("GET", "/api/usage/calls"): Entry(
        path=f"/api/usage/calls?request_id={REQUEST}", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/usage/calls.csv"): Entry(
        path="/api/usage/calls.csv?from=2020-01-01&to=2020-01-02", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/usage/summary"): Entry(
        path="/api/usage/summary?group_by=model", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/usage/summary.csv"): Entry(
        path="/api/usage/summary.csv?group_by=model", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/usage/providers"): Entry(path="/api/usage/providers", scopes=("usage:read",), other=200),
    ("GET", "/api/usage/tokens-by-tenant"): Entry(
        path="/api/usage/tokens-by-tenant", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/ledger/entries"): Entry(path="/api/ledger/entries", scopes=("usage:read",), other=200),
    ("GET", "/api/budgets"): Entry(path="/api/budgets", scopes=("usage:read",), other=200),
    ("POST", "/api/budgets"): Entry(
        path="/api/budgets",
        body={"subject_kind": "tenant", "unit": "tokens", "period": "total", "limit": 10**9},
        scopes=("admin",),
        other=201,
    ),
    ("GET", "/api/budgets/{id}"): Entry(path=f"/api/budgets/{BUDGET}", scopes=("usage:read",), other=404),
    ("PUT", "/api/budgets/{id}"): Entry(
        path=f"/api/budgets/{BUDGET}", body={"limit": 7}, scopes=("admin",), other=404
    ),
    ("POST", "/api/budgets/{id}/reset"): Entry(
        path=f"/api/budgets/{BUDGET}/reset", scopes=("admin",), other=404
    ),
    ("DELETE", "/api/budgets/{id}"): Entry(path=f"/api/budgets/{BUDGET}", scopes=("admin",), other=404),
    ("GET", "/api/models"): Entry(
        path="/api/models", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("GET", "/api/prices"): Entry(path="/api/prices", scopes=("config:read", "config:write"), other=200),
    ("DELETE", "/api/prices/{provider}/{model}"): Entry(
        path=f"/api/prices/openai/{PRICED}", scopes=("config:write",), other=404
    ),
    ("PUT", "/api/prices/{provider}/{model}"): Entry(
        path=f"/api/prices/openai/{PRICED}",
        body={"input": "1", "output": "4"},
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/api/business-context"): Entry(
        path="/api/business-context", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("GET", "/api/business-context/profile"): Entry(
        path="/api/business-context/profile", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("PUT", "/api/business-context/profile"): Entry(
        path="/api/business-context/profile",
        body={"industry": "Bakery", "goals": ["Bread"]},
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/api/business-context/snapshots"): Entry(
        path="/api/business-context/snapshots", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("POST", "/api/business-context/snapshots"): Entry(
        path="/api/business-context/snapshots",
        body={"asOf": "2026-01-02", "sessions": 7},
        scopes=("config:write",),
        other=200,
    ),
    ("POST", "/api/business-context/snapshots/import"): Entry(
        path="/api/business-context/snapshots/import",
        body=[{"asOf": "2026-01-03", "sessions": 7}],
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/api/business-context/insights"): Entry(
        path="/api/business-context/insights", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("DELETE", "/api/business-context/insights"): Entry(
        path=f"/api/business-context/insights?module={MODULE}&key=open", scopes=("config:write",), other=404
    ),
    ("POST", "/api/business-context/insights"): Entry(
        path="/api/business-context/insights",
        body={"module": MODULE, "key": "open", "text": "Nothing new"},
        scopes=("insights:write", "config:write"),
        other=200,
    ),
    ("GET", "/api/chat-widget/clients"): Entry(
        path="/api/chat-widget/clients", scopes=("config:read", "config:write"), other=200
    ),
    ("GET", "/api/chat-widget/clients/{clientId}"): Entry(
        path="/api/chat-widget/clients/1", scopes=("config:read", "config:write"), other=404
    ),
    ("PUT", "/api/chat-widget/clients/{clientId}"): Entry(
        path="/api/chat-widget/clients/1",
        body={"time_zone": "Asia/Riyadh"},
        scopes=("config:write",),
        other=404,
    ),
    ("PUT", "/api/chat-widget/clients/{clientId}/limits"): Entry(
        path="/api/chat-widget/clients/1/limits",
        body={"daily_token_limit": 7},
        scopes=("admin",),
        other=404,
    ),
    ("POST", "/api/chat-widget/clients/{clientId}/reset-usage"): Entry(
        path="/api/chat-widget/clients/1/reset-usage", scopes=("admin",), other=404
    ),
    ("GET", "/api/chat-widget/clients/{clientId}/llm-usage"): Entry(
        path="/api/chat-widget/clients/1/llm-usage", scopes=("usage:read",), other=404
    ),
    ("GET", "/api/chat-widget/clients/{clientId}/widgets"): Entry(
        path="/api/chat-widget/clients/1/widgets", scopes=("config:read", "config:write"), other=404
    ),
    ("POST", "/api/chat-widget/clients/{clientId}/widgets"): Entry(
        path="/api/chat-widget/clients/1/widgets",
        body={"name": "Second"},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}"): Entry(
        path="/api/chat-widget/widgets/1", scopes=("config:read", "config:write"), other=404
    ),
    ("PUT", "/api/chat-widget/widgets/{widgetId}"): Entry(
        path="/api/chat-widget/widgets/1", body={"llmEnabled": False}, scopes=("config:write",), other=404
    ),
    ("PUT", "/api/chat-widget/widgets/{widgetId}/limits"): Entry(
        path="/api/chat-widget/widgets/1/limits",
        body={"daily_token_limit": 7},
        scopes=("admin",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/llm-analytics"): Entry(
        path="/api/chat-widget/widgets/1/llm-analytics", scopes=("usage:read",), other=404
    ),
    ("DELETE", "/api/chat-widget/widgets/{widgetId}"): Entry(
        path="/api/chat-widget/widgets/1", scopes=("config:write",), other=404
    ),
    ("DELETE", "/api/chat-widget/clients/{clientId}"): Entry(
        path="/api/chat-widget/clients/1", scopes=("config:write",), other=404
    ),
    ("POST", "/api/chat-widget/clients"): Entry(
        path="/api/chat-widget/clients", body={"client_name": "New"}, scopes=("config:write",), other=201
    ),
    ("GET", "/api/model-aliases"): Entry(
        path="/api/model-aliases", scopes=("config:read", "config:write"), other=200
    ),
    ("DELETE", "/api/model-aliases/{name}"): Entry(
        path=f"/api/model-aliases/{ALIAS}", scopes=("config:write",), other=404
    ),
    ("PUT", "/api/model-aliases/{name}"): Entry(
        path=f"/api/model-aliases/{ALIAS}", body={"targets": ["mock"]}, scopes=("config:write",), other=200
    ),
    ("GET", "/api/prompts"): Entry(path="/api/prompts", scopes=("config:read", "config:write"), other=200),
    ("GET", "/api/prompts/{name}"): Entry(
        path=f"/api/prompts/{PROMPT}", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/prompts/{name}/versions"): Entry(
        path=f"/api/prompts/{PROMPT}/versions", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/prompts/{name}/diff"): Entry(
        path=f"/api/prompts/{PROMPT}/diff?old=own/1&new=own/1",
        scopes=("config:read", "config:write"),
        other=404,
    ),
    ("POST", "/api/prompts/{name}/preview"): Entry(
        path=f"/api/prompts/{PROMPT}/preview", body={}, scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/prompts/{name}/label-moves"): Entry(
        path=f"/api/prompts/{PROMPT}/label-moves", scopes=("config:read", "config:write"), other=404
    ),
    ("DELETE", "/api/prompts/{name}/labels/{label}"): Entry(
        path=f"/api/prompts/{PROMPT}/labels/production", scopes=("config:write",), other=404
    ),
    ("PUT", "/api/prompts/{name}/labels/{label}"): Entry(
        path=f"/api/prompts/{PROMPT}/labels/production",
        body={"version": "own/1"},
        scopes=("config:write",),
        other=404,
    ),
    ("POST", "/api/prompts/{name}/versions"): Entry(
        path=f"/api/prompts/{PROMPT}/versions",
        body={"system": "Another."},
        scopes=("config:write",),
        other=201,
    ),
    ("GET", "/api/llm-config"): Entry(
        path="/api/llm-config", scopes=("config:read", "config:write"), other=200
    ),
    ("POST", "/api/llm-config"): Entry(
        path="/api/llm-config", body={"provider": "mock"}, scopes=("config:write",), other=201
    ),
    ("GET", "/api/llm-config/default"): Entry(
        path="/api/llm-config/default", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/llm-config/{id}"): Entry(
        path=f"/api/llm-config/{CONFIG}", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/llm-config/{id}/versions"): Entry(
        path=f"/api/llm-config/{CONFIG}/versions", scopes=("config:read", "config:write"), other=404
    ),
    ("PUT", "/api/llm-config/{id}"): Entry(
        path=f"/api/llm-config/{CONFIG}", body={"temperature": 1}, scopes=("config:write",), other=404
    ),
    ("POST", "/api/llm-config/{id}/health-check"): Entry(
        path=f"/api/llm-config/{CONFIG}/health-check", scopes=("config:write",), other=404
    ),
    ("POST", "/config/refresh"): Entry(path="/config/refresh", scopes=("config:write",), other=200),
    ("GET", "/api/model-policies"): Entry(path="/api/model-policies", scopes=("admin",), other=200),
    ("DELETE", "/api/model-policies/{subject}"): Entry(
        path=f"/api/model-policies/{POLICY}", scopes=("admin",), other=404
    ),
    ("PUT", "/api/model-policies/{subject}"): Entry(
        path=f"/api/model-policies/{POLICY}", body={"allowed": ["*"]}, scopes=("admin",), other=200
    ),
    ("DELETE", "/api/llm-config/{id}"): Entry(
        path=f"/api/llm-config/{CONFIG}", scopes=("config:write",), other=404
    ),
    ("GET", "/api/audit-log"): Entry(path="/api/audit-log", scopes=("admin",), other=200),
    ("GET", "/api/alert-destinations"): Entry(path="/api/alert-destinations", scopes=("admin",), other=200),
    ("POST", "/api/alert-destinations"): Entry(
        path="/api/alert-destinations",
        body={"kind": "email", "target": "ada@example.com"},
        scopes=("admin",),
        other=201,
    ),
    ("POST", "/api/alert-destinations/{id}/test"): Entry(
        path=f"/api/alert-destinations/{DESTINATION}/test", scopes=("admin",), other=404
    ),
    ("DELETE", "/api/alert-destinations/{id}"): Entry(
        path=f"/api/alert-destinations/{DESTINATION}", scopes=("admin",), other=404
    ),
}
"""In an order in which the owner can be served by each: what is deleted is made again afterwards."""


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """The server, with a mail server to which it may send."""
    url = database._url.render_as_string(hide_password=False)
    async with (
        mail_server(Mailbox()) as port,
        open_house(tmp_path, url, smtp_url=f"smtp://127.0.0.1:{port}") as house,
    ):
        yield house


def _routes(router: Any) -> Iterator[tuple[str, str]]:
    for route in router.routes:
        if hasattr(route, "original_router"):
            yield from _routes(route.original_router)
        else:
            for method in route.methods:
                yield method, route.path.replace(":path}", "}")


def test_every_route_has_an_entry() -> None:
    app = an_app()
    hot = {(method, path) for path, doors in app._hot.items() for method in doors}
    described = {
        (method.upper(), path)
        for path, operations in app._framework.openapi()["paths"].items()
        for method in operations
    }

    existing = hot | described | set(_routes(app._framework))

    known = set(ENTRIES) | OPEN | {METRICS}
    assert existing - known == set(), "Write an entry for each of these routes into ENTRIES."
    assert known - existing == set(), "These routes are gone: take out their entries."


def test_documented_scopes_are_those_that_are_tried() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text("utf-8")
    rows = re.findall(r"^\| (GET|POST|PUT|DELETE) \| `([^`]+)` \| .* \| (.*) \|$", page, re.MULTILINE)
    documented = {(method, path): needs for method, path, needs in rows}

    expected = {
        route: " or ".join(f"`{scope}`" for scope in entry.scopes) or "any key"
        for route, entry in ENTRIES.items()
    }

    assert {route: documented[route] for route in ENTRIES} == expected


async def _move_in(house: House) -> Resident:
    """The first tenant, with an alias and calls in the usage log."""
    alpha = await house.resident("Alpha")
    made = await alpha.ask("PUT", f"/api/model-aliases/{ALIAS}", {"targets": [f"mock/{TARGET}"]})
    assert made.status == 200
    limited = await alpha.ask("PUT", f"/api/model-policies/{POLICY}", {"allowed": [PATTERN]})
    assert limited.status == 200
    priced = await alpha.ask("PUT", f"/api/prices/openai/{PRICED}", {"input": "1", "output": "4"})
    assert priced.status == 200
    published = await alpha.ask(
        "POST", f"/api/prompts/{PROMPT}/versions", {"system": WORDING, "label": "production"}
    )
    assert published.status == 201
    question = {"model": ALIAS, "messages": HELLO, "user": USER}
    asked = await alpha.ask("POST", "/v1/chat/completions", question, headers={"x-request-id": REQUEST})
    assert asked.status == 200
    await house.parts.usage_log.flush()
    await _configure(house, alpha)
    await _limit(house, alpha)
    client = await alpha.ask("POST", "/api/chat-widget/clients", {"client_name": CLIENT})
    widget = await alpha.ask("POST", "/api/chat-widget/clients/1/widgets", {"name": WIDGET})
    assert (client.status, client.json["id"], widget.status, widget.json["id"]) == (201, 1, 201, 1)
    await _tell(alpha)
    await DestinationStore(house.parts.database).add_destination(
        operator_of(alpha.tenant.id),
        Destination(
            id=DESTINATION,
            tenant_id=alpha.tenant.id,
            kind="email",
            target=ADDRESS,
            created_at=house.parts.clock.now(),
            created_by="test",
        ),
    )
    return alpha


async def _tell(tenant: Resident) -> None:
    """Let the tenant's advisers know something of its business."""
    told = [
        await tenant.ask("PUT", "/api/business-context/profile", {"industry": INDUSTRY}),
        await tenant.ask("POST", "/api/business-context/snapshots", {"asOf": "2026-01-01", "users": 9}),
        await tenant.ask(
            "POST", "/api/business-context/insights", {"module": MODULE, "key": "open", "text": INSIGHT}
        ),
    ]
    assert [reply.status for reply in told] == [200, 200, 200]


async def _configure(house: House, tenant: Resident) -> None:
    """Give the tenant a default configuration whose id is known beforehand."""
    caller, now = operator_of(tenant.tenant.id), house.parts.clock.now()
    draft = ConfigDraft(provider="mock", model=CONFIG_MODEL, is_default=True)
    made = make_config(
        draft, known_providers(), id=CONFIG, tenant_id=caller.tenant_id, owner_id=None, actor="test", now=now
    )
    entry = AuditEntry(at=now, action="llm_config.created", thing="llm_config", thing_id=CONFIG)
    ring = build_key_ring(house.parts.settings, ServerSecret(b"-" * 32), house.parts.database, SystemClock())
    await ConfigStore(house.parts.database, ring).add_config(caller, made, entry)


async def _limit(house: House, tenant: Resident) -> None:
    """Give one of the tenant's members a budget whose id is known beforehand."""
    caller, now = operator_of(tenant.tenant.id), house.parts.clock.now()
    budget = Budget(
        id=BUDGET,
        tenant_id=caller.tenant_id,
        subject=Subject("member", MEMBER),
        unit="tokens",
        period="day",
        limit=5,
        created_at=now,
        updated_at=now,
        updated_by="test",
    )
    await BudgetStore(house.parts.database).save_budgets(caller, [budget], [], now, [])


async def _ask_everything(house: House, key: str | None, body: object = None, **how: Any) -> dict[str, Reply]:
    """Every closed route, with this key; `body` replaces those of the entries."""
    return {
        f"{method} {path}": await ask(
            house.app, method, entry.path, entry.body if body is None else body, key=key, **how
        )
        for (method, path), entry in ENTRIES.items()
    }


async def _stranger(house: House, kind: str) -> str | None:
    tenant = await house.resident("Beta")
    match kind:
        case "no-key":
            return None
        case "unknown-key":
            async with open_house(house.parts.settings.data_dir / "elsewhere") as elsewhere:
                return await (await elsewhere.resident("Gamma")).key()
        case "mistyped-key":
            return (await tenant.key())[:-1] + "%"
        case "foreign-key":
            return "sk-proj-0123456789abcdef"
        case "unsigned-session":
            return "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
        case "revoked-key":
            return await tenant.revoked_key()
        case "expired-key":
            return await tenant.expired_key()
        case _:
            key = await tenant.key()
            await house.suspend(tenant)
            return key


STRANGERS = [
    pytest.param("no-key", 401, id="no-key"),
    pytest.param("unknown-key", 401, id="unknown-key"),
    pytest.param("mistyped-key", 401, id="mistyped-key"),
    pytest.param("foreign-key", 401, id="foreign-key"),
    pytest.param("unsigned-session", 401, id="unsigned-session"),
    pytest.param("revoked-key", 401, id="revoked-key"),
    pytest.param("expired-key", 401, id="expired-key"),
    pytest.param("suspended-tenant", 403, id="suspended-tenant"),
]


@pytest.mark.parametrize(("kind", "status"), STRANGERS)
async def test_stranger_gets_nothing(house: House, kind: str, status: int) -> None:
    alpha = await _move_in(house)
    aliases = (await alpha.ask("GET", "/api/model-aliases")).json
    key = await _stranger(house, kind)

    replies = await _ask_everything(house, key)
    by_header = await _ask_everything(house, None, headers={"x-api-key": key} if key else {})
    nonsense = await _ask_everything(house, key, b"{nonsense")

    for answers in (replies, by_header, nonsense):
        assert {route: reply.status for route, reply in answers.items()} == dict.fromkeys(answers, status)
    for route, reply in (*replies.items(), *by_header.items(), *nonsense.items()):
        assert set(reply.json) <= {"error", "type", "request_id"}, route
        assert not any(word.encode() in reply.body for word in (*SECRETS, alpha.tenant.id)), route
    assert (await alpha.ask("GET", "/api/model-aliases")).json == aliases


async def test_owner_is_served(house: House) -> None:
    alpha = await _move_in(house)

    replies = await _ask_everything(house, await alpha.key())

    assert {route: reply.status for route, reply in replies.items() if reply.status // 100 != 2} == {}
    assert USER.encode() in replies["GET /api/usage/calls"].body
    assert TARGET.encode() in replies["GET /api/model-aliases"].body
    assert PRICED.encode() in replies["GET /api/prices"].body
    assert CONFIG_MODEL.encode() in replies["GET /api/llm-config"].body
    assert PATTERN.encode() in replies["GET /api/model-policies"].body
    assert WORDING.encode() in replies["GET /api/prompts/{name}"].body
    assert CONFIG_MODEL.encode() in replies["POST /config/refresh"].body
    assert CONFIG_MODEL.encode() in replies["GET /api/audit-log"].body
    assert f'"{ALIAS}"'.encode() in replies["GET /v1/models"].body
    assert ADDRESS.encode() in replies["GET /api/alert-destinations"].body
    assert MEMBER.encode() in replies["GET /api/budgets"].body
    assert CLIENT.encode() in replies["GET /api/chat-widget/clients"].body
    assert WIDGET.encode() in replies["GET /api/chat-widget/clients/{clientId}/widgets"].body
    assert TARGET.encode() in replies["GET /api/usage/summary.csv"].body


async def test_every_scope_that_suffices_suffices_alone(house: House) -> None:
    alpha = await _move_in(house)

    refused = {
        (path, scope): reply.json
        for (method, path), entry in ENTRIES.items()
        for scope in entry.scopes or sorted(SCOPES)
        if (reply := await alpha.ask(method, entry.path, entry.body, scopes=[scope])).status // 100 != 2
    }

    assert refused == {}


async def test_key_without_the_scope_is_refused_by_the_name_of_the_scope(house: House) -> None:
    alpha = await _move_in(house)
    aliases = (await alpha.ask("GET", "/api/model-aliases")).json

    for (method, path), entry in ENTRIES.items():
        if entry.scopes:
            others = SCOPES - {"admin", *entry.scopes}
            reply = await alpha.ask(method, entry.path, entry.body, scopes=sorted(others))

            assert reply.status == 403, path
            assert any(scope.encode() in reply.body for scope in entry.scopes), path
    assert (await alpha.ask("GET", "/api/model-aliases")).json == aliases


async def test_another_tenant_sees_nothing_of_the_first(house: House) -> None:
    alpha = await _move_in(house)
    beta = await house.resident("Beta")
    aliases = (await alpha.ask("GET", "/api/model-aliases")).json
    calls = (await alpha.ask("GET", "/api/usage/calls")).json

    replies = await _ask_everything(house, await beta.key())
    await house.parts.usage_log.flush()

    expected = {f"{method} {path}": entry.other for (method, path), entry in ENTRIES.items()}
    assert {route: reply.status for route, reply in replies.items()} == expected
    for route, reply in replies.items():
        hidden = (*SECRETS, alpha.tenant.id, (await alpha.key())[:14])
        assert not any(word.encode() in reply.body for word in hidden), route
    assert f'"{ALIAS}"'.encode() not in replies["GET /v1/models"].body
    assert replies["GET /api/model-aliases"].json == {"aliases": []}
    assert replies["GET /api/prices"].json == {"prices": []}
    assert replies["GET /api/usage/calls"].json == {"records": [], "next_before": None}
    assert replies["GET /api/llm-config"].json == {"configurations": [], "nextAfter": None}
    assert replies["GET /api/alert-destinations"].json == {"destinations": []}
    assert replies["GET /api/budgets"].json == {"budgets": [], "binds_first": None, "next_after": None}
    assert replies["GET /api/chat-widget/clients"].json == {"clients": [], "next_after": None}
    assert replies["GET /api/ledger/entries"].json == {"entries": [], "next_before": None}
    assert (await alpha.ask("GET", "/api/model-aliases")).json == aliases
    assert (await alpha.ask("GET", "/api/usage/calls")).json == calls


async def test_record_of_another_tenant_is_no_place_in_ones_own_log(house: House) -> None:
    alpha = await _move_in(house)
    beta = await house.resident("Beta")
    await beta.ask("POST", "/v1/chat/completions", {"model": "mock", "messages": HELLO})
    await alpha.ask("POST", "/v1/chat/completions", {"model": "mock", "messages": HELLO})
    await house.parts.usage_log.flush()
    newest = (await alpha.ask("GET", "/api/usage/calls")).json["records"][0]

    page = await beta.ask("GET", f"/api/usage/calls?before={newest['id']}")

    assert page.json["records"] == []


async def test_names_mean_to_each_tenant_its_own(house: House) -> None:
    alpha, beta = await _move_in(house), await house.resident("Beta")
    await beta.ask("PUT", f"/api/model-aliases/{ALIAS}", {"targets": ["mock/beta-target"]})

    answered = [
        await resident.ask("POST", "/v1/chat/completions", {"model": ALIAS, "messages": HELLO})
        for resident in (alpha, beta, alpha)
    ]

    assert [reply.headers["officium-model"] for reply in answered] == [TARGET, "beta-target", TARGET]


@pytest.mark.parametrize(("method", "path"), sorted(OPEN))
async def test_what_is_open_tells_of_no_tenant(house: House, method: str, path: str) -> None:
    alpha = await _move_in(house)

    reply = await ask(house.app, method, path.replace("{name}", "swagger-ui.css"), key=None)

    assert reply.status == 200
    assert not any(word.encode() in reply.body for word in (*SECRETS, alpha.tenant.id))


async def test_metrics_are_closed_unless_the_operator_opens_them(house: House) -> None:
    alpha = await _move_in(house)

    assert (await ask(house.app, "GET", "/metrics", key=None)).status == 403
    assert (await alpha.ask("GET", "/metrics")).status == 403


async def test_metrics_are_for_the_token_and_for_no_tenants_key(tmp_path: Path) -> None:
    async with open_house(tmp_path, metrics_token="the-operators-token") as house:
        alpha = await _move_in(house)

        assert (await ask(house.app, "GET", "/metrics", key=None)).status == 401
        assert (await alpha.ask("GET", "/metrics")).status == 401
        assert (await ask(house.app, "GET", "/metrics", key="the-operators-token")).status == 200


async def test_path_and_method_that_do_not_exist_are_the_same_for_everybody(house: House) -> None:
    alpha = await _move_in(house)

    for method, path in (("GET", "/api/nothing"), ("PATCH", "/api/model-aliases"), ("GET", "/v1/messages")):
        headers = {"x-request-id": "req_1"}
        known = await alpha.ask(method, path, headers=headers)
        unknown = await ask(house.app, method, path, headers=headers, key=None)

        assert (known.status, known.json) == (unknown.status, unknown.json)
        assert known.status in (404, 405)
