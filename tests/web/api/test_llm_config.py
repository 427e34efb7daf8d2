"""Configurations over HTTP, and that a key which was put in never comes out."""

import io
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from officium.core.tenancy import Caller, Member
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.logs import configure_logs
from tests.support.house import House, Resident, open_house
from tests.support.web import Reply

PATH = "/api/llm-config"
CANARY = "sk-ant-canary-4f9c2e71b8d05a36-wxyz"
ANTHROPIC = {
    "provider": "anthropic",
    "model": "claude-3-opus-20240229",
    "temperature": 0.3,
    "maxTokens": 4096,
    "isDefault": True,
    "apiConfig": {"apiKey": "sk-ant-..."},
}
HELLO = [{"role": "user", "content": "Hello"}]
OPENAI = {
    "provider": "openai",
    "model": "gpt-4-turbo",
    "temperature": 0.3,
    "maxTokens": 4096,
    "isDefault": True,
    "apiConfig": {"apiKey": "sk-...", "apiUrl": "https://api.openai.com/v1"},
}


@pytest.fixture
async def tenant(tmp_path: Path) -> AsyncIterator[Resident]:
    async with open_house(tmp_path) as house:
        yield await house.resident("Acme")


async def made(tenant: Resident, body: object = ANTHROPIC, **how: Any) -> dict[str, Any]:
    reply = await tenant.ask("POST", PATH, body, **how)
    assert reply.status == 201, reply.body
    shown: dict[str, Any] = reply.json
    return shown


@pytest.mark.parametrize("example", [ANTHROPIC, OPENAI], ids=["anthropic", "openai"])
async def test_example_of_the_documents_works(tenant: Resident, example: dict[str, Any]) -> None:
    shown = await made(tenant, example, headers={"x-user-id": "system"})

    own = {name: shown[name] for name in example if name != "apiConfig"}
    assert own == {name: value for name, value in example.items() if name != "apiConfig"}
    assert shown["apiConfig"] == {"apiKey": "••••", "apiUrl": example["apiConfig"].get("apiUrl")}
    assert (shown["scope"], shown["userId"], shown["version"]) == ("tenant", None, 1)
    assert shown["createdAt"] == shown["updatedAt"]
    assert (await tenant.ask("GET", f"{PATH}/default")).json == shown
    assert (await tenant.ask("GET", f"{PATH}/{shown['id']}")).json == shown
    assert (await tenant.ask("GET", PATH)).json == {"configurations": [shown], "nextAfter": None}


async def test_short_form_takes_the_defaults(tenant: Resident) -> None:
    short = {"provider": "claude", "model": "claude-3", "isDefault": True, "apiConfig": {"apiKey": CANARY}}

    shown = await made(tenant, short)

    assert (shown["provider"], shown["temperature"], shown["maxTokens"]) == ("anthropic", 0.3, 4096)
    assert shown["apiConfig"] == {"apiKey": "••••wxyz", "apiUrl": None}


async def test_both_spellings_are_understood(tenant: Resident) -> None:
    snake = {
        "provider": "openai",
        "max_tokens": 7,
        "is_default": True,
        "api_config": {"api_key": CANARY, "api_url": "https://proxy.example"},
    }

    shown = await made(tenant, snake)

    assert (shown["maxTokens"], shown["isDefault"]) == (7, True)
    assert shown["apiConfig"] == {"apiKey": "••••wxyz", "apiUrl": "https://proxy.example"}


async def test_what_was_read_can_be_sent_back(tenant: Resident) -> None:
    shown = await made(tenant, {**ANTHROPIC, "apiConfig": {"apiKey": CANARY}})

    reply = await tenant.ask("PUT", f"{PATH}/{shown['id']}", {**shown, "temperature": 1})

    assert reply.status == 200
    assert reply.json == {
        **shown,
        "temperature": 1,
        "version": 2,
        "updatedAt": reply.json["updatedAt"],
        "updatedBy": shown["updatedBy"],
    }
    again = await tenant.ask("PUT", f"{PATH}/{shown['id']}", {**shown, "temperature": 2})
    assert (again.status, again.json["error"]["code"]) == (409, "llm_config_changed")
    assert await stored_keys(tenant) == [CANARY]


async def stored_keys(tenant: Resident) -> list[str | None]:
    caller = Caller(tenant.tenant.id, "key:x", frozenset(), key_id="x")
    opened = await tenant.house.parts.configs.load_for_gateway(caller)
    return [config.api_key.reveal() if config.api_key else None for config in opened]


