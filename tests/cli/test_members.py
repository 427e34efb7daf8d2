"""member create, for people of one client."""

import asyncio

import pytest

from officium.core.tenancy import operator_of
from officium.main import build_parts, running
from officium.settings import load_settings
from tests.cli.conftest import Run


def make_client(name: str, tenant: str | None = None) -> int:
    """A client of the tenant; its id."""

    async def work() -> int:
        parts = build_parts(load_settings())
        async with running(parts):
            known = await parts.tenancy.list_tenants(operator_of(""))
            (of,) = [each for each in known if each.external_id == tenant]
            return (await parts.clients.create_client(operator_of(of.id), name)).id

    return asyncio.run(work())


@pytest.mark.parametrize("by", ["id", "name", "name-in-other-letters"])
def test_person_of_a_client_is_bound_to_it(run: Run, installed: dict[str, str], by: str):
    client = make_client("Bakery Schmidt")
    make_client("Bakery Schmidt and Sons")
    reference = {"id": client, "name": "Bakery Schmidt", "name-in-other-letters": "bakery schmidt"}[by]

    made = run("member", "create", "ada@example.com", "--role", "client", "--client", reference, "--json")

    assert made.json["role"] == "client"
    assert made.json["client_id"] == client
    assert made.json["password"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--role", "client"], "needs the client it is for", id="client-role-alone"),
        pytest.param(["--role", "viewer", "--client", "Bakery"], "and no other", id="another-role"),
        pytest.param(["--role", "client", "--client", "Baker"], "no client 'Baker'", id="part-of-a-name"),
        pytest.param(["--role", "client", "--client", "999999"], "no client '999999'", id="no-such-id"),
        pytest.param(["--role", "client", "--client", "9" * 40], "no client", id="no-id-at-all"),
        pytest.param(["--role", "client", "--client", ""], "no client ''", id="nothing"),
    ],
)
def test_client_and_role_must_fit(run: Run, installed: dict[str, str], arguments: list[str], sentence: str):
    make_client("Bakery")

    outcome = run("member", "create", "ada@example.com", *arguments)

    assert outcome.status == 1
    assert sentence in outcome.err
    assert [member["role"] for member in run("member", "list", "--json").json] == ["owner"]


def test_clients_of_one_name_are_told_apart_by_their_ids(run: Run, installed: dict[str, str]):
    first, second = make_client("Bakery"), make_client("Bakery")

    outcome = run("member", "create", "ada@example.com", "--role", "client", "--client", "Bakery")

    assert outcome.status == 1
    assert f"{first}, {second}" in outcome.err


def test_member_who_is_nobody_at_a_provider_cannot_be_disconnected(run: Run, installed: dict[str, str]):
    run("member", "create", "ada@example.com")

    outcome = run("member", "disconnect", "ada@example.com")

    assert outcome.status == 1
    assert "not connected" in outcome.err


def test_client_of_another_tenant_is_not_found(run: Run, installed: dict[str, str]):
    run("tenant", "create", "Other", "--external-id", "org_2")
    client = make_client("Bakery", "org_2")
    (mine,) = [each["id"] for each in run("tenant", "list", "--json").json if each["name"] != "Other"]

    for reference in (client, "Bakery"):
        outcome = run(
            "member", "create", "ada@example.com", "--role", "client", "--client", reference, "--tenant", mine
        )

        assert outcome.status == 1
        assert "no client" in outcome.err
