"""A name whose model was shut down still answers, or says why not."""

import pytest

from officium.core.gateway import AliasStore, ModelService, ProviderAccess
from officium.core.gateway.errors import ProviderNotConfigured
from officium.core.llm.errors import ModelRetired
from officium.core.llm.providers import PROVIDERS
from officium.core.tenancy import Caller
from officium.kit.database import Database
from tests.support.clock import HandClock
from tests.support.gateway import CALLER, CONTEXT, GatewayBench, NoAliases, a_request
from tests.support.tenancy import Tenancy

ACCESS = {
    "openai": ProviderAccess(
        base_url="https://api.openai.com/v1", api_key="sk-o", default_model="gpt-3.5-turbo"
    ),
    "groq": ProviderAccess(base_url="https://proxy.test/v1", api_key="sk-g", default_model="llama3-70b"),
}


def a_service(policy, store: object = None, access=ACCESS) -> ModelService:
    return ModelService(access, store or NoAliases(), HandClock(), retired=policy)


@pytest.mark.parametrize(
    ("name", "deployment"),
    [
        pytest.param("gpt-4", "openai/gpt-6.1-sol", id="bare-name"),
        pytest.param("openai/gpt-4-0613", "openai/gpt-6.1-sol", id="snapshot"),
        pytest.param("openai", "openai/gpt-6-luna", id="default-of-the-provider"),
        pytest.param("openai/gpt-4o", "openai/gpt-4o", id="only-deprecated"),
        pytest.param("groq/llama3-70b", "groq/llama3-70b", id="behind-an-address-of-ours"),
    ],
)
async def test_name_is_answered_by(name: str, deployment: str) -> None:
    (found,) = await a_service("successor").resolve(CALLER, name)

    assert found.name == deployment


async def test_whole_and_streamed_answers_say_who_answers_instead_and_why() -> None:
    bench = GatewayBench(access=ACCESS)

    answer = await bench.service.complete(CALLER, a_request("gpt-4"), CONTEXT)
    stream = await bench.service.open_stream(CALLER, a_request("gpt-4", stream=True), CONTEXT)
    await stream.aclose()

    assert answer.deployment.model == "gpt-6.1-sol"
    assert any("gpt-4 was shut down on 2026-10-23" in note for note in answer.completion.notes)
    assert any("gpt-4 was shut down on 2026-10-23" in note for note in stream.notes)
    assert {(record.requested_model, record.model) for record in bench.records} == {("gpt-4", "gpt-6.1-sol")}


async def test_deprecated_model_answers_with_a_note_of_its_last_day() -> None:
    bench = GatewayBench(access=ACCESS)

    answer = await bench.service.complete(CALLER, a_request("gpt-4o"), CONTEXT)

    assert answer.deployment.model == "gpt-4o"
    assert any("will be shut down on 2027-01-14" in note for note in answer.completion.notes)


async def test_retired_name_is_refused_where_that_is_the_policy() -> None:
    service = a_service("refuse")

    with pytest.raises(ModelRetired, match=r"gpt-6\.1-sol"):
        await service.resolve(CALLER, "gpt-4")
    assert (await service.resolve(CALLER, "gpt-4o"))[0].model == "gpt-4o"


async def test_retired_name_is_asked_all_the_same_where_that_is_the_policy() -> None:
    (found,) = await a_service("try").resolve(CALLER, "gpt-4")

    assert found.model == "gpt-4"
    assert "was asked all the same" in found.notes[0]


async def test_fallback_passes_over_what_is_refused(sqlite_database: Database) -> None:
    tenant = await Tenancy(sqlite_database).a_tenant()
    caller = Caller(tenant.id, "key:ak_1", frozenset({"inference", "config:write"}))
    service = a_service("refuse", AliasStore(sqlite_database))
    await service.set_alias(caller, "fast", ["openai/gpt-4", "openai/gpt-6-luna"])
    await service.set_alias(caller, "gone", ["openai/gpt-4"])

    found = await service.resolve(caller, "fast")

    assert [deployment.model for deployment in found] == ["gpt-6-luna"]
    with pytest.raises(ModelRetired):
        await service.resolve(caller, "gone")


async def test_name_without_its_provider_is_found_where_one_provider_alone_knows_it() -> None:
    known = a_service(
        "try", access={"groq": ProviderAccess(base_url=PROVIDERS["groq"].base_url, api_key="k")}
    )

    (found,) = await known.resolve(CALLER, "mixtral-8x7b-32768")

    assert found.name == "groq/mixtral-8x7b-32768"
    assert "was shut down on 2025-03-20" in found.notes[0]


@pytest.mark.parametrize(
    "name", ["mixtral-8x7b-32768", "llama3-70b", "gemini-pro", "claude/claude-3-haiku-20240307"]
)
async def test_missing_key_does_not_hide_that_the_model_is_gone(name: str) -> None:
    with pytest.raises(ProviderNotConfigured, match=r"not configured.* shut down (on|by) 202\d.* Use "):
        await a_service("successor", access={}).resolve(CALLER, name)