@pytest.mark.parametrize(
    "access",
    [
        pytest.param({}, id="no-access"),
        pytest.param({"apiConfig": None}, id="null"),
        pytest.param({"apiConfig": {}}, id="no-key"),
        pytest.param({"apiConfig": {"apiKey": None}}, id="null-key"),
        pytest.param({"apiConfig": {"apiKey": ""}}, id="empty-key"),
        pytest.param({"apiConfig": {"apiKey": "••••wxyz"}}, id="masked-key"),
    ],
)
async def test_change_without_a_key_keeps_the_key(tenant: Resident, access: dict[str, Any]) -> None:
    shown = await made(tenant, {**ANTHROPIC, "apiConfig": {"apiKey": CANARY}})

    reply = await tenant.ask("PUT", f"{PATH}/{shown['id']}", {"maxTokens": 9, **access})

    assert (reply.status, reply.json["maxTokens"], reply.json["temperature"]) == (200, 9, 0.3)
    assert await stored_keys(tenant) == [CANARY]


async def test_address_is_taken_back_with_null(tenant: Resident) -> None:
    shown = await made(tenant, OPENAI)

    reply = await tenant.ask("PUT", f"{PATH}/{shown['id']}", {"apiConfig": {"apiUrl": None}})

    assert reply.json["apiConfig"]["apiUrl"] is None


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"if-match": '"1"'}, {}, 200, id="etag"),
        pytest.param({"if-match": 'W/"1"'}, {}, 200, id="weak-etag"),
        pytest.param({"if-match": "*"}, {}, 200, id="any"),
        pytest.param({"if-match": '"2"'}, {}, 409, id="other-etag"),
        pytest.param({}, {"version": 1}, 200, id="version"),
        pytest.param({}, {"version": 2}, 409, id="other-version"),
        pytest.param({}, {"updatedAt": "2020-01-01T00:00:00Z"}, 409, id="other-time"),
        pytest.param({}, {"updated_at": "2020-01-01T00:00:00Z"}, 409, id="other-spelling"),
        pytest.param({"if-match": "nonsense"}, {}, 400, id="no-etag"),
        pytest.param({}, {"updatedAt": "2020-01-01T00:00:00"}, 400, id="time-without-zone"),
    ],
)
async def test_state_that_was_seen_decides(
    tenant: Resident, headers: dict[str, str], body: dict[str, Any], status: int
) -> None:
    shown = await made(tenant)

    reply = await tenant.ask("PUT", f"{PATH}/{shown['id']}", {"temperature": 1, **body}, headers=headers)

    assert reply.status == status
    if status == 200:
        assert reply.headers["etag"] == '"2"'


async def test_new_default_is_the_only_one(tenant: Resident) -> None:
    first = await made(tenant)
    second = await made(tenant, OPENAI)

    listed = (await tenant.ask("GET", PATH)).json["configurations"]

    assert {config["id"]: config["isDefault"] for config in listed} == {
        first["id"]: False,
        second["id"]: True,
    }


async def test_without_a_default_there_is_a_word_for_it(tenant: Resident) -> None:
    reply = await tenant.ask("GET", f"{PATH}/default")

    assert (reply.status, reply.json["error"]["code"]) == (404, "no_default_llm_config")
    assert "No default LLM configuration found" in reply.json["error"]["message"]


async def test_configuration_that_was_deleted_is_gone(tenant: Resident) -> None:
    shown = await made(tenant)

    deleted = await tenant.ask("DELETE", f"{PATH}/{shown['id']}")

    assert (deleted.status, deleted.body) == (204, b"")
    for method in ("GET", "DELETE"):
        reply = await tenant.ask(method, f"{PATH}/{shown['id']}")
        assert (reply.status, reply.json["error"]["code"]) == (404, "llm_config_not_found")


async def test_history_shows_what_was_changed(tenant: Resident) -> None:
    shown = await made(tenant)
    await tenant.ask("PUT", f"{PATH}/{shown['id']}", {"maxTokens": 9})
    path = f"{PATH}/{shown['id']}/versions"

    first = (await tenant.ask("GET", f"{path}?limit=1")).json
    second = (await tenant.ask("GET", f"{path}?before={first['nextBefore']}")).json

    assert first["versions"][0]["changes"] == {"maxTokens": {"before": 4096, "after": 9}}
    assert (first["versions"][0]["change"], first["versions"][0]["version"]) == ("updated", 2)
    assert second["versions"][0]["change"] == "created"
    assert second["nextBefore"] is None


