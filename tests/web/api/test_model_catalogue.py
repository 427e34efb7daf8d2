"""What is known of models, over HTTP."""

from typing import Any

from tests.support.house import House


def _by_id(models: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {model["id"]: model for model in models}


async def test_catalogue_says_until_when_a_model_is_served_and_what_it_costs(house: House) -> None:
    tenant = await house.resident("Acme")
    await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": ["openai/gpt-4o"]})
    await tenant.ask("PUT", "/api/prices/openai/gpt-4o", {"input": "1", "output": "2", "per_call": "0.001"})

    models = _by_id((await tenant.ask("GET", "/api/models")).json["models"])

    known = models["openai/gpt-4o"]
    assert known["ends"] == "2027-01-14"
    assert known["successor"] == "gpt-6-luna" if known["state"] != "active" else None
    assert known["abilities"] == ["images", "json_schema", "text", "tools"]
    assert known["used_by"] == ["alias fast"]
    assert known["price"] == {
        "source": "tenant",
        "currency": "USD",
        "per_call": "0.001",
        "steps": [{"above_input_tokens": 0, "input": "1", "cached": "1", "cache_write": "1", "output": "2"}],
    }
    assert [step["above_input_tokens"] for step in models["openai/gpt-6-luna"]["price"]["steps"]] == [
        0,
        272_000,
    ]


async def test_catalogue_is_filtered_by_provider_and_state(house: House) -> None:
    tenant = await house.resident("Acme")

    groq = (await tenant.ask("GET", "/api/models?provider=groq")).json["models"]
    gone = (await tenant.ask("GET", "/api/models?provider=groq&state=retired")).json["models"]
    wrong = await tenant.ask("GET", "/api/models?state=dead")

    assert {model["provider"] for model in groq} == {"groq"}
    assert {model["state"] for model in gone} == {"retired"}
    assert 0 < len(gone) < len(groq)
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "state")
