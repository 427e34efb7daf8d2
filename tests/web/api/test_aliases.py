"""Aliases over HTTP: what may be written, and what is said when it may not."""

from typing import Any
from urllib.parse import quote

import pytest

from officium.core.tenancy import SCOPES
from tests.support.house import House, Resident
from tests.support.web import description

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def names(tenant: Resident) -> list[str]:
    listed = (await tenant.ask("GET", "/api/model-aliases")).json["aliases"]
    return [alias["name"] for alias in listed]


async def test_alias_is_set_listed_used_and_deleted(tenant: Resident) -> None:
    made = await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": ["groq/a", "mock/one"]})
    listed = await tenant.ask("GET", "/api/model-aliases")
    answered = await tenant.ask("POST", "/v1/chat/completions", {"model": "fast", "messages": HELLO})
    deleted = await tenant.ask("DELETE", "/api/model-aliases/fast")

    assert made.status == 200
    assert (made.json["name"], made.json["targets"]) == ("fast", ["groq/a", "mock/one"])
    assert made.json["updated_by"].startswith("key:ak_")
    assert made.json["updated_at"].endswith("Z")
    assert listed.json == {"aliases": [made.json]}
    assert answered.headers["officium-model"] == "one"
    assert (deleted.status, deleted.body) == (204, b"")
    assert await names(tenant) == []


async def test_alias_that_is_set_again_is_replaced(tenant: Resident) -> None:
    for target in ("mock/one", "mock/two"):
        await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": [target]})

    (alias,) = (await tenant.ask("GET", "/api/model-aliases")).json["aliases"]
    answered = await tenant.ask("POST", "/v1/chat/completions", {"model": "fast", "messages": HELLO})

    assert alias["targets"] == ["mock/two"]
    assert answered.headers["officium-model"] == "two"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param("team/fast", "team/fast", id="slash"),
        pytest.param("team/fast", "team%2Ffast", id="escaped-slash"),
        pytest.param("qwen3:8b", "qwen3:8b", id="colon"),
        pytest.param("gpt-4o", "gpt-4o", id="name-of-a-model"),
    ],
)
async def test_name_may_be(tenant: Resident, name: str, path: str) -> None:
    made = await tenant.ask("PUT", f"/api/model-aliases/{path}", {"targets": ["mock"]})

    assert (made.status, made.json.get("name")) == (200, name)
    assert await names(tenant) == [name]
    assert (await tenant.ask("DELETE", f"/api/model-aliases/{path}")).status == 204


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("a/../b", id="step-up"),
        pytest.param("openai/gpt-4o", id="provider"),
        pytest.param("schnell für uns", id="space-and-umlaut"),
        pytest.param("fast\0", id="nul"),
        pytest.param("n" * 200, id="too-long"),
    ],
)
async def test_name_may_not_be(tenant: Resident, name: str) -> None:
    reply = await tenant.ask("PUT", f"/api/model-aliases/{quote(name)}", {"targets": ["mock"]})
    deleted = await tenant.ask("DELETE", f"/api/model-aliases/{quote(name)}")

    assert (reply.status, reply.json["error"]["code"]) == (400, "invalid_request")
    assert reply.json["error"]["param"] == "name"
    if "\0" in name:
        assert deleted.status == 400
    else:
        assert (deleted.status, deleted.json["error"]["code"]) == (404, "alias_not_found")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"targets": []}, "targets", id="no-target"),
        pytest.param({"targets": ["mock"] * 9}, "targets", id="too-many-targets"),
        pytest.param({"targets": ["mock", "nobody/x"]}, "targets[1]", id="unknown-provider"),
        pytest.param({"targets": ["mock/\0"]}, "targets[0]", id="nul"),
        pytest.param({"targets": "mock"}, "targets", id="no-list"),
        pytest.param({"targets": [7]}, "targets.0", id="number"),
        pytest.param({"targets": None}, "targets", id="null"),
        pytest.param({}, "targets", id="nothing"),
        pytest.param({"targets": ["mock"], "target": "x"}, "target", id="misspelt-field"),
        pytest.param([], "", id="list"),
        pytest.param(b'{"targets": ["\\ud800"]}', "targets[0]", id="half-a-character"),
        pytest.param(b"{nonsense", "1", id="no-json"),
        pytest.param(b"", "", id="no-body"),
        pytest.param(b'{"targets": ' + b"[" * 5000 + b"]" * 5000 + b"}", None, id="deep"),
    ],
)
async def test_body_that_makes_no_alias_is_refused(tenant: Resident, body: Any, param: str | None) -> None:
    reply = await tenant.ask("PUT", "/api/model-aliases/fast", body)

    assert (reply.status, reply.json["error"]["code"]) == (400, "invalid_request")
    if param is not None:
        assert reply.json["error"]["param"] == param
    assert await names(tenant) == []


async def test_alias_that_is_not_there_cannot_be_deleted(tenant: Resident) -> None:
    reply = await tenant.ask("DELETE", "/api/model-aliases/fast")

    assert (reply.status, reply.json["error"]["code"]) == (404, "alias_not_found")
    assert reply.json["error"]["type"] == "not_found_error"


async def test_key_that_may_not_write_is_told_the_scope(tenant: Resident) -> None:
    scopes = SCOPES - {"admin", "config:write"}

    reply = await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": ["mock"]}, scopes=scopes)

    assert (reply.status, reply.json["error"]["code"]) == (403, "permission_denied")
    assert "config:write" in reply.json["error"]["message"]


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PATCH", "/fast"), ("GET", "/fast")])
async def test_other_methods_are_no_way_in(tenant: Resident, method: str, path: str) -> None:
    reply = await tenant.ask(method, f"/api/model-aliases{path}", {"targets": ["mock"]})

    assert (reply.status, reply.json["error"]["code"]) == (405, "method_not_allowed")


def test_answers_and_errors_are_described() -> None:
    document = description()
    operation = document["paths"]["/api/model-aliases/{name}"]["put"]

    described = {
        status: answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for status, answer in operation["responses"].items()
    }

    assert described == {
        "200": "ModelAlias",
        "401": "FaultReport",
        "403": "FaultReport",
        "4XX": "FaultReport",
    }
    assert set(document["components"]["schemas"]["ModelAlias"]["properties"]) == {
        "name",
        "targets",
        "updated_at",
        "updated_by",
    }


async def test_what_became_of_an_alias_stands_in_the_audit_log(tenant: Resident) -> None:
    path = "/api/model-aliases/fast"
    await tenant.ask("PUT", path, {"targets": ["mock/a"]}, headers={"x-request-id": "request-1"})
    await tenant.ask("PUT", path, {"targets": ["mock/b"]}, headers={"x-request-id": "request-2"})
    await tenant.ask("DELETE", path, headers={"x-request-id": "request-3"})
    await tenant.ask("DELETE", path)

    entries = (await tenant.ask("GET", "/api/audit-log?thing=alias")).json["entries"]

    told = [
        (entry["request_id"], entry["action"], entry["thing_id"], entry["before"], entry["after"])
        for entry in sorted(entries, key=lambda entry: entry["request_id"])
    ]
    assert told == [
        ("request-1", "alias.set", "fast", None, {"targets": ["mock/a"]}),
        ("request-2", "alias.set", "fast", {"targets": ["mock/a"]}, {"targets": ["mock/b"]}),
        ("request-3", "alias.deleted", "fast", {"targets": ["mock/b"]}, None),
    ]