async def test_list_comes_in_pages(tenant: Resident) -> None:
    ids = [(await made(tenant))["id"] for _ in range(3)]

    first = (await tenant.ask("GET", f"{PATH}?limit=2")).json
    second = (await tenant.ask("GET", f"{PATH}?limit=2&after={first['nextAfter']}")).json

    assert [config["id"] for page in (first, second) for config in page["configurations"]] == sorted(ids)
    assert second["nextAfter"] is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "provider"),
        ({"provider": "acme"}, "provider"),
        ({"provider": "anthropic"}, "apiConfig.apiKey"),
        ({"provider": "mock", "temperature": 3}, "temperature"),
        ({"provider": "mock", "temperature": "warm"}, "temperature"),
        ({"provider": "mock", "maxTokens": 0}, "maxTokens"),
        ({"provider": "mock", "maxTokens": 1.5}, "maxTokens"),
        ({"provider": "mock", "max_token": 5}, "max_token"),
        ({"provider": "mock", "isDefault": "perhaps"}, "isDefault"),
        ({"provider": "mock", "apiConfig": "key"}, "apiConfig"),
        ({"provider": "mock", "apiConfig": {"key": "x"}}, "apiConfig.key"),
        ({"provider": "mock", "apiConfig": {"apiKey": ["x"]}}, "apiConfig.apiKey"),
        ({"provider": "mock", "apiConfig": {"apiUrl": "ftp://x"}}, "apiConfig.apiUrl"),
        ([], ""),
    ],
)
async def test_what_makes_no_configuration_is_refused(tenant: Resident, body: object, param: str) -> None:
    reply = await tenant.ask("POST", PATH, body)

    assert (reply.status, reply.json["error"]["param"]) == (400, param)
    assert (await tenant.ask("GET", PATH)).json["configurations"] == []


async def a_person(tenant: Resident) -> Caller:
    """A member, as their session presents them."""
    parts = tenant.house.parts
    caller = Caller(tenant.tenant.id, "member:mem_ada", frozenset({"inference"}), member_id="mem_ada")
    member = Member(
        id="mem_ada", tenant_id=tenant.tenant.id, external_id="clerk_ada", created_at=parts.clock.now()
    )
    await parts.authenticator._members.add_member(caller, member)
    return caller


async def test_trusted_key_configures_for_a_user_whom_others_do_not_see(tenant: Resident) -> None:
    await a_person(tenant)
    for_ada = {"headers": {"x-user-id": "clerk_ada"}, "scopes": ["act-as"]}
    of_all = await made(tenant)

    own = await made(tenant, OPENAI, **for_ada)

    assert (own["scope"], own["userId"], own["createdBy"][:4]) == ("user", "mem_ada", "key:")
    assert (await tenant.ask("GET", f"{PATH}/default", **for_ada)).json == own
    listed = (await tenant.ask("GET", PATH, **for_ada)).json["configurations"]
    assert [config["id"] for config in listed] == [of_all["id"], own["id"]]
    assert (await tenant.ask("GET", f"{PATH}/{own['id']}")).status == 404
    refused = await tenant.ask("PUT", f"{PATH}/{of_all['id']}", {"temperature": 1}, **for_ada)
    assert refused.status == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_key_that_is_not_trusted_speaks_for_nobody_else(tenant: Resident, method: str) -> None:
    scopes = ["config:read", "config:write", "inference"]

    reply = await tenant.ask(method, PATH, ANTHROPIC, scopes=scopes, headers={"x-user-id": "clerk_ada"})

    assert (reply.status, reply.json["error"]["code"]) == (403, "permission_denied")
    assert "act-as" in reply.json["error"]["message"]


async def test_in_development_every_key_is_trusted(tmp_path: Path) -> None:
    async with open_house(tmp_path, debug=True) as house:
        tenant = await house.resident("Acme")

        shown = await made(tenant, scopes=["config:write"], headers={"x-user-id": "anyone"})

    assert shown["scope"] == "user"


@asynccontextmanager
async def everything_heard(data_dir: Path, url: str | None) -> AsyncIterator[tuple[House, io.BytesIO]]:
    """A server whose every log line is kept, at the level where it says most."""
    heard = io.BytesIO()
    configure_logs("DEBUG", is_human=False, file=heard)
    logging.getLogger().setLevel(logging.DEBUG)
    async with open_house(data_dir, url) as house:
        yield house, heard


