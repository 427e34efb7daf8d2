"""Who may use which models, over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.house import Resident, open_house

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def tenant(tmp_path: Path) -> AsyncIterator[Resident]:
    async with open_house(tmp_path) as house:
        yield await house.resident("Acme")


async def test_policy_is_set_shown_and_lifted(tenant: Resident) -> None:
    made = await tenant.ask("PUT", "/api/model-policies/tenant", {"allowed": ["claude/*", "mock/*"]})
    listed = await tenant.ask("GET", "/api/model-policies")
    lifted = await tenant.ask("DELETE", "/api/model-policies/tenant")
    again = await tenant.ask("DELETE", "/api/model-policies/tenant")

    assert made.status == 200
    assert made.json["allowed"] == ["anthropic/*", "mock/*"]
    assert made.json["updated_by"].startswith("key:")
    assert listed.json == {"policies": [made.json]}
    assert (lifted.status, again.status) == (204, 404)
    assert again.json["error"]["code"] == "model_policy_not_found"


async def test_change_of_a_policy_stands_in_the_audit_log(tenant: Resident) -> None:
    for allowed in (["groq/*"], ["mock/*"]):
        await tenant.ask(
            "PUT", "/api/model-policies/tenant", {"allowed": allowed}, headers={"x-request-id": "req-7"}
        )
    await tenant.ask("DELETE", "/api/model-policies/tenant")

    entries = (await tenant.ask("GET", "/api/audit-log?thing=model_policy")).json["entries"]

    assert [(entry["action"], entry["before"], entry["after"]) for entry in entries] == [
        ("model_policy.deleted", {"allowed": ["mock/*"]}, None),
        ("model_policy.set", {"allowed": ["groq/*"]}, {"allowed": ["mock/*"]}),
        ("model_policy.set", None, {"allowed": ["groq/*"]}),
    ]
    assert entries[1]["request_id"] == "req-7"


async def test_model_that_is_not_allowed_is_refused_and_not_listed(tenant: Resident) -> None:
    await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": ["mock/small"]})
    await tenant.ask("PUT", "/api/model-policies/tenant", {"allowed": ["mock/large-*"]})

    asked = {
        model: await tenant.ask("POST", "/v1/chat/completions", {**HELLO, "model": model})
        for model in ("mock/large-1", "mock/small", "fast", "default")
    }
    counted = await tenant.ask("POST", "/v1/messages/count_tokens", {**HELLO, "model": "fast"})
    listed = [model["id"] for model in (await tenant.ask("GET", "/v1/models")).json["data"]]

    assert asked["mock/large-1"].status == 200
    for model in ("mock/small", "fast", "default"):
        assert (asked[model].status, asked[model].json["error"]["code"]) == (403, "model_not_allowed")
    assert counted.status == 403
    assert "fast" not in listed
    assert all(id.startswith("mock/large-") for id in listed)


async def test_policy_of_a_key_holds_for_it_alone(tenant: Resident) -> None:
    key = await tenant.key("inference")
    caller = await tenant.house.parts.authenticator.authenticate(key)
    await tenant.ask("PUT", f"/api/model-policies/key:{caller.key_id}", {"allowed": []})

    limited = await tenant.ask("POST", "/v1/chat/completions", HELLO, scopes=("inference",))
    free = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    assert (limited.status, free.status) == (403, 200)


@pytest.mark.parametrize(
    ("subject", "body", "param"),
    [
        pytest.param("tenant", {"allowed": ["gpt-4o"]}, "allowed[0]", id="no provider"),
        pytest.param("tenant", {"allowed": ["groq/*"] * 201}, "allowed", id="too many"),
        pytest.param("everyone", {"allowed": []}, "subject", id="nobody"),
        pytest.param("tenant", {}, "allowed", id="nothing said"),
        pytest.param("tenant", {"allowed": [], "denied": []}, "denied", id="unknown field"),
    ],
)
async def test_policy_that_makes_no_sense_is_refused(
    tenant: Resident, subject: str, body: object, param: str
) -> None:
    reply = await tenant.ask("PUT", f"/api/model-policies/{subject}", body)

    assert (reply.status, reply.json["error"]["param"]) == (400, param)


async def test_what_the_operator_allows_is_shown_and_not_changed(tenant: Resident) -> None:
    reply = await tenant.ask("PUT", "/api/model-policies/operator", {"allowed": ["*"]})

    assert reply.status == 403
