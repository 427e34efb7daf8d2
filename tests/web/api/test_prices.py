"""A tenant's own prices over HTTP."""

from typing import Any

import pytest

from tests.support.house import House, Resident

PRICE = {"input": "0.10", "output": "0.50"}
NO_ZONE = {"valid_from": "2027-01-01T00:00:00"}


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def test_price_is_set_listed_and_deleted(tenant: Resident) -> None:
    path = "/api/prices/fireworks/accounts/fireworks/models/kimi-k3"
    made = await tenant.ask(
        "PUT", path, {**PRICE, "cached": "0.01", "valid_from": "2027-01-01T00:00:00+01:00"}
    )
    listed = await tenant.ask("GET", "/api/prices")
    deleted = await tenant.ask("DELETE", path)
    again = await tenant.ask("DELETE", path)

    assert made.status == 200
    assert made.json | {"updated_at": "", "updated_by": ""} == {
        "provider": "fireworks",
        "model": "accounts/fireworks/models/kimi-k3",
        "input": "0.1",
        "output": "0.5",
        "cached": "0.01",
        "cache_write": None,
        "per_call": "0",
        "currency": "USD",
        "valid_from": "2026-12-31T23:00:00Z",
        "updated_at": "",
        "updated_by": "",
    }
    assert made.json["updated_by"].startswith("key:ak_")
    assert listed.json == {"prices": [made.json]}
    assert (deleted.status, deleted.body) == (204, b"")
    assert (again.status, again.json["error"]["code"]) == (404, "price_not_found")


async def test_one_of_several_prices_is_deleted_by_its_beginning(tenant: Resident) -> None:
    for year in (2026, 2027):
        body = {**PRICE, "valid_from": f"{year}-01-01T00:00:00Z"}
        assert (await tenant.ask("PUT", "/api/prices/openai/gpt-6*", body)).status == 200

    await tenant.ask("DELETE", "/api/prices/openai/gpt-6*?valid_from=2027-01-01T00:00:00Z")

    (left,) = (await tenant.ask("GET", "/api/prices")).json["prices"]
    assert left["valid_from"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        pytest.param("openai/m", {}, "invalid_request", "input", id="nothing"),
        pytest.param("openai/m", {**PRICE, "input": 1}, "invalid_request", "input", id="number"),
        pytest.param("openai/m", {**PRICE, "input": "-1"}, "invalid_price", "input", id="negative"),
        pytest.param("openai/m", {**PRICE, "cached": "free"}, "invalid_price", "cached", id="word"),
        pytest.param("openai/m", {**PRICE, "currency": "EUR"}, "invalid_request", "currency", id="field"),
        pytest.param("openai/m", PRICE | NO_ZONE, "invalid_price", "valid_from", id="no-zone"),
        pytest.param("openai/g*t", PRICE, "invalid_price", "model", id="star-in-the-middle"),
        pytest.param("nobody/m", PRICE, "invalid_price", "provider", id="unknown-provider"),
    ],
)  # fmt: skip
async def test_price_that_makes_no_sense_is_refused(
    tenant: Resident, path: str, body: Any, code: str, param: str
) -> None:
    reply = await tenant.ask("PUT", f"/api/prices/{path}", body)

    assert (reply.status, reply.json["error"]["code"]) == (400, code)
    assert reply.json["error"]["param"] == param
    assert (await tenant.ask("GET", "/api/prices")).json == {"prices": []}