async def dump(database: Database) -> str:
    """Every row of every table."""
    async with database.reading(ALL_TENANTS) as connection:
        tables = await connection.run_sync(
            lambda sync: __import__("sqlalchemy").inspect(sync).get_table_names()
        )
        rows = [
            [tuple(row) for row in await connection.execute(text(f'SELECT * FROM "{table}"'))]
            for table in tables
        ]
    return repr(dict(zip(tables, rows, strict=True)))


async def put_in_everywhere(tenant: Resident) -> list[Reply]:
    """The canary by every way in, well and badly wrapped, and everything that might say it again."""
    access = {"apiConfig": {"apiKey": CANARY}}
    once = {"headers": {"idempotency-key": "once-only"}}
    first = await tenant.ask("POST", PATH, {**ANTHROPIC, **access}, **once)
    own = f"{PATH}/{first.json['id']}"
    how: list[tuple[str, str, object, dict[str, Any]]] = [
        ("POST", PATH, {**ANTHROPIC, **access}, once),
        ("POST", PATH, {**OPENAI, "api_config": {"api_key": CANARY}, "apiConfig": None}, {}),
        ("PUT", own, access, {}),
        ("PUT", own, {**access, "version": 1}, {}),
        ("PUT", own, {**access, "temperature": 9}, {}),
        ("PUT", own, {"apiConfig": {"apiKey": f"{CANARY}\r\nX-Evil: 1"}}, {}),
        ("PUT", own, {"apiConfig": {"apiKey": [CANARY]}}, {}),
        ("PUT", own, {"apiConfig": {"apiKey": f"{CANARY}é"}}, {}),
        ("PUT", own, {"apiConfig": CANARY}, {}),
        ("PUT", own, {"apiConfig": {"apiKey": f"{CANARY}••••"}}, {}),
        ("PUT", own, {"apiConfig": {"apiUrl": f"https://user:{CANARY}@host"}}, {}),
        ("PUT", own, b'{"apiConfig": {"apiKey": "' + CANARY.encode(), {}),
        ("PUT", f"{PATH}/nothing", access, {}),
        ("PUT", own, access, {"scopes": ["config:read"]}),
        ("PUT", own, access, {"headers": {"x-user-id": "somebody"}, "scopes": ["config:write"]}),
        ("GET", PATH, None, {}),
        ("GET", own, None, {}),
        ("GET", f"{PATH}/default", None, {}),
        ("GET", f"{own}/versions", None, {}),
        ("GET", "/api/audit-log", None, {}),
        ("POST", PATH, {"provider": "mock", **access}, {}),
        ("POST", "/v1/chat/completions", {"model": "mock", "messages": HELLO}, {}),
        ("GET", "/api/usage/calls", None, {}),
        ("GET", "/api/usage/calls.csv", None, {}),
        ("GET", "/providers", None, {}),
        ("GET", "/openapi.json", None, {}),
    ]
    return [first, *[await tenant.ask(method, path, body, **more) for method, path, body, more in how]]


def written(folder: Path) -> bytes:
    """Every byte in the files of a folder."""
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_key_that_was_put_in_never_comes_out(new_database_url: str, tmp_path: Path) -> None:
    async with everything_heard(tmp_path, new_database_url) as (house, heard):
        tenant = await house.resident("Acme")
        replies = await put_in_everywhere(tenant)
        await house.parts.usage_log.flush()
        kept = await stored_keys(tenant)
        rows = await dump(house.parts.database)

    assert {CANARY} == set(kept)
    assert {reply.status for reply in replies} == {200, 201, 400, 403, 404, 409}
    said = b"".join(reply.body + json.dumps(dict(reply.headers)).encode() for reply in replies)
    places = {"answers": said, "logs": heard.getvalue(), "rows": rows.encode(), "files": written(tmp_path)}
    assert "wxyz" in rows
    assert [name for name, place in places.items() if CANARY[10:-4].encode() in place] == []


async def test_mistake_of_ours_shows_no_key_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with everything_heard(tmp_path, None) as (house, heard):
        tenant = await house.resident("Acme")

        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(house.parts.configs._store, "add_config", fail)
        reply = await tenant.ask("POST", PATH, {**ANTHROPIC, "apiConfig": {"apiKey": CANARY}})

    assert (reply.status, reply.json["error"]["code"]) == (500, "internal_error")
    assert b"a bug" in heard.getvalue()
    assert CANARY[10:-4].encode() not in heard.getvalue() + reply.body
